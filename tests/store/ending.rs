//! How leases and resources end, from every state.

use crate::bed::*;
use drydock_core::contract::Next;
use drydock_core::model::proposal::*;
use drydock_core::model::rows::Wanted;
use drydock_core::model::sign::Sign;
use drydock_core::model::status::{PlaceStatus, ResourceStatus};
use drydock_core::plugin::Step;

pub async fn a_pending_lease_ends_at_once(bed: &mut Bed) {
    bed.done(ask("l-1")).await;
    let before = bed.pool("host").await.news;
    let done = bed.done(end("l-1")).await;
    assert_eq!(done.news, Some((before, before + 1)));
    let lease = bed.lease("l-1").await;
    assert_eq!(bed.is("l-1").await, "destroyed (released)");
    assert_eq!((lease.ended_at, lease.due_at), (Some(bed.at - 1), None));
}

pub async fn an_acquired_lease_ends_before_its_resource_is_open(bed: &mut Bed) {
    bed.done(ask("l-1")).await;
    bed.planned(vec![building("r-1", &[], vec![set_up("l-1", "r-1", "p-1")])]).await;
    bed.done(end("l-1")).await;
    assert_eq!(bed.is("l-1").await, "destroyed (released)");
    assert_eq!(bed.place("p-1").await.status, PlaceStatus::Gone);
    assert_eq!(bed.resource("r-1").await.status, ResourceStatus::Pending, "others may use it");
    assert_eq!(bed.leftovers("r-1").await, []);
}

pub async fn an_acquired_lease_that_is_set_up_is_released(bed: &mut Bed) {
    bed.open("r-1", 1, &[], vec![set_up("l-1", "r-1", "p-1")]).await;
    let late = bed.step(Step::Activate, "p-1", done_with(None)).await;
    bed.done(end("l-1")).await;
    assert_eq!(bed.is("l-1").await, "released (released)");
    let place = bed.place("p-1").await;
    assert_eq!((place.status, place.due_at), (PlaceStatus::Leaving, Some(bed.at - 1)));
    assert_eq!(bed.lost(late).await, Lost::Epoch);
}

pub async fn an_active_lease_is_released_and_then_gone(bed: &mut Bed) {
    bed.active("l-1", "p-1", "r-1", &[]).await;
    bed.done(end("l-1")).await;
    assert_eq!(bed.is("l-1").await, "released (released)");
    let release = bed.step(Step::Release, "p-1", done_with(None)).await;
    bed.done(release).await;
    assert_eq!(bed.is("l-1").await, "destroyed (released)");
}

pub async fn a_ready_lease_is_gone_at_once(bed: &mut Bed) {
    bed.open("r-1", 1, &[], vec![ready("l-1", "r-1", "p-1")]).await;
    let before = bed.pool("host").await.news;
    bed.done(end("l-1")).await;
    assert_eq!(bed.is("l-1").await, "destroyed (released)");
    assert_eq!(bed.place("p-1").await.status, PlaceStatus::Gone);
    assert_eq!(bed.resource("r-1").await.room, 1);
    assert!(bed.pool("host").await.news > before, "somebody may wait for it");
}

pub async fn an_idle_resource_is_news_to_those_who_share_its_slots(bed: &mut Bed) {
    let other = Listed { space: "bp".to_owned(), ..listed("bp2", "vm") };
    let blueprints = vec![listed("bp", "host"), other];
    bed.done(Change::Configure { revision: 2, blueprints, before: vec![], pools: vec![] }).await;
    bed.open("r-1", 2, &[named("b/1")], vec![ready("l-1", "r-1", "p-1"), ready("l-2", "r-1", "p-2")]).await;
    let before = bed.pool("vm").await;
    bed.done(end("l-1")).await;
    assert_eq!(bed.pool("vm").await, before, "somebody is still on it");
    bed.done(end("l-2")).await;
    let after = bed.pool("vm").await;
    assert!(after.news > before.news, "it can be closed now");
    assert_eq!(after.freed, before.freed, "no blueprint can make anything of it yet");
}

pub async fn a_lease_that_another_node_sets_up_is_only_wanted_away(bed: &mut Bed) {
    bed.open("r-1", 1, &[], vec![set_up("l-1", "r-1", "p-1")]).await;
    bed.offer("n-2", Change::Join { name: "two".to_owned() }).await;
    let outcome = bed.offer("n-2", end("l-1")).await;
    assert!(outcome.done().is_some());
    let (lease, place) = (bed.lease("l-1").await, bed.place("p-1").await);
    assert_eq!((lease.status.name(), lease.wanted, lease.outcome.as_str()), ("acquired", Wanted::End, "released"));
    assert_eq!(place.due_at, Some(bed.at - 1), "the node that acts is told by the row");
    // Who comes second changes neither outcome nor reason.
    let other = end_as("l-1", "expired", "late");
    bed.offer("n-2", other).await;
    // The step ends well, and the lease ends all the same.
    let activate = bed.step(Step::Activate, "p-1", done_with(None)).await;
    bed.done(activate).await;
    assert_eq!(bed.is("l-1").await, "released (released)");
    assert_eq!(bed.lease("l-1").await.reason.as_deref(), Some("let go"));
    assert_eq!(bed.place("p-1").await.status, PlaceStatus::Leaving);
}

pub async fn an_ended_lease_stays_as_it_ended(bed: &mut Bed) {
    bed.active("l-1", "p-1", "r-1", &[]).await;
    bed.done(end("l-1")).await;
    let before = bed.lease("l-1").await;
    let again = end_as("l-1", "expired", "late");
    bed.done(again).await;
    assert_eq!(bed.lease("l-1").await, before);
}

pub async fn an_empty_resource_is_released_at_once(bed: &mut Bed) {
    bed.open("r-1", 1, &[], vec![ready("l-1", "r-1", "p-1")]).await;
    bed.done(end("l-1")).await;
    let epoch = bed.resource("r-1").await.epoch;
    bed.done(end_resource("r-1")).await;
    let resource = bed.resource("r-1").await;
    assert_eq!((resource.status, resource.room), (ResourceStatus::Released, 0));
    assert_eq!((resource.due_at, resource.epoch), (Some(bed.at - 1), epoch + 1));
    assert_eq!(resource.reason.as_deref(), Some("not needed"));
    bed.done(end_resource("r-1")).await;
    assert_eq!(bed.resource("r-1").await, resource);
}

pub async fn a_resource_without_close_is_destroyed_at_once(bed: &mut Bed) {
    bed.open("r-1", 1, &[named("b/1")], vec![ready("l-1", "r-1", "p-1")]).await;
    bed.done(end("l-1")).await;
    let change = Change::EndResource {
        resource: "r-1".to_owned(),
        reason: "not needed".to_owned(),
        idle_since: None,
        closes: false,
    };
    bed.done(change).await;
    assert_eq!(bed.resource("r-1").await.status, ResourceStatus::Destroyed);
    assert_eq!(bed.store.taken("bp", &["b/1".to_owned()]).await.unwrap(), [""; 0]);
    bed.done(ask("l-2")).await;
    assert_eq!(bed.blueprint("bp").await.used, 0);
}

pub async fn a_resource_in_use_ends_when_it_is_empty(bed: &mut Bed) {
    bed.open("r-1", 2, &[], vec![ready("l-1", "r-1", "p-1"), set_up("l-2", "r-1", "p-2")]).await;
    bed.done(end_resource("r-1")).await;
    let resource = bed.resource("r-1").await;
    assert_eq!((resource.status, resource.wanted, resource.room), (ResourceStatus::Active, Wanted::End, 0));
    // Its leases go on: activate heeds the lease's wish alone.
    let activate = bed.step(Step::Activate, "p-2", done_with(None)).await;
    bed.done(activate).await;
    assert_eq!((bed.is("l-1").await, bed.is("l-2").await), ("active".to_owned(), "active".to_owned()));
    bed.done(end("l-1")).await;
    assert_eq!(bed.resource("r-1").await.status, ResourceStatus::Active);
    bed.done(end("l-2")).await;
    assert_eq!(bed.is("l-2").await, "destroyed (released)");
    assert_eq!(bed.resource("r-1").await.status, ResourceStatus::Released);
    assert_eq!(bed.leftovers("r-1").await.len(), 1, "nothing is released on what is going; close clears it");
}

pub async fn a_broken_resource_takes_its_leases_with_it(bed: &mut Bed) {
    // One that is active, one that is set up, one that leaves, and one that has left.
    let takers = vec![
        ready("l-1", "r-1", "p-1"),
        set_up("l-2", "r-1", "p-2"),
        set_up("l-3", "r-1", "p-3"),
        ready("l-4", "r-1", "p-4"),
    ];
    bed.open("r-1", 4, &[named("b/1")], takers).await;
    bed.done(end("l-3")).await;
    bed.done(end("l-4")).await;
    let epochs = [bed.lease("l-1").await.epoch, bed.lease("l-2").await.epoch];
    let gone = bed.step(Step::Activate, "p-2", failed(Next::Gone)).await;
    bed.done(gone).await;
    assert_eq!(bed.is("l-1").await, "destroyed (resource-lost)");
    assert_eq!(bed.is("l-2").await, "pending");
    assert_eq!(bed.is("l-3").await, "destroyed (released)");
    assert!(bed.lease("l-1").await.epoch > epochs[0] && bed.lease("l-2").await.epoch > epochs[1]);
    let left: Vec<String> = bed.leftovers("r-1").await.into_iter().map(|left| left.place).collect();
    assert_eq!(left, ["p-2", "p-3"], "what a call may have made");
    assert_eq!((bed.resource("r-1").await.used, bed.resource("r-1").await.room), (0, 0));
}

pub async fn unknown_rows_are_missing(bed: &mut Bed) {
    assert_eq!(bed.lost(end("l-9")).await, Lost::Missing("l-9".to_owned()));
    for change in [
        Change::KeepLease { lease: "l-9".to_owned() },
        Change::HoldLease { lease: "l-9".to_owned(), sign: Sign::Beat, fence: None },
        Change::HolderGone { lease: "l-9".to_owned(), sign: Sign::Beat, epoch: 1 },
        Change::Extend { lease: "l-9".to_owned(), until: START, fence: Some(1) },
    ] {
        assert_eq!(bed.lost(change).await, Lost::Missing("l-9".to_owned()));
    }
    assert_eq!(bed.lost(end_resource("r-9")).await, Lost::Missing("r-9".to_owned()));
    for step in [Step::Open, Step::Activate, Step::Release, Step::Close] {
        let report = StepReport {
            step,
            subject: "x-9".to_owned(),
            epoch: 1,
            end: done_with(None),
            closes: true,
            leftovers: vec![],
            slots: vec![],
        };
        assert_eq!(bed.lost(Change::Step(report)).await, Lost::Missing("x-9".to_owned()));
    }
    let failed = Change::BlueprintFailed { blueprint: "bp9".to_owned(), reason: "trapped".to_owned() };
    assert_eq!(bed.lost(failed).await, Lost::Missing("bp9".to_owned()));
    let dead = Change::NodeDead { dead: "n-9".to_owned(), beat: 0 };
    assert_eq!(bed.lost(dead).await, Lost::Missing("n-9".to_owned()));
}
