//! The plugin as any Rust code: decisions without a host, and steps that run real commands in a folder of this machine.

mod decisions;
mod steps;

use crate::Preallocated;
use crate::attributes::Attributes;
use crate::demand::labels;
use drydock_sdk::serde_json::{Value, json};
use drydock_sdk::{Allocation, Blueprint, Labels, Plugin, Refusal, Request, Resource, fake};

fn blueprint(hosts: Value) -> Blueprint<Preallocated> {
    fake::blueprint(json!({ "hosts": hosts }))
}

fn request(attributes: Value, labels: &[(&str, &str)]) -> Request<Preallocated> {
    let labels: Labels = labels.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
    fake::request(attributes, labels)
}

/// Whatever is asked while planning; these slots have an owner.
struct Taken(Vec<String>);

impl fake::Outside for Taken {
    fn taken(&mut self, keys: &[String]) -> Vec<String> {
        keys.iter().filter(|key| self.0.contains(key)).cloned().collect()
    }
}

type Allocations = Result<Vec<Allocation<Preallocated>>, Refusal>;

fn allocate(b: &Blueprint<Preallocated>, r: &Request<Preallocated>, taken: &[&str]) -> Allocations {
    let taken = Taken(taken.iter().map(|&key| key.to_owned()).collect());
    fake::with(taken, || Preallocated::allocate(b, r)).1
}

/// The resource that the first host becomes.
fn resource(b: &Blueprint<Preallocated>) -> Resource<Preallocated> {
    let host = &b.config.hosts[0];
    Resource { labels: labels(host), ..fake::resource(&host.name, Attributes::from(host)) }
}
