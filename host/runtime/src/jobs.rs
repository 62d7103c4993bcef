//! What a guest may call of `jobs`: commands that outlive the call.

use crate::bindings::{commands, jobs, types};
use crate::call::Call;
use crate::commands::JobState;
use crate::credentials::Redaction;
use crate::imports::{error, output};
use std::time::Duration;

impl jobs::Host for Call {
    async fn start(
        &mut self,
        on: types::Access,
        key: String,
        command: commands::Command,
        wait: u32,
    ) -> wasmtime::Result<Result<jobs::State, commands::Error>> {
        Ok(self.start_job(on, &key, command, wait).await)
    }

    async fn poll(
        &mut self,
        on: types::Access,
        key: String,
        wait: u32,
    ) -> wasmtime::Result<Result<jobs::State, commands::Error>> {
        Ok(self.poll_job(on, &key, wait).await)
    }

    async fn cancel(&mut self, on: types::Access, keys: Vec<String>) -> wasmtime::Result<Result<(), commands::Error>> {
        Ok(self.cancel_jobs(on, &keys).await)
    }
}

impl Call {
    async fn start_job(
        &mut self,
        on: types::Access,
        key: &str,
        command: commands::Command,
        wait: u32,
    ) -> Result<jobs::State, commands::Error> {
        let (on, left) = self.reach(on, "run a command").await?;
        let timeout = Duration::from_millis(command.timeout);
        let command = self.command(command, timeout)?;
        let (wait, rest) = waiting(wait, left);
        let state = self.runner.start_job(&on, &self.own(key)?, command, wait, rest).await.map_err(error)?;
        self.told(state)
    }

    async fn poll_job(&mut self, on: types::Access, key: &str, wait: u32) -> Result<jobs::State, commands::Error> {
        let (on, left) = self.reach(on, "look after a command").await?;
        let (wait, rest) = waiting(wait, left);
        let state = self.runner.poll_job(&on, &self.own(key)?, wait, rest).await.map_err(error)?;
        self.told(state)
    }

    /// As the guest may see it.
    fn told(&self, state: JobState) -> Result<jobs::State, commands::Error> {
        match state {
            JobState::Running => Ok(jobs::State::Running),
            JobState::Ended(ended) => {
                let mut hidden = Redaction::default();
                for credential in ended.credentials() {
                    hidden.hide(&self.reveal(credential).map_err(error)?);
                }
                Ok(jobs::State::Ended(output(ended.into_output(&hidden))))
            }
            JobState::Unknown => Ok(jobs::State::Unknown),
        }
    }

    async fn cancel_jobs(&mut self, on: types::Access, keys: &[String]) -> Result<(), commands::Error> {
        let (on, left) = self.reach(on, "end a command").await?;
        let own = keys.iter().map(|key| self.own(key)).collect::<Result<Vec<_>, _>>()?;
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        self.runner.cancel_jobs(&on, &own, left).await.map_err(error)
    }

    /// A key as the thing knows it. What other blueprints and other installations start there is out of reach, whatever
    /// they call it.
    fn own(&self, key: &str) -> Result<String, commands::Error> {
        if key.is_empty() || key.len() > KEY {
            let why = format!("the key of a job is {} bytes long; it has 1 to {KEY}", key.len());
            return Err(commands::Error::Invalid(why));
        }
        Ok(format!("{}\n{}\n{key}", self.installation, self.blueprint))
    }
}

/// How long the end of a job is waited for, and the rest of the time that is left of the call: enough to hear of it.
fn waiting(wait: u32, left: Duration) -> (Duration, Duration) {
    let wait = Duration::from_millis(wait.into()).min(LONGEST_WAIT).min(left / 2);
    (wait, left - wait)
}

/// What may be waited for a job in one call.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Bytes of a key.
const KEY: usize = 255;
