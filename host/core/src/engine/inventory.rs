//! Looks at what exists outside, where plugins can: what decisions are made with, resources that are no more, and things
//! that resources have left behind.

use super::farm::Configured;
use super::node::Node;
use crate::config::Sweep;
use crate::contract::{Context, Observation, Progress, Thing, Verdict};
use crate::env::{Point, Verdict as Goes, What};
use crate::model::inventory::{Finding, Memory, compare, leak_of, strays};
use crate::model::proposal::{Change, Checked, Observing, Sighted, Stray};
use crate::model::protection::Protection;
use crate::model::rows::Resource;
use crate::plugin::ObserveCall;
use crate::store::StoreError;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A node goes on observing until it has not for so many times as long as it should be between two observations; then
/// another does.
const OVERDUE: i64 = 3;

/// What a node knows of a blueprint that it looks at.
#[derive(Default)]
struct Known {
    due: i64,
    memory: Memory,
}

pub async fn run(node: Arc<Node>) {
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    let mut reconfigured = node.reconfigured.subscribe();
    loop {
        let observed = observed(&node);
        known.retain(|name, _| observed.contains_key(name));
        let now = node.env.now();
        for (name, (_, every)) in &observed {
            // Soon after a start, since nothing may have been seen yet; but not all at once.
            let first =
                || Known { due: now + (node.env.random() % (*every / 10).max(1) as u64) as i64, ..Known::default() };
            known.entry(name.clone()).or_insert_with(first);
        }
        let Some(next) = known.values().map(|known| known.due).min() else {
            if reconfigured.changed().await.is_err() {
                return;
            }
            continue;
        };
        let changed = std::pin::pin!(reconfigured.changed());
        futures::future::select(node.env.sleep_until(next), changed).await;
        if node.is_stopping() {
            return;
        }
        for (name, (configured, every)) in observed {
            let Some(known) = known.get_mut(&name).filter(|known| known.due <= node.env.now()) else { continue };
            known.due = match look(&node, &name, &configured, every, &mut known.memory).await {
                Ok(due) => due,
                Err(error) => {
                    tracing::warn!(blueprint = name, %error, "what is outside can't be looked at: the store does not answer");
                    node.env.now() + every
                }
            };
        }
    }
}

/// Blueprints whose plugins can look, each with the milliseconds between two looks.
fn observed(node: &Node) -> BTreeMap<String, (Configured, i64)> {
    let farm = node.farm();
    let looks = |(name, blueprint): (&String, &Configured)| {
        let every = i64::from(blueprint.config.observe_every) * 1_000;
        let looks = every > 0 && blueprint.plugin.descriptor().inventory;
        looks.then(|| (name.clone(), (blueprint.clone(), every)))
    };
    farm.blueprints.iter().filter_map(looks).collect()
}

/// Looks, unless another node does. Returns when the next look is due.
async fn look(
    node: &Arc<Node>,
    name: &str,
    configured: &Configured,
    every: i64,
    memory: &mut Memory,
) -> Result<i64, StoreError> {
    let row = node.read("what was seen", node.store.observed(Some(name))).await?.into_iter().next();
    if let Some(row) = row
        && row.node != node.id
        && row.tried_at + OVERDUE * every > node.env.now()
        && is_alive(node, &row.node).await?
    {
        // What it would say twice is said by the other.
        *memory = Memory::default();
        return Ok(row.tried_at + OVERDUE * every);
    }
    let due = node.env.now() + every;
    let kind = configured.plugin.descriptor().kind.clone();
    let active = node.read("what is active", node.store.active(name)).await?;
    let began = node.env.now();
    let seen = match observe(node, name, configured).await {
        Some(seen) => seen,
        // It may have been seen dead by now, and says nothing.
        None => return Ok(due),
    };
    let seen = seen.map(|seen| Observation { began: seen.began.min(began.max(0) as u64), ..seen });
    let sighted = seen.as_ref().map_err(String::clone).map(|seen| Sighted {
        things: seen.things.clone(),
        began: seen.began as i64,
        complete: seen.complete,
    });
    let observing = Observing { blueprint: name.to_owned(), kind: kind.clone(), seen: sighted };
    node.commit(Change::Observed(observing)).await;
    let Ok(seen) = seen else { return Ok(due) };

    let active = match node.protections.has(Protection::SeenBefore) {
        true => active,
        false => node.read("what is active", node.store.active(name)).await?,
    };
    for (resource, finding) in compare(&seen, &active, memory, &node.protections) {
        act_on(node, configured, resource, finding).await;
    }
    left_behind(node, name, configured, &seen, memory).await?;
    Ok(due)
}

/// Whether a node has been there lately, and has not said that it goes.
async fn is_alive(node: &Node, other: &str) -> Result<bool, StoreError> {
    let (nodes, _) = node.read("nodes", node.store.nodes()).await?;
    Ok(nodes.iter().any(|row| row.id == other))
}

/// None: it was not called.
async fn observe(node: &Node, name: &str, configured: &Configured) -> Option<Result<Observation, String>> {
    let note = format!("observe {name}");
    let point = |after| Point { what: What::Act, note: note.clone(), after };
    let failed = node.env.point(point(false)).await == Goes::Fail;
    if failed || !node.may_act() {
        return None;
    }
    node.calls.fetch_add(1, Ordering::Relaxed);
    let answer = configured.plugin.observe(call(node, name, configured, "observe")).await;
    if node.env.point(point(true)).await == Goes::Fail {
        return None;
    }
    Some(match answer {
        Ok(Ok(seen)) => Ok(seen),
        Ok(Err(failure)) => Err(failure.reason),
        Err(fault) => Err(fault.to_string()),
    })
}

fn call(node: &Node, name: &str, configured: &Configured, key: &str) -> ObserveCall {
    let context = Context {
        key: format!("{name}/{key}"),
        epoch: 0,
        attempt: 0,
        deadline: u64::from(configured.config.step_timeout) * 1_000,
        ending: None,
        leftovers: Vec::new(),
    };
    ObserveCall {
        context,
        blueprint: node.farm().argument(name, configured, node.env.now(), 0),
        grants: configured.config.grants.clone(),
    }
}

async fn act_on(node: &Arc<Node>, configured: &Configured, resource: &Resource, finding: Finding) {
    let closes = configured.plugin.descriptor().steps.close;
    let id = resource.id.clone();
    let change = match finding {
        Finding::Gone(reason) => {
            Change::Checked(Checked { resource: id, epoch: resource.epoch, verdict: Verdict::Gone(reason), closes })
        }
        Finding::Leaving(reason) => Change::DrainResource { resource: id, reason: Some(reason), closes },
        Finding::Back => Change::DrainResource { resource: id, reason: None, closes },
    };
    node.commit(change).await;
}

/// Things that resources have left behind: told, and removed where that is configured; and those that are gone by now.
async fn left_behind(
    node: &Arc<Node>,
    name: &str,
    configured: &Configured,
    seen: &Observation,
    memory: &mut Memory,
) -> Result<(), StoreError> {
    let kind = &configured.plugin.descriptor().kind;
    let bears: BTreeSet<&str> = seen.things.iter().filter_map(|thing| thing.resource.as_deref()).collect();
    let bears: Vec<&str> = bears.into_iter().collect();
    let ended = node.read("what things were made for", node.store.ended(&bears)).await?;
    for (thing, resource, known) in strays(seen, &ended, memory, &node.protections) {
        let reason = match known {
            true => format!("it was made for {resource}, which is closed, and still exists"),
            false => format!("it was made for {resource}, of which this store knows nothing"),
        };
        let stray = Stray {
            leak: leak_of(kind, &thing.id),
            blueprint: name.to_owned(),
            kind: kind.clone(),
            resource: resource.to_owned(),
            thing: thing.id.clone(),
            attributes: thing.attributes.clone(),
            reason,
        };
        node.commit(Change::Stray(stray)).await;
        // Of what the store knows nothing, it can't be said that nobody uses it: the store may be an old copy.
        let ours = known || !node.protections.has(Protection::OursOnly);
        let removes = configured.config.sweep == Sweep::Remove && node.protections.has(Protection::Swept);
        if removes && ours {
            remove(node, name, configured, thing).await;
        }
    }
    if !seen.complete {
        return Ok(());
    }
    for leak in node.read("leaks", node.store.leaks(None)).await? {
        let exists = seen.things.iter().any(|thing| thing.id == leak.name);
        if leak.blueprint == name && leak.id == leak_of(kind, &leak.name) && !exists {
            let reason = "it does not exist outside any more".to_owned();
            node.commit(Change::ClearLeak { leak: leak.id, reason }).await;
        }
    }
    Ok(())
}

/// One try; the next look finds out what has become of it, and tries again.
async fn remove(node: &Node, name: &str, configured: &Configured, thing: &Thing) {
    let note = format!("remove {}", thing.id);
    let point = |after| Point { what: What::Act, note: note.clone(), after };
    if node.env.point(point(false)).await == Goes::Fail || !node.may_act() {
        return;
    }
    node.calls.fetch_add(1, Ordering::Relaxed);
    let key = format!("remove/{}", thing.id);
    let answer = configured.plugin.remove(call(node, name, configured, &key), thing).await;
    node.env.point(point(true)).await;
    match answer {
        Ok(Ok(Progress::Done(_) | Progress::Again { .. })) => {}
        Ok(Err(failure)) => {
            tracing::warn!(
                blueprint = name,
                thing = thing.id,
                reason = failure.reason,
                "what was left behind could not be removed"
            );
        }
        Err(fault) => {
            tracing::warn!(blueprint = name, thing = thing.id, %fault, "what was left behind could not be removed")
        }
    }
}
