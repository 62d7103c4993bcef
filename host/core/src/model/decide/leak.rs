//! What is left outside, where nobody will clean it up by itself.

use super::Deciding;
use super::transition::Said;
use crate::contract::Slot;
use crate::model::proposal::{Done, Forget, Late, Lost};
use crate::model::rows::{Event, Leak, Leftover, Resource};
use crate::model::status::{LeaseStatus, PlaceStatus, ResourceStatus, Subject};
use crate::plugin::Step;

impl Deciding<'_> {
    /// A step was answered when its row was somebody else's already. While that one goes on with it, it finds what was
    /// made, under the same key; once it has begun to end it, nobody may look again.
    pub fn late(&mut self, late: &Late) -> Result<Done, Lost> {
        let reason = format!("{} was answered when its row had gone on without it: {}", late.step.name(), late.reason);
        match late.step {
            Step::Open | Step::Close => {
                let resource = self.resource(&late.subject)?;
                if !resource.status.alive() {
                    self.leak(&late.leak, &resource, &reason);
                }
            }
            Step::Activate | Step::Release => {
                let place = self.place(&late.subject)?;
                let resource = self.resource(&place.resource)?;
                let current = self.rows.leases.get(&place.lease).is_some_and(|lease| {
                    lease.place.as_deref() == Some(&place.id)
                        && matches!(lease.status, LeaseStatus::Acquired | LeaseStatus::Active)
                });
                let goes_on = place.status == PlaceStatus::Held && current;
                let reopened = resource.slots.0.iter().any(|slot| matches!(slot, Slot::Named(_)));
                match resource.status.alive() || reopened {
                    _ if goes_on => {}
                    // Whoever closes the resource, or opens the next one with its slots, clears it.
                    true => self.leave_behind(&place, &resource, &reason),
                    false => self.leak(&late.leak, &resource, &reason),
                }
            }
        }
        Ok(Done::default())
    }

    /// An operator gives up on a resource: it counts as closed, and what it may have left is on the list.
    pub fn forget(&mut self, forget: &Forget) -> Result<Done, Lost> {
        let resource = self.resource(&forget.resource)?;
        if resource.status == ResourceStatus::Destroyed {
            return Ok(Done::default());
        }
        let closing = matches!(resource.status, ResourceStatus::Released | ResourceStatus::Broken);
        let held = resource.due_at.is_none();
        if !closing || resource.attempt == 0 && !held {
            return Err(Lost::NotStuck(resource.id, resource.status));
        }
        // What is left under its slots is cleared when they are used again; for the rest that will never be.
        let left: Vec<Leftover> = self
            .rows
            .leftovers
            .iter()
            .filter(|left| left.resource == resource.id && left.slot.is_empty())
            .cloned()
            .collect();
        let said = resource.note.as_deref().or(resource.reason.as_deref()).unwrap_or("nothing is known");
        let mut reason = format!("given up ({}); the last that was known: {said}", forget.reason);
        for left in left {
            reason.push_str(&format!("; place {} left something: {}", left.place, left.reason));
            self.rows.leftovers.remove(&(left.place, left.space, left.slot));
        }
        self.leak(&forget.leak, &resource, &reason);
        let kind = resource.kind.clone();
        // Whoever is calling its close is stale from now on.
        let resource = Resource { epoch: resource.epoch + 1, ..resource };
        self.destroy_resource(resource, &reason)?;
        Ok(Done { news: self.news(&kind), ..Done::default() })
    }

    /// Somebody has cleaned up by hand.
    pub fn clear_leak(&mut self, id: &str, reason: &str) -> Result<Done, Lost> {
        let leak = self.rows.leaks.get(&id.to_owned()).cloned().ok_or_else(|| Lost::Missing(id.to_owned()))?;
        self.rows.leaks.remove(&leak.id);
        self.pool_event("", &format!("{} of {} was taken off the leak list: {reason}", leak.id, leak.resource));
        Ok(Done::default())
    }

    fn leak(&mut self, id: &str, resource: &Resource, reason: &str) {
        self.rows.leaks.put(Leak {
            id: id.to_owned(),
            blueprint: resource.blueprint.clone(),
            resource: resource.id.clone(),
            name: resource.name.clone(),
            state: resource.state.clone(),
            reason: reason.to_owned(),
            at: self.at,
        });
        let status = resource.status.name().to_owned();
        let event = Event {
            subject: Subject::Resource,
            id: resource.id.clone(),
            pool: resource.kind.clone(),
            resource: Some(resource.id.clone()),
            was: status.clone(),
            now: status,
            epoch: resource.epoch,
            ..self.blank(Said { reason, detail: Some(serde_json::json!({ "leak": id }).to_string()) })
        };
        self.event(event);
    }
}
