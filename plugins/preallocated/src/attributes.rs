//! What a resource is known by.

use crate::config::Host;
use drydock_sdk::directory::{Site, System};
use drydock_sdk::serde::{Deserialize, Serialize};
use drydock_sdk::{Access, JsonSchema, SshAccess};

/// A host, as it was configured when it was first lent: all that is needed to reach it and to clean it up, whatever becomes
/// of the configuration.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(crate = "drydock_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "drydock_sdk::schemars")]
pub struct Attributes {
    pub host: String,
    pub platform: System,
    reach: Reach,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub path: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(crate = "drydock_sdk::serde", rename_all = "lowercase", deny_unknown_fields)]
#[schemars(crate = "drydock_sdk::schemars")]
enum Reach {
    Local,
    Ssh {
        address: String,
        #[schemars(range(min = 1))]
        port: u16,
        user: String,
        credential: String,
    },
}

impl From<&Host> for Attributes {
    fn from(host: &Host) -> Attributes {
        let reach = if host.local {
            Reach::Local
        } else {
            Reach::Ssh {
                address: host.address.clone().unwrap_or_else(|| host.name.clone()),
                port: host.port.unwrap_or(22),
                user: host.user.clone().unwrap_or_default(),
                credential: host.credential.clone().unwrap_or_default(),
            }
        };
        Attributes { host: host.name.clone(), platform: host.platform, reach, path: host.path.clone() }
    }
}

impl Attributes {
    pub fn access(&self) -> Access {
        match &self.reach {
            Reach::Local => Access::Local,
            Reach::Ssh { address, port, user, credential } => Access::Ssh(SshAccess {
                host: address.clone(),
                port: *port,
                user: user.clone(),
                credential: credential.clone(),
                platform: self.platform.into(),
            }),
        }
    }

    /// Where its leases get their directories.
    pub fn site<'a>(&'a self, access: &'a Access) -> Site<'a> {
        Site { host: &self.host, access, path: self.path.as_deref() }
    }
}
