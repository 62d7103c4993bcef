//! Leases that are wanted together or not at all.

use crate::pool::*;
use drydock_core::planner::together::SET_KEEPS;

/// Makes a set of these leases, of which so many wait.
fn set(mut pool: Pool_, leases: &[&str], waiting: usize) -> Pool_ {
    let heads = pool.look.classes.iter_mut().flat_map(|class| &mut class.heads);
    for head in heads.filter(|head| leases.contains(&head.lease.as_str())) {
        head.set = Some(WaitingSet { id: "s-1".to_owned(), kinds: vec!["host".to_owned()], waiting });
    }
    pool
}

fn two_of_a_set_and_one_behind(hosts: usize) -> Pool_ {
    let mut pool = Pool_::new().waits("c", &[(10, "l-1"), (10, "l-2"), (20, "l-3")]);
    for host in 1..=hosts {
        let id = format!("r-{host}");
        pool = pool.resource(&id, Active, 0, 1).acquires("c", &id, Ok(acquisition()));
    }
    let full = full("every host is taken");
    set(pool.refuses("c", "bp", full, None), &["l-1", "l-2"], 2)
}

#[test]
fn all_of_a_set_are_placed_by_one_item() {
    assert_eq!(items(&two_of_a_set_and_one_behind(3).plan()), ["(l-1 on r-1, l-2 on r-2)", "l-3 on r-3"]);
}

#[test]
fn what_a_set_needs_is_kept_for_it_in_turns() {
    let mut pool = two_of_a_set_and_one_behind(1);
    let planned = pool.plan();
    assert_eq!(items(&planned), [""; 0], "neither a part of the set, nor who stands behind it");
    assert_eq!((planned.keeps.as_deref(), planned.next), (Some("s-1"), Some(NOW + SET_KEEPS)));
    assert_eq!(reasons(&planned, "c"), ["bp: every host is taken"]);
    pool.answers.keeps = Some(("s-1".to_owned(), NOW - SET_KEEPS));
    assert_eq!(items(&pool.plan()), ["l-3 on r-1"], "now others may pass");
    pool.answers.keeps = Some(("s-1".to_owned(), NOW - 2 * SET_KEEPS));
    assert_eq!(items(&pool.plan()), [""; 0]);
}

#[test]
fn a_set_of_which_not_all_are_seen_has_no_places_and_what_it_needs_is_kept() {
    let planned = set(two_of_a_set_and_one_behind(2), &["l-1", "l-2"], 3).plan();
    assert_eq!(items(&planned), [""; 0]);
    let spare = set(two_of_a_set_and_one_behind(3), &["l-1", "l-2"], 3).plan();
    assert_eq!(items(&spare), ["l-3 on r-3"]);
}

#[test]
fn a_set_waits_for_all_that_its_owner_may_have() {
    let mut pool = two_of_a_set_and_one_behind(3);
    for head in &mut pool.look.classes[0].heads[..2] {
        head.quota = Some(Held { owner: "ci".to_owned(), used: 2, limit: 3 });
    }
    // Two are kept for the set, and the third is not.
    assert_eq!(items(&pool.plan()), ["l-3 on r-2"]);
}

#[test]
fn offers_are_gathered_until_there_is_one_for_each() {
    let offered = |offers: &[(&str, &str)]| {
        let pool = Pool_::new().waits("c", &[(10, "l-1"), (10, "l-2")]).offers("c", "bp", offers);
        set(pool, &["l-1", "l-2"], 2)
    };
    let mut one = offered(&[("r-1", "b/1")]);
    let planned = one.plan();
    assert_eq!((items(&planned), planned.questions), (vec![], vec![allocate("c")]), "another is needed");
    let offers = |pool: &Pool_| match &pool.answers.allocated[&("c".to_owned(), "bp".to_owned())] {
        Allocated::Offers(offers) => offers.clone(),
        refused => panic!("{refused:?}"),
    };
    // The same slot under another id is nothing new, and is not asked for again.
    let (beside, again) = (offers(&one), offers(&offered(&[("r-9", "b/1")])));
    one.answers.answered("c", "bp", Allocated::Offers(again), beside.clone(), one.look.pool.freed);
    let planned = one.plan();
    assert_eq!((items(&planned), &planned.questions), (vec![], &vec![]));
    assert!(reasons(&planned, "c").iter().any(|reason| reason.contains("no more than 1")), "{planned:?}");
    // Something is freed: there may be more.
    one.look.pool.freed += 1;
    assert_eq!(one.plan().questions, [allocate("c")]);
    let more = offers(&offered(&[("r-2", "b/2")]));
    one.answers.answered("c", "bp", Allocated::Offers(more), beside, one.look.pool.freed);
    one.look.offered.insert(("bp".to_owned(), "b/2".to_owned()));
    assert_eq!(items(&one.plan()), ["(r-1 for l-1, r-2 for l-2)"]);
    // Each was free, and not both: it waits with one less.
    assert!(one.answers.were_too_many(&["r-1".to_owned(), "r-2".to_owned()], |_| one.look.pool.freed));
    let planned = one.plan();
    assert_eq!((items(&planned), &planned.questions), (vec![], &vec![]));
}
