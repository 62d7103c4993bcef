//! The decisions.

use crate::Preallocated;
use crate::config::{Attributes, CONFIG_SCHEMA, Host, REQUEST_SCHEMA, RESOURCE_SCHEMA};
use crate::contract::exports::drydock::blueprint::planning::{Descriptor, Guest, Permission, Steps};
use crate::contract::types::{
    Acquisition, Allocation, Blueprint, Handout, Needs, Obstacles, Refusal, Request, Resource, Slot,
};
use crate::contract::view;
use crate::hosts::{configured, demands, labels, matching};

/// Allocations in one answer, and hosts about which `view` is asked at once.
const ANSWER: usize = 16;
const QUESTION: usize = 64;

impl Guest for Preallocated {
    fn describe() -> Descriptor {
        let permission = |scope: &str, reason: &str| Permission {
            what: "commands".to_owned(),
            scope: scope.to_owned(),
            reason: reason.to_owned(),
        };
        Descriptor {
            name: "preallocated".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            kind: "host".to_owned(),
            config_schema: CONFIG_SCHEMA.to_owned(),
            request_schema: REQUEST_SCHEMA.to_owned(),
            resource_schema: RESOURCE_SCHEMA.to_owned(),
            steps: Steps::OPEN | Steps::ACTIVATE | Steps::RELEASE | Steps::CLOSE,
            asks: vec![
                permission("ssh", "to make and remove the directories of leases on hosts that are reached over SSH"),
                permission("local", "to make and remove the directories of leases on the machine itself"),
            ],
            may_lease: Vec::new(),
        }
    }

    fn consider(b: Blueprint, r: Request) -> Result<Needs, Refusal> {
        let config = configured(&b.config).map_err(Refusal::Never)?;
        let demands = demands(&r).map_err(Refusal::Never)?;
        matching(&config, &demands).map_err(Refusal::Never)?;
        Ok(Needs { labels: demands.iter().map(|demand| demand.label()).collect(), share: 1 })
    }

    fn allocate(b: Blueprint, r: Request) -> Result<Vec<Allocation>, Refusal> {
        let config = configured(&b.config).map_err(Refusal::Never)?;
        let demands = demands(&r).map_err(Refusal::Never)?;
        let mut hosts = matching(&config, &demands).map_err(Refusal::Never)?;
        shuffle(&mut hosts, b.seed);

        let mut free = Vec::new();
        let mut in_the_way = Vec::new();
        for some in hosts.chunks(QUESTION) {
            let taken = view::taken(&some.iter().map(|host| slot(&host.name)).collect::<Vec<_>>());
            free.extend(some.iter().filter(|host| !taken.contains(&slot(&host.name))));
            in_the_way.extend(taken);
            if free.len() >= ANSWER {
                break;
            }
        }
        if free.is_empty() {
            let reason = format!("all {} hosts that could serve it are in use", hosts.len());
            return Err(Refusal::Full(Obstacles { slots: in_the_way, resources: Vec::new(), reason }));
        }
        free.into_iter().take(ANSWER).map(allocation).collect()
    }

    fn acquire(_: Blueprint, on: Resource, r: Request) -> Result<Acquisition, Refusal> {
        let attributes: Attributes = serde_json::from_str(&on.attributes).map_err(|e| Refusal::Never(e.to_string()))?;
        for demand in demands(&r).map_err(Refusal::Never)? {
            let label = demand.label();
            if !on.labels.iter().any(|has| has.key == label.key && has.value == label.value) {
                return Err(Refusal::Never(format!("{} has not {}", on.name, demand.describe())));
            }
        }
        // Without a path there is nothing to set up.
        let ready = attributes.path.is_none().then(|| Handout {
            access: attributes.access(),
            directory: None,
            environment: Vec::new(),
            url: None,
        });
        Ok(Acquisition { slots: Vec::new(), share: 1, ready })
    }
}

fn slot(host: &str) -> String {
    format!("host/{host}")
}

fn allocation(host: &Host) -> Result<Allocation, Refusal> {
    Ok(Allocation {
        name: host.name.clone(),
        attributes: serde_json::to_string(&host.attributes()).map_err(|e| Refusal::Never(e.to_string()))?,
        labels: labels(host),
        slots: vec![Slot::Named(slot(&host.name))],
        limit: host.shares,
        expected: Some(if host.attributes().path.is_some() { 1000 } else { 500 }),
    })
}

/// Another order for every seed, so that many who ask at the same time don't all begin with the same host.
fn shuffle<T>(list: &mut [T], seed: u64) {
    let mut state = seed;
    for last in (1..list.len()).rev() {
        // SplitMix64, of which any seed is a good one.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        list.swap(last, (mixed % (last as u64 + 1)) as usize);
    }
}
