//! The blueprints in force, with what their plugins say of themselves.

use crate::api::types::BlueprintView;
use drydock_core::config::BlueprintConfig;
use drydock_core::contract::Descriptor;
use drydock_core::engine::InForce;
use drydock_core::engine::api::AskError;
use drydock_runtime::Schemas;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// One blueprint.
#[derive(Debug)]
pub struct Entry {
    pub config: BlueprintConfig,
    pub descriptor: Descriptor,
    /// SHA-256 of the plugin's component, in hex.
    pub digest: String,
    /// Among them what a request's attributes must be.
    pub schemas: Schemas,
}

/// All blueprints, by name.
#[derive(Debug, Default)]
pub struct Catalogue {
    pub blueprints: BTreeMap<String, Entry>,
}

/// The catalogue of the revision in force, made again when that is another.
#[derive(Debug, Default)]
pub struct Current(Mutex<Option<(u64, Arc<Catalogue>)>>);

impl Current {
    pub fn of(&self, farm: &InForce) -> Arc<Catalogue> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some((revision, catalogue)) if *revision == farm.revision => Arc::clone(catalogue),
            _ => {
                let catalogue = Arc::new(Catalogue::new(farm));
                *known = Some((farm.revision, Arc::clone(&catalogue)));
                catalogue
            }
        }
    }
}

impl Catalogue {
    fn new(farm: &InForce) -> Catalogue {
        let mut catalogue = Catalogue::default();
        for (name, blueprint) in &farm.blueprints {
            let descriptor = blueprint.plugin.descriptor();
            match Schemas::new(descriptor) {
                Ok(schemas) => {
                    let entry = Entry {
                        config: (*blueprint.config).clone(),
                        descriptor: descriptor.clone(),
                        digest: blueprint.plugin.digest().to_string(),
                        schemas,
                    };
                    catalogue.blueprints.insert(name.clone(), entry);
                }
                // Whoever brought it in force has looked at them.
                Err(error) => tracing::error!(blueprint = name, "its schemas can't be used: {error}"),
            }
        }
        catalogue
    }

    /// Those that may serve a request of this type: all that make it, or the one that was named. At least one.
    pub fn candidates(&self, kind: &str, blueprint: Option<&str>) -> Result<Vec<(&str, &Entry)>, AskError> {
        let all = || self.blueprints.iter().map(|(name, entry)| (name.as_str(), entry));
        let of_kind: Vec<_> = all().filter(|(_, entry)| entry.descriptor.kind == kind).collect();
        if of_kind.is_empty() {
            let known: BTreeSet<&str> = all().map(|(_, entry)| entry.descriptor.kind.as_str()).collect();
            return Err(AskError::UnknownType { kind: kind.to_string(), known: listed(known) });
        }
        let Some(name) = blueprint else { return Ok(of_kind) };
        match self.blueprints.get_key_value(name) {
            None => Err(AskError::UnknownBlueprint {
                name: name.to_string(),
                known: listed(self.blueprints.keys().map(String::as_str)),
            }),
            Some((_, entry)) if entry.descriptor.kind != kind => Err(AskError::WrongBlueprint {
                name: name.to_string(),
                makes: entry.descriptor.kind.clone(),
                kind: kind.to_string(),
            }),
            Some((name, entry)) => Ok(vec![(name.as_str(), entry)]),
        }
    }

    pub fn views(&self) -> Vec<BlueprintView> {
        self.blueprints
            .iter()
            .map(|(name, entry)| BlueprintView {
                name: name.clone(),
                kind: entry.descriptor.kind.clone(),
                plugin: entry.descriptor.name.clone(),
                plugin_version: entry.descriptor.version.clone(),
                digest: entry.digest.clone(),
                disabled: entry.config.disabled,
                max_resources: entry.config.max_resources,
                leases_per_resource: entry.config.leases_per_resource,
                grants: entry.config.grants.clone(),
            })
            .collect()
    }
}

fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    match names.is_empty() {
        true => "none".to_string(),
        false => names.join(", "),
    }
}
