//! Working copies, on hosts that are reached over SSH.

use crate::house::{House, wait_for};
use crate::{eventually, guests, run};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Stdio};

/// What git says in a folder.
fn git(folder: &Path, args: &[&str]) -> String {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org", "-c", "init.defaultBranch=main"]);
    git.args(args).current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null").stderr(Stdio::null());
    let output = git.output().unwrap();
    assert!(output.status.success(), "git {args:?}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// A remote of the hosts, with a commit on `main`.
fn make_remote(house: &House) {
    let remote = house.path("remote");
    std::fs::create_dir(&remote).unwrap();
    git(&remote, &["init", "--quiet"]);
    commit(house, "first");
}

fn commit(house: &House, file: &str) -> String {
    let remote = house.path("remote");
    std::fs::write(remote.join(file), file).unwrap();
    git(&remote, &["add", file]);
    git(&remote, &["commit", "--quiet", "-m", file]);
    git(&remote, &["rev-parse", "HEAD"])
}

/// Hosts, and copies of one repository on them. The gate is a program in the place of git that waits, as a large clone
/// would, for as long as there is a file `closed`.
async fn with_copies(hosts: usize) -> House {
    let mut house = House::prepare(hosts);
    make_remote(&house);
    let plugin = house.path("working_copy.wasm");
    std::fs::write(&plugin, guests::bytes("working_copy")).unwrap();
    let host = |name: String| {
        json!({ "name": name, "address": "127.0.0.1", "port": house.sshd.port, "user": crate::sshd::Sshd::user(),
            "credential": "lab", "path": house.host_path(&name) })
    };
    let hosts: Vec<Value> = house.hosts().into_iter().map(host).collect();
    let lab =
        json!({ "name": "lab", "plugin": "preallocated", "grants": ["commands:ssh"], "config": { "hosts": hosts } });
    let copies = json!({
        "name": "copies",
        "plugin": plugin,
        "grants": ["leases:host", "commands:ssh"],
        "config": {
            "host_blueprints": ["lab"],
            "allow_local": true,
            "cache": house.path("cache"),
            "repositories": { "app": { "url": house.path("remote") } },
        },
    });
    house.configure(json!({ "blueprint": [lab, copies] }));
    house.start().await;
    house
}

/// Has whoever takes the cache's lock wait.
struct Gate(std::process::Child);

impl Gate {
    fn close(house: &House) -> Gate {
        let cache = house.path("cache");
        std::fs::create_dir_all(&cache).unwrap();
        let lock = cache.join(format!("{}.lock", cache_name(house)));
        let held = house.path("held");
        let mut flock = Command::new("flock");
        flock.arg("-x").arg(lock).args(["sh", "-c", "touch \"$1\"; exec sleep 600", "sh"]).arg(&held);
        let child = flock.spawn().unwrap();
        eventually(|| held.exists());
        std::fs::remove_file(held).unwrap();
        Gate(child)
    }

    fn open(mut self) {
        // The lock is `sleep`'s too, which is a child of `flock`.
        let children = Command::new("pkill").args(["-P", &self.0.id().to_string()]).status().unwrap();
        assert!(children.success());
        self.0.wait().unwrap();
    }
}

/// The folder of the cache, once a copy was made.
fn cache_name(house: &House) -> String {
    let entries = std::fs::read_dir(house.path("cache")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names = entries.map(|name| name.into_string().unwrap()).filter(|name| name.ends_with(".git"));
    names.next().expect("a cache")
}

fn head(house: &House, lease: &str) -> String {
    run(house, &["command", lease, "--", "git", "rev-parse", "HEAD"]).ok().trim().to_owned()
}

#[tokio::test]
async fn a_copy_is_leased_used_cleaned_and_leased_again() {
    let house = with_copies(1).await;
    let first = git(&house.path("remote"), &["rev-parse", "HEAD"]);
    let log = run(&house, &["with", "--type", "working-copy", "--", "git", "log", "--format=%H %s"]);
    assert_eq!(log.ok(), format!("{first} first\n"));
    let second = commit(&house, "second");
    let script = "test \"$PWD\" = \"$DRYDOCK_WORKING_COPY_APP\" && git rev-parse HEAD && ls && touch stray ../stray";
    let said = run(&house, &["with", "--type", "working-copy", "-a", "branch=main", "--", "sh", "-c", script]).ok();
    assert_eq!(said, format!("{second}\nfirst\nsecond\n"));
    let lease = ["lease", "--type", "working-copy", "--timeout", "2m", "-a"];
    let held = run(&house, &[&lease[..], &[&format!("commit={first}")]].concat()).ok().trim().to_owned();
    assert_eq!(head(&house, &held), first);
    assert_eq!(run(&house, &["command", &held, "--", "git", "status", "--porcelain", "--ignored"]).ok(), "");
    assert_eq!(run(&house, &["command", &held, "--", "ls", ".."]).ok(), "app\n");
    let resources = run(&house, &["resources", "--all", "--json"]).json();
    let copies = resources["resources"].as_array().unwrap().iter().filter(|one| one["type"] == "working-copy");
    assert_eq!(copies.count(), 1, "one copy served them all");
    run(&house, &["release", &held]).ok();
    let nowhere = format!("commit={}", "d".repeat(40));
    run(&house, &[&lease[..], &[&nowhere]].concat()).failed(3, "has not what is asked of it");
    assert_eq!(run(&house, &["check"]).ok(), "every rule holds\n");
}

#[tokio::test]
async fn neither_a_killed_daemon_nor_a_dead_host_spoils_a_copy() {
    let mut house = with_copies(1).await;
    run(&house, &["with", "--type", "working-copy", "--", "true"]).ok();
    let second = commit(&house, "second");

    // The daemon is killed while the host fetches.
    let gate = Gate::close(&house);
    let args = ["lease", "--type", "working-copy", "--no-wait", "-a", "branch=main"];
    let lease = run(&house, &args).ok().trim().to_owned();
    eventually(|| run(&house, &["why", &lease]).ok().contains("git fetches app"));
    house.kill();
    gate.open();
    house.start().await;
    eventually(|| run(&house, &["show", &lease]).ok().contains("active"));
    assert_eq!(head(&house, &lease), second);
    run(&house, &["release", &lease]).ok();

    // The host dies while it fetches, and comes back.
    let third = commit(&house, "third");
    let gate = Gate::close(&house);
    let lease = run(&house, &args).ok().trim().to_owned();
    eventually(|| run(&house, &["why", &lease]).ok().contains("git fetches app"));
    house.sshd.down();
    gate.open();
    house.sshd.up();
    wait_for("the lease is active", async || run(&house, &["show", &lease]).ok().contains("active")).await;
    assert_eq!(head(&house, &lease), third);
    run(&house, &["release", &lease]).ok();
    assert_eq!(run(&house, &["check"]).ok(), "every rule holds\n");
}
