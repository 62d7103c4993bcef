//! What was left outside for good.

use super::body::MaybeJson;
use super::error::ApiError;
use super::leases::reason;
use super::router::{App, Id};
use super::views;
use crate::api::types::{ForgetRequest, LeakView, Leaks};
use axum::Json;
use axum::extract::State;
use std::sync::Arc;

pub async fn list(State(app): State<Arc<App>>) -> Result<Json<Leaks>, ApiError> {
    Ok(Json(Leaks { leaks: app.node.leaks().await?.into_iter().map(views::leak).collect() }))
}

pub async fn clear(
    State(app): State<Arc<App>>,
    Id(id): Id,
    MaybeJson(request): MaybeJson<ForgetRequest>,
) -> Result<Json<LeakView>, ApiError> {
    let reason = reason(&request.reason)?.unwrap_or("cleaned up by hand");
    Ok(Json(views::leak(app.node.clear_leak(&id, reason).await?)))
}
