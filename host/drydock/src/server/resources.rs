//! Resources: listing, showing, letting go.

use super::body::{MaybeJson, Params};
use super::error::ApiError;
use super::leases::reason;
use super::router::{App, Id};
use super::{filters, views};
use crate::api::types::{
    Cursor, DrainRequest, ForgetRequest, ReleaseRequest, ResourceDetailView, ResourceView, Resources, ResourcesQuery,
    UndrainRequest,
};
use axum::Json;
use axum::extract::State;
use std::sync::Arc;

pub async fn list(
    State(app): State<Arc<App>>,
    Params(query): Params<ResourcesQuery>,
) -> Result<Json<Resources>, ApiError> {
    let filter = filters::resources(query)?;
    let resources = app.node.resources(&filter).await?;
    let next = resources.last().filter(|_| resources.len() >= filter.limit as usize);
    let next = next.map(|resource| Cursor(resource.created_at, resource.id.clone()).into());
    Ok(Json(Resources { resources: resources.into_iter().map(views::resource).collect(), next }))
}

pub async fn show(State(app): State<Arc<App>>, Id(id): Id) -> Result<Json<ResourceDetailView>, ApiError> {
    Ok(Json(views::resource_detail(app.node.resource(&id).await?)))
}

pub async fn release(
    State(app): State<Arc<App>>,
    Id(id): Id,
    MaybeJson(request): MaybeJson<ReleaseRequest>,
) -> Result<Json<ResourceView>, ApiError> {
    if request.if_epoch.is_some() {
        return Err(ApiError::field("if_epoch", "a resource is held under no epoch, only leases are; leave it out"));
    }
    let reason = reason(&request.reason)?.unwrap_or("asked by an operator");
    Ok(Json(views::resource(app.node.end_resource(&id, reason, request.if_idle_since).await?)))
}

pub async fn drain(
    State(app): State<Arc<App>>,
    Id(id): Id,
    MaybeJson(request): MaybeJson<DrainRequest>,
) -> Result<Json<ResourceView>, ApiError> {
    let reason = reason(&request.reason)?.unwrap_or("drained by an operator");
    Ok(Json(views::resource(app.node.drain_resource(&id, Some(reason)).await?)))
}

pub async fn undrain(
    State(app): State<Arc<App>>,
    Id(id): Id,
    MaybeJson(_): MaybeJson<UndrainRequest>,
) -> Result<Json<ResourceView>, ApiError> {
    Ok(Json(views::resource(app.node.drain_resource(&id, None).await?)))
}

pub async fn forget(
    State(app): State<Arc<App>>,
    Id(id): Id,
    MaybeJson(request): MaybeJson<ForgetRequest>,
) -> Result<Json<ResourceView>, ApiError> {
    let reason = reason(&request.reason)?.unwrap_or("asked by an operator");
    Ok(Json(views::resource(app.node.forget(&id, reason).await?)))
}
