//! The bodies of requests and answers. What a client sends has no unknown fields; what it receives may grow new ones.
//!
//! All times are milliseconds since 1970. Absent fields have no value (yet).

use super::base64::Bytes;
pub use super::queries::{Cursor, EventsQuery, LeasesQuery, ResourcesQuery};
use drydock_core::contract::{Access, Handout, Labels};
use drydock_core::engine::api::{Preview, SlotState, Why};
use drydock_core::model::rows::Wanted;
use drydock_core::model::status::{LeaseStatus, PlaceStatus, ResourceStatus, Subject};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// `GET /v1/status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Of the program.
    pub version: String,
    pub pid: u32,
    /// The node's name.
    pub node: String,
    /// The store's file, or its URL without a password.
    pub store: String,
    /// Of the configuration in force.
    pub revision: u64,
    pub blueprints: Vec<BlueprintView>,
    pub uptime_ms: u64,
}

/// A configured blueprint with the plugin it runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlueprintView {
    pub name: String,
    /// The resource type it makes.
    #[serde(rename = "type")]
    pub kind: String,
    /// The plugin's own name and version.
    pub plugin: String,
    pub plugin_version: String,
    /// SHA-256 of the plugin's component, in hex.
    pub digest: String,
    pub disabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_resources: Option<u32>,
    pub leases_per_resource: u32,
    pub grants: Vec<String>,
}

/// `POST /v1/configuration`: the daemon compares a configuration with the one in force, and brings it in force. What is
/// wrong with it is said with its line, and changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplyRequest {
    /// Its absolute path. It is not read, but relative paths in the text start beside it.
    pub file: String,
    /// TOML.
    pub text: String,
    /// Only if this revision is in force until then. Default: whichever is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<u64>,
    /// Only compare.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// The answer to `POST /v1/configuration`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Applied {
    #[serde(flatten)]
    pub preview: Preview,
    /// Keys that differ from what the daemon was started with, and are read at its start only.
    pub restart: Vec<String>,
    /// The revision in force by it; the same as before if nothing is changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
}

/// The answer to `GET /v1/blueprints`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Blueprints {
    pub blueprints: Vec<BlueprintState>,
}

/// How a blueprint is that is configured or has resources.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlueprintState {
    pub name: String,
    /// The resource type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The plugin's own name and version, of one that is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin_version: Option<String>,
    pub status: BlueprintStatus,
    /// Why it is drained, or what failed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Until when it is set aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// In a row.
    pub failures: i64,
    /// Resources that are not destroyed, and those of them that are being opened.
    pub used: i64,
    pub building: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_resources: Option<u32>,
    /// The name space of its slots.
    pub slots: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlueprintStatus {
    Ok,
    /// By the configuration: it takes nothing new, and keeps what it has.
    Disabled,
    /// By an operator: it takes nothing new, and closes what nobody is on.
    Drained,
    /// It is not configured any more, takes nothing new, closes what nobody is on, and is gone when that is.
    Retired,
    /// It has failed, and is not tried before `until`.
    SetAside,
}

/// `POST /v1/blueprints/{name}/drain` and `POST /v1/resources/{id}/drain`. The body may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrainRequest {
    /// For people. 1 to 1,000 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `POST /v1/blueprints/{name}/undrain` and `POST /v1/resources/{id}/undrain`. The body may be absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UndrainRequest {}

/// The answer to `GET /v1/plugins`: those that blueprints run, and those that resources were made with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plugins {
    pub plugins: Vec<PluginView>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginView {
    /// SHA-256 of the component, in hex.
    pub digest: String,
    /// Its own name, version and resource type, of one that a blueprint runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// As the configuration names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The contract that it is served by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
    /// Blueprints that run it.
    pub blueprints: Vec<String>,
    /// Resources that were made with it and are not destroyed.
    pub resources: i64,
}

/// `GET /v1/slots?…`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlotsQuery {
    /// Only those of this name space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
}

/// The answer to `GET /v1/slots`: those that are held or set aside.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Slots {
    pub slots: Vec<SlotState>,
}

/// `POST /v1/leases`: 201 with a [`LeaseView`], 200 when the key had found an earlier one. With `wait_ms` the answer comes
/// as soon as the lease is active or is ending, and at the latest after that time, as the lease is then.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskRequest {
    /// The resource type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Valid under the request schema of at least one blueprint of the type.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
    /// A resource must carry all of these. A key is 1 to 63 characters of `a-z A-Z 0-9 . _ - /`, a value at most
    /// 255 bytes.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Only this blueprint may serve it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blueprint: Option<String>,
    /// 1 to 255 bytes. Default: the user that the client runs as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Each step is worth a head start of the configuration's `ageing`: the higher, the earlier the request comes. -1,000 to
    /// 1,000, and at most the owner's `max_priority`, which is 0 where the configuration says nothing. Default: 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub priority: i32,
    /// Asking again with the same owner, key and request finds the first lease. 1 to 255 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The lease ends then, whatever it is doing. In the future.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// The lease ends if it is not active after this many milliseconds. 1 to 3,155,760,000,000 (a hundred years).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<i64>,
    /// The lease ends when nobody holds a connection for it (`GET /v1/leases/{id}/hold`), until it is kept. The first
    /// connection has `hold_grace` of the configuration to come, a later one two seconds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tied: bool,
    /// Once the lease is active it ends when its holder has not beaten (`POST /v1/leases/{id}/beat`) for this many
    /// milliseconds. Nothing else renews it; only while it is tied its connection is sign enough. 1,000 to 86,400,000.
    /// Default: it needs no beats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat_ms: Option<i64>,
    /// Once the lease is active it ends, as expired, when for this many milliseconds no command has run on it and its holder
    /// has not beaten; not while it is tied. 1,000 to 31,536,000,000 (a year). Default: it may stay unused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_timeout_ms: Option<i64>,
    /// How long the answer waits for the lease. At most 300,000. Default: 0. It is no part of what is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
}

// What serde hands over is a reference.
fn is_zero(number: &i32) -> bool {
    *number == 0
}

/// A lease, as every answer shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeaseView {
    pub id: String,
    /// The resource type.
    #[serde(rename = "type")]
    pub kind: String,
    pub owner: String,
    /// The resource that has leased it for itself; none for a client's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    pub status: LeaseStatus,
    /// `end` as soon as somebody wants it ended, also while its status does not say so yet.
    pub wanted: Wanted,
    /// How it ended: `released`, `expired`, `broken`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Why it ended, or why it went back to waiting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub asked_at: i64,
    /// As it was asked for.
    #[serde(default)]
    pub priority: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acquired_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<i64>,
    /// It ends then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// It ends then if it is not active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_at: Option<i64>,
    /// It ends when nobody holds a connection for it.
    #[serde(default)]
    pub tied: bool,
    /// Active, it ends when its holder has not beaten for so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat_ms: Option<i64>,
    /// Active, it ends when it was not used for so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_timeout_ms: Option<i64>,
    /// The fencing epoch under which its holder has it, since it is active: whoever is given the same resource later has a
    /// higher one, so that what gets a lower one after a higher one can refuse it. Those who share a resource may have
    /// the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fence: Option<i64>,
    /// The only blueprint that may serve it, where the request named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blueprint: Option<String>,
    /// The set that it was asked for with; the others of that have the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// What its holder may use, while it is active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handout: Option<HandoutView>,
    pub attributes: Map<String, Value>,
    pub labels: Labels,
    /// Another one whenever anything above is; for `seen`.
    pub tag: String,
}

/// `POST /v1/sets`: leases that are wanted together or not at all. 201 with a [`SetView`], 200 when the keys had found an
/// earlier set. All of them get their places in one commit; while they wait, they end together, and afterwards each ends for
/// itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetRequest {
    /// 1 to 64, of any types. All have the same `owner` and `priority`; all have a `key` of their own, or none has. `wait_ms` is that of
    /// the set.
    pub leases: Vec<AskRequest>,
    /// How long the answer waits until all of them are active, or one has ended. At most 300,000. Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
}

/// The leases of a set, in the order in which they were asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SetView {
    pub leases: Vec<LeaseView>,
}

/// What the holder of an active lease gets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandoutView {
    /// `"none"`, `"local"`, `{"ssh": {…}}` or `{"via": "<lease>"}`.
    pub access: Access,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// For the commands that the holder runs.
    pub environment: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl From<Handout> for HandoutView {
    fn from(h: Handout) -> HandoutView {
        HandoutView { access: h.access, directory: h.directory, environment: h.environment, url: h.url }
    }
}

/// The answer to `GET /v1/leases`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Leases {
    pub leases: Vec<LeaseView>,
    /// Where the list goes on: pass it as `after`. Absent at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// `GET /v1/leases/{id}?…` and `GET /v1/leases/{id}/why?…`: with both, the answer comes as soon as the tag is no more
/// `seen`, and at the latest after `wait_ms`, then with the same tag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitQuery {
    /// At most 300,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
    /// The tag of an earlier answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
}

/// The answer to `GET /v1/leases/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeaseDetailView {
    pub lease: LeaseView,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<PlaceView>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceView>,
    pub leftovers: Vec<LeftoverView>,
}

/// `POST /v1/leases/{id}/release` and `POST /v1/resources/{id}/release`. The body may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRequest {
    /// For people. 1 to 1,000 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Of a lease: only if it is held under this fencing epoch; otherwise 409, and nothing is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_epoch: Option<i64>,
}

/// `POST /v1/leases/{id}/extend`: the lease ends at another time, later or earlier. Answered with a [`LeaseView`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtendRequest {
    /// In the future.
    pub until: i64,
    /// Only if it is held under this fencing epoch; otherwise 409, and nothing is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_epoch: Option<i64>,
}

/// `POST /v1/leases/{id}/beat`: its holder is there. The times of `heartbeat_ms` and `idle_timeout_ms` begin anew; they also do
/// when the daemon was away. Answered with a [`LeaseView`]. The body may be absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeatRequest {
    /// Only if it is held under this fencing epoch; otherwise 409, and it does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_epoch: Option<i64>,
}

/// `POST /v1/leases/{id}/keep`: the lease is tied no more, and lasts until it is released. Answered with a
/// [`LeaseView`]. The body may be absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeepRequest {}

/// One line of the answer to `GET /v1/leases/{id}/hold`, which lasts as long as the lease and the client's connection:
/// while it does, the tied lease does not end for want of a client. One line when it begins, one when the lease ends; a
/// stream without that one was cut, by the daemon's end for example, and the client should connect again. Empty lines
/// come every 15 seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HoldLine {
    pub lease: LeaseView,
}

/// `POST /v1/leases/{id}/command`: answered with a stream of [`CommandEvent`], one JSON object a line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandRequest {
    /// The program and its arguments. No shell sees them, unless the program is one.
    pub argv: Vec<String>,
    /// Beside that of the lease, and before it where both name the same.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// 1 to 86,400,000. Default: as long as the lease lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// What the command reads. Default: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin_base64: Option<Bytes>,
    /// Default: the lease's own directory. A relative one starts there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
}

/// One line of a command's stream. The last line is an `exit`, a `signal` or an `error`; a stream without one was cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CommandEvent {
    Stdout {
        stdout: Bytes,
    },
    Stderr {
        stderr: Bytes,
    },
    Exit {
        exit: i32,
    },
    /// The name of the signal that ended it.
    Signal {
        signal: String,
    },
    Error {
        /// A sentence.
        error: String,
        kind: CommandFailure,
    },
}

/// Why there is no exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommandFailure {
    /// The command can't be started as it was asked for.
    Invalid,
    /// The configuration does not allow it.
    Denied,
    /// No connection, or it was lost: the command may have run.
    Unreachable,
    /// The credential, or the host's key, was refused.
    Refused,
    /// It was cut off after `timeout_ms`.
    TimedOut,
    /// It was cut off because its lease ended.
    LeaseEnded,
    /// It was cut off because the daemon stops.
    Stopping,
    Other,
}

/// The answer to `GET /v1/resources`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Resources {
    pub resources: Vec<ResourceView>,
    /// Where the list goes on: pass it as `after`. Absent at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A resource, as every answer shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResourceView {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub blueprint: String,
    /// For people; not unique.
    pub name: String,
    pub status: ResourceStatus,
    pub wanted: Wanted,
    /// Why it is wanted away, or why it broke.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why it takes nothing new and is closed when nobody is on it, until it is drained no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drained: Option<String>,
    pub attributes: Map<String, Value>,
    pub labels: Labels,
    pub slots: Vec<SlotView>,
    /// Shares taken by the places on it.
    pub used: i64,
    /// Shares it has.
    pub shares: i64,
    /// What is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Tries so far of the step it is in.
    pub attempt: i64,
    pub created_at: i64,
    /// Since when no place is on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_since: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<i64>,
    /// SHA-256 of the plugin it was made with.
    pub digest: String,
    /// The configuration revision it was made with.
    pub revision: i64,
}

/// A key that a resource or a place holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotView {
    /// Its name space.
    pub space: String,
    pub key: String,
    /// Of a counted slot: how much of it, and of how much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// One lease's stay on one resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlaceView {
    pub id: String,
    pub lease: String,
    pub resource: String,
    pub blueprint: String,
    pub status: PlaceStatus,
    /// Shares of the resource that it takes.
    pub share: i64,
    pub slots: Vec<SlotView>,
    /// What is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Tries so far of the step it is in.
    pub attempt: i64,
    pub created_at: i64,
}

/// What a stay left behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftoverView {
    pub place: String,
    pub lease: String,
    pub resource: String,
    /// The named slot under which it is cleared, where its resource has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<SlotView>,
    pub reason: String,
    pub at: i64,
}

/// The answer to `GET /v1/resources/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResourceDetailView {
    pub resource: ResourceView,
    pub places: Vec<PlaceView>,
    pub leftovers: Vec<LeftoverView>,
}

/// `POST /v1/resources/{id}/forget`: gives up on a resource whose closing has failed. It counts as closed, its slots are
/// free, and what it may have left is on the leak list. Answered with a [`ResourceView`]. The body may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForgetRequest {
    /// For people. 1 to 1,000 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The answer to `GET /v1/leaks`, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaks {
    pub leaks: Vec<LeakView>,
}

/// Something outside that nobody will clean up by itself. Also the answer to `POST /v1/leaks/{id}/clear`, whose body is
/// a [`ForgetRequest`], or absent: somebody has cleaned it up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeakView {
    pub id: String,
    pub blueprint: String,
    /// Of which resource it is; that may be over.
    pub resource: String,
    /// The resource's name.
    pub name: String,
    /// What the resource's plugin had saved of it, as that plugin writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    pub reason: String,
    pub at: i64,
}

/// The answer to `GET /v1/events`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Events {
    pub events: Vec<EventView>,
    /// Pass it as `after` to go on.
    pub next: i64,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventView {
    /// Its number in the log; later ones have higher numbers.
    pub seq: i64,
    pub at: i64,
    /// Who wrote it.
    pub node: String,
    pub subject: Subject,
    /// The id of the subject's row.
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The status before and after; equal for what is no transition, `was` empty for what is new.
    pub was: String,
    pub now: String,
    pub epoch: i64,
    pub reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Value>,
    /// Events with the same were one commit.
    pub commit: String,
}

/// The answer to `GET /v1/leases/{id}/why`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WhyView {
    #[serde(flatten)]
    pub why: Why,
    /// Another one whenever anything above is; for `seen`.
    pub tag: String,
}

/// The answer to `GET /v1/check`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Empty: every rule holds.
    pub violations: Vec<drydock_core::engine::api::Violation>,
}

/// The body of every answer with a status of 400 or more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    pub error: ErrorView,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorView {
    pub kind: ErrorKind,
    /// The field of the body, or the parameter of the query, that is wrong: `labels.os`, `attributes/disk`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What failed, why, and what to do next.
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// 400 and 405: the request is wrong as it is. Nothing was changed.
    Invalid,
    /// 404: no such lease, resource or path.
    NotFound,
    /// 409: right, but not in the state that things are in.
    Conflict,
    /// 413: the body is too large.
    TooLarge,
    /// 503: the daemon is stopping, or its store can't be used; ask again later.
    Unavailable,
    /// 500: the daemon is at fault.
    Internal,
}
