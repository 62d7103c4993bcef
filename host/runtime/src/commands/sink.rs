//! Where a program's output goes while it runs.

use super::command::{Chunk, Exit, Output};
use tokio::sync::mpsc::Sender;

/// Nobody takes the output any more.
#[derive(Debug)]
pub struct Unread;

#[derive(Debug)]
pub enum Sink {
    Collect { stdout: Vec<u8>, stderr: Vec<u8>, limit: usize, truncated: bool },
    Stream(Sender<Chunk>),
}

impl Sink {
    pub fn collect(limit: usize) -> Sink {
        Sink::Collect { stdout: Vec::new(), stderr: Vec::new(), limit, truncated: false }
    }

    /// Waits while the reader of a stream is slow.
    pub async fn accept(&mut self, chunk: Chunk) -> Result<(), Unread> {
        match self {
            Sink::Collect { stdout, stderr, limit, truncated } => {
                let (kept, bytes) = match chunk {
                    Chunk::Stdout(bytes) => (stdout, bytes),
                    Chunk::Stderr(bytes) => (stderr, bytes),
                };
                let room = limit.saturating_sub(kept.len()).min(bytes.len());
                *truncated |= room < bytes.len();
                kept.extend_from_slice(&bytes[..room]);
                Ok(())
            }
            Sink::Stream(out) => match &chunk {
                Chunk::Stdout(bytes) | Chunk::Stderr(bytes) if bytes.is_empty() => Ok(()),
                _ => out.send(chunk).await.map_err(|_| Unread),
            },
        }
    }

    /// The collected output; of a stream nothing is left to hand over.
    pub fn into_output(self, exit: Exit) -> Output {
        match self {
            Sink::Collect { stdout, stderr, truncated, .. } => Output { exit, stdout, stderr, truncated },
            Sink::Stream(_) => Output { exit, stdout: Vec::new(), stderr: Vec::new(), truncated: false },
        }
    }
}
