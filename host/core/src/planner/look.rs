//! What a matcher has seen of its pool. It may be old by the time it is used: the commit decides.

use crate::contract::Slot;
use crate::model::rows::{Aside, Blueprint, Class, Doc, Pool, Resource};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// Read before everything else.
    pub pool: Pool,
    /// The other pools that were looked at, each in a look of its own, since sets reach into them.
    pub others: BTreeMap<String, Pool>,
    /// Classes that have leases waiting, by their first lease's place in the order; then those that are only alternatives
    /// to what these want.
    pub classes: Vec<ClassLook>,
    pub blueprints: BTreeMap<String, Blueprint>,
    /// Set aside: (name space, slot).
    #[serde(with = "super::record::pairs")]
    pub asides: BTreeMap<(String, String), Aside>,
    /// The named slots that were asked about, since they are offered: (name space, slot).
    pub offered: BTreeSet<(String, String)>,
    /// Which of them have an owner.
    pub taken: BTreeSet<(String, String)>,
    /// The blueprints at their maximum whose resources were asked about, since somebody waits for room there.
    pub full: BTreeSet<String>,
    /// Of those blueprints: resources that nobody is on, longest idle first, and what is being closed.
    pub standing: BTreeMap<String, Vec<Resource>>,
    /// Resources that nobody is on, or that are being closed, and that have leased something of this pool, if somebody
    /// waits for room: longest idle first.
    pub towers: Vec<Tower>,
    /// Name spaces of slots that leases of other types wait for, of those in which something is kept for nobody.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub contested: BTreeSet<String>,
    /// The resources that own the slots of refusals, or are named by them: by (name space, slot), or ("", id).
    #[serde(with = "super::record::pairs")]
    pub owners: BTreeMap<(String, String), Resource>,
}

/// A resource that stands on others: it has leased them for itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tower {
    pub top: Resource,
    pub beneath: Vec<Storey>,
}

/// What a tower stands on, directly or by way of another storey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storey {
    pub resource: String,
    pub blueprint: String,
    /// The name space of its slots.
    pub space: String,
    pub slots: Doc<Vec<Slot>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassLook {
    pub class: Class,
    /// The first of its leases that wait, in order; at most as many as a look asks for.
    pub heads: Vec<Waiting>,
    /// By blueprint: resources with room that carry the labels needed, at most as many as a look asks for.
    pub candidates: BTreeMap<String, Vec<Resource>>,
    /// By blueprint: such resources without room that may be given beyond their shares, least loaded first.
    pub crowded: BTreeMap<String, Vec<Resource>>,
}

/// A lease that waits. The order is that of the fields.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Waiting {
    pub ord: i64,
    pub lease: String,
    /// Where it counts against its owner's quota: whose that is.
    pub quota: Option<Held>,
    pub set: Option<WaitingSet>,
}

/// A set of leases that are wanted together or not at all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WaitingSet {
    pub id: String,
    /// The types in it, sorted.
    pub kinds: Vec<String>,
    /// So many of it wait, whether the look has brought them or not.
    pub waiting: usize,
}

/// An owner's quota, as a look saw it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Held {
    pub owner: String,
    /// Leases with a place.
    pub used: i64,
    pub limit: i64,
}

impl Look {
    /// The pool of a type that this look is of.
    pub fn pool_of(&self, kind: &str) -> &Pool {
        self.others.get(kind).unwrap_or(&self.pool)
    }

    /// How often something was freed in the pool of a class.
    pub fn freed(&self, class: &str) -> i64 {
        self.class(class).map_or(&self.pool, |look| self.pool_of(&look.class.kind)).freed
    }

    /// The class of an id.
    pub fn class(&self, id: &str) -> Option<&ClassLook> {
        self.classes.iter().find(|look| look.class.id == id)
    }

    /// Whether a slot was seen to be free: it was asked about, has no owner, and is not set aside.
    pub fn is_free(&self, space: &str, slot: &Slot) -> bool {
        let Slot::Named(key) = slot else { return true };
        let slot = (space.to_owned(), key.clone());
        self.offered.contains(&slot) && !self.taken.contains(&slot) && !self.asides.contains_key(&slot)
    }

    /// Takes in a look at another pool.
    pub fn join(&mut self, other: Look) {
        self.others.insert(other.pool.kind.clone(), other.pool);
        self.classes.extend(other.classes);
        self.classes.sort_by(by_first);
        self.blueprints.extend(other.blueprints);
        self.asides.extend(other.asides);
        self.offered.extend(other.offered);
        self.taken.extend(other.taken);
        self.full.extend(other.full);
        self.standing.extend(other.standing);
        self.towers.extend(other.towers);
        self.contested.extend(other.contested);
        self.owners.extend(other.owners);
    }
}

/// The order of classes in a look.
pub fn by_first(a: &ClassLook, b: &ClassLook) -> std::cmp::Ordering {
    (a.heads.is_empty(), a.heads.first(), &a.class.id).cmp(&(b.heads.is_empty(), b.heads.first(), &b.class.id))
}

/// How many leases of a class, and how many resources of a class and blueprint, one look brings.
pub const HEADS: usize = 64;
pub const CANDIDATES: usize = 64;
/// How many idle resources of a blueprint one look brings.
pub const IDLE: usize = 64;
