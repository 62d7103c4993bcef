//! What the configuration and a request look like. The schemas that the host checks them with come from these types.

use crate::labels;
use drydock_sdk::directory::System;
use drydock_sdk::serde::Deserialize;
use drydock_sdk::{JsonSchema, Labels};

/// Instances of Amazon EC2, all alike.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(crate = "drydock_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "drydock_sdk::schemars", extend("allOf" = System::rules()))]
pub struct Config {
    /// The region, `eu-central-1` for example.
    #[schemars(regex(pattern = "^[a-z0-9-]{1,63}$"))]
    pub region: String,
    /// Where the Query API is served, as a URL without a path. Default: `https://ec2.REGION.amazonaws.com`.
    #[serde(default)]
    #[schemars(with = "String", regex(pattern = r"^https?://[^/?#\s]{1,255}/?$"))]
    pub endpoint: Option<String>,
    /// The name of the credential, of AWS, that requests are signed with.
    #[schemars(length(min = 1, max = 63))]
    pub credential: String,
    /// The id of the image (AMI) that instances are made from, `ami-…`.
    #[schemars(regex(pattern = "^ami-[a-z0-9]{1,64}$"))]
    pub image: String,
    /// The instance type, `t3.micro` for example.
    #[schemars(regex(pattern = r"^[a-z0-9.-]{1,63}$"))]
    pub instance_type: String,
    /// The id of the subnet. Default: one of the default VPC.
    #[serde(default)]
    #[schemars(with = "String", regex(pattern = r"^subnet-[a-z0-9]{1,64}$"))]
    pub subnet: Option<String>,
    /// Ids of security groups. One of them must let Drydock reach `port`. Default: that of the VPC.
    #[serde(default)]
    #[schemars(length(max = 16), inner(regex(pattern = r"^sg-[a-z0-9]{1,64}$")))]
    pub security_groups: Vec<String>,
    /// The name of the credential, an SSH key (RSA or Ed25519), that instances are reached with. Its public half is
    /// imported as a key pair.
    #[schemars(length(min = 1, max = 63))]
    pub key: String,
    /// Who to log in as; the image decides who there is.
    #[schemars(regex(pattern = r"^[^\s\u0000-\u001f]{1,64}$"))]
    pub user: String,
    /// Where the SSH server listens. Default: 22.
    #[serde(default = "ssh")]
    #[schemars(range(min = 1))]
    pub port: u16,
    /// What the instance gets as user data: a script, or `#cloud-config`; at most 16 KiB. Whoever can run commands on the
    /// instance can read it, so it is no place for secrets.
    #[serde(default)]
    #[schemars(with = "String", length(max = 16384))]
    pub user_data: Option<String>,
    /// Further tags of what is made. Keys that begin with `drydock:` and `aws:` are taken.
    #[serde(default)]
    #[schemars(extend(
        "propertyNames" = { "pattern": "^.{1,128}$", "not": { "pattern": "^(drydock|aws):" } },
        "additionalProperties" = { "type": "string", "maxLength": 256 },
        "maxProperties" = 40,
    ))]
    pub tags: Labels,
    /// Spot instances instead of on-demand ones: `true`, or a table with `max_price`. Default: false.
    #[serde(default)]
    pub spot: Spot,
    /// Gives each instance an elastic IP, which is released with it. Default: false.
    #[serde(default)]
    pub elastic_ip: bool,
    /// Reaches instances by their private address, whatever others they have. Default: false: by the elastic IP, else the
    /// public address, else the private one.
    #[serde(default)]
    pub private_ip: bool,
    /// An absolute directory on the instance, made if it is missing; each lease gets one of its own below. On Windows
    /// (`C:\…`) nothing can be made: the one lease that it takes gets this directory itself. Default: leases get none.
    #[serde(default)]
    #[schemars(with = "String", length(min = 1, max = 1024))]
    pub path: Option<String>,
    /// The size of the root volume in GiB. Default: the image's.
    #[serde(default)]
    #[schemars(with = "u32", range(min = 1, max = 65536))]
    pub volume_gb: Option<u32>,
    /// The type of the root volume: `gp2`, `gp3` or `standard`. Default: the image's.
    #[serde(default)]
    #[schemars(with = "String", regex(pattern = "^(gp2|gp3|standard)$"))]
    pub volume_type: Option<String>,
    /// What requests may ask for.
    #[serde(default)]
    #[schemars(extend(
        "propertyNames" = labels::of_keys(),
        "additionalProperties" = { "type": "string", "maxLength": 255 },
        "maxProperties" = 32,
    ))]
    pub labels: Labels,
    /// What runs on the instance. Commands run on POSIX systems only.
    #[serde(default)]
    pub platform: System,
    /// How many leases an instance takes at once; with a path on Windows, 1. Default: the blueprint's
    /// `leases_per_resource`.
    #[serde(default)]
    #[schemars(with = "u32", range(min = 1, max = 100_000))]
    pub shares: Option<u32>,
}

/// Bytes that AWS takes of user data, before it is encoded.
const USER_DATA: usize = 16 << 10;

/// US dollars an hour, which a price has to exceed for AWS.
const LEAST_PRICE: f64 = 0.001;

fn ssh() -> u16 {
    22
}

/// Whether instances are spot instances.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(crate = "drydock_sdk::serde", untagged)]
#[schemars(crate = "drydock_sdk::schemars")]
pub enum Spot {
    /// `true`: at most at the on-demand price.
    Switch(bool),
    Priced(Price),
}

/// What a spot instance may cost.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(crate = "drydock_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "drydock_sdk::schemars")]
pub struct Price {
    /// US dollars an hour, as text: `"0.05"`. AWS advises against any: with one, instances are interrupted more often.
    #[schemars(regex(pattern = r"^[0-9]{1,6}(\.[0-9]{1,6})?$"))]
    pub max_price: String,
}

impl Default for Spot {
    fn default() -> Spot {
        Spot::Switch(false)
    }
}

impl Spot {
    pub fn is_on(&self) -> bool {
        !matches!(self, Spot::Switch(false))
    }

    pub fn max_price(&self) -> Option<&str> {
        match self {
            Spot::Switch(_) => None,
            Spot::Priced(price) => Some(&price.max_price),
        }
    }
}

/// What a lease of a host may ask for, beside labels.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(crate = "drydock_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "drydock_sdk::schemars")]
pub struct Wanted {
    #[serde(default)]
    #[schemars(with = "System")]
    pub platform: Option<System>,
}

impl Config {
    /// What a schema can't say, or says less clearly.
    pub fn check(&self) -> Result<(), String> {
        self.platform.check(self.path.as_deref(), self.shares)?;
        let bytes = self.user_data.as_ref().map_or(0, String::len);
        if bytes > USER_DATA {
            return Err(format!("its user_data has {bytes} bytes, and AWS takes {USER_DATA}: have it fetch the rest"));
        }
        let price = self.spot.max_price();
        if price.is_some_and(|price| price.parse().is_ok_and(|price: f64| price <= LEAST_PRICE)) {
            return Err(format!(
                "its spot.max_price is too low for AWS: give more than {LEAST_PRICE}, or `spot = true`"
            ));
        }
        let taken = |key: &&String| ["drydock:", "aws:"].iter().any(|begin| key.to_lowercase().starts_with(begin));
        if let Some(key) = self.tags.keys().find(taken) {
            return Err(format!("its tag {key} begins as those of Drydock or AWS do: give it another key"));
        }
        if let Some(key) = self.labels.keys().find(|key| key.starts_with(labels::OWN)) {
            return Err(format!(
                "its label {key} begins with {}, as those that every instance gets: rename it",
                labels::OWN
            ));
        }
        Ok(())
    }
}
