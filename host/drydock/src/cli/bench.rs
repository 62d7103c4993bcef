//! `drydock bench`: figures beside their floors.

use super::output;
use super::signals::Signals;
use crate::bench::{self, Options};
use crate::exit::{self, Exit};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Take under 25 seconds: every row, but too few rounds for the figures to mean much
    #[arg(long)]
    quick: bool,
    /// Where the stores are made; it decides which disk is measured [default: the folder for temporary files]
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Only rows whose name contains this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// How many finished leases the store has where it has many [default: 1,000,000, which takes some minutes and 5 GB]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    finished: Option<u32>,
    /// Print one JSON object a row: name, value, unit, floor, ratio
    #[arg(long)]
    json: bool,
}

pub async fn bench(args: &BenchArgs) -> Result<u8, Exit> {
    let options = Options {
        quick: args.quick,
        folder: args.folder.clone(),
        only: args.only.clone(),
        finished: args.finished.map(|count| count as usize),
    };
    let mut signals = Signals::catch()?;
    let rows = bench::run(options, &mut signals).await.map_err(|error| match error.downcast::<Exit>() {
        Ok(exit) => exit,
        Err(error) => Exit::new(exit::FAILURE, format!("{error:#}")),
    })?;
    if rows.is_empty() {
        let only = args.only.as_deref().unwrap_or_default();
        let what = format!(
            "nothing was measured: no row that can be measured here has {only:?} in its name; leave out --only for all of them"
        );
        return Err(Exit::new(exit::FAILURE, what));
    }
    if args.json {
        for row in &rows {
            output::print_json_line(row)?;
        }
    } else {
        output::print(&bench::table(&rows))?;
    }
    Ok(exit::OK)
}
