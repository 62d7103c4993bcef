//! One command, from asking for a connection to leaving nothing behind.

use super::super::COMMAND_LIMIT;
use super::super::command::{Command, Exit};
use super::super::error::CommandError;
use super::super::quote;
use super::super::sink::Sink;
use super::Target;
use super::jobs::Ending;
use super::pool::{Pool, Slot};
use super::session::{NotStarted, Session};
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// Connections that turned out to be dead, or to open no session, when the command was to start, before it is given up.
const ATTEMPTS: u32 = 3;

type Ended = Result<(Exit, Sink), CommandError>;

/// Runs a command in a task of its own, so that a caller who is slow, or who gives up, holds up nobody else on the same
/// connection, and what was started is ended in any case.
pub async fn run(pool: &Arc<Pool>, target: Target, command: Command, sink: Sink, deadline: Instant) -> Ended {
    let nonce = format!("{:016x}", rand::random::<u64>());
    let line = quote::login_line(&command, &nonce);
    if line.len() >= COMMAND_LIMIT {
        return Err(CommandError::Invalid(format!(
            "the command is {} bytes long once it is written for a login shell, the limit is {COMMAND_LIMIT}: pass large \
             data on stdin",
            line.len(),
        )));
    }
    let (caller, ended) = oneshot::channel();
    let (jobs, ending) = (pool.jobs(), pool.jobs().ending());
    let job = Job { pool: pool.clone(), target, command, line, nonce, deadline };
    jobs.spawn(job.run(sink, caller, ending));
    ended.await.unwrap_or_else(|_| Err(CommandError::Other("the command broke off inside the host; ask again".into())))
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
    async fn run(self, mut sink: Sink, mut caller: oneshot::Sender<Ended>, mut ending: Ending) {
        let (result, left) = self.attend(&mut sink, &mut caller, &mut ending).await;
        // Nobody may be there to take it.
        let _ = caller.send(result.map(|exit| (exit, sink)));
        if let Some((slot, session)) = left {
            session.kill().await;
            // Until then the server counts the session.
            drop(slot);
        }
    }

    /// How it ended, and what there is to kill.
    async fn attend(
        &self,
        sink: &mut Sink,
        caller: &mut oneshot::Sender<Ended>,
        ending: &mut Ending,
    ) -> (Result<Exit, CommandError>, Option<(Slot, Session)>) {
        let (title, target, timeout) = (self.command.title(), &self.target, self.command.timeout);
        let cut_off = async {
            tokio::select! {
                () = caller.closed() => CommandError::Other(format!("{title} was ended: its caller is gone")),
                () = ending.wait() => CommandError::Unreachable(format!(
                    "{title} was ended: the daemon closes its connections to other machines; ask again later"
                )),
            }
        };
        tokio::pin!(cut_off);
        let started = tokio::select! {
            started = timeout_at(self.deadline, self.start(sink.is_stream())) => {
                started.unwrap_or_else(|_| Err(CommandError::TimedOut(format!(
                    "{title} was not started on {target}: no connection was free within {timeout:?}; give it more time, \
                     or look whether the host is reachable and overloaded"
                ))))
            }
            why = &mut cut_off => Err(why),
        };
        let (slot, mut session) = match started {
            Ok(started) => started,
            Err(error) => return (Err(error), None),
        };
        let input = quote::input(&self.command);
        let ended = tokio::select! {
            ended = timeout_at(self.deadline, session.attend(&input, sink)) => {
                ended.unwrap_or_else(|_| Err(CommandError::TimedOut(format!(
                    "{title} on {target} is being killed: it had not ended after {timeout:?}"
                ))))
            }
            why = &mut cut_off => Err(why),
        };
        let left = session.is_running().then_some((slot, session));
        (ended, left)
    }

    /// Repeats what can't have started anything.
    async fn start(&self, exclusive: bool) -> Result<(Slot, Session), CommandError> {
        let (title, target) = (self.command.title(), &self.target);
        let (mut dead, mut refused) = (0, 0);
        loop {
            let slot = Pool::take(&self.pool, target, exclusive).await?;
            let alone = slot.is_alone();
            let connection = slot.connection().clone();
            match Session::start(connection, target, &self.command, &self.line, &self.nonce).await {
                Ok(session) => return Ok((slot, session)),
                Err(NotStarted::Full) if !alone => slot.narrow(),
                Err(NotStarted::Full) => {
                    refused += 1;
                    if refused == ATTEMPTS {
                        return Err(CommandError::Refused(format!(
                            "{target} lets us log in but opens no session: look at MaxSessions in its sshd_config, and at \
                             its log"
                        )));
                    }
                }
                Err(NotStarted::Dead(why)) => {
                    slot.discard();
                    dead += 1;
                    if dead == ATTEMPTS {
                        return Err(CommandError::Unreachable(format!(
                            "{title} was not started on {target}: the connection was lost {dead} times before it could be \
                             ({why}); look at the host and its network"
                        )));
                    }
                }
            }
        }
    }
}
