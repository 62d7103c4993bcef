//! What can't be set up, and what is said of it.

use crate::remote::Remote;
use crate::world::{World, config};
use drydock_sdk::serde_json::json;
use drydock_sdk::{Blame, Next};

#[test]
fn what_does_not_exist_breaks_the_lease() {
    let remote = Remote::new();
    let mut world = World::opened(config(&[("app", &remote)]), json!({}));
    let nowhere = "0123456789".repeat(4);
    let rows = [
        (json!({ "commit": nowhere }), "find", nowhere.as_str()),
        (json!({ "branch": "nothing" }), "find", "branch nothing"),
        (json!({ "ref": "nothing" }), "find", "ref nothing"),
        (json!({ "ref": "refs/pull/7/head" }), "find", "refs/pull/7/head"),
        (json!({ "branch": "main", "merges": [{ "branch": "nothing" }] }), "find", "branch nothing"),
    ];
    for (request, phase, text) in rows {
        let failure = world.refused(request.clone());
        assert_eq!((failure.blame, failure.next), (Blame::Request, Next::BreakLease), "{request}: {}", failure.reason);
        assert!(failure.reason.contains(text), "{request}: {}", failure.reason);
        let saved = world.saved.take().unwrap();
        assert_eq!(saved["phase"], phase, "{saved}");
        assert!(saved["command"].as_str().unwrap().starts_with("git "), "{saved}");
        assert!(!saved["stderr"].as_str().unwrap().is_empty(), "{saved}");
        world.assert_clean("app");
    }
    // The copy is as good as before.
    let (mut place, _) = world.lease(json!({}));
    world.release(&mut place).unwrap();
}

#[test]
fn merges_that_clash_break_the_lease_and_leave_a_clean_copy() {
    let remote = Remote::new();
    remote.git(&["checkout", "--quiet", "-b", "other"]);
    remote.commit("first", "their way\n");
    remote.git(&["checkout", "--quiet", "main"]);
    remote.commit("first", "our way\n");
    let mut world = World::opened(config(&[("app", &remote)]), json!({}));
    let failure = world.refused(json!({ "branch": "main", "merges": [{ "branch": "other" }] }));
    assert_eq!((failure.blame, failure.next), (Blame::Request, Next::BreakLease), "{}", failure.reason);
    assert!(failure.reason.contains("CONFLICT (content): Merge conflict in first"), "{}", failure.reason);
    let saved = world.saved.take().unwrap();
    assert_eq!(saved["phase"], "merge");
    assert!(saved["command"].as_str().unwrap().starts_with("git merge "), "{saved}");
    world.assert_clean("app");
}

#[test]
fn a_remote_that_is_down_is_done_without_where_that_is_allowed() {
    let remote = Remote::new();
    let commit = remote.head();
    let mut world = World::opened(config(&[("app", &remote)]), json!({}));
    remote.hide();
    for request in [json!({ "commit": commit }), json!({ "branch": "main" }), json!({}), json!({ "ref": "main" })] {
        let (mut place, _) = world.lease(request);
        assert_eq!(world.head("app"), commit);
        world.release(&mut place).unwrap();
    }
    assert!(world.machine().answers.iter().any(|answer| answer.contains("\nstale git fetch")));
    // What the cache has not got can't be had.
    let failure = world.refused(json!({ "branch": "new" }));
    assert_ne!(failure.next, Next::BreakLease, "{}", failure.reason);
    remote.show();
    remote.git(&["branch", "new"]);
    let (mut place, _) = world.lease(json!({ "branch": "new" }));
    world.release(&mut place).unwrap();
}

#[test]
fn a_strict_blueprint_asks_the_remote_whatever_is_wanted() {
    let remote = Remote::new();
    let mut strict = config(&[("app", &remote)]);
    strict["strict"] = json!(true);
    let mut world = World::opened(strict.clone(), json!({}));
    let commit = remote.head();
    let (mut place, _) = world.lease(json!({ "commit": commit }));
    world.release(&mut place).unwrap();
    assert_eq!(world.machine().contacts(), 2);
    remote.hide();
    for request in [json!({ "commit": commit }), json!({ "branch": "main" }), json!({})] {
        let failure = world.refused(request.clone());
        assert_ne!(failure.next, Next::BreakLease, "{request}: {}", failure.reason);
        assert_eq!(world.saved.take().unwrap()["phase"], "fetch");
    }
    world.assert_clean("app");
}

/// A port that nobody listens on.
fn closed_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_server_that_can_not_be_reached_is_backed_off_from() {
    let url = format!("http://127.0.0.1:{}/app.git", closed_port());
    let unreachable = json!({ "repositories": { "app": { "url": url } }, "allow_local": true });
    let mut world = World::new(unreachable, json!({}));
    let failure = world.open().unwrap_err();
    assert_eq!((failure.blame, failure.next), (Blame::Provider, Next::BackOff), "{}", failure.reason);
    let state = world.on.state.clone().unwrap();
    assert!(state.contains(r#""phase":"clone""#) && state.contains("git clone"), "{state}");
    world.close();
    assert_eq!(world.machine().records(), 0, "nothing of it goes on");
}

#[test]
fn a_url_that_leads_nowhere_is_for_an_operator() {
    let nowhere = json!({ "repositories": { "app": { "url": "/nowhere/at/all" } }, "allow_local": true });
    let mut world = World::new(nowhere, json!({}));
    let failure = world.open().unwrap_err();
    assert_eq!((failure.blame, failure.next), (Blame::Operator, Next::Attention), "{}", failure.reason);
}

#[test]
fn a_host_that_is_away_for_a_while_is_waited_for() {
    let remote = Remote::new();
    let mut world = World::new(config(&[("app", &remote)]), json!({}));
    world.machine().down = 5;
    world.open().unwrap();
    let mut place = world.place(json!({ "branch": "main" }));
    world.machine().down = 5;
    world.activate(&mut place).unwrap();
    assert_eq!(world.head("app"), remote.head());
    world.machine().down = 5;
    world.release(&mut place).unwrap();
    world.assert_clean("app");
    let mut place = world.place(json!({ "branch": "main" }));
    world.machine().down = 1000;
    let failure = world.activate(&mut place).unwrap_err();
    assert_eq!((failure.blame, failure.next), (Blame::Host, Next::BackOff), "{}", failure.reason);
    world.machine().down = 5;
    world.release(&mut place).unwrap();
    world.close();
}

#[test]
fn what_a_reboot_of_the_host_has_ended_is_begun_again() {
    let remote = Remote::new();
    let mut world = World::new(config(&[("app", &remote)]), json!({}));
    world.machine().slow = true;
    world.machine().reboots = 2;
    world.open().unwrap();
    let mut place = world.place(json!({ "branch": "main" }));
    world.machine().reboots = 2;
    world.activate(&mut place).unwrap();
    assert_eq!(world.head("app"), remote.head());
    world.machine().reboots = 2;
    world.release(&mut place).unwrap();
    world.assert_clean("app");
    assert_eq!((world.machine().reboots, world.machine().records()), (0, 0));
}

#[test]
fn a_host_without_git_is_named() {
    let remote = Remote::new();
    let mut world = World::new(config(&[("app", &remote)]), json!({}));
    let tools = world.machine().home.path().join("bin");
    std::fs::create_dir(&tools).unwrap();
    for tool in ["sh", "env", "sed", "mkdir"] {
        std::os::unix::fs::symlink(format!("/bin/{tool}"), tools.join(tool)).unwrap();
    }
    world.machine().path = tools.to_str().unwrap().to_owned();
    let failure = world.open().unwrap_err();
    assert_eq!(failure.next, Next::Elsewhere);
    assert!(failure.reason.contains("there is no git here"), "{}", failure.reason);
}
