//! What a lease may ask for.

use crate::config::Config;
use crate::names::{check_branch, check_commit, check_reference};
use drydock_sdk::JsonSchema;
use drydock_sdk::serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Either `repositories`, or one repository with what is written beside it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(crate = "drydock_sdk::serde", deny_unknown_fields, default)]
#[schemars(crate = "drydock_sdk::schemars")]
pub struct Request {
    /// By their names in the configuration.
    pub repositories: BTreeMap<String, Revision>,
    /// The short form: this one alone. It may be left out where only one is configured.
    pub repository: Option<String>,
    /// The full id of a commit.
    pub commit: Option<String>,
    /// A branch, without `refs/heads/`.
    pub branch: Option<String>,
    /// `refs/…`, a tag or a branch.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// Merged on top, in this order.
    #[schemars(extend("maxItems" = 32))]
    pub merges: Vec<Merge>,
}

/// What is checked out of a repository: at most one of `commit`, `branch` and `ref`; with none, its default.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(crate = "drydock_sdk::serde", deny_unknown_fields, default)]
#[schemars(crate = "drydock_sdk::schemars")]
pub struct Revision {
    pub commit: Option<String>,
    pub branch: Option<String>,
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// Merged on top, in this order.
    #[schemars(extend("maxItems" = 32))]
    pub merges: Vec<Merge>,
    /// Commands start in its directory. One of several must be it.
    pub default: bool,
}

/// Exactly one of `commit`, `branch` and `ref`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(crate = "drydock_sdk::serde", deny_unknown_fields, default)]
#[schemars(crate = "drydock_sdk::schemars")]
pub struct Merge {
    /// The repository that it comes from, by its name in the configuration. Default: the same.
    pub from: Option<String>,
    pub commit: Option<String>,
    pub branch: Option<String>,
    #[serde(rename = "ref")]
    pub reference: Option<String>,
}

/// A way to name a commit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    Commit(String),
    Branch(String),
    Reference(String),
    /// What the remote's HEAD is.
    Head,
}

impl Name {
    /// As the fetching script has it: its kind, and the name itself.
    pub fn parts(&self) -> [&str; 2] {
        match self {
            Name::Commit(id) => ["commit", id],
            Name::Branch(name) => ["branch", name],
            Name::Reference(name) => ["ref", name],
            Name::Head => ["head", "HEAD"],
        }
    }
}

/// A request that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub checkouts: BTreeMap<String, Checkout>,
    /// In whose directory commands start.
    pub default: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    pub name: Name,
    /// Repositories with what is merged of them.
    pub merges: Vec<(String, Name)>,
}

impl Request {
    /// What it asks of the repositories that are configured, or why it can't be had.
    pub fn wanted(&self, config: &Config) -> Result<Wanted, String> {
        let several = self.several(config)?;
        let mut checkouts = BTreeMap::new();
        for (repository, revision) in &several {
            let Some(configured) = config.repositories.get(repository) else {
                return Err(format!("no repository {repository:?} is configured; there are {}", config.known()));
            };
            let named = name(&revision.commit, &revision.branch, &revision.reference);
            let name = named.map_err(|why| format!("of {repository}, {why}"))?;
            let merges: Result<Vec<_>, String> =
                revision.merges.iter().map(|merge| merge.read(repository, config)).collect();
            let checkout = Checkout { name: name.unwrap_or_else(|| configured.default()), merges: merges? };
            checkouts.insert(repository.clone(), checkout);
        }
        Ok(Wanted { checkouts, default: default(&several)? })
    }

    /// The long form of it.
    fn several(&self, config: &Config) -> Result<BTreeMap<String, Revision>, String> {
        let revision = Revision {
            commit: self.commit.clone(),
            branch: self.branch.clone(),
            reference: self.reference.clone(),
            merges: self.merges.clone(),
            default: true,
        };
        let short = self.repository.is_some()
            || !self.merges.is_empty()
            || [&self.commit, &self.branch, &self.reference].into_iter().any(Option::is_some);
        match (short, self.repositories.is_empty(), &self.repository) {
            (true, false, _) => Err("it has `repositories`, and beside them what names a single one".to_owned()),
            (false, false, _) => Ok(self.repositories.clone()),
            (_, true, Some(name)) => Ok(BTreeMap::from([(name.clone(), revision)])),
            (_, true, None) => match config.repositories.keys().collect::<Vec<_>>()[..] {
                [only] => Ok(BTreeMap::from([(only.clone(), revision)])),
                _ => Err(format!("it names no repository; there are {}", config.known())),
            },
        }
    }
}

impl Merge {
    fn read(&self, repository: &str, config: &Config) -> Result<(String, Name), String> {
        let from = self.from.as_deref().unwrap_or(repository);
        if !config.repositories.contains_key(from) {
            return Err(format!("no repository {from:?} to merge from is configured; there are {}", config.known()));
        }
        let named = name(&self.commit, &self.branch, &self.reference);
        match named.map_err(|why| format!("of a merge into {repository}, {why}"))? {
            Some(name) => Ok((from.to_owned(), name)),
            None => Err(format!("a merge into {repository} says neither `commit`, `branch` nor `ref`")),
        }
    }
}

fn name(commit: &Option<String>, branch: &Option<String>, reference: &Option<String>) -> Result<Option<Name>, String> {
    match (commit, branch, reference) {
        (None, None, None) => Ok(None),
        (Some(id), None, None) => check_commit(id).map(|()| Some(Name::Commit(id.clone()))),
        (None, Some(name), None) => check_branch(name).map(|()| Some(Name::Branch(name.clone()))),
        (None, None, Some(name)) => check_reference(name).map(|()| Some(Name::Reference(name.clone()))),
        _ => Err("more than one of `commit`, `branch` and `ref` is asked for".to_owned()),
    }
}

fn default(several: &BTreeMap<String, Revision>) -> Result<String, String> {
    if let [only] = several.keys().collect::<Vec<_>>()[..] {
        return Ok(only.clone());
    }
    let marked: BTreeSet<&String> =
        several.iter().filter(|(_, revision)| revision.default).map(|(name, _)| name).collect();
    match marked.into_iter().collect::<Vec<_>>()[..] {
        [one] => Ok(one.clone()),
        [] => Err("none of its repositories has `default = true`, so that commands would start nowhere".to_owned()),
        [one, other, ..] => {
            Err(format!("both {one} and {other} have `default = true`; commands start in one directory"))
        }
    }
}
