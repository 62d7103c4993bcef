//! Decisions from a view.

use super::*;
use crate::binding::{Binding, Seen};
use drydock_sdk::{Needs, Resource, Slot, Thing, ThingState};
use std::time::Duration;

const URI: &str = "https://phorge.example.org";

fn thing(number: u32, service: &str, labels: &[(&str, &str)]) -> Thing {
    let seen = Seen {
        service: service.to_owned(),
        kind: Some("drydock.pool".to_owned()),
        phid: Some(format!("PHID-ASRV-{service}")),
        device: format!("h{number}"),
        network: Some("lab".to_owned()),
        address: "192.0.2.1".to_owned(),
        port: 2222,
    };
    let properties = labels.iter().map(|&(key, value)| (key.to_owned(), json!(value))).collect();
    let none = Default::default();
    let labels = crate::binding::labels(&seen, &none, &properties, &none);
    let (id, slot) = (format!("PHID-ABND-{number}"), format!("binding/PHID-ABND-{number}"));
    Binding { id, slot, seen, labels, leaving: None }.thing()
}

fn world(things: Vec<Thing>, age: u64) -> World {
    let sight = Sight { things, age: Duration::from_secs(age), complete: true };
    World { sight: Some(sight), taken: Vec::new() }
}

fn with(key: &str, value: Value) -> Blueprint<Almanac> {
    let mut config = conduit(URI);
    config["conduit"][key] = value;
    blueprint(config)
}

#[test]
fn what_is_seen_is_proposed_and_acquired() {
    let mut config = conduit(URI);
    config["path"] = json!("/srv/drydock");
    config["shares"] = json!(3);
    let b = blueprint(config);
    let things = || vec![thing(1, "a", &[("os", "debian")]), thing(2, "a", &[("os", "fedora")]), thing(3, "b", &[])];
    for (attributes, labels, expected) in [
        (json!({}), vec![], vec!["h1", "h2", "h3"]),
        (json!({ "service": "a" }), vec![], vec!["h1", "h2"]),
        (json!({ "device": "h3", "network": "lab" }), vec![], vec!["h3"]),
        (json!({}), vec![("property/os", "debian")], vec!["h1"]),
    ] {
        let r = request(attributes, &labels);
        let needs = Almanac::consider(&b, &r).expect("needs");
        let list = allocate(&b, &r, world(things(), 40)).expect("allocations");
        assert_eq!(names(&list), expected);
        for allocation in list {
            assert!(needs.labels.iter().all(|(key, value)| allocation.labels.get(key) == Some(value)));
            let slot = format!("binding/{}", allocation.attributes.binding);
            assert_eq!((&allocation.slots[..], allocation.limit), (&[Slot::named(slot)][..], Some(3)));
            let on = Resource { labels: allocation.labels, ..fake::resource("r-1", allocation.attributes) };
            assert!(Almanac::acquire(&b, &on, &r).is_ok_and(|acquisition| acquisition.ready.is_none()));
        }
    }
    assert_eq!(Almanac::consider(&b, &request(json!({}), &[])).ok(), Some(Needs::default()));
}

#[test]
fn the_address_is_the_interfaces_and_the_port_may_be_another() {
    let r = request(json!({}), &[]);
    let port = |more: Value| {
        let mut config = conduit(URI);
        config["port"] = more;
        let list = allocate(&blueprint(config), &r, world(vec![thing(1, "a", &[])], 0)).expect("an allocation");
        (list[0].attributes.address.clone(), list[0].attributes.port)
    };
    assert_eq!(port(json!(null)), ("192.0.2.1".to_owned(), 2222));
    assert_eq!(port(json!(22)), ("192.0.2.1".to_owned(), 22));
}

#[test]
fn before_anything_is_seen_all_wait() {
    let why = not_now(allocate(&blueprint(conduit(URI)), &request(json!({}), &[]), World::default()));
    assert_eq!(why, "nothing is known of the Almanac at https://phorge.example.org yet");
}

#[test]
fn who_waits_is_told_how_old_the_view_is() {
    let b = blueprint(conduit(URI));
    let r = request(json!({ "service": "z" }), &[]);
    for (age, part) in [(0, "a moment"), (40, "40 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h")]
    {
        let why = not_now(allocate(&b, &r, world(vec![thing(1, "a", &[])], age)));
        assert_eq!(why, format!("no binding has all of this: the service z, as seen {part} ago"));
    }
    let why = not_now(allocate(&b, &request(json!({}), &[]), world(vec![], 40)));
    assert_eq!(why, "there is no binding, as seen 40 s ago");

    let mut all = world(vec![thing(1, "a", &[]), thing(2, "a", &[])], 40);
    all.taken = vec!["binding/PHID-ABND-1".to_owned(), "binding/PHID-ABND-2".to_owned()];
    match allocate(&b, &request(json!({}), &[]), all).err() {
        Some(Refusal::Full { mut slots, reason, .. }) => {
            slots.sort();
            assert_eq!(slots, ["binding/PHID-ABND-1", "binding/PHID-ABND-2"]);
            assert_eq!(reason, "no binding is free of the 2 that could serve it, as seen 40 s ago");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_leaving_takes_nothing_new() {
    let b = blueprint(conduit(URI));
    let r = request(json!({}), &[]);
    let leaving = |number| thing(number, "a", &[]).state(ThingState::Leaving("the device x is disabled".to_owned()));
    let list = allocate(&b, &r, world(vec![leaving(1), thing(2, "a", &[])], 5)).expect("the other");
    assert_eq!(names(&list), ["h2"]);
    let why = not_now(allocate(&b, &r, world(vec![leaving(1)], 5)));
    assert_eq!(
        why,
        "the only binding that could serve it takes nothing new: the device x is disabled, as seen 5 s ago"
    );
    let gone = thing(2, "a", &[]).state(ThingState::Gone("it burnt".to_owned()));
    let why = not_now(allocate(&b, &r, world(vec![leaving(1), gone], 5)));
    assert!(why.starts_with("none of the 2 bindings") && why.ends_with("is disabled, as seen 5 s ago"), "{why}");
}

#[test]
fn a_taken_binding_is_not_proposed_and_the_order_is_the_seeds() {
    let mut b = blueprint(conduit(URI));
    let r = request(json!({}), &[]);
    let things = || (0..200).map(|n| thing(n, "a", &[])).collect();
    let list = allocate(&b, &r, world(things(), 0)).expect("allocations");
    assert_eq!(list.len(), 16);
    let order = |b: &Blueprint<Almanac>| -> Vec<String> {
        allocate(b, &r, world(things(), 0)).expect("allocations").into_iter().map(|one| one.name).collect()
    };
    let first = order(&b);
    assert_eq!(first, order(&b));
    b.seed += 1;
    assert_ne!(first, order(&b));

    let mut one = world(things(), 0);
    one.taken = (0..200).filter(|n| *n != 77).map(|n| format!("binding/PHID-ABND-{n}")).collect();
    assert_eq!(names(&allocate(&b, &r, one).expect("one is free")), ["h77"]);
}

#[test]
fn what_another_configuration_has_seen_is_not_proposed() {
    let r = request(json!({}), &[]);
    let things = || vec![thing(1, "pool.a", &[]), thing(2, "web.b", &[])];
    for (key, value) in [
        ("services", json!(["pool.a"])),
        ("prefixes", json!(["pool."])),
        ("phids", json!(["PHID-ASRV-pool"])),
        ("types", json!(["drydock.pool"])),
    ] {
        let answer = allocate(&with(key, value), &r, world(things(), 0));
        match key {
            "phids" => assert!(not_now(answer).starts_with("there is no binding")),
            "types" => assert_eq!(answer.expect("both").len(), 2),
            _ => assert_eq!(names(&answer.expect("one")), ["h1"]),
        }
    }
    let odd = vec![Thing::new("x").slot("binding/x"), thing(1, "a", &[])];
    assert_eq!(allocate(&blueprint(conduit(URI)), &r, world(odd, 0)).expect("one").len(), 1);
}

#[test]
fn what_can_never_be_served_is_known_from_the_configuration() {
    let b = with("services", json!(["a", "b"]));
    assert!(Almanac::consider(&b, &request(json!({ "service": "b" }), &[])).is_ok());
    for (attributes, labels) in [(json!({ "service": "c" }), vec![]), (json!({}), vec![("almanac/service", "c")])] {
        let why = never(Almanac::consider(&b, &request(attributes, &labels)));
        assert_eq!(why, "the service c is not among those of its `conduit`");
    }
    let b = with("prefixes", json!(["pool."]));
    assert!(Almanac::consider(&b, &request(json!({ "service": "pool.x" }), &[])).is_ok());
    assert!(Almanac::consider(&b, &request(json!({ "service": "web.x" }), &[])).is_err());

    let b = blueprint(conduit(URI));
    let why = never(Almanac::consider(&b, &request(json!({}), &[("os", "linux")])));
    assert!(why.starts_with("no host has the label os=linux: ") && why.contains("property/KEY"), "{why}");
    let why = never(Almanac::consider(&b, &request(json!({ "device": "a" }), &[("almanac/device", "b")])));
    assert_eq!(why, "no host has both the device a and the device b");
}

#[test]
fn a_host_without_what_is_asked_for_is_refused() {
    let b = blueprint(conduit(URI));
    let allocation = allocate(&b, &request(json!({}), &[]), world(vec![thing(1, "a", &[])], 0)).expect("one").remove(0);
    let on = Resource { labels: allocation.labels, ..fake::resource("r-1", allocation.attributes) };
    let why = never(Almanac::acquire(&b, &on, &request(json!({ "service": "b" }), &[])));
    assert_eq!(why, "r-1 has not the service b");
    let ready = Almanac::acquire(&b, &on, &request(json!({ "service": "a" }), &[])).expect("acquired").ready;
    assert!(ready.is_some_and(|handout| handout.directory.is_none()), "without a path there is nothing to set up");
}
