//! Stages 1 and 3: a place on a resource that has room, or may be given beyond its shares.

use super::answers::Question;
use super::look::ClassLook;
use super::plan::{QUESTIONS, Work, asking, obstacle};
use super::terms::Terms;
use crate::contract::Acquisition;
use crate::engine::api::Obstacle;
use crate::model::proposal::{Item, Overflow, Placement, RESOURCES};
use crate::model::protection::Protection;
use crate::model::rows::Resource;
use crate::model::status::ResourceStatus;

impl Work<'_> {
    /// Stage 1: a resource with room.
    pub(super) fn share(
        &mut self,
        class: &ClassLook,
        lease: &str,
        candidates: &[&Resource],
        asked: &mut usize,
        obstacles: &mut Vec<Obstacle>,
    ) -> bool {
        for resource in candidates {
            let Some(terms) = self.planner.terms.get(&resource.blueprint).cloned() else { continue };
            if resource.status == ResourceStatus::Pending && !self.has(Protection::Coming) {
                continue;
            }
            if self.shut(&terms).is_some() || self.kept_resources.contains(&resource.id) {
                continue;
            }
            let Some((room, overflow)) = self.room(resource, &terms) else { continue };
            if let Some(aside) = self.aside(RESOURCES, &resource.id) {
                obstacles.push(Obstacle { blueprint: terms.name.clone(), ..aside });
                continue;
            }
            let (news, at) = (self.look.pool_of(&class.class.kind).news, self.planner.at);
            match self.planner.answers.acquired(&class.class.id, resource, news, at) {
                Some(answer) => match &answer.result {
                    Ok(acquisition) if i64::from(acquisition.share) <= room => {
                        let acquisition = acquisition.clone();
                        if !self.slots_free(&resource.space, &acquisition.slots) {
                            continue;
                        }
                        self.place(lease, resource, acquisition, overflow, &terms);
                        return true;
                    }
                    Ok(_) => {}
                    Err(refusal) => {
                        self.wake_at(answer.until);
                        obstacles.push(obstacle(&terms.name, refusal, answer.until));
                    }
                },
                None if *asked < QUESTIONS => {
                    *asked += 1;
                    let question = Question::Acquire { class: class.class.id.clone(), resource: resource.id.clone() };
                    if self.ask(question) {
                        self.kept_resources.insert(resource.id.clone());
                    }
                    obstacles.push(asking(&terms.name));
                    // Beyond their shares nobody is passed that carries less.
                    if overflow.is_some() {
                        return false;
                    }
                }
                None => {}
            }
        }
        false
    }

    /// Shares that a resource has left: its own, or, when those are given and its blueprint can't grow, those beyond.
    fn room(&self, resource: &Resource, terms: &Terms) -> Option<(i64, Option<Overflow>)> {
        let load = self.in_use(resource);
        let room = resource.room - (load - resource.used);
        if room > 0 {
            return Some((room, None));
        }
        let max_resources = terms.max_resources?;
        let left = resource.shares + resource.overflow - load;
        if resource.life.0.max_uses.is_some_and(|max| resource.uses >= max) {
            return None;
        }
        let coming = resource.status == ResourceStatus::Active || self.has(Protection::OverflowPending);
        let full = self.count(&terms.name) >= max_resources;
        (left > 0 && full && coming).then_some((left, Some(Overflow { load, max_resources })))
    }

    fn place(
        &mut self,
        lease: &str,
        resource: &Resource,
        acquisition: Acquisition,
        overflow: Option<Overflow>,
        terms: &Terms,
    ) {
        let used = self.in_use(resource) + i64::from(acquisition.share);
        self.used.insert(resource.id.clone(), used);
        self.take_slots(&resource.space, &acquisition.slots);
        let placement = self.placement(lease, &resource.id, &resource.space, acquisition, terms);
        self.planned.plan.items.push(Item::Place(Placement { overflow, ..placement }));
    }

    pub(super) fn placement(
        &mut self,
        lease: &str,
        resource: &str,
        space: &str,
        acquisition: Acquisition,
        terms: &Terms,
    ) -> Placement {
        Placement {
            lease: lease.to_owned(),
            resource: resource.to_owned(),
            place: (self.planner.new_place)(),
            space: space.to_owned(),
            acquisition,
            overflow: None,
            choice: self.choice,
            quota: self.count_quota(lease),
            activates: terms.steps.activate,
            releases: terms.steps.release,
        }
    }
}
