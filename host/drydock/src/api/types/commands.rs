//! Commands on leased things.

use super::super::base64::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `POST /v1/leases/{id}/command`: answered with a stream of [`CommandEvent`], one JSON object a line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandRequest {
    /// The program and its arguments. No shell sees them, unless the program is one.
    pub argv: Vec<String>,
    /// Beside that of the lease, and before it where both name the same.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// 1 to 86,400,000. Default: as long as the lease lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// What the command reads. Default: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin_base64: Option<Bytes>,
    /// Default: the lease's own directory. A relative one starts there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
}

/// One line of a command's stream. The last line is an `exit`, a `signal` or an `error`; a stream without one was cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CommandEvent {
    Stdout {
        stdout: Bytes,
    },
    Stderr {
        stderr: Bytes,
    },
    Exit {
        exit: i32,
    },
    /// The name of the signal that ended it.
    Signal {
        signal: String,
    },
    Error {
        /// A sentence.
        error: String,
        kind: CommandFailure,
    },
}

/// Why there is no exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommandFailure {
    /// The command can't be started as it was asked for.
    Invalid,
    /// The configuration does not allow it.
    Denied,
    /// No connection, or it was lost: the command may have run.
    Unreachable,
    /// The credential, or the host's key, was refused.
    Refused,
    /// It was cut off after `timeout_ms`.
    TimedOut,
    /// It was cut off because its lease ended.
    LeaseEnded,
    /// It was cut off because the daemon stops.
    Stopping,
    Other,
}
