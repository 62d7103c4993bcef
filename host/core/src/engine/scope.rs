//! How much of its pool a matcher looks at. A look costs as much as it looks at, so where it is known what the news is
//! about, only the classes that may want that are looked at: the others have been planned for, and nothing has changed
//! for them.

use super::farm::InForce;
use super::news::News;
use super::waiters::Waiters;
use crate::model::news::About;
use crate::model::protection::{Protection, Protections};
use crate::model::rows::Resource;
use crate::planner::answers::Answers;
use crate::planner::look::Look;
use std::collections::BTreeSet;

/// After so many looks at a part everything is looked at: what is remembered of classes that wait no more goes then.
const PARTS: u32 = 1_000;

#[derive(Clone, Debug, PartialEq)]
pub enum Scope {
    Everything,
    /// These classes, as far as they wait.
    Classes(BTreeSet<String>),
}

impl Scope {
    pub fn has(&self, class: &str) -> bool {
        match self {
            Scope::Everything => true,
            Scope::Classes(classes) => classes.contains(class),
        }
    }
}

/// What a matcher has seen of its pool.
#[derive(Default)]
pub struct Sight {
    /// Everything up to this news has been planned for. None: it is not known what has.
    seen: Option<i64>,
    /// So often everything was to be looked at, whatever the news.
    looks: u64,
    /// When time alone would change what was planned.
    next: Option<i64>,
    /// Classes that are looked at once more, since there was more to be had for them.
    again: BTreeSet<String>,
    /// Who waits, as far as the last look at everything lets a part be looked at without the rest.
    waiters: Option<Waiters>,
    /// Looks at a part since then.
    parts: u32,
}

impl Sight {
    /// What the next look is to bring. `answered`: classes for which a blueprint has answered since the last one.
    pub fn scope(
        &mut self,
        told: &News,
        answered: &BTreeSet<String>,
        answers: &Answers,
        now: i64,
        protections: Protections,
    ) -> Scope {
        let everything = told.looks > self.looks || self.next.is_some_and(|next| next <= now) || self.parts >= PARTS;
        let part = match (&self.waiters, self.seen) {
            (Some(waiters), Some(seen)) if !everything => {
                let about = told.since(seen);
                let part = about.map(|about| self.part(waiters, &about, answered, answers, protections));
                // Whoever looks at all of them anyway sees what is news by then, too.
                part.filter(|classes| classes.is_empty() || !waiters.are_among(classes))
            }
            _ => None,
        };
        match part {
            Some(classes) => {
                self.parts += 1;
                Scope::Classes(classes)
            }
            None => {
                (self.looks, self.parts) = (told.looks, 0);
                Scope::Everything
            }
        }
    }

    fn part(
        &self,
        waiters: &Waiters,
        about: &About,
        answered: &BTreeSet<String>,
        answers: &Answers,
        protections: Protections,
    ) -> BTreeSet<String> {
        let mut classes = &about.lines | answered;
        for resource in &about.left {
            classes.extend(waiters.of_resource(resource));
            if resource.used == 0 && protections.has(Protection::Blocked) {
                classes.extend(blocked_by(resource, waiters, answers));
            }
        }
        if !classes.is_empty() || !self.again.is_empty() {
            // What is kept for those who are being answered is kept from the others.
            classes.extend(self.again.iter().cloned());
            classes.extend(answers.open.keys().map(|question| question.class().clone()));
        }
        waiters.with_others(&classes)
    }

    /// Notes what a look has brought.
    pub fn looked(&mut self, scope: &Scope, look: &Look, farm: &InForce, kind: &str) {
        match scope {
            Scope::Everything => self.waiters = is_divisible(look, farm, kind).then(|| Waiters::of(look)),
            Scope::Classes(_) => {
                if let Some(waiters) = &mut self.waiters {
                    waiters.add(look);
                }
            }
        }
    }

    /// All that this look has brought is planned for, up to this news.
    pub fn settled(&mut self, scope: &Scope, seen: i64, next: Option<i64>) {
        self.next = match scope {
            Scope::Everything => next,
            // Those who were not looked at wait for their time as before.
            Scope::Classes(_) => [self.next, next].into_iter().flatten().min(),
        };
        self.seen = Some(seen);
        self.again.clear();
    }

    /// There may be more to be had for what was looked at.
    pub fn again(&mut self, scope: Scope) {
        match scope {
            Scope::Everything => self.lost(),
            Scope::Classes(classes) => self.again = classes,
        }
    }

    /// It is not known any more what has been planned for.
    pub fn lost(&mut self) {
        self.seen = None;
        self.again.clear();
    }

    /// Everything up to this news has been planned for.
    pub fn has_seen(&self, told: &News) -> bool {
        self.seen.is_some_and(|seen| told.news <= seen) && told.looks <= self.looks
    }

    pub fn next(&self) -> Option<i64> {
        self.next
    }
}

/// The classes that wait for what this resource stands in the way of: for a slot of it, or for room in its blueprint.
fn blocked_by(resource: &Resource, waiters: &Waiters, answers: &Answers) -> BTreeSet<String> {
    let mut classes: BTreeSet<String> = answers.blocked_by(resource).cloned().collect();
    if answers.full.contains(&resource.blueprint) {
        classes.extend(waiters.of_blueprint(&resource.blueprint));
    }
    classes
}

/// Whether what is planned for some of a pool depends on nothing but what the news of it is about. Sets hold things back
/// from everybody, quotas are freed by leases of other owners' classes and pools, what is kept warm is built only from
/// room that nobody waits for, and what a blueprint is to get rid of is closed though nobody waits for it.
fn is_divisible(look: &Look, farm: &InForce, kind: &str) -> bool {
    let sets = look.classes.iter().flat_map(|class| &class.heads).any(|head| head.set.is_some());
    let closing = look.blueprints.values().any(|row| row.retired == 1 || row.drained.is_some());
    let warm = farm.of_kind(kind).any(|(_, of)| of.config.min_resources > 0);
    !sets && !closing && !warm && !farm.order.has_quotas() && look.others.is_empty()
}
