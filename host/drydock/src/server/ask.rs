//! What a request for a lease must be. All of it is looked at before anything is written.

use super::catalogue::{Catalogue, Entry};
use super::error::ApiError;
use crate::api::types::{AskRequest, Otherwise};
use crate::config::{Segment, shown};
use crate::sentence::printable;
use drydock_core::contract::{Alternative, Labels, Request};
use drydock_core::engine::api::Ask;
use serde_json::{Map, Value};

/// A hundred years, in milliseconds: longer is a mistake in the unit.
const LONGEST_WAIT: i64 = 3_155_760_000_000;

/// What a request may name beside what it wants most.
const ALTERNATIVES: usize = 8;

/// Checks a request as it came from a client.
///
/// `user` is who the client runs as; `now` is in milliseconds since 1970.
pub fn check(ask: AskRequest, catalogue: &Catalogue, user: Option<&str>, now: i64) -> Result<Ask, ApiError> {
    text("type", &ask.kind)?;
    let owner = ask.owner.as_deref().or(user).unwrap_or("nobody");
    text("owner", owner)?;
    if let Some(key) = &ask.key {
        text("key", key)?;
    }
    if !(-1_000..=1_000).contains(&ask.priority) {
        return Err(ApiError::field("priority", format!("{} is out of range; it is -1000 to 1000", ask.priority)));
    }
    if let Some(until) = ask.until {
        ahead("until", until, now)?;
    }
    for (field, value, least, most) in [
        ("timeout_ms", ask.timeout_ms, 1, LONGEST_WAIT),
        ("heartbeat_ms", ask.heartbeat_ms, 1_000, 86_400_000),
        ("idle_timeout_ms", ask.idle_timeout_ms, 1_000, 31_536_000_000),
    ] {
        if let Some(value) = value
            && !(least..=most).contains(&value)
        {
            return Err(ApiError::field(
                field,
                format!("{value} is out of range; it is {least} to {most} milliseconds"),
            ));
        }
    }
    let attributes = wish(&ask.kind, ask.attributes, &ask.labels, ask.blueprint.as_deref(), catalogue)?;
    if ask.otherwise.len() > ALTERNATIVES {
        let message = format!("there are {}; it is at most {ALTERNATIVES}", ask.otherwise.len());
        return Err(ApiError::field("otherwise", message));
    }
    let mut otherwise = Vec::with_capacity(ask.otherwise.len());
    for (i, Otherwise { attributes, labels, blueprint }) in ask.otherwise.into_iter().enumerate() {
        let attributes = wish(&ask.kind, attributes, &labels, blueprint.as_deref(), catalogue);
        let attributes = attributes.map_err(|error| error.within(&format!("otherwise[{i}]")))?;
        otherwise.push(Alternative { attributes, labels, blueprints: blueprint.into_iter().collect() });
    }
    Ok(Ask {
        request: Request {
            kind: ask.kind,
            attributes,
            labels: ask.labels,
            blueprints: ask.blueprint.into_iter().collect(),
            otherwise,
        },
        owner: owner.to_string(),
        priority: ask.priority,
        key: ask.key,
        until: ask.until,
        tied: ask.tied,
        heartbeat: ask.heartbeat_ms,
        idle_timeout: ask.idle_timeout_ms,
        wait_until: ask.timeout_ms.map(|timeout| now.saturating_add(timeout)),
    })
}

/// What is wanted, if some blueprint takes it: its attributes as text.
fn wish(
    kind: &str,
    attributes: Map<String, Value>,
    labels: &Labels,
    blueprint: Option<&str>,
    catalogue: &Catalogue,
) -> Result<String, ApiError> {
    check_labels(labels)?;
    if let Some(name) = blueprint {
        text("blueprint", name)?;
    }
    let attributes = Value::Object(attributes);
    plain("attributes", &attributes)?;
    let candidates = catalogue.candidates(kind, blueprint)?;
    fits(&attributes, &candidates)?;
    Ok(sorted(&attributes).to_string())
}

/// A moment that is still to come.
pub fn ahead(field: &str, moment: i64, now: i64) -> Result<(), ApiError> {
    match moment > now {
        true => Ok(()),
        false => Err(ApiError::field(
            field,
            format!("{moment} is in the past; it is in milliseconds since 1970, and now is {now}"),
        )),
    }
}

/// A name that a client gave: 1 to 255 bytes, no control characters.
pub fn text(field: &str, value: &str) -> Result<(), ApiError> {
    within(field, value, 255)
}

/// A text of 1 to `limit` bytes without control characters.
pub fn within(field: &str, value: &str, limit: usize) -> Result<(), ApiError> {
    if value.is_empty() {
        return Err(ApiError::field(field, format!("it is empty; it is 1 to {limit} bytes")));
    }
    if value.len() > limit {
        return Err(ApiError::field(field, format!("it is {} bytes long; it is at most {limit}", value.len())));
    }
    uncontrolled(field, value)
}

fn uncontrolled(field: &str, value: &str) -> Result<(), ApiError> {
    match value.chars().find(|c| c.is_control()) {
        None => Ok(()),
        Some(c) => Err(ApiError::field(
            printable(field),
            format!("it contains the control character U+{:04X}; leave it out", u32::from(c)),
        )),
    }
}

pub fn check_labels(labels: &Labels) -> Result<(), ApiError> {
    for (key, value) in labels {
        let known = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
        if !(1..=63).contains(&key.len()) || !key.chars().all(known) {
            return Err(ApiError::field(
                "labels",
                format!("{:?} is no key of a label; it is 1 to 63 characters of a-z A-Z 0-9 . _ - /", printable(key)),
            ));
        }
        let field = format!("labels.{key}");
        if value.len() > 255 {
            return Err(ApiError::field(field, format!("it is {} bytes long; it is at most 255", value.len())));
        }
        uncontrolled(&field, value)?;
    }
    Ok(())
}

/// Control characters nowhere, neither in keys nor in values.
fn plain(field: &str, value: &Value) -> Result<(), ApiError> {
    match value {
        Value::String(text) => uncontrolled(field, text),
        Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(index, item)| plain(&format!("{field}[{index}]"), item))
        }
        Value::Object(object) => object.iter().try_for_each(|(key, item)| {
            uncontrolled(&format!("{field}.{key}"), key)?;
            plain(&format!("{field}.{key}"), item)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// At least one blueprint takes the attributes.
fn fits(attributes: &Value, candidates: &[(&str, &Entry)]) -> Result<(), ApiError> {
    let mut problems = Vec::new();
    for (name, entry) in candidates {
        match entry.schemas.check_request(attributes) {
            Ok(()) => return Ok(()),
            Err(problem) => {
                let mut path = vec![Segment::Key("attributes".into())];
                path.extend(Segment::of_pointer(&problem.path));
                problems.push((printable(&shown(&path)), format!("blueprint {name:?}: {}", problem.sentence)));
            }
        }
    }
    let field = problems.first().map(|(field, _)| field.clone()).unwrap_or_default();
    if problems.iter().all(|(other, _)| *other == field) {
        let reasons: Vec<String> = problems.into_iter().map(|(_, reason)| reason).collect();
        return Err(ApiError::field(field, reasons.join("; ")));
    }
    let reasons: Vec<String> = problems.into_iter().map(|(field, reason)| format!("{field}: {reason}")).collect();
    Err(ApiError {
        field: Some(field),
        ..ApiError::invalid(format!("no blueprint takes them: {}", reasons.join("; ")))
    })
}

/// The same value with the keys of every object in order, so that equal requests are equal texts.
pub fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<_> = object.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            Value::Object(entries.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}
