//! The function that decides every commit: from the rows a group named, what each proposal changes, or why it is lost.
//! It is pure; both engines of the store and the simulator run it.

mod ask;
mod configure;
mod end;
mod health;
mod hold;
mod inventory;
mod leak;
mod nest;
mod node;
mod plan;
mod step;
mod transition;

pub use nest::is_for_nobody;

use super::proposal::{Change, Done, Lost, Outcome, Proposal};
use super::protection::{Protection, Protections};
use super::table::Rows;

/// Whose proposal is being decided, and when.
pub(crate) struct Deciding<'a> {
    pub rows: &'a mut Rows,
    pub commit: &'a str,
    pub node: &'a str,
    pub at: i64,
    pub protections: Protections,
    /// The number of the proposal's next event.
    n: i64,
    /// No news is raised; only without the protection of withdrawals.
    silent: bool,
}

/// Decides one proposal. Rows change only if it is done.
pub fn decide(rows: &mut Rows, proposal: &Proposal, at: i64, protections: Protections) -> Outcome {
    if protections.has(Protection::CommitId) && rows.known_commits.contains(&proposal.id) {
        return Outcome::Known;
    }
    let mark = rows.mark();
    let mut deciding =
        Deciding { rows, commit: &proposal.id, node: &proposal.node, at, protections, n: 0, silent: false };
    let result = deciding.change(&proposal.change);
    let events = deciding.n;
    match result {
        Ok(done) => {
            // What left no event is decided again, in this group as in a later one.
            if events > 0 {
                rows.known_commits.insert(proposal.id.clone());
            }
            Outcome::Done(done)
        }
        Err(lost) => {
            rows.undo_to(mark);
            Outcome::Lost(lost)
        }
    }
}

impl Deciding<'_> {
    fn change(&mut self, change: &Change) -> Result<Done, Lost> {
        // All that it can still do is to say what it may have left.
        if let Change::Late(late) = change {
            return self.late(late);
        }
        // A node that was seen dead changes nothing any more, whatever it still believes.
        if !self.is_alive(self.node) && self.protections.has(Protection::DeadNodes) {
            return Err(Lost::Dead(self.node.to_owned()));
        }
        match change {
            Change::Ask(new) => self.ask(new),
            Change::AskSet(leases) => self.ask_set(leases),
            Change::Nest(nest) => self.nest(nest),
            Change::Abandon { resource, epoch } => self.abandon(resource, *epoch),
            Change::Consider { class, revision, answers } => self.consider(class, *revision, answers),
            Change::Plan(plan) => self.plan(plan),
            Change::EndLease { lease, outcome, reason, fence } => {
                self.guard_fence(lease, *fence)?;
                self.end_lease(lease, outcome, reason)
            }
            Change::Extend { lease, until, fence } => {
                self.guard_fence(lease, *fence)?;
                self.extend(lease, *until)
            }
            Change::HoldLease { lease, sign, fence } => {
                self.guard_fence(lease, *fence)?;
                self.hold_lease(lease, *sign)
            }
            Change::KeepLease { lease } => self.keep_lease(lease),
            Change::HolderGone { lease, sign, epoch } => self.holder_gone(lease, *sign, *epoch),
            Change::EndResource { resource, reason, idle_since, closes } => {
                self.end_resource(resource, reason, *idle_since, *closes)
            }
            Change::DrainBlueprint { blueprint, reason } => self.drain_blueprint(blueprint, reason.as_deref()),
            Change::DrainResource { resource, reason, closes } => {
                self.drain_resource(resource, reason.as_deref(), *closes)
            }
            Change::Retire { resource, idle_since, least, closes } => {
                self.retire(resource, *idle_since, *least, *closes)
            }
            Change::Step(report) => self.step(report),
            Change::Checked(checked) => self.checked(checked),
            Change::Observed(observing) => self.observed(observing),
            Change::Stray(stray) => self.stray(stray),
            Change::Late(late) => self.late(late),
            Change::Forget(forget) => self.forget(forget),
            Change::ClearLeak { leak, reason } => self.clear_leak(leak, reason),
            Change::BlueprintFailed { blueprint, reason } => self.blueprint_failed(blueprint, reason),
            Change::Configure { revision, blueprints, before, pools } => {
                self.configure(*revision, blueprints, before, pools)
            }
            Change::Join { name } => self.join(name),
            Change::NodeDead { dead, beat } => self.node_dead(dead, *beat),
            Change::TakeOver { dead, leases, places, resources } => self.take_over(dead, leases, places, resources),
        }
    }
}

impl Deciding<'_> {
    fn n(&self) -> i64 {
        self.n
    }

    /// Takes event numbers back, when the events are taken back.
    fn rewind(&mut self, n: i64) {
        self.n = n;
    }
}
