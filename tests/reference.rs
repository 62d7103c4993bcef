//! The README's reference of the configuration is what the types of the configuration say of themselves. It is written anew
//! with `DRYDOCK_WRITE_REFERENCE=1`.

use drydock::config::{Key, markdown, reference};
use drydock_core::config::BlueprintConfig;
use std::collections::BTreeMap;

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
const END: &str = "<!-- end -->";

/// The README with every table of keys as the types have it.
fn renewed(readme: &str) -> String {
    let mut text = readme.to_owned();
    for table in reference() {
        let name = if table.name.is_empty() { "the file" } else { table.name };
        let begin = format!("<!-- keys of {name} -->\n");
        let from = text.find(&begin).unwrap_or_else(|| panic!("the README has no {begin:?}")) + begin.len();
        let to = from + text[from..].find(END).expect("a table ends");
        text.replace_range(from..to, &markdown(&table));
    }
    text
}

#[test]
fn the_readme_has_every_key_as_the_types_have_it() {
    let readme = std::fs::read_to_string(README).unwrap();
    let renewed = renewed(&readme);
    if std::env::var_os("DRYDOCK_WRITE_REFERENCE").is_some() {
        std::fs::write(README, &renewed).unwrap();
    }
    let other: Vec<&str> = renewed.lines().filter(|line| !readme.lines().any(|known| known == *line)).collect();
    assert!(readme == renewed, "DRYDOCK_WRITE_REFERENCE=1 writes these lines:\n{}", other.join("\n"));
}

/// A default as it is said, as the value that it stands for: with its separators, quotes and remarks taken off.
fn value(said: &str) -> serde_json::Value {
    let bare = said.trim_matches('`').split(" (").next().unwrap_or_default().replace(',', "");
    match bare.as_str() {
        "none" | "never" | "no limit" => serde_json::Value::Null,
        bare => serde_json::from_str(bare).unwrap_or(serde_json::Value::Null),
    }
}

#[test]
fn what_is_said_of_a_default_is_the_default() {
    let default = serde_json::to_value(BlueprintConfig::new("x", "y")).unwrap();
    let tables: BTreeMap<&str, Vec<Key>> = reference().into_iter().map(|table| (table.name, table.keys)).collect();
    for key in &tables["[[blueprint]]"] {
        let Some(said) = &key.default else {
            assert!(["name", "plugin"].contains(&key.name), "{key:?} says nothing of its default");
            continue;
        };
        let is = default.get(key.name).cloned().unwrap_or_default();
        let empty = is.as_array().is_some_and(Vec::is_empty) || key.name == "warm";
        assert!(value(said) == is || empty && said == "none", "{}: {said} is said, and it is {is}", key.name);
    }
    for key in tables.values().flatten() {
        assert!(key.meaning.len() > 20 && !key.meaning.ends_with('.'), "{key:?}");
    }
}
