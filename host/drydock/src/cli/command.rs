//! `command`: a command on a leased thing.

use super::args::CommandArgs;
use super::attribute::labels;
use super::client::{Client, path};
use super::moment::whole_milliseconds;
use super::output::{plain, print_bytes};
use crate::api::base64::Bytes;
use crate::api::types::{CommandEvent, CommandRequest};
use crate::exit::{self, Exit};
use nix::sys::signal::Signal;
use std::io::{Read, Write};
use std::str::FromStr;

/// Bytes of stdin at most. In a request's base64 they have to stay below what the daemon reads of one.
const STDIN: u64 = 16 << 20;

pub async fn command(client: &Client, args: &CommandArgs) -> Result<u8, Exit> {
    let request = CommandRequest {
        argv: args.argv.clone(),
        environment: labels(&args.env).map_err(|why| Exit::new(exit::INVALID, why.replace("label", "env")))?,
        timeout_ms: args.timeout.map(|timeout| whole_milliseconds(timeout).unsigned_abs()),
        stdin_base64: if args.stdin { Some(Bytes(stdin()?)) } else { None },
        directory: args.directory.clone(),
    };
    let mut lines = client.lines(&(path("leases", &args.lease) + "/command"), &request).await?;
    while let Some(event) = lines.next::<CommandEvent>().await? {
        match event {
            CommandEvent::Stdout { stdout } => print_bytes(&stdout.0)?,
            // That nobody listens there is no reason to stop the command.
            CommandEvent::Stderr { stderr } => drop(std::io::stderr().write_all(&stderr.0)),
            CommandEvent::Exit { exit } => return Ok((exit & 0xff) as u8),
            CommandEvent::Signal { signal } => return Ok(exit::signalled(number(&signal))),
            CommandEvent::Error { error, .. } => return Err(Exit::new(exit::ITSELF, plain(&error))),
        }
    }
    Err(Exit::new(
        exit::ITSELF,
        format!("the daemon ended before the command on lease {} had; the command may go on there", plain(&args.lease)),
    ))
}

fn stdin() -> Result<Vec<u8>, Exit> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(STDIN + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Exit::new(exit::ITSELF, format!("stdin can't be read: {error}")))?;
    if bytes.len() as u64 > STDIN {
        let why = format!("stdin has more than {} MiB; put large data where the command can fetch it", STDIN >> 20);
        return Err(Exit::new(exit::ITSELF, why));
    }
    Ok(bytes)
}

/// A signal's number on this machine, by its name with or without `SIG`; 0 for one that it does not know.
fn number(name: &str) -> u8 {
    let name = name.strip_prefix("SIG").unwrap_or(name);
    Signal::from_str(&format!("SIG{name}")).map_or(0, |signal| signal as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_known_by_name() {
        assert_eq!((number("SIGKILL"), number("TERM"), number("NOVEL")), (9, 15, 0));
    }
}
