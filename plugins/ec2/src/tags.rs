//! Names for what is made outside: tags, and the token that makes a launch happen once.

use crate::Ec2;
use crate::api::Params;
use drydock_sdk::{Blueprint, Resource};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

pub const INSTALLATION: &str = "drydock:installation";
pub const BLUEPRINT: &str = "drydock:blueprint";
pub const RESOURCE: &str = "drydock:resource";

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// What everything bears that is made for a resource. What people call it is among the tags, unless they want another name.
pub fn of_resource(b: &Blueprint<Ec2>, on: &Resource<Ec2>) -> Tags {
    let own = [
        ("Name", on.name.as_str()),
        (INSTALLATION, b.installation.as_str()),
        (BLUEPRINT, b.name.as_str()),
        (RESOURCE, on.id.as_str()),
    ];
    let mut tags: Tags = own.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    tags.extend(b.config.tags.clone());
    tags
}

/// Gives what an action makes these tags from the start. `kind` is what EC2 calls it, `number` counts the kinds.
pub fn put(params: &mut Params, number: usize, kind: &str, tags: &Tags) {
    params.set(format!("TagSpecification.{number}.ResourceType"), kind);
    for (at, (key, value)) in (1..).zip(tags) {
        params.set(format!("TagSpecification.{number}.Tag.{at}.Key"), key);
        params.set(format!("TagSpecification.{number}.Tag.{at}.Value"), value);
    }
}

/// The same for every try to launch the instance of this resource, and for no other: 64 characters, the most that EC2 takes.
pub fn token(installation: &str, resource: &str) -> String {
    digest(&[installation.as_bytes(), b"\n", resource.as_bytes()])
}

/// SHA-256 in hexadecimal.
pub fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
