//! Which hosts can serve a request.

use crate::config::{Config, Host, System, Wanted};
use crate::contract::types::{Label, Request};
use std::collections::BTreeSet;

/// Labels that every resource gets beside the configured ones, so that the host finds resources for requests that name a
/// host or a platform without asking us about each.
const HOST_LABEL: &str = "preallocated/host";
const PLATFORM_LABEL: &str = "preallocated/platform";

/// One thing that a request demands of a host.
pub enum Demand {
    Name(String),
    Platform(System),
    Label(Label),
}

pub fn demands(request: &Request) -> Result<Vec<Demand>, String> {
    let wanted: Wanted = serde_json::from_str(&request.attributes).map_err(|e| format!("the attributes: {e}"))?;
    let name = wanted.host.map(Demand::Name);
    let platform = wanted.platform.map(Demand::Platform);
    let labels = request.labels.iter().cloned().map(Demand::Label);
    Ok(name.into_iter().chain(platform).chain(labels).collect())
}

impl Demand {
    pub fn is_met_by(&self, host: &Host) -> bool {
        match self {
            Demand::Name(name) => host.name == *name,
            Demand::Platform(platform) => host.platform == *platform,
            Demand::Label(label) => match label.key.as_str() {
                HOST_LABEL => host.name == label.value,
                PLATFORM_LABEL => host.platform.name() == label.value,
                key => host.labels.get(key) == Some(&label.value),
            },
        }
    }

    /// The label that a resource carries if it meets this.
    pub fn label(&self) -> Label {
        match self {
            Demand::Name(name) => label(HOST_LABEL, name),
            Demand::Platform(platform) => label(PLATFORM_LABEL, platform.name()),
            Demand::Label(label) => label.clone(),
        }
    }

    /// As part of a sentence about a host that does not meet it.
    pub fn describe(&self) -> String {
        match self {
            Demand::Name(name) => format!("the name {name}"),
            Demand::Platform(platform) => format!("the platform {}", platform.name()),
            Demand::Label(label) => format!("the label {}={}", label.key, label.value),
        }
    }
}

/// The labels of a resource that is made of this host.
pub fn labels(host: &Host) -> Vec<Label> {
    let own = [label(HOST_LABEL, &host.name), label(PLATFORM_LABEL, host.platform.name())];
    own.into_iter().chain(host.labels.iter().map(|(key, value)| label(key, value))).collect()
}

fn label(key: &str, value: &str) -> Label {
    Label { key: key.to_owned(), value: value.to_owned() }
}

/// Reads the configuration; the error says what the schema can't.
pub fn configured(config: &str) -> Result<Config, String> {
    let config: Config = serde_json::from_str(config).map_err(|error| format!("the configuration: {error}"))?;
    let mut names = BTreeSet::new();
    match config.hosts.iter().find(|host| !names.insert(&host.name)) {
        Some(twice) => Err(format!("the configuration lists the host {} twice; names must differ", twice.name)),
        None => Ok(config),
    }
}

/// Those that meet every demand, or why there are none.
pub fn matching<'a>(config: &'a Config, demands: &[Demand]) -> Result<Vec<&'a Host>, String> {
    let meets_all = |host: &&Host| demands.iter().all(|demand| demand.is_met_by(host));
    let hosts: Vec<&Host> = config.hosts.iter().filter(meets_all).collect();
    if !hosts.is_empty() {
        return Ok(hosts);
    }
    if config.hosts.is_empty() {
        return Err("no host is configured".to_owned());
    }
    let unmet = demands.iter().filter(|demand| !config.hosts.iter().any(|host| demand.is_met_by(host)));
    let unmet: Vec<String> = unmet.map(Demand::describe).collect();
    if unmet.is_empty() {
        let all: Vec<String> = demands.iter().map(Demand::describe).collect();
        Err(format!("no configured host has all of these at once: {}", all.join(", ")))
    } else {
        Err(format!("no configured host has {}", unmet.join(", nor ")))
    }
}
