//! What a plugin implements.

use crate::{Acquisition, Allocation, Blueprint, Context, Failure, Needs, Place, Progress, Refusal, Request, Resource};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use crate::bindings::types::{Thing, ThingState};
pub use crate::bindings::with_health::health::Verdict;
pub use crate::bindings::with_inventory::inventory::{Absence, Observation};

/// One kind of thing that can be leased: what a blueprint's plugin knows.
///
/// `consider`, `allocate` and `acquire` decide, and may call nothing but [`view`](crate::view) and the log. The steps act,
/// one short piece each; they are repeated until they answer, also on another node, so that each must find what an earlier
/// try of it made.
pub trait Plugin: Sized + 'static {
    /// Its name, for people.
    const NAME: &'static str;
    /// Its version, for people; usually `env!("CARGO_PKG_VERSION")`.
    const VERSION: &'static str;
    /// The one resource type that its blueprints make: 1 to 63 characters of `a-z 0-9 -`.
    const KIND: &'static str;
    /// The steps it has; one that it has not is never called, and counts as done. Default: all four.
    const STEPS: Steps = Steps::ALL;

    /// What `[blueprint.config]` looks like.
    type Config: DeserializeOwned + JsonSchema;
    /// What a request may say, as its attributes.
    type Request: DeserializeOwned + JsonSchema;
    /// What a resource's attributes look like, those that `open` adds included.
    type Attributes: Serialize + DeserializeOwned + JsonSchema;

    /// What it asks an operator to grant, with the reasons. Default: nothing.
    fn asks() -> Vec<Ask> {
        Vec::new()
    }

    /// Resource types that its own resources may lease. Default: none.
    fn may_lease() -> &'static [&'static str] {
        &[]
    }

    /// What a schema can't say of a configuration. The sentence goes to the operator. Default: everything is right.
    fn check_config(config: &Self::Config) -> Result<(), String> {
        let _ = config;
        Ok(())
    }

    /// Could this blueprint ever serve this request? Judged by the configuration alone.
    fn consider(b: &Blueprint<Self>, r: &Request<Self>) -> Result<Needs, Refusal>;

    /// What could be made for this request now, best first, at most 16?
    fn allocate(b: &Blueprint<Self>, r: &Request<Self>) -> Result<Vec<Allocation<Self>>, Refusal>;

    /// How would this request use this resource?
    fn acquire(b: &Blueprint<Self>, on: &Resource<Self>, r: &Request<Self>) -> Result<Acquisition, Refusal>;

    /// Makes the resource ready, and clears `c.leftovers`.
    fn open(c: &Context, b: &Blueprint<Self>, on: &Resource<Self>) -> Result<Progress, Failure> {
        let _ = (c, b, on);
        Ok(Progress::done())
    }

    /// Sets up one stay on it; answers with a [`Handout`](crate::Handout).
    fn activate(c: &Context, b: &Blueprint<Self>, on: &Resource<Self>, p: &Place<Self>) -> Result<Progress, Failure> {
        let _ = (c, b, on, p);
        Ok(Progress::done())
    }

    /// Removes what `activate` made for that stay.
    fn release(c: &Context, b: &Blueprint<Self>, on: &Resource<Self>, p: &Place<Self>) -> Result<Progress, Failure> {
        let _ = (c, b, on, p);
        Ok(Progress::done())
    }

    /// Removes all that `open` made, and clears `c.leftovers`.
    fn close(c: &Context, b: &Blueprint<Self>, on: &Resource<Self>) -> Result<Progress, Failure> {
        let _ = (c, b, on);
        Ok(Progress::done())
    }
}

/// A plugin that can say of an active resource whether it is still good. It changes nothing outside.
pub trait Health: Plugin {
    fn check(c: &Context, b: &Blueprint<Self>, on: &Resource<Self>) -> Verdict;
}

/// A plugin that can say what exists outside.
pub trait Inventory: Plugin {
    fn observe(c: &Context, b: &Blueprint<Self>) -> Result<Observation, Failure>;

    /// Removes a thing that was made under a resource's id and was left behind. Repeated until it says that it is done.
    fn remove(c: &Context, b: &Blueprint<Self>, thing: &Thing) -> Result<Progress, Failure>;
}

/// The steps a plugin has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    pub open: bool,
    pub activate: bool,
    pub release: bool,
    pub close: bool,
}

impl Steps {
    pub const ALL: Steps = Steps { open: true, activate: true, release: true, close: true };
    pub const NONE: Steps = Steps { open: false, activate: false, release: false, close: false };
}

/// Something that a plugin asks to be granted, with the reason for the operator who grants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    pub(crate) what: &'static str,
    pub(crate) scope: String,
    pub(crate) reason: String,
}

impl Ask {
    fn new(what: &'static str, scope: &str, reason: &str) -> Ask {
        Ask { what, scope: scope.to_owned(), reason: reason.to_owned() }
    }

    /// Commands, jobs and files on things that are reached over SSH.
    pub fn ssh(reason: &str) -> Ask {
        Ask::new("commands", "ssh", reason)
    }

    /// The same on the machine that the host itself runs on.
    pub fn local(reason: &str) -> Ask {
        Ask::new("commands", "local", reason)
    }

    /// To lease things of a type for its own resources.
    pub fn leases(kind: &str, reason: &str) -> Ask {
        Ask::new("leases", kind, reason)
    }

    /// HTTP requests to a host, or to those that match a pattern: `*`, `*.example.org`.
    pub fn http(pattern: &str, reason: &str) -> Ask {
        Ask::new("http", pattern, reason)
    }

    /// To have the host use credentials that the configuration names; what for, in a word, and why.
    pub fn credential(what_for: &str, reason: &str) -> Ask {
        Ask::new("credential", what_for, reason)
    }
}
