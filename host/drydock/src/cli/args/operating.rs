//! Flags of what runs the daemon and changes what it lends.

use super::super::filters::OfArgs;
use super::super::moment::parse_span;
use crate::server::LogFormat;
use clap::builder::NonEmptyStringValueParser as Text;
use clap::{Args, Subcommand};
use clap_complete::Shell;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The configuration, in TOML
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,

    /// How the log is written to stderr. How much, DRYDOCK_LOG says: info, drydock=debug, warn,drydock_core=trace
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub log: LogFormat,
}

#[derive(Debug, Args)]
pub struct ForgetArgs {
    /// Its id, or the beginning of it
    #[arg(value_name = "RESOURCE", value_parser = Text::new())]
    pub resource: String,

    /// Why, for the people who read the log
    #[arg(long, value_name = "TEXT", value_parser = Text::new())]
    pub reason: Option<String>,

    /// Print the resource as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ReclaimArgs {
    #[command(flatten)]
    pub of: OfArgs,

    /// Only what nobody has been on for this time, like 30m
    #[arg(long, value_name = "TIME", value_parser = parse_span)]
    pub idle: Option<Duration>,

    /// Why, for the people who read the log
    #[arg(long, value_name = "TEXT", value_parser = Text::new())]
    pub reason: Option<String>,

    /// Do it without asking
    #[arg(long, short)]
    pub yes: bool,

    /// Print what is closed as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ReferenceArgs {
    /// Print it as JSON: an object for each table
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct CompletionArgs {
    /// Whose completion
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// The configuration, in TOML
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,

    /// Only show what would change
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,

    /// Do it without asking
    #[arg(long, short)]
    pub yes: bool,

    /// Print what changes as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum BlueprintCommand {
    /// It takes nothing new, and what nobody is on is closed; also after a restart, until it is undrained
    Drain(DrainArgs),

    /// It takes things again
    Undrain(UndrainArgs),
}

#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// Each thing that the plugin asks for and why, the grants that allow it, and the credentials that it may use
    Explain(ExplainArgs),
}

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The blueprint's name
    #[arg(value_name = "NAME", value_parser = Text::new())]
    pub name: String,

    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum ResourceCommand {
    /// It takes nothing new, and is closed when nobody is on it, unless it is undrained before
    Drain(DrainArgs),

    /// It takes things again, if it is not being closed yet
    Undrain(UndrainArgs),

    /// It takes nothing new, and is closed when nobody is on it. That can't be taken back
    Release(DrainArgs),

    /// Give up on a resource whose closing has failed
    ///
    /// It counts as closed, and its slots are free. What it may have left outside is on the list that `leaks` prints; what
    /// leases have left under its slots is cleared when something is opened with those again.
    #[command(after_help = "Example:\n  drydock resource forget RESOURCE --reason 'the host was scrapped'")]
    Forget(ForgetArgs),
}

#[derive(Debug, Args)]
pub struct DrainArgs {
    /// The blueprint's name, or the resource's id or the beginning of it
    #[arg(value_name = "NAME", value_parser = Text::new())]
    pub name: String,

    /// Why, for the people who ask
    #[arg(long, value_name = "TEXT", value_parser = Text::new())]
    pub reason: Option<String>,

    /// Print how it is then as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct UndrainArgs {
    /// The blueprint's name, or the resource's id or the beginning of it
    #[arg(value_name = "NAME", value_parser = Text::new())]
    pub name: String,

    /// Print how it is then as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// How many hosts there are
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub hosts: u32,

    /// How many clients come at once
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub clients: u32,

    /// How long each client's job takes
    #[arg(long, value_name = "S", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=600))]
    pub seconds: u32,
}
