//! Bringing another configuration in force.

use super::body::Json;
use super::error::ApiError;
use super::router::App;
use super::{node, plugins};
use crate::api::types::{Applied, ApplyRequest};
use crate::config::{Config, ConfigError, Document};
use axum::extract::State;
use drydock_core::engine::{Farm, Node};
use drydock_runtime::Loader;
use std::path::Path;
use std::sync::Arc;

/// Bytes of a request at most; a configuration may list thousands of hosts.
const LIMIT: usize = 16 << 20;

/// What another configuration is read with.
pub struct Applier {
    loader: Arc<Loader>,
    /// What the daemon was started with.
    started: Config,
}

impl Applier {
    pub fn new(loader: Arc<Loader>, started: Config) -> Applier {
        let file = std::path::absolute(&started.document.file).unwrap_or_else(|_| started.document.file.clone());
        // Its paths as they are in a file that is named by its absolute path, so that they can be compared.
        let absolute = Config::parse(Document::new(&file, started.document.text.clone()));
        Applier { loader, started: absolute.unwrap_or(started) }
    }

    /// What a configuration is to the core, and those of its keys that differ and are read at the start only.
    pub async fn read(&self, document: Document) -> Result<(Farm, Vec<String>), ConfigError> {
        let config = Config::parse(document)?;
        let loaded = plugins::load(&config, &self.loader).await?;
        let started = &self.started;
        let restart = [
            ("store", config.store != started.store),
            ("socket", config.socket != started.socket),
            ("node", config.node != started.node),
            ("stop_grace", config.stop_grace != started.stop_grace),
            ("hold_grace", config.hold_grace != started.hold_grace),
            ("ca_file", config.ca_file != started.ca_file),
            ("credentials", config.credentials != started.credentials),
        ];
        let restart = restart.iter().filter(|(_, differs)| *differs).map(|(key, _)| (*key).to_string()).collect();
        Ok((node::farm(&config, loaded, Arc::clone(&self.loader)), restart))
    }

    /// Brings the file in force that the daemon was started with, as it is now. What is wrong with it changes nothing.
    pub async fn reload(&self, node: &Arc<Node>) {
        let file = self.started.document.file.clone();
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) => return tracing::error!("{}", ConfigError::unreadable(&file, &error)),
        };
        let read = self.read(Document::new(&file, text)).await;
        let (farm, restart) = match read {
            Ok(read) => read,
            Err(error) => return tracing::error!("the configuration stays as it is: {error}"),
        };
        for key in restart {
            tracing::warn!("`{key}` is read when the daemon starts; restart it to have the new value");
        }
        match node.apply(farm, None).await {
            Ok(revision) => tracing::info!(revision, "read again: {}", file.display()),
            Err(error) => tracing::error!("the configuration could not be brought in force: {error}"),
        }
    }
}

pub async fn apply(
    State(app): State<Arc<App>>,
    Json(request): Json<ApplyRequest, LIMIT>,
) -> Result<axum::Json<Applied>, ApiError> {
    let Some(applier) = &app.applier else {
        return Err(ApiError::unavailable("this daemon has nothing to load plugins with"));
    };
    if request.file.is_empty() || !Path::new(&request.file).is_absolute() {
        return Err(ApiError::field(
            "file",
            "it is no absolute path; relative paths of the configuration start beside it",
        ));
    }
    let document = Document::new(Path::new(&request.file), request.text);
    let wrong = |error: ConfigError| ApiError::invalid(error.to_string());
    let (farm, restart) = applier.read(document).await.map_err(wrong)?;
    let preview = app.node.preview(farm.clone()).await?;
    if let Some(base) = request.base
        && base != preview.base
    {
        let error = drydock_core::engine::api::AskError::Reconfigured { revision: preview.base };
        return Err(error.into());
    }
    let revision = match request.dry_run {
        true => None,
        false => Some(app.node.apply(farm, Some(preview.base)).await?),
    };
    Ok(axum::Json(Applied { preview, restart, revision }))
}
