//! One cache, and many who use it at once.

use crate::remote::{Remote, git};
use crate::world::{World, config};
use drydock_sdk::serde_json::json;
use std::path::Path;

/// A folder of links to all programs but these.
fn without(home: &Path, programs: &[&str]) -> String {
    let folder = home.join("tools");
    std::fs::create_dir(&folder).unwrap();
    for place in std::env::var("PATH").unwrap().split(':') {
        let Ok(entries) = std::fs::read_dir(place) else { continue };
        for entry in entries.map(Result::unwrap) {
            if !programs.iter().any(|program| entry.file_name() == *program) {
                let _ = std::os::unix::fs::symlink(entry.path(), folder.join(entry.file_name()));
            }
        }
    }
    folder.to_str().unwrap().to_owned()
}

#[test]
fn where_there_is_no_flock_the_lock_of_a_dead_process_is_taken_over() {
    let remote = Remote::new();
    let mut world = World::new(config(&[("app", &remote)]), json!({}));
    let home = world.machine().home.path().to_owned();
    world.machine().path = without(&home, &["flock"]);
    world.open().unwrap();
    let held = world.machine().cache().with_extension("git.held");
    assert!(!held.exists() && !held.is_symlink(), "it was let go of");
    // The number of a process that lives, and that was started at another time.
    std::os::unix::fs::symlink(format!("{} Thu Jan  1 00:00:00 1970", std::process::id()), &held).unwrap();
    let new = remote.commit("second", "two\n");
    let (mut place, _) = world.lease(json!({ "branch": "main" }));
    assert_eq!(world.head("app"), new);
    world.release(&mut place).unwrap();
    assert!(!held.is_symlink());
}

/// Its jobs are all running when the first is waited for.
#[test]
fn leases_that_fetch_the_same_at_once_take_turns() {
    let remotes = [Remote::new(), Remote::new()];
    let mut config = config(&[("one", &remotes[0]), ("two", &remotes[0]), ("other", &remotes[1])]);
    config["repositories"]["other"]["default"] = json!("main");
    let request = json!({ "repositories": { "one": { "default": true }, "two": {}, "other": {} } });
    for flock in [true, false] {
        let mut world = World::new(config.clone(), request.clone());
        if !flock {
            let home = world.machine().home.path().to_owned();
            world.machine().path = without(&home, &["flock"]);
        }
        world.open().unwrap();
        let caches = std::fs::read_dir(world.machine().caches()).unwrap();
        let caches = caches.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".git"));
        assert_eq!(caches.count(), 2, "one for each URL");
        assert_eq!(world.machine().contacts(), 2, "who came second found what the first had cloned");
        let (mut place, _) = world.lease(request.clone());
        for (name, remote) in [("one", &remotes[0]), ("two", &remotes[0]), ("other", &remotes[1])] {
            assert_eq!(git(&world.copy(name), &["rev-parse", "HEAD"]), remote.head());
        }
        world.release(&mut place).unwrap();
        world.assert_clean("one");
    }
}

/// As it is where the connection is lost and the command goes on.
#[test]
fn what_another_try_still_does_is_waited_for() {
    let remote = Remote::new();
    for flock in [true, false] {
        let mut world = World::new(config(&[("app", &remote)]), json!({}));
        if !flock {
            let home = world.machine().home.path().to_owned();
            world.machine().path = without(&home, &["flock"]);
        }
        world.open().unwrap();
        let (mut place, _) = world.lease(json!({ "branch": "main" }));
        let copy = world.copy("app");
        let other = Other::hold(&copy, &world.machine().cache(), flock);
        world.begin_release(&mut place);
        assert_eq!(world.machine().records(), 0, "it is not waited for in haste");
        world.begin_release(&mut place);
        assert_eq!(world.machine().records(), 1);
        drop(other);
        world.release(&mut place).unwrap();
        world.assert_clean("app");
        assert_eq!(world.machine().records(), 0);
        let caches = std::fs::read_dir(world.machine().caches()).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(!caches.into_iter().any(|name| name.to_string_lossy().ends_with(".held")), "it was let go of");
    }
}

/// A process that works on a copy.
struct Other(std::process::Child);

impl Other {
    fn hold(copy: &Path, cache: &Path, flock: bool) -> Other {
        let script = match flock {
            true => r#"exec 8<"$1" && flock -x 8 && echo held && exec sleep 600"#,
            false => {
                r#"held="$2.$(printf %s "$1" | cksum | tr -cd 0-9).held"
                ln -s "$$ $(ps -o lstart= -p $$)" "$held" && echo held && exec sleep 600"#
            }
        };
        let mut command = std::process::Command::new("sh");
        command.args(["-c", script, "sh"]).arg(copy).arg(cache).stdout(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut held = [0; 5];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut held).unwrap();
        Other(child)
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
