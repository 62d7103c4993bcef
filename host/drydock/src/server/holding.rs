//! What holders do with their leases: connections, beats, and other ends.

use super::ask;
use super::body::{Json, MaybeJson};
use super::error::ApiError;
use super::news::Subscription;
use super::router::{App, Id, now};
use super::views;
use crate::api::types::{BeatRequest, ExtendRequest, HoldLine, KeepRequest, LeaseView};
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use drydock_core::engine::Hold;
use drydock_core::engine::api::AskError;
use drydock_core::model::rows::{Lease, Wanted};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// How often something is written, so that a client that is gone is noticed wherever it was.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How soon a lease is looked at again when the store could not be read.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

pub async fn hold(State(app): State<Arc<App>>, Id(id): Id) -> Result<Response, ApiError> {
    let hold = app.node.hold(&id).await?;
    // Subscribed before it is looked at again, so that no end is missed.
    let subscription = app.news.subscribe(&hold.lease.id);
    let beat = Instant::now() + HEARTBEAT;
    let held = Held { first: Some(hold.lease.clone()), changed: true, app, hold, subscription, beat };
    // The connection ends with the body, wherever it was: with all that is in it.
    let body = futures::stream::unfold(Some(held), |held| async {
        let (line, held) = held?.next().await?;
        Some((Ok::<_, Infallible>(line), held))
    });
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(body)).into_response())
}

pub async fn keep(
    State(app): State<Arc<App>>,
    Id(id): Id,
    MaybeJson(KeepRequest {}): MaybeJson<KeepRequest>,
) -> Result<axum::Json<LeaseView>, ApiError> {
    Ok(axum::Json(views::lease(app.node.keep(&id).await?)))
}

pub async fn extend(
    State(app): State<Arc<App>>,
    Id(id): Id,
    Json(request): Json<ExtendRequest>,
) -> Result<axum::Json<LeaseView>, ApiError> {
    ask::ahead("until", request.until, now())?;
    Ok(axum::Json(views::lease(app.node.extend(&id, request.until, request.if_epoch).await?)))
}

pub async fn beat(
    State(app): State<Arc<App>>,
    Id(id): Id,
    MaybeJson(request): MaybeJson<BeatRequest>,
) -> Result<axum::Json<LeaseView>, ApiError> {
    Ok(axum::Json(views::lease(app.node.beat(&id, request.if_epoch).await?)))
}

/// A connection that is open.
struct Held {
    app: Arc<App>,
    hold: Hold,
    subscription: Subscription,
    first: Option<Lease>,
    /// Something has happened to the lease that was not looked at.
    changed: bool,
    /// When the next empty line is due.
    beat: Instant,
}

impl Held {
    /// The next line, and what is to follow; none when the daemon stops, so that the client looks for the next one.
    async fn next(mut self) -> Option<(Vec<u8>, Option<Held>)> {
        if let Some(lease) = self.first.take() {
            return Some((line(lease), Some(self)));
        }
        loop {
            // One that another node has taken for dead watches over nothing any more.
            if self.app.node.is_stopping() {
                return None;
            }
            if self.changed {
                match self.app.node.lease(&self.hold.lease.id).await {
                    Ok(detail) if over(&detail.lease) => return Some((line(detail.lease), None)),
                    Err(AskError::NoSuchLease(_)) => return None,
                    Ok(_) => self.changed = false,
                    // The lease is as it was, as far as is known.
                    Err(error) => {
                        tracing::warn!("whether lease {} has ended can't be seen: {error}", self.hold.lease.id);
                    }
                }
            }
            tokio::select! {
                _ = self.subscription.changed() => self.changed = true,
                () = sleep(LOOK_AGAIN), if self.changed => {}
                () = sleep_until(self.beat) => {
                    self.beat = Instant::now() + HEARTBEAT;
                    return Some((b"\n".to_vec(), Some(self)));
                }
                () = self.app.news.stopped() => return None,
            }
        }
    }
}

fn over(lease: &Lease) -> bool {
    lease.status.ended() || lease.wanted == Wanted::End
}

fn line(lease: Lease) -> Vec<u8> {
    // Text and numbers, which have no way to fail.
    let mut line = serde_json::to_vec(&HoldLine { lease: views::lease(lease) }).unwrap_or_default();
    line.push(b'\n');
    line
}
