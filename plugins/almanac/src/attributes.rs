//! What a resource is known by.

use crate::binding::Binding;
use crate::config::Config;
use drydock_sdk::directory::{Site, System};
use drydock_sdk::serde::{Deserialize, Serialize};
use drydock_sdk::{Access, JsonSchema, SshAccess};

/// A host, as it was seen and configured when it was first lent: all that is needed to reach it and to clean it up, whatever
/// becomes of the Almanac and the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(crate = "drydock_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "drydock_sdk::schemars")]
pub struct Attributes {
    /// The binding's PHID, or its slot where it has none.
    pub binding: String,
    pub service: String,
    pub device: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub network: Option<String>,
    pub address: String,
    #[schemars(range(min = 1))]
    pub port: u16,
    pub user: String,
    pub credential: String,
    pub platform: System,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub path: Option<String>,
}

impl Attributes {
    pub fn of(binding: Binding, config: &Config) -> Attributes {
        let seen = binding.seen;
        Attributes {
            binding: binding.id,
            service: seen.service,
            device: seen.device,
            network: seen.network,
            address: seen.address,
            port: config.port.unwrap_or(seen.port),
            user: config.user.clone(),
            credential: config.credential.clone(),
            platform: config.platform,
            path: config.path.clone(),
        }
    }

    pub fn access(&self) -> Access {
        Access::Ssh(SshAccess {
            host: self.address.clone(),
            port: self.port,
            user: self.user.clone(),
            credential: self.credential.clone(),
            platform: self.platform.into(),
        })
    }

    /// Where its leases get their directories.
    pub fn site<'a>(&'a self, access: &'a Access) -> Site<'a> {
        Site { host: &self.device, access, path: self.path.as_deref() }
    }
}
