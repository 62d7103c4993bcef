//! `with`: a command here, with a lease in its environment.

use super::args::WithArgs;
use super::client::Client;
use super::holding::Holding;
use super::output::{plain, tell};
use super::signals::{Caught, Signals};
use super::waiting::{ask, ended, release, request, until_ours, until_over};
use crate::api::types::LeaseDetailView;
use crate::exit::{self, Exit};
use drydock_core::contract::Access;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, getpgrp, tcgetpgrp};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;
use tokio::process::{Child, Command};

/// How long a command may take to end when its lease has.
const GRACE: Duration = Duration::from_secs(10);
const NOT_RUNNABLE: u8 = 126;
const NO_SUCH_COMMAND: u8 = 127;

pub async fn with(client: &Client, args: &WithArgs) -> Result<u8, Exit> {
    let request = request(&args.wish, true)?;
    let mut signals = Signals::catch()?;
    let lease = ask(client, &request, &mut signals).await?;
    // To the end, also while it is released.
    let _holding = Holding::of(client, &lease);
    let detail = until_ours(client, &lease, &mut signals).await?;
    let result = run(client, &detail, &args.argv, &mut signals).await;
    if let Err(exit) = release(client, &lease.id, "its command has ended").await {
        tell(&exit.message);
    }
    result
}

/// Runs the command to its end; its code.
async fn run(client: &Client, detail: &LeaseDetailView, argv: &[OsString], signals: &mut Signals) -> Result<u8, Exit> {
    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]).envs(environment(client, detail));
    let terminal = File::open("/dev/tty").ok();
    if terminal.is_none() {
        // All that it starts gets its signals too. At a terminal it stays in our group, or it could not read from it.
        command.process_group(0);
    }
    let name = plain(&argv[0].to_string_lossy());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            tell(&format!("{name} can't be run: {error}"));
            return Ok(if error.kind() == ErrorKind::NotFound { NO_SUCH_COMMAND } else { NOT_RUNNABLE });
        }
    };
    let over = until_over(client, &detail.lease.id);
    tokio::pin!(over);
    loop {
        tokio::select! {
            status = child.wait() => return Ok(code(status.map_err(|error| unknown(&name, error))?)),
            caught = signals.next() => pass_on(&child, caught, terminal.as_ref()),
            end = &mut over => {
                let why = match end {
                    Ok(lease) => ended(&lease).message,
                    Err(error) => error.to_string(),
                };
                end_command(&mut child, terminal.is_some()).await.map_err(|error| unknown(&name, error))?;
                return Err(Exit::new(exit::ITSELF, format!("{why}; {name} was ended, as the lease was gone")));
            }
        }
    }
}

fn unknown(name: &str, error: std::io::Error) -> Exit {
    Exit::new(exit::ITSELF, format!("how {name} ended can't be found out: {error}"))
}

fn code(status: ExitStatus) -> u8 {
    match (status.code(), status.signal()) {
        (Some(code), _) => (code & 0xff) as u8,
        (None, signal) => exit::signalled(signal.and_then(|number| u8::try_from(number).ok()).unwrap_or(0)),
    }
}

/// Sends a signal that came to us on to the command.
fn pass_on(child: &Child, caught: Caught, terminal: Option<&File>) {
    let from_terminal = matches!(caught.0, Signal::SIGINT | Signal::SIGQUIT)
        && terminal.is_some_and(|tty| tcgetpgrp(tty).is_ok_and(|group| group == getpgrp()));
    // What is typed at a terminal reaches the whole group, the command with it.
    if !from_terminal {
        send(child, caught.0, terminal.is_some());
    }
}

async fn end_command(child: &mut Child, alone: bool) -> std::io::Result<ExitStatus> {
    send(child, Signal::SIGTERM, alone);
    match tokio::time::timeout(GRACE, child.wait()).await {
        Ok(status) => status,
        Err(_) => {
            send(child, Signal::SIGKILL, alone);
            child.wait().await
        }
    }
}

/// `alone`: to the command itself; otherwise to the group that it leads.
fn send(child: &Child, signal: Signal, alone: bool) {
    // Without an id it has ended, and been waited for; a signal to one that has just ended goes nowhere.
    if let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw) {
        let _ = if alone { kill(pid, signal) } else { killpg(pid, signal) };
    }
}

/// What the command finds in its environment beside ours.
fn environment(client: &Client, detail: &LeaseDetailView) -> BTreeMap<String, OsString> {
    let lease = &detail.lease;
    let mut variables: BTreeMap<String, OsString> = BTreeMap::new();
    let handout = lease.handout.clone().unwrap_or_default();
    for (name, value) in handout.environment {
        // The kernel has no way to hand on others.
        if !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0') {
            variables.insert(name, value.into());
        }
    }
    let mut set = |name: &str, value: Option<OsString>| {
        if let Some(value) = value {
            variables.insert(format!("DRYDOCK_{name}"), value);
        }
    };
    set("LEASE", Some(lease.id.clone().into()));
    set("TYPE", Some(lease.kind.clone().into()));
    set("RESOURCE", lease.resource.clone().map(Into::into));
    set("FENCE", lease.fence.map(|fence| fence.to_string().into()));
    set("DIRECTORY", handout.directory.map(Into::into));
    set("URL", handout.url.map(Into::into));
    let socket = std::path::absolute(client.socket()).unwrap_or_else(|_| client.socket().into());
    set("SOCKET", Some(socket.into()));
    if let Access::Ssh(ssh) = handout.access {
        set("HOST", Some(ssh.host.into()));
        set("PORT", Some(ssh.port.to_string().into()));
        set("USER", Some(ssh.user.into()));
    }
    variables
}
