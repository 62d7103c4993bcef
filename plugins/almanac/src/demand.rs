//! What a request demands of a host.

use crate::Almanac;
use drydock_sdk::{Labels, Request};

/// Labels that resources get, so that Drydock finds them for requests without asking about each.
pub const SERVICE_LABEL: &str = "almanac/service";
pub const DEVICE_LABEL: &str = "almanac/device";
pub const NETWORK_LABEL: &str = "almanac/network";
/// What the labels of properties begin with.
pub const PROPERTY_LABEL: &str = "property/";

/// One thing that a request demands: that a resource carries this label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    pub key: String,
    pub value: String,
}

pub fn demands(request: &Request<Almanac>) -> Vec<Demand> {
    let wanted = &request.attributes;
    let named = [(SERVICE_LABEL, &wanted.service), (DEVICE_LABEL, &wanted.device), (NETWORK_LABEL, &wanted.network)];
    let named = named.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value.clone()?)));
    let labels = request.labels.iter().map(|(key, value)| (key.clone(), value.clone()));
    named.chain(labels).map(|(key, value)| Demand { key, value }).collect()
}

impl Demand {
    pub fn is_met_by(&self, labels: &Labels) -> bool {
        labels.get(&self.key) == Some(&self.value)
    }

    /// Whether a host of any Almanac could carry such a label.
    pub fn is_possible(&self) -> bool {
        matches!(&*self.key, SERVICE_LABEL | DEVICE_LABEL | NETWORK_LABEL) || self.key.starts_with(PROPERTY_LABEL)
    }

    /// As part of a sentence about a host that does not meet it.
    pub fn describe(&self) -> String {
        match &*self.key {
            SERVICE_LABEL => format!("the service {}", self.value),
            DEVICE_LABEL => format!("the device {}", self.value),
            NETWORK_LABEL => format!("the network {}", self.value),
            _ => format!("the label {}={}", self.key, self.value),
        }
    }
}

/// All demands, as the end of a sentence.
pub fn described(demands: &[Demand]) -> String {
    demands.iter().map(Demand::describe).collect::<Vec<_>>().join(", ")
}

/// Two that no host can meet at once: the same label with two values.
pub fn contradiction(demands: &[Demand]) -> Option<(&Demand, &Demand)> {
    demands.iter().enumerate().find_map(|(at, one)| {
        let other = demands[at + 1..].iter().find(|other| other.key == one.key && other.value != one.value)?;
        Some((one, other))
    })
}
