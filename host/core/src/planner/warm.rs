//! What is built for nobody: a blueprint keeps so many resources, from room that nobody waits for.

use super::answers::Allocated;
use super::look::ClassLook;
use super::plan::{Work, obstacle};
use super::terms::{Terms, Warm};
use crate::engine::api::Obstacle;
use crate::model::proposal::Item;
use crate::model::protection::Protection;
use crate::model::rows::{Class, Considered, Doc};
use std::collections::BTreeMap;

/// Where others wait for the room that a blueprint would keep something in, it is looked at again after so long: that
/// they are served is no news here. Milliseconds.
pub const WARM_AGAIN: i64 = 10_000;

/// What stands where the id of a class does, for what a blueprint makes for nobody. No class has such an id.
pub fn warm_class(blueprint: &str) -> String {
    format!("warm/{blueprint}")
}

/// The blueprint that keeps something, where this is no class.
pub fn keeper(class: &str) -> Option<&str> {
    class.strip_prefix("warm/")
}

impl Work<'_> {
    /// Builds what is missing of what each blueprint of this pool keeps.
    pub(super) fn keep_warm(&mut self) {
        let look = self.look;
        let own = look.blueprints.values().filter(|row| row.kind == look.pool.kind);
        for row in own {
            let Some(terms) = self.planner.terms.get(&row.name).cloned() else { continue };
            let Some(warm) = terms.warm.clone() else { continue };
            let there = row.kept + self.built.get(&row.name).copied().unwrap_or(0);
            if there >= warm.least || self.shut(&terms).is_some() {
                continue;
            }
            let mut obstacles = Vec::new();
            match self.in_the_way_of_others(&terms) {
                Some(others) if self.has(Protection::WarmLast) => obstacles.push(others),
                _ => self.warm(&terms, &warm, warm.least - there, &mut obstacles),
            }
            if !obstacles.is_empty() {
                self.planned.waits.insert(warm_class(&terms.name), obstacles);
            }
        }
    }

    /// Somebody who waits for room where this blueprint would build.
    fn in_the_way_of_others(&mut self, terms: &Terms) -> Option<Obstacle> {
        let spaces: BTreeMap<&String, &String> = self.planner.terms.values().map(|of| (&of.name, &of.space)).collect();
        let wants = |class: &Class| {
            let serving = class.answers.0.iter().filter(|(_, answer)| matches!(answer, Considered::Serves(_)));
            let mut spaces = serving.filter_map(|(name, _)| spaces.get(name));
            // Whoever is still to be considered may turn out to want it, too.
            class.revision < self.planner.revision || spaces.any(|space| **space == terms.space)
        };
        let waits = |look: &&ClassLook| {
            let asked = self.planned.waits.contains_key(&look.class.id) || look.class.revision < self.planner.revision;
            let others = look.class.otherwise.0.iter().filter_map(|id| self.look.class(id));
            asked && std::iter::once(*look).chain(others).any(|look| wants(&look.class))
        };
        let named = |reason: String| Obstacle { blueprint: terms.name.clone(), reason, ..Obstacle::default() };
        if let Some(first) = self.look.classes.iter().find(waits) {
            let lease = first.heads.first().map(|head| head.lease.as_str()).unwrap_or_default();
            return Some(named(format!("lease {lease} waits for the room")));
        }
        if self.look.contested.contains(&terms.space) {
            self.wake_at(Some(self.planner.at + WARM_AGAIN));
            return Some(named("leases of another type wait for the room".to_owned()));
        }
        None
    }

    fn warm(&mut self, terms: &Terms, warm: &Warm, missing: i64, obstacles: &mut Vec<Obstacle>) {
        let class = standing_in(terms, warm);
        for _ in 0..missing {
            if let Some(obstacle) = self.closed_to_building(terms) {
                obstacles.push(obstacle);
                return;
            }
            let answers = self.planner.answers;
            let (freed, at) = (self.look.pool.freed, self.planner.at);
            match answers.allocated(&class.class.id, &terms.name, freed, at) {
                Some(Allocated::Offers(offers)) => {
                    match offers.iter().find(|offer| self.offer_is_free(offer, terms, obstacles)) {
                        Some(offer) => {
                            let build = self.build_of(offer, terms, Vec::new());
                            let build = crate::model::proposal::Build { least: Some(warm.least), ..build };
                            self.planned.plan.items.push(Item::Build(Box::new(build)));
                        }
                        None => return self.ask_for_offers(&class, terms, obstacles, offers),
                    }
                }
                Some(Allocated::Refused { refusal, until, .. }) => {
                    self.wake_at(*until);
                    return obstacles.push(obstacle(&terms.name, refusal, *until));
                }
                None => return self.ask_for_offers(&class, terms, obstacles, &[]),
            }
        }
    }
}

/// A class for a request that nobody has made.
fn standing_in(terms: &Terms, warm: &Warm) -> ClassLook {
    let class = Class {
        id: warm_class(&terms.name),
        kind: warm.request.kind.clone(),
        request: Doc(warm.request.clone()),
        answers: Doc(BTreeMap::new()),
        otherwise: Doc(Vec::new()),
        revision: terms.revision,
        considered_at: 0,
        never_since: None,
        waiting: warm.least,
        used_at: 0,
    };
    ClassLook { class, heads: Vec::new(), candidates: BTreeMap::new(), crowded: BTreeMap::new() }
}
