//! What is decided, and what a configuration may be.

use super::proxy::Proxy;
use super::world::{Kept, blueprint};
use crate::Ec2;
use crate::config::Config;
use crate::tags::token;
use drydock_sdk::serde_json::{self, Value, json};
use drydock_sdk::{Labels, Plugin, Refusal, fake};

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

#[test]
fn a_request_is_served_by_its_labels_and_its_platform() {
    let proxy = Proxy::start();
    let b = blueprint(&proxy, json!({ "labels": { "arch": "arm64" }, "platform": "windows", "path": r"C:\work" }));
    for (attributes, wanted, missing) in [
        (json!({}), labels(&[]), None),
        (json!({ "platform": "windows" }), labels(&[("arch", "arm64"), ("ec2/type", "t3.micro")]), None),
        (json!({ "platform": "posix" }), labels(&[]), Some("the platform posix")),
        (json!({}), labels(&[("arch", "x86")]), Some("the label arch=x86")),
        (json!({}), labels(&[("gpu", "yes")]), Some("the label gpu=yes")),
    ] {
        let r = fake::request(attributes, wanted.clone());
        match (Ec2::consider(&b, &r), missing) {
            (Ok(needs), None) => {
                let made = &Ec2::allocate(&b, &r).expect("allocated")[0];
                for label in needs.labels.iter().chain(&wanted) {
                    assert_eq!(made.labels.get(label.0), Some(label.1));
                }
                assert_eq!(made.limit, Some(1), "on Windows, all leases would get the same directory");
                let mut on = fake::resource("r-1", made.attributes.clone());
                assert!(
                    Ec2::acquire(&b, &on, &r).is_ok_and(|how| how.ready.is_none() && how.share == 1)
                        || wanted != on.labels
                );
                on.labels = made.labels.clone();
                assert!(Ec2::acquire(&b, &on, &r).is_ok_and(|how| how.ready.is_none()), "it has no address yet");
            }
            (Err(Refusal::Never(why)), Some(missing)) => assert!(why.contains(missing), "{why}"),
            (answer, _) => panic!("{answer:?}"),
        }
    }
}

#[test]
fn names_of_resources_follow_from_the_seed() {
    let proxy = Proxy::start();
    let mut b = blueprint(&proxy, json!({ "shares": 4 }));
    let mut name = |seed| {
        b.seed = seed;
        let made = Ec2::allocate(&b, &fake::request(json!({}), Labels::new())).expect("allocated").remove(0);
        assert_eq!(made.limit, Some(4));
        made.name
    };
    assert_eq!(name(1), name(1));
    assert_ne!(name(1), name(2));
}

#[test]
fn a_launch_has_a_token_of_its_own() {
    assert_eq!(token("here", "r-1"), token("here", "r-1"));
    assert_ne!(token("here", "r-1"), token("here", "r-2"));
    assert_ne!(token("here", "r-1"), token("there", "r-1"));
    assert_eq!(token("here", "r-1").len(), 64);
}

#[test]
fn attributes_hold_what_is_needed_to_find_it_again() {
    let proxy = Proxy::start();
    let b = blueprint(&proxy, json!({ "path": "/srv" }));
    let written = serde_json::to_value(Kept::new(&b, "r-1").attributes()).expect("JSON");
    let read: crate::attributes::Attributes = serde_json::from_value(written.clone()).expect("read back");
    assert_eq!(serde_json::to_value(read).expect("JSON"), written);
    assert_eq!((&written["region"], &written["credential"]), (&json!("eu-central-1"), &json!("cloud")));
    assert_eq!(written.get("instance"), None, "what is not known yet can be added later");
}

#[test]
fn a_configuration_is_checked() {
    let whole = |more: Value| {
        let mut config = json!({
            "region": "eu-central-1", "credential": "cloud", "image": "ami-1", "instance_type": "t3.micro", "key": "k", "user": "u",
        });
        config.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        serde_json::from_value::<Config>(config)
            .map_err(|error| error.to_string())
            .and_then(|config| config.check().map(|()| config))
    };
    assert!(!whole(json!({})).expect("it is whole").spot.is_on());
    assert!(!whole(json!({ "spot": false })).expect("it is whole").spot.is_on());
    assert_eq!(whole(json!({ "spot": { "max_price": "0.1" } })).expect("it is whole").spot.max_price(), Some("0.1"));
    for (more, part) in [
        (json!({ "path": "work" }), "begins with /"),
        (json!({ "tags": { "drydock:resource": "x" } }), "drydock:resource"),
        (json!({ "tags": { "aws:x": "x" } }), "aws:x"),
        (json!({ "labels": { "ec2/type": "x" } }), "ec2/type"),
        (json!({ "unknown": 1 }), "unknown"),
        (json!({ "spot": { "maximum": 1 } }), "Spot"),
    ] {
        let why = whole(more).expect_err(part);
        assert!(why.contains(part), "{why}");
    }
}
