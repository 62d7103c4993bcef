//! The command line from outside, against a real daemon.

#[path = "../plugins/working-copy/tests/git/server.rs"]
mod git_server;
#[path = "guests.rs"]
#[allow(dead_code)] // Components are only copied here.
mod guests;
#[path = "fixture/house/mod.rs"]
mod house;
#[path = "fixture/sshd.rs"]
mod sshd;

#[path = "cli/applying.rs"]
mod applying;
#[path = "cli/bench.rs"]
mod bench;
#[path = "cli/choosing.rs"]
mod choosing;
#[path = "cli/copying.rs"]
mod copying;
#[path = "cli/guarding.rs"]
mod guarding;
#[path = "cli/keeping.rs"]
mod keeping;
#[path = "cli/nesting.rs"]
mod nesting;
#[path = "cli/readme.rs"]
mod readme;
#[path = "cli/several.rs"]
mod several;
#[path = "cli/using.rs"]
mod using;
#[path = "cli/waiting.rs"]
mod waiting;
#[path = "cli/with.rs"]
mod with;

use house::tool::Ran;
use house::{DEADLINE, House};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Runs it to its end.
fn run(house: &House, arguments: &[&str]) -> Ran {
    house.run(arguments)
}

impl Ran {
    /// Its stdout, given that it went well.
    #[track_caller]
    fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self.stdout
    }

    #[track_caller]
    fn json(self) -> Value {
        serde_json::from_str(&self.ok()).expect("JSON")
    }

    /// That it failed with this code, and said this.
    #[track_caller]
    fn failed(self, code: u8, said: &str) {
        self.assert_failed(code, &[said]);
    }
}

/// Leases something, and gives its id.
fn lease(house: &House, arguments: &[&str]) -> String {
    let all: Vec<&str> = ["lease", "--type", "host"].iter().chain(arguments).copied().collect();
    run(house, &all).ok().trim().to_owned()
}

/// One that runs meanwhile.
struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
}

impl Running {
    fn start(mut command: Command) -> Running {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Running { child, stderr, said: String::new() }
    }

    /// Waits until it says this.
    #[track_caller]
    fn hear(&mut self, text: &str) {
        while !self.said.contains(text) {
            let read = self.stderr.read_line(&mut self.said).unwrap();
            assert!(read > 0, "it ended without saying {text:?}: {}", self.said);
        }
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
    }

    /// Its end, with all that it said.
    fn end(mut self) -> (ExitStatus, String, String) {
        let mut stdout = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        self.stderr.read_to_string(&mut self.said).unwrap();
        let status = self.child.wait().unwrap();
        (status, stdout, self.said.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until a condition holds.
#[track_caller]
fn eventually(mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "it does not come to pass");
        std::thread::sleep(Duration::from_millis(10));
    }
}
