//! The log of what happened.

use super::body::Params;
use super::error::ApiError;
use super::router::{App, limit, wait};
use super::views;
use crate::api::types::{Events, EventsQuery};
use axum::Json;
use axum::extract::State;
use std::sync::Arc;
use tokio::time::{Instant, sleep_until};

pub async fn list(State(app): State<Arc<App>>, Params(query): Params<EventsQuery>) -> Result<Json<Events>, ApiError> {
    let deadline = Instant::now() + wait(query.wait_ms)?;
    let limit = limit(query.limit, 10_000)?;
    if query.after < 0 {
        return Err(ApiError::field("after", format!("{} is out of range; it is 0 or more", query.after)));
    }
    let mut changes = app.node.changes();
    loop {
        changes.borrow_and_update();
        let events = app.node.events(query.after, query.subject.as_deref(), limit).await?;
        if let Some(last) = events.last() {
            let next = last.seq;
            return Ok(Json(Events { events: events.into_iter().map(views::event).collect(), next }));
        }
        let none = || Ok(Json(Events { events: Vec::new(), next: query.after }));
        tokio::select! {
            // The sender lives as long as the node.
            _ = changes.changed() => {}
            _ = sleep_until(deadline) => return none(),
            _ = app.news.stopped() => return none(),
        }
    }
}
