//! Leases that are there: what is printed of them, and what can be done with them.

use crate::house::House;
use crate::{Running, eventually, lease, run};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

#[tokio::test]
async fn a_lease_is_listed_shown_and_logged() {
    let house = House::with_hosts(2).await;
    let id = lease(&house, &["-a", "host=h1", "--owner", "ci", "--until", "2h"]);
    let list = run(&house, &["leases"]).ok();
    assert!(list.starts_with("LEASE ") && list.contains(&id) && list.contains("in 2 h"), "{list}");
    let json = run(&house, &["leases", "--owner", "ci", "--json"]).json();
    assert_eq!(json["leases"][0]["id"], id.as_str());
    assert_eq!(run(&house, &["leases", "--owner", "nobody-else"]).ok(), "no leases\n");

    let page = run(&house, &["show", &id[..id.len() - 2]]).ok();
    for part in ["host/h1", "\nPlace\n", " ssh ", "\ndirectory "] {
        assert!(page.contains(part), "{part:?} is missing in:\n{page}");
    }
    let detail = run(&house, &["show", &id, "--json"]).json();
    let resource = detail["resource"]["id"].as_str().unwrap();
    assert!(run(&house, &["show", resource]).ok().contains(&id));
    assert!(run(&house, &["resources"]).ok().contains(resource));

    let log = run(&house, &["log", &id]).ok();
    assert!(log.lines().next().unwrap().ends_with(&format!("lease {id}  pending  asked")), "{log}");
    assert!(log.contains("→ active"), "{log}");
    let events = run(&house, &["log", &id, "--json"]).json();
    assert_eq!(events.as_array().unwrap().len(), log.lines().count());
    assert!(run(&house, &["why", &id]).ok().contains("active"));

    run(&house, &["release", &id]).ok();
    run(&house, &["release", &id]).ok();
    assert!(run(&house, &["why", &id]).ok().contains("released"));
    eventually(|| run(&house, &["leases"]).ok() == "no leases\n");
    assert_eq!(run(&house, &["check"]).ok(), "every rule holds\n");
}

#[tokio::test]
async fn a_lease_lasts_as_its_holder_says() {
    let house = House::with_hosts(1).await;
    let id = lease(&house, &["--heartbeat", "20s", "--idle-timeout", "1h", "--until", "2h"]);
    let page = run(&house, &["show", &id]).ok();
    for part in ["ends without a beat for  20 s", "ends without use for     60 min", "in 2 h", "\nfence "] {
        assert!(page.contains(part), "{part:?} is missing in:\n{page}");
    }
    let json = |args: &[&str]| run(&house, args).json();
    let fence = json(&["show", &id, "--json"])["lease"]["fence"].to_string();
    let extended = json(&["extend", &id, "--until", "26h", "--if-epoch", &fence, "--json"]);
    assert_eq!(extended["id"], id.as_str());
    assert!(run(&house, &["show", &id]).ok().contains("in 26 h"));
    run(&house, &["beat", &id]).ok();
    let mut beating = Running::start(house.drydock(&["beat", &id, "--every", "100ms", "--if-epoch", &fence]));
    run(&house, &["beat", &id, "--if-epoch", "1000000"]).failed(1, "fencing epoch 1000000");
    run(&house, &["release", &id, "--if-epoch", "1000000"]).failed(1, "fencing epoch 1000000");
    run(&house, &["release", &id, "--if-epoch", &fence]).ok();
    beating.hear("has ended");
    assert_eq!(beating.end().0.code(), Some(1));
    run(&house, &["extend", &id, "--until", "2h"]).failed(1, "has ended");
    let printed = run(&house, &["with", "--type", "host", "--", "sh", "-c", "echo $DRYDOCK_FENCE"]).ok();
    assert!(printed.trim().parse::<u64>().unwrap() > fence.parse().unwrap(), "{printed}");
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let house = House::with_hosts(2).await;
    let fails = |args: &[&str], code: u8, said: &str| run(&house, args).failed(code, said);
    fails(&["lease", "--type", "boat"], 2, "boat");
    fails(&["lease", "--type", "host", "-a", "hots=h1"], 2, "hots");
    fails(&["lease", "--type", "host", "-a", "host=h3"], 3, "h3");
    fails(&["lease", "--type", "host", "-a", "host=h1", "-a", "host=h2"], 2, "-a host=");
    fails(&["lease", "--type", "host", "--blueprint", "none"], 2, "none");
    fails(&["show", "nothing"], 2, "nothing");
    fails(&["show", "\u{1b}[2J"], 2, "U+001B");
    fails(&["release", "nothing"], 2, "nothing");
    fails(&["command", "nothing", "--", "true"], 125, "nothing");
    assert_eq!(run(&house, &["leases"]).ok(), "no leases\n");
    assert!(!run(&house, &["show", "\u{1b}[2J"]).stderr.contains('\u{1b}'));
}

#[test]
fn without_a_daemon_its_socket_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_drydock"))
        .args(["--socket", "/nonexistent/drydock.sock", "leases"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("/nonexistent/drydock.sock"), "{said}");
}

#[tokio::test]
async fn a_command_keeps_its_output_and_its_code() {
    let house = House::with_hosts(2).await;
    let id = lease(&house, &[]);
    let script = "printf 'a\\0\\377'; printf b >&2; exit 7";
    let output = house.drydock(&["command", &id, "--", "sh", "-c", script]).output().unwrap();
    assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b"a\0\xff"[..], &b"b"[..]));
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(run(&house, &["command", &id, "--", "sh", "-c", "kill -9 $$"]).code, Some(137));
    run(&house, &["command", &id, "--timeout", "100ms", "--", "sleep", "600"]).failed(125, "100");

    let argument = "a 'b\" $c\n*";
    assert_eq!(run(&house, &["command", &id, "--", "printf", "%s", argument]).ok(), argument);
    let more = ["command", &id, "--env", "A=b c", "--directory", "/", "--", "sh", "-c", "echo $A; pwd"];
    assert_eq!(run(&house, &more).ok(), "b c\n/\n");

    let mut command = house.drydock(&["command", &id, "--stdin", "--", "wc", "-c"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&[0; 100_000]).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), "100000");
}

#[tokio::test]
async fn a_reader_that_has_had_enough_ends_a_command_quietly() {
    let house = House::with_hosts(2).await;
    let id = lease(&house, &[]);
    let mut yes = house.drydock(&["command", &id, "--", "yes"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(yes.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!((line.as_str(), yes.wait().unwrap().code()), ("y\n", Some(0)));
}

#[tokio::test]
async fn the_log_can_be_followed() {
    let house = House::with_hosts(2).await;
    let mut log = house.drydock(&["log", "--follow", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(log.stdout.take().unwrap()).lines();
    let id = lease(&house, &["--no-wait"]);
    let mut seen = Vec::new();
    while seen.last().is_none_or(|event: &serde_json::Value| event["id"] != id.as_str()) {
        seen.push(serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap());
    }
    assert_eq!(seen.last().unwrap()["now"], "pending");
    log.kill().unwrap();
    log.wait().unwrap();
}

#[test]
fn the_demo_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_drydock"));
    command.args(["demo", "--hosts", "2", "--clients", "5", "--seconds", "1"]).env("TMPDIR", folder.path());
    let (status, story, said) = Running::start(command).end();
    assert!(status.success(), "{said}\n{story}");
    let last = story.lines().last().unwrap();
    assert!(last.starts_with("5 jobs of 1 s on 2 hosts took ") && last.contains("the ideal is 3 s"), "{last}");
    assert!(story.contains("check: every rule holds") && story.contains(" waits, number "), "{story}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
