//! Commands on leased things.

use drydock_core::contract::Access;
use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

#[derive(Clone, Debug, Default)]
pub struct Credentials;

#[derive(Clone, Debug)]
pub struct Command {
    pub argv: Vec<String>,
    pub directory: Option<String>,
    pub environment: BTreeMap<String, String>,
    pub stdin: Vec<u8>,
    pub timeout: Duration,
    pub output_limit: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    Signal(String),
}

#[derive(Clone, Debug)]
pub struct Output {
    pub exit: Exit,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub truncated: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Denied(String),
    #[error("{0}")]
    Unreachable(String),
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    TimedOut(String),
    #[error("{0}")]
    Other(String),
}

pub struct Runner {}

impl Runner {
    pub fn new(_credentials: Credentials) -> Runner {
        Runner {}
    }

    pub async fn run(&self, on: &Access, command: Command) -> Result<Output, CommandError> {
        if *on != Access::Local {
            return Err(CommandError::Invalid("only local commands".into()));
        }
        let mut child = tokio::process::Command::new(&command.argv[0])
            .args(&command.argv[1..])
            .envs(&command.environment)
            .current_dir(command.directory.as_deref().unwrap_or("/"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| CommandError::Other(e.to_string()))?;
        let mut stdin = child.stdin.take().unwrap();
        let _ = stdin.write_all(&command.stdin).await;
        drop(stdin);
        let out = tokio::time::timeout(command.timeout, child.wait_with_output())
            .await
            .map_err(|_| CommandError::TimedOut("timed out".into()))?
            .map_err(|e| CommandError::Other(e.to_string()))?;
        Ok(Output {
            exit: Exit::Code(out.status.code().unwrap_or(-1)),
            stdout: out.stdout,
            stderr: out.stderr,
            truncated: false,
        })
    }
}
