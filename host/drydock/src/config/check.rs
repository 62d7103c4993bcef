//! The rules for everything but blueprints.

use super::document::{Document, Segment};
use super::error::ConfigError;
use super::file::File;
use super::{Config, StoreConfig, blueprints, defaults};
use drydock_core::config::{Order, OwnerConfig};
use drydock_runtime::credentials::{CredentialConfig, Credentials};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// What the kernel takes as a socket's path, in bytes.
const SOCKET_PATH_LIMIT: usize = 107;

pub fn check(file: File, document: Document) -> Result<Config, ConfigError> {
    let node = file.node.unwrap_or_else(defaults::default_node);
    if !is_node_name(&node) {
        let problem = format!("{node:?} is no name of a node; it is 1 to 63 characters of a-z A-Z 0-9 . _ -");
        return Err(at(&document, "node", problem));
    }
    if file.stop_grace > 3600 {
        let problem = format!("{} is out of range; it is 0 to 3600 seconds", file.stop_grace);
        return Err(at(&document, "stop_grace", problem));
    }
    if !(1..=3600).contains(&file.hold_grace) {
        let problem = format!("{} is out of range; it is 1 to 3600 seconds", file.hold_grace);
        return Err(at(&document, "hold_grace", problem));
    }
    if !(60..=315_360_000).contains(&file.keep_finished) {
        let problem = format!("{} is out of range; it is 60 to 315360000 seconds", file.keep_finished);
        return Err(at(&document, "keep_finished", problem));
    }
    let mut plugins = Vec::new();
    for (index, folder) in file.plugins.iter().enumerate() {
        let path = document.resolve(folder);
        if !path.is_dir() {
            let problem = format!("there is no folder {}; make it, or take it out of the list", path.display());
            let place = [Segment::Key("plugins".into()), Segment::Index(index)];
            return Err(ConfigError::at(&document, &place, problem));
        }
        plugins.push(path);
    }
    blueprints::check(&file.blueprint, &document)?;
    Ok(Config {
        store: store(file.store, &document)?,
        socket: socket(file.socket, &document)?,
        plugins,
        node,
        stop_grace: Duration::from_secs(file.stop_grace),
        hold_grace: Duration::from_secs(file.hold_grace),
        keep_finished: Duration::from_secs(file.keep_finished),
        order: order(
            Order {
                ageing: file.ageing,
                fair_share: file.fair_share,
                every_owner: file.every_owner,
                owners: file.owner,
            },
            &document,
        )?,
        credentials: credentials(file.credentials, &document)?,
        blueprints: file.blueprint,
        document,
    })
}

pub fn is_node_name(name: &str) -> bool {
    is_name(name, |c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

/// 1 to 63 of the given characters.
pub fn is_name(name: &str, of: impl Fn(char) -> bool) -> bool {
    (1..=63).contains(&name.len()) && name.chars().all(of)
}

fn at(document: &Document, key: &str, problem: impl std::fmt::Display) -> ConfigError {
    ConfigError::at(document, &[Segment::Key(key.into())], problem)
}

fn store(store: Option<String>, document: &Document) -> Result<StoreConfig, ConfigError> {
    let Some(store) = store else {
        return defaults::default_store().map(StoreConfig::Sqlite).ok_or_else(|| {
            at(document, "store", "neither XDG_STATE_HOME nor HOME is set, so there is no default; name a file")
        });
    };
    match store.split_once("://") {
        Some(("postgres" | "postgresql", _)) => Ok(StoreConfig::Postgres(store)),
        Some((scheme, _)) => {
            let problem =
                format!("there is no store {scheme:?}; it is the path of an SQLite file, or a postgres:// URL");
            Err(at(document, "store", problem))
        }
        None if store.is_empty() => Err(at(document, "store", "it is empty; name a file, or leave it out")),
        None => Ok(StoreConfig::Sqlite(document.resolve(&store))),
    }
}

fn socket(socket: Option<String>, document: &Document) -> Result<PathBuf, ConfigError> {
    let path = match socket {
        None => defaults::default_socket(),
        Some(path) if path.is_empty() => {
            return Err(at(document, "socket", "it is empty; name a file, or leave it out"));
        }
        Some(path) => document.resolve(&path),
    };
    let length = path.as_os_str().len();
    if length > SOCKET_PATH_LIMIT {
        let problem = format!(
            "{} is {length} bytes long, and a socket's path can have {SOCKET_PATH_LIMIT}; choose a shorter one",
            path.display()
        );
        return Err(at(document, "socket", problem));
    }
    Ok(path)
}

fn order(order: Order, document: &Document) -> Result<Order, ConfigError> {
    for (key, value, least) in [("ageing", order.ageing, 1), ("fair_share", order.fair_share, 0)] {
        if !(least..=86_400).contains(&value) {
            let problem = format!("{value} is out of range; it is {least} to 86400 seconds");
            return Err(at(document, key, problem));
        }
    }
    limits(&order.every_owner, &[Segment::Key("every_owner".into())], document)?;
    for (name, owner) in &order.owners {
        let table = [Segment::Key("owner".into()), Segment::Key(name.clone())];
        if !(1..=255).contains(&name.len()) || name.chars().any(char::is_control) {
            let problem = format!("{name:?} is no owner; it is 1 to 255 bytes without control characters");
            return Err(ConfigError::at(document, &table, problem));
        }
        limits(owner, &table, document)?;
    }
    Ok(order)
}

/// One owner's table.
fn limits(owner: &OwnerConfig, table: &[Segment], document: &Document) -> Result<(), ConfigError> {
    let of = |key: &str| [table, &[Segment::Key(key.into())]].concat();
    if let Some(most) = owner.max_leases
        && !(1..=1_000_000).contains(&most)
    {
        let problem = format!("{most} is out of range; it is 1 to 1000000");
        return Err(ConfigError::at(document, &of("max_leases"), problem));
    }
    if let Some(weight) = owner.weight
        && !(1..=1_000).contains(&weight)
    {
        let problem = format!("{weight} is out of range; it is 1 to 1000");
        return Err(ConfigError::at(document, &of("weight"), problem));
    }
    if let Some(most) = owner.max_priority
        && !(-1_000..=1_000).contains(&most)
    {
        let problem = format!("{most} is out of range; it is -1000 to 1000");
        return Err(ConfigError::at(document, &of("max_priority"), problem));
    }
    Ok(())
}

fn credentials(
    credentials: BTreeMap<String, CredentialConfig>,
    document: &Document,
) -> Result<Credentials, ConfigError> {
    credentials
        .into_iter()
        .map(|(name, mut credential)| {
            let place = [Segment::Key("credentials".into()), Segment::Key(name.clone())];
            if !is_node_name(&name) {
                let problem = format!("{name:?} is no name; it is 1 to 63 characters of a-z A-Z 0-9 . _ -");
                return Err(ConfigError::at(document, &place, problem));
            }
            for path in credential.paths_mut() {
                *path = document.resolve(&path.to_string_lossy());
            }
            let credential = credential.check().map_err(|problem| ConfigError::at(document, &place, problem))?;
            Ok((name, credential))
        })
        .collect()
}
