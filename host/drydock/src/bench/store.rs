//! The store alone: leases per second through the group committer, three commits each, against the same rows written by
//! hand in batches of as many leases.

use super::Options;
use super::floor::{Floor, Specimen};
use super::process::Cpu;
use super::rows::{Bound, Row};
use super::statistics::median;
use anyhow::{Context, bail};
use drydock_core::contract::{Access, Acquisition, Allocation, Handout, Labels, Needs, Request, Slot};
use drydock_core::engine::{DEAD_AFTER, Farm, HOLD_GRACE, Node, Start, class_of};
use drydock_core::env::{Env, Real};
use drydock_core::model::proposal::{Build, Change, Item, Listed, NewLease, Outcome, Placement, Plan};
use drydock_core::model::protection::Protections;
use drydock_core::model::rows::Considered;
use drydock_core::store::Store;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Callers, the leases of one round (each side takes about a second), and what the ratio has to keep.
const SIZES: [(usize, usize, f64); 3] = [(1, 600, 0.6), (16, 6_400, 0.4), (150, 15_000, 0.3)];

const ROUNDS: usize = 5;

pub async fn measure(options: &Options, folder: &Path) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (callers, leases, least) in SIZES {
        let name = format!("store, {callers} caller{}", if callers == 1 { "" } else { "s" });
        if !options.wants(&name) {
            continue;
        }
        eprintln!("{name}: ours and by hand in turn …");
        let (rounds, leases) = if options.quick { (1, leases / 5) } else { (ROUNDS, leases) };
        let (mut ours, mut by_hand, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..rounds {
            let path = |side: &str| folder.join(format!("{side}-{callers}-{round}.db"));
            let (rate, cost) = through_the_store(&path("ours"), callers, leases).await?;
            ours.push(rate);
            cpu.extend(cost);
            by_hand.push(written_by_hand(&path("hand"), callers, leases).await?);
        }
        if let (Some(ours), Some(floor)) = (median(&ours), median(&by_hand)) {
            rows.push(Row::new(&name, ours, "leases/s").against(floor, Bound::AtLeast(least)));
        }
        if let Some(cost) = median(&cpu) {
            rows.push(Row::new(format!("{name}: processor time"), cost * 1_000.0, "ms/lease"));
        }
    }
    Ok(rows)
}

async fn through_the_store(path: &Path, callers: usize, leases: usize) -> anyhow::Result<(f64, Option<f64>)> {
    let yard = Arc::new(Yard::make(path, callers).await?);
    let left = Arc::new(AtomicU64::new(leases as u64));
    let cpu = Cpu::now();
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for caller in 0..callers {
        let (yard, left) = (Arc::clone(&yard), Arc::clone(&left));
        tasks.spawn(async move {
            let mut version = FIRST_VERSION;
            while let Ok(n) = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)) {
                for change in life(caller, &ids(n), version) {
                    yard.commit(change).await.with_context(|| format!("lease {n} of caller {caller}"))?;
                }
                version += 1;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    let rate = leases as f64 / start.elapsed().as_secs_f64();
    let cost = Cpu::now().zip(cpu).map(|(now, before)| (now - before) / leases as f64);
    Ok((rate, cost))
}

/// Leases per second, of so many callers at a time.
pub(super) async fn written_by_hand(path: &Path, callers: usize, leases: usize) -> anyhow::Result<f64> {
    let specimen = Specimen::take(&path.with_extension("specimen")).await?;
    drop(Yard::make(path, callers).await?);
    let mut floor = Floor::open(path, &specimen).await?;
    let start = Instant::now();
    let mut written = 0;
    while written < leases {
        floor.write(callers).await?;
        written += callers;
    }
    let rate = written as f64 / start.elapsed().as_secs_f64();
    floor.close().await?;
    Ok(rate)
}

/// The ids of one lease and its place.
pub(super) struct Ids {
    pub lease: String,
    pub place: String,
}

pub(super) fn ids(n: u64) -> Ids {
    // As long as the engine's own, and as little in order.
    let scattered = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16;
    Ids { lease: format!("l-{scattered:012x}"), place: format!("p-{scattered:012x}") }
}

/// A store with one active resource for each caller, each in a pool of its own, so that no caller's plan is lost to
/// another's. Its node has no blueprints, so nothing but the callers' proposals is committed.
pub(super) struct Yard {
    env: Arc<Real>,
    node: Arc<Node>,
}

impl Drop for Yard {
    fn drop(&mut self) {
        self.env.end();
    }
}

impl Yard {
    pub async fn make(path: &Path, callers: usize) -> anyhow::Result<Yard> {
        let yard = Yard::open(path).await?;
        let listed = |caller| Listed {
            name: blueprint(caller),
            was: None,
            kind: kind(caller),
            space: blueprint(caller),
            limit: None,
        };
        let blueprints = (0..callers).map(listed).collect();
        yard.commit(Change::Configure { revision: 1, blueprints, before: vec![], pools: vec![] }).await?;
        for caller in 0..callers {
            yard.build(caller).await?;
        }
        Ok(yard)
    }

    /// A store as it is.
    pub async fn open(path: &Path) -> anyhow::Result<Yard> {
        let env = Real::new();
        let start = Start {
            env: Arc::clone(&env) as Arc<dyn Env>,
            store: Arc::new(Store::open_sqlite(path).await?),
            farm: Farm::default(),
            name: "bench".to_owned(),
            protections: Protections::ALL,
            alone: true,
            sweeps: false,
            hold_grace: HOLD_GRACE,
            keep_finished: None,
            dead_after: DEAD_AFTER,
        };
        Ok(Yard { env, node: Node::start(start).await? })
    }

    /// One pool with so many resources that nobody uses, and one lease that waits.
    pub async fn crowded(path: &Path, resources: usize) -> anyhow::Result<Yard> {
        let yard = Arc::new(Yard::make(path, 1).await?);
        let all: Vec<usize> = (1..resources).collect();
        for (version, some) in (FIRST_VERSION..).zip(all.chunks(100)) {
            let ids = |n: usize| Ids { lease: format!("l-taker-{n:06}"), place: format!("p-taker-{n:06}") };
            yard.all(some.iter().map(|n| Change::Ask(Box::new(new_lease(0, &ids(*n)))))).await?;
            let items = some.iter().map(|n| Item::Build(Box::new(new_build(0, *n, &ids(*n))))).collect();
            yard.commit(plan(0, version, items)).await?;
            yard.all(some.iter().map(|n| end(&ids(*n)))).await?;
        }
        yard.commit(Change::Ask(Box::new(new_lease(0, &ids(0))))).await?;
        Arc::into_inner(yard).context("a proposal is still under way")
    }

    /// Offers changes at once, so that they are committed together.
    async fn all(self: &Arc<Yard>, changes: impl Iterator<Item = Change>) -> anyhow::Result<()> {
        let mut tasks = tokio::task::JoinSet::new();
        for change in changes {
            let yard = Arc::clone(self);
            tasks.spawn(async move { yard.commit(change).await });
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        Ok(())
    }

    pub fn store(&self) -> &Store {
        self.node.store()
    }

    pub async fn commit(&self, change: Change) -> anyhow::Result<()> {
        match self.node.commit(change).await {
            Outcome::Done(done) => match done.items.into_iter().flatten().next() {
                None => Ok(()),
                Some(lost) => bail!("an item of a plan was lost: {lost}"),
            },
            Outcome::Lost(lost) => bail!("a proposal was lost: {lost}"),
            other => bail!("a proposal came to {other:?}"),
        }
    }

    /// A first lease has the resource built, and ends.
    async fn build(&self, caller: usize) -> anyhow::Result<()> {
        let ids = Ids { lease: format!("l-first-{caller:03}"), place: format!("p-first-{caller:03}") };
        self.commit(Change::Ask(Box::new(new_lease(caller, &ids)))).await?;
        let build = Item::Build(Box::new(new_build(caller, caller, &ids)));
        self.commit(plan(caller, FIRST_VERSION - 1, vec![build])).await?;
        self.commit(end(&ids)).await
    }
}

/// The version of a caller's pool once it was configured and its resource built; each plan raises it by one.
pub(super) const FIRST_VERSION: i64 = 2;

/// One lease's whole life: asked, active, gone. `version` is that of the caller's pool.
pub(super) fn life(caller: usize, ids: &Ids, version: i64) -> [Change; 3] {
    [
        Change::Ask(Box::new(new_lease(caller, ids))),
        plan(caller, version, vec![Item::Place(placement(caller, caller, ids))]),
        end(ids),
    ]
}

fn new_lease(caller: usize, ids: &Ids) -> NewLease {
    let request = Request {
        kind: kind(caller),
        attributes: r#"{"platform":"linux"}"#.to_owned(),
        labels: labels(),
        ..Request::default()
    };
    let needs = Needs { labels: labels(), share: 1 };
    NewLease {
        id: ids.lease.clone(),
        class: class_of(&request),
        request,
        owner: "somebody".to_owned(),
        asked_at: now(),
        answers: BTreeMap::from([(blueprint(caller), Considered::Serves(needs))]),
        revision: 1,
        ..NewLease::default()
    }
}

fn plan(caller: usize, version: i64, items: Vec<Item>) -> Change {
    Change::Plan(Plan { pool: kind(caller), version, news: version, revision: 1, items, ..Plan::default() })
}

/// The resource with this number, for its first lease.
fn new_build(caller: usize, number: usize, ids: &Ids) -> Build {
    Build {
        resource: resource(number),
        blueprint: blueprint(caller),
        space: blueprint(caller),
        revision: 1,
        digest: "0".repeat(64),
        allocation: Allocation {
            name: format!("host-{number:03}"),
            attributes: r#"{"host":"10.20.30.40","path":"/var/tmp/drydock","port":22}"#.to_owned(),
            labels: labels(),
            slots: vec![Slot::Named(format!("host/{number:03}"))],
            limit: Some(1),
            expected: None,
        },
        shares: 1,
        overflow: 0,
        max_resources: None,
        max_building: None,
        life: Default::default(),
        open_timeout: 600_000,
        opens: false,
        least: None,
        takers: vec![placement(caller, number, ids)],
    }
}

fn placement(caller: usize, number: usize, ids: &Ids) -> Placement {
    let handout = Handout {
        access: Access::Local,
        directory: Some(format!("/var/tmp/drydock/{}", ids.place)),
        ..Handout::default()
    };
    Placement {
        lease: ids.lease.clone(),
        resource: resource(number),
        place: ids.place.clone(),
        space: blueprint(caller),
        acquisition: Acquisition { slots: Vec::new(), share: 1, ready: Some(handout) },
        overflow: None,
        choice: 0,
        quota: None,
        activates: false,
        releases: false,
    }
}

fn end(ids: &Ids) -> Change {
    let (outcome, reason) = ("released".to_owned(), "its holder let it go".to_owned());
    Change::EndLease { lease: ids.lease.clone(), outcome, reason, fence: None }
}

fn labels() -> Labels {
    Labels::from([("platform".to_owned(), "linux".to_owned())])
}

pub(super) fn kind(caller: usize) -> String {
    format!("host-type-{caller:03}")
}

pub(super) fn class(caller: usize) -> String {
    class_of(&new_lease(caller, &ids(0)).request)
}

pub(super) fn blueprint(caller: usize) -> String {
    format!("blueprint-{caller:03}")
}

/// A caller's own resource has its number.
pub(super) fn resource(number: usize) -> String {
    format!("r-{number:012}")
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
