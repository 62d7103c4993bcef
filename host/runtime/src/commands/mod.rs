//! Commands on leased things: over SSH, and on this very machine.
//!
//! - `command`: what to run, and what it came to
//! - `error`: why it came to nothing
//! - `files`: small files, written and read
//! - `jobs`: commands that outlive their connection
//! - `local`: on this machine
//! - `quote`: how an argument list survives a login shell
//! - `runner`: the door to all of it
//! - `sink`: where output goes
//! - `ssh`: on another machine

mod command;
mod error;
mod files;
mod jobs;
mod local;
mod quote;
mod runner;
mod sink;
mod ssh;

pub use command::{COMMAND_LIMIT, Chunk, Command, Exit, LentSecret, Output};
pub use error::CommandError;
pub use files::FILE_LIMIT;
pub use jobs::{EndedJob, JOB_TIMEOUT_LIMIT, JobState};
pub use runner::Runner;
pub(crate) use ssh::public_key;

/// A program that left others running in the background keeps its output open. Once it has ended, its command ends too
/// when nothing was printed for this long.
const QUIET: std::time::Duration = std::time::Duration::from_secs(2);
