//! Leases that last only while their holder gives signs of life: a connection for a tied one, beats for one with a
//! heartbeat, any use for one with an idle timeout. When they stop coming, the lease ends. So a client that is killed, or
//! whose machine is gone, keeps nothing.
//!
//! Who watches: the node that has claimed the lease's row. It is the one that wrote the lease down; a sign that comes to
//! another node makes that one claim it, a dead node's are taken over with the rest, and no other commit moves the claim
//! of such a lease. A node that watches keeps in memory when it had the last sign, so that a beat costs a read and no
//! commit. After the last connection was closed it waits for a moment, since a client may be connecting again; where it
//! has never had a sign it waits for the whole time that there is, since the client may not have come so far, or has
//! to find another daemon first. A node that stops ends nothing; with the next one, every time begins anew.
//!
//! What a node believes may be old: the lease may be kept by now, or another node may have claimed it, or has had it in
//! between. So the commit that ends a lease looks at the row: it must still need the sign, be claimed by the node that
//! says so, and be of the epoch that the node knows. Claims move with the epoch, so a claim that has been away comes back
//! two epochs later, and then the client is waited for as one that was never seen. A beat counts only if the row, read after
//! it came, was claimed by the node that notes it; so no two nodes believe the same of one lease.

use super::api::AskError;
use super::node::{Node, lock};
use crate::env::Env;
use crate::model::proposal::{Change, Lost, Outcome};
use crate::model::protection::Protection;
use crate::model::rows::{Lease, Wanted};
use crate::model::sign::Sign;
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

/// What one node knows of the signs of life that it watches for.
pub(crate) struct Holds {
    env: Arc<dyn Env>,
    grace: i64,
    ties: Mutex<Ties>,
    woken: Notify,
}

/// A lease, and what it needs.
type Need = (String, Sign);

#[derive(Default)]
struct Ties {
    /// Leases that are watched, and those that somebody has a connection for.
    ties: BTreeMap<Need, Tie>,
    /// When those without a connection end.
    due: BTreeSet<(i64, Need)>,
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
    fn change<T>(&mut self, need: &Need, change: impl FnOnce(&mut Tie) -> T) -> T {
        let mut tie = self.ties.remove(need).unwrap_or_default();
        self.due.remove(&(tie.until, need.clone()));
        let result = change(&mut tie);
        if tie.watched && tie.open == 0 {
            self.due.insert((tie.until, need.clone()));
        }
        if tie.watched || tie.open > 0 {
            self.ties.insert(need.clone(), tie);
        }
        result
    }

    fn next(&self) -> Option<i64> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Those whose time has come, with their epoch. They are watched no more, unless something is heard of them again.
    fn take_due(&mut self, now: i64) -> Vec<(Need, i64)> {
        let mut gone = Vec::new();
        while self.next().is_some_and(|at| at <= now)
            && let Some((_, need)) = self.due.pop_first()
        {
            let epoch = self.change(&need, |tie| {
                tie.watched = false;
                tie.epoch
            });
            gone.push((need, epoch));
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
            let here = lease.wanted == Wanted::Keep && lease.claim == node;
            for sign in Sign::EVERY {
                if here && sign.wanted_of(lease) {
                    self.watch(lease, sign);
                } else if sure && (sign == Sign::Connection || sign.asked_of(lease)) {
                    self.change(&(lease.id.clone(), sign), |tie| tie.watched = false);
                }
            }
        }
    }

    fn watch(&self, lease: &Lease, sign: Sign) {
        let until = self.env.now() + sign.patience(lease).unwrap_or(self.grace);
        self.change(&(lease.id.clone(), sign), |tie| {
            if !tie.watched || tie.epoch + 1 < lease.epoch {
                tie.until = tie.until.max(until);
            }
            tie.watched = true;
            tie.epoch = tie.epoch.max(lease.epoch);
        });
    }

    /// Notes a sign that came at an instant; false if it is not watched for here, or its time is over.
    fn renew(&self, lease: &Lease, sign: Sign, at: i64) -> bool {
        let until = at + sign.patience(lease).unwrap_or(self.grace);
        self.change(&(lease.id.clone(), sign), |tie| {
            tie.until = tie.until.max(until);
            tie.watched
        })
    }

    fn change<T>(&self, need: &Need, change: impl FnOnce(&mut Tie) -> T) -> T {
        let mut ties = lock(&self.ties);
        let before = ties.next();
        let result = ties.change(need, change);
        if ties.next() != before {
            self.woken.notify_one();
        }
        result
    }
}

/// A connection that is counted.
struct Open {
    holds: Arc<Holds>,
    need: Need,
}

impl Open {
    fn new(holds: &Arc<Holds>, lease: &str) -> Open {
        let need = (lease.to_owned(), Sign::Connection);
        holds.change(&need, |tie| tie.open += 1);
        Open { holds: Arc::clone(holds), need }
    }

    /// From now on this node watches, and has seen the client.
    fn seen(&self, epoch: i64) {
        self.holds.change(&self.need, |tie| {
            tie.watched = true;
            tie.epoch = tie.epoch.max(epoch);
            tie.until = 0;
        });
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let until = self.holds.env.now() + GRACE;
        self.holds.change(&self.need, |tie| {
            tie.open -= 1;
            tie.until = tie.until.max(until);
        });
    }
}

/// Ends leases whose holders are gone.
pub(super) async fn run(node: Arc<Node>) {
    loop {
        let next = lock(&node.holds.ties).next();
        match next {
            Some(at) if at <= node.env.now() => {
                let gone = lock(&node.holds.ties).take_due(node.env.now());
                if node.is_stopping() {
                    return;
                }
                join_all(gone.iter().map(|(need, epoch)| node.holder_gone(need, *epoch))).await;
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
        let mut lease = self.living(&id).await?;
        if lease.tied == 0 {
            return Err(AskError::Untied(id));
        }
        if lease.claim != self.id {
            lease =
                self.about(id.clone(), Change::HoldLease { lease: id, sign: Sign::Connection, fence: None }).await?;
        }
        open.seen(lease.epoch);
        Ok(Hold { lease, _open: open })
    }

    /// Takes back that a lease is tied: it lasts until it is released.
    pub async fn keep(&self, lease: &str) -> Result<Lease, AskError> {
        let id = self.find(lease).await?;
        self.about(id.clone(), Change::KeepLease { lease: id }).await
    }

    /// The holder of a lease says that it is there; it counts from the moment at which this is called. Under another
    /// fencing epoch than `fence`, where that is given, it does not count.
    pub async fn beat(&self, lease: &str, fence: Option<i64>) -> Result<Lease, AskError> {
        let (id, came) = (self.find(lease).await?, self.env.now());
        let lease = self.living(&id).await?;
        if let Some(fence) = fence.filter(|fence| *fence != lease.fence) {
            return Err(AskError::OtherEpoch { lease: id, fence });
        }
        match Sign::Beat.asked_of(&lease) || Sign::Use.asked_of(&lease) {
            true => self.sign(lease, &[Sign::Beat, Sign::Use], came, fence).await,
            false => Err(AskError::NeedsNoBeat(id)),
        }
    }

    /// Somebody uses what a lease with an idle timeout has; nothing for any other.
    pub async fn used(&self, lease: &str) -> Result<(), AskError> {
        let came = self.env.now();
        let lease = self.living(lease).await?;
        self.sign(lease, &[Sign::Use], came, None).await.map(|_| ())
    }

    /// Notes signs of life for a lease whose row was read after they came.
    async fn sign(&self, lease: Lease, signs: &[Sign], came: i64, fence: Option<i64>) -> Result<Lease, AskError> {
        let wanted: Vec<Sign> = signs.iter().copied().filter(|sign| sign.wanted_of(&lease)).collect();
        let Some(first) = wanted.first() else { return Ok(lease) };
        if lease.claim == self.id && wanted.iter().all(|sign| self.holds.renew(&lease, *sign, came)) {
            return Ok(lease);
        }
        // Another node watches, or this one has not heard of it, or is about to end it: the row decides.
        let change = Change::HoldLease { lease: lease.id.clone(), sign: *first, fence };
        let lease = self.about(lease.id, change).await?;
        for sign in wanted {
            self.holds.watch(&lease, sign);
            self.holds.renew(&lease, sign, self.env.now());
        }
        Ok(lease)
    }

    /// A lease that has not ended, and that nobody wants to.
    async fn living(&self, id: &str) -> Result<Lease, AskError> {
        if self.is_stopping() {
            return Err(AskError::Stopping);
        }
        let subject = self.read("lease", self.store.lease(id)).await?;
        let lease = subject.lease.ok_or_else(|| AskError::NoSuchLease(id.to_owned()))?;
        match lease.status.ended() || lease.wanted == Wanted::End {
            true => Err(AskError::Ended(id.to_owned())),
            false => Ok(lease),
        }
    }

    /// The holder of a lease has given no sign of life for too long.
    async fn holder_gone(&self, (lease, sign): &Need, epoch: i64) {
        let protection = if *sign == Sign::Beat { Protection::Heartbeat } else { Protection::ClientEnd };
        if !self.protections.has(protection) {
            return;
        }
        match self.commit(Change::HolderGone { lease: lease.clone(), sign: *sign, epoch }).await {
            Outcome::Lost(Lost::Epoch) => self.watch_again(lease).await,
            // Who has taken this node for dead watches now.
            Outcome::Lost(Lost::Dead(_)) => {}
            Outcome::Lost(lost) => {
                tracing::error!(lease, %lost, "the holder of a lease is gone, and the lease can't be ended; please report this");
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
                    tracing::warn!(lease, %error, "whether a lease still needs its holder can't be read");
                    self.env.sleep_until(self.env.now() + READ_AGAIN).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need() -> Need {
        ("l".to_owned(), Sign::Connection)
    }

    fn due(ties: &mut Ties, now: i64) -> Vec<String> {
        ties.take_due(now).into_iter().map(|((lease, _), _)| lease).collect()
    }

    #[test]
    fn a_lease_ends_when_nobody_holds_it_any_more() {
        let mut ties = Ties::default();
        let watch = |ties: &mut Ties, until| {
            ties.change(&need(), |tie| {
                tie.watched = true;
                tie.until = until;
            })
        };
        watch(&mut ties, 30);
        assert_eq!((ties.next(), due(&mut ties, 29)), (Some(30), vec![]));
        // Two connections: the first that is closed changes nothing.
        ties.change(&need(), |tie| tie.open += 2);
        assert_eq!((ties.next(), due(&mut ties, 100)), (None, vec![]));
        ties.change(&need(), |tie| tie.open -= 1);
        assert_eq!(ties.next(), None);
        ties.change(&need(), |tie| {
            tie.open -= 1;
            tie.until = 102;
        });
        assert_eq!(due(&mut ties, 102), ["l"]);
        assert!(ties.ties.is_empty() && ties.due.is_empty(), "nothing of it is left");
    }

    #[test]
    fn what_is_not_watched_does_not_end() {
        let mut ties = Ties::default();
        ties.change(&need(), |tie| tie.open += 1);
        ties.change(&need(), |tie| tie.open -= 1);
        assert!(ties.ties.is_empty() && ties.due.is_empty(), "another node watches it");
        ties.change(&need(), |tie| tie.watched = true);
        ties.change(&need(), |tie| tie.watched = false);
        assert!(ties.ties.is_empty() && ties.due.is_empty(), "it was kept, or has ended");
    }
}
