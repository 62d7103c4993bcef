//! `open`: from a key to a host that answers, in short calls. Each looks first for what an earlier one has made.

use crate::Ec2;
use crate::addresses;
use crate::api::Api;
use crate::attributes::Found;
use crate::errors::Fault;
use crate::instances::{self, Instance, State};
use crate::keys;
use crate::launch;
use crate::saved::{Saved, Stage};
use crate::tags;
use drydock_sdk::commands::{Command, Error};
use drydock_sdk::directory::System;
use drydock_sdk::{Blueprint, Context, Failure, Next, Progress, Resource};
use std::time::Duration;

/// Looks in vain for an instance that was launched before it counts as gone: some minutes, where EC2 needs seconds.
const UNSEEN: u32 = 30;

/// Refusals of the key in a row that are put down to an instance which has not yet got it.
const REFUSALS: u32 = 12;

/// How often what makes something is repeated, where there was no answer, before it counts as failed.
const REPEATS: u32 = 3;

/// What EC2 says of an instance that can't get an address: because it is not visible everywhere yet, because it has not
/// got so far, or because it is over.
const NOT_FIT: [&str; 3] = ["InvalidInstanceID", "InvalidInstanceID.NotFound", "IncorrectInstanceState"];

/// For a command that does nothing.
const ANSWER: Duration = Duration::from_secs(20);

/// Why a call does not end well.
enum Halt {
    Fault(Fault),
    Failure(Failure),
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Halt {
        Halt::Fault(fault)
    }
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Halt {
        Halt::Failure(failure)
    }
}

pub fn open(c: &Context, b: &Blueprint<Ec2>, on: &Resource<Ec2>) -> Result<Progress, Failure> {
    let saved = Saved::of(on)?;
    let api = Api::of(on);
    let stage = saved.clone();
    let progress = match saved.stage {
        Stage::Key => key(&api, b, on, stage),
        Stage::Launch => launch(&api, b, on, stage),
        Stage::Start => start(&api, b, on, stage),
        Stage::Address => address(&api, b, on, stage),
        Stage::Reach => reach(&api, c, on, stage),
    };
    progress.or_else(|halt| match halt {
        Halt::Fault(fault) if is_borne(&saved, &fault) => Ok(saved.wait(Failure::from(fault).reason)),
        Halt::Fault(fault) => Err(fault.into()),
        Halt::Failure(failure) => Err(failure),
    })
}

/// Whether the same is tried again in a moment: a step that fails costs what it has made.
fn is_borne(saved: &Saved, fault: &Fault) -> bool {
    match saved.stage {
        Stage::Key => false,
        // What was made without an answer is found by its tags and its token. What is refused has made nothing.
        Stage::Launch => fault.is_unanswered() && saved.tries < REPEATS,
        Stage::Start | Stage::Address | Stage::Reach => fault.passes(),
    }
}

fn key(api: &Api, b: &Blueprint<Ec2>, on: &Resource<Ec2>, mut saved: Saved) -> Result<Progress, Halt> {
    saved.key_pair = keys::ensure(api, &on.attributes.key, &b.installation)?;
    Ok(saved.next(Stage::Launch, "the instance is about to be launched"))
}

fn launch(api: &Api, b: &Blueprint<Ec2>, on: &Resource<Ec2>, mut saved: Saved) -> Result<Progress, Halt> {
    // The address first: where there are too many of them, no instance is launched in vain.
    if on.attributes.elastic_ip && saved.found.allocation.is_none() {
        let there = addresses::of_resource(api, b, &on.id, None)?.into_iter().next();
        let address = there.map_or_else(|| addresses::allocate(api, &tags::of_resource(b, on)), Ok)?;
        saved.found.allocation = Some(address.id);
        return Ok(saved.next(Stage::Launch, "the elastic IP is allocated").percent(10));
    }
    let all = instances::of_resource(api, b, &on.id, None)?;
    let instance = match (all.iter().find(|one| !one.state().is_over()), all.first()) {
        (Some(instance), _) => instance.clone(),
        // The token would only bring this one again.
        (None, Some(over)) => return Err(lost(over).into()),
        (None, None) => match instances::launch(api, launch::params(api, b, on, &saved.key_pair)?) {
            Ok(instance) => instance,
            Err(fault) if fault.is("IdempotentParameterMismatch") && saved.tries < UNSEEN => {
                let note = "an instance that was asked for before the configuration changed is not visible yet";
                return Ok(saved.wait(note));
            }
            Err(fault) if keys::is_missing(&fault) => {
                // The stage stays: an earlier try may have launched one.
                saved.key_pair = keys::ensure(api, &on.attributes.key, &b.installation)?;
                return Ok(saved.wait("EC2 did not know the key pair: it was imported again, where it was gone"));
            }
            Err(fault) => return Err(fault.into()),
        },
    };
    saved.found.instance = Some(instance.id.clone());
    saved.found.spot_request = instance.spot_request();
    Ok(saved.next(Stage::Start, instance.describe()).percent(20))
}

fn start(api: &Api, b: &Blueprint<Ec2>, on: &Resource<Ec2>, mut saved: Saved) -> Result<Progress, Halt> {
    let id = saved.found.instance.clone().unwrap_or_default();
    let all = instances::of_resource(api, b, &on.id, Some(&id))?;
    instances::terminate_others(api, &all, &id)?;
    let Some(instance) = all.iter().find(|one| one.id == id) else {
        return match saved.tries {
            ..UNSEEN => Ok(saved.wait(format!("the instance {id} is not visible yet")).percent(20)),
            _ => Err(Failure::gone(format!("EC2 does not know the instance {id} that it has launched")).into()),
        };
    };
    match instance.state() {
        State::Pending => return Ok(saved.wait(instance.describe()).percent(30)),
        State::Running => {}
        State::Stopping | State::Stopped | State::ShuttingDown | State::Terminated => return Err(lost(instance).into()),
    }
    saved.found.private_address = instance.private_address();
    saved.found.public_address = instance.public_address();
    saved.found.spot_request = instance.spot_request().or(saved.found.spot_request);
    saved.found.zone = instance.zone();
    if on.attributes.elastic_ip {
        return Ok(saved.next(Stage::Address, "it gets its elastic IP").percent(50));
    }
    reachable(b, saved)
}

fn address(api: &Api, b: &Blueprint<Ec2>, on: &Resource<Ec2>, mut saved: Saved) -> Result<Progress, Halt> {
    let instance = saved.found.instance.clone().unwrap_or_default();
    let allocation = saved.found.allocation.clone().unwrap_or_default();
    let all = addresses::of_resource(api, b, &on.id, Some(&allocation))?;
    let Some(chosen) = all.iter().find(|one| one.id == allocation) else {
        return Ok(saved.wait("the elastic IP is not visible yet").percent(55));
    };
    if chosen.instance().as_ref() != Some(&instance) {
        match addresses::associate(api, &chosen.id, &instance) {
            // Where it is not visible everywhere yet, and where an earlier try has done it: the next look tells.
            Err(fault) if fault.is("InvalidAllocationID.NotFound") || fault.is("Resource.AlreadyAssociated") => {}
            Err(fault) if NOT_FIT.iter().any(|code| fault.is(code)) => {
                if let Some(over) = instances::with_id(api, &instance)?.filter(|one| one.state().is_over()) {
                    return Err(lost(&over).into());
                }
            }
            other => other?,
        }
        return Ok(saved.wait(format!("the instance {instance} gets the address {}", chosen.public_ip)).percent(60));
    }
    // An answer that was lost may have allocated a second.
    for other in all.iter().filter(|one| one.id != chosen.id) {
        addresses::release(api, other)?;
    }
    saved.found.public_address = Some(chosen.public_ip.clone());
    reachable(b, saved)
}

/// It has its addresses: the one it is reached by is chosen.
fn reachable(b: &Blueprint<Ec2>, mut saved: Saved) -> Result<Progress, Halt> {
    let Found { instance, private_address: private, public_address: public, .. } = &saved.found;
    let address = if b.config.private_ip { private.clone() } else { public.clone().or(private.clone()) };
    let Some(address) = address else {
        let id = instance.as_deref().unwrap_or_default();
        return Ok(saved.clone().wait(format!("the instance {id} runs, and has no address yet")).percent(50));
    };
    let note = format!("its SSH server at {address} is waited for");
    saved.found.address = Some(address);
    Ok(saved.next(Stage::Reach, note).percent(70))
}

fn reach(api: &Api, c: &Context, on: &Resource<Ec2>, saved: Saved) -> Result<Progress, Halt> {
    let (instance, address) = (saved.found.instance.clone(), saved.found.address.clone());
    let (instance, address) = (instance.unwrap_or_default(), address.unwrap_or_default());
    let access = on.attributes.access_at(&address);
    if on.attributes.platform == System::Posix {
        let waits = match Command::new(["true"]).timeout(ANSWER).run(&access) {
            Ok(output) if output.is_success() => None,
            // Who logs in while it starts is turned away.
            Ok(output) => Some(output.complaint()),
            Err(Error::Unreachable(why) | Error::TimedOut(why) | Error::Other(why)) => Some(why),
            Err(Error::Refused(why)) if saved.tries < REFUSALS => Some(why),
            Err(Error::Refused(why)) => {
                let (user, key) = (&on.attributes.user, &on.attributes.key);
                return Err(Failure::operator(format!(
                    "the instance {instance} does not let {user} in with the key {key}: {why}; correct the `user` of the \
                     blueprint, or what the image does with its key pair"
                ))
                .into());
            }
            Err(error) => {
                return Err(Failure::from(error)
                    .while_doing(&format!("{instance} could not be asked to run `true`"))
                    .into());
            }
        };
        if let Some(why) = waits {
            if let Some(over) = instances::with_id(api, &instance)?.filter(|one| one.state().is_over()) {
                return Err(lost(&over).into());
            }
            return Ok(saved.wait(format!("{address} does not answer yet: {why}")).percent(80));
        }
    }
    // What can't be made on this instance can't be made on the next either: it is not thrown away for that.
    on.attributes.site(&on.name, &access).open(&c.leftovers).map_err(|failure| match failure.next {
        Next::Elsewhere => Failure { next: Next::BackOff, ..failure },
        _ => failure,
    })?;
    Ok(Progress::done().attributes(&saved.found))
}

/// An instance that is of no use any more before it was of any.
fn lost(instance: &Instance) -> Failure {
    match instance.is_misconfigured() {
        true => {
            Failure::operator(format!("{}; see what AWS says of that, and correct the blueprint", instance.describe()))
        }
        false => Failure::gone(instance.describe()),
    }
}
