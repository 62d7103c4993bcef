//! Long commands: they outlive the connection and the host that started them.

use crate::commands::{Command, Error, Output};
use crate::{Access, bindings, fake};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Running,
    Ended(Output),
    /// Nothing was started under that key, or its record is gone.
    Unknown,
}

/// Starts a command under a key; when one was started under it before, attaches to that one. Its `timeout` is counted on
/// the thing itself.
pub fn start(on: &Access, key: &str, command: &Command) -> Result<(), Error> {
    if fake::is_on() {
        return fake::outside(|outside| outside.start(on, key, command));
    }
    bindings::jobs::start(on, key, &command.clone().into())
}

pub fn poll(on: &Access, key: &str) -> Result<State, Error> {
    if fake::is_on() {
        return fake::outside(|outside| outside.poll(on, key));
    }
    Ok(match bindings::jobs::poll(on, key)? {
        bindings::jobs::State::Running => State::Running,
        bindings::jobs::State::Ended(output) => State::Ended(output.into()),
        bindings::jobs::State::Unknown => State::Unknown,
    })
}

/// Ends it with all that it started, if it still runs, and removes its record.
pub fn cancel(on: &Access, key: &str) -> Result<(), Error> {
    if fake::is_on() {
        return fake::outside(|outside| outside.cancel(on, key));
    }
    bindings::jobs::cancel(on, key)
}
