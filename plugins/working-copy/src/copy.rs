//! Making a working copy from its cache, and one again of what somebody left of it.

use crate::answer::Found;
use crate::batch::Job;
use crate::config::{Config, Repository};
use crate::fetch::{OUTPUT, with_remote};
use crate::request::Name;
use drydock_sdk::Failure;
use drydock_sdk::commands::Command;

const SCRIPT: &str = concat!(include_str!("scripts/prelude.sh"), include_str!("scripts/copy.sh"));

/// What a copy is to become.
pub enum Target<'a> {
    /// What every lease begins with: the default, as far as the cache knows it. With names, everything that lies beside
    /// the copies of these names is removed.
    Base { swept: Vec<String> },
    /// What a lease asked for, and what is merged on top: commits in caches.
    Commit { found: &'a Found, name: &'a Name, merges: Vec<(String, String)> },
}

/// The job that makes it.
pub fn job(
    key: String,
    config: &Config,
    directory: &str,
    (name, repository): (&str, &Repository),
    target: &Target,
) -> Result<Job, Failure> {
    let (kind, wanted, branch, rest) = match target {
        Target::Base { swept } => {
            ("base", repository.default.clone().unwrap_or_default(), String::new(), swept.clone())
        }
        Target::Commit { found, name, merges } => {
            let branch = match name {
                Name::Branch(branch) => branch.clone(),
                Name::Head => found.branch.clone().unwrap_or_default(),
                Name::Commit(_) | Name::Reference(_) => String::new(),
            };
            let kind = if branch.is_empty() { "commit" } else { "branch" };
            let merges = merges.iter().flat_map(|(cache, commit)| [cache.clone(), commit.clone()]).collect();
            (kind, found.commit.clone(), branch, merges)
        }
    };
    // Only what a lease asked for is fetched from elsewhere: cleaning up must not need the network.
    let asked = kind != "base";
    let flag = |on: bool, word: &str| if on && asked { word.to_owned() } else { String::new() };
    let mut args = vec![
        repository.cache(&config.cache),
        directory.to_owned(),
        name.to_owned(),
        repository.url.clone(),
        kind.to_owned(),
        wanted,
        branch,
        flag(repository.submodules, "submodules"),
        flag(repository.lfs, "lfs"),
    ];
    args.extend(rest);
    let command = if asked && (repository.submodules || repository.lfs) {
        with_remote(SCRIPT, args, config, repository)?
    } else {
        Command::shell(SCRIPT, args)
    };
    let command = command.timeout(config.git_timeout()).output_limit(OUTPUT);
    Ok(Job { key, repository: name.to_owned(), command })
}
