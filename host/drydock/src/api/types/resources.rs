//! Resources, and what was left of them outside.

use drydock_core::contract::Labels;
use drydock_core::model::rows::Wanted;
use drydock_core::model::status::{PlaceStatus, ResourceStatus};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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
    /// Why it takes nothing new until it answers again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sick: Option<String>,
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
