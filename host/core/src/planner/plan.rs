//! One plan: who gets what, what is built, what has to be asked, and what the others wait for.

use super::answers::{Answers, Question};
use super::candidates::{after_building, crowded, ordered};
use super::look::{ClassLook, HEADS, Held, Look, Waiting};
use super::terms::Terms;
use crate::contract::{Refusal, Slot};
use crate::engine::api::Obstacle;
use crate::model::decide::is_for_nobody;
use crate::model::proposal::{Plan, Quota, Seen};
use crate::model::protection::{Protection, Protections};
use crate::model::rows::{Considered, Pool, Resource};
use std::collections::{BTreeMap, BTreeSet};

/// Milliseconds for which what an older class is asking about is kept from younger ones.
pub const DECIDING_DEADLINE: i64 = 200;

/// How many resources a class asks about at a time.
pub(super) const QUESTIONS: usize = 8;

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
    /// (class, blueprint): everything that was offered has another owner.
    pub useless: Vec<(String, String)>,
    /// The first set in the order that can't be served yet.
    pub keeps: Option<String>,
    /// When time alone would change this plan.
    pub next: Option<i64>,
    /// Another look would bring more at once: more leases wait than this one brought and some of those were served, or
    /// there are offers that it knew nothing of.
    pub more: bool,
}

/// Makes a plan.
pub fn plan<'a>(look: &'a Look, planner: Planner<'a>) -> Planned {
    let revision = planner.revision;
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
        quotas: quotas(look),
        given: BTreeMap::new(),
        placed: BTreeSet::new(),
        keeps: None,
        choice: 0,
        planned: Planned {
            plan: Plan {
                revision,
                others: look.others.values().map(seen).collect(),
                ..Plan::of(&look.pool, Vec::new())
            },
            ..Planned::default()
        },
    };
    work.run();
    work.close_down();
    work.keep_warm();
    work.planned.keeps = work.keeps;
    work.planned
}

fn seen(pool: &Pool) -> Seen {
    Seen { pool: pool.kind.clone(), version: pool.version, news: pool.news }
}

pub(super) struct Work<'a> {
    pub(super) look: &'a Look,
    pub(super) planner: Planner<'a>,
    /// Shares of resources, with what this plan takes.
    pub(super) used: BTreeMap<String, i64>,
    /// Resources that this plan builds, by blueprint.
    pub(super) built: BTreeMap<String, i64>,
    /// Offers that this plan uses.
    pub(super) offers: BTreeSet<String>,
    /// Slots that this plan takes: (name space, key).
    pub(super) taken: BTreeSet<(String, String)>,
    /// What older classes are asking about.
    pub(super) kept_resources: BTreeSet<String>,
    pub(super) kept_blueprints: BTreeSet<String>,
    /// What is being closed, and what this plan closes, as far as somebody waits for its room.
    pub(super) promised: BTreeSet<String>,
    /// By lease that counts against its owner's quota: that quota.
    quotas: BTreeMap<&'a str, &'a Held>,
    /// Leases of such owners that this plan places, by owner.
    pub(super) given: BTreeMap<String, i64>,
    /// What this plan places, where there are quotas.
    pub(super) placed: BTreeSet<String>,
    /// The first set in the order that can't be served yet.
    pub(super) keeps: Option<String>,
    /// What of its request the one that is tried would get: 0 for the request itself, then its alternatives.
    pub(super) choice: usize,
    pub(super) planned: Planned,
}

fn quotas(look: &Look) -> BTreeMap<&str, &Held> {
    let heads = look.classes.iter().flat_map(|class| &class.heads);
    heads.filter_map(|head| Some((head.lease.as_str(), head.quota.as_ref()?))).collect()
}

/// Those of a class who wait and have no place in this plan yet.
pub(super) struct Line<'a> {
    pub(super) class: &'a ClassLook,
    pub(super) waiting: Vec<&'a Waiting>,
}

/// What became of the first waiting lease of a class.
pub(super) enum Tried {
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
        let line = |class: &'a ClassLook| Line { class, waiting: class.heads.iter().collect() };
        let wanted = look.classes.iter().filter(|class| !class.heads.is_empty());
        let mut lines: Vec<Line<'a>> = wanted.map(line).collect();
        while let Some(i) = self.first_in_order(&lines) {
            let (class, first) = (lines[i].class, lines[i].waiting[0]);
            if first.set.is_none() && !self.may_have_more(&first.lease) {
                lines[i].waiting.remove(0);
                self.close_line(&mut lines, i);
                continue;
            }
            if class.class.revision < self.planner.revision && self.has(Protection::ConsideredAgain) {
                self.ask(Question::Consider { class: class.class.id.clone() });
                lines.remove(i);
                continue;
            }
            if let Some(since) = self.never_since(class) {
                self.never(class, since);
                lines.remove(i);
                continue;
            }
            for class in std::iter::once(class).chain(self.otherwise(class)) {
                if class.class.is_unsettled() {
                    self.consider_again(class);
                }
            }
            if let Some(set) = &first.set {
                self.together(set, &mut lines);
                continue;
            }
            let alone = lines[i].waiting.iter().take_while(|waiting| waiting.set.is_none()).count();
            match self.try_best(class, &lines[i].waiting[..alone]) {
                Tried::Placed(count) => {
                    self.take_placed(&mut lines[i].waiting, count);
                    self.close_line(&mut lines, i);
                }
                Tried::Blocked(obstacles) => {
                    let left = lines[i].waiting.len();
                    let done = class.heads.len() - left;
                    let waiting = (class.class.waiting.max(1) as usize).saturating_sub(done);
                    // Those of owners with all that they may have are counted, and want nothing.
                    let waiting = if self.quotas.is_empty() || class.heads.len() == HEADS { waiting } else { left };
                    self.blocked(class, first.ord, waiting, obstacles);
                    lines.remove(i);
                    if !self.has(Protection::Skipping) {
                        return;
                    }
                    // Everybody behind an open question waits for it where nothing is decided beside questions.
                    if !self.has(Protection::Beside) && !self.planner.answers.open.is_empty() {
                        return;
                    }
                }
            }
        }
    }

    /// What those wait for who can't be served, and what is closed for so many of them.
    pub(super) fn blocked(&mut self, class: &'a ClassLook, ord: i64, waiting: usize, mut obstacles: Vec<Obstacle>) {
        if self.has(Protection::Reclaim) && !is_for_nobody(ord) && !self.reclaim(class, waiting, &mut obstacles) {
            let mut others = self.otherwise(class).into_iter();
            others.any(|other| self.reclaim(other, waiting, &mut obstacles));
        }
        let all = self.planned.waits.entry(class.class.id.clone()).or_default();
        for obstacle in obstacles {
            if !all.contains(&obstacle) {
                all.push(obstacle);
            }
        }
    }

    /// Takes those out of a line who have places now, as many as the count says.
    pub(super) fn take_placed(&self, waiting: &mut Vec<&'a Waiting>, count: usize) {
        match self.quotas.is_empty() {
            true => drop(waiting.drain(..count)),
            // Between them may be some whose owners have all that they may.
            false => waiting.retain(|head| !self.placed.contains(&head.lease)),
        }
    }

    /// Takes a line away once all of it that the look has brought is served.
    pub(super) fn close_line(&mut self, lines: &mut Vec<Line<'a>>, i: usize) {
        if lines[i].waiting.is_empty() {
            let class = lines[i].class;
            self.planned.more |= class.class.waiting > class.heads.len() as i64;
            lines.remove(i);
        }
    }

    /// The class whose next lease is the first in the order.
    fn first_in_order(&self, lines: &[Line<'a>]) -> Option<usize> {
        let all = lines.iter().enumerate();
        match self.has(Protection::Order) {
            true => all.min_by_key(|(_, line)| line.waiting[0]).map(|(i, _)| i),
            false => all.max_by_key(|(_, line)| line.waiting[0]).map(|(i, _)| i),
        }
    }

    /// Whether a lease is within its owner's quota, with what this plan gives.
    pub(super) fn may_have_more(&self, lease: &str) -> bool {
        self.quotas.get(lease).is_none_or(|held| {
            let given = self.given.get(&held.owner).copied().unwrap_or(0);
            held.used + given < held.limit
        })
    }

    /// Counts a lease that this plan places against its owner's quota.
    pub(super) fn count_quota(&mut self, lease: &str) -> Option<Quota> {
        if !self.quotas.is_empty() {
            self.placed.insert(lease.to_owned());
        }
        let held = *self.quotas.get(lease)?;
        *self.given.entry(held.owner.clone()).or_default() += 1;
        Some(Quota { owner: held.owner.clone(), limit: held.limit })
    }

    /// The classes of the alternatives to what a class wants, best first, as far as the blueprints have been asked about
    /// them under this configuration.
    pub(super) fn otherwise(&mut self, class: &ClassLook) -> Vec<&'a ClassLook> {
        let look = self.look;
        let mut known = Vec::with_capacity(class.class.otherwise.0.len());
        for other in class.class.otherwise.0.iter().filter_map(|id| look.class(id)) {
            if other.class.revision < self.planner.revision && self.has(Protection::ConsideredAgain) {
                self.ask(Question::Consider { class: other.class.id.clone() });
            } else {
                known.push(other);
            }
        }
        known
    }

    /// Since when no configured blueprint could ever serve a class, in any of the ways in which it may be served.
    fn never_since(&mut self, class: &ClassLook) -> Option<i64> {
        let mut since = class.class.never_since?;
        let known = self.otherwise(class);
        if known.len() < class.class.otherwise.0.len() {
            return None;
        }
        for other in known {
            since = since.max(other.class.never_since?);
        }
        Some(since)
    }

    /// What the first of a class wants, or else the best of its alternatives that is to be had. Whoever is still being
    /// answered about something better waits for that.
    pub(super) fn try_best(&mut self, class: &'a ClassLook, waiting: &[&Waiting]) -> Tried {
        let mut blocked = match self.try_first(class, waiting) {
            Tried::Blocked(obstacles) => obstacles,
            placed => return placed,
        };
        let mut better = class;
        for (n, other) in self.otherwise(class).into_iter().enumerate() {
            if self.is_answering(&better.class.id) && self.has(Protection::BestFirst) {
                break;
            }
            self.choice = n + 1;
            let tried = self.try_first(other, waiting);
            self.choice = 0;
            match tried {
                Tried::Blocked(obstacles) => blocked.extend(obstacles),
                placed => return placed,
            }
            better = other;
        }
        Tried::Blocked(blocked)
    }

    /// Whether anything is being asked for a class that may yet have it served.
    pub(super) fn is_answering(&self, class: &str) -> bool {
        self.asks(|question| match question {
            Question::Acquire { class: of, .. } | Question::Allocate { class: of, .. } => of == class,
            Question::Consider { .. } => false,
        })
    }

    pub(super) fn try_first(&mut self, class: &'a ClassLook, waiting: &[&Waiting]) -> Tried {
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

    /// Resources of a blueprint that are not destroyed, with what this plan builds.
    pub(super) fn count(&self, blueprint: &str) -> i64 {
        let used = self.look.blueprints.get(blueprint).map_or(0, |row| row.used);
        used + self.built.get(blueprint).copied().unwrap_or(0)
    }

    /// Notes a question; true while what it is about is to be kept from younger classes.
    pub(super) fn ask(&mut self, question: Question) -> bool {
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

    pub(super) fn aside(&mut self, space: &str, slot: &str) -> Option<Obstacle> {
        if !self.has(Protection::SettingAside) {
            return None;
        }
        let aside = self.look.asides.get(&(space.to_owned(), slot.to_owned()))?;
        if aside.until <= self.planner.at {
            return None;
        }
        self.wake_at(Some(aside.until));
        Some(Obstacle {
            reason: format!("{slot} is set aside, it failed {}: {}", times(aside.failures), aside.reason),
            slots: vec![slot.to_owned()],
            until: Some(aside.until),
            ..Obstacle::default()
        })
    }

    pub(super) fn slots_free(&self, space: &str, slots: &[Slot]) -> bool {
        slots.iter().all(|slot| match slot {
            Slot::Named(key) => {
                let slot = (space.to_owned(), key.clone());
                !self.taken.contains(&slot) && !self.look.taken.contains(&slot)
            }
            Slot::Counted { .. } => true,
        })
    }

    pub(super) fn take_slots(&mut self, space: &str, slots: &[Slot]) {
        self.taken.extend(slots.iter().map(|slot| (space.to_owned(), slot.key().to_owned())));
    }

    pub(super) fn wake_at(&mut self, at: Option<i64>) {
        if let Some(at) = at {
            self.planned.next = Some(self.planned.next.map_or(at, |next| next.min(at)));
        }
    }
}

pub(super) fn obstacle(blueprint: &str, refusal: &Refusal, until: Option<i64>) -> Obstacle {
    let (reason, slots, holders) = match refusal {
        Refusal::Never(reason) => (format!("it can never serve this: {reason}"), Vec::new(), Vec::new()),
        Refusal::Full { slots, reason, .. } => (reason.clone(), slots.clone(), Vec::new()),
        Refusal::NotNow { reason, .. } => (reason.clone(), Vec::new(), Vec::new()),
    };
    Obstacle { blueprint: blueprint.to_owned(), reason, slots, holders, until }
}

pub(super) fn asking(blueprint: &str) -> Obstacle {
    Obstacle { blueprint: blueprint.to_owned(), reason: "it is being asked".to_owned(), ..Obstacle::default() }
}

/// How often something failed, in words.
pub(super) fn times(failures: i64) -> String {
    if failures == 1 { "once".to_owned() } else { format!("{failures} times") }
}
