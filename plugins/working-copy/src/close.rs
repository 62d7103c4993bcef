//! `close`: what still runs is ended. All that was made lies in the directory of the nested lease, and goes with it; the
//! caches stay.

use crate::WorkingCopy;
use crate::activate::{Reached, Stay};
use crate::open::{COPY, FETCH, Opening, RESET, key};
use drydock_sdk::leases::{State, look};
use drydock_sdk::{Access, Blueprint, Context, Failure, Leftover, Progress, Resource, jobs};

/// A host that can't be reached any more keeps no copy from being closed.
pub fn close(c: &Context, b: &Blueprint<WorkingCopy>, on: &Resource<WorkingCopy>) -> Result<Progress, Failure> {
    let opening: Opening = on.state().ok().flatten().unwrap_or_default();
    let Some(lease) = on.attributes.lease.clone().or(opening.lease) else { return Ok(Progress::done()) };
    if !matches!(look(&lease), Ok(State::Active(_))) {
        return Ok(Progress::done());
    }
    let mut keys = Vec::new();
    if on.attributes.lease.is_none() {
        let names = on.attributes.repositories.keys();
        keys.extend(names.flat_map(|name| [FETCH, COPY].map(|kind| key(&on.id, kind, name))));
    }
    for leftover in &c.leftovers {
        keys.extend(of_stay(b, leftover));
    }
    if let Err(error) = jobs::cancel(&Access::Via(lease), &keys) {
        drydock_sdk::warn!("jobs of {} may still run: {}", on.name, Failure::from(error).reason);
    }
    Ok(Progress::done())
}

/// The keys of all jobs that a stay may have started.
fn of_stay(b: &Blueprint<WorkingCopy>, leftover: &Leftover) -> Vec<String> {
    let stay: Stay = leftover.state().ok().flatten().unwrap_or_default();
    let kinds: &[&str] = match stay.stage {
        _ if !stay.long => &[],
        Reached::Begun | Reached::Found | Reached::Ending => &[FETCH, COPY],
        Reached::Leaving => &[RESET],
        Reached::Active => &[],
    };
    let of_repository = |name: &String| kinds.iter().map(|kind| key(&leftover.place, kind, name)).collect::<Vec<_>>();
    b.config.repositories.keys().flat_map(of_repository).collect()
}
