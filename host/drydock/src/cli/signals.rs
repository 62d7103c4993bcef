//! Signals, caught so that something can be put in order first.

use crate::exit::{self, Exit};
use nix::sys::signal::Signal as Number;
use std::future::poll_fn;
use std::task::Poll;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What asks a program to end.
const ENDING: [Number; 4] = [Number::SIGINT, Number::SIGTERM, Number::SIGHUP, Number::SIGQUIT];

/// A signal that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caught(pub Number);

impl Caught {
    pub fn name(self) -> &'static str {
        self.0.as_str()
    }

    /// The exit code of a program that ends by it.
    pub fn code(self) -> u8 {
        exit::signalled(self.0 as u8)
    }
}

/// From here on the signals that ask for an end are waited for, instead of ending the program.
pub struct Signals {
    streams: Vec<(Number, Signal)>,
}

impl Signals {
    /// A signal that whoever started the program had it ignore (`nohup`, a job in the background) stays ignored.
    pub fn catch() -> Result<Signals, Exit> {
        let ignored = ignored();
        let mut streams = Vec::new();
        for number in ENDING {
            if ignored & (1 << (number as u32 - 1)) == 0 {
                let stream = signal(SignalKind::from_raw(number as i32))
                    .map_err(|error| Exit::new(exit::FAILURE, format!("{number} can't be caught: {error}")))?;
                streams.push((number, stream));
            }
        }
        Ok(Signals { streams })
    }

    /// The next one. Dropping the call loses none.
    pub async fn next(&mut self) -> Caught {
        poll_fn(|context| {
            for (number, stream) in &mut self.streams {
                if let Poll::Ready(Some(())) = stream.poll_recv(context) {
                    return Poll::Ready(Caught(*number));
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// Works, unless a signal comes first: that is an error then, with its code.
pub async fn unless<T>(signals: &mut Signals, work: impl Future<Output = T>) -> Result<T, Exit> {
    tokio::select! {
        done = work => Ok(done),
        caught = signals.next() => Err(Exit::new(caught.code(), format!("{} came", caught.name()))),
    }
}

/// The signals that this process ignores, a bit each. The standard library has no way to ask, so where the kernel does
/// not tell, none.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}
