//! Random groups of random proposals: each group comes to what its proposals come to one by one, row for row.

use crate::bed::*;
use drydock_core::config::Life;
use drydock_core::contract::{Next, Slot, Verdict};
use drydock_core::engine::api::Filter;
use drydock_core::model::proposal::*;
use drydock_core::model::rows::{
    Aside, Blueprint, Class, Counter, CounterShare, Event, Leftover, NodeRow, Pool, SlotRow,
};
use drydock_core::model::rows::{Lease, Place, RequestKey, Resource, Row};
use drydock_core::model::sign::Sign;
use drydock_core::model::status::{PlaceStatus, ResourceStatus};
use drydock_core::plugin::Step;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row as _, SqliteConnection};
use std::collections::BTreeMap;

/// The world as proposals are made from it: as it was before the group.
struct Seen {
    leases: Vec<Lease>,
    resources: Vec<Resource>,
    places: Vec<Place>,
    pools: BTreeMap<String, Pool>,
}

struct Chance {
    rng: SmallRng,
    made: u32,
    /// How many nodes there have been; the last two are thought to be alive.
    nodes: u32,
    /// How often each kind of outcome came, so that nothing passes by doing nothing.
    outcomes: BTreeMap<String, u32>,
}

impl Chance {
    fn new(seed: u64) -> Chance {
        Chance { rng: SmallRng::seed_from_u64(seed), made: 0, nodes: 0, outcomes: BTreeMap::new() }
    }

    fn below(&mut self, n: usize) -> usize {
        self.rng.random_range(0..n)
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        if all.is_empty() { None } else { Some(&all[self.below(all.len())]) }
    }

    fn id(&mut self, prefix: &str) -> String {
        self.made += 1;
        format!("{prefix}-{:05}", self.made)
    }

    fn node(&mut self) -> String {
        let nodes = self.nodes as usize;
        if nodes == 0 {
            return NODE.to_owned();
        }
        // Seldom one that is dead by now.
        match self.one_in(20) {
            true => format!("n-x{}", self.below(nodes)),
            false => [NODE.to_owned(), format!("n-x{}", nodes - 1)][self.below(2)].clone(),
        }
    }

    fn slots(&mut self) -> Vec<Slot> {
        let count = self.below(3);
        let slots = (0..count).map(|_| match self.one_in(2) {
            true => named(&format!("s/{}", self.below(5))),
            false => counted(&format!("c/{}", self.below(2)), 1 + self.below(3) as u32, 6),
        });
        let mut slots: Vec<Slot> = slots.collect();
        slots.sort();
        slots.dedup_by(|a, b| a.key() == b.key());
        slots
    }

    fn placement(&mut self, lease: &str, resource: &str) -> Placement {
        let place = self.id("p");
        let mut placement =
            if self.one_in(2) { ready(lease, resource, &place) } else { set_up(lease, resource, &place) };
        if self.one_in(4) {
            placement = with_slots(placement, &self.slots());
        }
        placement.acquisition.share = 1 + self.below(5) as u32 / 4;
        if self.one_in(3) {
            placement.quota = Some(Quota { owner: "somebody".to_owned(), limit: 1 + self.below(8) as i64 });
        }
        if self.one_in(3) {
            placement.overflow = Some(Overflow { load: self.below(4) as i64, max_resources: self.below(7) as i64 });
        }
        placement
    }

    fn lease(&mut self, seen: &Seen, kind: &str) -> String {
        let waiting: Vec<&Lease> =
            seen.leases.iter().filter(|l| l.kind == kind && (l.status.name() == "pending")).collect();
        match self.pick(&waiting) {
            Some(lease) if !self.one_in(8) => lease.id.clone(),
            _ => self.pick(&seen.leases).map_or_else(|| "l-none".to_owned(), |lease| lease.id.clone()),
        }
    }

    fn plan(&mut self, seen: &Seen) -> Change {
        let kind = if self.one_in(4) { "vm" } else { "host" };
        let pool = &seen.pools[kind];
        // Seldom old, sometimes such as the plan before it in the group leaves it.
        let version = pool.version + [0, 0, 0, 0, 1, 1, -1][self.below(7)];
        let mut items = Vec::new();
        for _ in 0..1 + self.below(3) {
            let alive: Vec<&Resource> =
                seen.resources.iter().filter(|r| r.kind == kind && r.status != ResourceStatus::Destroyed).collect();
            let resource = self.pick(&alive).map(|resource| resource.id.clone());
            match resource {
                Some(resource) if self.one_in(2) => {
                    let lease = self.lease(seen, kind);
                    items.push(Item::Place(self.placement(&lease, &resource)));
                }
                Some(resource) if self.one_in(4) => {
                    let row = seen.resources.iter().find(|row| row.id == resource);
                    let idle_since = row.and_then(|row| row.idle_since).filter(|_| !self.one_in(8));
                    let closes = self.one_in(2);
                    items.push(Item::Reclaim(Reclaim {
                        resource,
                        idle_since,
                        reason: "in the way".to_owned(),
                        closes,
                    }));
                }
                _ => {
                    let resource = self.id("r");
                    let least = self.one_in(5).then(|| self.below(4) as i64);
                    let count = if least.is_some() { 0 } else { 1 + self.below(3) };
                    let takers = (0..count)
                        .map(|_| {
                            let lease = self.lease(seen, kind);
                            self.placement(&lease, &resource)
                        })
                        .collect();
                    let made = Build {
                        blueprint: if kind == "vm" { "vms" } else { "bp" }.to_owned(),
                        shares: 1 + self.below(3) as i64,
                        overflow: self.below(3) as i64,
                        max_building: self.one_in(3).then_some(4),
                        life: Life {
                            idle_timeout: self.one_in(3).then_some(5),
                            max_age: self.one_in(6).then_some(40),
                            max_uses: self.one_in(4).then(|| 1 + self.below(3) as i64),
                            hold_broken: self.one_in(6),
                        },
                        max_resources: Some(6),
                        opens: !self.one_in(4),
                        least,
                        ..build(&resource, &self.slots(), takers)
                    };
                    items.push(Item::Build(Box::new(made)));
                }
            }
        }
        Change::Plan(Plan { pool: kind.to_owned(), version, news: pool.news, revision: 1, items, ..Plan::default() })
    }

    fn end_of_step(&mut self, at: i64) -> StepEnd {
        let next = [Next::BreakLease, Next::Elsewhere, Next::BackOff, Next::Attention, Next::Gone];
        match self.below(8) {
            0 => again("somewhere", at + 10),
            1 | 2 => failed(next[self.below(next.len())]),
            _ => done_with(Some("made")),
        }
    }

    fn step(&mut self, seen: &Seen, at: i64) -> Option<Change> {
        let end = self.end_of_step(at);
        let closes = !self.one_in(3);
        let off = i64::from(self.one_in(15));
        let named = |resource: &Resource| -> Vec<(String, String)> {
            let slots = resource.slots.0.iter().filter(|slot| matches!(slot, Slot::Named(_)));
            slots.map(|slot| (resource.space.clone(), slot.key().to_owned())).collect()
        };
        let report = if self.one_in(2) {
            let alive: Vec<&Resource> =
                seen.resources.iter().filter(|r| !matches!(r.status.name(), "active" | "destroyed")).collect();
            let resource = *self.pick(&alive)?;
            let step = if resource.status == ResourceStatus::Pending { Step::Open } else { Step::Close };
            let leftovers = seen.places.iter().filter(|p| p.resource == resource.id).map(|p| p.id.clone()).collect();
            let (subject, epoch) = (resource.id.clone(), resource.epoch - off);
            StepReport { step, subject, epoch, end, closes, leftovers, slots: named(resource) }
        } else {
            let alive: Vec<&Place> = seen.places.iter().filter(|place| place.due_at.is_some()).collect();
            let place = *self.pick(&alive)?;
            let resource = seen.resources.iter().find(|resource| resource.id == place.resource)?;
            let step = if place.status == PlaceStatus::Leaving { Step::Release } else { Step::Activate };
            let mut slots = named(resource);
            slots.push((RESOURCES.to_owned(), resource.id.clone()));
            let (subject, epoch) = (place.id.clone(), place.epoch - off);
            StepReport { step, subject, epoch, end, closes, leftovers: vec![], slots }
        };
        Some(Change::Step(report))
    }

    fn sign(&mut self) -> Sign {
        Sign::EVERY[self.below(3)]
    }

    /// Often none, sometimes the one that is given, seldom another.
    fn fence(&mut self, fence: i64) -> Option<i64> {
        [None, None, Some(fence), Some(fence + 1)][self.below(4)]
    }

    fn change(&mut self, seen: &Seen, at: i64) -> Option<Change> {
        Some(match self.below(20) {
            0..5 => {
                let kind = if self.one_in(4) { "vm" } else { "host" };
                let mut new = NewLease { class: format!("{kind}-{}", self.below(2)), ..new_lease(&self.id("l")) };
                new.request = request(kind);
                new.asked_at = at;
                new.tied = self.one_in(2);
                new.spacing = self.one_in(3).then_some(1_000);
                if self.one_in(6) {
                    let (id, answers) = (format!("{kind}-{}", self.below(3)), answers());
                    new.class = format!("{kind}-else-{id}");
                    new.otherwise = vec![NewClass { id, request: request(kind), answers }];
                }
                new.heartbeat = self.one_in(2).then_some(1_000);
                new.idle_timeout = self.one_in(3).then_some(1_000);
                if self.one_in(5) {
                    new.key = Some(RequestKey {
                        owner: "somebody".to_owned(),
                        name: format!("k{}", self.below(40)),
                        lease: String::new(),
                        digest: format!("d{}", self.below(2)),
                    });
                }
                if self.one_in(20) {
                    new.never = Some("nobody can".to_owned());
                }
                Change::Ask(Box::new(new))
            }
            5..10 => self.plan(seen),
            10..13 => {
                let Lease { id, fence, .. } = self.pick(&seen.leases)?.clone();
                let (outcome, reason) = ("released".to_owned(), "let go".to_owned());
                Change::EndLease { lease: id, outcome, reason, fence: self.fence(fence) }
            }
            13 if self.one_in(2) => {
                let resource = self.pick(&seen.resources)?;
                Change::EndResource {
                    resource: resource.id.clone(),
                    reason: "not needed".to_owned(),
                    idle_since: self.one_in(3).then(|| resource.idle_since.unwrap_or(START)),
                    closes: !self.one_in(3),
                }
            }
            17 if self.one_in(2) => {
                let alive: Vec<&Resource> = seen.resources.iter().filter(|r| r.status.alive()).collect();
                let resource = *self.pick(&alive)?;
                let said = "it does not answer".to_owned();
                let verdict =
                    [Verdict::Healthy, Verdict::Sick(said.clone()), Verdict::Sick(said.clone()), Verdict::Gone(said)];
                let worst = if self.one_in(6) { 4 } else { 2 };
                Change::Checked(Checked {
                    resource: resource.id.clone(),
                    epoch: resource.epoch - i64::from(self.one_in(10)),
                    verdict: verdict[self.below(worst)].clone(),
                    closes: !self.one_in(3),
                })
            }
            14 if self.one_in(2) => {
                let resource = self.pick(&seen.resources)?;
                let idle_since = resource.idle_since.filter(|_| !self.one_in(8));
                Change::Retire {
                    resource: resource.id.clone(),
                    idle_since,
                    least: self.below(3) as i64,
                    closes: !self.one_in(3),
                }
            }
            14 if self.one_in(3) => {
                Change::BlueprintFailed { blueprint: "bp".to_owned(), reason: "trapped".to_owned() }
            }
            16 => {
                let Lease { id, epoch, fence, .. } = self.pick(&seen.leases)?.clone();
                match self.below(14) {
                    0..3 => Change::KeepLease { lease: id },
                    3..6 => Change::HoldLease { lease: id, sign: self.sign(), fence: None },
                    6..9 => Change::Extend { lease: id, until: START + 1_000_000, fence: self.fence(fence) },
                    _ => {
                        let epoch = epoch - i64::from(self.one_in(3));
                        Change::HolderGone { lease: id, sign: self.sign(), epoch }
                    }
                }
            }
            15 if self.one_in(6) && self.nodes > 1 => {
                let dead = format!("n-x{}", self.below(self.nodes as usize));
                let of = |claim: &str| claim == dead;
                match self.one_in(2) {
                    true => Change::NodeDead { dead, beat: 0 },
                    false => Change::TakeOver {
                        leases: seen.leases.iter().filter(|l| of(&l.claim)).map(|l| l.id.clone()).collect(),
                        places: seen.places.iter().filter(|p| of(&p.claim)).map(|p| p.id.clone()).collect(),
                        resources: seen.resources.iter().filter(|r| of(&r.claim)).map(|r| r.id.clone()).collect(),
                        dead,
                    },
                }
            }
            _ => return self.step(seen, at),
        })
    }

    /// A group of one to eight proposals.
    fn group(&mut self, seen: &Seen, at: i64) -> Vec<Proposal> {
        let count = 1 + self.below(8);
        let mut group: Vec<Proposal> = Vec::new();
        while group.len() < count {
            if self.nodes < 3 && self.one_in(30) || self.one_in(150) {
                let node = format!("n-x{}", self.nodes);
                self.nodes += 1;
                group.push(Proposal { id: self.id("c"), change: Change::Join { name: node.clone() }, node });
            } else if let Some(change) = self.change(seen, at) {
                group.push(Proposal { id: self.id("c"), node: self.node(), change });
            }
        }
        if self.one_in(10) {
            group.push(group[0].clone());
        }
        group
    }

    fn count(&mut self, group: &[Proposal], outcomes: &[Outcome]) {
        for (proposal, outcome) in group.iter().zip(outcomes) {
            let change = format!("{:?}", proposal.change);
            let change = change.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            let step = match &proposal.change {
                Change::Step(report) => report.step.name(),
                _ => "",
            };
            let became = match outcome {
                Outcome::Done(_) => "done".to_owned(),
                Outcome::Lost(lost) => format!("{lost:?}").split(['(', ' ']).next().unwrap_or_default().to_owned(),
                other => format!("{other:?}"),
            };
            *self.outcomes.entry(format!("{change} {step} {became}").replace("  ", " ")).or_default() += 1;
            for lost in outcome.done().into_iter().flat_map(|done| done.items.iter().flatten()) {
                let lost = format!("item {}", format!("{lost:?}").split('(').next().unwrap_or_default());
                *self.outcomes.entry(lost).or_default() += 1;
            }
        }
    }
}

/// A proposal in one line.
fn story(proposal: &Proposal) -> String {
    format!("{} of {}: {:?}", proposal.id, proposal.node, proposal.change)
}

async fn see(bed: &Bed) -> Seen {
    let living = Filter { limit: 10_000, ..Filter::default() };
    let (leases, resources) = (bed.store.leases(&living).await.unwrap(), bed.store.resources(&living).await.unwrap());
    let mut places = Vec::new();
    for resource in &resources {
        places.extend(bed.store.on_resource(&resource.id).await.unwrap());
    }
    let pools = bed.store.pools().await.unwrap().into_iter().map(|pool| (pool.kind.clone(), pool)).collect();
    Seen { leases, resources, places, pools }
}

/// Every row of every table that commits change, as text.
async fn dump(bed: &Bed) -> Vec<String> {
    let mut all = Vec::new();
    macro_rules! tables {
        ($($row:ty),*) => { $(all.extend(table::<$row>(bed).await);)* };
    }
    tables!(Pool, Class, Blueprint, Resource, Place, Lease, SlotRow, Counter, CounterShare, RequestKey, Aside);
    tables!(Leftover, NodeRow, Event);
    all
}

async fn table<R: Row>(bed: &Bed) -> Vec<String> {
    let columns: Vec<&str> = R::COLUMNS.iter().map(|(name, _)| *name).collect();
    let columns = columns.join(", ");
    let (make, url) = match &bed.place {
        Place_::File { path, .. } => (format!("json_array({columns})"), format!("sqlite://{}", path.display())),
        Place_::Postgres(url) => (format!("json_build_array({columns})::text"), url.clone()),
        Place_::Memory => panic!("a store in memory has no back"),
    };
    let sql = AssertSqlSafe(format!("select {make} from {}", R::TABLE));
    let mut rows: Vec<String> = match &bed.place {
        Place_::Postgres(_) => {
            let rows = sqlx::query(sql).fetch_all(&mut PgConnection::connect(&url).await.unwrap()).await.unwrap();
            rows.iter().map(|row| line::<R>(row.get(0))).collect()
        }
        _ => {
            let rows = sqlx::query(sql).fetch_all(&mut SqliteConnection::connect(&url).await.unwrap()).await.unwrap();
            rows.iter().map(|row| line::<R>(row.get(0))).collect()
        }
    };
    rows.sort();
    rows
}

/// A row in one spelling, since the engines put their spaces differently.
fn line<R: Row>(row: String) -> String {
    format!("{} {}", R::TABLE, serde_json::from_str::<serde_json::Value>(&row).unwrap())
}

fn assert_same(grouped: &[String], single: &[String], what: &str) {
    let only = |one: &[String], other: &[String]| {
        one.iter().filter(|row| other.binary_search(row).is_err()).cloned().collect::<Vec<_>>().join("\n  ")
    };
    let (mut grouped, mut single) = (grouped.to_vec(), single.to_vec());
    grouped.sort();
    single.sort();
    assert!(
        grouped == single,
        "{what}:\nonly in groups\n  {}\nonly one by one\n  {}",
        only(&grouped, &single),
        only(&single, &grouped)
    );
}

async fn groups_are_like_single_commits(mut grouped: Bed, mut single: Bed, seed: u64, groups: usize) -> Chance {
    let mut chance = Chance::new(seed);
    for number in 0..groups {
        let seen = see(&grouped).await;
        let at = START + 50 * number as i64;
        (grouped.at, single.at) = (at, at);
        let group = chance.group(&seen, at);
        let outcomes = grouped.commit(&group).await;
        let mut one_by_one = Vec::new();
        for proposal in &group {
            single.at = at;
            one_by_one.extend(single.store.commit(at, std::slice::from_ref(proposal)).await.unwrap().outcomes);
        }
        for (i, (one, other)) in outcomes.iter().zip(&one_by_one).enumerate() {
            assert_eq!(
                one,
                other,
                "seed {seed}, group {number}, proposal {i}: in the group, and by itself; {:#?}",
                group[..=i].iter().map(story).collect::<Vec<_>>()
            );
        }
        chance.count(&group, &outcomes);
        if number % 10 == 9 || number + 1 == groups {
            let what = format!(
                "seed {seed}, after group {number}, the last of which was {:#?}",
                group.iter().map(story).collect::<Vec<_>>()
            );
            assert_same(&dump(&grouped).await, &dump(&single).await, &what);
        }
    }
    chance
}

/// What has to have happened for the comparison to say anything.
const REACHED: &[&str] = &[
    "Ask done",
    "Ask KeyReused",
    "Ask Dead",
    "Ask Known",
    "Plan done",
    "Plan Version",
    "EndLease done",
    "KeepLease done",
    "KeepLease Ended",
    "HoldLease done",
    "HoldLease Ended",
    "HoldLease Untied",
    "Extend done",
    "Extend Ended",
    "Extend Fence",
    "HolderGone done",
    "HolderGone Epoch",
    "EndResource done",
    "EndResource InUse",
    "Checked done",
    "Checked Epoch",
    "Step open done",
    "Step open Epoch",
    "Step activate done",
    "Step activate Epoch",
    "Step release done",
    "Step close done",
    "Step close Epoch",
    "NodeDead done",
    "TakeOver done",
    "TakeOver Alive",
    "Join done",
    "BlueprintFailed done",
    "item Lease",
    "item Resource",
    "item Slot",
    "item Maximum",
    "item Behind",
    "item Quota",
    "item Enough",
    "item NoTaker",
];

#[tokio::test]
async fn random_groups_on_sqlite() {
    let mut reached: BTreeMap<String, u32> = BTreeMap::new();
    for seed in 0..8 {
        let chance = groups_are_like_single_commits(Bed::file().await, Bed::file().await, seed, 250).await;
        for (outcome, count) in chance.outcomes {
            *reached.entry(outcome).or_default() += count;
        }
    }
    println!("{reached:#?}");
    assert!(reached.values().sum::<u32>() > 4_000);
    for outcome in REACHED {
        assert!(reached.contains_key(*outcome), "{outcome:?} was not reached: {reached:#?}");
    }
}

#[tokio::test]
async fn random_groups_on_postgres() {
    groups_are_like_single_commits(Bed::postgres().await, Bed::postgres().await, 99, 60).await;
}

#[tokio::test]
async fn both_engines_decide_alike() {
    let sqlite = groups_are_like_single_commits(Bed::file().await, Bed::postgres().await, 7, 60).await;
    assert!(sqlite.outcomes["Plan done"] > 5);
}
