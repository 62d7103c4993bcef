//! What a guest may call: `log`, `view` and `commands`; `jobs`, `files` and `leases` are in files of their own.

use crate::bindings::{commands, log, types, view};
use crate::call::Call;
use crate::commands::{Command, CommandError, Exit, LentSecret, Output};
use crate::credentials::{Secret, plain_secret};
use crate::nesting::beneath;
use crate::translate::{access, escaped, thing};
use crate::view::Viewer;
use drydock_core::contract::Access;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tracing::{debug, error, info, warn};

/// Bytes kept of one message to the log, and messages kept of one call.
const MESSAGE: usize = 8 << 10;
const MESSAGES: u32 = 100;

/// Bytes a command may hand back of each of its outputs.
const OUTPUT: u32 = 1 << 20;

/// What is left of a call's time when its commands are timed out, so that the guest can still answer.
const MARGIN: Duration = Duration::from_millis(250);

/// Something that the contract does not allow a guest to do. It ends the call.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Misuse(String);

impl types::Host for Call {}

impl log::Host for Call {
    async fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        self.logged = self.logged.saturating_add(1);
        let (blueprint, function) = (&self.blueprint, self.function.name());
        if self.logged > MESSAGES {
            if self.logged == MESSAGES + 1 {
                warn!(target: "drydock::plugin", blueprint, function, "more than {MESSAGES} messages in one call: the rest is dropped");
            }
            return Ok(());
        }
        let message = escaped(&message, MESSAGE);
        match level {
            log::Level::Debug => debug!(target: "drydock::plugin", blueprint, function, "{message}"),
            log::Level::Info => info!(target: "drydock::plugin", blueprint, function, "{message}"),
            log::Level::Warn => warn!(target: "drydock::plugin", blueprint, function, "{message}"),
            log::Level::Error => error!(target: "drydock::plugin", blueprint, function, "{message}"),
        }
        Ok(())
    }
}

impl view::Host for Call {
    async fn taken(&mut self, keys: Vec<String>) -> wasmtime::Result<Vec<String>> {
        let viewer = self.viewer()?;
        Ok(viewer.taken(keys).await)
    }

    async fn used(&mut self, key: String) -> wasmtime::Result<u32> {
        let viewer = self.viewer()?;
        Ok(viewer.used(key).await)
    }

    async fn observed(&mut self) -> wasmtime::Result<Option<view::Sight>> {
        let viewer = self.viewer()?;
        Ok(viewer.observed().await.map(|sight| view::Sight {
            things: sight.things.iter().map(thing).collect(),
            age: sight.age,
            complete: sight.complete,
        }))
    }
}

impl Call {
    fn viewer(&self) -> wasmtime::Result<Viewer> {
        self.view.clone().ok_or_else(|| {
            let function = self.function.name();
            Misuse(format!("`{function}` looked at `view`, which only `allocate` and `acquire` may")).into()
        })
    }
}

impl commands::Host for Call {
    async fn run(
        &mut self,
        on: types::Access,
        command: commands::Command,
    ) -> wasmtime::Result<Result<commands::Output, commands::Error>> {
        Ok(self.run(on, command).await)
    }
}

impl Call {
    async fn run(
        &mut self,
        on: types::Access,
        command: commands::Command,
    ) -> Result<commands::Output, commands::Error> {
        let (on, left) = self.reach(on, "run a command").await?;
        let timeout = Duration::from_millis(command.timeout).min(left);
        let command = self.command(command, timeout)?;
        self.runner.run(&on, command).await.map(output).map_err(error)
    }

    /// Where a guest means, if it may do that there, and how much time it has for it. `deed` is what it would do.
    pub(crate) async fn reach(&mut self, on: types::Access, deed: &str) -> Result<(Access, Duration), commands::Error> {
        let on = access(on).map_err(|broken| commands::Error::Invalid(broken.within("on").to_string()))?;
        let on = beneath(self.nested(), on).await.map_err(commands::Error::Invalid)?;
        if let Err(denial) = self.may_run(&on, deed) {
            warn!(target: "drydock::plugin", blueprint = self.blueprint, function = self.function.name(), "denied: {denial}");
            return Err(commands::Error::Denied(denial));
        }
        let left = self.deadline.saturating_duration_since(Instant::now()).saturating_sub(MARGIN);
        if left.is_zero() {
            return Err(commands::Error::TimedOut(format!("no time is left of this call to {deed} in")));
        }
        Ok((on, left))
    }

    pub(crate) fn command(&self, command: commands::Command, timeout: Duration) -> Result<Command, commands::Error> {
        let mut secrets = BTreeMap::new();
        for secret in command.secrets {
            let value = self.reveal(&secret.credential).map_err(error)?;
            let shown = escaped(&secret.variable, 255);
            if secrets.insert(secret.variable, LentSecret { credential: secret.credential, value }).is_some() {
                return Err(commands::Error::Invalid(format!("secrets: the variable {shown} is there twice")));
            }
        }
        Ok(Command {
            argv: command.argv,
            directory: command.directory,
            environment: command.environment.into_iter().map(|entry| (entry.name, entry.value)).collect(),
            secrets,
            stdin: command.stdin,
            timeout,
            output_limit: command.output_limit.min(OUTPUT) as usize,
        })
    }
}

impl Call {
    /// A secret for a program, if this call may use it.
    pub(crate) fn reveal(&self, credential: &str) -> Result<Secret, CommandError> {
        if let Err(denial) = self.may_use(credential) {
            warn!(target: "drydock::plugin", blueprint = self.blueprint, function = self.function.name(), "denied: {denial}");
            return Err(CommandError::Denied(denial));
        }
        plain_secret(self.runner.credentials(), credential).map_err(CommandError::Denied)
    }
}

pub(crate) fn output(output: Output) -> commands::Output {
    commands::Output {
        exit: match output.exit {
            Exit::Code(code) => commands::Exit::Code(code),
            Exit::Signal(signal) => commands::Exit::Signal(signal),
        },
        stdout: output.stdout,
        stderr: output.stderr,
        truncated: output.truncated,
    }
}

pub(crate) fn error(error: CommandError) -> commands::Error {
    match error {
        CommandError::Invalid(text) => commands::Error::Invalid(text),
        CommandError::Denied(text) => commands::Error::Denied(text),
        CommandError::Unreachable(text) => commands::Error::Unreachable(text),
        CommandError::Refused(text) => commands::Error::Refused(text),
        CommandError::TimedOut(text) => commands::Error::TimedOut(text),
        CommandError::Other(text) => commands::Error::Other(text),
    }
}

impl Call {
    /// Whether this call may run commands there, which is what files need too. The error names both sides and says what to
    /// do.
    fn may_run(&self, on: &Access, deed: &str) -> Result<(), String> {
        let blueprint = &self.blueprint;
        let plugin = &self.rights.plugin;
        if !self.function.acts() {
            let function = self.function.name();
            return Err(format!(
                "the plugin {plugin} tried to {deed} in `{function}`, which only decides; commands can be run in open, \
                 activate, release, close, check, observe and remove"
            ));
        }
        let (scope, what) = match on {
            Access::Ssh(_) => ("ssh", "over SSH"),
            Access::Local => ("local", "on the machine that Drydock itself runs on"),
            // There is nothing to grant: the runner says that no command can be run there.
            Access::None | Access::Via(_) => return Ok(()),
        };
        let Some(permission) = self.rights.asks.iter().find(|p| p.what == "commands" && p.scope == scope) else {
            return Err(format!(
                "the plugin {plugin} of the blueprint \"{blueprint}\" tried to {deed} {what}, but does not ask for \
                 `commands:{scope}` in what it says of itself; its author has to add that to `asks`"
            ));
        };
        let grant = format!("commands:{scope}");
        if self.rights.grants.contains(&grant) {
            return Ok(());
        }
        let grants = self.with_grant(&grant);
        Err(format!(
            "the plugin {plugin} asks to run commands {what} (it says: {}), which the operator has not granted to the \
             blueprint \"{blueprint}\"; to grant it, put this line into that [[blueprint]] of the configuration: \
             grants = [{grants}]",
            permission.reason
        ))
    }

    pub(crate) fn with_grant(&self, grant: &str) -> String {
        self.rights.with_grant(grant)
    }
}
