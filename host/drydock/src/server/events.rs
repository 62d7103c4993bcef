//! The log of what happened.

use super::body::Params;
use super::error::ApiError;
use super::router::{App, wait};
use super::{filters, views};
use crate::api::types::{Events, EventsQuery};
use axum::Json;
use axum::extract::State;
use std::sync::Arc;
use tokio::time::{Instant, sleep_until};

pub async fn list(State(app): State<Arc<App>>, Params(query): Params<EventsQuery>) -> Result<Json<Events>, ApiError> {
    let deadline = Instant::now() + wait(query.wait_ms)?;
    if query.after < 0 {
        return Err(ApiError::field("after", format!("{} is out of range; it is 0 or more", query.after)));
    }
    let filter = filters::events(&app, &query).await?;
    let mut changes = app.node.changes();
    let mut after = if query.from_now { app.node.last_event().await? } else { query.after };
    loop {
        changes.borrow_and_update();
        let (events, next) = app.node.events(after, query.subject.as_deref(), &filter).await?;
        if !events.is_empty() {
            return Ok(Json(Events { events: events.into_iter().map(views::event).collect(), next }));
        }
        after = next;
        let none = || Ok(Json(Events { events: Vec::new(), next }));
        tokio::select! {
            // The sender lives as long as the node.
            _ = changes.changed() => {}
            _ = sleep_until(deadline) => return none(),
            _ = app.news.stopped() => return none(),
        }
    }
}
