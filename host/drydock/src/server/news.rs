//! Who waits for what to change. One task hears what each group of commits has left, and wakes those whose lease or
//! resource that is, so that a thousand waiting clients cost nothing while others are served.

use drydock_core::engine::Left;
use drydock_core::model::rows::Lease;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;

#[derive(Default)]
pub struct News {
    /// By the id of a lease or resource.
    subjects: Mutex<HashMap<String, watch::Sender<Option<Lease>>>>,
    stopping: watch::Sender<bool>,
}

/// Somebody who waits for one lease or resource. It knows of every change after it was made.
pub struct Subscription {
    news: Arc<News>,
    id: String,
    changes: watch::Receiver<Option<Lease>>,
}

impl News {
    pub fn new() -> Arc<News> {
        Arc::new(News::default())
    }

    pub fn subscribe(self: &Arc<News>, id: &str) -> Subscription {
        let changes = self.subjects().entry(id.to_string()).or_default().subscribe();
        Subscription { news: Arc::clone(self), id: id.to_string(), changes }
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

    /// Tells of what a node's commits leave, until there is no more.
    pub async fn follow(self: Arc<News>, mut left: Receiver<Left>) {
        loop {
            match left.recv().await {
                Ok(left) if left.touched.anything => self.wake_all(),
                Ok(left) => self.wake(&left),
                Err(RecvError::Lagged(_)) => self.wake_all(),
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn wake(&self, left: &Left) {
        let subjects = self.subjects();
        let touched = &left.touched;
        let wake = |id: &str, lease: Option<&Lease>| {
            if let Some(subject) = subjects.get(id) {
                subject.send_replace(lease.cloned());
            }
        };
        // Of a lease, its row is told last: what a place or another node has to tell of it is less.
        touched.places.iter().for_each(|place| wake(&place.lease, None));
        touched.resources.iter().for_each(|resource| wake(&resource.id, None));
        touched.leases.iter().for_each(|lease| wake(&lease.id, left.here.then_some(lease)));
    }

    fn wake_all(&self) {
        self.subjects().values().for_each(|subject| drop(subject.send_replace(None)));
    }

    fn subjects(&self) -> MutexGuard<'_, HashMap<String, watch::Sender<Option<Lease>>>> {
        // A panic elsewhere leaves the map as it was.
        self.subjects.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Subscription {
    /// Comes when the subject has changed since the last time, or since the subscription; with its row, if it is a lease
    /// and the change came with it.
    pub async fn changed(&mut self) -> Option<Lease> {
        // The sender is only removed when its last subscriber is gone.
        let _ = self.changes.changed().await;
        self.changes.borrow_and_update().clone()
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
