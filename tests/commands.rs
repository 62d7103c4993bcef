//! Commands on leased things, for real: programs on this machine, and an OpenSSH server on loopback.

#[path = "fixture/sshd.rs"]
mod sshd;

#[path = "commands/agent.rs"]
mod agent;
#[path = "commands/files.rs"]
mod files;
#[path = "commands/jobs.rs"]
mod jobs;
#[path = "commands/local.rs"]
mod local;
#[path = "commands/place.rs"]
mod place;
#[path = "commands/secrets.rs"]
mod secrets;
#[path = "commands/ssh.rs"]
mod ssh;
#[path = "commands/trouble.rs"]
mod trouble;
#[path = "commands/trust.rs"]
mod trust;

use drydock_core::contract::{Access, Platform, SshAccess};
use drydock_runtime::commands::{Command, CommandError, Exit, Output, Runner};
use drydock_runtime::credentials::{Credentials, SshKey};
use sshd::Sshd;
use std::collections::BTreeMap;
use std::time::Duration;

/// A command with a minute to run and room for its output.
fn command<I: IntoIterator<Item = S>, S: Into<String>>(argv: I) -> Command {
    Command {
        argv: argv.into_iter().map(Into::into).collect(),
        directory: None,
        environment: BTreeMap::new(),
        secrets: BTreeMap::new(),
        stdin: Vec::new(),
        timeout: Duration::from_secs(60),
        output_limit: 1024 * 1024,
    }
}

fn shell(script: &str) -> Command {
    command(["sh", "-c", script])
}

fn credential(sshd: &Sshd) -> SshKey {
    SshKey {
        private_key: sshd.private_key().into(),
        passphrase_env: None,
        known_hosts: Some(sshd.known_hosts()),
        check_host_key: true,
    }
}

/// A runner that knows the server's key under the name `lab`.
fn runner(sshd: &Sshd) -> Runner {
    Runner::new(Credentials::from([("lab".to_string(), credential(sshd).into())]))
}

fn access(sshd: &Sshd) -> SshAccess {
    SshAccess {
        host: "127.0.0.1".into(),
        port: sshd.port,
        user: Sshd::user(),
        credential: "lab".into(),
        platform: Platform::Posix,
    }
}

fn on(sshd: &Sshd) -> Access {
    Access::Ssh(access(sshd))
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

#[track_caller]
fn assert_printed(result: Result<Output, CommandError>, expected: &str) {
    let output = result.expect("the command ran");
    assert_eq!((text(&output.stdout), text(&output.stderr), &output.exit), (expected, "", &Exit::Code(0)));
}

/// The sentence must name each of these.
#[track_caller]
fn assert_says(sentence: &str, words: &[&str]) {
    for word in words {
        assert!(sentence.contains(word), "{word:?} is missing in: {sentence}");
    }
}

/// Arguments that have broken others.
const AWKWARD: [&str; 24] = [
    "",
    " ",
    "  two  blanks  ",
    "'",
    "''",
    "\"",
    "a'b\"c",
    "\\",
    "\\\\'",
    "\\n",
    "line\nbreak\n",
    "\r\n\t",
    "$HOME",
    "$(id)`id`",
    "${x:-y}",
    "*",
    "~",
    "-n",
    "--",
    "--help=1",
    "!! !a {a,b} [x] a;b|c&d>e<f#g%h^i?",
    "gr\u{fc}n \u{2603} \u{1f680}",
    "\u{1b}[31m\u{7f}\u{1}",
    "A=B",
];

/// A program that prints its arguments, each in angle brackets and followed by a NUL.
fn echo(arguments: &[&str]) -> Command {
    let script = r#"for argument; do printf '<%s>\0' "$argument"; done"#;
    command(["sh", "-c", script, "sh"].iter().chain(arguments).copied())
}

fn echoed(arguments: &[&str]) -> String {
    arguments.iter().map(|argument| format!("<{argument}>\0")).collect()
}
