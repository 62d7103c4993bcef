//! Short commands on a thing, in the steps and in `check`, `observe` and `remove`.

use crate::bindings;
use crate::failure::millis;
use crate::progress::entries;
use crate::{Access, Failure, fake};
use std::collections::BTreeMap;
use std::time::Duration;

pub use bindings::commands::{Error, Exit};

/// A program to run. No shell sees its arguments unless the program is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub argv: Vec<String>,
    /// Below the home directory of the user, where it is relative. Default: that home.
    pub directory: Option<String>,
    pub environment: BTreeMap<String, String>,
    pub stdin: Vec<u8>,
    /// By variable: the names of credentials that the host puts there.
    pub secrets: BTreeMap<String, String>,
    /// Default: a minute; the host makes it less than what is left of the call.
    pub timeout: Duration,
    /// Bytes kept of each output. Default: 64 KiB.
    pub output_limit: u32,
}

/// What a finished program printed, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    pub exit: Exit,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// More was printed than `output_limit`.
    pub truncated: bool,
}

impl Command {
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Command {
        Command {
            argv: argv.into_iter().map(Into::into).collect(),
            directory: None,
            environment: BTreeMap::new(),
            stdin: Vec::new(),
            secrets: BTreeMap::new(),
            timeout: Duration::from_secs(60),
            output_limit: 64 << 10,
        }
    }

    /// A script for `sh`, whose `$1`, `$2` … are `args`: what varies never becomes part of the script itself.
    pub fn shell<S: Into<String>>(script: &str, args: impl IntoIterator<Item = S>) -> Command {
        let begin = ["sh", "-c", script, "sh"].map(str::to_owned);
        Command::new(begin.into_iter().chain(args.into_iter().map(Into::into)))
    }

    pub fn directory(mut self, directory: impl Into<String>) -> Command {
        self.directory = Some(directory.into());
        self
    }

    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Command {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// Has the host put a credential into a variable of the program.
    pub fn secret(mut self, variable: impl Into<String>, credential: impl Into<String>) -> Command {
        self.secrets.insert(variable.into(), credential.into());
        self
    }

    pub fn stdin(mut self, input: impl Into<Vec<u8>>) -> Command {
        self.stdin = input.into();
        self
    }

    pub fn timeout(mut self, timeout: Duration) -> Command {
        self.timeout = timeout;
        self
    }

    pub fn output_limit(mut self, bytes: u32) -> Command {
        self.output_limit = bytes;
        self
    }

    /// Runs it to its end. An error does not say that it did not run, except `Invalid` and `Denied`.
    pub fn run(&self, on: &Access) -> Result<Output, Error> {
        if fake::is_on() {
            return fake::outside(|outside| outside.run(on, self));
        }
        bindings::commands::run(on, &self.clone().into()).map(Into::into)
    }

    /// Runs it, and fails unless it ends well: `doing` begins the sentence that says so.
    pub fn succeed(&self, on: &Access, doing: &str) -> Result<Output, Failure> {
        let output = self.run(on).map_err(|error| Failure::from(error).while_doing(doing))?;
        match output.exit {
            Exit::Code(0) => Ok(output),
            _ => Err(Failure::elsewhere(format!("{doing}: {}", output.complaint()))),
        }
    }
}

impl Output {
    pub fn is_success(&self) -> bool {
        matches!(self.exit, Exit::Code(0))
    }

    /// Its stdout as text, without line breaks at the end.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim_end().to_owned()
    }

    /// What a failed program has to say: its last line, or how it ended.
    pub fn complaint(&self) -> String {
        let stderr = String::from_utf8_lossy(&self.stderr);
        match (stderr.lines().rfind(|line| !line.trim().is_empty()), &self.exit) {
            (Some(line), _) => line.trim().to_owned(),
            (None, Exit::Code(code)) => format!("it ended with status {code}, and said nothing"),
            (None, Exit::Signal(signal)) => format!("it was ended by signal {signal}"),
        }
    }
}

impl From<Command> for bindings::commands::Command {
    fn from(command: Command) -> bindings::commands::Command {
        let secret = |(variable, credential)| bindings::commands::Secret { variable, credential };
        bindings::commands::Command {
            argv: command.argv,
            directory: command.directory,
            environment: entries(command.environment),
            stdin: command.stdin,
            secrets: command.secrets.into_iter().map(secret).collect(),
            timeout: millis(command.timeout),
            output_limit: command.output_limit,
        }
    }
}

impl From<bindings::commands::Output> for Output {
    fn from(output: bindings::commands::Output) -> Output {
        Output { exit: output.exit, stdout: output.stdout, stderr: output.stderr, truncated: output.truncated }
    }
}
