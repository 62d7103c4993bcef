//! Matchers' commits, and each way in which they lose something.

use crate::bed::*;
use drydock_core::contract::Acquisition;
use drydock_core::model::proposal::*;
use drydock_core::model::rows::Wanted;
use drydock_core::model::status::ResourceStatus;

pub async fn a_ready_place_makes_the_lease_active_at_once(bed: &mut Bed) {
    bed.open("r-1", 2, &[], vec![ready("l-1", "r-1", "p-1")]).await;
    bed.done(ask("l-2")).await;
    assert_eq!(bed.planned(vec![Item::Place(ready("l-2", "r-1", "p-2"))]).await, [None]);
    let lease = bed.lease("l-2").await;
    assert_eq!(bed.is("l-2").await, "active");
    assert_eq!(lease.handout.0.unwrap().directory.as_deref(), Some("/srv"));
    assert_eq!((lease.place.as_deref(), lease.resource.as_deref()), (Some("p-2"), Some("r-1")));
    let (place, resource) = (bed.place("p-2").await, bed.resource("r-1").await);
    assert_eq!((place.releases, place.touched, place.due_at), (0, 0, None));
    assert_eq!((resource.used, resource.room, resource.idle_since), (2, 0, None));
}

pub async fn a_place_that_is_set_up_waits_for_activate(bed: &mut Bed) {
    bed.open("r-1", 2, &[], vec![ready("l-1", "r-1", "p-1")]).await;
    bed.done(ask("l-2")).await;
    assert_eq!(bed.planned(vec![Item::Place(set_up("l-2", "r-1", "p-2"))]).await, [None]);
    assert_eq!(bed.is("l-2").await, "acquired");
    let place = bed.place("p-2").await;
    assert_eq!((place.releases, place.touched, place.due_at), (1, 1, Some(bed.at - 1)));
}

pub async fn the_first_event_of_a_plan_says_what_it_was_made_from(bed: &mut Bed) {
    bed.open("r-1", 3, &[], vec![ready("l-1", "r-1", "p-1")]).await;
    for lease in ["l-2", "l-3"] {
        bed.done(ask(lease)).await;
    }
    let before = bed.store.last_event().await.unwrap();
    let items = vec![Item::Place(ready("l-2", "r-1", "p-2")), Item::Place(ready("l-3", "r-1", "p-3"))];
    let Change::Plan(plan) = bed.plan(items).await else { panic!("no plan") };
    bed.done(Change::Plan(Plan { record: Some(r#"{"why":"}{"}"#.to_owned()), ..plan })).await;
    let events = bed.store.events(before, None, 100).await.unwrap();
    let details: Vec<serde_json::Value> = events
        .iter()
        .filter_map(|logged| logged.event.detail.as_deref())
        .map(|detail| serde_json::from_str(detail).unwrap())
        .collect();
    assert_eq!((&details[0]["decision"]["why"], &details[0]["count"]), (&"}{".into(), &2.into()));
    assert!(details[1..].iter().all(|detail| detail["decision"].is_null()), "{details:?}");
}

pub async fn an_old_version_loses_the_whole_plan(bed: &mut Bed) {
    bed.done(ask("l-1")).await;
    bed.done(ask("l-2")).await;
    let old = bed.plan(vec![building("r-2", &[], vec![set_up("l-2", "r-2", "p-2")])]).await;
    assert_eq!(bed.planned(vec![building("r-1", &[], vec![set_up("l-1", "r-1", "p-1")])]).await, [None]);
    assert_eq!(bed.lost(old).await, Lost::Version);
    assert_eq!(bed.is("l-2").await, "pending");
    let unknown = Change::Plan(Plan { pool: "nothing".to_owned(), ..Plan::default() });
    assert_eq!(bed.lost(unknown).await, Lost::Missing("nothing".to_owned()));
}

pub async fn a_lease_that_moved_loses_its_item_alone(bed: &mut Bed) {
    bed.open("r-1", 3, &[], vec![ready("l-1", "r-1", "p-1")]).await;
    bed.done(ask("l-2")).await;
    bed.done(ask("l-3")).await;
    bed.done(end("l-2")).await;
    let lost =
        bed.planned(vec![Item::Place(ready("l-2", "r-1", "p-2")), Item::Place(ready("l-3", "r-1", "p-3"))]).await;
    assert_eq!(lost, [Some(Lost::Lease("l-2".to_owned())), None]);
    assert_eq!(bed.is("l-3").await, "active");
    // Who has a place gets no second one.
    let lost = bed.planned(vec![Item::Place(ready("l-3", "r-1", "p-4"))]).await;
    assert_eq!(lost, [Some(Lost::Lease("l-3".to_owned()))]);
    let lost = bed.planned(vec![Item::Place(ready("l-9", "r-1", "p-4"))]).await;
    assert_eq!(lost, [Some(Lost::Missing("l-9".to_owned()))]);
}

pub async fn a_resource_that_moved_loses_its_item(bed: &mut Bed) {
    bed.open("r-1", 3, &[], vec![ready("l-1", "r-1", "p-1")]).await;
    bed.done(ask("l-2")).await;
    bed.done(end_resource("r-1")).await;
    assert_eq!(bed.resource("r-1").await.wanted, Wanted::End);
    let place = || vec![Item::Place(ready("l-2", "r-1", "p-2"))];
    assert_eq!(bed.planned(place()).await, [Some(Lost::Resource("r-1".to_owned()))]);
    bed.done(end("l-1")).await;
    assert_eq!(bed.planned(place()).await, [Some(Lost::Resource("r-1".to_owned()))]);
    let lost = bed.planned(vec![Item::Place(ready("l-2", "r-9", "p-2"))]).await;
    assert_eq!(lost, [Some(Lost::Missing("r-9".to_owned()))]);
    // An id that is in use is not built again.
    let lost = bed.planned(vec![building("r-1", &[], vec![ready("l-2", "r-1", "p-2")])]).await;
    assert_eq!(lost, [Some(Lost::Resource("r-1".to_owned()))]);
}

pub async fn shares_are_not_exceeded(bed: &mut Bed) {
    bed.open("r-1", 3, &[], vec![ready("l-1", "r-1", "p-1")]).await;
    bed.done(ask("l-2")).await;
    let mut big = ready("l-2", "r-1", "p-2");
    big.acquisition = Acquisition { share: 3, ..big.acquisition };
    assert_eq!(bed.planned(vec![Item::Place(big.clone())]).await, [Some(Lost::Resource("r-1".to_owned()))]);
    big.acquisition.share = 2;
    assert_eq!(bed.planned(vec![Item::Place(big)]).await, [None]);
    assert_eq!(bed.resource("r-1").await.used, 3);
}

pub async fn a_named_slot_has_one_owner(bed: &mut Bed) {
    let binding = [named("binding/1")];
    bed.open("r-1", 2, &binding, vec![with_slots(ready("l-1", "r-1", "p-1"), &[named("port/1")])]).await;
    bed.done(ask("l-2")).await;
    let taken = |slot: &str| Some(Lost::Slot(slot.to_owned()));
    let lost = bed.planned(vec![building("r-2", &binding, vec![ready("l-2", "r-2", "p-2")])]).await;
    assert_eq!(lost, [taken("binding/1")]);
    let again = Item::Place(with_slots(ready("l-2", "r-1", "p-2"), &[named("port/1")]));
    assert_eq!(bed.planned(vec![again.clone()]).await, [taken("port/1")]);
    let keys = ["binding/1", "port/1", "port/2"].map(str::to_owned);
    assert_eq!(bed.store.taken("bp", &keys).await.unwrap(), ["binding/1", "port/1"]);
    assert_eq!(bed.store.taken("bp2", &keys).await.unwrap(), [""; 0], "another name space is another world");
    bed.done(end("l-1")).await;
    assert_eq!(bed.planned(vec![again]).await, [None]);
}

pub async fn a_counted_slot_stays_within_its_limit(bed: &mut Bed) {
    let memory = |amount| [counted("memory", amount, 10)];
    bed.open("r-1", 3, &memory(4), vec![with_slots(ready("l-1", "r-1", "p-1"), &memory(3))]).await;
    assert_eq!(bed.store.used("bp", "memory").await.unwrap(), 7);
    bed.done(ask("l-2")).await;
    let place = |amount| Item::Place(with_slots(ready("l-2", "r-1", "p-2"), &memory(amount)));
    assert_eq!(bed.planned(vec![place(4)]).await, [Some(Lost::Slot("memory".to_owned()))]);
    assert_eq!(bed.planned(vec![place(3)]).await, [None]);
    assert_eq!(bed.store.used("bp", "memory").await.unwrap(), 10);
    bed.done(end("l-1")).await;
    assert_eq!(bed.store.used("bp", "memory").await.unwrap(), 7);
    bed.done(end("l-2")).await;
    bed.done(end_resource("r-1")).await;
    let close = bed.step(drydock_core::plugin::Step::Close, "r-1", done_with(None)).await;
    bed.done(close).await;
    assert_eq!(bed.store.used("bp", "memory").await.unwrap(), 0);
}

pub async fn the_maximum_is_that_of_the_commit(bed: &mut Bed) {
    for lease in ["l-1", "l-2"] {
        bed.done(ask(lease)).await;
    }
    let one = |resource: &str, lease: &str| {
        let build = build(resource, &[], vec![ready(lease, resource, &format!("p-{resource}"))]);
        Item::Build(Box::new(Build { max_resources: Some(1), ..build }))
    };
    let lost = bed.planned(vec![one("r-1", "l-1"), one("r-2", "l-2")]).await;
    assert_eq!(lost, [None, Some(Lost::Maximum("bp".to_owned()))]);
    // It counts until it is closed, whatever it is doing.
    bed.done(end("l-1")).await;
    bed.done(end_resource("r-1")).await;
    assert_eq!(bed.planned(vec![one("r-2", "l-2")]).await, [Some(Lost::Maximum("bp".to_owned()))]);
    let close = bed.step(drydock_core::plugin::Step::Close, "r-1", done_with(None)).await;
    bed.done(close).await;
    assert_eq!(bed.planned(vec![one("r-2", "l-2")]).await, [None]);
}

pub async fn takers_that_are_gone_are_left_out(bed: &mut Bed) {
    for lease in ["l-1", "l-2", "l-3"] {
        bed.done(ask(lease)).await;
    }
    bed.done(end("l-1")).await;
    let takers = |resource: &str, leases: &[&str]| {
        leases.iter().map(|lease| set_up(lease, resource, &format!("p-{lease}-{resource}"))).collect::<Vec<_>>()
    };
    let wide = Build { shares: 3, ..build("r-1", &[named("b/1")], takers("r-1", &["l-1", "l-2", "l-3"])) };
    assert_eq!(bed.planned(vec![Item::Build(Box::new(wide))]).await, [None]);
    assert_eq!((bed.is("l-2").await, bed.is("l-3").await), ("acquired".to_owned(), "acquired".to_owned()));
    assert_eq!(bed.resource("r-1").await.used, 2);
    // Nobody is left: nothing is built, and nothing is held.
    let lost = bed.planned(vec![building("r-2", &[named("b/2")], takers("r-2", &["l-1", "l-2"]))]).await;
    assert_eq!(lost, [Some(Lost::NoTaker)]);
    assert_eq!(bed.store.taken("bp", &["b/2".to_owned()]).await.unwrap(), [""; 0]);
    assert!(bed.store.resource("r-2").await.unwrap().resource.is_none());
    assert_eq!(bed.planned(vec![building("r-3", &[], vec![])]).await, [Some(Lost::NoTaker)]);
}

pub async fn who_comes_behind_a_lost_place_waits(bed: &mut Bed) {
    bed.open("r-1", 1, &[], vec![ready("l-1", "r-1", "p-1")]).await;
    for lease in ["l-2", "l-3"] {
        bed.done(ask(lease)).await;
    }
    bed.done(Change::Ask(Box::new(NewLease { class: "d".to_owned(), ..new_lease("l-4") }))).await;
    let lost = bed
        .planned(vec![
            Item::Place(ready("l-2", "r-1", "p-2")),
            building("r-2", &[], vec![ready("l-3", "r-2", "p-3")]),
            building("r-3", &[], vec![ready("l-4", "r-3", "p-4")]),
        ])
        .await;
    assert_eq!(lost, [Some(Lost::Resource("r-1".to_owned())), Some(Lost::Behind), None]);
}

pub async fn a_resource_without_open_is_active_in_its_commit(bed: &mut Bed) {
    bed.done(ask("l-1")).await;
    let build = Build { opens: false, ..build("r-1", &[], vec![ready("l-1", "r-1", "p-1")]) };
    assert_eq!(bed.planned(vec![Item::Build(Box::new(build))]).await, [None]);
    assert_eq!(bed.is("l-1").await, "active");
    assert_eq!(bed.resource("r-1").await.due_at, None);
}

pub async fn beyond_its_shares_only_at_the_maximum_and_as_it_was_counted(bed: &mut Bed) {
    for lease in ["l-1", "l-2", "l-3", "l-4"] {
        bed.done(ask(lease)).await;
    }
    let build = Build { overflow: 2, ..build("r-1", &[], vec![ready("l-1", "r-1", "p-1")]) };
    assert_eq!(bed.planned(vec![Item::Build(Box::new(build))]).await, [None]);
    let lost = || Some(Lost::Resource("r-1".to_owned()));
    let over = |lease: &str, load, max_resources| {
        let overflow = Some(Overflow { load, max_resources });
        Item::Place(Placement { overflow, ..ready(lease, "r-1", &format!("p-{lease}")) })
    };
    assert_eq!(bed.planned(vec![Item::Place(ready("l-2", "r-1", "p-2"))]).await, [lost()]);
    assert_eq!(bed.planned(vec![over("l-2", 1, 2)]).await, [lost()], "another could be built");
    assert_eq!(bed.planned(vec![over("l-2", 0, 1)]).await, [lost()], "its load is another");
    assert_eq!(bed.planned(vec![over("l-2", 1, 1)]).await, [None]);
    assert_eq!((bed.resource("r-1").await.used, bed.resource("r-1").await.spare), (2, 1));
    assert_eq!(bed.planned(vec![over("l-3", 2, 1)]).await, [None]);
    assert_eq!(bed.planned(vec![over("l-4", 3, 1)]).await, [lost()], "no more than configured");
    assert_eq!(bed.store.check().await.unwrap(), []);
}

pub async fn what_is_reclaimed_is_what_nobody_was_on(bed: &mut Bed) {
    bed.open("r-1", 1, &[], vec![ready("l-1", "r-1", "p-1")]).await;
    let reclaim = |idle_since| {
        let reason = "in the way".to_owned();
        Item::Reclaim(Reclaim { resource: "r-1".to_owned(), idle_since, reason, closes: true })
    };
    let lost = [Some(Lost::Resource("r-1".to_owned()))];
    assert_eq!(bed.planned(vec![reclaim(None)]).await, lost, "somebody is on it");
    bed.done(end("l-1")).await;
    let idle_since = bed.resource("r-1").await.idle_since;
    assert_eq!(bed.planned(vec![reclaim(idle_since.map(|at| at - 1))]).await, lost, "somebody was on it since");
    assert_eq!(bed.planned(vec![reclaim(idle_since)]).await, [None]);
    assert_eq!(bed.resource("r-1").await.status, ResourceStatus::Released);
    assert_eq!(bed.planned(vec![reclaim(idle_since)]).await, lost, "it is being closed");
    bed.done(ask("l-2")).await;
    assert_eq!(bed.planned(vec![Item::Place(ready("l-2", "r-1", "p-2"))]).await, lost);
}
