//! What a plan was made from, kept in the log with what it decided, so that the decision can be made again elsewhere: the
//! same planner, the same look, the same answers.

use super::answers::Answers;
use super::look::Look;
use super::terms::Terms;
use super::warm::warm_class;
use super::{Planner, plan};
use crate::model::proposal::Item;
use crate::model::protection::Protections;
use crate::model::rows::Resource;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of a record at most; of what would be larger, only its size is kept.
pub const LARGEST: usize = 8_192;

/// A look with more resources than this is kept without those that the decision does not depend on.
const FEW: usize = 8;

/// Of those that may be left out, so many stay of each list: what was next in line is a part of the reason.
const NEXT: usize = 2;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The planner's time.
    pub at: i64,
    /// The revision of the config in force.
    pub revision: i64,
    pub look: Look,
    pub answers: Answers,
    pub terms: BTreeMap<String, Terms>,
    /// Resources that the look had beside these. The decision is the same without them.
    pub left_out: usize,
    /// One line for each item of the plan.
    pub decided: Vec<String>,
}

/// What the log has of a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Recorded {
    Whole(Box<Record>),
    /// It was larger than a record may be: its bytes.
    Truncated {
        truncated: usize,
    },
}

impl Record {
    /// Records a decision that was just made.
    pub fn of(
        look: &Look,
        answers: &Answers,
        terms: &BTreeMap<String, Terms>,
        revision: i64,
        at: i64,
        items: &[Item],
    ) -> Record {
        let kept_warm = terms.values().filter(|terms| terms.warm.is_some()).map(|terms| warm_class(&terms.name));
        let classes: BTreeSet<String> =
            look.classes.iter().map(|class| class.class.id.clone()).chain(kept_warm).collect();
        let kept = answers.of(&classes);
        let decided = items.iter().map(told).collect();
        let mut record = Record {
            at,
            revision,
            look: look.clone(),
            answers: kept.clone(),
            terms: terms.clone(),
            left_out: 0,
            decided,
        };
        record.shorten(items);
        if record.left_out > 0 && record.again() != record.decided {
            record = Record { look: look.clone(), answers: kept, left_out: 0, ..record };
        }
        record
    }

    /// What the same planner decides from this record.
    pub fn again(&self) -> Vec<String> {
        let mut places = 0;
        let planner = Planner {
            answers: &self.answers,
            terms: &self.terms,
            revision: self.revision,
            at: self.at,
            protections: Protections::ALL,
            new_place: &mut || {
                places += 1;
                format!("p-{places:012}")
            },
        };
        plan(&self.look, planner).plan.items.iter().map(told).collect()
    }

    /// The record as the log has it.
    pub fn text(&self) -> String {
        // A record is plain data with text for keys, which has no way to fail.
        let text = serde_json::to_string(self).unwrap_or_default();
        if text.len() <= LARGEST { text } else { format!("{{\"truncated\":{}}}", text.len()) }
    }

    /// Leaves out resources that no item is about, where there are many.
    fn shorten(&mut self, items: &[Item]) {
        let mut named = BTreeSet::new();
        items.iter().for_each(|item| name(item, &mut named));
        let lists = self
            .look
            .classes
            .iter_mut()
            .flat_map(|class| class.candidates.values_mut().chain(class.crowded.values_mut()));
        let mut lists: Vec<&mut Vec<Resource>> = lists.chain(self.look.standing.values_mut()).collect();
        if lists.iter().map(|list| list.len()).sum::<usize>() <= FEW {
            return;
        }
        for list in &mut lists {
            let mut next = 0;
            let before = list.len();
            list.retain(|resource| {
                named.contains(resource.id.as_str()) || {
                    next += 1;
                    next <= NEXT
                }
            });
            self.left_out += before - list.len();
        }
        let left: BTreeSet<&str> = lists.iter().flat_map(|list| list.iter()).map(|one| one.id.as_str()).collect();
        self.answers.acquired.retain(|(_, resource), _| left.contains(resource.as_str()));
    }
}

/// The resources that an item is about.
fn name<'a>(item: &'a Item, named: &mut BTreeSet<&'a str>) {
    match item {
        Item::Place(placement) => drop(named.insert(&placement.resource)),
        Item::Reclaim(reclaim) => drop(named.insert(&reclaim.resource)),
        Item::Together(items) => items.iter().for_each(|item| name(item, named)),
        Item::Build(_) | Item::GiveUp(_) => {}
    }
}

/// An item on a line. The ids of places are chance, and no part of a decision.
fn told(item: &Item) -> String {
    match item {
        Item::Place(placement) => {
            let beyond = if placement.overflow.is_some() { " beyond its shares" } else { "" };
            format!("{} goes on {}{beyond}", placement.lease, placement.resource)
        }
        Item::Build(build) => {
            let takers: Vec<&str> = build.takers.iter().map(|taker| taker.lease.as_str()).collect();
            format!("{} is built by {} for {}", build.resource, build.blueprint, takers.join(", "))
        }
        Item::Reclaim(reclaim) => format!("{} is closed: {}", reclaim.resource, reclaim.reason),
        Item::GiveUp(given_up) => format!("{} break: {}", given_up.leases.join(", "), given_up.reason),
        Item::Together(items) => format!("together: {}", items.iter().map(told).collect::<Vec<_>>().join("; ")),
    }
}

/// Maps whose keys are no texts, as lists of pairs.
pub(super) mod pairs {
    use serde::de::{Deserialize, Deserializer};
    use serde::ser::{Serialize, Serializer};
    use std::collections::BTreeMap;

    pub fn serialize<S: Serializer, K: Serialize, V: Serialize>(map: &BTreeMap<K, V>, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(map)
    }

    pub fn deserialize<'de, D, K, V>(d: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        D: Deserializer<'de>,
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(d)?.into_iter().collect())
    }
}
