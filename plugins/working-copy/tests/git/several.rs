//! Several repositories in one lease.

use crate::remote::Remote;
use crate::world::{World, config};
use drydock_sdk::serde_json::json;

#[test]
fn each_repository_has_a_directory_and_a_variable() {
    let (app, lib) = (Remote::new(), Remote::new());
    let older = app.head();
    app.commit("second", "two\n");
    lib.commit("library", "x\n");
    let request = json!({ "repositories": {
        "app": { "commit": older, "default": true },
        "my-lib": { "branch": "main" },
    } });
    let mut world = World::opened(config(&[("app", &app), ("my-lib", &lib)]), request.clone());
    let (mut place, handout) = world.lease(request);
    let ground = world.machine().ground().to_str().unwrap().to_owned();
    assert_eq!(handout.directory, Some(format!("{ground}/app")));
    assert_eq!(handout.environment["DRYDOCK_WORKING_COPY_APP"], format!("{ground}/app"));
    assert_eq!(handout.environment["DRYDOCK_WORKING_COPY_MY_LIB"], format!("{ground}/my-lib"));
    assert_eq!(world.head("app"), older);
    assert_eq!(world.head("my-lib"), lib.head());
    assert_eq!(world.git("my-lib", &["symbolic-ref", "--short", "HEAD"]), "main");
    assert_eq!(world.git("app", &["for-each-ref", "refs/heads/"]), "", "a commit is on no branch");
    assert_eq!(world.git("app", &["remote", "get-url", "origin"]), app.url());
    assert_eq!(world.git("my-lib", &["rev-parse", "origin/main"]), lib.head());
    assert!(!world.copy("app").join("second").exists());
    world.release(&mut place).unwrap();
    world.assert_clean("app");
    world.assert_clean("my-lib");
    assert_eq!(world.machine().records(), 0, "no job leaves a record");
}

#[test]
fn merges_go_on_top_in_their_order_and_come_out_the_same() {
    let (app, fork) = (Remote::new(), Remote::new());
    fork.git(&["fetch", "--quiet", app.url(), "main"]);
    fork.git(&["reset", "--quiet", "--hard", "FETCH_HEAD"]);
    fork.git(&["checkout", "--quiet", "-b", "theirs"]);
    let theirs = fork.commit("theirs", "x\n");
    app.git(&["checkout", "--quiet", "-b", "feature"]);
    let feature = app.commit("feature", "x\n");
    app.git(&["checkout", "--quiet", "main"]);
    let main = app.commit("second", "two\n");
    let request = json!({ "repository": "app", "branch": "main", "merges": [
        { "branch": "feature" },
        { "from": "fork", "commit": theirs },
    ] });
    let mut world = World::opened(config(&[("app", &app), ("fork", &fork)]), request.clone());
    let (mut place, _) = world.lease(request.clone());
    let head = world.head("app");
    assert_eq!(world.git("app", &["log", "--format=%P", "-1"]).split(' ').nth(1), Some(theirs.as_str()));
    assert_eq!(world.git("app", &["rev-parse", "HEAD^1^1", "HEAD^1^2"]), format!("{main}\n{feature}"));
    for file in ["first", "second", "feature", "theirs"] {
        assert!(world.copy("app").join(file).exists(), "{file}");
    }
    assert_eq!(world.git("app", &["status", "--porcelain", "--branch"]), "## main...origin/main [ahead 4]");
    world.release(&mut place).unwrap();
    world.assert_clean("app");
    let (mut place, _) = world.lease(request);
    assert_eq!(world.head("app"), head, "the same commits merged are the same commit");
    world.release(&mut place).unwrap();
}
