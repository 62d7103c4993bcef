//! The checker itself: each rule is shown to fire, by breaking a healthy store behind its back.

use crate::bed::*;
use drydock_core::engine::api::{LoggedEvent, Violation};
use drydock_core::model::proposal::*;
use std::collections::BTreeSet;

/// What is broken, and the rule that must say so.
const CORRUPTIONS: &[(&str, &str)] = &[
    ("a named slot that a resource lists is its own", "delete from slot where owner = 'r-1'"),
    ("a named slot that a place lists is its own", "delete from slot where owner = 'p-1'"),
    ("what owns a slot is alive", "insert into slot (space, slot, owner) values ('bp', 'ghost', 'r-9')"),
    ("what owns a slot is alive", "update place set status = 'gone' where id = 'p-1'"),
    (
        "what holds a part of a counted slot is alive",
        "insert into counter_share (space, slot, owner, amount) values ('bp', 'memory', 'r-9', 0)",
    ),
    ("a counted slot's use is the sum over its owners", "update counter set used = used + 1"),
    (
        "a resource that is set aside is there",
        "insert into aside (space, slot, kind, failures, until, reason) values ('resource', 'r-9', 'host', 1, 1, 'x')",
    ),
    ("a resource's use is the sum over its places", "update resource set used = used - 1 where id = 'r-1'"),
    ("a resource is not used beyond its shares", "update resource set shares = 0 where id = 'r-1'"),
    ("a blueprint's count is the number of its resources", "update blueprint set used = used + 1 where name = 'bp'"),
    (
        "a blueprint's count of what is being opened is the number of its pending resources",
        "update blueprint set building = building + 1 where name = 'bp'",
    ),
    (
        "a blueprint's count of what it keeps is the number of its resources that nobody wants away",
        "update resource set wanted = 'end' where id = 'r-1'",
    ),
    (
        "no commit raises a count above the limit in force",
        "update event set detail = '{\"count\":2,\"limit\":1}' where id = 'r-1' and was = ''",
    ),
    (
        "no commit raises a count above the limit in force",
        "update event set detail = '{\"quota\":{\"count\":2,\"limit\":1}}' where id = 'p-1' and was = ''",
    ),
    ("a class counts those who wait", "update class set waiting = waiting - 1"),
    ("an active lease has one held place on an active resource", "update place set lease = 'l-2' where id = 'p-1'"),
    (
        "an active lease has one held place on an active resource",
        "update resource set status = 'pending' where id = 'r-1'",
    ),
    (
        "an acquired lease has one held place on a resource that is alive",
        "update place set status = 'leaving' where id = 'p-3'",
    ),
    ("a held place is of a lease that has it", "update lease set place = null where id = 'l-1'"),
    ("a held place is of a lease that has it", "update lease set status = 'released' where id = 'l-1'"),
    ("no place is on a resource that is not alive", "update resource set status = 'broken' where id = 'r-2'"),
    ("a pending lease has no place", "update lease set place = 'p-9' where id = 'l-2'"),
    (
        "a nested lease that is wanted is held by a resource that is there",
        "update lease set holder = 'r-9' where id = 'l-2'",
    ),
    ("only the transitions of the table happen", "update event set was = 'active' where id = 'l-2'"),
    (
        "each transition starts where the last one ended, and epochs never fall",
        "update event set epoch = 99 where id = 'l-1' and was = ''",
    ),
    (
        "each transition starts where the last one ended, and epochs never fall",
        "update event set now = 'released' where id = 'r-1' and was = ''",
    ),
    ("a row's status is that of its last event", "update lease set status = 'broken' where id = 'l-2'"),
    ("a row's status is that of its last event", "update resource set status = 'active' where id = 'r-2'"),
    ("a row's status is that of its last event", "delete from lease where id = 'l-2'"),
];

/// An active lease with slots of both kinds, one that waits, and one on a resource that is not open.
async fn healthy(bed: &mut Bed) {
    let slots = [named("port"), counted("memory", 2, 8)];
    bed.open("r-1", 2, &[named("b/1")], vec![with_slots(ready("l-1", "r-1", "p-1"), &slots)]).await;
    bed.done(ask("l-2")).await;
    bed.done(ask("l-3")).await;
    let pending = building("r-2", &[named("b/2")], vec![set_up("l-3", "r-2", "p-3")]);
    assert_eq!(bed.planned(vec![pending]).await, [None::<Lost>]);
}

async fn breaks(mut bed: Bed, rule: &str, corruption: &str) {
    healthy(&mut bed).await;
    bed.raw(corruption).await;
    let found = bed.store.check().await.unwrap();
    assert!(found.iter().any(|violation| violation.rule == rule), "{corruption}: not {rule:?} but {found:#?}");
    assert!(found.iter().all(|violation| !violation.subject.is_empty() && !violation.detail.is_empty()), "{found:?}");
    let new = bed.store.check_since(0).await.unwrap();
    let rules = |found: &[Violation]| found.iter().map(|violation| violation.rule.clone()).collect::<BTreeSet<_>>();
    assert_eq!(rules(&new), rules(&found), "{corruption}: not the same when all events are new");
}

#[tokio::test]
async fn every_rule_fires_on_sqlite() {
    for (rule, corruption) in CORRUPTIONS {
        breaks(Bed::file().await, rule, corruption).await;
    }
}

#[tokio::test]
async fn every_rule_fires_on_postgres() {
    for (rule, corruption) in CORRUPTIONS {
        breaks(Bed::postgres().await, rule, corruption).await;
    }
}

#[test]
fn no_rule_is_forgotten() {
    let rules: BTreeSet<&str> = drydock_core::store::check::rules().collect();
    let shown: BTreeSet<&str> = CORRUPTIONS.iter().map(|(rule, _)| *rule).collect();
    assert_eq!(rules, shown);
}

/// What lives is checked against events of any age; what an event has left, only when that is new.
#[tokio::test]
async fn what_lives_is_checked_however_old_its_events_are() {
    for mut bed in [Bed::file().await, Bed::postgres().await] {
        healthy(&mut bed).await;
        let last = bed.store.events(0, None, 1_000).await.unwrap().last().unwrap().seq;
        assert_eq!(bed.store.check_since(last).await.unwrap(), []);
        for (row, status) in [("lease", "l-1"), ("place", "p-1"), ("resource", "r-1")] {
            bed.raw(&format!("update {row} set status = 'broken' where id = '{status}'")).await;
        }
        let found = bed.store.check_since(last).await.unwrap();
        let wrong =
            |id: &str| found.iter().any(|v| v.rule == "a row's status is that of its last event" && v.subject == id);
        assert!(["l-1", "p-1", "r-1"].into_iter().all(wrong), "{found:#?}");
    }
}

/// Each event is compared with the one before it, also when only the later one is new.
#[tokio::test]
async fn a_new_event_is_compared_with_the_one_before_it() {
    for (table, was) in [("lease", "'released'"), ("resource", "'released'"), ("place", "'left'")] {
        for mut bed in [Bed::file().await, Bed::postgres().await] {
            healthy(&mut bed).await;
            bed.done(end("l-1")).await;
            let events = bed.store.events(0, None, 1_000).await.unwrap();
            let of = |logged: &&LoggedEvent| logged.event.subject.name() == table && !logged.event.was.is_empty();
            let seq = events.iter().find(of).map_or(0, |logged| logged.seq);
            assert!(seq > 0, "no event of a {table} follows another");
            bed.raw(&format!("update event set was = {was} where seq = {seq}")).await;
            let found = bed.store.check_since(seq - 1).await.unwrap();
            let rule = "each transition starts where the last one ended, and epochs never fall";
            assert!(found.iter().any(|violation| violation.rule == rule), "{table}: {found:#?}");
            let later = bed.store.check_since(seq).await.unwrap();
            assert!(later.iter().all(|violation| violation.rule != rule), "{table}: {later:#?}");
        }
    }
}
