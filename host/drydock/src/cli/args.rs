//! The commands with their flags and what `--help` says of them.

use super::attribute::{parse_attribute, parse_label};
use super::bench::BenchArgs;
use super::filters::{ListArgs, OfArgs, WHICH, WhichArgs};
use super::moment::{End, parse_end, parse_span};
use super::sim::SimCommand;
use crate::exit;
use crate::server::LogFormat;
use clap::builder::NonEmptyStringValueParser as Text;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use drydock_core::model::status::ResourceStatus;
use serde_json::Value;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Lends things out: hosts, working copies, whatever its blueprints make.
///
/// `drydock serve` is the daemon. The other commands are its clients: they lease something, use it, let it go, and show
/// what is lent, to whom, and why. They print data on stdout and talk on stderr.
#[derive(Debug, Parser)]
#[command(name = "drydock", version, propagate_version = true, after_long_help = exit_codes())]
pub struct Cli {
    /// The daemon's socket; for `serve`, instead of its configuration's. Default: the one that `serve` uses when its
    /// configuration names none
    #[arg(long, global = true, env = "DRYDOCK_SOCKET", value_name = "PATH")]
    pub socket: Option<PathBuf>,

    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the daemon in the foreground
    #[command(after_help = "Example:\n  drydock serve --config /etc/drydock/drydock.toml")]
    Serve(ServeArgs),

    /// Show that the allocator is free of races: run the catalogue of them in the simulator
    #[command(subcommand, display_order = 100, after_help = "Example:\n  drydock sim run --all --seeds 1000")]
    Sim(SimCommand),

    /// Print a script that completes commands and flags, for a shell to read
    #[command(display_order = 101, after_help = "Example:\n  drydock completion fish | source")]
    Completion(CompletionArgs),

    #[command(flatten)]
    Client(ClientCommand),
}

/// The commands that use a daemon.
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Lease something, and wait until it is ready
    ///
    /// Prints the lease's id on stdout when the lease is active; what it waits for, whenever that changes, on stderr.
    /// When interrupted (SIGINT, SIGTERM, SIGHUP) while it waits, it releases the lease, and when killed, the daemon does.
    /// A lease that was printed stays until it is released or its --until is over; so does one asked for with --no-wait.
    #[command(after_help = "Examples:\n  drydock lease --type host --label os=linux --until 2h\n  \
        drydock lease --type host -a 'disk={\"gb\": 50}' --timeout 10m --json\n  \
        drydock lease --type host --count 3 --together")]
    Lease(LeaseArgs),

    /// Wait until a lease is active
    ///
    /// The lease itself is left as it is, also when the time is over or the command is interrupted.
    #[command(after_help = "Example:\n  drydock wait \"$(drydock lease --type host --no-wait)\" --timeout 5m")]
    Wait(WaitArgs),

    /// Lease something, run a command here with the lease in its environment, and release it
    ///
    /// The command runs on this machine, in this folder. It finds in its environment:
    ///
    ///   DRYDOCK_LEASE      the lease's id
    ///   DRYDOCK_TYPE       the resource type
    ///   DRYDOCK_RESOURCE   the resource's id
    ///   DRYDOCK_FENCE      the fencing epoch: whoever is given the same resource later has a higher one
    ///   DRYDOCK_DIRECTORY  the lease's own directory on the leased thing, if it has one
    ///   DRYDOCK_HOST, DRYDOCK_PORT, DRYDOCK_USER  where SSH leads to it
    ///   DRYDOCK_URL        the thing's address, if it has one
    ///   DRYDOCK_SOCKET     the daemon's socket
    ///
    /// and whatever the lease itself hands out. Its exit code is kept (128 + n when signal n ended it; 127 when there is
    /// no such command, 126 when it can't be run); 125 says that drydock failed. Signals are passed on. When the lease
    /// ends while the command runs, the command is ended too: SIGTERM, and SIGKILL ten seconds later. When drydock itself is
    /// killed, the daemon ends the lease.
    #[command(
        verbatim_doc_comment,
        after_help = "Examples:\n  drydock with --type host --label os=linux -- ./deploy.sh\n  \
        drydock with --type host -- sh -c 'drydock command \"$DRYDOCK_LEASE\" -- make test'"
    )]
    With(WithArgs),

    /// Run a command on a leased thing
    ///
    /// Its output comes as it is printed, byte for byte, and its exit code is kept (128 + n when signal n ended it);
    /// 125 says that drydock failed. No shell sees the arguments, unless the command is one.
    #[command(after_help = "Examples:\n  drydock command LEASE -- uname -a\n  \
        drydock command LEASE --stdin -- tar xz < sources.tar.gz")]
    Command(CommandArgs),

    /// Let go of leases
    ///
    /// A lease ends at once, whatever it is doing; cleaning up goes on in the daemon. Releasing one that has ended
    /// changes nothing and is no error. With flags that say which leases are meant, they are shown first, and it asks
    /// whether to go on; where nobody can answer, it needs --yes.
    #[command(after_help = "Examples:\n  drydock release LEASE\n  \
        drydock release --resource RESOURCE --reason 'new kernel'\n  \
        drydock release --owner ci --type host --pending --yes")]
    Release(ReleaseArgs),

    /// Move a lease's end, to a later time or an earlier one
    #[command(after_help = "Examples:\n  drydock extend LEASE --until 2h\n  \
        drydock extend LEASE --until 2h --if-epoch 17")]
    Extend(ExtendArgs),

    /// Say that the holder of a lease is there: its --heartbeat and its --idle-timeout begin anew
    ///
    /// Nothing else renews a heartbeat: neither looking at the lease nor running commands on it does. With --every, it beats
    /// until it is interrupted or the lease has ended, and waits for a daemon that is away.
    #[command(after_help = "Examples:\n  drydock beat LEASE\n  drydock beat LEASE --every 20s &")]
    Beat(BeatArgs),

    /// List leases, newest first
    #[command(after_help = "Examples:\n  drydock leases\n  drydock leases --pending --owner ci --json\n  \
        drydock leases --finished --since 2h")]
    Leases(LeasesArgs),

    /// List resources, newest first
    #[command(after_help = "Examples:\n  drydock resources\n  drydock resources --blueprint lab --all")]
    Resources(ResourcesArgs),

    /// List what was left outside and will be cleaned up by nobody but you
    #[command(
        args_conflicts_with_subcommands = true,
        after_help = "Examples:\n  drydock leaks\n  \
        drydock leaks clear LEAK --reason 'ended it in the console'"
    )]
    Leaks(LeaksArgs),

    /// Show a lease or a resource with everything on it: slots, places, leftovers
    #[command(after_help = "Example:\n  drydock show LEASE")]
    Show(ShowArgs),

    /// Print what happened, oldest first
    ///
    /// Times are in UTC. With --json: one document, or one object a line with --follow.
    #[command(after_help = "Examples:\n  drydock log LEASE\n  drydock log --since 10m --owner ci\n  \
        drydock log --follow --json | jq .reason")]
    Log(LogArgs),

    /// Show what changes, live
    ///
    /// On a terminal: a table of the leases that are alive, drawn anew whenever something changes. Elsewhere, and with
    /// --json, what `log --follow` would print from now on.
    #[command(after_help = "Examples:\n  drydock watch\n  drydock watch --owner ci --json")]
    Watch(WatchArgs),

    /// Say what a lease waits for and who holds that, or why it ended
    #[command(after_help = "Example:\n  drydock why LEASE")]
    Why(WhyArgs),

    /// Check the rules that always hold, against one snapshot of the store
    ///
    /// Ends with 7 when one does not hold. That is a bug in Drydock, or somebody has changed its store by hand.
    #[command(after_help = "Example:\n  drydock check && echo all is well")]
    Check(JsonArgs),

    /// Bring another configuration in force, without a restart
    ///
    /// Shows what would change, and asks before it does that. Resources stay as they were made; a blueprint that is not
    /// named any more takes nothing new and closes its resources as soon as nobody is on them. A daemon with an SQLite
    /// store brings its own file in force again when it is started.
    #[command(after_help = "Examples:\n  drydock apply --config drydock.toml\n  \
        drydock apply --config drydock.toml --dry-run --json")]
    Apply(ApplyArgs),

    /// List blueprints: what they have, and whether they take anything new
    #[command(after_help = "Example:\n  drydock blueprints")]
    Blueprints(JsonArgs),

    /// Have a blueprint take nothing new, or take things again
    #[command(subcommand, after_help = "Example:\n  drydock blueprint drain lab --reason 'new switch'")]
    Blueprint(BlueprintCommand),

    /// Have a resource take nothing new, take things again, or end; or give up on it
    #[command(
        subcommand,
        after_help = "Examples:\n  drydock resource drain RESOURCE --reason 'new disk'\n  \
        drydock resource forget RESOURCE"
    )]
    Resource(ResourceCommand),

    /// List plugins: those that blueprints run, and those that resources were made with
    #[command(after_help = "Example:\n  drydock plugins")]
    Plugins(JsonArgs),

    /// List slots that are held, and by whom, or set aside
    #[command(after_help = "Example:\n  drydock slots --space lab")]
    Slots(SlotsArgs),

    /// Show the daemon: its version, store, configuration and blueprints
    #[command(after_help = "Example:\n  drydock status --json | jq .revision")]
    Status(JsonArgs),

    /// Show it all at work: a daemon, 5 hosts on this machine, 15 clients at once
    ///
    /// Everything happens in a temporary folder that is removed at the end. Each client leases a host, runs a job on it
    /// that fails if anybody else is there, and lets go. What happens is told from the daemon's event log.
    #[command(after_help = "Example:\n  drydock demo --hosts 5 --clients 15 --seconds 2")]
    Demo(DemoArgs),

    /// Measure what the store and the daemon cost on this machine, beside floors of the same run
    #[command(after_help = "Example:\n  drydock bench --json --only store")]
    Bench(BenchArgs),
}

#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The configuration, in TOML
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,

    /// How the log is written to stderr. How much, DRYDOCK_LOG says: info, drydock=debug, warn,drydock_core=trace
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub log: LogFormat,
}

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
        conflicts_with_all = ["kind", "attribute", "attributes", "label", "blueprint", "count", "together"])]
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
pub struct CompletionArgs {
    /// Whose completion
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
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

pub fn status<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(Value::String(text.into())).map_err(|error| error.to_string())
}

/// The end of the long help: what the exit codes mean.
fn exit_codes() -> String {
    let mut text = String::from("Exit codes:\n");
    for (code, meaning) in exit::TABLE {
        text += &format!("  {code:>5}  {meaning}\n");
    }
    text + "  128+n  with, command: signal n ended the command; lease, wait: it ended drydock\n\n\
        Ids may be given by their beginning, as long as it fits one only. Every command has examples in its --help."
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example_that_parses() {
        let mut seen = 0;
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples: Vec<&str> = help.lines().map(str::trim).filter(|l| l.starts_with("drydock ")).collect();
            assert!(help.starts_with("Example") && !examples.is_empty(), "{} has no example", command.get_name());
            for example in examples {
                seen += 1;
                // What a shell would make of the line is beyond the plain ones.
                if !example.contains(['"', '\'', '|', '<', '&']) {
                    Cli::try_parse_from(example.split_whitespace()).unwrap_or_else(|e| panic!("{example}: {e}"));
                }
            }
        }
        assert!(seen >= 15, "{seen} examples");
    }

    #[test]
    fn the_long_help_explains_every_exit_code() {
        let help = Cli::command().render_long_help().to_string();
        for (code, meaning) in exit::TABLE {
            assert!(help.contains(&format!("{code:>5}  {}", &meaning[..10])), "{code} is missing in:\n{help}");
        }
    }

    #[test]
    fn flags_are_checked_by_name() {
        for (line, named) in [
            ("drydock lease", "--type"),
            ("drydock lease --type host -a disk", "--attribute"),
            ("drydock lease --type host --until yesterday", "--until"),
            ("drydock lease --type host --timeout 0s", "--timeout"),
            ("drydock lease --type host --timeout -3s", "--timeout"),
            ("drydock leases --status lost", "--status"),
            ("drydock leases --limit 0", "--limit"),
            ("drydock leases --all --finished", "--finished"),
            ("drydock leases --since yesterday", "--since"),
            ("drydock release", "<LEASE>"),
            ("drydock release l-1 --owner ci", "--owner"),
            ("drydock release --resource --owner ci", "--owner"),
            ("drydock release l-1 --yes", "--yes"),
            ("drydock completion tcsh", "tcsh"),
            ("drydock with --type host true", "true"),
            ("drydock demo --hosts 0", "--hosts"),
        ] {
            let error = Cli::try_parse_from(line.split(' ')).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
            assert!(error.to_string().contains(named), "{line}: {error}");
        }
        assert!(Cli::try_parse_from(["drydock", "show", ""]).is_err());
    }
}
