//! The rows of one group of commits in memory: as they were loaded, as they are now, and how to take changes back.

use super::news::Cause;
use super::rows::{
    Aside, Blueprint, Class, Counter, CounterShare, Event, Leak, Lease, Leftover, NodeRow, Observed, Place, Pool,
    RequestKey, Resource, Row, SlotRow,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The rows of one type. A key that was not loaded counts as absent from the store.
#[derive(Debug)]
pub struct Table<R: Row> {
    entries: BTreeMap<R::Key, Entry<R>>,
    journal: Vec<(R::Key, Option<Arc<R>>)>,
}

#[derive(Debug)]
struct Entry<R> {
    stored: Option<Arc<R>>,
    now: Option<Arc<R>>,
}

impl<R: PartialEq> Entry<R> {
    fn is_changed(&self) -> bool {
        match (&self.stored, &self.now) {
            // Most rows of a group are only relied on: those need no comparing.
            (Some(stored), Some(now)) => !Arc::ptr_eq(stored, now) && stored != now,
            (None, None) => false,
            _ => true,
        }
    }
}

impl<R: Row> Default for Table<R> {
    fn default() -> Self {
        Table { entries: BTreeMap::new(), journal: Vec::new() }
    }
}

impl<R: Row> Table<R> {
    /// Takes in a row as the store has it.
    pub fn load(&mut self, row: R) {
        let key = row.key();
        let row = Arc::new(row);
        self.entries.insert(key, Entry { stored: Some(Arc::clone(&row)), now: Some(row) });
    }

    pub fn get(&self, key: &R::Key) -> Option<&R> {
        self.entries.get(key).and_then(|entry| entry.now.as_deref())
    }

    pub fn iter(&self) -> impl Iterator<Item = &R> {
        self.entries.values().filter_map(|entry| entry.now.as_deref())
    }

    pub fn put(&mut self, row: R) {
        self.set(row.key(), Some(Arc::new(row)));
    }

    pub fn remove(&mut self, key: &R::Key) {
        if self.get(key).is_some() {
            self.set(key.clone(), None);
        }
    }

    fn set(&mut self, key: R::Key, row: Option<Arc<R>>) {
        let entry = self.entries.entry(key.clone()).or_insert(Entry { stored: None, now: None });
        let before = std::mem::replace(&mut entry.now, row);
        self.journal.push((key, before));
    }

    fn undo_to(&mut self, mark: usize) {
        while self.journal.len() > mark {
            if let Some((key, before)) = self.journal.pop()
                && let Some(entry) = self.entries.get_mut(&key)
            {
                entry.now = before;
            }
        }
    }

    /// Rows that are new or other than the store has them, by key.
    pub fn changed(&self) -> impl Iterator<Item = &R> {
        self.entries.values().filter(|entry| entry.is_changed()).filter_map(|entry| entry.now.as_deref())
    }

    /// The same, each with what the store has.
    pub fn changes(&self) -> impl Iterator<Item = (Option<&R>, &R)> {
        let changed = self.entries.values().filter(|entry| entry.is_changed());
        changed.filter_map(|entry| entry.now.as_deref().map(|now| (entry.stored.as_deref(), now)))
    }

    /// Rows that the store has and that are gone now, by key.
    pub fn removed(&self) -> impl Iterator<Item = &R> {
        self.entries.values().filter(|entry| entry.now.is_none()).filter_map(|entry| entry.stored.as_deref())
    }
}

/// Hands the list of tables that commits change to a macro: field and row type.
macro_rules! with_tables {
    ($each:ident) => {
        $each! {
            pools: Pool,
            classes: Class,
            blueprints: Blueprint,
            resources: Resource,
            places: Place,
            leases: Lease,
            slots: SlotRow,
            counters: Counter,
            counter_shares: CounterShare,
            request_keys: RequestKey,
            asides: Aside,
            leftovers: Leftover,
            leaks: Leak,
            observed: Observed,
            nodes: NodeRow,
        }
    };
}
pub(crate) use with_tables;

macro_rules! tables {
    ($($field:ident : $row:ident,)*) => {
        /// Every table of the store that commits change, and the events they write.
        #[derive(Debug, Default)]
        pub struct Rows {
            $(pub $field: Table<$row>,)*
            pub events: Vec<Event>,
            /// Why news was raised: by type, in order.
            pub causes: Vec<(String, Cause)>,
            /// Blueprints that have another name now: what it was, and what it is.
            pub renamed: Vec<(String, String)>,
            /// By type and owner: the requests with the latest turns of those that wait, as the store has them.
            pub turns: BTreeMap<(String, String), Vec<(String, i64)>>,
            /// Commit ids of this group that the store has already.
            pub known_commits: BTreeSet<String>,
        }

        /// A point to go back to.
        #[derive(Clone, Copy, Debug, Default)]
        pub struct Mark { $($field: usize,)* events: usize, causes: usize, renamed: usize }

        impl Rows {
            pub fn mark(&self) -> Mark {
                Mark {
                    $($field: self.$field.journal.len(),)*
                    events: self.events.len(),
                    causes: self.causes.len(),
                    renamed: self.renamed.len(),
                }
            }

            pub fn undo_to(&mut self, mark: Mark) {
                $(self.$field.undo_to(mark.$field);)*
                self.events.truncate(mark.events);
                self.causes.truncate(mark.causes);
                self.renamed.truncate(mark.renamed);
            }
        }
    };
}

with_tables!(tables);

impl Rows {
    /// Gives what a blueprint has made its other name: here in what was loaded, and in the rest when it is saved.
    pub fn rename(&mut self, was: &str, name: &str) {
        let resources: Vec<Resource> = self.resources.iter().filter(|row| row.blueprint == was).cloned().collect();
        for row in resources {
            self.resources.put(Resource { blueprint: name.to_owned(), ..row });
        }
        let places: Vec<Place> = self.places.iter().filter(|row| row.blueprint == was).cloned().collect();
        for row in places {
            self.places.put(Place { blueprint: name.to_owned(), ..row });
        }
        let leaks: Vec<Leak> = self.leaks.iter().filter(|row| row.blueprint == was).cloned().collect();
        for row in leaks {
            self.leaks.put(Leak { blueprint: name.to_owned(), ..row });
        }
        self.renamed.push((was.to_owned(), name.to_owned()));
    }
}
