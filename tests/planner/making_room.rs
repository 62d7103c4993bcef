//! Beyond a resource's shares, and what is closed for those who wait.

use crate::pool::*;

/// A full blueprint, each of whose resources may be given two shares more.
fn crowded(max: i64, loads: &[(&str, i64)]) -> Pool_ {
    let change = |terms: &mut Terms| (terms.max_resources, terms.overflow) = (Some(max), 2);
    let mut pool = Pool_::new().blueprint("bp", change).waits("c", &[(10, "l-1"), (11, "l-2"), (12, "l-3")]);
    pool.look.blueprints.get_mut("bp").unwrap().used = loads.len() as i64;
    for (id, load) in loads {
        let row = Resource { overflow: 2, spare: 3 - load, ..resource("bp", id, Active, *load, 1) };
        pool.look.classes[0].crowded.entry("bp".to_owned()).or_default().push(row.clone());
        let answer = Acquired { result: Ok(acquisition()), status: row.status, news: None, until: None, used: 0 };
        pool.answers.acquired.insert(("c".to_owned(), row.id.clone()), answer);
    }
    pool
}

#[test]
fn beyond_their_shares_the_least_loaded_comes_first() {
    let planned = crowded(2, &[("r-1", 2), ("r-2", 1)]).plan();
    assert_eq!(items(&planned), ["l-1 on r-2", "l-2 on r-1", "l-3 on r-2"]);
    let loads: Vec<_> = planned
        .plan
        .items
        .iter()
        .map(|item| match item {
            Item::Place(placement) => placement.overflow.map(|overflow| (overflow.load, overflow.max_resources)),
            _ => None,
        })
        .collect();
    assert_eq!(loads, [Some((1, 2)), Some((2, 2)), Some((2, 2))]);
}

#[test]
fn nothing_goes_beyond_its_shares_while_another_can_be_built() {
    let planned = crowded(3, &[("r-1", 1), ("r-2", 1)]).plan();
    assert_eq!((items(&planned), planned.questions), (Vec::<String>::new(), vec![allocate("c")]));
}

#[test]
fn what_stands_in_the_way_is_asked_about_once_somebody_waits_for_it() {
    let pool = || in_the_way(&[(10, "l-1")], &[("r-1", Active, 0)]);
    let planned = pool().with(|pool| pool.look.full.clear()).with(|pool| pool.look.standing.clear()).plan();
    assert_eq!((items(&planned).len(), planned.more, planned.full), (0, true, BTreeSet::from(["bp".to_owned()])));
    let planned = pool().plan();
    assert_eq!((items(&planned), planned.more), (vec!["r-1 away".to_owned()], false));
    assert!(reasons(&planned, "c").contains(&"bp: r-1 is being closed to make room".to_owned()));
}

#[test]
fn as_many_are_closed_as_are_waited_for() {
    let three = [("r-1", Active, 0), ("r-2", Active, 1), ("r-3", Active, 2)];
    assert_eq!(items(&in_the_way(&[(10, "l-1"), (11, "l-2")], &three).plan()), ["r-1 away", "r-2 away"]);
    // What is being closed counts as coming, however long that takes; what could not be closed does not.
    let closing = [("r-1", Released, 0), ("r-2", Active, 1), ("r-3", Active, 2)];
    let pool = || in_the_way(&[(10, "l-1")], &closing);
    assert_eq!(items(&pool().plan()), [""; 0]);
    let slow = pool().with(|pool| pool.look.standing.get_mut("bp").unwrap()[0].attempt = 1);
    assert_eq!(items(&slow.plan()), [""; 0]);
    let failed = pool().with(|pool| pool.look.standing.get_mut("bp").unwrap()[0].failures = 1);
    assert_eq!(items(&failed.plan()), ["r-2 away"]);
}

#[test]
fn what_was_in_use_a_moment_ago_is_not_closed() {
    let planned = in_the_way(&[(10, "l-1")], &[("r-1", Active, NOW - 400)]).plan();
    assert_eq!((items(&planned).len(), planned.next), (0, Some(NOW + 600)));
}

#[test]
fn who_is_being_answered_closes_nothing() {
    let pool = in_the_way(&[(10, "l-1")], &[("r-1", Active, 0)]).resource("r-9", Active, 0, 1);
    let planned = pool.plan();
    assert_eq!((items(&planned), planned.questions), (Vec::<String>::new(), vec![acquire("c", "r-9")]));
}

#[test]
fn the_idle_owner_of_a_slot_that_is_refused_is_closed() {
    let pool = Pool_::new().waits("c", &[(10, "l-1")]).refuses("c", "bp", full("no port"), None);
    let owner = Resource { idle_since: Some(0), ..resource("other", "r-1", Active, 0, 1) };
    let key = ("bp".to_owned(), "port".to_owned());
    let planned = pool.with(|pool| drop(pool.look.owners.insert(key, owner))).plan();
    assert_eq!(items(&planned), ["r-1 away"]);
}

/// An idle resource of another pool, on what stands in the way here.
fn tower(top: &str, since: i64, beneath: &str, blueprint: &str, slot: &str) -> Tower {
    let storey = Storey {
        resource: beneath.to_owned(),
        blueprint: blueprint.to_owned(),
        space: blueprint.to_owned(),
        slots: Doc(vec![Slot::Named(slot.to_owned())]),
    };
    let top = Resource { idle_since: Some(since), ..resource("copies", top, Active, 0, 1) };
    Tower { top, beneath: vec![storey] }
}

#[test]
fn an_idle_tower_on_what_stands_in_the_way_is_closed() {
    let full_ = || in_the_way(&[(10, "l-1")], &[]);
    let towers = || vec![tower("r-7", 1, "r-1", "bp", "port"), tower("r-8", 2, "r-2", "other", "lid")];
    let planned = full_().with(|pool| pool.look.towers = towers()).plan();
    assert_eq!(items(&planned), ["r-7 away"], "the blueprint is at its maximum");
    let refused = Pool_::new().waits("c", &[(10, "l-1")]).refuses("c", "bp", full("no port"), None);
    let planned = refused.with(|pool| pool.look.towers = towers()).plan();
    assert_eq!(items(&planned), ["r-7 away"], "it stands on the slot that was refused");
    let busy = full_().with(|pool| {
        pool.look.towers = towers();
        pool.look.towers[0].top.used = 1;
    });
    assert_eq!(items(&busy.plan()), [""; 0]);
}

#[test]
fn nothing_is_closed_for_a_resource_that_nobody_waits_for() {
    let ages_hence = 5_000_000_000_000;
    assert_eq!(items(&in_the_way(&[(ages_hence, "l-1")], &[("r-1", Active, 0)]).plan()), [""; 0]);
}
