//! One command on a connection.

use super::super::QUIET;
use super::super::command::{Chunk, Command, Exit};
use super::super::error::{CommandError, printable, printable_bytes};
use super::super::local::{no_directory, unread};
use super::super::quote::for_login_shell;
use super::super::sink::{Sink, Unread};
use super::Target;
use super::connection::Connection;
use super::prologue::{Prologue, Start};
use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Error, Sig};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// For the server to open a session on a connection that is there.
const OPEN: Duration = Duration::from_secs(15);
/// For the program to say under which number it can be killed.
const HEAR: Duration = Duration::from_secs(2);
/// For killing it.
const KILL: Duration = Duration::from_secs(10);
/// Between two tries to open a session for killing it.
const AGAIN: Duration = Duration::from_millis(100);
/// The kind of extended data that is stderr (RFC 4254, section 5.2).
const STDERR: u32 = 1;

/// Why a session did not begin. The command has not been started.
pub enum NotStarted {
    /// The server opens no further session on this connection.
    Full,
    Dead(String),
}

pub struct Session {
    connection: Arc<Connection>,
    read: ChannelReadHalf,
    write: ChannelWriteHalf<Msg>,
    stdout: Prologue,
    stderr: Prologue,
    target: Target,
    title: String,
    directory: String,
    exit: Option<Exit>,
    closed: bool,
}

impl Session {
    /// Opens a session and sends the command. From then on it may have been started.
    pub async fn start(
        connection: Arc<Connection>,
        target: &Target,
        command: &Command,
        line: &str,
        nonce: &str,
    ) -> Result<Session, NotStarted> {
        let channel = match timeout(OPEN, connection.open_session()).await {
            Ok(Ok(channel)) => channel,
            Ok(Err(Error::ChannelOpenFailure(_))) => return Err(NotStarted::Full),
            Ok(Err(Error::Disconnect | Error::SendError)) => return Err(NotStarted::Dead(connection.end())),
            Ok(Err(error)) => return Err(NotStarted::Dead(printable(&error.to_string()))),
            Err(_) => return Err(NotStarted::Dead(format!("no session was opened within {OPEN:?}"))),
        };
        let (read, write) = channel.split();
        if write.exec(true, line).await.is_err() {
            return Err(NotStarted::Dead(connection.end()));
        }
        Ok(Session {
            connection,
            read,
            write,
            stdout: Prologue::new(nonce),
            stderr: Prologue::new(nonce),
            target: target.clone(),
            title: command.title(),
            directory: command.directory.clone().unwrap_or_default(),
            exit: None,
            closed: false,
        })
    }

    /// Whether there may be something to kill.
    pub fn is_running(&self) -> bool {
        self.exit.is_none() && !self.closed
    }

    /// Feeds the command and takes its output until it has ended and its output is closed, or quiet.
    pub async fn attend(&mut self, input: &[u8], sink: &mut Sink) -> Result<Exit, CommandError> {
        let mut lost = false;
        {
            let write = &self.write;
            let feed = async {
                // A program need not read its input; then there is nobody to send it to.
                if write.data(input).await.is_ok() {
                    let _ = write.eof().await;
                }
            };
            tokio::pin!(feed);
            let (mut fed, mut quiet_at) = (false, Instant::now());
            loop {
                let message = tokio::select! {
                    () = &mut feed, if !fed => {
                        fed = true;
                        continue;
                    }
                    message = self.read.wait() => message,
                    () = sleep_until(quiet_at), if self.exit.is_some() => break,
                };
                quiet_at = Instant::now() + QUIET;
                let chunk = match message {
                    Some(ChannelMsg::Data { data }) => Chunk::Stdout(self.stdout.pass(&data)),
                    Some(ChannelMsg::ExtendedData { data, ext: STDERR }) => Chunk::Stderr(self.stderr.pass(&data)),
                    Some(ChannelMsg::ExitStatus { exit_status }) => {
                        self.exit = Some(Exit::Code(exit_status as i32));
                        continue;
                    }
                    Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                        self.exit = Some(Exit::Signal(name(signal_name)));
                        continue;
                    }
                    Some(ChannelMsg::Failure) => {
                        return Err(CommandError::Refused(format!(
                            "{} refuses to run commands for user {}; look at its log",
                            self.target,
                            printable(&self.target.user)
                        )));
                    }
                    Some(ChannelMsg::Close) => {
                        self.closed = true;
                        break;
                    }
                    Some(_) => continue,
                    None => {
                        lost = true;
                        break;
                    }
                };
                sink.accept(chunk).await.map_err(|Unread| unread(&self.title))?;
            }
        }
        if !self.closed {
            // The server keeps the session until we let go of it, too.
            let _ = self.write.close().await;
        }
        self.conclude(lost)
    }

    fn conclude(&mut self, lost: bool) -> Result<Exit, CommandError> {
        let (title, target) = (&self.title, &self.target);
        if lost {
            self.closed = true;
            return Err(CommandError::Unreachable(format!(
                "the connection to {target} was lost while {title} ran ({}); it may be running still: look at the host \
                 and its network before repeating it",
                self.connection.end()
            )));
        }
        let said = [self.stderr.rest(), self.stdout.rest()].concat();
        match (self.stderr.start(), &self.exit) {
            (Start::NoDirectory, _) => {
                let said = String::from_utf8_lossy(&said);
                Err(no_directory(title, &self.directory, &target.to_string(), said.lines().next().unwrap_or_default()))
            }
            (Start::Started(_) | Start::Unheard, Some(exit)) => Ok(exit.clone()),
            (Start::Awaited, Some(exit)) => Err(CommandError::Other(format!(
                "{title} was not started on {target}: the login shell of {} ended before it ({exit}), saying \"{}\"; give \
                 the user a login shell that runs /bin/sh, and no forced command",
                printable(&target.user),
                printable_bytes(&said)
            ))),
            (_, None) => Err(CommandError::Other(format!(
                "{target} closed the session of {title} without saying how it ended; look at the log of its SSH server"
            ))),
        }
    }

    /// Ends the program and all that it started, as far as the other side can be reached, and waits until the server has
    /// let go of the session: until then it counts it.
    pub async fn kill(self) {
        let Session { connection, mut read, write, mut stderr, target, title, .. } = self;
        let heard = async {
            while *stderr.start() == Start::Awaited {
                match read.wait().await {
                    Some(ChannelMsg::ExtendedData { data, ext: STDERR }) => drop(stderr.pass(&data)),
                    Some(ChannelMsg::Close) | None => return,
                    Some(_) => {}
                }
            }
        };
        let _ = timeout(HEAR, heard).await;
        let killed = async {
            match *stderr.start() {
                Start::Started(group) => kill_group(&connection, group).await,
                // Servers need not heed it, and OpenSSH does for some users only.
                _ => drop(write.signal(Sig::KILL).await),
            }
        };
        // What still arrives is thrown away.
        let let_go = async { while !matches!(read.wait().await, Some(ChannelMsg::Close) | None) {} };
        if timeout(KILL, async { tokio::join!(killed, let_go) }).await.is_err() {
            tracing::warn!(%target, program = title, "a program could not be killed in time; it may be running still");
        }
        let _ = write.close().await;
    }
}

/// The request to signal a session is not heeded for every user, so another session kills the process group.
async fn kill_group(connection: &Connection, group: u32) {
    let _turn = connection.killer.acquire().await;
    let mut channel = loop {
        match connection.open_session().await {
            Ok(channel) => break channel,
            // Sessions that are ending still count.
            Err(Error::ChannelOpenFailure(_)) => sleep(AGAIN).await,
            Err(_) => return,
        }
    };
    // Behind a forced command the program need not be the leader of its group.
    let script = format!("kill -s KILL -- -{group} || kill -s KILL {group}");
    if channel.exec(true, for_login_shell(&script)).await.is_ok() {
        while channel.wait().await.is_some() {}
    }
}

fn name(signal: Sig) -> String {
    match signal {
        Sig::Custom(name) => printable(&name),
        known => format!("{known:?}"),
    }
}
