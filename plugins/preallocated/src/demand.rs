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
    /// The key and the value of the label that a resource carries if it meets this.
    fn pair(&self) -> (&str, &str) {
        match self {
            Demand::Name(name) => (HOST_LABEL, name),
            Demand::Platform(platform) => (PLATFORM_LABEL, platform.name()),
            Demand::Label(key, value) => (key, value),
        }
    }

    pub fn label(&self) -> (String, String) {
        let (key, value) = self.pair();
        (key.to_owned(), value.to_owned())
    }

    pub fn is_met_by(&self, labels: &Labels) -> bool {
        let (key, value) = self.pair();
        labels.get(key).is_some_and(|has| has == value)
    }

    /// Whether a resource that is made of that host meets it.
    fn is_met_by_host(&self, host: &Host) -> bool {
        match self.pair() {
            (HOST_LABEL, name) => host.name == name,
            (PLATFORM_LABEL, platform) => host.platform.name() == platform,
            _ => self.is_met_by(&host.labels),
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
    let meets_all = |host: &&Host| demands.iter().all(|demand| demand.is_met_by_host(host));
    let hosts: Vec<&Host> = config.hosts.iter().filter(meets_all).collect();
    if !hosts.is_empty() {
        return Ok(hosts);
    }
    if config.hosts.is_empty() {
        return Err("no host is configured".to_owned());
    }
    let unmet = demands.iter().filter(|demand| !config.hosts.iter().any(|host| demand.is_met_by_host(host)));
    let unmet: Vec<String> = unmet.map(Demand::describe).collect();
    if unmet.is_empty() {
        let all: Vec<String> = demands.iter().map(Demand::describe).collect();
        Err(format!("no configured host has all of these at once: {}", all.join(", ")))
    } else {
        Err(format!("no configured host has {}", unmet.join(", nor ")))
    }
}
