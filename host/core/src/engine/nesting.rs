//! What a resource leases for itself, as the plugin asks for it in a step.

use super::client::{class_of, hex, known_type, never};
use super::farm::Configured;
use super::node::Node;
use crate::contract::{NestedState, Request, Wish};
use crate::model::proposal::{Change, Lost, Nest, NewLease, Outcome, SetOf};
use crate::model::rows::{RequestKey, Resource};
use crate::model::status::LeaseStatus;
use crate::plugin::{Nested, Step};
use async_trait::async_trait;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// At most so many leases are asked for at once.
const WISHES: usize = 16;

/// The leases of one resource, for one step of it.
pub struct Nesting {
    node: Arc<Node>,
    resource: String,
    epoch: i64,
    step: Step,
    plugin: String,
    may_lease: Vec<String>,
}

impl std::fmt::Debug for Nesting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Nesting").field("resource", &self.resource).field("step", &self.step).finish_non_exhaustive()
    }
}

impl Nesting {
    pub fn new(node: &Arc<Node>, resource: &Resource, step: Step, configured: &Configured) -> Nesting {
        let descriptor = configured.plugin.descriptor();
        Nesting {
            node: Arc::clone(node),
            resource: resource.id.clone(),
            epoch: resource.epoch,
            step,
            plugin: descriptor.name.clone(),
            may_lease: descriptor.may_lease.clone(),
        }
    }

    async fn wish(&self, wish: Wish) -> Result<NewLease, String> {
        let Wish { name, kind, attributes, labels, blueprints } = wish;
        if name.is_empty() || name.len() > 255 {
            return Err("a nested lease needs a name of 1 to 255 bytes, by which asking again finds it".to_owned());
        }
        if !self.may_lease.contains(&kind) {
            let plugin = &self.plugin;
            return Err(format!(
                "the plugin {plugin} does not name the type {kind:?} in `may-lease`; its author has to"
            ));
        }
        let object: Result<serde_json::Map<String, serde_json::Value>, _> = serde_json::from_str(&attributes);
        let attributes = object.map_err(|error| format!("the attributes of {name:?} are no JSON object: {error}"))?;
        let attributes = serde_json::Value::Object(attributes).to_string();
        let request = Request { kind, attributes, labels, blueprints, otherwise: Vec::new() };
        let farm = self.node.farm();
        known_type(&farm, &request).map_err(|error| error.to_string())?;
        let class = class_of(&request);
        let answers = self.node.considered(&farm, &class, &request).await.map_err(|error| error.to_string())?;
        if let Some(reasons) = never(&answers) {
            return Err(format!("no blueprint can ever serve {name:?}: {reasons}"));
        }
        let text = serde_json::to_string(&request).unwrap_or_default();
        let digest = hex(&Sha256::digest(text.as_bytes()))[..32].to_owned();
        let key = RequestKey { owner: self.resource.clone(), name, lease: String::new(), digest };
        Ok(NewLease {
            id: self.node.new_id("l"),
            class,
            request,
            owner: String::new(),
            key: Some(key),
            asked_at: self.node.env.now(),
            until: None,
            wait_until: None,
            set: None,
            tied: false,
            priority: 0,
            otherwise: Vec::new(),
            head_start: 0,
            spacing: None,
            heartbeat: None,
            idle_timeout: None,
            answers,
            revision: farm.revision as i64,
            never: None,
        })
    }
}

#[async_trait]
impl Nested for Nesting {
    async fn ask(&self, wishes: Vec<Wish>) -> Result<Vec<String>, String> {
        if self.step != Step::Open {
            let step = self.step.name();
            return Err(format!("nested leases are asked for in open; in {step} they can only be looked at"));
        }
        if wishes.is_empty() || wishes.len() > WISHES {
            return Err(format!("1 to {WISHES} nested leases can be asked for at once, not {}", wishes.len()));
        }
        let mut leases = Vec::with_capacity(wishes.len());
        for wish in wishes {
            leases.push(self.wish(wish).await?);
        }
        if leases.len() > 1 {
            let mut kinds: Vec<String> = leases.iter().map(|lease| lease.request.kind.clone()).collect();
            kinds.sort();
            kinds.dedup();
            let set = SetOf { id: self.node.new_id("s"), kinds };
            leases.iter_mut().for_each(|lease| lease.set = Some(set.clone()));
        }
        let nest = Nest { resource: self.resource.clone(), epoch: self.epoch, leases };
        match self.node.commit(Change::Nest(nest.clone())).await {
            Outcome::Done(done) => Ok(done.leases),
            // The answer was lost, but the ids are those of the proposal, or of one before it.
            Outcome::Known => self.by_key(&nest).await,
            Outcome::Lost(Lost::KeyReused(lease)) => {
                Err(format!("a name was used before for another wish of this resource, lease {lease}"))
            }
            Outcome::Lost(lost) => Err(format!("nothing was asked for: {lost}")),
            Outcome::Unknown(why) => Err(format!("whether anything was asked for is not known: {why}")),
        }
    }

    async fn look(&self, lease: &str) -> Result<NestedState, String> {
        let foreign = || format!("{lease} is no lease of {}", self.resource);
        let subject = self.node.read("lease", self.node.store.lease(lease)).await.map_err(|error| error.to_string())?;
        let lease =
            subject.lease.filter(|lease| lease.holder.as_deref() == Some(&self.resource)).ok_or_else(foreign)?;
        let reason = || lease.reason.clone().unwrap_or_else(|| "no reason was given".to_owned());
        Ok(match lease.status {
            LeaseStatus::Pending => NestedState::Waiting(format!("{} waits for a {}", lease.id, lease.kind)),
            LeaseStatus::Acquired => NestedState::Waiting(format!("{} is being set up", lease.id)),
            LeaseStatus::Active => NestedState::Active(lease.handout.0.clone().unwrap_or_default()),
            LeaseStatus::Released | LeaseStatus::Broken | LeaseStatus::Destroyed => {
                NestedState::Ended(format!("{} ({}): {}", lease.id, lease.outcome, reason()))
            }
        })
    }
}

impl Nesting {
    async fn by_key(&self, nest: &Nest) -> Result<Vec<String>, String> {
        let mut found = Vec::with_capacity(nest.leases.len());
        for key in nest.leases.iter().filter_map(|lease| lease.key.as_ref()) {
            let read = self.node.store.by_key(&key.owner, &key.name);
            let lease = self.node.read("key", read).await.map_err(|error| error.to_string())?;
            found.push(lease.ok_or_else(|| format!("nothing was asked for under {:?}", key.name))?);
        }
        Ok(found)
    }
}
