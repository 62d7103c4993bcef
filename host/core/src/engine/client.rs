//! What clients ask of a node: leases, their ends, and what is the case.

use super::api::{Ask, AskError, Filter, LeaseDetail, LoggedEvent, Obstacle, ResourceDetail, SlotState, Violation};
use super::farm::InForce;
use super::node::{Node, is_whole, lock};
use super::questions;
use crate::contract::{Refusal, Request};
use crate::model::proposal::{Change, Lost, NewClass, NewLease, Outcome, SetOf};
use crate::model::protection::Protection;
use crate::model::rows::{Blueprint, Considered, Lease, Observed, RequestKey, Resource};
use crate::planner::warm::warm_class;
use crate::store::Touched;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// By blueprint: what its `consider` answered.
pub type Answers = BTreeMap<String, Considered>;

/// How many classes' answers are remembered.
const REMEMBERED: usize = 1_024;

impl Node {
    /// Makes a lease, or finds the one that the key made. It is acknowledged once this returns.
    pub async fn ask(&self, ask: Ask) -> Result<Lease, AskError> {
        let again = (!self.protections.has(Protection::Keys)).then(|| Ask { key: None, ..ask.clone() });
        let new = self.new_lease(&ask, None).await?;
        let (id, now) = (new.id.clone(), new.asked_at);
        let (outcome, touched) = self.commit_for_rows(Change::Ask(Box::new(new))).await;
        let found = match outcome {
            Outcome::Done(done) => done.existing.unwrap_or(id),
            Outcome::Known => id,
            Outcome::Lost(Lost::KeyReused(lease)) => {
                return Err(AskError::KeyReused { key: ask.key.unwrap_or_default(), lease });
            }
            Outcome::Lost(lost) => return Err((&lost).into()),
            Outcome::Unknown(why) => return Err(AskError::Store(why)),
        };
        let lease = self.left(found, &touched).await?;
        if let Some(again) = again.filter(|_| lease.status.ended() && lease.asked_at < now) {
            return Box::pin(self.ask(again)).await;
        }
        self.relied_on(lease, ask.tied).await
    }

    /// Whoever asks without tying a lease relies on it without being connected, also where the key has found one of
    /// somebody who is.
    pub(super) async fn relied_on(&self, lease: Lease, tied: bool) -> Result<Lease, AskError> {
        if lease.tied == 0 || tied || lease.status.ended() {
            return Ok(lease);
        }
        match self.keep(&lease.id).await {
            Err(AskError::Ended(_)) => Ok(lease),
            kept => kept,
        }
    }

    /// What is committed for what is asked; as one of so many of a set.
    pub(super) async fn new_lease(&self, ask: &Ask, set: Option<(&SetOf, usize)>) -> Result<NewLease, AskError> {
        if self.stopping.load(Ordering::SeqCst) {
            return Err(AskError::Stopping);
        }
        let farm = self.farm();
        let most = farm.order.max_priority(&ask.owner);
        if ask.priority > most {
            return Err(AskError::Priority { priority: ask.priority, owner: ask.owner.clone(), most });
        }
        known_type(&farm, &ask.request)?;
        let class = class_of(&ask.request);
        let answers = self.considered(&farm, &class, &ask.request).await?;
        let mut otherwise = Vec::with_capacity(ask.request.otherwise.len());
        for request in ask.request.alternatives() {
            known_type(&farm, &request)?;
            let id = class_of(&request);
            let answers = self.considered(&farm, &id, &request).await?;
            otherwise.push(NewClass { id, request, answers });
        }
        let every = std::iter::once(&answers).chain(otherwise.iter().map(|other| &other.answers));
        let never = every.map(never).collect::<Option<Vec<_>>>().map(|reasons| reasons.join("; "));
        let key = ask.key.as_ref().map(|name| RequestKey {
            owner: ask.owner.clone(),
            name: name.clone(),
            lease: String::new(),
            digest: digest_of(ask, set.map(|(_, size)| size)),
        });
        Ok(NewLease {
            id: self.new_id("l"),
            class,
            request: ask.request.clone(),
            owner: ask.owner.clone(),
            key,
            asked_at: self.env.now(),
            until: ask.until,
            wait_until: ask.wait_until,
            set: set.map(|(set, _)| set.clone()),
            tied: ask.tied,
            priority: i64::from(ask.priority),
            head_start: farm.order.head_start(ask.priority),
            spacing: farm.order.spacing(&ask.owner),
            heartbeat: ask.heartbeat,
            idle_timeout: ask.idle_timeout,
            never,
            answers,
            otherwise,
            revision: farm.revision as i64,
        })
    }

    /// Commits a change of one lease, and says how it is then.
    pub(super) async fn about(&self, id: String, change: Change) -> Result<Lease, AskError> {
        let (outcome, touched) = self.commit_for_rows(change).await;
        match outcome {
            Outcome::Done(_) | Outcome::Known => self.left(id, &touched).await,
            Outcome::Lost(Lost::Missing(_)) => Err(AskError::NoSuchLease(id)),
            Outcome::Lost(lost) => Err((&lost).into()),
            Outcome::Unknown(why) => Err(AskError::Store(why)),
        }
    }

    /// A lease as a group of commits has left it; read if that is not known.
    pub(super) async fn left(&self, id: String, touched: &Touched) -> Result<Lease, AskError> {
        if let Some(lease) = touched.leases.iter().find(|lease| lease.id == id) {
            return Ok(lease.clone());
        }
        let subject = self.read("lease", self.store.lease(&id)).await?;
        subject.lease.ok_or(AskError::NoSuchLease(id))
    }

    pub(super) async fn considered(&self, farm: &InForce, class: &str, request: &Request) -> Result<Answers, AskError> {
        let key = (farm.revision, class.to_owned());
        if let Some(answers) = lock(&self.considered).get(&key) {
            return Ok(answers.clone());
        }
        let answers = questions::consider(self, farm, request).await;
        let answers = answers.map_err(|fault| AskError::Store(fault.to_string()))?;
        // What could not say anything is asked again.
        let settled = |answer: &Considered| !matches!(answer, Considered::Refuses(Refusal::NotNow { .. }));
        if !answers.values().all(settled) {
            return Ok(answers);
        }
        let mut remembered = lock(&self.considered);
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(key, answers.clone());
        Ok(answers)
    }

    /// Wants a lease ended, and says how it is then. `outcome`: `released` when its holder asks, `expired`, …
    pub async fn end(&self, lease: &str, outcome: &str, reason: &str) -> Result<Lease, AskError> {
        self.end_held(lease, outcome, reason, None).await
    }

    /// The same, but not if the lease is held under another fencing epoch than the one that is given.
    pub async fn end_held(
        &self,
        lease: &str,
        outcome: &str,
        reason: &str,
        fence: Option<i64>,
    ) -> Result<Lease, AskError> {
        let id = self.find(lease).await?;
        let (outcome, reason) = (outcome.to_owned(), reason.to_owned());
        self.about(id.clone(), Change::EndLease { lease: id, outcome, reason, fence }).await
    }

    /// Moves a lease's end to another time, later or earlier, in milliseconds since 1970.
    pub async fn extend(&self, lease: &str, until: i64, fence: Option<i64>) -> Result<Lease, AskError> {
        let id = self.find(lease).await?;
        self.about(id.clone(), Change::Extend { lease: id, until, fence }).await
    }

    /// Wants a resource ended: it takes nothing new, and is closed when nobody is on it. With `idle_since`, only if nobody
    /// has been on it since then; milliseconds since 1970.
    pub async fn end_resource(
        &self,
        resource: &str,
        reason: &str,
        idle_since: Option<i64>,
    ) -> Result<Resource, AskError> {
        let id = self.find(resource).await?;
        let closes = self.closes(&id).await?;
        let change = Change::EndResource { resource: id.clone(), reason: reason.to_owned(), idle_since, closes };
        match self.commit(change).await {
            Outcome::Lost(lost) => return Err((&lost).into()),
            Outcome::Unknown(why) => return Err(AskError::Store(why)),
            Outcome::Done(_) | Outcome::Known => {}
        }
        let subject = self.read("resource", self.store.resource(&id)).await?;
        subject.resource.ok_or(AskError::NoSuchLease(id))
    }

    /// Whether a blueprint takes nothing new and closes what nobody is on, and why; without a reason it does not.
    pub async fn drain_blueprint(&self, name: &str, reason: Option<&str>) -> Result<(), AskError> {
        let change = Change::DrainBlueprint { blueprint: name.to_owned(), reason: reason.map(str::to_owned) };
        match self.commit(change).await {
            Outcome::Done(_) | Outcome::Known => Ok(()),
            Outcome::Lost(Lost::Missing(_)) => {
                let rows = self.read("blueprints", self.store.blueprints()).await?;
                let known = rows.into_iter().map(|row| row.name).collect::<Vec<_>>().join(", ");
                Err(AskError::UnknownBlueprint { name: name.to_owned(), known })
            }
            Outcome::Lost(lost) => Err((&lost).into()),
            Outcome::Unknown(why) => Err(AskError::Store(why)),
        }
    }

    /// The same of a resource, as it is then. What is being closed is not taken back.
    pub async fn drain_resource(&self, resource: &str, reason: Option<&str>) -> Result<Resource, AskError> {
        let id = self.find(resource).await?;
        let closes = self.closes(&id).await?;
        let change = Change::DrainResource { resource: id.clone(), reason: reason.map(str::to_owned), closes };
        match self.commit(change).await {
            Outcome::Lost(Lost::Resource(_)) => return Err(AskError::Closing(id)),
            Outcome::Lost(lost) => return Err((&lost).into()),
            Outcome::Unknown(why) => return Err(AskError::Store(why)),
            Outcome::Done(_) | Outcome::Known => {}
        }
        let subject = self.read("resource", self.store.resource(&id)).await?;
        subject.resource.ok_or(AskError::NoSuchLease(id))
    }

    /// Whether there is something to call when a resource is closed. What can't be asked counts as having that.
    async fn closes(&self, id: &str) -> Result<bool, AskError> {
        let subject = self.read("resource", self.store.resource(id)).await?;
        let row = subject.resource.ok_or_else(|| AskError::NoSuchLease(id.to_owned()))?;
        let io = self.env.io().await;
        let pinned = self.farm().pinned(&row, &self.store).await;
        drop(io);
        Ok(pinned.map_or(true, |configured| configured.plugin.descriptor().steps.close))
    }

    /// What plugins last saw outside, by blueprint.
    pub async fn observed(&self) -> Result<Vec<Observed>, AskError> {
        Ok(self.read("what was seen", self.store.observed(None)).await?)
    }

    /// Blueprints that are configured or have resources.
    pub async fn blueprints(&self) -> Result<Vec<Blueprint>, AskError> {
        Ok(self.read("blueprints", self.store.blueprints()).await?)
    }

    /// What keeps a blueprint of this node's configuration from having as many resources of its type as it is to keep.
    pub fn lacks_for(&self, kind: &str, blueprint: &str) -> Vec<Obstacle> {
        self.obstacles(kind, &warm_class(blueprint))
    }

    /// Which plugins the resources that are not destroyed were made with: digest, blueprint, and how many.
    pub async fn made_with(&self) -> Result<Vec<(String, String, i64)>, AskError> {
        Ok(self.read("plugins in use", self.store.made_with()).await?)
    }

    /// Slots that are held or set aside, of one name space or of all.
    pub async fn slots(&self, space: Option<&str>) -> Result<Vec<SlotState>, AskError> {
        Ok(self.read("slots", self.store.slots(space)).await?)
    }

    /// The id that is meant. One that is whole is not looked up: whoever uses it finds out whether it exists.
    pub(super) async fn find(&self, id: &str) -> Result<String, AskError> {
        if is_whole(id) { Ok(id.to_owned()) } else { self.search(id).await }
    }

    /// The id that is meant, which exists: itself, or the only one that begins so.
    async fn search(&self, id: &str) -> Result<String, AskError> {
        let found = self.read("find", self.store.by_prefix(id)).await?;
        match found.as_slice() {
            [only] => Ok(only.clone()),
            several if several.iter().any(|one| one == id) => Ok(id.to_owned()),
            [] => Err(AskError::NoSuchLease(id.to_owned())),
            _ => Err(AskError::Ambiguous(id.to_owned())),
        }
    }

    pub async fn lease(&self, id: &str) -> Result<LeaseDetail, AskError> {
        let id = self.find(id).await?;
        let subject = self.read("lease", self.store.lease(&id)).await?;
        let lease = subject.lease.ok_or(AskError::NoSuchLease(id))?;
        let leftovers = subject.leftovers.into_iter().filter(|left| left.lease == lease.id).collect();
        Ok(LeaseDetail { lease, place: subject.place, resource: subject.resource, leftovers })
    }

    /// Newest first. What the filter's blueprint and resource are is not looked at.
    pub async fn leases(&self, filter: &Filter) -> Result<Vec<Lease>, AskError> {
        Ok(self.read("leases", self.store.leases(filter)).await?)
    }

    pub async fn resource(&self, id: &str) -> Result<ResourceDetail, AskError> {
        let id = self.find(id).await?;
        let subject = self.read("resource", self.store.resource(&id)).await?;
        let resource = subject.resource.ok_or_else(|| AskError::NoSuchLease(id.clone()))?;
        let places = self.read("places", self.store.on_resource(&id)).await?;
        Ok(ResourceDetail { resource, places, leftovers: subject.leftovers })
    }

    pub async fn resources(&self, filter: &Filter) -> Result<Vec<Resource>, AskError> {
        Ok(self.read("resources", self.store.resources(filter)).await?)
    }

    /// Those after `after` (0: from the start), oldest first, and where to go on; of one lease or resource if a subject is
    /// given.
    pub async fn events(
        &self,
        after: i64,
        subject: Option<&str>,
        filter: &Filter,
    ) -> Result<(Vec<LoggedEvent>, i64), AskError> {
        let subject = match subject {
            Some(subject) => Some(self.search(subject).await?),
            None => None,
        };
        let limit = if filter.limit == 0 { 1_000 } else { filter.limit.min(10_000) };
        let filter = Filter { limit, ..filter.clone() };
        // Whatever is not found up to here is not looked for again.
        let last = self.last_event().await?;
        let events = self.read("events", self.store.log(after, subject.as_deref(), &filter)).await?;
        let next = match events.last() {
            Some(event) if events.len() >= limit as usize => event.seq,
            Some(event) => event.seq.max(last),
            None => last.max(after),
        };
        Ok((events, next))
    }

    /// The number of the last event; 0 when there is none.
    pub async fn last_event(&self) -> Result<i64, AskError> {
        Ok(self.read("last event", self.store.last_event()).await?)
    }

    /// Rules of the store that do not hold.
    pub async fn check(&self) -> Result<Vec<Violation>, AskError> {
        Ok(self.read("check", self.store.check()).await?)
    }
}

pub(super) fn known_type(farm: &InForce, request: &Request) -> Result<(), AskError> {
    for name in &request.blueprints {
        let known = || farm.blueprints.keys().cloned().collect::<Vec<_>>().join(", ");
        let blueprint = farm
            .blueprints
            .get(name)
            .ok_or_else(|| AskError::UnknownBlueprint { name: name.clone(), known: known() })?;
        let makes = &blueprint.plugin.descriptor().kind;
        if *makes != request.kind {
            let (name, makes, kind) = (name.clone(), makes.clone(), request.kind.clone());
            return Err(AskError::WrongBlueprint { name, makes, kind });
        }
    }
    if farm.of_kind(&request.kind).next().is_none() {
        let known = farm.kinds().join(", ");
        return Err(AskError::UnknownType { kind: request.kind.clone(), known });
    }
    Ok(())
}

/// Requests that need the same are of one class.
pub fn class_of(request: &Request) -> String {
    let text = serde_json::to_string(request).unwrap_or_default();
    format!("c-{}", &hex(&Sha256::digest(text.as_bytes()))[..16])
}

/// Of everything that makes a request the same as another. Whether it is tied is not part of that: it says how a client
/// waits, not what for, and who asks first without waiting and then again to wait means the same lease.
fn digest_of(ask: &Ask, set: Option<usize>) -> String {
    let limits = (ask.until.is_some(), ask.heartbeat, ask.idle_timeout);
    let text = match set {
        None => serde_json::to_string(&(&ask.request, limits, ask.priority)),
        Some(size) => serde_json::to_string(&(&ask.request, limits, ask.priority, size)),
    };
    let text = text.unwrap_or_default();
    hex(&Sha256::digest(text.as_bytes()))[..32].to_owned()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every reason, if no blueprint could ever serve it.
pub(super) fn never(answers: &Answers) -> Option<String> {
    let mut reasons = Vec::new();
    for (blueprint, answer) in answers {
        match answer {
            Considered::Refuses(Refusal::Never(reason)) => reasons.push(format!("{blueprint}: {reason}")),
            _ => return None,
        }
    }
    Some(reasons.join("; "))
}
