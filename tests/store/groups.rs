//! What a group of proposals comes to: the same as one after the other, with one commit.

use crate::bed::*;
use drydock_core::model::proposal::*;
use drydock_core::plugin::Step;

/// What became of each: done, or why not.
fn losses(outcomes: &[Outcome]) -> Vec<Option<Lost>> {
    let loss = |outcome: &Outcome| match outcome {
        Outcome::Done(done) => done.items.iter().flatten().next().cloned(),
        Outcome::Lost(lost) => Some(lost.clone()),
        other => panic!("{other:?}"),
    };
    outcomes.iter().map(loss).collect()
}

pub async fn the_same_proposal_again_is_known(bed: &mut Bed) {
    let asked = bed.proposal(NODE, ask("l-1"));
    assert!(matches!(bed.commit(std::slice::from_ref(&asked)).await[..], [Outcome::Done(_)]));
    let plan = bed.plan(vec![building("r-1", &[], vec![ready("l-1", "r-1", "p-1")])]).await;
    let plan = bed.proposal(NODE, plan);
    bed.commit(std::slice::from_ref(&plan)).await;
    let before = bed.state().await;
    assert_eq!(bed.commit(&[asked.clone(), plan.clone(), asked.clone()]).await, [const { Outcome::Known }; 3]);
    assert_eq!(bed.state().await, before);
    // Twice in one group is once.
    let twice = bed.proposal(NODE, ask("l-2"));
    let outcomes = bed.commit(&[twice.clone(), twice]).await;
    assert!(matches!(outcomes[..], [Outcome::Done(_), Outcome::Known]));
    let before = bed.state().await;
    let place = std::mem::replace(&mut bed.place, Place_::Memory);
    let (at, store) = (bed.at, std::mem::replace(&mut bed.store, Bed::memory().await.store));
    *bed = Bed::resume(store, place, at).reopen().await;
    assert_eq!(bed.commit(&[plan, asked]).await, [const { Outcome::Known }; 2]);
    assert_eq!(bed.state().await, before);
}

pub async fn clashes_are_settled_in_order(bed: &mut Bed) {
    // Both want {a, b}, in either order, and the same lease.
    bed.done(ask("l-1")).await;
    bed.done(ask("l-2")).await;
    let versions = [bed.pool("host").await.version, bed.pool("vm").await.version];
    let wide = |pool: &str, version: i64, resource: &str, slots: [&str; 2], lease: &str| {
        let build = build(resource, &slots.map(named), vec![ready(lease, resource, &format!("p-{resource}"))]);
        let item = Item::Build(Box::new(Build { space: "shared".to_owned(), ..build }));
        Change::Plan(Plan { pool: pool.to_owned(), version, revision: 1, items: vec![item], ..Plan::default() })
    };
    // The second plan is of a pool whose version the first does not raise.
    let outcomes = bed
        .group(vec![
            wide("host", versions[0], "r-1", ["a", "b"], "l-1"),
            wide("vm", versions[1], "r-2", ["b", "a"], "l-2"),
        ])
        .await;
    assert_eq!(losses(&outcomes), [None, Some(Lost::Slot("b".to_owned()))]);
    // A plan on the same version comes too late within a group, too.
    let outcomes = bed
        .group(vec![
            bed.plan(vec![building("r-3", &[], vec![ready("l-2", "r-3", "p-3")])]).await,
            bed.plan(vec![building("r-4", &[], vec![ready("l-2", "r-4", "p-4")])]).await,
        ])
        .await;
    assert_eq!(losses(&outcomes), [None, Some(Lost::Version)]);
}

pub async fn frees_come_before_takes(bed: &mut Bed) {
    bed.open("r-1", 1, &[], vec![with_slots(ready("l-1", "r-1", "p-1"), &[named("port"), counted("memory", 8, 8)])])
        .await;
    bed.done(ask("l-2")).await;
    let slots = [named("port"), counted("memory", 8, 8)];
    let plan = bed.plan(vec![Item::Place(with_slots(ready("l-2", "r-1", "p-2"), &slots))]).await;
    let outcomes = bed.group(vec![end("l-1"), plan]).await;
    assert_eq!(losses(&outcomes), [None, None]);
    assert_eq!(bed.is("l-2").await, "active");
    assert_eq!(bed.store.used("bp", "memory").await.unwrap(), 8);
    // In the other order the place is not free yet.
    bed.done(ask("l-3")).await;
    let plan = bed.plan(vec![Item::Place(with_slots(ready("l-3", "r-1", "p-3"), &slots))]).await;
    let outcomes = bed.group(vec![plan, end("l-2")]).await;
    assert_eq!(losses(&outcomes), [Some(Lost::Resource("r-1".to_owned())), None]);
}

pub async fn each_proposal_is_whole_or_not_at_all(bed: &mut Bed) {
    bed.open("r-1", 3, &[], vec![ready("l-1", "r-1", "p-1")]).await;
    bed.done(ask("l-2")).await;
    // The second of its slots is taken, so the first is given back, and the next in the group gets it.
    let first = with_slots(ready("l-2", "r-1", "p-2"), &[named("x"), counted("memory", 2, 1)]);
    let second = with_slots(ready("l-2", "r-1", "p-3"), &[named("x")]);
    let (first, second) = (bed.plan(vec![Item::Place(first)]).await, bed.plan(vec![Item::Place(second)]).await);
    let outcomes = bed.group(vec![first, second]).await;
    assert_eq!(losses(&outcomes), [Some(Lost::Slot("memory".to_owned())), None]);
    assert_eq!(bed.lease("l-2").await.place.as_deref(), Some("p-3"));
    assert!(bed.store.place("p-2").await.unwrap().place.is_none());
}

pub async fn a_chain_of_changes_fits_in_one_group(bed: &mut Bed) {
    // Ask, end another, open and lose, all at once: each sees what the ones before it did.
    bed.done(ask("l-1")).await;
    bed.planned(vec![building("r-1", &[named("b/1")], vec![set_up("l-1", "r-1", "p-1")])]).await;
    let open = bed.step(Step::Open, "r-1", done_with(None)).await;
    let activate = bed.step(Step::Activate, "p-1", done_with(None)).await;
    let outcomes = bed.group(vec![ask("l-2"), open, activate, end("l-1"), end("l-2"), end_resource("r-1")]).await;
    assert_eq!(losses(&outcomes), [const { None }; 6]);
    assert_eq!(
        (bed.is("l-1").await, bed.is("l-2").await),
        ("released (released)".to_owned(), "destroyed (released)".to_owned())
    );
    let counts = bed.store.counts().now();
    bed.group(vec![ask("l-3"), ask("l-4"), ask("l-5")]).await;
    let counted = bed.store.counts().now() - counts;
    assert_eq!((counted.proposals, counted.commits), (3, 1));
}

pub async fn what_is_lost_writes_nothing(bed: &mut Bed) {
    let before = bed.state().await;
    let old = Change::Plan(Plan { pool: "host".to_owned(), ..Plan::default() });
    let outcomes = bed.group(vec![end("l-9"), old, end_resource("r-9")]).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Lost(_))));
    assert_eq!(bed.state().await, before);
}
