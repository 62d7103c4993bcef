//! A directory of its own for each stay on a host: made, and removed, by short commands there.
//!
//! A [`Site`] has the four steps and the check of a plugin whose resources are hosts. Each stay gets exactly one directory,
//! under a name that follows from the stay's id: so a step that is repeated finds what it made before. Commands run on
//! POSIX systems only; on others nothing is made, and every stay gets the path itself.

mod platform;

use crate::commands::Command;
use crate::{Access, Blame, Failure, Handout, Leftover, Next, Platform, Progress};
use serde::{Deserialize, Serialize};

pub use platform::System;

/// What a command may print: enough for its complaint.
const OUTPUT: u32 = 4096;

/// Makes the directory if it is not there, for its owner alone. What is there already must be a directory of ours, and
/// no link that somebody put in its place.
const MAKE: &str = r#"mkdir -p -m 700 -- "$1" && test -d "$1" && test ! -L "$1" && test -O "$1""#;

/// Removes the directory and all in it. A lease may have left behind what not even its owner may write to.
const REMOVE: &str = r#"rm -rf -- "$1" 2>/dev/null || { chmod -R u+rwx -- "$1" && rm -rf -- "$1"; }"#;

/// Makes sure that directories can be made here.
const PREPARE: &str = r#"mkdir -p -- "$1" && test -d "$1" && test -w "$1" && test -x "$1""#;

/// Makes sure of the same, and changes nothing.
const LOOK: &str = r#"test -d "$1" && test -w "$1" && test -x "$1""#;

/// A host, and where on it stays get their directories.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// What people call it; every sentence about a failure begins with it.
    pub host: &'a str,
    pub access: &'a Access,
    /// An absolute path on it; none: stays get no directory.
    pub path: Option<&'a str>,
}

/// What [`Site::activate`] saves.
#[derive(Serialize, Deserialize)]
struct Saved {
    directory: String,
}

impl Site<'_> {
    /// What every stay gets, if nothing has to be made for one: for the acquisition, so that no step is called for it.
    pub fn ready(&self) -> Option<Handout> {
        match self.path {
            Some(_) if self.runs_commands() => None,
            Some(path) => Some(Handout::new(self.access.clone()).directory(path)),
            None => Some(Handout::new(self.access.clone())),
        }
    }

    /// For `open`: makes sure that the host answers, and that directories can be made below its path; then clears what
    /// stays have left.
    pub fn open(&self, leftovers: &[Leftover]) -> Result<Progress, Failure> {
        self.prepare()?;
        self.clear(leftovers)?;
        Ok(Progress::done())
    }

    /// For `activate`: makes the directory of one stay, and hands it out.
    pub fn activate(&self, place: &str) -> Result<Progress, Failure> {
        let directory = self.directory(place)?;
        if let Some(ready) = self.ready() {
            return Ok(Progress::handed(ready));
        }
        self.make(&directory)?;
        let handout = Handout::new(self.access.clone()).directory(&directory);
        Ok(Progress::handed(handout).state(&Saved { directory }))
    }

    /// For `release`: removes the directory of one stay, with all in it.
    pub fn release(&self, place: &str) -> Result<Progress, Failure> {
        let directory = self.directory(place)?;
        if self.ready().is_none() {
            self.remove(&directory)?;
        }
        Ok(Progress::done())
    }

    /// For `close`: only leftovers have to be cleared. Without any the host is not contacted, so a dead one can be closed.
    pub fn close(&self, leftovers: &[Leftover]) -> Result<Progress, Failure> {
        self.clear(leftovers)?;
        Ok(Progress::done())
    }

    /// For `check`: what `open` makes sure of, without making anything.
    pub fn look(&self) -> Result<(), Failure> {
        match self.path {
            Some(path) if self.runs_commands() => self.shell(LOOK, path, "look at"),
            _ => self.prepare(),
        }
    }

    /// Whether the host answers, and has its path.
    fn prepare(&self) -> Result<(), Failure> {
        match self.path {
            _ if !self.runs_commands() => Ok(()),
            Some(path) => self.shell(PREPARE, path, "make sure that it can write to"),
            None => self.run(&Command::new(["true"]), "run `true`"),
        }
    }

    fn clear(&self, leftovers: &[Leftover]) -> Result<(), Failure> {
        for leftover in leftovers {
            if let Some(directory) = self.lies_in(leftover)? {
                self.remove(&directory)?;
            }
        }
        Ok(())
    }

    /// Where a leftover is: the path may have been another one then, so what `activate` saved comes first.
    fn lies_in(&self, leftover: &Leftover) -> Result<Option<String>, Failure> {
        if !self.runs_commands() {
            return Ok(None);
        }
        let expected = self.directory(&leftover.place)?;
        // What can't be read, or names what is not this stay's own, was not saved by `activate`.
        let saved = leftover.state::<Saved>().ok().flatten().map(|saved| saved.directory);
        let saved = saved.filter(|path| path.starts_with('/') && path.ends_with(&format!("/{}", leftover.place)));
        Ok(saved.or(self.path.map(|_| expected)))
    }

    /// The directory of one stay.
    fn directory(&self, place: &str) -> Result<String, Failure> {
        if place.is_empty() || !place.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            let reason = format!("the place id {place:?} can't name a directory; it must be of a-z 0-9 -");
            return Err(Failure { blame: Blame::Plugin, next: Next::BreakLease, reason, after: None });
        }
        Ok(format!("{}/{place}", self.path.unwrap_or_default().trim_end_matches('/')))
    }

    /// Whether the host is one on which commands run.
    fn runs_commands(&self) -> bool {
        match self.access {
            Access::Ssh(ssh) => ssh.platform == Platform::Posix,
            Access::Local | Access::Via(_) => true,
            Access::None => false,
        }
    }

    fn make(&self, directory: &str) -> Result<(), Failure> {
        self.shell(MAKE, directory, "make the directory")
    }

    /// A host that can't remove it is asked again: what is left there is nobody else's to clear.
    fn remove(&self, directory: &str) -> Result<(), Failure> {
        let removed = self.shell(REMOVE, directory, "remove the directory");
        removed.map_err(|failure| match failure.next {
            Next::Elsewhere => Failure { next: Next::BackOff, ..failure },
            _ => failure,
        })
    }

    fn shell(&self, script: &str, path: &str, doing: &str) -> Result<(), Failure> {
        self.run(&Command::shell(script, [path]), &format!("{doing} {path}"))
    }

    fn run(&self, command: &Command, doing: &str) -> Result<(), Failure> {
        let host = self.host;
        let output = command
            .clone()
            .output_limit(OUTPUT)
            .run(self.access)
            .map_err(|error| Failure::from(error).while_doing(&format!("{host} could not be asked to {doing}")))?;
        match output.is_success() {
            true => Ok(()),
            false => Err(Failure::elsewhere(format!("{host} could not {doing}: {}", output.complaint()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::types::SshAccess;
    use crate::commands::{Error, Output};
    use crate::fake;
    use std::path::{Path, PathBuf};

    /// This machine, and a folder on it that is removed in the end.
    struct Here(PathBuf);

    impl fake::Outside for Here {
        fn run(&mut self, on: &Access, command: &Command) -> Result<Output, Error> {
            assert_eq!(on, &Access::Local);
            fake::process(command)
        }
    }

    impl Drop for Here {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn here(name: &str) -> Here {
        let folder = std::env::temp_dir().join(format!("drydock-sdk-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        Here(folder)
    }

    fn text(path: &Path) -> &str {
        path.to_str().expect("a path of the tests is text")
    }

    fn leftover(place: &str, state: Option<String>) -> Leftover {
        Leftover { place: place.to_owned(), state, reason: "unreachable".to_owned() }
    }

    #[test]
    fn a_stay_gets_a_directory_and_leaves_none() {
        let here = here("stay");
        let path = here.0.join("leases of $HOME; all");
        let site = Site { host: "here", access: &Access::Local, path: Some(text(&path)) };
        assert!(site.ready().is_none());
        fake::with(here, || {
            assert!(site.look().is_err());
            assert!(site.open(&[]).expect("opened").is_done() && site.look().is_ok());
            let progress = site.activate("p-1").expect("activated");
            let directory = progress.handout().and_then(|handout| handout.directory.clone()).expect("a directory");
            assert_eq!(Path::new(&directory), path.join("p-1"));
            std::fs::write(path.join("p-1/file"), "work").expect("its own directory");
            std::fs::create_dir(path.join("p-10")).expect("somebody else's");
            for _ in 0..2 {
                assert!(site.release("p-1").expect("released").is_done());
            }
            assert!(!path.join("p-1").exists() && path.join("p-10").exists());
        });
    }

    #[test]
    fn leftovers_are_cleared_where_they_were_made() {
        let here = here("leftovers");
        let folder = here.0.clone();
        let (old, new) = (folder.join("old"), folder.join("new"));
        let site = Site { host: "here", access: &Access::Local, path: Some(text(&new)) };
        fake::with(here, || {
            for directory in ["old/p-1", "new/p-2", "new/p-3"] {
                std::fs::create_dir_all(folder.join(directory)).expect("a directory");
            }
            let saved = |path: &Path| serde_json::to_string(&Saved { directory: text(path).to_owned() }).ok();
            let leftovers = [
                leftover("p-1", saved(&old.join("p-1"))),
                leftover("p-2", Some("{".to_owned())),
                leftover("p-3", saved(&old)),
            ];
            assert!(site.open(&leftovers).is_ok());
            assert!(!old.join("p-1").exists() && !new.join("p-2").exists() && !new.join("p-3").exists());
            assert!(old.exists(), "what a state names that is not its own is left alone");
        });
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_no_directory() {
        let site = Site { host: "here", access: &Access::Local, path: Some("/nowhere") };
        for place in ["", "..", "p/1", "P", "p 1"] {
            let failure = site.activate(place).expect_err(place);
            assert!(failure.reason.contains("can't name a directory"), "{failure:?}");
            assert!(site.release(place).is_err() && site.close(&[leftover(place, None)]).is_err());
        }
    }

    #[test]
    fn where_no_commands_run_nothing_is_made() {
        let platform = Platform::Windows;
        let (host, user, credential) = ("192.0.2.1".to_owned(), "u".to_owned(), "c".to_owned());
        let access = Access::Ssh(SshAccess { host, port: 22, user, credential, platform });
        let site = Site { host: "there", access: &access, path: Some(r"C:\work") };
        assert_eq!(site.ready().and_then(|ready| ready.directory).as_deref(), Some(r"C:\work"));
        assert!(site.open(&[leftover("p-1", None)]).is_ok() && site.look().is_ok());
        assert!(site.activate("p-1").is_ok() && site.release("p-1").is_ok() && site.close(&[]).is_ok());
    }
}
