//! What happened, whether it is sound, and what was wrong with a request.

use drydock_core::model::status::Subject;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
