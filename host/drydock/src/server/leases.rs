//! Leases: asking, listing, showing, waiting, letting go.

use super::ask;
use super::body::{Json, MaybeJson, Params};
use super::error::ApiError;
use super::router::{App, Id, User, now, wait};
use super::{filters, views};
use crate::api::types::{
    AskRequest, Cursor, LeaseDetailView, LeaseView, Leases, LeasesQuery, ReleaseRequest, WaitQuery, WhyView,
};
use axum::extract::State;
use axum::http::StatusCode;
use drydock_core::engine::Left;
use drydock_core::model::rows::{Lease, Wanted};
use drydock_core::model::status::LeaseStatus;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::time::{Instant, sleep, sleep_until};

/// Between two answers of `why` to one client that waits: it depends on everybody else's leases too, so it may change
/// with every commit.
const WHY_PAUSE: Duration = Duration::from_millis(500);

pub async fn ask(
    State(app): State<Arc<App>>,
    User(user): User,
    Json(request): Json<AskRequest>,
) -> Result<(StatusCode, axum::Json<LeaseView>), ApiError> {
    let deadline = Instant::now() + wait(request.wait_ms)?;
    let now = now();
    let ask = ask::check(request, &app.catalogue(), user.as_deref(), now)?;
    let left = app.node.listen();
    let mut lease = app.node.ask(ask).await?;
    // A key has found one that was asked for before.
    let status = if lease.asked_at < now { StatusCode::OK } else { StatusCode::CREATED };
    if waits(&lease) && deadline > Instant::now() {
        lease = waited(&app, lease, left, deadline).await?;
    }
    Ok((status, axum::Json(views::lease(lease))))
}

/// A lease when it waits no more, or as it is at the deadline, or when the daemon stops. `left` has what was left since
/// before the lease was as it is given.
pub(super) async fn waited(
    app: &App,
    mut lease: Lease,
    mut left: Receiver<Left>,
    deadline: Instant,
) -> Result<Lease, ApiError> {
    let mut subscription = app.news.subscribe(&lease.id);
    // What came before the subscription is told by the other; so nothing is missed, and nothing has to be read.
    loop {
        match left.try_recv() {
            Ok(left) => match left.touched.leases.iter().find(|row| row.id == lease.id) {
                Some(row) if left.here => lease = row.clone(),
                None if !left.touched.anything => {}
                _ => lease = app.node.lease(&lease.id).await?.lease,
            },
            Err(TryRecvError::Lagged(_)) => lease = app.node.lease(&lease.id).await?.lease,
            Err(TryRecvError::Empty | TryRecvError::Closed) => break,
        }
    }
    drop(left);
    while waits(&lease) {
        tokio::select! {
            row = subscription.changed() => lease = match row {
                Some(row) => row,
                None => app.node.lease(&lease.id).await?.lease,
            },
            _ = sleep_until(deadline) => break,
            _ = app.news.stopped() => break,
        }
    }
    Ok(lease)
}

pub async fn list(
    State(app): State<Arc<App>>,
    Params(query): Params<LeasesQuery>,
) -> Result<axum::Json<Leases>, ApiError> {
    let filter = filters::leases(&app, query).await?;
    let leases = app.node.leases(&filter).await?;
    let next = leases.last().filter(|_| leases.len() >= filter.limit as usize);
    let next = next.map(|lease| Cursor(lease.asked_at, lease.id.clone()).into());
    Ok(axum::Json(Leases { leases: leases.into_iter().map(views::lease).collect(), next }))
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
    let id = detail.lease.id.clone();
    detail = until(&app, &id, deadline, |lease| query.seen.as_deref() != Some(lease.tag.as_str())).await?;
    Ok(axum::Json(detail))
}

/// A lease once it is as it should be, or as it is at the deadline, or when the daemon stops. The id is a whole one.
async fn until(
    app: &App,
    id: &str,
    deadline: Instant,
    there: impl Fn(&LeaseView) -> bool,
) -> Result<LeaseDetailView, ApiError> {
    // Subscribed before it is looked at, so that nothing is missed in between.
    let mut subscription = app.news.subscribe(id);
    loop {
        let detail = views::lease_detail(app.node.lease(id).await?);
        if there(&detail.lease) {
            return Ok(detail);
        }
        tokio::select! {
            _ = subscription.changed() => {}
            _ = sleep_until(deadline) => return Ok(detail),
            _ = app.news.stopped() => return Ok(detail),
        }
    }
}

/// Whether it is on its way to being active.
pub(super) fn waits(lease: &Lease) -> bool {
    matches!(lease.status, LeaseStatus::Pending | LeaseStatus::Acquired) && lease.wanted == Wanted::Keep
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
    if request.if_idle_since.is_some() {
        return Err(ApiError::field("if_idle_since", "only a resource is idle, a lease is not; leave it out"));
    }
    let reason = reason(&request.reason)?.unwrap_or("asked by its holder");
    let ended = app.node.end_held(&id, "released", reason, request.if_epoch).await?;
    Ok(axum::Json(views::lease(ended)))
}

pub fn reason(given: &Option<String>) -> Result<Option<&str>, ApiError> {
    if let Some(reason) = given {
        ask::within("reason", reason, 1000)?;
    }
    Ok(given.as_deref())
}
