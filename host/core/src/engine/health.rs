//! Looks at active resources, where their plugins can: one that does not answer goes out of use, and comes back when it
//! does. When each is looked at next is in memory: a node that starts anew begins anew.

use super::farm::Configured;
use super::node::Node;
use super::steps::resource_arg;
use crate::contract::{Context, Verdict};
use crate::env::{Point, Verdict as Goes, What};
use crate::model::proposal::{Change, Checked};
use crate::model::rows::Resource;
use crate::plugin::HealthCall;
use futures::stream::{self, StreamExt};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// One that has not answered is asked once more so soon, and one that is out of use again and again. Milliseconds.
const SOON: i64 = 5_000;

/// So many are looked at at a time.
const AT_ONCE: usize = 16;

/// What a node knows of a resource that it looks at.
#[derive(Clone, Copy)]
struct Known {
    due: i64,
    /// It did not answer the last time.
    suspect: bool,
}

pub async fn run(node: Arc<Node>) {
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    let mut reconfigured = node.reconfigured.subscribe();
    loop {
        let Some(every) = shortest(&node) else {
            known.clear();
            if reconfigured.changed().await.is_err() {
                return;
            }
            continue;
        };
        let next = known.values().map(|known| known.due).min().unwrap_or(i64::MAX);
        node.env.sleep_until(next.min(node.env.now() + every)).await;
        if node.is_stopping() {
            return;
        }
        let Ok(resources) = node.read("what is looked after", node.store.looked_after(&node.id)).await else {
            continue;
        };
        let ids: BTreeSet<&String> = resources.iter().map(|resource| &resource.id).collect();
        known.retain(|id, _| ids.contains(id));
        let now = node.env.now();
        let mut due = Vec::new();
        for resource in resources {
            let Some((configured, every)) = looked_after(&node, &resource).await else { continue };
            match known.get(&resource.id) {
                Some(known) if known.due <= now => due.push((resource, configured, every, known.suspect)),
                Some(_) => {}
                // Not all at once after a start.
                None => {
                    let first = now + (node.env.random() % every.unsigned_abs().max(1)) as i64;
                    let due = if resource.sick.is_some() { now + SOON.min(every) } else { first };
                    known.insert(resource.id, Known { due, suspect: false });
                }
            }
        }
        let looks = due.into_iter().map(|(resource, configured, every, suspect)| {
            let node = &node;
            async move {
                let ill = look(node, &resource, &configured, suspect).await;
                let after = if ill || resource.sick.is_some() { SOON.min(every) } else { every };
                (resource.id, Known { due: node.env.now() + after, suspect: ill })
            }
        });
        known.extend(stream::iter(looks).buffer_unordered(AT_ONCE).collect::<Vec<_>>().await);
    }
}

/// The shortest time between two looks, where anything is looked at. Milliseconds.
fn shortest(node: &Node) -> Option<i64> {
    let farm = node.farm();
    let checked = farm.blueprints.values().filter(|blueprint| blueprint.plugin.descriptor().health);
    checked.filter_map(every).min()
}

fn every(blueprint: &Configured) -> Option<i64> {
    Some(i64::from(blueprint.config.check_every) * 1_000).filter(|every| *every > 0)
}

/// What a resource was made with, and how often it is looked at, if it is. How often is as configured now.
async fn looked_after(node: &Node, resource: &Resource) -> Option<(Configured, i64)> {
    let farm = node.farm();
    let every = every(farm.blueprints.get(&resource.blueprint)?)?;
    let io = node.env.io().await;
    let pinned = farm.pinned(resource, &node.store).await;
    drop(io);
    let configured = pinned.ok().filter(|configured| configured.plugin.descriptor().health)?;
    Some((configured, every))
}

/// Whether it did not answer. It is out of use, or back, when it has said the same twice in a row, or once if it is certain.
async fn look(node: &Arc<Node>, resource: &Resource, configured: &Configured, suspect: bool) -> bool {
    let note = format!("check {}", resource.id);
    let point = |after| Point { what: What::Act, note: note.clone(), after };
    if node.env.point(point(false)).await == Goes::Fail || !node.may_act() {
        return suspect;
    }
    let now = node.env.now();
    let context = Context {
        key: format!("{}/check", resource.id),
        epoch: resource.epoch.max(0) as u64,
        attempt: u32::from(suspect),
        deadline: u64::from(configured.config.step_timeout) * 1_000,
        ending: None,
        leftovers: Vec::new(),
    };
    let call = HealthCall {
        context,
        blueprint: node.farm().argument(&resource.blueprint, configured, now, 0),
        resource: resource_arg(resource),
        grants: configured.config.grants.clone(),
    };
    node.calls.fetch_add(1, Ordering::Relaxed);
    let answer = configured.plugin.check(call).await;
    let verdict = match (node.env.point(point(true)).await, answer) {
        (Goes::Fail, _) => return suspect,
        (_, Ok(verdict)) => verdict,
        // Whoever can't say anything says nothing of the resource.
        (_, Err(fault)) => {
            tracing::warn!(resource = resource.id, %fault, "a resource could not be looked at");
            return suspect;
        }
    };
    let ill = !matches!(verdict, Verdict::Healthy);
    let tells = match &verdict {
        Verdict::Healthy => resource.sick.is_some(),
        Verdict::Sick(_) => suspect && resource.sick.is_none(),
        Verdict::Gone(_) => true,
    };
    if tells {
        let closes = configured.plugin.descriptor().steps.close;
        let checked = Checked { resource: resource.id.clone(), epoch: resource.epoch, verdict, closes };
        node.commit(Change::Checked(checked)).await;
    }
    ill
}
