//! The configuration in force with its plugins, and the older ones that resources are pinned to.

use crate::config::{BlueprintConfig, ConfigRevision, Former, Growth, Order};
use crate::contract::BlueprintArg;
use crate::model::rows::Resource;
use crate::planner::terms::{Terms, Warm};
use crate::plugin::{Fault, Plugin};
use crate::store::Store;
use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// What a node is started with.
#[derive(Clone, Default)]
pub struct Farm {
    /// The revision number is found by the node: that of the store's last one if nothing has changed, else the next.
    pub config: ConfigRevision,
    /// By the blueprint's name.
    pub plugins: BTreeMap<String, Arc<dyn Plugin>>,
    /// Components by digest, to be kept in the store for the resources that are made with them.
    pub components: BTreeMap<String, Arc<Vec<u8>>>,
    /// Loads components that resources were made with and the config does not name any more.
    pub source: Option<Arc<dyn PluginSource>>,
}

impl Farm {
    /// Says in the configuration which plugins it was made with.
    pub(super) fn note_digests(&mut self) {
        let digest = |(name, plugin): (&String, &Arc<dyn Plugin>)| (name.clone(), plugin.digest().to_owned());
        self.config.digests = self.plugins.iter().map(digest).collect();
    }
}

/// Makes a plugin of a component from the store.
#[async_trait]
pub trait PluginSource: Send + Sync {
    /// The error is a sentence.
    async fn load(&self, component: &[u8]) -> Result<Arc<dyn Plugin>, String>;
}

/// A blueprint with everything a call needs.
#[derive(Clone)]
pub struct Configured {
    pub config: Arc<BlueprintConfig>,
    pub plugin: Arc<dyn Plugin>,
    pub revision: u64,
}

/// A farm in force.
pub struct InForce {
    pub revision: u64,
    pub installation: String,
    pub blueprints: BTreeMap<String, Configured>,
    pub order: Order,
    formerly: BTreeMap<String, Vec<Former>>,
    source: Option<Arc<dyn PluginSource>>,
    older: Mutex<BTreeMap<(u64, String, String), Configured>>,
}

/// Plugins by digest.
pub type Plugins = BTreeMap<String, Arc<dyn Plugin>>;

impl InForce {
    /// A revision as the store has it, with the plugins that are known here already; others are loaded from the store.
    pub async fn of_store(store: &Store, text: &str, known: &InForce) -> Result<InForce, String> {
        let config: ConfigRevision = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let revision = config.revision;
        let mut plugins = known.plugins();
        let mut farm = Farm { source: known.source.clone(), ..Farm::default() };
        for name in config.blueprints.keys() {
            let digest =
                config.digests.get(name).ok_or_else(|| format!("it says of no plugin of blueprint {name:?}"))?;
            let plugin = match plugins.get(digest) {
                Some(plugin) => Arc::clone(plugin),
                None => kept(store, digest, known.source.as_deref())
                    .await
                    .map_err(|why| format!("the plugin of blueprint {name:?} {why}"))?,
            };
            plugins.insert(digest.clone(), Arc::clone(&plugin));
            farm.plugins.insert(name.clone(), plugin);
        }
        farm.config = config;
        Ok(InForce::new(farm, revision, known.installation.clone()))
    }

    fn plugins(&self) -> Plugins {
        let current = self.blueprints.values().map(|blueprint| Arc::clone(&blueprint.plugin));
        let older = lock(&self.older).values().map(|older| Arc::clone(&older.plugin)).collect::<Vec<_>>();
        current.chain(older).map(|plugin| (plugin.digest().to_owned(), plugin)).collect()
    }

    pub fn new(farm: Farm, revision: u64, installation: String) -> InForce {
        let mut blueprints = BTreeMap::new();
        for (name, config) in farm.config.blueprints {
            if let Some(plugin) = farm.plugins.get(&name) {
                let plugin = Arc::clone(plugin);
                blueprints.insert(name, Configured { config: Arc::new(config), plugin, revision });
            }
        }
        let (order, formerly) = (farm.config.order, farm.config.formerly);
        InForce { revision, installation, blueprints, order, formerly, source: farm.source, older: Mutex::default() }
    }

    /// Blueprints that make this type.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a String, &'a Configured)> {
        self.blueprints.iter().filter(move |(_, blueprint)| blueprint.plugin.descriptor().kind == kind)
    }

    /// The name that a blueprint had before the one that it has.
    pub fn was(&self, name: &str) -> Option<&str> {
        let was = self.blueprints.get(name)?.config.was.as_deref()?;
        let former = self.formerly.get(name)?.last()?;
        (former.name == was).then_some(was)
    }

    /// Whether a request that names blueprints means this one: also by a name that it had, and that no other has now.
    pub fn is_meant(&self, name: &String, named: &[String]) -> bool {
        let former = || self.formerly.get(name).into_iter().flatten().map(|former| &former.name);
        let mut former = former().filter(|former| !self.blueprints.contains_key(*former));
        named.is_empty() || named.contains(name) || former.any(|former| named.contains(former))
    }

    /// The name that a blueprint had in a revision.
    fn name_in<'a>(&'a self, name: &'a str, revision: u64) -> &'a str {
        let former = self.formerly.get(name).into_iter().flatten().find(|former| former.until >= revision);
        former.map_or(name, |former| &former.name)
    }

    pub fn kinds(&self) -> Vec<String> {
        let mut kinds: Vec<String> =
            self.blueprints.values().map(|blueprint| blueprint.plugin.descriptor().kind.clone()).collect();
        kinds.sort();
        kinds.dedup();
        kinds
    }

    /// The blueprints whose resources may lease something of this type for themselves, directly or by way of others.
    pub fn above(&self, kind: &str) -> BTreeSet<String> {
        let mut kinds = BTreeSet::from([kind.to_owned()]);
        let mut names = BTreeSet::new();
        loop {
            let before = names.len();
            for (name, blueprint) in &self.blueprints {
                let descriptor = blueprint.plugin.descriptor();
                if descriptor.may_lease.iter().any(|kind| kinds.contains(kind)) && names.insert(name.clone()) {
                    kinds.insert(descriptor.kind.clone());
                }
            }
            if names.len() == before {
                return names;
            }
        }
    }

    pub fn terms(&self, kind: &str) -> BTreeMap<String, Terms> {
        let terms = self.of_kind(kind).map(|(name, blueprint)| {
            let config = &blueprint.config;
            let terms = Terms {
                name: name.clone(),
                space: config.slot_space().to_owned(),
                revision: self.revision as i64,
                digest: blueprint.plugin.digest().to_owned(),
                steps: blueprint.plugin.descriptor().steps,
                max_resources: config.max_resources.map(i64::from),
                warm: (config.min_resources > 0)
                    .then(|| Warm { least: i64::from(config.min_resources), request: config.warm_request(kind) }),
                leases_per_resource: i64::from(config.leases_per_resource),
                overflow: i64::from(config.overflow),
                max_building: config.max_building.map(i64::from),
                life: config.life(),
                reclaim_after: i64::from(config.reclaim_after) * 1_000,
                growth: config.growth,
                priority: config.priority,
                open_timeout: i64::from(config.open_timeout) * 1_000,
                disabled: config.disabled,
            };
            (name.clone(), terms)
        });
        terms.collect()
    }

    /// How each blueprint of the type fills up, and whether its resources may be given beyond their shares.
    pub fn growth(&self, kind: &str) -> BTreeMap<String, (Growth, bool)> {
        let of = |blueprint: &Configured| (blueprint.config.growth, blueprint.config.overflow > 0);
        self.of_kind(kind).map(|(name, blueprint)| (name.clone(), of(blueprint))).collect()
    }

    /// The blueprint as a plugin sees it.
    pub fn argument(&self, name: &str, blueprint: &Configured, now: i64, seed: u64) -> BlueprintArg {
        BlueprintArg {
            name: name.to_owned(),
            config: blueprint.config.config.to_string(),
            revision: blueprint.revision,
            installation: self.installation.clone(),
            now: now.max(0) as u64,
            seed,
        }
    }

    /// The blueprint that a resource was made with: the one in force, or the older one that it is pinned to.
    pub async fn pinned(&self, resource: &Resource, store: &Store) -> Result<Configured, Fault> {
        let revision = resource.revision as u64;
        if let Some(current) = self.blueprints.get(&resource.blueprint)
            && current.revision == revision
            && current.plugin.digest() == resource.digest
        {
            return Ok(current.clone());
        }
        let key = (revision, resource.blueprint.clone(), resource.digest.clone());
        if let Some(older) = lock(&self.older).get(&key) {
            return Ok(older.clone());
        }
        let missing = |why: String| {
            Fault::Host(format!(
                "resource {} was made with revision {revision} of blueprint {:?}, which {why}",
                resource.id, resource.blueprint
            ))
        };
        let text = store.config(Some(revision)).await.map_err(|error| missing(error.to_string()))?;
        let (_, text) = text.ok_or_else(|| missing("the store does not have any more".to_owned()))?;
        let config: ConfigRevision = serde_json::from_str(&text).map_err(|error| missing(error.to_string()))?;
        let config = config
            .blueprints
            .get(self.name_in(&resource.blueprint, revision))
            .cloned()
            .ok_or_else(|| missing("does not name it".to_owned()))?;
        let plugin = match self.plugins().remove(&resource.digest) {
            Some(plugin) => plugin,
            None => {
                let loaded = kept(store, &resource.digest, self.source.as_deref()).await;
                loaded.map_err(|why| missing(format!("has a plugin that {why}")))?
            }
        };
        let configured = Configured { config: Arc::new(config), plugin, revision };
        lock(&self.older).insert(key, configured.clone());
        Ok(configured)
    }
}

/// A plugin from the component that the store has kept. The error goes on a sentence about it.
async fn kept(store: &Store, digest: &str, source: Option<&dyn PluginSource>) -> Result<Arc<dyn Plugin>, String> {
    let component = store.load_plugin(digest).await.map_err(|error| format!("can't be read: {error}"))?;
    let component = component.ok_or("was not kept by the store")?;
    source.ok_or("can't be loaded here")?.load(&component).await.map_err(|why| format!("can't be loaded: {why}"))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
