//! The parameters of lists, checked, as the store's filter.

use super::ask::{check_labels, sorted, text};
use super::error::ApiError;
use super::router::{App, limit};
use crate::api::types::{Cursor, EventsQuery, LeasesQuery, ResourcesQuery};
use drydock_core::contract::Labels;
use drydock_core::engine::api::Filter;
use drydock_core::model::rows::Doc;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The most rows of one answer.
const ROWS: u32 = 100_000;
/// The most events of one answer.
const EVENTS: u32 = 10_000;

pub async fn leases(app: &App, query: LeasesQuery) -> Result<Filter, ApiError> {
    Ok(Filter {
        kind: name("type", query.kind)?,
        owner: name("owner", query.owner)?,
        blueprint: name("blueprint", query.blueprint)?,
        status: query.status.map(|status| status.name().to_owned()),
        resource: resource(app, query.resource).await?,
        labels: labels(query.labels)?,
        attributes: attributes(query.attributes),
        since: query.since,
        until: query.until,
        all: query.all,
        finished: query.finished,
        after: query.after.map(|Cursor(at, id)| (at, id)),
        limit: limit(query.limit, ROWS)?,
    })
}

pub fn resources(query: ResourcesQuery) -> Result<Filter, ApiError> {
    Ok(Filter {
        kind: name("type", query.kind)?,
        blueprint: name("blueprint", query.blueprint)?,
        status: query.status.map(|status| status.name().to_owned()),
        labels: labels(query.labels)?,
        attributes: attributes(query.attributes),
        since: query.since,
        until: query.until,
        all: query.all,
        finished: query.finished,
        after: query.after.map(|Cursor(at, id)| (at, id)),
        limit: limit(query.limit, ROWS)?,
        ..Filter::default()
    })
}

pub async fn events(app: &App, query: &EventsQuery) -> Result<Filter, ApiError> {
    Ok(Filter {
        kind: name("type", query.kind.clone())?,
        owner: name("owner", query.owner.clone())?,
        blueprint: name("blueprint", query.blueprint.clone())?,
        status: name("status", query.status.clone())?,
        resource: resource(app, query.resource.clone()).await?,
        labels: labels(query.labels.clone())?,
        attributes: attributes(query.attributes.clone()),
        since: query.since,
        until: query.until,
        limit: limit(query.limit, EVENTS)?,
        ..Filter::default()
    })
}

fn name(field: &str, given: Option<String>) -> Result<Option<String>, ApiError> {
    if let Some(given) = &given {
        text(field, given)?;
    }
    Ok(given)
}

async fn resource(app: &App, id: Option<String>) -> Result<Option<String>, ApiError> {
    match id {
        None => Ok(None),
        Some(id) => {
            text("resource", &id)?;
            Ok(Some(app.node.resource(&id).await?.resource.id))
        }
    }
}

fn labels(given: Option<Doc<Labels>>) -> Result<Labels, ApiError> {
    let labels = given.unwrap_or_default().0;
    check_labels(&labels)?;
    Ok(labels)
}

fn attributes(given: Option<Doc<Map<String, Value>>>) -> BTreeMap<String, String> {
    let given = given.unwrap_or_default().0;
    given.iter().map(|(name, value)| (name.clone(), sorted(value).to_string())).collect()
}
