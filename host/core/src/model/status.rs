//! The statuses and every transition between them, as data. The model changes a status only through [`allowed`], the
//! checker reads the events against the same table, and the diagram in the docs is printed from it.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResourceStatus {
    /// Allocated; `open` is not done.
    Pending,
    Active,
    /// Wanted away and empty; `close` is not done.
    Released,
    /// Failed for good; `close` is not done.
    Broken,
    Destroyed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LeaseStatus {
    /// Waits for a place.
    Pending,
    /// Has a place that is not set up.
    Acquired,
    Active,
    /// Ended as it should; its place is not gone.
    Released,
    /// Ended by a failure; its place is not gone.
    Broken,
    /// Over, and its place gone. Outcome and reason stay.
    Destroyed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlaceStatus {
    Held,
    /// `release` is not done.
    Leaving,
    Gone,
}

/// Which kind of row a transition is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    Resource,
    Lease,
    Place,
    Blueprint,
    Pool,
}

/// One line of the table: what, from, to, and when it happens. An empty `from` is the row's first status.
pub struct Transition {
    pub subject: Subject,
    pub from: &'static str,
    pub to: &'static str,
    pub by: &'static str,
}

const fn t(subject: Subject, from: &'static str, to: &'static str, by: &'static str) -> Transition {
    Transition { subject, from, to, by }
}

use Subject::{Lease, Place, Resource};

/// Every transition there is.
pub const TRANSITIONS: &[Transition] = &[
    t(Resource, "", "pending", "a matcher's commit, with the places it is for"),
    t(Resource, "pending", "active", "open is done"),
    t(Resource, "pending", "released", "wanted away, no place left"),
    t(Resource, "active", "released", "wanted away, no place left"),
    t(Resource, "pending", "broken", "open failed or timed out"),
    t(Resource, "active", "broken", "gone outside"),
    t(Resource, "released", "destroyed", "close is done"),
    t(Resource, "broken", "destroyed", "close is done"),
    t(Lease, "", "pending", "asked"),
    t(Lease, "pending", "acquired", "a matcher's commit, with its place"),
    t(Lease, "pending", "active", "the same, where nothing has to be set up"),
    t(Lease, "acquired", "active", "activate is done"),
    t(Lease, "acquired", "pending", "its place was lost before it was active"),
    t(Lease, "pending", "released", "wanted away"),
    t(Lease, "acquired", "released", "wanted away"),
    t(Lease, "active", "released", "wanted away"),
    t(Lease, "pending", "broken", "never servable"),
    t(Lease, "acquired", "broken", "it can't be set up"),
    t(Lease, "active", "broken", "its resource was lost"),
    t(Lease, "released", "destroyed", "its place is gone"),
    t(Lease, "broken", "destroyed", "its place is gone"),
    t(Place, "", "held", "a matcher's commit"),
    t(Place, "held", "leaving", "lost or let go"),
    t(Place, "held", "gone", "nothing to release, or its resource is going"),
    t(Place, "leaving", "gone", "release is done, or given up with a leftover"),
];

/// Whether the table has this transition.
pub fn allowed(subject: Subject, from: &str, to: &str) -> bool {
    TRANSITIONS.iter().any(|t| t.subject == subject && t.from == from && t.to == to)
}

macro_rules! names {
    ($type:ident { $($variant:ident $name:literal),* }) => {
        impl $type {
            pub fn name(self) -> &'static str {
                match self { $($type::$variant => $name),* }
            }
        }
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

names!(ResourceStatus { Pending "pending", Active "active", Released "released", Broken "broken", Destroyed "destroyed" });
names!(LeaseStatus {
    Pending "pending", Acquired "acquired", Active "active", Released "released", Broken "broken", Destroyed "destroyed"
});
names!(PlaceStatus { Held "held", Leaving "leaving", Gone "gone" });
names!(Subject { Resource "resource", Lease "lease", Place "place", Blueprint "blueprint", Pool "pool" });

impl ResourceStatus {
    /// Pending or active: it may hold places.
    pub fn alive(self) -> bool {
        matches!(self, ResourceStatus::Pending | ResourceStatus::Active)
    }
}

impl LeaseStatus {
    /// Released, broken or destroyed: its holder has nothing of it any more.
    pub fn ended(self) -> bool {
        matches!(self, LeaseStatus::Released | LeaseStatus::Broken | LeaseStatus::Destroyed)
    }
}
