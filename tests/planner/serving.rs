//! Who gets a place, and where.

use crate::pool::*;

#[test]
fn nobody_waits_and_nothing_is_planned() {
    let planned = Pool_::new().plan();
    assert_eq!((items(&planned).len(), planned.questions.len(), planned.waits.len()), (0, 0, 0));
    assert_eq!((planned.next, planned.more), (None, false));
}

#[test]
fn the_older_lease_comes_first_across_classes() {
    let pool = Pool_::new()
        .waits("young", &[(20, "l-2"), (40, "l-4")])
        .waits("old", &[(10, "l-1"), (30, "l-3")])
        .resource("r-1", Active, 0, 3);
    let pool = pool.acquires("old", "r-1", Ok(acquisition())).acquires("young", "r-1", Ok(acquisition()));
    let planned = pool.refuses("old", "bp", full("full"), None).refuses("young", "bp", full("full"), None).plan();
    assert_eq!(items(&planned), ["l-1 on r-1", "l-2 on r-1", "l-3 on r-1"]);
    assert_eq!(planned.waits.keys().collect::<Vec<_>>(), ["young"], "the last waits, knowing for what");
}

#[test]
fn equal_times_are_in_the_order_of_their_ids() {
    let pool = Pool_::new().waits("b", &[(10, "l-1")]).waits("a", &[(10, "l-2")]).resource("r-1", Active, 0, 1);
    let pool = pool.acquires("a", "r-1", Ok(acquisition())).acquires("b", "r-1", Ok(acquisition()));
    assert_eq!(items(&pool.plan()), ["l-1 on r-1"]);
}

#[test]
fn a_class_that_cant_be_served_does_not_hold_up_others() {
    let pool = Pool_::new().waits("old", &[(10, "l-1")]).waits("young", &[(20, "l-2")]).resource("r-1", Active, 0, 1);
    let pool = pool.acquires("old", "r-1", Err(full("too small"))).acquires("young", "r-1", Ok(acquisition()));
    let planned = pool.refuses("old", "bp", full("no more bindings"), None).plan();
    assert_eq!(items(&planned), ["l-2 on r-1"]);
    assert_eq!(reasons(&planned, "old"), ["bp: too small", "bp: no more bindings"]);
    assert_eq!(planned.waits["old"][1].slots, ["port"], "why prints what is in the way");
}

#[test]
fn pack_takes_the_fullest_and_what_is_active_before_what_is_coming() {
    let pool = Pool_::new()
        .waits("c", &[(10, "l-1"), (20, "l-2"), (30, "l-3"), (40, "l-4")])
        .resource("r-1", Pending, 2, 3)
        .resource("r-2", Active, 0, 3)
        .resource("r-3", Active, 1, 3);
    let pool = ["r-1", "r-2", "r-3"].iter().fold(pool, |pool, id| pool.acquires("c", id, Ok(acquisition())));
    assert_eq!(items(&pool.plan()), ["l-1 on r-3", "l-2 on r-3", "l-3 on r-2", "l-4 on r-2"]);
}

#[test]
fn spread_builds_before_it_shares_what_is_in_use() {
    let pool = Pool_::new()
        .blueprint("bp", |terms| terms.growth = Growth::Spread)
        .waits("c", &[(10, "l-1"), (20, "l-2"), (30, "l-3"), (40, "l-4")])
        .resource("r-1", Active, 2, 4)
        .resource("r-2", Active, 1, 3)
        .resource("r-3", Active, 0, 1);
    let pool = ["r-1", "r-2", "r-3"].iter().fold(pool, |pool, id| pool.acquires("c", id, Ok(acquisition())));
    // The empty one, a new one, and then the emptiest.
    let offered = pool.offers("c", "bp", &[("r-4", "b/4")]);
    assert_eq!(items(&offered.plan()), ["l-1 on r-3", "r-4 for l-2", "l-3 on r-2", "l-4 on r-1"]);
}

#[test]
fn what_is_coming_counts_as_room() {
    let pool = Pool_::new().waits("c", &[(10, "l-1")]).resource("r-1", Pending, 1, 2);
    let pool = pool.acquires("c", "r-1", Ok(acquisition())).offers("c", "bp", &[("r-2", "b/2")]);
    assert_eq!(items(&pool.plan()), ["l-1 on r-1"], "nothing more is built than is needed");
}

#[test]
fn a_share_has_to_fit() {
    let pool = Pool_::new().waits("c", &[(10, "l-1")]).resource("r-1", Active, 2, 4).resource("r-2", Active, 0, 4);
    let three = Ok(Acquisition { share: 3, ..acquisition() });
    let pool = pool.acquires("c", "r-1", three.clone()).acquires("c", "r-2", three);
    assert_eq!(items(&pool.plan()), ["l-1 on r-2"]);
}

#[test]
fn slots_of_a_place_are_given_once_in_a_plan() {
    let pool = Pool_::new().waits("c", &[(10, "l-1"), (20, "l-2")]).resource("r-1", Active, 0, 4);
    let port = Acquisition { slots: vec![Slot::Named("port".to_owned())], ..acquisition() };
    let pool = pool.acquires("c", "r-1", Ok(port)).refuses("c", "bp", full("full"), None);
    assert_eq!(items(&pool.plan()), ["l-1 on r-1"]);
}

#[test]
fn an_offer_takes_as_many_as_find_room_on_it() {
    let pool = Pool_::new()
        .blueprint("bp", |terms| terms.leases_per_resource = 2)
        .waits("c", &[(10, "l-1"), (20, "l-2"), (30, "l-3"), (40, "l-4"), (50, "l-5")])
        .offers("c", "bp", &[("r-1", "b/1"), ("r-2", "b/2")]);
    let planned = pool.plan();
    assert_eq!(items(&planned), ["r-1 for l-1+l-2", "r-2 for l-3+l-4"]);
    assert_eq!(planned.questions, [allocate("c")], "for the fifth more has to be offered");
    let Item::Build(build) = &planned.plan.items[0] else { unreachable!() };
    assert_eq!((build.shares, build.takers[0].place.as_str(), build.takers[1].place.as_str()), (2, "p-1", "p-2"));
    // An allocation may have its own number, and a place with slots of its own is not like the next.
    let limited = pool.with(|pool| {
        let Some(Allocated::Offers(offers)) = pool.answers.allocated.values_mut().next() else { unreachable!() };
        offers[0].allocation.limit = Some(3);
        offers[1].acquisition.slots = vec![Slot::Named("port".to_owned())];
    });
    assert_eq!(items(&limited.plan()), ["r-1 for l-1+l-2+l-3", "r-2 for l-4"]);
}

#[test]
fn blueprints_build_by_priority_then_by_expected_time() {
    let pool = Pool_::new()
        .blueprint("slow", |_| {})
        .blueprint("quick", |_| {})
        .waits("c", &[(10, "l-1")])
        .offers("c", "slow", &[("r-slow", "b/1")])
        .offers("c", "quick", &[("r-quick", "b/1")])
        .refuses("c", "bp", full("full"), None)
        .with(|pool| {
            for (name, expected) in [("slow", 9_000), ("quick", 1_000)] {
                let key = ("c".to_owned(), name.to_owned());
                let Some(Allocated::Offers(offers)) = pool.answers.allocated.get_mut(&key) else { unreachable!() };
                offers[0].allocation.expected = Some(expected);
            }
        });
    assert_eq!(items(&pool.plan()), ["r-quick for l-1"]);
    let pool = pool.with(|pool| pool.terms.get_mut("slow").unwrap().priority = 1);
    assert_eq!(items(&pool.plan()), ["r-slow for l-1"]);
}

#[test]
fn no_more_than_eight_resources_are_asked_about() {
    let pool = (0..20)
        .fold(Pool_::new().waits("c", &[(10, "l-1")]), |pool, i| pool.resource(&format!("r-{i:02}"), Active, 0, 1));
    let planned = pool.plan();
    let asked: Vec<Question> = (0..8).map(|i| acquire("c", &format!("r-{i:02}"))).collect();
    assert_eq!(planned.questions, asked);
    assert!(planned.plan.items.is_empty(), "what may be shared is waited for before anything is built");
    assert_eq!(planned.next, Some(NOW + 200));
    // Those that are open already are not asked again.
    let pool = pool.open(acquire("c", "r-00"), NOW - 5);
    assert_eq!(pool.plan().questions, asked[1..]);
}

#[test]
fn what_an_older_class_asks_about_is_kept_for_it_for_200_ms() {
    let pool = || {
        let pool = Pool_::new().waits("old", &[(10, "l-1")]).waits("young", &[(20, "l-2")]);
        pool.resource("r-1", Active, 0, 1).acquires("young", "r-1", Ok(acquisition()))
    };
    let kept = pool().open(acquire("old", "r-1"), NOW - 199).plan();
    assert_eq!((items(&kept), kept.next), (vec![], Some(NOW + 1)));
    let late = pool().open(acquire("old", "r-1"), NOW - 200).plan();
    assert_eq!((items(&late), late.next), (vec!["l-2 on r-1".to_owned()], None));
    // The older class itself takes nothing else from under its own question.
    assert_eq!(kept.waits["old"][0].reason, "it is being asked");
}

#[test]
fn a_maximum_that_an_older_class_asks_for_is_kept_too() {
    let pool = |max| {
        Pool_::new()
            .blueprint("bp", |terms| terms.max_resources = max)
            .waits("old", &[(10, "l-1")])
            .waits("young", &[(20, "l-2")])
            .offers("young", "bp", &[("r-1", "b/1")])
            .open(allocate("old"), NOW - 10)
    };
    let planned = pool(Some(3)).plan();
    assert_eq!(items(&planned), [""; 0]);
    assert_eq!(reasons(&planned, "young"), ["bp: it is deciding about an older request"]);
    assert_eq!(items(&pool(None).plan()), ["r-1 for l-2"], "without a maximum there is enough for both");
    assert_eq!(items(&pool(Some(3)).with(|pool| pool.at += 190).plan()), ["r-1 for l-2"]);
}
