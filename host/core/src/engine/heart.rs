//! Who is alive. A node counts up in its row; others judge it by how often they read the same number, on their own
//! clocks, and take over what it had claimed once it is seen dead.

use super::hub::Message;
use super::node::Node;
use crate::model::proposal::{Change, Outcome};
use crate::model::protection::Protection;
use crate::store::{Claimed, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A node that has not counted up for so long is seen dead, unless told otherwise. Milliseconds.
pub const DEAD_AFTER: i64 = 10_000;

/// How often a node counts up, and reads the others, in the time after which it is seen dead.
const BEATS: i64 = 5;

pub async fn run(node: Arc<Node>) {
    // By node: the number last read, and when it was first read.
    let mut seen: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    loop {
        node.env.sleep_until(node.env.now() + node.dead_after / BEATS).await;
        if node.is_stopping() {
            return;
        }
        // What counts is when it was asked for: the answer may have been long on its way.
        let asked = node.env.now();
        match node.read("count up", node.store.beat(&node.id)).await {
            Ok(true) => {
                node.beaten.store(asked, Ordering::SeqCst);
                if node.paused.swap(false, Ordering::SeqCst) {
                    tracing::info!("the store can be written again; steps go on");
                    node.look_at_all();
                }
            }
            Ok(false) => {
                node.seen_dead();
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "this node could not count up");
                if !node.may_act() && !node.paused.swap(true, Ordering::SeqCst) {
                    tracing::warn!("it has not counted up for too long; what it was doing is cut off");
                    let _ = node.hub.send(Message::CutOff);
                }
                continue;
            }
        }
        let Ok((others, revision)) = node.read("nodes", node.store.nodes()).await else { continue };
        if revision > node.farm().revision {
            node.outdated();
        }
        let now = node.env.now();
        for other in others.iter().filter(|other| other.id != node.id) {
            let (beat, since) = *seen
                .entry(other.id.clone())
                .and_modify(|seen| *seen = if seen.0 == other.beat { *seen } else { (other.beat, now) })
                .or_insert((other.beat, now));
            if now - since < node.dead_after {
                continue;
            }
            bury(&node, &other.id, beat).await;
        }
        let before = seen.len();
        seen.retain(|id, _| others.iter().any(|other| other.id == *id));
        // Somebody is gone, and what it did last may have been told to nobody.
        if seen.len() < before && node.protections.has(Protection::DeathLook) {
            node.look_at_all();
        }
    }
}

/// Says that a node is dead, and takes over.
async fn bury(node: &Node, dead: &str, beat: i64) {
    let outcome = node.commit(Change::NodeDead { dead: dead.to_owned(), beat }).await;
    let buried = matches!(outcome, Outcome::Done(_) | Outcome::Known);
    if !buried || !node.protections.has(Protection::DeathLook) {
        return;
    }
    if let Err(error) = take_over(node).await {
        tracing::warn!(%error, dead, "what a dead node had claimed could not be taken over yet");
    }
}

/// Says of every other node that it is dead; only for who has the store alone.
pub async fn bury_others(node: &Node) -> Result<(), StoreError> {
    for other in node.read("nodes", node.store.nodes()).await?.0 {
        if other.id != node.id {
            node.commit(Change::NodeDead { dead: other.id, beat: other.beat }).await;
        }
    }
    Ok(())
}

/// Takes over what dead nodes had claimed, and looks at every pool once.
pub async fn take_over(node: &Node) -> Result<(), StoreError> {
    let orphans = node.read("orphans", node.store.orphans()).await?;
    let mut dead: BTreeMap<String, Claimed> = BTreeMap::new();
    for lease in orphans.leases {
        dead.entry(lease.claim.clone()).or_default().leases.push(lease);
    }
    for place in orphans.places {
        dead.entry(place.claim.clone()).or_default().places.push(place);
    }
    for resource in orphans.resources {
        dead.entry(resource.claim.clone()).or_default().resources.push(resource);
    }
    for (dead, claimed) in dead {
        let leases = claimed.leases.into_iter().map(|lease| lease.id).collect();
        let places = claimed.places.into_iter().map(|place| place.id).collect();
        let resources = claimed.resources.into_iter().map(|resource| resource.id).collect();
        node.commit(Change::TakeOver { dead, leases, places, resources }).await;
    }
    node.look_at_all();
    Ok(())
}
