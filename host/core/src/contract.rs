//! The contract's types as the host handles them. `wit/types.wit` and `wit/planning.wit` define them; the runtime
//! translates between the two, and nothing in here knows of WebAssembly.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Labels by key. A map, so that two requests that list the same labels in another order are the same.
pub type Labels = BTreeMap<String, String>;

/// What a plugin says of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Descriptor {
    pub name: String,
    pub version: String,
    /// The one resource type that its blueprints make.
    pub kind: String,
    /// JSON Schemas, as JSON text.
    pub config_schema: String,
    pub request_schema: String,
    pub resource_schema: String,
    pub steps: Steps,
    /// It says of its resources whether they are still good. Not described, but seen from what it exports.
    #[serde(default)]
    pub health: bool,
    /// It says what exists outside. Seen in the same way.
    #[serde(default)]
    pub inventory: bool,
    pub asks: Vec<Permission>,
    pub may_lease: Vec<String>,
}

/// The steps a plugin has. One that it has not is never called, and counts as done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

/// Something a plugin asks to be granted, and an operator grants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// `commands`, `leases`, `http` or `credential`.
    pub what: String,
    /// For `commands`, which go for jobs and files too: `ssh` or `local`; for `leases` a type; for `http` a pattern of
    /// hosts; for `credential` what it is needed for, in a word.
    pub scope: String,
    pub reason: String,
}

/// A blueprint as a plugin sees it in one call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlueprintArg {
    pub name: String,
    /// JSON text.
    pub config: String,
    pub revision: u64,
    pub installation: String,
    /// Milliseconds since 1970.
    pub now: u64,
    pub seed: u64,
}

/// What a class of waiting leases wants.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Request {
    /// The resource type.
    pub kind: String,
    /// JSON text, an object with its keys sorted.
    pub attributes: String,
    pub labels: Labels,
    /// Only these blueprints may serve it, the best first; empty: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blueprints: Vec<String>,
    /// What it takes if it can't have that at once, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub otherwise: Vec<Alternative>,
}

/// Something else of the same type that a request takes, too.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Alternative {
    /// JSON text, an object with its keys sorted.
    pub attributes: String,
    pub labels: Labels,
    /// As in a request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blueprints: Vec<String>,
}

impl Request {
    /// Its alternatives, each as a request of its own.
    pub fn alternatives(&self) -> impl Iterator<Item = Request> + '_ {
        self.otherwise.iter().map(|other| Request {
            kind: self.kind.clone(),
            attributes: other.attributes.clone(),
            labels: other.labels.clone(),
            blueprints: other.blueprints.clone(),
            otherwise: Vec::new(),
        })
    }

    /// The attributes of what was chosen: 0 is the request itself, then come its alternatives.
    pub fn chosen(&self, choice: usize) -> &str {
        let other = choice.checked_sub(1).and_then(|n| self.otherwise.get(n));
        other.map_or(&self.attributes, |other| &other.attributes)
    }
}

/// A key that its owner holds while it lives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Slot {
    /// At most one owner in its name space.
    Named(String),
    /// The sum over all owners stays at or below `limit`.
    Counted { key: String, amount: u32, limit: u32 },
}

impl Slot {
    pub fn key(&self) -> &str {
        match self {
            Slot::Named(key) | Slot::Counted { key, .. } => key,
        }
    }
}

/// What a request needs of a resource, by the config alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needs {
    pub labels: Labels,
    /// At least 1.
    pub share: u32,
}

/// A resource that could be made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allocation {
    pub name: String,
    /// JSON text, an object.
    pub attributes: String,
    pub labels: Labels,
    pub slots: Vec<Slot>,
    /// Shares it will have; none: the blueprint's `leases_per_resource`.
    pub limit: Option<u32>,
    /// Expected milliseconds of `open`.
    pub expected: Option<u64>,
}

/// How one request would use one resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acquisition {
    pub slots: Vec<Slot>,
    /// At least 1.
    pub share: u32,
    /// Set up without any call: active at once with this, and nothing is called when it ends.
    pub ready: Option<Handout>,
}

/// What the holder of an active lease gets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handout {
    pub access: Access,
    pub directory: Option<String>,
    pub environment: BTreeMap<String, String>,
    pub url: Option<String>,
}

/// How commands reach a thing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    #[default]
    None,
    Ssh(SshAccess),
    Local,
    Via(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SshAccess {
    pub host: String,
    pub port: u16,
    pub user: String,
    /// The name of a credential in the configuration.
    pub credential: String,
    pub platform: Platform,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Platform {
    Posix,
    Windows,
    Other,
}

/// A deciding call's no. One answer feeds waiting, reclaim and `why`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    Never(String),
    Full { slots: Vec<String>, resources: Vec<String>, reason: String },
    NotNow { after: u64, reason: String },
}

/// A lease that a resource wants for itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// Names it within its resource: asking again under the same name finds the first.
    pub name: String,
    pub kind: String,
    /// JSON text, an object.
    pub attributes: String,
    pub labels: Labels,
    /// Best first; empty: any.
    pub blueprints: Vec<String>,
}

/// How a nested lease is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NestedState {
    /// With what it waits for.
    Waiting(String),
    Active(Handout),
    /// With the reason.
    Ended(String),
}

/// A resource as a plugin sees it in one call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResourceArg {
    pub id: String,
    pub name: String,
    pub status: ResourceStatusArg,
    pub attributes: String,
    pub labels: Labels,
    pub slots: Vec<Slot>,
    pub used: u32,
    pub limit: u32,
    pub state: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResourceStatusArg {
    Pending,
    Active,
    Released,
    Broken,
}

/// A place as a plugin sees it in one call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlaceArg {
    pub id: String,
    pub lease: String,
    pub owner: String,
    pub attributes: String,
    pub slots: Vec<Slot>,
    pub state: Option<String>,
}

/// What an acting call is given beside its subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Context {
    /// The same on every try of this step.
    pub key: String,
    pub epoch: u64,
    pub attempt: u32,
    /// Milliseconds until the call is cut off.
    pub deadline: u64,
    pub ending: Option<String>,
    pub leftovers: Vec<LeftoverArg>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftoverArg {
    pub place: String,
    pub state: Option<String>,
    pub reason: String,
}

/// What an acting call came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    Done(StepOutcome),
    Again { state: String, wake: Wake, note: String, percent: Option<u8> },
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepOutcome {
    pub state: Option<String>,
    /// From `open` only: a JSON object of attributes to add.
    pub attributes: Option<String>,
    /// From `activate`.
    pub handout: Option<Handout>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wake {
    /// Milliseconds from now.
    After(u64),
    Lease(String),
    Job(String),
}

/// Whether an active resource is still good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Healthy,
    /// It can't be used now; the reason, for people.
    Sick(String),
    /// It does not exist any more.
    Gone(String),
}

/// Something that exists outside, whoever made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thing {
    /// The provider's own id.
    pub id: String,
    /// The resource id that it was made under, if it bears one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The named slot that a resource which is this thing holds, where it is not made under a resource's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// JSON text, an object.
    pub attributes: String,
    pub labels: Labels,
    pub state: ThingState,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ThingState {
    #[default]
    Present,
    /// It should take nothing new; the reason, for people.
    Leaving(String),
    /// It is of no use any more; the reason, for people.
    Gone(String),
}

/// What `observe` saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    pub things: Vec<Thing>,
    /// What is missing from `things` did not exist when this observation began.
    pub complete: bool,
    /// Milliseconds since 1970.
    pub began: u64,
    pub absence: Absence,
}

/// What it means for a resource that its thing is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Absence {
    #[default]
    Gone,
    /// Who has it may use it to the end; it takes nothing new.
    Leaving,
}

/// The last observation, as a deciding call sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    pub things: Vec<Thing>,
    /// Milliseconds since it began.
    pub age: u64,
    pub complete: bool,
}

/// Why a step failed, and what should happen next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub blame: Blame,
    pub next: Next,
    /// One sentence for the person who must act.
    pub reason: String,
    /// Milliseconds to wait at least; none: the host decides.
    pub after: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blame {
    Plugin,
    Provider,
    Operator,
    Request,
    Host,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Next {
    /// The request can't be set up anywhere; the resource is good.
    BreakLease,
    /// This resource can't serve it, another might.
    Elsewhere,
    /// Unavailable or throttled: back off and repeat.
    BackOff,
    /// An operator has to act: back off slowly and repeat.
    Attention,
    /// The resource does not exist any more.
    Gone,
}
