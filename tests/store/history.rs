//! What has ended is kept for a time, and then pruned; what is alive keeps what it needs.

use crate::bed::*;
use drydock_core::contract::Next;
use drydock_core::engine::api::Filter;
use drydock_core::model::proposal::*;
use drydock_core::model::rows::{Considered, RequestKey};
use drydock_core::plugin::Step;
use drydock_core::store::Horizon;
use std::collections::BTreeMap;

/// Everything that has ended by now.
fn by_now(bed: &Bed) -> Horizon {
    Horizon { ended: bed.at, keys: bed.at }
}

async fn prune(bed: &Bed, horizon: Horizon) -> usize {
    let mut all = 0;
    loop {
        let (count, more) = bed.store.prune_finished(horizon).await.unwrap();
        all += count;
        bed.check().await;
        if !more {
            return all;
        }
    }
}

/// Of leases and resources, all that there are.
async fn ids(bed: &Bed) -> Vec<String> {
    let all = Filter { all: true, limit: 10_000, ..Filter::default() };
    let mut ids: Vec<String> = bed.store.leases(&all).await.unwrap().into_iter().map(|lease| lease.id).collect();
    ids.extend(bed.store.resources(&all).await.unwrap().into_iter().map(|resource| resource.id));
    ids.sort();
    ids
}

async fn events(bed: &Bed) -> Vec<String> {
    let events = bed.store.events(0, None, 10_000).await.unwrap();
    events.into_iter().map(|logged| format!("{} {}", logged.event.id, logged.event.now)).collect()
}

/// A resource and its lease, both gone.
async fn gone(bed: &mut Bed, n: &str) {
    let (lease, place, resource) = (format!("l-{n}"), format!("p-{n}"), format!("r-{n}"));
    bed.active(&lease, &place, &resource, &[]).await;
    bed.done(end(&lease)).await;
    let step = bed.step(Step::Release, &place, done_with(None)).await;
    bed.done(step).await;
    bed.done(end_resource(&resource)).await;
    let step = bed.step(Step::Close, &resource, done_with(None)).await;
    bed.done(step).await;
}

pub async fn what_has_ended_goes_with_everything_of_it(bed: &mut Bed) {
    gone(bed, "1").await;
    let first = bed.at;
    gone(bed, "2").await;
    bed.done(ask("l-3")).await;
    assert_eq!(ids(bed).await, ["l-1", "l-2", "l-3", "r-1", "r-2"]);
    let horizon = Horizon { ended: first, keys: first };
    // One lease, one resource, and the two events of the node that came before.
    assert_eq!(prune(bed, horizon).await, 4);
    assert_eq!(ids(bed).await, ["l-2", "l-3", "r-2"]);
    assert_eq!(bed.store.place("p-1").await.unwrap().place, None);
    assert_eq!(bed.place("p-2").await.lease, "l-2");
    let left = events(bed).await;
    assert!(left.iter().all(|event| !event.starts_with(NODE) && !event.contains("-1 ")), "{left:?}");
    assert!(left.contains(&"p-2 gone".to_owned()) && left.contains(&"r-2 destroyed".to_owned()), "{left:?}");
    assert_eq!(prune(bed, horizon).await, 0);
    let now = by_now(bed);
    prune(bed, now).await;
    assert_eq!(ids(bed).await, ["l-3"]);
    assert_eq!(events(bed).await, ["l-3 pending"]);
    assert_eq!(bed.store.place("p-2").await.unwrap().place, None);
}

pub async fn what_is_alive_keeps_its_history(bed: &mut Bed) {
    bed.active("l-1", "p-1", "r-1", &[]).await;
    let before = events(bed).await;
    let now = by_now(bed);
    prune(bed, now).await;
    assert_eq!(ids(bed).await, ["l-1", "r-1"]);
    let left = events(bed).await;
    assert_eq!(left, before.into_iter().filter(|event| !event.starts_with(NODE)).collect::<Vec<_>>());
    // An ended lease whose place is being cleaned is not over.
    bed.done(end("l-1")).await;
    let now = by_now(bed);
    assert_eq!(prune(bed, now).await, 0);
    assert_eq!(ids(bed).await, ["l-1", "r-1"]);
}

pub async fn what_was_left_behind_keeps_those_who_left_it(bed: &mut Bed) {
    bed.active("l-1", "p-1", "r-1", &[named("b/1")]).await;
    bed.done(end("l-1")).await;
    for _ in 0..3 {
        let step = bed.step(Step::Release, "p-1", failed(Next::BackOff)).await;
        bed.done(step).await;
    }
    assert_eq!(bed.leftovers("r-1").await.len(), 1);
    assert_eq!(bed.is("l-1").await, "destroyed (released)");
    let now = by_now(bed);
    prune(bed, now).await;
    assert_eq!(ids(bed).await, ["l-1", "r-1"]);
    // The resource is closed, since nobody else may have it.
    let step = bed.step(Step::Close, "r-1", done_with(None)).await;
    bed.done(step).await;
    let now = by_now(bed);
    prune(bed, now).await;
    assert_eq!(ids(bed).await, Vec::<String>::new());
}

pub async fn a_key_finds_its_lease_until_its_own_time(bed: &mut Bed) {
    let key =
        RequestKey { owner: "somebody".to_owned(), name: "k".to_owned(), lease: String::new(), digest: "d".to_owned() };
    let with_key = |id: &str| Change::Ask(Box::new(NewLease { key: Some(key.clone()), ..new_lease(id) }));
    bed.done(with_key("l-1")).await;
    bed.done(end("l-1")).await;
    let ended = bed.at;
    let early = Horizon { ended, keys: ended - 1_000 };
    prune(bed, early).await;
    assert_eq!(bed.done(with_key("l-2")).await.existing.as_deref(), Some("l-1"));
    assert_eq!(ids(bed).await, ["l-1"]);
    let late = Horizon { ended: ended - 1_000, keys: ended };
    assert_eq!(prune(bed, late).await, 1);
    assert_eq!(ids(bed).await, ["l-1"], "it is kept for as long as it would be without");
    assert_eq!(bed.done(with_key("l-2")).await.existing, None);
    let now = by_now(bed);
    prune(bed, now).await;
    assert_eq!(ids(bed).await, ["l-2"]);
    assert_eq!(bed.done(with_key("l-3")).await.existing.as_deref(), Some("l-2"), "the key is another one by now");
}

pub async fn what_a_resource_has_leased_keeps_its_key_as_long_as_that_is_there(bed: &mut Bed) {
    bed.done(ask("l-1")).await;
    assert_eq!(bed.planned(vec![building("r-1", &[], vec![set_up("l-1", "r-1", "p-1")])]).await, [None]);
    let nest = |id: &str| {
        let key =
            RequestKey { owner: "r-1".to_owned(), name: "k".to_owned(), lease: String::new(), digest: "d".to_owned() };
        let leases = vec![NewLease { key: Some(key), ..new_lease(id) }];
        Change::Nest(Nest { resource: "r-1".to_owned(), epoch: 1, leases })
    };
    assert_eq!(bed.done(nest("n-1")).await.leases, ["n-1"]);
    bed.done(end("n-1")).await;
    let now = by_now(bed);
    prune(bed, now).await;
    assert_eq!(ids(bed).await, ["l-1", "n-1", "r-1"]);
    bed.done(end("l-1")).await;
    bed.done(end_resource("r-1")).await;
    let step = bed.step(Step::Close, "r-1", done_with(None)).await;
    bed.done(step).await;
    let now = by_now(bed);
    prune(bed, now).await;
    let now = by_now(bed);
    prune(bed, now).await;
    assert_eq!(ids(bed).await, Vec::<String>::new());
}

pub async fn no_commit_takes_more_than_a_few(bed: &mut Bed) {
    for ids in (0..450).collect::<Vec<_>>().chunks(150) {
        bed.group(ids.iter().map(|n| ask(&format!("l-{n}"))).collect()).await;
        bed.group(ids.iter().map(|n| end(&format!("l-{n}"))).collect()).await;
    }
    let now = by_now(bed);
    let mut left = Vec::new();
    loop {
        let (_, more) = bed.store.prune_finished(now).await.unwrap();
        left.push(ids(bed).await.len());
        if !more {
            break;
        }
    }
    assert_eq!(left, [250, 50, 0]);
}

async fn unused(bed: &Bed, horizon: Horizon) -> usize {
    bed.store.prune_unused(horizon, bed.at, &[]).await.unwrap().0
}

/// Whether a class is known: then it keeps its answers, which are of a newer revision than these.
async fn is_known(bed: &mut Bed, lease: &str) -> bool {
    let answers = BTreeMap::<String, Considered>::new();
    bed.done(Change::Ask(Box::new(NewLease { revision: 0, answers, ..new_lease(lease) }))).await;
    let look = bed.store.look("host", &Default::default()).await.unwrap().unwrap();
    let known = !look.classes[0].class.answers.0.is_empty();
    bed.done(end(lease)).await;
    known
}

pub async fn a_class_goes_when_nobody_can_come_back_to_it(bed: &mut Bed) {
    bed.done(ask("l-1")).await;
    let long_after = Horizon { ended: bed.at + 1_000, keys: 0 };
    assert_eq!(unused(bed, long_after).await, 0, "somebody waits");
    assert_eq!(bed.planned(vec![building("r-1", &[], vec![set_up("l-1", "r-1", "p-1")])]).await, [None]);
    assert_eq!(unused(bed, long_after).await, 0, "it may have to wait again");
    bed.done(end("l-1")).await;
    let too_soon = Horizon { ended: START, keys: 0 };
    assert_eq!(unused(bed, too_soon).await, 0, "it was asked for a moment ago");
    assert!(is_known(bed, "l-2").await);
    assert_eq!(unused(bed, long_after).await, 1);
    bed.check().await;
    assert!(!is_known(bed, "l-3").await);
}

pub async fn what_a_resource_was_made_with_stays(bed: &mut Bed) {
    let in_force = r#"{"digests":{"bp":"configured"}}"#;
    for revision in 1..=4 {
        let config = if revision == 4 { in_force } else { "{}" };
        bed.store.save_config(revision, START, config).await.unwrap();
    }
    for digest in ["configured", "digest", "here", "older", "younger"] {
        let at = if digest == "younger" { bed.at + 1_000 } else { START };
        bed.store.save_plugin(digest, b"bytes", at).await.unwrap();
    }
    // It was made with revision 1 and with the plugin `digest`.
    bed.active("l-1", "p-1", "r-1", &[]).await;
    let horizon = Horizon { ended: bed.at, keys: 0 };
    let here = ["here".to_owned()];
    let (count, _) = bed.store.prune_unused(horizon, bed.at, &here).await.unwrap();
    assert_eq!(count, 3, "two revisions and a plugin");
    let mut kept = Vec::new();
    for revision in 1..=4 {
        kept.extend(bed.store.config(Some(revision)).await.unwrap().map(|(revision, _)| revision.to_string()));
    }
    for digest in ["configured", "digest", "here", "older", "younger"] {
        kept.extend(bed.store.load_plugin(digest).await.unwrap().map(|_| digest.to_owned()));
    }
    assert_eq!(kept, ["1", "4", "configured", "digest", "here", "younger"]);
    bed.done(end("l-1")).await;
    let step = bed.step(Step::Release, "p-1", done_with(None)).await;
    bed.done(step).await;
    bed.done(end_resource("r-1")).await;
    let step = bed.step(Step::Close, "r-1", done_with(None)).await;
    bed.done(step).await;
    let (count, _) = bed.store.prune_unused(horizon, bed.at, &here).await.unwrap();
    assert_eq!(count, 3, "a revision, a plugin and a class");
    // The last revision is in force, however old it is; until a newer one has been for long enough.
    bed.store.save_config(5, horizon.ended, "{}").await.unwrap();
    assert_eq!(bed.store.prune_unused(horizon, bed.at, &here).await.unwrap().0, 0);
    assert!(bed.store.config(Some(4)).await.unwrap().is_some());
}
