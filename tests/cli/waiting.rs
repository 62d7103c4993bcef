//! Waiting for a lease, and giving up.

use crate::house::House;
use crate::{Running, eventually, lease, run};

#[tokio::test]
async fn who_waits_is_told_for_whom_and_gets_it() {
    let house = House::with_hosts(2).await;
    let first = lease(&house, &["-a", "host=h1"]);
    let mut second = Running::start(house.drydock(&["lease", "--type", "host", "-a", "host=h1", "--json"]));
    second.hear(&format!("In use by {first}"));
    run(&house, &["release", &first]).ok();
    let (status, printed, said) = second.end();
    assert!(status.success(), "{said}");
    let lease: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(lease["status"], "active");
    assert_eq!(lease["tied"], false, "it was kept");
    assert!(lease["handout"]["directory"].as_str().unwrap().contains("/h1/"));
}

#[tokio::test]
async fn who_is_interrupted_while_waiting_leaves_no_lease() {
    let house = House::with_hosts(2).await;
    let first = lease(&house, &["-a", "host=h1"]);
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let mut second = Running::start(house.drydock(&["lease", "--type", "host", "-a", "host=h1"]));
        second.hear(&first);
        second.signal(signal);
        let (status, printed, said) = second.end();
        assert_eq!((status.code(), printed.as_str()), (Some(code), ""), "{said}");
        assert!(said.contains(&format!("SIG{signal} came")) && said.contains("is released"), "{said}");
        let leases = run(&house, &["leases", "--json"]).json();
        let waiting = leases["leases"].as_array().unwrap().iter().filter(|lease| lease["wanted"] == "keep").count();
        assert_eq!(waiting, 1, "{leases}");
    }
}

#[tokio::test]
async fn busy_is_told_from_never() {
    let house = House::with_hosts(2).await;
    let first = lease(&house, &["-a", "host=h1"]);
    run(&house, &["lease", "--type", "host", "-a", "host=h1", "--timeout", "300ms"]).failed(4, "not active in time");
    let second = lease(&house, &["-a", "host=h1", "--no-wait"]);
    assert_eq!(run(&house, &["show", &second, "--json"]).json()["lease"]["tied"], false);
    run(&house, &["wait", &second, "--timeout", "100ms"]).failed(4, "100ms");
    // It was not given up.
    run(&house, &["release", &first]).ok();
    assert_eq!(run(&house, &["wait", &second]).ok().trim(), second);
    run(&house, &["release", &second]).ok();
    run(&house, &["wait", &second]).failed(1, "released");
}

#[tokio::test]
async fn a_key_finds_the_first_lease() {
    let house = House::with_hosts(2).await;
    let first = lease(&house, &["--key", "build-7", "--until", "1h"]);
    assert_eq!(lease(&house, &["--key", "build-7", "--until", "1h"]), first);
    run(&house, &["lease", "--type", "host", "--key", "build-7", "-a", "host=h1"]).failed(1, "build-7");
}

#[tokio::test]
async fn a_daemon_that_is_killed_is_waited_for() {
    let mut house = House::with_hosts(2).await;
    let first = lease(&house, &["-a", "host=h1"]);
    let mut second = Running::start(house.drydock(&["lease", "--type", "host", "-a", "host=h1"]));
    second.hear(&first);
    house.kill();
    second.hear("trying again");
    house.start().await;
    run(&house, &["release", &first]).ok();
    let (status, printed, said) = second.end();
    assert!(status.success(), "{said}");
    run(&house, &["release", printed.trim()]).ok();
    eventually(|| run(&house, &["leases"]).ok() == "no leases\n");
}

#[tokio::test]
async fn a_lease_whose_id_nobody_reads_is_released() {
    let house = House::with_hosts(2).await;
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = house.drydock(&["lease", "--type", "host"]).stdout(full).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("is released"), "{said}");
    eventually(|| run(&house, &["leases"]).ok() == "no leases\n");
}
