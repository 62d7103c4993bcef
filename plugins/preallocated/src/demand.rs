//! Which hosts can serve a request.

use crate::Preallocated;
use crate::config::{Config, Host};
use drydock_sdk::directory::System;
use drydock_sdk::{Labels, Request};

/// Labels that every resource gets beside the configured ones, so that Drydock finds resources for requests that name a
/// host or a platform without asking about each.
const HOST_LABEL: &str = "preallocated/host";
const PLATFORM_LABEL: &str = "preallocated/platform";

/// One thing that a request demands of a host.
pub enum Demand {
    Name(String),
    Platform(System),
    Label(String, String),
}

pub fn demands(request: &Request<Preallocated>) -> Vec<Demand> {
    let name = request.attributes.host.clone().map(Demand::Name);
    let platform = request.attributes.platform.map(Demand::Platform);
    let labels = request.labels.iter().map(|(key, value)| Demand::Label(key.clone(), value.clone()));
    name.into_iter().chain(platform).chain(labels).collect()
}

impl Demand {
    pub fn is_met_by(&self, labels: &Labels) -> bool {
        let (key, value) = self.label();
        labels.get(&key) == Some(&value)
    }

    /// The label that a resource carries if it meets this.
    pub fn label(&self) -> (String, String) {
        match self {
            Demand::Name(name) => (HOST_LABEL.to_owned(), name.clone()),
            Demand::Platform(platform) => (PLATFORM_LABEL.to_owned(), platform.name().to_owned()),
            Demand::Label(key, value) => (key.clone(), value.clone()),
        }
    }

    /// As part of a sentence about a host that does not meet it.
    pub fn describe(&self) -> String {
        match self {
            Demand::Name(name) => format!("the name {name}"),
            Demand::Platform(platform) => format!("the platform {}", platform.name()),
            Demand::Label(key, value) => format!("the label {key}={value}"),
        }
    }
}

/// The labels of a resource that is made of this host.
pub fn labels(host: &Host) -> Labels {
    let own = [Demand::Name(host.name.clone()), Demand::Platform(host.platform)];
    let own = own.iter().map(Demand::label);
    own.chain(host.labels.iter().map(|(key, value)| (key.clone(), value.clone()))).collect()
}

/// Those that meet every demand, or why there are none.
pub fn matching<'a>(config: &'a Config, demands: &[Demand]) -> Result<Vec<&'a Host>, String> {
    let all: Vec<(&Host, Labels)> = config.hosts.iter().map(|host| (host, labels(host))).collect();
    let meets_all = |labels: &Labels| demands.iter().all(|demand| demand.is_met_by(labels));
    let hosts: Vec<&Host> = all.iter().filter(|(_, labels)| meets_all(labels)).map(|(host, _)| *host).collect();
    if !hosts.is_empty() {
        return Ok(hosts);
    }
    if all.is_empty() {
        return Err("no host is configured".to_owned());
    }
    let unmet = demands.iter().filter(|demand| !all.iter().any(|(_, labels)| demand.is_met_by(labels)));
    let unmet: Vec<String> = unmet.map(Demand::describe).collect();
    if unmet.is_empty() {
        let all: Vec<String> = demands.iter().map(Demand::describe).collect();
        Err(format!("no configured host has all of these at once: {}", all.join(", ")))
    } else {
        Err(format!("no configured host has {}", unmet.join(", nor ")))
    }
}
