//! Leases that are tied to a connection: who watches them, and when they end.

use crate::bed::*;
use drydock_core::contract::Next;
use drydock_core::model::proposal::*;
use drydock_core::model::sign::Sign;
use drydock_core::plugin::Step;

fn ask_tied(id: &str) -> Change {
    Change::Ask(Box::new(NewLease { tied: true, ..new_lease(id) }))
}

fn keep(id: &str) -> Change {
    Change::KeepLease { lease: id.to_owned() }
}

fn hold(id: &str) -> Change {
    hold_by(id, Sign::Connection)
}

fn hold_by(id: &str, sign: Sign) -> Change {
    Change::HoldLease { lease: id.to_owned(), sign, fence: None }
}

fn extend(id: &str, until: i64) -> Change {
    Change::Extend { lease: id.to_owned(), until, fence: None }
}

async fn gone(bed: &Bed, id: &str) -> Change {
    gone_by(bed, id, Sign::Connection).await
}

async fn gone_by(bed: &Bed, id: &str, sign: Sign) -> Change {
    Change::HolderGone { lease: id.to_owned(), sign, epoch: bed.lease(id).await.epoch }
}

async fn join(bed: &mut Bed, node: &str) {
    assert!(bed.offer(node, Change::Join { name: node.to_owned() }).await.done().is_some());
}

pub async fn a_tied_lease_ends_with_its_client(bed: &mut Bed) {
    bed.done(ask("l-1")).await;
    bed.done(ask_tied("l-2")).await;
    assert_eq!((bed.lease("l-1").await.tied, bed.lease("l-2").await.tied), (0, 1));
    for lease in ["l-1", "l-2"] {
        let gone = gone(bed, lease).await;
        bed.done(gone).await;
    }
    assert_eq!(bed.is("l-1").await, "pending");
    assert_eq!(bed.is("l-2").await, "destroyed (holder-gone)");
    assert!(bed.lease("l-2").await.reason.is_some_and(|reason| reason.starts_with("its client is gone; ")));
    // One that is active gives back what it has.
    bed.done(ask_tied("l-3")).await;
    bed.active("l-3", "p-1", "r-1", &[]).await;
    let gone = gone(bed, "l-3").await;
    bed.done(gone.clone()).await;
    assert_eq!(bed.is("l-3").await, "released (holder-gone)");
    let before = bed.lease("l-3").await;
    bed.done(gone).await;
    assert_eq!(bed.lease("l-3").await, before);
}

pub async fn a_lease_that_is_kept_outlives_its_client(bed: &mut Bed) {
    bed.done(ask_tied("l-1")).await;
    let news = bed.pool("host").await.news;
    let gone = gone(bed, "l-1").await;
    bed.done(keep("l-1")).await;
    let kept = bed.lease("l-1").await;
    assert_eq!((kept.tied, bed.pool("host").await.news), (0, news));
    let events = bed.store.events(0, Some("l-1"), 10).await.unwrap();
    let last = &events.last().unwrap().event;
    assert_eq!((last.was.as_str(), last.now.as_str()), ("pending", "pending"));
    bed.done(gone).await;
    bed.done(keep("l-1")).await;
    assert_eq!(bed.lease("l-1").await, kept);
    assert_eq!(bed.store.events(0, Some("l-1"), 10).await.unwrap().len(), events.len(), "the second is no event");
    bed.done(end("l-1")).await;
    assert_eq!(bed.lost(keep("l-1")).await, Lost::Ended("l-1".to_owned()));
    assert_eq!(bed.lost(hold("l-1")).await, Lost::Ended("l-1".to_owned()));
}

pub async fn a_lease_that_is_being_ended_is_not_kept(bed: &mut Bed) {
    bed.done(ask_tied("l-1")).await;
    bed.open("r-1", 1, &[], vec![set_up("l-1", "r-1", "p-1")]).await;
    join(bed, "n-2").await;
    bed.offer("n-2", end("l-1")).await;
    assert_eq!(bed.is("l-1").await, "acquired (released)");
    assert_eq!(bed.lost(keep("l-1")).await, Lost::Ended("l-1".to_owned()));
    // Nor does it end in another way.
    let gone = gone(bed, "l-1").await;
    bed.done(gone).await;
    assert_eq!(bed.lease("l-1").await.outcome, "released");
}

pub async fn the_node_with_the_connection_watches(bed: &mut Bed) {
    bed.done(ask_tied("l-1")).await;
    bed.done(ask("l-2")).await;
    join(bed, "n-2").await;
    let before = bed.lease("l-1").await;
    bed.done(hold("l-1")).await;
    assert_eq!(bed.lease("l-1").await, before, "it watches already");
    assert!(bed.offer("n-2", hold("l-1")).await.done().is_some());
    let held = bed.lease("l-1").await;
    assert_eq!((held.claim.as_str(), held.epoch), ("n-2", before.epoch + 1));
    // The other has no connection, and is not asked.
    let here = gone(bed, "l-1").await;
    bed.done(here.clone()).await;
    assert_eq!(bed.is("l-1").await, "pending");
    assert_eq!(bed.lost(hold("l-2")).await, Lost::Untied("l-2".to_owned()));
    // What it knew before the claim came back to it counts for nothing.
    bed.done(hold("l-1")).await;
    assert_eq!(bed.lost(here).await, Lost::Epoch);
    let here = gone(bed, "l-1").await;
    bed.done(here).await;
    assert_eq!(bed.is("l-1").await, "destroyed (holder-gone)");
}

pub async fn a_tied_lease_stays_with_the_node_that_watches(bed: &mut Bed) {
    bed.done(ask_tied("l-1")).await;
    bed.done(ask("l-2")).await;
    join(bed, "n-2").await;
    // The matcher, and who opens the resource, is another node.
    let takers = vec![set_up("l-1", "r-1", "p-1"), ready("l-2", "r-1", "p-2")];
    let plan = bed.plan(vec![Item::Build(Box::new(Build { shares: 2, ..build("r-1", &[], takers) }))]).await;
    assert_eq!(bed.offer("n-2", plan).await.done().unwrap().items, [None]);
    assert_eq!((bed.lease("l-1").await.claim.as_str(), bed.lease("l-2").await.claim.as_str()), (NODE, "n-2"));
    let open = bed.step(Step::Open, "r-1", failed(Next::BackOff)).await;
    assert!(bed.offer("n-2", open).await.done().is_some());
    assert_eq!((bed.is("l-1").await, bed.lease("l-1").await.claim), ("pending".to_owned(), NODE.to_owned()));
    let plan = bed.plan(vec![building("r-2", &[], vec![ready("l-1", "r-2", "p-3")])]).await;
    bed.offer("n-2", plan).await;
    let open = bed.step(Step::Open, "r-2", done_with(None)).await;
    assert!(bed.offer("n-2", open).await.done().is_some());
    assert_eq!((bed.is("l-1").await, bed.lease("l-1").await.claim), ("active".to_owned(), NODE.to_owned()));
    // A dead node watches nothing; who takes over does.
    bed.offer("n-2", Change::NodeDead { dead: NODE.to_owned(), beat: 0 }).await;
    let leases = vec!["l-1".to_owned()];
    let take = Change::TakeOver { dead: NODE.to_owned(), leases, places: vec![], resources: vec![] };
    assert!(bed.offer("n-2", take).await.done().is_some());
    let gone = gone(bed, "l-1").await;
    assert_eq!(bed.offer(NODE, gone.clone()).await, Outcome::Lost(Lost::Dead(NODE.to_owned())));
    assert!(bed.offer("n-2", gone).await.done().is_some());
    assert_eq!(bed.is("l-1").await, "destroyed (holder-gone)");
}

/// Asks for a lease that ends without beats after a minute and without use after two, and makes it active.
async fn watched(bed: &mut Bed, lease: &str, place: &str, resource: &str, tied: bool) {
    let new = NewLease { tied, heartbeat: Some(60_000), idle_timeout: Some(120_000), ..new_lease(lease) };
    bed.done(Change::Ask(Box::new(new))).await;
    for sign in [Sign::Beat, Sign::Use] {
        let gone = gone_by(bed, lease, sign).await;
        bed.done(gone).await;
        assert_eq!(bed.is(lease).await, "pending", "nobody has anything to beat for");
    }
    bed.active(lease, place, resource, &[]).await;
}

pub async fn a_lease_ends_with_its_beats(bed: &mut Bed) {
    watched(bed, "l-1", "p-1", "r-1", false).await;
    let gone = gone_by(bed, "l-1", Sign::Beat).await;
    bed.done(gone).await;
    assert_eq!(bed.is("l-1").await, "released (holder-gone)");
    let reason = bed.lease("l-1").await.reason.unwrap();
    assert!(reason.starts_with("its holder has not beaten for 60 s (heartbeat); "), "{reason}");
    // One that was asked for without needs none.
    bed.done(ask("l-2")).await;
    bed.active("l-2", "p-2", "r-2", &[]).await;
    for sign in [Sign::Beat, Sign::Use] {
        let gone = gone_by(bed, "l-2", sign).await;
        bed.done(gone).await;
        assert_eq!(bed.lost(hold_by("l-2", sign)).await, Lost::Untied("l-2".to_owned()));
    }
    assert_eq!(bed.is("l-2").await, "active");
}

pub async fn a_lease_that_nobody_uses_expires(bed: &mut Bed) {
    watched(bed, "l-1", "p-1", "r-1", false).await;
    let gone = gone_by(bed, "l-1", Sign::Use).await;
    bed.done(gone).await;
    assert_eq!(bed.is("l-1").await, "released (expired)");
    assert!(bed.lease("l-1").await.reason.unwrap().starts_with("it was not used for 120 s, "));
}

pub async fn a_connection_is_sign_enough(bed: &mut Bed) {
    watched(bed, "l-1", "p-1", "r-1", true).await;
    for sign in [Sign::Beat, Sign::Use] {
        let gone = gone_by(bed, "l-1", sign).await;
        bed.done(gone).await;
        assert_eq!(bed.lost(hold_by("l-1", sign)).await, Lost::Untied("l-1".to_owned()));
    }
    assert_eq!(bed.is("l-1").await, "active");
    bed.done(keep("l-1")).await;
    let gone = gone_by(bed, "l-1", Sign::Beat).await;
    bed.done(gone).await;
    assert_eq!(bed.is("l-1").await, "released (holder-gone)");
}

pub async fn the_node_that_had_the_last_beat_watches(bed: &mut Bed) {
    join(bed, "n-2").await;
    watched(bed, "l-1", "p-1", "r-1", false).await;
    let here = gone_by(bed, "l-1", Sign::Beat).await;
    assert!(bed.offer("n-2", hold_by("l-1", Sign::Beat)).await.done().is_some());
    assert_eq!(bed.lease("l-1").await.claim, "n-2");
    bed.done(here).await;
    assert_eq!(bed.is("l-1").await, "active");
    let there = gone_by(bed, "l-1", Sign::Beat).await;
    assert!(bed.offer("n-2", there).await.done().is_some());
    // The node that has set its place up ends it.
    assert_eq!(bed.is("l-1").await, "active (holder-gone)");
    assert_eq!(bed.lost(hold_by("l-1", Sign::Beat)).await, Lost::Ended("l-1".to_owned()));
}

pub async fn the_end_of_a_lease_is_moved(bed: &mut Bed) {
    let new = NewLease { until: Some(START + 9_000), wait_until: Some(START + 5_000), ..new_lease("l-1") };
    bed.done(Change::Ask(Box::new(new))).await;
    let news = bed.pool("host").await.news;
    bed.done(extend("l-1", START + 20_000)).await;
    let lease = bed.lease("l-1").await;
    assert_eq!((lease.until, lease.due_at), (Some(START + 20_000), Some(START + 5_000)), "it still has to be active");
    bed.done(extend("l-1", START + 4_000)).await;
    assert_eq!(bed.lease("l-1").await.due_at, Some(START + 4_000));
    bed.active("l-1", "p-1", "r-1", &[]).await;
    bed.done(extend("l-1", START + 30_000)).await;
    let lease = bed.lease("l-1").await;
    assert_eq!((lease.until, lease.due_at), (Some(START + 30_000), Some(START + 30_000)));
    let events = bed.store.events(0, Some("l-1"), 50).await.unwrap();
    bed.done(extend("l-1", START + 30_000)).await;
    assert_eq!(bed.store.events(0, Some("l-1"), 50).await.unwrap().len(), events.len(), "it ends then already");
    let last = &events.last().unwrap().event;
    assert_eq!((last.was.as_str(), last.now.as_str()), ("active", "active"));
    assert!(last.detail.as_ref().unwrap().contains(&format!("\"until\":{}", START + 30_000)), "{last:?}");
    assert!(bed.pool("host").await.news > news, "only since it got a place");
    bed.done(end("l-1")).await;
    assert_eq!(bed.lost(extend("l-1", START + 40_000)).await, Lost::Ended("l-1".to_owned()));
}

pub async fn whoever_comes_later_has_a_higher_fence(bed: &mut Bed) {
    bed.done(ask("l-1")).await;
    assert_eq!(bed.lease("l-1").await.fence, 0);
    bed.active("l-1", "p-1", "r-1", &[]).await;
    let first = bed.lease("l-1").await.fence;
    assert!(first > 0);
    let under = |fence| Change::EndLease {
        lease: "l-1".to_owned(),
        outcome: "released".to_owned(),
        reason: "let go".to_owned(),
        fence: Some(fence),
    };
    let other = Lost::Fence { lease: "l-1".to_owned(), fence: first + 1 };
    assert_eq!(bed.lost(under(first + 1)).await, other);
    let until = |fence| Change::Extend { lease: "l-1".to_owned(), until: START + 9_000, fence: Some(fence) };
    assert_eq!(bed.lost(until(first + 1)).await, other);
    bed.done(until(first)).await;
    bed.done(under(first)).await;
    // Again, as one whose answer was lost; and by who never held it.
    bed.done(under(first)).await;
    assert_eq!(bed.lost(under(first + 1)).await, other);
    let step = bed.step(Step::Release, "p-1", done_with(None)).await;
    bed.done(step).await;
    bed.done(ask("l-2")).await;
    assert_eq!(bed.planned(vec![Item::Place(ready("l-2", "r-1", "p-2"))]).await, [None]);
    assert!(bed.lease("l-2").await.fence > first);
    // A place that is lost takes its fence along.
    bed.done(ask("l-3")).await;
    assert_eq!(bed.planned(vec![building("r-2", &[], vec![set_up("l-3", "r-2", "p-3")])]).await, [None]);
    let fence = bed.lease("l-3").await.fence;
    let step = bed.step(Step::Open, "r-2", failed(Next::BackOff)).await;
    bed.done(step).await;
    assert_eq!((bed.is("l-3").await, bed.lease("l-3").await.fence), ("pending".to_owned(), 0));
    assert!(fence > bed.lease("l-2").await.fence);
}
