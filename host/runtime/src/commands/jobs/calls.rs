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

/// Keys in one call.
const KEYS_LIMIT: usize = 256;

/// Bytes of a key.
const KEY_LIMIT: usize = 1024;

impl Runner {
    /// Starts a command under a key, in `within` at most, and answers how it fares: as soon as it has ended, or, if it runs
    /// longer than `wait`, then. If one was started under the same key by the same user of the thing before, and not
    /// cancelled since, nothing is started.
    ///
    /// It ends on its own, by its timeout, counted there, or by [`Runner::cancel_jobs`]; dropping this future, or the
    /// runner, does not end it.
    pub async fn start_job(
        &self,
        on: &Access,
        key: &str,
        command: Command,
        wait: Duration,
        within: Duration,
    ) -> Result<JobState, CommandError> {
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
        let output = self.answer(on, script::start(key, command, wait, within)).await?;
        answer::started(&output, &title, &directory, &place(on)).map_err(|error| error.without(&hidden))
    }

    /// How the command fares that was started under this key: as soon as it has ended, or, if it runs longer than `wait`
    /// from now, then. `within` is the time for asking.
    pub async fn poll_job(
        &self,
        on: &Access,
        key: &str,
        wait: Duration,
        within: Duration,
    ) -> Result<JobState, CommandError> {
        check_key(key)?;
        let output = self.answer(on, script::poll(key, wait, within)).await?;
        answer::polled(&output, &place(on))
    }

    /// Ends the commands that were started under these keys, with all that they started, if they run, and removes their
    /// records. Each is asked first, by TERM, and has two seconds before it is killed. When this answers, they are gone; of
    /// what was never started that is so at once. At most 256 keys.
    pub async fn cancel_jobs(&self, on: &Access, keys: &[&str], within: Duration) -> Result<(), CommandError> {
        keys.iter().try_for_each(|key| check_key(key))?;
        if keys.len() > KEYS_LIMIT {
            return Err(CommandError::Invalid(format!(
                "{} jobs are to be cancelled at once, {KEYS_LIMIT} can be: cancel them in parts",
                keys.len()
            )));
        }
        if keys.is_empty() {
            return Ok(());
        }
        let output = self.run(on, script::cancel(keys, within)).await?;
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
