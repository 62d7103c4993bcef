//! Commands over SSH.
//!
//! - `connection`: one authenticated connection, and how it is made
//! - `credential`: the key that the daemon shows
//! - `doors`: how many handshakes a server is asked for at a time
//! - `known_hosts`: whether the host is the one that it says
//! - `pool`: connections that are kept for the next command
//! - `prologue`: what comes before a program's own output
//! - `session`: one command on a connection

mod connection;
mod credential;
mod doors;
mod known_hosts;
mod pool;
mod prologue;
mod session;

pub use credential::{Credential, Credentials};
pub use pool::Pool;

use super::command::{Command, Exit};
use super::error::{CommandError, printable};
use super::quote;
use super::sink::Sink;
use session::{NotStarted, Session};
use std::fmt;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// Connections that turned out to be dead when a command was to start on them, before it is given up.
const DEAD_CONNECTIONS: u32 = 3;

/// What connections are shared by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub credential: String,
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (user, host) = (printable(&self.user), printable(&self.host));
        match host.contains(':') {
            true => write!(formatter, "{user}@[{host}]:{}", self.port),
            false => write!(formatter, "{user}@{host}:{}", self.port),
        }
    }
}

/// Runs a command in a task of its own, so that a caller who is slow, or who gives up, holds up nobody else on the same
/// connection, and what was started is ended in any case.
pub async fn run(
    pool: &Arc<Pool>,
    target: Target,
    command: Command,
    sink: Sink,
    deadline: Instant,
) -> Result<(Exit, Sink), CommandError> {
    let nonce = format!("{:016x}", rand::random::<u64>());
    let line = quote::login_line(&command, &nonce);
    if line.len() >= super::COMMAND_LIMIT {
        return Err(CommandError::Invalid(format!(
            "the command is {} bytes long once it is written for a login shell, the limit is {}: pass large data on stdin",
            line.len(),
            super::COMMAND_LIMIT
        )));
    }
    let (caller, caller_gone) = oneshot::channel::<()>();
    let job = Job { pool: pool.clone(), target, command, line, nonce, deadline };
    let task = tokio::spawn(job.run(sink, caller_gone));
    let result = task.await;
    drop(caller);
    result.unwrap_or_else(|error| Err(CommandError::Other(format!("the command broke off inside the host: {error}"))))
}

struct Job {
    pool: Arc<Pool>,
    target: Target,
    command: Command,
    line: String,
    nonce: String,
    deadline: Instant,
}

impl Job {
    async fn run(self, mut sink: Sink, caller_gone: oneshot::Receiver<()>) -> Result<(Exit, Sink), CommandError> {
        tokio::pin!(caller_gone);
        let title = self.command.title();
        let exclusive = matches!(sink, Sink::Stream(_));
        let started = tokio::select! {
            started = timeout_at(self.deadline, self.start(exclusive)) => started,
            _ = &mut caller_gone => return Err(abandoned(&title)),
        };
        let (slot, mut session) = started.map_err(|_| {
            CommandError::TimedOut(format!(
                "{title} was not started on {}: no connection was free within {:?}; give it more time, or look whether \
                 the host is reachable and overloaded",
                self.target, self.command.timeout
            ))
        })??;
        let ended = tokio::select! {
            ended = timeout_at(self.deadline, session.attend(&self.command.stdin, &mut sink)) => ended,
            _ = &mut caller_gone => Ok(Err(abandoned(&title))),
        };
        let result = ended.unwrap_or_else(|_| {
            Err(CommandError::TimedOut(format!(
                "{title} on {} is being killed: it had not ended after {:?}",
                self.target, self.command.timeout
            )))
        });
        if session.is_running() {
            // The slot is the session's until the server has let go of it.
            tokio::spawn(async move {
                session.kill().await;
                drop(slot);
            });
        }
        result.map(|exit| (exit, sink))
    }

    /// Repeats what can't have started anything.
    async fn start(&self, exclusive: bool) -> Result<(pool::Slot, Session), CommandError> {
        let mut dead = 0;
        loop {
            let slot = Pool::take(&self.pool, &self.target, exclusive).await?;
            let connection = slot.connection().clone();
            let why = match Session::start(connection, &self.target, &self.command, &self.line, &self.nonce).await {
                Ok(session) => return Ok((slot, session)),
                Err(NotStarted::Full) if slot.narrow() => continue,
                Err(NotStarted::Full) => {
                    return Err(CommandError::Refused(format!(
                        "{} lets us log in but opens no session: look at MaxSessions in its sshd_config, and at its log",
                        self.target
                    )));
                }
                Err(NotStarted::Dead(why)) => why,
            };
            slot.discard();
            dead += 1;
            if dead == DEAD_CONNECTIONS {
                return Err(CommandError::Unreachable(format!(
                    "{} was not started on {}: the connection was lost {dead} times before it could be ({why}); look at \
                     the host and its network",
                    self.command.title(),
                    self.target
                )));
            }
        }
    }
}

fn abandoned(title: &str) -> CommandError {
    CommandError::Other(format!("{title} was ended: its caller is gone"))
}
