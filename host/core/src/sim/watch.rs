//! What is looked at after every commit beside the checker: the events it wrote, and the outside.

use super::fairness::Fairness;
use super::outage::Probes;
use super::outside::Outside;
use crate::engine::api::LoggedEvent;
use crate::model::rows::Event;
use crate::model::status::Subject;
use std::collections::{BTreeMap, BTreeSet};

/// What the events of a run have told so far.
#[derive(Default)]
pub struct Told {
    pub last_seq: i64,
    /// Leases that wait: class, place in the order, and the news of the commit from which they wait.
    pub waiting: BTreeMap<String, Waits>,
    /// By resource: those it was built for, until somebody has its first place.
    pub built_for: BTreeMap<String, Vec<String>>,
    /// By lease: the set that it was asked for in.
    pub sets: BTreeMap<String, String>,
    pub fairness: Fairness,
    /// Leases that have had a place.
    pub placed_once: BTreeSet<String>,
    /// Leases that have ended.
    pub ended: BTreeSet<String>,
    /// Resources that are pending or active, by blueprint.
    pub alive: BTreeMap<String, String>,
    /// Shares taken, by resource that is alive.
    pub loads: BTreeMap<String, i64>,
    /// Places that were given, by resource.
    pub uses: BTreeMap<String, u64>,
    /// The maximum of each blueprint, in the configuration in force.
    pub limits: BTreeMap<String, Option<i64>>,
    /// By resource: the fencing epoch of its last place, and the commit that gave it.
    pub fences: BTreeMap<String, (i64, String)>,
    /// Owners by when they got their first place.
    pub placed_owners: Vec<String>,
    /// By owner: the blueprint of the resource that it was placed on last.
    pub placed_on: BTreeMap<String, String>,
    /// Owners with a quota: whoever of them waits may be passed for it.
    pub limited: BTreeSet<String>,
    /// Resources that are still pending.
    pub pending: BTreeSet<String>,
    pub probes: Probes,
    /// Places that have been let go and are not cleared yet, with their resources.
    pub leaving: BTreeMap<String, String>,
    /// Resources that don't answer.
    pub sick: BTreeSet<String>,
    /// What has happened, to be told with the run.
    pub marks: Vec<&'static str>,
    pub built: u64,
    /// The same by blueprint.
    pub built_by: BTreeMap<String, u64>,
    /// Blueprints that were set aside for what they offered, and items of plans whose slots were taken.
    pub disagreed: usize,
    pub refused: usize,
    pub placed: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waits {
    pub class: String,
    pub ord: i64,
    pub news: i64,
    pub owner: String,
    /// It needs others beside it to be served.
    pub set: bool,
}

pub struct Watch<'a> {
    pub told: &'a mut Told,
    pub events: &'a [LoggedEvent],
    /// What the commit's group did, as the trace has it.
    pub story: &'a str,
    pub outside: &'a Outside,
}

pub(super) fn detail(event: &Event) -> serde_json::Value {
    event.detail.as_deref().and_then(|detail| serde_json::from_str(detail).ok()).unwrap_or_default()
}

impl Watch<'_> {
    /// What holds in every scenario: nobody is placed past an older request of its class that the look saw, and no
    /// count is above its limit.
    pub fn always(&mut self) -> Result<(), String> {
        for logged in self.events {
            let event = &logged.event;
            let detail = detail(event);
            if let (Some(count), Some(limit)) = (detail["count"].as_i64(), detail["limit"].as_i64())
                && count > limit
            {
                return Err(format!("{} counts {count} of at most {limit}", event.id));
            }
            if let Some(limits) = detail["limits"].as_object() {
                self.told.limits = limits.iter().map(|(name, limit)| (name.clone(), limit.as_i64())).collect();
            }
            let quota = &detail["quota"];
            if quota["count"].as_i64() > quota["limit"].as_i64() {
                return Err(format!("{} is a lease too many of its owner: {quota}", event.id));
            }
            match (event.subject, event.now.as_str()) {
                (Subject::Place, "held") if event.was.is_empty() => {
                    self.told.placed += 1;
                    *self.told.uses.entry(event.resource.clone().unwrap_or_default()).or_default() += 1;
                    *self.told.loads.entry(event.resource.clone().unwrap_or_default()).or_default() += 1;
                    let fence = (detail["fence"].as_i64().unwrap_or(0), event.commit_id.clone());
                    let before = self.told.fences.insert(event.resource.clone().unwrap_or_default(), fence.clone());
                    if before.is_some_and(|before| before.1 != fence.1 && before.0 >= fence.0) {
                        return Err(format!("the fencing epoch of {} is {} and was no less before", event.id, fence.0));
                    }
                    if self.told.sick.contains(event.resource.as_deref().unwrap_or_default()) {
                        return Err(format!("{} was placed on what does not answer", event.id));
                    }
                    if detail["over"] == true {
                        self.told.marks.push("beyond its shares");
                    }
                    let lease = event.lease.clone().unwrap_or_default();
                    self.told.placed_once.insert(lease.clone());
                    let look = detail["look"].as_i64().unwrap_or(0);
                    if let Some(taker) = self.told.waiting.remove(&lease) {
                        if !self.told.placed_owners.contains(&taker.owner) {
                            self.told.placed_owners.push(taker.owner.clone());
                        }
                        let on = event.resource.as_ref().and_then(|resource| self.told.alive.get(resource));
                        self.told.placed_on.insert(taker.owner.clone(), on.cloned().unwrap_or_default());
                        // A set stands where its first lease does.
                        let set = self.told.sets.get(&lease);
                        let mates = self.told.sets.iter().filter(|(_, other)| set == Some(other));
                        let first = mates.map(|(mate, _)| mate).min().unwrap_or(&lease).clone();
                        let passed = self.told.waiting.iter().find(|(id, other)| {
                            other.class == taker.class
                                && !other.set
                                && !self.told.limited.contains(&other.owner)
                                && (other.ord, id.as_str()) < (taker.ord, first.as_str())
                                && other.news <= look
                        });
                        if let Some((other, _)) = passed {
                            return Err(format!("{lease} was placed past the older {other}, which its look saw"));
                        }
                    }
                }
                (Subject::Place, "leaving") => {
                    self.told.leaving.insert(event.id.clone(), event.resource.clone().unwrap_or_default());
                }
                (Subject::Place, "gone") => {
                    self.told.leaving.remove(&event.id);
                    if let Some(load) = self.told.loads.get_mut(&event.resource.clone().unwrap_or_default()) {
                        *load -= 1;
                    }
                }
                (Subject::Lease, "pending") => {
                    let waits = Waits {
                        class: detail["class"].as_str().unwrap_or_default().to_owned(),
                        ord: detail["ord"].as_i64().unwrap_or(0),
                        news: detail["news"].as_i64().unwrap_or(i64::MAX),
                        owner: detail["owner"].as_str().unwrap_or_default().to_owned(),
                        set: detail["set"].is_string(),
                    };
                    if let Some(set) = detail["set"].as_str() {
                        self.told.sets.insert(event.id.clone(), set.to_owned());
                    }
                    self.told.waiting.insert(event.id.clone(), waits);
                }
                (Subject::Lease, "released" | "broken" | "destroyed") => {
                    self.told.waiting.remove(&event.id);
                    self.told.ended.insert(event.id.clone());
                }
                (Subject::Resource, "pending") if event.was.is_empty() => {
                    self.told.built += 1;
                    let takers = detail["for"].as_array().cloned().unwrap_or_default();
                    if takers.is_empty() {
                        self.told.marks.push("kept for nobody");
                    }
                    let takers = takers.iter().filter_map(|taker| taker.as_str().map(str::to_owned)).collect();
                    self.told.built_for.insert(event.id.clone(), takers);
                    let blueprint = detail["blueprint"].as_str().unwrap_or_default().to_owned();
                    let count = detail["count"].as_i64().unwrap_or(0);
                    match self.told.limits.get(&blueprint) {
                        None => return Err(format!("{} was built by {blueprint}, which is not configured", event.id)),
                        Some(Some(limit)) if count > *limit => {
                            return Err(format!("{blueprint} has built up to {count}, where {limit} are in force"));
                        }
                        Some(_) => {}
                    }
                    *self.told.built_by.entry(blueprint.clone()).or_default() += 1;
                    self.told.alive.insert(event.id.clone(), blueprint);
                    self.told.loads.insert(event.id.clone(), 0);
                    self.told.pending.insert(event.id.clone());
                }
                (Subject::Resource, "active") => {
                    self.told.pending.remove(&event.id);
                    if event.reason.starts_with("it is out of use") {
                        self.told.marks.push("out of use");
                        self.told.sick.insert(event.id.clone());
                    }
                    if event.reason == "it answers again" {
                        self.told.marks.push("answers again");
                        self.told.sick.remove(&event.id);
                    }
                }
                (Subject::Resource, "released" | "broken" | "destroyed") => {
                    if event.now == "released" && event.reason.contains("in the way of others") {
                        self.told.marks.push("reclaimed");
                    }
                    if event.now == "released" && event.reason.contains("_timeout") {
                        self.told.marks.push("retired");
                    }
                    self.told.alive.remove(&event.id);
                    self.told.loads.remove(&event.id);
                    self.told.pending.remove(&event.id);
                    self.told.built_for.remove(&event.id);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Nothing is built for nobody while somebody waits whose look it is of.
    pub fn nobody_waits_for_what_is_for_nobody(&self) -> Result<(), String> {
        let built = |event: &&Event| {
            let for_nobody = detail(event)["for"].as_array().is_some_and(Vec::is_empty);
            event.subject == Subject::Resource && event.was.is_empty() && for_nobody
        };
        let waits = |event: &'_ Event| {
            let look = detail(event)["look"].as_i64().unwrap_or(0);
            self.told.waiting.iter().find(|(_, other)| other.news <= look).map(|(lease, _)| lease.clone())
        };
        let built = self.events.iter().map(|logged| &logged.event).find(built);
        match built.and_then(|event| Some((event, waits(event)?))) {
            Some((event, lease)) => Err(format!("{} was built for nobody while {lease} waited", event.id)),
            None => Ok(()),
        }
    }

    /// What answers again has nothing left on it.
    pub fn what_is_back_is_clear(&self) -> Result<(), String> {
        let back = |event: &Event| event.subject == Subject::Resource && event.reason == "it answers again";
        for (at, logged) in self.events.iter().enumerate().filter(|(_, logged)| back(&logged.event)) {
            let event = &logged.event;
            // Who lets go after that, if only in the same commit, leaves a resource that answers.
            let later = |place: &String| {
                let mut rest = self.events[at..].iter().map(|logged| &logged.event);
                rest.any(|event| event.subject == Subject::Place && event.id == *place && event.now == "leaving")
            };
            let mut leaving = self.told.leaving.iter();
            if let Some((place, _)) = leaving.find(|(place, resource)| **resource == event.id && !later(place)) {
                return Err(format!("{} is back, and {place} is not cleared", event.id));
            }
        }
        Ok(())
    }

    /// A resource's first place goes to one that it was built for, unless all of them are gone.
    pub fn creators_first(&mut self) -> Result<(), String> {
        for logged in self.events {
            let event = &logged.event;
            if event.subject == Subject::Place && event.now == "held" {
                let resource = event.resource.clone().unwrap_or_default();
                let lease = event.lease.clone().unwrap_or_default();
                let Some(takers) = self.told.built_for.remove(&resource) else { continue };
                let left = takers.iter().any(|taker| self.told.waiting.contains_key(taker));
                if !takers.contains(&lease) && left {
                    return Err(format!("{lease} has the first place on {resource}, built for {}", takers.join(", ")));
                }
            }
        }
        Ok(())
    }

    /// Nobody of a set waits for a first place while another of it has one.
    pub fn all_or_none(&self) -> Result<(), String> {
        let told = &self.told;
        let waits = |lease: &&String| told.waiting.contains_key(*lease) && !told.placed_once.contains(*lease);
        for (lease, set) in told.sets.iter().filter(|(lease, _)| waits(lease)) {
            let mate = told.sets.iter().find(|(mate, other)| *other == set && told.placed_once.contains(*mate));
            if let Some((mate, _)) = mate {
                return Err(format!("{lease} waits, and {mate} of the same set has had a place"));
            }
        }
        Ok(())
    }

    /// No two resources differ by more than one in what they carry, once one of them carries more than its shares.
    pub fn evenly_loaded(&self) -> Result<(), String> {
        let over = self.events.iter().any(|logged| detail(&logged.event)["over"] == true);
        let (least, most) = (self.told.loads.values().min(), self.told.loads.values().max());
        match (least, most) {
            (Some(least), Some(most)) if over && most - least > 1 => {
                Err(format!("one resource carries {most} leases, another {least}"))
            }
            _ => Ok(()),
        }
    }

    /// When what was being built opens, nobody is left who waits for a place on it.
    pub fn nobody_waits_for_it_to_open(&self) -> Result<(), String> {
        let opened = self
            .events
            .iter()
            .map(|logged| &logged.event)
            .find(|event| event.subject == Subject::Resource && event.was == "pending" && event.now == "active");
        match (opened, self.told.waiting.keys().next()) {
            (Some(event), Some(lease)) => Err(format!("{lease} still waited when {} opened", event.id)),
            _ => Ok(()),
        }
    }

    /// Every resource is given to one lease and to no other.
    pub fn placed_at_most_once(&self) -> Result<(), String> {
        match self.told.uses.iter().find(|(_, uses)| **uses > 1) {
            Some((resource, uses)) => Err(format!("{resource} was given to {uses} leases")),
            None => Ok(()),
        }
    }

    /// What is wanted away while it is being built still opens for those who are on it.
    pub fn opens_for_who_is_on_it(&self) -> Result<(), String> {
        let ended = |event: &&Event| {
            event.subject == Subject::Resource && event.was == "pending" && event.reason.contains("operator")
        };
        let on_it = |event: &Event| {
            let gone = |other: &Event| other.subject == Subject::Place && other.now == "gone";
            self.told.uses.contains_key(&event.id)
                && self.events.iter().any(|logged| gone(&logged.event) && logged.event.resource == event.resource)
        };
        match self.events.iter().map(|logged| &logged.event).filter(ended).find(|event| on_it(event)) {
            Some(event) => Err(format!("{} was taken from under its first lease", event.id)),
            None => Ok(()),
        }
    }

    /// Owners get their first places in this order.
    pub fn first_places_in_turn(&self, owners: &[&str]) -> Result<(), String> {
        match self.told.placed_owners.iter().zip(owners).find(|(got, due)| got != due) {
            Some((got, due)) => Err(format!("{got} was served before {due}")),
            None => Ok(()),
        }
    }

    /// Owners that have been placed are on resources of these blueprints.
    pub fn on_the_best(&self, best: &[(&str, &str)]) -> Result<(), String> {
        for (owner, blueprint) in best {
            match self.told.placed_on.get(*owner) {
                Some(on) if on != blueprint => return Err(format!("{owner} is on {on}, and could be on {blueprint}")),
                _ => {}
            }
        }
        Ok(())
    }

    /// At most so many resources were built.
    pub fn built_at_most(&self, most: u64) -> Result<(), String> {
        match self.told.built {
            built if built > most => Err(format!("{built} resources were built where {most} are enough")),
            _ => Ok(()),
        }
    }

    /// At most so many of a blueprint's resources were built.
    pub fn tried_at_most(&self, blueprint: &str, most: u64) -> Result<(), String> {
        match self.told.built_by.get(blueprint) {
            Some(built) if *built > most => Err(format!("{blueprint} was tried {built} times where {most} are enough")),
            _ => Ok(()),
        }
    }

    /// A blueprint that offers what is taken fails so often at most, and so many items of plans are refused for it.
    pub fn disagree_at_most(&mut self, most: usize, most_items: usize) -> Result<(), String> {
        let failed = |logged: &&LoggedEvent| logged.event.subject == Subject::Blueprint;
        self.told.disagreed += self.events.iter().filter(failed).count();
        self.told.refused += self.story.matches("slot \"").count();
        match (self.told.disagreed, self.told.refused) {
            (times, _) if times > most => Err(format!("{times} times a blueprint offered what is taken")),
            (_, items) if items > most_items => Err(format!("{items} items of plans asked for what was taken")),
            _ => Ok(()),
        }
    }

    /// At most so many resources are alive at a time.
    pub fn at_most_alive(&self, most: usize) -> Result<(), String> {
        match self.told.alive.len() {
            alive if alive > most => Err(format!("{alive} resources are alive where {most} are enough")),
            _ => Ok(()),
        }
    }
}
