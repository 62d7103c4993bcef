//! Blueprints that take nothing new, and what becomes of those who wait for what is not configured any more.

use super::answers::Question;
use super::look::ClassLook;
use super::plan::{Work, obstacle};
use super::terms::Terms;
use crate::config::EDIT_GRACE;
use crate::contract::Refusal;
use crate::engine::api::Obstacle;
use crate::model::proposal::{GiveUp, Item, Reclaim};
use crate::model::protection::Protection;
use crate::model::rows::{Blueprint, Considered, Resource};

/// A blueprint that could not say whether it serves a class is asked again after so long. Milliseconds.
pub const CONSIDER_AGAIN: u64 = 10_000;

impl Work<'_> {
    /// Why a blueprint takes nothing new, if it does not.
    pub(super) fn shut(&self, terms: &Terms) -> Option<String> {
        if terms.disabled {
            return Some("it is disabled".to_owned());
        }
        self.look.blueprints.get(&terms.name).and_then(closing)
    }

    /// Closes what nobody is on of blueprints that are drained or not configured any more.
    pub(super) fn close_down(&mut self) {
        let look = self.look;
        for (name, row) in look.blueprints.iter().filter(|(_, row)| row.used > 0) {
            let Some(reason) = closing(row) else { continue };
            self.planned.full.insert(name.clone());
            // The next look brings them.
            self.planned.more |= !look.full.contains(name);
            let standing = look.standing.get(name).into_iter().flatten();
            let idle: Vec<&Resource> = standing
                .filter(|resource| resource.status.alive() && resource.used == 0)
                .filter(|resource| !self.promised.contains(&resource.id))
                .collect();
            // One look does not bring all of them.
            self.planned.more |= !idle.is_empty();
            for resource in idle {
                let closes = self.planner.terms.get(name).is_none_or(|terms| terms.steps.close);
                self.planned.plan.items.push(Item::Reclaim(Reclaim {
                    resource: resource.id.clone(),
                    idle_since: resource.idle_since,
                    reason: format!("its blueprint takes nothing new: {reason}"),
                    closes,
                }));
            }
        }
    }

    /// A class that no configured blueprint could ever serve, since an edit: it waits for another edit, and then breaks.
    pub(super) fn never(&mut self, class: &ClassLook, since: i64) {
        let due = since + if self.has(Protection::StillCounts) { EDIT_GRACE } else { 0 };
        let others = class.class.otherwise.0.iter().filter_map(|id| self.look.class(id));
        let all: Vec<&ClassLook> = std::iter::once(class).chain(others).collect();
        let answers = all.iter().flat_map(|class| &class.class.answers.0);
        let refusals = answers.filter_map(|(name, answer)| match answer {
            Considered::Refuses(refusal) => Some((name, refusal)),
            Considered::Serves(_) => None,
        });
        if due <= self.planner.at {
            let reasons: Vec<String> = refusals
                .filter_map(|(name, refusal)| match refusal {
                    Refusal::Never(reason) => Some(format!("{name}: {reason}")),
                    _ => None,
                })
                .collect();
            let reasons = if reasons.is_empty() { "nothing makes it any more".to_owned() } else { reasons.join("; ") };
            self.planned.more |= class.class.waiting > class.heads.len() as i64;
            self.planned.plan.items.push(Item::GiveUp(GiveUp {
                class: class.class.id.clone(),
                otherwise: class.class.otherwise.0.clone(),
                leases: class.heads.iter().map(|waiting| waiting.lease.clone()).collect(),
                reason: format!("since the configuration was changed, no blueprint can ever serve it: {reasons}"),
            }));
            return;
        }
        self.wake_at(Some(due));
        let first = Obstacle {
            reason:
                "since the configuration was changed, no blueprint can ever serve it; unless that is changed again, \
                     it breaks"
                    .to_owned(),
            until: Some(due),
            ..Obstacle::default()
        };
        let obstacles = refusals.map(|(name, refusal)| obstacle(name, refusal, None));
        self.planned.waits.insert(class.class.id.clone(), std::iter::once(first).chain(obstacles).collect());
    }

    /// Some blueprint could not say whether it serves the class; the others go on meanwhile.
    pub(super) fn consider_again(&mut self, class: &ClassLook) {
        let due = class.class.considered_at + CONSIDER_AGAIN as i64;
        if due <= self.planner.at {
            self.ask(Question::Consider { class: class.class.id.clone() });
        } else {
            self.wake_at(Some(due));
        }
    }
}

/// Why a blueprint's resources are to be closed, if they are.
fn closing(row: &Blueprint) -> Option<String> {
    match &row.drained {
        Some(reason) => Some(format!("it is drained ({reason})")),
        None => (row.retired == 1).then(|| "it is not configured any more".to_owned()),
    }
}
