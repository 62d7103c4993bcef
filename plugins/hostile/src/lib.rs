//! Misbehaves in every way that a test asks for. Its config says how, by function:
//! `{ "consider": "spin", "open": "panic" }`; a function that it does not name behaves.

mod misbehaviour;

use contract::exports::drydock::blueprint::lifecycle;
use contract::exports::drydock::blueprint::planning::{self, Descriptor, Permission, Steps};
use contract::types::{
    Access, Acquisition, Allocation, Blueprint, Context, Failure, Handout, Needs, Outcome, Place, Progress, Refusal,
    Request, Resource,
};
use std::collections::BTreeMap;

/// The contract, generated from `wit/`.
mod contract {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "plugin",
        pub_export_macro: true,
    });
    pub use drydock::blueprint::{commands, files, jobs, log, types, view};
}

struct Hostile;

contract::export!(Hostile with_types_in contract);

/// How this call should misbehave.
fn how(b: &Blueprint, function: &str) -> String {
    let config: BTreeMap<String, String> = serde_json::from_str(&b.config).unwrap_or_default();
    config.get(function).cloned().unwrap_or_default()
}

impl planning::Guest for Hostile {
    fn describe() -> Descriptor {
        let any = r#"{ "type": "object", "additionalProperties": { "type": "string" } }"#;
        Descriptor {
            name: "hostile".to_owned(),
            version: "1".to_owned(),
            kind: "trouble".to_owned(),
            config_schema: any.to_owned(),
            request_schema: any.to_owned(),
            resource_schema: any.to_owned(),
            steps: Steps::OPEN | Steps::ACTIVATE | Steps::RELEASE,
            asks: vec![
                Permission {
                    what: "commands".to_owned(),
                    scope: "local".to_owned(),
                    reason: "to make trouble here".to_owned(),
                },
                Permission {
                    what: "credential".to_owned(),
                    scope: "secret".to_owned(),
                    reason: "to give it away".to_owned(),
                },
            ],
            may_lease: Vec::new(),
        }
    }

    fn consider(b: Blueprint, _: Request) -> Result<Needs, Refusal> {
        let how = how(&b, "consider");
        misbehaviour::act_up(&how).map_err(Refusal::Never)?;
        Ok(misbehaviour::needs(&how, Needs { labels: Vec::new(), share: 1 }))
    }

    fn allocate(b: Blueprint, _: Request) -> Result<Vec<Allocation>, Refusal> {
        let how = how(&b, "allocate");
        misbehaviour::act_up(&how).map_err(Refusal::Never)?;
        let good = Allocation {
            name: "trouble".to_owned(),
            attributes: "{}".to_owned(),
            labels: Vec::new(),
            slots: Vec::new(),
            limit: None,
            expected: None,
        };
        Ok(misbehaviour::allocations(&how, good))
    }

    fn acquire(b: Blueprint, _: Resource, _: Request) -> Result<Acquisition, Refusal> {
        let how = how(&b, "acquire");
        misbehaviour::act_up(&how).map_err(Refusal::Never)?;
        Ok(misbehaviour::acquisition(&how, Acquisition { slots: Vec::new(), share: 1, ready: None }))
    }
}

impl lifecycle::Guest for Hostile {
    fn open(_: Context, b: Blueprint, _: Resource) -> Result<Progress, Failure> {
        step(&how(&b, "open"), None)
    }

    fn activate(_: Context, b: Blueprint, _: Resource, _: Place) -> Result<Progress, Failure> {
        let handout = Handout { access: Access::Local, directory: None, environment: Vec::new(), url: None };
        step(&how(&b, "activate"), Some(handout))
    }

    fn release(_: Context, b: Blueprint, _: Resource, _: Place) -> Result<Progress, Failure> {
        step(&how(&b, "release"), None)
    }

    fn close(_: Context, _: Blueprint, _: Resource) -> Result<Progress, Failure> {
        panic!("a step that it does not have was called")
    }
}

fn step(how: &str, handout: Option<Handout>) -> Result<Progress, Failure> {
    misbehaviour::act_up(how).map_err(misbehaviour::failure)?;
    Ok(misbehaviour::progress(how, Outcome { state: None, attributes: None, handout }))
}
