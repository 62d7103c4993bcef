//! Arguments for calls of plugins.

use drydock_core::contract::{BlueprintArg, Context, PlaceArg, Request, ResourceArg, ResourceStatusArg};
use drydock_core::plugin::{Step, StepCall, View};
use std::collections::BTreeMap;

pub fn blueprint(config: serde_json::Value) -> BlueprintArg {
    BlueprintArg {
        name: "trial".into(),
        config: config.to_string(),
        revision: 1,
        installation: "here".into(),
        now: 1_800_000_000_123,
        seed: 7,
    }
}

pub fn request(attributes: serde_json::Value, labels: &[(&str, &str)]) -> Request {
    Request {
        kind: "host".into(),
        attributes: attributes.to_string(),
        labels: labels.iter().map(|&(key, value)| (key.into(), value.into())).collect(),
        ..Request::default()
    }
}

pub fn resource(attributes: &str) -> ResourceArg {
    ResourceArg {
        id: "r1".into(),
        name: "one".into(),
        status: ResourceStatusArg::Active,
        attributes: attributes.into(),
        labels: BTreeMap::new(),
        slots: Vec::new(),
        used: 0,
        limit: 1,
        state: None,
    }
}

pub fn place(id: &str) -> PlaceArg {
    PlaceArg {
        id: id.into(),
        lease: "l1".into(),
        owner: "alice".into(),
        attributes: "{}".into(),
        slots: Vec::new(),
        state: None,
    }
}

/// A step with all that is asked for granted, and half a minute for it.
pub fn step(step: Step, blueprint: &BlueprintArg, resource: &ResourceArg, place: Option<PlaceArg>) -> StepCall {
    StepCall {
        step,
        context: Context {
            key: "k1".into(),
            epoch: 1,
            attempt: 0,
            deadline: 30_000,
            ending: None,
            leftovers: Vec::new(),
        },
        blueprint: blueprint.clone(),
        resource: resource.clone(),
        place,
        grants: vec!["commands:local".into(), "commands:ssh".into()],
        leases: None,
    }
}

/// A world in which these named slots have an owner.
pub struct Taken(pub Vec<String>);

#[async_trait::async_trait]
impl View for Taken {
    async fn taken(&self, keys: Vec<String>) -> Vec<String> {
        keys.into_iter().filter(|key| self.0.contains(key)).collect()
    }

    async fn used(&self, key: String) -> u32 {
        self.0.iter().filter(|taken| **taken == key).count() as u32
    }
}
