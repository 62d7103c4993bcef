//! Every key of the configuration, with its default and its meaning, as the types of the configuration say it.

use super::file::File;
use documented::DocumentedFields;
use drydock_core::config::{BlueprintConfig, OwnerConfig, WarmConfig};
use drydock_runtime::credentials::CredentialConfig;
use serde::Serialize;

/// The keys of one table of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    /// As it is written in the file; empty for what is above every table.
    pub name: &'static str,
    pub keys: Vec<Key>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Key {
    pub name: &'static str,
    /// For people; none for one that is required.
    pub default: Option<String>,
    pub meaning: String,
}

/// Every table, in the order in which they are explained.
pub fn reference() -> Vec<Table> {
    vec![
        table::<File>(""),
        table::<OwnerConfig>("[owner.NAME]"),
        table::<CredentialConfig>("[credentials.NAME]"),
        table::<BlueprintConfig>("[[blueprint]]"),
        table::<WarmConfig>("[blueprint.warm]"),
    ]
}

fn table<T: DocumentedFields>(name: &'static str) -> Table {
    let keys = T::FIELD_NAMES.iter().zip(T::FIELD_DOCS).map(|(name, doc)| key(name, doc));
    Table { name, keys: keys.collect() }
}

/// What a field's documentation says: its last sentence is that of the default.
fn key(name: &'static str, doc: &str) -> Key {
    let text = doc.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text.strip_suffix('.').unwrap_or(&text);
    match text.rsplit_once(" Default: ") {
        Some((meaning, default)) => {
            let meaning = meaning.strip_suffix('.').unwrap_or(meaning).to_owned();
            Key { name, default: Some(default.to_owned()), meaning }
        }
        None => Key { name, default: None, meaning: text.to_owned() },
    }
}

/// A table of Markdown with its keys.
pub fn markdown(table: &Table) -> String {
    let rows = table.keys.iter().map(|key| {
        let default = key.default.as_deref().unwrap_or("required");
        format!("| `{}` | {default} | {} |\n", key.name, key.meaning.replace('|', "\\|"))
    });
    "| key | default | meaning |\n|---|---|---|\n".to_owned() + &rows.collect::<String>()
}
