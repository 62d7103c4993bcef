//! `open`: a host is leased, the caches there are filled, and the copies made.

use crate::WorkingCopy;
use crate::answer::Answer;
use crate::attributes::Attributes;
use crate::batch::{Job, Stage, advance, answers, forget};
use crate::config::{Config, Repository};
use crate::copy::{self, Target};
use crate::fetch;
use crate::ground::{Ground, Standing, lease};
use crate::trouble::{During, Trouble};
use drydock_sdk::serde::{Deserialize, Serialize};
use drydock_sdk::{Blueprint, Context, Failure, Progress, Resource, Wake};
use std::time::Duration;

/// What is saved of a copy while it is opened.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(crate = "drydock_sdk::serde", default)]
pub struct Opening {
    /// The nested lease of its host, from when it was asked for.
    pub lease: Option<String>,
    /// Its caches are filled.
    pub fetched: bool,
    /// How often in a row its host could not be reached.
    pub lost: u32,
    /// Why it fails.
    #[serde(flatten)]
    pub trouble: Option<Trouble>,
}

pub fn open(_: &Context, b: &Blueprint<WorkingCopy>, on: &Resource<WorkingCopy>) -> Result<Progress, Failure> {
    let mut opening: Opening = on.state()?.unwrap_or_default();
    if let Some(trouble) = &opening.trouble {
        return Err(trouble.failure(During::Open));
    }
    let ground = match lease(&b.config)? {
        Standing::On(ground) => ground,
        Standing::Waiting { lease, note } => {
            opening.lease = Some(lease.clone());
            return Ok(Progress::again(&opening, note, Wake::Lease(lease)));
        }
    };
    opening.lease = Some(ground.lease.clone());
    let repositories = repositories(&b.config, &on.attributes)?;
    let fetches = fetches(&on.id, &b.config, &repositories)?;
    if !opening.fetched {
        match finished(&ground, &fetches, &mut opening, "fetches")? {
            Ok(_) => opening.fetched = true,
            Err(again) => return Ok(again),
        }
    }
    let copies = copies(&on.id, &b.config, &ground, &repositories)?;
    match finished(&ground, &copies, &mut opening, "copies")? {
        Ok(()) => {
            let access = ground.access();
            forget(&access, fetches.iter().chain(&copies));
            let Ground { lease, directory } = ground;
            let added = drydock_sdk::serde_json::json!({ "lease": lease, "directory": directory });
            Ok(Progress::done().state(&opening).attributes(&added))
        }
        Err(again) => Ok(again),
    }
}

/// Whether these have ended well; or how the step goes on.
fn finished(
    ground: &Ground,
    batch: &[Job],
    opening: &mut Opening,
    what: &str,
) -> Result<Result<(), Progress>, Failure> {
    let lost = opening.lost;
    opening.lost = 0;
    Ok(match advance(&ground.access(), batch, lost)? {
        Stage::Running { repository, wake } => {
            Err(Progress::again(opening, format!("git {what} {repository} on its host"), wake))
        }
        Stage::Lost { reason, wake } => {
            opening.lost = lost + 1;
            Err(Progress::again(opening, format!("its host can't be reached: {reason}"), wake))
        }
        Stage::Ended(ended) => match answers(&ended) {
            Ok(answers) => {
                answers.iter().for_each(tell);
                Ok(())
            }
            Err(trouble) => {
                let note = trouble.reason();
                opening.trouble = Some(trouble);
                Err(Progress::again(opening, note, Wake::After(Duration::ZERO)))
            }
        },
    })
}

/// What an operator may want to know of a job that ended well.
pub fn tell(answer: &Answer) {
    if let Some(stale) = answer.last("stale") {
        drydock_sdk::warn!("the remote does not answer, and the cache is used as it is: `{stale}` failed");
    }
}

/// The repositories that a copy has, as they are configured.
pub fn repositories<'a>(config: &'a Config, attributes: &Attributes) -> Result<Vec<(String, &'a Repository)>, Failure> {
    let find = |name: &String| match config.repositories.get(name) {
        Some(repository) => Ok((name.clone(), repository)),
        None => Err(Failure::operator(format!("the repository {name} of this copy is not configured any more"))),
    };
    attributes.repositories.keys().map(find).collect()
}

fn fetches(resource: &str, config: &Config, repositories: &[(String, &Repository)]) -> Result<Vec<Job>, Failure> {
    let job = |(name, repository): &(String, &Repository)| {
        fetch::job(key(resource, FETCH, name), config, (name, repository), &[], config.clone_timeout())
    };
    repositories.iter().map(job).collect()
}

fn copies(
    resource: &str,
    config: &Config,
    ground: &Ground,
    repositories: &[(String, &Repository)],
) -> Result<Vec<Job>, Failure> {
    let job = |(name, repository): &(String, &Repository)| {
        let target = Target::Base { swept: Vec::new() };
        copy::job(key(resource, COPY, name), config, &ground.directory, (name, repository), &target)
    };
    repositories.iter().map(job).collect()
}

pub const FETCH: &str = "fetch";
pub const COPY: &str = "copy";
pub const RESET: &str = "reset";

/// The key of a job: of a resource or a place, of a kind, for a repository.
pub fn key(subject: &str, kind: &str, repository: &str) -> String {
    format!("{subject}-{kind}-{repository}")
}
