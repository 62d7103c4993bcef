//! One plan: who gets what, what is built, what has to be asked, and what the others wait for.

use super::answers::{Allocated, Answers, Offer, Question};
use super::candidates::{after_building, crowded, ordered};
use super::look::{ClassLook, Look, Waiting};
use super::terms::Terms;
use crate::contract::{Acquisition, Refusal, Slot};
use crate::engine::api::Obstacle;
use crate::model::proposal::{Build, Item, Overflow, Placement, Plan, RESOURCES};
use crate::model::protection::{Protection, Protections};
use crate::model::rows::{Considered, Resource};
use crate::model::status::ResourceStatus;
use std::collections::{BTreeMap, BTreeSet};

/// Milliseconds for which what an older class is asking about is kept from younger ones.
pub const DECIDING_DEADLINE: i64 = 200;

/// How many resources a class asks about at a time.
const QUESTIONS: usize = 8;

/// What a plan is made from beside the look.
pub struct Planner<'a> {
    pub answers: &'a Answers,
    pub terms: &'a BTreeMap<String, Terms>,
    /// The revision of the config in force.
    pub revision: i64,
    pub at: i64,
    pub protections: Protections,
    /// Makes the id of a new place.
    pub new_place: &'a mut dyn FnMut() -> String,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Planned {
    pub plan: Plan,
    /// To be asked beside the commit; open ones are not repeated.
    pub questions: Vec<Question>,
    /// By class: what those that still wait are waiting for.
    pub waits: BTreeMap<String, Vec<Obstacle>>,
    /// Blueprints at their maximum for whose room somebody waits.
    pub full: BTreeSet<String>,
    /// When time alone would change this plan.
    pub next: Option<i64>,
    /// Another look would bring more at once: more leases wait than this one brought and some of those were served, or
    /// there are offers that it knew nothing of.
    pub more: bool,
}

/// Makes a plan.
pub fn plan<'a>(look: &'a Look, planner: Planner<'a>) -> Planned {
    let mut work = Work {
        look,
        planner,
        used: BTreeMap::new(),
        built: BTreeMap::new(),
        offers: BTreeSet::new(),
        taken: BTreeSet::new(),
        kept_resources: BTreeSet::new(),
        kept_blueprints: BTreeSet::new(),
        promised: BTreeSet::new(),
        planned: Planned {
            plan: Plan {
                pool: look.pool.kind.clone(),
                version: look.pool.version,
                news: look.pool.news,
                items: Vec::new(),
            },
            ..Planned::default()
        },
    };
    work.run();
    work.planned
}

pub(super) struct Work<'a> {
    pub(super) look: &'a Look,
    pub(super) planner: Planner<'a>,
    /// Shares of resources, with what this plan takes.
    pub(super) used: BTreeMap<String, i64>,
    /// Resources that this plan builds, by blueprint.
    built: BTreeMap<String, i64>,
    /// Offers that this plan uses.
    offers: BTreeSet<String>,
    /// Slots that this plan takes: (name space, key).
    taken: BTreeSet<(String, String)>,
    /// What older classes are asking about.
    kept_resources: BTreeSet<String>,
    kept_blueprints: BTreeSet<String>,
    /// What is being closed, and what this plan closes, as far as somebody waits for its room.
    pub(super) promised: BTreeSet<String>,
    pub(super) planned: Planned,
}

/// What became of the first waiting lease of a class.
enum Tried {
    /// This many leases of the class have their places.
    Placed(usize),
    Blocked(Vec<Obstacle>),
}

impl<'a> Work<'a> {
    pub(super) fn has(&self, protection: Protection) -> bool {
        self.planner.protections.has(protection)
    }

    fn run(&mut self) {
        let look = self.look;
        let mut lines: Vec<(&ClassLook, usize)> = look.classes.iter().map(|class| (class, 0)).collect();
        let mut served: BTreeSet<&str> = BTreeSet::new();
        while let Some(i) = self.first_in_order(&lines) {
            let (class, done) = lines[i];
            if class.class.revision < self.planner.revision {
                self.ask(Question::Consider { class: class.class.id.clone() });
                lines.remove(i);
                continue;
            }
            match self.try_first(class, &class.heads[done..]) {
                Tried::Placed(count) => {
                    served.insert(&class.class.id);
                    lines[i].1 = done + count;
                    if lines[i].1 >= class.heads.len() {
                        self.planned.more |= class.class.waiting > class.heads.len() as i64;
                        lines.remove(i);
                    }
                }
                Tried::Blocked(mut obstacles) => {
                    let waiting = (class.class.waiting.max(1) as usize).saturating_sub(done);
                    if self.has(Protection::Reclaim) {
                        self.reclaim(class, waiting, &mut obstacles);
                    }
                    self.planned.waits.insert(class.class.id.clone(), obstacles);
                    lines.remove(i);
                    // Everybody behind an open question waits for it where nothing is decided beside questions.
                    if !self.has(Protection::Beside) && !self.planner.answers.open.is_empty() {
                        return;
                    }
                }
            }
        }
    }

    /// The class whose next lease is the first in the order.
    fn first_in_order(&self, lines: &[(&ClassLook, usize)]) -> Option<usize> {
        let next = |(class, done): &(&ClassLook, usize)| -> Waiting { class.heads[*done].clone() };
        let all = lines.iter().enumerate();
        match self.has(Protection::Order) {
            true => all.min_by_key(|(_, line)| next(line)).map(|(i, _)| i),
            false => all.max_by_key(|(_, line)| next(line)).map(|(i, _)| i),
        }
    }

    fn try_first(&mut self, class: &'a ClassLook, waiting: &'a [Waiting]) -> Tried {
        let order = ordered(&class.candidates, self.planner.terms, &self.used);
        let (late, early): (Vec<_>, Vec<_>) =
            order.into_iter().partition(|resource| after_building(resource, self.in_use(resource), self.planner.terms));
        let mut obstacles = Vec::new();
        let mut asked = 0;
        let lease = match self.has(Protection::Order) {
            true => &waiting[0].lease,
            false => &waiting[waiting.len() - 1].lease,
        };
        if self.share(class, lease, &early, &mut asked, &mut obstacles) {
            return Tried::Placed(1);
        }
        // What may be shared comes before what may be built, so its answers are waited for.
        let built = match self.has(Protection::Coming) && self.is_asking(class) {
            true => 0,
            false => self.build(class, waiting, &mut obstacles),
        };
        if built > 0 {
            return Tried::Placed(built);
        }
        if self.share(class, lease, &late, &mut asked, &mut obstacles) {
            return Tried::Placed(1);
        }
        let mut crowded = crowded(class, self.planner.terms, &self.used);
        if !self.has(Protection::Load) {
            crowded.reverse();
        }
        if self.share(class, lease, &crowded, &mut asked, &mut obstacles) {
            return Tried::Placed(1);
        }
        for (blueprint, answer) in &class.class.answers.0 {
            if let Considered::Refuses(refusal) = answer {
                obstacles.push(obstacle(blueprint, refusal, None));
            }
        }
        Tried::Blocked(obstacles)
    }

    /// Whether a resource is being asked about for this class.
    fn is_asking(&self, class: &ClassLook) -> bool {
        self.asks(|question| matches!(question, Question::Acquire { class: asked, .. } if *asked == class.class.id))
    }

    /// Whether such a question is open, or is asked by this plan.
    pub(super) fn asks(&self, about: impl Fn(&Question) -> bool) -> bool {
        self.planner.answers.open.keys().any(&about) || self.planned.questions.iter().any(&about)
    }

    pub(super) fn in_use(&self, resource: &Resource) -> i64 {
        self.used.get(&resource.id).copied().unwrap_or(resource.used)
    }

    /// Stage 1: a resource with room.
    fn share(
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
            if terms.disabled || self.kept_resources.contains(&resource.id) {
                continue;
            }
            let Some((room, overflow)) = self.room(resource, &terms) else { continue };
            if let Some(aside) = self.aside(RESOURCES, &resource.id) {
                obstacles.push(Obstacle { blueprint: terms.name.clone(), ..aside });
                continue;
            }
            let (news, at) = (self.look.pool.news, self.planner.at);
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

    /// Resources of a blueprint that are not destroyed, with what this plan builds.
    pub(super) fn count(&self, blueprint: &str) -> i64 {
        let used = self.look.blueprints.get(blueprint).map_or(0, |row| row.used);
        used + self.built.get(blueprint).copied().unwrap_or(0)
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

    fn placement(
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
            activates: terms.steps.activate,
            releases: terms.steps.release,
        }
    }

    /// Stage 2: a new resource, for the first of those who wait and for as many more as find room on it.
    fn build(&mut self, class: &'a ClassLook, waiting: &'a [Waiting], obstacles: &mut Vec<Obstacle>) -> usize {
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
        // Priority, then expected time, then chance: the ids of offers are random.
        blueprints.sort_by_cached_key(|terms| {
            let offer = match answers.allocated.get(&(id.clone(), terms.name.clone())) {
                Some(Allocated::Offers(offers)) => offers.first(),
                _ => None,
            };
            let expected = offer.and_then(|offer| offer.allocation.expected).unwrap_or(0);
            (-i64::from(terms.priority), expected, offer.map(|offer| offer.resource.clone()))
        });
        for terms in blueprints {
            if let Some(obstacle) = self.closed_to_building(terms) {
                obstacles.push(obstacle);
                continue;
            }
            let (freed, at) = (self.look.pool.freed, self.planner.at);
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
    fn closed_to_building(&mut self, terms: &Terms) -> Option<Obstacle> {
        let named = |reason: String, until| {
            Some(Obstacle { blueprint: terms.name.clone(), reason, until, ..Obstacle::default() })
        };
        if terms.disabled {
            return named("it is disabled".to_owned(), None);
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
                return named(format!("set aside after {} failures: {why}", row.failures), Some(row.not_before));
            }
            // One probe at a time until it works again.
            if self.built.contains_key(&terms.name) {
                return named("it is being tried again with one resource".to_owned(), None);
            }
        }
        None
    }

    fn offer_is_free(&mut self, offer: &Offer, terms: &Terms, obstacles: &mut Vec<Obstacle>) -> bool {
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

    fn ask_for_offers(&mut self, class: &ClassLook, terms: &Terms, obstacles: &mut Vec<Obstacle>, offers: &[Offer]) {
        // When all that is offered is set aside, time will tell, and asking again would not.
        let all_aside = !offers.is_empty()
            && offers
                .iter()
                .all(|offer| offer.allocation.slots.iter().any(|slot| self.aside(&terms.space, slot.key()).is_some()));
        if all_aside || self.planned.more && !offers.is_empty() {
            return;
        }
        let question = Question::Allocate { class: class.class.id.clone(), blueprint: terms.name.clone() };
        if self.ask(question) && terms.max_resources.is_some() {
            self.kept_blueprints.insert(terms.name.clone());
        }
        obstacles.push(asking(&terms.name));
    }

    fn build_offer(&mut self, offer: &Offer, terms: &Terms, waiting: &[Waiting]) -> usize {
        let shares = offer.allocation.limit.map_or(terms.leases_per_resource, i64::from).max(1);
        let share = i64::from(offer.acquisition.share.max(1));
        let alike = offer.acquisition.slots.is_empty();
        let uses = terms.life.max_uses.unwrap_or(i64::MAX);
        let count = if alike { (shares / share).min(uses).max(1) as usize } else { 1 };
        let takers: Vec<Placement> = waiting
            .iter()
            .take(count)
            .map(|waiting| {
                self.placement(&waiting.lease, &offer.resource, &terms.space, offer.acquisition.clone(), terms)
            })
            .collect();
        self.offers.insert(offer.resource.clone());
        self.take_slots(&terms.space, &offer.allocation.slots);
        *self.built.entry(terms.name.clone()).or_default() += 1;
        let count = takers.len();
        self.planned.plan.items.push(Item::Build(Box::new(Build {
            resource: offer.resource.clone(),
            blueprint: terms.name.clone(),
            space: terms.space.clone(),
            revision: terms.revision,
            digest: terms.digest.clone(),
            allocation: offer.allocation.clone(),
            shares,
            overflow: terms.overflow,
            max_resources: terms.max_resources,
            max_building: terms.max_building,
            life: terms.life,
            open_timeout: terms.open_timeout,
            opens: terms.steps.open,
            takers,
        })));
        count
    }

    /// Notes a question; true while what it is about is to be kept from younger classes.
    fn ask(&mut self, question: Question) -> bool {
        let asked_at = match self.planner.answers.open.get(&question) {
            Some(asked_at) => *asked_at,
            None => {
                if !self.planned.questions.contains(&question) {
                    self.planned.questions.push(question);
                }
                self.planner.at
            }
        };
        let kept_until = asked_at + DECIDING_DEADLINE;
        if kept_until > self.planner.at {
            self.wake_at(Some(kept_until));
        }
        kept_until > self.planner.at
    }

    fn aside(&mut self, space: &str, slot: &str) -> Option<Obstacle> {
        if !self.has(Protection::SettingAside) {
            return None;
        }
        let aside = self.look.asides.get(&(space.to_owned(), slot.to_owned()))?;
        if aside.until <= self.planner.at {
            return None;
        }
        self.wake_at(Some(aside.until));
        let times = if aside.failures == 1 { "once".to_owned() } else { format!("{} times", aside.failures) };
        Some(Obstacle {
            reason: format!("{slot} is set aside, it failed {times}: {}", aside.reason),
            slots: vec![slot.to_owned()],
            until: Some(aside.until),
            ..Obstacle::default()
        })
    }

    fn slots_free(&self, space: &str, slots: &[Slot]) -> bool {
        slots.iter().all(|slot| match slot {
            Slot::Named(key) => {
                let slot = (space.to_owned(), key.clone());
                !self.taken.contains(&slot) && !self.look.taken.contains(&slot)
            }
            Slot::Counted { .. } => true,
        })
    }

    fn take_slots(&mut self, space: &str, slots: &[Slot]) {
        self.taken.extend(slots.iter().map(|slot| (space.to_owned(), slot.key().to_owned())));
    }

    pub(super) fn wake_at(&mut self, at: Option<i64>) {
        if let Some(at) = at {
            self.planned.next = Some(self.planned.next.map_or(at, |next| next.min(at)));
        }
    }
}

fn obstacle(blueprint: &str, refusal: &Refusal, until: Option<i64>) -> Obstacle {
    let (reason, slots, holders) = match refusal {
        Refusal::Never(reason) => (format!("it can never serve this: {reason}"), Vec::new(), Vec::new()),
        Refusal::Full { slots, reason, .. } => (reason.clone(), slots.clone(), Vec::new()),
        Refusal::NotNow { reason, .. } => (reason.clone(), Vec::new(), Vec::new()),
    };
    Obstacle { blueprint: blueprint.to_owned(), reason, slots, holders, until }
}

fn asking(blueprint: &str) -> Obstacle {
    Obstacle { blueprint: blueprint.to_owned(), reason: "it is being asked".to_owned(), ..Obstacle::default() }
}
