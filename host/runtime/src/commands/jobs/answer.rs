//! What the script's answers mean.

use super::super::command::{Exit, Output, is_credential_name};
use super::super::error::{CommandError, printable, printable_bytes};
use crate::credentials::Redaction;
use std::fmt;

/// How a job fares.
#[derive(Debug, PartialEq, Eq)]
pub enum JobState {
    Running,
    Ended(EndedJob),
    /// Nothing was started under that key, or its record is gone.
    Unknown,
}

/// What a start came to: a line, and then how the job fares. `title` and `place` are for messages.
pub fn started(output: &Output, title: &str, directory: &str, place: &str) -> Result<JobState, CommandError> {
    let (first, rest) = line(&output.stdout);
    let answer = String::from_utf8_lossy(first);
    let why = match answer.trim() {
        "started" | "attached" => return told(rest, output, place),
        "directory" => {
            format!("its directory {} can't be entered; make it first", printable(directory))
        }
        "short" => {
            return Err(CommandError::Unreachable(format!(
                "{title} was not started on {place}: its input arrived in part only; start it again"
            )));
        }
        "cancelled" => "it was cancelled meanwhile; start it again if it is still wanted".into(),
        "stays" => "what was cancelled under its key before can't be killed; look at its processes there".into(),
        "group" => "nothing there gives it a process group of its own; install setsid (of util-linux) or perl".into(),
        "again" => "its record is made and removed by others all the time; start it again".into(),
        answer => format!(
            "its record could not be made (\"{}\"); look at the room and the rights in the home of its user there",
            printable_bytes(&[answer.as_bytes(), b" ", &output.stderr].concat())
        ),
    };
    Err(CommandError::Other(format!("{title} was not started on {place}: {why}")))
}

/// The record of a job that has ended. What is kept of its output can be more than its limit, and have secrets in it.
#[derive(PartialEq, Eq)]
pub struct EndedJob {
    exit: Exit,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// In seconds.
    timeout: u64,
    limit: usize,
    notes: String,
}

impl fmt::Debug for EndedJob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("EndedJob").field("exit", &self.exit).finish_non_exhaustive()
    }
}

impl EndedJob {
    /// The names of the credentials that its secrets are from.
    pub fn credentials(&self) -> impl Iterator<Item = &str> {
        self.notes.split(' ').filter(|name| is_credential_name(name))
    }

    /// As it is shown: without what must not be seen, up to its limit.
    ///
    /// The exit [`Exit::Signal`] is `TIMEOUT` for a job that was killed because it took longer than its timeout, and
    /// `LOST` for one whose watcher ended without it, as by a reboot: how far it got is not known. Then stderr ends with a
    /// sentence that says so.
    pub fn into_output(mut self, hidden: &Redaction) -> Output {
        let is_cut = |output: &[u8]| output.len() > self.limit;
        let (out_cut, err_cut) = (is_cut(&self.stdout), is_cut(&self.stderr));
        let truncated = out_cut || err_cut;
        let died = matches!(self.exit, Exit::Signal(_));
        self.stdout = seen(&self.stdout, out_cut || died, hidden);
        self.stderr = seen(&self.stderr, err_cut || died, hidden);
        self.stdout.truncate(self.limit);
        self.stderr.truncate(self.limit);
        let befell = match &self.exit {
            Exit::Signal(name) if name == TIMEOUT => {
                Some(format!("drydock: it was killed after {} s, its timeout, with all that it started", self.timeout))
            }
            Exit::Signal(name) if name == LOST => Some(
                "drydock: it was lost, as by a reboot, before it had ended; how far it got is not known".to_owned(),
            ),
            _ => None,
        };
        if let Some(sentence) = befell {
            if self.stderr.last().is_some_and(|last| *last != b'\n') {
                self.stderr.push(b'\n');
            }
            self.stderr.extend_from_slice(sentence.as_bytes());
            self.stderr.push(b'\n');
        }
        Output { exit: self.exit, stdout: self.stdout, stderr: self.stderr, truncated }
    }
}

/// What can be seen of an output. Where one was cut, its end may be the beginning of something hidden.
fn seen(output: &[u8], cut: bool, hidden: &Redaction) -> Vec<u8> {
    let mut scrubber = hidden.clone().scrubber();
    let mut seen = scrubber.push(output);
    let rest = scrubber.finish();
    seen.extend_from_slice(if cut && !rest.is_empty() { b"***" } else { &rest });
    seen
}

const TIMEOUT: &str = "TIMEOUT";
const LOST: &str = "LOST";

pub fn polled(output: &Output, place: &str) -> Result<JobState, CommandError> {
    told(&output.stdout, output, place)
}

/// What is told of a job, which is a part of that output.
fn told(told: &[u8], output: &Output, place: &str) -> Result<JobState, CommandError> {
    let (first, rest) = line(told);
    match first {
        b"running" => Ok(JobState::Running),
        b"unknown" => Ok(JobState::Unknown),
        b"ended" if !output.truncated => ended(rest).map(JobState::Ended).ok_or_else(|| unreadable(output, place)),
        _ => Err(unreadable(output, place)),
    }
}

pub fn cancelled(output: &Output, place: &str) -> Result<(), CommandError> {
    match output.stdout.as_slice() {
        b"gone\n" => Ok(()),
        b"stays\n" => Err(CommandError::Other(format!(
            "the job on {place} can't be killed; look at its processes there, and cancel it again"
        ))),
        _ => Err(unreadable(output, place)),
    }
}

fn unreadable(output: &Output, place: &str) -> CommandError {
    CommandError::Other(format!(
        "the record of the job on {place} can't be read ({}, \"{}\"); look at ~/.local/state/drydock/jobs there",
        output.exit,
        printable_bytes(&output.stderr)
    ))
}

/// How it ended, what is noted of it, the length of its outputs, and the outputs.
fn ended(rest: &[u8]) -> Option<EndedJob> {
    let (exit, rest) = line(rest);
    let (noted, rest) = line(rest);
    let (lengths, rest) = line(rest);
    let (noted, lengths) = (std::str::from_utf8(noted).ok()?, std::str::from_utf8(lengths).ok()?);
    let mut noted = noted.splitn(3, ' ');
    let (timeout, limit) = (noted.next()?.parse().ok()?, noted.next()?.parse().ok()?);
    let (out, err) = lengths.split_once(' ')?;
    let (stdout, rest) = rest.split_at_checked(out.parse().ok()?)?;
    let (stderr, _) = rest.split_at_checked(err.parse().ok()?)?;
    Some(EndedJob {
        exit: exit_of(std::str::from_utf8(exit).ok()?)?,
        stdout: stdout.to_vec(),
        stderr: stderr.to_vec(),
        timeout,
        limit,
        notes: noted.next().unwrap_or_default().to_owned(),
    })
}

fn exit_of(text: &str) -> Option<Exit> {
    Some(match text.split_once(' ') {
        Some(("code", code)) => Exit::Code(code.parse().ok()?),
        Some(("signal", name)) => Exit::Signal(printable(name)),
        None if text == "late" => Exit::Signal(TIMEOUT.into()),
        None if text == "lost" => Exit::Signal(LOST.into()),
        _ => return None,
    })
}

/// The first line, without its end, and what follows.
fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &[]),
    }
}
