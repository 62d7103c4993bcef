//! Lends out TCP ports of this machine, each to one lease at a time.

wit_bindgen::generate!({ path: "../../wit", world: "plugin" });

use drydock::blueprint::types::{
    Access, Acquisition, Allocation, Blueprint, Context, Entry, Failure, Handout, Needs, Obstacles, Outcome, Place,
    Progress, Refusal, Request, Resource, Slot,
};
use drydock::blueprint::view;
use exports::drydock::blueprint::{lifecycle, planning};

struct Ports;
export!(Ports);

impl planning::Guest for Ports {
    fn describe() -> planning::Descriptor {
        planning::Descriptor {
            name: "ports".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            kind: "port".into(),
            config_schema: r#"{
                "type": "object", "additionalProperties": false, "required": ["first", "last"],
                "properties": {
                    "first": { "type": "integer", "minimum": 1, "maximum": 65535 },
                    "last": { "type": "integer", "minimum": 1, "maximum": 65535 }
                }
            }"#
            .into(),
            // A request says nothing more than that it wants a port.
            request_schema: r#"{ "type": "object", "additionalProperties": false }"#.into(),
            resource_schema: r#"{ "type": "object", "required": ["port"] }"#.into(),
            // Nothing has to be done outside, so nothing has to be granted either.
            steps: planning::Steps::empty(),
            asks: vec![],
            may_lease: vec![],
        }
    }

    /// Could this blueprint ever serve this request?
    fn consider(b: Blueprint, r: Request) -> Result<Needs, Refusal> {
        if ports(&b).is_empty() {
            return Err(Refusal::Never("its `last` is below its `first`, so it has no ports".into()));
        }
        if let Some(label) = r.labels.first() {
            return Err(Refusal::Never(format!("ports have no labels, and {} is asked for", label.key)));
        }
        Ok(Needs { labels: vec![], share: 1 })
    }

    /// What could be made for it now, best first?
    fn allocate(b: Blueprint, _: Request) -> Result<Vec<Allocation>, Refusal> {
        let mut ports = ports(&b);
        // Another order for every decision, so that many who ask at once don't all want the same.
        let start = b.seed % ports.len().max(1) as u64;
        ports.rotate_left(start as usize);
        let taken = view::taken(&ports.iter().map(slot).collect::<Vec<_>>());
        ports.retain(|port| !taken.contains(&slot(port)));
        if ports.is_empty() {
            let reason = "every port is lent".into();
            return Err(Refusal::Full(Obstacles { slots: taken, resources: vec![], reason }));
        }
        ports.truncate(16);
        Ok(ports.iter().map(allocation).collect())
    }

    /// How would it use this one?
    fn acquire(_: Blueprint, on: Resource, _: Request) -> Result<Acquisition, Refusal> {
        let attributes: serde_json::Value =
            serde_json::from_str(&on.attributes).map_err(|error| Refusal::Never(error.to_string()))?;
        let port = Entry { name: "PORT".into(), value: attributes["port"].to_string() };
        let handout = Handout { access: Access::None, directory: None, environment: vec![port], url: None };
        // Ready: the lease is active at once, and there is nothing to clean up after it.
        Ok(Acquisition { slots: vec![], share: 1, ready: Some(handout) })
    }
}

/// The configured ports. The host has checked the config against the schema.
fn ports(b: &Blueprint) -> Vec<u64> {
    let config: serde_json::Value = serde_json::from_str(&b.config).unwrap_or_default();
    match (config["first"].as_u64(), config["last"].as_u64()) {
        (Some(first), Some(last)) => (first..=last).collect(),
        _ => vec![],
    }
}

/// The resource holds it as long as it exists, so that no port is lent twice.
fn slot(port: &u64) -> String {
    format!("port/{port}")
}

fn allocation(port: &u64) -> Allocation {
    Allocation {
        name: port.to_string(),
        attributes: serde_json::json!({ "port": port }).to_string(),
        labels: vec![],
        slots: vec![Slot::Named(slot(port))],
        limit: None,
        expected: None,
    }
}

/// `describe` names no steps, so none of these is ever called.
impl lifecycle::Guest for Ports {
    fn open(_: Context, _: Blueprint, _: Resource) -> Result<Progress, Failure> {
        Ok(done())
    }

    fn activate(_: Context, _: Blueprint, _: Resource, _: Place) -> Result<Progress, Failure> {
        Ok(done())
    }

    fn release(_: Context, _: Blueprint, _: Resource, _: Place) -> Result<Progress, Failure> {
        Ok(done())
    }

    fn close(_: Context, _: Blueprint, _: Resource) -> Result<Progress, Failure> {
        Ok(done())
    }
}

fn done() -> Progress {
    Progress::Done(Outcome { state: None, attributes: None, handout: None })
}
