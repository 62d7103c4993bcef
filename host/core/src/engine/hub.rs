//! Where notes arrive: it knows which rows of this node are due when, which steps are running, and which pools have
//! news. At most one call runs for a row; one whose row has moved on is cut off.

use super::news::News;
use super::node::Node;
use super::steps;
use crate::model::protection::Protection;
use crate::model::rows::{Pool, Wanted};
use crate::model::status::{PlaceStatus, ResourceStatus};
use crate::store::{Claimed, Touched};
use futures::future::{Either, select};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::{mpsc, oneshot, watch};

pub enum Message {
    /// What a group of this node has left, in the order of its commits.
    Touched(Arc<Touched>),
    /// What a group of another node has left; late, and in any order.
    Told(Arc<Touched>),
    /// A pool's matcher, which is told of news.
    Matcher { kind: String, news: watch::Sender<News> },
    /// Look at everything once.
    LookAtAll,
    /// A step has ended; when its row is due next, if it found out.
    Ended(Task, Option<i64>),
    /// What the safety sweep has read.
    Sweep { rows: Claimed, pools: Vec<Pool> },
    /// Cut off everything that runs.
    CutOff,
    /// Answer when nothing runs.
    Stop { quiet: oneshot::Sender<()> },
}

/// A row that may need a step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Task {
    Lease(String),
    Place(String),
    Resource(String),
}

struct Running {
    epoch: i64,
    /// Dropped to cut the call off; the row counts as running until its task says that it has ended.
    cut: Option<oneshot::Sender<()>>,
}

#[derive(Default)]
struct Hub {
    due: BTreeSet<(i64, Task)>,
    /// By row: when it is due, and the epoch it has.
    rows: BTreeMap<Task, (i64, i64)>,
    /// Rows that are due because another node hinted at them: what this node knew before does not take that back.
    hinted: BTreeSet<Task>,
    running: BTreeMap<Task, Running>,
    matchers: BTreeMap<String, watch::Sender<News>>,
    /// News of pools whose matcher is not there yet.
    news: BTreeMap<String, i64>,
    /// Pools of whose news the last sweep knew more than this hub.
    unheard: BTreeMap<String, i64>,
    quiet: Option<oneshot::Sender<()>>,
}

pub async fn run(node: Arc<Node>, mut messages: mpsc::UnboundedReceiver<Message>) {
    let mut hub = Hub::default();
    loop {
        hub.start_due(&node);
        let paused = node.paused.load(Ordering::SeqCst);
        let next = hub.due.first().map(|(at, _)| *at).filter(|_| !paused);
        let message = match next {
            Some(at) => {
                let timer = node.env.sleep_until(at);
                match select(Box::pin(messages.recv()), timer).await {
                    Either::Left((message, _)) => message,
                    Either::Right(_) => continue,
                }
            }
            None => messages.recv().await,
        };
        let Some(message) = message else { return };
        hub.take(&node, message);
        while let Ok(message) = messages.try_recv() {
            hub.take(&node, message);
        }
    }
}

/// Reads every row of this node again, since something may have changed one without telling.
async fn recall(node: Arc<Node>) {
    loop {
        match node.read("what is claimed", node.store.claimed(&node.id)).await {
            Ok(Claimed { leases, places, resources }) => {
                let touched = Touched { leases, places, resources, ..Touched::default() };
                let _ = node.hub.send(Message::Told(Arc::new(touched)));
                node.changed();
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "what this node has claimed can't be read");
                node.env.sleep_until(node.env.now() + 1_000).await;
            }
        }
    }
}

impl Hub {
    fn take(&mut self, node: &Arc<Node>, message: Message) {
        match message {
            Message::Touched(touched) => {
                node.holds.touched(&node.id, &touched);
                self.touched(node, &touched);
            }
            Message::Told(touched) => {
                node.holds.told(&node.id, &touched);
                self.told(node, &touched);
            }
            Message::Matcher { kind, news } => {
                news.send_modify(|told| told.news = self.news.get(&kind).copied().unwrap_or(0));
                self.matchers.insert(kind, news);
            }
            Message::LookAtAll => {
                for news in self.matchers.values() {
                    news.send_modify(|told| told.looks += 1);
                }
                node.spawn("recall", recall(Arc::clone(node)));
            }
            Message::Ended(task, next) => {
                self.running.remove(&task);
                if let Some(at) = next
                    && !self.rows.contains_key(&task)
                {
                    self.rows.insert(task.clone(), (at, 0));
                }
                self.schedule_again(&task);
            }
            Message::Sweep { rows, pools } => self.sweep(node, rows, pools),
            Message::CutOff => self.running.values_mut().for_each(|running| running.cut = None),
            Message::Stop { quiet } => self.quiet = Some(quiet),
        }
        if self.running.is_empty()
            && let Some(quiet) = self.quiet.take()
        {
            let _ = quiet.send(());
        }
    }

    /// Rows that are due and neither scheduled nor running, and pools whose news was not heard of since the last sweep.
    fn sweep(&mut self, node: &Arc<Node>, rows: Claimed, pools: Vec<Pool>) {
        let known = |task: Task| self.rows.contains_key(&task) || self.running.contains_key(&task);
        let leases = rows.leases.into_iter().filter(|row| !known(Task::Lease(row.id.clone()))).collect();
        let places = rows.places.into_iter().filter(|row| !known(Task::Place(row.id.clone()))).collect();
        let resources = rows.resources.into_iter().filter(|row| !known(Task::Resource(row.id.clone()))).collect();
        let unheard = |pool: &Pool| self.news.get(&pool.kind).is_none_or(|heard| *heard < pool.news);
        let (late, unheard): (Vec<Pool>, Vec<Pool>) = pools.into_iter().filter(unheard).partition(|pool| {
            self.unheard.get(&pool.kind) <= Some(&pool.news) && self.unheard.contains_key(&pool.kind)
        });
        self.unheard = unheard.into_iter().map(|pool| (pool.kind, pool.news)).collect();
        let found = Touched { pools: late, leases, places, resources, ..Touched::default() };
        let count = found.pools.len() + found.leases.len() + found.places.len() + found.resources.len();
        if count > 0 {
            tracing::error!(count, "the safety sweep found work that nobody was told of; please report this");
            node.swept.fetch_add(count as u64, Ordering::Relaxed);
            self.told(node, &found);
        }
    }

    fn news(&mut self, node: &Node, touched: &Touched) {
        if touched.pools.iter().any(|pool| pool.revision > node.farm().revision as i64) {
            node.outdated();
        }
        for pool in &touched.pools {
            let known = self.news.entry(pool.kind.clone()).or_default();
            let newer = pool.news > *known;
            *known = pool.news.max(*known);
            for follower in node.followers(&pool.kind).iter().filter(|_| newer) {
                if let Some(news) = self.matchers.get(follower) {
                    news.send_modify(|told| told.looks += 1);
                }
            }
            if let Some(news) = self.matchers.get(&pool.kind) {
                news.send_if_modified(|told| {
                    touched.news.iter().filter(|piece| piece.kind == pool.kind).for_each(|piece| told.hear(piece));
                    let newer = pool.news > told.news;
                    told.news = pool.news.max(told.news);
                    newer
                });
            }
        }
    }

    /// Others only hint: what they tell may be old by now, so the row is read again before anything is done.
    fn told(&mut self, node: &Arc<Node>, touched: &Touched) {
        self.news(node, touched);
        if touched.anything {
            self.take(node, Message::LookAtAll);
        }
        let now = node.env.now();
        self.cut_unwanted(node, touched);
        let leases = touched.leases.iter().map(|row| (Task::Lease(row.id.clone()), &row.claim, row.epoch));
        let places = touched.places.iter().map(|row| (Task::Place(row.id.clone()), &row.claim, row.epoch));
        let resources = touched.resources.iter().map(|row| (Task::Resource(row.id.clone()), &row.claim, row.epoch));
        for (task, claim, epoch) in leases.chain(places).chain(resources) {
            if *claim != node.id {
                continue;
            }
            let known = self.rows.get(&task).copied();
            if let Some((at, _)) = known {
                self.due.remove(&(at, task.clone()));
            }
            self.rows.insert(task.clone(), (now, known.map_or(epoch, |(_, known)| known.max(epoch))));
            self.hinted.insert(task.clone());
            match self.running.get_mut(&task) {
                Some(running) if epoch > running.epoch => running.cut = None,
                Some(_) => {}
                None => {
                    self.due.insert((now, task));
                }
            }
        }
    }

    /// A call for a lease that is wanted away is cut off, wherever the wish comes from. Its place is read again: the
    /// place's own row need not have changed with the wish, so nothing else may make it due.
    fn cut_unwanted(&mut self, node: &Node, touched: &Touched) {
        if !node.protections.has(Protection::CutOff) {
            return;
        }
        let now = node.env.now();
        for lease in touched.leases.iter().filter(|lease| lease.wanted == Wanted::End && !lease.status.ended()) {
            let Some(task) = lease.place.clone().map(Task::Place) else { continue };
            if let Some(running) = self.running.get_mut(&task) {
                running.cut = None;
                self.rows.insert(task.clone(), (now, running.epoch));
                self.hinted.insert(task);
            }
        }
    }

    fn touched(&mut self, node: &Arc<Node>, touched: &Touched) {
        self.news(node, touched);
        for lease in &touched.leases {
            let due = lease.due_at.filter(|_| lease.claim == node.id && !lease.status.ended());
            self.schedule(Task::Lease(lease.id.clone()), due, lease.epoch);
        }
        self.cut_unwanted(node, touched);
        for place in &touched.places {
            let due = place.due_at.filter(|_| place.claim == node.id && place.status != PlaceStatus::Gone);
            self.schedule(Task::Place(place.id.clone()), due, place.epoch);
        }
        for resource in &touched.resources {
            let mine = resource.claim == node.id && resource.status != ResourceStatus::Destroyed;
            self.schedule(Task::Resource(resource.id.clone()), resource.due_at.filter(|_| mine), resource.epoch);
        }
    }

    /// Notes when a row is due; a call that runs under an older epoch is cut off. A note may itself be older than what
    /// another node has hinted at meanwhile: it takes nothing back, and cuts nothing off.
    fn schedule(&mut self, task: Task, due: Option<i64>, epoch: i64) {
        let known = self.rows.remove(&task);
        if let Some((at, _)) = known {
            self.due.remove(&(at, task.clone()));
        }
        let (due, epoch) = match known.filter(|_| self.hinted.contains(&task)) {
            Some((at, hinted)) => (Some(at), epoch.max(hinted)),
            None => (due, epoch),
        };
        if let Some(running) = self.running.get_mut(&task)
            && running.epoch < epoch
        {
            running.cut = None;
        }
        if let Some(at) = due {
            self.rows.insert(task.clone(), (at, epoch));
            if !self.running.contains_key(&task) {
                self.due.insert((at, task));
            }
        }
    }

    fn schedule_again(&mut self, task: &Task) {
        if let Some((at, _)) = self.rows.get(task)
            && !self.running.contains_key(task)
        {
            self.due.insert((*at, task.clone()));
        }
    }

    fn start_due(&mut self, node: &Arc<Node>) {
        let now = node.env.now();
        if node.paused.load(Ordering::SeqCst) {
            return;
        }
        while let Some((at, task)) = self.due.first().cloned()
            && at <= now
        {
            self.due.pop_first();
            // From here on only what arrives while it runs makes it due again.
            let Some((_, epoch)) = self.rows.remove(&task) else { continue };
            self.hinted.remove(&task);
            let (cut, is_cut) = oneshot::channel();
            self.running.insert(task.clone(), Running { epoch, cut: Some(cut) });
            let acting = Arc::clone(node);
            node.spawn("step", async move {
                let step = Box::pin(steps::run(&acting, &task));
                // Cut off: its row has moved on, and whoever moved it has scheduled what comes next.
                let next = match select(is_cut, step).await {
                    Either::Left(_) => None,
                    Either::Right((next, _)) => next,
                };
                let _ = acting.hub.send(Message::Ended(task, next));
            });
        }
    }
}
