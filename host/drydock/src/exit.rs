//! The program's exit codes, one meaning each.
//!
//! `drydock with` and `drydock command` end with the code of the command they ran, and with 128 + n when signal n ended
//! it; when Drydock itself failed they end with [`ITSELF`], so that its failures are told from the command's.

use std::process::ExitCode;

/// It did what it was asked.
pub const OK: u8 = 0;
/// It failed for a reason that has no code of its own.
pub const FAILURE: u8 = 1;
/// A flag, an argument, a value of the configuration or a field of a request is wrong. Nothing was changed.
pub const INVALID: u8 = 2;
/// The lease broke, or no configured blueprint can ever serve the request.
pub const BROKEN: u8 = 3;
/// The lease was not active in the time that was given.
pub const BUSY: u8 = 4;
/// No daemon answers on the socket.
pub const UNREACHABLE: u8 = 5;
/// The store can't be opened, or another daemon has it.
pub const STORE: u8 = 6;
/// `drydock check` found that a rule does not hold.
pub const VIOLATIONS: u8 = 7;
/// `with` and `command`: Drydock failed, not the command.
pub const ITSELF: u8 = 125;

/// The code of a command that ended by a signal.
pub fn signalled(signal: u8) -> u8 {
    128u8.saturating_add(signal)
}

/// Every code with its meaning, for `--help` and the docs.
pub const TABLE: &[(u8, &str)] = &[
    (OK, "it did what it was asked"),
    (FAILURE, "another failure"),
    (INVALID, "a flag, an argument, the configuration or the request is wrong; nothing was changed"),
    (BROKEN, "the lease broke, or no blueprint can ever serve the request"),
    (BUSY, "the lease was not active in the time that was given"),
    (UNREACHABLE, "no daemon answers on the socket"),
    (STORE, "the store can't be opened, or another daemon has it"),
    (VIOLATIONS, "check found that a rule does not hold"),
    (ITSELF, "with, command: drydock itself failed, not the command"),
];

/// A failure that ends the program: what to print, and the code.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Exit {
    pub code: u8,
    /// One sentence or several, for stderr.
    pub message: String,
}

impl Exit {
    pub fn new(code: u8, message: impl Into<String>) -> Exit {
        Exit { code, message: message.into() }
    }
}

impl From<&Exit> for ExitCode {
    fn from(exit: &Exit) -> ExitCode {
        ExitCode::from(exit.code)
    }
}
