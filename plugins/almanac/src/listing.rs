//! The bindings that a configuration lists.

use crate::binding::{self, Binding, Seen};
use crate::config::{self, Service};

pub fn bindings(services: &[Service]) -> Vec<Binding> {
    services.iter().flat_map(|service| service.bindings.iter().map(|binding| listed(service, binding))).collect()
}

/// What names a binding that has no PHID.
pub fn slot(service: &Service, binding: &config::Binding) -> String {
    let interface = &binding.interface;
    format!("binding/{}/{}/{}:{}", service.name, binding.device.name, interface.address, interface.port)
}

fn listed(service: &Service, binding: &config::Binding) -> Binding {
    let (device, interface) = (&binding.device, &binding.interface);
    let slot = slot(service, binding);
    let seen = Seen {
        service: service.name.clone(),
        kind: service.kind.clone(),
        phid: None,
        device: device.name.clone(),
        network: interface.network.clone(),
        address: interface.address.clone(),
        port: interface.port,
    };
    let leaving = [
        (service.disabled, format!("the service {} is disabled", service.name)),
        (device.disabled, format!("the device {} is disabled", device.name)),
        (binding.disabled, format!("the binding of {} to {} is disabled", service.name, device.name)),
    ];
    let leaving = leaving.into_iter().find_map(|(disabled, why)| disabled.then_some(why));
    let labels = binding::labels(&seen, &service.properties, &device.properties, &binding.properties);
    Binding { id: slot.clone(), slot, seen, labels, leaving }
}
