//! The daemon, its configuration and its blueprints.

use drydock_core::engine::api::{Preview, SlotState};
use serde::{Deserialize, Serialize};

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
    /// Why nothing can be written to the store at the moment. What is asked for meanwhile waits, and is lost only with the
    /// daemon. Default: all is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unwritten: Option<String>,
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
    /// How many it keeps, used or not; and what is in the way while it has fewer.
    #[serde(default)]
    pub min_resources: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<String>,
    /// What its plugin last saw outside, if it looks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<ObservedView>,
    /// The name space of its slots.
    pub slots: String,
}

/// What the plugin of a blueprint last saw outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedView {
    /// When that look began, in milliseconds since 1970; none while nothing was seen yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<i64>,
    /// How many things there are.
    pub things: usize,
    /// Whether it saw everything.
    pub complete: bool,
    /// Why the last try saw nothing, if it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
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

/// The answer to `GET /v1/blueprints/{name}/permissions`: what the plugin of a blueprint may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permissions {
    pub blueprint: String,
    /// The plugin's own name and version.
    pub plugin: String,
    pub plugin_version: String,
    pub asks: Vec<AskView>,
    /// Those that are granted.
    pub credentials: Vec<CredentialView>,
    /// Grants that the plugin does not ask for: they allow nothing.
    pub unasked: Vec<String>,
    /// What every plugin may do, asked or not.
    pub always: Vec<String>,
}

/// Something that a plugin asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskView {
    pub what: String,
    pub scope: String,
    /// Why, in the plugin's own words.
    pub reason: String,
    /// The grants that allow it, or a part of it. None: it is refused.
    pub granted_by: Vec<String>,
}

/// A credential that a blueprint's plugin may use by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialView {
    pub name: String,
    /// None: the daemon has no credential of that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The servers that it is put on requests for, where it is for HTTP.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
}

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
