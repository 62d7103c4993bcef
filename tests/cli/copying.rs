//! Working copies, on hosts that are reached over SSH.

use crate::house::House;
use crate::{eventually, guests, run};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Child, Command, Stdio};

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
pub fn make_remote(house: &House) {
    let remote = house.path("remote");
    std::fs::create_dir(&remote).unwrap();
    git(&remote, &["init", "--quiet"]);
    commit(house, "first");
}

pub fn commit(house: &House, file: &str) -> String {
    let remote = house.path("remote");
    std::fs::write(remote.join(file), file).unwrap();
    git(&remote, &["add", file]);
    git(&remote, &["commit", "--quiet", "-m", file]);
    git(&remote, &["rev-parse", "HEAD"])
}

/// Hosts, and copies of one repository on them.
async fn with_copies(hosts: usize) -> House {
    let mut house = House::prepare(hosts);
    make_remote(&house);
    let plugin = house.path("working_copy.wasm");
    std::fs::write(&plugin, guests::bytes("working_copy")).unwrap();
    let host = |name: String| {
        json!({ "name": name, "address": "127.0.0.1", "port": house.sshd.port, "user": crate::sshd::Sshd::user(),
            "credential": "lab", "path": house.host_path(&name) })
    };
    let lent: Vec<Value> = house.hosts().into_iter().map(host).collect();
    let lab =
        json!({ "name": "lab", "plugin": "preallocated", "grants": ["commands:ssh"], "config": { "hosts": lent } });
    let copies = json!({
        "name": "copies",
        "plugin": plugin,
        "grants": ["leases:host", "commands:ssh"],
        // Whoever asks while a copy is being cleaned gets that one.
        "max_resources": hosts,
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

/// Has whoever takes the cache's lock wait, as a fetch that takes long does.
struct Gate(Child);

impl Gate {
    fn close(house: &House) -> Gate {
        let (lock, held) = (house.path("cache").join(format!("{}.lock", cache(house))), house.path("held"));
        let script = "exec 9>>\"$1\" && flock -x 9 && touch \"$2\" && exec sleep 600";
        let gate = Gate(Command::new("sh").args(["-c", script, "sh"]).arg(lock).arg(&held).spawn().unwrap());
        eventually(|| held.exists());
        std::fs::remove_file(held).unwrap();
        gate
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The folder of the cache, once a copy was made.
fn cache(house: &House) -> String {
    let entries = std::fs::read_dir(house.path("cache")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names = entries.map(|name| name.into_string().unwrap()).filter(|name| name.ends_with(".git"));
    names.next().expect("a cache")
}

/// Leases a copy, and gives the lease's id.
pub fn lease(house: &House, arguments: &[&str]) -> String {
    let all = [&["lease", "--type", "working-copy", "--timeout", "2m"], arguments].concat();
    run(house, &all).ok().trim().to_owned()
}

pub fn release(house: &House, lease: &str) {
    run(house, &["release", lease]).ok();
    eventually(|| run(house, &["show", lease]).ok().contains("destroyed"));
}

pub fn head(house: &House, lease: &str) -> String {
    run(house, &["command", lease, "--", "git", "rev-parse", "HEAD"]).ok().trim().to_owned()
}

#[tokio::test]
async fn a_copy_is_leased_used_cleaned_and_leased_again() {
    let house = with_copies(1).await;
    let first = git(&house.path("remote"), &["rev-parse", "HEAD"]);
    let held = lease(&house, &[]);
    let log = run(&house, &["command", &held, "--", "git", "log", "--format=%H %s"]);
    assert_eq!(log.ok(), format!("{first} first\n"));
    let second = commit(&house, "second");
    release(&house, &held);

    let held = lease(&house, &["-a", "branch=main"]);
    let script = "test \"$PWD\" = \"$DRYDOCK_WORKING_COPY_APP\" && git rev-parse HEAD && ls && touch stray ../stray";
    let said = run(&house, &["command", &held, "--", "sh", "-c", script]).ok();
    assert_eq!(said, format!("{second}\nfirst\nsecond\n"));
    release(&house, &held);

    let held = lease(&house, &["-a", &format!("commit={first}")]);
    assert_eq!(head(&house, &held), first);
    assert_eq!(run(&house, &["command", &held, "--", "git", "status", "--porcelain", "--ignored"]).ok(), "");
    assert_eq!(run(&house, &["command", &held, "--", "ls", ".."]).ok(), "app\n");
    let resources = run(&house, &["resources", "--all", "--json"]).json();
    let copies = resources["resources"].as_array().unwrap().iter().filter(|one| one["type"] == "working-copy");
    assert_eq!(copies.count(), 1, "one copy served them all");
    release(&house, &held);
    let nowhere = format!("commit={}", "d".repeat(40));
    run(&house, &["lease", "--type", "working-copy", "-a", &nowhere]).failed(3, "has not what is asked of it");
    assert_eq!(run(&house, &["check"]).ok(), "every rule holds\n");
}

#[tokio::test]
async fn neither_a_killed_daemon_nor_a_dead_host_spoils_a_copy() {
    let mut house = with_copies(1).await;
    let lease = lease(&house, &[]);
    let copy = run(&house, &["show", &lease, "--json"]).json()["resource"]["id"].as_str().unwrap().to_owned();
    release(&house, &lease);

    // The daemon is killed while the host clones for a new copy.
    run(&house, &["release", "--resource", &copy]).ok();
    let gate = Gate::close(&house);
    std::fs::remove_dir_all(house.path("cache").join(cache(&house))).unwrap();
    let args = ["lease", "--type", "working-copy", "--no-wait", "-a", "branch=main"];
    let lease = run(&house, &args).ok().trim().to_owned();
    eventually(|| run(&house, &["show", &lease]).ok().contains("git fetches app"));
    house.kill();
    let second = commit(&house, "second");
    drop(gate);
    house.start().await;
    run(&house, &["wait", &lease]).ok();
    assert_eq!(head(&house, &lease), second);
    release(&house, &lease);

    // The host dies while it fetches, and comes back.
    let third = commit(&house, "third");
    let gate = Gate::close(&house);
    let lease = run(&house, &args).ok().trim().to_owned();
    eventually(|| run(&house, &["show", &lease]).ok().contains("git fetches app"));
    house.sshd.down();
    drop(gate);
    house.sshd.up();
    run(&house, &["wait", &lease]).ok();
    assert_eq!(head(&house, &lease), third);
    release(&house, &lease);
    assert_eq!(run(&house, &["check"]).ok(), "every rule holds\n");
}
