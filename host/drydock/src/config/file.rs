//! The file's keys as they are written.

use super::document::{Document, Segment};
use super::error::ConfigError;
use crate::sentence;
use drydock_core::config::{BlueprintConfig, OwnerConfig};
use drydock_runtime::commands::Credentials;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Path of the SQLite file, or a `postgres://` URL. Default: `$XDG_STATE_HOME/drydock/drydock.db`.
    pub store: Option<String>,
    /// Path of the socket. Default: `$XDG_RUNTIME_DIR/drydock.sock`, or `/tmp/drydock-<uid>.sock`.
    pub socket: Option<String>,
    /// Folders with plugins. Default: none, only what the program brings.
    #[serde(default)]
    pub plugins: Vec<String>,
    /// The node's name: 1 to 63 characters of `a-z A-Z 0-9 . _ -`. Default: the machine's name.
    pub node: Option<String>,
    /// Seconds that running steps may take to end when the daemon stops. 0 to 3,600. Default: 10.
    #[serde(default = "ten")]
    pub stop_grace: u64,
    /// Seconds that a daemon waits for the client of a tied lease that has not connected to it yet. 1 to 3,600.
    /// Default: 30.
    #[serde(default = "thirty")]
    pub hold_grace: u64,
    /// Seconds for which what has ended is kept, counted from its end. 60 to 315,360,000. Default: 604,800, a week.
    #[serde(default = "a_week")]
    pub keep_finished: u64,
    /// Seconds of head start that one step of a request's priority is worth. 1 to 86,400. Default: 60.
    #[serde(default = "sixty")]
    pub ageing: u32,
    /// What holds for owners without a table of their own.
    #[serde(default)]
    pub every_owner: OwnerConfig,
    /// By the owner's name: each key comes before that of `every_owner`.
    #[serde(default)]
    pub owner: BTreeMap<String, OwnerConfig>,
    /// By name.
    #[serde(default)]
    pub credentials: Credentials,
    #[serde(default)]
    pub blueprint: Vec<BlueprintConfig>,
}

fn ten() -> u64 {
    10
}

fn sixty() -> u32 {
    60
}

fn thirty() -> u64 {
    30
}

fn a_week() -> u64 {
    604_800
}

impl File {
    pub fn parse(document: &Document) -> Result<File, ConfigError> {
        let deserializer = toml::Deserializer::parse(&document.text).map_err(|e| syntax(document, &e))?;
        if let Some(path) = document.not_json() {
            let problem = "dates, times, inf and nan can't be used here; write it as a string";
            return Err(ConfigError::at(document, &path, problem));
        }
        serde_path_to_error::deserialize(deserializer).map_err(|e| {
            let path = segments(e.path());
            let line = e.inner().span().map(|span| document.line_at(span.start));
            let line = line.or_else(|| document.line_of(&path));
            ConfigError::on(document, line, &path, sentence::of_serde(e.inner().message(), "key"))
        })
    }
}

fn syntax(document: &Document, error: &toml::de::Error) -> ConfigError {
    let line = error.span().map(|span| document.line_at(span.start));
    ConfigError::on(document, line, &[], format!("this is no TOML: {}", sentence::printable(error.message())))
}

fn segments(path: &serde_path_to_error::Path) -> Vec<Segment> {
    use serde_path_to_error::Segment as Of;
    path.iter()
        .filter_map(|segment| match segment {
            Of::Seq { index } => Some(Segment::Index(*index)),
            Of::Map { key } => Some(Segment::Key(key.clone())),
            Of::Enum { variant } => Some(Segment::Key(variant.clone())),
            Of::Unknown => None,
        })
        .collect()
}
