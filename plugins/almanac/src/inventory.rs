//! What exists: the bindings, as they are now.

use crate::Almanac;
use crate::binding::Binding;
use crate::conduit::{self, View};
use crate::listing;
use drydock_sdk::{Absence, Blueprint, Context, Failure, Inventory, Observation, Progress, Thing};

impl Inventory for Almanac {
    /// All bindings, or a failure: what could not be read to its end is no view. Who uses a binding that is not there any
    /// more may do so to the end.
    fn observe(_: &Context, b: &Blueprint<Self>) -> Result<Observation, Failure> {
        let view = match &b.config.conduit {
            Some(conduit) => conduit::view(conduit)?,
            None => {
                View { bindings: listing::bindings(b.config.services.as_deref().unwrap_or_default()), complete: true }
            }
        };
        let things = view.bindings.into_iter().map(Binding::thing).collect();
        Ok(Observation { things, complete: view.complete, began: b.now, absence: Absence::Leaving })
    }

    fn remove(_: &Context, _: &Blueprint<Self>, thing: &Thing) -> Result<Progress, Failure> {
        Err(Failure::operator(format!(
            "{} is a binding of an Almanac, which is only read: if it shall go, disable or remove it there",
            thing.id
        )))
    }
}
