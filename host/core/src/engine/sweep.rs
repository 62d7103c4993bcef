//! The safety sweep: slowly, it looks for work that nobody was told of. It finds nothing; what it finds all the same is
//! done, counted, and a bug.

use super::hub::Message;
use super::node::Node;
use std::sync::Arc;

/// How often it looks, and how long something must have been due to count. Milliseconds.
const EVERY: i64 = 60_000;
const OVERDUE: i64 = 30_000;

pub async fn run(node: Arc<Node>) {
    loop {
        node.env.sleep_until(node.env.now() + EVERY).await;
        if node.is_stopping() {
            return;
        }
        let before = node.env.now() - OVERDUE;
        let Ok(rows) = node.read("what is overdue", node.store.overdue(&node.id, before)).await else { continue };
        let Ok(pools) = node.read("pools", node.store.pools()).await else { continue };
        let _ = node.hub.send(Message::Sweep { rows, pools });
    }
}
