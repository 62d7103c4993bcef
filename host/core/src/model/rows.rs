//! The rows of the store. A row is the task: what needs a step has `due_at`. Times are milliseconds since 1970.
//!
//! Each row is declared once; its columns, its SQL and its cells follow from the declaration.

use super::status::{LeaseStatus, PlaceStatus, ResourceStatus, Subject};
use crate::contract::{Handout, Labels, Needs, Refusal, Slot};
use serde::de::{DeserializeOwned, Deserializer};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a column is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    Text,
    Int,
}

/// A row type that the store can load and save.
pub trait Row: Clone + PartialEq + std::fmt::Debug + Serialize + DeserializeOwned + Send {
    const TABLE: &'static str;
    const COLUMNS: &'static [(&'static str, Column)];
    /// How many of the first columns are the key.
    const KEY: usize;
    /// Which columns keep, once the row is made, what it was made with.
    const FIXED: &'static [bool];
    type Key: Ord + Clone + Send + std::fmt::Debug;

    fn key(&self) -> Self::Key;
    /// Appends the row as a JSON array in the order of `COLUMNS`.
    fn cells(&self, out: &mut Vec<u8>);
    /// The same without what is fixed.
    fn moving_cells(&self, out: &mut Vec<u8>);
    /// Whether what is fixed is the same in both.
    fn is_fixed_as(&self, other: &Self) -> bool;
}

macro_rules! is_fixed {
    () => {
        false
    };
    (fixed) => {
        true
    };
}

/// Appends one cell and says what comes before the next.
fn cell<T: Serialize>(out: &mut Vec<u8>, before: u8, value: &T) -> u8 {
    out.push(before);
    // Writing JSON of plain strings and numbers to memory has no way to fail.
    let _ = serde_json::to_writer(&mut *out, value);
    b','
}

macro_rules! row {
    ($(#[$meta:meta])* $name:ident in $table:literal, key $key:literal $kind:ty = |$this:ident| $of:expr;
     $($(#[$field_meta:meta])* $field:ident : $type:ty => $column:ident $($fixed:ident)?,)*) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub struct $name { $($(#[$field_meta])* pub $field: $type,)* }

        impl Row for $name {
            const TABLE: &'static str = $table;
            const COLUMNS: &'static [(&'static str, Column)] = &[$((stringify!($field), Column::$column),)*];
            const KEY: usize = $key;
            const FIXED: &'static [bool] = &[$(is_fixed!($($fixed)?),)*];
            type Key = $kind;

            fn key(&self) -> Self::Key { let $this = self; $of }

            fn cells(&self, out: &mut Vec<u8>) {
                let mut before = b'[';
                $(before = cell(out, before, &self.$field);)*
                let _ = before;
                out.push(b']');
            }

            fn moving_cells(&self, out: &mut Vec<u8>) {
                let mut before = b'[';
                $(if !is_fixed!($($fixed)?) {
                    before = cell(out, before, &self.$field);
                })*
                let _ = before;
                out.push(b']');
            }

            fn is_fixed_as(&self, other: &Self) -> bool {
                let _ = other;
                true $(&& (!is_fixed!($($fixed)?) || self.$field == other.$field))*
            }
        }
    };
}

/// A value kept in a text column as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doc<T>(pub T);

impl<T: Serialize> Serialize for Doc<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&serde_json::to_string(&self.0).map_err(serde::ser::Error::custom)?)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Doc<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        serde_json::from_str(&text).map(Doc).map_err(serde::de::Error::custom)
    }
}

/// What somebody wants of a row. Set by anybody at any time, forward only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wanted {
    Keep,
    End,
}

row! {
    /// All blueprints of one resource type.
    Pool in "pool", key 1 String = |row| row.kind.clone();
    kind: String => Text,
    /// Guards plans: raised by matchers' commits and by config changes only.
    version: i64 => Int,
    /// Raised by every commit that touches the pool; a matcher that has looked at it is done.
    news: i64 => Int,
    /// Raised when something is freed that `allocate` may have refused for: a slot, or a place in a maximum.
    freed: i64 => Int,
    /// The revision of the config that it was told of last; plans made under another are refused.
    revision: i64 => Int,
}

row! {
    /// Waiting requests of a pool that need the same.
    Class in "class", key 1 String = |row| row.id.clone();
    id: String => Text,
    kind: String => Text fixed,
    request: Doc<crate::contract::Request> => Text fixed,
    /// By blueprint: what its `consider` answered.
    answers: Doc<BTreeMap<String, Considered>> => Text fixed,
    /// The classes of the alternatives to its request, best first.
    otherwise: Doc<Vec<String>> => Text fixed,
    /// The config revision that the answers belong to.
    revision: i64 => Int fixed,
    considered_at: i64 => Int fixed,
    /// Since when no configured blueprint could ever serve it; those who were accepted before have a grace from then on.
    never_since: Option<i64> => Int,
    /// How many of its leases wait.
    waiting: i64 => Int,
    /// When it was last asked for.
    used_at: i64 => Int,
}

impl Class {
    /// Some blueprint could not say yet whether it serves it.
    pub fn is_unsettled(&self) -> bool {
        self.answers.0.values().any(|answer| matches!(answer, Considered::Refuses(Refusal::NotNow { .. })))
    }
}

/// One blueprint's answer to `consider`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Considered {
    Serves(Needs),
    Refuses(Refusal),
}

row! {
    /// What the host counts of a blueprint.
    Blueprint in "blueprint", key 1 String = |row| row.name.clone();
    name: String => Text,
    kind: String => Text fixed,
    /// The name space of its slots.
    space: String => Text,
    /// Its resources that are not destroyed.
    used: i64 => Int,
    /// Those of them that are pending.
    building: i64 => Int,
    /// Those of them that are pending or active, and that nobody wants away.
    kept: i64 => Int,
    /// Failures in a row that were laid to the blueprint as a whole.
    failures: i64 => Int,
    /// No build before this.
    not_before: i64 => Int,
    /// The last failure, for people.
    reason: Option<String> => Text,
    /// 1 when the config does not name it any more: it takes nothing new, and is gone when its resources are.
    retired: i64 => Int,
    /// Why it takes nothing new and closes what nobody is on, if an operator wants that.
    drained: Option<String> => Text,
}

row! {
    Resource in "resource", key 1 String = |row| row.id.clone();
    id: String => Text,
    kind: String => Text fixed,
    blueprint: String => Text fixed,
    /// The name space of its slots.
    space: String => Text fixed,
    /// The config revision and the plugin it was made with.
    revision: i64 => Int fixed,
    digest: String => Text fixed,
    /// For people.
    name: String => Text fixed,
    status: ResourceStatus => Text,
    wanted: Wanted => Text,
    /// Why it is wanted away, or why it broke.
    reason: Option<String> => Text,
    /// Why it takes nothing new and ends when nobody is on it, if an operator wants that. It may be taken back until then.
    drained: Option<String> => Text,
    /// Why it takes nothing new until it answers again, if it does not.
    sick: Option<String> => Text,
    attributes: String => Text fixed,
    labels: Doc<Labels> => Text fixed,
    slots: Doc<Vec<Slot>> => Text fixed,
    /// Shares taken by the places on it that are not gone.
    used: i64 => Int,
    shares: i64 => Int fixed,
    /// Shares that it may be given beyond its own while its blueprint is at its maximum.
    overflow: i64 => Int fixed,
    life: Doc<crate::config::Life> => Text fixed,
    /// Leases that it has been given to.
    uses: i64 => Int,
    /// Shares that a matcher may give: 0 unless alive and wanted.
    room: i64 => Int,
    /// Shares beyond its own that a matcher may give: 0 while there is room, or unless alive and wanted.
    spare: i64 => Int,
    /// What its steps saved.
    state: Option<String> => Text,
    /// What is waited for, for people.
    note: Option<String> => Text,
    /// Tries so far of the step it is in; and how many of them failed or gave no answer.
    attempt: i64 => Int,
    failures: i64 => Int,
    /// When its next step is due; of an active one, when its time is over.
    due_at: Option<i64> => Int,
    /// When it breaks if it is still pending. While it waits for a nested lease, that time stands still.
    open_by: i64 => Int,
    /// Since when its `open` waits for a nested lease to be active.
    waits_since: Option<i64> => Int,
    /// 1 when something that it stands on is lost: then it ends without its plugin.
    orphaned: i64 => Int,
    created_at: i64 => Int fixed,
    /// Since when no place is on it.
    idle_since: Option<i64> => Int,
    /// When it was last found to be idle for too long, and stayed since its blueprint keeps so many.
    spared_at: Option<i64> => Int,
    ended_at: Option<i64> => Int,
    claim: String => Text,
    epoch: i64 => Int,
}

row! {
    /// One lease's stay on one resource.
    Place in "place", key 1 String = |row| row.id.clone();
    id: String => Text,
    lease: String => Text fixed,
    resource: String => Text fixed,
    kind: String => Text fixed,
    blueprint: String => Text fixed,
    space: String => Text fixed,
    status: PlaceStatus => Text,
    share: i64 => Int fixed,
    slots: Doc<Vec<Slot>> => Text fixed,
    /// What it gives without any call; then nothing is called for it.
    ready: Doc<Option<Handout>> => Text fixed,
    /// 1 when its plugin has something to call when it ends.
    releases: i64 => Int fixed,
    /// 1 when `activate` may have been called.
    touched: i64 => Int,
    state: Option<String> => Text,
    note: Option<String> => Text,
    /// As of a resource.
    attempt: i64 => Int,
    failures: i64 => Int,
    due_at: Option<i64> => Int,
    created_at: i64 => Int fixed,
    claim: String => Text,
    epoch: i64 => Int,
}

row! {
    Lease in "lease", key 1 String = |row| row.id.clone();
    id: String => Text,
    kind: String => Text fixed,
    class: String => Text fixed,
    owner: String => Text,
    /// The resource that has leased it for itself; none for a client's.
    holder: Option<String> => Text fixed,
    /// The set that it was asked for in: those of a set that wait get their places in one commit, or none does.
    set_id: Option<String> => Text fixed,
    /// The types in its set, sorted.
    set_kinds: Doc<Vec<String>> => Text fixed,
    request: Doc<crate::contract::Request> => Text fixed,
    /// The request key that finds it, for as long as the key lasts.
    key: Option<String> => Text fixed,
    status: LeaseStatus => Text,
    wanted: Wanted => Text,
    /// How it ended: `released`, `expired`, `broken`, …; empty while it lives.
    outcome: String => Text,
    /// Why it ended, or why it went back to waiting.
    reason: Option<String> => Text,
    asked_at: i64 => Int fixed,
    /// Of the request; the higher, the earlier it comes.
    priority: i64 => Int fixed,
    /// Where its owner's requests come one after the other: when it would have been asked if they had been so.
    turn: Option<i64> => Int fixed,
    /// Its place in the order: the lower first, then the lower id.
    ord: i64 => Int,
    /// It ends then, whatever it is doing.
    until: Option<i64> => Int,
    /// It ends then if it is not active.
    wait_until: Option<i64> => Int fixed,
    /// 1 while it ends when nobody holds a connection for it. The node that has claimed it watches for that, so the
    /// claim of a tied lease follows the connection.
    tied: i64 => Int,
    /// Once it is active and not tied, it ends when its holder has not beaten for so long. Milliseconds.
    heartbeat: Option<i64> => Int fixed,
    /// Once it is active and not tied, it ends when it was not used for so long: no command, no beat. Milliseconds.
    idle_timeout: Option<i64> => Int fixed,
    /// What of its request its place is for: 0 for the request itself, then its alternatives.
    choice: i64 => Int,
    /// Its fencing epoch: of all that were given places of its pool, those that come later have a higher one. 0 without a
    /// place.
    fence: i64 => Int,
    acquired_at: Option<i64> => Int,
    active_at: Option<i64> => Int,
    ended_at: Option<i64> => Int,
    place: Option<String> => Text,
    resource: Option<String> => Text,
    handout: Doc<Option<Handout>> => Text,
    /// When its next limit is reached.
    due_at: Option<i64> => Int,
    claim: String => Text,
    epoch: i64 => Int,
}

row! {
    /// A named slot in use.
    SlotRow in "slot", key 2 (String, String) = |row| (row.space.clone(), row.slot.clone());
    space: String => Text,
    slot: String => Text,
    /// A resource's or a place's id.
    owner: String => Text,
}

row! {
    /// A counted slot in use.
    Counter in "counter", key 2 (String, String) = |row| (row.space.clone(), row.slot.clone());
    space: String => Text,
    slot: String => Text,
    used: i64 => Int,
}

row! {
    /// One owner's part of a counted slot.
    CounterShare in "counter_share", key 3 (String, String, String)
        = |row| (row.space.clone(), row.slot.clone(), row.owner.clone());
    space: String => Text,
    slot: String => Text,
    owner: String => Text,
    amount: i64 => Int,
}

row! {
    /// A client's key for its request; it outlives the lease.
    RequestKey in "request_key", key 2 (String, String) = |row| (row.owner.clone(), row.name.clone());
    owner: String => Text,
    name: String => Text,
    lease: String => Text,
    /// Of the whole request.
    digest: String => Text,
}

row! {
    /// A slot or a resource that failed and is not tried again before `until`.
    Aside in "aside", key 2 (String, String) = |row| (row.space.clone(), row.slot.clone());
    space: String => Text,
    slot: String => Text,
    kind: String => Text fixed,
    failures: i64 => Int,
    until: i64 => Int,
    reason: String => Text,
}

row! {
    /// What a stay left behind, by each named slot of its resource; one row with an empty slot when it has none.
    Leftover in "leftover", key 3 (String, String, String)
        = |row| (row.place.clone(), row.space.clone(), row.slot.clone());
    place: String => Text,
    space: String => Text,
    slot: String => Text,
    resource: String => Text,
    lease: String => Text,
    state: Option<String> => Text,
    reason: String => Text,
    at: i64 => Int,
}

row! {
    /// Something outside that nobody will clean up any more.
    Leak in "leak", key 1 String = |row| row.id.clone();
    id: String => Text,
    blueprint: String => Text,
    resource: String => Text,
    /// The resource's name, and what its steps had saved.
    name: String => Text,
    state: Option<String> => Text,
    reason: String => Text,
    at: i64 => Int,
}

row! {
    /// What the plugin of a blueprint last saw outside.
    Observed in "observed", key 1 String = |row| row.blueprint.clone();
    blueprint: String => Text,
    kind: String => Text fixed,
    /// The node that observes; another does when this one has not for long.
    node: String => Text,
    /// When the observation began, and when it was last tried.
    began: i64 => Int,
    tried_at: i64 => Int,
    /// 1 when everything that existed then is in it.
    complete: i64 => Int,
    things: Doc<Vec<crate::contract::Thing>> => Text,
    /// Why the last try saw nothing, if it did not.
    failure: Option<String> => Text,
}

row! {
    /// One running daemon, or one that ran.
    NodeRow in "node", key 1 String = |row| row.id.clone();
    id: String => Text,
    name: String => Text fixed,
    /// Counts up while the node lives.
    beat: i64 => Int,
    /// 1 until it is seen dead or has stopped.
    alive: i64 => Int,
    joined_at: i64 => Int fixed,
}

row! {
    /// What happened. `commit_id` and `n` are unique, so a commit that is repeated is found.
    Event in "event", key 2 (String, i64) = |row| (row.commit_id.clone(), row.n);
    commit_id: String => Text,
    n: i64 => Int,
    at: i64 => Int,
    /// Who wrote it.
    node: String => Text,
    subject: Subject => Text,
    id: String => Text,
    pool: String => Text,
    lease: Option<String> => Text,
    resource: Option<String> => Text,
    /// The status before and after; equal for what is no transition.
    was: String => Text,
    now: String => Text,
    epoch: i64 => Int,
    reason: String => Text,
    /// JSON object: what the reader of the log may want beside it.
    detail: Option<String> => Text,
}
