//! Resources that don't answer.

use crate::bed::*;
use drydock_core::contract::Verdict;
use drydock_core::model::proposal::*;
use drydock_core::model::status::{PlaceStatus, ResourceStatus};
use drydock_core::plugin::Step;

async fn checked(bed: &Bed, verdict: Verdict) -> Change {
    let epoch = bed.resource("r-1").await.epoch;
    Change::Checked(Checked { resource: "r-1".to_owned(), epoch, verdict, closes: true })
}

fn sick() -> Verdict {
    Verdict::Sick("it does not answer".to_owned())
}

pub async fn what_does_not_answer_takes_nothing_new_until_it_does(bed: &mut Bed) {
    bed.done(ask("l-2")).await;
    bed.open("r-1", 2, &[named("b/1")], vec![ready("l-1", "r-1", "p-1")]).await;
    let news = bed.pool("host").await.news;
    let change = checked(bed, sick()).await;
    bed.done(change).await;
    let resource = bed.resource("r-1").await;
    assert_eq!((resource.status, resource.room, resource.spare), (ResourceStatus::Active, 0, 0));
    assert_eq!(resource.sick.as_deref(), Some("it does not answer"));
    assert_eq!(bed.is("l-1").await, "active", "who is on it stays");
    assert_eq!(bed.pool("host").await.news, news + 1);
    let place = || Item::Place(ready("l-2", "r-1", "p-2"));
    assert_eq!(bed.planned(vec![place()]).await, [Some(Lost::Resource("r-1".to_owned()))]);
    // Once is enough.
    let events = bed.store.events(0, Some("r-1"), 50).await.unwrap().len();
    let change = checked(bed, sick()).await;
    bed.done(change).await;
    assert_eq!(bed.store.events(0, Some("r-1"), 50).await.unwrap().len(), events);
    let freed = bed.pool("host").await.freed;
    let change = checked(bed, Verdict::Healthy).await;
    bed.done(change).await;
    assert_eq!((bed.resource("r-1").await.sick, bed.resource("r-1").await.room), (None, 1));
    assert_eq!(bed.pool("host").await.freed, freed + 1, "blueprints may have refused for it");
    assert_eq!(bed.planned(vec![place()]).await, [None]);
}

pub async fn what_was_left_is_cleared_before_it_is_lent_again(bed: &mut Bed) {
    bed.active("l-1", "p-1", "r-1", &[named("b/1")]).await;
    let change = checked(bed, sick()).await;
    bed.done(change).await;
    bed.done(end("l-1")).await;
    let failed = bed.step(Step::Release, "p-1", failed(drydock_core::contract::Next::BackOff)).await;
    bed.done(failed).await;
    let due = bed.place("p-1").await.due_at.unwrap();
    assert!(due > bed.at, "it is tried again later");
    let change = checked(bed, Verdict::Healthy).await;
    bed.done(change).await;
    assert_eq!(bed.place("p-1").await.due_at, Some(bed.at - 1), "and now at once");
    let resource = bed.resource("r-1").await;
    assert_eq!((resource.room, resource.sick.unwrap().contains("cleared")), (0, true));
    let released = bed.step(Step::Release, "p-1", done_with(None)).await;
    bed.done(released).await;
    assert_eq!(bed.place("p-1").await.status, PlaceStatus::Gone);
    let change = checked(bed, Verdict::Healthy).await;
    bed.done(change).await;
    assert_eq!((bed.resource("r-1").await.sick, bed.resource("r-1").await.room), (None, 1));
}

pub async fn what_is_gone_breaks(bed: &mut Bed) {
    bed.active("l-1", "p-1", "r-1", &[named("b/1")]).await;
    let change = checked(bed, Verdict::Gone("it was taken away".to_owned())).await;
    bed.done(change.clone()).await;
    assert_eq!(bed.resource("r-1").await.status, ResourceStatus::Broken);
    let lease = bed.lease("l-1").await;
    assert_eq!((lease.outcome.as_str(), lease.reason.as_deref()), ("resource-lost", Some("it was taken away")));
    assert_eq!(bed.lost(change).await, Lost::Epoch);
}
