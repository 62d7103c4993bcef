//! The command line from outside, against a real daemon.

mod daemon;

#[path = "cli/using.rs"]
mod using;
#[path = "cli/waiting.rs"]
mod waiting;
#[path = "cli/with.rs"]
mod with;

use daemon::{DEADLINE, Daemon};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Instant;

/// `drydock` with the daemon's socket, and these arguments.
fn drydock(daemon: &Daemon, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_drydock"));
    command.args(args).env("DRYDOCK_SOCKET", &daemon.socket).stdin(Stdio::null());
    command
}

/// Runs it to its end.
fn run(daemon: &Daemon, args: &[&str]) -> Ran {
    Ran::from(drydock(daemon, args).output().unwrap())
}

/// What it printed, and its code.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    /// Its stdout, given that it went well.
    #[track_caller]
    fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    #[track_caller]
    fn json(self) -> Value {
        serde_json::from_str(&self.ok()).unwrap()
    }

    /// That it failed with this code, and said this.
    #[track_caller]
    fn failed(self, code: i32, said: &str) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.stderr.contains(said), "{said:?} is not in {:?}", self.stderr);
    }
}

/// Leases something, and gives its id.
fn lease(daemon: &Daemon, args: &[&str]) -> String {
    let all: Vec<&str> = ["lease", "--type", "host"].iter().chain(args).copied().collect();
    run(daemon, &all).ok().trim().to_owned()
}

/// One that runs meanwhile.
struct Running {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
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

/// Waits until a condition holds.
#[track_caller]
fn eventually(mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "it does not come to pass");
        std::thread::yield_now();
    }
}
