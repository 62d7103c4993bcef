//! What a resource is known by.

use crate::config::Config;
use drydock_sdk::directory::{Site, System};
use drydock_sdk::serde::{Deserialize, Serialize};
use drydock_sdk::{Access, JsonSchema, SshAccess};

/// An instance, as it was configured when it was asked for: all that is needed to find it, to reach it and to remove it,
/// whatever becomes of the configuration.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(crate = "drydock_sdk::serde")]
#[schemars(crate = "drydock_sdk::schemars")]
pub struct Attributes {
    pub region: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub endpoint: Option<String>,
    /// The name of the credential that requests are signed with.
    pub credential: String,
    pub image: String,
    pub instance_type: String,
    pub spot: bool,
    pub elastic_ip: bool,
    /// The name of the credential that the instance is reached with.
    pub key: String,
    pub user: String,
    pub port: u16,
    pub platform: System,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub path: Option<String>,
    #[serde(default, flatten)]
    pub found: Found,
}

/// What `open` adds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(crate = "drydock_sdk::serde", default)]
#[schemars(crate = "drydock_sdk::schemars")]
pub struct Found {
    /// The id of the instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub instance: Option<String>,
    /// Where it is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub private_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub public_address: Option<String>,
    /// The allocation id of its elastic IP.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub allocation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub spot_request: Option<String>,
    /// The availability zone that it runs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub zone: Option<String>,
}

impl From<&Config> for Attributes {
    fn from(config: &Config) -> Attributes {
        Attributes {
            region: config.region.clone(),
            endpoint: config.endpoint.clone(),
            credential: config.credential.clone(),
            image: config.image.clone(),
            instance_type: config.instance_type.clone(),
            spot: config.spot.is_on(),
            elastic_ip: config.elastic_ip,
            key: config.key.clone(),
            user: config.user.clone(),
            port: config.port,
            platform: config.platform,
            path: config.path.clone(),
            found: Found::default(),
        }
    }
}

impl Attributes {
    /// How commands reach it, once there is an address.
    pub fn access(&self) -> Option<Access> {
        self.found.address.as_deref().map(|address| self.access_at(address))
    }

    pub fn access_at(&self, address: &str) -> Access {
        Access::Ssh(SshAccess {
            host: address.to_owned(),
            port: self.port,
            user: self.user.clone(),
            credential: self.key.clone(),
            platform: self.platform.into(),
        })
    }

    /// Where its leases get their directories. `host` is what people call it.
    pub fn site<'a>(&'a self, host: &'a str, access: &'a Access) -> Site<'a> {
        Site { host, access, path: self.path.as_deref() }
    }
}
