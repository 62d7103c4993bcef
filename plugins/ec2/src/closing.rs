//! `close`: nothing is left, and EC2 has said so.

use crate::Ec2;
use crate::api::Api;
use crate::errors::Fault;
use crate::instances::State;
use crate::saved::{Saved, Stage};
use crate::{addresses, instances, spot};
use drydock_sdk::{Blueprint, Failure, Progress, Resource};

/// Looks in a row that must find nothing, where a launch may have been asked for whose instance nobody has seen: EC2 shows a
/// fresh one after some seconds, and these take half a minute.
const LOOKS: u32 = 7;

/// The leases' directories go with the instance: leftovers need nothing else.
pub fn close(b: &Blueprint<Ec2>, on: &Resource<Ec2>) -> Result<Progress, Failure> {
    let mut saved = Saved::of(on)?;
    let api = Api::of(on);
    let mut removal = Removal::default();

    let all = instances::of_resource(&api, b, &on.id, saved.found.instance.as_deref())?;
    // The request first, so that it brings no further instance.
    if on.attributes.spot {
        let requests = spot::of_resource(&api, b, &on.id, saved.found.spot_request.as_deref())?;
        for request in requests.iter().filter(|one| one.is_live()) {
            removal
                .note(spot::cancel(&api, &request.id), format!("the cancellation of the spot request {}", request.id));
        }
    }
    for instance in all.iter().filter(|one| one.state() != State::Terminated) {
        let asked = if instance.state().is_over() { Ok(()) } else { instances::terminate(&api, &instance.id) };
        removal.note(asked, format!("the termination of {}", instance.id));
    }
    if on.attributes.elastic_ip {
        for address in addresses::of_resource(&api, b, &on.id, saved.found.allocation.as_deref())? {
            removal.note(addresses::release(&api, &address), format!("the release of {}", address.public_ip));
        }
    }

    if let Some(fault) = removal.fault {
        return Err(fault.into());
    }
    if !removal.waits.is_empty() {
        saved.quiet = 0;
        return Ok(saved.wait(format!("EC2 has yet to confirm {}", removal.waits.join(", "))));
    }
    if all.is_empty() && saved.stage > Stage::Key && saved.quiet < LOOKS {
        saved.quiet += 1;
        return Ok(saved.wait("an instance that was asked for may not be visible yet"));
    }
    Ok(Progress::done())
}

/// What is being removed. One that can't be does not keep the others.
#[derive(Default)]
struct Removal {
    waits: Vec<String>,
    fault: Option<Fault>,
}

impl Removal {
    fn note(&mut self, asked: Result<(), Fault>, what: String) {
        self.waits.push(what);
        self.fault = self.fault.take().or(asked.err());
    }
}
