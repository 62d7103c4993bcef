//! The planner: from a look and the answers so far to a plan, questions, and what the others wait for.

use drydock_core::config::{EDIT_GRACE, Growth, Life};
use drydock_core::contract::*;
use drydock_core::model::proposal::{Build, Item, Placement, RESOURCES};
use drydock_core::model::protection::Protections;
use drydock_core::model::rows::*;
use drydock_core::model::status::ResourceStatus;
use drydock_core::planner::answers::{Acquired, Allocated, Answers, Offer, Question};
use drydock_core::planner::look::{ClassLook, HEADS, Held, Look, Storey, Tower, Waiting};
use drydock_core::planner::terms::Terms;
use drydock_core::planner::{Planned, Planner, plan};
use std::collections::{BTreeMap, BTreeSet};

const NOW: i64 = 10_000;

/// A pool with its blueprints and everything that was answered; each test says what differs.
struct Pool_ {
    look: Look,
    answers: Answers,
    terms: BTreeMap<String, Terms>,
    at: i64,
}

impl Pool_ {
    /// One blueprint, `bp`, and nobody who waits.
    fn new() -> Pool_ {
        let look = Look {
            pool: Pool { kind: "host".to_owned(), version: 4, news: 9, freed: 2, revision: 1 },
            classes: Vec::new(),
            blueprints: BTreeMap::new(),
            asides: BTreeMap::new(),
            offered: BTreeSet::new(),
            taken: BTreeSet::new(),
            full: BTreeSet::new(),
            standing: BTreeMap::new(),
            towers: Vec::new(),
            owners: BTreeMap::new(),
        };
        Pool_ { look, answers: Answers::default(), terms: BTreeMap::new(), at: NOW }.blueprint("bp", |_| {})
    }

    fn blueprint(mut self, name: &str, change: impl FnOnce(&mut Terms)) -> Pool_ {
        let mut terms = Terms {
            name: name.to_owned(),
            space: name.to_owned(),
            revision: 1,
            digest: "digest".to_owned(),
            steps: Steps::ALL,
            max_resources: None,
            leases_per_resource: 1,
            overflow: 0,
            max_building: None,
            life: Life::default(),
            reclaim_after: 1_000,
            growth: Growth::Pack,
            priority: 0,
            open_timeout: 600_000,
            disabled: false,
        };
        change(&mut terms);
        self.terms.insert(name.to_owned(), terms);
        let kind = "host".to_owned();
        let row = Blueprint {
            name: name.to_owned(),
            kind,
            space: name.to_owned(),
            used: 0,
            building: 0,
            failures: 0,
            not_before: 0,
            reason: None,
            retired: 0,
            drained: None,
        };
        self.look.blueprints.insert(name.to_owned(), row);
        self
    }

    /// A class that every blueprint so far can serve, with its first leases: (order, id).
    fn waits(mut self, class: &str, leases: &[(i64, &str)]) -> Pool_ {
        let serves = |name: &String| (name.clone(), Considered::Serves(Needs { share: 1, ..Needs::default() }));
        self.look.classes.push(ClassLook {
            class: Class {
                id: class.to_owned(),
                kind: "host".to_owned(),
                request: Doc(Request::default()),
                answers: Doc(self.terms.keys().map(serves).collect()),
                revision: 1,
                considered_at: 0,
                never_since: None,
                waiting: leases.len() as i64,
                used_at: 0,
            },
            heads: leases.iter().map(|(ord, id)| Waiting { ord: *ord, lease: (*id).to_owned(), quota: None }).collect(),
            candidates: BTreeMap::new(),
            crowded: BTreeMap::new(),
        });
        self.look.classes.sort_by(|a, b| a.heads[0].cmp(&b.heads[0]));
        self
    }

    /// A resource of `bp` that every class sees.
    fn resource(self, id: &str, status: ResourceStatus, used: i64, shares: i64) -> Pool_ {
        self.resource_of("bp", id, status, used, shares)
    }

    fn resource_of(mut self, blueprint: &str, id: &str, status: ResourceStatus, used: i64, shares: i64) -> Pool_ {
        for class in &mut self.look.classes {
            let resource = resource(blueprint, id, status, used, shares);
            class.candidates.entry(blueprint.to_owned()).or_default().push(resource);
        }
        self.look.blueprints.get_mut(blueprint).unwrap().used += 1;
        self
    }

    /// The class was told how it would use the resource.
    fn acquires(mut self, class: &str, resource: &str, result: Result<Acquisition, Refusal>) -> Pool_ {
        let seen = &self.look.classes.iter().find(|look| look.class.id == class).unwrap().candidates;
        let row = seen.values().flatten().find(|row| row.id == resource).unwrap();
        let answer = Acquired { result, status: row.status, news: None, until: None, used: row.used };
        self.answers.acquired.insert((class.to_owned(), resource.to_owned()), answer);
        self
    }

    /// The blueprint offers resources to the class: (id, named slot).
    fn offers(mut self, class: &str, blueprint: &str, offers: &[(&str, &str)]) -> Pool_ {
        let space = self.terms[blueprint].space.clone();
        let offers = offers.iter().map(|(resource, slot)| {
            self.look.offered.insert((space.clone(), (*slot).to_owned()));
            let allocation = Allocation { slots: vec![Slot::Named((*slot).to_owned())], ..Allocation::default() };
            Offer { resource: (*resource).to_owned(), allocation, acquisition: acquisition() }
        });
        let offers = offers.collect();
        self.answers.allocated.insert((class.to_owned(), blueprint.to_owned()), Allocated::Offers(offers));
        self
    }

    fn refuses(mut self, class: &str, blueprint: &str, refusal: Refusal, until: Option<i64>) -> Pool_ {
        let refused = Allocated::Refused { refusal, freed: self.look.pool.freed, until };
        self.answers.allocated.insert((class.to_owned(), blueprint.to_owned()), refused);
        self
    }

    fn open(mut self, question: Question, asked_at: i64) -> Pool_ {
        self.answers.open.insert(question, asked_at);
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Pool_)) -> Pool_ {
        change(&mut self);
        self
    }

    fn aside(mut self, space: &str, slot: &str, until: i64) -> Pool_ {
        let aside = Aside {
            space: space.to_owned(),
            slot: slot.to_owned(),
            kind: "host".to_owned(),
            failures: 2,
            until,
            reason: "no power".to_owned(),
        };
        self.look.asides.insert((space.to_owned(), slot.to_owned()), aside);
        self
    }

    fn plan(&self) -> Planned {
        let mut places = 0;
        let planner = Planner {
            answers: &self.answers,
            terms: &self.terms,
            revision: 1,
            at: self.at,
            protections: Protections::ALL,
            new_place: &mut || {
                places += 1;
                format!("p-{places}")
            },
        };
        let planned = plan(&self.look, planner);
        assert_eq!((planned.plan.version, planned.plan.news), (4, 9), "the commit is guarded by what was seen");
        planned
    }
}

fn resource(blueprint: &str, id: &str, status: ResourceStatus, used: i64, shares: i64) -> Resource {
    Resource {
        id: id.to_owned(),
        kind: "host".to_owned(),
        blueprint: blueprint.to_owned(),
        space: blueprint.to_owned(),
        revision: 1,
        digest: "digest".to_owned(),
        name: id.to_owned(),
        status,
        wanted: Wanted::Keep,
        reason: None,
        drained: None,
        attributes: "{}".to_owned(),
        labels: Doc(Labels::new()),
        slots: Doc(Vec::new()),
        used,
        shares,
        overflow: 0,
        life: Doc(Life::default()),
        uses: 0,
        room: shares - used,
        spare: 0,
        state: None,
        note: None,
        attempt: 0,
        due_at: None,
        open_by: 0,
        waits_since: None,
        orphaned: 0,
        created_at: 0,
        idle_since: None,
        ended_at: None,
        claim: "n-1".to_owned(),
        epoch: 1,
    }
}

fn acquisition() -> Acquisition {
    Acquisition { share: 1, ..Acquisition::default() }
}

fn full(reason: &str) -> Refusal {
    Refusal::Full { slots: vec!["port".to_owned()], resources: vec![], reason: reason.to_owned() }
}

fn allocate(class: &str) -> Question {
    Question::Allocate { class: class.to_owned(), blueprint: "bp".to_owned() }
}

fn acquire(class: &str, resource: &str) -> Question {
    Question::Acquire { class: class.to_owned(), resource: resource.to_owned() }
}

/// Who gets what: `lease on resource`, `resource for lease+lease`.
fn items(planned: &Planned) -> Vec<String> {
    let item = |item: &Item| match item {
        Item::Place(Placement { lease, resource, .. }) => format!("{lease} on {resource}"),
        Item::Build(build) => {
            let Build { resource, takers, .. } = &**build;
            let takers: Vec<&str> = takers.iter().map(|taker| taker.lease.as_str()).collect();
            format!("{resource} for {}", takers.join("+"))
        }
        Item::Reclaim(reclaim) => format!("{} away", reclaim.resource),
        Item::GiveUp(given_up) => format!("{} given up", given_up.leases.join("+")),
    };
    planned.plan.items.iter().map(item).collect()
}

fn reasons(planned: &Planned, class: &str) -> Vec<String> {
    planned.waits[class].iter().map(|obstacle| format!("{}: {}", obstacle.blueprint, obstacle.reason)).collect()
}

use ResourceStatus::{Active, Pending, Released};

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
    assert_eq!(reasons(&planned, "c"), ["bp: set aside after 3 failures: throttled"]);
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

/// A blueprint at its maximum with idle resources that no class sees, since they are of another kind of label.
fn in_the_way(leases: &[(i64, &str)], standing: &[(&str, ResourceStatus, i64)]) -> Pool_ {
    let change = |terms: &mut Terms| terms.max_resources = Some(standing.len() as i64);
    let mut pool = Pool_::new().blueprint("bp", change).waits("c", leases);
    pool.look.blueprints.get_mut("bp").unwrap().used = standing.len() as i64;
    pool.look.full.insert("bp".to_owned());
    for (id, status, since) in standing {
        let row = Resource { idle_since: Some(*since), ..resource("bp", id, *status, 0, 1) };
        pool.look.standing.entry("bp".to_owned()).or_default().push(row);
    }
    pool
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
    // What is being closed counts as coming; what could not be closed does not.
    let closing = [("r-1", Released, 0), ("r-2", Active, 1), ("r-3", Active, 2)];
    let pool = || in_the_way(&[(10, "l-1")], &closing);
    assert_eq!(items(&pool().plan()), [""; 0]);
    let failed = pool().with(|pool| pool.look.standing.get_mut("bp").unwrap()[0].attempt = 1);
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

/// Gives leases to an owner that has so many of so many.
fn owned(mut pool: Pool_, leases: &[&str], used: i64, limit: i64) -> Pool_ {
    let heads = pool.look.classes.iter_mut().flat_map(|class| &mut class.heads);
    for head in heads.filter(|head| leases.contains(&head.lease.as_str())) {
        head.quota = Some(Held { owner: "ci".to_owned(), used, limit });
    }
    pool
}

#[test]
fn who_has_all_that_the_owner_may_is_passed() {
    let pool = Pool_::new()
        .waits("a", &[(10, "l-1"), (20, "l-2"), (40, "l-4")])
        .waits("b", &[(15, "l-3"), (30, "l-5")])
        .resource("r-1", Active, 0, 9);
    let pool = pool.acquires("a", "r-1", Ok(acquisition())).acquires("b", "r-1", Ok(acquisition()));
    let planned = owned(pool, &["l-1", "l-2", "l-3"], 3, 4).plan();
    assert_eq!(items(&planned), ["l-1 on r-1", "l-5 on r-1", "l-4 on r-1"], "one more of that owner, over all classes");
    let quotas: Vec<Option<i64>> = planned
        .plan
        .items
        .iter()
        .map(|item| match item {
            Item::Place(placement) => placement.quota.as_ref().map(|quota| quota.limit),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(quotas, [Some(4), None, None]);
}

#[test]
fn what_is_built_is_for_those_who_may_have_it() {
    let pool = Pool_::new()
        .blueprint("bp", |terms| terms.leases_per_resource = 3)
        .waits("c", &[(10, "l-1"), (20, "l-2"), (30, "l-3"), (40, "l-4")])
        .offers("c", "bp", &[("r-1", "b/1")]);
    let planned = owned(pool, &["l-1", "l-2"], 0, 1).plan();
    assert_eq!(items(&planned), ["r-1 for l-1+l-3+l-4"]);
}
