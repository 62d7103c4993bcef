//! How many of each other owner come before a request: the bound of the fair share, measured.

use super::watch::{Watch, detail};
use crate::model::status::Subject;
use std::collections::BTreeMap;

/// What the events have told of who waits, and of who was served before them.
#[derive(Default)]
pub struct Fairness {
    /// Leases that have not had a place yet.
    waiting: BTreeMap<String, Waits>,
}

struct Waits {
    pool: String,
    owner: String,
    ord: i64,
    news: i64,
    /// It was the only one of its owner that waited; by other owner: how many of it may come first, and how many have.
    first: bool,
    most: BTreeMap<String, i64>,
    passed: BTreeMap<String, i64>,
}

impl Watch<'_> {
    /// Before the first request of an owner, at most 1 + w / T of each other owner are served by plans that saw it: T is
    /// the spacing in milliseconds, and w how much earlier the other's first one stands in the order.
    pub fn fairly_shared(&mut self, spacing: i64) -> Result<(), String> {
        let waiting = &mut self.told.fairness.waiting;
        for event in self.events.iter().map(|logged| &logged.event) {
            let detail = detail(event);
            match (event.subject, event.now.as_str()) {
                (Subject::Lease, "pending") if event.was.is_empty() => {
                    let owner = detail["owner"].as_str().unwrap_or_default().to_owned();
                    let ord = detail["ord"].as_i64().unwrap_or(0);
                    let mut most = BTreeMap::new();
                    for other in waiting.values().filter(|other| other.pool == event.pool && other.owner != owner) {
                        let before = 1 + (ord - other.ord).max(0) / spacing;
                        let known = most.entry(other.owner.clone()).or_insert(before);
                        *known = before.max(*known);
                    }
                    let first = waiting.values().all(|other| other.owner != owner || other.pool != event.pool);
                    let (pool, news) = (event.pool.clone(), detail["news"].as_i64().unwrap_or(i64::MAX));
                    let waits = Waits { pool, owner, ord, news, first, most, passed: BTreeMap::new() };
                    waiting.insert(event.id.clone(), waits);
                }
                (Subject::Lease, "released" | "broken" | "destroyed") => drop(waiting.remove(&event.id)),
                (Subject::Place, "held") if event.was.is_empty() => {
                    let Some(taker) = event.lease.as_ref().and_then(|lease| waiting.remove(lease)) else { continue };
                    let look = detail["look"].as_i64().unwrap_or(0);
                    let beside = |other: &&mut Waits| {
                        other.pool == taker.pool && other.owner != taker.owner && other.news <= look && other.first
                    };
                    for other in waiting.values_mut().filter(beside) {
                        let passed = other.passed.entry(taker.owner.clone()).or_default();
                        *passed += 1;
                        let most = other.most.get(&taker.owner).copied().unwrap_or(1);
                        if *passed > most {
                            let (first, then) = (&other.owner, &taker.owner);
                            return Err(format!("{first} waits, and {passed} of {then} came first, where {most} may"));
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}
