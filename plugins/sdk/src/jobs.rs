//! Long commands: they outlive the connection and the host that started them.

use crate::commands::{Command, Error, Output};
use crate::{Access, bindings, fake};
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Running,
    Ended(Output),
    /// Nothing was started under that key, or its record is gone.
    Unknown,
}

/// Starts a command under a key; when one was started under it before, attaches to that one. Its `timeout` is counted on
/// the thing itself. Answers how it fares: as soon as it has ended, and while it runs, after `wait`, at most 30 seconds.
pub fn start(on: &Access, key: &str, command: &Command, wait: Duration) -> Result<State, Error> {
    if fake::is_on() {
        return fake::outside(|outside| outside.start(on, key, command, wait));
    }
    bindings::jobs::start(on, key, &command.clone().into(), milliseconds(wait)).map(State::from)
}

/// Answers as [`start`] does, of what was started before.
pub fn poll(on: &Access, key: &str, wait: Duration) -> Result<State, Error> {
    if fake::is_on() {
        return fake::outside(|outside| outside.poll(on, key, wait));
    }
    bindings::jobs::poll(on, key, milliseconds(wait)).map(State::from)
}

/// Ends those that still run, with all that they started, and removes their records. At most 256.
pub fn cancel(on: &Access, keys: &[String]) -> Result<(), Error> {
    if fake::is_on() {
        return fake::outside(|outside| outside.cancel(on, keys));
    }
    bindings::jobs::cancel(on, keys)
}

fn milliseconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis()).unwrap_or(u32::MAX)
}

impl From<bindings::jobs::State> for State {
    fn from(state: bindings::jobs::State) -> State {
        match state {
            bindings::jobs::State::Running => State::Running,
            bindings::jobs::State::Ended(output) => State::Ended(output.into()),
            bindings::jobs::State::Unknown => State::Unknown,
        }
    }
}
