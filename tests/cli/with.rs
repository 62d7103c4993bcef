//! A command here, with a lease in its environment.

use crate::daemon::{Daemon, Place};
use crate::{Running, drydock, eventually, lease, run};
use std::process::{Command, Stdio};

/// `drydock with` a host, for a script.
fn with(daemon: &Daemon, script: &str) -> Command {
    drydock(daemon, &["with", "--type", "host", "--", "sh", "-c", script])
}

fn nothing_is_leased(daemon: &Daemon) {
    eventually(|| run(daemon, &["leases"]).ok() == "no leases\n");
}

#[test]
fn the_command_finds_its_lease_and_keeps_its_code() {
    let place = Place::with_hosts();
    let daemon = place.start();
    let script = "echo $DRYDOCK_TYPE; cd $DRYDOCK_DIRECTORY && pwd; echo $DRYDOCK_LEASE $DRYDOCK_RESOURCE; exit 7";
    let output = with(&daemon, script).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!((lines[0], output.status.code()), ("host", Some(7)));
    assert!(lines[1].starts_with(&*place.path("hosts").canonicalize().unwrap().to_string_lossy()), "{printed}");
    assert!(lines[2].starts_with("l-") && lines[2].contains(" r-"), "{printed}");
    nothing_is_leased(&daemon);
    // The environment is enough to use the lease.
    let script = format!("{} command $DRYDOCK_LEASE -- pwd", env!("CARGO_BIN_EXE_drydock"));
    let output = with(&daemon, &script).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("/hosts/"));
}

#[test]
fn how_the_command_ended_is_told_by_the_code() {
    let place = Place::with_hosts();
    let daemon = place.start();
    assert_eq!(with(&daemon, "kill -KILL $$").output().unwrap().status.code(), Some(137));
    run(&daemon, &["with", "--type", "host", "--", "/nonexistent"]).failed(127, "/nonexistent");
    run(&daemon, &["with", "--type", "host", "--", "/etc/passwd"]).failed(126, "/etc/passwd");
    run(&daemon, &["with", "--type", "boat", "--", "true"]).failed(125, "boat");
    nothing_is_leased(&daemon);
}

#[test]
fn signals_are_passed_on_and_the_lease_is_released() {
    let place = Place::with_hosts();
    let daemon = place.start();
    for signal in ["TERM", "HUP"] {
        let script = format!("trap 'echo caught; exit 9' {signal}; echo ready >&2; while :; do sleep 0.05; done");
        let mut running = Running::start(with(&daemon, &script));
        running.hear("ready");
        running.signal(signal);
        let (status, printed, said) = running.end();
        assert_eq!((status.code(), printed.as_str()), (Some(9), "caught\n"), "{said}");
        nothing_is_leased(&daemon);
    }
}

#[test]
fn a_command_whose_lease_ends_is_ended() {
    let place = Place::with_hosts();
    let daemon = place.start();
    let mut running = Running::start(with(&daemon, "echo $DRYDOCK_LEASE >&2; exec sleep 600"));
    running.hear("\n");
    let leases = run(&daemon, &["leases", "--json"]).json();
    let id = leases["leases"][0]["id"].as_str().unwrap().to_owned();
    run(&daemon, &["release", &id]).ok();
    let (status, _, said) = running.end();
    assert_eq!(status.code(), Some(125), "{said}");
    assert!(said.contains(&format!("lease {id} has ended (released)")) && said.contains("sh was ended"), "{said}");
}

#[test]
fn what_the_command_started_is_ended_with_it() {
    let place = Place::with_hosts();
    let daemon = place.start();
    // Its child holds stdout, so that the end of the output is the end of both.
    let mut command = with(&daemon, "sleep 600 & echo $DRYDOCK_LEASE >&2; wait");
    // Without a terminal of its own, whatever the test was started from.
    command.stdin(Stdio::null());
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut running = Running::start(command);
    running.hear("\n");
    running.signal("TERM");
    let (status, _, said) = running.end();
    assert_eq!(status.code(), Some(143), "{said}");
    nothing_is_leased(&daemon);
}

#[test]
fn a_daemon_that_is_killed_does_not_end_the_command() {
    let place = Place::with_hosts();
    let mut daemon = place.start();
    let gate = place.path("gate");
    let script = format!("echo ready >&2; until [ -e {} ]; do sleep 0.05; done; echo done", gate.display());
    let mut running = Running::start(with(&daemon, &script));
    running.hear("ready");
    daemon.signal("KILL");
    daemon.wait();
    running.hear("trying again");
    let daemon = place.start();
    let id = run(&daemon, &["leases", "--json"]).json()["leases"][0]["id"].as_str().unwrap().to_owned();
    assert_ne!(lease(&daemon, &[]), id);
    std::fs::write(gate, "").unwrap();
    let (status, printed, said) = running.end();
    assert_eq!((status.code(), printed.as_str()), (Some(0), "done\n"), "{said}");
    eventually(|| !run(&daemon, &["leases"]).ok().contains(&id));
}
