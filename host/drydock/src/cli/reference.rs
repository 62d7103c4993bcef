//! `reference`: the configuration's keys.

use super::args::ReferenceArgs;
use super::output::{print, print_json, table, width};
use crate::config::reference as tables;
use crate::exit::{self, Exit};

pub fn reference(args: &ReferenceArgs) -> Result<u8, Exit> {
    if args.json {
        print_json(&tables())?;
        return Ok(exit::OK);
    }
    let mut page = String::new();
    for of in tables() {
        if !of.name.is_empty() {
            page += &format!("\n{}\n\n", of.name);
        }
        let rows: Vec<Vec<String>> = of
            .keys
            .into_iter()
            .map(|key| vec![key.name.to_owned(), key.default.unwrap_or_else(|| "required".to_owned()), key.meaning])
            .collect();
        page += &table(&["KEY", "DEFAULT", "MEANING"], &rows, width());
    }
    print(&page)?;
    Ok(exit::OK)
}
