//! Blueprints, their plugins, and their slots.

use super::body::{MaybeJson, Params};
use super::error::ApiError;
use super::leases::reason;
use super::router::{App, Id, now};
use crate::api::types::{
    BlueprintState, BlueprintStatus, Blueprints, DrainRequest, ObservedView, PluginView, Plugins, Slots, SlotsQuery,
    UndrainRequest,
};
use axum::Json;
use axum::extract::State;
use drydock_core::engine::InForce;
use drydock_core::model::rows::{Blueprint, Observed};
use drydock_runtime::CONTRACT;
use std::collections::BTreeMap;
use std::sync::Arc;

pub async fn list(State(app): State<Arc<App>>) -> Result<Json<Blueprints>, ApiError> {
    let rows = app.node.blueprints().await?;
    let seen = app.node.observed().await?;
    let (farm, now) = (app.node.farm(), now());
    Ok(Json(Blueprints { blueprints: rows.into_iter().map(|row| state(row, &seen, &app, &farm, now)).collect() }))
}

fn state(row: Blueprint, seen: &[Observed], app: &App, farm: &InForce, now: i64) -> BlueprintState {
    let configured = farm.blueprints.get(&row.name);
    let failing = row.failures > 0 && row.not_before > now;
    let (status, reason) = match configured {
        None => (BlueprintStatus::Retired, Some("it is not configured any more".to_string())),
        Some(_) if row.drained.is_some() => (BlueprintStatus::Drained, row.drained),
        Some(found) if found.config.disabled => (BlueprintStatus::Disabled, None),
        Some(_) if failing => (BlueprintStatus::SetAside, row.reason),
        Some(_) => (BlueprintStatus::Ok, row.reason),
    };
    let lacks = app.node.lacks_for(&row.kind, &row.name).into_iter().map(|obstacle| obstacle.reason).collect();
    let descriptor = configured.map(|found| found.plugin.descriptor());
    let outside = seen.iter().find(|seen| seen.blueprint == row.name).map(observed);
    BlueprintState {
        name: row.name,
        kind: row.kind,
        plugin: descriptor.map(|of| of.name.clone()),
        plugin_version: descriptor.map(|of| of.version.clone()),
        status,
        reason,
        until: failing.then_some(row.not_before),
        failures: row.failures,
        used: row.used,
        building: row.building,
        max_resources: configured.and_then(|found| found.config.max_resources),
        min_resources: configured.map_or(0, |found| found.config.min_resources),
        lacks,
        observed: outside,
        slots: row.space,
    }
}

fn observed(seen: &Observed) -> ObservedView {
    ObservedView {
        began: Some(seen.began).filter(|began| *began > 0),
        things: seen.things.0.len(),
        complete: seen.complete == 1,
        failure: seen.failure.clone(),
    }
}

pub async fn drain(
    State(app): State<Arc<App>>,
    Id(name): Id,
    MaybeJson(request): MaybeJson<DrainRequest>,
) -> Result<Json<BlueprintState>, ApiError> {
    let reason = reason(&request.reason)?.unwrap_or("by an operator");
    drained(&app, &name, Some(reason)).await
}

pub async fn undrain(
    State(app): State<Arc<App>>,
    Id(name): Id,
    MaybeJson(_): MaybeJson<UndrainRequest>,
) -> Result<Json<BlueprintState>, ApiError> {
    drained(&app, &name, None).await
}

async fn drained(app: &App, name: &str, reason: Option<&str>) -> Result<Json<BlueprintState>, ApiError> {
    app.node.drain_blueprint(name, reason).await?;
    let row = app.node.blueprints().await?.into_iter().find(|row| row.name == name);
    let row = row.ok_or_else(|| ApiError::not_found(format!("blueprint {name:?} is gone by now")))?;
    let seen = app.node.observed().await?;
    Ok(Json(state(row, &seen, app, &app.node.farm(), now())))
}

/// Those of the configuration in force, and those that resources were made with.
pub async fn plugins(State(app): State<Arc<App>>) -> Result<Json<Plugins>, ApiError> {
    let mut plugins: BTreeMap<String, PluginView> = BTreeMap::new();
    for (name, blueprint) in &app.node.farm().blueprints {
        let descriptor = blueprint.plugin.descriptor();
        let digest = blueprint.plugin.digest();
        let view = plugins.entry(digest.to_string()).or_insert_with(|| PluginView {
            digest: digest.to_string(),
            name: Some(descriptor.name.clone()),
            version: Some(descriptor.version.clone()),
            kind: Some(descriptor.kind.clone()),
            file: Some(blueprint.config.plugin.clone()),
            contract: Some(CONTRACT.to_string()),
            ..PluginView::default()
        });
        view.blueprints.push(name.clone());
    }
    for (digest, _, resources) in app.node.made_with().await? {
        let view = plugins.entry(digest.clone()).or_insert_with(|| PluginView { digest, ..PluginView::default() });
        view.resources += resources;
    }
    Ok(Json(Plugins { plugins: plugins.into_values().collect() }))
}

pub async fn slots(State(app): State<Arc<App>>, Params(query): Params<SlotsQuery>) -> Result<Json<Slots>, ApiError> {
    Ok(Json(Slots { slots: app.node.slots(query.space.as_deref()).await? }))
}
