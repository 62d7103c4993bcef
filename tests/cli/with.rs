//! A command here, with a lease in its environment.

use crate::house::House;
use crate::{Running, eventually, lease, run};
use std::process::{Command, Stdio};

/// `drydock with` a host, for a script.
fn with(house: &House, script: &str) -> Command {
    house.drydock(&["with", "--type", "host", "--", "sh", "-c", script])
}

fn nothing_is_leased(house: &House) {
    eventually(|| run(house, &["leases"]).ok() == "no leases\n");
}

#[tokio::test]
async fn the_command_finds_its_lease_and_keeps_its_code() {
    let house = House::with_hosts(2).await;
    let script =
        "echo $DRYDOCK_TYPE; cd $DRYDOCK_DIRECTORY && pwd; echo $DRYDOCK_LEASE $DRYDOCK_RESOURCE $DRYDOCK_HOST; exit 7";
    let output = with(&house, script).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!((lines[0], output.status.code()), ("host", Some(7)));
    assert!(lines[1].starts_with(&*house.path("hosts").canonicalize().unwrap().to_string_lossy()), "{printed}");
    assert!(lines[2].starts_with("l-") && lines[2].contains(" r-") && lines[2].ends_with(" 127.0.0.1"), "{printed}");
    nothing_is_leased(&house);
    // It is there as long as its client is.
    let drydock = env!("CARGO_BIN_EXE_drydock");
    let output = with(&house, &format!("{drydock} show $DRYDOCK_LEASE; {drydock} leases --json")).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("ends with its client") && printed.contains("\"tied\": true"), "{printed}");
    // The environment is enough to use the lease.
    let script = format!("{} command $DRYDOCK_LEASE -- pwd", env!("CARGO_BIN_EXE_drydock"));
    let output = with(&house, &script).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("/hosts/"));
}

#[tokio::test]
async fn how_the_command_ended_is_told_by_the_code() {
    let house = House::with_hosts(2).await;
    assert_eq!(with(&house, "kill -KILL $$").output().unwrap().status.code(), Some(137));
    run(&house, &["with", "--type", "host", "--", "/nonexistent"]).failed(127, "/nonexistent");
    run(&house, &["with", "--type", "host", "--", "/etc/passwd"]).failed(126, "/etc/passwd");
    run(&house, &["with", "--type", "boat", "--", "true"]).failed(125, "boat");
    nothing_is_leased(&house);
}

#[tokio::test]
async fn signals_are_passed_on_and_the_lease_is_released() {
    let house = House::with_hosts(2).await;
    for signal in ["TERM", "HUP"] {
        let script = format!("trap 'echo caught; exit 9' {signal}; echo ready >&2; while :; do sleep 0.05; done");
        let mut running = Running::start(with(&house, &script));
        running.hear("ready");
        running.signal(signal);
        let (status, printed, said) = running.end();
        assert_eq!((status.code(), printed.as_str()), (Some(9), "caught\n"), "{said}");
        nothing_is_leased(&house);
    }
}

#[tokio::test]
async fn a_command_whose_lease_ends_is_ended() {
    let house = House::with_hosts(2).await;
    let mut running = Running::start(with(&house, "echo $DRYDOCK_LEASE >&2; exec sleep 600"));
    running.hear("\n");
    let leases = run(&house, &["leases", "--json"]).json();
    let id = leases["leases"][0]["id"].as_str().unwrap().to_owned();
    run(&house, &["release", &id]).ok();
    let (status, _, said) = running.end();
    assert_eq!(status.code(), Some(125), "{said}");
    assert!(said.contains(&format!("lease {id} has ended (released)")) && said.contains("sh was ended"), "{said}");
}

#[tokio::test]
async fn what_the_command_started_is_ended_with_it() {
    let house = House::with_hosts(2).await;
    // Its child holds stdout, so that the end of the output is the end of both.
    let mut command = with(&house, "sleep 600 & echo $DRYDOCK_LEASE >&2; wait");
    // Without a terminal of its own, whatever the test was started from.
    command.stdin(Stdio::null());
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut running = Running::start(command);
    running.hear("\n");
    running.signal("TERM");
    let (status, _, said) = running.end();
    assert_eq!(status.code(), Some(143), "{said}");
    nothing_is_leased(&house);
}

#[tokio::test]
async fn a_daemon_that_is_killed_does_not_end_the_command() {
    let mut house = House::with_hosts(2).await;
    let gate = house.path("gate");
    let script = format!("echo ready >&2; until [ -e {} ]; do sleep 0.05; done; echo done", gate.display());
    let mut running = Running::start(with(&house, &script));
    running.hear("ready");
    house.kill();
    running.hear("trying again");
    house.start().await;
    let id = run(&house, &["leases", "--json"]).json()["leases"][0]["id"].as_str().unwrap().to_owned();
    assert_ne!(lease(&house, &[]), id);
    std::fs::write(gate, "").unwrap();
    let (status, printed, said) = running.end();
    assert_eq!((status.code(), printed.as_str()), (Some(0), "done\n"), "{said}");
    eventually(|| !run(&house, &["leases"]).ok().contains(&id));
}
