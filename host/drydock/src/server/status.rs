//! What the daemon is, and whether all is well.

use super::error::ApiError;
use super::router::App;
use crate::api::types::{Check, Status};
use axum::Json;
use axum::extract::State;
use std::sync::Arc;

pub async fn status(State(app): State<Arc<App>>) -> Json<Status> {
    Json(Status {
        version: env!("CARGO_PKG_VERSION").to_string(),
        pid: std::process::id(),
        node: app.name.clone(),
        store: app.store.clone(),
        revision: app.node.farm().revision,
        blueprints: app.catalogue().views(),
        unwritten: app.node.unwritten().map(|unwritten| unwritten.reason),
        uptime_ms: u64::try_from(app.started.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

pub async fn check(State(app): State<Arc<App>>) -> Result<Json<Check>, ApiError> {
    Ok(Json(Check { violations: app.node.check().await? }))
}
