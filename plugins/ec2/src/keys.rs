//! The key pair that instances are reached with: the public half of an SSH credential, imported under a name that follows
//! from the key itself.
//!
//! It is shared by all instances of the installation that use the key, so none of them removes it. It costs nothing, holds
//! no secret, and there is one for each key that was ever configured.

use crate::api::{Api, Params, Set};
use crate::errors::Fault;
use crate::instances::filled;
use crate::tags::{INSTALLATION, Tags, digest, put};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use drydock_sdk::serde::Deserialize;
use drydock_sdk::{Failure, credentials};

#[derive(Deserialize)]
#[serde(crate = "drydock_sdk::serde", rename_all = "camelCase")]
struct Described {
    #[serde(default)]
    key_set: Set<KeyPair>,
}

#[derive(Deserialize)]
#[serde(crate = "drydock_sdk::serde", rename_all = "camelCase")]
struct KeyPair {
    key_name: String,
    #[serde(default)]
    public_key: Option<String>,
}

/// Makes sure that the key pair is there, and answers its name.
pub fn ensure(api: &Api, credential: &str, installation: &str) -> Result<String, Failure> {
    let public = credentials::public_key(credential).map_err(|why| {
        Failure::operator(format!(
            "the public half of the SSH key {credential} can't be had: {why}; correct that credential"
        ))
    })?;
    let public = public.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    let name = format!("drydock-{installation}-{}", &digest(&[public.as_bytes()])[..32]);
    if is_there(api, &name, &public)? {
        return Ok(name);
    }
    let mut params = Params::new().with("KeyName", &name).with("PublicKeyMaterial", STANDARD.encode(public.as_bytes()));
    put(&mut params, 1, "key-pair", &Tags::from([(INSTALLATION.to_owned(), installation.to_owned())]));
    match api.call::<KeyPair>("ImportKeyPair", params) {
        Ok(pair) => Ok(pair.key_name),
        // Another one has just imported it, or an earlier try has.
        Err(fault) if fault.is("InvalidKeyPair.Duplicate") => is_there(api, &name, &public).map(|_| name),
        Err(fault) => Err(fault.into()),
    }
}

/// Whether there is a key pair of that name. That it holds another key is a mistake of somebody's.
fn is_there(api: &Api, name: &str, public: &str) -> Result<bool, Failure> {
    let params = Params::new().with("KeyName.1", name).with("IncludePublicKey", "true");
    let pairs = match api.call::<Described>("DescribeKeyPairs", params) {
        Err(fault) if fault.is("InvalidKeyPair.NotFound") => return Ok(false),
        other => other.map_err(Failure::from)?.key_set.item,
    };
    let Some(pair) = pairs.iter().find(|pair| pair.key_name == name) else { return Ok(false) };
    // Not everything that speaks the API gives the key itself.
    let held = filled(&pair.public_key).map(|held| held.split_whitespace().take(2).collect::<Vec<_>>().join(" "));
    match held {
        Some(held) if held != public => Err(Failure::operator(format!(
            "the key pair {name} holds another key than its name says: remove it, and Drydock imports the right one"
        ))),
        _ => Ok(true),
    }
}

/// Whether a fault of a launch is about the key pair: somebody has removed it since it was imported.
pub fn is_missing(fault: &Fault) -> bool {
    fault.is("InvalidKeyPair.NotFound")
}
