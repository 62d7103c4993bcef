//! What a lease costs, in counts: proposals, commits, statements and plugin calls stay the same however many resources
//! there are and however many leases wait.

use async_trait::async_trait;
use drydock_core::config::{BlueprintConfig, ConfigRevision};
use drydock_core::contract::*;
use drydock_core::engine::api::{Ask, Filter};
use drydock_core::engine::{DEAD_AFTER, Farm, HOLD_GRACE, Node, Start};
use drydock_core::env::{Env, Point, Verdict};
use drydock_core::model::proposal::{Build, Change, Item, NewLease, Outcome, Placement, Plan, Proposal};
use drydock_core::model::protection::Protections;
use drydock_core::model::rows::Considered;
use drydock_core::model::status::LeaseStatus;
use drydock_core::plugin::{Fault, Plugin, StepCall, View};
use drydock_core::store::{Counted, Store, Touched};
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const KIND: &str = "host";

/// After so many turns of everybody else nothing is left that could go on without the store.
const TURNS: usize = 100;

/// Time stands still, so that no beat of the heart is counted. The store does one thing at a time, and the next only
/// when nobody can go on without it, so that what is done together does not depend on how fast a thread is.
struct Still {
    now: AtomicI64,
    random: AtomicU64,
    /// Reads and commits under way, or waiting for their turn.
    busy: Arc<AtomicU64>,
    turn: Arc<Semaphore>,
}

struct Busy {
    busy: Arc<AtomicU64>,
    turn: Option<OwnedSemaphorePermit>,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.busy.fetch_sub(1, Ordering::SeqCst);
        self.turn.take();
    }
}

impl Env for Still {
    fn traces(&self) -> bool {
        false
    }

    fn now(&self) -> i64 {
        self.now.load(Ordering::SeqCst)
    }

    fn random(&self) -> u64 {
        // A step that is coprime to the size, so that ids don't repeat.
        self.random.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::SeqCst)
    }

    fn sleep_until(&self, at: i64) -> BoxFuture<'static, ()> {
        match at <= self.now() {
            true => Box::pin(std::future::ready(())),
            false => Box::pin(std::future::pending()),
        }
    }

    fn spawn(&self, _: &'static str, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }

    fn point(&self, _: Point) -> BoxFuture<'static, Verdict> {
        Box::pin(std::future::ready(Verdict::Go))
    }

    fn io(&self) -> BoxFuture<'static, Box<dyn Send>> {
        self.busy.fetch_add(1, Ordering::SeqCst);
        let mut busy = Busy { busy: Arc::clone(&self.busy), turn: None };
        let turn = Arc::clone(&self.turn);
        Box::pin(async move {
            busy.turn = Some(turn.acquire_owned().await.expect("it is never closed"));
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
            Box::new(busy) as Box<dyn Send>
        })
    }

    fn tell(&self, _: Arc<Touched>) {}
}

/// Hosts for requests without attributes; whoever wants more waits.
struct Hosts {
    descriptor: Descriptor,
    /// Whether a place has nothing to set up.
    ready: bool,
}

fn plain(r: &Request) -> bool {
    r.attributes == "{}"
}

#[async_trait]
impl Plugin for Hosts {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn digest(&self) -> &str {
        "hosts"
    }

    async fn consider(&self, _: &BlueprintArg, _: &Request) -> Result<Result<Needs, Refusal>, Fault> {
        Ok(Ok(Needs { share: 1, ..Needs::default() }))
    }

    async fn allocate(
        &self,
        _: &BlueprintArg,
        _: &Request,
        _: &dyn View,
    ) -> Result<Result<Vec<Allocation>, Refusal>, Fault> {
        let reason = "every host is taken".to_owned();
        Ok(Err(Refusal::Full { slots: vec!["host".to_owned()], resources: vec![], reason }))
    }

    async fn acquire(
        &self,
        _: &BlueprintArg,
        _: &ResourceArg,
        r: &Request,
        _: &dyn View,
    ) -> Result<Result<Acquisition, Refusal>, Fault> {
        if !plain(r) {
            return Ok(Err(Refusal::Full { slots: vec![], resources: vec![], reason: "it is too small".to_owned() }));
        }
        let ready = self.ready.then(Handout::default);
        Ok(Ok(Acquisition { slots: vec![], share: 1, ready }))
    }

    async fn act(&self, _: StepCall) -> Result<Result<Progress, Failure>, Fault> {
        Ok(Ok(Progress::Done(StepOutcome::default())))
    }
}

struct Yard {
    env: Arc<Still>,
    store: Arc<Store>,
    node: Arc<Node>,
    _directory: tempfile::TempDir,
}

/// What one lease cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cost {
    counted: Counted,
    calls: u64,
}

impl Yard {
    async fn new(resources: usize, waiting: usize, ready: bool) -> Yard {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open_sqlite(&directory.path().join("store.db")).await.unwrap());
        let env = Arc::new(Still {
            now: AtomicI64::new(1_000_000),
            random: AtomicU64::new(1),
            busy: Arc::default(),
            turn: Arc::new(Semaphore::new(1)),
        });
        let descriptor = Descriptor { kind: KIND.to_owned(), steps: Steps::ALL, ..Descriptor::default() };
        let plugin: Arc<dyn Plugin> = Arc::new(Hosts { descriptor, ready });
        let config = BlueprintConfig::new("hosts", "hosts");
        let farm = Farm {
            config: ConfigRevision {
                blueprints: BTreeMap::from([("hosts".to_owned(), config)]),
                ..ConfigRevision::default()
            },
            plugins: BTreeMap::from([("hosts".to_owned(), plugin)]),
            ..Farm::default()
        };
        let start = Start {
            env: Arc::clone(&env) as Arc<dyn Env>,
            store: Arc::clone(&store),
            farm,
            name: "one".to_owned(),
            protections: Protections::ALL,
            alone: true,
            sweeps: false,
            hold_grace: HOLD_GRACE,
            keep_finished: None,
            dead_after: DEAD_AFTER,
        };
        let node = Node::start(start).await.unwrap();
        let yard = Yard { env, store, node, _directory: directory };
        yard.quiet().await;
        yard.fill(resources, waiting).await;
        yard
    }

    /// Makes resources and waiting leases by proposing them, many at a time.
    async fn fill(&self, resources: usize, waiting: usize) {
        let ids: Vec<String> = (0..resources).map(|i| format!("{i:05}")).collect();
        let asks = ids.iter().map(|id| Change::Ask(Box::new(filler(&format!("l-{id}"), "{}"))));
        self.commit("asks", asks.collect()).await;
        for (i, ids) in ids.chunks(500).enumerate() {
            let pool = self.store.pools().await.unwrap().remove(0);
            let items = ids.iter().map(|id| building(id)).collect();
            self.commit(&format!("builds-{i}"), vec![Change::Plan(Plan::of(&pool, items))]).await;
        }
        let end = |id: &String| Change::EndLease {
            lease: format!("l-{id}"),
            outcome: "released".to_owned(),
            reason: "let go".to_owned(),
            fence: None,
        };
        self.commit("ends", ids.iter().map(end).collect()).await;
        let wait = |i: usize| Change::Ask(Box::new(filler(&format!("w-{i:05}"), r#"{"more":true}"#)));
        self.commit("waits", (0..waiting).map(wait).collect()).await;
        assert_eq!(self.store.check().await.unwrap(), []);
    }

    async fn commit(&self, name: &str, changes: Vec<Change>) {
        let proposals: Vec<Proposal> = changes
            .into_iter()
            .enumerate()
            .map(|(i, change)| Proposal { id: format!("{name}.{i}"), node: "filler".to_owned(), change })
            .collect();
        for group in proposals.chunks(1_000) {
            let report = self.store.commit(20, group).await.unwrap();
            let done = |outcome: &Outcome| outcome.done().is_some_and(|done| done.items.iter().all(Option::is_none));
            assert!(report.outcomes.iter().all(done), "{:?}", report.outcomes);
        }
    }

    /// Waits until nobody uses the store and nobody can go on.
    async fn quiet(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut idle = 0;
        while idle < 2 * TURNS {
            assert!(Instant::now() < deadline, "the node does not come to rest");
            tokio::task::yield_now().await;
            idle = if self.env.busy.load(Ordering::SeqCst) == 0 { idle + 1 } else { 0 };
        }
    }

    async fn until(&self, lease: &str, status: LeaseStatus) {
        self.quiet().await;
        let row = self.store.lease(lease).await.unwrap().lease.unwrap();
        assert_eq!(row.status, status, "{:?}", self.node.why(lease).await);
    }

    /// Asks for a lease, has it active, lets it go, and has it gone.
    async fn lease(&self) -> Cost {
        let ask = Ask {
            request: Request { kind: KIND.to_owned(), attributes: "{}".to_owned(), ..Request::default() },
            owner: "client".to_owned(),
            ..Ask::default()
        };
        let (before, calls) = (self.store.counts().now(), self.node.calls());
        let lease = self.node.ask(ask).await.unwrap();
        self.until(&lease.id, LeaseStatus::Active).await;
        self.node.end(&lease.id, "released", "let go").await.unwrap();
        self.until(&lease.id, LeaseStatus::Destroyed).await;
        // The two looks at the lease are ours.
        let mut counted = self.store.counts().now() - before;
        counted.reads -= 2;
        counted.statements -= 2;
        Cost { counted, calls: self.node.calls() - calls }
    }

    /// What a lease costs once the node knows its pool; every one the same.
    async fn steady(&self) -> Cost {
        self.lease().await;
        let cost = self.lease().await;
        for _ in 0..3 {
            assert_eq!(self.lease().await, cost, "the next lease costs as much as this one");
        }
        cost
    }
}

/// Somebody whose lease is only there.
fn filler(id: &str, attributes: &str) -> NewLease {
    NewLease {
        id: id.to_owned(),
        class: format!("class of {attributes}"),
        request: Request { kind: KIND.to_owned(), attributes: attributes.to_owned(), ..Request::default() },
        owner: "filler".to_owned(),
        asked_at: 10,
        answers: BTreeMap::from([("hosts".to_owned(), Considered::Serves(Needs { share: 1, ..Needs::default() }))]),
        revision: 1,
        ..NewLease::default()
    }
}

fn building(id: &str) -> Item {
    let resource = format!("r-{id}");
    let taker = Placement {
        lease: format!("l-{id}"),
        resource: resource.clone(),
        place: format!("p-{id}"),
        space: "hosts".to_owned(),
        acquisition: Acquisition { slots: vec![], share: 1, ready: Some(Handout::default()) },
        overflow: None,
        choice: 0,
        quota: None,
        activates: true,
        releases: true,
    };
    Item::Build(Box::new(Build {
        resource,
        blueprint: "hosts".to_owned(),
        space: "hosts".to_owned(),
        revision: 1,
        digest: "hosts".to_owned(),
        allocation: Allocation {
            name: id.to_owned(),
            attributes: "{}".to_owned(),
            slots: vec![Slot::Named(format!("host/{id}"))],
            ..Allocation::default()
        },
        shares: 1,
        overflow: 0,
        max_resources: None,
        max_building: None,
        life: Default::default(),
        open_timeout: 600_000,
        opens: false,
        least: None,
        takers: vec![taker],
    }))
}

async fn cost(resources: usize, waiting: usize, ready: bool) -> Cost {
    let yard = Yard::new(resources, waiting, ready).await;
    let cost = yard.steady().await;
    let waits = yard.store.leases(&Filter { owner: Some("filler".to_owned()), ..Filter::default() }).await.unwrap();
    assert_eq!(waits.len(), waiting.min(1_000), "who can't be served waits on");
    assert_eq!(yard.store.check().await.unwrap(), []);
    cost
}

#[tokio::test]
async fn a_lease_with_nothing_to_set_up_costs_three_commits() {
    let one = cost(1, 0, true).await;
    println!("nothing to set up: {one:?}");
    assert_eq!((one.counted.commits, one.counted.proposals, one.calls), (3, 3, 0));
    assert_eq!(cost(50, 0, true).await, one);
    assert_eq!(cost(5_000, 0, true).await, one);
}

#[tokio::test]
async fn a_lease_that_is_set_up_costs_five_commits() {
    let one = cost(1, 0, false).await;
    println!("set up and cleaned: {one:?}");
    assert_eq!((one.counted.commits, one.counted.proposals, one.calls), (5, 5, 2));
    assert_eq!(cost(50, 0, false).await, one);
    assert_eq!(cost(5_000, 0, false).await, one);
}

#[tokio::test]
async fn those_who_wait_cost_a_lease_nothing() {
    for ready in [true, false] {
        let none = cost(50, 0, ready).await;
        println!("with nobody waiting: {none:?}");
        // A class that waits is read, since the host might be for it: how many wait in it makes no difference.
        let one = cost(50, 1, ready).await;
        let but_rows = Cost { counted: Counted { rows: none.counted.rows, ..one.counted }, ..one };
        assert_eq!(but_rows, none);
        assert_eq!(cost(50, 10_000, ready).await, one);
    }
}

#[tokio::test]
async fn those_who_have_ended_cost_a_lease_nothing() {
    let none = cost(50, 0, true).await;
    let yard = Yard::new(50, 0, true).await;
    for part in 0..20 {
        let ids: Vec<String> = (0..1_000).map(|i| format!("e-{part:02}-{i:04}")).collect();
        let asks = ids.iter().map(|id| Change::Ask(Box::new(filler(id, "{}"))));
        yard.commit(&format!("asks-{part}"), asks.collect()).await;
        let ends = ids.iter().map(|id| Change::EndLease {
            lease: id.clone(),
            outcome: "released".to_owned(),
            reason: "let go".to_owned(),
            fence: None,
        });
        yard.commit(&format!("ends-{part}"), ends.collect()).await;
    }
    assert_eq!(yard.steady().await, none);
}

/// Each waits for a host of its own, which is not there: whoever comes and goes on another host is looked at alone.
#[tokio::test]
async fn those_who_wait_for_something_else_are_not_looked_at() {
    let cost = async |classes: usize| {
        let yard = Yard::new(50, 0, true).await;
        let other = |i: usize| {
            let labels = Labels::from([("host".to_owned(), format!("other-{i}"))]);
            let answer = Considered::Serves(Needs { labels, share: 1 });
            let answers = BTreeMap::from([("hosts".to_owned(), answer)]);
            let attributes = format!(r#"{{"host":"other-{i}"}}"#);
            Change::Ask(Box::new(NewLease { answers, ..filler(&format!("w-{i:05}"), &attributes) }))
        };
        yard.commit("others", (0..classes).map(other).collect()).await;
        yard.steady().await
    };
    let few = cost(2).await;
    println!("with two others waiting: {few:?}");
    assert_eq!(cost(300).await, few);
}

/// What it costs that one lets go and the next of those who wait for it is active, twice in a row.
async fn turnover(waiting: usize) -> Cost {
    let yard = Yard::new(1, 0, true).await;
    let ask = |i: usize| Ask {
        request: Request { kind: KIND.to_owned(), attributes: "{}".to_owned(), ..Request::default() },
        owner: "client".to_owned(),
        key: Some(i.to_string()),
        ..Ask::default()
    };
    let mut asked = Vec::new();
    for i in 0..4 {
        asked.push(yard.node.ask(ask(i)).await.unwrap());
        yard.env.now.fetch_add(1, Ordering::SeqCst);
    }
    yard.quiet().await;
    let class = asked[0].class.clone();
    let more = (0..waiting).map(|i| {
        Change::Ask(Box::new(NewLease {
            id: format!("w-{i:05}"),
            class: class.clone(),
            request: ask(0).request,
            owner: "client".to_owned(),
            asked_at: 2_000_000,
            answers: BTreeMap::new(),
            revision: 1,
            ..NewLease::default()
        }))
    });
    yard.commit("more", more.collect()).await;
    let mut costs = Vec::new();
    for pair in asked.windows(2) {
        yard.until(&pair[0].id, LeaseStatus::Active).await;
        let (before, calls) = (yard.store.counts().now(), yard.node.calls());
        yard.node.end(&pair[0].id, "released", "let go").await.unwrap();
        yard.quiet().await;
        let counted = yard.store.counts().now() - before;
        costs.push(Cost { counted, calls: yard.node.calls() - calls });
        yard.until(&pair[1].id, LeaseStatus::Active).await;
    }
    assert_eq!(costs[1], costs[2]);
    costs[2]
}

#[tokio::test]
async fn the_next_in_a_long_line_costs_as_much_as_in_a_short_one() {
    let few = turnover(10).await;
    println!("from one to the next: {few:?}");
    assert_eq!((few.counted.commits, few.calls), (2, 0));
    assert_eq!(turnover(10_000).await, few);
}
