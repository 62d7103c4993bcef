//! Rules of a configuration that are about several keys at once: for the schema, and as sentences.

use crate::config::Config;
use crate::listing;
use drydock_sdk::directory::System;
use drydock_sdk::serde_json::{Value, json};
use std::collections::BTreeSet;

/// What a configuration's keys demand of each other, as an `allOf` of its schema.
pub fn of_configurations() -> Value {
    let mut rules = System::rules();
    rules.push(json!({
        "if": { "required": ["conduit"] },
        "then": { "properties": { "services": false } },
        "else": { "required": ["services"] }
    }));
    rules.into()
}

/// What is wrong with a configuration, in a sentence that names the key.
pub fn check(config: &Config) -> Result<(), String> {
    config.platform.check(config.path.as_deref(), config.shares)?;
    match (&config.services, &config.conduit) {
        (Some(_), Some(_)) => return Err("it has both `services` and `conduit`: leave one of them out".to_owned()),
        (None, None) => return Err("it has neither `services` nor `conduit`: add one of them".to_owned()),
        _ => {}
    }
    let mut names = BTreeSet::new();
    let services = config.services.as_deref().unwrap_or_default();
    if let Some(twice) = services.iter().find(|service| !names.insert(&service.name)) {
        return Err(format!("its `services` has {} twice; names must differ", twice.name));
    }
    let mut slots = BTreeSet::new();
    let bindings = services.iter().flat_map(|service| service.bindings.iter().map(move |binding| (service, binding)));
    for (service, binding) in bindings {
        if !slots.insert(listing::slot(service, binding)) {
            return Err(format!(
                "its `services` has the device {} in {} twice at the same address and port; leave one out",
                binding.device.name, service.name
            ));
        }
    }
    Ok(())
}
