//! What the core asks of a plugin, whoever runs it: the runtime with components, the simulator with models.

use crate::contract::{
    Acquisition, Allocation, BlueprintArg, Context, Descriptor, Failure, Needs, NestedState, Observation, PlaceArg,
    Progress, Refusal, Request, ResourceArg, Sight, Thing, Verdict, Wish,
};
use async_trait::async_trait;
use std::sync::Arc;

/// A call that gave no answer at all. Its sentence says what happened and which limit was met, and is shown to people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The plugin trapped, or exceeded its memory.
    #[error("the plugin trapped: {0}")]
    Trapped(String),
    /// It was cut off, by its compute or its wall-clock limit.
    #[error("the plugin was cut off: {0}")]
    CutOff(String),
    /// It answered, but not as the contract says.
    #[error("the plugin broke the contract: {0}")]
    BrokeContract(String),
    /// The host could not make the call; the plugin is not to blame.
    #[error("the call could not be made: {0}")]
    Host(String),
}

/// The state of the world as a deciding call may see it. The keys are those of the blueprint's own name space.
#[async_trait]
pub trait View: Send + Sync {
    /// Those of `keys` that have an owner, in the order given.
    async fn taken(&self, keys: Vec<String>) -> Vec<String>;
    /// How much of a counted slot is used; 0 when nobody holds any.
    async fn used(&self, key: String) -> u32;
    /// What the blueprint's plugin last saw outside; none where nothing was observed.
    async fn observed(&self) -> Option<Sight> {
        None
    }
}

/// What the resource of an acting step has leased for itself. Every error is a sentence for the plugin's author.
#[async_trait]
pub trait Nested: Send + Sync + std::fmt::Debug {
    /// Asks for all of them or for none, and gives their ids in the order of the wishes.
    async fn ask(&self, wishes: Vec<Wish>) -> Result<Vec<String>, String>;
    /// How one of them is.
    async fn look(&self, lease: &str) -> Result<NestedState, String>;
}

/// One acting step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    Open,
    Activate,
    Release,
    Close,
}

impl Step {
    pub fn name(self) -> &'static str {
        match self {
            Step::Open => "open",
            Step::Activate => "activate",
            Step::Release => "release",
            Step::Close => "close",
        }
    }
}

/// What an acting call is about.
#[derive(Clone, Debug)]
pub struct StepCall {
    pub step: Step,
    pub context: Context,
    pub blueprint: BlueprintArg,
    pub resource: ResourceArg,
    /// Of `activate` and `release`.
    pub place: Option<PlaceArg>,
    /// What the operator granted to this blueprint: the scopes of `commands` (`ssh`, `local`), and so on.
    pub grants: Vec<String>,
    /// None where nothing can be leased: the call is made by no engine.
    pub leases: Option<Arc<dyn Nested>>,
}

/// A look at an active resource.
#[derive(Clone, Debug)]
pub struct HealthCall {
    pub context: Context,
    pub blueprint: BlueprintArg,
    pub resource: ResourceArg,
    /// As in a step's call.
    pub grants: Vec<String>,
}

/// A look at what exists outside.
#[derive(Clone, Debug)]
pub struct ObserveCall {
    pub context: Context,
    pub blueprint: BlueprintArg,
    /// As in a step's call.
    pub grants: Vec<String>,
}

/// A plugin, ready to be called. Every call is cut off by the plugin's own limits; dropping the future cuts it off too.
#[async_trait]
pub trait Plugin: Send + Sync {
    fn descriptor(&self) -> &Descriptor;

    /// SHA-256 of the component, in hex; what a resource is pinned to.
    fn digest(&self) -> &str;

    async fn consider(&self, b: &BlueprintArg, r: &Request) -> Result<Result<Needs, Refusal>, Fault>;

    async fn allocate(
        &self,
        b: &BlueprintArg,
        r: &Request,
        view: &dyn View,
    ) -> Result<Result<Vec<Allocation>, Refusal>, Fault>;

    async fn acquire(
        &self,
        b: &BlueprintArg,
        on: &ResourceArg,
        r: &Request,
        view: &dyn View,
    ) -> Result<Result<Acquisition, Refusal>, Fault>;

    /// Whether an active resource is still good; only of a plugin whose descriptor says that it has `health`.
    async fn check(&self, call: HealthCall) -> Result<Verdict, Fault> {
        Err(Fault::Host(format!("{} can't be looked at: its plugin has no `health`", call.resource.name)))
    }

    /// What exists outside; only of a plugin whose descriptor says that it has an `inventory`.
    async fn observe(&self, call: ObserveCall) -> Result<Result<Observation, Failure>, Fault> {
        Err(Fault::Host(format!("the plugin of {} has no `inventory`", call.blueprint.name)))
    }

    /// Removes a thing that a resource left behind; only of the same plugins.
    async fn remove(&self, call: ObserveCall, thing: &Thing) -> Result<Result<Progress, Failure>, Fault> {
        Err(Fault::Host(format!(
            "{} can't be removed: the plugin of {} has no `inventory`",
            thing.id, call.blueprint.name
        )))
    }

    async fn act(&self, call: StepCall) -> Result<Result<Progress, Failure>, Fault>;
}
