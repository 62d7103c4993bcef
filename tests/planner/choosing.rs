//! Requests that take something else, if need be.

use crate::pool::*;

/// One lease of class `c`, which takes what those of class `o` want, too.
fn either() -> Pool_ {
    Pool_::new().waits("c", &[(10, "l-1")]).with(|pool| {
        pool.look.classes[0].class.otherwise = Doc(vec!["o".to_owned()]);
        let main = pool.look.classes[0].clone();
        let class = Class { id: "o".to_owned(), otherwise: Doc(vec![]), waiting: 0, ..main.class };
        pool.look.classes.push(ClassLook { class, heads: Vec::new(), ..main });
    })
}

fn full() -> Refusal {
    Refusal::Full { slots: vec![], resources: vec![], reason: "no room".to_owned() }
}

fn choice(planned: &Planned) -> usize {
    match &planned.plan.items[0] {
        Item::Place(placement) => placement.choice,
        Item::Build(build) => build.takers[0].choice,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_wanted_most_comes_first() {
    let both = || either().offers("c", "bp", &[("r-1", "b/1")]).offers("o", "bp", &[("r-2", "b/2")]);
    let planned = both().plan();
    assert_eq!((items(&planned), choice(&planned)), (vec!["r-1 for l-1".to_owned()], 0));
    let planned = either().refuses("c", "bp", full(), None).offers("o", "bp", &[("r-2", "b/2")]).plan();
    assert_eq!((items(&planned), choice(&planned)), (vec!["r-2 for l-1".to_owned()], 1));
}

#[test]
fn while_it_is_being_asked_about_nothing_else_is_taken() {
    let planned = either().offers("o", "bp", &[("r-2", "b/2")]).plan();
    assert_eq!((items(&planned), planned.questions), (Vec::<String>::new(), vec![allocate("c")]));
    let planned = either().refuses("c", "bp", full(), None).plan();
    assert_eq!(planned.questions, [allocate("o")]);
}

#[test]
fn it_breaks_only_if_nothing_of_it_can_ever_be_served() {
    let never = |class: &'static str| {
        move |pool: &mut Pool_| {
            let look = pool.look.classes.iter_mut().find(|look| look.class.id == class).unwrap();
            look.class.never_since = Some(NOW - EDIT_GRACE);
            let refusal = Considered::Refuses(Refusal::Never(format!("nothing is {class}")));
            look.class.answers = Doc(BTreeMap::from([("bp".to_owned(), refusal)]));
        }
    };
    let planned = either().with(never("c")).offers("o", "bp", &[("r-2", "b/2")]).plan();
    assert_eq!((items(&planned), choice(&planned)), (vec!["r-2 for l-1".to_owned()], 1));
    let planned = either().with(never("c")).with(never("o")).plan();
    assert_eq!(items(&planned), ["l-1 given up"]);
    let Item::GiveUp(given_up) = &planned.plan.items[0] else { panic!("{planned:?}") };
    assert_eq!(given_up.otherwise, ["o"], "the commit looks at all of them");
    assert!(given_up.reason.contains("nothing is c") && given_up.reason.contains("nothing is o"), "{given_up:?}");
}
