//! Where `tracing` goes: to stderr, as far as `DRYDOCK_LOG` says.

use crate::exit::{self, Exit};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// The environment variable with the filter: `info`, `drydock=debug,russh=warn`, …
const VARIABLE: &str = "DRYDOCK_LOG";

/// What is logged when the variable is unset: what the daemon does, and what goes wrong in its crates.
const DEFAULT: &str = "warn,drydock=info,drydock_core=info,drydock_runtime=info";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// A line of text an event, coloured on a terminal.
    #[default]
    Human,
    /// A JSON object a line.
    Json,
}

pub fn start(format: LogFormat) -> Result<(), Exit> {
    let filter = match std::env::var(VARIABLE) {
        Ok(filter) if !filter.is_empty() => EnvFilter::try_new(&filter)
            .map_err(|e| Exit::new(exit::INVALID, format!("{VARIABLE}={filter:?} is no filter for the log: {e}")))?,
        _ => EnvFilter::new(DEFAULT),
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // To tell that stderr can't be written to, it would write to stderr.
    let log = log.log_internal_errors(false);
    let started = match format {
        LogFormat::Human => log.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    started.map_err(|e| Exit::new(exit::FAILURE, format!("the log can't be started: {e}")))
}
