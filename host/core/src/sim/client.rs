//! Clients of a scenario: each asks a node, goes to another when that one dies, and looks at what it got.

use super::scenario::Client;
use super::world::{CLIENTS, START, World};
use crate::contract::{Alternative, Request};
use crate::engine::Node;
use crate::engine::api::{Ask, AskError, Filter};
use crate::model::rows::Lease;
use crate::model::status::LeaseStatus;
use crate::store::Store;
use futures::future::{Either, select};
use std::sync::Arc;

/// A client that was not served so long after the start gives up, and the run has failed. Milliseconds.
pub const PATIENCE: i64 = 3_600_000;

/// How long a client waits for the answer to a beat. Milliseconds.
const IMPATIENCE: i64 = 2_000;

pub struct Running {
    pub world: Arc<World>,
    pub store: Arc<Store>,
    pub number: usize,
    pub client: Client,
    /// Milliseconds.
    pub patience: i64,
}

impl Running {
    pub async fn run(self) {
        self.sleep(self.client.at).await;
        if self.client.drains {
            self.drain().await;
            self.world.state().clients -= 1;
            return;
        }
        if let Some((every, until)) = self.client.probes {
            self.probe(every, until).await;
            self.world.state().clients -= 1;
            return;
        }
        if self.client.forgets {
            self.forget().await;
            self.world.state().clients -= 1;
            return;
        }
        let asked = self.world.now();
        if !self.client.set.is_empty() {
            self.stay_together(asked).await;
            self.world.tell(format!("client {} is done", self.number));
            self.world.state().clients -= 1;
            return;
        }
        let id = self.ask().await;
        match (self.client.cancel, self.client.vanish) {
            (None, None) if self.client.dies.is_some() => self.die(&id, asked).await,
            (None, None) => {
                self.stay(&id, asked).await;
                if self.client.returns {
                    self.come_back(&id).await;
                }
            }
            (Some(after), _) => {
                let stay = Box::pin(async {
                    if let Some(lease) = self.served(&id, asked).await {
                        self.hold(&lease).await;
                    }
                });
                select(stay, self.world.sleep_until(CLIENTS, asked + after)).await;
                self.world.mark("cancelled");
                self.end(&id).await;
            }
            (None, Some(0)) => self.world.mark("gone before it was connected"),
            (None, Some(after)) => {
                let stay = Box::pin(self.connected(&id, async {
                    if let Some(lease) = self.served(&id, asked).await {
                        self.hold(&lease).await;
                        // It would hold it for ever.
                        std::future::pending::<()>().await;
                    }
                }));
                select(stay, self.world.sleep_until(CLIENTS, asked + after)).await;
                self.world.mark("vanished");
            }
        }
        self.world.tell(format!("client {} is done", self.number));
        self.world.state().clients -= 1;
    }

    fn key(&self) -> String {
        format!("key-{}", self.number)
    }

    fn owner(&self) -> String {
        self.client.owner.map_or_else(|| format!("client-{}", self.number), str::to_owned)
    }

    async fn sleep(&self, after: i64) {
        let at = self.world.now() + after;
        self.world.sleep_until(CLIENTS, at).await;
    }

    /// Uses its lease, and lets go.
    async fn stay(&self, id: &str, asked: i64) {
        let keeps = self.client.keeps;
        let kept = self.connected(id, async {
            let lease = self.served(id, asked).await?;
            if keeps {
                self.keep(id).await;
            } else {
                self.hold(&lease).await;
                self.end(id).await;
            }
            Some(lease)
        });
        if let Some(lease) = kept.await
            && keeps
        {
            self.hold(&lease).await;
            self.end(id).await;
        }
    }

    /// Does something, connected to a node all the while if the lease is tied.
    async fn connected<T>(&self, id: &str, what: impl Future<Output = T>) -> T {
        let connection = async {
            if self.client.tied {
                self.connect(id).await;
            }
            std::future::pending::<()>().await;
        };
        match select(Box::pin(what), Box::pin(connection)).await {
            Either::Left((done, _)) => done,
            // It has no end.
            Either::Right(_) => std::future::pending().await,
        }
    }

    /// Has a connection to some node, until the lease has none to hold any more.
    async fn connect(&self, id: &str) {
        let mut turn = 0;
        let mut connection = None;
        loop {
            let (number, node) = self.node(turn).await;
            match node.hold(id).await {
                Ok(hold) => {
                    self.world.tell(format!("client {} is connected to node {number}", self.number));
                    let mut changes = node.changes();
                    drop(node);
                    // The one before is closed only now.
                    connection.replace(hold);
                    let gone = Box::pin(async { while changes.changed().await.is_ok() {} });
                    match self.client.moves {
                        None => gone.await,
                        Some(every) => {
                            let timer = self.world.sleep_until(CLIENTS, self.world.now() + every);
                            if let Either::Right(_) = select(gone, timer).await {
                                self.world.mark("moved");
                            }
                        }
                    }
                }
                Err(AskError::Ended(_) | AskError::Untied(_)) => return,
                Err(_) => self.sleep(200).await,
            }
            turn += 1;
        }
    }

    /// A node that can be asked, the client's own first; waits for one.
    async fn node(&self, turn: usize) -> (usize, Arc<Node>) {
        loop {
            let living = self.world.living();
            if !living.is_empty() {
                let number = living[(self.number + turn) % living.len()];
                if let Some(node) = self.world.node(number)
                    && !node.is_stopping()
                {
                    return (number, node);
                }
            }
            self.sleep(500).await;
        }
    }

    /// Uses a set, and lets go of it; or cancels it, whatever it has by then.
    async fn stay_together(&self, asked: i64) {
        let ids = self.ask_set().await;
        let stay = Box::pin(async {
            let mut leases = Vec::new();
            for id in &ids {
                leases.extend(self.served(id, asked).await);
            }
            for lease in leases {
                self.hold(&lease).await;
            }
        });
        match self.client.cancel {
            None => stay.await,
            Some(after) => {
                select(stay, self.world.sleep_until(CLIENTS, asked + after)).await;
                self.world.mark("cancelled");
            }
        }
        for id in &ids {
            self.end(id).await;
        }
    }

    async fn ask_set(&self) -> Vec<String> {
        let kinds = std::iter::once(&self.client.kind).chain(self.client.set);
        let asks: Vec<Ask> = kinds
            .enumerate()
            .map(|(n, kind)| Ask {
                request: Request { kind: (*kind).to_owned(), ..self.request() },
                owner: self.owner(),
                key: Some(format!("{}/{n}", self.key())),
                ..Ask::default()
            })
            .collect();
        let mut turn = 0;
        loop {
            let (number, node) = self.node(turn).await;
            match node.ask_set(asks.clone()).await {
                Ok(leases) => return leases.into_iter().map(|lease| lease.id).collect(),
                Err(error) => {
                    self.world.tell(format!("client {} at node {number}: {error}", self.number));
                    turn += 1;
                    self.sleep(200).await;
                }
            }
        }
    }

    fn request(&self) -> Request {
        Request {
            kind: self.client.kind.to_owned(),
            attributes: self.client.attributes.to_owned(),
            labels: self.client.labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            blueprints: Vec::new(),
            otherwise: self.client.otherwise.iter().map(|other| alternative(other)).collect(),
        }
    }

    /// Asks until some node acknowledges.
    async fn ask(&self) -> String {
        let request = self.request();
        let mut turn = 0;
        loop {
            let (number, node) = self.node(turn).await;
            let ask = Ask {
                request: request.clone(),
                owner: self.owner(),
                key: Some(self.key()),
                tied: self.client.tied,
                priority: self.client.priority,
                heartbeat: self.client.heartbeat,
                ..Ask::default()
            };
            match node.ask(ask).await {
                Ok(lease) => return lease.id,
                Err(error) => {
                    self.world.tell(format!("client {} at node {number}: {error}", self.number));
                    turn += 1;
                    self.sleep(200).await;
                }
            }
        }
    }

    /// Waits until the lease is active; none if it ended otherwise.
    async fn served(&self, id: &str, asked: i64) -> Option<Lease> {
        let mut turn = 0;
        let mut known = None;
        loop {
            let (_, node) = self.node(turn).await;
            let mut changes = node.changes();
            drop(node);
            // Nearly all that changes is of others. Its own status does not change without an event: the checker sees to
            // that.
            let told = self.world.told_of(id);
            let lease = match known.take() {
                Some((seen, lease)) if seen == told => lease,
                _ => self.look(id).await?,
            };
            match lease.status {
                LeaseStatus::Active => {
                    self.got(&lease, asked);
                    return Some(lease);
                }
                // It was active for a moment in which the client did not look.
                _ if lease.outcome == "resource-lost" => {
                    self.world.mark("lost");
                    return None;
                }
                status if status.ended() => {
                    self.world.fail(format!("client {}: {id} ended by itself: {:?}", self.number, lease.reason));
                    return None;
                }
                _ => {}
            }
            if self.world.now() - START > self.patience {
                self.world.fail(format!("client {} is not served: {id} is {}", self.number, lease.status));
                return None;
            }
            known = Some((told, lease));
            let timer = self.world.sleep_until(CLIENTS, self.world.now() + self.patience / 60);
            if let Either::Left((Err(_), _)) = select(Box::pin(changes.changed()), timer).await {
                turn += 1;
            }
        }
    }

    async fn look(&self, id: &str) -> Option<Lease> {
        let io = self.world.turn().await;
        let subject = self.store.lease(id).await;
        drop(io);
        match subject {
            Ok(subject) => subject.lease,
            Err(error) => {
                self.world.fail(format!("the store can't be read: {error}"));
                None
            }
        }
    }

    fn got(&self, lease: &Lease, asked: i64) {
        let waited = self.world.now() - asked;
        self.world.tell(format!("client {} has {} after {waited} ms", self.number, lease.id));
        self.world.mark("served");
        if let Some(within) = self.client.within
            && waited > within
        {
            self.world.fail(format!("client {} was served after {waited} ms, not within {within}", self.number));
        }
        let (resource, place) = (lease.resource.clone().unwrap_or_default(), lease.place.clone().unwrap_or_default());
        let set_up = lease.handout.0.as_ref().is_some_and(|handout| handout.directory.is_some());
        if set_up && !self.world.outside.is_set_up(&resource, &place) {
            self.world.fail(format!("client {} has {}, but nothing is set up on {resource}", self.number, lease.id));
        }
    }

    async fn hold(&self, lease: &Lease) {
        let until = self.world.now() + self.client.hold;
        let time = self.world.sleep_until(CLIENTS, until);
        match self.client.beats {
            None => time.await,
            Some(every) => {
                select(Box::pin(self.beat(&lease.id, every, i64::MAX)), time).await;
            }
        }
        let Some(now) = self.look(&lease.id).await else { return };
        if now.status != LeaseStatus::Active || now.place != lease.place {
            if now.outcome == "holder-gone" {
                self.world.fail(format!("client {} is there, and {} ended: {:?}", self.number, lease.id, now.reason));
            }
            // A resource may be lost under its holder; that is told, and is no fault of the allocator.
            self.world.tell(format!("client {} lost {}: {:?}", self.number, lease.id, now.reason));
            self.world.mark("lost");
            return;
        }
        if let Some(place) = &lease.place {
            let resource = lease.resource.clone().unwrap_or_default();
            let has_directory = lease.handout.0.as_ref().is_some_and(|handout| handout.directory.is_some());
            if has_directory && !self.world.outside.is_set_up(&resource, place) {
                self.world.fail(format!("client {} holds {}, and its directory is gone", self.number, lease.id));
            }
        }
    }

    /// Beats until an instant, at whichever node answers; when the last beat was given that one took.
    async fn beat(&self, id: &str, every: i64, until: i64) -> i64 {
        let (mut turn, mut last) = (0, self.world.now());
        while self.world.now() < until {
            let (_, node) = self.node(turn).await;
            let given = self.world.now();
            let timer = self.world.sleep_until(CLIENTS, given + IMPATIENCE);
            match select(Box::pin(node.beat(id, None)), timer).await {
                Either::Left((Ok(_), _)) => last = given,
                // It is told to who waits for it.
                Either::Left((Err(AskError::Ended(_)), _)) => return last,
                Either::Left((Err(_), _)) | Either::Right(_) => turn += 1,
            }
            if self.client.moves.is_some() {
                turn += 1;
            }
            drop(node);
            self.sleep(every).await;
        }
        last
    }

    /// Beats for a while, and then never again. Its lease must not end before its time.
    async fn die(&self, id: &str, asked: i64) {
        let Some(lease) = self.served(id, asked).await else { return };
        let (every, after) = (self.client.beats.unwrap_or(i64::MAX), self.client.dies.unwrap_or(0));
        let last = match self.client.beats {
            Some(_) => self.beat(id, every, self.world.now() + after).await,
            None => lease.active_at.unwrap_or(asked),
        };
        self.world.mark("died");
        self.world.tell(format!("client {} beats no more", self.number));
        let time = last + self.client.heartbeat.unwrap_or(0);
        self.world.sleep_until(CLIENTS, time - 1).await;
        if let Some(now) = self.look(id).await
            && now.outcome == "holder-gone"
            && now.ended_at.is_some_and(|ended| ended < time)
        {
            self.world.fail(format!("client {} had beaten at {last}, and {id} ended before {time}", self.number));
        }
    }

    /// Looks at every lease, by every question that there is, again and again.
    async fn probe(&self, every: i64, until: i64) {
        let mut turn = 0;
        while self.world.now() < START + until {
            let (_, node) = self.node(turn).await;
            turn += 1;
            for lease in node.leases(&Filter::default()).await.unwrap_or_default() {
                // What can't be read now is looked at the next time.
                let _ = node.lease(&lease.id).await;
                let _ = node.why(&lease.id).await;
                self.world.mark("probed");
            }
            drop(node);
            self.sleep(every).await;
        }
    }

    /// Asks again as it did before, when its lease is gone.
    async fn come_back(&self, id: &str) {
        while self.look(id).await.is_some_and(|lease| lease.status != LeaseStatus::Destroyed) {
            self.sleep(1_000).await;
        }
        let again = self.ask().await;
        self.world.mark("came back");
        if again != *id {
            self.world.fail(format!("client {} asked again for {id} and got {again}", self.number));
        }
    }

    /// Wants every resource away, through whichever node answers.
    async fn drain(&self) {
        let io = self.world.turn().await;
        let resources = self.store.resources(&Default::default()).await.unwrap_or_default();
        drop(io);
        for resource in resources {
            let mut turn = 0;
            loop {
                let (_, node) = self.node(turn).await;
                if node.end_resource(&resource.id, "an operator wants it away", None).await.is_ok() {
                    self.world.mark("drained");
                    break;
                }
                turn += 1;
                self.sleep(200).await;
            }
        }
    }

    /// Removes every resource that can't be closed by hand, and then gives up on it: from then on its place may be used.
    async fn forget(&self) {
        let io = self.world.turn().await;
        let resources = self.store.resources(&Default::default()).await.unwrap_or_default();
        drop(io);
        for resource in resources.into_iter().filter(|resource| !resource.status.alive()) {
            self.world.outside.remove(&resource.id);
            let mut turn = 0;
            loop {
                let (_, node) = self.node(turn).await;
                match node.forget(&resource.id, "the host is dead").await {
                    Ok(_) => {
                        self.world.mark("forgotten");
                        break;
                    }
                    // It is closed by now, or is being closed for the first time.
                    Err(AskError::NotStuck { .. }) => break,
                    Err(_) => {
                        turn += 1;
                        self.sleep(200).await;
                    }
                }
            }
        }
    }

    async fn end(&self, id: &str) {
        let mut turn = 0;
        loop {
            let (_, node) = self.node(turn).await;
            match node.end(id, "released", "its holder let go").await {
                Ok(lease) => {
                    if lease.status == LeaseStatus::Pending {
                        self.world.fail(format!("client {}: {id} waits although it was ended", self.number));
                    }
                    return;
                }
                Err(_) => {
                    turn += 1;
                    self.sleep(200).await;
                }
            }
        }
    }

    async fn keep(&self, id: &str) {
        let mut turn = 0;
        loop {
            let (_, node) = self.node(turn).await;
            match node.keep(id).await {
                Ok(_) => return self.world.mark("kept"),
                // What it was on may be lost in the moment in which it is kept.
                Err(AskError::Ended(_)) => return,
                Err(_) => {
                    turn += 1;
                    self.sleep(200).await;
                }
            }
        }
    }
}

/// What carries these labels instead.
fn alternative(labels: &[(&str, &str)]) -> Alternative {
    Alternative {
        attributes: "{}".to_owned(),
        labels: labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        blueprints: Vec::new(),
    }
}
