//! What was acknowledged survives `kill -9`, and one SQLite file has one process.

use crate::bed::*;
use drydock_core::engine::api::Filter;
use drydock_core::model::proposal::*;
use drydock_core::model::protection::Protections;
use drydock_core::model::rows::Lease;
use drydock_core::model::status::LeaseStatus;
use drydock_core::store::{Store, StoreError};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Names the file to the child.
const STORE: &str = "DRYDOCK_TEST_STORE";
const ROUND: &str = "DRYDOCK_TEST_ROUND";
const KILLS: u64 = 16;

/// This test again, as a process of its own that commits until it is killed.
fn writer(path: &Path, round: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["durability::commits_until_it_is_killed", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env(STORE, path)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
#[ignore = "the other half of acknowledged_commits_survive_being_killed, which starts it"]
async fn commits_until_it_is_killed() {
    let (Ok(path), Ok(round)) = (std::env::var(STORE), std::env::var(ROUND)) else { return };
    let store = Store::open_sqlite(Path::new(&path)).await.unwrap();
    let node = format!("n-{round}");
    let mut chance = SmallRng::seed_from_u64(round.parse().unwrap());
    let mut n = 0;
    let mut proposal = |change| {
        n += 1;
        Proposal { id: format!("{node}.{n}"), node: node.clone(), change }
    };
    let setup = vec![
        proposal(Change::Join { name: node.clone() }),
        proposal(Change::Configure {
            revision: round.parse::<i64>().unwrap() + 1,
            blueprints: vec![listed("bp", "host")],
            before: vec![],
            pools: vec![],
        }),
    ];
    acknowledge(&store, &setup).await;
    for i in 0usize.. {
        let count = chance.random_range(1..20);
        let ids: Vec<String> = (0..count).map(|k| format!("l-{round}-{i}-{k}")).collect();
        let asks: Vec<_> = ids.iter().map(|id| proposal(ask(id))).collect();
        acknowledge(&store, &asks).await;
        let pool = store.pools().await.unwrap().into_iter().find(|pool| pool.kind == "host").unwrap();
        let resource = format!("r-{round}-{i}");
        let takers = ids.iter().map(|id| ready(id, &resource, &format!("p-{id}"))).collect();
        let slots = [named(&resource), counted("memory", 1, u32::MAX)];
        let build = Build { shares: 20, opens: false, ..build(&resource, &slots, takers) };
        let items = vec![Item::Build(Box::new(build))];
        let plan = Change::Plan(Plan::of(&pool, items));
        acknowledge(&store, &[proposal(plan)]).await;
        // Each of these writes an event, by which its commit is found again.
        let mut ends: Vec<_> = ids.iter().skip(i % 2).map(|id| proposal(end(id))).collect();
        if i % 2 == 0 {
            ends.push(proposal(end_resource(&resource)));
        }
        if ends.is_empty() {
            continue;
        }
        acknowledge(&store, &ends).await;
    }
}

/// Commits, and only then says so.
async fn acknowledge(store: &Store, group: &[Proposal]) {
    let report = store.commit(START, group).await.unwrap();
    let mut out = std::io::stdout().lock();
    for (proposal, outcome) in group.iter().zip(report.outcomes) {
        assert!(outcome.done().is_some(), "{outcome:?}");
        writeln!(out, "ack {}", proposal.id).unwrap();
    }
    out.flush().unwrap();
}

#[tokio::test]
async fn acknowledged_commits_survive_being_killed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let mut chance = SmallRng::seed_from_u64(11);
    let mut acknowledged = BTreeSet::new();
    for round in 0..KILLS {
        let mut child = writer(&path, round);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut left = chance.random_range(1..120);
        // Everything that it said before it died counts, however late it is read.
        while let Some(Ok(line)) = lines.next() {
            if let Some(id) = line.strip_prefix("ack ") {
                acknowledged.insert(id.to_owned());
            }
            left -= 1;
            if left == 0 {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(left <= 0, "the writer ended by itself in round {round}");
        let store = Store::open_sqlite(&path).await.unwrap();
        assert_eq!(store.check().await.unwrap(), [], "after round {round}");
        let events = store.events(0, None, 10_000_000).await.unwrap();
        let kept: BTreeSet<String> = events.into_iter().map(|logged| logged.event.commit_id).collect();
        let lost: Vec<&String> = acknowledged.difference(&kept).collect();
        assert!(lost.is_empty(), "round {round} lost {lost:?}");
    }
    assert!(acknowledged.len() > 500, "only {} commits were acknowledged", acknowledged.len());
}

/// How far a lease has come: asked for, placed, ended.
fn stage(lease: &Lease) -> u8 {
    match lease.status {
        LeaseStatus::Pending => 0,
        LeaseStatus::Acquired | LeaseStatus::Active => 1,
        LeaseStatus::Released | LeaseStatus::Broken | LeaseStatus::Destroyed => 2,
    }
}

/// A machine that loses its power may keep any beginning of the write-ahead log that was not synced yet; what was synced
/// when it was acknowledged is in each of them that is long enough.
#[tokio::test]
async fn every_beginning_of_the_log_has_what_was_acknowledged_by_then() {
    let mut bed = Bed::file().await;
    let Place_::File { path, .. } = &bed.place else { unreachable!() };
    let path = path.clone();
    let directory = path.parent().unwrap();
    let log = directory.join("store.db-wal");
    let mut chance = SmallRng::seed_from_u64(7);
    // Bytes of the log at the acknowledgement, lease, how far it had come.
    let mut acknowledged: Vec<(u64, String, u8)> = Vec::new();
    let size = || std::fs::metadata(&log).unwrap().len();
    for round in 0..6 {
        let leases: Vec<String> = (0..chance.random_range(1..5)).map(|n| format!("l-{round}-{n}")).collect();
        for lease in &leases {
            bed.done(ask(lease)).await;
            acknowledged.push((size(), lease.clone(), 0));
        }
        let resource = format!("r-{round}");
        let takers = leases.iter().map(|lease| ready(lease, &resource, &format!("p-{lease}"))).collect();
        let built = Build { shares: 20, opens: false, ..build(&resource, &[named(&resource)], takers) };
        assert_eq!(bed.planned(vec![Item::Build(Box::new(built))]).await, [None]);
        acknowledged.extend(leases.iter().map(|lease| (size(), lease.clone(), 1)));
        for lease in leases.iter().skip(round % 2) {
            bed.done(end(lease)).await;
            acknowledged.push((size(), lease.clone(), 2));
        }
    }
    let (file, log) = (std::fs::read(&path).unwrap(), std::fs::read(&log).unwrap());
    // The log's header names the size of a page; a frame is a page with a header of its own.
    let page = u32::from_be_bytes(log[8..12].try_into().unwrap()) as usize;
    let (header, frame) = (32, 24 + page);
    let frames = (log.len() - header) / frame;
    assert!((100..1_000).contains(&frames), "{frames} frames: SQLite moves them into the file at 1,000");
    let (mut seen, mut torn) = (0, 0);
    for number in 0..=frames {
        // Every eighth time the next frame is there in part.
        let part = if number % 8 == 0 && number < frames { frame / 2 } else { 0 };
        torn += usize::from(part > 0);
        let cut = header + number * frame + part;
        // Its own folder: a store that is let go of is closed a little later.
        let folder = memory_disk();
        let copy = folder.path().join("store.db");
        std::fs::write(&copy, &file).unwrap();
        std::fs::write(folder.path().join("store.db-wal"), &log[..cut]).unwrap();
        let store = Store::open_sqlite(&copy).await.unwrap_or_else(|error| panic!("after frame {number}: {error}"));
        assert_eq!(store.check().await.unwrap(), [], "after frame {number}");
        let known: BTreeMap<String, u8> = {
            let all = Filter { all: true, limit: 1_000, ..Filter::default() };
            let leases = store.leases(&all).await.unwrap();
            leases.iter().map(|lease| (lease.id.clone(), stage(lease))).collect()
        };
        for (at, lease, stage) in acknowledged.iter().filter(|(at, ..)| *at <= cut as u64) {
            let now = known.get(lease);
            assert!(
                now >= Some(stage),
                "{lease}, acknowledged at byte {at}, is at {now:?} of {stage} after frame {number}"
            );
            seen += 1;
        }
    }
    assert!(seen > 1_000 && torn > 10, "{seen} {torn}");
}

#[tokio::test]
async fn a_second_process_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let mut child = writer(&path, 0);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while !lines.next().unwrap().unwrap().starts_with("ack") {}
    let refused = Store::open_sqlite(&path).await.err().expect("another process has it");
    let pid = child.id().to_string();
    assert_eq!(refused, StoreError::InUse { path: path.display().to_string(), pid: pid.clone() });
    assert!(refused.to_string().contains(&format!("pid {pid}")), "{refused}");
    child.kill().unwrap();
    child.wait().unwrap();
    // The lock goes with the process, however that ended.
    assert!(Store::open_sqlite(&path).await.is_ok());
}

#[tokio::test]
async fn tables_of_another_version_are_refused() {
    let bed = Bed::file().await;
    bed.raw("update setting set value = '999' where name = 'schema'").await;
    let Place_::File { path, .. } = &bed.place else { unreachable!() };
    drop(bed.store);
    let refused = Store::open_sqlite(path).await.err().expect("it is of another version");
    assert_eq!(refused, StoreError::Schema { found: "999".to_owned() });
    let text = directory_as_store().await;
    assert!(text.contains("can't be opened"), "{text}");
}

async fn directory_as_store() -> String {
    let directory = tempfile::tempdir().unwrap();
    let refused = Store::open_sqlite(&directory.path().join("none").join("store.db")).await.err();
    refused.expect("there is no such folder").to_string()
}

#[tokio::test]
async fn stores_in_memory_are_apart() {
    let mut one = Bed::memory().await;
    one.done(ask("l-1")).await;
    let other = Store::in_memory(Protections::ALL).await.unwrap();
    assert!(other.lease("l-1").await.unwrap().lease.is_none());
}
