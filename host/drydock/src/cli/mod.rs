//! The command line: the daemon's clients. Each command prints data on stdout and talk on stderr, and ends with a code
//! of [`crate::exit`].

mod apply;
mod args;
mod attribute;
mod bench;
mod blueprints;
pub(crate) mod client;
mod command;
mod daemon;
mod demo;
mod filters;
mod from_log;
mod holding;
pub(crate) mod house;
mod leaks;
mod lease;
mod lists;
mod log;
mod moment;
mod output;
mod permissions;
mod reclaim;
mod reference;
mod release;
mod several;
mod show;
pub(crate) mod signals;
mod sim;
mod waiting;
mod watch;
mod with;

use crate::exit::{self, Exit};
use crate::server::Options;
use args::{Cli, ClientCommand, Command};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use client::Client;
use std::path::PathBuf;
use std::process::ExitCode;

/// Runs the command that the program's arguments name.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            // Nobody to tell is no reason to fail otherwise.
            let _ = error.print();
            return ExitCode::from(if asked_for { exit::OK } else { exit::INVALID });
        }
    };
    let result = match cli.command {
        // It has threads of its own.
        Command::Serve(args) => serve(args, cli.socket),
        Command::Sim(command) => sim::sim(&command),
        Command::Completion(args) => completion(args.shell),
        Command::Reference(args) => reference::reference(&args),
        Command::Client(command) => start(command, cli.socket),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(exit) => {
            exit.message.lines().for_each(output::tell);
            ExitCode::from(&exit)
        }
    }
}

fn serve(args: args::ServeArgs, socket: Option<PathBuf>) -> Result<u8, Exit> {
    crate::server::serve(Options { config: args.config, socket, log: args.log }).map(|()| exit::OK)
}

fn completion(shell: clap_complete::Shell) -> Result<u8, Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "drydock", &mut script);
    output::print_bytes(&script)?;
    Ok(exit::OK)
}

fn start(command: ClientCommand, socket: Option<PathBuf>) -> Result<u8, Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Exit::new(exit::FAILURE, format!("the program can't start its threads: {error}")))?;
    let client = Client::new(socket.unwrap_or_else(crate::config::default_socket));
    let result = runtime.block_on(run(command, client));
    // What still waits in a thread has no one to wait for it.
    runtime.shutdown_background();
    result
}

async fn run(command: ClientCommand, client: Client) -> Result<u8, Exit> {
    let client = &client;
    match command {
        ClientCommand::Lease(args) => lease::lease(client, &args).await,
        ClientCommand::Wait(args) => lease::wait(client, &args).await,
        ClientCommand::With(args) => with::with(client, &args).await.map_err(itself),
        ClientCommand::Command(args) => command::command(client, &args).await.map_err(itself),
        ClientCommand::Release(args) => release::release(client, &args).await,
        ClientCommand::Reclaim(args) => reclaim::reclaim(client, &args).await,
        ClientCommand::Extend(args) => holding::extend(client, &args).await,
        ClientCommand::Beat(args) => holding::beat(client, &args).await,
        ClientCommand::Leases(args) => lists::leases(client, &args).await,
        ClientCommand::Resources(args) => lists::resources(client, &args).await,
        ClientCommand::Leaks(args) => leaks::leaks(client, &args).await,
        ClientCommand::Show(args) => show::show(client, &args).await,
        ClientCommand::Log(args) => log::log(client, &args).await,
        ClientCommand::Watch(args) => watch::watch(client, &args).await,
        ClientCommand::Why(args) => daemon::why(client, &args).await,
        ClientCommand::Check(args) => daemon::check(client, &args).await,
        ClientCommand::Apply(args) => apply::apply(client, &args).await,
        ClientCommand::Blueprints(args) => blueprints::list(client, &args).await,
        ClientCommand::Blueprint(command) => blueprints::blueprint(client, &command).await,
        ClientCommand::Resource(command) => blueprints::resource(client, &command).await,
        ClientCommand::Plugins(args) => blueprints::plugins(client, &args).await,
        ClientCommand::Plugin(command) => permissions::plugin(client, &command).await,
        ClientCommand::Slots(args) => blueprints::slots(client, &args).await,
        ClientCommand::Status(args) => daemon::status(client, &args).await,
        ClientCommand::Bench(args) => bench::bench(&args).await,
        ClientCommand::Demo(args) => demo::demo(&args).await,
    }
}

/// A failure of Drydock where the other codes are those of the command it ran.
fn itself(failure: Exit) -> Exit {
    let signalled = failure.code > 128;
    let code = if failure.code == exit::OK || signalled { failure.code } else { exit::ITSELF };
    Exit { code, ..failure }
}
