//! A native plugin: shelves with numbered places. A lease gets this machine and a directory, without any call.

use async_trait::async_trait;
use drydock_core::contract::{
    Access, Acquisition, Allocation, Blame, BlueprintArg, Descriptor, Failure, Handout, Needs, Next, Progress, Refusal,
    Request, ResourceArg, Slot, StepOutcome, Steps,
};
use drydock_core::plugin::{Fault, Plugin, StepCall, View};
use serde_json::Value;
use std::collections::BTreeMap;

pub struct Shelf {
    descriptor: Descriptor,
}

impl Shelf {
    pub fn new() -> Shelf {
        let request = r#"{
            "type": "object",
            "properties": {
                "a": true,
                "b": { "type": "integer", "minimum": 1 },
                "c": { "type": "string" },
                "d": { "type": "array", "items": { "type": "object" } }
            },
            "additionalProperties": false
        }"#;
        Shelf {
            descriptor: Descriptor {
                name: "shelf".into(),
                version: "1".into(),
                kind: "shelf".into(),
                config_schema: "true".into(),
                request_schema: request.into(),
                resource_schema: "true".into(),
                steps: Steps::NONE,
                ..Descriptor::default()
            },
        }
    }
}

impl Shelf {
    /// One that can't be closed.
    pub fn stuck() -> Shelf {
        let descriptor = Descriptor { steps: Steps { close: true, ..Steps::NONE }, ..Shelf::new().descriptor };
        Shelf { descriptor }
    }
}

fn config(b: &BlueprintArg) -> Value {
    serde_json::from_str(&b.config).unwrap()
}

#[async_trait]
impl Plugin for Shelf {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn digest(&self) -> &str {
        "shelf-1"
    }

    async fn consider(&self, b: &BlueprintArg, r: &Request) -> Result<Result<Needs, Refusal>, Fault> {
        let attributes: Value = serde_json::from_str(&r.attributes).unwrap();
        if attributes["c"] == "never" {
            return Ok(Err(Refusal::Never(format!("{} has nothing like that", b.name))));
        }
        Ok(Ok(Needs { labels: BTreeMap::new(), share: 1 }))
    }

    async fn allocate(
        &self,
        b: &BlueprintArg,
        _: &Request,
        view: &dyn View,
    ) -> Result<Result<Vec<Allocation>, Refusal>, Fault> {
        let places = config(b)["places"].as_u64().unwrap();
        let keys: Vec<String> = (0..places).map(|place| format!("place/{place}")).collect();
        let taken = view.taken(keys.clone()).await;
        Ok(match keys.iter().find(|key| !taken.contains(key)) {
            None => Err(Refusal::Full { slots: keys, resources: Vec::new(), reason: "every place is taken".into() }),
            Some(key) => Ok(vec![Allocation {
                name: key.clone(),
                attributes: "{}".into(),
                slots: vec![Slot::Named(key.clone())],
                ..Allocation::default()
            }]),
        })
    }

    async fn acquire(
        &self,
        b: &BlueprintArg,
        _: &ResourceArg,
        _: &Request,
        _: &dyn View,
    ) -> Result<Result<Acquisition, Refusal>, Fault> {
        let ready = Handout {
            access: Access::Local,
            directory: config(b)["directory"].as_str().map(str::to_string),
            environment: BTreeMap::from([("SHELF".to_string(), b.name.clone())]),
            url: None,
        };
        Ok(Ok(Acquisition { slots: Vec::new(), share: 1, ready: Some(ready) }))
    }

    async fn act(&self, _: StepCall) -> Result<Result<Progress, Failure>, Fault> {
        if self.descriptor.steps.close {
            let reason = "the door is stuck".to_string();
            return Ok(Err(Failure { blame: Blame::Provider, next: Next::BackOff, reason, after: None }));
        }
        Ok(Ok(Progress::Done(StepOutcome::default())))
    }
}
