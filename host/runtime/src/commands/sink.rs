//! Where a program's output goes while it runs.

use super::command::{Chunk, Exit, Output};
use crate::credentials::{Redaction, Scrubber};
use tokio::sync::mpsc::Sender;

/// Nobody takes the output any more.
#[derive(Debug)]
pub struct Unread;

/// Takes a program's output, blots out what must not be seen of it, and hands it on.
pub struct Sink {
    to: To,
    stdout: Scrubber,
    stderr: Scrubber,
}

enum To {
    Collect { stdout: Vec<u8>, stderr: Vec<u8>, limit: usize, truncated: bool },
    Stream(Sender<Chunk>),
}

impl Sink {
    pub fn collect(limit: usize, hidden: &Redaction) -> Sink {
        Sink::new(To::Collect { stdout: Vec::new(), stderr: Vec::new(), limit, truncated: false }, hidden)
    }

    pub fn stream(out: Sender<Chunk>, hidden: &Redaction) -> Sink {
        Sink::new(To::Stream(out), hidden)
    }

    fn new(to: To, hidden: &Redaction) -> Sink {
        Sink { to, stdout: hidden.clone().scrubber(), stderr: hidden.clone().scrubber() }
    }

    pub fn is_stream(&self) -> bool {
        matches!(self.to, To::Stream(_))
    }

    /// Waits while the reader of a stream is slow.
    pub async fn accept(&mut self, chunk: Chunk) -> Result<(), Unread> {
        let chunk = match chunk {
            Chunk::Stdout(bytes) => Chunk::Stdout(self.stdout.push(&bytes)),
            Chunk::Stderr(bytes) => Chunk::Stderr(self.stderr.push(&bytes)),
        };
        self.to.take(chunk).await
    }

    /// What was held back because it could have been the beginning of something hidden.
    pub async fn finish(&mut self) -> Result<(), Unread> {
        self.to.take(Chunk::Stdout(self.stdout.finish())).await?;
        self.to.take(Chunk::Stderr(self.stderr.finish())).await
    }

    /// The collected output; of a stream nothing is left to hand over.
    pub fn into_output(self, exit: Exit) -> Output {
        match self.to {
            To::Collect { stdout, stderr, truncated, .. } => Output { exit, stdout, stderr, truncated },
            To::Stream(_) => Output { exit, stdout: Vec::new(), stderr: Vec::new(), truncated: false },
        }
    }
}

impl To {
    async fn take(&mut self, chunk: Chunk) -> Result<(), Unread> {
        match self {
            To::Collect { stdout, stderr, limit, truncated } => {
                let (kept, bytes) = match chunk {
                    Chunk::Stdout(bytes) => (stdout, bytes),
                    Chunk::Stderr(bytes) => (stderr, bytes),
                };
                let room = limit.saturating_sub(kept.len()).min(bytes.len());
                *truncated |= room < bytes.len();
                kept.extend_from_slice(&bytes[..room]);
                Ok(())
            }
            To::Stream(out) => match &chunk {
                Chunk::Stdout(bytes) | Chunk::Stderr(bytes) if bytes.is_empty() => Ok(()),
                _ => out.send(chunk).await.map_err(|_| Unread),
            },
        }
    }
}
