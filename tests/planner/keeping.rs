//! What is built for nobody.

use crate::pool::*;
use drydock_core::planner::terms::Warm;
use drydock_core::planner::warm::{WARM_AGAIN, warm_class};

/// A blueprint that keeps three, and has so many.
fn keeping(kept: i64) -> Pool_ {
    let warm = Warm { least: 3, request: Request::default() };
    let mut pool = Pool_::new().blueprint("bp", |terms| terms.warm = Some(warm));
    pool.look.blueprints.get_mut("bp").unwrap().kept = kept;
    pool
}

fn class() -> String {
    warm_class("bp")
}

#[test]
fn what_is_missing_is_asked_for_and_built_for_nobody() {
    let planned = keeping(1).plan();
    assert_eq!((items(&planned), planned.questions), (Vec::<String>::new(), vec![allocate(&class())]));
    let planned = keeping(1).offers(&class(), "bp", &[("r-1", "b/1"), ("r-2", "b/2"), ("r-3", "b/3")]).plan();
    assert_eq!(items(&planned), ["r-1 for ", "r-2 for "]);
    assert!(planned.questions.is_empty());
    let Item::Build(build) = &planned.plan.items[0] else { panic!("{planned:?}") };
    assert_eq!(build.least, Some(3), "the commit counts again");
    let planned = keeping(3).plan();
    assert_eq!((items(&planned), planned.questions), (Vec::<String>::new(), vec![]));
}

#[test]
fn nothing_is_built_for_nobody_where_somebody_waits() {
    let offered = |pool: Pool_| pool.offers(&class(), "bp", &[("r-1", "b/1")]);
    let full = Refusal::Full { slots: vec![], resources: vec![], reason: "no room".to_owned() };
    let planned = offered(keeping(2).waits("c", &[(10, "l-1")]).refuses("c", "bp", full, None)).plan();
    assert_eq!(items(&planned), [""; 0]);
    assert_eq!(reasons(&planned, &class()), ["bp: lease l-1 waits for the room"]);
    // Who is served waits no more.
    let served = keeping(2).waits("c", &[(10, "l-1")]).offers("c", "bp", &[("r-9", "b/9")]);
    assert_eq!(items(&offered(served).plan()), ["r-9 for l-1"], "and that is one more that is there");
    let elsewhere = keeping(2).with(|pool| {
        pool.look.contested.insert("bp".to_owned());
    });
    let planned = offered(elsewhere).plan();
    assert_eq!((items(&planned), planned.next), (Vec::<String>::new(), Some(NOW + WARM_AGAIN)));
}

#[test]
fn what_keeps_a_blueprint_from_building_keeps_it_from_building_for_nobody() {
    let offered = |pool: Pool_| pool.offers(&class(), "bp", &[("r-1", "b/1")]);
    let drained = keeping(0).with(|pool| {
        pool.look.blueprints.get_mut("bp").unwrap().drained = Some("a new floor".to_owned());
    });
    assert_eq!(items(&offered(drained).plan()), [""; 0]);
    let full = keeping(0).blueprint("bp", |terms| {
        terms.max_resources = Some(0);
        terms.warm = Some(Warm { least: 3, request: Request::default() });
    });
    let planned = offered(full).plan();
    assert_eq!(reasons(&planned, &class()), ["bp: it has 0 of at most 0 resources"]);
    let later = keeping(0).refuses(
        &class(),
        "bp",
        Refusal::NotNow { after: 1, reason: "no quota".to_owned() },
        Some(NOW + 500),
    );
    let planned = later.plan();
    assert_eq!((planned.next, reasons(&planned, &class())), (Some(NOW + 500), vec!["bp: no quota".to_owned()]));
}
