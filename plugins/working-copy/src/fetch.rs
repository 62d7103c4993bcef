//! Bringing the cache of a repository up to date, and finding commits in it.

use crate::batch::Job;
use crate::config::{Config, Repository};
use crate::remote::{Remote, remote};
use crate::request::Name;
use drydock_sdk::Failure;
use drydock_sdk::commands::Command;
use std::time::Duration;

const SCRIPT: &str = concat!(include_str!("scripts/prelude.sh"), include_str!("scripts/fetch.sh"));

/// The job that does it. `names` are what is to be found, in the order of its answer.
pub fn job(
    key: String,
    config: &Config,
    (name, repository): (&str, &Repository),
    names: &[Name],
    timeout: Duration,
) -> Result<Job, Failure> {
    let strict = if config.strict { "strict" } else { "lenient" };
    let mut args = vec![repository.cache(&config.cache), repository.url.clone(), strict.to_owned()];
    args.extend(names.iter().flat_map(Name::parts).map(str::to_owned));
    let command = with_remote(SCRIPT, args, config, repository)?.timeout(timeout).output_limit(OUTPUT);
    Ok(Job { key, repository: name.to_owned(), command })
}

/// Bytes kept of what a script prints.
pub const OUTPUT: u32 = 64 << 10;

/// A script that may ask the remote. The secret is put into a variable by the host: it is in no argument and no file.
pub fn with_remote(
    script: &str,
    args: Vec<String>,
    config: &Config,
    repository: &Repository,
) -> Result<Command, Failure> {
    let remote = remote(&repository.url).map_err(Failure::operator)?;
    let key = remote == Remote::Ssh && repository.credential.is_some();
    // The agent that holds the key is the script's own, and ends with it.
    let agent = if key { &["ssh-agent"][..] } else { &[] };
    let shell = ["sh", "-c", script, "sh"];
    let program = agent.iter().chain(&shell).map(|&arg| arg.to_owned());
    let protocols = if config.allow_local { "https:ssh:http:file" } else { "https:ssh" };
    let mut command = Command::new(program.chain(args)).variable("DRYDOCK_PROTOCOLS", protocols);
    if !config.known_hosts.is_empty() {
        command = command.variable("DRYDOCK_KNOWN_HOSTS", config.known_hosts.join("\n"));
    }
    let Some(credential) = &repository.credential else { return Ok(command) };
    command = command.secret("DRYDOCK_GIT_SECRET", credential);
    Ok(match remote {
        Remote::Http { server } => command
            .variable("DRYDOCK_GIT_LOGIN", "password")
            .variable("DRYDOCK_GIT_SERVER", server)
            .variable("DRYDOCK_GIT_USER", repository.user.as_deref().unwrap_or("git")),
        Remote::Ssh | Remote::Local => command.variable("DRYDOCK_GIT_LOGIN", "key"),
    })
}
