//! The method that gives services with their bindings: what it is asked, and what it answers.

use super::lenient::{self, List, Text};
use crate::binding::{self, Binding, Properties, Seen};
use crate::config::Conduit;
use drydock_sdk::serde::Deserialize;
use drydock_sdk::serde_json::Value;

pub const METHOD: &str = "almanac.service.search";

/// The question for the page after that cursor, or for the first.
pub fn fields(conduit: &Conduit, after: Option<&str>) -> Vec<(String, String)> {
    let constraints = [("names", &conduit.services), ("serviceTypes", &conduit.types), ("phids", &conduit.phids)];
    let constraint = |(key, values): (&'static str, &Vec<String>)| {
        let field = move |(at, value): (usize, &String)| (format!("constraints[{key}][{at}]"), value.clone());
        values.iter().enumerate().map(field).collect::<Vec<_>>()
    };
    let mut fields: Vec<(String, String)> = constraints.into_iter().flat_map(constraint).collect();
    for (key, value) in [("attachments[bindings]", "1"), ("attachments[properties]", "1")] {
        fields.push((key.to_owned(), value.to_owned()));
    }
    fields.push(("limit".to_owned(), conduit.page_size.to_string()));
    fields.extend(after.map(|after| ("after".to_owned(), after.to_owned())));
    fields
}

#[derive(Deserialize)]
#[serde(crate = "drydock_sdk::serde")]
pub struct Page {
    pub data: List<Service>,
    pub cursor: Cursor,
}

#[derive(Deserialize)]
#[serde(crate = "drydock_sdk::serde")]
pub struct Cursor {
    /// None on the last page. It must be there: without it nobody knows whether this page is the last.
    #[serde(deserialize_with = "Option::deserialize")]
    pub after: Option<Text>,
}

#[derive(Deserialize)]
#[serde(crate = "drydock_sdk::serde")]
pub struct Service {
    pub phid: String,
    pub fields: Fields,
    pub attachments: Attachments,
}

#[derive(Deserialize)]
#[serde(crate = "drydock_sdk::serde")]
pub struct Fields {
    pub name: String,
    #[serde(rename = "serviceType", default)]
    pub kind: Option<String>,
    #[serde(default)]
    pub disabled: bool,
}

#[derive(Deserialize)]
#[serde(crate = "drydock_sdk::serde")]
pub struct Attachments {
    #[serde(deserialize_with = "lenient::map")]
    pub bindings: Bindings,
    #[serde(default, deserialize_with = "lenient::map")]
    pub properties: PropertyList,
}

#[derive(Default, Deserialize)]
#[serde(crate = "drydock_sdk::serde")]
pub struct PropertyList {
    pub properties: List<Property>,
}

#[derive(Default, Deserialize)]
#[serde(crate = "drydock_sdk::serde")]
pub struct Bindings {
    pub bindings: List<Row>,
}

/// A binding, as it is attached to its service.
#[derive(Deserialize)]
#[serde(crate = "drydock_sdk::serde")]
pub struct Row {
    pub phid: String,
    #[serde(default)]
    properties: List<Property>,
    interface: Option<Interface>,
    #[serde(default)]
    disabled: bool,
}

#[derive(Deserialize)]
#[serde(crate = "drydock_sdk::serde")]
pub struct Property {
    key: String,
    #[serde(default)]
    value: Value,
}

#[derive(Deserialize)]
#[serde(crate = "drydock_sdk::serde")]
struct Interface {
    address: String,
    port: Text,
    device: Option<Device>,
    #[serde(default)]
    network: Option<Network>,
}

#[derive(Deserialize)]
#[serde(crate = "drydock_sdk::serde")]
struct Device {
    name: String,
    #[serde(default)]
    properties: List<Property>,
    #[serde(default)]
    disabled: bool,
}

#[derive(Deserialize)]
#[serde(crate = "drydock_sdk::serde")]
struct Network {
    name: String,
}

impl Row {
    /// The binding that it tells of, or why it is none that a host could be reached by.
    pub fn binding(self, service: &str, fields: &Fields, properties: &Properties) -> Result<Binding, String> {
        let interface = self.interface.ok_or("the account of the API token can't see its interface")?;
        let device = interface.device.ok_or("the account of the API token can't see its device")?;
        if device.name.is_empty() {
            return Err("its device has no name".to_owned());
        }
        let port = interface.port.0.parse().ok().filter(|&port: &u16| port > 0);
        let port = port.ok_or_else(|| format!("its port, {}, is none", interface.port.0))?;
        let of_addresses = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b':' | b'%');
        if !(1..=255).contains(&interface.address.len()) || !interface.address.bytes().all(of_addresses) {
            return Err(format!("its address, {:?}, is none", interface.address));
        }
        let leaving = [
            (fields.disabled, format!("the service {} is disabled", fields.name)),
            (device.disabled, format!("the device {} is disabled", device.name)),
            (self.disabled, format!("the binding of {} to {} is disabled", fields.name, device.name)),
        ];
        let seen = Seen {
            service: fields.name.clone(),
            kind: fields.kind.clone(),
            phid: Some(service.to_owned()),
            device: device.name,
            network: interface.network.map(|network| network.name),
            address: interface.address,
            port,
        };
        let labels = binding::labels(&seen, properties, &device.properties.by_key(), &self.properties.by_key());
        Ok(Binding {
            slot: format!("binding/{}", self.phid),
            id: self.phid,
            seen,
            labels,
            leaving: leaving.into_iter().find_map(|(disabled, why)| disabled.then_some(why)),
        })
    }
}

impl List<Property> {
    pub fn by_key(self) -> Properties {
        self.0.into_iter().map(|property| (property.key, property.value)).collect()
    }
}
