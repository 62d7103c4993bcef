//! Rows as answers show them.

use crate::api::types::{
    EventView, LeakView, LeaseDetailView, LeaseView, LeftoverView, Otherwise, PlaceView, ResourceDetailView,
    ResourceView, SlotView, WhyView,
};
use drydock_core::contract::{Alternative, Slot};
use drydock_core::engine::api::{LeaseDetail, LoggedEvent, ResourceDetail, Why};
use drydock_core::model::rows::{Leak, Lease, Leftover, Place, Resource};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

pub fn lease(row: Lease) -> LeaseView {
    let request = row.request.0;
    let mut view = LeaseView {
        id: row.id,
        kind: row.kind,
        owner: row.owner,
        holder: row.holder,
        status: row.status,
        wanted: row.wanted,
        outcome: Some(row.outcome).filter(|outcome| !outcome.is_empty()),
        reason: row.reason,
        asked_at: row.asked_at,
        priority: row.priority,
        acquired_at: row.acquired_at,
        active_at: row.active_at,
        ended_at: row.ended_at,
        until: row.until,
        timeout_at: row.wait_until,
        tied: row.tied == 1,
        heartbeat_ms: row.heartbeat,
        idle_timeout_ms: row.idle_timeout,
        set: row.set_id,
        fence: row.active_at.map(|_| row.fence),
        blueprint: request.blueprints.into_iter().next(),
        resource: row.resource,
        place: row.place,
        handout: row.handout.0.map(Into::into),
        attributes: object(&request.attributes),
        labels: request.labels,
        otherwise: request.otherwise.into_iter().map(otherwise).collect(),
        choice: Some(row.choice).filter(|choice| *choice > 0),
        tag: String::new(),
    };
    view.tag = tag(&view);
    view
}

fn otherwise(other: Alternative) -> Otherwise {
    Otherwise {
        attributes: object(&other.attributes),
        labels: other.labels,
        blueprint: other.blueprints.into_iter().next(),
    }
}

pub fn lease_detail(detail: LeaseDetail) -> LeaseDetailView {
    LeaseDetailView {
        lease: lease(detail.lease),
        place: detail.place.map(place),
        resource: detail.resource.map(resource),
        leftovers: detail.leftovers.into_iter().map(leftover).collect(),
    }
}

pub fn place(row: Place) -> PlaceView {
    PlaceView {
        slots: slots(&row.space, row.slots.0),
        id: row.id,
        lease: row.lease,
        resource: row.resource,
        blueprint: row.blueprint,
        status: row.status,
        share: row.share,
        note: row.note,
        attempt: row.attempt,
        created_at: row.created_at,
    }
}

pub fn resource(row: Resource) -> ResourceView {
    ResourceView {
        slots: slots(&row.space, row.slots.0),
        id: row.id,
        kind: row.kind,
        blueprint: row.blueprint,
        name: row.name,
        status: row.status,
        wanted: row.wanted,
        reason: row.reason,
        drained: row.drained,
        sick: row.sick,
        attributes: object(&row.attributes),
        labels: row.labels.0,
        used: row.used,
        shares: row.shares,
        note: row.note,
        attempt: row.attempt,
        created_at: row.created_at,
        idle_since: row.idle_since,
        ended_at: row.ended_at,
        digest: row.digest,
        revision: row.revision,
    }
}

pub fn resource_detail(detail: ResourceDetail) -> ResourceDetailView {
    ResourceDetailView {
        resource: resource(detail.resource),
        places: detail.places.into_iter().map(place).collect(),
        leftovers: detail.leftovers.into_iter().map(leftover).collect(),
    }
}

pub fn leftover(row: Leftover) -> LeftoverView {
    let slot = SlotView { space: row.space, key: row.slot, amount: None, limit: None };
    LeftoverView {
        place: row.place,
        lease: row.lease,
        resource: row.resource,
        slot: Some(slot).filter(|slot| !slot.key.is_empty()),
        reason: row.reason,
        at: row.at,
    }
}

pub fn leak(row: Leak) -> LeakView {
    LeakView {
        id: row.id,
        blueprint: row.blueprint,
        resource: row.resource,
        name: row.name,
        state: row.state,
        reason: row.reason,
        at: row.at,
    }
}

pub fn event(logged: LoggedEvent) -> EventView {
    let LoggedEvent { seq, event } = logged;
    EventView {
        seq,
        at: event.at,
        node: event.node,
        subject: event.subject,
        id: event.id,
        kind: event.pool,
        lease: event.lease,
        resource: event.resource,
        was: event.was,
        now: event.now,
        epoch: event.epoch,
        reason: event.reason,
        detail: event.detail.and_then(|detail| serde_json::from_str(&detail).ok()),
        commit: event.commit_id,
    }
}

pub fn why(why: Why) -> WhyView {
    WhyView { tag: tag(&why), why }
}

fn slots(space: &str, slots: Vec<Slot>) -> Vec<SlotView> {
    let view = |slot| {
        let (key, amount, limit) = match slot {
            Slot::Named(key) => (key, None, None),
            Slot::Counted { key, amount, limit } => (key, Some(amount), Some(limit)),
        };
        SlotView { space: space.to_string(), key, amount, limit }
    };
    slots.into_iter().map(view).collect()
}

/// An object from the store. What is stored has been checked to be one.
fn object(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_default()
}

/// A short name for exactly this content.
fn tag(content: &impl Serialize) -> String {
    // What is written here are plain structs with text keys, which have no way to fail.
    let text = serde_json::to_vec(content).unwrap_or_default();
    Sha256::digest(&text).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
