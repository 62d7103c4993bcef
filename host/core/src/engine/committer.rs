//! Group commit: what was offered while the last group was written is the next group. No timer.

use super::api::Unwritten;
use super::node::{Node, lock};
use crate::env::{Point, Verdict, What};
use crate::model::proposal::{Change, Late, Lost, Outcome, Proposal, StepEnd};
use crate::plugin::Step;
use crate::store::{Report, StoreError, Touched};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// A proposal with who waits for its outcome.
pub struct Offered {
    pub proposal: Proposal,
    pub answer: oneshot::Sender<Answer>,
}

/// What became of a proposal, and the rows that its group has left. Those of a group whose answer was lost are not known.
pub type Answer = (Outcome, Arc<Touched>);

/// At most this many proposals in a group, so that one transaction stays short.
const GROUP: usize = 512;

/// The pause after a failed try, in milliseconds: doubled up to the second figure.
const RETRY: (i64, i64) = (20, 2_000);

pub async fn run(node: Arc<Node>, mut offers: mpsc::UnboundedReceiver<Offered>) {
    while let Some(first) = offers.recv().await {
        let note = "group".to_owned();
        // What has been offered by the time this is granted goes along.
        let verdict = node.env.point(Point { what: What::Commit, note, after: false }).await;
        let mut group = vec![first];
        while group.len() < GROUP
            && let Ok(next) = offers.try_recv()
        {
            group.push(next);
        }
        let (proposals, answers): (Vec<Proposal>, Vec<_>) =
            group.into_iter().map(|offered| (offered.proposal, offered.answer)).unzip();
        let report = settle(&node, &proposals, verdict).await;
        let late: Vec<Proposal> = proposals
            .iter()
            .zip(&report.outcomes)
            .filter_map(|(proposal, outcome)| late(&node, proposal, outcome))
            .collect();
        if !late.is_empty() {
            // Before anything that stops this node.
            let point = Point { what: What::Commit, note: "what came too late".to_owned(), after: false };
            let verdict = node.env.point(point).await;
            settle(&node, &late, verdict).await;
        }
        if report.outcomes.contains(&Outcome::Lost(Lost::Dead(node.id.clone()))) {
            node.seen_dead();
        }
        for (answer, outcome) in answers.into_iter().zip(report.outcomes) {
            // Whoever asked may be gone; what was decided stands.
            let _ = answer.send((outcome, Arc::clone(&report.touched)));
        }
    }
}

/// What a step that was answered too late may have made is not for nobody to know.
fn late(node: &Node, proposal: &Proposal, outcome: &Outcome) -> Option<Proposal> {
    let (Change::Step(report), Outcome::Lost(lost)) = (&proposal.change, outcome) else { return None };
    let answered = matches!(report.end, StepEnd::Done { .. } | StepEnd::Again { state: Some(_), .. });
    let makes = matches!(report.step, Step::Open | Step::Activate);
    let stale = matches!(lost, Lost::Epoch | Lost::Dead(_) | Lost::Lease(_));
    if !answered || !makes || !stale {
        return None;
    }
    let (step, subject) = (report.step, report.subject.clone());
    Some(node.proposal(Change::Late(Late { step, subject, leak: node.new_id("k"), reason: lost.to_string() })))
}

/// Offers a group, under the same ids, until the store says what became of it.
async fn settle(node: &Node, proposals: &[Proposal], mut verdict: Verdict) -> Report {
    let mut pause = RETRY.0;
    let mut in_doubt = false;
    loop {
        let error = match verdict {
            Verdict::Fail => StoreError::Unknown("the connection was lost".to_owned()),
            Verdict::Go => match commit(node, proposals).await {
                Ok(report) => {
                    if in_doubt {
                        *lock(&node.unwritten) = None;
                        // It may have left rows that nobody was told of, here or elsewhere.
                        let anything = Arc::new(Touched { anything: true, ..Touched::default() });
                        node.env.tell(Arc::clone(&anything));
                        node.told(anything);
                    }
                    return report;
                }
                Err(error) => error,
            },
        };
        in_doubt = true;
        let since = node.env.now();
        let reason = error.to_string();
        lock(&node.unwritten).get_or_insert(Unwritten { since, reason });
        tracing::warn!(%error, proposals = proposals.len(), "a group of commits is offered again");
        node.env.sleep_until(node.env.now() + pause).await;
        pause = (pause * 2).min(RETRY.1);
        let note = format!("group again: {error}");
        verdict = node.env.point(Point { what: What::Commit, note, after: false }).await;
    }
}

async fn commit(node: &Node, proposals: &[Proposal]) -> Result<Report, StoreError> {
    let io = node.env.io().await;
    let result = node.store.commit(node.env.now(), proposals).await;
    drop(io);
    let report = result?;
    let touched = Arc::clone(&report.touched);
    let note = if node.env.traces() { story(proposals, &report.outcomes) } else { String::new() };
    match node.env.point(Point { what: What::Commit, note, after: true }).await {
        Verdict::Fail => return Err(StoreError::Unknown("the answer was lost".to_owned())),
        Verdict::Go => {}
    }
    node.note(Arc::clone(&touched));
    node.env.tell(touched);
    node.changed();
    Ok(report)
}

fn drained(id: &str, reason: &Option<String>) -> String {
    format!("{} {id}", if reason.is_some() { "drain" } else { "undrain" })
}

/// One line on what a group did, for traces.
fn story(proposals: &[Proposal], outcomes: &[Outcome]) -> String {
    let parts = proposals.iter().zip(outcomes).map(|(proposal, outcome)| {
        let what = match &proposal.change {
            Change::Ask(new) => format!("ask {}", new.id),
            Change::AskSet(leases) => {
                format!("ask together {}", leases.iter().map(|new| new.id.as_str()).collect::<Vec<_>>().join(" "))
            }
            Change::Nest(nest) => format!("nest {} for {}", nest.leases.len(), nest.resource),
            Change::Abandon { resource, .. } => format!("abandon {resource}"),
            Change::Consider { class, .. } => format!("consider {class}"),
            Change::Plan(plan) => format!("plan of {} for {}", plan.items.len(), plan.pool),
            Change::EndLease { lease, outcome, .. } => format!("end {lease} ({outcome})"),
            Change::Extend { lease, .. } => format!("extend {lease}"),
            Change::HoldLease { lease, .. } => format!("hold {lease}"),
            Change::KeepLease { lease } => format!("keep {lease}"),
            Change::HolderGone { lease, .. } => format!("the holder of {lease} is gone"),
            Change::EndResource { resource, .. } => format!("end {resource}"),
            Change::DrainBlueprint { blueprint, reason } => drained(blueprint, reason),
            Change::DrainResource { resource, reason, .. } => drained(resource, reason),
            Change::Checked(checked) => format!("checked {}: {:?}", checked.resource, checked.verdict),
            Change::Observed(observing) => match &observing.seen {
                Ok(seen) => format!("observed {} things for {}", seen.things.len(), observing.blueprint),
                Err(why) => format!("observed nothing for {}: {why}", observing.blueprint),
            },
            Change::Stray(stray) => format!("{} was left behind by {}", stray.thing, stray.resource),
            Change::Retire { resource, .. } => format!("retire {resource}"),
            Change::Step(report) => format!("{} of {}", report.step.name(), report.subject),
            Change::Late(late) => format!("{} of {} came too late", late.step.name(), late.subject),
            Change::Forget(forget) => format!("forget {}", forget.resource),
            Change::ClearLeak { leak, .. } => format!("clear {leak}"),
            Change::BlueprintFailed { blueprint, .. } => format!("{blueprint} failed"),
            Change::Configure { revision, .. } => format!("configure revision {revision}"),
            Change::Join { name } => format!("join {name}"),
            Change::NodeDead { dead, .. } => format!("{dead} is dead"),
            Change::TakeOver { dead, .. } => format!("take over from {dead}"),
        };
        match outcome {
            Outcome::Done(done) => {
                let lost = done.items.iter().flatten().map(|lost| lost.to_string()).collect::<Vec<_>>();
                if lost.is_empty() { what } else { format!("{what}, without: {}", lost.join("; ")) }
            }
            Outcome::Lost(lost) => format!("{what}: lost, {lost}"),
            Outcome::Known => format!("{what}: known"),
            Outcome::Unknown(why) => format!("{what}: unknown, {why}"),
        }
    });
    parts.collect::<Vec<_>>().join(" + ")
}
