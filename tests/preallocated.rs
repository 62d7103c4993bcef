//! The plugin `preallocated`, as a real component that works on this machine.

mod arguments;
mod guests;

use arguments::{Taken, blueprint, place, request, resource, step};
use drydock_core::contract::{
    Access, Allocation, Blame, BlueprintArg, LeftoverArg, Next, Progress, Refusal, ResourceArg, Slot,
};
use drydock_core::plugin::{Plugin, Step};
use drydock_runtime::Schemas;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// A host on this machine, with directories below `path`.
fn here(path: &Path) -> BlueprintArg {
    blueprint(json!({ "hosts": [{ "name": "one", "local": true, "path": path, "labels": { "disk": "fast" } }] }))
}

/// The resource that an allocation becomes.
fn made_of(allocation: &Allocation) -> ResourceArg {
    ResourceArg {
        name: allocation.name.clone(),
        labels: allocation.labels.clone(),
        slots: allocation.slots.clone(),
        ..resource(&allocation.attributes)
    }
}

async fn the_host(plugin: &dyn Plugin, b: &BlueprintArg) -> ResourceArg {
    let list = plugin.allocate(b, &request(json!({}), &[]), &Taken(vec![])).await.unwrap().unwrap();
    assert_eq!(list.len(), 1);
    made_of(&list[0])
}

fn done(answer: Result<Progress, drydock_core::contract::Failure>) -> drydock_core::contract::StepOutcome {
    match answer {
        Ok(Progress::Done(outcome)) => outcome,
        other => panic!("not done, but {other:?}"),
    }
}

#[tokio::test]
async fn a_lease_from_request_to_nothing_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("leases here");
    let plugin = guests::load("preallocated").await;
    assert_eq!(plugin.descriptor().kind, "host");
    assert_eq!(plugin.digest().len(), 64);

    let b = here(&path);
    let r = request(json!({ "platform": "posix" }), &[("disk", "fast")]);
    let needs = plugin.consider(&b, &r).await.unwrap().unwrap();
    assert_eq!(needs.share, 1);

    let list = plugin.allocate(&b, &r, &Taken(vec![])).await.unwrap().unwrap();
    assert_eq!(list[0].slots, [Slot::Named("host/one".into())]);
    let on = made_of(&list[0]);
    assert!(needs.labels.iter().all(|label| on.labels.iter().any(|has| has == label)), "found by its labels");
    let acquisition = plugin.acquire(&b, &on, &r, &Taken(vec![])).await.unwrap().unwrap();
    assert_eq!((acquisition.share, acquisition.ready), (1, None));

    done(plugin.act(step(Step::Open, &b, &on, None)).await.unwrap());
    assert!(path.is_dir());

    let mut directories = Vec::new();
    for _ in 0..2 {
        let outcome = done(plugin.act(step(Step::Activate, &b, &on, Some(place("p-1")))).await.unwrap());
        let handout = outcome.handout.unwrap();
        assert_eq!(handout.access, Access::Local);
        directories.push(handout.directory.unwrap());
    }
    assert_eq!(directories[0], directories[1], "repeated, it finds what it made");
    let directory = Path::new(&directories[0]);
    assert_eq!(directory, path.join("p-1"));
    assert_eq!(directory.metadata().unwrap().permissions().mode() & 0o777, 0o700);

    std::fs::create_dir(directory.join("sub")).unwrap();
    std::fs::write(directory.join("sub/file"), "work").unwrap();
    std::fs::create_dir(path.join("p-10")).unwrap();
    for _ in 0..2 {
        done(plugin.act(step(Step::Release, &b, &on, Some(place("p-1")))).await.unwrap());
    }
    assert!(!directory.exists());
    assert!(path.join("p-10").exists(), "only its own directory is removed");
    done(plugin.act(step(Step::Close, &b, &on, None)).await.unwrap());
}

/// `n` hosts that nobody can reach.
fn farm(n: usize) -> BlueprintArg {
    let host = |i| {
        json!({ "name": format!("h{i}"), "address": "192.0.2.1", "user": "u", "credential": "c",
        "labels": { "rack": format!("{}", i % 3), "parity": format!("{}", i % 2) }, "shares": 2 })
    };
    blueprint(json!({ "hosts": (0..n).map(host).collect::<Vec<_>>() }))
}

#[tokio::test]
async fn what_no_host_has_is_named() {
    let plugin = guests::load("preallocated").await;
    let b = farm(3);
    for (attributes, labels, part) in [
        (json!({}), vec![("rack", "7")], "the label rack=7"),
        (json!({}), vec![("rack", "1"), ("gpu", "big")], "the label gpu=big"),
        (json!({ "host": "h9" }), vec![], "the name h9"),
        (json!({ "platform": "windows" }), vec![], "the platform windows"),
        (json!({ "host": "h0" }), vec![("rack", "1")], "all of these at once: the name h0, the label rack=1"),
    ] {
        match plugin.consider(&b, &request(attributes, &labels)).await.unwrap() {
            Err(Refusal::Never(reason)) => assert!(reason.contains(part), "{part:?} is not in {reason:?}"),
            other => panic!("{other:?}"),
        }
    }
    assert!(plugin.consider(&b, &request(json!({ "host": "h1" }), &[("rack", "1")])).await.unwrap().is_ok());

    let twice = blueprint(json!({ "hosts": [{ "name": "a", "local": true }, { "name": "a", "local": true }] }));
    let refusal = plugin.consider(&twice, &request(json!({}), &[])).await.unwrap().unwrap_err();
    assert!(matches!(&refusal, Refusal::Never(reason) if reason.contains("a twice")), "{refusal:?}");
}

#[tokio::test]
async fn free_hosts_are_offered_in_an_order_of_the_seed() {
    let plugin = guests::load("preallocated").await;
    let r = request(json!({}), &[("parity", "1")]);
    let names = async |b: &BlueprintArg, taken: &Taken| -> Vec<String> {
        let list = plugin.allocate(b, &r, taken).await.unwrap().unwrap();
        list.into_iter().map(|allocation| allocation.name).collect()
    };
    let all = Taken(vec![]);
    let first = names(&farm(200), &all).await;
    assert_eq!(first.len(), 16);
    assert_eq!(first, names(&farm(200), &all).await);
    let mut beginnings = std::collections::BTreeSet::new();
    for seed in 0..20 {
        beginnings.insert(names(&BlueprintArg { seed, ..farm(200) }, &all).await[0].clone());
    }
    assert!(beginnings.len() > 10, "{beginnings:?}");

    // All but one of the hundred that match are taken.
    let mut taken = Taken((0..200).map(|i| format!("host/h{i}")).collect());
    taken.0.retain(|key| key != "host/h77");
    assert_eq!(names(&farm(200), &taken).await, ["h77"]);

    taken.0.push("host/h77".into());
    match plugin.allocate(&farm(200), &r, &taken).await.unwrap() {
        Err(Refusal::Full { slots, .. }) => {
            assert_eq!(slots.len(), 100);
            assert!(slots.contains(&"host/h77".to_owned()) && !slots.contains(&"host/h78".to_owned()));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_host_without_a_path_needs_no_calls() {
    let plugin = guests::load("preallocated").await;
    let b = farm(1);
    let list = plugin.allocate(&b, &request(json!({}), &[]), &Taken(vec![])).await.unwrap().unwrap();
    assert_eq!(list[0].limit, Some(2));
    let on = made_of(&list[0]);
    let acquisition = plugin.acquire(&b, &on, &request(json!({}), &[]), &Taken(vec![])).await.unwrap().unwrap();
    let Some(handout) = acquisition.ready else { panic!("not ready") };
    match handout.access {
        Access::Ssh(ssh) => assert_eq!((ssh.host.as_str(), ssh.port, ssh.user.as_str()), ("192.0.2.1", 22, "u")),
        other => panic!("{other:?}"),
    }
    let refusal = plugin.acquire(&b, &on, &request(json!({}), &[("rack", "2")]), &Taken(vec![])).await.unwrap();
    assert!(matches!(refusal, Err(Refusal::Never(reason)) if reason.contains("rack=2")));
    // Nobody answers at 192.0.2.1, and it is closed all the same.
    done(plugin.act(step(Step::Close, &b, &on, None)).await.unwrap());
}

#[tokio::test]
async fn leftovers_are_cleared_where_they_lie() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = guests::load("preallocated").await;
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    for directory in [old.join("p-1"), new.join("p-2"), new.join("p-3"), old.join("p-4")] {
        std::fs::create_dir_all(directory.join("work")).unwrap();
    }
    let leftover = |place: &str, state: Option<Value>| LeftoverArg {
        place: place.into(),
        state: state.map(|state| state.to_string()),
        reason: "unreachable".into(),
    };
    let b = here(&new);
    let on = the_host(&*plugin, &b).await;
    let mut call = step(Step::Open, &b, &on, None);
    call.context.leftovers = vec![
        // It was made under another path, before the configuration was changed.
        leftover("p-1", Some(json!({ "directory": old.join("p-1") }))),
        leftover("p-2", None),
        // Its state names what is not its own.
        leftover("p-3", Some(json!({ "directory": old }))),
    ];
    done(plugin.act(call).await.unwrap());
    assert!(!old.join("p-1").exists() && !new.join("p-2").exists() && !new.join("p-3").exists());
    assert!(old.join("p-4").exists());

    let mut call = step(Step::Close, &b, &on, None);
    call.context.leftovers = vec![leftover("p-4", Some(json!({ "directory": old.join("p-4") })))];
    done(plugin.act(call).await.unwrap());
    assert!(!old.join("p-4").exists());
}

#[tokio::test]
async fn failures_say_who_has_to_act() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = guests::load("preallocated").await;
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();

    let b = here(&file.join("below a file"));
    let on = the_host(&*plugin, &b).await;
    for which in [Step::Open, Step::Activate] {
        let failure = plugin.act(step(which, &b, &on, Some(place("p-1")))).await.unwrap().unwrap_err();
        assert_eq!((failure.blame, failure.next), (Blame::Host, Next::Elsewhere));
        assert!(failure.reason.starts_with("one could not") && failure.reason.contains("below a file"), "{failure:?}");
    }

    // The operator did not grant it.
    let mut call = step(Step::Activate, &b, &on, Some(place("p-1")));
    call.grants.clear();
    let failure = plugin.act(call).await.unwrap().unwrap_err();
    assert_eq!((failure.blame, failure.next), (Blame::Operator, Next::Attention));
    assert!(failure.reason.contains(r#"grants = ["commands:local"]"#), "{failure:?}");

    // Somebody put a link where the directory belongs.
    let path = folder.path().join("leases");
    let elsewhere = folder.path().join("elsewhere");
    std::fs::create_dir_all(&path).unwrap();
    std::fs::create_dir_all(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, path.join("p-1")).unwrap();
    let b = here(&path);
    let on = the_host(&*plugin, &b).await;
    assert!(plugin.act(step(Step::Activate, &b, &on, Some(place("p-1")))).await.unwrap().is_err());

    for id in ["..", "p-1/..", "", "P1", "p 1"] {
        for which in [Step::Activate, Step::Release] {
            let failure = plugin.act(step(which, &b, &on, Some(place(id)))).await.unwrap().unwrap_err();
            assert!(failure.reason.contains("can't name a directory"), "{failure:?}");
        }
    }
    assert!(path.exists());
}

#[tokio::test]
async fn the_schemas_name_what_is_wrong() {
    let plugin = guests::load("preallocated").await;
    let schemas = Schemas::new(plugin.descriptor()).unwrap();
    let ssh = |more: Value| {
        let mut host = json!({ "name": "a", "user": "u", "credential": "c" });
        host.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "hosts": [host] })
    };
    schemas.check_config(&ssh(json!({}))).unwrap();
    schemas.check_config(&ssh(json!({ "port": 2222, "path": "/srv/x", "labels": { "a": "b" } }))).unwrap();
    schemas.check_config(&json!({ "hosts": [{ "name": "me", "local": true, "path": "/tmp/x" }] })).unwrap();
    for (config, parts) in [
        (json!({}), ["hosts", "required"]),
        (json!({ "hosts": [], "host": 1 }), ["host", "unexpected"]),
        (json!({ "hosts": [{ "name": "a" }] }), ["/hosts/0", "user"]),
        (ssh(json!({ "port": 0 })), ["/hosts/0/port", "0"]),
        (ssh(json!({ "name": "a/b" })), ["/hosts/0/name", "a/b"]),
        (ssh(json!({ "path": "srv" })), ["/hosts/0/path", "srv"]),
        (ssh(json!({ "platform": "windows", "path": "/srv" })), ["/hosts/0/path", "may not be given here"]),
        (ssh(json!({ "local": true })), ["/hosts/0/", "may not be given here"]),
        (ssh(json!({ "nmae": "x" })), ["/hosts/0", "nmae"]),
    ] {
        let error = schemas.check_config(&config).unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{parts:?} are not in {error:?}");
    }
    schemas.check_request(&json!({ "host": "a", "platform": "posix" })).unwrap();
    assert!(schemas.check_request(&json!({ "hots": "a" })).unwrap_err().path.contains("hots"));
}

#[tokio::test]
async fn a_host_of_windows_has_paths_of_its_own() {
    let plugin = guests::load("preallocated").await;
    let schemas = Schemas::new(plugin.descriptor()).unwrap();
    let host = |more: Value| {
        let mut host = json!({ "name": "a", "user": "u", "credential": "c", "platform": "windows" });
        host.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "hosts": [host] })
    };
    for right in [json!({ "path": r"C:\work\x y" }), json!({ "path": r"d:\", "shares": 1 }), json!({ "shares": 5 })] {
        schemas.check_config(&host(right)).unwrap();
    }
    schemas.check_config(&host(json!({ "platform": "posix", "path": "/srv", "weight": 1000 }))).unwrap();
    for (more, part) in [
        (json!({ "path": "C:/work" }), "/hosts/0/path"),
        (json!({ "path": r"C:\a|b" }), "/hosts/0/path"),
        (json!({ "path": r"C:\work", "shares": 2 }), "/hosts/0/shares"),
        (json!({ "platform": "posix", "path": r"C:\work" }), "/hosts/0/path"),
        (json!({ "platform": "other", "path": r"C:\work" }), "/hosts/0/path"),
        (json!({ "weight": 0 }), "/hosts/0/weight"),
        (json!({ "weight": 1001 }), "/hosts/0/weight"),
        (json!({ "address": null }), "/hosts/0/address"),
        (json!({ "labels": { "preallocated/x": "y" } }), "/hosts/0/labels"),
    ] {
        let error = schemas.check_config(&host(more)).unwrap_err().to_string();
        assert!(error.contains(part), "{part:?} is not in {error:?}");
    }

    // It is opened without any command, which could not run there; its one lease gets the path itself.
    let b = blueprint(host(json!({ "path": r"C:\work" })));
    let on = the_host(&*plugin, &b).await;
    done(plugin.act(step(Step::Open, &b, &on, None)).await.unwrap());
    let acquisition = plugin.acquire(&b, &on, &request(json!({}), &[]), &Taken(vec![])).await.unwrap().unwrap();
    assert_eq!(acquisition.ready.unwrap().directory.as_deref(), Some(r"C:\work"));
}
