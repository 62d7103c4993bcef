//! What a plugin's functions are given.

use crate::answers::labels_from;
use crate::bindings::types;
use crate::{Chance, Failure, Labels, Plugin, Refusal, Slot};
use serde::de::DeserializeOwned;
use std::time::Duration;

pub use types::ResourceStatus as Status;

/// A configured use of the plugin.
pub struct Blueprint<P: Plugin> {
    pub name: String,
    pub config: P::Config,
    /// The configuration revision that `config` belongs to.
    pub revision: u64,
    /// Names this installation of Drydock, for tags on what is made outside.
    pub installation: String,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub now: u64,
    /// The source of this decision's chance.
    pub seed: u64,
}

impl<P: Plugin> Blueprint<P> {
    /// This decision's chance.
    pub fn chance(&self) -> Chance {
        Chance::new(self.seed)
    }

    pub(crate) fn from_wit(b: types::Blueprint) -> Result<Blueprint<P>, String> {
        let config: P::Config =
            serde_json::from_str(&b.config).map_err(|error| format!("the configuration: {error}"))?;
        P::check_config(&config).map_err(|why| format!("the configuration: {why}"))?;
        Ok(Blueprint {
            name: b.name,
            config,
            revision: b.revision,
            installation: b.installation,
            now: b.now,
            seed: b.seed,
        })
    }
}

/// What a class of waiting leases wants.
pub struct Request<P: Plugin> {
    pub attributes: P::Request,
    /// A resource must carry all of these.
    pub labels: Labels,
}

impl<P: Plugin> Request<P> {
    pub(crate) fn from_wit(r: types::Request) -> Result<Request<P>, Refusal> {
        let attributes = serde_json::from_str(&r.attributes)
            .map_err(|error| Refusal::never(format!("the attributes of the request: {error}")))?;
        Ok(Request { attributes, labels: labels_from(r.labels) })
    }
}

/// A thing that the plugin made or manages.
pub struct Resource<P: Plugin> {
    pub id: String,
    pub name: String,
    pub status: Status,
    pub attributes: P::Attributes,
    pub labels: Labels,
    pub slots: Vec<Slot>,
    /// Shares taken by the places on it.
    pub used: u32,
    /// Shares it has.
    pub limit: u32,
    /// JSON text.
    pub state: Option<String>,
}

impl<P: Plugin> Resource<P> {
    /// What `open` or `close` last saved.
    pub fn state<T: DeserializeOwned>(&self) -> Result<Option<T>, Failure> {
        read(self.state.as_deref(), &self.name)
    }

    pub(crate) fn from_wit(on: types::Resource) -> Result<Resource<P>, String> {
        let attributes =
            serde_json::from_str(&on.attributes).map_err(|error| format!("the attributes of {}: {error}", on.name))?;
        Ok(Resource {
            id: on.id,
            name: on.name,
            status: on.status,
            attributes,
            labels: labels_from(on.labels),
            slots: on.slots.into_iter().map(Into::into).collect(),
            used: on.used,
            limit: on.limit,
            state: on.state,
        })
    }
}

/// One lease's stay on a resource.
pub struct Place<P: Plugin> {
    /// Part of every name that is made outside for this stay.
    pub id: String,
    pub lease: String,
    pub owner: String,
    /// The request's.
    pub attributes: P::Request,
    pub slots: Vec<Slot>,
    /// JSON text.
    pub state: Option<String>,
}

impl<P: Plugin> Place<P> {
    /// What `activate` or `release` last saved.
    pub fn state<T: DeserializeOwned>(&self) -> Result<Option<T>, Failure> {
        read(self.state.as_deref(), &self.id)
    }

    pub(crate) fn from_wit(p: types::Place) -> Result<Place<P>, String> {
        let attributes =
            serde_json::from_str(&p.attributes).map_err(|error| format!("the attributes of {}: {error}", p.lease))?;
        Ok(Place {
            id: p.id,
            lease: p.lease,
            owner: p.owner,
            attributes,
            slots: p.slots.into_iter().map(Into::into).collect(),
            state: p.state,
        })
    }
}

/// What a step is given beside its subject.
#[derive(Clone, Debug)]
pub struct Context {
    /// The same on every try of this step.
    pub key: String,
    /// Raised whenever this step changes hands.
    pub epoch: u64,
    /// Tries of this step so far that failed or said `again`.
    pub attempt: u32,
    /// The call is cut off when this much time has passed.
    pub deadline: Duration,
    /// Why the subject is ending, when it is.
    pub ending: Option<String>,
    /// To be cleared first; only in `open` and `close`.
    pub leftovers: Vec<Leftover>,
}

/// What a stay left behind because it could not be cleaned up then.
#[derive(Clone, Debug)]
pub struct Leftover {
    /// The stay's id.
    pub place: String,
    /// What its `activate` had saved, as JSON text.
    pub state: Option<String>,
    pub reason: String,
}

impl Leftover {
    /// What its `activate` had saved.
    pub fn state<T: DeserializeOwned>(&self) -> Result<Option<T>, Failure> {
        read(self.state.as_deref(), &self.place)
    }
}

impl From<types::Context> for Context {
    fn from(c: types::Context) -> Context {
        Context {
            key: c.key,
            epoch: c.epoch,
            attempt: c.attempt,
            deadline: Duration::from_millis(c.deadline),
            ending: c.ending,
            leftovers: c
                .leftovers
                .into_iter()
                .map(|left| Leftover { place: left.place, state: left.state, reason: left.reason })
                .collect(),
        }
    }
}

fn read<T: DeserializeOwned>(state: Option<&str>, of: &str) -> Result<Option<T>, Failure> {
    let read = state.map(serde_json::from_str).transpose();
    read.map_err(|error| Failure::plugin(format!("what was saved of {of} can't be read: {error}")))
}
