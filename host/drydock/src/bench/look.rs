//! What a look at a large pool and a plan from it cost, for orientation.

use super::Options;
use super::process;
use super::rows::Row;
use std::path::Path;

pub async fn measure(options: &Options, _folder: &Path) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    if options.wants("memory")
        && let Some((now, most)) = process::memory()
    {
        rows.push(Row::new("memory at the end", now, "MB"));
        rows.push(Row::new("memory at most", most, "MB"));
    }
    Ok(rows)
}
