//! Stage 4: what stands in the way of those who wait, and is idle, is closed for them.

use super::answers::Allocated;
use super::look::{ClassLook, Storey};
use super::plan::Work;
use super::terms::Terms;
use crate::contract::{Refusal, Slot};
use crate::engine::api::Obstacle;
use crate::model::proposal::{Item, Reclaim};
use crate::model::protection::Protection;
use crate::model::rows::{Considered, Resource};

impl<'a> Work<'a> {
    /// Closes as much as so many leases of a class need. What is being closed already counts as coming, once for each
    /// who waits for it, until closing it has failed. True if somebody's room is coming by it.
    pub fn reclaim(&mut self, class: &'a ClassLook, waiting: usize, obstacles: &mut Vec<Obstacle>) -> bool {
        // Whoever is still being answered may yet be served without it.
        if self.is_answering(&class.class.id) {
            return false;
        }
        let answers = &class.class.answers.0;
        let serving = answers.iter().filter(|(_, answer)| matches!(answer, Considered::Serves(_)));
        let mut blueprints: Vec<&Terms> = serving.filter_map(|(name, _)| self.planner.terms.get(name)).collect();
        blueprints.sort_by_key(|terms| (-i64::from(terms.priority), &terms.name));
        for terms in blueprints {
            let failing = self.look.blueprints.get(&terms.name).is_some_and(|row| row.not_before > self.planner.at);
            if self.shut(terms).is_some() || failing {
                continue;
            }
            let standing = self.standing(class, terms);
            let needed = waiting.div_ceil(terms.leases_per_resource.max(1) as usize);
            if self.make_room(&standing, needed, terms, obstacles) {
                return true;
            }
        }
        false
    }

    /// What stands in the way of a class at a blueprint.
    fn standing(&mut self, class: &ClassLook, terms: &Terms) -> Vec<&'a Resource> {
        let look = self.look;
        if terms.max_resources.is_some_and(|max| self.count(&terms.name) >= max) {
            self.planned.full.insert(terms.name.clone());
            // The next look brings them.
            self.planned.more |= !look.full.contains(&terms.name);
            let own = look.standing.get(&terms.name).into_iter().flatten();
            return own.chain(self.above(|storey| storey.blueprint == terms.name)).collect();
        }
        let (freed, at) = (look.pool_of(&class.class.kind).freed, self.planner.at);
        match self.planner.answers.allocated(&class.class.id, &terms.name, freed, at) {
            Some(Allocated::Refused { refusal: Refusal::Full { slots, resources, .. }, .. }) => {
                let named = |slot: &Slot| slots.iter().any(|name| slot.key() == name);
                let above = self.above(|storey| {
                    resources.contains(&storey.resource)
                        || storey.space == terms.space && storey.slots.0.iter().any(named)
                });
                let slots = slots.iter().map(|slot| (terms.space.clone(), slot.clone()));
                let resources = resources.iter().map(|id| (String::new(), id.clone()));
                let own = slots.chain(resources).filter_map(|key| look.owners.get(&key));
                own.chain(above).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The tops of towers that stand on such a resource.
    fn above(&self, on: impl Fn(&Storey) -> bool) -> impl Iterator<Item = &'a Resource> {
        let seen = if self.has(Protection::Towers) { self.look.towers.as_slice() } else { &[] };
        let towers = seen.iter().filter(move |tower| tower.beneath.iter().any(&on));
        towers.map(|tower| &tower.top)
    }

    /// True if somebody's room is coming by it.
    fn make_room(
        &mut self,
        standing: &[&Resource],
        mut needed: usize,
        terms: &Terms,
        obstacles: &mut Vec<Obstacle>,
    ) -> bool {
        let before = needed;
        // What has failed to close once does not count as coming any more.
        let coming = |resource: &&&Resource| !resource.status.alive() && resource.failures == 0;
        for resource in standing.iter().filter(coming) {
            if needed > 0 && self.promised.insert(resource.id.clone()) {
                obstacles.push(closing(terms, resource));
                needed -= 1;
            }
        }
        let (at, grace) = (self.planner.at, self.has(Protection::Grace));
        for resource in standing.iter().filter(|resource| resource.status.alive()) {
            if needed == 0 {
                break;
            }
            if self.in_use(resource) > 0 || self.promised.contains(&resource.id) {
                continue;
            }
            let due = resource.idle_since.unwrap_or(at) + terms.reclaim_after;
            if due > at && grace {
                self.wake_at(Some(due));
                continue;
            }
            self.promised.insert(resource.id.clone());
            // Nobody else is placed on it by this plan.
            self.used.insert(resource.id.clone(), resource.shares + resource.overflow);
            let closes = self.planner.terms.get(&resource.blueprint).is_none_or(|terms| terms.steps.close);
            self.planned.plan.items.push(Item::Reclaim(Reclaim {
                resource: resource.id.clone(),
                idle_since: resource.idle_since,
                reason: "it was idle, and stood in the way of others".to_owned(),
                closes,
            }));
            obstacles.push(closing(terms, resource));
            needed -= 1;
        }
        needed < before
    }
}

fn closing(terms: &Terms, resource: &Resource) -> Obstacle {
    Obstacle {
        blueprint: terms.name.clone(),
        reason: format!("{} is being closed to make room", resource.name),
        ..Obstacle::default()
    }
}
