//! Each step is cut off before and after each of its calls, and made again; what is left is looked at on the disk.

use super::*;
use crate::attributes::Attributes;
use crate::listing;
use drydock_sdk::commands::{Command, Error, Output};
use drydock_sdk::{Access, Context, Failure, Health, Leftover, Progress, Resource, Verdict};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A host that is this machine, and a folder on it that is removed in the end.
struct Here(PathBuf);

impl fake::Outside for Here {
    fn run(&mut self, on: &Access, command: &Command) -> Result<Output, Error> {
        assert!(matches!(on, Access::Ssh(ssh) if (ssh.host.as_str(), ssh.user.as_str()) == ("192.0.2.1", "build")));
        fake::process(command)
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn here() -> Here {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("drydock-almanac-{}-{number}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    Here(folder)
}

/// A host with directories below `path`.
fn host(path: &Path) -> (Blueprint<Almanac>, Resource<Almanac>) {
    let binding = json!({ "device": { "name": "one" }, "interface": { "address": "192.0.2.1" } });
    let b = blueprint(json!({ "path": path, "services": [{ "name": "pool", "bindings": [binding] }] }));
    let binding = listing::bindings(b.config.services.as_deref().unwrap_or_default()).remove(0);
    let attributes = Attributes::of(binding, &b.config);
    (b, fake::resource("r-1", attributes))
}

fn with_leftovers(leftovers: &[(&str, Option<PathBuf>)]) -> Context {
    let leftover = |(place, saved): &(&str, Option<PathBuf>)| Leftover {
        place: (*place).to_owned(),
        state: saved.as_ref().map(|directory| json!({ "directory": directory }).to_string()),
        reason: "it could not be reached".to_owned(),
    };
    Context { leftovers: leftovers.iter().map(leftover).collect(), ..fake::context("k-1") }
}

fn full(directory: PathBuf) {
    std::fs::create_dir_all(directory.join("sub")).expect("a directory");
    std::fs::write(directory.join("sub/file"), "work").expect("a file");
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("an entry").file_name().into_string();
    let mut names: Vec<String> = entries.map(|entry| name(entry).expect("a name of the tests is text")).collect();
    names.sort();
    names
}

/// Makes a step in a folder that `begin` has filled, cut off at each of its calls in turn; `check` gets the folder and what
/// the repeated step answered. Answers how many calls it makes.
fn cut<R>(begin: impl Fn(&Path), step: impl Fn(&Path) -> R, check: impl Fn(&Path, R)) -> usize {
    let folder = here();
    let path = folder.0.clone();
    let calls = fake::cut_at_every_call(
        || {
            let _ = std::fs::remove_dir_all(&path);
            std::fs::create_dir_all(&path).expect("a folder");
            begin(&path);
            Here(PathBuf::new())
        },
        || step(&path),
        |_, answer, _, _| check(&path, answer),
    );
    drop(folder);
    calls
}

fn done(answer: Result<Progress, Failure>) -> Progress {
    let progress = answer.expect("no failure");
    assert!(progress.is_done());
    progress
}

#[test]
fn open_makes_the_path_and_clears_what_was_left() {
    let calls = cut(
        |folder| {
            full(folder.join("old/p-1"));
            full(folder.join("new/p-2"));
            full(folder.join("old/p-3"));
        },
        |folder| {
            let (b, on) = host(&folder.join("new"));
            let c = with_leftovers(&[("p-1", Some(folder.join("old/p-1"))), ("p-2", None), ("p-9", None)]);
            Almanac::open(&c, &b, &on)
        },
        |folder, answer| {
            done(answer);
            assert!(folder.join("new").is_dir() && names(&folder.join("new")).is_empty());
            assert_eq!(names(&folder.join("old")), ["p-3"], "what is no leftover is left alone");
        },
    );
    assert_eq!(calls, 4);
}

#[test]
fn activate_makes_one_directory() {
    let calls = cut(
        |_| (),
        |folder| {
            let (b, on) = host(folder);
            Almanac::activate(&fake::context("k-1"), &b, &on, &fake::place("p-1", json!({})))
        },
        |folder, answer| {
            let progress = done(answer);
            let directory = progress.handout().and_then(|handout| handout.directory.clone());
            assert_eq!(directory.map(PathBuf::from), Some(folder.join("p-1")));
            assert_eq!(progress.saved(), Some(&json!({ "directory": folder.join("p-1") })));
            assert_eq!(names(folder), ["p-1"]);
        },
    );
    assert_eq!(calls, 1);
}

#[test]
fn release_removes_one_directory() {
    let calls = cut(
        |folder| {
            full(folder.join("p-1"));
            full(folder.join("p-10"));
        },
        |folder| {
            let (b, on) = host(folder);
            Almanac::release(&fake::context("k-1"), &b, &on, &fake::place("p-1", json!({})))
        },
        |folder, answer| {
            done(answer);
            assert_eq!(names(folder), ["p-10"]);
        },
    );
    assert_eq!(calls, 1);
}

#[test]
fn close_clears_what_was_left_and_nothing_else() {
    let calls = cut(
        |folder| {
            full(folder.join("p-1"));
            full(folder.join("p-2"));
            full(folder.join("p-3"));
        },
        |folder| {
            let (b, on) = host(folder);
            Almanac::close(&with_leftovers(&[("p-1", None), ("p-2", None)]), &b, &on)
        },
        |folder, answer| {
            done(answer);
            assert_eq!(names(folder), ["p-3"]);
        },
    );
    assert_eq!(calls, 2);
}

#[test]
fn without_leftovers_a_dead_host_is_closed() {
    /// Whatever is called ends the test.
    struct Dead;
    impl fake::Outside for Dead {}

    let (b, on) = host(Path::new("/nowhere"));
    let (_, answer) = fake::with(Dead, || Almanac::close(&fake::context("k-1"), &b, &on));
    done(answer);
}

#[test]
fn a_check_changes_nothing() {
    let folder = here();
    let path = folder.0.clone();
    fake::with(folder, || {
        let (b, on) = host(&path.join("new"));
        let sick = Almanac::check(&fake::context("k-1"), &b, &on);
        assert!(matches!(sick, Verdict::Sick(why) if why.starts_with("one could not look at ")));
        assert!(names(&path).is_empty());
        std::fs::create_dir(path.join("new")).expect("a directory");
        assert!(matches!(Almanac::check(&fake::context("k-1"), &b, &on), Verdict::Healthy));
    });
}
