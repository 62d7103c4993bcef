//! `activate`: what a lease asks for is fetched, checked out, merged and verified.

use crate::WorkingCopy;
use crate::answer::Found;
use crate::batch::{Job, Stage, answers, forget, pursue};
use crate::config::{Config, Repository};
use crate::copy::{self, Target};
use crate::fetch;
use crate::ground::Ground;
use crate::names::variable;
use crate::open::{COPY, FETCH, key, tell};
use crate::request::{Checkout, Name, Wanted};
use crate::trouble::{During, Trouble};
use drydock_sdk::serde::{Deserialize, Serialize};
use drydock_sdk::{Blueprint, Context, Failure, Handout, Place, Progress, Resource, Wake};
use std::collections::BTreeMap;
use std::time::Duration;

/// What is saved of a stay.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(crate = "drydock_sdk::serde", default)]
pub struct Stay {
    pub stage: Reached,
    /// By repository: a commit, and the branch that it is of, for each name that is wanted of it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub found: BTreeMap<String, Vec<(String, Option<String>)>>,
    /// What is done now is done by jobs.
    pub long: bool,
    /// How often in a row the host could not be reached.
    pub lost: u32,
    /// Why it fails.
    #[serde(flatten)]
    pub trouble: Option<Trouble>,
}

/// How far a stay has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(crate = "drydock_sdk::serde", rename_all = "lowercase")]
pub enum Reached {
    #[default]
    Begun,
    Found,
    Active,
    /// It is to be cleaned up, and something of `activate` may still run.
    Ending,
    /// It is being cleaned up, and nothing of `activate` runs any more.
    Leaving,
}

pub fn activate(
    _: &Context,
    b: &Blueprint<WorkingCopy>,
    on: &Resource<WorkingCopy>,
    p: &Place<WorkingCopy>,
) -> Result<Progress, Failure> {
    let mut stay: Stay = p.state()?.unwrap_or_default();
    if let Some(trouble) = &stay.trouble {
        return Err(trouble.failure(During::Activate));
    }
    let ground = Ground::of(on)?;
    let wanted = p.attributes.wanted(&b.config).map_err(Failure::request)?;
    let names = names(&wanted);
    let fetches = fetches(&p.id, &b.config, &names)?;
    if stay.stage == Reached::Begun {
        match finished(&ground, &fetches, &mut stay, &names)? {
            Ok(found) => {
                ended(&ground, &fetches, &mut stay);
                stay.stage = Reached::Found;
                stay.found = found;
            }
            Err(again) => return Ok(again),
        }
    }
    let copies = copies(&p.id, &b.config, &ground, &wanted, &names, &stay)?;
    match finished(&ground, &copies, &mut stay, &BTreeMap::new())? {
        Ok(_) => {
            ended(&ground, &copies, &mut stay);
            stay.stage = Reached::Active;
            Ok(Progress::handed(handout(&ground, &wanted)).state(&stay))
        }
        Err(again) => Ok(again),
    }
}

/// By repository: the names of commits that are wanted of it, each once.
pub type Names = BTreeMap<String, Vec<Name>>;

pub fn names(wanted: &Wanted) -> Names {
    let mut names = Names::new();
    let own = wanted.checkouts.iter().map(|(repository, checkout)| (repository, &checkout.name));
    let merged = wanted.checkouts.values().flat_map(|checkout| checkout.merges.iter().map(|(from, name)| (from, name)));
    for (repository, name) in own.chain(merged) {
        let of_it = names.entry(repository.clone()).or_default();
        if !of_it.contains(name) {
            of_it.push(name.clone());
        }
    }
    names
}

type Commits = BTreeMap<String, Vec<(String, Option<String>)>>;

/// What these found, if they have ended well; or how the step goes on.
fn finished(
    ground: &Ground,
    batch: &[Job],
    stay: &mut Stay,
    names: &Names,
) -> Result<Result<Commits, Progress>, Failure> {
    let lost = stay.lost;
    stay.lost = 0;
    Ok(match pursue(&ground.access(), batch, lost, &mut stay.long)? {
        Stage::Running { repository, wake } => {
            let doing = if stay.stage == Reached::Begun { "fetches" } else { "checks out" };
            Err(Progress::again(stay, format!("git {doing} {repository} on its host"), wake))
        }
        Stage::Lost { reason, wake } => {
            stay.lost = lost + 1;
            Err(Progress::again(stay, format!("its host can't be reached: {reason}"), wake))
        }
        Stage::Ended(ended) => match answers(&ended) {
            Ok(answers) => {
                answers.iter().for_each(tell);
                let mut commits = Commits::new();
                for ((repository, _), answer) in ended.iter().zip(&answers) {
                    let count = names.get(repository).map_or(0, Vec::len);
                    let found: Option<Vec<Found>> = (0..count).map(|index| answer.found(index)).collect();
                    let found =
                        found.ok_or_else(|| Failure::plugin(format!("not all of {repository} was answered for")))?;
                    commits.insert(repository.clone(), found.into_iter().map(|one| (one.commit, one.branch)).collect());
                }
                Ok(commits)
            }
            // Saved first, and then failed with: the reason of a failure is one sentence, and this is more.
            Err(trouble) => {
                let note = trouble.reason();
                stay.trouble = Some(trouble);
                Err(Progress::again(stay, note, Wake::After(Duration::ZERO)))
            }
        },
    })
}

/// What was done by jobs has ended: there need not be any record of it.
fn ended(ground: &Ground, jobs: &[Job], stay: &mut Stay) {
    if std::mem::take(&mut stay.long) {
        forget(&ground.access(), jobs);
    }
}

fn configured<'a>(config: &'a Config, name: &str) -> Result<&'a Repository, Failure> {
    let missing = || Failure::request(format!("the repository {name} is not configured any more"));
    config.repositories.get(name).ok_or_else(missing)
}

pub fn fetches(place: &str, config: &Config, names: &Names) -> Result<Vec<Job>, Failure> {
    let job = |(repository, names): (&String, &Vec<Name>)| {
        let configured = configured(config, repository)?;
        // A repository that is only merged from may never have been on this host.
        fetch::job(key(place, FETCH, repository), config, (repository, configured), names, config.clone_timeout())
    };
    names.iter().map(job).collect()
}

fn copies(
    place: &str,
    config: &Config,
    ground: &Ground,
    wanted: &Wanted,
    names: &Names,
    stay: &Stay,
) -> Result<Vec<Job>, Failure> {
    let commit = |repository: &str, name: &Name| {
        let index = names.get(repository).and_then(|names| names.iter().position(|one| one == name));
        let found = index.and_then(|index| stay.found.get(repository)?.get(index));
        let found = found.map(|(commit, branch)| Found { commit: commit.clone(), branch: branch.clone() });
        found.ok_or_else(|| Failure::plugin(format!("what was found of {repository} is not known any more")))
    };
    let job = |(repository, checkout): (&String, &Checkout)| {
        let found = commit(repository, &checkout.name)?;
        let merge = |(from, name): &(String, Name)| {
            Ok((configured(config, from)?.cache(&config.cache), commit(from, name)?.commit))
        };
        let merges: Result<Vec<_>, Failure> = checkout.merges.iter().map(merge).collect();
        let target = Target::Commit { found: &found, name: &checkout.name, merges: merges? };
        let configured = configured(config, repository)?;
        copy::job(key(place, COPY, repository), config, &ground.directory, (repository, configured), &target)
    };
    wanted.checkouts.iter().map(job).collect()
}

fn handout(ground: &Ground, wanted: &Wanted) -> Handout {
    let handout = Handout::new(ground.access()).directory(ground.copy(&wanted.default));
    wanted.checkouts.keys().fold(handout, |handout, name| handout.variable(variable(name), ground.copy(name)))
}
