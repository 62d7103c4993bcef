//! The door to running commands, wherever they run.

use super::command::{Chunk, Command, Exit, Output};
use super::error::{CommandError, printable};
use super::sink::{Sink, Unread};
use super::ssh::{Pool, Target};
use super::{local, ssh};
use crate::credentials::{Credentials, Redaction};
use drydock_core::contract::{Access, Platform, SshAccess};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;

/// How long an unused connection is kept.
const IDLE: Duration = Duration::from_secs(60);

/// Runs commands on leased things. It keeps SSH connections for the next command; clones share them. Needs a Tokio
/// runtime.
#[derive(Clone)]
pub struct Runner {
    pool: Arc<Pool>,
}

impl Runner {
    pub fn new(credentials: Credentials) -> Runner {
        Runner { pool: Pool::new(credentials, IDLE) }
    }

    /// A runner with the same credentials, and no connections yet, that closes a connection when it was unused for this
    /// long. Default: a minute.
    pub fn keep_connections(&self, idle: Duration) -> Runner {
        Runner { pool: Pool::new(self.pool.credentials().clone(), idle) }
    }

    pub fn credentials(&self) -> &Credentials {
        self.pool.credentials()
    }

    /// Runs a command to its end. Dropping the future kills the program and all that it started, as far as the other
    /// side can still be reached.
    ///
    /// The command ends when the program has ended and its output is closed, or has been quiet for two seconds: what it
    /// left running in the background does not hold it up.
    pub async fn run(&self, on: &Access, command: Command) -> Result<Output, CommandError> {
        let sink = Sink::collect(command.output_limit, &command.redaction());
        let (exit, sink) = self.dispatch(on, command, sink).await?;
        Ok(sink.into_output(exit))
    }

    /// Like `run`, for a script of ours whose answer counts the bytes of what is in it. Secrets in that are blotted out when
    /// it is handed on.
    pub(super) async fn answer(&self, on: &Access, command: Command) -> Result<Output, CommandError> {
        let sink = Sink::collect(command.output_limit, &Redaction::default());
        let (exit, sink) = self.dispatch(on, command, sink).await?;
        Ok(sink.into_output(exit))
    }

    /// Like `run`, but hands on the output as it arrives, all of it. A slow reader slows the program down; one that goes
    /// away ends it.
    pub async fn stream(&self, on: &Access, command: Command, out: Sender<Chunk>) -> Result<Exit, CommandError> {
        let sink = Sink::stream(out, &command.redaction());
        let (exit, _) = self.dispatch(on, command, sink).await?;
        Ok(exit)
    }

    /// Ends all commands on other machines, as unreachable, and closes all connections. Waits a few seconds at most for
    /// programs to be killed. Later commands connect anew.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn dispatch(&self, on: &Access, command: Command, sink: Sink) -> Result<(Exit, Sink), CommandError> {
        command.check()?;
        let (hidden, title) = (command.redaction(), command.title());
        let ended = self.attend(on, command, sink).await;
        let (exit, mut sink) = ended.map_err(|error| error.without(&hidden))?;
        sink.finish().await.map_err(|Unread| local::unread(&title))?;
        Ok((exit, sink))
    }

    async fn attend(&self, on: &Access, command: Command, mut sink: Sink) -> Result<(Exit, Sink), CommandError> {
        let now = Instant::now();
        let deadline = now.checked_add(command.timeout).unwrap_or(now + Duration::from_secs(86_400 * 365));
        match on {
            Access::Local => {
                let exit = local::run(command, &mut sink, deadline).await?;
                Ok((exit, sink))
            }
            Access::Ssh(access) => ssh::run(&self.pool, target(access)?, command, sink, deadline).await,
            Access::None => Err(CommandError::Invalid(
                "this thing takes no commands: its access is none; lease one that is reached over SSH or is local"
                    .into(),
            )),
            Access::Via(lease) => Err(CommandError::Invalid(format!(
                "commands for this thing go to the lease {}: look up its access and use that",
                printable(lease)
            ))),
        }
    }
}

/// Where commands for this access run, for messages.
pub(super) fn place(on: &Access) -> String {
    match on {
        Access::Ssh(access) => target(access).map_or_else(|_| printable(&access.host), |target| target.to_string()),
        Access::Local | Access::None | Access::Via(_) => "this machine".into(),
    }
}

fn target(access: &SshAccess) -> Result<Target, CommandError> {
    let refuse = |why: String| Err(CommandError::Invalid(why));
    for (field, value) in [("host", &access.host), ("user", &access.user)] {
        if value.is_empty() || value.chars().any(|character| character.is_control() || character.is_whitespace()) {
            return refuse(format!(
                "access: {field} is {:?}, which is empty or has blanks in it: correct it",
                printable(value)
            ));
        }
    }
    if access.port == 0 {
        return refuse("access: port is 0: name the port that the SSH server listens on, usually 22".into());
    }
    let target = Target {
        host: access.host.clone(),
        port: access.port,
        user: access.user.clone(),
        credential: access.credential.clone(),
    };
    if access.platform != Platform::Posix {
        return refuse(format!(
            "commands run on POSIX systems only, and the platform of {target} is {}: correct its platform, or lease \
             another",
            if access.platform == Platform::Windows { "windows" } else { "other" }
        ));
    }
    Ok(target)
}
