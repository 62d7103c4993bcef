//! Directories of leases: made, and removed, on the host by short commands.

use crate::config::{Attributes, System};
use crate::contract::commands::{self, Command, Error, Exit, Output};
use crate::contract::types::{Blame, Failure, Next};

/// What a command may print: enough for its complaint.
const OUTPUT: u32 = 4096;

/// The host makes this less than what is left of the call.
const TIMEOUT: u64 = 60_000;

/// Makes the directory if it is not there, for its owner alone. What is there already must be a directory of ours, and
/// no link that somebody put in its place.
const MAKE: &str = r#"mkdir -p -m 700 -- "$1" && test -d "$1" && test ! -L "$1" && test -O "$1""#;

/// Removes the directory and all in it. A lease may have left behind what not even its owner may write to.
const REMOVE: &str = r#"rm -rf -- "$1" 2>/dev/null || { chmod -R u+rwx -- "$1" && rm -rf -- "$1"; }"#;

/// Makes sure that directories can be made here.
const PREPARE: &str = r#"mkdir -p -- "$1" && test -d "$1" && test -w "$1" && test -x "$1""#;

/// Makes sure of the same, and changes nothing.
const LOOK: &str = r#"test -d "$1" && test -w "$1" && test -x "$1""#;

/// A host on which directories are made and removed.
pub struct Site<'a>(pub &'a Attributes);

impl Site<'_> {
    /// The directory of one stay. None where the host has no path.
    pub fn directory(&self, place: &str) -> Result<Option<String>, Failure> {
        if place.is_empty() || !place.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            let reason = format!("the place id {place:?} can't name a directory; it must be of a-z 0-9 -");
            return Err(Failure { blame: Blame::Plugin, next: Next::BreakLease, reason, after: None });
        }
        let Some(path) = &self.0.path else { return Ok(None) };
        Ok(Some(format!("{}/{place}", path.trim_end_matches('/'))))
    }

    /// Whether the host answers, and has its path.
    pub fn prepare(&self) -> Result<(), Failure> {
        match (self.0.platform, &self.0.path) {
            (System::Posix, Some(path)) => self.shell(PREPARE, path, "make sure that it can write to", Next::Elsewhere),
            (System::Posix, None) => self.run(&["true"], "run `true`", Next::Elsewhere),
            (System::Windows, _) => self.run(&["cmd.exe", "/c", "exit 0"], "run cmd.exe", Next::Elsewhere),
            // There is no command that every other system has.
            (System::Other, _) => Ok(()),
        }
    }

    /// The same, without making anything.
    pub fn look(&self) -> Result<(), Failure> {
        match (self.0.platform, &self.0.path) {
            (System::Posix, Some(path)) => self.shell(LOOK, path, "look at", Next::Elsewhere),
            _ => self.prepare(),
        }
    }

    pub fn make(&self, directory: &str) -> Result<(), Failure> {
        self.shell(MAKE, directory, "make the directory", Next::Elsewhere)
    }

    pub fn remove(&self, directory: &str) -> Result<(), Failure> {
        self.shell(REMOVE, directory, "remove the directory", Next::BackOff)
    }

    fn shell(&self, script: &str, path: &str, doing: &str, next: Next) -> Result<(), Failure> {
        self.run(&["sh", "-c", script, "sh", path], &format!("{doing} {path}"), next)
    }

    /// `next` is what follows where the command ran and failed.
    fn run(&self, argv: &[&str], doing: &str, next: Next) -> Result<(), Failure> {
        let host = &self.0.host;
        let command = Command {
            argv: argv.iter().map(|&arg| arg.to_owned()).collect(),
            directory: None,
            environment: Vec::new(),
            stdin: Vec::new(),
            secrets: Vec::new(),
            timeout: TIMEOUT,
            output_limit: OUTPUT,
        };
        let output = commands::run(&self.0.access(), &command).map_err(|error| unreached(host, doing, error))?;
        match output.exit {
            Exit::Code(0) => Ok(()),
            _ => {
                let reason = format!("{host} could not {doing}: {}", complaint(&output));
                Err(Failure { blame: Blame::Host, next, reason, after: None })
            }
        }
    }
}

/// No answer that could be relied on: the command may have run all the same.
fn unreached(host: &str, doing: &str, error: Error) -> Failure {
    let (blame, next, what) = match error {
        Error::Unreachable(text) => (Blame::Host, Next::BackOff, text),
        Error::TimedOut(text) => (Blame::Host, Next::BackOff, text),
        Error::Other(text) => (Blame::Host, Next::BackOff, text),
        Error::Refused(text) | Error::Denied(text) | Error::Invalid(text) => (Blame::Operator, Next::Attention, text),
    };
    Failure { blame, next, reason: format!("{host} could not be asked to {doing}: {what}"), after: None }
}

/// What a failed command has to say: its last line, or how it ended.
fn complaint(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    match (stderr.lines().rfind(|line| !line.trim().is_empty()), &output.exit) {
        (Some(line), _) => line.trim().to_owned(),
        (None, Exit::Code(code)) => format!("it ended with status {code}, and said nothing"),
        (None, Exit::Signal(signal)) => format!("it was ended by signal {signal}"),
    }
}
