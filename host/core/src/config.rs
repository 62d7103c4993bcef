//! The configuration in force, as the core uses it. The program reads it from TOML; the store keeps it by revision.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// One blueprint's table in the configuration: `[[blueprint]]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlueprintConfig {
    /// 1 to 63 characters of `a-z 0-9 -`; unique.
    pub name: String,
    /// The plugin's file name without `.wasm`, looked for in the plugin folders; or a path to the file.
    pub plugin: String,
    /// What the plugin's `config-schema` describes. Default: `{}`.
    #[serde(default = "empty_object")]
    pub config: Value,
    /// At most this many resources that are not destroyed. Default: no limit.
    #[serde(default)]
    pub max_resources: Option<u32>,
    /// Shares of a resource, where its allocation names no number. 1 to 100,000. Default: 1.
    #[serde(default = "one")]
    pub leases_per_resource: u32,
    /// Shares that a resource may be given beyond its own once the blueprint has `max_resources`; the least loaded comes
    /// first. 0 to 100,000. Default: 0.
    #[serde(default)]
    pub overflow: u32,
    /// What stands in the way of a request may be closed when nobody has been on it for this many seconds. 0 to 86,400.
    /// Default: 10.
    #[serde(default = "ten_seconds")]
    pub reclaim_after: u32,
    /// At most this many resources are being opened at once. 1 to 1,000,000. Default: no limit.
    #[serde(default)]
    pub max_building: Option<u32>,
    /// A resource that nobody has been on for this many seconds is closed. 1 to 31,536,000. Default: never.
    #[serde(default)]
    pub idle_timeout: Option<u32>,
    /// A resource this many seconds old takes nothing new, and is closed when nobody is on it. 1 to 31,536,000.
    /// Default: never.
    #[serde(default)]
    pub max_age: Option<u32>,
    /// A resource that has been given to this many leases takes nothing new, and is closed when nobody is on it. 1: it is
    /// never shared and never used again. 1 to 1,000,000. Default: no limit.
    #[serde(default)]
    pub max_uses: Option<u32>,
    /// A broken resource stays as it is until somebody lets it be closed. Default: false.
    #[serde(default)]
    pub hold_broken: bool,
    /// Whether leases share a resource before a new one is built. Default: `pack`.
    #[serde(default)]
    pub growth: Growth,
    /// The name space of its slots. Default: its own, named like the blueprint.
    #[serde(default)]
    pub slots: Option<String>,
    /// Between blueprints that could all build: the higher first. Default: 0.
    #[serde(default)]
    pub priority: i32,
    /// A resource that is still pending this many seconds after it was allocated breaks. 1 to 86,400. Default: 600.
    #[serde(default = "ten_minutes")]
    pub open_timeout: u32,
    /// One acting call is cut off after this many seconds. 1 to 300. Default: 30.
    #[serde(default = "half_a_minute")]
    pub step_timeout: u32,
    /// Takes nothing new; what it has goes on. Default: false.
    #[serde(default)]
    pub disabled: bool,
    /// What the operator grants of what the plugin asks: `commands:ssh`, `commands:local`. Default: nothing.
    #[serde(default)]
    pub grants: Vec<String>,
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
            plugin: plugin.to_owned(),
            config: empty_object(),
            max_resources: None,
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
}

/// In which order those who wait are served, and how much each owner may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Seconds of head start that one step of a request's priority is worth. 1 to 86,400. Default: 60.
    pub ageing: u32,
    /// What holds for owners without a word of their own: `[every_owner]`.
    pub every_owner: OwnerConfig,
    /// By the owner's name: `[owner.NAME]`.
    pub owners: BTreeMap<String, OwnerConfig>,
}

/// One owner's limits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnerConfig {
    /// At most this many leases of the owner have a place at a time, over all types; the others wait. 1 to 1,000,000.
    /// Default: no limit.
    pub max_leases: Option<u32>,
    /// The highest priority that the owner may ask for. -1,000 to 1,000. Default: 0.
    pub max_priority: Option<i32>,
}

impl Default for Order {
    fn default() -> Self {
        Order { ageing: 60, every_owner: OwnerConfig::default(), owners: BTreeMap::new() }
    }
}

impl Order {
    pub fn max_leases(&self, owner: &str) -> Option<i64> {
        let own = self.owners.get(owner).and_then(|own| own.max_leases);
        own.or(self.every_owner.max_leases).map(i64::from)
    }

    pub fn max_priority(&self, owner: &str) -> i32 {
        let own = self.owners.get(owner).and_then(|own| own.max_priority);
        own.or(self.every_owner.max_priority).unwrap_or(0)
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

fn half_a_minute() -> u32 {
    30
}
