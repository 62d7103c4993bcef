//! A blueprint whose resources lease what they stand on.

use crate::house::House;
use crate::{eventually, guests, run};
use serde_json::Value;
use std::io::Write;

/// Hosts, and trays on them, one on each.
async fn with_trays(hosts: usize, grants: &str) -> House {
    let mut house = House::prepare(hosts);
    let plugin = house.path("trays.wasm");
    std::fs::write(&plugin, guests::bytes("trays")).unwrap();
    let mut config = std::fs::OpenOptions::new().append(true).open(house.path("drydock.toml")).unwrap();
    write!(config, "\n[[blueprint]]\nname = \"trays\"\nplugin = {plugin:?}\ngrants = {grants}\n").unwrap();
    house.start().await;
    house
}

const GRANTS: &str = r#"["leases:host", "commands:ssh"]"#;

fn lease(house: &House, kind: &str) -> String {
    run(house, &["lease", "--type", kind, "--timeout", "2m"]).ok().trim().to_owned()
}

fn leases(house: &House) -> Vec<Value> {
    run(house, &["leases", "--json"]).json()["leases"].as_array().unwrap().clone()
}

#[tokio::test]
async fn commands_run_on_what_a_tray_stands_on_and_nothing_is_left() {
    let mut house = with_trays(1, GRANTS).await;
    let tray = lease(&house, "tray");
    let nested = leases(&house).into_iter().find(|lease| lease["id"] != tray.as_str()).unwrap();
    let held = run(&house, &["show", &tray, "--json"]).json();
    assert_eq!(nested["holder"], held["resource"]["id"]);
    let log = run(&house, &["log", held["resource"]["id"].as_str().unwrap()]).ok();
    assert!(!log.contains("gave no answer"), "it waited for its nested lease, and for nothing else: {log}");
    run(&house, &["command", &tray, "--", "sh", "-c", "echo there > file"]).ok();
    assert_eq!(run(&house, &["command", &tray, "--", "cat", "file"]).ok(), "there\n");
    let page = run(&house, &["show", nested["id"].as_str().unwrap()]).ok();
    let holder = held["resource"]["id"].as_str().unwrap();
    assert!(page.lines().any(|line| line.starts_with("for resource ") && line.ends_with(holder)), "{page}");

    // The one host is under the tray, and comes free when nobody is on that any more.
    run(&house, &["lease", "--type", "host", "--timeout", "300ms"]).failed(4, "not active in time");
    house.kill();
    house.start().await;
    run(&house, &["release", &tray]).ok();
    let host = lease(&house, "host");
    assert_eq!(leases(&house).len(), 1);
    run(&house, &["release", &host]).ok();
    eventually(|| leases(&house).is_empty() && house.left().is_empty());
    assert_eq!(run(&house, &["check"]).ok(), "every rule holds\n");
}

#[tokio::test]
async fn a_tray_falls_with_its_host() {
    let house = with_trays(2, GRANTS).await;
    let tray = lease(&house, "tray");
    let nested = leases(&house).into_iter().find(|lease| lease["id"] != tray.as_str()).unwrap();
    run(&house, &["release", nested["id"].as_str().unwrap()]).ok();
    eventually(|| run(&house, &["why", &tray]).ok().contains("which it stands on, ended (released)"));
    eventually(|| leases(&house).is_empty() && house.left().is_empty());
    assert_eq!(run(&house, &["check"]).ok(), "every rule holds\n");
}

#[tokio::test]
async fn what_is_not_granted_is_named() {
    let house = with_trays(1, r#"["commands:ssh"]"#).await;
    let tray = run(&house, &["lease", "--type", "tray", "--no-wait"]).ok().trim().to_owned();
    eventually(|| run(&house, &["why", &tray]).ok().contains(r#"grants = ["commands:ssh", "leases:host"]"#));
    assert_eq!(leases(&house).len(), 1, "nothing was leased for it");
}
