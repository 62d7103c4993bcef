//! Where statuses change: one function for each kind of row. Each checks the table, keeps the counts that follow from
//! the status, and writes the one event of the transition.

use super::Deciding;
use crate::contract::Slot;
use crate::model::news::Cause;
use crate::model::proposal::{Lost, QUOTAS, Quota};
use crate::model::protection::Protection;
use crate::model::rows::{Blueprint, Counter, CounterShare, Event, Lease, Place, Pool, Resource, SlotRow, Wanted};
use crate::model::status::{LeaseStatus, PlaceStatus, ResourceStatus, Subject, allowed};
use std::collections::BTreeSet;

/// What an event says beside the transition.
pub(crate) struct Said<'a> {
    pub reason: &'a str,
    pub detail: Option<String>,
}

impl<'a> From<&'a str> for Said<'a> {
    fn from(reason: &'a str) -> Self {
        Said { reason, detail: None }
    }
}

impl Deciding<'_> {
    pub fn lease(&self, id: &str) -> Result<Lease, Lost> {
        self.rows.leases.get(&id.to_owned()).cloned().ok_or_else(|| Lost::Missing(id.to_owned()))
    }

    pub fn resource(&self, id: &str) -> Result<Resource, Lost> {
        self.rows.resources.get(&id.to_owned()).cloned().ok_or_else(|| Lost::Missing(id.to_owned()))
    }

    pub fn place(&self, id: &str) -> Result<Place, Lost> {
        self.rows.places.get(&id.to_owned()).cloned().ok_or_else(|| Lost::Missing(id.to_owned()))
    }

    /// Moves a lease, after `change` has set what goes with it.
    pub fn move_lease<'s>(
        &mut self,
        mut lease: Lease,
        to: LeaseStatus,
        said: impl Into<Said<'s>>,
        change: impl FnOnce(&mut Lease),
    ) -> Result<Lease, Lost> {
        let from = lease.status;
        self.check(Subject::Lease, &lease.id, from.name(), to.name())?;
        lease.status = to;
        change(&mut lease);
        if from == LeaseStatus::Pending {
            self.count_waiting(&lease, -1);
        }
        if to == LeaseStatus::Pending {
            self.count_waiting(&lease, 1);
        }
        lease.due_at = due_at(&lease);
        if to.ended() && lease.ended_at.is_none() {
            lease.ended_at = Some(self.at);
        }
        self.lease_event(&lease, from.name(), said.into());
        self.rows.leases.put(lease.clone());
        if !from.ended() {
            self.tell_holder(&lease);
        }
        Ok(lease)
    }

    pub fn lease_event(&mut self, lease: &Lease, was: &str, said: Said<'_>) {
        self.event(Event {
            subject: Subject::Lease,
            id: lease.id.clone(),
            pool: lease.kind.clone(),
            lease: Some(lease.id.clone()),
            resource: lease.resource.clone(),
            was: was.to_owned(),
            now: lease.status.name().to_owned(),
            epoch: lease.epoch,
            ..self.blank(said)
        });
    }

    pub fn move_resource<'s>(
        &mut self,
        mut resource: Resource,
        to: ResourceStatus,
        said: impl Into<Said<'s>>,
        change: impl FnOnce(&mut Resource),
    ) -> Result<Resource, Lost> {
        let from = resource.status;
        self.check(Subject::Resource, &resource.id, from.name(), to.name())?;
        if from == ResourceStatus::Pending {
            let mut blueprint = self.blueprint(&resource.blueprint, &resource.kind);
            blueprint.building -= 1;
            self.rows.blueprints.put(blueprint);
        }
        resource.status = to;
        resource.attempt = 0;
        resource.failures = 0;
        resource.note = None;
        change(&mut resource);
        if to == ResourceStatus::Destroyed {
            resource.ended_at = Some(self.at);
            resource.due_at = None;
        }
        let said = said.into();
        self.event(Event {
            subject: Subject::Resource,
            id: resource.id.clone(),
            pool: resource.kind.clone(),
            resource: Some(resource.id.clone()),
            was: from.name().to_owned(),
            now: to.name().to_owned(),
            epoch: resource.epoch,
            ..self.blank(said)
        });
        Ok(self.put_resource(resource))
    }

    /// The one way a resource's row is written: what a matcher may give of it follows from the rest.
    pub fn put_resource(&mut self, mut resource: Resource) -> Resource {
        let open = is_kept(&resource);
        let lends = open && (resource.sick.is_none() || !self.protections.has(Protection::SickOut));
        let life = resource.life.0;
        let max_uses = life.max_uses.filter(|_| self.protections.has(Protection::Uses));
        let uses_left = max_uses.map_or(i64::MAX, |max| max - resource.uses);
        resource.room = if lends { (resource.shares - resource.used).min(uses_left).max(0) } else { 0 };
        let spare = (resource.shares + resource.overflow - resource.used).max(0);
        resource.spare = if lends && resource.room == 0 { spare.min(uses_left) } else { 0 };
        if resource.status == ResourceStatus::Active {
            let idle_since = resource.idle_since.filter(|_| resource.used == 0);
            let idle = idle_since.zip(life.idle_timeout).map(|(since, timeout)| rests_from(&resource, since) + timeout);
            let old = life.max_age.map(|age| resource.created_at + age);
            resource.due_at = if open { earliest(idle, old) } else { None };
        }
        if resource.orphaned == 1 && resource.status != ResourceStatus::Destroyed {
            resource.due_at = Some(resource.due_at.map_or(self.at, |due| due.min(self.at)));
        }
        let before = self.rows.resources.get(&resource.id).is_some_and(is_kept);
        let by = i64::from(is_kept(&resource)) - i64::from(before);
        if by != 0 {
            let mut blueprint = self.blueprint(&resource.blueprint, &resource.kind);
            blueprint.kept += by;
            self.rows.blueprints.put(blueprint);
        }
        self.rows.resources.put(resource.clone());
        resource
    }

    pub fn move_place<'s>(
        &mut self,
        mut place: Place,
        to: PlaceStatus,
        said: impl Into<Said<'s>>,
        change: impl FnOnce(&mut Place),
    ) -> Result<Place, Lost> {
        let from = place.status;
        self.check(Subject::Place, &place.id, from.name(), to.name())?;
        place.status = to;
        place.attempt = 0;
        place.failures = 0;
        place.note = None;
        place.epoch += 1;
        change(&mut place);
        if to == PlaceStatus::Gone {
            place.due_at = None;
        }
        let said = said.into();
        self.event(Event {
            subject: Subject::Place,
            id: place.id.clone(),
            pool: place.kind.clone(),
            lease: Some(place.lease.clone()),
            resource: Some(place.resource.clone()),
            was: from.name().to_owned(),
            now: to.name().to_owned(),
            epoch: place.epoch,
            ..self.blank(said)
        });
        self.rows.places.put(place.clone());
        if to == PlaceStatus::Gone {
            self.free_slots(&place.id, &place.kind, false);
            if let Some(mut resource) = self.rows.resources.get(&place.resource).cloned() {
                resource.used -= place.share;
                if resource.used == 0 {
                    resource.idle_since = Some(self.at);
                }
                let (idle, space) = (resource.used == 0, resource.space.clone());
                self.put_resource(resource);
                if idle {
                    self.freed_beneath(&place.resource);
                    self.freed_beside(&space, &place.kind);
                }
            }
            if self.protections.has(Protection::News) {
                self.news_of(&place.kind, Cause::Left(place.resource.clone()));
            }
        }
        Ok(place)
    }

    fn check(&self, subject: Subject, id: &str, from: &str, to: &str) -> Result<(), Lost> {
        if allowed(subject, from, to) {
            Ok(())
        } else {
            Err(Lost::Transition(format!("{subject} {id}: {to} after {from}")))
        }
    }

    pub fn blank(&self, said: Said<'_>) -> Event {
        Event {
            commit_id: self.commit.to_owned(),
            n: 0,
            at: self.at,
            node: self.node.to_owned(),
            subject: Subject::Pool,
            id: String::new(),
            pool: String::new(),
            lease: None,
            resource: None,
            was: String::new(),
            now: String::new(),
            epoch: 0,
            reason: said.reason.to_owned(),
            detail: said.detail,
        }
    }

    pub fn event(&mut self, event: Event) {
        let n = self.n;
        self.n += 1;
        self.rows.events.push(Event { n, ..event });
    }

    fn count_waiting(&mut self, lease: &Lease, by: i64) {
        if let Some(mut class) = self.rows.classes.get(&lease.class).cloned() {
            if by > 0 {
                class = self.waits(class);
            } else {
                class.waiting += by;
            }
            self.rows.classes.put(class);
        }
    }

    /// Raises a pool's news. Always: whoever asked whether it is needed would be asking about a state that is past.
    pub fn news(&mut self, kind: &str) -> Option<(i64, i64)> {
        let mut pool = self.rows.pools.get(&kind.to_owned()).cloned().unwrap_or_else(|| new_pool(kind));
        let before = pool.news;
        if self.silent {
            return None;
        }
        pool.news += 1;
        let after = pool.news;
        self.rows.pools.put(pool);
        Some((before, after))
    }

    /// Raises a pool's news, and says why.
    pub fn news_of(&mut self, kind: &str, cause: Cause) -> Option<(i64, i64)> {
        let news = self.news(kind)?;
        self.rows.causes.push((kind.to_owned(), cause));
        Some(news)
    }

    /// Something that others may wait for is free.
    pub fn freed(&mut self, kind: &str) {
        if self.protections.has(Protection::News) {
            self.news(kind);
        }
    }

    /// Nobody is on a resource of this name space any more, so its slots can be had by closing it, also by other types.
    fn freed_beside(&mut self, space: &str, kind: &str) {
        if self.protections.has(Protection::SpaceNews) {
            let sharing = self.rows.blueprints.iter().filter(|row| row.space == space && row.kind != kind);
            let kinds: BTreeSet<String> = sharing.map(|row| row.kind.clone()).collect();
            kinds.iter().for_each(|kind| self.freed(kind));
        }
    }

    /// Notes that `allocate` may answer otherwise than before.
    pub fn allocatable(&mut self, kind: &str) {
        self.freed(kind);
        if let Some(mut pool) = self.rows.pools.get(&kind.to_owned()).cloned() {
            pool.freed += 1;
            self.rows.pools.put(pool);
        }
    }

    /// Gives slots to a new owner, or to none.
    pub fn take_slots(&mut self, space: &str, slots: &[Slot], owner: &str) -> Result<(), Lost> {
        for slot in slots {
            match slot {
                Slot::Named(key) => {
                    let row = SlotRow { space: space.to_owned(), slot: key.clone(), owner: owner.to_owned() };
                    let taken = self.rows.slots.get(&(row.space.clone(), row.slot.clone())).is_some();
                    if taken && self.protections.has(Protection::Slots) {
                        return Err(Lost::Slot(key.clone()));
                    }
                    self.rows.slots.put(row);
                }
                Slot::Counted { key, amount, limit } => {
                    let at = (space.to_owned(), key.clone());
                    let used = self.rows.counters.get(&at).map_or(0, |counter| counter.used) + i64::from(*amount);
                    if used > i64::from(*limit) && self.protections.has(Protection::Slots) {
                        return Err(Lost::Slot(key.clone()));
                    }
                    self.rows.counters.put(Counter { space: at.0.clone(), slot: at.1.clone(), used });
                    let held = (at.0.clone(), at.1.clone(), owner.to_owned());
                    let amount =
                        self.rows.counter_shares.get(&held).map_or(0, |share| share.amount) + i64::from(*amount);
                    self.rows.counter_shares.put(CounterShare { space: held.0, slot: held.1, owner: held.2, amount });
                }
            }
        }
        Ok(())
    }

    /// Counts a place against what its lease's owner may have; what its event says of that.
    pub fn take_quota(&mut self, quota: &Quota, place: &str) -> Result<serde_json::Value, Lost> {
        let (space, slot, owner) = (QUOTAS.to_owned(), quota.owner.clone(), place.to_owned());
        let at = (space.clone(), slot.clone());
        let used = self.rows.counters.get(&at).map_or(0, |counter| counter.used) + 1;
        if used > quota.limit && self.protections.has(Protection::Quota) {
            return Err(Lost::Quota(slot));
        }
        self.rows.counters.put(Counter { space: space.clone(), slot: slot.clone(), used });
        self.rows.counter_shares.put(CounterShare { space, slot, owner, amount: 1 });
        Ok(serde_json::json!({ "owner": quota.owner, "count": used, "limit": quota.limit }))
    }

    /// Frees everything an owner holds. `made`: a blueprint may make something new of what is free now.
    pub fn free_slots(&mut self, owner: &str, kind: &str, made: bool) {
        let named: Vec<_> = self
            .rows
            .slots
            .iter()
            .filter(|row| row.owner == owner)
            .map(|row| (row.space.clone(), row.slot.clone()))
            .collect();
        let shares: Vec<_> = self.rows.counter_shares.iter().filter(|row| row.owner == owner).cloned().collect();
        // Somebody may wait for a quota in any pool.
        if shares.iter().any(|share| share.space == QUOTAS) && self.protections.has(Protection::QuotaNews) {
            let kinds: Vec<String> = self.rows.pools.iter().map(|pool| pool.kind.clone()).collect();
            kinds.iter().for_each(|kind| self.freed(kind));
        }
        if made || !named.is_empty() || shares.iter().any(|share| share.space != QUOTAS) {
            let spaces: BTreeSet<&String> =
                named.iter().map(|(space, _)| space).chain(shares.iter().map(|share| &share.space)).collect();
            let sharing = self.rows.blueprints.iter().filter(|row| spaces.contains(&row.space));
            let mut kinds: BTreeSet<String> = sharing.map(|row| row.kind.clone()).collect();
            if !self.protections.has(Protection::SpaceNews) {
                kinds.clear();
            }
            kinds.insert(kind.to_owned());
            kinds.iter().for_each(|kind| self.allocatable(kind));
        }
        for key in named {
            self.rows.slots.remove(&key);
        }
        for share in shares {
            let at = (share.space.clone(), share.slot.clone());
            if let Some(mut counter) = self.rows.counters.get(&at).cloned() {
                counter.used -= share.amount;
                if counter.used > 0 {
                    self.rows.counters.put(counter);
                } else {
                    self.rows.counters.remove(&at);
                }
            }
            self.rows.counter_shares.remove(&(share.space, share.slot, share.owner));
        }
    }

    pub fn blueprint(&self, name: &str, kind: &str) -> Blueprint {
        self.rows.blueprints.get(&name.to_owned()).cloned().unwrap_or_else(|| Blueprint {
            name: name.to_owned(),
            kind: kind.to_owned(),
            space: name.to_owned(),
            used: 0,
            building: 0,
            kept: 0,
            failures: 0,
            not_before: 0,
            reason: None,
            retired: 0,
            drained: None,
        })
    }
}

pub(crate) fn new_pool(kind: &str) -> Pool {
    Pool { kind: kind.to_owned(), version: 0, news: 0, freed: 0, revision: 0 }
}

/// Whether a resource is there and nobody wants it away.
fn is_kept(resource: &Resource) -> bool {
    let keep = resource.wanted == Wanted::Keep && resource.drained.is_none() && resource.orphaned == 0;
    resource.status.alive() && keep
}

/// From when the time counts for which nobody has been on a resource: what was spared begins anew.
pub(crate) fn rests_from(resource: &Resource, idle_since: i64) -> i64 {
    resource.spared_at.map_or(idle_since, |spared| spared.max(idle_since))
}

/// When the next limit of a lease is reached.
pub(crate) fn due_at(lease: &Lease) -> Option<i64> {
    match lease.status {
        LeaseStatus::Pending | LeaseStatus::Acquired => earliest(lease.until, lease.wait_until),
        LeaseStatus::Active => lease.until,
        LeaseStatus::Released | LeaseStatus::Broken | LeaseStatus::Destroyed => None,
    }
}

pub(crate) fn earliest(a: Option<i64>, b: Option<i64>) -> Option<i64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
