//! A binding, wherever it was read: what becomes a thing of the inventory, and then a resource.

use crate::demand::{DEVICE_LABEL, NETWORK_LABEL, PROPERTY_LABEL, SERVICE_LABEL};
use drydock_sdk::serde::{Deserialize, Serialize};
use drydock_sdk::serde_json::Value;
use drydock_sdk::{Labels, Thing, ThingState};
use std::collections::BTreeMap;

/// Properties of services, devices and bindings, by key.
pub type Properties = BTreeMap<String, Value>;

/// Labels in one answer.
const LABELS: usize = 64;

/// A service runs on an interface of a device.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// A PHID, or the slot where it has none.
    pub id: String,
    /// The resource that is made of it holds it.
    pub slot: String,
    pub seen: Seen,
    pub labels: Labels,
    /// Why it takes nothing new, when it does not.
    pub leaving: Option<String>,
}

/// What an inventory knows of a binding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "drydock_sdk::serde")]
pub struct Seen {
    pub service: String,
    /// The service's.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The service's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phid: Option<String>,
    pub device: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    pub address: String,
    pub port: u16,
}

impl Binding {
    pub fn thing(self) -> Thing {
        let thing = Thing::new(self.id).slot(self.slot).attributes(&self.seen).labels(self.labels);
        match self.leaving {
            Some(why) => thing.state(ThingState::Leaving(why)),
            None => thing,
        }
    }
}

/// The labels of a resource that is made of a binding: of the properties, the binding's come before the device's, and those
/// before the service's. What is no label, because of its key, its value or the number of labels, is left out.
pub fn labels(seen: &Seen, service: &Properties, device: &Properties, binding: &Properties) -> Labels {
    let own = [
        (SERVICE_LABEL, Some(&seen.service)),
        (DEVICE_LABEL, Some(&seen.device)),
        (NETWORK_LABEL, seen.network.as_ref()),
    ];
    let own = own.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.clone())));
    let mut labels: Labels = own.filter(|(_, value)| fits(value)).collect();
    let properties: BTreeMap<&String, &Value> = [service, device, binding].into_iter().flatten().collect();
    let room = LABELS - labels.len();
    labels.extend(properties.into_iter().filter_map(|(key, value)| label(key, value)).take(room));
    labels
}

/// A property as a label, if it is one.
fn label(key: &str, value: &Value) -> Option<(String, String)> {
    let key = format!("{PROPERTY_LABEL}{key}");
    let of_labels = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'/');
    let value = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    (key.len() > PROPERTY_LABEL.len() && key.len() <= 63 && key.bytes().all(of_labels) && fits(&value))
        .then_some((key, value))
}

fn fits(value: &str) -> bool {
    value.len() <= 255 && !value.chars().any(char::is_control)
}
