//! Which requests these instances can serve: they are all alike, so it is their labels that decide.

use crate::Ec2;
use crate::config::Config;
use drydock_sdk::directory::System;
use drydock_sdk::serde_json::{Value, json};
use drydock_sdk::{Labels, Request};

/// How the labels begin that every resource gets beside the configured ones, so that Drydock finds resources for requests
/// that name a platform without asking about each.
pub const OWN: &str = "ec2/";
const PLATFORM: &str = "ec2/platform";
const TYPE: &str = "ec2/type";

/// Labels of the configuration have these names, for a JSON Schema.
pub fn of_keys() -> Value {
    json!({ "pattern": "^[A-Za-z0-9._/-]{1,63}$", "not": { "pattern": format!("^{OWN}") } })
}

fn platform(system: System) -> (String, String) {
    (PLATFORM.to_owned(), system.name().to_owned())
}

/// What a resource carries that is made by this configuration.
pub fn made(config: &Config) -> Labels {
    let own = [platform(config.platform), (TYPE.to_owned(), config.instance_type.clone())];
    own.into_iter().chain(config.labels.clone()).collect()
}

/// What a resource must carry for this request.
pub fn needed(request: &Request<Ec2>) -> Labels {
    let wanted = request.attributes.platform.map(platform);
    wanted.into_iter().chain(request.labels.clone()).collect()
}

/// The first of the labels that are needed and not there, as part of a sentence.
pub fn missing(needed: &Labels, has: &Labels) -> Option<String> {
    let (key, value) = needed.iter().find(|(key, value)| has.get(*key) != Some(value))?;
    Some(match key.as_str() {
        PLATFORM => format!("the platform {value}"),
        _ => format!("the label {key}={value}"),
    })
}
