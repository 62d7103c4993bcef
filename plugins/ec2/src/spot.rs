//! Requests for spot instances. A launch makes one, which outlives its answer.

use crate::Ec2;
use crate::api::{Api, Done, Page, Params, Set};
use crate::errors::Fault;
use crate::instances::{Tag, filled, tag};
use crate::tags::RESOURCE;
use drydock_sdk::Blueprint;
use drydock_sdk::serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(crate = "drydock_sdk::serde", rename_all = "camelCase")]
pub struct SpotRequest {
    #[serde(rename = "spotInstanceRequestId")]
    pub id: String,
    /// `open`, `active`, `closed`, `cancelled`, `failed` or `disabled`.
    state: String,
    #[serde(default)]
    status: Status,
    #[serde(default)]
    instance_id: Option<String>,
    #[serde(default)]
    tag_set: Set<Tag>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(crate = "drydock_sdk::serde")]
struct Status {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl SpotRequest {
    /// It may still bring an instance, or has one.
    pub fn is_live(&self) -> bool {
        matches!(self.state.as_str(), "open" | "active" | "disabled")
    }

    /// The instance that it has brought.
    pub fn instance(&self) -> Option<String> {
        filled(&self.instance_id)
    }

    /// Why its instance is being taken back, if it is.
    pub fn interruption(&self) -> Option<String> {
        let code = self.status.code.as_str();
        let taken_back = code.starts_with("marked-for-")
            || (code.starts_with("instance-") && (code.ends_with("-by-price") || code.ends_with("-no-capacity")));
        taken_back.then(|| format!("AWS takes the spot instance back ({code}): {}", self.status.message))
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
    spot_instance_request_set: Set<SpotRequest>,
    #[serde(default)]
    next_token: Option<String>,
}

impl Page for Described {
    type Item = SpotRequest;

    fn open(self) -> (Vec<SpotRequest>, Option<String>) {
        (self.spot_instance_request_set.item, self.next_token)
    }
}

/// All that fit, for as long as EC2 shows them. A fresh one may be missing for some seconds.
pub fn find(api: &Api, filters: &Params) -> Result<Vec<SpotRequest>, Fault> {
    api.pages::<Described>("DescribeSpotInstanceRequests", filters)
}

/// Those that were made for this resource; and this one, should it bear no tags any more.
pub fn of_resource(
    api: &Api,
    b: &Blueprint<Ec2>,
    resource: &str,
    known: Option<&str>,
) -> Result<Vec<SpotRequest>, Fault> {
    let mut found = find(api, &Params::new().of(b, resource))?;
    match known {
        Some(id) if !found.iter().any(|one| one.id == id) => {
            found.extend(find(api, &Params::new().filter("spot-instance-request-id", &[id]))?);
        }
        _ => {}
    }
    Ok(found)
}

/// Cancels it. That it is cancelled, is to be looked at; its instance is not terminated by this.
pub fn cancel(api: &Api, id: &str) -> Result<(), Fault> {
    match api.call::<Done>("CancelSpotInstanceRequests", Params::new().with("SpotInstanceRequestId.1", id)) {
        Err(fault) if fault.is("InvalidSpotInstanceRequestID.NotFound") => Ok(()),
        other => other.map(drop),
    }
}
