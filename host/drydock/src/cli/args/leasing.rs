//! Flags of what leases, holds and lets go.

use super::super::attribute::{parse_attribute, parse_label, parse_otherwise};
use super::super::filters::{WHICH, WhichArgs};
use super::super::moment::{End, parse_end, parse_span};
use crate::api::types::Otherwise;
use clap::Args;
use clap::builder::NonEmptyStringValueParser as Text;
use serde_json::Value;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// What is wished for.
#[derive(Debug, Args)]
pub struct WishArgs {
    /// The resource type
    #[arg(long = "type", value_name = "TYPE", required = true, value_parser = Text::new())]
    pub kind: Option<String>,

    /// What exactly; repeatable. A value that is valid JSON is taken as that (3, true, ["a"], {"gb": 50}, "3" for the
    /// text 3), any other as text
    #[arg(short, long = "attribute", value_name = "KEY=VALUE", value_parser = parse_attribute)]
    pub attribute: Vec<(String, Value)>,

    /// A file with a JSON object of attributes, or - for stdin; -a comes before what it says of the same key
    #[arg(long, value_name = "FILE")]
    pub attributes: Option<PathBuf>,

    /// A label that the resource must carry; repeatable. The value is text
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_label)]
    pub label: Vec<(String, String)>,

    /// Only this blueprint may serve it
    #[arg(long, value_name = "NAME", value_parser = Text::new())]
    pub blueprint: Option<String>,

    /// What to take if that can't be had at once: a JSON object of attributes, labels and blueprint, like
    /// {"labels": {"os": "debian"}}; repeatable, the best first
    #[arg(long = "else", value_name = "JSON", value_parser = parse_otherwise)]
    pub otherwise: Vec<Otherwise>,

    /// The lease ends then: after a time like 2h, or at a moment in UTC like 2026-11-24T18:00:00Z. Default: when it is
    /// released
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = parse_end)]
    pub until: Option<End>,

    /// The lease ends if it is not active after this time, like 90s or 10m. Default: it waits
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = parse_span)]
    pub timeout: Option<Duration>,

    /// Once active, the lease ends when nobody has run `drydock beat` on it for this time, like 60s. While `with` runs, and
    /// until `lease` has printed its id, drydock itself is sign enough
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = parse_span)]
    pub heartbeat: Option<Duration>,

    /// Once active, the lease expires when for this time, like 30m, no command has run on it and nobody has beaten; not
    /// while `with` runs
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = parse_span)]
    pub idle_timeout: Option<Duration>,

    /// How urgent it is: each step is worth a head start before others (a minute, unless the configuration says otherwise).
    /// Below 0 it lets others go first; above 0 only as far as the configuration lets its owner
    #[arg(long, value_name = "N", allow_hyphen_values = true, default_value_t = 0,
        value_parser = clap::value_parser!(i32).range(-1_000..=1_000))]
    pub priority: i32,

    /// Asking again with the same owner, key and wish finds the same lease; for a day after it has ended
    #[arg(long, value_name = "TEXT", value_parser = Text::new())]
    pub key: Option<String>,

    /// Who it is for. Default: your user name
    #[arg(long, value_name = "NAME", value_parser = Text::new())]
    pub owner: Option<String>,
}

#[derive(Debug, Args)]
#[command(mut_arg("kind", |kind| kind.required(false).required_unless_present("set")))]
pub struct LeaseArgs {
    #[command(flatten)]
    pub wish: WishArgs,

    /// Lease so many alike, 1 to 64: every id is printed once all are active, and when one can't be had the others are
    /// released
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub count: Option<u16>,

    /// Give all of them places at the same moment, or none: nothing is held while another is still waited for
    #[arg(long, requires = "count")]
    pub together: bool,

    /// A TOML file of what is wanted together, or - for stdin: a [[lease]] each, with type and, where needed, count,
    /// attributes, labels and blueprint
    #[arg(long, value_name = "FILE",
        conflicts_with_all = ["kind", "attribute", "attributes", "label", "blueprint", "otherwise", "count", "together"])]
    pub set: Option<PathBuf>,

    /// Print the id and end as soon as the request is stored; `wait` waits for it
    #[arg(long)]
    pub no_wait: bool,

    /// Print the lease as JSON, with what it hands out
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct WaitArgs {
    /// Its id, or the beginning of it
    #[arg(value_name = "LEASE", value_parser = Text::new())]
    pub lease: String,

    /// How long to wait, like 90s or 10m. Default: until it is active or has ended
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = parse_span)]
    pub timeout: Option<Duration>,

    /// Print the lease as JSON, with what it hands out
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct WithArgs {
    #[command(flatten)]
    pub wish: WishArgs,

    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub argv: Vec<OsString>,
}

#[derive(Debug, Args)]
pub struct CommandArgs {
    /// Its id, or the beginning of it
    #[arg(value_name = "LEASE", value_parser = Text::new())]
    pub lease: String,

    /// A variable of the command's environment; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_label)]
    pub env: Vec<(String, String)>,

    /// Where it runs. Default: the lease's own directory; a relative one starts there
    #[arg(long, value_name = "PATH", value_parser = Text::new())]
    pub directory: Option<String>,

    /// It is cut off after this time, like 90s or 10m. Default: when the lease ends
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = parse_span)]
    pub timeout: Option<Duration>,

    /// Read stdin to its end first, at most 16 MiB, and give it to the command. Default: the command reads nothing
    #[arg(long)]
    pub stdin: bool,

    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub argv: Vec<String>,
}

#[derive(Debug, Args)]
pub struct ReleaseArgs {
    /// Their ids, or the beginnings of them; or say by flags which are meant
    #[arg(value_name = "LEASE", required_unless_present_any = WHICH, conflicts_with_all = WHICH, value_parser = Text::new())]
    pub ids: Vec<String>,

    /// The ids are of resources: each takes nothing new, and is closed when nobody is on it
    #[arg(long, conflicts_with_all = WHICH)]
    pub resource: bool,

    #[command(flatten)]
    pub which: WhichArgs,

    /// Release what the flags mean without asking
    #[arg(long, short, conflicts_with = "ids")]
    pub yes: bool,

    /// Why, for the people who read the log
    #[arg(long, value_name = "TEXT", value_parser = Text::new())]
    pub reason: Option<String>,

    /// Only if the lease is held under this fencing epoch (`fence` in `show --json`)
    #[arg(long, value_name = "N", requires = "ids", conflicts_with = "resource", value_parser = clap::value_parser!(i64).range(1..))]
    pub if_epoch: Option<i64>,

    /// Print what was released as JSON: an array
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ExtendArgs {
    /// Its id, or the beginning of it
    #[arg(value_name = "LEASE", value_parser = Text::new())]
    pub lease: String,

    /// When it ends from now on: after a time like 2h, or at a moment in UTC like 2026-11-24T18:00:00Z
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = parse_end)]
    pub until: End,

    /// Only if it is held under this fencing epoch (`fence` in `show --json`)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    pub if_epoch: Option<i64>,

    /// Print the lease as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct BeatArgs {
    /// Its id, or the beginning of it
    #[arg(value_name = "LEASE", value_parser = Text::new())]
    pub lease: String,

    /// Beat this often, like 20s: at most half of the heartbeat. Default: once
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = parse_span)]
    pub every: Option<Duration>,

    /// Only if it is held under this fencing epoch (`fence` in `show --json`)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    pub if_epoch: Option<i64>,
}
