//! What has ended is kept for a time, and then let go of: little by little, and while others commit even more slowly.

use super::node::Node;
use crate::store::{Horizon, StoreError};
use std::sync::Arc;

/// How often it is looked for, in milliseconds; and every so many times also for what nothing uses any more.
const EVERY: i64 = 60_000;
const SLOWLY: u64 = 60;

/// Milliseconds from one commit to the next: while nobody else commits, and while somebody does.
const PAUSE: (i64, i64) = (50, 1_000);

/// A request key is good for a day after the end of its lease. Milliseconds.
const KEYS: i64 = 86_400_000;

pub async fn run(node: Arc<Node>, keep: i64) {
    for round in 0_u64.. {
        node.env.sleep_until(node.env.now() + EVERY).await;
        let done = async {
            finished(&node, keep).await?;
            if round % SLOWLY == 0 { unused(&node, keep).await } else { Ok(()) }
        };
        if let Err(error) = done.await {
            tracing::warn!(%error, "what has ended could not be pruned; it is tried again in a minute");
        }
        if node.is_stopping() {
            return;
        }
    }
}

fn horizon(node: &Node, keep: i64) -> Horizon {
    let now = node.env.now();
    Horizon { ended: now.saturating_sub(keep), keys: now - KEYS }
}

async fn finished(node: &Node, keep: i64) -> Result<(), StoreError> {
    loop {
        let proposals = node.store.counts().now().proposals;
        let pruning = node.store.prune_finished(horizon(node, keep));
        let (_, more) = node.read("prune what has ended", pruning).await?;
        if !more || !pause(node, proposals).await {
            return Ok(());
        }
    }
}

async fn unused(node: &Node, keep: i64) -> Result<(), StoreError> {
    let plugins: Vec<String> = node.farm().blueprints.values().map(|one| one.plugin.digest().to_owned()).collect();
    loop {
        let proposals = node.store.counts().now().proposals;
        let pruning = node.store.prune_unused(horizon(node, keep), node.env.now(), &plugins);
        let (_, more) = node.read("prune what is unused", pruning).await?;
        if !more || !pause(node, proposals).await {
            return Ok(());
        }
    }
}

/// Waits for the next commit's turn; false when the node stops. `proposals`: how many there were before the last one.
async fn pause(node: &Node, proposals: u64) -> bool {
    let pause = if node.store.counts().now().proposals == proposals { PAUSE.0 } else { PAUSE.1 };
    node.env.sleep_until(node.env.now() + pause).await;
    !node.is_stopping()
}
