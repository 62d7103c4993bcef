//! Which handler answers what.

use super::apply::Applier;
use super::catalogue::{Catalogue, Current};
use super::error::ApiError;
use super::news::News;
use super::socket::Peer;
use super::{apply, ask, blueprints, commands, events, holding, leaks, leases, permissions, resources, sets, status};
use axum::Router;
use axum::extract::connect_info::ConnectInfo;
use axum::extract::{FromRequestParts, Path, Request};
use axum::http::Uri;
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use drydock_core::engine::Node;
use drydock_runtime::commands::Runner;
use futures::FutureExt;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What the handlers share.
pub struct App {
    pub node: Arc<Node>,
    pub catalogue: Current,
    /// None where no plugins can be loaded.
    pub applier: Option<Arc<Applier>>,
    pub runner: Runner,
    pub news: Arc<News>,
    /// Of the node.
    pub name: String,
    /// For people.
    pub store: String,
    /// How long running commands may go on when the daemon stops.
    pub stop_grace: Duration,
    pub started: Instant,
}

impl App {
    /// The blueprints in force.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        self.catalogue.of(&self.node.farm())
    }
}

pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/v1/status", get(status::status))
        .route("/v1/check", get(status::check))
        .route("/v1/leases", get(leases::list).post(leases::ask))
        .route("/v1/sets", post(sets::ask))
        .route("/v1/leases/{id}", get(leases::show))
        .route("/v1/leases/{id}/why", get(leases::why))
        .route("/v1/leases/{id}/hold", get(holding::hold))
        .route("/v1/leases/{id}/keep", post(holding::keep))
        .route("/v1/leases/{id}/extend", post(holding::extend))
        .route("/v1/leases/{id}/beat", post(holding::beat))
        .route("/v1/leases/{id}/release", post(leases::release))
        .route("/v1/leases/{id}/command", post(commands::run))
        .route("/v1/resources", get(resources::list))
        .route("/v1/resources/{id}", get(resources::show))
        .route("/v1/resources/{id}/release", post(resources::release))
        .route("/v1/resources/{id}/drain", post(resources::drain))
        .route("/v1/resources/{id}/undrain", post(resources::undrain))
        .route("/v1/configuration", post(apply::apply))
        .route("/v1/blueprints", get(blueprints::list))
        .route("/v1/blueprints/{id}/drain", post(blueprints::drain))
        .route("/v1/blueprints/{id}/undrain", post(blueprints::undrain))
        .route("/v1/blueprints/{id}/permissions", get(permissions::explain))
        .route("/v1/plugins", get(blueprints::plugins))
        .route("/v1/slots", get(blueprints::slots))
        .route("/v1/resources/{id}/forget", post(resources::forget))
        .route("/v1/leaks", get(leaks::list))
        .route("/v1/leaks/{id}/clear", post(leaks::clear))
        .route("/v1/events", get(events::list))
        .method_not_allowed_fallback(wrong_method)
        .fallback(unknown_path)
        .layer(from_fn(survive))
        .with_state(app)
}

async fn unknown_path(uri: Uri) -> ApiError {
    ApiError::not_found(format!("there is nothing at {}; paths begin with /v1/leases, for example", uri.path()))
}

async fn wrong_method(request: Request) -> ApiError {
    ApiError::wrong_method(format!("{} can't be used on {}", request.method(), request.uri().path()))
}

/// A handler that panics costs its own request and nothing else.
async fn survive(request: Request, next: Next) -> Response {
    let asked = format!("{} {}", request.method(), request.uri().path());
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => {
            tracing::error!("{asked} ended in a panic");
            let problem = "the daemon failed while it answered; what was asked may or may not have been done";
            ApiError::internal(format!("{problem}: look at its log, and ask again")).into_response()
        }
    }
}

/// The id in the path: whole, or enough of its beginning.
pub struct Id(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Id, ApiError> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(id) = path.map_err(|rejection| ApiError::field("id", rejection.body_text()))?;
        ask::text("id", &id)?;
        Ok(Id(id))
    }
}

/// The user that the client runs as, where it is known.
pub struct User(pub Option<String>);

impl<S: Sync> FromRequestParts<S> for User {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<User, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<Peer>>();
        Ok(User(peer.and_then(|ConnectInfo(peer)| peer.user.clone())))
    }
}

/// Milliseconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A list's length: 1 to `most`.
pub fn limit(asked: Option<u32>, most: u32) -> Result<u32, ApiError> {
    match asked {
        None => Ok(1000),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(limit) => Err(ApiError::field("limit", format!("{limit} is out of range; it is 1 to {most}"))),
    }
}

/// Milliseconds that a client wants to wait: 0 to 300,000.
pub fn wait(asked: Option<u64>) -> Result<Duration, ApiError> {
    const LONGEST: u64 = 300_000;
    match asked.unwrap_or(0) {
        wait if wait <= LONGEST => Ok(Duration::from_millis(wait)),
        wait => Err(ApiError::field("wait_ms", format!("{wait} is out of range; it is 0 to {LONGEST} milliseconds"))),
    }
}
