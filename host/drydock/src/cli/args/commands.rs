//! The commands, and what `--help` says of them.

use super::super::bench::BenchArgs;
use super::super::sim::SimCommand;
use super::{
    ApplyArgs, BeatArgs, BlueprintCommand, CommandArgs, CompletionArgs, DemoArgs, ExtendArgs, JsonArgs, LeaksArgs,
    LeaseArgs, LeasesArgs, LogArgs, PluginCommand, ReclaimArgs, ReferenceArgs, ReleaseArgs, ResourceCommand,
    ResourcesArgs, ServeArgs, ShowArgs, SlotsArgs, WaitArgs, WatchArgs, WhyArgs, WithArgs,
};
use crate::exit;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

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

    /// Print every key of the configuration, with its default and its meaning
    #[command(after_help = "Example:\n  drydock reference | less")]
    Reference(ReferenceArgs),

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

    /// Close resources that nobody is on
    ///
    /// They are shown first, and it asks whether to go on; where nobody can answer, it needs --yes. One that is used by
    /// then stays. What a blueprint is to keep (`min_resources`) is made again.
    #[command(after_help = "Examples:\n  drydock reclaim --blueprint cloud --idle 30m\n  \
        drydock reclaim --type host --yes")]
    Reclaim(ReclaimArgs),

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

    /// Say what the plugin of a blueprint may do: what it asks for, and what is granted
    #[command(subcommand, after_help = "Example:\n  drydock plugin explain lab")]
    Plugin(PluginCommand),

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
