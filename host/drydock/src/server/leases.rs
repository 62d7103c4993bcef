//! Leases: asking, listing, showing, waiting, letting go.

use super::ask;
use super::body::{Json, MaybeJson, Params};
use super::error::ApiError;
use super::router::{App, Id, User, limit, now, wait};
use super::views;
use crate::api::types::{
    AskRequest, LeaseDetailView, LeaseView, Leases, LeasesQuery, ReleaseRequest, WaitQuery, WhyView,
};
use axum::extract::State;
use axum::http::StatusCode;
use drydock_core::engine::api::Filter;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// Between two answers of `why` to one client that waits: it depends on everybody else's leases too, so it may change
/// with every commit.
const WHY_PAUSE: Duration = Duration::from_millis(500);

pub async fn ask(
    State(app): State<Arc<App>>,
    User(user): User,
    Json(request): Json<AskRequest>,
) -> Result<(StatusCode, axum::Json<LeaseView>), ApiError> {
    let now = now();
    let lease = app.node.ask(ask::check(request, &app.catalogue, user.as_deref(), now)?).await?;
    // A key has found one that was asked for before.
    let status = if lease.asked_at < now { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, axum::Json(views::lease(lease))))
}

pub async fn list(
    State(app): State<Arc<App>>,
    Params(query): Params<LeasesQuery>,
) -> Result<axum::Json<Leases>, ApiError> {
    let filter = Filter {
        kind: query.kind,
        owner: query.owner,
        blueprint: query.blueprint,
        status: query.status.map(|status| status.name().to_string()),
        all: query.all,
        limit: limit(query.limit, 100_000)?,
    };
    let leases = app.node.leases(&filter).await?;
    Ok(axum::Json(Leases { leases: leases.into_iter().map(views::lease).collect() }))
}

pub async fn show(
    State(app): State<Arc<App>>,
    Id(id): Id,
    Params(query): Params<WaitQuery>,
) -> Result<axum::Json<LeaseDetailView>, ApiError> {
    let deadline = Instant::now() + wait(query.wait_ms)?;
    let mut detail = views::lease_detail(app.node.lease(&id).await?);
    if query.seen.as_deref() != Some(detail.lease.tag.as_str()) {
        return Ok(axum::Json(detail));
    }
    // Subscribed before it is looked at again, so that nothing is missed in between.
    let id = detail.lease.id.clone();
    let mut subscription = app.news.subscribe(&id);
    loop {
        detail = views::lease_detail(app.node.lease(&id).await?);
        if query.seen.as_deref() != Some(detail.lease.tag.as_str()) {
            return Ok(axum::Json(detail));
        }
        tokio::select! {
            _ = subscription.changed() => {}
            _ = sleep_until(deadline) => return Ok(axum::Json(detail)),
            _ = app.news.stopped() => return Ok(axum::Json(detail)),
        }
    }
}

pub async fn why(
    State(app): State<Arc<App>>,
    Id(id): Id,
    Params(query): Params<WaitQuery>,
) -> Result<axum::Json<WhyView>, ApiError> {
    let deadline = Instant::now() + wait(query.wait_ms)?;
    let id = app.node.lease(&id).await?.lease.id;
    let mut changes = app.node.changes();
    loop {
        changes.borrow_and_update();
        let why = views::why(app.node.why(&id).await?);
        if query.seen.as_deref() != Some(why.tag.as_str()) {
            return Ok(axum::Json(why));
        }
        let news = async {
            sleep(WHY_PAUSE).await;
            // The sender lives as long as the node.
            let _ = changes.changed().await;
        };
        tokio::select! {
            _ = news => {}
            _ = sleep_until(deadline) => return Ok(axum::Json(why)),
            _ = app.news.stopped() => return Ok(axum::Json(why)),
        }
    }
}

pub async fn release(
    State(app): State<Arc<App>>,
    Id(id): Id,
    MaybeJson(request): MaybeJson<ReleaseRequest>,
) -> Result<axum::Json<LeaseView>, ApiError> {
    let reason = reason(&request)?.unwrap_or("asked by its holder");
    Ok(axum::Json(views::lease(app.node.end(&id, "released", reason).await?)))
}

pub fn reason(request: &ReleaseRequest) -> Result<Option<&str>, ApiError> {
    if let Some(reason) = &request.reason {
        ask::within("reason", reason, 1000)?;
    }
    Ok(request.reason.as_deref())
}
