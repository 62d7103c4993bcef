//! What an observation says of the resources there are, and of things that resources have left behind. It is pure: what was
//! seen before is passed in.

use super::protection::{Protection, Protections};
use super::rows::Resource;
use super::status::ResourceStatus;
use crate::contract::{Absence, Observation, Slot, Thing, ThingState};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// What the observations before have said of one blueprint, as far as it counts only when it is said twice.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Resources whose thing was missing.
    missing: BTreeSet<String>,
    /// Things that a resource seemed to have left behind.
    strays: BTreeSet<String>,
}

/// What is to be done about a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It does not exist any more.
    Gone(String),
    /// It takes nothing new.
    Leaving(String),
    /// It was leaving, and stays.
    Back,
}

/// What the inventory says when it drains a resource; an operator says something else, and is not overruled.
pub const WITHDRAWN: &str = "it is being withdrawn outside: ";

/// The thing that each of the resources is, if it was seen.
fn things<'a, 'b>(observation: &'b Observation, resources: &'a [Resource]) -> Vec<(&'a Resource, Option<&'b Thing>)> {
    let mut by_resource: BTreeMap<&str, Vec<&Thing>> = BTreeMap::new();
    let mut by_slot: BTreeMap<&str, &Thing> = BTreeMap::new();
    for thing in &observation.things {
        if let Some(resource) = &thing.resource {
            by_resource.entry(resource).or_default().push(thing);
        }
        if let Some(slot) = &thing.slot {
            by_slot.insert(slot, thing);
        }
    }
    let holds = |resource: &Resource| {
        resource.slots.0.iter().find_map(|slot| match slot {
            Slot::Named(key) => by_slot.get(key.as_str()).copied(),
            Slot::Counted { .. } => None,
        })
    };
    let made = |resource: &Resource| {
        // Of several things that were made for it, one that goes is what it can do least without.
        let made = by_resource.get(resource.id.as_str())?;
        made.iter().max_by_key(|thing| thing.state != ThingState::Present).copied()
    };
    resources.iter().map(|resource| (resource, made(resource).or_else(|| holds(resource)))).collect()
}

/// What an observation says of the resources of its blueprint that were active when it began.
pub fn compare<'a>(
    observation: &Observation,
    resources: &'a [Resource],
    memory: &mut Memory,
    protections: &Protections,
) -> Vec<(&'a Resource, Finding)> {
    let mut findings = Vec::new();
    let mut missing = BTreeSet::new();
    for (resource, thing) in things(observation, resources) {
        if resource.status != ResourceStatus::Active {
            continue;
        }
        let withdrawn = resource.drained.as_ref().is_some_and(|why| why.starts_with(WITHDRAWN));
        let leaves = |why: &str| Finding::Leaving(format!("{WITHDRAWN}{why}"));
        let finding = match thing.map(|thing| &thing.state) {
            Some(ThingState::Present) => withdrawn.then_some(Finding::Back),
            Some(ThingState::Leaving(why)) => resource.drained.is_none().then(|| leaves(why)),
            Some(ThingState::Gone(why)) => Some(Finding::Gone(why.clone())),
            None if !observation.complete && protections.has(Protection::Complete) => {
                // Nothing is known of it; what was known stays.
                missing.extend(memory.missing.get(&resource.id).cloned());
                None
            }
            None => {
                let again = memory.missing.contains(&resource.id) || !protections.has(Protection::SeenTwice);
                missing.insert(resource.id.clone());
                match observation.absence {
                    _ if !again => None,
                    Absence::Gone => Some(Finding::Gone("it does not exist outside any more".to_owned())),
                    Absence::Leaving if resource.drained.is_some() => None,
                    Absence::Leaving => Some(leaves("it is not in the inventory any more")),
                }
            }
        };
        findings.extend(finding.map(|finding| (resource, finding)));
    }
    memory.missing = missing;
    findings
}

/// Things that bear the id of a resource which was not there any more when the observation began, by `ended`: when each of
/// the resources that they name has ended, none of one that lives, nothing for one that the store knows nothing of. Each is
/// told when it was seen twice, with whether the store knows the resource.
pub fn strays<'a>(
    observation: &'a Observation,
    ended: &BTreeMap<String, Option<i64>>,
    memory: &mut Memory,
    protections: &Protections,
) -> Vec<(&'a Thing, &'a str, bool)> {
    let mut told = Vec::new();
    let mut strays = BTreeSet::new();
    for thing in &observation.things {
        let Some(resource) = thing.resource.as_deref().filter(|_| !matches!(thing.state, ThingState::Gone(_))) else {
            continue;
        };
        let known = match ended.get(resource) {
            Some(None) => continue,
            Some(Some(at)) if *at >= observation.began as i64 => continue,
            Some(Some(_)) => true,
            None => false,
        };
        strays.insert(thing.id.clone());
        if memory.strays.contains(&thing.id) || !protections.has(Protection::SeenTwice) {
            told.push((thing, resource, known));
        }
    }
    memory.strays = strays;
    told
}

/// The id on the leak list of a thing that was left behind: the same whoever sees it, and whenever.
pub fn leak_of(kind: &str, thing: &str) -> String {
    const LETTERS: &[u8; 32] = b"0123456789bcdfghjkmnpqrstvwxyz01";
    let digest = Sha256::digest(format!("{kind}/{thing}"));
    let letters: String = digest.iter().take(12).map(|byte| char::from(LETTERS[usize::from(*byte) % 32])).collect();
    format!("k-{letters}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Labels;

    #[test]
    fn strays_are_told_when_they_are_seen_twice_and_nobody_has_them() {
        let thing = |resource: &str| Thing {
            id: format!("of {resource}"),
            resource: Some(resource.to_owned()),
            slot: None,
            attributes: "{}".to_owned(),
            labels: Labels::new(),
            state: ThingState::Present,
        };
        let things = ["r-alive", "r-ended", "r-just-ended", "r-unknown"].map(thing).to_vec();
        let seen = Observation { things, complete: true, began: 1_000, absence: Absence::Gone };
        let ended = [("r-alive", None), ("r-ended", Some(999)), ("r-just-ended", Some(1_000))];
        let ended = ended.map(|(resource, at)| (resource.to_owned(), at)).into();
        let mut memory = Memory::default();
        assert_eq!(strays(&seen, &ended, &mut memory, &Protections::ALL).len(), 0);
        let told = strays(&seen, &ended, &mut memory, &Protections::ALL);
        let told: Vec<(&str, bool)> = told.into_iter().map(|(_, resource, known)| (resource, known)).collect();
        assert_eq!(told, [("r-ended", true), ("r-unknown", false)]);
    }

    #[test]
    fn the_same_thing_has_the_same_leak() {
        assert_eq!(leak_of("host", "i-1"), leak_of("host", "i-1"));
        assert_ne!(leak_of("host", "i-1"), leak_of("host", "i-2"));
        assert_eq!(leak_of("host", "i-1").len(), 14);
    }
}
