//! Services of the configuration.

use super::*;
use crate::config::Config;
use crate::rules;
use drydock_sdk::{Inventory, Slot, ThingState};

fn services() -> Value {
    let binding = |device: &str, address: &str, more: Value| {
        let mut binding = json!({
            "device": { "name": device, "properties": { "os": "debian", "cores": 4 } },
            "interface": { "network": "lab", "address": address }
        });
        if let (Some(binding), Value::Object(more)) = (binding.as_object_mut(), more) {
            binding.extend(more);
        }
        binding
    };
    json!({ "services": [
        { "name": "pool", "type": "drydock.pool", "properties": { "tier": "gold" }, "bindings": [
            binding("h1", "192.0.2.1", json!({ "properties": { "os": "fedora" } })),
            binding("h2", "192.0.2.2", json!({ "disabled": true })),
        ] },
        { "name": "old", "disabled": true, "bindings": [binding("h3", "192.0.2.3", json!({}))] },
    ] })
}

#[test]
fn what_is_listed_is_proposed() {
    let b = blueprint(services());
    let list = allocate(&b, &request(json!({}), &[]), World::default()).expect("one");
    assert_eq!(names(&list), ["h1"]);
    assert_eq!(list[0].slots, [Slot::named("binding/pool/h1/192.0.2.1:22")]);
    let labels = [
        ("almanac/device", "h1"),
        ("almanac/network", "lab"),
        ("almanac/service", "pool"),
        ("property/cores", "4"),
        ("property/os", "fedora"),
        ("property/tier", "gold"),
    ];
    let expected = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(list[0].labels.clone().into_iter().collect::<Vec<_>>(), expected);
    assert_eq!(list[0].attributes.port, 22);

    let taken = World { taken: vec!["binding/pool/h1/192.0.2.1:22".to_owned()], sight: None };
    match allocate(&b, &request(json!({}), &[]), taken).err() {
        Some(Refusal::Full { reason, .. }) => assert_eq!(reason, "no binding is free of the 1 that could serve it"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_disabled_takes_nothing_new() {
    let b = blueprint(services());
    let r = request(json!({ "device": "h2" }), &[]);
    assert!(Almanac::consider(&b, &r).is_ok(), "it may be enabled again");
    let why = not_now(allocate(&b, &r, World::default()));
    assert_eq!(why, "the only binding that could serve it takes nothing new: the binding of pool to h2 is disabled");
}

#[test]
fn what_no_binding_has_is_named() {
    let b = blueprint(services());
    for (attributes, labels, expected) in [
        (json!({ "device": "h9" }), vec![], "none of its bindings has the device h9"),
        (json!({}), vec![("property/os", "beos")], "none of its bindings has the label property/os=beos"),
        (
            json!({ "device": "h2" }),
            vec![("property/os", "fedora")],
            "none of its bindings has all of these at once: the device h2, the label property/os=fedora",
        ),
    ] {
        assert_eq!(never(Almanac::consider(&b, &request(attributes, &labels))), expected);
    }
    let none = blueprint(json!({ "services": [] }));
    assert_eq!(never(Almanac::consider(&none, &request(json!({}), &[]))), "its `services` have no binding");
}

#[test]
fn what_is_listed_is_the_inventory() {
    let b = blueprint(services());
    let (_, seen) = fake::with(World::default(), || Almanac::observe(&fake::context("k-1"), &b));
    let seen = seen.expect("a view");
    assert!(seen.complete);
    let states: Vec<_> = seen.things.iter().map(|thing| (thing.slot.as_deref().unwrap_or(""), &thing.state)).collect();
    let leaving = |why: &str| ThingState::Leaving(why.to_owned());
    assert_eq!(
        states,
        [
            ("binding/pool/h1/192.0.2.1:22", &ThingState::Present),
            ("binding/pool/h2/192.0.2.2:22", &leaving("the binding of pool to h2 is disabled")),
            ("binding/old/h3/192.0.2.3:22", &leaving("the service old is disabled")),
        ]
    );
}

#[test]
fn what_is_wrong_with_a_configuration_is_said() {
    let server = json!({ "uri": "https://x", "credential": "c" });
    let twice = json!({ "device": { "name": "h" }, "interface": { "address": "192.0.2.1" } });
    for (more, part) in [
        (json!({}), "neither `services` nor `conduit`"),
        (json!({ "services": [], "conduit": server }), "both `services` and `conduit`"),
        (json!({ "services": [{ "name": "a" }, { "name": "a" }] }), "`services` has a twice"),
        (json!({ "services": [{ "name": "a", "bindings": [twice, twice] }] }), "the device h in a twice"),
        (json!({ "services": [], "path": "srv" }), "its `path`, srv, is none of a POSIX system"),
        (json!({ "services": [], "platform": "windows", "path": r"C:\x", "shares": 2 }), "its `shares` can only be 1"),
    ] {
        let mut config = json!({ "user": "u", "credential": "c" });
        if let (Some(config), Value::Object(more)) = (config.as_object_mut(), more) {
            config.extend(more);
        }
        let config: Config = serde_json::from_value(config).expect("well formed");
        let why = rules::check(&config).expect_err(part);
        assert!(why.contains(part), "{part:?} is not in {why:?}");
    }
    assert!(serde_json::from_value::<Config>(json!({ "user": "u", "credential": "c", "hosts": [] })).is_err());
}
