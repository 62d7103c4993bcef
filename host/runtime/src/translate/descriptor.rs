//! What `describe` answers.

use super::broken::{At, Broken, Checked, each, quoted};
use super::values::{exact, json, name, sentence};
use crate::bindings::planning;
use crate::origin::HostPattern;
use drydock_core::contract::{Descriptor, Permission, Steps};

const PERMISSIONS: usize = 64;
const TYPES: usize = 64;

pub(crate) fn descriptor(d: planning::Descriptor) -> Checked<Descriptor> {
    Ok(Descriptor {
        health: false,
        inventory: false,
        name: name(&d.name).at("name")?,
        version: name(&d.version).at("version")?,
        kind: kind(d.kind).at("kind")?,
        config_schema: json(d.config_schema).at("config-schema")?.0,
        request_schema: json(d.request_schema).at("request-schema")?.0,
        resource_schema: json(d.resource_schema).at("resource-schema")?.0,
        steps: Steps {
            open: d.steps.contains(planning::Steps::OPEN),
            activate: d.steps.contains(planning::Steps::ACTIVATE),
            release: d.steps.contains(planning::Steps::RELEASE),
            close: d.steps.contains(planning::Steps::CLOSE),
        },
        asks: each(d.asks, PERMISSIONS, permission).at("asks")?,
        may_lease: each(d.may_lease, TYPES, kind).at("may-lease")?,
    })
}

/// A resource type: it is typed on command lines, so it is short and plain.
fn kind(kind: String) -> Checked<String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if kind.is_empty() || kind.len() > 63 || !kind.chars().all(plain) {
        return Err(Broken::new(format!("is {}; it must be 1 to 63 of a-z 0-9 -", quoted(&kind))));
    }
    Ok(kind)
}

fn permission(permission: planning::Permission) -> Checked<Permission> {
    let what = exact(permission.what, 63).at("what")?;
    if !["commands", "leases", "http", "credential"].contains(&what.as_str()) {
        return Err(Broken::new(format!(
            "is {}; it must be one of commands, leases, http and credential",
            quoted(&what)
        )))
        .at("what");
    }
    let scope = exact(permission.scope, 255).at("scope")?;
    if what == "commands" && scope != "ssh" && scope != "local" {
        return Err(Broken::new(format!("is {}; for commands it must be ssh or local", quoted(&scope)))).at("scope");
    }
    if what == "http" && HostPattern::parse(&scope).is_none() {
        return Err(Broken::new(format!("is {}; for http it must be a host, *.DOMAIN or *", quoted(&scope))))
            .at("scope");
    }
    Ok(Permission { what, scope, reason: sentence(&permission.reason) })
}
