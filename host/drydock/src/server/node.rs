//! Starting and stopping the core.

use super::plugins::Loaded;
use crate::config::{Config, StoreConfig};
use crate::exit::{self, Exit};
use drydock_core::config::ConfigRevision;
use drydock_core::engine::{Farm, Node};
use std::sync::Arc;

/// Opens the store and starts the node on it.
pub async fn start(config: &Config, loaded: &Loaded) -> Result<Arc<Node>, Exit> {
    let blueprints = config.blueprints.iter().map(|blueprint| (blueprint.name.clone(), blueprint.clone())).collect();
    let farm = Farm { config: ConfigRevision { revision: 1, blueprints }, plugins: loaded.plugins.clone() };
    let started = match &config.store {
        StoreConfig::Sqlite(path) => {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(|e| {
                    Exit::new(exit::STORE, format!("the store's folder {} can't be made: {e}", folder.display()))
                })?;
            }
            Node::start_sqlite(path, &config.node, farm).await
        }
        StoreConfig::Postgres(url) => Node::start_postgres(url, &config.node, farm).await,
    };
    started.map_err(|error| Exit::new(exit::STORE, format!("store {}: {error}", config.store.shown())))
}
