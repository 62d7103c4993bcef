//! The simulator from the command line: the catalogue of races, run by seeds, and one seed told as a story.

use super::from_log::{FromLogArgs, from_log};
use super::output;
use crate::exit::{self, Exit};
use clap::{Args, Subcommand};
use drydock_core::model::protection::Protection;
use drydock_core::sim::{Bench, Campaign, Scenario, Summary, find, scenarios, shrink};
use serde::Serialize;
use std::time::Instant;

#[derive(Debug, Subcommand)]
pub enum SimCommand {
    /// List the scenarios: what happened to others, and which protections each shows
    #[command(after_help = "Example:\n  drydock sim list")]
    List(ListArgs),

    /// Run scenarios over many seeds
    ///
    /// Ends with code 1 when a run breaks a rule or a scenario does not reach what it wants; with --naive, when a naive
    /// variant is not found out.
    #[command(after_help = "Examples:\n  drydock sim run --all --seeds 1000\n  \
        drydock sim run double-binding --seeds 200 --off slots,version --shrink\n  drydock sim run --all --naive --seeds 200")]
    Run(RunArgs),

    /// Run one seed and print its trace
    #[command(after_help = "Example:\n  drydock sim replay double-binding 17 --off slots,version --shrink")]
    Replay(ReplayArgs),

    /// Make the decisions of a live system again, from its log
    ///
    /// Each plan is in the log with what it was made from: who waited, which resources there were, and what the blueprints had
    /// answered. The same planner decides again; the first difference is printed, and ends it with code 1.
    #[command(
        after_help = "Example:\n  drydock log --since 1h --json > incident.json\n  drydock sim from-log incident.json"
    )]
    FromLog(FromLogArgs),
}

#[derive(Debug, Args)]
pub struct ListArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct RunArgs {
    /// Scenarios by name
    #[arg(required_unless_present = "all")]
    scenarios: Vec<String>,
    /// Every scenario in its small form; the large ones are run by name
    #[arg(long, conflicts_with = "scenarios")]
    all: bool,
    /// How many seeds of each
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Switch these protections off
    #[arg(long, value_delimiter = ',', value_parser = protection, conflicts_with = "naive")]
    off: Vec<Protection>,
    /// Run each naive variant until a seed finds it out
    #[arg(long)]
    naive: bool,
    /// Make the story of a failing run short
    #[arg(long)]
    shrink: bool,
    /// Threads; each has a store of its own [default: the processors]
    #[arg(long)]
    threads: Option<usize>,
    /// Run on this PostgreSQL database instead of SQLite; everything in it is deleted
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Print one JSON object a scenario
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct ReplayArgs {
    scenario: String,
    seed: u64,
    /// Switch these protections off
    #[arg(long, value_delimiter = ',', value_parser = protection)]
    off: Vec<Protection>,
    /// Take out of the run what it fails without
    #[arg(long)]
    shrink: bool,
}

/// A scenario for programs.
#[derive(Serialize)]
struct Listed {
    name: &'static str,
    about: &'static str,
    naive: Vec<Vec<&'static str>>,
    reached: &'static [&'static str],
}

/// A summary with the protections that were off.
#[derive(Serialize)]
struct Told<'a> {
    off: Vec<&'static str>,
    #[serde(flatten)]
    summary: &'a Summary,
}

pub fn sim(command: &SimCommand) -> Result<u8, Exit> {
    match command {
        SimCommand::List(args) => list(args),
        SimCommand::Run(args) => run(args),
        SimCommand::Replay(args) => replay(args),
        SimCommand::FromLog(args) => from_log(args),
    }
}

fn protection(text: &str) -> Result<Protection, String> {
    Protection::EVERY.iter().copied().find(|protection| protection.name() == text).ok_or_else(|| {
        let names: Vec<&str> = Protection::EVERY.iter().map(|protection| protection.name()).collect();
        format!("there is no such protection; there are: {}", names.join(", "))
    })
}

fn scenario(name: &str) -> Result<Scenario, Exit> {
    find(name).ok_or_else(|| {
        let message = format!("there is no scenario {name:?}; `drydock sim list` prints them");
        Exit::new(exit::INVALID, message)
    })
}

fn names(protections: &[Protection]) -> Vec<&'static str> {
    protections.iter().map(|protection| protection.name()).collect()
}

fn list(args: &ListArgs) -> Result<u8, Exit> {
    let listed: Vec<Listed> = scenarios::all()
        .iter()
        .chain(&scenarios::large())
        .map(|scenario| Listed {
            name: scenario.name,
            about: scenario.about,
            naive: scenario.naive.iter().map(|off| names(off)).collect(),
            reached: scenario.reached,
        })
        .collect();
    if args.json {
        output::print_json(&listed)?;
        return Ok(exit::OK);
    }
    let rows: Vec<Vec<String>> = listed
        .iter()
        .map(|scenario| {
            let naive: Vec<String> = scenario.naive.iter().map(|off| off.join("+")).collect();
            vec![scenario.name.to_owned(), naive.join(", "), scenario.about.to_owned()]
        })
        .collect();
    output::print(&output::table(&["scenario", "naive without", "what happened"], &rows, output::width()))?;
    Ok(exit::OK)
}

fn run(args: &RunArgs) -> Result<u8, Exit> {
    let chosen: Vec<Scenario> = match args.all {
        true => scenarios::all(),
        false => args.scenarios.iter().map(|name| scenario(name)).collect::<Result<_, _>>()?,
    };
    let start = Instant::now();
    let campaigns: Vec<Campaign> = match args.naive {
        false => vec![campaign(args, chosen, args.off.clone())],
        true => chosen
            .iter()
            .flat_map(|scenario| scenario.naive.iter().map(|off| campaign(args, vec![scenario.clone()], off.to_vec())))
            .collect(),
    };
    let (mut runs, mut wrong) = (0, 0);
    for campaign in &campaigns {
        let summaries = campaign
            .run(|summary| tell(args, campaign, summary))
            .map_err(|error| Exit::new(exit::STORE, error.to_string()))?;
        for summary in &summaries {
            runs += summary.runs;
            if args.json {
                output::print_json_line(&Told { off: names(&campaign.off), summary })?;
            }
            wrong += u32::from(match args.naive {
                true => summary.failed.is_none(),
                false => summary.failed.is_some() || !summary.missed.is_empty(),
            });
        }
    }
    let verdict = match (wrong, args.naive) {
        (0, false) => "all clean".to_owned(),
        (0, true) => "every naive variant was found out".to_owned(),
        (wrong, false) => format!("{wrong} failed"),
        (wrong, true) => format!("{wrong} naive variants were not found out"),
    };
    output::tell(&format!("{runs} runs in {:.1} s: {verdict}", start.elapsed().as_secs_f64()));
    Ok(if wrong == 0 { exit::OK } else { exit::FAILURE })
}

fn campaign(args: &RunArgs, scenarios: Vec<Scenario>, off: Vec<Protection>) -> Campaign {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    Campaign {
        scenarios,
        first: args.first,
        seeds: args.seeds,
        off,
        threads: args.threads.unwrap_or(processors),
        shrink: args.shrink,
        twice: true,
        postgres: args.postgres.clone(),
    }
}

/// What became of a scenario, for people: on stderr, since it comes while others still run.
fn tell(args: &RunArgs, campaign: &Campaign, summary: &Summary) {
    let off = match campaign.off.is_empty() {
        true => String::new(),
        false => format!(" without {}", names(&campaign.off).join("+")),
    };
    let each = summary.millis as f64 / summary.runs.max(1) as f64;
    let result = match &summary.failed {
        Some((seed, why)) => format!("seed {seed}: {why}"),
        None if summary.missed.is_empty() => "clean".to_owned(),
        None => format!("clean, but never reached: {}", summary.missed.join(", ")),
    };
    output::tell(&format!("{}{off}: {} runs, {each:.1} ms each: {result}", summary.scenario, summary.runs));
    if summary.failed.is_some() && !args.naive && !args.json {
        summary.story.iter().for_each(|line| output::tell(&format!("    {line}")));
    }
}

fn replay(args: &ReplayArgs) -> Result<u8, Exit> {
    let scenario = scenario(&args.scenario)?;
    let store = |error: drydock_core::store::StoreError| Exit::new(exit::STORE, error.to_string());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Exit::new(exit::FAILURE, format!("the program can't start its threads: {error}")))?;
    let report = runtime.block_on(async {
        let mut bench = Bench::sqlite().await.map_err(store)?;
        let report = bench.run(&scenario, args.seed, &args.off).await.map_err(store)?;
        match args.shrink && report.failure.is_some() {
            true => shrink(&mut bench, &scenario, &args.off, report).await.map_err(store),
            false => Ok(report),
        }
    })?;
    output::print(&format!("{}\n", report.trace.join("\n")))?;
    Ok(if report.failure.is_none() { exit::OK } else { exit::FAILURE })
}
