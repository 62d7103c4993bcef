//! Flags of what shows and lists.

use super::super::filters::{ListArgs, OfArgs, WhichArgs};
use clap::builder::NonEmptyStringValueParser as Text;
use clap::{Args, Subcommand};
use drydock_core::model::status::ResourceStatus;
use serde_json::Value;

#[derive(Debug, Args)]
pub struct LeasesArgs {
    #[command(flatten)]
    pub which: WhichArgs,

    #[command(flatten)]
    pub list: ListArgs,
}

#[derive(Debug, Args)]
pub struct ResourcesArgs {
    #[command(flatten)]
    pub of: OfArgs,

    /// Only those in this status: pending, active, released, broken, destroyed
    #[arg(long, value_name = "STATUS", value_parser = status::<ResourceStatus>)]
    pub status: Option<ResourceStatus>,

    #[command(flatten)]
    pub list: ListArgs,
}

#[derive(Debug, Args)]
pub struct LeaksArgs {
    #[command(subcommand)]
    pub command: Option<LeaksCommand>,

    /// Print them as JSON: {"leaks": […]}
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum LeaksCommand {
    /// Take one off the list, since somebody has cleaned it up
    Clear(ClearArgs),
}

#[derive(Debug, Args)]
pub struct ClearArgs {
    /// Its whole id
    #[arg(value_name = "LEAK", value_parser = Text::new())]
    pub leak: String,

    /// Why, for the people who read the log
    #[arg(long, value_name = "TEXT", value_parser = Text::new())]
    pub reason: Option<String>,

    /// Print what was on the list as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The id of a lease or a resource, or the beginning of it
    #[arg(value_name = "ID", value_parser = Text::new())]
    pub id: String,

    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct LogArgs {
    /// Only what is of this lease or resource; its id, or the beginning of it
    #[arg(value_name = "ID", value_parser = Text::new())]
    pub id: Option<String>,

    /// Go on with what happens from now on, until interrupted
    #[arg(long, short)]
    pub follow: bool,

    #[command(flatten)]
    pub of: OfArgs,

    /// Only what is of leases of this owner
    #[arg(long, value_name = "NAME", value_parser = Text::new())]
    pub owner: Option<String>,

    /// Only what has come to this status: pending, acquired, active, held, leaving, gone, released, broken, destroyed
    #[arg(long, value_name = "STATUS", value_parser = Text::new())]
    pub status: Option<String>,

    /// Only what comes after this number (`seq` in the JSON)
    #[arg(long, value_name = "SEQ", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..))]
    pub after: i64,

    /// Print it as JSON: an array, or one object a line with --follow
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct WatchArgs {
    #[command(flatten)]
    pub which: WhichArgs,

    /// Show resources, not leases
    #[arg(long, conflicts_with_all = ["owner", "status", "pending", "on"])]
    pub resources: bool,

    /// Print what happens as JSON, one object a line, also on a terminal
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct WhyArgs {
    /// Its id, or the beginning of it
    #[arg(value_name = "LEASE", value_parser = Text::new())]
    pub lease: String,

    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct SlotsArgs {
    /// Only those of this name space: a blueprint's, unless its configuration names another in `slots`
    #[arg(long, value_name = "NAME", value_parser = Text::new())]
    pub space: Option<String>,

    /// Print them as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct JsonArgs {
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

pub fn status<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(Value::String(text.into())).map_err(|error| error.to_string())
}
