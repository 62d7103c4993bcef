//! Stores with much in them, filled by proposals that are committed many at a time, while no engine has them.

use anyhow::{Context, ensure};
use drydock_core::contract::{Acquisition, Allocation, Handout, Labels, Needs, Request, Slot};
use drydock_core::engine::class_of;
use drydock_core::model::proposal::{Build, Change, Item, NewLease, Outcome, Placement, Plan, Proposal};
use drydock_core::model::rows::{Considered, Resource};
use drydock_core::store::Store;
use std::collections::BTreeMap;
use std::path::Path;

/// How many leases live together while a store is filled.
const TOGETHER: usize = 500;

/// What is in a store beside what was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filling {
    /// Resources on which nobody is. Each was made for a lease that has ended.
    pub resources: usize,
    /// Leases that have ended, these included.
    pub finished: usize,
}

/// Fills a store with copies of a resource, each under a name and an id of its own.
pub async fn fill(path: &Path, like: &Resource, filling: Filling) -> anyhow::Result<()> {
    let filler = Filler { store: Store::open_sqlite(path).await?, like };
    let resources: Vec<usize> = (0..filling.resources).collect();
    let mut finished = 0;
    for numbers in resources.chunks(TOGETHER) {
        filler.live(finished, numbers, |lease, number| filler.build(lease, number)).await?;
        finished += numbers.len();
    }
    while finished < filling.finished {
        let count = (filling.finished - finished).min(TOGETHER).min(resources.len());
        ensure!(count > 0, "leases need resources");
        filler.live(finished, &resources[..count], |lease, number| filler.place(lease, number)).await?;
        finished += count;
    }
    Ok(())
}

struct Filler<'a> {
    store: Store,
    like: &'a Resource,
}

impl Filler<'_> {
    /// One life for a lease on each of these resources: asked, active, gone.
    async fn live(&self, first: usize, numbers: &[usize], item: impl Fn(String, usize) -> Item) -> anyhow::Result<()> {
        let leases: Vec<String> = (first..first + numbers.len()).map(|n| format!("l-{n:012}")).collect();
        let asks = leases.iter().map(|lease| Change::Ask(Box::new(self.new_lease(lease))));
        self.commit(asks.collect()).await?;
        let pools = self.store.pools().await?;
        let pool = pools.iter().find(|pool| pool.kind == self.like.kind).context("the pool is missing")?;
        let items = leases.iter().zip(numbers).map(|(lease, number)| item(lease.clone(), *number)).collect();
        self.commit(vec![Change::Plan(Plan::of(pool, items))]).await?;
        let (outcome, reason) = ("released", "its holder let it go");
        let end = |lease: &String| Change::EndLease {
            lease: lease.clone(),
            outcome: outcome.to_owned(),
            reason: reason.to_owned(),
            fence: None,
        };
        self.commit(leases.iter().map(end).collect()).await
    }

    async fn commit(&self, changes: Vec<Change>) -> anyhow::Result<()> {
        let at = self.like.created_at;
        let first = self.store.counts().now().proposals;
        let proposal = |(change, n)| Proposal { id: format!("filler.{n}"), node: "filler".to_owned(), change };
        let group: Vec<Proposal> = changes.into_iter().zip(first..).map(proposal).collect();
        for outcome in self.store.commit(at, &group).await?.outcomes {
            let lost = match &outcome {
                Outcome::Done(done) => done.items.iter().any(Option::is_some),
                _ => true,
            };
            ensure!(!lost, "a proposal came to {outcome:?}");
        }
        Ok(())
    }

    fn new_lease(&self, lease: &str) -> NewLease {
        let request = Request { kind: self.like.kind.clone(), attributes: "{}".to_owned(), ..Request::default() };
        let needs = Needs { labels: Labels::new(), share: 1 };
        NewLease {
            id: lease.to_owned(),
            class: class_of(&request),
            request,
            owner: "bench".to_owned(),
            asked_at: self.like.created_at,
            answers: BTreeMap::from([(self.like.blueprint.clone(), Considered::Serves(needs))]),
            revision: self.like.revision,
            ..NewLease::default()
        }
    }

    fn build(&self, lease: String, number: usize) -> Item {
        let name = format!("copy-{number}");
        let named = |text: &String| text.replace(&self.like.name, &name);
        let slot = |slot: &Slot| match slot {
            Slot::Named(key) => Slot::Named(named(key)),
            Slot::Counted { key, amount, limit } => Slot::Counted { key: named(key), amount: *amount, limit: *limit },
        };
        let allocation = Allocation {
            attributes: named(&self.like.attributes),
            labels: self.like.labels.0.iter().map(|(key, value)| (key.clone(), named(value))).collect(),
            slots: self.like.slots.0.iter().map(slot).collect(),
            name: name.clone(),
            ..Allocation::default()
        };
        Item::Build(Box::new(Build {
            resource: resource(number),
            blueprint: self.like.blueprint.clone(),
            space: self.like.space.clone(),
            revision: self.like.revision,
            digest: self.like.digest.clone(),
            allocation,
            shares: self.like.shares,
            overflow: self.like.overflow,
            max_resources: None,
            max_building: None,
            life: self.like.life.0,
            open_timeout: 600_000,
            opens: false,
            least: None,
            takers: vec![self.placement(lease, number)],
        }))
    }

    fn place(&self, lease: String, number: usize) -> Item {
        Item::Place(self.placement(lease, number))
    }

    fn placement(&self, lease: String, number: usize) -> Placement {
        Placement {
            place: lease.replacen('l', "p", 1),
            lease,
            resource: resource(number),
            space: self.like.space.clone(),
            acquisition: Acquisition { slots: Vec::new(), share: 1, ready: Some(Handout::default()) },
            overflow: None,
            choice: 0,
            quota: None,
            activates: true,
            releases: true,
        }
    }
}

fn resource(number: usize) -> String {
    format!("r-{number:012}")
}
