//! The file's keys as they are written.

use super::document::{Document, Segment};
use super::error::ConfigError;
use crate::sentence;
use documented::DocumentedFields;
use drydock_core::config::{BlueprintConfig, OwnerConfig};
use drydock_runtime::credentials::CredentialConfig;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Deserialize, DocumentedFields)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// The path of an SQLite file, or a `postgres://` URL. One daemon at a time may have an SQLite file: a second one
    /// is refused, and told the first one's process. Default: `$XDG_STATE_HOME/drydock/drydock.db`, without that
    /// variable below `~/.local/state`.
    pub store: Option<String>,
    /// Where clients connect; at most 107 bytes. Only the daemon's own user can. `--socket` and `DRYDOCK_SOCKET` come
    /// before it, for the daemon and for its clients, which know nothing of the file and look at the same default.
    /// Default: `$XDG_RUNTIME_DIR/drydock.sock`, without that variable `/tmp/drydock-<uid>.sock`.
    pub socket: Option<String>,
    /// Folders with `.wasm` files; the first that has one of the name wins, before what comes with the program.
    /// Default: none.
    #[serde(default)]
    pub plugins: Vec<String>,
    /// The daemon's name in the log: 1 to 63 characters of `a-z A-Z 0-9 . _ -`. Default: the machine's name.
    pub node: Option<String>,
    /// Seconds that running steps and commands may take to end when the daemon stops; 0 to 3,600. What does not end is
    /// repeated after the next start. Default: 10.
    #[serde(default = "ten")]
    pub stop_grace: u64,
    /// Seconds that the client of a lease that ends with its client may take to connect after it has asked, or after
    /// the daemon was started again; 1 to 3,600. Default: 30.
    #[serde(default = "thirty")]
    pub hold_grace: u64,
    /// Seconds for which leases and resources are kept after their end, with their part of the log; 60 to 315,360,000.
    /// After that they are gone for `leases --all`, `show` and `log`, within a minute when little is to be done. What
    /// is alive keeps its whole log, what left something behind is kept until that is cleared, and a lease with a
    /// `--key` at least as long as the key finds it: a day. Default: 604,800 (a week).
    #[serde(default = "a_week")]
    pub keep_finished: u64,
    /// Seconds of head start that one step of a request's `--priority` is worth: one of priority 2 comes before what
    /// was asked less than two of them earlier; 1 to 86,400. All wait at the same rate, so nobody waits for ever.
    /// Default: 60.
    #[serde(default = "sixty")]
    pub ageing: u32,
    /// Seconds that each request of an owner comes after the one before it that still waits for the same type; 0 to
    /// 86,400. So a crowd does not come before everybody else: before the first request of an owner at most 1 + w / T
    /// of each other owner are served, T being that owner's seconds and w for how long its first one has waited by
    /// then. What does not wait any more counts for nothing, a set for as many as it has. Default: 0 (off).
    #[serde(default)]
    pub fair_share: u32,
    /// What owners may have that have no table of their own: `[every_owner]`, see below. Default: none.
    #[serde(default)]
    pub every_owner: OwnerConfig,
    /// What owners may have: `[owner.NAME]`, see below; for each key, an owner's own table comes first. Default: none.
    #[serde(default)]
    pub owner: BTreeMap<String, OwnerConfig>,
    /// What the daemon uses in a plugin's stead: `[credentials.NAME]`, see below. Default: none.
    #[serde(default)]
    pub credentials: BTreeMap<String, CredentialConfig>,
    /// One for each use of a plugin: `[[blueprint]]`, see below. Default: none.
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
