//! One step of one row: look at it again, call, and commit what the call came to.

use super::farm::Configured;
use super::hub::Task;
use super::nesting::Nesting;
use super::node::Node;
use crate::contract::{
    Blame, Context, Failure, LeftoverArg, Next, PlaceArg, Progress, ResourceArg, ResourceStatusArg, Slot, StepOutcome,
    Wake,
};
use crate::env::{Point, Verdict, What};
use crate::model::backoff;
use crate::model::proposal::{Change, RESOURCES, StepEnd, StepReport};
use crate::model::protection::Protection;
use crate::model::rows::{Lease, Place, Resource, Wanted};
use crate::model::status::{LeaseStatus, PlaceStatus, ResourceStatus};
use crate::plugin::{Fault, Step, StepCall};
use crate::store::{StoreError, Subject};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A call that gave no answer is made again this often under the same key before it counts as a failure.
const UNANSWERED_TRIES: i64 = 3;

/// The shortest and the longest pause that a step may ask for, in milliseconds.
const PAUSE: (u64, u64) = (10, 3_600_000);

/// How soon a step that waits for what has no way to tell is made again, in milliseconds.
const POLL: u64 = 1_000;

/// How soon a row is looked at again when the store could not be read, in milliseconds.
const READ_AGAIN: i64 = 1_000;

/// Returns when the row is due, if that is not now.
pub async fn run(node: &Arc<Node>, task: &Task) -> Option<i64> {
    loop {
        let result = match task {
            Task::Lease(id) => lease(node, id).await,
            Task::Place(id) => place(node, id).await,
            Task::Resource(id) => resource(node, id).await,
        };
        match result {
            Ok(next) => return next,
            Err(error) => {
                tracing::warn!(?task, %error, "a step waits for the store");
                node.env.sleep_until(node.env.now() + READ_AGAIN).await;
            }
        }
    }
}

/// A lease's own limits.
async fn lease(node: &Node, id: &str) -> Result<Option<i64>, StoreError> {
    let subject = node.read("lease", node.store.lease(id)).await?;
    let Some(lease) = subject.lease.filter(|lease| lease.claim == node.id && !lease.status.ended()) else {
        return Ok(None);
    };
    let now = node.env.now();
    let active = lease.status == LeaseStatus::Active;
    let reason = if lease.until.is_some_and(|until| until <= now) {
        "its time was over; ask with a later --until, or extend it".to_owned()
    } else if !active && lease.wait_until.is_some_and(|until| until <= now) {
        let waited = node.waited_for(id).await.map(|why| format!(". Until then {why}")).unwrap_or_default();
        format!("it was not active in time; ask with a longer --timeout{waited}")
    } else {
        return Ok(lease.due_at);
    };
    end(node, &lease, "expired", &reason).await;
    Ok(None)
}

async fn end(node: &Node, lease: &Lease, outcome: &str, reason: &str) {
    let (outcome, reason) = (outcome.to_owned(), reason.to_owned());
    node.commit(Change::EndLease { lease: lease.id.clone(), outcome, reason, fence: None }).await;
}

async fn place(node: &Arc<Node>, id: &str) -> Result<Option<i64>, StoreError> {
    let subject = node.read("place", node.store.place(id)).await?;
    let (Some(place), Some(lease), Some(resource)) =
        (subject.place.clone(), subject.lease.clone(), subject.resource.clone())
    else {
        return Ok(None);
    };
    if place.claim != node.id {
        return Ok(None);
    }
    if place.due_at.is_none_or(|due| due > node.env.now()) {
        return Ok(place.due_at);
    }
    let step = match place.status {
        PlaceStatus::Held if lease.wanted == Wanted::End && !lease.status.ended() => {
            let (outcome, reason) = (lease.outcome.clone(), lease.reason.clone().unwrap_or_default());
            end(node, &lease, &outcome, &reason).await;
            return Ok(None);
        }
        PlaceStatus::Held if lease.status == LeaseStatus::Acquired => Step::Activate,
        PlaceStatus::Leaving => Step::Release,
        PlaceStatus::Held | PlaceStatus::Gone => return Ok(None),
    };
    let called = Called { step, subject: &subject, resource: &resource, place: Some(&place), epoch: place.epoch };
    Ok(called.run(node).await)
}

async fn resource(node: &Arc<Node>, id: &str) -> Result<Option<i64>, StoreError> {
    let subject = node.read("resource", node.store.resource(id)).await?;
    let Some(resource) = subject.resource.clone() else { return Ok(None) };
    if resource.claim != node.id {
        return Ok(None);
    }
    if resource.due_at.is_none_or(|due| due > node.env.now()) {
        return Ok(resource.due_at);
    }
    if resource.orphaned == 1 {
        node.commit(Change::Abandon { resource: resource.id, epoch: resource.epoch }).await;
        return Ok(None);
    }
    let step = match resource.status {
        ResourceStatus::Pending => Step::Open,
        ResourceStatus::Released | ResourceStatus::Broken => Step::Close,
        ResourceStatus::Active => {
            retire(node, &resource).await;
            return Ok(None);
        }
        ResourceStatus::Destroyed => return Ok(None),
    };
    let called = Called { step, subject: &subject, resource: &resource, place: None, epoch: resource.epoch };
    Ok(called.run(node).await)
}

/// The time of an active resource is over.
async fn retire(node: &Node, resource: &Resource) {
    let io = node.env.io().await;
    let pinned = node.farm().pinned(resource, &node.store).await;
    drop(io);
    // What can't be asked counts as having something to close.
    let closes = pinned.map_or(true, |configured| configured.plugin.descriptor().steps.close);
    let farm = node.farm();
    let keeper = farm.blueprints.get(&resource.blueprint).filter(|keeper| !keeper.config.disabled);
    let least = keeper.map_or(0, |keeper| i64::from(keeper.config.min_resources));
    let change = Change::Retire { resource: resource.id.clone(), idle_since: resource.idle_since, least, closes };
    node.commit(change).await;
}

/// A call that is about to be made.
struct Called<'a> {
    step: Step,
    subject: &'a Subject,
    resource: &'a Resource,
    place: Option<&'a Place>,
    epoch: i64,
}

impl Called<'_> {
    /// Returns when it is to be tried again, if nothing was done now.
    async fn run(&self, node: &Arc<Node>) -> Option<i64> {
        let io = node.env.io().await;
        let configured = node.farm().pinned(self.resource, &node.store).await;
        drop(io);
        let (end, closes) = match configured {
            Ok(configured) => {
                let steps = configured.plugin.descriptor().steps;
                let has = match self.step {
                    Step::Open => steps.open,
                    Step::Activate => steps.activate,
                    Step::Release => steps.release,
                    Step::Close => steps.close,
                };
                let late = self.step == Step::Open && self.resource.open_by <= node.env.now();
                let end = match (late, has) {
                    (true, _) => StepEnd::Failed(self.timed_out()),
                    (_, false) => StepEnd::Done { state: None, attributes: None, handout: None },
                    (_, true) => match self.call(node, &configured).await {
                        Some(end) => end,
                        None => return Some(node.env.now() + READ_AGAIN),
                    },
                };
                (end, steps.close)
            }
            // Nothing can be called, so nothing counts as cleaned up; an operator has to bring the plugin back.
            Err(fault) => (self.unanswered(node, fault, Next::Attention), true),
        };
        let leftovers = match self.step {
            Step::Open | Step::Close => self.subject.leftovers.iter().map(|left| left.place.clone()).collect(),
            Step::Activate | Step::Release => Vec::new(),
        };
        let mut slots: Vec<(String, String)> = Vec::new();
        for slot in &self.resource.slots.0 {
            if let Slot::Named(key) = slot {
                slots.push((self.resource.space.clone(), key.clone()));
            }
        }
        if self.place.is_some() {
            slots.push((RESOURCES.to_owned(), self.resource.id.clone()));
        }
        let report =
            StepReport { step: self.step, subject: self.id(), epoch: self.epoch, end, closes, leftovers, slots };
        node.commit(Change::Step(report)).await;
        None
    }

    fn id(&self) -> String {
        self.place.map_or_else(|| self.resource.id.clone(), |place| place.id.clone())
    }

    /// Tries of this step so far, and how many of them failed or gave no answer.
    fn tries(&self) -> (i64, i64) {
        let of_resource = (self.resource.attempt, self.resource.failures);
        self.place.map_or(of_resource, |place| (place.attempt, place.failures))
    }

    /// None: it was not called, since this node may have been seen dead by now.
    async fn call(&self, node: &Arc<Node>, configured: &Configured) -> Option<StepEnd> {
        let call = self.step_call(node, configured);
        let note = format!("{} {}", self.step.name(), self.id());
        let point = |after| Point { what: What::Act, note: note.clone(), after };
        if node.env.point(point(false)).await == Verdict::Fail {
            let fault = Fault::Host("it failed before it was made".to_owned());
            return Some(self.unanswered(node, fault, Next::BackOff));
        }
        if !node.may_act() {
            return None;
        }
        node.calls.fetch_add(1, Ordering::Relaxed);
        let result = configured.plugin.act(call).await;
        if node.env.point(point(true)).await == Verdict::Fail {
            return Some(self.unanswered(node, Fault::Host("its answer was lost".to_owned()), Next::BackOff));
        }
        Some(match result {
            Err(fault) => self.unanswered(node, fault, Next::BackOff),
            Ok(Err(failure)) => StepEnd::Failed(failure),
            Ok(Ok(Progress::Again { state, wake, note, .. })) => {
                let (after, lease) = match wake {
                    Wake::After(after) => (after.clamp(PAUSE.0, PAUSE.1), None),
                    Wake::Lease(lease) if self.step == Step::Open => (POLL, Some(lease)),
                    // What is waited for has no way to tell; it is looked at in a moment.
                    Wake::Lease(_) | Wake::Job(_) => (POLL, None),
                };
                StepEnd::Again { state: Some(state), due_at: node.env.now() + after as i64, note, lease }
            }
            Ok(Ok(Progress::Done(outcome))) => self.done(node, outcome),
        })
    }

    fn done(&self, node: &Node, outcome: StepOutcome) -> StepEnd {
        let attributes = match (self.step, &outcome.attributes) {
            (Step::Open, Some(added)) => match with_added(&self.resource.attributes, added) {
                Ok(attributes) => Some(attributes),
                Err(why) => return self.unanswered(node, Fault::BrokeContract(why), Next::BackOff),
            },
            _ => None,
        };
        StepEnd::Done { state: outcome.state, attributes, handout: outcome.handout }
    }

    /// No answer does not mean that it did not happen, so the step is repeated under the same key; after some tries it
    /// counts as failed, and what it may have made is closed or released.
    fn unanswered(&self, node: &Node, fault: Fault, next: Next) -> StepEnd {
        let blame = if matches!(fault, Fault::Host(_)) { Blame::Host } else { Blame::Plugin };
        let reason = format!("{} of {} gave no answer: {fault}", self.step.name(), self.id());
        let failure = Failure { blame, next, reason, after: None };
        let tries = self.tries().1 + 1;
        let ends = matches!(self.step, Step::Open | Step::Activate);
        if ends && tries >= UNANSWERED_TRIES {
            return StepEnd::Failed(failure);
        }
        StepEnd::Again {
            state: None,
            due_at: node.env.now() + backoff::pause(&failure, tries, &self.id()),
            note: failure.reason,
            lease: None,
        }
    }

    fn timed_out(&self) -> Failure {
        let note = self.resource.note.as_deref().map(|note| format!("; it was at: {note}")).unwrap_or_default();
        Failure {
            blame: Blame::Provider,
            next: Next::BackOff,
            reason: format!("{} was not open in time (open_timeout){note}", self.resource.name),
            after: None,
        }
    }

    fn step_call(&self, node: &Arc<Node>, configured: &Configured) -> StepCall {
        let config = &configured.config;
        let now = node.env.now();
        let ending = match self.step {
            Step::Close => self.resource.reason.clone().or(Some("wanted away".to_owned())),
            Step::Release => Some(
                self.subject
                    .lease
                    .as_ref()
                    .and_then(|lease| lease.reason.clone())
                    .unwrap_or_else(|| "its place is given up".to_owned()),
            ),
            Step::Open | Step::Activate => None,
        };
        // The key names the step of this row, whoever makes it and how often.
        let key = match node.protections.has(Protection::SameKey) {
            true => format!("{}/{}", self.id(), self.step.name()),
            false => format!("{}/{}/{}", self.id(), self.step.name(), node.env.random()),
        };
        let leftovers = match self.step {
            Step::Open | Step::Close => self.subject.leftovers.as_slice(),
            Step::Activate | Step::Release => &[],
        };
        StepCall {
            step: self.step,
            context: Context {
                key,
                epoch: self.epoch.max(0) as u64,
                attempt: self.tries().0.max(0) as u32,
                deadline: u64::from(config.step_timeout) * 1_000,
                ending,
                leftovers: leftovers
                    .iter()
                    .map(|left| LeftoverArg {
                        place: left.place.clone(),
                        state: left.state.clone(),
                        reason: left.reason.clone(),
                    })
                    .collect(),
            },
            blueprint: node.farm().argument(&self.resource.blueprint, configured, now, 0),
            resource: resource_arg(self.resource),
            place: self.place.map(|place| PlaceArg {
                id: place.id.clone(),
                lease: place.lease.clone(),
                owner: self.subject.lease.as_ref().map(|lease| lease.owner.clone()).unwrap_or_default(),
                attributes: self
                    .subject
                    .lease
                    .as_ref()
                    .map_or_else(|| "{}".to_owned(), |lease| lease.request.0.chosen(lease.choice as usize).to_owned()),
                slots: place.slots.0.clone(),
                state: place.state.clone().filter(|state| !state.is_empty()),
            }),
            grants: config.grants.clone(),
            leases: Some(Arc::new(Nesting::new(node, self.resource, self.step, configured))),
        }
    }
}

/// A resource as plugins see it.
pub fn resource_arg(resource: &Resource) -> ResourceArg {
    ResourceArg {
        id: resource.id.clone(),
        name: resource.name.clone(),
        status: match resource.status {
            ResourceStatus::Pending => ResourceStatusArg::Pending,
            ResourceStatus::Active => ResourceStatusArg::Active,
            ResourceStatus::Released | ResourceStatus::Destroyed => ResourceStatusArg::Released,
            ResourceStatus::Broken => ResourceStatusArg::Broken,
        },
        attributes: resource.attributes.clone(),
        labels: resource.labels.0.clone(),
        slots: resource.slots.0.clone(),
        used: resource.used.max(0) as u32,
        limit: resource.shares.max(0) as u32,
        state: resource.state.clone().filter(|state| !state.is_empty()),
    }
}

/// The promised attributes with what `open` adds; it may not change any of them.
fn with_added(promised: &str, added: &str) -> Result<String, String> {
    let object = |text: &str| serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text);
    let mut all = object(promised).map_err(|error| format!("the promised attributes are no object: {error}"))?;
    let added = object(added).map_err(|error| format!("open's attributes are no object: {error}"))?;
    for (name, value) in added {
        if let Some(promised) = all.get(&name)
            && *promised != value
        {
            return Err(format!("open changed the attribute {name:?}, which its allocation had promised"));
        }
        all.insert(name, value);
    }
    Ok(serde_json::Value::Object(all).to_string())
}
