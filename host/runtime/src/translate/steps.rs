//! What the acting calls answer.

use super::broken::{At, Broken, Checked};
use super::values::{handout, json, object, sentence, state};
use crate::bindings::{types, with_health};
use crate::schemas::Schemas;
use drydock_core::contract::{Blame, Failure, Next, Progress, StepOutcome, Verdict, Wake};
use drydock_core::plugin::{Step, StepCall};
use serde_json::{Map, Value};

pub(crate) fn progress(progress: types::Progress, call: &StepCall, schemas: &Schemas) -> Checked<Progress> {
    Ok(match progress {
        types::Progress::Done(outcome) => Progress::Done(done(outcome, call, schemas).at("done")?),
        types::Progress::Again(continuation) => again(continuation, call.step).at("again")?,
    })
}

fn done(outcome: types::Outcome, call: &StepCall, schemas: &Schemas) -> Checked<StepOutcome> {
    let step = call.step;
    if outcome.attributes.is_some() && step != Step::Open {
        return Err(Broken::new("is given, but only `open` may add attributes")).at("attributes");
    }
    match (&outcome.handout, step) {
        (None, Step::Activate) => return Err(Broken::new("is missing; `activate` must give one")).at("handout"),
        (Some(_), Step::Open | Step::Release | Step::Close) => {
            return Err(Broken::new("is given, but only `activate` hands out")).at("handout");
        }
        _ => {}
    }
    Ok(StepOutcome {
        state: state(outcome.state).at("state")?,
        attributes: outcome.attributes.map(|text| added(text, call, schemas)).transpose().at("attributes")?,
        handout: outcome.handout.map(handout).transpose().at("handout")?,
    })
}

/// Attributes that `open` adds. The promised ones are what requests were matched with, so they stay.
fn added(text: String, call: &StepCall, schemas: &Schemas) -> Checked<String> {
    let (text, added) = object(text)?;
    let mut all: Map<String, Value> = serde_json::from_str(&call.resource.attributes).unwrap_or_default();
    for (key, value) in added {
        if all.get(&key).is_some_and(|promised| *promised != value) {
            return Err(Broken::new("would change what was promised when the resource was allocated")).at(&key);
        }
        all.insert(key, value);
    }
    schemas.check_resource(&Value::Object(all)).map_err(|problem| Broken::new(problem.to_string()))?;
    Ok(text)
}

pub(super) fn again(again: types::Continuation, step: Step) -> Checked<Progress> {
    if let Some(percent) = again.percent
        && percent > 100
    {
        return Err(Broken::new(format!("is {percent}; it must be from 0 to 100"))).at("percent");
    }
    let wake = match again.wake {
        types::Wake::After(after) => Wake::After(after),
        types::Wake::Lease(lease) if step == Step::Open => Wake::Lease(lease),
        types::Wake::Lease(_) => {
            return Err(Broken::new("waits for a nested lease, which only `open` may")).at("wake");
        }
        types::Wake::Job(key) => Wake::Job(key),
    };
    Ok(Progress::Again {
        state: json(again.state).at("state")?.0,
        wake,
        note: sentence(&again.note),
        percent: again.percent,
    })
}

/// What `check` answers, its texts made fit for people.
pub(crate) fn verdict(verdict: with_health::Verdict) -> Verdict {
    match verdict {
        with_health::Verdict::Healthy => Verdict::Healthy,
        with_health::Verdict::Sick(reason) => Verdict::Sick(sentence(&reason)),
        with_health::Verdict::Gone(reason) => Verdict::Gone(sentence(&reason)),
    }
}

pub(crate) fn failure(failure: types::Failure) -> Failure {
    Failure {
        blame: match failure.blame {
            types::Blame::Plugin => Blame::Plugin,
            types::Blame::Provider => Blame::Provider,
            types::Blame::Operator => Blame::Operator,
            types::Blame::Request => Blame::Request,
            types::Blame::Host => Blame::Host,
        },
        next: match failure.next {
            types::Next::BreakLease => Next::BreakLease,
            types::Next::Elsewhere => Next::Elsewhere,
            types::Next::BackOff => Next::BackOff,
            types::Next::Attention => Next::Attention,
            types::Next::Gone => Next::Gone,
        },
        reason: sentence(&failure.reason),
        after: failure.after,
    }
}
