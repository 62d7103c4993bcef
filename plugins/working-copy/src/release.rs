//! `release`: what a lease has left is swept away, and that nothing is left is verified.

use crate::WorkingCopy;
use crate::activate::{Reached, Stay, names};
use crate::batch::{Job, Stage, answers, end, forget, pursue};
use crate::copy::{self, Target};
use crate::ground::Ground;
use crate::open::{COPY, FETCH, RESET, key, repositories};
use crate::trouble::During;
use drydock_sdk::{Blueprint, Context, Failure, Place, Progress, Resource, Wake};

pub fn release(
    _: &Context,
    b: &Blueprint<WorkingCopy>,
    on: &Resource<WorkingCopy>,
    p: &Place<WorkingCopy>,
) -> Result<Progress, Failure> {
    let ground = Ground::of(on)?;
    let access = ground.access();
    let stay: Stay = p.state()?.unwrap_or_default();
    let begun = matches!(stay.stage, Reached::Ending | Reached::Leaving);
    let lost = if begun { stay.lost } else { 0 };
    if stay.long && stay.stage != Reached::Leaving {
        // A job may be checking out still.
        if let Some(Stage::Lost { reason, wake }) = end(&access, &of_activate(b, p), lost)? {
            let ending = Stay { stage: Reached::Ending, long: true, lost: lost + 1, ..Stay::default() };
            return Ok(away(&ending, &reason, wake));
        }
    }
    let long = stay.long && stay.stage == Reached::Leaving;
    let mut leaving = Stay { stage: Reached::Leaving, long, ..Stay::default() };
    let jobs = jobs(b, on, p, &ground)?;
    match pursue(&access, &jobs, lost, &mut leaving.long)? {
        Stage::Running { repository, wake } => {
            Ok(Progress::again(&leaving, format!("git resets {repository} on its host"), wake))
        }
        Stage::Lost { reason, wake } => {
            leaving.lost = lost + 1;
            Ok(away(&leaving, &reason, wake))
        }
        Stage::Ended(ended) => {
            let failure = answers(&ended).err().map(|trouble| trouble.failure(During::Release));
            if long {
                // Tried again, it must not find the answer of this try.
                forget(&access, &jobs);
            }
            failure.map_or(Ok(Progress::done()), Err)
        }
    }
}

fn away(saved: &Stay, reason: &str, wake: Wake) -> Progress {
    Progress::again(saved, format!("its host can't be reached: {reason}"), wake)
}

/// One for every repository of the copy, since a lease can reach them all. The first one also removes what lies beside them.
fn jobs(
    b: &Blueprint<WorkingCopy>,
    on: &Resource<WorkingCopy>,
    p: &Place<WorkingCopy>,
    ground: &Ground,
) -> Result<Vec<Job>, Failure> {
    let mut swept: Vec<String> = on.attributes.repositories.keys().cloned().collect();
    let reset = |(name, repository): (String, _)| {
        let key = key(&p.id, RESET, &name);
        let target = Target::Base { swept: std::mem::take(&mut swept) };
        copy::job(key, &b.config, &ground.directory, (&name, repository), &target)
    };
    repositories(&b.config, &on.attributes)?.into_iter().map(reset).collect()
}

/// The keys of all jobs that `activate` may have started.
fn of_activate(b: &Blueprint<WorkingCopy>, p: &Place<WorkingCopy>) -> Vec<String> {
    let Ok(wanted) = p.attributes.wanted(&b.config) else { return Vec::new() };
    let fetches = names(&wanted).into_keys().map(|repository| key(&p.id, FETCH, &repository));
    let copies = wanted.checkouts.keys().map(|repository| key(&p.id, COPY, repository));
    fetches.chain(copies).collect()
}
