//! What the configuration and a request look like. The schemas that the host checks them with come from these types.

use crate::rules;
use drydock_sdk::directory::System;
use drydock_sdk::serde::Deserialize;
use drydock_sdk::{JsonSchema, Labels};

/// Hosts that exist already.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "drydock_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "drydock_sdk::schemars")]
pub struct Config {
    /// One resource is made of each. Their names must differ.
    pub hosts: Vec<Host>,
}

/// A host of the configuration.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "drydock_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "drydock_sdk::schemars", extend("allOf" = rules::of_hosts()))]
pub struct Host {
    /// What people call it. Its slot is `host/NAME`, so it must not change while it is lent.
    #[schemars(regex(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"))]
    pub name: String,
    /// It is the very machine that Drydock runs on; then without `address`, `port`, `user` and `credential`.
    #[serde(default)]
    pub local: bool,
    /// Where its SSH server listens: a name or an IP address. Default: the name.
    #[serde(default)]
    #[schemars(with = "String", regex(pattern = "^[A-Za-z0-9._:%-]{1,255}$"))]
    pub address: Option<String>,
    /// Where its SSH server listens. Default: 22.
    #[serde(default)]
    #[schemars(with = "u16", range(min = 1))]
    pub port: Option<u16>,
    /// Who to log in as.
    #[serde(default)]
    #[schemars(with = "String", regex(pattern = r"^[^\s\u0000-\u001f]{1,64}$"))]
    pub user: Option<String>,
    /// The name of a credential in Drydock's configuration.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1, max = 63))]
    pub credential: Option<String>,
    /// Commands run on POSIX systems only.
    #[serde(default)]
    pub platform: System,
    /// What requests may ask for.
    #[serde(default)]
    #[schemars(extend(
        "propertyNames" = rules::of_label_keys(),
        "additionalProperties" = { "type": "string", "maxLength": 255 },
        "maxProperties" = 32,
    ))]
    pub labels: Labels,
    /// An absolute directory on it; each lease gets one of its own below. On Windows (`C:\…`) nothing can be made: the one
    /// lease that it takes gets this directory itself. Default: leases get none.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1, max = 1024))]
    pub path: Option<String>,
    /// How many leases it takes at once; with a path on Windows, 1. Default: the blueprint's `leases_per_resource`.
    #[serde(default)]
    #[schemars(with = "u32", range(min = 1, max = 100_000))]
    pub shares: Option<u32>,
    /// How often it is chosen among equals: one with 20 is proposed first twice as often as one with 10.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1000))]
    pub weight: u32,
}

fn one() -> u32 {
    1
}

/// What a lease of a host may ask for, beside labels.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "drydock_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "drydock_sdk::schemars")]
pub struct Wanted {
    /// This host and no other, by its name.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1, max = 63))]
    pub host: Option<String>,
    #[serde(default)]
    #[schemars(with = "System")]
    pub platform: Option<System>,
}
