//! Writing and reading.

use super::super::command::{Command, Exit, Output};
use super::super::error::{CommandError, printable, printable_bytes};
use super::super::runner::{Runner, place};
use drydock_core::contract::Access;
use std::collections::BTreeMap;
use std::time::Duration;

/// Bytes of one file.
pub const FILE_LIMIT: usize = 16 * 1024 * 1024;

/// Bytes of an answer beside the content of a file.
const ANSWER: usize = 4096;

impl Runner {
    /// Writes a file of at most [`FILE_LIMIT`] bytes: under another name beside it, which is then renamed, so that whoever
    /// reads it sees the old file or the whole new one. Its directory must exist. A relative path is below the home of the
    /// user that commands run as; of a mode, only permission bits are taken.
    pub async fn put_file(
        &self,
        on: &Access,
        path: &str,
        content: Vec<u8>,
        mode: u32,
        within: Duration,
    ) -> Result<(), CommandError> {
        let (directory, name) = parted(path)?;
        if content.len() > FILE_LIMIT {
            return Err(CommandError::Invalid(format!(
                "the file {} is {} bytes long, the limit is {FILE_LIMIT}: have a command fetch it",
                printable(path),
                content.len()
            )));
        }
        if mode > 0o7777 {
            return Err(CommandError::Invalid(format!(
                "the mode {mode:o} of {} is none: it is 0 to 7777",
                printable(path)
            )));
        }
        let nonce = format!("{:016x}", rand::random::<u64>());
        let arguments = [directory.clone(), name, format!("{mode:04o}"), content.len().to_string(), nonce];
        let put = Command { stdin: content, ..command(include_str!("put.sh"), &arguments, within) };
        let output = self.run(on, put).await?;
        let (path, place) = (printable(path), place(on));
        let why = match output.stdout.as_slice() {
            b"done\n" => return Ok(()),
            b"missing\n" => format!("there is no directory {}; make it first", printable(&directory)),
            b"closed\n" => {
                format!("its user can't enter the directory {}; change who may", printable(&directory))
            }
            b"directory\n" => "it is a directory; name a file in it, or remove it first".into(),
            b"short\n" => {
                return Err(CommandError::Unreachable(format!(
                    "{path} was not written on {place}: its content arrived in part only; write it again"
                )));
            }
            _ => failed(&output, "look at the room and the rights there"),
        };
        Err(CommandError::Other(format!("{path} was not written on {place}: {why}")))
    }

    /// Reads a file that is at most `limit` bytes long, and no longer than [`FILE_LIMIT`] in any case.
    pub async fn get_file(
        &self,
        on: &Access,
        path: &str,
        limit: usize,
        within: Duration,
    ) -> Result<Vec<u8>, CommandError> {
        let (directory, name) = parted(path)?;
        let limit = limit.min(FILE_LIMIT);
        let arguments = [format!("{directory}/{name}"), limit.to_string()];
        let get = Command { output_limit: limit + ANSWER, ..command(include_str!("get.sh"), &arguments, within) };
        let mut output = self.run(on, get).await?;
        let (path, place) = (printable(path), place(on));
        let line = output.stdout.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let why = match &output.stdout[..line] {
            b"missing\n" => "there is no such file".to_owned(),
            b"special\n" => "it is not a file, but a directory or a device".to_owned(),
            b"closed\n" => "its user may not read it; change who may".to_owned(),
            first => match length(first) {
                Some(length) if length > limit => {
                    format!("it is {length} bytes long, and {limit} were wanted at most")
                }
                Some(length) if output.exit == Exit::Code(0) && output.stdout.len() == line + length => {
                    return Ok(output.stdout.split_off(line));
                }
                Some(_) if output.exit == Exit::Code(0) => "it was changed meanwhile; read it again".to_owned(),
                _ => failed(&output, "look at it there"),
            },
        };
        Err(CommandError::Other(format!("{path} was not read on {place}: {why}")))
    }
}

fn length(first: &[u8]) -> Option<usize> {
    std::str::from_utf8(first).ok()?.strip_prefix("file ")?.trim_end().parse().ok()
}

fn failed(output: &Output, advice: &str) -> String {
    format!("the shell there says \"{}\" ({}); {advice}", printable_bytes(&output.stderr), output.exit)
}

/// The directory and the name in it, such that no tool takes them for anything else.
fn parted(path: &str) -> Result<(String, String), CommandError> {
    let (directory, name) = path.rsplit_once('/').unwrap_or((".", path));
    if path.contains('\0') || matches!(name, "" | "." | "..") {
        return Err(CommandError::Invalid(format!(
            "{:?} names no file: give a path that ends with a name",
            printable(path)
        )));
    }
    let directory = match directory {
        "" => "/".to_owned(),
        absolute if absolute.starts_with('/') => absolute.to_owned(),
        relative => format!("./{relative}"),
    };
    Ok((directory, name.to_owned()))
}

fn command(script: &str, arguments: &[String], within: Duration) -> Command {
    Command {
        argv: ["sh", "-c", script, "drydock-file"]
            .into_iter()
            .chain(arguments.iter().map(String::as_str))
            .map(String::from)
            .collect(),
        directory: None,
        environment: BTreeMap::new(),
        secrets: BTreeMap::new(),
        stdin: Vec::new(),
        timeout: within,
        output_limit: ANSWER,
    }
}
