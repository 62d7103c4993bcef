//! What failed, what was refused, and which answers still hold.

use crate::pool::*;

#[test]
fn a_slot_that_is_set_aside_waits_for_its_time() {
    let offered = |leases: &[(i64, &str)]| {
        let pool = Pool_::new().waits("c", leases).aside("bp", "b/1", NOW + 500);
        pool.offers("c", "bp", &[("r-1", "b/1"), ("r-2", "b/2")])
    };
    let planned = offered(&[(10, "l-1")]).plan();
    assert_eq!(items(&planned), ["r-2 for l-1"]);
    assert_eq!(planned.next, Some(NOW + 500), "when time alone changes the plan");
    let pool = offered(&[(10, "l-1"), (20, "l-2")]);
    let planned = pool.plan();
    assert_eq!((items(&planned), &planned.questions), (vec!["r-2 for l-1".to_owned()], &vec![allocate("c")]));
    let obstacle = &planned.waits["c"][0];
    assert_eq!(obstacle.reason, "b/1 is set aside, it failed 2 times: no power");
    assert_eq!((obstacle.until, obstacle.slots.as_slice()), (Some(NOW + 500), ["b/1".to_owned()].as_slice()));
    let later = pool.with(|pool| pool.at += 500).plan();
    assert_eq!(items(&later), ["r-1 for l-1", "r-2 for l-2"]);
}

#[test]
fn when_all_that_is_offered_is_set_aside_nobody_is_asked() {
    let pool = Pool_::new().waits("c", &[(10, "l-1")]).aside("bp", "b/1", NOW + 500);
    let planned = pool.offers("c", "bp", &[("r-1", "b/1")]).plan();
    assert_eq!((items(&planned).len(), planned.questions.len(), planned.next), (0, 0, Some(NOW + 500)));
}

#[test]
fn a_resource_that_failed_is_not_shared_for_a_while() {
    let pool = Pool_::new().waits("c", &[(10, "l-1")]).resource("r-1", Active, 0, 1).aside(RESOURCES, "r-1", NOW + 70);
    let pool = pool.acquires("c", "r-1", Ok(acquisition())).refuses("c", "bp", full("full"), None);
    let planned = pool.plan();
    assert_eq!((items(&planned).len(), planned.next), (0, Some(NOW + 70)));
    assert_eq!(reasons(&planned, "c")[0], "bp: r-1 is set aside, it failed 2 times: no power");
    assert_eq!(items(&pool.with(|pool| pool.at = NOW + 70).plan()), ["l-1 on r-1"]);
}

#[test]
fn a_blueprint_that_failed_is_tried_again_with_one_resource() {
    let pool = Pool_::new()
        .waits("c", &[(10, "l-1"), (20, "l-2")])
        .offers("c", "bp", &[("r-1", "b/1"), ("r-2", "b/2")])
        .with(|pool| {
            let row = pool.look.blueprints.get_mut("bp").unwrap();
            (row.failures, row.not_before, row.reason) = (3, NOW + 900, Some("throttled".to_owned()));
        });
    let planned = pool.plan();
    assert_eq!((items(&planned).len(), planned.questions.len(), planned.next), (0, 0, Some(NOW + 900)));
    assert_eq!(reasons(&planned, "c"), ["bp: it is set aside, it failed 3 times: throttled"]);
    let pool = pool.with(|pool| pool.at = NOW + 900);
    let probe = pool.plan();
    assert_eq!(items(&probe), ["r-1 for l-1"]);
    let trying = "bp: it is being tried again with one resource; it failed: throttled";
    assert_eq!(reasons(&probe, "c"), [trying]);
    // And while that one is on its way, whichever plan has built it.
    let pool = pool.with(|pool| pool.look.blueprints.get_mut("bp").unwrap().building = 1);
    let planned = pool.plan();
    assert_eq!((items(&planned).len(), planned.questions.len(), planned.next), (0, 0, None));
    assert_eq!(reasons(&planned, "c"), [trying]);
}

#[test]
fn what_is_offered_though_it_is_taken_is_noted_once_it_is_asked_for_again() {
    let pool = Pool_::new().waits("c", &[(10, "l-1")]).offers("c", "bp", &[("r-1", "b/1")]).with(|pool| {
        pool.look.taken.insert(("bp".to_owned(), "b/1".to_owned()));
    });
    let planned = pool.plan();
    assert_eq!((planned.questions, planned.useless), (vec![allocate("c")], vec![("c".to_owned(), "bp".to_owned())]));
    assert_eq!(pool.open(allocate("c"), NOW).plan().useless, []);
    let mut answers = Answers::default();
    let useless = [2, 2, 3, 3, 3, 3].map(|freed| answers.was_useless("c", "bp", freed));
    assert_eq!(useless, [false, false, false, false, true, false], "what was freed meanwhile may have been had");
}

#[test]
fn the_maximum_counts_what_there_is_and_what_is_planned() {
    let pool = Pool_::new()
        .blueprint("bp", |terms| terms.max_resources = Some(2))
        .waits("c", &[(10, "l-1"), (20, "l-2")])
        .offers("c", "bp", &[("r-2", "b/2"), ("r-3", "b/3")])
        .with(|pool| pool.look.blueprints.get_mut("bp").unwrap().used = 1);
    let planned = pool.plan();
    assert_eq!(items(&planned), ["r-2 for l-1"]);
    assert_eq!(reasons(&planned, "c"), ["bp: it has 2 of at most 2 resources"]);
    assert_eq!(planned.questions, [], "being asked would not help it");
}

#[test]
fn a_disabled_blueprint_takes_nothing_new() {
    let pool = Pool_::new()
        .blueprint("bp", |terms| terms.disabled = true)
        .waits("c", &[(10, "l-1")])
        .resource("r-1", Active, 0, 1)
        .acquires("c", "r-1", Ok(acquisition()))
        .offers("c", "bp", &[("r-2", "b/2")]);
    let planned = pool.plan();
    assert_eq!((items(&planned).len(), planned.questions.len()), (0, 0));
    assert_eq!(reasons(&planned, "c"), ["bp: it is disabled"]);
}

#[test]
fn refusals_say_why_and_when() {
    let pool = Pool_::new().blueprint("never", |_| {}).waits("c", &[(10, "l-1")]).with(|pool| {
        let refusal = Refusal::Never("no windows".to_owned());
        pool.look.classes[0].class.answers.0.insert("never".to_owned(), Considered::Refuses(refusal));
    });
    let later = Refusal::NotNow { after: 300, reason: "maintenance".to_owned() };
    let planned = pool.refuses("c", "bp", later, Some(NOW + 300)).plan();
    assert_eq!(reasons(&planned, "c"), ["bp: maintenance", "never: it can never serve this: no windows"]);
    assert_eq!((planned.next, planned.waits["c"][0].until), (Some(NOW + 300), Some(NOW + 300)));
}

#[test]
fn a_refusal_holds_until_something_is_freed_or_its_time_has_come() {
    let pool = || Pool_::new().waits("c", &[(10, "l-1")]).refuses("c", "bp", full("full"), Some(NOW + 300));
    assert_eq!(pool().plan().questions, []);
    assert_eq!(pool().with(|pool| pool.look.pool.freed += 1).plan().questions, [allocate("c")]);
    assert_eq!(pool().with(|pool| pool.at = NOW + 300).plan().questions, [allocate("c")]);
    // That something happened in the pool is no reason to ask again.
    assert_eq!(pool().with(|pool| pool.look.pool.freed += 0).plan().questions, []);
}

#[test]
fn an_answer_about_a_resource_holds_while_it_is_as_it_was() {
    let pool = || {
        let pool = Pool_::new().waits("c", &[(10, "l-1")]).resource("r-1", Active, 2, 4);
        pool.acquires("c", "r-1", Err(full("too many"))).refuses("c", "bp", full("full"), None)
    };
    let asked = |pool: Pool_| pool.plan().questions;
    let change = |change: fn(&mut Resource)| {
        pool().with(|pool| change(&mut pool.look.classes[0].candidates.get_mut("bp").unwrap()[0]))
    };
    assert_eq!(asked(pool()), []);
    assert_eq!(asked(change(|resource| resource.used = 3)), [], "fuller than it was when it was full");
    assert_eq!(asked(change(|resource| resource.used = 1)), [acquire("c", "r-1")]);
    assert_eq!(asked(change(|resource| resource.status = Pending)), [acquire("c", "r-1")]);
    let looked = pool().with(|pool| pool.answers.acquired.values_mut().for_each(|answer| answer.news = Some(8)));
    assert_eq!(asked(looked), [acquire("c", "r-1")], "it has looked at the world, and the world has news");
}

#[test]
fn more_is_to_be_had_when_the_look_brought_not_all() {
    let leases: Vec<(i64, String)> = (0..HEADS as i64).map(|i| (i, format!("l-{i:03}"))).collect();
    let heads: Vec<(i64, &str)> = leases.iter().map(|(ord, id)| (*ord, id.as_str())).collect();
    let pool = |waiting: i64| {
        let pool = Pool_::new().waits("c", &heads).resource("r-1", Active, 0, 1_000);
        pool.acquires("c", "r-1", Ok(acquisition())).with(|pool| pool.look.classes[0].class.waiting = waiting)
    };
    let planned = pool(HEADS as i64).plan();
    assert_eq!((planned.plan.items.len(), planned.more), (HEADS, false));
    assert!(pool(HEADS as i64 + 1).plan().more);
    // Where nobody was served, another look would bring the same.
    let stuck = Pool_::new().waits("c", &heads).refuses("c", "bp", full("full"), None);
    assert!(!stuck.with(|pool| pool.look.classes[0].class.waiting = 10_000).plan().more);
}

#[test]
fn an_offer_that_the_look_knew_nothing_of_waits_for_the_next_look() {
    let pool = || Pool_::new().waits("c", &[(10, "l-1")]).offers("c", "bp", &[("r-1", "b/1")]);
    let planned = pool().with(|pool| pool.look.offered.clear()).plan();
    assert_eq!((items(&planned).len(), planned.questions.len(), planned.more), (0, 0, true));
    let taken = pool().with(|pool| pool.look.taken = pool.look.offered.clone()).plan();
    assert_eq!((items(&taken).len(), taken.questions, taken.more), (0, vec![allocate("c")], false));
}

#[test]
fn two_classes_do_not_get_the_same_offer_or_slot() {
    let pool = Pool_::new().waits("a", &[(10, "l-1")]).waits("b", &[(20, "l-2")]);
    let pool = pool.offers("a", "bp", &[("r-1", "b/1")]).offers("b", "bp", &[("r-2", "b/1"), ("r-3", "b/3")]);
    assert_eq!(items(&pool.plan()), ["r-1 for l-1", "r-3 for l-2"]);
}

#[test]
fn a_class_of_an_older_revision_is_considered_first() {
    let pool = Pool_::new().waits("c", &[(10, "l-1")]).offers("c", "bp", &[("r-1", "b/1")]);
    let planned = pool.with(|pool| pool.look.classes[0].class.revision = 0).plan();
    assert_eq!(planned.questions, [Question::Consider { class: "c".to_owned() }]);
    assert_eq!(items(&planned), [""; 0]);
}

#[test]
fn resources_of_blueprints_that_are_not_configured_are_left_alone() {
    let pool = Pool_::new().waits("c", &[(10, "l-1")]).resource("r-1", Active, 0, 1);
    let pool = pool.acquires("c", "r-1", Ok(acquisition())).with(|pool| pool.terms.clear());
    assert_eq!(items(&pool.plan()), [""; 0]);
}

#[test]
fn what_takes_nothing_new_says_so_and_closes_what_nobody_is_on() {
    let pool = || {
        let pool =
            in_the_way(&[(10, "l-1")], &[("r-1", Active, NOW), ("r-2", Released, 0)]).resource("r-3", Active, 0, 1);
        pool.acquires("c", "r-3", Ok(acquisition())).offers("c", "bp", &[("r-4", "b/4")])
    };
    let row = |pool: &mut Pool_, change: fn(&mut Blueprint)| change(pool.look.blueprints.get_mut("bp").unwrap());
    let drained = pool().with(|pool| row(pool, |row| row.drained = Some("new rack".to_owned()))).plan();
    assert_eq!((items(&drained), drained.more), (vec!["r-1 away".to_owned()], true));
    assert_eq!(reasons(&drained, "c"), ["bp: it is drained (new rack)"]);
    let retired = pool().with(|pool| row(pool, |row| row.retired = 1)).with(|pool| pool.terms.clear()).plan();
    assert_eq!(items(&retired), ["r-1 away"]);
    let unseen = pool().with(|pool| row(pool, |row| row.retired = 1)).with(|pool| pool.look.full.clear()).plan();
    assert_eq!((unseen.full, unseen.more), (BTreeSet::from(["bp".to_owned()]), true));
    // What is only disabled keeps what it has.
    let disabled = pool().with(|pool| pool.terms.get_mut("bp").unwrap().disabled = true).plan();
    assert_eq!((items(&disabled), reasons(&disabled, "c")), (vec![], vec!["bp: it is disabled".to_owned()]));
}

#[test]
fn what_nothing_could_ever_serve_since_an_edit_waits_and_then_breaks() {
    let pool = |since: i64| {
        Pool_::new().waits("c", &[(10, "l-1"), (11, "l-2")]).with(|pool| {
            let class = &mut pool.look.classes[0].class;
            class.never_since = Some(since);
            class.answers.0.insert("bp".to_owned(), Considered::Refuses(Refusal::Never("no disks".to_owned())));
        })
    };
    let planned = pool(NOW - 1).plan();
    assert_eq!((items(&planned).len(), planned.next), (0, Some(NOW - 1 + EDIT_GRACE)));
    assert_eq!(planned.waits["c"][0].until, planned.next);
    assert_eq!(reasons(&planned, "c")[1], "bp: it can never serve this: no disks");
    assert_eq!(items(&pool(NOW - EDIT_GRACE).plan()), ["l-1+l-2 given up"]);
}

#[test]
fn a_blueprint_that_can_not_say_whether_it_serves_is_asked_again_in_a_while() {
    let unsettled = |at: i64| {
        let pool = Pool_::new().waits("c", &[(10, "l-1")]).offers("c", "bp", &[("r-1", "b/1")]);
        pool.with(|pool| {
            let class = &mut pool.look.classes[0].class;
            class.considered_at = at;
            let trapped = Refusal::NotNow { after: 0, reason: "it trapped".to_owned() };
            class.answers.0.insert("other".to_owned(), Considered::Refuses(trapped));
        })
    };
    let planned = unsettled(NOW - 1).plan();
    assert_eq!((items(&planned), planned.questions.len()), (vec!["r-1 for l-1".to_owned()], 0));
    assert!(planned.next.is_some_and(|next| next > NOW));
    assert_eq!(unsettled(0).plan().questions, [Question::Consider { class: "c".to_owned() }]);
}
