//! Who is alive, who takes over, and what belongs to blueprints.

use crate::bed::*;
use drydock_core::model::proposal::*;
use drydock_core::plugin::Step;

async fn join(bed: &mut Bed, node: &str) {
    assert!(bed.offer(node, Change::Join { name: node.to_owned() }).await.done().is_some());
}

fn dead(node: &str, beat: i64) -> Change {
    Change::NodeDead { dead: node.to_owned(), beat }
}

pub async fn a_dead_node_changes_nothing(bed: &mut Bed) {
    join(bed, "n-2").await;
    bed.done(ask("l-1")).await;
    bed.done(dead("n-2", 0)).await;
    let before = bed.state().await;
    for change in [ask("l-2"), end("l-1"), Change::Join { name: "back".to_owned() }, dead(NODE, 0)] {
        assert_eq!(bed.offer("n-2", change).await, Outcome::Lost(Lost::Dead("n-2".to_owned())));
    }
    assert_eq!(bed.state().await, before);
    assert!(!bed.store.beat("n-2").await.unwrap(), "it learns by its next beat");
    assert!(bed.store.beat(NODE).await.unwrap());
    bed.done(dead("n-2", 0)).await;
}

pub async fn a_node_that_counts_up_is_not_buried(bed: &mut Bed) {
    join(bed, "n-2").await;
    assert!(bed.store.beat("n-2").await.unwrap());
    assert_eq!(bed.lost(dead("n-2", 0)).await, Lost::Alive("n-2".to_owned()));
    let (nodes, _) = bed.store.nodes().await.unwrap();
    assert_eq!(nodes.iter().map(|node| (node.id.as_str(), node.beat)).collect::<Vec<_>>(), [("n-1", 0), ("n-2", 1)]);
    bed.done(dead("n-2", 1)).await;
    assert_eq!(bed.store.nodes().await.unwrap().0.len(), 1);
}

pub async fn claims_of_the_dead_are_taken_over(bed: &mut Bed) {
    bed.open("r-1", 1, &[], vec![set_up("l-1", "r-1", "p-1")]).await;
    let before = (bed.lease("l-1").await.epoch, bed.place("p-1").await.epoch, bed.resource("r-1").await.epoch);
    let stale = bed.step(Step::Activate, "p-1", done_with(None)).await;
    join(bed, "n-2").await;
    assert!(bed.offer("n-2", dead(NODE, 0)).await.done().is_some());
    let orphans = bed.store.orphans().await.unwrap();
    let ids = (orphans.leases[0].id.as_str(), orphans.places[0].id.as_str(), orphans.resources[0].id.as_str());
    assert_eq!(ids, ("l-1", "p-1", "r-1"));
    let take = Change::TakeOver {
        dead: NODE.to_owned(),
        leases: vec!["l-1".to_owned(), "l-9".to_owned()],
        places: vec!["p-1".to_owned()],
        resources: vec!["r-1".to_owned()],
    };
    assert!(bed.offer("n-2", take.clone()).await.done().is_some());
    assert_eq!(bed.store.orphans().await.unwrap(), Default::default());
    let claimed = bed.store.claimed("n-2").await.unwrap();
    assert_eq!((claimed.leases.len(), claimed.places.len(), claimed.resources.len()), (1, 1, 1));
    let after = (bed.lease("l-1").await.epoch, bed.place("p-1").await.epoch, bed.resource("r-1").await.epoch);
    assert_eq!(after, (before.0 + 1, before.1 + 1, before.2 + 1));
    // Whoever acted under the old claim is stale, and taking over again changes nothing.
    assert_eq!(bed.offer("n-2", stale).await, Outcome::Lost(Lost::Epoch));
    bed.offer("n-2", take).await;
    assert_eq!(bed.lease("l-1").await.epoch, after.0);
}

pub async fn claims_of_the_living_are_not_taken_over(bed: &mut Bed) {
    bed.done(ask("l-1")).await;
    join(bed, "n-2").await;
    let take =
        Change::TakeOver { dead: NODE.to_owned(), leases: vec!["l-1".to_owned()], places: vec![], resources: vec![] };
    assert_eq!(bed.offer("n-2", take).await, Outcome::Lost(Lost::Alive(NODE.to_owned())));
    assert_eq!(bed.lease("l-1").await.claim, NODE);
}

pub async fn the_dead_do_not_keep_a_lease_from_ending(bed: &mut Bed) {
    bed.open("r-1", 1, &[], vec![set_up("l-1", "r-1", "p-1")]).await;
    join(bed, "n-2").await;
    bed.offer("n-2", dead(NODE, 0)).await;
    assert!(bed.offer("n-2", end("l-1")).await.done().is_some());
    assert_eq!(bed.is("l-1").await, "released (released)");
    assert_eq!(bed.place("p-1").await.claim, "n-2");
}

pub async fn blueprints_that_fail_are_set_aside(bed: &mut Bed) {
    bed.done(ask("l-1")).await;
    let failed = || Change::BlueprintFailed { blueprint: "bp".to_owned(), reason: "trapped".to_owned() };
    let mut last = 0;
    let before = bed.pool("host").await;
    for failures in 1..=3 {
        let at = bed.at;
        bed.done(failed()).await;
        let row = bed.blueprint("bp").await;
        assert_eq!((row.failures, row.reason.as_deref()), (failures, Some("trapped")));
        assert!(row.not_before - at > last, "each pause is longer");
        last = row.not_before - at;
    }
    let after = bed.pool("host").await;
    assert_eq!((after.version, after.freed, after.news), (before.version, before.freed, before.news + 3));
    // A resource of it that opens makes it good again.
    bed.open("r-1", 1, &[], vec![ready("l-1", "r-1", "p-1")]).await;
    bed.done(ask("l-2")).await;
    let row = bed.blueprint("bp").await;
    assert_eq!((row.failures, row.not_before, row.reason), (0, 0, None));
}

pub async fn a_configuration_raises_version_and_news(bed: &mut Bed) {
    let before = bed.pool("host").await;
    let revision = |revision: i64| {
        let pools = vec!["host".to_owned(), "vm".to_owned()];
        Change::Configure { revision, blueprints: vec![listed("bp", "host")], before: vec![], pools }
    };
    bed.done(revision(3)).await;
    let after = bed.pool("host").await;
    assert!(after.version > before.version && after.news > before.news && after.freed > before.freed);
    assert_eq!(after.revision, 3);
    assert_eq!((bed.pool("vm").await.version, bed.pool("vm").await.revision), (2, 3), "every pool hears of it");
    for again in [3, 2] {
        bed.done(revision(again)).await;
        assert_eq!(bed.pool("host").await, after, "it happens once");
    }
}

pub async fn a_plan_of_an_older_configuration_is_refused(bed: &mut Bed) {
    bed.done(ask("l-1")).await;
    let building = || vec![building("r-1", &[], vec![ready("l-1", "r-1", "p-1")])];
    let pools = vec!["host".to_owned(), "vm".to_owned()];
    bed.done(Change::Configure { revision: 2, blueprints: vec![listed("bp", "host")], before: vec![], pools }).await;
    let Change::Plan(plan) = bed.plan(building()).await else { panic!("no plan") };
    let lost = bed.lost(Change::Plan(Plan { revision: 1, ..plan })).await;
    assert_eq!(lost, Lost::Revision(2));
    assert_eq!(bed.planned(building()).await, [None]);
}
