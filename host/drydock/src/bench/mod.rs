//! `drydock bench`: what the store and the daemon cost on this machine, each figure with a floor measured in the same
//! run. Times differ from machine to machine; ratios to a floor hardly do.

mod api;
mod client;
mod engine;
mod filled;
mod floor;
mod hosts;
mod idle;
mod look;
mod plugin;
mod process;
mod quiet;
mod remote;
mod rows;
mod scale;
mod statistics;
mod store;

pub use rows::{Row, table};

use crate::cli::signals::{Signals, unless};
use anyhow::Context;
use std::path::PathBuf;

/// What is measured, and how thoroughly.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Under 25 seconds: every row, but too few rounds for the figures to mean much.
    pub quick: bool,
    /// Where the stores are made, in a folder of their own that is removed again. It decides which disk is measured.
    /// Default: the system's folder for temporary files.
    pub folder: Option<PathBuf>,
    /// Only rows whose name contains this.
    pub only: Option<String>,
    /// How many finished leases are many. Default: 1,000,000, or a fiftieth when it is to be quick.
    pub finished: Option<usize>,
}

impl Options {
    fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| name.contains(only.as_str()))
    }
}

/// Measures everything that is asked for, telling what it is at on stderr; a signal ends that, and is an error. Must be
/// called within a multi-threaded tokio runtime, as the daemon runs in.
pub async fn run(options: Options, signals: &mut Signals) -> anyhow::Result<Vec<Row>> {
    let parent = options.folder.clone().unwrap_or_else(std::env::temp_dir);
    let folder = tempfile::Builder::new()
        .prefix("drydock-bench-")
        .tempdir_in(&parent)
        .with_context(|| format!("no folder for the stores can be made in {}", parent.display()))?;
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    eprintln!("Measuring on {cores} cores, with stores in {}.", folder.path().display());
    let mut rows = Vec::new();
    rows.extend(unless(signals, store::measure(&options, folder.path())).await??);
    rows.extend(api::measure(&options, folder.path(), signals).await?);
    rows.extend(idle::measure(&options, folder.path(), signals).await?);
    rows.extend(hosts::measure(&options, folder.path(), signals).await?);
    rows.extend(unless(signals, look::measure(&options, folder.path())).await??);
    rows.extend(remote::measure(&options, folder.path(), signals).await?);
    rows.extend(unless(signals, plugin::measure(&options)).await??);
    rows.extend(unless(signals, scale::measure(&options, folder.path())).await??);
    rows.extend(unless(signals, quiet::measure(&options, folder.path())).await??);
    Ok(rows)
}
