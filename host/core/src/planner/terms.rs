//! What the planner has to know of a configured blueprint, whichever plugin it is.

use crate::config::{Growth, Life};
use crate::contract::{Request, Steps};
use serde::{Deserialize, Serialize};

/// A blueprint's limits and habits, from the config in force and its plugin's descriptor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    pub name: String,
    pub space: String,
    pub revision: i64,
    pub digest: String,
    pub steps: Steps,
    pub max_resources: Option<i64>,
    /// Resources that are to be there, used or not, and what is asked of `allocate` for them; none where none are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm: Option<Warm>,
    pub leases_per_resource: i64,
    /// Shares beyond a resource's own, once there are `max_resources`.
    pub overflow: i64,
    /// How many may be pending at once.
    pub max_building: Option<i64>,
    pub life: Life,
    /// Milliseconds for which nobody must have been on what is closed for others.
    pub reclaim_after: i64,
    pub growth: Growth,
    pub priority: i32,
    /// Milliseconds.
    pub open_timeout: i64,
    pub disabled: bool,
}

/// What a blueprint keeps though nobody has asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warm {
    pub least: i64,
    pub request: Request,
}
