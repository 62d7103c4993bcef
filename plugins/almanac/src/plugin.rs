//! The decisions, and the steps: each host is reached for directories only.

use crate::Almanac;
use crate::attributes::Attributes;
use crate::binding::Binding;
use crate::candidate::Known;
use crate::config::{Config, Wanted};
use crate::demand::{Demand, SERVICE_LABEL, contradiction, demands, described};
use crate::listing;
use crate::rules;
use drydock_sdk::{
    Acquisition, Allocation, Ask, Blueprint, Context, Failure, Health, Needs, Place, Plugin, Progress, Refusal,
    Request, Resource, Slot, Verdict, view,
};
use std::time::Duration;

/// Allocations in one answer.
const ANSWER: usize = 16;

/// Bytes of a resource's name.
const NAME: usize = 255;

impl Plugin for Almanac {
    const NAME: &str = "almanac";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const KIND: &str = "host";
    type Config = Config;
    type Request = Wanted;
    type Attributes = Attributes;

    fn asks() -> Vec<Ask> {
        vec![
            Ask::http("*", "to read the Almanac of the server that the configuration names in `conduit`"),
            Ask::credential("form", "to show that server an API token"),
            Ask::ssh("to make and remove the directories of leases on the hosts"),
        ]
    }

    fn check_config(config: &Config) -> Result<(), String> {
        rules::check(config)
    }

    /// Of a server it is not known here what it has; that it has nothing for a request can change at any time.
    fn consider(b: &Blueprint<Self>, r: &Request<Self>) -> Result<Needs, Refusal> {
        let demands = demands(r);
        if let Some((one, other)) = contradiction(&demands) {
            return Err(Refusal::never(format!("no host has both {} and {}", one.describe(), other.describe())));
        }
        if let Some(demand) = demands.iter().find(|demand| !demand.is_possible()) {
            return Err(Refusal::never(format!(
                "no host has {}: the labels of hosts of an Almanac are almanac/service, almanac/device, almanac/network and \
                 property/KEY",
                demand.describe()
            )));
        }
        match (&b.config.conduit, &b.config.services) {
            (Some(conduit), _) => {
                let service = demands.iter().find(|demand| demand.key == SERVICE_LABEL);
                if let Some(service) = service.filter(|service| !conduit.means_service(&service.value)) {
                    return Err(Refusal::never(format!("{} is not among those of its `conduit`", service.describe())));
                }
            }
            (None, services) => listed(&listing::bindings(services.as_deref().unwrap_or_default()), &demands)?,
        }
        Ok(Needs::labels(demands.into_iter().map(|demand| (demand.key, demand.value)).collect()))
    }

    fn allocate(b: &Blueprint<Self>, r: &Request<Self>) -> Result<Vec<Allocation<Self>>, Refusal> {
        let known = Known::now(&b.config)?;
        let mut bindings = known.matching(&demands(r))?;
        b.chance().shuffle(&mut bindings);
        let reason = format!("no binding is free of the {} that could serve it{}", bindings.len(), known.as_seen());
        let free = view::first_free(bindings, |binding| binding.slot.clone(), ANSWER);
        let free = free.map_err(|taken| Refusal::full(taken, reason))?;
        Ok(free.into_iter().map(|binding| allocation(binding.clone(), &b.config)).collect())
    }

    fn acquire(_: &Blueprint<Self>, on: &Resource<Self>, r: &Request<Self>) -> Result<Acquisition, Refusal> {
        if let Some(demand) = demands(r).iter().find(|demand| !demand.is_met_by(&on.labels)) {
            return Err(Refusal::never(format!("{} has not {}", on.name, demand.describe())));
        }
        let ready = on.attributes.site(&on.attributes.access()).ready();
        Ok(Acquisition { ready, ..Acquisition::default() })
    }

    fn open(c: &Context, _: &Blueprint<Self>, on: &Resource<Self>) -> Result<Progress, Failure> {
        on.attributes.site(&on.attributes.access()).open(&c.leftovers)
    }

    fn activate(_: &Context, _: &Blueprint<Self>, on: &Resource<Self>, p: &Place<Self>) -> Result<Progress, Failure> {
        on.attributes.site(&on.attributes.access()).activate(&p.id)
    }

    fn release(_: &Context, _: &Blueprint<Self>, on: &Resource<Self>, p: &Place<Self>) -> Result<Progress, Failure> {
        on.attributes.site(&on.attributes.access()).release(&p.id)
    }

    fn close(c: &Context, _: &Blueprint<Self>, on: &Resource<Self>) -> Result<Progress, Failure> {
        on.attributes.site(&on.attributes.access()).close(&c.leftovers)
    }
}

impl Health for Almanac {
    /// A host that gives no answer may do so again: it can only be sick.
    fn check(_: &Context, _: &Blueprint<Self>, on: &Resource<Self>) -> Verdict {
        match on.attributes.site(&on.attributes.access()).look() {
            Ok(()) => Verdict::Healthy,
            Err(failure) => Verdict::Sick(failure.reason),
        }
    }
}

/// Whether a binding of the configuration meets every demand; one that is disabled may be enabled again.
fn listed(bindings: &[Binding], demands: &[Demand]) -> Result<(), Refusal> {
    if bindings.iter().any(|binding| demands.iter().all(|demand| demand.is_met_by(&binding.labels))) {
        return Ok(());
    }
    if bindings.is_empty() {
        return Err(Refusal::never("its `services` have no binding"));
    }
    let met_by_none = |demand: &&Demand| !bindings.iter().any(|binding| demand.is_met_by(&binding.labels));
    let unmet: Vec<Demand> = demands.iter().filter(met_by_none).cloned().collect();
    Err(Refusal::never(match unmet.is_empty() {
        true => format!("none of its bindings has all of these at once: {}", described(demands)),
        false => format!("none of its bindings has {}", described(&unmet)),
    }))
}

fn allocation(binding: Binding, config: &Config) -> Allocation<Almanac> {
    let (slot, labels) = (Slot::named(&binding.slot), binding.labels.clone());
    let attributes = Attributes::of(binding, config);
    let waits = attributes.site(&attributes.access()).ready().is_none();
    let mut name = attributes.device.clone();
    name.truncate(name.floor_char_boundary(NAME));
    Allocation::new(name, attributes)
        .labels(labels)
        .slot(slot)
        .limit(config.shares.or(config.platform.shares(config.path.as_deref())))
        .expected(Duration::from_millis(if waits { 1000 } else { 500 }))
}
