//! What the nodes and clients of one run share: the clock, the points they wait at, the timers, and the trace.

use super::executor::Shared;
use super::outside::Outside;
use crate::engine::Node;
use crate::env::{Env, Point, Verdict, What};
use crate::store::Touched;
use futures::future::BoxFuture;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::oneshot;

/// The time at which every run starts.
pub const START: i64 = 1_700_000_000_000;

/// Owner of tasks that belong to no node.
pub const CLIENTS: usize = usize::MAX;

/// Somebody waits here until the scheduler lets it go on.
pub struct Gate {
    pub owner: usize,
    pub point: Point,
    pub go: oneshot::Sender<Verdict>,
}

/// News on its way to a node.
pub struct Letter {
    pub from: usize,
    pub to: usize,
    pub touched: Arc<Touched>,
}

pub struct State {
    pub now: i64,
    ids: SmallRng,
    pub gates: BTreeMap<u64, Gate>,
    pub letters: BTreeMap<u64, Letter>,
    /// Who waits to do real I/O.
    pub turns: BTreeMap<u64, oneshot::Sender<()>>,
    pub timers: BTreeMap<(i64, u64), (usize, oneshot::Sender<()>)>,
    next: u64,
    pub spawned: Vec<(usize, BoxFuture<'static, ()>)>,
    /// By number of the node's run: the node, while it lives.
    pub nodes: BTreeMap<usize, Option<Arc<Node>>>,
    pub dead: BTreeSet<usize>,
    /// Runs of nodes that ended before they were up.
    pub failed_starts: Vec<usize>,
    pub trace: Vec<String>,
    /// A group of commits was written since the last check.
    pub committed: bool,
    /// By lease: the number of its last event, as of the last check.
    pub told: BTreeMap<String, i64>,
    pub marks: BTreeMap<&'static str, u64>,
    pub failures: Vec<String>,
    pub clients: usize,
}

pub struct World {
    state: Mutex<State>,
    pub shared: Arc<Shared>,
    pub outside: Outside,
}

impl World {
    pub fn new(seed: u64, shared: Arc<Shared>) -> Arc<World> {
        Arc::new(World {
            state: Mutex::new(State {
                now: START,
                ids: SmallRng::seed_from_u64(seed ^ 0x5eed),
                gates: BTreeMap::new(),
                letters: BTreeMap::new(),
                turns: BTreeMap::new(),
                timers: BTreeMap::new(),
                next: 0,
                spawned: Vec::new(),
                nodes: BTreeMap::new(),
                dead: BTreeSet::new(),
                failed_starts: Vec::new(),
                trace: Vec::new(),
                committed: false,
                told: BTreeMap::new(),
                marks: BTreeMap::new(),
                failures: Vec::new(),
                clients: 0,
            }),
            shared,
            outside: Outside::default(),
        })
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub fn now(&self) -> i64 {
        self.state().now
    }

    pub fn random(&self) -> u64 {
        self.state().ids.next_u64()
    }

    pub fn sleep_until(self: &Arc<Self>, owner: usize, at: i64) -> BoxFuture<'static, ()> {
        let (wake, woken) = oneshot::channel();
        let mut state = self.state();
        if at <= state.now {
            return Box::pin(std::future::ready(()));
        }
        state.next += 1;
        let key = (at, state.next);
        state.timers.insert(key, (owner, wake));
        Box::pin(async move {
            if woken.await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }

    /// Waits for the turn to do real I/O, and has it until what it returns is dropped.
    pub fn turn(self: &Arc<Self>) -> BoxFuture<'static, Box<dyn Send>> {
        let (go, gone) = oneshot::channel();
        {
            let mut state = self.state();
            state.next += 1;
            let key = state.next;
            state.turns.insert(key, go);
        }
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            // Nobody is left to give turns only when the run is over.
            let _ = gone.await;
            let guard: Box<dyn Send> = Box::new(shared.io());
            guard
        })
    }

    /// Gives the next turn; false if nobody waits for one.
    pub fn give_turn(&self) -> bool {
        let mut state = self.state();
        while let Some((_, go)) = state.turns.pop_first() {
            if go.send(()).is_ok() {
                return true;
            }
        }
        false
    }

    /// A line of the trace, with the virtual time.
    pub fn tell(&self, line: impl Into<String>) {
        let mut state = self.state();
        let at = state.now - START;
        let line = format!("{:>9.3} {}", at as f64 / 1_000.0, line.into());
        state.trace.push(line);
    }

    /// Something a scenario wants to have happened.
    pub fn mark(&self, what: &'static str) {
        *self.state().marks.entry(what).or_default() += 1;
    }

    /// Something that must not be.
    pub fn fail(&self, what: String) {
        self.tell(format!("VIOLATION: {what}"));
        self.state().failures.push(what);
    }

    /// The number of the lease's last event that was checked.
    pub fn told_of(&self, lease: &str) -> Option<i64> {
        self.state().told.get(lease).copied()
    }

    pub fn node(&self, number: usize) -> Option<Arc<Node>> {
        self.state().nodes.get(&number).cloned().flatten()
    }

    /// The numbers of the nodes that live.
    pub fn living(&self) -> Vec<usize> {
        let state = self.state();
        state.nodes.iter().filter(|(_, node)| node.is_some()).map(|(number, _)| *number).collect()
    }
}

/// The seam's simulated side, for one run of one node.
pub struct SimEnv {
    pub world: Arc<World>,
    pub owner: usize,
}

impl Env for SimEnv {
    fn now(&self) -> i64 {
        self.world.now()
    }

    fn random(&self) -> u64 {
        self.world.random()
    }

    fn sleep_until(&self, at: i64) -> BoxFuture<'static, ()> {
        self.world.sleep_until(self.owner, at)
    }

    fn spawn(&self, _: &'static str, task: BoxFuture<'static, ()>) {
        let mut state = self.world.state();
        if !state.dead.contains(&self.owner) {
            state.spawned.push((self.owner, task));
        }
    }

    fn point(&self, point: Point) -> BoxFuture<'static, Verdict> {
        let (go, gone) = oneshot::channel();
        let mut state = self.world.state();
        if point.what == What::Commit && point.after {
            state.committed = true;
        }
        if state.dead.contains(&self.owner) {
            return Box::pin(std::future::ready(Verdict::Fail));
        }
        state.next += 1;
        let key = state.next;
        state.gates.insert(key, Gate { owner: self.owner, point, go });
        Box::pin(async move { gone.await.unwrap_or(Verdict::Fail) })
    }

    fn traces(&self) -> bool {
        true
    }

    /// Its runs can be repeated as they are.
    fn records(&self) -> bool {
        false
    }

    fn io(&self) -> BoxFuture<'static, Box<dyn Send>> {
        self.world.turn()
    }

    fn tell(&self, touched: Arc<Touched>) {
        let mut state = self.world.state();
        let others: Vec<usize> =
            state.nodes.iter().filter(|(n, node)| **n != self.owner && node.is_some()).map(|(n, _)| *n).collect();
        for to in others {
            state.next += 1;
            let key = state.next;
            let letter = Letter { from: self.owner, to, touched: Arc::clone(&touched) };
            state.letters.insert(key, letter);
        }
    }
}
