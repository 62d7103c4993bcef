//! Starting, polling and cancelling.

use super::super::command::Command;
use super::super::error::CommandError;
use super::super::runner::{Runner, place};
use super::answer::{self, JobState};
use super::script;
use drydock_core::contract::Access;
use std::time::Duration;

/// The longest timeout of a job.
pub const JOB_TIMEOUT_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// What is kept at most of each output of a job.
pub const OUTPUT_LIMIT: usize = 1024 * 1024;

/// Bytes of a key.
const KEY_LIMIT: usize = 1024;

impl Runner {
    /// Starts a command under a key, in `within` at most, and answers when it is about to run. If one was started under the
    /// same key by the same user of the thing before, and not cancelled since, nothing is started.
    ///
    /// It ends on its own, by its timeout, counted there, or by [`Runner::cancel_job`]; dropping this future, or the
    /// runner, does not end it.
    pub async fn start_job(
        &self,
        on: &Access,
        key: &str,
        command: Command,
        within: Duration,
    ) -> Result<(), CommandError> {
        check_key(key)?;
        command.check()?;
        if command.timeout > JOB_TIMEOUT_LIMIT {
            return Err(CommandError::Invalid(format!(
                "timeout is {} s, and a job can have {} s at most",
                command.timeout.as_secs(),
                JOB_TIMEOUT_LIMIT.as_secs()
            )));
        }
        let title = command.title();
        let directory = command.directory.clone().unwrap_or_default();
        let command = Command { output_limit: command.output_limit.min(OUTPUT_LIMIT), ..command };
        let hidden = command.redaction();
        let output = self.run(on, script::start(key, command, within)).await?;
        answer::started(&output, &title, &directory, &place(on)).map_err(|error| error.without(&hidden))
    }

    /// How the command fares that was started under this key.
    pub async fn poll_job(&self, on: &Access, key: &str, within: Duration) -> Result<JobState, CommandError> {
        check_key(key)?;
        let output = self.run(on, script::poll(key, within)).await?;
        answer::polled(&output, &place(on))
    }

    /// Ends the command that was started under this key, with all that it started, if it runs, and removes its record. It
    /// is asked first, by TERM, and has two seconds before it is killed. When this answers, it is gone; without such a
    /// command that is so at once.
    pub async fn cancel_job(&self, on: &Access, key: &str, within: Duration) -> Result<(), CommandError> {
        check_key(key)?;
        let output = self.run(on, script::cancel(key, within)).await?;
        answer::cancelled(&output, &place(on))
    }
}

fn check_key(key: &str) -> Result<(), CommandError> {
    if key.is_empty() || key.len() > KEY_LIMIT {
        return Err(CommandError::Invalid(format!(
            "the key of a job is {} bytes long; it has 1 to {KEY_LIMIT}",
            key.len()
        )));
    }
    Ok(())
}
