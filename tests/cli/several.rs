//! Several leases at once: alike, together, and across types.

use crate::house::House;
use crate::{Running, eventually, guests, lease, run};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write;

fn alive(house: &House) -> Vec<Value> {
    run(house, &["leases", "--json"]).json()["leases"].as_array().unwrap().clone()
}

#[tokio::test]
async fn those_that_are_wanted_together_hold_nothing_until_all_can_be_had() {
    let house = House::with_hosts(2).await;
    let kept = lease(&house, &[]);
    let both = ["lease", "--type", "host", "--count", "2", "--together"];
    let mut waiting = Running::start(house.drydock(&both));
    waiting.hear("waits, together with the others of its set");
    let of_set = |leases: &[Value]| leases.iter().filter(|lease| lease["set"].is_string()).count();
    let leases = alive(&house);
    assert_eq!(of_set(&leases), 2, "{leases:?}");
    let pending = leases.iter().filter(|lease| lease["status"] == "pending").count();
    assert_eq!(pending, 2, "one host is free, and is not held: {leases:?}");
    run(&house, &["release", &kept]).ok();
    let (status, ids, said) = waiting.end();
    assert!(status.success(), "{said}");
    let who = |line: &str| line.split_whitespace().nth(2).map(str::to_owned);
    let told: BTreeSet<String> = said.lines().filter(|line| line.contains("waits, together")).filter_map(who).collect();
    assert_eq!(told.len(), 1, "one tells for all: {said}");
    let ids: Vec<&str> = ids.lines().collect();
    assert_eq!(ids.len(), 2, "{ids:?}");
    assert!(alive(&house).iter().all(|lease| lease["status"] == "active" && lease["tied"] == false));

    // Nothing of what waits is left behind when its client is interrupted.
    let mut interrupted = Running::start(house.drydock(&both));
    interrupted.hear("waits, together");
    interrupted.signal("INT");
    let (status, ids_of_it, said) = interrupted.end();
    assert_eq!((status.code(), ids_of_it.as_str()), (Some(130), ""), "{said}");
    assert!(said.contains("SIGINT came; all 2 leases are released"), "{said}");
    eventually(|| alive(&house).len() == 2);

    // One that ends while it waits takes the others with it.
    let set = run(&house, &["lease", "--type", "host", "--count", "2", "--together", "--no-wait", "--json"]).json();
    let first = set[0]["id"].as_str().unwrap();
    run(&house, &["release", first]).ok();
    run(&house, &["wait", set[1]["id"].as_str().unwrap()]).failed(1, &format!("{first}, which was wanted together"));
    assert_eq!(run(&house, &["check"]).ok(), "every rule holds\n");
}

#[tokio::test]
async fn several_alike_are_had_or_none_is_kept() {
    let house = House::with_hosts(2).await;
    let two = run(&house, &["lease", "--type", "host", "--count", "2", "--json"]).json();
    let ids: Vec<&str> = two.as_array().unwrap().iter().map(|lease| lease["id"].as_str().unwrap()).collect();
    assert!(ids.len() == 2 && ids[0] != ids[1] && two[0]["set"].is_null(), "{two}");
    run(&house, &["release", ids[0], ids[1]]).ok();
    let three = ["lease", "--type", "host", "--count", "3", "--timeout", "500ms"];
    run(&house, &three).assert_failed(4, &["not active in time", "all 3 that were asked for are released"]);
    eventually(|| alive(&house).is_empty());
    // Not only since their client was gone, which ends them, too.
    let ended = run(&house, &["leases", "--finished", "--json"]).json();
    let reason = "one of those asked for with it could not be had";
    assert_eq!(
        ended["leases"].as_array().unwrap().iter().filter(|lease| lease["reason"] == reason).count(),
        2,
        "{ended}"
    );
    // The same key finds the same ones; another count is another wish.
    let keyed = |count: &str| run(&house, &["lease", "--type", "host", "--count", count, "--together", "--key", "k"]);
    let first = keyed("2").ok();
    assert_eq!(keyed("2").ok(), first);
    keyed("1").assert_failed(1, &["key", "was used for another request"]);
    assert_eq!(alive(&house).len(), 2);
}

#[tokio::test]
async fn a_set_reaches_across_types() {
    let mut house = House::prepare(3);
    let plugin = house.path("trays.wasm");
    std::fs::write(&plugin, guests::bytes("trays")).unwrap();
    let mut config = std::fs::OpenOptions::new().append(true).open(house.path("drydock.toml")).unwrap();
    let grants = r#"["leases:host", "commands:ssh"]"#;
    write!(config, "\n[[blueprint]]\nname = \"trays\"\nplugin = {plugin:?}\ngrants = {grants}\n").unwrap();
    house.start().await;
    let file = house.path("set.toml");
    std::fs::write(&file, "[[lease]]\ntype = \"host\"\ncount = 2\n\n[[lease]]\ntype = \"tray\"\n").unwrap();
    let file = file.to_str().unwrap();
    let set = run(&house, &["lease", "--set", file, "--timeout", "2m", "--json"]).json();
    let kinds: Vec<&str> = set.as_array().unwrap().iter().map(|lease| lease["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["host", "host", "tray"]);
    assert!(set.as_array().unwrap().iter().all(|lease| lease["status"] == "active"), "{set}");

    for (text, said) in [
        ("[[lease]]\ntipe = \"host\"", "unknown field `tipe`"),
        ("[[lease]]\ntype = \"host\"\ncount = 65", "lease[0].count: it is 65; it is 1 to 64"),
        ("lease = []", "it has 0 leases; a set has 1 to 64"),
        ("[[lease]]\ntype = \"host\"\n[[lease]]\ntype = \"hots\"", "leases[1].type: no blueprint makes \"hots\""),
    ] {
        std::fs::write(file, text).unwrap();
        run(&house, &["lease", "--set", file]).failed(2, said);
    }
    run(&house, &["lease", "--set", file, "--type", "host"]).failed(2, "--set");
    run(&house, &["lease"]).failed(2, "--type");
    run(&house, &["lease", "--type", "host", "--together"]).failed(2, "--count");
    assert_eq!(alive(&house).len(), 4, "the set, and what the tray stands on");
}
