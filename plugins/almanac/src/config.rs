//! What the configuration and a request look like. The schemas that the host checks them with come from these types.

use crate::binding::Properties;
use crate::rules;
use drydock_sdk::JsonSchema;
use drydock_sdk::directory::System;
use drydock_sdk::serde::Deserialize;

/// Hosts of an Almanac: either `services` or `conduit`, and how to log in.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(crate = "drydock_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "drydock_sdk::schemars", extend("allOf" = rules::of_configurations()))]
pub struct Config {
    /// The services, where no server has them.
    #[serde(default)]
    #[schemars(with = "Vec<Service>")]
    pub services: Option<Vec<Service>>,
    /// The server that has them.
    #[serde(default)]
    #[schemars(with = "Conduit")]
    pub conduit: Option<Conduit>,
    /// Who to log in as, on every host.
    #[schemars(regex(pattern = r"^[^\s\u0000-\u001f]{1,64}$"))]
    pub user: String,
    /// The name of the SSH credential in Drydock's configuration.
    #[schemars(length(min = 1, max = 63))]
    pub credential: String,
    /// Where the SSH servers listen. Default: the port of each interface.
    #[serde(default)]
    #[schemars(with = "u16", range(min = 1))]
    pub port: Option<u16>,
    /// Commands run on POSIX systems only.
    #[serde(default)]
    pub platform: System,
    /// An absolute directory on every host; each lease gets one of its own below. On Windows (`C:\…`) nothing can be made:
    /// the one lease that a host takes gets this directory itself. Default: leases get none.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1, max = 1024))]
    pub path: Option<String>,
    /// How many leases a host takes at once; with a path on Windows, 1. Default: the blueprint's `leases_per_resource`.
    #[serde(default)]
    #[schemars(with = "u32", range(min = 1, max = 100_000))]
    pub shares: Option<u32>,
}

/// A service of the configuration.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(crate = "drydock_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "drydock_sdk::schemars")]
pub struct Service {
    /// What it is called, and a request for its hosts. No other has the same name.
    #[schemars(regex(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"))]
    pub name: String,
    /// What kind of service it is; for people. Default: none.
    #[serde(default, rename = "type")]
    #[schemars(with = "String", length(max = 255))]
    pub kind: Option<String>,
    /// Labels of all its hosts.
    #[serde(default)]
    pub properties: Properties,
    /// Its bindings take nothing new; what they have goes on.
    #[serde(default)]
    pub disabled: bool,
    /// The hosts it runs on.
    #[serde(default)]
    pub bindings: Vec<Binding>,
}

/// That a service runs on an interface of a device.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(crate = "drydock_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "drydock_sdk::schemars")]
pub struct Binding {
    pub device: Device,
    pub interface: Interface,
    /// Labels of the host; they come before properties of the device and of the service.
    #[serde(default)]
    pub properties: Properties,
    /// It takes nothing new; what it has goes on.
    #[serde(default)]
    pub disabled: bool,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(crate = "drydock_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "drydock_sdk::schemars")]
pub struct Device {
    /// What people call the host, and a request for this one.
    #[schemars(regex(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"))]
    pub name: String,
    /// Labels of the host; they come before properties of the service.
    #[serde(default)]
    pub properties: Properties,
    /// All its bindings take nothing new; what they have goes on.
    #[serde(default)]
    pub disabled: bool,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(crate = "drydock_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "drydock_sdk::schemars")]
pub struct Interface {
    /// The network that the address is one of. Default: none.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1, max = 255))]
    pub network: Option<String>,
    /// A name or an IP address.
    #[schemars(regex(pattern = "^[A-Za-z0-9._:%-]{1,64}$"))]
    pub address: String,
    /// Default: 22.
    #[serde(default = "ssh")]
    #[schemars(range(min = 1))]
    pub port: u16,
}

fn ssh() -> u16 {
    22
}

/// A Phabricator or Phorge server, and which of its services are meant: those that fit all that is given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(crate = "drydock_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "drydock_sdk::schemars")]
pub struct Conduit {
    /// Where people find the server: `https://phorge.example.org`.
    #[schemars(regex(pattern = r"^https?://[^\s/?#@]+(/[^\s?#]*)?$"))]
    pub uri: String,
    /// The name of a credential of the kind `form` with `api.token` as its parameter.
    #[schemars(length(min = 1, max = 63))]
    pub credential: String,
    /// Services by their names. Default: any.
    #[serde(default)]
    #[schemars(inner(length(min = 1, max = 255)), length(max = 1000))]
    pub services: Vec<String>,
    /// Services by what their names begin with. Default: anything.
    #[serde(default)]
    #[schemars(inner(length(min = 1, max = 255)), length(max = 1000))]
    pub prefixes: Vec<String>,
    /// Services by their types: `drydock.pool`, `almanac.custom`. Default: any.
    #[serde(default)]
    #[schemars(inner(length(min = 1, max = 255)), length(max = 1000))]
    pub types: Vec<String>,
    /// Services by their PHIDs. Default: any.
    #[serde(default)]
    #[schemars(inner(regex(pattern = "^PHID-ASRV-[a-z0-9]{1,64}$")), length(max = 1000))]
    pub phids: Vec<String>,
    /// Services that are asked for at once. Fewer, where an answer gets too large. Default: 100.
    #[serde(default = "hundred")]
    #[schemars(range(min = 1, max = 100))]
    pub page_size: u8,
}

fn hundred() -> u8 {
    100
}

/// What a lease of a host may ask for, beside labels.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(crate = "drydock_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "drydock_sdk::schemars")]
pub struct Wanted {
    /// A host of this service.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1, max = 255))]
    pub service: Option<String>,
    /// This device and no other.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1, max = 255))]
    pub device: Option<String>,
    /// A host with an address of this network.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1, max = 255))]
    pub network: Option<String>,
}
