//! What can't be closed, and what is left outside.

use crate::bed::*;
use drydock_core::contract::Next;
use drydock_core::model::proposal::*;
use drydock_core::model::status::ResourceStatus;
use drydock_core::plugin::Step;

fn forget(leftovers: &[&str]) -> Change {
    let leftovers = leftovers.iter().map(|place| (*place).to_owned()).collect();
    let (resource, leak, reason) = ("r-1".to_owned(), "k-1".to_owned(), "it burnt down".to_owned());
    Change::Forget(Forget { resource, leak, leftovers, reason })
}

fn late(step: Step, subject: &str) -> Change {
    let reason = "the step has changed hands".to_owned();
    Change::Late(Late { step, subject: subject.to_owned(), leak: "k-1".to_owned(), reason })
}

fn cleared(leak: &str) -> Change {
    Change::ClearLeak { leak: leak.to_owned(), reason: "done by hand".to_owned() }
}

pub async fn a_resource_that_cant_be_closed_is_given_up(bed: &mut Bed) {
    bed.active("l-1", "p-1", "r-1", &[named("b/1")]).await;
    let not_stuck = |status| Outcome::Lost(Lost::NotStuck("r-1".to_owned(), status));
    assert_eq!(bed.group(vec![forget(&[])]).await, [not_stuck(ResourceStatus::Active)]);
    bed.done(end_resource("r-1")).await;
    bed.done(end("l-1")).await;
    assert_eq!(bed.leftovers("r-1").await.len(), 1, "the resource was going when its lease ended");
    assert_eq!(bed.group(vec![forget(&["p-1"])]).await, [not_stuck(ResourceStatus::Released)]);
    let close = bed.step(Step::Close, "r-1", failed(Next::BackOff)).await;
    bed.done(close).await;
    let stale = bed.step(Step::Close, "r-1", done_with(None)).await;
    bed.done(forget(&["p-1"])).await;
    assert_eq!(bed.resource("r-1").await.status, ResourceStatus::Destroyed);
    assert_eq!(bed.store.taken("bp", &["b/1".to_owned()]).await.unwrap(), Vec::<String>::new());
    assert_eq!(bed.group(vec![stale]).await, [Outcome::Lost(Lost::Epoch)]);
    let [leak] = &bed.store.leaks(None).await.unwrap()[..] else { panic!("it is on the list") };
    assert_eq!((leak.id.as_str(), leak.resource.as_str(), leak.name.as_str()), ("k-1", "r-1", "name of r-1"));
    assert!(leak.reason.contains("it burnt down") && leak.reason.contains("no luck"), "{}", leak.reason);
    // Whoever uses its slot next clears what was left there.
    bed.active("l-2", "p-2", "r-2", &[named("b/1")]).await;
    bed.done(forget(&[])).await;
    assert_eq!(bed.store.leaks(None).await.unwrap().len(), 1, "giving up twice is giving up once");
    bed.done(cleared("k-1")).await;
    assert_eq!(bed.store.leaks(None).await.unwrap(), []);
    assert_eq!(bed.group(vec![cleared("k-1")]).await, [Outcome::Lost(Lost::Missing("k-1".to_owned()))]);
}

pub async fn what_was_left_under_no_slot_goes_on_the_list(bed: &mut Bed) {
    bed.active("l-1", "p-1", "r-1", &[]).await;
    bed.done(end_resource("r-1")).await;
    bed.done(end("l-1")).await;
    let close = bed.step(Step::Close, "r-1", failed(Next::BackOff)).await;
    bed.done(close).await;
    bed.done(forget(&["p-1"])).await;
    assert_eq!(bed.leftovers("r-1").await, []);
    let [leak] = &bed.store.leaks(Some("k-1")).await.unwrap()[..] else { panic!("it is on the list") };
    assert!(leak.reason.contains("place p-1 left something"), "{}", leak.reason);
    assert_eq!(leak.state.as_deref(), None);
}

pub async fn what_a_stale_node_made_is_noted(bed: &mut Bed) {
    bed.open("r-1", 1, &[], vec![set_up("l-1", "r-1", "p-1")]).await;
    bed.done(late(Step::Open, "r-1")).await;
    bed.done(late(Step::Activate, "p-1")).await;
    assert_eq!(bed.store.leaks(None).await.unwrap(), [], "whoever goes on with them finds it");
    assert_eq!(bed.leftovers("r-1").await, []);
    let release = {
        bed.done(end("l-1")).await;
        bed.step(Step::Release, "p-1", done_with(None)).await
    };
    bed.done(release).await;
    bed.done(late(Step::Activate, "p-1")).await;
    assert_eq!(bed.leftovers("r-1").await.len(), 1, "its place was cleaned before");
    bed.done(end_resource("r-1")).await;
    // The node that says so may have been seen dead by now.
    bed.done(Change::NodeDead { dead: NODE.to_owned(), beat: 0 }).await;
    bed.done(late(Step::Open, "r-1")).await;
    let [leak] = &bed.store.leaks(None).await.unwrap()[..] else { panic!("it is on the list") };
    assert!(leak.reason.contains("open was answered when its row had gone on"), "{}", leak.reason);
}
