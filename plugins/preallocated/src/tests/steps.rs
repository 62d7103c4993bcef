//! Each step, tried on real directories and cut off at each of its calls; and what is stored.

use super::*;
use drydock_sdk::{Access, serde_json};

#[test]
fn every_step_may_be_cut_off_and_made_again() {
    let host = |path: &std::path::Path| {
        let b = blueprint(json!([{ "name": "one", "local": true, "path": path }]));
        let on = resource(&b);
        (b, on)
    };
    fake::Lender::<Preallocated, _>::new(Access::Local, host).try_every_step();
}

#[test]
fn attributes_that_an_earlier_version_has_stored_are_read() {
    let stored = json!({
        "host": "one", "platform": "posix", "path": "/srv",
        "reach": { "ssh": { "address": "192.0.2.1", "port": 22, "user": "u", "credential": "c" } }
    });
    let read: Attributes = serde_json::from_value(stored.clone()).expect("read");
    assert_eq!(serde_json::to_value(&read).expect("written"), stored);
    let local: Attributes =
        serde_json::from_value(json!({ "host": "one", "platform": "posix", "reach": "local" })).expect("read");
    assert_eq!(local.access(), Access::Local);
}
