//! What exists outside: instances, elastic IPs and spot requests that bear the tags of this blueprint.

use crate::Ec2;
use crate::api::{Api, Params};
use crate::errors::Fault;
use crate::instances::{Instance, State};
use crate::spot::SpotRequest;
use crate::tags::{BLUEPRINT, INSTALLATION};
use crate::{addresses, instances, spot};
use drydock_sdk::serde_json::json;
use drydock_sdk::{Absence, Blueprint, Context, Failure, Inventory, Observation, Progress, Thing, ThingState, Wake};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Between the asking for something's removal and the next look.
const PAUSE: Duration = Duration::from_secs(5);

impl Inventory for Ec2 {
    /// Addresses and spot requests are read before instances: whose instance is not among these has none any more.
    fn observe(_: &Context, b: &Blueprint<Ec2>) -> Result<Observation, Failure> {
        let api = Api::configured(b);
        let ours = Params::new().tagged(INSTALLATION, &b.installation).tagged(BLUEPRINT, &b.name);
        let addresses = addresses::find(&api, ours.clone())?;
        let requests = spot::find(&api, &ours)?;
        let instances = instances::find(&api, &ours)?;
        let withdrawn = withdrawn(&api, &requests, &instances)?;

        let of = |instances: &[&Instance]| -> BTreeSet<String> {
            instances.iter().filter_map(|instance| instance.resource()).collect()
        };
        let (over, live): (Vec<&Instance>, Vec<&Instance>) = instances.iter().partition(|one| one.state().is_over());
        let (lives, has_instance) = (of(&live), of(&instances.iter().collect::<Vec<_>>()));
        // What was launched twice, and is terminated, says nothing of the one that the resource is.
        let doubles = |one: &&Instance| one.resource().is_some_and(|resource| lives.contains(&resource));
        let shown = live.iter().chain(over.iter().filter(|one| !doubles(one)));
        let mut things: Vec<Thing> = shown.map(|one| instance(one, withdrawn.get(&one.id).cloned())).collect();
        for address in addresses {
            let alone = address.resource().is_some_and(|resource| !has_instance.contains(&resource));
            let state = if alone {
                ThingState::Leaving("its instance does not exist any more".to_owned())
            } else {
                ThingState::Present
            };
            let attributes =
                json!({ "what": "elastic IP", "address": address.public_ip, "instance": address.instance() });
            things.push(thing(&address.id, address.resource()).attributes(&attributes).state(state));
        }
        for request in requests.iter().filter(|request| request.is_live()) {
            let attributes = json!({ "what": "spot request", "instance": request.instance() });
            things.push(thing(&request.id, request.resource()).attributes(&attributes));
        }
        Ok(Observation { things, complete: true, began: b.now, absence: Absence::Gone })
    }

    /// Only what bears the tags of this installation.
    fn remove(_: &Context, b: &Blueprint<Ec2>, thing: &Thing) -> Result<Progress, Failure> {
        let api = Api::configured(b);
        if asked(&api, b, &thing.id)? {
            let note = format!("EC2 has yet to confirm the removal of {}", thing.id);
            return Ok(Progress::again(&json!({}), note, Wake::After(PAUSE)));
        }
        Ok(Progress::done())
    }
}

fn thing(id: &str, resource: Option<String>) -> Thing {
    Thing { resource, ..Thing::new(id) }
}

fn instance(of: &Instance, withdrawn: Option<String>) -> Thing {
    let state = match (of.state(), withdrawn) {
        (State::ShuttingDown | State::Terminated, _) => ThingState::Gone(of.describe()),
        (_, Some(why)) => ThingState::Leaving(why),
        (State::Pending | State::Running | State::Stopping | State::Stopped, None) => ThingState::Present,
    };
    let attributes = json!({
        "what": "instance",
        "instance_type": of.instance_type,
        "launched": of.launch_time,
        "private_address": of.private_address(),
        "public_address": of.public_address(),
        "zone": of.zone(),
    });
    thing(&of.id, of.resource()).attributes(&attributes).state(state)
}

/// Why instances are being taken back, by instance.
fn withdrawn(api: &Api, requests: &[SpotRequest], ours: &[Instance]) -> Result<BTreeMap<String, String>, Fault> {
    let mut why: BTreeMap<String, String> = BTreeMap::new();
    if !ours.is_empty() {
        let events = instances::with_events(api)?;
        why.extend(events.iter().filter_map(|status| Some((status.instance_id.clone(), status.event()?))));
    }
    why.extend(requests.iter().filter_map(|request| Some((request.instance()?, request.interruption()?))));
    Ok(why)
}

/// Whether something had to be asked for: until there is nothing to ask for, it is not removed.
fn asked(api: &Api, b: &Blueprint<Ec2>, id: &str) -> Result<bool, Failure> {
    let only = |filter: &str| Params::new().tagged(INSTALLATION, &b.installation).filter(filter, &[id]);
    if id.starts_with("i-") {
        let mut left = instances::find(api, &only("instance-id"))?;
        left.retain(|instance| instance.state() != State::Terminated);
        let running = left.iter().filter(|instance| !instance.state().is_over());
        running.map(|instance| &instance.id).try_for_each(|id| instances::terminate(api, id))?;
        Ok(!left.is_empty())
    } else if id.starts_with("eipalloc-") {
        let left = addresses::find(api, only("allocation-id"))?;
        left.iter().try_for_each(|address| addresses::release(api, address))?;
        Ok(!left.is_empty())
    } else if id.starts_with("sir-") {
        let mut left = spot::find(api, &only("spot-instance-request-id"))?;
        left.retain(SpotRequest::is_live);
        left.iter().try_for_each(|request| spot::cancel(api, &request.id))?;
        Ok(!left.is_empty())
    } else {
        Err(Failure::plugin(format!("{id} is no instance, no elastic IP and no spot request: remove it by hand")))
    }
}
