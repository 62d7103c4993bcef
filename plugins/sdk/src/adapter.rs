//! Between the contract's functions and those of a [`Plugin`].

use crate::answers::labels_of;
use crate::bindings::with_health::health;
use crate::bindings::with_inventory::inventory;
use crate::bindings::{lifecycle, planning, types};
use crate::progress::entries;
use crate::{Blueprint, Failure, Health, Inventory, Place, Plugin, Progress, Refusal, Request, Resource};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use std::marker::PhantomData;

/// All that the contract calls, for one plugin.
#[doc(hidden)]
pub struct Adapter<P>(PhantomData<P>);

fn schema<T: JsonSchema>() -> String {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>().to_value().to_string()
}

impl<P: Plugin> planning::Guest for Adapter<P> {
    fn describe() -> planning::Descriptor {
        let mut steps = planning::Steps::empty();
        for (has, flag) in [
            (P::STEPS.open, planning::Steps::OPEN),
            (P::STEPS.activate, planning::Steps::ACTIVATE),
            (P::STEPS.release, planning::Steps::RELEASE),
            (P::STEPS.close, planning::Steps::CLOSE),
        ] {
            steps = if has { steps | flag } else { steps };
        }
        let permission =
            |ask: crate::Ask| planning::Permission { what: ask.what.to_owned(), scope: ask.scope, reason: ask.reason };
        planning::Descriptor {
            name: P::NAME.to_owned(),
            version: P::VERSION.to_owned(),
            kind: P::KIND.to_owned(),
            config_schema: schema::<P::Config>(),
            request_schema: schema::<P::Request>(),
            resource_schema: schema::<P::Attributes>(),
            steps,
            asks: P::asks().into_iter().map(permission).collect(),
            may_lease: P::may_lease().iter().map(|&kind| kind.to_owned()).collect(),
        }
    }

    fn consider(b: types::Blueprint, r: types::Request) -> Result<types::Needs, types::Refusal> {
        let needs = P::consider(&blueprint(b)?, &Request::<P>::from_wit(r)?)?;
        Ok(types::Needs { labels: labels_of(needs.labels), share: needs.share })
    }

    fn allocate(b: types::Blueprint, r: types::Request) -> Result<Vec<types::Allocation>, types::Refusal> {
        let allocations = P::allocate(&blueprint(b)?, &Request::<P>::from_wit(r)?)?;
        let allocations: Result<Vec<_>, Refusal> = allocations.into_iter().map(|one| one.into_wit()).collect();
        Ok(allocations?)
    }

    fn acquire(
        b: types::Blueprint,
        on: types::Resource,
        r: types::Request,
    ) -> Result<types::Acquisition, types::Refusal> {
        let on = Resource::<P>::from_wit(on).map_err(Refusal::Never)?;
        let acquisition = P::acquire(&blueprint(b)?, &on, &Request::<P>::from_wit(r)?)?;
        Ok(types::Acquisition {
            slots: acquisition.slots.into_iter().map(Into::into).collect(),
            share: acquisition.share,
            ready: acquisition.ready.map(|handout| types::Handout {
                access: handout.access,
                directory: handout.directory,
                environment: entries(handout.environment),
                url: handout.url,
            }),
        })
    }
}

fn blueprint<P: Plugin>(b: types::Blueprint) -> Result<Blueprint<P>, Refusal> {
    Blueprint::from_wit(b).map_err(Refusal::Never)
}

/// A blueprint and a resource as a step gets them.
fn subject<P: Plugin>(b: types::Blueprint, on: types::Resource) -> Result<(Blueprint<P>, Resource<P>), Failure> {
    Ok((acting(b)?, Resource::from_wit(on).map_err(Failure::plugin)?))
}

fn acting<P: Plugin>(b: types::Blueprint) -> Result<Blueprint<P>, Failure> {
    Blueprint::from_wit(b).map_err(Failure::operator)
}

fn stay<P: Plugin>(p: types::Place) -> Result<Place<P>, Failure> {
    Place::from_wit(p).map_err(Failure::plugin)
}

/// A step's answer, as the contract has it.
fn told(answer: Result<Progress, Failure>) -> Result<types::Progress, types::Failure> {
    Ok(answer?.into())
}

impl<P: Plugin> lifecycle::Guest for Adapter<P> {
    fn open(c: types::Context, b: types::Blueprint, on: types::Resource) -> Result<types::Progress, types::Failure> {
        let (b, on) = subject::<P>(b, on)?;
        told(P::open(&c.into(), &b, &on))
    }

    fn activate(
        c: types::Context,
        b: types::Blueprint,
        on: types::Resource,
        p: types::Place,
    ) -> Result<types::Progress, types::Failure> {
        let (b, on) = subject::<P>(b, on)?;
        told(P::activate(&c.into(), &b, &on, &stay(p)?))
    }

    fn release(
        c: types::Context,
        b: types::Blueprint,
        on: types::Resource,
        p: types::Place,
    ) -> Result<types::Progress, types::Failure> {
        let (b, on) = subject::<P>(b, on)?;
        told(P::release(&c.into(), &b, &on, &stay(p)?))
    }

    fn close(c: types::Context, b: types::Blueprint, on: types::Resource) -> Result<types::Progress, types::Failure> {
        let (b, on) = subject::<P>(b, on)?;
        told(P::close(&c.into(), &b, &on))
    }
}

impl<P: Health> health::Guest for Adapter<P> {
    fn check(c: types::Context, b: types::Blueprint, on: types::Resource) -> health::Verdict {
        match subject::<P>(b, on) {
            Ok((b, on)) => P::check(&c.into(), &b, &on),
            Err(failure) => health::Verdict::Sick(failure.reason),
        }
    }
}

impl<P: Inventory> inventory::Guest for Adapter<P> {
    fn observe(c: types::Context, b: types::Blueprint) -> Result<inventory::Observation, types::Failure> {
        Ok(P::observe(&c.into(), &acting(b)?)?)
    }

    fn remove(c: types::Context, b: types::Blueprint, thing: types::Thing) -> Result<types::Progress, types::Failure> {
        told(P::remove(&c.into(), &acting(b)?, &thing))
    }
}
