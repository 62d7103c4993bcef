//! Waiting for a lease, and giving up.

use crate::daemon::Place;
use crate::{Running, drydock, eventually, lease, run};

#[test]
fn who_waits_is_told_for_whom_and_gets_it() {
    let place = Place::with_hosts();
    let daemon = place.start();
    let first = lease(&daemon, &["-a", "host=one"]);
    let mut second = Running::start(drydock(&daemon, &["lease", "--type", "host", "-a", "host=one", "--json"]));
    second.hear(&format!("In use by {first}"));
    run(&daemon, &["release", &first]).ok();
    let (status, printed, said) = second.end();
    assert!(status.success(), "{said}");
    let lease: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(lease["status"], "active");
    assert!(lease["handout"]["directory"].as_str().unwrap().contains("/one/"));
}

#[test]
fn who_is_interrupted_while_waiting_leaves_no_lease() {
    let place = Place::with_hosts();
    let daemon = place.start();
    let first = lease(&daemon, &["-a", "host=one"]);
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let mut second = Running::start(drydock(&daemon, &["lease", "--type", "host", "-a", "host=one"]));
        second.hear(&first);
        second.signal(signal);
        let (status, printed, said) = second.end();
        assert_eq!((status.code(), printed.as_str()), (Some(code), ""), "{said}");
        assert!(said.contains(&format!("SIG{signal} came")) && said.contains("is released"), "{said}");
        let leases = run(&daemon, &["leases", "--json"]).json();
        let waiting = leases["leases"].as_array().unwrap().iter().filter(|lease| lease["wanted"] == "keep").count();
        assert_eq!(waiting, 1, "{leases}");
    }
}

#[test]
fn busy_is_told_from_never() {
    let place = Place::with_hosts();
    let daemon = place.start();
    let first = lease(&daemon, &["-a", "host=one"]);
    run(&daemon, &["lease", "--type", "host", "-a", "host=one", "--timeout", "300ms"]).failed(4, "not active in time");
    let second = lease(&daemon, &["-a", "host=one", "--no-wait"]);
    run(&daemon, &["wait", &second, "--timeout", "100ms"]).failed(4, "100ms");
    // It was not given up.
    run(&daemon, &["release", &first]).ok();
    assert_eq!(run(&daemon, &["wait", &second]).ok().trim(), second);
    run(&daemon, &["release", &second]).ok();
    run(&daemon, &["wait", &second]).failed(1, "released");
}

#[test]
fn a_key_finds_the_first_lease() {
    let place = Place::with_hosts();
    let daemon = place.start();
    let first = lease(&daemon, &["--key", "build-7", "--until", "1h"]);
    assert_eq!(lease(&daemon, &["--key", "build-7", "--until", "1h"]), first);
    run(&daemon, &["lease", "--type", "host", "--key", "build-7", "-a", "host=one"]).failed(1, "build-7");
}

#[test]
fn a_daemon_that_is_killed_is_waited_for() {
    let place = Place::with_hosts();
    let mut daemon = place.start();
    let first = lease(&daemon, &["-a", "host=one"]);
    let mut second = Running::start(drydock(&daemon, &["lease", "--type", "host", "-a", "host=one"]));
    second.hear(&first);
    daemon.signal("KILL");
    daemon.wait();
    second.hear("trying again");
    let daemon = place.start();
    run(&daemon, &["release", &first]).ok();
    let (status, printed, said) = second.end();
    assert!(status.success(), "{said}");
    run(&daemon, &["release", printed.trim()]).ok();
    eventually(|| run(&daemon, &["leases"]).ok() == "no leases\n");
}

#[test]
fn a_lease_whose_id_nobody_reads_is_released() {
    let place = Place::with_hosts();
    let daemon = place.start();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = drydock(&daemon, &["lease", "--type", "host"]).stdout(full).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("is released"), "{said}");
    eventually(|| run(&daemon, &["leases"]).ok() == "no leases\n");
}
