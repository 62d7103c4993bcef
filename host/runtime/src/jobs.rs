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
    ) -> wasmtime::Result<Result<(), commands::Error>> {
        Ok(self.start_job(on, &key, command).await)
    }

    async fn poll(&mut self, on: types::Access, key: String) -> wasmtime::Result<Result<jobs::State, commands::Error>> {
        Ok(self.poll_job(on, &key).await)
    }

    async fn cancel(&mut self, on: types::Access, key: String) -> wasmtime::Result<Result<(), commands::Error>> {
        Ok(self.cancel_job(on, &key).await)
    }
}

impl Call {
    async fn start_job(
        &mut self,
        on: types::Access,
        key: &str,
        command: commands::Command,
    ) -> Result<(), commands::Error> {
        let (on, left) = self.reach(on, "run a command").await?;
        let timeout = Duration::from_millis(command.timeout);
        let command = self.command(command, timeout)?;
        self.runner.start_job(&on, &self.own(key)?, command, left).await.map_err(error)
    }

    async fn poll_job(&mut self, on: types::Access, key: &str) -> Result<jobs::State, commands::Error> {
        let (on, left) = self.reach(on, "look after a command").await?;
        let own = self.own(key)?;
        match self.runner.poll_job(&on, &own, left).await.map_err(error)? {
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

    async fn cancel_job(&mut self, on: types::Access, key: &str) -> Result<(), commands::Error> {
        let (on, left) = self.reach(on, "end a command").await?;
        self.runner.cancel_job(&on, &self.own(key)?, left).await.map_err(error)
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

/// Bytes of a key.
const KEY: usize = 255;
