//! A command, what it came to, and what makes one invalid.

use super::error::{CommandError, printable};
use crate::credentials::{Redaction, Secret};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Bytes of all arguments, the directory and the environment together. The systems that commands run on allow one
/// argument of this size, and over SSH the whole command is one argument of the login shell.
pub const COMMAND_LIMIT: usize = 128 * 1024;

/// Bytes that a secret needs to have: a shorter one could be anything in an output that it is blotted out of.
pub const SECRET_LEAST: usize = 4;

/// Variables that a shell has its own use for, so that it can't hand on a secret in them.
const OF_SHELLS: [&str; 21] = [
    "BASHOPTS",
    "BASH_ENV",
    "CDPATH",
    "ENV",
    "EUID",
    "GROUPS",
    "HOME",
    "IFS",
    "LINENO",
    "OLDPWD",
    "OPTIND",
    "PATH",
    "PPID",
    "PS4",
    "PWD",
    "RANDOM",
    "SECONDS",
    "SHELLOPTS",
    "UID",
    "XDG_STATE_HOME",
    "_",
];

/// What the names of variables begin with that the scripts of this host use themselves.
const OWN: &str = "dry_";

/// A program to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The program and its arguments, handed over byte by byte: no shell interprets them. At least the program; it is
    /// looked for in `PATH` unless it contains a slash. No NUL anywhere, and the program begins with no dash.
    pub argv: Vec<String>,
    /// Where it runs; a relative one is below the home directory of the user that it runs as. Default: that home.
    pub directory: Option<String>,
    /// Set in addition to what the login gives (SSH) or to `PATH`, `HOME` and `LANG` (local). Names are
    /// `[A-Za-z_][A-Za-z0-9_]*`.
    pub environment: BTreeMap<String, String>,
    /// Set beside them, and shown to nobody else: they are on no command line, and blotted out of what the program prints
    /// and of errors. By variable; none that a shell has its own use for.
    pub secrets: BTreeMap<String, LentSecret>,
    /// Written to its standard input, which is then closed.
    pub stdin: Vec<u8>,
    /// More than zero. It covers everything, also waiting for a connection; when it is over, the program is killed.
    pub timeout: Duration,
    /// Bytes kept of each of stdout and stderr; what exceeds it is read and dropped. `Runner::stream` has no such limit.
    pub output_limit: usize,
}

/// A secret that a program is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LentSecret {
    /// The name of the credential that it is from.
    pub credential: String,
    /// At least 4 bytes, without a NUL.
    pub value: Secret,
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0 to 255 on POSIX systems. 127: no such program; 126: it can't be executed.
    Code(i32),
    /// Killed by a signal, by its name without `SIG`: `KILL`, `TERM`.
    Signal(String),
}

impl fmt::Display for Exit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Code(code) => write!(formatter, "exit code {code}"),
            Exit::Signal(name) => write!(formatter, "signal {name}"),
        }
    }
}

/// What a finished program printed, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    pub exit: Exit,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// More was printed on one of the two than `output_limit`.
    pub truncated: bool,
}

/// A piece of output, as it arrives. The pieces of one kind are in order; between the two kinds there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chunk {
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
}

impl Command {
    /// Refuses what could not be handed over unchanged.
    pub(super) fn check(&self) -> Result<(), CommandError> {
        let invalid = |why: String| Err(CommandError::Invalid(why));
        let Some(program) = self.argv.first() else {
            return invalid("argv is empty: name at least the program to run".into());
        };
        if program.is_empty() {
            return invalid("argv[0], the program, is empty: name the program to run".into());
        }
        if program.starts_with('-') {
            return invalid(format!(
                "argv[0], the program {}, begins with a dash: write ./ in front of it if that is its name",
                printable(program)
            ));
        }
        if let Some(index) = self.argv.iter().position(|argument| argument.contains('\0')) {
            return invalid(format!("argv[{index}] contains a NUL, which no argument can: leave it out"));
        }
        match self.directory.as_deref() {
            Some("") => return invalid("directory is empty: name one, or leave it out".into()),
            Some(directory) if directory.contains('\0') => {
                return invalid("directory contains a NUL, which no path can: leave it out".into());
            }
            _ => {}
        }
        for (name, value) in &self.environment {
            if !is_variable_name(name) {
                return invalid(format!(
                    "environment: {:?} is no name of a variable: use letters, digits and _, with no digit first",
                    printable(name)
                ));
            }
            if value.contains('\0') {
                return invalid(format!("environment: the value of {name} contains a NUL: leave it out"));
            }
        }
        self.check_secrets()?;
        let size = self.size();
        if size > COMMAND_LIMIT {
            return invalid(format!(
                "the command is {size} bytes long with its directory and environment, the limit is {COMMAND_LIMIT}: \
                 pass large data on stdin"
            ));
        }
        if self.timeout.is_zero() {
            return invalid("timeout is zero: give the command some time".into());
        }
        Ok(())
    }

    fn check_secrets(&self) -> Result<(), CommandError> {
        let invalid = |why: String| Err(CommandError::Invalid(why));
        for (name, secret) in &self.secrets {
            if !is_variable_name(name) {
                return invalid(format!(
                    "secrets: {:?} is no name of a variable: use letters, digits and _, with no digit first",
                    printable(name)
                ));
            }
            if OF_SHELLS.contains(&name.as_str()) || name.starts_with(OWN) {
                return invalid(format!(
                    "secrets: the variable {name} is used on the way to the program: name another"
                ));
            }
            if self.environment.contains_key(name) {
                return invalid(format!(
                    "secrets: the variable {name} is in the environment too: leave one of them out"
                ));
            }
            if !is_credential_name(&secret.credential) {
                let name = printable(&secret.credential);
                return invalid(format!("secrets: {name:?} is no name of a credential"));
            }
            let (credential, value) = (&secret.credential, secret.value.expose());
            if value.len() < SECRET_LEAST {
                return invalid(format!(
                    "the secret of the credential {credential} has less than {SECRET_LEAST} bytes, which can't be told \
                     apart from other output: use a longer one"
                ));
            }
            if value.contains('\0') {
                return invalid(format!(
                    "the secret of the credential {credential} contains a NUL, which no variable can"
                ));
            }
        }
        Ok(())
    }

    /// What must not be seen of its output, and of errors.
    pub(super) fn redaction(&self) -> Redaction {
        let mut redaction = Redaction::default();
        for secret in self.secrets.values() {
            redaction.hide(&secret.value);
        }
        redaction
    }

    fn size(&self) -> usize {
        let arguments: usize = self.argv.iter().map(|argument| argument.len() + 1).sum();
        let environment: usize = self.environment.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
        arguments + environment + self.directory.as_ref().map_or(0, String::len)
    }

    /// The program's name for messages. Arguments are left out: they may be secret.
    pub(super) fn title(&self) -> String {
        self.argv.first().map(|program| printable(program)).unwrap_or_default()
    }
}

pub(super) fn is_credential_name(name: &str) -> bool {
    (1..=63).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn is_variable_name(name: &str) -> bool {
    let first = name.bytes().next();
    first.is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(argv: &[&str]) -> Command {
        Command {
            argv: argv.iter().map(|argument| argument.to_string()).collect(),
            directory: None,
            environment: BTreeMap::new(),
            secrets: BTreeMap::new(),
            stdin: Vec::new(),
            timeout: Duration::from_secs(1),
            output_limit: 1024,
        }
    }

    fn refusal(command: &Command) -> String {
        match command.check() {
            Err(CommandError::Invalid(why)) => why,
            other => panic!("expected Invalid, got {other:?}"),
        }
    }

    #[test]
    fn invalid_commands_name_the_field() {
        assert!(refusal(&command(&[])).contains("argv is empty"));
        assert!(refusal(&command(&[""])).contains("argv[0]"));
        assert!(refusal(&command(&["-x"])).contains("argv[0]"));
        assert!(refusal(&command(&["echo", "", "a\0b"])).contains("argv[2]"));
        assert!(refusal(&Command { directory: Some("a\0".into()), ..command(&["true"]) }).contains("directory"));
        assert!(refusal(&Command { timeout: Duration::ZERO, ..command(&["true"]) }).contains("timeout"));
        for name in ["", "1a", "a-b", "a=b", "a b", "\u{e9}", "a\n"] {
            let environment = BTreeMap::from([(name.to_string(), String::new())]);
            assert!(refusal(&Command { environment, ..command(&["true"]) }).contains("environment"), "{name:?}");
        }
        let environment = BTreeMap::from([("A".to_string(), "\0".to_string())]);
        assert!(refusal(&Command { environment, ..command(&["true"]) }).contains("value of A"));
        assert!(refusal(&command(&["echo", &"x".repeat(COMMAND_LIMIT)])).contains("131072"));
    }

    #[test]
    fn secrets_that_could_not_be_handed_over_or_hidden_are_refused() {
        let lent = |variable: &str, value: &str| {
            let secret = LentSecret { credential: "vault".into(), value: Secret::new(value.into()) };
            Command { secrets: BTreeMap::from([(variable.to_string(), secret)]), ..command(&["true"]) }
        };
        assert_eq!(lent("TOKEN", "four").check(), Ok(()));
        for (variable, value, says) in [
            ("A-B", "xyzzy", "no name of a variable"),
            ("IFS", "xyzzy", "on the way"),
            ("dry_base", "xyzzy", "on the way"),
            ("TOKEN", "abc", "vault has less than 4"),
            ("TOKEN", "xy\0zzy", "NUL"),
        ] {
            let why = refusal(&lent(variable, value));
            assert!(why.contains(says) && !why.contains("xy"), "{why}");
        }
        let environment = BTreeMap::from([("TOKEN".to_string(), "x".to_string())]);
        assert!(refusal(&Command { environment, ..lent("TOKEN", "xyzzy") }).contains("environment too"));
        let secret = LentSecret { credential: "a b".into(), value: Secret::new("xyzzy".into()) };
        let strange = Command { secrets: BTreeMap::from([("TOKEN".into(), secret)]), ..command(&["true"]) };
        assert!(refusal(&strange).contains("credential"));
    }

    #[test]
    fn ordinary_commands_are_valid() {
        let environment = BTreeMap::from([("_A1".to_string(), " '\n".to_string())]);
        let valid = Command { environment, directory: Some("-x y".into()), ..command(&["echo", "", "-n", "'\n$"]) };
        assert_eq!(valid.check(), Ok(()));
    }
}
