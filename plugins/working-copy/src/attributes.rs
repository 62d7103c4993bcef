//! What is known of a copy.

use drydock_sdk::JsonSchema;
use drydock_sdk::serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A resource's attributes: promised by `allocate`, and its host added by `open`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(crate = "drydock_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "drydock_sdk::schemars")]
pub struct Attributes {
    /// URLs by the names of the repositories.
    pub repositories: BTreeMap<String, String>,
    /// The nested lease of its host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<String>,
    /// The directory on that host in which each repository has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
}
