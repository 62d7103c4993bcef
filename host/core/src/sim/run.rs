//! One run of a scenario: its nodes, its clients, the scheduler's choices, and the checks after every commit.

use super::client::Running;
use super::executor::Executor;
use super::operator::Operator;
use super::scenario::Scenario;
use super::schedule::Schedule;
use super::watch::Told;
use super::world::{CLIENTS, START, SimEnv, State, World};
use super::yard::{Yards, farm};
use crate::config::OwnerConfig;
use crate::engine::{HOLD_GRACE, Node, Start};
use crate::env::{Verdict, What};
use crate::model::protection::{Protection, Protections};
use crate::store::{Store, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A run of so many choices has stopped making progress; or of so many for each of its clients, where it has many.
const STEPS: usize = 30_000;
const STEPS_EACH: usize = 2_000;

/// After each commit it is checked what that may have broken; everything is checked whenever the history has grown by so
/// many events and by half, and at the end.
pub(super) const WHOLE: usize = 100;

/// After so many runs the store lets go of what they have deleted.
const COMPACT: usize = 8;

/// After the clients are done, everything must be cleaned up within so much virtual time.
const CLEAN_WITHIN: i64 = 3_600_000;

/// Nothing that is begun takes longer: so far the clock may jump before it goes on. Milliseconds.
const LONGEST: i64 = 600_000;

/// A store that runs are made on, one after the other.
pub struct Bench {
    store: Option<Store>,
    runs: usize,
}

/// What one run came to.
#[derive(Clone, Debug, Default)]
pub struct RunReport {
    pub scenario: &'static str,
    pub seed: u64,
    pub failure: Option<String>,
    pub trace: Vec<String>,
    pub choices: Vec<u32>,
    pub marks: BTreeMap<&'static str, u64>,
    pub steps: usize,
}

impl Bench {
    pub async fn sqlite() -> Result<Bench, StoreError> {
        Ok(Bench::on(Store::in_memory(Protections::ALL).await?))
    }

    /// The database is emptied before each run.
    pub async fn postgres(url: &str) -> Result<Bench, StoreError> {
        Ok(Bench::on(Store::postgres_with(url, Protections::ALL).await?))
    }

    fn on(store: Store) -> Bench {
        Bench { store: Some(store), runs: 0 }
    }

    /// Runs a scenario with a seed, with these protections switched off.
    pub async fn run(&mut self, scenario: &Scenario, seed: u64, off: &[Protection]) -> Result<RunReport, StoreError> {
        self.run_with(scenario, seed, off, Schedule::seeded(seed)).await
    }

    /// Repeats choices instead of making them.
    pub async fn repeat(
        &mut self,
        scenario: &Scenario,
        seed: u64,
        off: &[Protection],
        choices: Vec<u32>,
    ) -> Result<RunReport, StoreError> {
        self.run_with(scenario, seed, off, Schedule::recorded(choices)).await
    }

    async fn run_with(
        &mut self,
        scenario: &Scenario,
        seed: u64,
        off: &[Protection],
        schedule: Schedule,
    ) -> Result<RunReport, StoreError> {
        let protections = Protections::without(off);
        let mut store = self
            .store
            .take()
            .ok_or_else(|| StoreError::Unknown("the last run did not give the store back".to_owned()))?;
        if self.runs.is_multiple_of(COMPACT) {
            store.compact().await?;
        }
        self.runs += 1;
        store.clear().await?;
        store.set_protections(protections);
        let store = Arc::new(store);
        // Many channels are polled within one poll of the driver, which tokio would otherwise hold back.
        let run = Run::new(scenario.clone(), seed, protections, schedule, Arc::clone(&store));
        let (report, rest) = tokio::task::unconstrained(run.run()).await;
        drop(rest);
        self.store = Arc::into_inner(store);
        Ok(report)
    }
}

pub(super) struct Run {
    pub(super) scenario: Scenario,
    seed: u64,
    protections: Protections,
    schedule: Schedule,
    pub(super) store: Arc<Store>,
    pub(super) world: Arc<World>,
    executor: Executor,
    pub(super) told: Told,
    kills: u32,
    freezes: u32,
    calls: u32,
    commits: u32,
    /// Until when a node stands still.
    frozen: Option<(usize, i64)>,
    next_node: usize,
    steps: usize,
    pub(super) events_seen: usize,
    /// At so many events everything is checked next.
    pub(super) whole_at: usize,
    pub(super) story: String,
    yards: Arc<Yards>,
}

/// Something the scheduler may choose.
enum Choice {
    Gate(u64),
    Letter(u64),
    Timer,
}

impl Run {
    fn new(scenario: Scenario, seed: u64, protections: Protections, schedule: Schedule, store: Arc<Store>) -> Run {
        let executor = Executor::default();
        let world = World::new(seed, Arc::clone(&executor.shared));
        let limited = scenario.quotas.iter().map(|(owner, _)| (*owner).to_owned()).collect();
        let told = Told { limited, ..Told::default() };
        let faults = scenario.faults;
        let edited = scenario.edits.iter().flat_map(|edit| &edit.yards);
        let yards = scenario.yards.iter().chain(edited).cloned().collect();
        let yards = Arc::new(Yards { world: Arc::clone(&world), yards });
        Run {
            yards,
            scenario,
            seed,
            protections,
            schedule,
            store,
            world,
            executor,
            told,
            kills: faults.kills,
            freezes: faults.freezes,
            calls: faults.calls,
            commits: faults.commits,
            frozen: None,
            next_node: 0,
            steps: 0,
            events_seen: 0,
            whole_at: WHOLE,
            story: String::new(),
        }
    }

    async fn run(mut self) -> (RunReport, Executor) {
        for _ in 0..self.scenario.nodes {
            self.start_node(0);
        }
        self.world.state().clients = self.scenario.clients.len();
        for (number, client) in self.scenario.clients.iter().enumerate() {
            let (world, store, patience) = (Arc::clone(&self.world), Arc::clone(&self.store), self.scenario.patience);
            let running = Running { world, store, number, client: *client, patience };
            self.executor.spawn(CLIENTS, Box::pin(running.run()));
        }
        if !self.scenario.edits.is_empty() {
            self.world.state().clients += 1;
            let (world, yards) = (Arc::clone(&self.world), Arc::clone(&self.yards));
            let operator = Operator { world, edits: self.scenario.edits.clone(), yards };
            self.executor.spawn(CLIENTS, Box::pin(operator.run()));
        }
        let failure = self.drive().await.err();
        if let Some(failure) = &failure {
            for logged in self.store.events(self.told.last_seq, None, 100).await.unwrap_or_default() {
                let event = logged.event;
                self.world.tell(format!(
                    "  event: {} {} {} -> {} ({}) epoch {} lease {:?} resource {:?} {}",
                    event.subject,
                    event.id,
                    event.was,
                    event.now,
                    event.reason,
                    event.epoch,
                    event.lease,
                    event.resource,
                    event.detail.unwrap_or_default(),
                ));
            }
            self.world.tell(format!("FAILED: {failure}"));
        }
        let mut state = self.world.state();
        let report = RunReport {
            scenario: self.scenario.name,
            seed: self.seed,
            failure,
            trace: std::mem::take(&mut state.trace),
            choices: std::mem::take(&mut self.schedule.made),
            marks: std::mem::take(&mut state.marks),
            steps: self.steps,
        };
        state.nodes.clear();
        drop(state);
        let executor = std::mem::take(&mut self.executor);
        (report, executor)
    }

    fn start_node(&mut self, after: i64) {
        let number = self.next_node;
        self.next_node += 1;
        let world = Arc::clone(&self.world);
        let (store, protections) = (Arc::clone(&self.store), self.protections);
        let mut farm = farm(&self.scenario.yards, &self.yards);
        farm.config.order.fair_share = self.scenario.fair_share;
        for (owner, most) in self.scenario.quotas {
            let limits = OwnerConfig { max_leases: Some(*most), ..OwnerConfig::default() };
            farm.config.order.owners.insert((*owner).to_owned(), limits);
        }
        farm.config.order.every_owner.max_priority = Some(1);
        let dead_after = self.scenario.dead_after;
        self.executor.spawn(
            number,
            Box::pin(async move {
                let at = world.now() + after;
                world.sleep_until(number, at).await;
                let env = Arc::new(SimEnv { world: Arc::clone(&world), owner: number });
                let name = format!("node-{number}");
                let start = Start {
                    env,
                    store,
                    farm,
                    name,
                    protections,
                    alone: false,
                    sweeps: false,
                    hold_grace: HOLD_GRACE,
                    keep_finished: None,
                    dead_after,
                };
                match Node::start(start).await {
                    Ok(node) => {
                        world.tell(format!("node {number} is up"));
                        world.state().nodes.insert(number, Some(node));
                    }
                    // Where the clock runs ahead, or it stands still, it can be seen dead before it is up.
                    Err(error) => {
                        world.tell(format!("node {number} does not start: {error}"));
                        world.state().failed_starts.push(number);
                    }
                }
            }),
        );
    }

    /// Chooses until the clients are done and everything is cleaned up.
    async fn drive(&mut self) -> Result<(), String> {
        let mut done_at = None;
        loop {
            let world = Arc::clone(&self.world);
            self.executor.settle(|| std::mem::take(&mut world.state().spawned)).await;
            if world.give_turn() {
                continue;
            }
            self.check().await?;
            self.replace_dead();
            self.steps += 1;
            if self.steps > STEPS.max(STEPS_EACH * self.scenario.clients.len()) {
                return Err(format!("no progress after {} choices", self.steps));
            }
            let options = self.options();
            let busy = options.iter().any(|option| !matches!(option, Choice::Timer));
            if self.world.state().clients == 0 {
                let done_at = *done_at.get_or_insert(self.world.now());
                if !busy && let Some(nested) = self.settled().await? {
                    self.check_store(None).await?;
                    return self.nothing_left(&nested);
                }
                if self.world.now() - done_at > CLEAN_WITHIN {
                    return Err("something is not cleaned up".to_owned());
                }
            }
            if options.is_empty() {
                return Err("nobody can go on, and no time will change that".to_owned());
            }
            self.step(options);
        }
    }

    fn faults_strike(&self) -> bool {
        self.world.state().clients > 0
    }

    /// Everything that could come next, by names that stay the same while it waits.
    fn options(&mut self) -> Vec<Choice> {
        let mut state = self.world.state();
        let now = state.now;
        if self.frozen.is_some_and(|(_, until)| until <= now) {
            self.frozen = None;
        }
        let frozen = self.frozen.map(|(node, _)| node);
        state.gates.retain(|_, gate| !gate.go.is_closed());
        state.timers.retain(|_, (_, wake)| !wake.is_closed());
        let mut options: Vec<Choice> = state
            .gates
            .iter()
            .filter(|(_, gate)| Some(gate.owner) != frozen)
            .map(|(key, _)| Choice::Gate(*key))
            .collect();
        options.extend(
            state.letters.iter().filter(|(_, letter)| Some(letter.to) != frozen).map(|(key, _)| Choice::Letter(*key)),
        );
        if state.timers.values().any(|(owner, _)| Some(*owner) != frozen) || frozen.is_some() {
            options.push(Choice::Timer);
        }
        options
    }

    fn step(&mut self, options: Vec<Choice>) {
        let waiting: Vec<&Choice> = options.iter().filter(|option| !matches!(option, Choice::Timer)).collect();
        let timer = options.len() > waiting.len();
        let early = timer && !waiting.is_empty() && self.scenario.early_timer > 0 && self.next_is_near();
        if waiting.is_empty() || early && self.schedule.one_in(self.scenario.early_timer) {
            return self.advance();
        }
        let names: Vec<u64> = waiting
            .iter()
            .map(|option| match option {
                Choice::Gate(key) => self.world.state().gates.get(key).map_or(0, |gate| gate.owner as u64),
                Choice::Letter(key) => self.world.state().letters.get(key).map_or(0, |letter| 1_000 + letter.to as u64),
                Choice::Timer => 0,
            })
            .collect();
        match waiting[self.schedule.choose(&names)] {
            Choice::Gate(key) => self.pass(*key),
            Choice::Letter(key) => {
                let letter = self.world.state().letters.remove(key);
                if let Some(letter) = letter
                    && let Some(node) = self.world.node(letter.to)
                {
                    self.world.tell(format!("node {} hears from node {}", letter.to, letter.from));
                    node.told(letter.touched);
                }
            }
            Choice::Timer => self.advance(),
        }
    }

    /// Lets one go on, unless a fault strikes.
    fn pass(&mut self, key: u64) {
        let Some(gate) = self.world.state().gates.remove(&key) else { return };
        let strikes = self.faults_strike();
        let lives = self.world.living().len() > 1;
        let when = if gate.point.after { "after" } else { "before" };
        let since = self.world.now() - START;
        if let Some((from, to)) = self.scenario.quiet
            && (from..to).contains(&since)
            && matches!(gate.point.what, What::Commit | What::Decide)
        {
            self.world.fail(format!("while everybody waited: {:?} {}", gate.point.what, gate.point.note));
        }
        if gate.point.what == What::Commit && gate.point.after {
            self.story = gate.point.note.clone();
        }
        if strikes && self.kills > 0 && lives && gate.owner != CLIENTS && self.schedule.one_in(60) {
            self.kills -= 1;
            self.world.tell(format!("node {} dies {when} {:?} ({})", gate.owner, gate.point.what, gate.point.note));
            self.world.mark("killed");
            return self.kill(gate.owner);
        }
        if strikes && self.freezes > 0 && lives && self.frozen.is_none() && self.schedule.one_in(80) {
            self.freezes -= 1;
            let until = self.world.now() + 5_000 + i64::from(self.schedule.below(15_000));
            self.world.tell(format!("node {} stands still {when} {}", gate.owner, gate.point.note));
            self.world.mark("frozen");
            self.frozen = Some((gate.owner, until));
            self.world.state().gates.insert(key, gate);
            return;
        }
        let left = match gate.point.what {
            What::Act => &mut self.calls,
            What::Commit => &mut self.commits,
            What::Look | What::Decide => {
                self.world.tell(format!("node {} {when} {}", gate.owner, gate.point.note));
                let _ = gate.go.send(Verdict::Go);
                return;
            }
        };
        let mut verdict = Verdict::Go;
        if strikes && *left > 0 && self.schedule.one_in(25) {
            *left -= 1;
            verdict = Verdict::Fail;
            self.world.mark(match (gate.point.what, gate.point.after) {
                (What::Act, true) => "call answer lost",
                (What::Act, false) => "call failed",
                (_, true) => "commit answer lost",
                (_, false) => "commit failed",
            });
        }
        let lost = if verdict == Verdict::Fail { " FAILS" } else { "" };
        self.world.tell(format!("node {} {when} {:?}{lost}: {}", gate.owner, gate.point.what, gate.point.note));
        let _ = gate.go.send(verdict);
    }

    /// A node that was seen dead stops, and comes back as another.
    fn replace_dead(&mut self) {
        let failed = std::mem::take(&mut self.world.state().failed_starts);
        failed.into_iter().for_each(|number| self.kill(number));
        for number in self.world.living() {
            if self.world.node(number).is_some_and(|node| node.is_stopping()) {
                self.world.tell(format!("node {number} was seen dead, and ends"));
                self.world.mark("seen dead");
                self.kill(number);
            }
        }
    }

    fn kill(&mut self, number: usize) {
        {
            let mut state = self.world.state();
            state.dead.insert(number);
            state.nodes.insert(number, None);
            state.letters.retain(|_, letter| letter.to != number);
            // What it had committed and not told is told by nobody.
            let own: Vec<u64> = state.letters.iter().filter(|(_, l)| l.from == number).map(|(key, _)| *key).collect();
            for key in own {
                state.letters.remove(&key);
            }
            let gates: Vec<u64> = state.gates.iter().filter(|(_, g)| g.owner == number).map(|(key, _)| *key).collect();
            for key in gates {
                state.gates.remove(&key);
            }
            state.spawned.retain(|(owner, _)| *owner != number);
        }
        self.executor.kill(number);
        if self.frozen.is_some_and(|(node, _)| node == number) {
            self.frozen = None;
        }
        let after = 500 + i64::from(self.schedule.below(20_000));
        self.start_node(after);
    }

    /// Whether nothing that waits to go on would take longer than anything takes if the clock jumped now.
    fn next_is_near(&self) -> bool {
        let state = self.world.state();
        let next = next_timer(&state, self.frozen);
        next.is_none_or(|(at, _)| at - state.now <= LONGEST)
    }

    /// The clock jumps to the next timer of somebody who does not stand still.
    fn advance(&mut self) {
        let mut state = self.world.state();
        let frozen = self.frozen;
        let next = next_timer(&state, frozen);
        match (next, frozen) {
            (Some((at, _)), Some((_, until))) if until < at => state.now = state.now.max(until),
            (None, Some((_, until))) => state.now = state.now.max(until),
            (Some(key), _) => {
                state.now = state.now.max(key.0);
                if let Some((_, wake)) = state.timers.remove(&key) {
                    let _ = wake.send(());
                }
            }
            (None, None) => {}
        }
    }
}

/// The next timer of somebody who does not stand still.
fn next_timer(state: &State, frozen: Option<(usize, i64)>) -> Option<(i64, u64)> {
    let mut timers = state.timers.iter();
    timers.find(|(_, (owner, _))| frozen.is_none_or(|(node, _)| node != *owner)).map(|(key, _)| *key)
}
