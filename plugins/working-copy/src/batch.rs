//! Jobs that run side by side on a host, one for each repository.

use crate::answer::{Answer, answer};
use crate::trouble::Trouble;
use drydock_sdk::commands::{Command, Error, Exit, Output};
use drydock_sdk::{Access, Failure, Wake, jobs};
use std::time::Duration;

/// A job of a batch.
pub struct Job {
    pub key: String,
    /// Whose it is.
    pub repository: String,
    pub command: Command,
}

/// How far a batch is.
pub enum Stage {
    /// All have come to their end, in the order of the jobs.
    Ended(Vec<(String, Output)>),
    /// One still runs.
    Running { repository: String, wake: Wake },
    /// The host can't be reached now. What was started there goes on.
    Lost { reason: String, wake: Wake },
}

/// Tries to reach a host that does not answer, before the step fails: some ten minutes.
const PATIENCE: u32 = 14;

/// Starts what was not started yet, and looks after the rest.
///
/// A job that ran twice has done no harm, so one whose record is gone is started again.
pub fn advance(on: &Access, batch: &[Job], lost: u32) -> Result<Stage, Failure> {
    let mut ended = Vec::new();
    let mut running = None;
    for job in batch {
        match look(on, job) {
            Ok(Some(output)) => ended.push((job.repository.clone(), output)),
            Ok(None) => running = running.or(Some(job)),
            Err(error) => return bear(error, lost).map_err(|failure| failure.while_doing(&job.repository)),
        }
    }
    Ok(match running {
        Some(job) => Stage::Running { repository: job.repository.clone(), wake: Wake::Job(job.key.clone()) },
        None => Stage::Ended(ended),
    })
}

/// Whether the host may come back: it has failed to answer so often in a row before.
fn bear(error: Error, lost: u32) -> Result<Stage, Failure> {
    let away = matches!(error, Error::Unreachable(_) | Error::TimedOut(_));
    let failure = Failure::from(error);
    if away && lost < PATIENCE {
        return Ok(Stage::Lost { reason: failure.reason, wake: Wake::After(Duration::from_secs(1 << lost.min(6))) });
    }
    Err(failure)
}

/// What a job has come to; none: it runs.
fn look(on: &Access, job: &Job) -> Result<Option<Output>, Error> {
    match jobs::poll(on, &job.key)? {
        // The host was started anew in the middle of it.
        jobs::State::Ended(output) if output.exit == Exit::Signal("LOST".to_owned()) => {
            jobs::cancel(on, &job.key)?;
            jobs::start(on, &job.key, &job.command)?;
            Ok(None)
        }
        jobs::State::Ended(output) => Ok(Some(output)),
        jobs::State::Running => Ok(None),
        jobs::State::Unknown => {
            jobs::start(on, &job.key, &job.command)?;
            Ok(None)
        }
    }
}

/// The answers of jobs that have ended, or the first trouble among them.
pub fn answers(ended: &[(String, Output)]) -> Result<Vec<Answer<'_>>, Trouble> {
    ended.iter().map(|(repository, output)| answer(repository, output)).collect()
}

/// Ends what still runs of these; none: that is done.
pub fn end(on: &Access, keys: impl IntoIterator<Item = String>, lost: u32) -> Result<Option<Stage>, Failure> {
    match cancel(on, keys) {
        Ok(()) => Ok(None),
        Err(error) => bear(error, lost).map(Some),
    }
}

/// Ends what still runs of these, and removes the records.
pub fn cancel(on: &Access, keys: impl IntoIterator<Item = String>) -> Result<(), Error> {
    keys.into_iter().try_for_each(|key| jobs::cancel(on, &key))
}

/// The same for a batch. A host that can't be reached keeps records, which harm nobody.
pub fn forget(on: &Access, batch: &[Job]) {
    if let Err(error) = cancel(on, batch.iter().map(|job| job.key.clone())) {
        drydock_sdk::debug!("records of jobs stay: {}", Failure::from(error).reason);
    }
}
