//! Requests, their keys, and the answers of their class.

use crate::bed::*;
use drydock_core::config::{Order, OwnerConfig};
use drydock_core::contract::{Needs, Refusal};
use drydock_core::model::proposal::*;
use drydock_core::model::rows::*;
use drydock_core::planner::look::{HEADS, Waiting};
use drydock_core::plugin::Step;
use drydock_core::store::Sought;
use std::collections::BTreeMap;

pub async fn a_lease_waits_with_its_class_and_its_limits(bed: &mut Bed) {
    let Pool { news, version, .. } = bed.pool("host").await;
    let new = NewLease { until: Some(START + 9_000), wait_until: Some(START + 5_000), ..new_lease("l-1") };
    let done = bed.done(Change::Ask(Box::new(new))).await;
    assert_eq!(done.news, Some((news, news + 1)));
    let lease = bed.lease("l-1").await;
    assert_eq!((lease.ord, lease.due_at, lease.claim.as_str()), (START, Some(START + 5_000), NODE));
    assert_eq!(bed.is("l-1").await, "pending");
    let look = bed.store.look("host", &Sought::default()).await.unwrap().unwrap();
    assert_eq!(look.classes[0].class.waiting, 1);
    assert_eq!(look.classes[0].heads[0].lease, "l-1");
    assert_eq!(bed.pool("host").await.version, version, "only matchers and the configuration raise it");
}

pub async fn a_key_finds_the_first_lease_and_refuses_another_request(bed: &mut Bed) {
    let keyed = |id: &str, digest: &str| {
        let key = RequestKey {
            owner: "somebody".to_owned(),
            name: "job 7".to_owned(),
            lease: String::new(),
            digest: digest.to_owned(),
        };
        Change::Ask(Box::new(NewLease { key: Some(key), ..new_lease(id) }))
    };
    assert_eq!(bed.done(keyed("l-1", "same")).await.existing, None);
    assert_eq!(bed.done(keyed("l-2", "same")).await.existing.as_deref(), Some("l-1"));
    assert_eq!(bed.lost(keyed("l-3", "other")).await, Lost::KeyReused("l-1".to_owned()));
    assert_eq!(bed.store.by_key("somebody", "job 7").await.unwrap().as_deref(), Some("l-1"));
    assert_eq!(bed.store.leases(&Default::default()).await.unwrap().len(), 1);
    // The key outlives the lease.
    bed.done(end("l-1")).await;
    assert_eq!(bed.done(keyed("l-4", "same")).await.existing.as_deref(), Some("l-1"));
}

pub async fn what_nobody_can_serve_breaks_at_once(bed: &mut Bed) {
    let never = Some("bp: no such platform".to_owned());
    bed.done(Change::Ask(Box::new(NewLease { never, ..new_lease("l-1") }))).await;
    assert_eq!(bed.is("l-1").await, "destroyed (never-servable)");
    assert_eq!(bed.lease("l-1").await.reason.as_deref(), Some("bp: no such platform"));
    let events = bed.store.events(0, Some("l-1"), 10).await.unwrap();
    let path: Vec<&str> = events.iter().map(|logged| logged.event.now.as_str()).collect();
    assert_eq!(path, ["pending", "broken", "destroyed"]);
}

pub async fn newer_answers_replace_older_ones(bed: &mut Bed) {
    bed.done(ask("l-1")).await;
    let refusing = BTreeMap::from([("bp".to_owned(), Considered::Refuses(Refusal::Never("no".to_owned())))]);
    let consider = |revision, answers| Change::Consider { class: "c".to_owned(), revision, answers };
    let before = bed.pool("host").await;
    bed.done(consider(3, refusing.clone())).await;
    let after = bed.pool("host").await;
    assert_eq!((after.version, after.freed, after.news), (before.version, before.freed, before.news + 1));
    // An answer under an older revision comes late.
    let serving = Considered::Serves(Needs::default());
    bed.done(consider(2, BTreeMap::from([("bp".to_owned(), serving)]))).await;
    let look = bed.store.look("host", &Sought::default()).await.unwrap().unwrap();
    assert_eq!((look.classes[0].class.revision, &look.classes[0].class.answers.0), (3, &refusing));
    let missing = Change::Consider { class: "nobody's".to_owned(), revision: 4, answers: BTreeMap::new() };
    assert_eq!(bed.lost(missing).await, Lost::Missing("nobody's".to_owned()));
}

pub async fn a_priority_is_a_head_start(bed: &mut Bed) {
    bed.done(ask("l-1")).await;
    let urgent = NewLease { priority: 2, head_start: 120_000, asked_at: START + 60_000, ..new_lease("l-2") };
    bed.done(Change::Ask(Box::new(urgent))).await;
    let lease = bed.lease("l-2").await;
    assert_eq!((lease.priority, lease.ord), (2, START - 60_000));
    let look = bed.store.look("host", &Sought::default()).await.unwrap().unwrap();
    let order: Vec<&str> = look.classes[0].heads.iter().map(|head| head.lease.as_str()).collect();
    assert_eq!(order, ["l-2", "l-1"]);
    assert_eq!(bed.store.ahead(&bed.lease("l-1").await).await.unwrap(), 1);
}

fn of(owner: &str, id: &str) -> Change {
    Change::Ask(Box::new(NewLease { owner: owner.to_owned(), ..new_lease(id) }))
}

fn within(placement: Placement, owner: &str, limit: i64) -> Placement {
    Placement { quota: Some(Quota { owner: owner.to_owned(), limit }), ..placement }
}

pub async fn an_owner_has_no_more_than_its_quota(bed: &mut Bed) {
    for id in ["l-1", "l-2", "l-3"] {
        bed.done(of("ci", id)).await;
    }
    let takers = vec![within(ready("l-1", "r-1", "p-1"), "ci", 2), within(set_up("l-2", "r-1", "p-2"), "ci", 2)];
    let building = Build { shares: 4, opens: false, ..build("r-1", &[], takers) };
    assert_eq!(bed.planned(vec![Item::Build(Box::new(building))]).await, [None]);
    let events = bed.store.events(0, Some("l-2"), 50).await.unwrap();
    let placed = events.iter().find(|logged| logged.event.reason == "placed" && logged.event.id == "p-2").unwrap();
    let detail = placed.event.detail.as_ref().unwrap();
    assert!(detail.contains(r#""quota":{"count":2,"limit":2,"owner":"ci"}"#), "{detail}");
    let third = || Item::Place(within(ready("l-3", "r-1", "p-3"), "ci", 2));
    assert_eq!(bed.planned(vec![third()]).await, [Some(Lost::Quota("ci".to_owned()))]);
    // What is over and not cleaned up counts; what is gone does not, and that is news to every pool.
    bed.done(end("l-2")).await;
    assert_eq!(bed.store.used(QUOTAS, "ci").await.unwrap(), 2);
    let news = bed.pool("vm").await.news;
    let step = bed.step(Step::Release, "p-2", done_with(None)).await;
    bed.done(step).await;
    assert_eq!(bed.store.used(QUOTAS, "ci").await.unwrap(), 1);
    assert_eq!(bed.pool("vm").await.news, news + 1);
    assert_eq!(bed.planned(vec![third()]).await, [None]);
    // Lowered, it ends nothing that is there; and others are not bound by it.
    bed.done(of("ci", "l-4")).await;
    bed.done(of("ada", "l-5")).await;
    let items = vec![
        Item::Place(within(ready("l-4", "r-1", "p-4"), "ci", 1)),
        Item::Place(within(ready("l-5", "r-1", "p-5"), "ada", 1)),
    ];
    assert_eq!(bed.planned(items).await, [Some(Lost::Quota("ci".to_owned())), None]);
    // One that loses its place gives its part back.
    let free = bed.pool("vm").await;
    bed.done(end("l-5")).await;
    assert_eq!(bed.store.used(QUOTAS, "ada").await.unwrap(), 0);
    assert_eq!(bed.pool("vm").await, Pool { news: free.news + 1, ..free }, "nobody has to ask again what can be made");
}

pub async fn who_has_all_that_it_may_holds_up_nobody(bed: &mut Bed) {
    bed.done(of("ci", "l-1")).await;
    let takers = vec![within(ready("l-1", "r-1", "p-1"), "ci", 1)];
    assert_eq!(bed.planned(vec![building("r-1", &[], takers)]).await, [None]);
    for n in 0..70 {
        bed.done(of("ci", &format!("l-2{n:02}"))).await;
    }
    bed.done(of("ada", "l-9")).await;
    let limits = |most| OwnerConfig { max_leases: Some(most), ..OwnerConfig::default() };
    let heads = async |order: Order| -> Vec<(String, Option<i64>)> {
        let sought = Sought { order, ..Sought::default() };
        let look = bed.store.look("host", &sought).await.unwrap().unwrap();
        let of = |head: &Waiting| (head.lease.clone(), head.quota.as_ref().map(|held| held.limit - held.used));
        look.classes[0].heads.iter().map(of).collect()
    };
    let own = Order { owners: BTreeMap::from([("ci".to_owned(), limits(1))]), ..Order::default() };
    assert_eq!(heads(own.clone()).await, [("l-9".to_owned(), None)]);
    let every = Order { every_owner: limits(1), ..Order::default() };
    assert_eq!(heads(every.clone()).await, [("l-9".to_owned(), Some(1))]);
    let more = Order { owners: BTreeMap::from([("ci".to_owned(), limits(3))]), ..every };
    assert_eq!(heads(more).await[0], ("l-200".to_owned(), Some(2)));
    assert_eq!(heads(Order::default()).await.len(), HEADS);
}

fn in_turn(owner: &str, id: &str, asked_at: i64) -> NewLease {
    NewLease { owner: owner.to_owned(), asked_at, spacing: Some(10_000), ..new_lease(id) }
}

pub async fn an_owner_has_its_turns_one_after_the_other(bed: &mut Bed) {
    let ord = async |bed: &Bed, id: &str| bed.lease(id).await.ord - START;
    for id in ["l-1", "l-2", "l-3"] {
        bed.done(Change::Ask(Box::new(in_turn("crowd", id, START)))).await;
    }
    bed.done(Change::Ask(Box::new(in_turn("visitor", "l-4", START + 5_000)))).await;
    // Each of a group counts those before it.
    let group = vec![
        Change::Ask(Box::new(in_turn("visitor", "l-5", START + 5_000))),
        Change::Ask(Box::new(NewLease { head_start: 60_000, ..in_turn("visitor", "l-6", START + 6_000) })),
    ];
    bed.group(group).await;
    let mut ords = Vec::new();
    for id in ["l-1", "l-2", "l-3", "l-4", "l-5", "l-6"] {
        ords.push(ord(bed, id).await);
    }
    assert_eq!(ords, [0, 10_000, 20_000, 5_000, 15_000, 25_000 - 60_000]);
    // Those that don't wait any more, and those of another type, don't count.
    bed.done(end("l-3")).await;
    bed.done(Change::Ask(Box::new(in_turn("crowd", "l-7", START + 1_000)))).await;
    let vm = NewLease { request: request("vm"), class: "v".to_owned(), ..in_turn("crowd", "l-8", START + 1_000) };
    bed.done(Change::Ask(Box::new(vm))).await;
    bed.done(Change::Ask(Box::new(in_turn("crowd", "l-9", START + 90_000)))).await;
    assert_eq!((ord(bed, "l-7").await, ord(bed, "l-8").await, ord(bed, "l-9").await), (20_000, 1_000, 90_000));
    // A set stands together, and counts for as many as it has.
    let member = |id: &str| {
        let set = SetOf { id: "s-1".to_owned(), kinds: vec!["host".to_owned()] };
        NewLease { set: Some(set), ..in_turn("set", id, START) }
    };
    bed.done(Change::AskSet(vec![member("l-a"), member("l-b"), member("l-c")])).await;
    bed.done(Change::Ask(Box::new(in_turn("set", "l-d", START)))).await;
    assert_eq!((ord(bed, "l-a").await, ord(bed, "l-c").await, ord(bed, "l-d").await), (0, 0, 30_000));
}

pub async fn a_look_brings_what_is_taken_otherwise(bed: &mut Bed) {
    let other = NewClass { id: "o".to_owned(), request: request("host"), answers: answers() };
    bed.done(Change::Ask(Box::new(NewLease { otherwise: vec![other], ..new_lease("l-1") }))).await;
    let classes = async |bed: &Bed| -> Vec<(String, usize)> {
        let look = bed.store.look("host", &Sought::default()).await.unwrap().unwrap();
        look.classes.iter().map(|look| (look.class.id.clone(), look.heads.len())).collect()
    };
    assert_eq!(classes(bed).await, [("c".to_owned(), 1), ("o".to_owned(), 0)]);
    let item = building("r-1", &[], vec![Placement { choice: 1, ..ready("l-1", "r-1", "p-1") }]);
    assert_eq!(bed.planned(vec![item]).await, [None]);
    assert_eq!(bed.lease("l-1").await.choice, 1);
    assert!(classes(bed).await.is_empty(), "nobody waits any more");
}
