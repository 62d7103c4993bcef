//! The steps of plugins that lend out directories on hosts, tried on real directories of this machine: each is cut off before
//! and after each of its calls, and made again; what is left is looked at on the disk.

use super::{Outside, context, cut_at_every_call, place, process, with};
use crate::commands::{Command, Error, Output};
use crate::{Access, Blueprint, Context, Failure, Health, Leftover, Progress, Resource, Verdict};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A host whose commands run on this machine. None: whatever is run ends the test.
struct Here(Option<Access>);

impl Outside for Here {
    fn run(&mut self, on: &Access, command: &Command) -> Result<Output, Error> {
        assert_eq!(Some(on), self.0.as_ref());
        process(command)
    }
}

/// A folder that is removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = Folder(std::env::temp_dir().join(format!("drydock-fake-{}-{number}", std::process::id())));
        folder.empty();
        folder
    }

    fn empty(&self) {
        let _ = std::fs::remove_dir_all(&self.0);
        std::fs::create_dir_all(&self.0).expect("a folder");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn with_leftovers(leftovers: &[(&str, Option<PathBuf>)]) -> Context {
    let leftover = |(place, saved): &(&str, Option<PathBuf>)| Leftover {
        place: (*place).to_owned(),
        state: saved.as_ref().map(|directory| json!({ "directory": directory }).to_string()),
        reason: "it could not be reached".to_owned(),
    };
    Context { leftovers: leftovers.iter().map(leftover).collect(), ..context("k-1") }
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

fn done(answer: Result<Progress, Failure>) -> Progress {
    let progress = answer.expect("no failure");
    assert!(progress.is_done());
    progress
}

/// A plugin that lends out directories, by a resource of its own: one with directories below a path.
pub struct Lender<P: Health, F: Fn(&Path) -> (Blueprint<P>, Resource<P>)> {
    host: F,
    access: Access,
}

impl<P: Health, F: Fn(&Path) -> (Blueprint<P>, Resource<P>)> Lender<P, F> {
    /// `access` is what commands for the resource must be sent to; its name must be `one`.
    pub fn new(access: Access, host: F) -> Self {
        Lender { host, access }
    }

    /// Makes a step in a folder that `begin` has filled, cut off at each of its calls in turn; `check` gets the folder and
    /// what the repeated step answered. Answers how many calls it makes.
    fn cut<R>(&self, begin: impl Fn(&Path), step: impl Fn(&Path) -> R, check: impl Fn(&Path, R)) -> usize {
        let folder = Folder::new();
        let begin = || {
            folder.empty();
            begin(&folder.0);
            Here(Some(self.access.clone()))
        };
        cut_at_every_call(begin, || step(&folder.0), |_, answer, _, _| check(&folder.0, answer))
    }

    /// Ends the test that calls it, where a step does not do what it should.
    pub fn try_every_step(&self) {
        self.open_makes_the_path_and_clears_what_was_left();
        self.activate_makes_one_directory();
        self.release_removes_one_directory();
        self.close_clears_what_was_left_and_nothing_else();
        self.without_leftovers_a_dead_host_is_closed();
        self.a_check_changes_nothing();
    }

    fn open_makes_the_path_and_clears_what_was_left(&self) {
        let calls = self.cut(
            |folder| {
                full(folder.join("old/p-1"));
                full(folder.join("new/p-2"));
                full(folder.join("old/p-3"));
            },
            |folder| {
                let (b, on) = (self.host)(&folder.join("new"));
                let c = with_leftovers(&[("p-1", Some(folder.join("old/p-1"))), ("p-2", None), ("p-9", None)]);
                P::open(&c, &b, &on)
            },
            |folder, answer| {
                done(answer);
                assert!(folder.join("new").is_dir() && names(&folder.join("new")).is_empty());
                assert_eq!(names(&folder.join("old")), ["p-3"], "what is no leftover is left alone");
            },
        );
        assert_eq!(calls, 4);
    }

    fn activate_makes_one_directory(&self) {
        let calls = self.cut(
            |_| (),
            |folder| {
                let (b, on) = (self.host)(folder);
                P::activate(&context("k-1"), &b, &on, &place("p-1", json!({})))
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

    fn release_removes_one_directory(&self) {
        let calls = self.cut(
            |folder| {
                full(folder.join("p-1"));
                full(folder.join("p-10"));
            },
            |folder| {
                let (b, on) = (self.host)(folder);
                P::release(&context("k-1"), &b, &on, &place("p-1", json!({})))
            },
            |folder, answer| {
                done(answer);
                assert_eq!(names(folder), ["p-10"]);
            },
        );
        assert_eq!(calls, 1);
    }

    fn close_clears_what_was_left_and_nothing_else(&self) {
        let calls = self.cut(
            |folder| {
                full(folder.join("p-1"));
                full(folder.join("p-2"));
                full(folder.join("p-3"));
            },
            |folder| {
                let (b, on) = (self.host)(folder);
                P::close(&with_leftovers(&[("p-1", None), ("p-2", None)]), &b, &on)
            },
            |folder, answer| {
                done(answer);
                assert_eq!(names(folder), ["p-3"]);
            },
        );
        assert_eq!(calls, 2);
    }

    fn without_leftovers_a_dead_host_is_closed(&self) {
        let (b, on) = (self.host)(Path::new("/nowhere"));
        let (_, answer) = with(Here(None), || P::close(&context("k-1"), &b, &on));
        done(answer);
    }

    fn a_check_changes_nothing(&self) {
        let folder = Folder::new();
        let path = &folder.0;
        let (b, on) = (self.host)(&path.join("new"));
        with(Here(Some(self.access.clone())), || {
            let sick = P::check(&context("k-1"), &b, &on);
            assert!(matches!(sick, Verdict::Sick(why) if why.starts_with("one could not look at ")));
            assert!(names(path).is_empty());
            std::fs::create_dir(path.join("new")).expect("a directory");
            assert!(matches!(P::check(&context("k-1"), &b, &on), Verdict::Healthy));
        });
    }
}
