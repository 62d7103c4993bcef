//! Leases that a resource has for itself: asked for while it is opened, ended with it.

use super::Deciding;
use super::ask::{Inherited, waiting_detail};
use super::transition::Said;
use crate::model::proposal::{Done, Lost, Nest};
use crate::model::protection::Protection;
use crate::model::rows::{Lease, Resource, Wanted};
use crate::model::status::{LeaseStatus, PlaceStatus, ResourceStatus};
use std::collections::BTreeSet;

/// How much later than everybody else a resource comes that was built for nobody. Milliseconds: a hundred years.
const FOR_NOBODY: i64 = 3_155_760_000_000;

/// Whether a lease of this place in the order is for a resource that was built for nobody. Nothing is closed for it.
pub fn is_for_nobody(ord: i64) -> bool {
    ord >= FOR_NOBODY
}

impl Deciding<'_> {
    /// All of them are asked for in this commit, or were in an earlier one.
    pub fn nest(&mut self, nest: &Nest) -> Result<Done, Lost> {
        let resource = self.resource(&nest.resource)?;
        let current = resource.status == ResourceStatus::Pending && resource.epoch == nest.epoch;
        // What is wanted away goes on opening only for those who are on it.
        let goes_on = resource.wanted == Wanted::Keep || resource.used > 0;
        if !(current && goes_on) && self.protections.has(Protection::Epochs) {
            return Err(Lost::Epoch);
        }
        let first = self.first_on(&resource.id);
        let (owner, ord) = match &first {
            Some(lease) => (lease.owner.clone(), lease.ord),
            None => (resource.blueprint.clone(), self.at.saturating_add(FOR_NOBODY)),
        };
        let mut leases = Vec::with_capacity(nest.leases.len());
        for new in &nest.leases {
            let inherited = Inherited { owner: &owner, ord, holder: Some(&resource.id), turn: None };
            leases.push(self.ask_as(new, inherited)?.existing.unwrap_or_else(|| new.id.clone()));
        }
        Ok(Done { leases, ..Done::default() })
    }

    /// What a resource that was built for nobody waits for, directly or by way of others, is from now on for this lease.
    pub(super) fn adopt(&mut self, resource: &str, lease: &Lease) -> Result<(), Lost> {
        if !self.protections.has(Protection::Adopted) {
            return Ok(());
        }
        let mut storeys = vec![resource.to_owned()];
        while let Some(storey) = storeys.pop() {
            let for_nobody = |nested: &&Lease| {
                nested.holder.as_ref() == Some(&storey) && !nested.status.ended() && is_for_nobody(nested.ord)
            };
            let nested: Vec<Lease> = self.rows.leases.iter().filter(for_nobody).cloned().collect();
            for nested in nested {
                storeys.extend(nested.resource.clone());
                let nested = Lease { owner: lease.owner.clone(), ord: lease.ord, ..nested };
                let news = self.news(&nested.kind.clone());
                let reason = format!("what it was leased for is for {} now", lease.id);
                let said = Said { reason: &reason, detail: Some(waiting_detail(&nested, news)) };
                self.lease_event(&nested, nested.status.name(), said);
                self.rows.leases.put(nested);
            }
        }
        Ok(())
    }

    /// The first in the order of those whose places are on a resource.
    fn first_on(&self, resource: &str) -> Option<Lease> {
        let held =
            self.rows.places.iter().filter(|place| place.resource == resource && place.status == PlaceStatus::Held);
        let leases = held.filter_map(|place| self.rows.leases.get(&place.lease));
        leases.min_by_key(|lease| (lease.ord, &lease.id)).cloned()
    }

    /// The resource that a nested lease is for goes on when that is active, and ends when it is lost.
    pub(super) fn tell_holder(&mut self, lease: &Lease) {
        let Some(holder) = &lease.holder else { return };
        let Some(resource) = self.rows.resources.get(holder).cloned() else { return };
        if resource.status == ResourceStatus::Destroyed || resource.orphaned == 1 {
            return;
        }
        if lease.status.ended() {
            let reason = format!(
                "{}, which it stands on, ended ({}): {}",
                lease.id,
                lease.outcome,
                lease.reason.as_deref().unwrap_or("no reason was given")
            );
            let (at, epoch) = (self.at, resource.epoch + 1);
            self.put_resource(Resource { orphaned: 1, reason: Some(reason), due_at: Some(at), epoch, ..resource });
        } else if lease.status == LeaseStatus::Active && resource.status == ResourceStatus::Pending {
            let at = self.at;
            self.put_resource(waited(Resource { due_at: Some(at), ..resource }, at));
        }
    }

    /// Whether a nested lease that a step waits for will still tell.
    pub(super) fn is_awaited(&self, lease: &str) -> bool {
        let waits = |lease: &Lease| matches!(lease.status, LeaseStatus::Pending | LeaseStatus::Acquired);
        self.rows.leases.get(&lease.to_owned()).is_some_and(waits)
    }

    /// Ends a resource that stands on what is lost. What it had made is in the places that it had, and goes with them.
    pub fn abandon(&mut self, id: &str, epoch: i64) -> Result<Done, Lost> {
        let resource = self.resource(id)?;
        if resource.orphaned == 0 || resource.epoch != epoch || resource.status == ResourceStatus::Destroyed {
            return Err(Lost::Epoch);
        }
        let reason = resource.reason.clone().unwrap_or_default();
        if resource.status.alive() {
            self.break_resource(resource, &reason, false, false)?;
        } else {
            self.destroy_resource(resource, &reason)?;
        }
        Ok(Done::default())
    }

    /// Nobody is on a resource any more, so what it stands on can be had by closing it.
    pub(super) fn freed_beneath(&mut self, resource: &str) {
        let mut kinds = BTreeSet::new();
        let mut storeys = vec![resource.to_owned()];
        while let Some(storey) = storeys.pop() {
            let nested = self.rows.leases.iter().filter(|lease| lease.holder.as_ref() == Some(&storey));
            for lease in nested.filter(|lease| !lease.status.ended()) {
                kinds.insert(lease.kind.clone());
                storeys.extend(lease.resource.clone());
            }
        }
        if self.protections.has(Protection::Towers) {
            kinds.iter().for_each(|kind| self.freed(kind));
        }
    }

    /// Ends what a resource has leased for itself.
    pub(super) fn end_nested(&mut self, resource: &Resource) -> Result<(), Lost> {
        let held = self.rows.leases.iter().filter(|lease| lease.holder.as_deref() == Some(&resource.id));
        let nested: Vec<String> = held.filter(|lease| !lease.status.ended()).map(|lease| lease.id.clone()).collect();
        for lease in nested {
            let reason = format!("{}, which it was leased for, is gone", resource.name);
            self.end_lease(&lease, "holder-gone", &reason)?;
        }
        Ok(())
    }
}

/// The time for which a resource waited for a nested lease does not count as time of its opening.
pub(super) fn waited(resource: Resource, at: i64) -> Resource {
    let waited = resource.waits_since.map_or(0, |since| (at - since).max(0));
    Resource { open_by: resource.open_by.saturating_add(waited), waits_since: None, ..resource }
}
