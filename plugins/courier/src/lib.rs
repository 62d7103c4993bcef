//! Sends the HTTP requests that a test asks for in its config, and tells all that it gets: in the state of `open`, or as
//! the reason of its failure.

mod memory;
mod request;

use contract::exports::drydock::blueprint::{health, inventory, lifecycle, planning};
use contract::types::{
    Acquisition, Allocation, Blame, Blueprint, Context, Failure, Needs, Next, Outcome, Place, Progress, Refusal,
    Request, Resource, Thing,
};
use health::Verdict;
use inventory::Observation;
use planning::{Descriptor, Permission, Steps};
use request::{Answer, Order};
use serde::{Deserialize, Serialize};

/// The contract, generated from `wit/`.
mod contract {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "plugin-complete",
        pub_export_macro: true,
    });
    pub use drydock::blueprint::{credentials, types};
}

struct Courier;

contract::export!(Courier with_types_in contract);

/// What a test asks for.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Errand {
    requests: Vec<Order>,
    /// Send all of them before the first answer is looked at.
    together: bool,
    /// Fail when any of them did.
    strict: bool,
    /// Trap when any of them did.
    trap: bool,
    /// In `consider` too.
    early: bool,
    /// Ask for the public half of this credential.
    public_key: Option<String>,
    /// Look for these bytes, each raised by one, in all of the memory.
    probe: Vec<u8>,
}

#[derive(Serialize)]
struct Report {
    answers: Vec<Answer>,
    public_key: Option<Result<String, String>>,
    /// How often the bytes are in memory.
    found: usize,
}

fn run(b: &Blueprint) -> Result<Report, String> {
    let errand: Errand = serde_json::from_str(&b.config).map_err(|error| error.to_string())?;
    let answers = request::send_all(&errand.requests, errand.together);
    let broken = answers.iter().find_map(|answer| answer.error.clone());
    assert!(!errand.trap || broken.is_none(), "a request failed");
    let public_key = errand.public_key.map(|name| contract::credentials::public_key(&name));
    let found = memory::count(&errand.probe);
    match broken {
        Some(error) if errand.strict => Err(format!("a request failed: {error}")),
        _ => Ok(Report { answers, public_key, found }),
    }
}

fn failure(reason: String) -> Failure {
    Failure { blame: Blame::Provider, next: Next::BackOff, reason, after: Some(5) }
}

fn step(b: &Blueprint) -> Result<Progress, Failure> {
    let report = run(b).map_err(failure)?;
    let state = serde_json::to_string(&report).map_err(|error| failure(error.to_string()))?;
    Ok(Progress::Done(Outcome { state: Some(state), attributes: None, handout: None }))
}

impl planning::Guest for Courier {
    fn describe() -> Descriptor {
        let any = r#"{ "type": "object" }"#.to_owned();
        let ask = |what: &str, scope: &str, reason: &str| Permission {
            what: what.to_owned(),
            scope: scope.to_owned(),
            reason: reason.to_owned(),
        };
        Descriptor {
            name: "courier".to_owned(),
            version: "1".to_owned(),
            kind: "letter".to_owned(),
            config_schema: any.clone(),
            request_schema: any.clone(),
            resource_schema: any,
            steps: Steps::OPEN,
            asks: vec![
                ask("http", "*.example", "to deliver letters"),
                ask("http", "127.0.0.1", "to deliver letters at home"),
                ask("credential", "server", "to be let in"),
            ],
            may_lease: Vec::new(),
        }
    }

    fn consider(b: Blueprint, _: Request) -> Result<Needs, Refusal> {
        let errand: Errand = serde_json::from_str(&b.config).unwrap_or_default();
        if errand.early {
            let report = run(&b).map_err(Refusal::Never)?;
            return Err(Refusal::Never(serde_json::to_string(&report).unwrap_or_default()));
        }
        Ok(Needs { labels: Vec::new(), share: 1 })
    }

    fn allocate(_: Blueprint, _: Request) -> Result<Vec<Allocation>, Refusal> {
        Ok(vec![Allocation {
            name: "letter".to_owned(),
            attributes: "{}".to_owned(),
            labels: Vec::new(),
            slots: Vec::new(),
            limit: None,
            expected: None,
        }])
    }

    fn acquire(_: Blueprint, _: Resource, _: Request) -> Result<Acquisition, Refusal> {
        Ok(Acquisition { slots: Vec::new(), share: 1, ready: None })
    }
}

impl lifecycle::Guest for Courier {
    fn open(_: Context, b: Blueprint, _: Resource) -> Result<Progress, Failure> {
        step(&b)
    }

    fn activate(_: Context, b: Blueprint, _: Resource, _: Place) -> Result<Progress, Failure> {
        step(&b)
    }

    fn release(_: Context, b: Blueprint, _: Resource, _: Place) -> Result<Progress, Failure> {
        step(&b)
    }

    fn close(_: Context, b: Blueprint, _: Resource) -> Result<Progress, Failure> {
        step(&b)
    }
}

impl health::Guest for Courier {
    fn check(_: Context, b: Blueprint, _: Resource) -> Verdict {
        match run(&b) {
            Ok(_) => Verdict::Healthy,
            Err(why) => Verdict::Sick(why),
        }
    }
}

impl inventory::Guest for Courier {
    fn observe(_: Context, b: Blueprint) -> Result<Observation, Failure> {
        Err(failure(run(&b).map_or_else(|why| why, |_| "all went well".to_owned())))
    }

    fn remove(_: Context, b: Blueprint, _: Thing) -> Result<Progress, Failure> {
        step(&b)
    }
}
