//! The configuration in force, as the core uses it. The program reads it from TOML; the store keeps it by revision.

use crate::contract::{Labels, Request};
use documented::DocumentedFields;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// One blueprint's table in the configuration: `[[blueprint]]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, DocumentedFields)]
#[serde(deny_unknown_fields)]
pub struct BlueprintConfig {
    /// 1 to 63 characters of `a-z 0-9 -`, unique.
    pub name: String,
    /// The name that it had before, see [Changing it](#changing-it). Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// A name that is looked for in the folders and then in the program; or, with a `/` or `.wasm` at its end, the path
    /// of a file.
    pub plugin: String,
    /// What the plugin's own schema describes. Default: `{}`.
    #[serde(default = "empty_object")]
    pub config: Value,
    /// At most this many resources that are not destroyed; 0 to 1,000,000. Lowered, it ends nothing that is there.
    /// Default: no limit.
    #[serde(default)]
    pub max_resources: Option<u32>,
    /// At least this many resources are there, used or not, as far as nobody waits for the room that they take; 0 to
    /// 1,000,000, at most `max_resources`. They are made without being asked for, and an idle timeout ends only what is
    /// beyond them. While there are fewer, `blueprints` says why. Default: 0.
    #[serde(default)]
    pub min_resources: u32,
    /// What those are made for, as a request would say it: `[blueprint.warm]`, see below. Default: none.
    #[serde(default)]
    pub warm: WarmConfig,
    /// Shares of a resource, where its plugin names no number; 1 to 100,000. Default: 1.
    #[serde(default = "one")]
    pub leases_per_resource: u32,
    /// Shares that a resource may be given beyond its own once there are `max_resources`, the least loaded first; 0 to
    /// 100,000. Default: 0.
    #[serde(default)]
    pub overflow: u32,
    /// Seconds for which nobody must have been on a resource before it may be closed because it stands in the way of a
    /// request; 0 to 86,400. Default: 10.
    #[serde(default = "ten_seconds")]
    pub reclaim_after: u32,
    /// At most this many resources are being opened at once; 1 to 1,000,000. Default: no limit.
    #[serde(default)]
    pub max_building: Option<u32>,
    /// Seconds after which a resource that nobody is on is closed, counted from when the last lease left it; 1 to
    /// 31,536,000. Default: never.
    #[serde(default)]
    pub idle_timeout: Option<u32>,
    /// Seconds after which a resource, counted from when it was allocated, takes nothing new; it is closed when nobody
    /// is on it; 1 to 31,536,000. Default: never.
    #[serde(default)]
    pub max_age: Option<u32>,
    /// Leases that a resource is given to before it takes nothing new; it is closed when nobody is on it. 1: never
    /// shared, never used again; 1 to 1,000,000. Default: no limit.
    #[serde(default)]
    pub max_uses: Option<u32>,
    /// A broken resource stays as it broke until `drydock release --resource` lets it be closed. Default: `false`.
    #[serde(default)]
    pub hold_broken: bool,
    /// `"pack"` fills the fullest resource first, `"spread"` makes a new one before it shares one in use. Default:
    /// `"pack"`.
    #[serde(default)]
    pub growth: Growth,
    /// The name space of its slots; blueprints that name the same never lend the same host twice between them. Default:
    /// the blueprint's name.
    #[serde(default)]
    pub slots: Option<String>,
    /// Of several blueprints that could make something, the highest does; -1,000,000 to 1,000,000. Default: 0.
    #[serde(default)]
    pub priority: i32,
    /// Seconds after which a resource that is still being made counts as broken; 1 to 86,400. Default: 600.
    #[serde(default = "ten_minutes")]
    pub open_timeout: u32,
    /// Seconds after which one call of a plugin that acts is cut off, to be repeated; 1 to 300. Default: 30.
    #[serde(default = "half_a_minute")]
    pub step_timeout: u32,
    /// Seconds between two looks at each active resource, where the plugin can (hosts: whether it answers, and its path
    /// can be written to); 5 to 86,400, 0 for never. One that does not answer is asked again after 5 seconds; if it
    /// still does not, it is out of use: it takes nothing new, who is on it stays, `resources` says so. It is asked
    /// every 5 seconds then, and lent again once it answers and what was left on it is cleared. Default: 60.
    #[serde(default = "a_minute")]
    pub check_every: u32,
    /// Seconds between two looks at what exists outside, where the plugin can (machines at a provider, hosts of an
    /// Almanac); 5 to 86,400, 0 for never. One node looks, for all. A resource that is missing twice in a row, from looks
    /// that saw everything, is gone; one that is withdrawn there takes nothing new. Default: 60.
    #[serde(default = "a_minute")]
    pub observe_every: u32,
    /// What becomes of things outside that were made for a resource which is closed: `"report"` puts them on the leak
    /// list, `"remove"` also has the plugin remove those that this store's resources have left behind. Default:
    /// `"report"`.
    #[serde(default)]
    pub sweep: Sweep,
    /// Takes nothing new; what it has goes on. Requests for it wait. Default: `false`.
    #[serde(default)]
    pub disabled: bool,
    /// What the plugin may do of what it asks: `"commands:ssh"`, `"commands:local"`, `"leases:TYPE"` (its resources may
    /// lease things of that type for themselves), `"credential:NAME"` (it may use that credential), `"http:HOST"` (it may
    /// send requests there, see [HTTP for plugins](#http-for-plugins)). Default: none.
    #[serde(default)]
    pub grants: Vec<String>,
}

/// What a resource is made for that is there before anybody asks for it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, DocumentedFields)]
#[serde(deny_unknown_fields)]
pub struct WarmConfig {
    /// What the plugin's own schema of requests describes. Default: `{}`.
    #[serde(default)]
    pub attributes: serde_json::Map<String, Value>,
    /// The labels that they must carry. Default: none.
    #[serde(default)]
    pub labels: Labels,
}

/// How a blueprint's resources fill up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Growth {
    /// The fullest resource first; a new one only when none has room.
    #[default]
    Pack,
    /// A new resource before sharing one that is in use; then the emptiest.
    Spread,
}

/// What becomes of what a resource has left outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sweep {
    #[default]
    Report,
    Remove,
}

/// How long a resource lives, as its blueprint was configured when it was made. Times are in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    pub idle_timeout: Option<i64>,
    pub max_age: Option<i64>,
    pub max_uses: Option<i64>,
    pub hold_broken: bool,
}

impl BlueprintConfig {
    /// A blueprint without a word on anything that has a default.
    pub fn new(name: &str, plugin: &str) -> BlueprintConfig {
        BlueprintConfig {
            name: name.to_owned(),
            was: None,
            plugin: plugin.to_owned(),
            config: empty_object(),
            max_resources: None,
            min_resources: 0,
            warm: WarmConfig::default(),
            leases_per_resource: one(),
            overflow: 0,
            reclaim_after: ten_seconds(),
            max_building: None,
            idle_timeout: None,
            max_age: None,
            max_uses: None,
            hold_broken: false,
            growth: Growth::default(),
            slots: None,
            priority: 0,
            open_timeout: ten_minutes(),
            step_timeout: half_a_minute(),
            check_every: a_minute(),
            observe_every: a_minute(),
            sweep: Sweep::default(),
            disabled: false,
            grants: Vec::new(),
        }
    }

    /// How long its resources live.
    pub fn life(&self) -> Life {
        let millis = |seconds: Option<u32>| seconds.map(|seconds| i64::from(seconds) * 1_000);
        Life {
            idle_timeout: millis(self.idle_timeout),
            max_age: millis(self.max_age),
            max_uses: self.max_uses.map(i64::from),
            hold_broken: self.hold_broken,
        }
    }

    /// The request for which a resource of this type is made that nobody has asked for.
    pub fn warm_request(&self, kind: &str) -> Request {
        Request {
            kind: kind.to_owned(),
            attributes: Value::Object(self.warm.attributes.clone()).to_string(),
            labels: self.warm.labels.clone(),
            ..Request::default()
        }
    }

    pub fn slot_space(&self) -> &str {
        self.slots.as_deref().unwrap_or(&self.name)
    }
}

/// What waits when an edit of the configuration leaves no blueprint that could ever serve it breaks after so long, in
/// milliseconds; until then another edit may help.
pub const EDIT_GRACE: i64 = 600_000;

/// One revision of the configuration. Secrets are not in it: files and environment variables are named.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ConfigRevision {
    /// Counts up by one with each change, from 1.
    pub revision: u64,
    pub blueprints: BTreeMap<String, BlueprintConfig>,
    /// By blueprint: the digest of its plugin.
    #[serde(default)]
    pub digests: BTreeMap<String, String>,
    #[serde(default)]
    pub order: Order,
    /// By blueprint: the names that it had before, in their order. Also of those that are not configured any more.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub formerly: BTreeMap<String, Vec<Former>>,
}

/// A name that a blueprint had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    pub name: String,
    /// The last revision in which it had it.
    pub until: u64,
    /// The name space of its slots then.
    pub space: String,
}

impl ConfigRevision {
    /// Finds which blueprints had another name in the last revision. The slots of those stay in the name space in which
    /// they are, unless another is named.
    pub fn follow(&mut self, last: Option<&ConfigRevision>) {
        let Some(last) = last else { return };
        self.formerly = last.formerly.clone();
        let mut renamed = Vec::new();
        for (name, blueprint) in &self.blueprints {
            let before = blueprint.was.as_ref().filter(|was| !self.blueprints.contains_key(*was));
            let before = before.and_then(|was| Some((was, last.blueprints.get(was)?)));
            if let Some((was, before)) = before.filter(|_| !last.blueprints.contains_key(name)) {
                let mut names = last.formerly.get(was).cloned().unwrap_or_default();
                let space = before.slot_space().to_owned();
                names.push(Former { name: was.clone(), until: last.revision, space });
                renamed.push((name.clone(), names));
            }
        }
        self.formerly.extend(renamed);
        for (name, blueprint) in &mut self.blueprints {
            let former = self.formerly.get(name).and_then(|names| names.last());
            if let Some(former) = former.filter(|former| blueprint.was.as_ref() == Some(&former.name)) {
                blueprint.slots.get_or_insert_with(|| former.space.clone());
            }
        }
    }
}

/// In which order those who wait are served, and how much each owner may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Seconds of head start that one step of a request's priority is worth. 1 to 86,400. Default: 60.
    pub ageing: u32,
    /// Seconds that each request of an owner comes after the one before it that still waits for the same type: a newcomer
    /// is behind at most 1 + w / T requests of each other owner, where T is that owner's and w is for how long its first
    /// one has waited by then. 0 to 86,400. Default: 0, every request counts from when it was asked.
    #[serde(default)]
    pub fair_share: u32,
    /// What holds for owners without a word of their own: `[every_owner]`.
    pub every_owner: OwnerConfig,
    /// By the owner's name: `[owner.NAME]`.
    pub owners: BTreeMap<String, OwnerConfig>,
}

/// One owner's limits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, DocumentedFields)]
#[serde(deny_unknown_fields)]
pub struct OwnerConfig {
    /// At most this many leases of the owner have a place at a time, over all types, until what they were on is cleaned
    /// up; the others wait, hold up nobody, and `why` says so; 1 to 1,000,000. Lowered, it ends nothing; introduced, it
    /// counts what is given from then on. Default: no limit.
    pub max_leases: Option<u32>,
    /// The highest `--priority` that the owner may ask for; -1,000 to 1,000. Default: 0.
    pub max_priority: Option<i32>,
    /// So many requests of the owner come in the time in which one of an owner of weight 1 does, where there is a
    /// `fair_share`; 1 to 1,000. Default: 1.
    pub weight: Option<u32>,
}

impl Default for Order {
    fn default() -> Self {
        Order { ageing: 60, fair_share: 0, every_owner: OwnerConfig::default(), owners: BTreeMap::new() }
    }
}

impl Order {
    /// Whether any owner has a limit.
    pub fn has_quotas(&self) -> bool {
        let mut all = self.owners.values().chain([&self.every_owner]);
        all.any(|owner| owner.max_leases.is_some())
    }

    pub fn max_leases(&self, owner: &str) -> Option<i64> {
        let own = self.owners.get(owner).and_then(|own| own.max_leases);
        own.or(self.every_owner.max_leases).map(i64::from)
    }

    pub fn max_priority(&self, owner: &str) -> i32 {
        let own = self.owners.get(owner).and_then(|own| own.max_priority);
        own.or(self.every_owner.max_priority).unwrap_or(0)
    }

    /// How much later than the owner's request before it one comes, in milliseconds; none where each comes as it was asked.
    pub fn spacing(&self, owner: &str) -> Option<i64> {
        let own = self.owners.get(owner).and_then(|own| own.weight);
        let weight = own.or(self.every_owner.weight).unwrap_or(1).max(1);
        (self.fair_share > 0).then(|| i64::from(self.fair_share) * 1_000 / i64::from(weight))
    }

    /// How much earlier than it was asked a request of this priority counts, in milliseconds.
    pub fn head_start(&self, priority: i32) -> i64 {
        i64::from(priority) * i64::from(self.ageing) * 1_000
    }
}

fn empty_object() -> Value {
    Value::Object(Default::default())
}

fn one() -> u32 {
    1
}

fn ten_seconds() -> u32 {
    10
}

fn ten_minutes() -> u32 {
    600
}

fn a_minute() -> u32 {
    60
}

fn half_a_minute() -> u32 {
    30
}
