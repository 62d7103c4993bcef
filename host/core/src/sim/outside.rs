//! The world that blueprints act on, as far as scenarios need one: things that were made, and directories on them. It
//! believes nobody: what it has seen is what happened.

use crate::plugin::Step;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

#[derive(Default)]
pub struct Outside {
    seen: Mutex<Seen>,
}

/// One thing that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thing {
    pub resource: String,
    /// What it stands on, which can carry one thing at a time.
    pub binding: Option<String>,
    pub shares: u32,
    /// The directories that it was made in, which it is gone with: places on other things.
    pub on: Vec<String>,
    /// From when on it can be seen by who looks for it; until then it is there all the same.
    pub visible_at: i64,
}

#[derive(Default)]
pub struct Seen {
    /// By the key it was made under.
    pub things: BTreeMap<String, Thing>,
    /// (resource, place) of every directory there is.
    pub directories: BTreeSet<(String, String)>,
    /// By resource: the binding that it was opened on.
    pub bindings: BTreeMap<String, String>,
    /// Resources whose things somebody wanted ended.
    pub closed: BTreeSet<String>,
    pub opened: u64,
    pub activated: u64,
    /// By step and what it is of: calls that the provider did not answer.
    pub refused: BTreeMap<(&'static str, String), u64>,
    pub wrong: Vec<String>,
}

impl Seen {
    /// Every directory on a thing is gone.
    fn empty(&mut self, resource: &str) {
        let (gone, left): (BTreeSet<_>, BTreeSet<_>) =
            std::mem::take(&mut self.directories).into_iter().partition(|(on, _)| on == resource);
        self.directories = left;
        gone.iter().for_each(|(_, place)| self.gone(place));
    }

    /// A directory is gone, and with it what was made in it.
    fn gone(&mut self, place: &str) {
        let in_it = |thing: &Thing| thing.on.iter().any(|on| on == place);
        let lost: Vec<String> =
            self.things.values().filter(|thing| in_it(thing)).map(|thing| thing.resource.clone()).collect();
        self.things.retain(|_, thing| !lost.contains(&thing.resource));
        lost.iter().for_each(|resource| self.empty(resource));
    }
}

impl Outside {
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Makes a thing, or finds the one that the key has made.
    pub fn open(&self, key: &str, thing: Thing) {
        let mut seen = self.seen();
        if seen.things.contains_key(key) {
            return;
        }
        let clash = seen.things.values().find(|other| {
            other.binding.is_some() && other.binding == thing.binding && other.resource != thing.resource
        });
        if let Some(other) = clash {
            let wrong = format!("{} was opened on what {} stands on", thing.resource, other.resource);
            seen.wrong.push(wrong);
        }
        seen.opened += 1;
        if let Some(binding) = &thing.binding {
            seen.bindings.insert(thing.resource.clone(), binding.clone());
        }
        seen.things.insert(key.to_owned(), thing);
    }

    /// Ends the thing that was made under the key; it is no error if there is none, or if it can't be seen yet. What was
    /// made on it goes with it, unless it lasts.
    pub fn close(&self, resource: &str, key: &str, lasting: bool, now: i64) {
        let mut seen = self.seen();
        seen.closed.insert(resource.to_owned());
        if seen.things.get(key).is_some_and(|thing| thing.visible_at > now) {
            return;
        }
        if let Some(thing) = seen.things.remove(key)
            && !lasting
        {
            seen.empty(&thing.resource);
        }
    }

    /// The provider does not answer a step.
    pub fn refuse(&self, step: Step, of: &str) {
        *self.seen().refused.entry((step.name(), of.to_owned())).or_default() += 1;
    }

    /// What can be seen now: the key and the resource of each thing.
    pub fn list(&self, now: i64) -> Vec<(String, String)> {
        let seen = self.seen();
        let visible = seen.things.iter().filter(|(_, thing)| thing.visible_at <= now);
        visible.map(|(key, thing)| (key.clone(), thing.resource.clone())).collect()
    }

    /// Removes a thing that somebody says was left behind.
    pub fn sweep(&self, key: &str) {
        let mut seen = self.seen();
        let Some(thing) = seen.things.remove(key) else { return };
        if !seen.closed.contains(&thing.resource) {
            let wrong = format!("{key} was removed, and nobody had ended {}", thing.resource);
            seen.wrong.push(wrong);
        }
        seen.empty(&thing.resource);
    }

    pub fn exists(&self, resource: &str) -> bool {
        self.seen().things.values().any(|thing| thing.resource == resource)
    }

    /// Makes a stay's directory; false if what it would be on does not exist any more.
    pub fn enter(&self, resource: &str, place: &str) -> bool {
        let mut seen = self.seen();
        let Some(thing) = seen.things.values().find(|thing| thing.resource == resource) else { return false };
        let shares = thing.shares as usize;
        seen.activated += 1;
        let binding = seen.bindings.get(resource);
        let beside = seen
            .directories
            .iter()
            .find(|(on, _)| on != resource && binding.is_some() && seen.bindings.get(on) == binding);
        if let Some((_, left)) = beside {
            let wrong = format!("{place} is set up beside what {left} has left");
            seen.wrong.push(wrong);
        }
        seen.directories.insert((resource.to_owned(), place.to_owned()));
        let stays = seen.directories.iter().filter(|(on, _)| on == resource).count();
        if stays > shares {
            let wrong = format!("{stays} stays are on {resource}, which has {shares} shares");
            seen.wrong.push(wrong);
        }
        true
    }

    pub fn leave(&self, resource: &str, place: &str) {
        let mut seen = self.seen();
        if seen.directories.remove(&(resource.to_owned(), place.to_owned())) {
            seen.gone(place);
        }
    }

    /// Removes what a stay has left, wherever it is.
    pub fn clear(&self, place: &str) {
        self.seen().directories.retain(|(_, left)| left != place);
    }

    /// An operator removes a resource by hand, without a look at what is on it.
    pub fn remove(&self, resource: &str) {
        self.seen().things.retain(|_, thing| thing.resource != resource);
    }

    pub fn is_set_up(&self, resource: &str, place: &str) -> bool {
        self.seen().directories.contains(&(resource.to_owned(), place.to_owned()))
    }

    /// Takes out what has gone wrong so far.
    pub fn wrong(&self) -> Vec<String> {
        std::mem::take(&mut self.seen().wrong)
    }
}
