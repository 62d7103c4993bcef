//! Sets: leases that are wanted together or not at all.

use super::ask;
use super::body::Json;
use super::error::ApiError;
use super::leases::{waited, waits};
use super::router::{App, User, now, wait};
use super::views;
use crate::api::types::{AskRequest, SetRequest, SetView};
use axum::extract::State;
use axum::http::StatusCode;
use drydock_core::engine::api::Ask;
use drydock_core::engine::sets::SET;
use std::sync::Arc;
use tokio::time::Instant;

pub async fn ask(
    State(app): State<Arc<App>>,
    User(user): User,
    Json(request): Json<SetRequest>,
) -> Result<(StatusCode, axum::Json<SetView>), ApiError> {
    let deadline = Instant::now() + wait(request.wait_ms)?;
    let now = now();
    if request.leases.is_empty() || request.leases.len() > SET {
        let size = request.leases.len();
        return Err(ApiError::field("leases", format!("there are {size}; a set has 1 to {SET}")));
    }
    alike(&request.leases)?;
    let catalogue = app.catalogue();
    let mut asks: Vec<Ask> = Vec::with_capacity(request.leases.len());
    for (i, lease) in request.leases.into_iter().enumerate() {
        let checked = ask::check(lease, &catalogue, user.as_deref(), now);
        asks.push(checked.map_err(|error| error.within(&format!("leases[{i}]")))?);
    }
    let mut leases = app.node.ask_set(asks).await?;
    let known = leases.iter().any(|lease| lease.asked_at < now);
    for lease in &mut leases {
        if waits(lease) && deadline > Instant::now() {
            let left = app.node.listen();
            let now = app.node.lease(&lease.id).await?.lease;
            *lease = waited(&app, now, left, deadline).await?;
        }
    }
    let status = if known { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, axum::Json(SetView { leases: leases.into_iter().map(views::lease).collect() })))
}

/// What all of a set must have in common, and what none may share.
fn alike(leases: &[AskRequest]) -> Result<(), ApiError> {
    let first = &leases[0];
    for (i, lease) in leases.iter().enumerate() {
        let field = |name: &str| format!("leases[{i}].{name}");
        if lease.priority != first.priority {
            let message = format!("it is {}, and that of the first is {}", lease.priority, first.priority);
            return Err(ApiError::field(field("priority"), message + "; all of a set come at one place in the order"));
        }
        if lease.owner != first.owner {
            return Err(ApiError::field(field("owner"), "it is another than that of the first; a set has one owner"));
        }
        if lease.key.is_some() != first.key.is_some() {
            let message = "some have a key and some have none; give each its own, or none";
            return Err(ApiError::field(field("key"), message));
        }
        if lease.key.is_some() && leases[..i].iter().any(|other| other.key == lease.key) {
            return Err(ApiError::field(field("key"), "another of the set has the same; give each its own"));
        }
        if lease.wait_ms.is_some() {
            return Err(ApiError::field(field("wait_ms"), "it is that of the set; give it beside `leases`"));
        }
    }
    Ok(())
}
