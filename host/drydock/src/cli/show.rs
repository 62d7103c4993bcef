//! `show`: one lease or resource with everything on it.

use super::args::ShowArgs;
use super::client::{Client, ClientError, path};
use super::lists::{lease_status, resource_status};
use super::moment::{clock, now, relative, span};
use super::output::{facts, plain, print, print_json, table, width};
use crate::api::types::{
    LeaseDetailView, LeaseView, LeftoverView, Otherwise, PlaceView, ResourceDetailView, ResourceView, SlotView,
};
use crate::exit::{self, Exit};
use drydock_core::contract::{Access, Labels};
use serde_json::{Map, Value};

/// What an id is of.
pub enum Found {
    Lease(Box<LeaseDetailView>),
    Resource(Box<ResourceDetailView>),
}

/// Looks an id up, whole or its beginning: a lease, else a resource.
pub async fn find(client: &Client, id: &str) -> Result<Found, Exit> {
    match client.get(&path("leases", id), &()).await {
        Ok(lease) => return Ok(Found::Lease(lease)),
        Err(error) if error.not_found() => {}
        Err(error) => return Err(error.into()),
    }
    match client.get(&path("resources", id), &()).await {
        Ok(resource) => Ok(Found::Resource(resource)),
        Err(error @ ClientError::Refused(_)) if error.not_found() => Err(Exit::new(
            exit::INVALID,
            format!(
                "there is no lease and no resource {}; `drydock leases` and `drydock resources` list them, with --all \
                 also those that are over",
                plain(id)
            ),
        )),
        Err(error) => Err(error.into()),
    }
}

pub async fn show(client: &Client, args: &ShowArgs) -> Result<u8, Exit> {
    match (find(client, &args.id).await?, args.json) {
        (Found::Lease(detail), true) => print_json(&detail)?,
        (Found::Resource(detail), true) => print_json(&detail)?,
        (Found::Lease(detail), false) => print(&lease_page(&detail, now(), width()))?,
        (Found::Resource(detail), false) => print(&resource_page(&detail, now(), width()))?,
    }
    Ok(exit::OK)
}

fn lease_page(detail: &LeaseDetailView, now: i64, width: Option<u16>) -> String {
    let mut page = facts(&lease_facts(&detail.lease, now));
    if let Some(resource) = &detail.resource {
        page += &section("Resource", &facts(&resource_facts(resource, now)));
        page += &slots("Slots of the resource", &resource.slots, width);
    }
    if let Some(place) = &detail.place {
        page += &section("Place", &facts(&place_facts(place, now)));
        page += &slots("Slots of the place", &place.slots, width);
    }
    page + &leftovers(&detail.leftovers, now, width)
}

fn resource_page(detail: &ResourceDetailView, now: i64, width: Option<u16>) -> String {
    let mut page = facts(&resource_facts(&detail.resource, now));
    page += &slots("Slots", &detail.resource.slots, width);
    let rows: Vec<Vec<String>> = detail
        .places
        .iter()
        .map(|place| {
            let slots: Vec<String> = place.slots.iter().map(slot_text).collect();
            vec![
                place.id.clone(),
                place.lease.clone(),
                place.status.to_string(),
                place.share.to_string(),
                slots.join(", "),
                relative(now, place.created_at),
                place.note.clone().unwrap_or_default(),
            ]
        })
        .collect();
    if !rows.is_empty() {
        let heading = ["PLACE", "LEASE", "STATUS", "SHARE", "SLOTS", "SINCE", "NOTE"];
        page += &section("Places", &table(&heading, &rows, width));
    }
    page + &leftovers(&detail.leftovers, now, width)
}

fn section(title: &str, body: &str) -> String {
    format!("\n{title}\n{body}")
}

type Facts = Vec<(&'static str, Option<String>)>;

fn lease_facts(lease: &LeaseView, now: i64) -> Facts {
    let handout = lease.handout.clone().unwrap_or_default();
    let access = lease.handout.as_ref().map(|handout| match &handout.access {
        Access::None => "none".to_owned(),
        Access::Local => "local".to_owned(),
        Access::Via(lease) => format!("through lease {lease}"),
        Access::Ssh(ssh) => format!("ssh {}@{} port {} (credential {})", ssh.user, ssh.host, ssh.port, ssh.credential),
    });
    let environment: Vec<String> = handout.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    vec![
        ("lease", Some(lease.id.clone())),
        ("type", Some(lease.kind.clone())),
        ("status", Some(lease_status(lease))),
        ("reason", lease.reason.clone()),
        ("owner", Some(lease.owner.clone())),
        ("for resource", lease.holder.clone()),
        ("attributes", object(&lease.attributes)),
        ("labels", pairs(&lease.labels)),
        ("only blueprint", lease.blueprint.clone()),
        ("or else", or_else(lease)),
        ("in set", lease.set.clone()),
        ("priority", Some(lease.priority.to_string()).filter(|_| lease.priority != 0)),
        ("asked", at(now, Some(lease.asked_at))),
        ("acquired", at(now, lease.acquired_at)),
        ("active", at(now, lease.active_at)),
        ("waits until", at(now, lease.timeout_at).filter(|_| lease.active_at.is_none())),
        ("ends", at(now, lease.until).filter(|_| lease.ended_at.is_none())),
        ("ended", at(now, lease.ended_at)),
        ("tied", lease.tied.then(|| "yes: it ends with its client, unless it is kept".to_owned())),
        ("ends without a beat for", lease.heartbeat_ms.map(span)),
        ("ends without use for", lease.idle_timeout_ms.map(span)),
        ("resource", lease.resource.clone()),
        ("place", lease.place.clone()),
        ("fence", lease.fence.map(|fence| fence.to_string())),
        ("access", access),
        ("directory", handout.directory),
        ("environment", Some(environment.join(" ")).filter(|text| !text.is_empty())),
        ("url", handout.url),
    ]
}

/// What else it takes, and what of that it has.
fn or_else(lease: &LeaseView) -> Option<String> {
    let shown = |(i, other): (usize, &Otherwise)| {
        let text = serde_json::to_string(other).unwrap_or_default();
        if lease.choice == Some(i as i64 + 1) { format!("{text} (this is what it has)") } else { text }
    };
    let all: Vec<String> = lease.otherwise.iter().enumerate().map(shown).collect();
    Some(all.join(" or else ")).filter(|text| !text.is_empty())
}

fn resource_facts(resource: &ResourceView, now: i64) -> Facts {
    vec![
        ("resource", Some(resource.id.clone())),
        ("name", Some(resource.name.clone())),
        ("type", Some(resource.kind.clone())),
        ("blueprint", Some(resource.blueprint.clone())),
        ("status", Some(resource_status(resource))),
        ("reason", resource.reason.clone()),
        ("out of use", resource.sick.clone()),
        ("drained", resource.drained.clone()),
        ("note", resource.note.clone()),
        ("tries", Some(resource.attempt.to_string()).filter(|_| resource.attempt > 0)),
        ("shares", Some(format!("{} of {} taken", resource.used, resource.shares))),
        ("attributes", object(&resource.attributes)),
        ("labels", pairs(&resource.labels)),
        ("made", at(now, Some(resource.created_at))),
        ("idle since", at(now, resource.idle_since)),
        ("ended", at(now, resource.ended_at)),
        ("made with", Some(format!("configuration revision {}, plugin {}", resource.revision, resource.digest))),
    ]
}

fn place_facts(place: &PlaceView, now: i64) -> Facts {
    vec![
        ("place", Some(place.id.clone())),
        ("status", Some(place.status.to_string())),
        ("share", Some(place.share.to_string())),
        ("note", place.note.clone()),
        ("tries", Some(place.attempt.to_string()).filter(|_| place.attempt > 0)),
        ("since", at(now, Some(place.created_at))),
    ]
}

fn at(now: i64, moment: Option<i64>) -> Option<String> {
    moment.map(|moment| format!("{} ({})", relative(now, moment), clock(moment)))
}

fn object(map: &Map<String, Value>) -> Option<String> {
    (!map.is_empty()).then(|| Value::Object(map.clone()).to_string())
}

fn pairs(labels: &Labels) -> Option<String> {
    let list: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    (!list.is_empty()).then(|| list.join(" "))
}

fn slot_text(slot: &SlotView) -> String {
    match (slot.amount, slot.limit) {
        (Some(amount), Some(limit)) => format!("{} {amount} of {limit}", slot.key),
        _ => slot.key.clone(),
    }
}

fn slots(title: &str, list: &[SlotView], width: Option<u16>) -> String {
    if list.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> = list
        .iter()
        .map(|slot| {
            let amount = match (slot.amount, slot.limit) {
                (Some(amount), Some(limit)) => format!("{amount} of {limit}"),
                _ => String::new(),
            };
            vec![slot.key.clone(), amount, slot.space.clone()]
        })
        .collect();
    section(title, &table(&["SLOT", "AMOUNT", "NAME SPACE"], &rows, width))
}

fn leftovers(list: &[LeftoverView], now: i64, width: Option<u16>) -> String {
    if list.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> = list
        .iter()
        .map(|leftover| {
            vec![
                leftover.place.clone(),
                leftover.lease.clone(),
                leftover.slot.as_ref().map(|slot| slot.key.clone()).unwrap_or_default(),
                relative(now, leftover.at),
                leftover.reason.clone(),
            ]
        })
        .collect();
    section(
        "Leftovers (cleared when their slot is next opened)",
        &table(&["PLACE", "LEASE", "SLOT", "SINCE", "REASON"], &rows, width),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    #[test]
    fn a_lease_is_shown_with_its_slots_and_leftovers() {
        let detail: LeaseDetailView = from_value(json!({
            "lease": {
                "id": "l-1", "type": "host", "owner": "ci", "status": "active", "wanted": "keep", "asked_at": 1_000,
                "active_at": 3_000, "until": 63_000, "resource": "r-1", "place": "p-1", "attributes": {"gb": 5},
                "labels": {"os": "linux"}, "tag": "1",
                "handout": {
                    "access": {"ssh": {"host": "::1", "port": 22, "user": "root", "credential": "lab", "platform": "posix"}},
                    "directory": "/srv/p-1", "environment": {"A": "b\nc"},
                },
            },
            "resource": {
                "id": "r-1", "type": "host", "blueprint": "lab", "name": "alpha", "status": "active", "wanted": "end",
                "attributes": {}, "labels": {}, "slots": [{"space": "lab", "key": "host/alpha"}], "used": 1, "shares": 2,
                "attempt": 0, "created_at": 500, "digest": "abcd", "revision": 7,
            },
            "place": {
                "id": "p-1", "lease": "l-1", "resource": "r-1", "blueprint": "lab", "status": "held", "share": 1,
                "slots": [{"space": "lab", "key": "gb", "amount": 5, "limit": 50}], "attempt": 2, "created_at": 2_000,
            },
            "leftovers": [{
                "place": "p-0", "lease": "l-0", "resource": "r-0", "reason": "the host was dead", "at": 0,
                "slot": {"space": "lab", "key": "host/alpha"},
            }],
        }))
        .unwrap();
        let page = lease_page(&detail, 4_000, None);
        for line in [
            "lease        l-1",
            "labels       os=linux",
            "attributes   {\"gb\":5}",
            "active       1 s ago (1970-01-01T00:00:03.000Z)",
            "ends         in 59 s (1970-01-01T00:01:03.000Z)",
            "access       ssh root@::1 port 22 (credential lab)",
            "environment  A=b\\nc",
            "status     active (closing)",
            "shares     1 of 2 taken",
            "made with  configuration revision 7, plugin abcd",
            "host/alpha  lab",
            "tries   2",
            "gb    5 of 50  lab",
            "p-0    l-0    host/alpha  4 s ago  the host was dead",
        ] {
            assert!(page.lines().any(|printed| printed == line), "{line:?} is missing in:\n{page}");
        }
        assert!(!page.contains("waits until") && !page.contains("url"), "{page}");
    }
}
