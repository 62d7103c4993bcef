//! Leases that resources have for themselves.

use crate::bed::*;
use drydock_core::model::proposal::*;
use drydock_core::model::rows::{RequestKey, Resource};
use drydock_core::model::status::{PlaceStatus, ResourceStatus};
use drydock_core::plugin::Step;
use drydock_core::store::Sought;
use std::collections::BTreeSet;

/// A nested lease of type `ground`, under a name of its resource's own.
fn nested(resource: &str, id: &str, name: &str) -> NewLease {
    let key = RequestKey {
        owner: resource.to_owned(),
        name: name.to_owned(),
        lease: String::new(),
        digest: format!("of {name}"),
    };
    NewLease { class: "g".to_owned(), request: request("ground"), key: Some(key), ..new_lease(id) }
}

async fn nest(bed: &Bed, resource: &str, leases: Vec<NewLease>) -> Change {
    let epoch = bed.resource(resource).await.epoch;
    Change::Nest(Nest { resource: resource.to_owned(), epoch, leases })
}

/// A pending resource for a lease, and a nested lease `n-1` of its own.
async fn standing(bed: &mut Bed) {
    bed.done(ask("l-1")).await;
    assert_eq!(bed.planned(vec![building("r-1", &[named("b/1")], vec![set_up("l-1", "r-1", "p-1")])]).await, [None]);
    let change = nest(bed, "r-1", vec![nested("r-1", "n-1", "a host")]).await;
    assert_eq!(bed.done(change).await.leases, ["n-1"]);
}

/// Its nested lease has a place on an active resource of the other pool, and is active.
async fn grounded(bed: &mut Bed) {
    let pool = bed.pool("ground").await;
    let ground = Build { opens: false, ..build("g-1", &[named("g/1")], vec![set_up("n-1", "g-1", "q-1")]) };
    let items = vec![Item::Build(Box::new(ground))];
    bed.done(Change::Plan(Plan::of(&pool, items))).await;
    let step = bed.step(Step::Activate, "q-1", done_with(None)).await;
    bed.done(step).await;
    assert_eq!(bed.is("n-1").await, "active");
}

async fn wait_for(bed: &mut Bed, lease: &str) -> Resource {
    let end =
        StepEnd::Again { state: None, due_at: START + 1_000, note: "waits".to_owned(), lease: Some(lease.to_owned()) };
    let step = bed.step(Step::Open, "r-1", end).await;
    bed.done(step).await;
    bed.resource("r-1").await
}

/// One that is built and stands, with its first lease active on it.
async fn tower(bed: &mut Bed) {
    standing(bed).await;
    grounded(bed).await;
    let step = bed.step(Step::Open, "r-1", done_with(None)).await;
    bed.done(step).await;
    let step = bed.step(Step::Activate, "p-1", done_with(None)).await;
    bed.done(step).await;
    assert_eq!(bed.is("l-1").await, "active");
}

pub async fn a_resource_asks_for_all_it_needs_or_for_nothing(bed: &mut Bed) {
    standing(bed).await;
    let lease = bed.lease("n-1").await;
    assert_eq!((lease.holder.as_deref(), lease.kind.as_str(), lease.until), (Some("r-1"), "ground", None));
    // The second was asked for with another wish, so the third is not asked for either.
    let other = RequestKey { digest: "of something else".to_owned(), ..nested("r-1", "n-9", "a host").key.unwrap() };
    let other = NewLease { key: Some(other), ..nested("r-1", "n-3", "a host") };
    let change = nest(bed, "r-1", vec![nested("r-1", "n-2", "a disk"), other]).await;
    assert_eq!(bed.lost(change).await, Lost::KeyReused("n-1".to_owned()));
}

pub async fn asking_again_finds_the_first(bed: &mut Bed) {
    standing(bed).await;
    let change = nest(bed, "r-1", vec![nested("r-1", "n-2", "a host"), nested("r-1", "n-3", "a disk")]).await;
    assert_eq!(bed.done(change).await.leases, ["n-1", "n-3"]);
}

pub async fn only_the_step_that_opens_may_ask(bed: &mut Bed) {
    standing(bed).await;
    let epoch = bed.resource("r-1").await.epoch;
    let stale = |epoch| {
        let leases = vec![nested("r-1", "n-2", "a disk")];
        Change::Nest(Nest { resource: "r-1".to_owned(), epoch, leases })
    };
    assert_eq!(bed.lost(stale(epoch - 1)).await, Lost::Epoch);
    // Wanted away: while somebody is on it, it goes on opening for them, and after that for nobody.
    bed.done(end_resource("r-1")).await;
    bed.done(stale(epoch)).await;
    bed.done(end("l-1")).await;
    let epoch = bed.resource("r-1").await.epoch;
    let late = Nest { resource: "r-1".to_owned(), epoch, leases: vec![nested("r-1", "n-4", "a cat")] };
    assert_eq!(bed.lost(Change::Nest(late)).await, Lost::Epoch);
}

pub async fn owner_and_order_come_from_the_first_on_it(bed: &mut Bed) {
    for (lease, asked_at) in [("l-2", START + 7), ("l-1", START + 5)] {
        let new = NewLease { asked_at, owner: format!("owner of {lease}"), ..new_lease(lease) };
        bed.done(Change::Ask(Box::new(new))).await;
    }
    let takers = vec![set_up("l-1", "r-1", "p-1"), set_up("l-2", "r-1", "p-2")];
    let roomy = Build { shares: 2, ..build("r-1", &[], takers) };
    assert_eq!(bed.planned(vec![Item::Build(Box::new(roomy))]).await, [None]);
    let change = nest(bed, "r-1", vec![nested("r-1", "n-1", "a host")]).await;
    bed.done(change).await;
    let first = bed.lease("n-1").await;
    assert_eq!((first.owner.as_str(), first.ord), ("owner of l-1", START + 5));
    // With nobody on it, it comes after everybody.
    bed.done(end("l-1")).await;
    bed.done(end("l-2")).await;
    let change = nest(bed, "r-1", vec![nested("r-1", "n-2", "a disk")]).await;
    bed.done(change).await;
    let nobody = bed.lease("n-2").await;
    assert_eq!(nobody.owner, "bp");
    assert!(drydock_core::model::decide::is_for_nobody(nobody.ord), "{}", nobody.ord);
}

pub async fn open_goes_on_when_what_it_waits_for_is_active(bed: &mut Bed) {
    standing(bed).await;
    let open_by = bed.resource("r-1").await.open_by;
    let waits = wait_for(bed, "n-1").await;
    assert_eq!((waits.due_at, waits.waits_since.is_some()), (None, true));
    bed.at += 5_000;
    grounded(bed).await;
    let told = bed.resource("r-1").await;
    assert!(told.due_at.is_some_and(|due| due <= bed.at), "{:?}", told.due_at);
    assert!((5_000..5_010).contains(&(told.open_by - open_by)), "the time it waited does not count as its own");
    // What is active already is not waited for.
    let again = wait_for(bed, "n-1").await;
    assert!(again.due_at.is_some_and(|due| due <= bed.at), "{:?}", again.due_at);
}

pub async fn what_is_nested_ends_with_its_resource(bed: &mut Bed) {
    tower(bed).await;
    bed.done(end("l-1")).await;
    let step = bed.step(Step::Release, "p-1", done_with(None)).await;
    bed.done(step).await;
    bed.done(end_resource("r-1")).await;
    assert_eq!(bed.is("n-1").await, "active", "close may need what it stands on");
    let step = bed.step(Step::Close, "r-1", done_with(None)).await;
    bed.done(step).await;
    assert_eq!(bed.resource("r-1").await.status, ResourceStatus::Destroyed);
    assert_eq!(bed.is("n-1").await, "released (holder-gone)");
    assert_eq!(bed.place("q-1").await.status, PlaceStatus::Leaving);
}

pub async fn a_resource_ends_without_its_plugin_when_what_it_stands_on_is_lost(bed: &mut Bed) {
    tower(bed).await;
    bed.done(end("n-1")).await;
    let fallen = bed.resource("r-1").await;
    assert_eq!((fallen.orphaned, fallen.status, fallen.room), (1, ResourceStatus::Active, 0));
    assert!(fallen.due_at.is_some_and(|due| due <= bed.at), "{:?}", fallen.due_at);
    let abandon = |epoch| Change::Abandon { resource: "r-1".to_owned(), epoch };
    assert_eq!(bed.lost(abandon(fallen.epoch - 1)).await, Lost::Epoch);
    bed.done(abandon(fallen.epoch)).await;
    assert_eq!(bed.resource("r-1").await.status, ResourceStatus::Destroyed);
    assert_eq!(bed.is("l-1").await, "destroyed (resource-lost)");
    assert!(bed.leftovers("r-1").await.is_empty(), "what it made lies in the place that it had");
}

pub async fn what_it_stands_on_is_told_when_nobody_is_on_it(bed: &mut Bed) {
    tower(bed).await;
    bed.done(end("l-1")).await;
    let before = bed.pool("ground").await.news;
    let step = bed.step(Step::Release, "p-1", done_with(None)).await;
    bed.done(step).await;
    assert_eq!(bed.pool("ground").await.news, before + 1);
}

pub async fn a_look_brings_what_idle_resources_stand_on(bed: &mut Bed) {
    tower(bed).await;
    let waits = NewLease { class: "g".to_owned(), request: request("ground"), ..new_lease("l-2") };
    bed.done(Change::Ask(Box::new(waits))).await;
    let sought = Sought {
        full: BTreeSet::from(["bp".to_owned()]),
        above: BTreeSet::from(["bp".to_owned()]),
        ..Sought::default()
    };
    let towers = |look: drydock_core::planner::look::Look| {
        let storeys = |tower: drydock_core::planner::look::Tower| {
            let beneath: Vec<String> = tower.beneath.into_iter().map(|storey| storey.resource).collect();
            (!beneath.is_empty()).then_some((tower.top.id, beneath))
        };
        look.towers.into_iter().filter_map(storeys).collect::<Vec<_>>()
    };
    let look = bed.store.look("ground", &sought).await.unwrap().unwrap();
    assert_eq!(towers(look), [], "somebody is on it");
    bed.done(end("l-1")).await;
    let step = bed.step(Step::Release, "p-1", done_with(None)).await;
    bed.done(step).await;
    let look = bed.store.look("ground", &sought).await.unwrap().unwrap();
    assert_eq!(towers(look), [("r-1".to_owned(), vec!["g-1".to_owned()])]);
    // Nobody waits for what others have.
    let idle = Sought { full: BTreeSet::new(), ..sought };
    assert_eq!(bed.store.look("ground", &idle).await.unwrap().unwrap().towers, []);
}

pub async fn what_was_built_for_nobody_is_for_the_first_that_is_placed_on_it(bed: &mut Bed) {
    bed.done(Change::Ask(Box::new(NewLease { owner: "ada".to_owned(), ..new_lease("l-1") }))).await;
    let warm = Item::Build(Box::new(Build { least: Some(1), ..build("r-1", &[], vec![]) }));
    assert_eq!(bed.planned(vec![warm]).await, [None]);
    let change = nest(bed, "r-1", vec![nested("r-1", "n-1", "a host")]).await;
    bed.done(change).await;
    let before = bed.lease("n-1").await;
    assert!(before.ord > bed.lease("l-1").await.ord + 1_000_000_000, "it comes after everybody else");
    let news = bed.pool("ground").await.news;
    assert_eq!(bed.planned(vec![Item::Place(set_up("l-1", "r-1", "p-1"))]).await, [None]);
    let after = bed.lease("n-1").await;
    assert_eq!((after.owner.as_str(), after.ord), ("ada", bed.lease("l-1").await.ord));
    assert_eq!(bed.pool("ground").await.news, news + 1);
}
