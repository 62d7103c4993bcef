//! Stage 2: a new resource.

use super::answers::{Allocated, Offer, Question};
use super::look::{ClassLook, Waiting};
use super::plan::{Work, asking, obstacle, times};
use super::terms::Terms;
use crate::contract::Slot;
use crate::engine::api::Obstacle;
use crate::model::proposal::{Build, Item, Placement};
use crate::model::protection::Protection;
use crate::model::rows::Considered;

impl<'a> Work<'a> {
    /// Stage 2: a new resource, for the first of those who wait and for as many more as find room on it.
    pub(super) fn build(&mut self, class: &'a ClassLook, waiting: &[&Waiting], obstacles: &mut Vec<Obstacle>) -> usize {
        let mut blueprints: Vec<&Terms> = class
            .class
            .answers
            .0
            .iter()
            .filter(|(_, answer)| matches!(answer, Considered::Serves(_)))
            .filter_map(|(name, _)| self.planner.terms.get(name))
            .collect();
        let answers = self.planner.answers;
        let id = &class.class.id;
        // As the request names them, then priority, then expected time, then chance: the ids of offers are random.
        blueprints.sort_by_cached_key(|terms| {
            let offer = match answers.allocated.get(&(id.clone(), terms.name.clone())) {
                Some(Allocated::Offers(offers)) => offers.first(),
                _ => None,
            };
            let expected = offer.and_then(|offer| offer.allocation.expected).unwrap_or(0);
            let wished = class.class.request.0.blueprints.iter().position(|name| *name == terms.name);
            (wished, -i64::from(terms.priority), expected, offer.map(|offer| offer.resource.clone()))
        });
        for terms in blueprints {
            if let Some(obstacle) = self.closed_to_building(terms) {
                obstacles.push(obstacle);
                continue;
            }
            let (freed, at) = (self.look.pool_of(&class.class.kind).freed, self.planner.at);
            match answers.allocated(id, &terms.name, freed, at) {
                Some(Allocated::Offers(offers)) => {
                    let free = offers.iter().find(|offer| self.offer_is_free(offer, terms, obstacles));
                    match free {
                        Some(offer) => return self.build_offer(offer, terms, waiting),
                        // Every offer is taken, by this plan or by what was set aside: a fresh list is needed.
                        None => self.ask_for_offers(class, terms, obstacles, offers),
                    }
                }
                Some(Allocated::Refused { refusal, until, .. }) => {
                    self.wake_at(*until);
                    obstacles.push(obstacle(&terms.name, refusal, *until));
                }
                None => self.ask_for_offers(class, terms, obstacles, &[]),
            }
        }
        0
    }

    /// Why a blueprint builds nothing now, whatever it would offer.
    pub(super) fn closed_to_building(&mut self, terms: &Terms) -> Option<Obstacle> {
        let named = |reason: String, until| {
            Some(Obstacle { blueprint: terms.name.clone(), reason, until, ..Obstacle::default() })
        };
        if let Some(reason) = self.shut(terms) {
            return named(reason, None);
        }
        if self.kept_blueprints.contains(&terms.name) {
            return named("it is deciding about an older request".to_owned(), None);
        }
        let row = self.look.blueprints.get(&terms.name);
        let used = self.count(&terms.name);
        if let Some(max) = terms.max_resources
            && used >= max
        {
            return named(format!("it has {used} of at most {max} resources"), None);
        }
        let building = row.map_or(0, |row| row.building) + self.built.get(&terms.name).copied().unwrap_or(0);
        if let Some(max) = terms.max_building
            && building >= max
        {
            return named(format!("{building} are being opened, of at most {max} at once"), None);
        }
        let row = row?;
        if row.failures > 0 && self.has(Protection::SettingAside) {
            if row.not_before > self.planner.at {
                self.wake_at(Some(row.not_before));
                let why = row.reason.clone().unwrap_or_default();
                let reason = format!("it is set aside, it failed {}: {why}", times(row.failures));
                return named(reason, Some(row.not_before));
            }
            // One probe at a time until it works again, whichever plan has built it.
            if building > 0 {
                let why = row.reason.as_deref().map(|why| format!("; it failed: {why}")).unwrap_or_default();
                return named(format!("it is being tried again with one resource{why}"), None);
            }
        }
        None
    }

    pub(super) fn offer_is_free(&mut self, offer: &Offer, terms: &Terms, obstacles: &mut Vec<Obstacle>) -> bool {
        if self.offers.contains(&offer.resource) {
            return false;
        }
        for slot in &offer.allocation.slots {
            if let Some(aside) = self.aside(&terms.space, slot.key()) {
                let known = Obstacle { blueprint: terms.name.clone(), ..aside };
                if !obstacles.contains(&known) {
                    obstacles.push(known);
                }
                return false;
            }
            // An offer that came after the look began: the next look says whether it is still to be had.
            let named = matches!(slot, Slot::Named(_));
            if named && !self.look.offered.contains(&(terms.space.clone(), slot.key().to_owned())) {
                self.planned.more = true;
                return false;
            }
        }
        self.slots_free(&terms.space, &offer.allocation.slots)
    }

    pub(super) fn ask_for_offers(
        &mut self,
        class: &ClassLook,
        terms: &Terms,
        obstacles: &mut Vec<Obstacle>,
        offers: &[Offer],
    ) {
        // When all that is offered is set aside, time will tell, and asking again would not.
        let all_aside = !offers.is_empty()
            && offers
                .iter()
                .all(|offer| offer.allocation.slots.iter().any(|slot| self.aside(&terms.space, slot.key()).is_some()));
        if all_aside || self.planned.more && !offers.is_empty() {
            return;
        }
        let (freed, at) = (self.look.pool_of(&class.class.kind).freed, self.planner.at);
        let all_used = !offers.is_empty() && offers.iter().all(|offer| self.offers.contains(&offer.resource));
        if all_used && self.planner.answers.is_exhausted(&class.class.id, &terms.name, freed, at) {
            let reason = format!("it has no more than {} for now", offers.len());
            obstacles.push(Obstacle { blueprint: terms.name.clone(), reason, ..Obstacle::default() });
            return;
        }
        let question = Question::Allocate { class: class.class.id.clone(), blueprint: terms.name.clone() };
        let taken = |slot: &Slot| self.look.taken.contains(&(terms.space.clone(), slot.key().to_owned()));
        let useless = !offers.is_empty() && offers.iter().all(|offer| offer.allocation.slots.iter().any(taken));
        if useless && !self.planner.answers.open.contains_key(&question) {
            self.planned.useless.push((class.class.id.clone(), terms.name.clone()));
        }
        if self.ask(question) && terms.max_resources.is_some() {
            self.kept_blueprints.insert(terms.name.clone());
        }
        obstacles.push(asking(&terms.name));
    }

    fn build_offer(&mut self, offer: &Offer, terms: &Terms, waiting: &[&Waiting]) -> usize {
        let shares = shares(offer, terms);
        let share = i64::from(offer.acquisition.share.max(1));
        let alike = offer.acquisition.slots.is_empty();
        let uses = terms.life.max_uses.unwrap_or(i64::MAX);
        let count = if alike { (shares / share).min(uses).max(1) as usize } else { 1 };
        let mut takers: Vec<Placement> = Vec::with_capacity(count.min(waiting.len()));
        for Waiting { lease, .. } in waiting {
            if takers.len() == count {
                break;
            }
            // The others of its owner may be placed by now.
            if self.may_have_more(lease) {
                let acquisition = offer.acquisition.clone();
                takers.push(self.placement(lease, &offer.resource, &terms.space, acquisition, terms));
            }
        }
        let count = takers.len();
        let build = self.build_of(offer, terms, takers);
        self.planned.plan.items.push(Item::Build(Box::new(build)));
        count
    }

    /// What is offered, for these.
    pub(super) fn build_of(&mut self, offer: &Offer, terms: &Terms, takers: Vec<Placement>) -> Build {
        self.offers.insert(offer.resource.clone());
        self.take_slots(&terms.space, &offer.allocation.slots);
        *self.built.entry(terms.name.clone()).or_default() += 1;
        Build {
            resource: offer.resource.clone(),
            blueprint: terms.name.clone(),
            space: terms.space.clone(),
            revision: terms.revision,
            digest: terms.digest.clone(),
            allocation: offer.allocation.clone(),
            shares: shares(offer, terms),
            overflow: terms.overflow,
            max_resources: terms.max_resources,
            max_building: terms.max_building,
            life: terms.life,
            open_timeout: terms.open_timeout,
            opens: terms.steps.open,
            least: None,
            takers,
        }
    }
}

/// The shares that what is offered will have.
fn shares(offer: &Offer, terms: &Terms) -> i64 {
    offer.allocation.limit.map_or(terms.leases_per_resource, i64::from).max(1)
}
