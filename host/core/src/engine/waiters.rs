//! Who waits in a pool, found by what they wait for: an index of the classes that a look at the whole pool has seen, and
//! of those that have come since.

use crate::model::rows::{Considered, Resource};
use crate::planner::look::{ClassLook, Look};
use std::collections::{BTreeMap, BTreeSet};

/// A label: its name and its value.
type Label = (String, String);

#[derive(Debug, Default)]
pub struct Waiters {
    /// By blueprint and one of the labels that a class needs there, if it needs any: the classes. Of its labels it is the
    /// one that the fewest classes need.
    found: BTreeMap<(String, Option<Label>), BTreeSet<String>>,
    /// How many classes need a label at a blueprint.
    needed: BTreeMap<(String, Label), usize>,
    /// By class: under which keys it is found.
    keys: BTreeMap<String, BTreeSet<(String, Option<Label>)>>,
    /// By class: the classes of its alternatives.
    otherwise: BTreeMap<String, Vec<String>>,
    /// By class: those that it is an alternative for.
    mains: BTreeMap<String, BTreeSet<String>>,
}

impl Waiters {
    pub fn of(look: &Look) -> Waiters {
        let mut waiters = Waiters::default();
        for need in look.classes.iter().flat_map(needs) {
            let (blueprint, labels) = need;
            for label in labels {
                *waiters.needed.entry((blueprint.clone(), label)).or_default() += 1;
            }
        }
        waiters.add(look);
        waiters
    }

    /// Takes in the classes of a look, as they are now.
    pub fn add(&mut self, look: &Look) {
        for class in &look.classes {
            let id = &class.class.id;
            for key in self.keys.remove(id).unwrap_or_default() {
                if let Some(classes) = self.found.get_mut(&key) {
                    classes.remove(id);
                }
            }
            let keys: BTreeSet<_> = needs(class).map(|(blueprint, labels)| self.key(blueprint, labels)).collect();
            for key in &keys {
                self.found.entry(key.clone()).or_default().insert(id.clone());
            }
            self.keys.insert(id.clone(), keys);
            let others = class.class.otherwise.0.clone();
            for other in &others {
                self.mains.entry(other.clone()).or_default().insert(id.clone());
            }
            self.otherwise.insert(id.clone(), others);
        }
    }

    fn key(&self, blueprint: String, labels: BTreeSet<Label>) -> (String, Option<Label>) {
        let count = |label: &Label| self.needed.get(&(blueprint.clone(), label.clone())).copied().unwrap_or(0);
        let rarest = labels.into_iter().min_by_key(count);
        (blueprint, rarest)
    }

    /// Whether these classes are all of them.
    pub fn are_among(&self, classes: &BTreeSet<String>) -> bool {
        self.keys.keys().all(|class| classes.contains(class))
    }

    /// The classes that may want a resource because of its labels, and maybe some that don't.
    pub fn of_resource(&self, resource: &Resource) -> BTreeSet<String> {
        let labels = resource.labels.0.iter().map(|(name, value)| Some((name.clone(), value.clone())));
        let keys = labels.chain([None]).map(|label| (resource.blueprint.clone(), label));
        keys.filter_map(|key| self.found.get(&key)).flatten().cloned().collect()
    }

    /// The classes that a blueprint can serve.
    pub fn of_blueprint(&self, blueprint: &str) -> impl Iterator<Item = String> {
        let from = (blueprint.to_owned(), None);
        let own = self.found.range(from..).take_while(move |((name, _), _)| name == blueprint);
        own.flat_map(|(_, classes)| classes.iter().cloned())
    }

    /// These classes with all that are planned for together with them: their alternatives, and those that they are an
    /// alternative for.
    pub fn with_others(&self, classes: &BTreeSet<String>) -> BTreeSet<String> {
        let mut all = classes.clone();
        let mains = classes.iter().filter_map(|class| self.mains.get(class)).flatten();
        all.extend(mains.cloned());
        let otherwise: Vec<&String> = all.iter().filter_map(|class| self.otherwise.get(class)).flatten().collect();
        let otherwise: BTreeSet<String> = otherwise.into_iter().cloned().collect();
        all.extend(otherwise);
        all
    }
}

/// By blueprint that can serve a class: the labels that its resources must carry.
fn needs(class: &ClassLook) -> impl Iterator<Item = (String, BTreeSet<Label>)> {
    let asked = &class.class.request.0.labels;
    class.class.answers.0.iter().filter_map(move |(blueprint, answer)| {
        let Considered::Serves(needs) = answer else { return None };
        // Where both name one, the blueprint's counts.
        let asked = asked.iter().filter(|(name, _)| !needs.labels.contains_key(*name));
        let labels = needs.labels.iter().chain(asked).map(|(name, value)| (name.clone(), value.clone()));
        Some((blueprint.clone(), labels.collect()))
    })
}
