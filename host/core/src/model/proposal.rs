//! What may be proposed to the store, which rows each proposal names, and what becomes of it.

pub use super::plan::{Build, GiveUp, Item, Overflow, Placement, Plan, QUOTAS, Quota, Reclaim, Seen};
use super::rows::{Considered, RequestKey};
use super::sign::Sign;
use crate::contract::{Failure, Handout, Request, Slot, Thing, Verdict};
use crate::model::status::ResourceStatus;
use crate::plugin::Step;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A change offered to the store. It is done whole or not at all; only a plan's items stand alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// Unique in the events: a proposal whose outcome is unknown is offered again under the same id.
    pub id: String,
    /// The node that offers it.
    pub node: String,
    pub change: Change,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Change {
    Ask(Box<NewLease>),
    /// A set: leases that are wanted together or not at all.
    AskSet(Vec<NewLease>),
    /// Leases that a resource needs for itself: all of them, or none.
    Nest(Nest),
    /// New answers to `consider` for a class, under another revision of the config.
    Consider {
        class: String,
        revision: i64,
        answers: BTreeMap<String, Considered>,
    },
    Plan(Plan),
    EndLease {
        lease: String,
        outcome: String,
        reason: String,
        /// Only if it is held under this fencing epoch.
        fence: Option<i64>,
    },
    /// A lease ends at another time than it would have.
    Extend {
        lease: String,
        until: i64,
        /// Only if it is held under this fencing epoch.
        fence: Option<i64>,
    },
    /// A client gives this node a sign of life for a lease: from now on this node watches it.
    HoldLease {
        lease: String,
        sign: Sign,
        /// Only if it is held under this fencing epoch.
        fence: Option<i64>,
    },
    /// A tied lease is tied no more: it lasts until it is released.
    KeepLease {
        lease: String,
    },
    /// The holder of this lease has given this node no such sign of life for too long. It ends, unless it needs none any
    /// more or another node watches it by now.
    HolderGone {
        lease: String,
        sign: Sign,
        epoch: i64,
    },
    EndResource {
        resource: String,
        reason: String,
        /// Only if nobody has been on it since then.
        idle_since: Option<i64>,
        closes: bool,
    },
    /// A resource that stands on what is lost ends without its plugin.
    Abandon {
        resource: String,
        epoch: i64,
    },
    /// A blueprint takes nothing new and closes what nobody is on, for a reason; or, without one, does so no more.
    DrainBlueprint {
        blueprint: String,
        reason: Option<String>,
    },
    /// The same of a resource, which ends when nobody is on it.
    DrainResource {
        resource: String,
        reason: Option<String>,
        closes: bool,
    },
    /// The time of an active resource is over: it was idle for too long, or is too old.
    Retire {
        resource: String,
        /// Since when nobody was on it, as it was seen.
        idle_since: Option<i64>,
        /// So many of its blueprint's stay, however long nobody has used them.
        least: i64,
        closes: bool,
    },
    Step(StepReport),
    /// An active resource was looked at.
    Checked(Checked),
    /// A blueprint's plugin has looked at what is outside.
    Observed(Observing),
    /// Something outside was left behind by a resource.
    Stray(Stray),
    /// A step of this node was answered, and its report came too late.
    Late(Late),
    /// An operator gives up on a resource that can't be closed.
    Forget(Forget),
    /// What is on the leak list was cleaned up by hand.
    ClearLeak {
        leak: String,
        reason: String,
    },
    /// A deciding call of this blueprint gave no answer.
    BlueprintFailed {
        blueprint: String,
        reason: String,
    },
    /// A revision of the config takes effect. What the store knew before is named, too: every pool hears of it.
    Configure {
        revision: i64,
        blueprints: Vec<Listed>,
        /// The names of blueprints, and the types of pools.
        before: Vec<String>,
        pools: Vec<String>,
    },
    Join {
        name: String,
    },
    /// The node's counter stood still at `beat` for too long; or it stops, and says so itself.
    NodeDead {
        dead: String,
        beat: i64,
    },
    /// Rows that a dead node had claimed.
    TakeOver {
        dead: String,
        leases: Vec<String>,
        places: Vec<String>,
        resources: Vec<String>,
    },
}

/// A blueprint, as every node has to know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    pub name: String,
    /// The name that it had before, under which the store may still know it.
    pub was: Option<String>,
    /// The resource type.
    pub kind: String,
    /// The name space of its slots.
    pub space: String,
    /// Its maximum, for the log.
    pub limit: Option<i64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NewLease {
    pub id: String,
    pub class: String,
    pub request: Request,
    /// The alternatives to it.
    pub otherwise: Vec<NewClass>,
    pub owner: String,
    pub key: Option<RequestKey>,
    pub asked_at: i64,
    pub until: Option<i64>,
    pub wait_until: Option<i64>,
    /// The set that it is asked for in.
    pub set: Option<SetOf>,
    /// It ends when nobody holds a connection for it.
    pub tied: bool,
    pub priority: i64,
    /// How much earlier than it was asked it counts in the order, in milliseconds.
    pub head_start: i64,
    /// How much later than the one before it that still waits its owner's next request comes, in milliseconds; none: it
    /// comes as it was asked.
    pub spacing: Option<i64>,
    /// It ends when its holder has not beaten for so long, and when it was not used for so long. Milliseconds.
    pub heartbeat: Option<i64>,
    pub idle_timeout: Option<i64>,
    /// By blueprint: what its `consider` answered, under `revision`.
    pub answers: BTreeMap<String, Considered>,
    pub revision: i64,
    /// No configured blueprint could ever serve it: every reason.
    pub never: Option<String>,
}

/// A request that somebody takes something else for, if need be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NewClass {
    pub id: String,
    pub request: Request,
    /// As of the request itself.
    pub answers: BTreeMap<String, Considered>,
}

/// What a resource asks for while it is being opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Nest {
    pub resource: String,
    /// Of the step that asks.
    pub epoch: i64,
    /// Each with a key of the resource's own. Owner and order come from the lease that the resource is for.
    pub leases: Vec<NewLease>,
}

/// A set, as each of its leases knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SetOf {
    pub id: String,
    /// The types in it, sorted.
    pub kinds: Vec<String>,
}

/// What one call of a step came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    pub step: Step,
    /// A resource's id for `open` and `close`, a place's for the others.
    pub subject: String,
    pub epoch: i64,
    pub end: StepEnd,
    /// Whether the plugin has `close`; without it, what is to be closed is destroyed at once.
    pub closes: bool,
    /// Stays whose leftovers the step was given, all cleared once it is done.
    pub leftovers: Vec<String>,
    /// Named slots of the resource with their name space: set aside when it fails, good again when it does not.
    pub slots: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum StepEnd {
    Done {
        state: Option<String>,
        /// The resource's attributes with what `open` added.
        attributes: Option<String>,
        handout: Option<Handout>,
    },
    Again {
        /// What is known so far. None: the call gave no answer; what was known before stays.
        state: Option<String>,
        due_at: i64,
        note: String,
        /// The nested lease that is waited for: the step is due when that is active, and not before.
        lease: Option<String>,
    },
    Failed(Failure),
}

/// What became of a look at an active resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checked {
    pub resource: String,
    /// Of the resource, as it was looked at.
    pub epoch: i64,
    pub verdict: Verdict,
    pub closes: bool,
}

/// What a look at the outside came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observing {
    pub blueprint: String,
    /// The resource type.
    pub kind: String,
    /// What was seen, or why nothing was.
    pub seen: Result<Sighted, String>,
}

/// What was seen outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sighted {
    pub things: Vec<Thing>,
    pub began: i64,
    pub complete: bool,
}

/// A thing outside that bears the id of a resource which is not there any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stray {
    /// The id for the leak list: the same for the same thing.
    pub leak: String,
    pub blueprint: String,
    pub kind: String,
    pub resource: String,
    /// The provider's id.
    pub thing: String,
    pub attributes: String,
    pub reason: String,
}

/// A step whose report was lost since its row had gone on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Late {
    pub step: Step,
    /// A resource's id for `open` and `close`, a place's for the others.
    pub subject: String,
    /// The id for the leak list, should it come to that.
    pub leak: String,
    /// How its report was lost.
    pub reason: String,
}

/// A resource that nobody will close any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forget {
    pub resource: String,
    /// The id for the leak list.
    pub leak: String,
    /// Stays that have left something on it.
    pub leftovers: Vec<String>,
    pub reason: String,
}

/// What became of a proposal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    Done(Done),
    /// Nothing was changed, and this is why.
    Lost(Lost),
    /// It was committed before, under the same id.
    Known,
    /// Whether it was committed can't be told; it is to be offered again under the same id.
    Unknown(String),
}

impl Outcome {
    pub fn done(&self) -> Option<&Done> {
        match self {
            Outcome::Done(done) => Some(done),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// The lease that a request's key had found.
    pub existing: Option<String>,
    /// The leases of a set, or of a resource's wishes, in the order in which they were asked for.
    pub leases: Vec<String>,
    /// One entry per item of a plan, in order: none when it was done.
    pub items: Vec<Option<Lost>>,
    /// The news of the proposal's pool before and after it.
    pub news: Option<(i64, i64)>,
}

/// Why a proposal, or an item of a plan, was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Lost {
    #[error("the pool has moved on")]
    Version,
    #[error("revision {0} of the configuration is in force")]
    Revision(i64),
    #[error("lease {0} is not as it was seen")]
    Lease(String),
    #[error("resource {0} is not as it was seen")]
    Resource(String),
    #[error("slot {0:?} is taken")]
    Slot(String),
    #[error("blueprint {0:?} is at its maximum")]
    Maximum(String),
    #[error("owner {0:?} has as many leases as it may")]
    Quota(String),
    #[error("blueprint {0:?} is building as many as it may")]
    Building(String),
    #[error("blueprint {0:?} has as many as it keeps")]
    Enough(String),
    #[error("blueprint {0:?} takes nothing new")]
    Shut(String),
    #[error("class {0} may be served by now")]
    Servable(String),
    #[error("an older request of its class has lost its place in this plan")]
    Behind,
    #[error("nobody is left to build it for")]
    NoTaker,
    #[error("the step has changed hands")]
    Epoch,
    #[error("resource {0} has been used since it was looked at")]
    InUse(String),
    #[error("resource {0} is {1}, and not one that could not be closed")]
    NotStuck(String, ResourceStatus),
    #[error("lease {0} has ended")]
    Ended(String),
    #[error("lease {0} does not end for want of that")]
    Untied(String),
    #[error("lease {lease} is not held under the fencing epoch {fence}")]
    Fence { lease: String, fence: i64 },
    #[error("row {0} does not exist")]
    Missing(String),
    #[error("the key was used for another request, of lease {0}")]
    KeyReused(String),
    #[error("node {0} is alive")]
    Alive(String),
    #[error("node {0} is not alive")]
    Dead(String),
    #[error("{0} can't follow from the status it is in")]
    Transition(String),
}

/// The rows that proposals name. What they lead to (a lease's place, a place's resource, …) is loaded with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    pub pools: BTreeSet<String>,
    pub classes: BTreeSet<String>,
    pub blueprints: BTreeSet<String>,
    pub resources: BTreeSet<String>,
    /// Resources with every place on them.
    pub whole: BTreeSet<String>,
    pub places: BTreeSet<String>,
    pub leases: BTreeSet<String>,
    /// Named and counted slots, with their name space.
    pub slots: BTreeSet<(String, String)>,
    pub request_keys: BTreeSet<(String, String)>,
    pub asides: BTreeSet<(String, String)>,
    /// Stays.
    pub leftovers: BTreeSet<String>,
    pub leaks: BTreeSet<String>,
    /// Blueprints, by what was seen for them.
    pub observed: BTreeSet<String>,
    pub nodes: BTreeSet<String>,
    pub commits: BTreeSet<String>,
    /// Types with owners whose requests come one after the other.
    pub turns: BTreeSet<(String, String)>,
}

/// The name space of resources set aside by id.
pub const RESOURCES: &str = "resource";

impl Keys {
    pub fn add(&mut self, proposal: &Proposal) {
        self.commits.insert(proposal.id.clone());
        self.nodes.insert(proposal.node.clone());
        match &proposal.change {
            Change::Ask(new) => self.add_new(new),
            Change::AskSet(leases) => leases.iter().for_each(|new| self.add_new(new)),
            Change::Nest(nest) => {
                self.whole.insert(nest.resource.clone());
                nest.leases.iter().for_each(|new| self.add_new(new));
            }
            Change::Abandon { resource, .. } => {
                self.whole.insert(resource.clone());
            }
            Change::Consider { class, .. } => {
                self.classes.insert(class.clone());
            }
            Change::Plan(plan) => {
                self.pools.extend(plan.pools().map(|seen| seen.pool));
                plan.items.iter().for_each(|item| self.add_item(item));
            }
            Change::EndLease { lease, .. }
            | Change::Extend { lease, .. }
            | Change::HoldLease { lease, .. }
            | Change::KeepLease { lease }
            | Change::HolderGone { lease, .. } => {
                self.leases.insert(lease.clone());
            }
            Change::DrainBlueprint { blueprint, .. } => {
                self.blueprints.insert(blueprint.clone());
            }
            Change::EndResource { resource, .. }
            | Change::Retire { resource, .. }
            | Change::DrainResource { resource, .. } => {
                self.resources.insert(resource.clone());
            }
            Change::Step(report) => {
                match report.step {
                    Step::Open | Step::Close => self.whole.insert(report.subject.clone()),
                    Step::Activate | Step::Release => self.places.insert(report.subject.clone()),
                };
                self.leftovers.extend(report.leftovers.iter().cloned());
                if let StepEnd::Again { lease: Some(lease), .. } = &report.end {
                    self.leases.insert(lease.clone());
                }
                self.asides.extend(report.slots.iter().cloned());
                if let StepEnd::Failed(failure) = &report.end
                    && failure.next == crate::contract::Next::Gone
                    && let Some((_, resource)) = report.slots.iter().find(|(space, _)| space == RESOURCES)
                {
                    self.whole.insert(resource.clone());
                }
            }
            Change::Checked(checked) => {
                self.whole.insert(checked.resource.clone());
            }
            Change::Observed(observing) => {
                self.observed.insert(observing.blueprint.clone());
                self.pools.insert(observing.kind.clone());
            }
            Change::Stray(stray) => {
                self.leaks.insert(stray.leak.clone());
                self.resources.insert(stray.resource.clone());
            }
            Change::Late(late) => {
                match late.step {
                    Step::Open | Step::Close => self.resources.insert(late.subject.clone()),
                    Step::Activate | Step::Release => self.places.insert(late.subject.clone()),
                };
            }
            Change::Forget(forget) => {
                self.resources.insert(forget.resource.clone());
                self.leftovers.extend(forget.leftovers.iter().cloned());
            }
            Change::ClearLeak { leak, .. } => {
                self.leaks.insert(leak.clone());
            }
            Change::BlueprintFailed { blueprint, .. } => {
                self.blueprints.insert(blueprint.clone());
            }
            Change::Configure { blueprints, before, pools, .. } => {
                self.blueprints.extend(before.iter().cloned());
                self.pools.extend(pools.iter().cloned());
                for listed in blueprints {
                    self.blueprints.insert(listed.name.clone());
                    self.pools.insert(listed.kind.clone());
                }
            }
            Change::Join { .. } => {}
            Change::NodeDead { dead, .. } => {
                self.nodes.insert(dead.clone());
            }
            Change::TakeOver { dead, leases, places, resources } => {
                self.nodes.insert(dead.clone());
                self.leases.extend(leases.iter().cloned());
                self.places.extend(places.iter().cloned());
                self.resources.extend(resources.iter().cloned());
            }
        }
    }

    fn add_new(&mut self, new: &NewLease) {
        self.pools.insert(new.request.kind.clone());
        self.classes.insert(new.class.clone());
        self.classes.extend(new.otherwise.iter().map(|other| other.id.clone()));
        if new.spacing.is_some() {
            self.turns.insert((new.request.kind.clone(), new.owner.clone()));
        }
        self.request_keys.extend(new.key.iter().map(|key| (key.owner.clone(), key.name.clone())));
    }

    fn add_item(&mut self, item: &Item) {
        match item {
            Item::Place(placement) => self.add_placement(placement),
            Item::Build(build) => {
                self.blueprints.insert(build.blueprint.clone());
                self.add_slots(&build.space, &build.allocation.slots);
                build.takers.iter().for_each(|taker| self.add_placement(taker));
            }
            Item::Together(items) => items.iter().for_each(|item| self.add_item(item)),
            Item::Reclaim(reclaim) => {
                self.resources.insert(reclaim.resource.clone());
            }
            Item::GiveUp(given_up) => {
                self.classes.insert(given_up.class.clone());
                self.classes.extend(given_up.otherwise.iter().cloned());
                self.leases.extend(given_up.leases.iter().cloned());
            }
        }
    }

    fn add_placement(&mut self, placement: &Placement) {
        self.leases.insert(placement.lease.clone());
        self.resources.insert(placement.resource.clone());
        self.add_slots(&placement.space, &placement.acquisition.slots);
        if let Some(quota) = &placement.quota {
            self.slots.insert((QUOTAS.to_owned(), quota.owner.clone()));
        }
    }

    fn add_slots(&mut self, space: &str, slots: &[Slot]) {
        self.slots.extend(slots.iter().map(|slot| (space.to_owned(), slot.key().to_owned())));
    }
}
