//! The decisions.

use crate::WorkingCopy;
use crate::attributes::Attributes;
use crate::config::{Config, label};
use crate::request::Wanted;
use drydock_sdk::{Acquisition, Allocation, Blueprint, Labels, Needs, Refusal, Request, Resource};
use std::time::Duration;

type Asked = Request<WorkingCopy>;

pub fn consider(b: &Blueprint<WorkingCopy>, r: &Asked) -> Result<Needs, Refusal> {
    let wanted = wanted(&b.config, r)?;
    Ok(Needs::labels(labels(&b.config, &wanted)))
}

/// One copy with exactly the repositories that are asked for. It takes one lease at a time.
pub fn allocate(b: &Blueprint<WorkingCopy>, r: &Asked) -> Result<Vec<Allocation<WorkingCopy>>, Refusal> {
    let wanted = wanted(&b.config, r)?;
    let url = |name: &String| b.config.repositories.get(name).map(|one| (name.clone(), one.url.clone()));
    let repositories = wanted.checkouts.keys().filter_map(url).collect();
    let name: String =
        wanted.checkouts.keys().map(String::as_str).collect::<Vec<_>>().join("+").chars().take(200).collect();
    let attributes = Attributes { repositories, ..Attributes::default() };
    let mut all = labels(&b.config, &wanted);
    all.extend(b.config.labels());
    let allocation = Allocation::new(name, attributes).labels(all).limit(Some(1)).expected(Duration::from_secs(30));
    Ok(vec![allocation])
}

/// A copy may have more repositories than are asked for.
pub fn acquire(b: &Blueprint<WorkingCopy>, on: &Resource<WorkingCopy>, r: &Asked) -> Result<Acquisition, Refusal> {
    let wanted = wanted(&b.config, r)?;
    for (key, value) in labels(&b.config, &wanted) {
        if on.labels.get(&key) != Some(&value) {
            return Err(Refusal::never(format!("{} has no {key}, or another one than is configured now", on.name)));
        }
    }
    if let Some(name) = wanted.checkouts.keys().find(|name| !on.attributes.repositories.contains_key(*name)) {
        return Err(Refusal::never(format!("{} has no repository {name}", on.name)));
    }
    Ok(Acquisition::default())
}

/// The request, if this blueprint could ever serve it.
fn wanted(config: &Config, r: &Asked) -> Result<Wanted, Refusal> {
    let wanted = r.attributes.wanted(config).map_err(Refusal::never)?;
    let mut has = labels(config, &wanted);
    has.extend(config.labels());
    if let Some((key, value)) = r.labels.iter().find(|(key, value)| has.get(*key) != Some(value)) {
        return Err(Refusal::never(format!("its copies have no label {key} = {value:?}")));
    }
    Ok(wanted)
}

/// Labels that a copy must carry for it.
fn labels(config: &Config, wanted: &Wanted) -> Labels {
    let version = |name: &String| config.repositories.get(name).map(|one| (label(name), one.version()));
    wanted.checkouts.keys().filter_map(version).collect()
}
