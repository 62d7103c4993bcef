//! Who waits for what to change. One task reads the events as they are committed and wakes those whose lease or resource
//! they are about, so that a thousand waiting clients cost nothing while others are served.

use drydock_core::engine::Node;
use drydock_core::engine::api::AskError;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::watch;

/// Events read at once.
const BATCH: u32 = 1000;

#[derive(Default)]
pub struct News {
    /// By the id of a lease or resource.
    subjects: Mutex<HashMap<String, watch::Sender<()>>>,
    /// The number of the last event.
    last: watch::Sender<i64>,
    stopping: watch::Sender<bool>,
}

/// Somebody who waits for one lease or resource. It knows of every change after it was made.
pub struct Subscription {
    news: Arc<News>,
    id: String,
    changes: watch::Receiver<()>,
}

impl News {
    pub fn new() -> Arc<News> {
        Arc::new(News::default())
    }

    pub fn subscribe(self: &Arc<News>, id: &str) -> Subscription {
        let changes = self.subjects().entry(id.to_string()).or_default().subscribe();
        Subscription { news: Arc::clone(self), id: id.to_string(), changes }
    }

    /// Changes with every event.
    pub fn events(&self) -> watch::Receiver<i64> {
        self.last.subscribe()
    }

    /// Ends all waiting.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Comes when all waiting has to end.
    pub async fn stopped(&self) {
        let mut stopping = self.stopping.subscribe();
        // The sender lives as long as self.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    }

    /// Follows the node's events until it is dropped.
    pub async fn follow(self: Arc<News>, node: Arc<Node>) {
        let mut changes = node.changes();
        let mut last = None;
        loop {
            changes.borrow_and_update();
            match self.read(&node, last).await {
                Ok(read) => last = Some(read),
                Err(error) => {
                    tracing::warn!("events can't be read, so clients that wait are late: {error}");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    continue;
                }
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Wakes whom the events after `last` are about.
    async fn read(&self, node: &Node, last: Option<i64>) -> Result<i64, AskError> {
        let Some(mut last) = last else {
            // Whoever waits already has subscribed before it looked, but not before these.
            let newest = newest(node).await?;
            self.subjects().values().for_each(|subject| subject.send_modify(|()| {}));
            self.last.send_replace(newest);
            return Ok(newest);
        };
        loop {
            let events = node.events(last, None, BATCH).await?;
            let Some(newest) = events.last().map(|event| event.seq) else { return Ok(last) };
            last = newest;
            let full = events.len() >= BATCH as usize;
            {
                let subjects = self.subjects();
                for event in &events {
                    let about = [event.event.lease.as_ref(), event.event.resource.as_ref(), Some(&event.event.id)];
                    for subject in about.into_iter().flatten().filter_map(|id| subjects.get(id)) {
                        subject.send_modify(|()| {});
                    }
                }
            }
            self.last.send_replace(last);
            if !full {
                return Ok(last);
            }
        }
    }

    fn subjects(&self) -> MutexGuard<'_, HashMap<String, watch::Sender<()>>> {
        // A panic elsewhere leaves the map as it was.
        self.subjects.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Subscription {
    /// Comes when the subject has changed since the last time, or since the subscription.
    pub async fn changed(&mut self) {
        // The sender is only removed when its last subscriber is gone.
        let _ = self.changes.changed().await;
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut subjects = self.news.subjects();
        // This one is still counted.
        if subjects.get(&self.id).is_some_and(|subject| subject.receiver_count() <= 1) {
            subjects.remove(&self.id);
        }
    }
}

/// The number of the last event, 0 for none. The log may be long, so it is found by halving, not by reading.
async fn newest(node: &Node) -> Result<i64, AskError> {
    let (mut low, mut high) = (0i64, 1i64);
    while let Some(event) = node.events(high, None, 1).await?.first() {
        low = event.seq;
        high = event.seq.saturating_mul(2);
    }
    // Some event has the number `low` (or it is 0), none has one above `high`.
    if low == 0 {
        return Ok(node.events(0, None, 1).await?.first().map_or(0, |event| event.seq));
    }
    while low < high {
        let middle = low + (high - low) / 2;
        match node.events(middle, None, 1).await?.first() {
            Some(event) => low = event.seq,
            None => high = middle,
        }
    }
    Ok(low)
}
