//! Leases: asking for them, holding them, letting them go.

use super::{LeftoverView, PlaceView, ResourceView};
use drydock_core::contract::{Access, Handout, Labels};
use drydock_core::engine::api::Why;
use drydock_core::model::rows::Wanted;
use drydock_core::model::status::LeaseStatus;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

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
    /// What it takes if it can't have that at once, best first; at most 8.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub otherwise: Vec<Otherwise>,
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

/// Something else of the same type that a request takes, too. Each key is as that of a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Otherwise {
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blueprint: Option<String>,
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
    /// What it takes otherwise, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub otherwise: Vec<Otherwise>,
    /// Which of these its place is for, from 1; absent where it has none, or has what it wants most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<i64>,
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
    /// Of a resource: only if nobody has been on it since then, as its `idle_since` says; otherwise 409, and nothing is
    /// done. Milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_idle_since: Option<i64>,
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

/// The answer to `GET /v1/leases/{id}/why`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WhyView {
    #[serde(flatten)]
    pub why: Why,
    /// Another one whenever anything above is; for `seen`.
    pub tag: String,
}
