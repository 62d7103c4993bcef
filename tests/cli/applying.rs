//! Configurations that change while the daemon runs, and what takes nothing new.

use crate::house::House;
use crate::{eventually, lease, run};
use serde_json::{Value, json};

/// A blueprint with this machine as its one host.
fn here() -> Value {
    json!({ "name": "here", "plugin": "preallocated", "grants": ["commands:local"],
        "config": { "hosts": [{ "name": "me", "local": true }] } })
}

pub fn config(house: &House) -> String {
    house.path("drydock.toml").to_str().unwrap().to_owned()
}

/// The configuration with these blueprints beside or instead of its own.
pub fn with(house: &House, change: impl FnOnce(&mut Vec<toml::Value>)) {
    let text = std::fs::read_to_string(house.path("drydock.toml")).unwrap();
    let mut table: toml::Table = text.parse().unwrap();
    let blueprints = table.entry("blueprint").or_insert_with(|| toml::Value::Array(Vec::new()));
    change(blueprints.as_array_mut().unwrap());
    std::fs::write(house.path("drydock.toml"), table.to_string()).unwrap();
}

fn add(house: &House, blueprint: &Value) {
    with(house, |blueprints| blueprints.push(toml::Value::try_from(blueprint).unwrap()));
}

fn revision(house: &House) -> u64 {
    run(house, &["status", "--json"]).json()["revision"].as_u64().unwrap()
}

#[tokio::test]
async fn another_configuration_comes_in_force_without_a_restart() {
    let house = House::with_hosts(1).await;
    let first = lease(&house, &[]);
    let second = lease(&house, &["--no-wait"]);
    add(&house, &here());
    with(&house, |blueprints| {
        let lab = blueprints[0].as_table_mut().unwrap();
        lab.insert("max_resources".to_owned(), toml::Value::Integer(7));
    });
    let file = config(&house);
    let shown = run(&house, &["apply", "--config", &file, "--dry-run"]).ok();
    let plan = "+ blueprint here: new, makes host\n~ blueprint lab; its resource stays as it was made\n    \
                max_resources: not set -> 7\n";
    assert_eq!(shown, plan);
    run(&house, &["apply", "--config", &file]).failed(2, "--yes");
    assert_eq!(revision(&house), 1);

    let applied = run(&house, &["apply", "--config", &file, "--yes"]);
    assert!(applied.stderr.contains("revision 2 is in force"), "{applied:#?}");
    assert_eq!(applied.ok(), plan);
    run(&house, &["wait", &second, "--timeout", "60s"]).ok();
    assert_eq!(run(&house, &["show", &second, "--json"]).json()["resource"]["blueprint"], "here");
    // What was made before goes on as it was.
    assert_eq!(run(&house, &["command", &first, "--", "echo", "still there"]).ok(), "still there\n");
    let resource = run(&house, &["show", &first, "--json"]).json()["resource"].clone();
    assert_eq!((&resource["revision"], &resource["status"]), (&json!(1), &json!("active")));

    let again = run(&house, &["apply", "--config", &file, "--yes", "--json"]).json();
    assert_eq!((&again["changes"], &again["revision"]), (&json!([]), &json!(2)));
    for id in [&first, &second] {
        run(&house, &["release", id]).ok();
    }
    eventually(|| run(&house, &["leases"]).ok() == "no leases\n");
    assert_eq!(run(&house, &["check"]).ok(), "every rule holds\n");
}

#[tokio::test]
async fn a_configuration_that_is_wrong_changes_nothing() {
    let house = House::with_hosts(1).await;
    let file = house.path("other.toml");
    let path = file.to_str().unwrap();
    for (text, said) in [
        (
            "[[blueprint]]\nname = \"lab\"\nplugin = \"preallocated\"\nmax_resource = 1\n",
            "other.toml:4: blueprint \"lab\"",
        ),
        (
            "[[blueprint]]\nname = \"x\"\nplugin = \"nowhere\"\n",
            "other.toml:3: blueprint \"x\", plugin: there is no plugin",
        ),
        (
            "[[blueprint]]\nname = \"x\"\nplugin = \"preallocated\"\n\n[blueprint.config]\nhosts = 3\n",
            "other.toml:6: blueprint \"x\", config.hosts",
        ),
    ] {
        std::fs::write(&file, text).unwrap();
        run(&house, &["apply", "--config", path, "--yes"]).failed(2, said);
        run(&house, &["apply", "--config", path, "--dry-run"]).failed(2, said);
    }
    run(&house, &["apply", "--config", "nowhere.toml", "--yes"])
        .failed(2, "nowhere.toml: the configuration can't be read");
    assert_eq!(revision(&house), 1);
    std::fs::write(&file, "socket = \"elsewhere\"\nstop_grace = 5\n").unwrap();
    let plan = run(&house, &["apply", "--config", path, "--dry-run", "--json"]).json();
    assert_eq!(plan["restart"], json!(["store", "socket", "credentials"]));
}

#[tokio::test]
async fn a_blueprint_that_is_gone_closes_what_it_has_and_strands_who_waits() {
    let house = House::with_hosts(1).await;
    let first = lease(&house, &[]);
    let waiting = lease(&house, &["--no-wait", "-a", "host=h1"]);
    let whole = std::fs::read_to_string(house.path("drydock.toml")).unwrap();
    with(&house, |blueprints| blueprints.clear());
    add(&house, &here());
    let file = config(&house);
    let plan = run(&house, &["apply", "--config", &file, "--dry-run"]).ok();
    for part in
        ["- blueprint lab: takes nothing new; its resource is closed", "They go on waiting for 10 min", "\"h1\""]
    {
        assert!(plan.contains(part), "{part:?} is missing in:\n{plan}");
    }
    run(&house, &["apply", "--config", &file, "--yes"]).ok();
    let state = |name: &str| {
        let all = run(&house, &["blueprints", "--json"]).json();
        let found = all["blueprints"].as_array().unwrap().iter().find(|blueprint| blueprint["name"] == name).cloned();
        found.unwrap_or_default()
    };
    assert_eq!((&state("lab")["status"], &state("lab")["used"]), (&json!("retired"), &json!(1)));
    eventually(|| run(&house, &["why", &waiting]).ok().contains("since the configuration was changed"));
    run(&house, &["command", &first, "--", "true"]).ok();
    run(&house, &["release", &first]).ok();
    eventually(|| state("lab") == Value::Null);
    assert!(run(&house, &["resources"]).ok().contains("no resources"));
    assert!(run(&house, &["show", &waiting, "--json"]).json()["lease"]["status"] == "pending");

    // Back again, and read by the daemon itself.
    std::fs::write(house.path("drydock.toml"), whole).unwrap();
    crate::sshd::kill(house.pid(), "HUP");
    run(&house, &["wait", &waiting, "--timeout", "60s"]).ok();
    assert_eq!(revision(&house), 3);
}

#[tokio::test]
async fn what_is_drained_takes_nothing_new_until_it_is_undrained() {
    let mut house = House::with_hosts(2).await;
    let first = lease(&house, &["-a", "host=h1"]);
    let second = lease(&house, &["-a", "host=h2"]);
    run(&house, &["release", &second]).ok();
    eventually(|| !run(&house, &["leases"]).ok().contains(&second));
    let drained = run(&house, &["blueprint", "drain", "lab", "--reason", "new switch"]);
    assert!(drained.stderr.contains("blueprint lab is drained"), "{drained:#?}");
    // What nobody is on is closed, the other goes on.
    eventually(|| run(&house, &["resources"]).ok().lines().count() == 2);
    let waiting = lease(&house, &["--no-wait", "-a", "host=h2"]);
    eventually(|| run(&house, &["why", &waiting]).ok().contains("it is drained (new switch)"));
    house.stop();
    house.start().await;
    assert!(run(&house, &["blueprints"]).ok().contains("drained"));
    run(&house, &["blueprint", "undrain", "lab"]).ok();
    run(&house, &["wait", &waiting, "--timeout", "60s"]).ok();
    run(&house, &["blueprint", "drain", "nothing"]).failed(2, "no blueprint is named \"nothing\"");

    let detail = run(&house, &["show", &first, "--json"]).json();
    let resource = detail["resource"]["id"].as_str().unwrap();
    run(&house, &["resource", "drain", resource, "--reason", "new disk"]).ok();
    assert!(run(&house, &["resources"]).ok().contains("active (drained)"));
    run(&house, &["resource", "undrain", resource]).ok();
    assert!(!run(&house, &["resources"]).ok().contains("drained"));
    run(&house, &["resource", "drain", resource]).ok();
    run(&house, &["release", &first]).ok();
    eventually(|| run(&house, &["show", resource, "--json"]).json()["resource"]["status"] == "destroyed");
    run(&house, &["resource", "undrain", resource]).failed(1, "is being closed, and is not taken back");
}

#[tokio::test]
async fn plugins_and_slots_are_listed() {
    let house = House::with_hosts(2).await;
    let id = lease(&house, &["-a", "host=h2"]);
    let plugins = run(&house, &["plugins", "--json"]).json();
    let plugin = &plugins["plugins"][0];
    assert_eq!((&plugin["blueprints"], &plugin["resources"]), (&json!(["lab"]), &json!(1)));
    assert!(run(&house, &["plugins"]).ok().contains("drydock:blueprint@"));
    let explained = run(&house, &["plugin", "explain", "lab"]).ok();
    assert!(explained.starts_with("lab runs ") && explained.contains("commands:ssh"), "{explained}");
    let explained = run(&house, &["plugin", "explain", "lab", "--json"]).json();
    let ssh = explained["asks"].as_array().unwrap().iter().find(|ask| ask["scope"] == "ssh").unwrap().clone();
    assert_eq!(ssh["granted_by"], json!(["commands:ssh"]));
    let slots = run(&house, &["slots", "--space", "lab"]).ok();
    assert!(slots.lines().count() == 2 && slots.contains("host/h2") && slots.contains(&id), "{slots}");
    assert_eq!(run(&house, &["slots", "--space", "other"]).ok(), "no slots\n");
}
