//! What the deciding calls answer.

use super::broken::{At, Broken, Checked, each};
use super::values::{SHARES, handout, labels, name, object, sentence, share, slots};
use crate::bindings::types;
use crate::schemas::Schemas;
use drydock_core::contract::{Acquisition, Allocation, Needs, Refusal};
use serde_json::Value;

/// Allocations in one answer.
const ALLOCATIONS: usize = 16;
/// Slots and resources that one refusal names; those beyond are left out.
const OBSTACLES: usize = 1024;

pub(crate) fn needs(needs: types::Needs) -> Checked<Needs> {
    Ok(Needs { labels: labels(needs.labels).at("labels")?, share: share(needs.share).at("share")? })
}

pub(crate) fn allocations(list: Vec<types::Allocation>, schemas: &Schemas) -> Checked<Vec<Allocation>> {
    if list.is_empty() {
        return Err(Broken::new("is empty; where nothing can be made, a refusal says why")).at("allocations");
    }
    each(list, ALLOCATIONS, |one| allocation(one, schemas)).at("allocations")
}

fn allocation(allocation: types::Allocation, schemas: &Schemas) -> Checked<Allocation> {
    let (text, map) = object(allocation.attributes).at("attributes")?;
    schemas.check_resource(&Value::Object(map)).map_err(|problem| Broken::new(problem.to_string())).at("attributes")?;
    if let Some(limit) = allocation.limit
        && !(1..=SHARES).contains(&limit)
    {
        return Err(Broken::new(format!("is {limit}; it must be from 1 to {SHARES}"))).at("limit");
    }
    Ok(Allocation {
        name: name(&allocation.name).at("name")?,
        attributes: text,
        labels: labels(allocation.labels).at("labels")?,
        slots: slots(allocation.slots).at("slots")?,
        limit: allocation.limit,
        expected: allocation.expected,
    })
}

pub(crate) fn acquisition(acquisition: types::Acquisition) -> Checked<Acquisition> {
    Ok(Acquisition {
        slots: slots(acquisition.slots).at("slots")?,
        share: share(acquisition.share).at("share")?,
        ready: acquisition.ready.map(handout).transpose().at("ready")?,
    })
}

pub(crate) fn refusal(refusal: types::Refusal) -> Refusal {
    match refusal {
        types::Refusal::Never(reason) => Refusal::Never(sentence(&reason)),
        types::Refusal::Full(types::Obstacles { mut slots, mut resources, reason }) => {
            slots.truncate(OBSTACLES);
            resources.truncate(OBSTACLES);
            Refusal::Full { slots, resources, reason: sentence(&reason) }
        }
        types::Refusal::NotNow(types::Pause { after, reason }) => Refusal::NotNow { after, reason: sentence(&reason) },
    }
}
