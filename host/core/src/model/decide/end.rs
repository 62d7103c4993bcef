//! How leases, places and resources end, from every state.

use super::Deciding;
use super::ask::waiting_detail;
use super::transition::{Said, rests_from};
use crate::contract::{Blame, Failure, Next, Slot};
use crate::model::backoff;
use crate::model::news::Cause;
use crate::model::proposal::{Done, Lost, RESOURCES};
use crate::model::protection::Protection;
use crate::model::rows::{Aside, Doc, Lease, Leftover, Place, Resource, Wanted};
use crate::model::status::{LeaseStatus, PlaceStatus, ResourceStatus};

/// What is said of a broken resource that its blueprint holds.
const HELD: &str =
    "it is held as it broke (hold_broken); look at it, then let go of it with `drydock release --resource`";

impl Deciding<'_> {
    /// Anybody may want a lease ended. Its status changes in the same commit, unless another node may be acting for it:
    /// then that node is told by the row, cuts off what it does, and ends it.
    pub fn end_lease(&mut self, id: &str, outcome: &str, reason: &str) -> Result<Done, Lost> {
        let mut lease = self.lease(id)?;
        if lease.status.ended() {
            return Ok(Done::default());
        }
        self.silent = lease.status != LeaseStatus::Active && !self.protections.has(Protection::Withdrawals);
        let acting_elsewhere = lease
            .place
            .as_ref()
            .and_then(|place| self.rows.places.get(place))
            .is_some_and(|place| place.touched == 1 && place.claim != self.node && self.is_alive(&place.claim));
        if acting_elsewhere {
            if lease.wanted == Wanted::Keep {
                lease.wanted = Wanted::End;
                lease.outcome = outcome.to_owned();
                lease.reason = Some(reason.to_owned());
                self.lease_event(&lease, lease.status.name(), Said::from(reason));
                self.rows.leases.put(lease.clone());
                if let Some(mut place) = lease.place.as_ref().and_then(|place| self.rows.places.get(place)).cloned() {
                    place.due_at = Some(self.at);
                    self.rows.places.put(place);
                }
            }
            return Ok(Done { news: self.news(&lease.kind), ..Done::default() });
        }
        // What another node wanted first keeps its outcome and its reason.
        let (outcome, reason) = match lease.wanted {
            Wanted::End => (lease.outcome.clone(), lease.reason.clone().unwrap_or_default()),
            Wanted::Keep => (outcome.to_owned(), reason.to_owned()),
        };
        let pool = lease.kind.clone();
        // What its place frees is news of its own.
        let cause = match lease.place {
            Some(_) => Cause::Nothing,
            None => Cause::Line(lease.class.clone()),
        };
        self.finish_lease(lease, LeaseStatus::Released, &outcome, &reason)?;
        let news = if self.protections.has(Protection::News) { self.news_of(&pool, cause) } else { None };
        Ok(Done { news, ..Done::default() })
    }

    /// Ends a lease as released or broken, and its place with it.
    pub fn finish_lease(&mut self, lease: Lease, to: LeaseStatus, outcome: &str, reason: &str) -> Result<Lease, Lost> {
        let place = lease.place.as_ref().and_then(|place| self.rows.places.get(place)).cloned();
        let waited = lease.status == LeaseStatus::Pending;
        let lease = self.move_lease(lease, to, reason, |lease| {
            lease.wanted = Wanted::End;
            lease.outcome = outcome.to_owned();
            lease.reason = Some(reason.to_owned());
            lease.epoch += 1;
        })?;
        let gone = match place {
            Some(place) => self.leave(place, reason)?,
            None => true,
        };
        let lease = match gone {
            true => self.move_lease(lease, LeaseStatus::Destroyed, "its place is gone", |_| {})?,
            false => lease,
        };
        if waited {
            self.end_mates(&lease, outcome)?;
        }
        Ok(lease)
    }

    /// Without one of its set that still waited, the others of it have nothing to wait for.
    fn end_mates(&mut self, lease: &Lease, outcome: &str) -> Result<(), Lost> {
        if lease.set_id.is_none() {
            return Ok(());
        }
        let waits = |mate: &&Lease| mate.set_id == lease.set_id && mate.status == LeaseStatus::Pending;
        let mates: Vec<Lease> = self.rows.leases.iter().filter(waits).cloned().collect();
        for mate in mates {
            // The one before it may have ended it.
            if self.lease(&mate.id)?.status == LeaseStatus::Pending {
                let reason = format!("{}, which was wanted together with it, ended ({outcome})", lease.id);
                self.finish_lease(mate, LeaseStatus::Released, outcome, &reason)?;
            }
        }
        Ok(())
    }

    /// Lets a place go; true if it is gone already. `release` is called only where something may have been made on a
    /// resource that stays.
    pub fn leave(&mut self, place: Place, reason: &str) -> Result<bool, Lost> {
        if place.status == PlaceStatus::Gone {
            return Ok(true);
        }
        let resource = self.resource(&place.resource)?;
        let going = resource.status != ResourceStatus::Active || resource.wanted == Wanted::End;
        let dirty = place.touched == 1 && place.releases == 1 && self.protections.has(Protection::Cleanup);
        if place.status == PlaceStatus::Leaving && !going {
            return Ok(false);
        }
        if dirty && !going {
            let (at, node) = (self.at, self.node.to_owned());
            self.move_place(place, PlaceStatus::Leaving, reason, |place| {
                place.due_at = Some(at);
                place.claim = node;
            })?;
            return Ok(false);
        }
        if dirty {
            self.leave_behind(&place, &resource, reason);
        }
        self.move_place(place, PlaceStatus::Gone, reason, |_| {})?;
        self.settle_resource(&resource.id, true)?;
        Ok(true)
    }

    /// Records what a stay left, where the next one to use the resource's slots will find it.
    pub fn leave_behind(&mut self, place: &Place, resource: &Resource, reason: &str) {
        // It lies in the places that the resource had itself.
        if resource.orphaned == 1 || !self.protections.has(Protection::Leftovers) {
            return;
        }
        let named = resource.slots.0.iter().filter_map(|slot| match slot {
            Slot::Named(key) => Some(key.clone()),
            Slot::Counted { .. } => None,
        });
        let mut keys: Vec<String> = named.collect();
        if keys.is_empty() {
            keys.push(String::new());
        }
        for slot in keys {
            self.rows.leftovers.put(Leftover {
                place: place.id.clone(),
                space: resource.space.clone(),
                slot,
                resource: resource.id.clone(),
                lease: place.lease.clone(),
                state: place.state.clone(),
                reason: reason.to_owned(),
                at: self.at,
            });
        }
    }

    /// Puts a lease whose place is lost back into the order it came in.
    pub fn back_to_waiting(&mut self, lease: Lease, reason: &str) -> Result<(), Lost> {
        let news = self.news(&lease.kind.clone());
        let said = Said { reason, detail: Some(waiting_detail(&lease, news)) };
        self.move_lease(lease, LeaseStatus::Pending, said, |lease| {
            lease.place = None;
            lease.resource = None;
            lease.acquired_at = None;
            lease.choice = 0;
            lease.fence = 0;
            lease.reason = Some(reason.to_owned());
            lease.epoch += 1;
        })?;
        Ok(())
    }

    /// Wants a resource away; with `idle_since`, only if nobody has been on it since then.
    pub fn end_resource(
        &mut self,
        id: &str,
        reason: &str,
        idle_since: Option<i64>,
        closes: bool,
    ) -> Result<Done, Lost> {
        let mut resource = self.resource(id)?;
        if idle_since.is_some() && (resource.used > 0 || resource.idle_since != idle_since) {
            return Err(Lost::InUse(resource.id));
        }
        if resource.status.alive() && resource.wanted == Wanted::Keep {
            resource.wanted = Wanted::End;
            resource.reason = Some(reason.to_owned());
            self.put_resource(resource);
            self.settle_resource(id, closes)?;
        }
        // One that is held since it broke is let go of.
        let held = self.resource(id)?;
        if held.status == ResourceStatus::Broken && held.due_at.is_none() {
            self.put_resource(Resource { due_at: Some(self.at), note: None, ..held });
        }
        let kind = self.resource(id)?.kind;
        Ok(Done { news: self.news(&kind), ..Done::default() })
    }

    /// Ends an active resource whose time is over; nothing if it is not. Of those that nobody has used, `least` of their
    /// blueprint stay.
    pub fn retire(&mut self, id: &str, idle_since: Option<i64>, least: i64, closes: bool) -> Result<Done, Lost> {
        let mut resource = self.resource(id)?;
        if resource.status != ResourceStatus::Active || resource.wanted == Wanted::End {
            return Ok(Done::default());
        }
        let life = resource.life.0;
        let old = life.max_age.is_some_and(|age| resource.created_at + age <= self.at);
        let unused = resource.used == 0 && resource.idle_since == idle_since;
        let due = |(since, timeout): (i64, i64)| rests_from(&resource, since) + timeout;
        let rested = idle_since.zip(life.idle_timeout).is_some_and(|times| due(times) <= self.at);
        let idle = rested && (unused || !self.protections.has(Protection::CloseGuard));
        if !old && !idle {
            return Ok(Done::default());
        }
        let kept = self.blueprint(&resource.blueprint, &resource.kind).kept;
        if !old && kept <= least && self.protections.has(Protection::Spared) {
            self.put_resource(Resource { spared_at: Some(self.at), ..resource });
            return Ok(Done::default());
        }
        let reason = if old { "it is as old as it may get (max_age)" } else { "nobody used it (idle_timeout)" };
        resource.wanted = Wanted::End;
        resource.reason = Some(reason.to_owned());
        let kind = resource.kind.clone();
        self.put_resource(resource);
        self.settle_resource(id, closes)?;
        Ok(Done { news: self.news(&kind), ..Done::default() })
    }

    /// A resource that is wanted away and empty is released.
    pub fn settle_resource(&mut self, id: &str, closes: bool) -> Result<(), Lost> {
        let mut resource = self.resource(id)?;
        if resource.drained.is_some() && resource.wanted == Wanted::Keep && resource.used == 0 {
            resource.wanted = Wanted::End;
            resource.reason = resource.drained.clone();
            resource = self.put_resource(resource);
        }
        let heeds = self.protections.has(Protection::CloseGuard) && self.protections.has(Protection::HeedPlaces);
        let empty = resource.used == 0 || !heeds;
        if resource.status.alive() && resource.wanted == Wanted::End && empty {
            let reason = resource.reason.clone().unwrap_or_default();
            // Whoever may be opening it drops that first, and closes it then: nobody else can know that it has.
            let opening = resource.status == ResourceStatus::Pending
                && self.is_alive(&resource.claim)
                && self.protections.has(Protection::SameHands);
            let claim = if opening { resource.claim.clone() } else { self.node.to_owned() };
            let at = self.at;
            let resource = self.move_resource(resource, ResourceStatus::Released, reason.as_str(), |resource| {
                resource.due_at = Some(at);
                resource.claim = claim;
                resource.epoch += 1;
            })?;
            if !closes || !self.protections.has(Protection::Cleanup) {
                self.destroy_resource(resource, "nothing to close")?;
            }
        }
        Ok(())
    }

    /// The commit in which a resource breaks: its places end, acquired leases wait again, active ones break. Every
    /// row's epoch is raised, so that whoever was acting on one is stale.
    pub fn break_resource(
        &mut self,
        resource: Resource,
        reason: &str,
        breaks_acquired: bool,
        closes: bool,
    ) -> Result<(), Lost> {
        let (at, node) = (self.at, self.node.to_owned());
        let places: Vec<Place> = self
            .rows
            .places
            .iter()
            .filter(|place| place.resource == resource.id && place.status != PlaceStatus::Gone)
            .cloned()
            .collect();
        let held = resource.life.0.hold_broken && resource.orphaned == 0;
        let resource = self.move_resource(resource, ResourceStatus::Broken, reason, |resource| {
            resource.reason = Some(reason.to_owned());
            resource.due_at = if held { None } else { Some(at) };
            resource.note = held.then(|| HELD.to_owned());
            resource.claim = node;
            resource.epoch += 1;
        })?;
        for place in places {
            let lease = self.lease(&place.lease)?;
            let current = lease.place.as_deref() == Some(&place.id);
            self.leave(place, reason)?;
            if !current {
                continue;
            }
            match lease.status {
                LeaseStatus::Acquired if breaks_acquired => {
                    self.finish_lease(lease, LeaseStatus::Broken, "broken", reason)?;
                }
                LeaseStatus::Acquired => self.back_to_waiting(lease, reason)?,
                LeaseStatus::Active => {
                    self.finish_lease(lease, LeaseStatus::Broken, "resource-lost", reason)?;
                }
                LeaseStatus::Released | LeaseStatus::Broken => {
                    self.move_lease(lease, LeaseStatus::Destroyed, "its place is gone", |_| {})?;
                }
                LeaseStatus::Pending | LeaseStatus::Destroyed => {}
            }
        }
        self.news(&resource.kind.clone());
        if !closes && !held {
            self.destroy_resource(self.resource(&resource.id)?, "nothing to close")?;
        }
        Ok(())
    }

    pub fn destroy_resource(&mut self, resource: Resource, reason: &str) -> Result<(), Lost> {
        let resource = self.move_resource(resource, ResourceStatus::Destroyed, reason, |_| {})?;
        self.end_nested(&resource)?;
        let mut blueprint = self.blueprint(&resource.blueprint, &resource.kind);
        blueprint.used -= 1;
        self.retired(blueprint);
        self.free_slots(&resource.id, &resource.kind, true);
        // Nobody can be kept from what is no more.
        self.rows.asides.remove(&(RESOURCES.to_owned(), resource.id));
        Ok(())
    }

    /// Sets aside what failed, where the next attempt will look: its slots, or the blueprint when it has none.
    pub fn strike(&mut self, slots: &[(String, String)], blueprint: &str, kind: &str, failure: &Failure) {
        if !self.protections.has(Protection::SettingAside) {
            return;
        }
        let whole = failure.blame == Blame::Plugin || slots.is_empty();
        if whole {
            let mut row = self.blueprint(blueprint, kind);
            row.failures += 1;
            row.not_before = self.at + backoff::pause(failure, row.failures, self.commit);
            row.reason = Some(failure.reason.clone());
            self.rows.blueprints.put(row);
            return;
        }
        for (space, slot) in slots {
            let failures = self.rows.asides.get(&(space.clone(), slot.clone())).map_or(0, |aside| aside.failures) + 1;
            self.rows.asides.put(Aside {
                space: space.clone(),
                slot: slot.clone(),
                kind: kind.to_owned(),
                failures,
                until: self.at + backoff::pause(failure, failures, self.commit),
                reason: failure.reason.clone(),
            });
        }
    }

    /// What worked is good again.
    pub fn clear_strikes(&mut self, slots: &[(String, String)], blueprint: &str) {
        for slot in slots {
            self.rows.asides.remove(slot);
        }
        if let Some(mut row) = self.rows.blueprints.get(&blueprint.to_owned()).cloned()
            && row.failures > 0
        {
            row.failures = 0;
            row.not_before = 0;
            row.reason = None;
            self.rows.blueprints.put(row);
        }
    }

    /// What a failed `activate` means for its lease and its place.
    pub fn activate_failed(&mut self, place: Place, failure: &Failure, closes: bool) -> Result<(), Lost> {
        let lease = self.lease(&place.lease)?;
        match failure.next {
            Next::Gone => {
                let resource = self.resource(&place.resource)?;
                self.strike(&named_slots(&resource), &resource.blueprint, &resource.kind, failure);
                self.break_resource(resource, &failure.reason, false, closes)
            }
            Next::BreakLease => self.finish_lease(lease, LeaseStatus::Broken, "broken", &failure.reason).map(|_| ()),
            Next::Elsewhere | Next::BackOff | Next::Attention => {
                let at = [(RESOURCES.to_owned(), place.resource.clone())];
                self.strike(&at, &place.blueprint, &place.kind, failure);
                self.leave(place, &failure.reason)?;
                self.back_to_waiting(lease, &failure.reason)
            }
        }
    }
}

/// A resource's named slots with their name space.
pub(super) fn named_slots(resource: &Resource) -> Vec<(String, String)> {
    let named = resource.slots.0.iter().filter_map(|slot| match slot {
        Slot::Named(key) => Some((resource.space.clone(), key.clone())),
        Slot::Counted { .. } => None,
    });
    named.collect()
}

/// An empty handout is no handout.
pub(super) fn handout(given: Option<crate::contract::Handout>) -> Doc<Option<crate::contract::Handout>> {
    Doc(Some(given.unwrap_or_default()))
}
