//! What is there already is not fetched again.

use crate::remote::{Remote, git};
use crate::world::{World, config};
use drydock_sdk::serde_json::json;
use std::os::unix::fs::MetadataExt;

/// Commits that a cache has.
fn cached(world: &mut World) -> usize {
    let cache = world.machine().cache();
    git(&cache, &["rev-list", "--all", "--count"]).parse().unwrap()
}

#[test]
fn a_large_history_is_cloned_once_for_all_copies_on_a_host() {
    let remote = Remote::new();
    remote.import("large", 5000);
    let config = config(&[("app", &remote)]);
    let mut world = World::opened(config.clone(), json!({}));
    assert_eq!(cached(&mut world), 5001);
    assert_eq!(world.machine().contacts(), 1);
    let tip = remote.git(&["rev-parse", "large"]);
    let (mut place, _) = world.lease(json!({ "commit": tip }));
    assert_eq!(world.git("app", &["rev-list", "--count", "HEAD"]), "5000");
    assert_eq!(world.machine().contacts(), 1, "a commit that the cache has asks nobody");
    world.release(&mut place).unwrap();

    // A second copy on the same host.
    let mut other = World::new(config, json!({}));
    other.machine = world.machine.take();
    std::fs::remove_dir_all(other.machine().ground()).unwrap();
    std::fs::create_dir(other.machine().ground()).unwrap();
    other.open().unwrap();
    assert_eq!(other.machine().contacts(), 1, "its cache serves all copies");
    let packs = other.copy("app").join(".git/objects/pack");
    let shared = |path: std::path::PathBuf| std::fs::metadata(path).unwrap().nlink() > 1;
    assert!(std::fs::read_dir(packs).unwrap().all(|entry| shared(entry.unwrap().path())), "the same files");

    // Only what is new is fetched.
    let new = remote.commit("second", "two\n");
    let (mut place, _) = other.lease(json!({ "branch": "main" }));
    assert_eq!(other.head("app"), new);
    assert_eq!(cached(&mut other), 5002);
    other.release(&mut place).unwrap();
}

#[test]
fn a_branch_that_was_forced_to_something_else_is_what_it_is_now() {
    let remote = Remote::new();
    remote.git(&["checkout", "--quiet", "-b", "wip"]);
    let before = remote.commit("wip", "first try\n");
    let mut world = World::opened(config(&[("app", &remote)]), json!({}));
    let (mut place, _) = world.lease(json!({ "branch": "wip" }));
    assert_eq!(world.head("app"), before);
    world.release(&mut place).unwrap();
    remote.git(&["reset", "--quiet", "--hard", "HEAD^"]);
    let after = remote.commit("wip", "second try\n");
    let (mut place, _) = world.lease(json!({ "branch": "wip" }));
    assert_eq!(world.head("app"), after);
    assert_eq!(world.git("app", &["rev-parse", "origin/wip"]), after);
    world.release(&mut place).unwrap();
    // What was seen once is still there by its id.
    let (mut place, _) = world.lease(json!({ "commit": before }));
    assert_eq!(world.head("app"), before);
    world.release(&mut place).unwrap();
    // A branch that makes way for one below it.
    remote.git(&["checkout", "--quiet", "main"]);
    remote.git(&["branch", "--quiet", "-D", "wip"]);
    remote.git(&["checkout", "--quiet", "-b", "wip/more"]);
    let below = remote.commit("more", "x\n");
    let (mut place, _) = world.lease(json!({ "branch": "wip/more" }));
    assert_eq!(world.head("app"), below);
    world.release(&mut place).unwrap();
    world.assert_clean("app");
}

#[test]
fn a_fetch_that_died_in_the_middle_is_in_nobodys_way() {
    let remote = Remote::new();
    let mut world = World::opened(config(&[("app", &remote)]), json!({}));
    let cache = world.machine().cache();
    std::fs::write(cache.join("packed-refs.lock"), "").unwrap();
    std::fs::write(cache.join("refs/heads/main.lock"), "").unwrap();
    std::fs::write(cache.join("config"), "[core]\n\tbare = true\n\tsshCommand = false\n[remote").unwrap();
    std::fs::create_dir(cache.with_extension("git.new")).unwrap();
    let new = remote.commit("second", "two\n");
    let (mut place, _) = world.lease(json!({ "branch": "main" }));
    assert_eq!(world.head("app"), new);
    world.release(&mut place).unwrap();
}

#[test]
fn a_cache_that_is_broken_is_made_anew() {
    let remote = Remote::new();
    let mut world = World::opened(config(&[("app", &remote)]), json!({}));
    let cache = world.machine().cache();
    std::fs::remove_dir_all(cache.join("objects")).unwrap();
    // The one who finds out can't go on; whoever opens a copy after that does.
    let mut place = world.place(json!({ "branch": "main" }));
    assert!(world.activate(&mut place).is_err());
    assert!(world.release(&mut place).is_err());
    let mut other = World::new(config(&[("app", &remote)]), json!({}));
    other.machine = world.machine.take();
    other.open().unwrap();
    let (mut place, _) = other.lease(json!({}));
    assert_eq!(other.head("app"), remote.head());
    other.release(&mut place).unwrap();
}
