//! What the blueprints have answered so far, and what they are being asked. Kept by a matcher in memory; losing it costs
//! nothing but asking again.

use crate::contract::{Acquisition, Allocation, Refusal, Slot};
use crate::model::rows::Resource;
use crate::model::status::ResourceStatus;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// One question to a blueprint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Question {
    /// Its class was considered under an older revision of the config.
    Consider {
        class: String,
    },
    Allocate {
        class: String,
        blueprint: String,
    },
    Acquire {
        class: String,
        resource: String,
    },
}

impl Question {
    /// The class that it is asked for.
    pub fn class(&self) -> &String {
        match self {
            Question::Consider { class } | Question::Allocate { class, .. } | Question::Acquire { class, .. } => class,
        }
    }
}

/// A resource that could be made, under the id it would have, and how its first lease would use it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    pub resource: String,
    pub allocation: Allocation,
    pub acquisition: Acquisition,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Allocated {
    /// Best first; an offer is taken out when it is used or lost.
    Offers(Vec<Offer>),
    /// Good until something is freed, or until an instant.
    Refused { refusal: Refusal, freed: i64, until: Option<i64> },
}

/// An answer to `acquire`. It holds while the resource is as it was when asked; if it looked at the world, only while
/// the pool's news is the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acquired {
    pub result: Result<Acquisition, Refusal>,
    pub status: ResourceStatus,
    pub news: Option<i64>,
    /// Of a refusal: when to ask again.
    pub until: Option<i64>,
    /// Shares in use when it was refused.
    pub used: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answers {
    /// The revision of the config that the blueprints were asked under.
    pub revision: u64,
    #[serde(with = "super::record::pairs")]
    pub allocated: BTreeMap<(String, String), Allocated>,
    #[serde(with = "super::record::pairs")]
    pub acquired: BTreeMap<(String, String), Acquired>,
    /// Open questions, with when they were asked.
    #[serde(with = "super::record::pairs")]
    pub open: BTreeMap<Question, i64>,
    /// The first set in the order that could not be served when it was last planned, and since when.
    pub keeps: Option<(String, i64)>,
    /// Blueprints at their maximum for whose room somebody waited when it was last planned.
    pub full: BTreeSet<String>,
    /// By class and blueprint: how often in a row nothing of what it offered was to be had, and what was free then, as
    /// the pool counts it.
    #[serde(with = "super::record::pairs")]
    pub useless: BTreeMap<(String, String), (i64, u32)>,
    /// By class and blueprint: that it has no more to offer beside what it has offered. Good until something is freed, as
    /// the pool counts it, or until an instant.
    #[serde(with = "super::record::pairs")]
    pub exhausted: BTreeMap<(String, String), (i64, Option<i64>)>,
}

/// A blueprint that has offered what is not to be had this often, while nothing changed, breaks its contract.
const USELESS: u32 = 3;

impl Answers {
    /// The answer that still holds for this resource as it is now.
    pub fn acquired(&self, class: &str, resource: &Resource, news: i64, at: i64) -> Option<&Acquired> {
        let answer = self.acquired.get(&(class.to_owned(), resource.id.clone()))?;
        let holds = answer.status == resource.status
            && answer.news.is_none_or(|seen| seen == news)
            && match &answer.result {
                Ok(_) => true,
                // What was full may have room when somebody has left, or when its time has come.
                Err(_) => answer.used <= resource.used && answer.until.is_none_or(|until| at < until),
            };
        holds.then_some(answer)
    }

    /// The answer that still holds for this class and blueprint.
    pub fn allocated(&self, class: &str, blueprint: &str, freed: i64, at: i64) -> Option<&Allocated> {
        let answer = self.allocated.get(&(class.to_owned(), blueprint.to_owned()))?;
        let holds = match answer {
            Allocated::Offers(offers) => !offers.is_empty(),
            Allocated::Refused { freed: seen, until, .. } => *seen == freed && until.is_none_or(|until| at < until),
        };
        holds.then_some(answer)
    }

    /// Whether a blueprint has said that it has no more for this class than what it has offered.
    pub fn is_exhausted(&self, class: &str, blueprint: &str, freed: i64, at: i64) -> bool {
        let known = self.exhausted.get(&(class.to_owned(), blueprint.to_owned()));
        known.is_some_and(|(seen, until)| *seen == freed && until.is_none_or(|until| at < until))
    }

    /// Notes that these offers are not to be had all at once, though each was free: of each blueprint that has offered a
    /// class several of them, the last is dropped and no other asked for until something is freed. False if there is none.
    pub fn were_too_many(&mut self, resources: &[String], freed: impl Fn(&str) -> i64) -> bool {
        let mut last: BTreeMap<(String, String), (usize, &String)> = BTreeMap::new();
        for resource in resources {
            if let Some(key) = self.offered_to(resource) {
                let count = last.get(&key).map_or(0, |(count, _)| *count);
                last.insert(key, (count + 1, resource));
            }
        }
        last.retain(|_, (count, _)| *count > 1);
        for (key, (_, resource)) in &last {
            self.drop_offer(resource);
            self.exhausted.insert(key.clone(), (freed(&key.0), None));
        }
        !last.is_empty()
    }

    /// Notes what a blueprint has answered for a class, `freed` as the pool counted it when it was asked. What is in
    /// `beside` it had offered before, and is still to be had: sets need several offers at once.
    pub fn answered(&mut self, class: &str, blueprint: &str, answer: Allocated, beside: Vec<Offer>, freed: i64) {
        let key = (class.to_owned(), blueprint.to_owned());
        let mut offers = match self.allocated.remove(&key) {
            Some(Allocated::Offers(now)) => beside.into_iter().filter(|offer| now.contains(offer)).collect(),
            _ => Vec::new(),
        };
        if offers.is_empty() {
            self.exhausted.remove(&key);
            self.allocated.insert(key, answer);
            return;
        }
        let (fresh, until) = match answer {
            Allocated::Offers(fresh) => (fresh, None),
            Allocated::Refused { until, .. } => (Vec::new(), until),
        };
        let known: BTreeSet<&str> = offers.iter().flat_map(named).collect();
        let fresh: Vec<Offer> =
            fresh.into_iter().filter(|offer| named(offer).all(|slot| !known.contains(slot))).collect();
        match fresh.is_empty() {
            true => self.exhausted.insert(key.clone(), (freed, until)),
            false => self.exhausted.remove(&key),
        };
        offers.extend(fresh);
        self.allocated.insert(key, Allocated::Offers(offers));
    }

    /// The named slots of every offer to such classes, by blueprint: what a look has to bring of them.
    pub fn offered_slots(&self, of: impl Fn(&str) -> bool) -> BTreeMap<String, Vec<String>> {
        let mut slots: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for ((_, blueprint), answer) in self.allocated.iter().filter(|((class, _), _)| of(class)) {
            let Allocated::Offers(offers) = answer else { continue };
            for slot in offers.iter().flat_map(|offer| &offer.allocation.slots) {
                if let Slot::Named(key) = slot {
                    slots.entry(blueprint.clone()).or_default().push(key.clone());
                }
            }
        }
        slots
    }

    /// What refusals name as standing in the way of such classes, by blueprint: slots, and resources.
    pub fn in_the_way(&self, of: impl Fn(&str) -> bool) -> BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> {
        let mut all: BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
        for ((_, blueprint), answer) in self.allocated.iter().filter(|((class, _), _)| of(class)) {
            if let Allocated::Refused { refusal: Refusal::Full { slots, resources, .. }, .. } = answer {
                let named = all.entry(blueprint.clone()).or_default();
                named.0.extend(slots.iter().cloned());
                named.1.extend(resources.iter().cloned());
            }
        }
        all
    }

    /// The classes in whose way a resource stands, as refusals name it or one of its slots.
    pub fn blocked_by(&self, resource: &Resource) -> impl Iterator<Item = &String> {
        let stands = |slots: &[String], resources: &[String]| {
            let mut own = resource.slots.0.iter();
            resources.contains(&resource.id) || own.any(|slot| slots.iter().any(|name| slot.key() == name))
        };
        self.allocated.iter().filter_map(move |((class, _), answer)| match answer {
            Allocated::Refused { refusal: Refusal::Full { slots, resources, .. }, .. } => {
                stands(slots, resources).then_some(class)
            }
            _ => None,
        })
    }

    /// Forgets what was said under another revision of the config. What was said of a resource is as that was made.
    pub fn under(&mut self, revision: u64) {
        if self.revision != revision {
            self.revision = revision;
            self.allocated.clear();
            self.exhausted.clear();
            self.full.clear();
        }
    }

    /// Notes that nothing of what a blueprint offered a class was to be had; true once it has to be set aside for that.
    pub fn was_useless(&mut self, class: &str, blueprint: &str, freed: i64) -> bool {
        let key = (class.to_owned(), blueprint.to_owned());
        let (seen, times) = self.useless.get(&key).copied().unwrap_or((freed, 0));
        let times = if seen == freed { times + 1 } else { 1 };
        if times < USELESS {
            self.useless.insert(key, (freed, times));
            return false;
        }
        self.useless.remove(&key);
        self.allocated.remove(&key);
        true
    }

    /// The class and the blueprint that an offer was for.
    pub fn offered_to(&self, resource: &str) -> Option<(String, String)> {
        let has = |answer: &Allocated| match answer {
            Allocated::Offers(offers) => offers.iter().any(|offer| offer.resource == resource),
            Allocated::Refused { .. } => false,
        };
        self.allocated.iter().find(|(_, answer)| has(answer)).map(|(key, _)| key.clone())
    }

    /// Takes out an offer that was used, or that others were faster with.
    pub fn drop_offer(&mut self, resource: &str) {
        for answer in self.allocated.values_mut() {
            if let Allocated::Offers(offers) = answer {
                offers.retain(|offer| offer.resource != resource);
            }
        }
    }

    /// What is about these classes, and about none.
    pub fn of(&self, classes: &BTreeSet<String>) -> Answers {
        fn part<V: Clone>(
            all: &BTreeMap<(String, String), V>,
            classes: &BTreeSet<String>,
        ) -> BTreeMap<(String, String), V> {
            let kept = all.iter().filter(|((class, _), _)| classes.contains(class));
            kept.map(|(key, value)| (key.clone(), value.clone())).collect()
        }
        Answers {
            revision: self.revision,
            allocated: part(&self.allocated, classes),
            acquired: part(&self.acquired, classes),
            open: self.open.clone(),
            keeps: self.keeps.clone(),
            full: self.full.clone(),
            useless: part(&self.useless, classes),
            exhausted: part(&self.exhausted, classes),
        }
    }

    /// Forgets what is about resources and classes that a look does not see any more.
    pub fn keep_only(&mut self, classes: &BTreeSet<String>) {
        self.allocated.retain(|(class, _), _| classes.contains(class));
        self.useless.retain(|(class, _), _| classes.contains(class));
        self.exhausted.retain(|(class, _), _| classes.contains(class));
        if self.acquired.len() > 4_096 {
            self.acquired.retain(|(class, _), _| classes.contains(class));
        }
    }
}

fn named(offer: &Offer) -> impl Iterator<Item = &str> {
    offer.allocation.slots.iter().filter_map(|slot| match slot {
        Slot::Named(key) => Some(key.as_str()),
        Slot::Counted { .. } => None,
    })
}
