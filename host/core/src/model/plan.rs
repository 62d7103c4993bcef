//! What a plan gives, builds and closes, as it is proposed to the store.

use super::rows::Pool;
use crate::config::Life;
use crate::contract::{Acquisition, Allocation};
use serde::{Deserialize, Serialize};

/// What a matcher has decided for its pool, from a look.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub pool: String,
    /// The pool's version and news as the look saw them.
    pub version: i64,
    pub news: i64,
    /// The revision of the config that it was made under.
    pub revision: i64,
    /// The other pools that it plans for, since sets reach into them.
    pub others: Vec<Seen>,
    pub items: Vec<Item>,
    /// What it was made from, JSON for the log: it goes with the plan's first event.
    pub record: Option<String>,
}

/// A pool as a look saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub pool: String,
    pub version: i64,
    pub news: i64,
}

impl Plan {
    /// A plan for one pool, as it was seen.
    pub fn of(pool: &Pool, items: Vec<Item>) -> Plan {
        Plan {
            pool: pool.kind.clone(),
            version: pool.version,
            news: pool.news,
            revision: pool.revision,
            items,
            ..Plan::default()
        }
    }

    /// Every pool that it is for, its own first.
    pub fn pools(&self) -> impl Iterator<Item = Seen> + '_ {
        let own = Seen { pool: self.pool.clone(), version: self.version, news: self.news };
        std::iter::once(own).chain(self.others.iter().cloned())
    }
}

// Most items are placements, so a box around each would only cost.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Item {
    Place(Placement),
    Build(Box<Build>),
    Reclaim(Reclaim),
    GiveUp(GiveUp),
    /// The places of a set, with what is built for them: all of it, or none.
    Together(Vec<Item>),
}

/// Leases of one class that no configured blueprint could ever serve since an edit, and whose grace is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GiveUp {
    pub class: String,
    /// The classes of the alternatives.
    #[serde(default)]
    pub otherwise: Vec<String>,
    pub leases: Vec<String>,
    pub reason: String,
}

/// A resource that nobody is on, to be closed since it stands in the way, or since its blueprint closes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reclaim {
    pub resource: String,
    /// Since when nobody was on it, as the look saw it.
    pub idle_since: Option<i64>,
    pub reason: String,
    /// Whether the plugin has `close`.
    pub closes: bool,
}

/// The name space of what owners may have; no blueprint can have it.
pub const QUOTAS: &str = "owner quota";

/// How many leases with a place an owner may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    pub owner: String,
    /// The limit in force.
    pub limit: i64,
}

/// What a placement beyond a resource's shares relies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overflow {
    /// The shares in use on the resource, as the plan counted them.
    pub load: i64,
    /// The blueprint's maximum in force.
    pub max_resources: i64,
}

/// One lease on one resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Placement {
    pub lease: String,
    pub resource: String,
    /// The id of the place to make.
    pub place: String,
    /// The name space of the resource's slots.
    pub space: String,
    pub acquisition: Acquisition,
    /// It goes beyond the resource's shares.
    pub overflow: Option<Overflow>,
    /// What of its request it gives: 0 for the request itself, then its alternatives.
    #[serde(default)]
    pub choice: usize,
    /// The lease counts against it.
    pub quota: Option<Quota>,
    /// Whether the plugin has `activate` and `release`.
    pub activates: bool,
    pub releases: bool,
}

/// A new resource, with those that it is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Build {
    pub resource: String,
    pub blueprint: String,
    pub space: String,
    pub revision: i64,
    pub digest: String,
    pub allocation: Allocation,
    pub shares: i64,
    pub overflow: i64,
    /// The blueprint's maximum in force.
    pub max_resources: Option<i64>,
    /// How many may be pending at once.
    pub max_building: Option<i64>,
    pub life: Life,
    pub open_timeout: i64,
    /// Whether the plugin has `open`.
    pub opens: bool,
    /// It is for nobody, and is built only while its blueprint has fewer than so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<i64>,
    pub takers: Vec<Placement>,
}
