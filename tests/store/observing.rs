//! What is seen outside.

use crate::bed::*;
use drydock_core::contract::{Absence, Labels, Observation, Thing, ThingState};
use drydock_core::model::inventory::{Finding, Memory, compare, leak_of};
use drydock_core::model::proposal::*;
use drydock_core::model::protection::Protections;

fn thing(id: &str, resource: Option<&str>) -> Thing {
    Thing {
        id: id.to_owned(),
        resource: resource.map(str::to_owned),
        slot: None,
        attributes: "{}".to_owned(),
        labels: Labels::new(),
        state: ThingState::Present,
    }
}

fn observed(things: Vec<Thing>, began: i64) -> Change {
    let seen = Ok(Sighted { things, began, complete: true });
    Change::Observed(Observing { blueprint: "bp".to_owned(), kind: "host".to_owned(), seen })
}

fn failed_to_see(why: &str) -> Change {
    let seen = Err(why.to_owned());
    Change::Observed(Observing { blueprint: "bp".to_owned(), kind: "host".to_owned(), seen })
}

pub async fn what_is_seen_is_kept_and_news_only_if_it_is_other(bed: &mut Bed) {
    assert_eq!(bed.store.observed(Some("bp")).await.unwrap(), []);
    let freed = bed.pool("host").await.freed;
    bed.done(observed(vec![thing("i-1", None)], 100)).await;
    let [row] = &bed.store.observed(Some("bp")).await.unwrap()[..] else { panic!("it is kept") };
    assert_eq!((row.began, row.complete, row.things.0.len(), row.node.as_str()), (100, 1, 1, NODE));
    assert_eq!(bed.pool("host").await.freed, freed + 1, "blueprints may offer something else now");
    bed.done(observed(vec![thing("i-1", None)], 200)).await;
    assert_eq!(bed.pool("host").await.freed, freed + 1);
    assert_eq!(bed.store.observed(Some("bp")).await.unwrap()[0].began, 200);
    bed.done(observed(vec![], 150)).await;
    assert_eq!(bed.store.observed(Some("bp")).await.unwrap()[0].things.0.len(), 1, "what was seen before is no news");
    bed.done(failed_to_see("no answer")).await;
    let [row] = &bed.store.observed(None).await.unwrap()[..] else { panic!("it is kept") };
    assert_eq!((row.began, row.things.0.len(), row.failure.as_deref()), (200, 1, Some("no answer")));
    assert_eq!(bed.store.observed(Some("bp2")).await.unwrap(), []);
}

pub async fn what_was_left_behind_is_listed_once(bed: &mut Bed) {
    bed.active("l-1", "p-1", "r-1", &[named("b/1")]).await;
    let stray = |resource: &str| {
        Change::Stray(Stray {
            leak: leak_of("host", "i-1"),
            blueprint: "bp".to_owned(),
            kind: "host".to_owned(),
            resource: resource.to_owned(),
            thing: "i-1".to_owned(),
            attributes: "{}".to_owned(),
            reason: "it still exists".to_owned(),
        })
    };
    bed.done(stray("r-1")).await;
    assert_eq!(bed.store.leaks(None).await.unwrap(), [], "its resource is alive");
    bed.done(stray("r-unknown")).await;
    let told = bed.store.events(0, None, 1_000).await.unwrap().len();
    bed.done(stray("r-unknown")).await;
    assert_eq!(bed.store.events(0, None, 1_000).await.unwrap().len(), told, "it is told once");
    let [leak] = &bed.store.leaks(None).await.unwrap()[..] else { panic!("it is on the list") };
    assert_eq!((leak.name.as_str(), leak.resource.as_str()), ("i-1", "r-unknown"));
    let ended = bed.store.ended(&["r-1", "r-unknown"]).await.unwrap();
    assert_eq!(ended, [("r-1".to_owned(), None)].into());
}

fn look(things: Vec<Thing>, complete: bool, absence: Absence) -> Observation {
    Observation { things, complete, began: 1_000, absence }
}

pub async fn findings_follow_from_two_whole_looks(bed: &mut Bed) {
    bed.active("l-1", "p-1", "r-1", &[named("b/1")]).await;
    let active = bed.store.active("bp").await.unwrap();
    let mut memory = Memory::default();
    let mut find = |look: &Observation| -> Vec<Finding> {
        compare(look, &active, &mut memory, &Protections::ALL).into_iter().map(|(_, finding)| finding).collect()
    };
    let nothing = look(vec![], true, Absence::Gone);
    let part = look(vec![], false, Absence::Gone);
    let gone = Finding::Gone("it does not exist outside any more".to_owned());
    assert_eq!(find(&nothing), []);
    assert_eq!(find(&part), [], "a part says nothing");
    assert_eq!(find(&nothing), [gone], "but what was seen before stays");
    assert_eq!(find(&look(vec![thing("i-1", Some("r-1"))], true, Absence::Gone)), []);
    assert_eq!(find(&look(vec![], true, Absence::Leaving)), []);
    let mut slotted = thing("i-1", None);
    slotted.slot = Some("b/1".to_owned());
    assert_eq!(find(&look(vec![slotted.clone()], true, Absence::Leaving)), [], "found by its slot");
    slotted.state = ThingState::Leaving("it is disabled".to_owned());
    let leaves = |finding: &Finding| matches!(finding, Finding::Leaving(why) if why.contains("it is disabled"));
    assert!(leaves(&find(&look(vec![slotted.clone()], true, Absence::Leaving))[0]));
    slotted.state = ThingState::Gone("it was taken back".to_owned());
    assert_eq!(find(&look(vec![slotted], false, Absence::Leaving)), [Finding::Gone("it was taken back".to_owned())]);
}

pub async fn what_is_withdrawn_comes_back_unless_an_operator_drained_it(bed: &mut Bed) {
    bed.active("l-1", "p-1", "r-1", &[named("b/1")]).await;
    let mut slotted = thing("i-1", None);
    slotted.slot = Some("b/1".to_owned());
    let there = look(vec![slotted], true, Absence::Leaving);
    for (reason, back) in [("it is being withdrawn outside: x", true), ("by an operator", false)] {
        let drain = |reason: Option<&str>| Change::DrainResource {
            resource: "r-1".to_owned(),
            reason: reason.map(str::to_owned),
            closes: true,
        };
        bed.done(drain(Some(reason))).await;
        let active = bed.store.active("bp").await.unwrap();
        let found = compare(&there, &active, &mut Memory::default(), &Protections::ALL);
        assert_eq!(found.first().is_some_and(|(_, finding)| *finding == Finding::Back), back, "{reason}");
        bed.done(drain(None)).await;
    }
}
