//! What the configuration, a request and a resource look like.

use crate::contract::types::{Access, Platform, SshAccess};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub const CONFIG_SCHEMA: &str = include_str!("../schemas/config.json");
pub const REQUEST_SCHEMA: &str = include_str!("../schemas/request.json");
pub const RESOURCE_SCHEMA: &str = include_str!("../schemas/resource.json");

/// A blueprint's `config`.
#[derive(Deserialize)]
pub struct Config {
    pub hosts: Vec<Host>,
}

/// A host of the configuration.
#[derive(Deserialize)]
pub struct Host {
    pub name: String,
    #[serde(default)]
    local: bool,
    address: Option<String>,
    port: Option<u16>,
    #[serde(default)]
    user: String,
    #[serde(default)]
    credential: String,
    #[serde(default)]
    pub platform: System,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    path: Option<String>,
    pub shares: Option<u32>,
}

#[derive(Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum System {
    #[default]
    Posix,
    Windows,
    Other,
}

impl System {
    pub fn name(self) -> &'static str {
        match self {
            System::Posix => "posix",
            System::Windows => "windows",
            System::Other => "other",
        }
    }
}

/// What a request asks for beside labels.
#[derive(Deserialize)]
pub struct Wanted {
    pub host: Option<String>,
    pub platform: Option<System>,
}

/// A resource's attributes: all that is needed to reach the host and to clean it up, whatever becomes of the config.
#[derive(Serialize, Deserialize)]
pub struct Attributes {
    pub host: String,
    pub platform: System,
    reach: Reach,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Reach {
    Local,
    Ssh { address: String, port: u16, user: String, credential: String },
}

impl Host {
    pub fn attributes(&self) -> Attributes {
        let reach = if self.local {
            Reach::Local
        } else {
            Reach::Ssh {
                address: self.address.clone().unwrap_or_else(|| self.name.clone()),
                port: self.port.unwrap_or(22),
                user: self.user.clone(),
                credential: self.credential.clone(),
            }
        };
        Attributes { host: self.name.clone(), platform: self.platform, reach, path: self.path.clone() }
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
                platform: match self.platform {
                    System::Posix => Platform::Posix,
                    System::Windows => Platform::Windows,
                    System::Other => Platform::Other,
                },
            }),
        }
    }
}
