//! The rules for `[[blueprint]]`.

use super::check::{is_name, is_node_name};
use super::document::{Document, Segment};
use super::error::ConfigError;
use drydock_core::config::BlueprintConfig;
use drydock_runtime::HttpGrant;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Everything that can be granted, beside what has a word of its own after the colon: `leases:`, `credential:`, `http:`.
pub const GRANTS: &[&str] = &["commands:local", "commands:ssh"];

pub fn check(blueprints: &[BlueprintConfig], document: &Document) -> Result<(), ConfigError> {
    let mut first = BTreeMap::new();
    for (index, blueprint) in blueprints.iter().enumerate() {
        let table = Table { document, index };
        check_one(blueprint, &table)?;
        if let Some(was) = &blueprint.was {
            table.name("was", was)?;
            if blueprints.iter().any(|other| other.name == *was) {
                let problem = format!("{was:?} is the name of a blueprint; one that was renamed leaves its name free");
                return Err(table.error("was", problem));
            }
            if blueprints[..index].iter().any(|other| other.was.as_ref() == Some(was)) {
                let problem = format!("another blueprint was {was:?} before, too; only one can have been");
                return Err(table.error("was", problem));
            }
        }
        if let Some(other) = first.insert(blueprint.name.as_str(), index) {
            let line = document.line_of(&[Segment::Key("blueprint".into()), Segment::Index(other)]).unwrap_or_default();
            let problem = format!("the name is taken by the blueprint of line {line}; choose another");
            return Err(table.error("name", problem));
        }
    }
    Ok(())
}

struct Table<'a> {
    document: &'a Document,
    index: usize,
}

impl Table<'_> {
    fn error(&self, key: &str, problem: impl std::fmt::Display) -> ConfigError {
        let path = [Segment::Key("blueprint".into()), Segment::Index(self.index), Segment::Key(key.into())];
        ConfigError::at(self.document, &path, problem)
    }

    fn range(&self, key: &str, value: i64, range: RangeInclusive<i64>, unit: &str) -> Result<(), ConfigError> {
        if range.contains(&value) {
            return Ok(());
        }
        let problem = format!("{value} is out of range; it is {} to {}{unit}", range.start(), range.end());
        Err(self.error(key, problem))
    }

    fn name(&self, key: &str, name: &str) -> Result<(), ConfigError> {
        if is_name(name, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
            return Ok(());
        }
        Err(self.error(key, format!("{name:?} is no name; it is 1 to 63 characters of a-z 0-9 -")))
    }
}

fn check_grant(grant: &str) -> Result<(), String> {
    match grant.split_once(':') {
        Some(("leases", kind)) if !kind.is_empty() => Ok(()),
        Some(("credential", name)) if is_node_name(name) => Ok(()),
        Some(("credential", name)) => Err(format!(
            "{grant:?}: {name:?} is no name of a credential; it is 1 to 63 characters of a-z A-Z 0-9 . _ -"
        )),
        Some(("http", _)) => grant.parse::<HttpGrant>().map(drop).map_err(|problem| format!("{grant:?}: {problem}")),
        _ if GRANTS.contains(&grant) => Ok(()),
        _ => Err(format!(
            "{grant:?} can't be granted; what can be is: {}, leases:TYPE, credential:NAME, http:HOST",
            GRANTS.join(", ")
        )),
    }
}

fn check_one(blueprint: &BlueprintConfig, table: &Table<'_>) -> Result<(), ConfigError> {
    table.name("name", &blueprint.name)?;
    if let Some(space) = &blueprint.slots {
        table.name("slots", space)?;
    }
    if blueprint.plugin.is_empty() {
        return Err(table.error("plugin", "it is empty; name a plugin, or the path of a .wasm file"));
    }
    if !blueprint.config.is_object() {
        return Err(table.error("config", "it is no table; write [blueprint.config] above its keys"));
    }
    if let Some(max) = blueprint.max_resources {
        table.range("max_resources", max.into(), 0..=1_000_000, "")?;
        if blueprint.min_resources > max {
            let problem = format!("{} are more than the {max} of max_resources; lower it", blueprint.min_resources);
            return Err(table.error("min_resources", problem));
        }
    }
    table.range("min_resources", blueprint.min_resources.into(), 0..=1_000_000, "")?;
    table.range("leases_per_resource", blueprint.leases_per_resource.into(), 1..=100_000, "")?;
    table.range("overflow", blueprint.overflow.into(), 0..=100_000, "")?;
    if blueprint.overflow > 0 && blueprint.max_resources.is_none() {
        let problem = "it takes effect at max_resources, which is missing; set that, or leave overflow out";
        return Err(table.error("overflow", problem));
    }
    const YEAR: i64 = 31_536_000;
    for (key, value, most, unit) in [
        ("max_building", blueprint.max_building, 1_000_000, ""),
        ("idle_timeout", blueprint.idle_timeout, YEAR, " seconds"),
        ("max_age", blueprint.max_age, YEAR, " seconds"),
        ("max_uses", blueprint.max_uses, 1_000_000, ""),
    ] {
        if let Some(value) = value {
            table.range(key, value.into(), 1..=most, unit)?;
        }
    }
    table.range("reclaim_after", blueprint.reclaim_after.into(), 0..=86_400, " seconds")?;
    table.range("priority", blueprint.priority.into(), -1_000_000..=1_000_000, "")?;
    table.range("open_timeout", blueprint.open_timeout.into(), 1..=86_400, " seconds")?;
    if blueprint.check_every > 0 {
        table.range("check_every", blueprint.check_every.into(), 5..=86_400, " seconds, or 0 for never")?;
    }
    if blueprint.observe_every > 0 {
        table.range("observe_every", blueprint.observe_every.into(), 5..=86_400, " seconds, or 0 for never")?;
    }
    table.range("step_timeout", blueprint.step_timeout.into(), 1..=300, " seconds")?;
    for grant in &blueprint.grants {
        check_grant(grant).map_err(|problem| table.error("grants", problem))?;
    }
    Ok(())
}
