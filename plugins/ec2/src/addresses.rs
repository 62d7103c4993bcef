//! Elastic IP addresses.

use crate::Ec2;
use crate::api::{Api, Done, Params, Set};
use crate::errors::Fault;
use crate::instances::{Tag, filled, tag};
use crate::tags::{RESOURCE, Tags, put};
use drydock_sdk::Blueprint;
use drydock_sdk::serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(crate = "drydock_sdk::serde", rename_all = "camelCase")]
pub struct Address {
    #[serde(rename = "allocationId")]
    pub id: String,
    pub public_ip: String,
    #[serde(default)]
    instance_id: Option<String>,
    #[serde(default)]
    association_id: Option<String>,
    #[serde(default)]
    tag_set: Set<Tag>,
}

impl Address {
    /// The instance that has it.
    pub fn instance(&self) -> Option<String> {
        filled(&self.instance_id)
    }

    /// The id of the resource that it was made for.
    pub fn resource(&self) -> Option<String> {
        tag(&self.tag_set, RESOURCE)
    }
}

#[derive(Deserialize)]
#[serde(crate = "drydock_sdk::serde", rename_all = "camelCase")]
struct Described {
    #[serde(default)]
    addresses_set: Set<Address>,
}

/// All that fit: EC2 gives them in one answer. A fresh one may be missing for some seconds.
pub fn find(api: &Api, filters: Params) -> Result<Vec<Address>, Fault> {
    let mut found = api.call::<Described>("DescribeAddresses", filters)?.addresses_set.item;
    found.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(found)
}

/// Those that were allocated for this resource; and this one, should it bear no tags any more.
pub fn of_resource(api: &Api, b: &Blueprint<Ec2>, resource: &str, known: Option<&str>) -> Result<Vec<Address>, Fault> {
    let mut found = find(api, Params::new().of(b, resource))?;
    match known {
        Some(id) if !found.iter().any(|one| one.id == id) => {
            found.extend(find(api, Params::new().filter("allocation-id", &[id]))?);
        }
        _ => {}
    }
    Ok(found)
}

pub fn allocate(api: &Api, tags: &Tags) -> Result<Address, Fault> {
    let mut params = Params::new().with("Domain", "vpc");
    put(&mut params, 1, "elastic-ip", tags);
    api.call("AllocateAddress", params)
}

/// Gives it to the instance, if nobody has it.
pub fn associate(api: &Api, id: &str, instance: &str) -> Result<(), Fault> {
    let params =
        Params::new().with("AllocationId", id).with("InstanceId", instance).with("AllowReassociation", "false");
    api.call::<Done>("AssociateAddress", params).map(drop)
}

/// Takes it from whoever has it, and gives it back. That it is gone, is to be looked at.
pub fn release(api: &Api, address: &Address) -> Result<(), Fault> {
    if let Some(association) = filled(&address.association_id) {
        let params = Params::new().with("AssociationId", association);
        ignore(api.call::<Done>("DisassociateAddress", params), &["InvalidAssociationID.NotFound"])?;
    }
    let params = Params::new().with("AllocationId", &address.id);
    // In use is what was taken from its instance a moment ago.
    let codes = [
        "InvalidAllocationID.NotFound",
        "InvalidAddressID.NotFound",
        "InvalidAddress.NotFound",
        "InvalidIPAddress.InUse",
    ];
    ignore(api.call::<Done>("ReleaseAddress", params), &codes)
}

/// What the next look will tell in any case.
fn ignore(answer: Result<Done, Fault>, codes: &[&str]) -> Result<(), Fault> {
    match answer {
        Err(fault) if codes.iter().any(|code| fault.is(code)) => Ok(()),
        other => other.map(drop),
    }
}
