use super::*;
use crate::config::Config;
use crate::rules;
use drydock_sdk::{Access, Needs, Slot, serde_json};

fn ssh(name: &str, more: Value) -> Value {
    let mut host = json!({ "name": name, "user": "u", "credential": "c" });
    if let (Some(host), Value::Object(more)) = (host.as_object_mut(), more) {
        host.extend(more);
    }
    host
}

#[test]
fn what_is_found_by_its_labels_is_acquired() {
    let labels = json!({ "os": "linux" });
    let b = blueprint(json!([ssh("a", json!({ "labels": labels, "shares": 3 })), ssh("b", json!({}))]));
    for (attributes, labels) in
        [(json!({}), vec![("os", "linux")]), (json!({ "host": "a" }), vec![]), (json!({ "platform": "posix" }), vec![])]
    {
        let r = request(attributes, &labels);
        let needs = Preallocated::consider(&b, &r).expect("needs");
        let list = allocate(&b, &r, &[]).expect("allocations");
        for allocation in list {
            assert!(needs.labels.iter().all(|(key, value)| allocation.labels.get(key) == Some(value)));
            assert_eq!(allocation.slots, [Slot::named(format!("host/{}", allocation.name))]);
            let on = Resource { labels: allocation.labels, ..fake::resource("r-1", allocation.attributes) };
            assert!(Preallocated::acquire(&b, &on, &r).is_ok());
        }
    }
    assert_eq!(Preallocated::consider(&b, &request(json!({}), &[])).ok(), Some(Needs::default()));
    let on = resource(&blueprint(json!([ssh("b", json!({}))])));
    let refusal = Preallocated::acquire(&b, &on, &request(json!({ "host": "a" }), &[])).expect_err("another host");
    assert_eq!(refusal, Refusal::never("b has not the name a"));
}

#[test]
fn a_host_that_is_taken_is_not_proposed() {
    let b = blueprint(json!([ssh("a", json!({})), ssh("b", json!({}))]));
    let r = request(json!({}), &[]);
    let names: Vec<String> = allocate(&b, &r, &["host/a"]).expect("b").into_iter().map(|one| one.name).collect();
    assert_eq!(names, ["b"]);
    match allocate(&b, &r, &["host/a", "host/b"]).err() {
        Some(Refusal::Full { mut slots, .. }) => {
            slots.sort();
            assert_eq!(slots, ["host/a", "host/b"]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_host_that_weighs_more_is_proposed_first_more_often() {
    let light = (0..4).map(|i| ssh(&format!("light-{i}"), json!({})));
    let hosts: Vec<Value> = light.chain([ssh("heavy", json!({ "weight": 16 }))]).collect();
    let mut b = blueprint(json!(hosts));
    let mut heavy = 0;
    for seed in 0..200 {
        b.seed = seed;
        let list = allocate(&b, &request(json!({}), &[]), &[]).expect("all of them");
        assert_eq!(list.len(), 5);
        heavy += usize::from(list[0].name == "heavy");
    }
    // Four in five, of 200.
    assert!((140..=180).contains(&heavy), "{heavy}");
}

#[test]
fn on_windows_one_lease_gets_the_path_itself() {
    let b = blueprint(json!([ssh("w", json!({ "platform": "windows", "path": r"C:\work" }))]));
    let r = request(json!({}), &[]);
    let first = allocate(&b, &r, &[]).expect("w").remove(0);
    assert_eq!(first.limit, Some(1));
    let on = fake::resource("r-1", first.attributes);
    let ready = Preallocated::acquire(&b, &on, &r).expect("acquired").ready.expect("nothing to set up");
    assert_eq!(ready.directory.as_deref(), Some(r"C:\work"));
    assert!(matches!(ready.access, Access::Ssh(_)));
    // Without a path it may have as many as elsewhere.
    let b = blueprint(json!([ssh("w", json!({ "platform": "windows" }))]));
    assert_eq!(allocate(&b, &r, &[]).expect("w").remove(0).limit, None);
}

#[test]
fn what_is_wrong_with_a_configuration_is_said() {
    for (more, part) in [
        (json!({ "path": r"C:\work" }), "its `path`, C:\\work, is none of a POSIX system"),
        (json!({ "platform": "windows", "path": "/srv" }), "its `path`, /srv, is none of Windows"),
        (json!({ "platform": "windows", "path": r"C:\x", "shares": 2 }), "its `shares` can only be 1"),
    ] {
        let config: Config = serde_json::from_value(json!({ "hosts": [ssh("a", more)] })).expect("well formed");
        let why = rules::check(&config).expect_err(part);
        assert!(why.starts_with("the host a: ") && why.contains(part), "{why}");
    }
    let twice = json!({ "hosts": [ssh("a", json!({})), ssh("a", json!({}))] });
    let twice: Config = serde_json::from_value(twice).expect("well formed");
    assert!(rules::check(&twice).is_err_and(|why| why.contains("a twice")));
    for right in [json!({ "path": "/srv" }), json!({ "platform": "windows", "path": r"d:\x y", "shares": 1 })] {
        let config: Config = serde_json::from_value(json!({ "hosts": [ssh("a", right)] })).expect("well formed");
        assert_eq!(rules::check(&config), Ok(()));
    }
}
