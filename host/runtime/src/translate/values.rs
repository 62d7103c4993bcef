//! Checks of the values that several answers share.

use super::broken::{At, Broken, Checked, each, quoted};
use super::text::{escaped, is_unsafe};
use crate::bindings::{leases, types};
use drydock_core::contract::{Access, Handout, Labels, Platform, Slot, SshAccess, Wish};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const NAME: usize = 255;
/// Bytes of a reason or a note; the rest is cut off.
const SENTENCE: usize = 4096;
const JSON: usize = 256 << 10;
const LABELS: usize = 64;
const SLOTS: usize = 64;
const ENTRIES: usize = 256;
const ENTRY: usize = 32 << 10;
const PATH: usize = 4096;
/// A share or a limit of shares.
pub(super) const SHARES: u32 = 100_000;

/// Text for people: escaped and cut, never refused.
pub(super) fn sentence(text: &str) -> String {
    escaped(text, SENTENCE)
}

/// A name for people: escaped; it must say something.
pub(super) fn name(text: &str) -> Checked<String> {
    if text.trim().is_empty() {
        return Err(Broken::new("is empty"));
    }
    if text.len() > NAME {
        return Err(Broken::new(format!("has {} bytes; at most {NAME} are allowed", text.len())));
    }
    Ok(escaped(text, NAME))
}

/// Text that machines use as it is: it can't be escaped, so it is refused.
pub(super) fn exact(text: String, limit: usize) -> Checked<String> {
    if text.is_empty() {
        return Err(Broken::new("is empty"));
    }
    if text.len() > limit {
        return Err(Broken::new(format!("has {} bytes; at most {limit} are allowed", text.len())));
    }
    if text.chars().any(is_unsafe) {
        return Err(Broken::new(format!("has a control character: {}", quoted(&text))));
    }
    Ok(text)
}

pub(super) fn json(text: String) -> Checked<(String, Value)> {
    if text.len() > JSON {
        return Err(Broken::new(format!("has {} bytes; at most {JSON} are allowed", text.len())));
    }
    match serde_json::from_str(&text) {
        Ok(value) => Ok((text, value)),
        Err(error) => Err(Broken::new(format!("is not JSON ({error}): {}", quoted(&text)))),
    }
}

pub(super) fn object(text: String) -> Checked<(String, Map<String, Value>)> {
    match json(text)? {
        (text, Value::Object(map)) => Ok((text, map)),
        (text, _) => Err(Broken::new(format!("is not a JSON object: {}", quoted(&text)))),
    }
}

/// What a step wants to have kept.
pub(super) fn state(text: Option<String>) -> Checked<Option<String>> {
    text.map(|text| Ok(json(text)?.0)).transpose()
}

pub(super) fn labels(list: Vec<types::Label>) -> Checked<Labels> {
    let mut labels = Labels::new();
    for (key, value) in each(list, LABELS, label)? {
        if labels.contains_key(&key) {
            return Err(Broken::new(format!("has the key {} twice", quoted(&key))));
        }
        labels.insert(key, value);
    }
    Ok(labels)
}

fn label(label: types::Label) -> Checked<(String, String)> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    if label.key.is_empty() || label.key.len() > 63 || !label.key.chars().all(allowed) {
        return Err(Broken::new(format!("is {}; it must be 1 to 63 of a-z A-Z 0-9 . _ - /", quoted(&label.key))))
            .at("key");
    }
    if label.value.len() > NAME || label.value.chars().any(is_unsafe) {
        return Err(Broken::new(format!(
            "is {}; it must be at most {NAME} bytes without control characters",
            quoted(&label.value)
        )))
        .at("value");
    }
    Ok((label.key, label.value))
}

pub(super) fn slots(list: Vec<types::Slot>) -> Checked<Vec<Slot>> {
    let slots = each(list, SLOTS, slot)?;
    let mut seen = BTreeSet::new();
    match slots.iter().find(|slot| !seen.insert(slot.key())) {
        Some(twice) => Err(Broken::new(format!("has the key {} twice", quoted(twice.key())))),
        None => Ok(slots),
    }
}

fn slot(slot: types::Slot) -> Checked<Slot> {
    Ok(match slot {
        types::Slot::Named(key) => Slot::Named(exact(key, NAME)?),
        types::Slot::Counted(types::CountedSlot { key, amount, limit }) => {
            if amount == 0 || amount > limit {
                return Err(Broken::new(format!("is {amount}; it must be from 1 to the limit, {limit}"))).at("amount");
            }
            Slot::Counted { key: exact(key, NAME).at("key")?, amount, limit }
        }
    })
}

pub(super) fn share(share: u32) -> Checked<u32> {
    if (1..=SHARES).contains(&share) {
        Ok(share)
    } else {
        Err(Broken::new(format!("is {share}; it must be from 1 to {SHARES}")))
    }
}

pub(super) fn handout(handout: types::Handout) -> Checked<Handout> {
    Ok(Handout {
        access: access(handout.access).at("access")?,
        directory: handout.directory.map(|path| exact(path, PATH)).transpose().at("directory")?,
        environment: environment(handout.environment).at("environment")?,
        url: handout.url.map(|url| exact(url, PATH)).transpose().at("url")?,
    })
}

fn environment(list: Vec<types::Entry>) -> Checked<BTreeMap<String, String>> {
    let entries = each(list, ENTRIES, |entry| {
        let mut chars = entry.name.chars();
        let first = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        if !first || entry.name.len() > NAME || !chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(Broken::new(format!("is {}, which can't name a variable", quoted(&entry.name)))).at("name");
        }
        if entry.value.len() > ENTRY || entry.value.contains('\0') {
            return Err(Broken::new(format!("must be at most {ENTRY} bytes without NUL"))).at("value");
        }
        Ok((entry.name, entry.value))
    })?;
    Ok(entries.into_iter().collect())
}

/// Blueprints that one wish may name.
const CHOICES: usize = 64;

/// A lease that a resource asks for.
pub(crate) fn wish(wish: leases::Wish) -> Checked<Wish> {
    Ok(Wish {
        name: exact(wish.name, NAME).at("name")?,
        kind: exact(wish.kind, NAME).at("kind")?,
        attributes: wish.attributes,
        labels: labels(wish.labels).at("labels")?,
        blueprints: each(wish.blueprints, CHOICES, |name| exact(name, NAME)).at("blueprints")?,
    })
}

/// Also used for the access that a guest names in a call of `commands`.
pub(crate) fn access(access: types::Access) -> Checked<Access> {
    Ok(match access {
        types::Access::None => Access::None,
        types::Access::Local => Access::Local,
        types::Access::Via(lease) => Access::Via(exact(lease, NAME)?),
        types::Access::Ssh(ssh) => {
            if ssh.port == 0 {
                return Err(Broken::new("is 0; it must be from 1 to 65,535")).at("port");
            }
            Access::Ssh(SshAccess {
                host: exact(ssh.host, NAME).at("host")?,
                port: ssh.port,
                user: exact(ssh.user, NAME).at("user")?,
                credential: exact(ssh.credential, NAME).at("credential")?,
                platform: match ssh.platform {
                    types::Platform::Posix => Platform::Posix,
                    types::Platform::Windows => Platform::Windows,
                    types::Platform::Other => Platform::Other,
                },
            })
        }
    })
}
