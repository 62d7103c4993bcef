//! Rules of a configuration that are about several keys at once: for the schema, and as sentences.

use crate::config::{Config, Host, System};
use drydock_sdk::serde_json::{Value, json};
use std::collections::BTreeSet;

/// Paths that are absolute, by platform. What is reserved on Windows is in no name there.
const POSIX: &str = r"^/[^\u0000-\u001f]{0,1023}$";
const WINDOWS: &str = r#"^[A-Za-z]:\\[^\u0000-\u001f<>:"/|?*]{0,255}$"#;

/// What a host's keys demand of each other, as an `allOf` of its schema.
pub fn of_hosts() -> Value {
    let platform =
        |names: &[&str]| json!({ "properties": { "platform": { "enum": names } }, "required": ["platform"] });
    json!([
        {
            "if": { "properties": { "local": { "const": true } }, "required": ["local"] },
            "then": { "properties": { "address": false, "port": false, "user": false, "credential": false } },
            "else": { "required": ["user", "credential"] }
        },
        {
            "if": platform(&["windows", "other"]),
            "else": { "properties": { "path": { "pattern": POSIX } } }
        },
        {
            "if": platform(&["windows"]),
            "then": {
                "properties": { "path": { "if": { "pattern": WINDOWS }, "else": false } },
                "dependentSchemas": { "path": { "properties": { "shares": { "maximum": 1 } } } }
            }
        },
        { "if": platform(&["other"]), "then": { "properties": { "path": false } } }
    ])
}

/// Labels of resources have these names; the prefix is for those that every host gets.
pub fn of_label_keys() -> Value {
    json!({ "pattern": "^[A-Za-z0-9._/-]{1,63}$", "not": { "pattern": "^preallocated/" } })
}

/// What is wrong with a configuration, in a sentence that names the host and the key.
pub fn check(config: &Config) -> Result<(), String> {
    let mut names = BTreeSet::new();
    for host in &config.hosts {
        if !names.insert(&host.name) {
            return Err(format!("it lists the host {} twice; names must differ", host.name));
        }
        check_path(host).map_err(|why| format!("the host {}: {why}", host.name))?;
    }
    Ok(())
}

fn check_path(host: &Host) -> Result<(), String> {
    let Some(path) = &host.path else { return Ok(()) };
    let drive = path.as_bytes().first().is_some_and(u8::is_ascii_alphabetic) && path[1..].starts_with(r":\");
    match host.platform {
        System::Posix if !path.starts_with('/') => {
            Err(format!("its `path`, {path}, is none of a POSIX system, which begins with /; correct it or its `platform`"))
        }
        System::Windows if !drive => Err(format!(
            r"its `path`, {path}, is none of Windows, which begins with a drive, as C:\ does; correct it or its `platform`"
        )),
        System::Windows if host.shares.is_some_and(|shares| shares > 1) => Err(
            "its `shares` can only be 1: no directory can be made for each lease on Windows, so one lease at a time gets \
             `path` itself"
                .to_owned(),
        ),
        System::Other => Err("its `path` can't be given: nothing can be made on its `platform`".to_owned()),
        System::Posix | System::Windows => Ok(()),
    }
}
