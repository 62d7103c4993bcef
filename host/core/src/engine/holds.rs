//! Leases that are tied to a connection of their client: while the client holds one, the lease lasts; when it is gone,
//! the lease ends. So a client that is killed, or whose machine is gone, keeps nothing.
//!
//! Who watches: the node that has claimed the lease's row. It is the one that wrote the lease down; a connection to
//! another node makes that one claim it, a dead node's are taken over with the rest, and no other commit moves the
//! claim of a tied lease. A node that watches knows its own connections, and waits for them: for a moment after the last
//! one was closed, since a client may be connecting again; for longer where it has never seen one, since the client may
//! not have come so far, or has to find another daemon first. A node that stops ends nothing; the next one waits for the
//! clients to come back.
//!
//! What a node believes may be old: the lease may be kept by now, or another node may have claimed it, or has had it in
//! between. So the commit that ends a lease looks at the row: it must still be tied, claimed by the node that says so,
//! and of the epoch that the node knows. Claims move with the epoch, so a claim that has been away comes back two epochs
//! later, and then the client is waited for as one that was never seen.

use super::api::AskError;
use super::node::{Node, lock};
use crate::env::Env;
use crate::model::proposal::{Change, Lost, Outcome};
use crate::model::protection::Protection;
use crate::model::rows::{Lease, Wanted};
use crate::store::Touched;
use futures::future::{join_all, select};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// How long a client that was connected may be away. Milliseconds.
const GRACE: i64 = 2_000;

/// How long a client that was not connected yet is waited for, unless the configuration says otherwise. Milliseconds.
pub const HOLD_GRACE: i64 = 30_000;

/// How soon a row is looked at again when the store could not be read. Milliseconds.
const READ_AGAIN: i64 = 1_000;

/// A client's connection for a tied lease, until it is dropped.
pub struct Hold {
    /// As it was when the connection was taken note of.
    pub lease: Lease,
    _open: Open,
}

/// What one node knows of tied leases.
pub(crate) struct Holds {
    env: Arc<dyn Env>,
    grace: i64,
    ties: Mutex<Ties>,
    woken: Notify,
}

#[derive(Default)]
struct Ties {
    /// Leases that are watched, and those that somebody has a connection for.
    leases: BTreeMap<String, Tie>,
    /// When those without a connection end.
    due: BTreeSet<(i64, String)>,
}

#[derive(Default)]
struct Tie {
    open: usize,
    watched: bool,
    /// Of its row, as far as this node has heard.
    epoch: i64,
    /// It does not end before this.
    until: i64,
}

impl Ties {
    fn change(&mut self, lease: &str, change: impl FnOnce(&mut Tie)) {
        let mut tie = self.leases.remove(lease).unwrap_or_default();
        self.due.remove(&(tie.until, lease.to_owned()));
        change(&mut tie);
        if tie.watched && tie.open == 0 {
            self.due.insert((tie.until, lease.to_owned()));
        }
        if tie.watched || tie.open > 0 {
            self.leases.insert(lease.to_owned(), tie);
        }
    }

    fn next(&self) -> Option<i64> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Those whose time has come, with their epoch. They are watched no more, unless something is heard of them again.
    fn take_due(&mut self, now: i64) -> Vec<(String, i64)> {
        let mut gone = Vec::new();
        while self.next().is_some_and(|at| at <= now)
            && let Some((_, lease)) = self.due.pop_first()
        {
            let mut epoch = 0;
            self.change(&lease, |tie| {
                tie.watched = false;
                epoch = tie.epoch;
            });
            gone.push((lease, epoch));
        }
        gone
    }
}

impl Holds {
    pub fn new(env: Arc<dyn Env>, grace: i64) -> Arc<Holds> {
        Arc::new(Holds { env, grace, ties: Mutex::default(), woken: Notify::new() })
    }

    /// What a group of this node has left.
    pub fn touched(&self, node: &str, touched: &Touched) {
        self.hear(node, touched, true);
    }

    /// What another node tells of may be old by now: it makes this one watch, and never stop watching.
    pub fn told(&self, node: &str, touched: &Touched) {
        self.hear(node, touched, false);
    }

    fn hear(&self, node: &str, touched: &Touched, sure: bool) {
        for lease in &touched.leases {
            let alive = lease.wanted == Wanted::Keep && !lease.status.ended();
            if alive && lease.tied == 1 && lease.claim == node {
                self.watch(lease);
            } else if sure {
                self.change(&lease.id, |tie| tie.watched = false);
            }
        }
    }

    fn watch(&self, lease: &Lease) {
        let until = self.env.now() + self.grace;
        self.change(&lease.id, |tie| {
            if !tie.watched || tie.epoch + 1 < lease.epoch {
                tie.until = tie.until.max(until);
            }
            tie.watched = true;
            tie.epoch = tie.epoch.max(lease.epoch);
        });
    }

    fn change(&self, lease: &str, change: impl FnOnce(&mut Tie)) {
        let mut ties = lock(&self.ties);
        let before = ties.next();
        ties.change(lease, change);
        if ties.next() != before {
            self.woken.notify_one();
        }
    }
}

/// A connection that is counted.
struct Open {
    holds: Arc<Holds>,
    lease: String,
}

impl Open {
    fn new(holds: &Arc<Holds>, lease: &str) -> Open {
        holds.change(lease, |tie| tie.open += 1);
        Open { holds: Arc::clone(holds), lease: lease.to_owned() }
    }

    /// From now on this node watches, and has seen the client.
    fn seen(&self, epoch: i64) {
        self.holds.change(&self.lease, |tie| {
            tie.watched = true;
            tie.epoch = tie.epoch.max(epoch);
            tie.until = 0;
        });
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let until = self.holds.env.now() + GRACE;
        self.holds.change(&self.lease, |tie| {
            tie.open -= 1;
            tie.until = tie.until.max(until);
        });
    }
}

/// Ends leases whose clients are gone.
pub(super) async fn run(node: Arc<Node>) {
    loop {
        let next = lock(&node.holds.ties).next();
        match next {
            Some(at) if at <= node.env.now() => {
                let gone = lock(&node.holds.ties).take_due(node.env.now());
                if node.is_stopping() {
                    return;
                }
                join_all(gone.iter().map(|(lease, epoch)| node.holder_gone(lease, *epoch))).await;
            }
            Some(at) => {
                select(Box::pin(node.holds.woken.notified()), node.env.sleep_until(at)).await;
            }
            None => node.holds.woken.notified().await,
        }
    }
}

impl Node {
    /// Takes note of a client's connection for a tied lease. Dropping what this returns says that it is closed.
    pub async fn hold(&self, lease: &str) -> Result<Hold, AskError> {
        if self.is_stopping() {
            return Err(AskError::Stopping);
        }
        let id = self.find(lease).await?;
        // It counts before it is looked at, so that its time is not over meanwhile.
        let open = Open::new(&self.holds, &id);
        let subject = self.read("lease", self.store.lease(&id)).await?;
        let mut lease = subject.lease.ok_or_else(|| AskError::NoSuchLease(id.clone()))?;
        if lease.status.ended() || lease.wanted == Wanted::End {
            return Err(AskError::Ended(id));
        }
        if lease.tied == 0 {
            return Err(AskError::Untied(id));
        }
        if lease.claim != self.id {
            lease = self.about(id.clone(), Change::HoldLease { lease: id }).await?;
        }
        open.seen(lease.epoch);
        Ok(Hold { lease, _open: open })
    }

    /// Takes back that a lease is tied: it lasts until it is released.
    pub async fn keep(&self, lease: &str) -> Result<Lease, AskError> {
        let id = self.find(lease).await?;
        self.about(id.clone(), Change::KeepLease { lease: id }).await
    }

    /// The client that waited for a lease or held it is gone.
    async fn holder_gone(&self, lease: &str, epoch: i64) {
        if !self.protections.has(Protection::ClientEnd) {
            return;
        }
        match self.commit(Change::HolderGone { lease: lease.to_owned(), epoch }).await {
            Outcome::Lost(Lost::Epoch) => self.watch_again(lease).await,
            // Who has taken this node for dead watches now.
            Outcome::Lost(Lost::Dead(_)) => {}
            Outcome::Lost(lost) => {
                tracing::error!(lease, %lost, "the client of a lease is gone, and the lease can't be ended; please report this");
            }
            Outcome::Done(_) | Outcome::Known | Outcome::Unknown(_) => {}
        }
    }

    /// The row has moved on without this node having heard of it.
    async fn watch_again(&self, lease: &str) {
        loop {
            match self.read("lease", self.store.lease(lease)).await {
                Ok(subject) => {
                    let leases = subject.lease.into_iter().collect();
                    return self.holds.told(&self.id, &Touched { leases, ..Touched::default() });
                }
                Err(error) => {
                    tracing::warn!(lease, %error, "whether a lease is still tied can't be read");
                    self.env.sleep_until(self.env.now() + READ_AGAIN).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(ties: &mut Ties, now: i64) -> Vec<String> {
        ties.take_due(now).into_iter().map(|(lease, _)| lease).collect()
    }

    #[test]
    fn a_lease_ends_when_nobody_holds_it_any_more() {
        let mut ties = Ties::default();
        let watch = |ties: &mut Ties, until| {
            ties.change("l", |tie| {
                tie.watched = true;
                tie.until = until;
            })
        };
        watch(&mut ties, 30);
        assert_eq!((ties.next(), due(&mut ties, 29)), (Some(30), vec![]));
        // Two connections: the first that is closed changes nothing.
        ties.change("l", |tie| tie.open += 2);
        assert_eq!((ties.next(), due(&mut ties, 100)), (None, vec![]));
        ties.change("l", |tie| tie.open -= 1);
        assert_eq!(ties.next(), None);
        ties.change("l", |tie| {
            tie.open -= 1;
            tie.until = 102;
        });
        assert_eq!(due(&mut ties, 102), ["l"]);
        assert!(ties.leases.is_empty() && ties.due.is_empty(), "nothing of it is left");
    }

    #[test]
    fn what_is_not_watched_does_not_end() {
        let mut ties = Ties::default();
        ties.change("l", |tie| tie.open += 1);
        ties.change("l", |tie| tie.open -= 1);
        assert!(ties.leases.is_empty() && ties.due.is_empty(), "another node watches it");
        ties.change("l", |tie| tie.watched = true);
        ties.change("l", |tie| tie.watched = false);
        assert!(ties.leases.is_empty() && ties.due.is_empty(), "it was kept, or has ended");
    }
}
