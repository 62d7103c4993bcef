//! Leases that are wanted together or not at all.

use crate::bed::*;
use drydock_core::model::proposal::*;
use drydock_core::model::rows::RequestKey;
use drydock_core::planner::look::{HEADS, WaitingSet};

fn member(id: &str, key: Option<&str>) -> NewLease {
    let set = SetOf { id: "s-1".to_owned(), kinds: vec!["host".to_owned()] };
    let key = key.map(|name| RequestKey {
        owner: "somebody".to_owned(),
        name: name.to_owned(),
        lease: String::new(),
        digest: "two".to_owned(),
    });
    NewLease { set: Some(set), key, ..new_lease(id) }
}

async fn asked(bed: &mut Bed) {
    bed.done(Change::AskSet(vec![member("l-1", None), member("l-2", None)])).await;
}

pub async fn a_set_is_found_by_its_keys_as_a_whole(bed: &mut Bed) {
    let both = |a: &str, b: &str| Change::AskSet(vec![member(a, Some("k/1")), member(b, Some("k/2"))]);
    assert_eq!(bed.done(both("l-1", "l-2")).await.leases, ["l-1", "l-2"]);
    let before = bed.state().await;
    assert_eq!(bed.done(both("l-3", "l-4")).await.leases, ["l-1", "l-2"]);
    assert_eq!(bed.state().await, before);
    let other = Change::AskSet(vec![member("l-3", Some("k/1")), member("l-4", Some("k/3"))]);
    assert_eq!(bed.lost(other).await, Lost::KeyReused("l-1".to_owned()));
    assert_eq!(bed.state().await, before, "nothing of it was made");
}

pub async fn a_look_says_how_many_of_a_set_wait(bed: &mut Bed) {
    let many: Vec<NewLease> = (0..HEADS).map(|n| new_lease(&format!("l-{n:03}"))).collect();
    for new in many.iter().skip(1) {
        bed.done(Change::Ask(Box::new(new.clone()))).await;
    }
    let late = |id: &str| NewLease { asked_at: START + 1, ..member(id, None) };
    bed.done(Change::AskSet(vec![late("s-1"), late("s-2")])).await;
    let look = bed.store.look("host", &Default::default()).await.unwrap().unwrap();
    let last = look.classes[0].heads.last().unwrap();
    assert_eq!((look.classes[0].heads.len(), last.lease.as_str()), (HEADS, "s-1"));
    let set = WaitingSet { id: "s-1".to_owned(), kinds: vec!["host".to_owned()], waiting: 2 };
    assert_eq!(last.set.as_ref(), Some(&set));
}

pub async fn a_set_has_places_together_or_none(bed: &mut Bed) {
    asked(bed).await;
    bed.open("r-1", 1, &[], vec![ready("l-9", "r-1", "p-9")]).await;
    bed.open("r-2", 1, &[], vec![ready("l-8", "r-2", "p-8")]).await;
    bed.done(end("l-8")).await;
    let on = |lease: &str, resource: &str, place: &str| Item::Place(ready(lease, resource, place));
    let both = Item::Together(vec![on("l-1", "r-2", "p-1"), on("l-2", "r-1", "p-2")]);
    assert!(bed.planned(vec![both]).await[0].is_some(), "r-1 is full");
    assert_eq!((bed.is("l-1").await, bed.resource("r-2").await.used), ("pending".to_owned(), 0));
    assert!(bed.planned(vec![on("l-1", "r-2", "p-1")]).await[0].is_some(), "the other would be left waiting");
    assert_eq!((bed.is("l-1").await, bed.resource("r-2").await.used), ("pending".to_owned(), 0));
    bed.done(end("l-9")).await;
    let both = Item::Together(vec![on("l-1", "r-2", "p-1"), on("l-2", "r-1", "p-2")]);
    assert_eq!(bed.planned(vec![both]).await, [None]);
    assert_eq!((bed.is("l-1").await, bed.is("l-2").await), ("active".to_owned(), "active".to_owned()));
}

pub async fn a_set_is_built_as_a_whole(bed: &mut Bed) {
    asked(bed).await;
    let both = |slots: [&str; 2]| {
        let one = |id: &str, slot: &str, lease: &str| building(id, &[named(slot)], vec![set_up(lease, id, lease)]);
        Item::Together(vec![one("r-1", slots[0], "l-1"), one("r-2", slots[1], "l-2")])
    };
    assert_eq!(bed.planned(vec![both(["b/1", "b/1"])]).await, [Some(Lost::Slot("b/1".to_owned()))]);
    assert_eq!(bed.blueprint("bp").await.used, 0);
    assert_eq!(bed.planned(vec![both(["b/1", "b/2"])]).await, [None]);
    assert_eq!((bed.is("l-1").await, bed.is("l-2").await), ("acquired".to_owned(), "acquired".to_owned()));
}

pub async fn a_set_that_waits_ends_as_a_whole(bed: &mut Bed) {
    asked(bed).await;
    bed.done(end("l-2")).await;
    assert_eq!(bed.is("l-2").await, "destroyed (released)");
    let other = bed.lease("l-1").await;
    assert!(other.status.ended() && other.reason.as_deref().is_some_and(|why| why.contains("l-2")), "{other:?}");
    assert_eq!(bed.store.look("host", &Default::default()).await.unwrap().unwrap().classes, []);
}

pub async fn those_of_a_set_with_places_end_one_by_one(bed: &mut Bed) {
    asked(bed).await;
    let both = [("r-1", "l-1"), ("r-2", "l-2")].map(|(id, lease)| building(id, &[], vec![ready(lease, id, lease)]));
    assert_eq!(bed.planned(vec![Item::Together(both.to_vec())]).await, [None]);
    bed.done(end("l-1")).await;
    assert_eq!((bed.is("l-1").await, bed.is("l-2").await), ("destroyed (released)".to_owned(), "acquired".to_owned()));
}
