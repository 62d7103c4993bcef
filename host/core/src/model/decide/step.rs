//! What one call of an acting step came to.

use super::Deciding;
use super::end::handout;
use super::plan::start_activating;
use crate::contract::{Failure, Next};
use crate::model::backoff;
use crate::model::proposal::{Done, Lost, StepEnd, StepReport};
use crate::model::protection::Protection;
use crate::model::rows::{Doc, Lease, Place, Resource, Wanted};
use crate::model::status::{LeaseStatus, PlaceStatus, ResourceStatus};
use crate::plugin::Step;

/// A `release` that failed this often is given up: what it left is a leftover, and the resource is closed when empty.
pub const RELEASE_TRIES: i64 = 3;

impl Deciding<'_> {
    pub fn step(&mut self, report: &StepReport) -> Result<Done, Lost> {
        match report.step {
            Step::Open => self.opened(report)?,
            Step::Close => self.closed(report)?,
            Step::Activate => self.activated(report)?,
            Step::Release => self.released(report)?,
        }
        Ok(Done::default())
    }

    /// The resource whose step this is, if it is still that step's.
    fn stepping_resource(&self, report: &StepReport, statuses: &[ResourceStatus]) -> Result<Resource, Lost> {
        let resource = self.resource(&report.subject)?;
        let current = resource.epoch == report.epoch && statuses.contains(&resource.status);
        if current || !self.protections.has(Protection::Epochs) { Ok(resource) } else { Err(Lost::Epoch) }
    }

    fn opened(&mut self, report: &StepReport) -> Result<(), Lost> {
        let resource = self.stepping_resource(report, &[ResourceStatus::Pending])?;
        let kind = resource.kind.clone();
        match &report.end {
            StepEnd::Again { state, due_at, note, lease } => {
                let due_at = self.due(lease.as_deref(), *due_at);
                self.resource_again(resource, state.as_deref(), due_at, note);
            }
            StepEnd::Done { state, attributes, .. } => {
                self.clear_strikes(&report.slots, &resource.blueprint);
                self.clear_leftovers(&report.leftovers);
                let resource = self.move_resource(resource, ResourceStatus::Active, "open", |resource| {
                    resource.state = state.clone().or(resource.state.take());
                    if let Some(attributes) = attributes {
                        resource.attributes = attributes.clone();
                    }
                    resource.due_at = None;
                })?;
                self.open_places(&resource)?;
                self.news(&kind);
                self.settle_resource(&resource.id, report.closes)?;
            }
            StepEnd::Failed(failure) => {
                self.strike(&report.slots, &resource.blueprint, &kind, failure);
                let breaks = failure.next == Next::BreakLease;
                self.break_resource(resource, &failure.reason, breaks, report.closes)?;
            }
        }
        Ok(())
    }

    /// The places that were taken while the resource was pending go on.
    fn open_places(&mut self, resource: &Resource) -> Result<(), Lost> {
        let held: Vec<Place> = self
            .rows
            .places
            .iter()
            .filter(|place| place.resource == resource.id && place.status == PlaceStatus::Held)
            .cloned()
            .collect();
        for mut place in held {
            place.claim = self.node.to_owned();
            match place.ready.0.clone() {
                Some(ready) => {
                    let lease = self.lease(&place.lease)?;
                    self.rows.places.put(place);
                    let (at, claim) = (self.at, self.claim_of(&lease));
                    self.move_lease(lease, LeaseStatus::Active, "nothing to set up", |lease| {
                        lease.active_at = Some(at);
                        lease.handout = Doc(Some(ready));
                        lease.claim = claim;
                        lease.epoch += 1;
                    })?;
                }
                None => self.rows.places.put(start_activating(place, self.at)),
            }
        }
        Ok(())
    }

    /// When a step goes on; none: when the nested lease that it waits for is active.
    fn due(&self, lease: Option<&str>, due_at: i64) -> Option<i64> {
        match lease {
            Some(lease) if self.is_awaited(lease) => None,
            Some(_) => Some(self.at),
            None => Some(due_at),
        }
    }

    /// Without a state, the try failed or gave no answer.
    fn resource_again(&mut self, mut resource: Resource, state: Option<&str>, due_at: Option<i64>, note: &str) {
        if let Some(state) = state {
            resource.state = Some(state.to_owned());
        }
        resource.note = Some(note.to_owned());
        resource.attempt += 1;
        resource.failures += i64::from(state.is_none());
        resource.due_at = due_at;
        if due_at.is_none() {
            resource.waits_since = Some(self.at);
        }
        let event = crate::model::rows::Event {
            subject: crate::model::status::Subject::Resource,
            id: resource.id.clone(),
            pool: resource.kind.clone(),
            resource: Some(resource.id.clone()),
            was: resource.status.name().to_owned(),
            now: resource.status.name().to_owned(),
            epoch: resource.epoch,
            ..self.blank(note.into())
        };
        self.event(event);
        self.put_resource(resource);
    }

    /// Without a state, the try failed or gave no answer.
    fn place_again(&mut self, mut place: Place, state: Option<&str>, due_at: i64, note: &str) {
        if let Some(state) = state {
            place.state = Some(state.to_owned());
        }
        place.note = Some(note.to_owned());
        place.attempt += 1;
        place.failures += i64::from(state.is_none());
        place.due_at = Some(due_at);
        let event = crate::model::rows::Event {
            subject: crate::model::status::Subject::Place,
            id: place.id.clone(),
            pool: place.kind.clone(),
            lease: Some(place.lease.clone()),
            resource: Some(place.resource.clone()),
            was: place.status.name().to_owned(),
            now: place.status.name().to_owned(),
            epoch: place.epoch,
            ..self.blank(note.into())
        };
        self.event(event);
        self.rows.places.put(place);
    }

    fn closed(&mut self, report: &StepReport) -> Result<(), Lost> {
        let resource = self.stepping_resource(report, &[ResourceStatus::Released, ResourceStatus::Broken])?;
        match &report.end {
            StepEnd::Again { state, due_at, note, lease } => {
                let due_at = self.due(lease.as_deref(), *due_at);
                self.resource_again(resource, state.as_deref(), due_at, note);
            }
            StepEnd::Done { .. } => {
                self.clear_leftovers(&report.leftovers);
                self.destroy_resource(resource, "closed")?;
            }
            // Gone is as good as closed: what was on it is gone with it.
            StepEnd::Failed(failure) if failure.next == Next::Gone => {
                self.clear_leftovers(&report.leftovers);
                self.destroy_resource(resource, &failure.reason)?;
            }
            StepEnd::Failed(failure) => {
                let due_at = self.at + backoff::pause(failure, resource.failures + 1, self.commit);
                self.resource_again(resource, None, Some(due_at), &failure.reason);
            }
        }
        Ok(())
    }

    fn activated(&mut self, report: &StepReport) -> Result<(), Lost> {
        let place = self.place(&report.subject)?;
        let lease = self.lease(&place.lease)?;
        self.guard_stay(report, &place, &lease)?;
        match &report.end {
            _ if lease.wanted == Wanted::End
                && lease.status == LeaseStatus::Acquired
                && self.protections.has(Protection::LeaseGuard) =>
            {
                let (outcome, reason) = (lease.outcome.clone(), lease.reason.clone().unwrap_or_default());
                self.finish_lease(lease, LeaseStatus::Released, &outcome, &reason)?;
            }
            StepEnd::Again { state, due_at, note, .. } => self.place_again(place, state.as_deref(), *due_at, note),
            StepEnd::Done { state, handout: given, .. } => {
                let mut place = place;
                place.state = state.clone().or(place.state.take());
                place.due_at = None;
                place.note = None;
                self.rows.asides.remove(&(crate::model::proposal::RESOURCES.to_owned(), place.resource.clone()));
                self.rows.places.put(place);
                let at = self.at;
                self.move_lease(lease, LeaseStatus::Active, "set up", |lease| {
                    lease.active_at = Some(at);
                    lease.handout = handout(given.clone());
                })?;
            }
            StepEnd::Failed(failure) => self.activate_failed(place, failure, report.closes)?,
        }
        Ok(())
    }

    /// An answer counts for the stay that it was given for, as that stay was when it was asked.
    fn guard_stay(&self, report: &StepReport, place: &Place, lease: &Lease) -> Result<(), Lost> {
        let same_stay = place.status == PlaceStatus::Held && lease.place.as_deref() == Some(&place.id);
        if self.protections.has(Protection::Stay) && !same_stay {
            return Err(Lost::Epoch);
        }
        if self.protections.has(Protection::Epochs) && place.epoch != report.epoch {
            return Err(Lost::Epoch);
        }
        if self.protections.has(Protection::LeaseGuard) && lease.status != LeaseStatus::Acquired {
            return Err(Lost::Lease(lease.id.clone()));
        }
        Ok(())
    }

    fn released(&mut self, report: &StepReport) -> Result<(), Lost> {
        let place = self.place(&report.subject)?;
        if place.status != PlaceStatus::Leaving
            || place.epoch != report.epoch && self.protections.has(Protection::Epochs)
        {
            return Err(Lost::Epoch);
        }
        match &report.end {
            StepEnd::Again { state, due_at, note, .. } => self.place_again(place, state.as_deref(), *due_at, note),
            StepEnd::Done { .. } => self.place_gone(place, "released", report.closes)?,
            StepEnd::Failed(failure) if failure.next == Next::Gone => {
                let resource = self.resource(&place.resource)?;
                match resource.status.alive() {
                    true => self.break_resource(resource, &failure.reason, false, report.closes)?,
                    false => self.place_gone(place, &failure.reason, report.closes)?,
                }
            }
            StepEnd::Failed(failure) if place.failures + 1 >= RELEASE_TRIES => {
                self.give_up_release(place, failure, report.closes)?;
            }
            StepEnd::Failed(failure) => {
                let due_at = self.at + backoff::pause(failure, place.failures + 1, self.commit);
                self.place_again(place, None, due_at, &failure.reason);
            }
        }
        Ok(())
    }

    fn place_gone(&mut self, place: Place, reason: &str, closes: bool) -> Result<(), Lost> {
        let (id, lease, resource) = (place.id.clone(), place.lease.clone(), place.resource.clone());
        self.move_place(place, PlaceStatus::Gone, reason, |_| {})?;
        let lease = self.lease(&lease)?;
        if lease.place.as_deref() == Some(&id) && matches!(lease.status, LeaseStatus::Released | LeaseStatus::Broken) {
            self.move_lease(lease, LeaseStatus::Destroyed, "its place is gone", |_| {})?;
        }
        self.settle_resource(&resource, closes)
    }

    fn give_up_release(&mut self, place: Place, failure: &Failure, closes: bool) -> Result<(), Lost> {
        let mut resource = self.resource(&place.resource)?;
        let reason = format!("could not be cleaned: {}", failure.reason);
        self.leave_behind(&place, &resource, &reason);
        if resource.wanted == Wanted::Keep {
            resource.wanted = Wanted::End;
            resource.reason = Some(reason.clone());
            self.put_resource(resource);
        }
        self.place_gone(place, &reason, closes)
    }

    fn clear_leftovers(&mut self, places: &[String]) {
        let cleared: Vec<_> = self
            .rows
            .leftovers
            .iter()
            .filter(|leftover| places.contains(&leftover.place))
            .map(|leftover| (leftover.place.clone(), leftover.space.clone(), leftover.slot.clone()))
            .collect();
        for key in cleared {
            self.rows.leftovers.remove(&key);
        }
    }
}
