//! What an operator writes into `[blueprint.config]`.

use crate::digest::digest;
use crate::names::{check_branch, check_cache, check_reference, check_repository, variable};
use crate::remote::{Remote, basename, remote};
use crate::request::Name;
use drydock_sdk::serde::Deserialize;
use drydock_sdk::{JsonSchema, Labels};
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(crate = "drydock_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "drydock_sdk::schemars")]
pub struct Config {
    /// What requests may ask for, by the names that they use: 1 to 63 of a-z 0-9 . _ -.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 48))]
    pub repositories: BTreeMap<String, Repository>,
    /// The blueprints that hosts come from, the best first. Default: any that makes hosts.
    #[serde(default)]
    pub host_blueprints: Vec<String>,
    /// What hosts must carry. The copies on them carry the same.
    #[serde(default)]
    #[schemars(extend("maxProperties" = 12))]
    pub host_labels: BTreeMap<String, String>,
    /// Where a host keeps one bare cache of each repository. Default: `~/.cache/drydock/git`.
    #[serde(default = "cache")]
    pub cache: String,
    /// Every lease asks the remote, and fails while that does not answer. Default: false.
    #[serde(default)]
    pub strict: bool,
    /// Seconds for one fetch, which may be the first clone of a repository on a host. Default: an hour.
    #[serde(default = "clone_timeout")]
    #[schemars(range(min = 1, max = 86_400))]
    pub clone_timeout: u64,
    /// Seconds for a checkout, and for cleaning up after it. Default: ten minutes.
    #[serde(default = "git_timeout")]
    #[schemars(range(min = 1, max = 86_400))]
    pub git_timeout: u64,
    /// Lines as in `known_hosts`, of the SSH servers that are fetched from. Default: what the host's user knows.
    #[serde(default)]
    pub known_hosts: Vec<String>,
    /// Paths on the host and plain HTTP are taken as URLs too. Default: false.
    #[serde(default)]
    pub allow_local: bool,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(crate = "drydock_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "drydock_sdk::schemars")]
pub struct Repository {
    /// `https://…`, `ssh://…` or `user@host:path`.
    pub url: String,
    /// The branch that is checked out where a request names nothing; or a reference, beginning with `refs/`. Default: the
    /// remote's own.
    pub default: Option<String>,
    /// The user name for a password or token over HTTPS. Default: `git`.
    pub user: Option<String>,
    /// The name of a secret credential: a password or token for HTTPS, a private key for SSH.
    pub credential: Option<String>,
    /// Files that LFS keeps elsewhere are fetched. Default: false, their pointers stay.
    #[serde(default)]
    pub lfs: bool,
    /// Submodules are checked out too. Default: false.
    #[serde(default)]
    pub submodules: bool,
}

fn cache() -> String {
    "~/.cache/drydock/git".to_owned()
}

fn clone_timeout() -> u64 {
    3600
}

fn git_timeout() -> u64 {
    600
}

impl Config {
    /// What the schema can't say.
    pub fn check(&self) -> Result<(), String> {
        check_cache(&self.cache)?;
        if let Some(line) = self.known_hosts.iter().find(|line| line.chars().any(char::is_control)) {
            return Err(format!("the line {line:?} of `known_hosts` contains control characters"));
        }
        if let Some(key) = self.host_labels.keys().find(|key| key.starts_with("repo/")) {
            return Err(format!(
                "`host_labels` has {key}; labels of copies that begin with repo/ tell their repositories"
            ));
        }
        let mut variables = BTreeMap::new();
        for (name, repository) in &self.repositories {
            check_repository(name)?;
            if let Some(other) = variables.insert(variable(name), name) {
                return Err(format!("the repositories {other} and {name} have the same variable, {}", variable(name)));
            }
            repository.check(self.allow_local).map_err(|why| format!("the repository {name}: {why}"))?;
        }
        Ok(())
    }

    /// Labels that a copy carries for being on such a host.
    pub fn labels(&self) -> Labels {
        self.host_labels.clone()
    }

    pub fn clone_timeout(&self) -> Duration {
        Duration::from_secs(self.clone_timeout)
    }

    pub fn git_timeout(&self) -> Duration {
        Duration::from_secs(self.git_timeout)
    }

    /// The names of all repositories, for people.
    pub fn known(&self) -> String {
        self.repositories.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

impl Repository {
    fn check(&self, allow_local: bool) -> Result<(), String> {
        let remote = remote(&self.url)?;
        let plain = self.url.starts_with("http://") || remote == Remote::Local;
        if plain && !allow_local {
            return Err(format!("the URL {} is taken only with `allow_local = true`", self.url));
        }
        match &self.default {
            Some(name) if name.starts_with("refs/") => check_reference(name)?,
            Some(name) => check_branch(name)?,
            None => {}
        }
        if self.credential.is_some() && remote == Remote::Local {
            return Err("a path needs no `credential`".to_owned());
        }
        if self.user.is_some() && (self.credential.is_none() || remote == Remote::Ssh) {
            return Err("`user` belongs to a `credential` for HTTPS; for SSH the URL names the user".to_owned());
        }
        if self.user.as_ref().is_some_and(|user| user.is_empty() || user.chars().any(char::is_control)) {
            return Err("`user` must not be empty, nor contain control characters".to_owned());
        }
        Ok(())
    }

    /// What a copy's label says of it: another value is another copy.
    pub fn version(&self) -> String {
        let flag = |on: bool, name: &'static str| if on { name } else { "" };
        let version = digest(&[&self.url, flag(self.lfs, "lfs"), flag(self.submodules, "submodules")]);
        version.chars().take(16).collect()
    }

    /// The folder of its cache. Who logs in otherwise may see other things, so it has a cache of its own.
    pub fn cache(&self, caches: &str) -> String {
        let who = self.credential.as_deref().unwrap_or_default();
        format!("{caches}/{}-{}.git", basename(&self.url), digest(&[&self.url, who]))
    }

    /// What is checked out where a request names nothing.
    pub fn default(&self) -> Name {
        match &self.default {
            Some(name) if name.starts_with("refs/") => Name::Reference(name.clone()),
            Some(name) => Name::Branch(name.clone()),
            None => Name::Head,
        }
    }
}

/// The label that says which version of a repository a copy has.
pub fn label(repository: &str) -> String {
    // A label's key has at most 63 characters.
    if repository.len() <= 58 {
        return format!("repo/{repository}");
    }
    let short: String = repository.chars().take(41).collect();
    format!("repo/{short}.{}", digest(&[repository]).chars().take(16).collect::<String>())
}
