//! What a blueprint's plugin may do: both sides of it.

use super::error::ApiError;
use super::router::{App, Id};
use crate::api::types::{AskView, CredentialView, Permissions};
use axum::Json;
use axum::extract::State;
use drydock_runtime::covers;
use std::sync::Arc;

/// What needs no grant.
const ALWAYS: [&str; 2] = [
    "log: write to the daemon's log, at most 100 messages of 8 KiB in a call",
    "view: while planning, see which slots are held, and what was last observed outside",
];

pub async fn explain(State(app): State<Arc<App>>, Id(name): Id) -> Result<Json<Permissions>, ApiError> {
    let catalogue = app.catalogue();
    let Some(entry) = catalogue.blueprints.get(&name) else {
        let known: Vec<&str> = catalogue.blueprints.keys().map(String::as_str).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(ApiError::not_found(format!("there is no blueprint {name:?}; there are: {known}")));
    };
    let (descriptor, grants) = (&entry.descriptor, &entry.config.grants);
    let asks = descriptor.asks.iter().map(|ask| AskView {
        what: ask.what.clone(),
        scope: ask.scope.clone(),
        reason: ask.reason.clone(),
        granted_by: grants.iter().filter(|grant| covers(grant, ask)).cloned().collect(),
    });
    let credentials = grants.iter().filter_map(|grant| grant.strip_prefix("credential:")).map(|name| {
        let found = app.runner.credentials().get(name);
        CredentialView {
            name: name.to_owned(),
            kind: found.map(|credential| credential.kind().to_owned()),
            hosts: found.map(|found| found.hosts().iter().map(ToString::to_string).collect()).unwrap_or_default(),
        }
    });
    let unasked = |grant: &&String| !descriptor.asks.iter().any(|ask| covers(grant, ask));
    Ok(Json(Permissions {
        blueprint: name,
        plugin: descriptor.name.clone(),
        plugin_version: descriptor.version.clone(),
        asks: asks.collect(),
        credentials: credentials.collect(),
        unasked: grants.iter().filter(unasked).cloned().collect(),
        always: ALWAYS.map(str::to_owned).to_vec(),
    }))
}
