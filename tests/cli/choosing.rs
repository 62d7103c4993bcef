//! Leases chosen by what they are: listed, let go of, watched.

use crate::house::House;
use crate::{Running, eventually, lease, run};
use std::io::Write;
use std::process::Stdio;

#[tokio::test]
async fn what_waits_is_let_go_of_at_once() {
    let house = House::with_hosts(1).await;
    let kept = lease(&house, &["--owner", "ci"]);
    let waiting: Vec<String> =
        (0..3).map(|_| lease(&house, &["--owner", "ci", "--no-wait", "-a", "host=h1"])).collect();
    let other = lease(&house, &["--owner", "someone", "--no-wait"]);
    let found = |flags: &[&str]| {
        let all: Vec<&str> = ["leases", "--json"].iter().chain(flags).copied().collect();
        let list = run(&house, &all).json();
        list["leases"].as_array().unwrap().iter().map(|l| l["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found(&["--owner", "ci", "--pending"]).len(), 3);
    assert_eq!(found(&["-a", "host=h1"]).len(), 3);
    assert_eq!(found(&["--status", "active"]), [kept.as_str()]);
    assert_eq!(found(&["--until", "1h"]), Vec::<String>::new());
    assert_eq!(found(&["--limit", "2"]).len(), 2);
    assert_eq!(run(&house, &["leases", "--limit", "2"]).stderr.lines().count(), 1);

    // Nobody can be asked, so nothing is done; but it is said what would be.
    let mean = ["release", "--owner", "ci", "--type", "host", "--pending"];
    let refused = run(&house, &mean);
    refused.assert_failed(2, &["3 leases would be released", "--yes", &waiting[0], &waiting[1], &waiting[2]]);
    assert!(!refused.stderr.contains(&kept));
    assert_eq!(found(&["--pending"]).len(), 4);
    let mut yes = mean.to_vec();
    yes.extend(["--yes", "--json", "--reason", "the queue is dumped"]);
    let released = run(&house, &yes).json();
    assert_eq!(released.as_array().unwrap().len(), 3);
    assert!(released.as_array().unwrap().iter().all(|lease| lease["reason"] == "the queue is dumped"), "{released}");
    assert_eq!(found(&["--pending"]), [other.as_str()]);
    assert_eq!(found(&["--finished"]).len(), 3);
    assert!(run(&house, &yes).stderr.contains("nothing was changed"));

    let log = run(&house, &["log", "--owner", "ci", "--status", "destroyed"]).ok();
    assert_eq!(log.lines().count(), 3, "{log}");
    assert_eq!(run(&house, &["log", "--until", "1h"]).ok(), "");
}

#[tokio::test]
async fn what_was_decided_is_decided_again_from_the_log() {
    let house = House::with_hosts(2).await;
    let ids: Vec<String> = (0..2).map(|_| lease(&house, &["--owner", "ci"])).collect();
    let waiting = lease(&house, &["--no-wait"]);
    run(&house, &["release", &ids[0]]).ok();
    run(&house, &["wait", &waiting]).ok();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log.json");
    let log = run(&house, &["log", "--json"]).ok();
    std::fs::write(&file, &log).unwrap();
    let again = run(&house, &["sim", "from-log", file.to_str().unwrap()]).ok();
    assert_eq!(again, "3 decisions are made again, and are the same\n");
    // With nobody in line, nothing would have been decided.
    let mut events: serde_json::Value = serde_json::from_str(&log).unwrap();
    let decisions = events.as_array_mut().unwrap().iter_mut().filter(|event| event["detail"]["decision"].is_object());
    decisions.last().unwrap()["detail"]["decision"]["look"]["classes"] = serde_json::json!([]);
    std::fs::write(&file, events.to_string()).unwrap();
    let other = run(&house, &["sim", "from-log", file.to_str().unwrap()]);
    assert_eq!(other.code, Some(1), "{other:#?}");
    for part in ["2 decisions", "is decided otherwise", &format!("then: {waiting} goes on"), "now: nothing"] {
        assert!(other.stdout.contains(part), "{part:?} is missing in {}", other.stdout);
    }
    run(&house, &["sim", "from-log", "/nonexistent.json"]).failed(2, "/nonexistent.json");
}

#[tokio::test]
async fn what_changes_is_told_from_now_on() {
    let house = House::with_hosts(1).await;
    let before = lease(&house, &["--owner", "ci"]);
    let mut command = house.drydock(&["watch", "--owner", "ci", "--json"]);
    let mut watching = command.stdout(Stdio::piped()).spawn().unwrap();
    let told = std::io::BufReader::new(watching.stdout.take().unwrap());
    // It can only be told of what comes once it is there.
    let (lines, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in std::io::BufRead::lines(told).map_while(Result::ok) {
            let _ = lines.send(serde_json::from_str::<serde_json::Value>(&line).unwrap());
        }
    });
    let mut first = None;
    eventually(|| {
        lease(&house, &["--owner", "someone", "--no-wait"]);
        lease(&house, &["--owner", "ci", "--no-wait"]);
        first = heard.try_recv().ok();
        first.is_some()
    });
    let first = first.unwrap();
    assert_eq!((&first["was"], &first["now"]), (&"".into(), &"pending".into()), "{first}");
    assert_ne!(first["id"], before.as_str());
    watching.kill().unwrap();
    watching.wait().unwrap();
}

#[tokio::test]
async fn attributes_come_from_a_file_or_from_stdin() {
    let house = House::with_hosts(2).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wish.json");
    std::fs::write(&file, r#"{"host": "h1"}"#).unwrap();
    let file = file.to_str().unwrap();
    let host = |id: &str| run(&house, &["show", id, "--json"]).json()["lease"]["attributes"]["host"].clone();
    let first = lease(&house, &["--attributes", file]);
    assert_eq!(host(&first), "h1");
    assert_eq!(host(&lease(&house, &["--attributes", file, "-a", "host=h2"])), "h2");
    run(&house, &["release", &first]).ok();
    let mut command = house.drydock(&["lease", "--type", "host", "--attributes", "-"]);
    let mut asking = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    asking.stdin.take().unwrap().write_all(b"{\"host\": \"h1\"}").unwrap();
    let output = asking.wait_with_output().unwrap();
    assert_eq!(host(String::from_utf8(output.stdout).unwrap().trim()), "h1");
    run(&house, &["lease", "--type", "host", "--attributes", "/nonexistent.json"]).failed(2, "/nonexistent.json");
}

#[test]
fn every_shell_can_complete_commands() {
    for (shell, part) in [("bash", "complete -F"), ("zsh", "#compdef drydock"), ("fish", "complete -c drydock")] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_drydock"));
        command.args(["completion", shell]);
        let (status, script, said) = Running::start(command).end();
        assert!(status.success(), "{said}");
        for word in [part, "leases", "no-wait"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}
