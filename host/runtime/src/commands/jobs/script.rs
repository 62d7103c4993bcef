//! The script that keeps the records of jobs, as a command.

use super::super::command::{COMMAND_LIMIT, Command};
use super::super::quote;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

/// Without what only people read.
static TEXT: LazyLock<String> = LazyLock::new(|| {
    let lines = include_str!("script.sh").lines().map(str::trim_start);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect::<Vec<_>>().join("\n")
});

/// Bytes of an answer beside the output of a job: its first lines, and what is kept of the output beyond its limit.
const ANSWER: usize = 256 * 1024;

/// The record of a key, which can be any text.
pub fn record(key: &str) -> String {
    Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The command that starts a job. `notes` are given back by [`poll`]; they have no line break in them.
pub fn start(key: &str, job: Command, notes: &str, within: Duration) -> Command {
    let seconds = job.timeout.as_secs() + u64::from(job.timeout.subsec_nanos() > 0);
    let mut arguments = vec![
        nonce(),
        job.stdin.len().to_string(),
        seconds.to_string(),
        job.output_limit.to_string(),
        notes.to_owned(),
        job.directory.clone().unwrap_or_default(),
    ];
    arguments.extend(quote::program(&job));
    Command { stdin: job.stdin, ..command("start", key, arguments, within) }
}

pub fn poll(key: &str, within: Duration) -> Command {
    Command { output_limit: 2 * super::calls::OUTPUT_LIMIT + ANSWER, ..command("poll", key, Vec::new(), within) }
}

pub fn cancel(key: &str, within: Duration) -> Command {
    command("cancel", key, vec![nonce()], within)
}

fn nonce() -> String {
    format!("{:016x}", rand::random::<u64>())
}

fn command(what: &str, key: &str, arguments: Vec<String>, within: Duration) -> Command {
    let mut argv = ["sh", "-c", "dry_text=$1; shift; eval \"$dry_text\"", "drydock-job", TEXT.as_str(), what]
        .map(String::from)
        .to_vec();
    argv.push(record(key));
    argv.extend(arguments);
    Command {
        argv,
        directory: None,
        environment: BTreeMap::new(),
        stdin: Vec::new(),
        timeout: within,
        output_limit: COMMAND_LIMIT,
    }
}
