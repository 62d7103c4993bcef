//! Each way to say what is wanted.

use crate::remote::Remote;
use crate::world::{World, config};
use drydock_sdk::Next;
use drydock_sdk::serde_json::json;

#[test]
fn commits_branches_tags_and_other_references_are_checked_out() {
    let remote = Remote::new();
    let first = remote.head();
    remote.git(&["tag", "-a", "-m", "one", "v1"]);
    remote.git(&["checkout", "--quiet", "-b", "side"]);
    let pulled = remote.commit("pulled", "x\n");
    remote.git(&["update-ref", "refs/pull/1/head", &pulled]);
    remote.git(&["reset", "--quiet", "--hard", "HEAD^"]);
    let side = remote.commit("side", "x\n");
    remote.git(&["checkout", "--quiet", "main"]);
    let main = remote.commit("second", "two\n");
    let mut world = World::opened(config(&[("app", &remote)]), json!({}));
    let rows = [
        (json!({ "commit": first }), &first, None),
        (json!({ "branch": "side" }), &side, Some("side")),
        (json!({ "ref": "refs/heads/side" }), &side, None),
        (json!({ "ref": "side" }), &side, None),
        (json!({ "ref": "v1" }), &first, None),
        (json!({ "ref": "refs/tags/v1" }), &first, None),
        (json!({ "ref": "refs/pull/1/head" }), &pulled, None),
        (json!({}), &main, Some("main")),
        (json!({ "repositories": { "app": { "branch": "side" } } }), &side, Some("side")),
    ];
    for (request, commit, branch) in rows {
        let (mut place, _) = world.lease(request.clone());
        assert_eq!(&world.head("app"), commit, "{request}");
        let on = world.git("app", &["for-each-ref", "--format=%(refname:short)", "refs/heads/"]);
        assert_eq!(on, branch.unwrap_or_default(), "{request}");
        assert_eq!(world.git("app", &["status", "--porcelain", "--ignored"]), "", "{request}");
        world.release(&mut place).unwrap();
        world.assert_clean("app");
    }
}

#[test]
fn the_default_is_the_configured_one_or_what_the_remote_says_now() {
    let remote = Remote::new();
    remote.git(&["checkout", "--quiet", "-b", "stable"]);
    let stable = remote.commit("stable", "x\n");
    remote.git(&["checkout", "--quiet", "main"]);
    let mut configured = config(&[("app", &remote)]);
    configured["repositories"]["app"]["default"] = json!("stable");
    let mut world = World::opened(configured, json!({}));
    assert_eq!(world.head("app"), stable, "a copy that waits has it too");
    let (mut place, _) = world.lease(json!({}));
    assert_eq!(world.head("app"), stable);
    world.release(&mut place).unwrap();

    let mut world = World::opened(config(&[("app", &remote)]), json!({}));
    remote.git(&["checkout", "--quiet", "stable"]);
    remote.git(&["branch", "--quiet", "-D", "main"]);
    let (mut place, _) = world.lease(json!({}));
    assert_eq!(world.git("app", &["symbolic-ref", "--short", "HEAD"]), "stable");
    world.release(&mut place).unwrap();
}

#[test]
fn a_branch_that_looks_like_a_commit_is_none() {
    let remote = Remote::new();
    let first = remote.head();
    let second = remote.commit("second", "two\n");
    // git would take the branch of this name before the commit.
    remote.git(&["update-ref", &format!("refs/heads/{first}"), &second]);
    let mut world = World::opened(config(&[("app", &remote)]), json!({}));
    let (mut place, _) = world.lease(json!({ "commit": first }));
    assert_eq!(world.head("app"), first);
    world.release(&mut place).unwrap();
    let (mut place, _) = world.lease(json!({ "branch": first }));
    assert_eq!(world.head("app"), second);
    world.release(&mut place).unwrap();
}

#[test]
fn pointers_of_lfs_stay_as_they_are() {
    let remote = Remote::new();
    remote.commit(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n");
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12\n", "a".repeat(64));
    remote.commit("big.bin", &pointer);
    let mut world = World::opened(config(&[("app", &remote)]), json!({}));
    let (mut place, _) = world.lease(json!({ "branch": "main" }));
    assert_eq!(std::fs::read_to_string(world.copy("app").join("big.bin")).unwrap(), pointer);
    world.release(&mut place).unwrap();
    world.assert_clean("app");
}

#[test]
fn lfs_is_asked_where_it_is_wanted_and_has_a_store_beside_the_cache() {
    let remote = Remote::new();
    remote.commit(".gitattributes", "*.bin filter=lfs -text\n");
    let mut config = config(&[("app", &remote)]);
    config["repositories"]["app"]["lfs"] = json!(true);
    let mut world = World::opened(config, json!({}));
    assert_eq!(world.refused(json!({})).next, Next::Elsewhere, "a host without it can't serve");

    // A stand-in: it notes what it is asked, and where it is told to keep things.
    let tools = world.machine().home.path().join("tools");
    std::fs::create_dir(&tools).unwrap();
    let script = "#!/bin/sh\necho \"$* $(git config lfs.storage)\" >>\"$HOME/asked\"\n";
    std::fs::write(tools.join("git-lfs"), script).unwrap();
    std::fs::set_permissions(tools.join("git-lfs"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", tools.display(), world.machine().path);
    world.machine().path = path;
    let (mut place, _) = world.lease(json!({}));
    let cache = world.machine().cache();
    let asked = std::fs::read_to_string(world.machine().home.path().join("asked")).unwrap();
    assert_eq!(asked, format!("install --local --skip-repo {0}.lfs\npull {0}.lfs\n", cache.display()));
    world.release(&mut place).unwrap();
    world.assert_clean("app");
}

#[test]
fn submodules_are_checked_out_where_they_are_wanted_and_swept_away() {
    let (remote, inner) = (Remote::new(), Remote::new());
    inner.commit("inner", "x\n");
    remote.git(&["submodule", "--quiet", "add", inner.url(), "parts/ä inner"]);
    remote.git(&["commit", "--quiet", "-m", "with a part"]);
    let part = |world: &mut World| world.copy("app").join("parts/ä inner");
    let without = config(&[("app", &remote)]);
    let mut with = without.clone();
    with["repositories"]["app"]["submodules"] = json!(true);

    let mut world = World::opened(without, json!({}));
    let (mut place, _) = world.lease(json!({ "branch": "main" }));
    assert!(std::fs::read_dir(part(&mut world)).unwrap().next().is_none());
    std::fs::write(part(&mut world).join("stray"), "x").unwrap();
    world.release(&mut place).unwrap();
    world.assert_clean("app");
    assert!(std::fs::read_dir(part(&mut world)).unwrap().next().is_none());

    let mut world = World::opened(with, json!({}));
    let (mut place, _) = world.lease(json!({ "branch": "main" }));
    let file = part(&mut world).join("inner");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "x\n");
    std::fs::write(file, "changed").unwrap();
    std::fs::write(part(&mut world).join("stray"), "x").unwrap();
    world.release(&mut place).unwrap();
    world.assert_clean("app");
    let (mut place, _) = world.lease(json!({ "branch": "main" }));
    assert_eq!(std::fs::read_to_string(part(&mut world).join("inner")).unwrap(), "x\n");
    assert!(!part(&mut world).join("stray").exists());
    world.release(&mut place).unwrap();
}

#[test]
fn an_empty_repository_is_a_copy_until_something_is_asked_of_it() {
    let remote = Remote::new();
    remote.git(&["checkout", "--quiet", "--orphan", "none"]);
    remote.git(&["update-ref", "-d", "refs/heads/main"]);
    let mut world = World::opened(config(&[("app", &remote)]), json!({}));
    assert!(world.refused(json!({})).reason.contains("no head"));
    remote.git(&["checkout", "--quiet", "-b", "main"]);
    let first = remote.commit("first", "again\n");
    let (mut place, _) = world.lease(json!({}));
    assert_eq!(world.head("app"), first);
    world.release(&mut place).unwrap();
    world.assert_clean("app");
}
