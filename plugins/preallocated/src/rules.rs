//! Rules of a configuration that are about several keys at once: for the schema, and as sentences.

use crate::config::Config;
use drydock_sdk::directory::System;
use drydock_sdk::serde_json::{Value, json};
use std::collections::BTreeSet;

/// What a host's keys demand of each other, as an `allOf` of its schema.
pub fn of_hosts() -> Value {
    let mut rules = System::rules();
    rules.push(json!({
        "if": { "properties": { "local": { "const": true } }, "required": ["local"] },
        "then": { "properties": { "address": false, "port": false, "user": false, "credential": false } },
        "else": { "required": ["user", "credential"] }
    }));
    rules.into()
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
        let checked = host.platform.check(host.path.as_deref(), host.shares);
        checked.map_err(|why| format!("the host {}: {why}", host.name))?;
    }
    Ok(())
}
