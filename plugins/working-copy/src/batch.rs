//! What is done on a host for each repository: by a plain command where that is quick, and else by jobs, side by side.

use crate::answer::{Answer, answer};
use crate::trouble::Trouble;
use drydock_sdk::commands::{Command, Error, Exit, Output};
use drydock_sdk::{Access, Failure, Wake, jobs};
use std::time::{Duration, Instant};

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
    /// One is still to be done, or runs.
    Running { repository: String, wake: Wake },
    /// The host can't be reached now. What was started there goes on.
    Lost { reason: String, wake: Wake },
}

/// Tries to reach a host that does not answer, before the step fails: some ten minutes.
const PATIENCE: u32 = 14;

/// What is tried without a job, for a copy that is there already: most takes less.
const HASTE: Duration = Duration::from_secs(10);

/// What of a batch of jobs is waited for in one call.
const WAIT: Duration = Duration::from_secs(5);

/// The exit status of a script that would have to wait for another try.
const BUSY: i32 = 4;

/// Runs a batch as plain commands, one after the other: as long as none takes long, that is the fastest. Once it has taken
/// too long, it is `long` from the next call on, and is done by jobs.
///
/// A command whose connection is lost goes on by itself. What it does then does no harm to who repeats it: there are locks.
pub fn pursue(on: &Access, batch: &[Job], lost: u32, long: &mut bool) -> Result<Stage, Failure> {
    if *long {
        return advance(on, batch, lost);
    }
    let since = Instant::now();
    let mut ended = Vec::new();
    for job in batch {
        let timeout = HASTE.saturating_sub(since.elapsed()).min(job.command.timeout);
        let command = job.command.clone().variable("DRYDOCK_HASTE", "yes").timeout(timeout);
        let output = match timeout.is_zero() {
            true => Err(Error::TimedOut("there is no time left".to_owned())),
            false => command.run(on),
        };
        match output {
            Ok(output) if output.exit != Exit::Code(BUSY) => ended.push((job.repository.clone(), output)),
            Ok(_) | Err(Error::TimedOut(_)) => {
                *long = true;
                return Ok(Stage::Running { repository: job.repository.clone(), wake: Wake::After(Duration::ZERO) });
            }
            Err(error) => return bear(error, lost).map_err(|failure| failure.while_doing(&job.repository)),
        }
    }
    Ok(Stage::Ended(ended))
}

/// Starts the jobs that were not started yet, and looks after the rest.
///
/// A job that ran twice has done no harm, so one whose record is gone is started again.
pub fn advance(on: &Access, batch: &[Job], lost: u32) -> Result<Stage, Failure> {
    let mut ended = Vec::new();
    let since = Instant::now();
    // All run by the time that the last one is waited for, and then the others.
    for (index, job) in batch.iter().enumerate() {
        let wait = if index + 1 == batch.len() { WAIT } else { Duration::ZERO };
        match look(on, job, wait) {
            Ok(output) => ended.push(output),
            Err(error) => return bear(error, lost).map_err(|failure| failure.while_doing(&job.repository)),
        }
    }
    for (job, output) in batch.iter().zip(&mut ended) {
        if output.is_none() {
            let left = WAIT.saturating_sub(since.elapsed());
            match look(on, job, left) {
                Ok(later) => *output = later,
                Err(error) => return bear(error, lost).map_err(|failure| failure.while_doing(&job.repository)),
            }
        }
        if output.is_none() {
            return Ok(Stage::Running { repository: job.repository.clone(), wake: Wake::Job(job.key.clone()) });
        }
    }
    let named = |(job, output): (&Job, Option<Output>)| Some((job.repository.clone(), output?));
    Ok(Stage::Ended(batch.iter().zip(ended).filter_map(named).collect()))
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

/// What a job has come to, which is started if it was not; none: it still runs after so long.
fn look(on: &Access, job: &Job, wait: Duration) -> Result<Option<Output>, Error> {
    match jobs::start(on, &job.key, &job.command, wait)? {
        // The host was started anew in the middle of it. It is started again when it is looked at next.
        jobs::State::Ended(output) if output.exit == Exit::Signal("LOST".to_owned()) => {
            jobs::cancel(on, std::slice::from_ref(&job.key))?;
            Ok(None)
        }
        jobs::State::Ended(output) => Ok(Some(output)),
        // Unknown: somebody has cancelled it meanwhile.
        jobs::State::Running | jobs::State::Unknown => Ok(None),
    }
}

/// The answers of jobs that have ended, or the first trouble among them.
pub fn answers(ended: &[(String, Output)]) -> Result<Vec<Answer<'_>>, Trouble> {
    ended.iter().map(|(repository, output)| answer(repository, output)).collect()
}

/// Ends what still runs of these; none: that is done.
pub fn end(on: &Access, keys: &[String], lost: u32) -> Result<Option<Stage>, Failure> {
    match jobs::cancel(on, keys) {
        Ok(()) => Ok(None),
        Err(error) => bear(error, lost).map(Some),
    }
}

/// Removes the records of what has ended. A host that can't be reached keeps them, which harms nobody.
pub fn forget<'a>(on: &Access, ended: impl IntoIterator<Item = &'a Job>) {
    let keys: Vec<String> = ended.into_iter().map(|job| job.key.clone()).collect();
    if let Err(error) = jobs::cancel(on, &keys) {
        drydock_sdk::debug!("records of jobs stay: {}", Failure::from(error).reason);
    }
}
