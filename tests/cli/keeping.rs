//! What is there before anybody asks, what is closed by hand, and what does not answer.

use crate::applying::{config, with};
use crate::house::House;
use crate::{eventually, lease, run};
use serde_json::Value;
use std::fs::rename;

/// Hosts of which the blueprint says this, too.
async fn with_keys(hosts: usize, keys: &[(&str, i64)]) -> House {
    let mut house = House::prepare(hosts);
    with(&house, |blueprints| {
        let lab = blueprints[0].as_table_mut().unwrap();
        lab.extend(keys.iter().map(|(key, value)| ((*key).to_owned(), toml::Value::Integer(*value))));
    });
    house.start().await;
    house
}

fn resources(house: &House) -> Vec<Value> {
    run(house, &["resources", "--json"]).json()["resources"].as_array().unwrap().clone()
}

fn active(house: &House) -> Vec<String> {
    let active = resources(house).into_iter().filter(|resource| resource["status"] == "active");
    active.map(|resource| resource["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn as_many_as_are_to_be_kept_are_there_and_come_back() {
    let house = with_keys(3, &[("min_resources", 2)]).await;
    eventually(|| active(&house).len() == 2);
    let first = active(&house);
    let used = lease(&house, &[]);
    let on = run(&house, &["show", &used, "--json"]).json()["resource"]["id"].as_str().unwrap().to_owned();
    assert!(first.contains(&on), "it is lent like any other");
    let idle = first.iter().find(|id| **id != on).unwrap();

    let mean = ["reclaim", "--blueprint", "lab"];
    let refused = run(&house, &mean);
    refused.assert_failed(2, &["1 resource would be closed", "--yes", idle]);
    assert!(!refused.stderr.contains(&on));
    assert!(run(&house, &["reclaim", "--idle", "1h"]).stderr.contains("nothing was changed"));
    let closed = run(&house, &["reclaim", "--blueprint", "lab", "--yes", "--json", "--reason", "a new floor"]).json();
    assert_eq!((&closed[0]["id"], &closed[0]["reason"]), (&Value::from(idle.as_str()), &Value::from("a new floor")));
    assert_eq!(closed.as_array().unwrap().len(), 1);
    eventually(|| active(&house).len() == 2 && !active(&house).contains(idle));
    assert!(active(&house).contains(&on), "what is in use stays");

    run(&house, &["release", &used]).ok();
    eventually(|| run(&house, &["leases"]).ok() == "no leases\n" && house.left().is_empty());
    assert_eq!(run(&house, &["check"]).ok(), "every rule holds\n");
}

#[tokio::test]
async fn what_is_missing_is_said_with_what_is_in_the_way() {
    let house = with_keys(1, &[("min_resources", 2)]).await;
    let lacks = || run(&house, &["blueprints", "--json"]).json()["blueprints"][0]["lacks"].to_string();
    eventually(|| active(&house).len() == 1 && lacks() != "[]" && !lacks().contains("asked"));
    let page = run(&house, &["blueprints"]).ok();
    assert!(page.contains("fewer than the 2 that it keeps"), "{page}");
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_out_of_use_and_comes_back() {
    let house = with_keys(1, &[("check_every", 5)]).await;
    let first = lease(&house, &[]);
    let (path, away) = (house.host_path("h1"), house.path("away"));
    rename(&path, &away).unwrap();
    eventually(|| run(&house, &["resources"]).ok().contains("active (out of use)"));
    let resource = resources(&house).remove(0);
    let why = resource["sick"].as_str().unwrap();
    assert!(why.contains("h1") && why.contains("look at"), "{why}");
    assert_eq!(run(&house, &["show", &first, "--json"]).json()["lease"]["status"], "active", "who is on it stays");
    rename(&away, &path).unwrap();
    eventually(|| !run(&house, &["resources"]).ok().contains("out of use"));
    run(&house, &["release", &first]).ok();
    let second = lease(&house, &["--timeout", "60s"]);
    assert_eq!(run(&house, &["show", &second, "--json"]).json()["resource"]["id"], resource["id"]);
    let log = run(&house, &["log", resource["id"].as_str().unwrap()]).ok();
    for said in ["it is out of use: ", "it answers again"] {
        assert!(log.contains(said), "{said:?} is not in:\n{log}");
    }
    assert_eq!(run(&house, &["check"]).ok(), "every rule holds\n");
}

#[tokio::test]
async fn something_else_is_taken_where_the_best_is_not_to_be_had() {
    let house = House::with_hosts(2).await;
    let either = ["-a", "host=h1", "--else", r#"{"attributes": {"host": "h2"}}"#];
    let on = |lease: &str| run(&house, &["show", lease, "--json"]).json()["resource"]["name"].clone();
    let (first, second) = (lease(&house, &either), lease(&house, &either));
    assert_eq!((on(&first), on(&second)), (Value::from("h1"), Value::from("h2")));
    let page = run(&house, &["show", &second]).ok();
    let line = page.lines().find(|line| line.starts_with("or else")).unwrap();
    assert!(line.ends_with(r#"{"attributes":{"host":"h2"}} (this is what it has)"#), "{page}");

    let third = lease(&house, &[&either[..], &["--no-wait"]].concat());
    eventually(|| {
        let why = run(&house, &["why", &third]).ok();
        why.contains("host/h1") && why.contains("host/h2")
    });
    run(&house, &["release", &second]).ok();
    run(&house, &["wait", &third, "--timeout", "60s"]).ok();
    assert_eq!(on(&third), "h2");

    for (other, said) in [
        ("h2", "--else"),
        (r#"{"host": "h2"}"#, "there is no key `host` here"),
        (r#"{"attributes": {"colour": "red"}}"#, "otherwise[0].attributes"),
    ] {
        run(&house, &["lease", "--type", "host", "--no-wait", "--else", other]).failed(2, said);
    }
}

#[tokio::test]
async fn a_blueprint_with_another_name_keeps_what_it_has() {
    let house = House::with_hosts(2).await;
    let first = lease(&house, &[]);
    with(&house, |blueprints| {
        let lab = blueprints[0].as_table_mut().unwrap();
        lab.insert("name".to_owned(), "fleet".into());
        lab.insert("was".to_owned(), "lab".into());
    });
    let file = config(&house);
    let plan = "> blueprint fleet: was lab so far, and keeps its resource\n";
    assert_eq!(run(&house, &["apply", "--config", &file, "--dry-run"]).ok(), plan);
    assert_eq!(run(&house, &["apply", "--config", &file, "--yes"]).ok(), plan);
    let shown = run(&house, &["show", &first, "--json"]).json();
    assert_eq!(
        (&shown["resource"]["blueprint"], &shown["lease"]["status"]),
        (&Value::from("fleet"), &Value::from("active"))
    );
    assert_eq!(run(&house, &["command", &first, "--", "echo", "still there"]).ok(), "still there\n");
    // Its host is not lent twice, and it closes what it has made under the old name.
    let second = lease(&house, &[]);
    let names: Vec<Value> = resources(&house).into_iter().map(|resource| resource["name"].clone()).collect();
    assert!(names.contains(&"h1".into()) && names.contains(&"h2".into()), "{names:?}");
    let again = run(&house, &["apply", "--config", &file, "--yes", "--json"]).json();
    assert_eq!((&again["changes"], &again["revision"]), (&Value::Array(vec![]), &Value::from(2)));
    for lease in [&first, &second] {
        run(&house, &["release", lease]).ok();
    }
    eventually(|| run(&house, &["leases"]).ok() == "no leases\n");
    run(&house, &["reclaim", "--yes"]).ok();
    eventually(|| resources(&house).is_empty() && house.left().is_empty());
    assert_eq!(run(&house, &["check"]).ok(), "every rule holds\n");
}
