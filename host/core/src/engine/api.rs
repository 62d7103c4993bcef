//! What the program asks of a running node, and what it is told.

use crate::contract::{Labels, Request};
use crate::model::rows::{Event, Lease, Leftover, Place, Resource};
use crate::model::status::ResourceStatus;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A client's wish for a lease. The program has checked the attributes against the schemas of the type's blueprints.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    pub request: Request,
    pub owner: String,
    /// The higher, the earlier it comes; each step is worth a head start of the configuration's `ageing`. At most what the
    /// owner may ask for.
    pub priority: i32,
    /// Unique per owner: asking again with it finds the first lease.
    pub key: Option<String>,
    /// The lease ends then. Milliseconds since 1970.
    pub until: Option<i64>,
    /// The lease ends then if it is not active yet.
    pub wait_until: Option<i64>,
    /// The lease ends when nobody holds a connection for it, until it is kept.
    pub tied: bool,
    /// Once it is active it ends when its holder has not beaten for so long. Milliseconds.
    pub heartbeat: Option<i64>,
    /// Once it is active it ends when it was not used for so long: no command, no beat. Milliseconds.
    pub idle_timeout: Option<i64>,
}

/// Why something asked of a node was not done. Each says what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    #[error("no blueprint makes {kind:?}; the configured types are: {known}")]
    UnknownType { kind: String, known: String },
    #[error("no blueprint is named {name:?}; the configured ones are: {known}")]
    UnknownBlueprint { name: String, known: String },
    #[error("blueprint {name:?} makes {makes:?}, not {kind:?}")]
    WrongBlueprint { name: String, makes: String, kind: String },
    #[error(
        "priority {priority} is above what owner {owner:?} may ask for, which is {most}; ask for at most that, or have \
         max_priority raised in the configuration"
    )]
    Priority { priority: i32, owner: String, most: i32 },
    #[error("the key {key:?} was used for another request (lease {lease}); use a new key, or ask for the same")]
    KeyReused { key: String, lease: String },
    #[error("a set has 1 to {most} leases, not {size}")]
    SetSize { size: usize, most: usize },
    #[error("{size} leases together are more than owner {owner} may have at once, {most} (max_leases); ask for fewer")]
    SetQuota { size: usize, owner: String, most: i64 },
    #[error("there is no lease or resource {0:?}; `drydock leases --all` and `drydock resources --all` list them")]
    NoSuchLease(String),
    #[error("more than one id begins with {0:?}; give more of it")]
    Ambiguous(String),
    #[error("lease {0} has ended, or is ending; `drydock why {0}` says how, and a new one can be asked for")]
    Ended(String),
    #[error(
        "lease {0} is not tied to a connection: it lasts until it is released; ask with \"tied\": true for one that is"
    )]
    Untied(String),
    #[error("revision {revision} of the configuration is in force by now; look at what would change of that")]
    Reconfigured { revision: u64 },
    #[error(
        "blueprint {name:?} has {resources} resources of the type {makes:?}, and would make {kind:?}; give the new one \
         another name, or wait until those are gone"
    )]
    OtherType { name: String, makes: String, kind: String, resources: i64 },
    #[error("resource {0} has been used since then, so nothing was done; `drydock show {0}` says by whom")]
    InUse(String),
    #[error(
        "blueprint {was:?} can't be named {name:?}: there is a retired one of that name that still has {resources} \
         resources; choose another, or wait until those are gone"
    )]
    NameTaken { name: String, was: String, resources: i64 },
    #[error("resource {0} is being closed, and is not taken back; `drydock show {0}` says why")]
    Closing(String),
    #[error(
        "lease {0} was asked for without a heartbeat or an idle timeout: it lasts without beats; ask with \
         \"heartbeat_ms\" for one that does not"
    )]
    NeedsNoBeat(String),
    #[error(
        "lease {lease} is not held under the fencing epoch {fence}; whoever had that has lost it, and `drydock show \
         {lease}` says who has it"
    )]
    OtherEpoch { lease: String, fence: i64 },
    #[error(
        "resource {resource} is {status}: only one whose closing has failed can be forgotten; `drydock release \
         --resource {resource}` lets it be closed"
    )]
    NotStuck { resource: String, status: ResourceStatus },
    #[error("there is no {0:?} on the leak list; `drydock leaks` prints it")]
    NoSuchLeak(String),
    #[error("the store can't be used: {0}")]
    Store(String),
    #[error("the daemon is stopping; ask again when it is back")]
    Stopping,
}

/// What a waiting lease waits for, why another is as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// One sentence.
    pub summary: String,
    /// 1 for the lease that is next of those that wait for the same.
    pub place_in_line: Option<u64>,
    /// What stands in the way, by blueprint.
    pub obstacles: Vec<Obstacle>,
}

/// The store takes no commits: they are offered again until it does, and nothing of them is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwritten {
    /// When the first of them failed.
    pub since: i64,
    pub reason: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obstacle {
    /// Empty where it is none's alone.
    pub blueprint: String,
    pub reason: String,
    /// Slots that are taken.
    pub slots: Vec<String>,
    /// Leases that hold what stands in the way; at most 16.
    pub holders: Vec<String>,
    /// When this changes by itself, if it does. Milliseconds since 1970.
    pub until: Option<i64>,
}

/// A resource with everything on it, for `show`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResourceDetail {
    pub resource: Resource,
    pub places: Vec<Place>,
    pub leftovers: Vec<Leftover>,
}

/// A lease with everything of it, for `show`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeaseDetail {
    pub lease: Lease,
    pub place: Option<Place>,
    pub resource: Option<Resource>,
    pub leftovers: Vec<Leftover>,
}

/// What another configuration would change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    /// The revision in force, which it is compared with.
    pub base: u64,
    pub changes: Vec<BlueprintChange>,
    /// Of `ageing`, `fair_share`, `every_owner` and `owner`.
    #[serde(default)]
    pub order: Vec<Difference>,
    /// Leases that wait for what nothing could ever serve any more.
    pub stranded: Vec<Stranded>,
    /// How long those wait for another edit, in milliseconds, before they break.
    pub grace: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlueprintChange {
    pub name: String,
    /// The resource type.
    #[serde(rename = "type")]
    pub kind: String,
    pub what: What,
    /// The name that it has now, of one that is renamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// Of one that changes or is renamed.
    pub differences: Vec<Difference>,
    /// Resources it has. They stay as they were made; those of one that retires are closed as soon as nobody is on them.
    pub resources: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    New,
    Changes,
    Renamed,
    Retires,
}

/// A key with another value. What has no value is not set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// `max_resources`, `config.hosts[alpha].port`.
    pub key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<serde_json::Value>,
}

/// Leases that wait for the same, which no blueprint could ever serve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stranded {
    pub request: Request,
    pub leases: i64,
    pub reasons: String,
    /// It is so already, since then. Milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
}

/// A slot that is held, or set aside.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SlotState {
    /// Its name space; `resource` for resources that are set aside by their id.
    pub space: String,
    pub key: String,
    /// The resource, and where it is not the resource itself the place, that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Of the resource, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Of a counted slot: how much of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<i64>,
    /// Leases of the place, or on the resource; at most 16.
    pub leases: Vec<String>,
    /// Until when it is not tried again, after how many failures, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Which rows a list is of. Everything that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    pub kind: Option<String>,
    /// Of a lease.
    pub owner: Option<String>,
    /// Of a resource; of a lease, that of its resource, or the one that its request names.
    pub blueprint: Option<String>,
    pub status: Option<String>,
    /// The whole id of the resource that a lease has or had.
    pub resource: Option<String>,
    /// Of a resource, or of a lease's request: it has each of these.
    pub labels: Labels,
    /// The same; each value is JSON without spaces, its keys in order.
    pub attributes: BTreeMap<String, String>,
    /// Asked for, made or written then or later; and before then. Milliseconds since 1970.
    pub since: Option<i64>,
    pub until: Option<i64>,
    /// Also what is destroyed.
    pub all: bool,
    /// Only what is destroyed.
    pub finished: bool,
    /// Only what comes after this row in the list: when it was asked for or made, and its id.
    pub after: Option<(i64, String)>,
    /// At most this many, newest first; 0 for the default of 1,000.
    pub limit: u32,
}

/// An event with its number in the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoggedEvent {
    /// Counts up; later events have higher numbers.
    pub seq: i64,
    #[serde(flatten)]
    pub event: Event,
}

/// A sentence of the checker about a rule that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Violation {
    /// The rule, by its short name.
    pub rule: String,
    /// The row it is about.
    pub subject: String,
    pub detail: String,
}
