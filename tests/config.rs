//! What is wrong with a configuration is said with file and line, the value's name, and what would be right.
//!
//! Each case is a file in `config/` with the error it must give beside it, as `.txt`. A missing or empty `.txt` means
//! that the file must be accepted.

use drydock::config::{Config, Document, StoreConfig};
use drydock_runtime::credentials::{Credential, KeyPlace};
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/config")
}

/// As if the file were in the working directory, so that no path of this machine is in the error.
fn parse(name: &str) -> Result<Config, String> {
    let text = std::fs::read_to_string(folder().join(name)).unwrap();
    Config::parse(Document::new(Path::new(name), text)).map_err(|error| error.to_string())
}

#[test]
fn every_file_gives_its_error() {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".toml"))
        .collect();
    names.sort();
    assert!(names.len() > 20, "only {names:?}");
    let mut wrong = Vec::new();
    for name in names {
        let expected = std::fs::read_to_string(folder().join(&name).with_extension("txt")).unwrap_or_default();
        let found = match parse(&name) {
            Ok(_) => String::new(),
            Err(error) => error,
        };
        if found.trim() != expected.trim() {
            wrong.push(format!("{name}\n  expected: {}\n  found:    {found}", expected.trim()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_missing_file_is_named() {
    let error = Config::read(Path::new("nowhere/drydock.toml")).unwrap_err().to_string();
    assert!(error.starts_with("nowhere/drydock.toml: the configuration can't be read: "), "{error}");
}

#[test]
fn paths_start_beside_the_file() {
    let text = "store = \"state/a.db\"\nsocket = \"s\"\n[credentials.farm]\nprivate_key = \"keys/farm\"\n";
    let config = Config::parse(Document::new(Path::new("etc/drydock.toml"), text.into())).unwrap();
    assert_eq!(config.store, StoreConfig::Sqlite("etc/state/a.db".into()));
    assert_eq!(config.socket, PathBuf::from("etc/s"));
    let Credential::Ssh(farm) = &config.credentials["farm"] else { panic!("it is a key for SSH") };
    assert_eq!(farm.private_key, KeyPlace::File("etc/keys/farm".into()));
}

#[test]
fn a_password_is_not_shown() {
    let text = "store = \"postgres://drydock:secret@db/leases?password=secret\"\n";
    let config = Config::parse(Document::new(Path::new("drydock.toml"), text.into())).unwrap();
    assert_eq!(config.store.shown(), "postgres://drydock@db/leases");
}
