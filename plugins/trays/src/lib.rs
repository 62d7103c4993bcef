//! Lends out directories on hosts that it leases itself: each tray stands on one host of another blueprint, and lends a
//! directory in it to each of its leases. A host that is leased for a tray stays leased until the tray is closed.

wit_bindgen::generate!({ path: "../../wit", world: "plugin" });

use drydock::blueprint::commands::{self, Command, Error, Exit};
use drydock::blueprint::leases::{self, State, Wish};
use drydock::blueprint::types::{
    Access, Acquisition, Allocation, Blame, Blueprint, Context, Continuation, Failure, Handout, Label, Needs, Next,
    Outcome, Place, Progress, Refusal, Request, Resource, Wake,
};
use exports::drydock::blueprint::{lifecycle, planning};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

struct Trays;
export!(Trays);

/// The blueprint's `config`.
#[derive(Default, Deserialize)]
struct Config {
    /// What its hosts must carry.
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// The blueprints that its hosts may come from, the best first.
    #[serde(default)]
    hosts_of: Vec<String>,
}

/// What `open` adds to a tray's attributes.
#[derive(Deserialize, Serialize)]
struct Ground {
    /// The lease of its host.
    lease: String,
    /// The host's own directory for that lease.
    directory: String,
}

impl planning::Guest for Trays {
    fn describe() -> planning::Descriptor {
        let asks = |what: &str, scope: &str, reason: &str| planning::Permission {
            what: what.into(),
            scope: scope.into(),
            reason: reason.into(),
        };
        planning::Descriptor {
            name: "trays".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            kind: "tray".into(),
            config_schema: r#"{
                "type": "object", "additionalProperties": false,
                "properties": {
                    "labels": { "type": "object", "additionalProperties": { "type": "string" } },
                    "hosts_of": { "type": "array", "items": { "type": "string" } }
                }
            }"#
            .into(),
            request_schema: r#"{ "type": "object", "additionalProperties": false }"#.into(),
            resource_schema: r#"{ "type": "object" }"#.into(),
            steps: planning::Steps::OPEN | planning::Steps::ACTIVATE | planning::Steps::RELEASE,
            asks: vec![
                asks("leases", "host", "each tray stands on a host"),
                asks("commands", "ssh", "to make directories on hosts that are reached over SSH"),
                asks("commands", "local", "to make directories on a host that is this machine"),
            ],
            may_lease: vec!["host".into()],
        }
    }

    fn consider(_: Blueprint, r: Request) -> Result<Needs, Refusal> {
        match r.labels.first() {
            Some(label) => Err(Refusal::Never(format!("trays have no labels, and {} is asked for", label.key))),
            None => Ok(Needs { labels: vec![], share: 1 }),
        }
    }

    fn allocate(_: Blueprint, _: Request) -> Result<Vec<Allocation>, Refusal> {
        Ok(vec![Allocation {
            name: "tray".into(),
            attributes: "{}".into(),
            labels: vec![],
            slots: vec![],
            limit: None,
            expected: None,
        }])
    }

    fn acquire(_: Blueprint, _: Resource, _: Request) -> Result<Acquisition, Refusal> {
        Ok(Acquisition { slots: vec![], share: 1, ready: None })
    }
}

impl lifecycle::Guest for Trays {
    fn open(_: Context, b: Blueprint, _: Resource) -> Result<Progress, Failure> {
        let config: Config = serde_json::from_str(&b.config).map_err(|error| broken(error.to_string()))?;
        let labels = config.labels.into_iter().map(|(key, value)| Label { key, value }).collect();
        let wish = Wish {
            name: "host".into(),
            kind: "host".into(),
            attributes: "{}".into(),
            labels,
            blueprints: config.hosts_of,
        };
        let operator = |reason| Failure { blame: Blame::Operator, next: Next::Attention, reason, after: None };
        // Asked again, it finds the lease that it has.
        let lease = leases::ask(&[wish]).map_err(operator)?.remove(0);
        match leases::look(&lease).map_err(broken)? {
            State::Waiting(note) => {
                Ok(Progress::Again(Continuation { state: "{}".into(), wake: Wake::Lease(lease), note, percent: None }))
            }
            State::Ended(why) => Err(Failure {
                blame: Blame::Host,
                next: Next::BackOff,
                reason: format!("its host is lost: {why}"),
                after: None,
            }),
            State::Active(handout) => {
                let directory = handout.directory.ok_or_else(|| {
                    broken("its host gives no directory; give that blueprint's hosts a `path`".to_owned())
                })?;
                let ground = serde_json::to_string(&Ground { lease, directory });
                let attributes = Some(ground.map_err(|error| broken(error.to_string()))?);
                Ok(Progress::Done(Outcome { state: None, attributes, handout: None }))
            }
        }
    }

    fn activate(_: Context, _: Blueprint, on: Resource, p: Place) -> Result<Progress, Failure> {
        let ground = ground(&on)?;
        let directory = format!("{}/{}", ground.directory, p.id);
        run(&ground, &["mkdir", "-p", "-m", "700", "--", &directory])?;
        let handout =
            Handout { access: Access::Via(ground.lease), directory: Some(directory), environment: vec![], url: None };
        Ok(Progress::Done(Outcome { state: None, attributes: None, handout: Some(handout) }))
    }

    fn release(_: Context, _: Blueprint, on: Resource, p: Place) -> Result<Progress, Failure> {
        let ground = ground(&on)?;
        run(&ground, &["rm", "-rf", "--", &format!("{}/{}", ground.directory, p.id)])?;
        Ok(Progress::Done(Outcome { state: None, attributes: None, handout: None }))
    }

    /// `describe` does not name it: all that a tray has made is in the directory that goes with its host's lease.
    fn close(_: Context, _: Blueprint, _: Resource) -> Result<Progress, Failure> {
        Ok(Progress::Done(Outcome { state: None, attributes: None, handout: None }))
    }
}

fn ground(on: &Resource) -> Result<Ground, Failure> {
    serde_json::from_str(&on.attributes).map_err(|error| broken(format!("the attributes of {}: {error}", on.id)))
}

fn run(ground: &Ground, argv: &[&str]) -> Result<(), Failure> {
    let command = Command {
        argv: argv.iter().map(|&arg| arg.to_owned()).collect(),
        directory: None,
        environment: vec![],
        stdin: vec![],
        secrets: vec![],
        timeout: 60_000,
        output_limit: 4_096,
    };
    let failure = |blame, next, reason| Failure { blame, next, reason, after: None };
    let output = commands::run(&Access::Via(ground.lease.clone()), &command).map_err(|error| match error {
        Error::Invalid(text) | Error::Denied(text) | Error::Refused(text) => {
            failure(Blame::Operator, Next::Attention, text)
        }
        Error::Unreachable(text) | Error::TimedOut(text) | Error::Other(text) => {
            failure(Blame::Host, Next::BackOff, text)
        }
    })?;
    match output.exit {
        Exit::Code(0) => Ok(()),
        _ => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(failure(Blame::Host, Next::Elsewhere, format!("{} failed: {}", argv[0], said.trim())))
        }
    }
}

fn broken(reason: String) -> Failure {
    Failure { blame: Blame::Plugin, next: Next::Attention, reason, after: None }
}
