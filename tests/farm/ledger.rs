//! What the clients wrote down, against what the daemon has in its log.

use crate::house::House;
use crate::house::wait_for;
use crate::visitor::Stay;
use drydock::api::types::EventView;
use drydock_core::model::status::{LeaseStatus, Subject};
use std::collections::{BTreeMap, BTreeSet};

/// Waits until every lease is over, and compares: every client was served once, alone, and nothing is left anywhere.
pub async fn settle(house: &House, stays: &[Stay]) {
    let client = house.client();
    wait_for("every lease is destroyed", async || {
        client.leases().await.iter().all(|lease| lease.status == LeaseStatus::Destroyed)
    })
    .await;
    assert_alone(stays);
    let leases = client.leases().await;
    assert_eq!(leases.len(), stays.len(), "each was asked for once");
    let events = client.events().await;
    for stay in stays {
        assert_logged(stay, &events);
    }
    assert_one_place_each(&events);
    client.assert_sound().await;
    for resource in client.resources().await.resources {
        assert_eq!(resource.used, 0, "{resource:#?}");
    }
    assert_eq!(house.left(), [] as [std::path::PathBuf; 0], "nothing is left on any host");
}

/// By the clients' own clocks, no two were on one host, and by their fencing epochs they came in the same order.
fn assert_alone(stays: &[Stay]) {
    let mut hosts: BTreeMap<&str, Vec<&Stay>> = BTreeMap::new();
    for stay in stays {
        hosts.entry(stay.host()).or_default().push(stay);
    }
    for guests in hosts.values_mut() {
        guests.sort_by_key(|stay| stay.entered);
        for pair in guests.windows(2) {
            assert!(pair[0].left <= pair[1].entered, "both at once: {pair:#?}");
            assert!(pair[0].fence < pair[1].fence, "who came later has no higher fencing epoch: {pair:#?}");
        }
    }
    let directories: BTreeSet<&str> = stays.iter().map(|stay| stay.directory.as_str()).collect();
    assert_eq!(directories.len(), stays.len(), "no directory was given twice");
}

/// What was acknowledged is in the log, once and in order.
fn assert_logged(stay: &Stay, events: &[EventView]) {
    let of_lease: Vec<&EventView> =
        events.iter().filter(|e| e.subject == Subject::Lease && e.id == stay.lease && e.was != e.now).collect();
    let path: Vec<&str> = of_lease.iter().map(|event| event.now.as_str()).collect();
    assert_eq!(path.first(), Some(&"pending"), "{stay:?}: {path:?}");
    assert!(path.ends_with(&["acquired", "active", "released", "destroyed"]), "{stay:?}: {path:?}");
    let count = |status: &str| path.iter().filter(|now| **now == status).count();
    assert_eq!((count("active"), count("released")), (1, 1), "{stay:?}: {path:?}");
    let active = of_lease.iter().find(|event| event.now == "active").expect("counted above");
    assert_eq!(active.resource.as_deref(), Some(stay.resource.as_str()), "{stay:?}");
    let place = stay.directory.rsplit('/').next().expect("a name");
    let given =
        events.iter().find(|event| event.subject == Subject::Place && event.id == place && event.was.is_empty());
    let given = given.unwrap_or_else(|| panic!("{stay:?}: its place is not in the log"));
    assert_eq!(given.lease.as_deref(), Some(stay.lease.as_str()), "{stay:?}");
}

/// By the log, each resource had one place at a time.
fn assert_one_place_each(events: &[EventView]) {
    let mut on: BTreeMap<&str, &str> = BTreeMap::new();
    for event in events.iter().filter(|event| event.subject == Subject::Place) {
        let resource = event.resource.as_deref().expect("a place is on a resource");
        if event.was.is_empty() {
            let before = on.insert(resource, &event.id);
            assert_eq!(before, None, "a second place on {resource}: {event:#?}");
        } else if event.now == "gone" {
            assert_eq!(on.remove(resource), Some(event.id.as_str()), "{event:#?}");
        }
    }
    assert!(on.is_empty(), "places that are not gone: {on:?}");
}
