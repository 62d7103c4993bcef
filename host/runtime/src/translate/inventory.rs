//! What `observe` and `remove` answer.

use super::broken::{At, Broken, Checked, each, quoted};
use super::steps::again;
use super::values::{NAME, exact, labels, object, sentence};
use crate::bindings::{types, with_inventory};
use drydock_core::contract::{Absence, Observation, Progress, StepOutcome, Thing, ThingState};
use std::collections::BTreeSet;

/// Things of one observation.
const THINGS: usize = 20_000;

pub(crate) fn observation(seen: with_inventory::Observation) -> Checked<Observation> {
    let things = each(seen.things, THINGS, thing).at("things")?;
    let mut ids = BTreeSet::new();
    if let Some(twice) = things.iter().find(|thing| !ids.insert(&thing.id)) {
        return Err(Broken::new(format!("has the id {} twice", quoted(&twice.id)))).at("things");
    }
    Ok(Observation {
        complete: seen.complete,
        began: seen.began,
        absence: match seen.absence {
            with_inventory::Absence::Gone => Absence::Gone,
            with_inventory::Absence::Leaving => Absence::Leaving,
        },
        things,
    })
}

fn thing(thing: types::Thing) -> Checked<Thing> {
    Ok(Thing {
        id: exact(thing.id, NAME).at("id")?,
        resource: thing.resource.map(|id| exact(id, NAME)).transpose().at("resource")?,
        slot: thing.slot.map(|key| exact(key, NAME)).transpose().at("slot")?,
        attributes: object(thing.attributes).at("attributes")?.0,
        labels: labels(thing.labels).at("labels")?,
        state: match thing.state {
            types::ThingState::Present => ThingState::Present,
            types::ThingState::Leaving(why) => ThingState::Leaving(sentence(&why)),
            types::ThingState::Gone(why) => ThingState::Gone(sentence(&why)),
        },
    })
}

/// Nothing is kept of a removal but whether it is done: a thing has no state of its own.
pub(crate) fn removal(progress: types::Progress) -> Checked<Progress> {
    match progress {
        types::Progress::Done(_) => Ok(Progress::Done(StepOutcome::default())),
        types::Progress::Again(continuation) => again(continuation, drydock_core::plugin::Step::Close).at("again"),
    }
}
