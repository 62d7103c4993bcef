//! The resources that a class may share, in the order in which they are tried.

use super::look::ClassLook;
use super::terms::Terms;
use crate::config::Growth;
use crate::model::rows::Resource;
use crate::model::status::ResourceStatus;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Candidates of all blueprints in one order: active before pending, then as each blueprint grows. `used` is what the
/// plan has made of their use so far.
pub fn ordered<'a>(
    candidates: &'a BTreeMap<String, Vec<Resource>>,
    terms: &BTreeMap<String, Terms>,
    used: &BTreeMap<String, i64>,
) -> Vec<&'a Resource> {
    let mut all: Vec<&Resource> = candidates.values().flatten().collect();
    all.sort_by_cached_key(|resource| {
        let in_use = used.get(&resource.id).copied().unwrap_or(resource.used);
        let terms = terms.get(&resource.blueprint);
        let growth = terms.map_or(Growth::Pack, |terms| terms.growth);
        let fill = if growth == Growth::Pack { -in_use } else { in_use };
        let priority = terms.map_or(0, |terms| terms.priority);
        (resource.status != ResourceStatus::Active, Reverse(priority), fill, resource.id.clone())
    });
    all
}

/// What may be given beyond its shares, least loaded first.
pub fn crowded<'a>(
    class: &'a ClassLook,
    terms: &BTreeMap<String, Terms>,
    used: &BTreeMap<String, i64>,
) -> Vec<&'a Resource> {
    let mut all: Vec<&Resource> = class.crowded.values().flatten().collect();
    all.sort_by_cached_key(|resource| {
        let in_use = used.get(&resource.id).copied().unwrap_or(resource.used);
        let priority = terms.get(&resource.blueprint).map_or(0, |terms| terms.priority);
        (Reverse(priority), in_use, resource.status != ResourceStatus::Active, resource.id.clone())
    });
    all
}

/// Whether this resource comes only after a new one would be built: it is in use, and its blueprint spreads.
pub fn after_building(resource: &Resource, in_use: i64, terms: &BTreeMap<String, Terms>) -> bool {
    in_use > 0 && terms.get(&resource.blueprint).is_some_and(|terms| terms.growth == Growth::Spread)
}
