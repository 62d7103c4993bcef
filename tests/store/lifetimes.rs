//! How long resources live: ages, uses, idleness, and what is held when it broke.

use crate::bed::*;
use drydock_core::config::Life;
use drydock_core::contract::Next;
use drydock_core::model::proposal::*;
use drydock_core::model::rows::Wanted;
use drydock_core::model::status::ResourceStatus;
use drydock_core::plugin::Step;

/// A resource for one lease that is ready at once, with a life.
fn living(resource: &str, lease: &str, life: Life) -> Build {
    Build { opens: false, shares: 2, life, ..build(resource, &[], vec![ready(lease, resource, &format!("p-{lease}"))]) }
}

fn retire(idle_since: Option<i64>) -> Change {
    Change::Retire { resource: "r-1".to_owned(), idle_since, least: 0, closes: true }
}

pub async fn a_resource_that_nobody_uses_is_closed_in_time(bed: &mut Bed) {
    bed.done(ask("l-1")).await;
    let life = Life { idle_timeout: Some(1_000), ..Life::default() };
    assert_eq!(bed.planned(vec![Item::Build(Box::new(living("r-1", "l-1", life)))]).await, [None]);
    assert_eq!(bed.resource("r-1").await.due_at, None, "somebody is on it");
    bed.done(end("l-1")).await;
    let idle_since = bed.resource("r-1").await.idle_since;
    assert_eq!(bed.resource("r-1").await.due_at, idle_since.map(|since| since + 1_000));
    bed.done(retire(idle_since)).await;
    assert_eq!(bed.resource("r-1").await.status, ResourceStatus::Active, "it is not time yet");
    bed.at += 1_000;
    bed.done(retire(idle_since.map(|since| since - 1))).await;
    assert_eq!(bed.resource("r-1").await.status, ResourceStatus::Active, "somebody was on it since");
    bed.done(retire(idle_since)).await;
    assert_eq!(bed.resource("r-1").await.status, ResourceStatus::Released);
}

pub async fn an_old_resource_takes_nothing_new_and_ends_when_it_is_empty(bed: &mut Bed) {
    for lease in ["l-1", "l-2"] {
        bed.done(ask(lease)).await;
    }
    let life = Life { max_age: Some(1_000), ..Life::default() };
    assert_eq!(bed.planned(vec![Item::Build(Box::new(living("r-1", "l-1", life)))]).await, [None]);
    let resource = bed.resource("r-1").await;
    assert_eq!(resource.due_at, Some(resource.created_at + 1_000));
    bed.at += 1_000;
    bed.done(retire(None)).await;
    let resource = bed.resource("r-1").await;
    assert_eq!((resource.status, resource.wanted, resource.due_at), (ResourceStatus::Active, Wanted::End, None));
    let lost = [Some(Lost::Resource("r-1".to_owned()))];
    assert_eq!(bed.planned(vec![Item::Place(ready("l-2", "r-1", "p-2"))]).await, lost);
    bed.done(end("l-1")).await;
    assert_eq!(bed.resource("r-1").await.status, ResourceStatus::Released);
}

pub async fn a_resource_of_one_use_is_neither_shared_nor_used_again(bed: &mut Bed) {
    for lease in ["l-1", "l-2"] {
        bed.done(ask(lease)).await;
    }
    let life = Life { max_uses: Some(1), ..Life::default() };
    let takers = vec![ready("l-1", "r-1", "p-1"), ready("l-2", "r-1", "p-2")];
    let build = Build { takers, ..living("r-1", "l-1", life) };
    assert_eq!(bed.planned(vec![Item::Build(Box::new(build))]).await, [None]);
    assert_eq!((bed.is("l-1").await, bed.is("l-2").await), ("active".to_owned(), "pending".to_owned()));
    assert_eq!(bed.resource("r-1").await.room, 0);
    bed.done(end("l-1")).await;
    assert_eq!(bed.resource("r-1").await.status, ResourceStatus::Released);
}

pub async fn no_more_are_opened_at_once_than_may_be(bed: &mut Bed) {
    for lease in ["l-1", "l-2"] {
        bed.done(ask(lease)).await;
    }
    let one = |resource: &str, lease: &str| {
        let build = build(resource, &[], vec![ready(lease, resource, &format!("p-{resource}"))]);
        Item::Build(Box::new(Build { max_building: Some(1), ..build }))
    };
    let lost = bed.planned(vec![one("r-1", "l-1"), one("r-2", "l-2")]).await;
    assert_eq!(lost, [None, Some(Lost::Building("bp".to_owned()))]);
    let open = bed.step(Step::Open, "r-1", done_with(None)).await;
    bed.done(open).await;
    assert_eq!(bed.planned(vec![one("r-2", "l-2")]).await, [None]);
}

pub async fn of_what_has_failed_one_is_tried_at_a_time(bed: &mut Bed) {
    let one = |resource: &str, lease: &str| {
        Item::Build(Box::new(build(resource, &[], vec![ready(lease, resource, &format!("p-{resource}"))])))
    };
    for lease in ["l-1", "l-2", "l-3"] {
        bed.done(ask(lease)).await;
    }
    bed.done(Change::BlueprintFailed { blueprint: "bp".to_owned(), reason: "no luck".to_owned() }).await;
    let lost = bed.planned(vec![one("r-1", "l-1"), one("r-2", "l-2")]).await;
    assert_eq!(lost, [None, Some(Lost::Building("bp".to_owned()))]);
    assert_eq!(bed.planned(vec![one("r-2", "l-2")]).await, [Some(Lost::Building("bp".to_owned()))]);
    let open = bed.step(Step::Open, "r-1", done_with(None)).await;
    bed.done(open).await;
    assert_eq!(bed.planned(vec![one("r-2", "l-2"), one("r-3", "l-3")]).await, [None, None]);
}

pub async fn what_broke_is_held_until_it_is_let_go(bed: &mut Bed) {
    bed.done(ask("l-1")).await;
    let life = Life { hold_broken: true, ..Life::default() };
    let build = Build { life, ..build("r-1", &[named("b/1")], vec![ready("l-1", "r-1", "p-1")]) };
    assert_eq!(bed.planned(vec![Item::Build(Box::new(build))]).await, [None]);
    let open = bed.step(Step::Open, "r-1", failed(Next::Gone)).await;
    bed.done(open).await;
    let resource = bed.resource("r-1").await;
    assert_eq!((resource.status, resource.due_at), (ResourceStatus::Broken, None));
    assert!(resource.note.unwrap().contains("hold_broken"));
    assert_eq!(bed.is("l-1").await, "pending");
    assert_eq!(bed.store.taken("bp", &["b/1".to_owned()]).await.unwrap(), ["b/1"]);
    bed.done(end_resource("r-1")).await;
    assert!(bed.resource("r-1").await.due_at.is_some());
    let close = bed.step(Step::Close, "r-1", done_with(None)).await;
    bed.done(close).await;
    assert_eq!(bed.resource("r-1").await.status, ResourceStatus::Destroyed);
}

fn for_nobody(resource: &str, least: i64) -> Item {
    Item::Build(Box::new(Build { opens: false, least: Some(least), ..build(resource, &[], vec![]) }))
}

fn spare(resource: &str, idle_since: Option<i64>, least: i64) -> Change {
    Change::Retire { resource: resource.to_owned(), idle_since, least, closes: true }
}

pub async fn a_blueprint_keeps_as_many_as_it_is_to_keep_and_no_more(bed: &mut Bed) {
    // Plans are made for pools that there are.
    bed.done(ask("l-1")).await;
    let lost = bed.planned(vec![for_nobody("r-1", 2), for_nobody("r-2", 2), for_nobody("r-3", 2)]).await;
    assert_eq!(lost, [None, None, Some(Lost::Enough("bp".to_owned()))]);
    assert_eq!((bed.resource("r-1").await.used, bed.resource("r-1").await.room), (0, 1));
    // Somebody is built for all the same; and what is wanted away is missing.
    assert_eq!(bed.planned(vec![building("r-4", &[], vec![ready("l-1", "r-4", "p-1")])]).await, [None]);
    assert_eq!(bed.planned(vec![for_nobody("r-3", 3)]).await, [Some(Lost::Enough("bp".to_owned()))]);
    bed.done(end_resource("r-1")).await;
    assert_eq!(bed.planned(vec![for_nobody("r-3", 3)]).await, [None]);
}

pub async fn what_is_to_be_kept_outlives_its_idleness(bed: &mut Bed) {
    for lease in ["l-1", "l-2"] {
        bed.done(ask(lease)).await;
    }
    let life = Life { idle_timeout: Some(1_000), ..Life::default() };
    let two = vec![living("r-1", "l-1", life), living("r-2", "l-2", life)];
    assert_eq!(bed.planned(two.into_iter().map(|build| Item::Build(Box::new(build))).collect()).await, [None, None]);
    bed.done(end("l-1")).await;
    bed.done(end("l-2")).await;
    bed.at += 5_000;
    let idle_since = [bed.resource("r-1").await.idle_since, bed.resource("r-2").await.idle_since];
    bed.done(spare("r-1", idle_since[0], 2)).await;
    let spared = bed.resource("r-1").await;
    assert_eq!((spared.status, spared.idle_since), (ResourceStatus::Active, idle_since[0]));
    assert_eq!(
        spared.due_at,
        spared.spared_at.map(|at| at + 1_000),
        "it is looked at again when it has rested as long"
    );
    bed.done(spare("r-2", idle_since[1], 1)).await;
    assert_eq!(bed.resource("r-2").await.status, ResourceStatus::Released, "there are two, and one is to be kept");
    bed.at += 2_000;
    bed.done(spare("r-1", idle_since[0], 1)).await;
    assert_eq!(bed.resource("r-1").await.status, ResourceStatus::Active);
    bed.done(spare("r-1", idle_since[0], 0)).await;
    assert_eq!(bed.resource("r-1").await.status, ResourceStatus::Active, "it has not rested long enough since");
    bed.at += 2_000;
    bed.done(spare("r-1", idle_since[0], 0)).await;
    assert_eq!(bed.resource("r-1").await.status, ResourceStatus::Released);
}

pub async fn what_is_reclaimed_by_hand_is_what_nobody_was_on(bed: &mut Bed) {
    bed.done(ask("l-1")).await;
    assert_eq!(bed.planned(vec![Item::Build(Box::new(living("r-1", "l-1", Life::default())))]).await, [None]);
    let reclaim = |idle_since| Change::EndResource {
        resource: "r-1".to_owned(),
        reason: "reclaimed".to_owned(),
        idle_since,
        closes: true,
    };
    assert_eq!(bed.lost(reclaim(Some(START))).await, Lost::InUse("r-1".to_owned()));
    bed.done(end("l-1")).await;
    let idle_since = bed.resource("r-1").await.idle_since;
    assert_eq!(bed.lost(reclaim(idle_since.map(|at| at - 1))).await, Lost::InUse("r-1".to_owned()));
    bed.done(reclaim(idle_since)).await;
    assert_eq!(bed.resource("r-1").await.status, ResourceStatus::Released);
}
