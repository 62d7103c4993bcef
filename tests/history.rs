//! A node lets go of what has ended by itself, on its own clock.

use drydock_core::contract::Request;
use drydock_core::engine::api::Filter;
use drydock_core::engine::{DEAD_AFTER, Farm, HOLD_GRACE, Node, Start};
use drydock_core::env::{Env, Point, Real, Verdict};
use drydock_core::model::proposal::{Change, NewLease, Outcome};
use drydock_core::model::protection::Protections;
use drydock_core::store::{Store, Touched};
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time passes so many times as fast.
const FASTER: i64 = 200;

struct Fast {
    real: Arc<Real>,
    start: i64,
}

impl Env for Fast {
    fn now(&self) -> i64 {
        self.start + (self.real.now() - self.start) * FASTER
    }

    fn sleep_until(&self, at: i64) -> BoxFuture<'static, ()> {
        self.real.sleep_until(self.start + (at - self.start) / FASTER + 1)
    }

    fn random(&self) -> u64 {
        self.real.random()
    }

    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) {
        self.real.spawn(name, task);
    }

    fn point(&self, point: Point) -> BoxFuture<'static, Verdict> {
        self.real.point(point)
    }

    fn traces(&self) -> bool {
        false
    }

    fn io(&self) -> BoxFuture<'static, Box<dyn Send>> {
        self.real.io()
    }

    fn tell(&self, _: Arc<Touched>) {}
}

const KEEP: i64 = 120_000;

fn ask(n: usize) -> Change {
    let request = Request { kind: "host".to_owned(), attributes: "{}".to_owned(), ..Request::default() };
    Change::Ask(Box::new(NewLease {
        id: format!("l-{n:012}"),
        class: "c".to_owned(),
        request,
        owner: "client".to_owned(),
        revision: 1,
        never: Some("nobody makes hosts".to_owned()),
        ..NewLease::default()
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_lets_go_of_what_has_ended_once_it_is_old_enough() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open_sqlite(&directory.path().join("store.db")).await.unwrap());
    let real = Real::new();
    let env = Arc::new(Fast { start: real.now(), real: Arc::clone(&real) });
    let start = Start {
        env: Arc::clone(&env) as Arc<dyn Env>,
        store: Arc::clone(&store),
        farm: Farm::default(),
        name: "one".to_owned(),
        protections: Protections::ALL,
        alone: true,
        sweeps: false,
        hold_grace: HOLD_GRACE,
        dead_after: DEAD_AFTER,
        keep_finished: Some(KEEP),
    };
    let node = Node::start(start).await.unwrap();
    // More than go in one commit.
    let mut asked = tokio::task::JoinSet::new();
    for n in 0..500 {
        let node = Arc::clone(&node);
        asked.spawn(async move { node.commit(ask(n)).await });
    }
    while let Some(outcome) = asked.join_next().await {
        assert!(matches!(outcome.unwrap(), Outcome::Done(_)));
    }
    let all = Filter { all: true, limit: 1_000, ..Filter::default() };
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut ended = 0;
    loop {
        let left = store.leases(&all).await.unwrap();
        let Some(last) = left.iter().filter_map(|lease| lease.ended_at).max() else { break };
        ended = last;
        assert!(Instant::now() < deadline, "they are kept for ever");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(env.now() - ended > KEEP, "they were let go too early");
    assert!(store.events(0, None, 10_000).await.unwrap().iter().all(|logged| logged.event.lease.is_none()));
    assert_eq!(store.check().await.unwrap(), []);
    real.end();
}
