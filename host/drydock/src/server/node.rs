//! Opening the store, and starting the core on it.

use super::plugins::{self, Loaded};
use crate::config::{Config, StoreConfig};
use crate::exit::{self, Exit};
use async_trait::async_trait;
use drydock_core::config::ConfigRevision;
use drydock_core::engine::{DEAD_AFTER, Farm, Node, PluginSource, Start};
use drydock_core::env::{Env, Real};
use drydock_core::model::protection::Protections;
use drydock_core::plugin::Plugin;
use drydock_core::store::Store;
use drydock_runtime::Loader;
use std::sync::Arc;

/// Opens the store. The error of one that another daemon has names that one.
async fn open(config: &Config) -> Result<Store, Exit> {
    let failed = |why: String| Exit::new(exit::STORE, why);
    match &config.store {
        StoreConfig::Sqlite(path) => {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)
                    .map_err(|e| failed(format!("the store's folder {} can't be made: {e}", folder.display())))?;
            }
            Store::open_sqlite(path).await
        }
        StoreConfig::Postgres(url) => Store::open_postgres(url).await,
    }
    .map_err(|error| failed(error.to_string()))
}

/// What a configuration is to the core, with what its blueprints' plugins are.
pub fn farm(config: &Config, loaded: Loaded, loader: Arc<Loader>) -> Farm {
    let blueprints = config.blueprints.iter().map(|blueprint| (blueprint.name.clone(), blueprint.clone())).collect();
    Farm {
        // The node finds the number.
        config: ConfigRevision { blueprints, order: config.order.clone(), ..ConfigRevision::default() },
        plugins: loaded.plugins,
        components: loaded.components,
        source: Some(Arc::new(Kept { loader })),
    }
}

/// Opens the store, loads the plugins and starts the node. Its tasks run as long as `env` is not ended.
pub async fn start(config: &Config, loader: &Arc<Loader>, env: Arc<Real>) -> Result<Arc<Node>, Exit> {
    let store = open(config).await?;
    let loaded = plugins::load(config, loader).await.map_err(|e| Exit::new(exit::INVALID, e.to_string()))?;
    let farm = farm(config, loaded, Arc::clone(loader));
    let start = Start {
        env: env as Arc<dyn Env>,
        store: Arc::new(store),
        farm,
        name: config.node.clone(),
        protections: Protections::ALL,
        // The file is locked by whoever has it open.
        alone: matches!(config.store, StoreConfig::Sqlite(_)),
        sweeps: true,
        dead_after: DEAD_AFTER,
        hold_grace: i64::try_from(config.hold_grace.as_millis()).unwrap_or(i64::MAX),
        keep_finished: Some(i64::try_from(config.keep_finished.as_millis()).unwrap_or(i64::MAX)),
    };
    Node::start(start).await.map_err(|error| Exit::new(exit::STORE, format!("{}: {error}", config.store.shown())))
}

/// Plugins that the store has kept for the resources that were made with them.
struct Kept {
    loader: Arc<Loader>,
}

#[async_trait]
impl PluginSource for Kept {
    async fn load(&self, component: &[u8]) -> Result<Arc<dyn Plugin>, String> {
        self.loader.load("a plugin from the store", component).await.map_err(|error| error.to_string())
    }
}
