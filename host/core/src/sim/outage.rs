//! What is tried while a provider can't be had: little of everything, and one new thing at a time.

use super::watch::{Watch, detail};
use crate::model::status::Subject;
use std::collections::{BTreeMap, BTreeSet};

/// What a step says that the provider did not answer.
pub const UNAVAILABLE: &str = "the provider can't be reached";

/// What the events have told of resources that are being opened, and of those that could not be.
#[derive(Default)]
pub struct Probes {
    /// By resource that is being opened: its blueprint.
    opening: BTreeMap<String, String>,
    /// Blueprints that a provider did not answer last.
    failing: BTreeSet<String>,
}

impl Watch<'_> {
    /// Once the provider has not answered, a blueprint opens one resource at a time until one is open.
    pub fn one_probe_at_a_time(&mut self) -> Result<(), String> {
        let probes = &mut self.told.probes;
        for event in self.events.iter().map(|logged| &logged.event) {
            if event.subject != Subject::Resource {
                continue;
            }
            if event.was.is_empty() {
                let blueprint = detail(event)["blueprint"].as_str().unwrap_or_default().to_owned();
                let other = probes.opening.iter().find(|(_, of)| **of == blueprint).map(|(id, _)| id);
                if let Some(other) = other.filter(|_| probes.failing.contains(&blueprint)) {
                    return Err(format!("{} is opened while {blueprint} is tried with {other}", event.id));
                }
                probes.opening.insert(event.id.clone(), blueprint);
                continue;
            }
            let Some(blueprint) = probes.opening.remove(&event.id) else { continue };
            match event.now.as_str() {
                "active" => drop(probes.failing.remove(&blueprint)),
                "broken" if event.reason == UNAVAILABLE => drop(probes.failing.insert(blueprint)),
                "pending" => drop(probes.opening.insert(event.id.clone(), blueprint)),
                _ => {}
            }
        }
        Ok(())
    }

    /// No step is tried more than so often in vain, and all of them together no more than so often.
    pub fn refused_at_most(&self, each: u64, all: u64) -> Result<(), String> {
        let seen = self.outside.seen();
        if let Some(((step, of), times)) = seen.refused.iter().find(|(_, times)| **times > each) {
            return Err(format!("{step} of {of} was tried {times} times where {each} are enough"));
        }
        match seen.refused.values().sum::<u64>() {
            sum if sum > all => Err(format!("the provider was asked {sum} times where {all} are enough")),
            _ => Ok(()),
        }
    }

    /// Nobody who has something loses it.
    pub fn nobody_loses_a_lease(&self) -> Result<(), String> {
        let mut events = self.events.iter().map(|logged| &logged.event);
        match events.find(|event| event.subject == Subject::Lease && event.now == "broken") {
            Some(event) => Err(format!("{} is lost: {}", event.id, event.reason)),
            None => Ok(()),
        }
    }
}
