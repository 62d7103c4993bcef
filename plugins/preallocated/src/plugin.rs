//! The decisions, and the steps: each host is reached for directories only.

use crate::Preallocated;
use crate::attributes::Attributes;
use crate::config::{Config, Host, Wanted};
use crate::demand::{Demand, demands, labels, matching};
use crate::rules;
use drydock_sdk::{
    Acquisition, Allocation, Ask, Blueprint, Context, Failure, Health, Needs, Place, Plugin, Progress, Refusal,
    Request, Resource, Slot, Verdict, view,
};
use std::time::Duration;

/// Allocations in one answer.
const ANSWER: usize = 16;

impl Plugin for Preallocated {
    const NAME: &str = "preallocated";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const KIND: &str = "host";
    type Config = Config;
    type Request = Wanted;
    type Attributes = Attributes;

    fn asks() -> Vec<Ask> {
        vec![
            Ask::ssh("to make and remove the directories of leases on hosts that are reached over SSH"),
            Ask::local("to make and remove the directories of leases on the machine itself"),
        ]
    }

    fn check_config(config: &Config) -> Result<(), String> {
        rules::check(config)
    }

    fn consider(b: &Blueprint<Self>, r: &Request<Self>) -> Result<Needs, Refusal> {
        let demands = demands(r);
        matching(&b.config, &demands).map_err(Refusal::Never)?;
        Ok(Needs::labels(demands.iter().map(Demand::label).collect()))
    }

    fn allocate(b: &Blueprint<Self>, r: &Request<Self>) -> Result<Vec<Allocation<Self>>, Refusal> {
        let mut hosts = matching(&b.config, &demands(r)).map_err(Refusal::Never)?;
        b.chance().shuffle_weighted(&mut hosts, |host| host.weight);
        let reason = format!("no host is free of the {} that could serve it", hosts.len());
        let free = view::first_free(hosts, |host| slot(&host.name), ANSWER);
        Ok(free.map_err(|taken| Refusal::full(taken, reason))?.into_iter().map(allocation).collect())
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

impl Health for Preallocated {
    /// A host is in a list, and does not cease to exist: one that gives no answer can only be sick.
    fn check(_: &Context, _: &Blueprint<Self>, on: &Resource<Self>) -> Verdict {
        match on.attributes.site(&on.attributes.access()).look() {
            Ok(()) => Verdict::Healthy,
            Err(failure) => Verdict::Sick(failure.reason),
        }
    }
}

fn slot(host: &str) -> String {
    format!("host/{host}")
}

fn allocation(host: &Host) -> Allocation<Preallocated> {
    let attributes = Attributes::from(host);
    let waits = attributes.site(&attributes.access()).ready().is_none();
    Allocation::new(&host.name, attributes)
        .labels(labels(host))
        .slot(Slot::named(slot(&host.name)))
        .limit(host.shares.or(host.platform.shares(host.path.as_deref())))
        .expected(Duration::from_millis(if waits { 1000 } else { 500 }))
}
