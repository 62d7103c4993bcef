//! Resources that don't answer, and those that do again.

use super::Deciding;
use super::transition::Said;
use crate::contract::Verdict;
use crate::model::proposal::{Checked, Done, Lost};
use crate::model::protection::Protection;
use crate::model::rows::{Event, Place, Resource};
use crate::model::status::{PlaceStatus, ResourceStatus, Subject};

impl Deciding<'_> {
    /// What a look at an active resource has found. It changes nothing for who is on the resource already, unless that
    /// is gone.
    pub fn checked(&mut self, checked: &Checked) -> Result<Done, Lost> {
        let resource = self.resource(&checked.resource)?;
        if resource.status != ResourceStatus::Active || resource.epoch != checked.epoch {
            return Err(Lost::Epoch);
        }
        match &checked.verdict {
            Verdict::Gone(reason) => self.break_resource(resource, reason, false, checked.closes)?,
            Verdict::Sick(_) if resource.sick.is_some() => {}
            Verdict::Sick(reason) => self.out_of_use(resource, reason, "it is out of use: "),
            Verdict::Healthy if resource.sick.is_none() => {}
            Verdict::Healthy => self.answers_again(resource),
        }
        Ok(Done::default())
    }

    fn out_of_use(&mut self, resource: Resource, reason: &str, said: &str) {
        let said = format!("{said}{reason}");
        self.health_event(&resource, &said);
        self.news(&resource.kind.clone());
        self.put_resource(Resource { sick: Some(reason.to_owned()), ..resource });
    }

    /// It is lent again once nothing is left on it of those who let go meanwhile; that is seen to now.
    fn answers_again(&mut self, resource: Resource) {
        const CLEARING: &str = "it answers again; what was left on it is being cleared";
        let leaving = |place: &&Place| place.resource == resource.id && place.status == PlaceStatus::Leaving;
        let leaving: Vec<Place> = self.rows.places.iter().filter(leaving).cloned().collect();
        if !leaving.is_empty() && self.protections.has(Protection::ClearedFirst) {
            for place in leaving {
                let due = place.due_at.map_or(self.at, |due| due.min(self.at));
                self.rows.places.put(Place { due_at: Some(due), ..place });
            }
            if resource.sick.as_deref() != Some(CLEARING) {
                self.out_of_use(resource, CLEARING, "");
            }
            return;
        }
        self.health_event(&resource, "it answers again");
        self.allocatable(&resource.kind.clone());
        self.put_resource(Resource { sick: None, ..resource });
    }

    fn health_event(&mut self, resource: &Resource, reason: &str) {
        let event = Event {
            subject: Subject::Resource,
            id: resource.id.clone(),
            pool: resource.kind.clone(),
            resource: Some(resource.id.clone()),
            was: resource.status.name().to_owned(),
            now: resource.status.name().to_owned(),
            epoch: resource.epoch,
            ..self.blank(Said::from(reason))
        };
        self.event(event);
    }
}
