//! What a guest is given.

use crate::bindings::types;
use drydock_core::contract::{
    Access, BlueprintArg, Context, Handout, Labels, LeftoverArg, PlaceArg, Platform, Request, ResourceArg,
    ResourceStatusArg, Slot, Thing, ThingState,
};

pub(crate) fn blueprint(b: &BlueprintArg) -> types::Blueprint {
    types::Blueprint {
        name: b.name.clone(),
        config: b.config.clone(),
        revision: b.revision,
        installation: b.installation.clone(),
        now: b.now,
        seed: b.seed,
        extra: Vec::new(),
    }
}

/// The blueprint that a request names is the host's affair: a plugin answers for the one it is asked about.
pub(crate) fn request(r: &Request) -> types::Request {
    types::Request {
        kind: r.kind.clone(),
        attributes: r.attributes.clone(),
        labels: labels(&r.labels),
        extra: Vec::new(),
    }
}

pub(crate) fn resource(on: &ResourceArg) -> types::Resource {
    types::Resource {
        id: on.id.clone(),
        name: on.name.clone(),
        status: match on.status {
            ResourceStatusArg::Pending => types::ResourceStatus::Pending,
            ResourceStatusArg::Active => types::ResourceStatus::Active,
            ResourceStatusArg::Released => types::ResourceStatus::Released,
            ResourceStatusArg::Broken => types::ResourceStatus::Broken,
        },
        attributes: on.attributes.clone(),
        labels: labels(&on.labels),
        slots: slots(&on.slots),
        used: on.used,
        limit: on.limit,
        state: on.state.clone(),
        extra: Vec::new(),
    }
}

/// Something outside, as the plugin saw it itself.
pub(crate) fn thing(thing: &Thing) -> types::Thing {
    types::Thing {
        id: thing.id.clone(),
        resource: thing.resource.clone(),
        slot: thing.slot.clone(),
        attributes: thing.attributes.clone(),
        labels: labels(&thing.labels),
        state: match &thing.state {
            ThingState::Present => types::ThingState::Present,
            ThingState::Leaving(why) => types::ThingState::Leaving(why.clone()),
            ThingState::Gone(why) => types::ThingState::Gone(why.clone()),
        },
    }
}

/// What a nested lease gives to the resource that holds it.
pub(crate) fn given(handout: &Handout) -> types::Handout {
    let entry = |(name, value): (&String, &String)| types::Entry { name: name.clone(), value: value.clone() };
    types::Handout {
        access: match &handout.access {
            Access::None => types::Access::None,
            Access::Local => types::Access::Local,
            Access::Via(lease) => types::Access::Via(lease.clone()),
            Access::Ssh(ssh) => types::Access::Ssh(types::SshAccess {
                host: ssh.host.clone(),
                port: ssh.port,
                user: ssh.user.clone(),
                credential: ssh.credential.clone(),
                platform: match ssh.platform {
                    Platform::Posix => types::Platform::Posix,
                    Platform::Windows => types::Platform::Windows,
                    Platform::Other => types::Platform::Other,
                },
            }),
        },
        directory: handout.directory.clone(),
        environment: handout.environment.iter().map(entry).collect(),
        url: handout.url.clone(),
    }
}

pub(crate) fn place(p: &PlaceArg) -> types::Place {
    types::Place {
        id: p.id.clone(),
        lease: p.lease.clone(),
        owner: p.owner.clone(),
        attributes: p.attributes.clone(),
        slots: slots(&p.slots),
        state: p.state.clone(),
        extra: Vec::new(),
    }
}

pub(crate) fn context(c: &Context) -> types::Context {
    let leftover =
        |l: &LeftoverArg| types::Leftover { place: l.place.clone(), state: l.state.clone(), reason: l.reason.clone() };
    types::Context {
        key: c.key.clone(),
        epoch: c.epoch,
        attempt: c.attempt,
        deadline: c.deadline,
        ending: c.ending.clone(),
        leftovers: c.leftovers.iter().map(leftover).collect(),
        extra: Vec::new(),
    }
}

fn labels(labels: &Labels) -> Vec<types::Label> {
    labels.iter().map(|(key, value)| types::Label { key: key.clone(), value: value.clone() }).collect()
}

fn slots(slots: &[Slot]) -> Vec<types::Slot> {
    let slot = |slot: &Slot| match slot {
        Slot::Named(key) => types::Slot::Named(key.clone()),
        Slot::Counted { key, amount, limit } => {
            types::Slot::Counted(types::CountedSlot { key: key.clone(), amount: *amount, limit: *limit })
        }
    };
    slots.iter().map(slot).collect()
}
