//! Commands on the machine that the daemon runs on.

use super::QUIET;
use super::command::{Chunk, Command, Exit};
use super::error::{CommandError, printable};
use super::sink::{Sink, Unread};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Child;
use tokio::time::{Instant, sleep_until, timeout_at};

/// What a program is given of the daemon's own environment.
const INHERITED: [&str; 3] = ["PATH", "HOME", "LANG"];
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";
const BUFFER: usize = 32 * 1024;

/// A program's process group. Unless it is let go, dropping it kills the program and all that it started.
struct Group(Option<Pid>);

impl Group {
    fn let_go(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0
            && let Err(error) = killpg(group, Signal::SIGKILL)
            && error != nix::errno::Errno::ESRCH
        {
            tracing::warn!(%error, group = group.as_raw(), "a process group could not be killed");
        }
    }
}

pub async fn run(command: Command, sink: &mut Sink, deadline: Instant) -> Result<Exit, CommandError> {
    let title = command.title();
    let mut child = match spawn(&command).await {
        Ok(child) => child,
        Err(error) => return not_started(&command, error, sink).await,
    };
    let group = Group(child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw));
    match timeout_at(deadline, attend(&mut child, command.stdin, sink)).await {
        Ok(Ok(exit)) => {
            group.let_go();
            Ok(exit)
        }
        Ok(Err(error)) => Err(error),
        Err(_) => Err(CommandError::TimedOut(format!(
            "{title} on this machine was killed with all that it started: it had not ended after {:?}",
            command.timeout
        ))),
    }
}

async fn spawn(command: &Command) -> std::io::Result<Child> {
    let mut process = tokio::process::Command::new(&command.argv[0]);
    process.args(&command.argv[1..]).env_clear().env("PATH", DEFAULT_PATH);
    for name in INHERITED {
        if let Some(value) = std::env::var_os(name) {
            process.env(name, value);
        }
    }
    process.envs(&command.environment);
    process.envs(command.secrets.iter().map(|(name, secret)| (name, secret.value.expose())));
    process.current_dir(directory(command));
    process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    process.process_group(0);
    process.spawn()
}

fn directory(command: &Command) -> std::path::PathBuf {
    let home = std::env::home_dir().filter(|home| home.is_dir()).unwrap_or_else(|| "/".into());
    match &command.directory {
        Some(directory) => home.join(directory),
        None => home,
    }
}

/// A program that can't be started is told like a shell tells it, so that both ways of running commands agree.
async fn not_started(command: &Command, error: std::io::Error, sink: &mut Sink) -> Result<Exit, CommandError> {
    let directory = directory(command);
    let why = match tokio::fs::metadata(&directory).await {
        Ok(found) if found.is_dir() => None,
        Ok(_) => Some("it is no directory".to_string()),
        Err(reason) => Some(reason.to_string()),
    };
    if let Some(why) = why {
        return Err(no_directory(&command.title(), &directory.to_string_lossy(), "this machine", &why));
    }
    let code = match error.kind() {
        ErrorKind::NotFound => 127,
        ErrorKind::PermissionDenied => 126,
        _ if error.raw_os_error() == Some(nix::errno::Errno::ENOEXEC as i32) => 126,
        _ => {
            return Err(CommandError::Other(format!(
                "{} could not be started on this machine: {error}; free what it ran out of, or look at the program",
                command.title()
            )));
        }
    };
    let text = format!("{}: {error}\n", command.title());
    sink.accept(Chunk::Stderr(text.into_bytes())).await.map_err(|Unread| unread(&command.title()))?;
    Ok(Exit::Code(code))
}

pub fn no_directory(title: &str, directory: &str, place: &str, why: &str) -> CommandError {
    CommandError::Other(format!(
        "{title} was not started on {place}: its directory {} can't be entered ({}); make it first",
        printable(directory),
        printable(why)
    ))
}

pub fn unread(title: &str) -> CommandError {
    CommandError::Other(format!("{title} was ended: nobody reads its output any more"))
}

/// Feeds the program and takes its output until it has ended and its output is closed, or quiet.
async fn attend(child: &mut Child, input: Vec<u8>, sink: &mut Sink) -> Result<Exit, CommandError> {
    let (mut stdin, mut stdout, mut stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async move {
        if let Some(stdin) = &mut stdin {
            // A program need not read its input; then writing fails, and that is no failure of the command.
            let _ = stdin.write_all(&input).await;
        }
        drop(stdin.take());
    };
    tokio::pin!(feed);
    let (mut fed, mut status, mut quiet_at) = (false, None::<ExitStatus>, Instant::now());
    let (mut out, mut err) = (vec![0; BUFFER], vec![0; BUFFER]);
    loop {
        if let Some(status) = status
            && stdout.is_none()
            && stderr.is_none()
        {
            return Ok(exit(status));
        }
        let chunk = tokio::select! {
            () = &mut feed, if !fed => {
                fed = true;
                continue;
            }
            read = read(&mut stdout, &mut out), if stdout.is_some() => read.map(Chunk::Stdout),
            read = read(&mut stderr, &mut err), if stderr.is_some() => read.map(Chunk::Stderr),
            ended = child.wait(), if status.is_none() => {
                status = Some(ended.map_err(|error| CommandError::Other(format!(
                    "the end of a program on this machine could not be awaited: {error}"
                )))?);
                None
            }
            () = sleep_until(quiet_at), if status.is_some() => {
                stdout = None;
                stderr = None;
                continue;
            }
        };
        if let Some(chunk) = chunk {
            sink.accept(chunk).await.map_err(|Unread| unread("the program"))?;
        }
        quiet_at = Instant::now() + QUIET;
    }
}

/// The next bytes; none, and the pipe is closed, at its end.
async fn read<R: AsyncRead + Unpin>(pipe: &mut Option<R>, buffer: &mut [u8]) -> Option<Vec<u8>> {
    let length = match pipe {
        Some(pipe) => pipe.read(buffer).await.unwrap_or(0),
        None => 0,
    };
    if length == 0 {
        *pipe = None;
        return None;
    }
    Some(buffer[..length].to_vec())
}

fn exit(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(number)) => Exit::Signal(match Signal::try_from(number) {
            Ok(signal) => signal.as_str().trim_start_matches("SIG").to_string(),
            Err(_) => number.to_string(),
        }),
        (None, None) => Exit::Code(-1),
    }
}
