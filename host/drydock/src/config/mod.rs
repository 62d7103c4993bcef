//! The daemon's configuration: a TOML file.
//!
//! - `blueprints`: the rules for `[[blueprint]]`
//! - `check`: the rules for everything else
//! - `defaults`: where things are when the file does not say
//! - `document`: the file's text, and which line a value is on
//! - `error`: what is wrong, where, and what would be right
//! - `file`: the file's keys as they are written
//! - `reference`: the same for people, with defaults and meanings

mod blueprints;
mod check;
mod defaults;
mod document;
mod error;
mod file;
mod reference;

pub use blueprints::GRANTS;
pub use defaults::{default_cache, default_socket};
pub use document::{Document, Segment, shown};
pub use error::ConfigError;
pub use reference::{Key, Table, markdown, reference};

use drydock_core::config::{BlueprintConfig, Order};
use drydock_runtime::credentials::Credentials;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A configuration that was read and checked. All paths are absolute, or relative to the working directory as the
/// file's own path is.
#[derive(Clone, Debug)]
pub struct Config {
    pub store: StoreConfig,
    /// Where the daemon listens.
    pub socket: PathBuf,
    /// Folders with plugins; the first that has a file of a name wins.
    pub plugins: Vec<PathBuf>,
    /// The node's name.
    pub node: String,
    /// How long running steps may take to end when the daemon stops.
    pub stop_grace: Duration,
    /// How long the client of a tied lease may take to connect, after it has asked or the daemon was started.
    pub hold_grace: Duration,
    /// How long what has ended is kept.
    pub keep_finished: Duration,
    /// Who comes first, and how much an owner may have.
    pub order: Order,
    pub credentials: Credentials,
    /// In the order of the file.
    pub blueprints: Vec<BlueprintConfig>,
    /// For the lines of what is found wrong later.
    pub document: Document,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreConfig {
    Sqlite(PathBuf),
    /// A URL.
    Postgres(String),
}

impl Config {
    /// Reads and checks the file. Plugins are not looked at: what their schemas say is checked when they are loaded.
    pub fn read(path: &Path) -> Result<Config, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|e| ConfigError::unreadable(path, &e))?;
        Config::parse(Document::new(path, text))
    }

    pub fn parse(document: Document) -> Result<Config, ConfigError> {
        let file = file::File::parse(&document)?;
        check::check(file, document)
    }

    /// The blueprint's table in the file, for messages about its `config`.
    pub fn blueprint_path(&self, name: &str) -> Vec<Segment> {
        let index = self.blueprints.iter().position(|b| b.name == name).unwrap_or_default();
        vec![Segment::Key("blueprint".into()), Segment::Index(index)]
    }
}

impl StoreConfig {
    /// For people: a URL loses its password.
    pub fn shown(&self) -> String {
        match self {
            StoreConfig::Sqlite(path) => path.display().to_string(),
            StoreConfig::Postgres(url) => without_password(url),
        }
    }
}

fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_string() };
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let authority = match authority.rsplit_once('@') {
        Some((login, host)) => format!("{}@{host}", login.split(':').next().unwrap_or_default()),
        None => authority.to_string(),
    };
    // Parameters may carry a password too.
    format!("{scheme}://{authority}{}", path.split('?').next().unwrap_or_default())
}
