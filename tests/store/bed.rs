//! An engine with an empty store, and short ways to say what is proposed.

use crate::postgres;
use drydock_core::contract::{Acquisition, Allocation, Blame, Failure, Handout, Needs, Next, Request, Slot};
use drydock_core::engine::api::Filter;
use drydock_core::model::proposal::*;
use drydock_core::model::protection::Protections;
use drydock_core::model::rows::*;
use drydock_core::plugin::Step;
use drydock_core::store::{Sought, Store};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use tempfile::TempDir;

pub const NODE: &str = "n-1";
pub const START: i64 = 1_000_000;

pub enum Place_ {
    Memory,
    File { path: PathBuf, _directory: TempDir },
    Postgres(String),
}

pub struct Bed {
    pub store: Store,
    pub place: Place_,
    /// The time of the next commit.
    pub at: i64,
    commits: u32,
}

impl Bed {
    pub async fn memory() -> Bed {
        Bed::with(Store::in_memory(Protections::ALL).await.unwrap(), Place_::Memory).await
    }

    /// A file whose commits need not reach a disk, where the system has such a place.
    pub async fn file() -> Bed {
        Bed::file_in(memory_disk()).await
    }

    async fn file_in(directory: TempDir) -> Bed {
        let path = directory.path().join("store.db");
        let store = Store::open_sqlite(&path).await.unwrap();
        Bed::with(store, Place_::File { path, _directory: directory }).await
    }

    pub async fn postgres() -> Bed {
        let url = postgres::shared().database().await;
        Bed::with(Store::open_postgres(&url).await.unwrap(), Place_::Postgres(url)).await
    }

    async fn with(store: Store, place: Place_) -> Bed {
        let mut bed = Bed { store, place, at: START, commits: 0 };
        bed.done(Change::Join { name: "one".to_owned() }).await;
        let blueprints = [listed("bp", "host"), listed("bp2", "host"), listed("vms", "vm")];
        bed.done(Change::Configure { revision: 1, blueprints: blueprints.to_vec(), before: vec![], pools: vec![] })
            .await;
        bed
    }

    /// A bed that goes on with what another had.
    pub fn resume(store: Store, place: Place_, at: i64) -> Bed {
        Bed { store, place, at, commits: 1_000 }
    }

    /// Closes the store and opens it again; a store in memory stays as it is.
    pub async fn reopen(self) -> Bed {
        let Bed { store, place, at, commits } = self;
        let store = match &place {
            Place_::Memory => store,
            Place_::File { path, .. } => {
                drop(store);
                Store::open_sqlite(path).await.unwrap()
            }
            Place_::Postgres(url) => {
                drop(store);
                Store::open_postgres(url).await.unwrap()
            }
        };
        Bed { store, place, at, commits }
    }

    /// Writes into the store behind its back.
    pub async fn raw(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        match &self.place {
            Place_::Memory => panic!("a store in memory has no back"),
            Place_::File { path, .. } => {
                let url = format!("sqlite://{}", path.display());
                SqliteConnection::connect(&url).await.unwrap().execute(sql).await.unwrap();
            }
            Place_::Postgres(url) => {
                PgConnection::connect(url).await.unwrap().execute(sql).await.unwrap();
            }
        }
    }

    pub fn proposal(&mut self, node: &str, change: Change) -> Proposal {
        self.commits += 1;
        Proposal { id: format!("{node}.{}", self.commits), node: node.to_owned(), change }
    }

    /// Commits a group as it is, and checks the store.
    pub async fn commit(&mut self, group: &[Proposal]) -> Vec<Outcome> {
        let report = self.store.commit(self.at, group).await.unwrap();
        self.at += 1;
        assert_eq!(report.outcomes.len(), group.len());
        self.check().await;
        report.outcomes
    }

    pub async fn check(&self) {
        assert_eq!(self.store.check().await.unwrap(), []);
    }

    pub async fn group(&mut self, changes: Vec<Change>) -> Vec<Outcome> {
        let group: Vec<Proposal> = changes.into_iter().map(|change| self.proposal(NODE, change)).collect();
        self.commit(&group).await
    }

    pub async fn offer(&mut self, node: &str, change: Change) -> Outcome {
        let proposal = self.proposal(node, change);
        self.commit(&[proposal]).await.remove(0)
    }

    pub async fn done(&mut self, change: Change) -> Done {
        match self.offer(NODE, change).await {
            Outcome::Done(done) => done,
            other => panic!("not done: {other:?}"),
        }
    }

    /// Whole proposals that are lost leave everything as it is.
    pub async fn lost(&mut self, change: Change) -> Lost {
        let before = self.state().await;
        match self.offer(NODE, change).await {
            Outcome::Lost(lost) => {
                assert_eq!(before, self.state().await, "something was lost and has changed something");
                lost
            }
            other => panic!("not lost: {other:?}"),
        }
    }

    /// Everything that people and engines can read of it.
    pub async fn state(&self) -> String {
        let all = Filter { all: true, limit: 10_000, ..Filter::default() };
        let leases = self.store.leases(&all).await.unwrap();
        let resources = self.store.resources(&all).await.unwrap();
        let mut places = Vec::new();
        for resource in &resources {
            places.push(self.store.on_resource(&resource.id).await.unwrap());
        }
        let mut pools = self.store.pools().await.unwrap();
        pools.sort_by(|a, b| a.kind.cmp(&b.kind));
        let mut looks = Vec::new();
        for pool in &pools {
            let sought = Sought {
                classes: None,
                order: Default::default(),
                growth: BTreeMap::from([("bp".to_owned(), (Default::default(), true))]),
                offered: BTreeSet::from([("bp".to_owned(), "b/1".to_owned())]),
                full: BTreeSet::from(["bp".to_owned()]),
                slots: BTreeSet::from([("bp".to_owned(), "b/1".to_owned()), ("bp".to_owned(), "b/2".to_owned())]),
                resources: resources.iter().map(|resource| resource.id.clone()).collect(),
                warm: BTreeSet::from(["bp".to_owned()]),
                above: BTreeSet::from(["bp".to_owned()]),
            };
            looks.push(self.store.look(&pool.kind, &sought).await.unwrap());
        }
        let events = self.store.events(0, None, 10_000_000).await.unwrap();
        format!("{leases:#?} {resources:#?} {places:#?} {pools:#?} {looks:#?} {events:#?}")
    }

    pub async fn lease(&self, id: &str) -> Lease {
        self.store.lease(id).await.unwrap().lease.unwrap_or_else(|| panic!("no lease {id}"))
    }

    pub async fn resource(&self, id: &str) -> Resource {
        self.store.resource(id).await.unwrap().resource.unwrap_or_else(|| panic!("no resource {id}"))
    }

    pub async fn place(&self, id: &str) -> Place {
        self.store.place(id).await.unwrap().place.unwrap_or_else(|| panic!("no place {id}"))
    }

    pub async fn leftovers(&self, resource: &str) -> Vec<Leftover> {
        self.store.resource(resource).await.unwrap().leftovers
    }

    pub async fn pool(&self, kind: &str) -> Pool {
        self.store.pools().await.unwrap().into_iter().find(|pool| pool.kind == kind).unwrap()
    }

    /// The blueprint's row, as a look sees it; somebody has to wait.
    pub async fn blueprint(&self, name: &str) -> Blueprint {
        let look = self.store.look("host", &Sought::default()).await.unwrap().unwrap();
        look.blueprints[name].clone()
    }

    /// What is set aside in the pool.
    pub async fn asides(&self) -> BTreeMap<(String, String), Aside> {
        self.store.look("host", &Sought::default()).await.unwrap().unwrap().asides
    }

    /// Status, and for those that ended how.
    pub async fn is(&self, lease: &str) -> String {
        let lease = self.lease(lease).await;
        match lease.outcome.as_str() {
            "" => lease.status.to_string(),
            outcome => format!("{} ({outcome})", lease.status),
        }
    }

    /// A plan on the version as it is now.
    pub async fn plan(&self, items: Vec<Item>) -> Change {
        let pool = self.pool("host").await;
        Change::Plan(Plan::of(&pool, items))
    }

    /// Commits a plan and returns what became of its items.
    pub async fn planned(&mut self, items: Vec<Item>) -> Vec<Option<Lost>> {
        let plan = self.plan(items).await;
        self.done(plan).await.items
    }

    /// Asks, builds a resource for these leases, and opens it.
    pub async fn open(&mut self, resource: &str, shares: i64, slots: &[Slot], takers: Vec<Placement>) {
        for taker in &takers {
            if self.store.lease(&taker.lease).await.unwrap().lease.is_none() {
                self.done(ask(&taker.lease)).await;
            }
        }
        let building = Build { shares, ..build(resource, slots, takers) };
        assert_eq!(self.planned(vec![Item::Build(Box::new(building))]).await, [None]);
        let step = self.step(Step::Open, resource, done_with(None)).await;
        self.done(step).await;
    }

    /// One lease, active after `activate`, alone on its resource.
    pub async fn active(&mut self, lease: &str, place: &str, resource: &str, slots: &[Slot]) {
        self.open(resource, 1, slots, vec![set_up(lease, resource, place)]).await;
        let step = self.step(Step::Activate, place, done_with(Some("made"))).await;
        self.done(step).await;
        assert_eq!(self.is(lease).await, "active");
    }

    /// A report as the engine makes it, under the row's epoch as it is now.
    pub async fn step(&self, step: Step, subject: &str, end: StepEnd) -> Change {
        let of_place = matches!(step, Step::Activate | Step::Release);
        let (epoch, resource) = match of_place {
            true => {
                let place = self.place(subject).await;
                (place.epoch, self.resource(&place.resource).await)
            }
            false => {
                let resource = self.resource(subject).await;
                (resource.epoch, resource)
            }
        };
        let mut slots: Vec<(String, String)> = Vec::new();
        for slot in &resource.slots.0 {
            if let Slot::Named(key) = slot {
                slots.push((resource.space.clone(), key.clone()));
            }
        }
        if of_place {
            slots.push((RESOURCES.to_owned(), resource.id.clone()));
        }
        let leftovers = match of_place {
            true => Vec::new(),
            false => self.leftovers(subject).await.into_iter().map(|leftover| leftover.place).collect(),
        };
        Change::Step(StepReport { step, subject: subject.to_owned(), epoch, end, closes: true, leftovers, slots })
    }
}

/// A folder that need not reach a disk.
pub fn memory_disk() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

pub fn request(kind: &str) -> Request {
    Request { kind: kind.to_owned(), attributes: "{}".to_owned(), ..Request::default() }
}

pub fn answers() -> BTreeMap<String, Considered> {
    BTreeMap::from([("bp".to_owned(), Considered::Serves(Needs { share: 1, ..Needs::default() }))])
}

/// A request of class `c`.
pub fn new_lease(id: &str) -> NewLease {
    NewLease {
        set: None,
        id: id.to_owned(),
        class: "c".to_owned(),
        request: request("host"),
        owner: "somebody".to_owned(),
        key: None,
        asked_at: START,
        until: None,
        wait_until: None,
        tied: false,
        priority: 0,
        otherwise: Vec::new(),
        head_start: 0,
        spacing: None,
        heartbeat: None,
        idle_timeout: None,
        answers: answers(),
        revision: 1,
        never: None,
    }
}

pub fn ask(id: &str) -> Change {
    Change::Ask(Box::new(new_lease(id)))
}

pub fn named(key: &str) -> Slot {
    Slot::Named(key.to_owned())
}

pub fn counted(key: &str, amount: u32, limit: u32) -> Slot {
    Slot::Counted { key: key.to_owned(), amount, limit }
}

/// A blueprint with a name space of its own.
pub fn listed(name: &str, kind: &str) -> Listed {
    Listed { name: name.to_owned(), was: None, kind: kind.to_owned(), space: name.to_owned(), limit: None }
}

/// A place that `activate` sets up and `release` cleans.
pub fn set_up(lease: &str, resource: &str, place: &str) -> Placement {
    Placement {
        lease: lease.to_owned(),
        resource: resource.to_owned(),
        place: place.to_owned(),
        space: "bp".to_owned(),
        acquisition: Acquisition { slots: vec![], share: 1, ready: None },
        overflow: None,
        choice: 0,
        quota: None,
        activates: true,
        releases: true,
    }
}

/// A place with nothing to set up.
pub fn ready(lease: &str, resource: &str, place: &str) -> Placement {
    let handout = Handout { directory: Some("/srv".to_owned()), ..Handout::default() };
    let acquisition = Acquisition { slots: vec![], share: 1, ready: Some(handout) };
    Placement { acquisition, ..set_up(lease, resource, place) }
}

pub fn with_slots(placement: Placement, slots: &[Slot]) -> Placement {
    Placement { acquisition: Acquisition { slots: slots.to_vec(), ..placement.acquisition }, ..placement }
}

pub fn build(resource: &str, slots: &[Slot], takers: Vec<Placement>) -> Build {
    Build {
        resource: resource.to_owned(),
        blueprint: "bp".to_owned(),
        space: "bp".to_owned(),
        revision: 1,
        digest: "digest".to_owned(),
        allocation: Allocation {
            name: format!("name of {resource}"),
            attributes: "{}".to_owned(),
            slots: slots.to_vec(),
            ..Allocation::default()
        },
        shares: 1,
        overflow: 0,
        max_resources: None,
        max_building: None,
        life: Default::default(),
        open_timeout: 600_000,
        opens: true,
        least: None,
        takers,
    }
}

pub fn building(resource: &str, slots: &[Slot], takers: Vec<Placement>) -> Item {
    Item::Build(Box::new(build(resource, slots, takers)))
}

pub fn done_with(state: Option<&str>) -> StepEnd {
    StepEnd::Done { state: state.map(str::to_owned), attributes: None, handout: None }
}

pub fn again(state: &str, due_at: i64) -> StepEnd {
    StepEnd::Again { state: Some(state.to_owned()), due_at, note: "not yet".to_owned(), lease: None }
}

pub fn failed(next: Next) -> StepEnd {
    StepEnd::Failed(Failure { blame: Blame::Provider, next, reason: "no luck".to_owned(), after: None })
}

pub fn end(lease: &str) -> Change {
    end_as(lease, "released", "let go")
}

pub fn end_as(lease: &str, outcome: &str, reason: &str) -> Change {
    Change::EndLease { lease: lease.to_owned(), outcome: outcome.to_owned(), reason: reason.to_owned(), fence: None }
}

pub fn end_resource(resource: &str) -> Change {
    Change::EndResource {
        resource: resource.to_owned(),
        reason: "not needed".to_owned(),
        idle_since: None,
        closes: true,
    }
}
