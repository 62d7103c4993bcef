//! What comes in wrong: the error names what is wrong with what, and nothing is changed.

use crate::house::House;
use crate::house::client::Trouble;
use drydock::api::types::{ErrorKind, LeaseView};
use serde_json::{Value, json};
use std::fs;

#[tokio::test]
async fn wrong_flags_name_what_is_wrong_with_them() {
    let house = House::with_hosts(1).await;
    let cases: [(&[&str], &[&str]); 12] = [
        (&["lease"], &["--type"]),
        (&["lease", "--type", ""], &["--type"]),
        (&["lease", "--type", "hsot"], &["no blueprint makes", "hsot", "host"]),
        (&["lease", "--type", "ho\u{1b}[31mst"], &["type", "control character"]),
        (&["lease", "--type", "host", "--blueprint", "nope"], &["nope", "lab"]),
        (&["lease", "--type", "host", "--owner", "a\nb"], &["owner", "control character"]),
        (&["lease", "--type", "host", "--key", "a\u{7f}"], &["key", "control character"]),
        (&["lease", "--type", "host", "-a", "hots=h1"], &["attributes", "hots"]),
        (&["lease", "--type", "host", "-a", "host=a\u{7}b"], &["attributes.host", "control character"]),
        (&["lease", "--type", "host", "--label", "a b=c"], &["labels", "a b"]),
        (&["lease", "--type", "host", "--until", "soon"], &["--until", "soon"]),
        (&["lease", "--type", "host", "--timeout=-3s"], &["--timeout", "-3s"]),
    ];
    for (arguments, parts) in cases {
        let ran = house.run(arguments);
        ran.assert_failed(2, parts);
        assert!(ran.stdout.is_empty(), "{ran:#?}");
        assert!(!ran.stderr.chars().any(|c| c.is_control() && c != '\n'), "{ran:#?}");
    }
    assert_eq!(house.client().leases().await, []);
    assert!(house.client().events().await.iter().all(|event| event.lease.is_none()));
}

#[tokio::test]
async fn what_no_host_can_ever_serve_breaks_with_the_reason() {
    let house = House::with_hosts(1).await;
    let ran = house.run(&["lease", "--type", "host", "-a", "host=h9"]);
    ran.assert_failed(3, &["the name h9", "lab"]);
    let ran = house.run(&["lease", "--type", "host", "--label", "os=plan9"]);
    ran.assert_failed(3, &["the label os=plan9"]);
    house.assert_clean().await;
}

#[tokio::test]
async fn wrong_bodies_name_the_field() {
    let house = House::with_hosts(1).await;
    let client = house.client();
    let refused = async |body: &Value| match client.post::<LeaseView>("/v1/leases", body).await {
        Err(Trouble::Refused(error)) => error,
        other => panic!("{other:?}"),
    };
    let much = "x".repeat(100 * 1024 * 1024);
    let error = refused(&json!({ "type": "host", "attributes": { "host": much } })).await;
    assert_eq!(error.kind, ErrorKind::TooLarge, "{error:?}");
    let mut deep = json!(1);
    for _ in 0..100 {
        deep = json!([deep]);
    }
    for (body, field) in [
        (json!({ "type": "host", "atributes": {} }), "atributes"),
        (json!({ "type": 3 }), "type"),
        (json!({ "type": "host", "attributes": { "host": 7 } }), "attributes.host"),
        (json!({ "type": "host", "attributes": { "host": "a\u{0}" } }), "attributes.host"),
        (json!({ "type": "host", "attributes": { "host": deep } }), "attributes.host"),
        (json!({ "type": "host", "timeout_ms": -1 }), "timeout_ms"),
        (json!({ "type": "host", "until": 1 }), "until"),
        (json!({ "type": "host", "labels": { "os": "x".repeat(256) } }), "labels.os"),
    ] {
        let error = refused(&body).await;
        assert_eq!(error.kind, ErrorKind::Invalid, "{error:?}");
        let named = error.field.as_deref() == Some(field) || error.message.contains(field);
        assert!(named, "{field:?} is not named: {error:?}");
    }
    assert_eq!(client.leases().await, []);
}

#[test]
fn a_wrong_configuration_is_named_with_its_line_and_starts_nothing() {
    let house = House::prepare(1);
    let good = fs::read_to_string(house.path("drydock.toml")).expect("the configuration");
    let config = house.path("drydock.toml");
    let config = config.to_str().expect("a path that is text");
    let first = format!("{config}:1: ");
    fs::write(house.path("notes.wasm"), "buy milk\n").expect("a file");
    for (text, parts) in [
        (format!("stoer = 1\n{good}"), vec![first.as_str(), "stoer"]),
        (good.replace("\"preallocated\"", "\"notes.wasm\""), vec!["blueprint \"lab\", plugin: ", "notes.wasm"]),
        (good.replace("user = ", "usr = "), vec!["blueprint \"lab\", config.hosts[0]", "usr"]),
        (good.replace("commands:ssh", "commands:shh"), vec!["blueprint \"lab\", grants", "commands:shh"]),
    ] {
        assert_ne!(text, good, "the case changes something");
        fs::write(house.path("drydock.toml"), text).expect("the configuration");
        let ran = house.run(&["serve", "--config", config]);
        ran.assert_failed(2, &parts);
        assert!(!house.socket().exists());
    }
}
