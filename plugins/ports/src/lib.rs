//! Lends out TCP ports of this machine, each to one lease at a time.

use drydock_sdk::serde::{Deserialize, Serialize};
use drydock_sdk::{
    Access, Acquisition, Allocation, Blueprint, Handout, JsonSchema, Needs, Plugin, Refusal, Request, Resource, Slot,
    Steps, view,
};

struct Ports;
drydock_sdk::export!(Ports);

/// What an operator writes into `[blueprint.config]`. The host checks it against the schema of this very type.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "drydock_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "drydock_sdk::schemars")]
struct Config {
    #[schemars(range(min = 1))]
    first: u16,
    #[schemars(range(min = 1))]
    last: u16,
}

/// A request says nothing more than that it wants a port.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "drydock_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "drydock_sdk::schemars")]
struct Nothing {}

/// What is known of a port that is lent.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(crate = "drydock_sdk::serde")]
#[schemars(crate = "drydock_sdk::schemars")]
struct Port {
    port: u16,
}

impl Plugin for Ports {
    const NAME: &str = "ports";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const KIND: &str = "port";
    // Nothing has to be done outside, so no step is called, and nothing has to be granted.
    const STEPS: Steps = Steps::NONE;
    type Config = Config;
    type Request = Nothing;
    type Attributes = Port;

    fn check_config(config: &Config) -> Result<(), String> {
        if config.last < config.first {
            return Err(format!("its `last`, {}, is below its `first`, {}", config.last, config.first));
        }
        Ok(())
    }

    /// Could this blueprint ever serve this request?
    fn consider(_: &Blueprint<Ports>, r: &Request<Ports>) -> Result<Needs, Refusal> {
        match r.labels.keys().next() {
            Some(label) => Err(Refusal::never(format!("ports have no labels, and {label} is asked for"))),
            None => Ok(Needs::default()),
        }
    }

    /// What could be made for it now, best first?
    fn allocate(b: &Blueprint<Ports>, _: &Request<Ports>) -> Result<Vec<Allocation<Ports>>, Refusal> {
        let mut ports: Vec<u16> = (b.config.first..=b.config.last).collect();
        // Another order for every decision, so that many who ask at once don't all want the same.
        b.chance().shuffle(&mut ports);
        let taken = view::taken(&ports.iter().map(slot).collect::<Vec<_>>());
        ports.retain(|port| !taken.contains(&slot(port)));
        if ports.is_empty() {
            return Err(Refusal::full(taken, "every port is lent"));
        }
        // The resource holds the slot as long as it exists, so that no port is lent twice.
        let allocation =
            |port: &u16| Allocation::new(port.to_string(), Port { port: *port }).slot(Slot::named(slot(port)));
        Ok(ports.iter().take(16).map(allocation).collect())
    }

    /// How would it use this one?
    fn acquire(_: &Blueprint<Ports>, on: &Resource<Ports>, _: &Request<Ports>) -> Result<Acquisition, Refusal> {
        // Ready: the lease is active at once, and there is nothing to clean up after it.
        let port = on.attributes.port.to_string();
        Ok(Acquisition::ready(Handout::new(Access::None).variable("PORT", port)))
    }
}

fn slot(port: &u16) -> String {
    format!("port/{port}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use drydock_sdk::{Labels, fake, serde_json::json};

    /// Port 7001 is somebody's.
    struct Taken;

    impl fake::Outside for Taken {
        fn taken(&mut self, keys: &[String]) -> Vec<String> {
            keys.iter().filter(|key| *key == "port/7001").cloned().collect()
        }
    }

    #[test]
    fn a_port_that_is_lent_is_not_proposed() {
        let b = fake::blueprint::<Ports>(json!({ "first": 7001, "last": 7002 }));
        let (_, answer) = fake::with(Taken, || Ports::allocate(&b, &fake::request(json!({}), Labels::new())));
        let ports: Vec<u16> = answer.unwrap_or_default().iter().map(|one| one.attributes.port).collect();
        assert_eq!(ports, [7002]);
    }
}
