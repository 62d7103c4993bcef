//! The parameters of lists. Everything that is set must hold.

use drydock_core::contract::Labels;
use drydock_core::model::rows::Doc;
use drydock_core::model::status::{LeaseStatus, ResourceStatus};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// `GET /v1/leases?…`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeasesQuery {
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Those that only this blueprint may serve, or that are or were on a resource of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blueprint: Option<String>,
    /// `destroyed` needs no `all`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<LeaseStatus>,
    /// Those that are or were on this resource; its id, or the beginning of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// A JSON object: the request names each of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Doc<Labels>>,
    /// The same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Doc<Map<String, Value>>>,
    /// Those that were asked for then or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// Those that were asked for before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// Also those that are destroyed.
    #[serde(default)]
    pub all: bool,
    /// Only those that are destroyed.
    #[serde(default)]
    pub finished: bool,
    /// The `next` of an earlier answer: the list goes on there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Cursor>,
    /// At most this many, newest first. 1 to 100,000. Default: 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// `GET /v1/resources?…`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourcesQuery {
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blueprint: Option<String>,
    /// `destroyed` needs no `all`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ResourceStatus>,
    /// A JSON object: it carries each of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Doc<Labels>>,
    /// The same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Doc<Map<String, Value>>>,
    /// Those that were allocated then or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// Those that were allocated before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// Also those that are destroyed.
    #[serde(default)]
    pub all: bool,
    /// Only those that are destroyed.
    #[serde(default)]
    pub finished: bool,
    /// The `next` of an earlier answer: the list goes on there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Cursor>,
    /// At most this many, newest first. 1 to 100,000. Default: 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// `GET /v1/events?…`, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
    /// Only those after this number: the `next` of an earlier answer. Default: from the start.
    #[serde(default)]
    pub after: i64,
    /// Instead: only those that come from now on.
    #[serde(default)]
    pub from_now: bool,
    /// Only those of this lease or resource; its whole id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Of a lease of this owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// On a resource of this blueprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blueprint: Option<String>,
    /// The status that something has come to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Of or on this resource; its id, or the beginning of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// A JSON object: of a lease whose request names each of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Doc<Labels>>,
    /// The same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Doc<Map<String, Value>>>,
    /// Then or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// Before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// 1 to 10,000. Default: 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// When there is none, wait for one, at most this long. At most 300,000. Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
}

/// A row in a list: when it was asked for or made, and its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cursor(pub i64, pub String);

impl TryFrom<String> for Cursor {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Cursor, &'static str> {
        let parts = text.split_once('.').and_then(|(at, id)| Some(Cursor(at.parse().ok()?, id.to_owned())));
        parts.ok_or("it is not the `next` of an earlier answer")
    }
}

impl From<Cursor> for String {
    fn from(Cursor(at, id): Cursor) -> String {
        format!("{at}.{id}")
    }
}
