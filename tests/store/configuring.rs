//! What a configuration and operators change: blueprints that come and go, what is drained, and who waits for what is gone.

use crate::bed::*;
use drydock_core::config::EDIT_GRACE;
use drydock_core::contract::Refusal;
use drydock_core::model::proposal::*;
use drydock_core::model::rows::{Blueprint, Considered, Wanted};
use drydock_core::model::status::ResourceStatus;
use drydock_core::plugin::Step;

fn configure(revision: i64, blueprints: &[&str]) -> Change {
    let known = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Change::Configure {
        revision,
        blueprints: blueprints.iter().map(|name| listed(name, "host")).collect(),
        before: known(&["bp", "bp2", "vms"]),
        pools: known(&["host", "vm"]),
    }
}

fn drain(resource: &str, reason: Option<&str>) -> Change {
    Change::DrainResource { resource: resource.to_owned(), reason: reason.map(str::to_owned), closes: true }
}

fn drain_blueprint(reason: Option<&str>) -> Change {
    Change::DrainBlueprint { blueprint: "bp".to_owned(), reason: reason.map(str::to_owned) }
}

async fn row(bed: &Bed, name: &str) -> Option<Blueprint> {
    bed.store.blueprints().await.unwrap().into_iter().find(|row| row.name == name)
}

fn consider(revision: i64, answer: Considered) -> Change {
    Change::Consider { class: "c".to_owned(), revision, answers: [("bp".to_owned(), answer)].into() }
}

fn never() -> Considered {
    Considered::Refuses(Refusal::Never("no disks".to_owned()))
}

fn give_up(leases: &[&str]) -> Item {
    let leases = leases.iter().map(|lease| (*lease).to_owned()).collect();
    Item::GiveUp(GiveUp {
        class: "c".to_owned(),
        otherwise: Vec::new(),
        leases,
        reason: "nothing can serve it".to_owned(),
    })
}

pub async fn a_blueprint_that_is_not_configured_any_more_is_known_while_it_has_resources(bed: &mut Bed) {
    bed.open("r-1", 2, &[], vec![ready("l-1", "r-1", "p-1")]).await;
    bed.done(ask("l-2")).await;
    bed.done(configure(2, &["bp2"])).await;
    assert_eq!(row(bed, "bp").await.map(|row| (row.used, row.retired)), Some((1, 1)));
    assert!(row(bed, "vms").await.is_none(), "it had nothing");
    let shut = [Some(Lost::Shut("bp".to_owned()))];
    assert_eq!(bed.planned(vec![Item::Place(ready("l-2", "r-1", "p-2"))]).await, shut);
    assert_eq!(bed.planned(vec![building("r-2", &[], vec![ready("l-2", "r-2", "p-2")])]).await, shut);
    bed.done(end("l-1")).await;
    bed.done(end_resource("r-1")).await;
    let close = bed.step(Step::Close, "r-1", done_with(None)).await;
    bed.done(close).await;
    assert!(row(bed, "bp").await.is_none(), "it has nothing any more");
}

pub async fn a_blueprint_that_is_back_goes_on(bed: &mut Bed) {
    bed.open("r-1", 2, &[], vec![ready("l-1", "r-1", "p-1")]).await;
    bed.done(ask("l-2")).await;
    bed.done(configure(2, &["bp2"])).await;
    bed.done(configure(3, &["bp", "bp2"])).await;
    assert_eq!(row(bed, "bp").await.map(|row| (row.used, row.retired)), Some((1, 0)));
    assert_eq!(bed.planned(vec![Item::Place(ready("l-2", "r-1", "p-2"))]).await, [None]);
}

pub async fn a_drained_blueprint_takes_nothing_new_until_it_is_drained_no_more(bed: &mut Bed) {
    bed.open("r-1", 2, &[], vec![ready("l-1", "r-1", "p-1")]).await;
    bed.done(ask("l-2")).await;
    let before = bed.pool("host").await;
    let old = bed.plan(vec![Item::Place(ready("l-2", "r-1", "p-2"))]).await;
    bed.done(drain_blueprint(Some("new rack"))).await;
    let after = bed.pool("host").await;
    assert!(after.version > before.version && after.news > before.news);
    assert_eq!(bed.lost(old).await, Lost::Version);
    assert_eq!(row(bed, "bp").await.unwrap().drained.as_deref(), Some("new rack"));
    let shut = [Some(Lost::Shut("bp".to_owned()))];
    assert_eq!(bed.planned(vec![Item::Place(ready("l-2", "r-1", "p-2"))]).await, shut);
    // A configuration does not take it back.
    bed.done(configure(2, &["bp"])).await;
    assert_eq!(row(bed, "bp").await.unwrap().drained.as_deref(), Some("new rack"));
    bed.done(drain_blueprint(None)).await;
    assert_eq!(bed.planned(vec![Item::Place(ready("l-2", "r-1", "p-2"))]).await, [None]);
    let missing = Change::DrainBlueprint { blueprint: "nothing".to_owned(), reason: None };
    assert_eq!(bed.lost(missing).await, Lost::Missing("nothing".to_owned()));
}

pub async fn a_drained_resource_ends_when_nobody_is_on_it(bed: &mut Bed) {
    bed.open("r-1", 2, &[], vec![ready("l-1", "r-1", "p-1")]).await;
    bed.done(ask("l-2")).await;
    bed.done(drain("r-1", Some("new disk"))).await;
    let resource = bed.resource("r-1").await;
    assert_eq!((resource.status, resource.wanted, resource.room), (ResourceStatus::Active, Wanted::Keep, 0));
    let lost = [Some(Lost::Resource("r-1".to_owned()))];
    assert_eq!(bed.planned(vec![Item::Place(ready("l-2", "r-1", "p-2"))]).await, lost);
    bed.done(end("l-1")).await;
    let resource = bed.resource("r-1").await;
    assert_eq!((resource.status, resource.reason.as_deref()), (ResourceStatus::Released, Some("new disk")));
    assert_eq!(bed.lost(drain("r-1", None)).await, Lost::Resource("r-1".to_owned()));
}

pub async fn a_drained_resource_is_taken_back(bed: &mut Bed) {
    bed.open("r-1", 2, &[], vec![ready("l-1", "r-1", "p-1")]).await;
    bed.done(ask("l-2")).await;
    bed.done(drain("r-1", Some("new disk"))).await;
    bed.done(drain("r-1", None)).await;
    assert_eq!(bed.resource("r-1").await.room, 1);
    assert_eq!(bed.planned(vec![Item::Place(ready("l-2", "r-1", "p-2"))]).await, [None]);
    // What is wanted away for another reason is not.
    bed.done(end_resource("r-1")).await;
    assert_eq!(bed.lost(drain("r-1", None)).await, Lost::Resource("r-1".to_owned()));
}

pub async fn an_empty_resource_that_is_drained_ends_at_once(bed: &mut Bed) {
    bed.open("r-1", 1, &[], vec![ready("l-1", "r-1", "p-1")]).await;
    bed.done(end("l-1")).await;
    bed.done(drain("r-1", Some("new disk"))).await;
    assert_eq!(bed.resource("r-1").await.status, ResourceStatus::Released);
}

pub async fn who_was_accepted_outlives_an_edit_for_a_while(bed: &mut Bed) {
    for lease in ["l-1", "l-2"] {
        bed.done(ask(lease)).await;
    }
    let begun = bed.at;
    bed.done(consider(2, never())).await;
    let servable = [Some(Lost::Servable("c".to_owned()))];
    assert_eq!(bed.planned(vec![give_up(&["l-1", "l-2"])]).await, servable);
    bed.done(consider(3, never())).await;
    bed.done(end("l-2")).await;
    // The grace goes on from when it began.
    bed.at = begun + EDIT_GRACE - 1;
    assert_eq!(bed.planned(vec![give_up(&["l-1"])]).await, servable);
    assert_eq!(bed.planned(vec![give_up(&["l-1", "l-2"])]).await, [None]);
    assert_eq!(bed.is("l-1").await, "destroyed (never-servable)");
    assert_eq!(bed.is("l-2").await, "destroyed (released)");
}

pub async fn an_edit_that_helps_ends_the_grace(bed: &mut Bed) {
    bed.done(ask("l-1")).await;
    bed.done(consider(2, never())).await;
    let serves = answers().remove("bp").unwrap();
    bed.done(consider(3, serves)).await;
    bed.at += EDIT_GRACE;
    let servable = [Some(Lost::Servable("c".to_owned()))];
    assert_eq!(bed.planned(vec![give_up(&["l-1"])]).await, servable);
    assert_eq!(bed.is("l-1").await, "pending");
    // What could not be said is asked again under the same revision; what was said stays.
    bed.done(consider(3, never())).await;
    assert_eq!(bed.planned(vec![give_up(&["l-1"])]).await, servable);
    let trapped = Considered::Refuses(Refusal::NotNow { after: 1, reason: "it trapped".to_owned() });
    for (revision, answer) in [(4, trapped), (4, never())] {
        bed.done(consider(revision, answer)).await;
    }
    bed.at += EDIT_GRACE;
    assert_eq!(bed.planned(vec![give_up(&["l-1"])]).await, [None]);
}

pub async fn a_grace_begins_when_somebody_waits(bed: &mut Bed) {
    bed.done(ask("l-1")).await;
    bed.done(consider(2, never())).await;
    bed.done(end("l-1")).await;
    bed.at += 10 * EDIT_GRACE;
    // Asked at a node that does not know of the edit yet.
    bed.done(ask("l-2")).await;
    let servable = [Some(Lost::Servable("c".to_owned()))];
    assert_eq!(bed.planned(vec![give_up(&["l-2"])]).await, servable);
    bed.at += EDIT_GRACE;
    assert_eq!(bed.planned(vec![give_up(&["l-2"])]).await, [None]);
}

pub async fn slots_are_listed_with_who_holds_them(bed: &mut Bed) {
    let place = with_slots(set_up("l-1", "r-1", "p-1"), &[counted("gb", 5, 50)]);
    bed.open("r-1", 2, &[named("b/1")], vec![place]).await;
    let step = bed.step(Step::Activate, "p-1", failed(drydock_core::contract::Next::Elsewhere)).await;
    bed.done(step).await;
    bed.done(ask("l-2")).await;
    let again = with_slots(ready("l-2", "r-1", "p-2"), &[counted("gb", 7, 50)]);
    assert_eq!(bed.planned(vec![Item::Place(again)]).await, [None]);
    let slots = bed.store.slots(None).await.unwrap();
    let shown: Vec<_> = slots
        .iter()
        .map(|slot| {
            (slot.space.as_str(), slot.key.as_str(), slot.place.as_deref(), slot.resource.as_deref(), slot.amount)
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("bp", "b/1", None, Some("r-1"), None),
            ("bp", "gb", Some("p-1"), Some("r-1"), Some(5)),
            ("bp", "gb", Some("p-2"), Some("r-1"), Some(7)),
            ("resource", "r-1", None, None, None),
        ]
    );
    assert_eq!(slots[0].leases, ["l-1", "l-2"]);
    assert_eq!((slots[2].leases.as_slice(), slots[2].name.as_deref()), (&["l-2".to_owned()][..], Some("name of r-1")));
    assert_eq!((slots[3].failures, slots[3].reason.as_deref()), (Some(1), Some("no luck")));
    assert_eq!(bed.store.slots(Some("other")).await.unwrap(), []);
    assert_eq!(bed.store.made_with().await.unwrap(), [("digest".to_owned(), "bp".to_owned(), 1)]);
    let waiting = bed.store.waiting().await.unwrap();
    assert_eq!(waiting.iter().map(|class| (class.id.as_str(), class.waiting)).collect::<Vec<_>>(), [("c", 1)]);
}

pub async fn a_blueprint_that_is_renamed_keeps_what_it_has_made(bed: &mut Bed) {
    bed.active("l-1", "p-1", "r-1", &[named("b/1")]).await;
    bed.open("r-2", 1, &[named("b/2")], vec![ready("l-2", "r-2", "p-2")]).await;
    bed.done(end("l-2")).await;
    bed.done(end_resource("r-2")).await;
    let before = bed.blueprint("bp").await;
    let renamed = || Listed { was: Some("bp".to_owned()), space: "bp".to_owned(), ..listed("fleet", "host") };
    let configure = |revision, was: &str| Change::Configure {
        revision,
        blueprints: vec![renamed()],
        before: vec![was.to_owned()],
        pools: vec!["host".to_owned()],
    };
    // In a group with what is done to the resources meanwhile.
    let released = bed.step(Step::Close, "r-2", done_with(None)).await;
    let outcomes = bed.group(vec![end("l-1"), configure(2, "bp"), released]).await;
    assert!(outcomes.iter().all(|outcome| outcome.done().is_some()), "{outcomes:?}");
    assert!(bed.store.blueprints().await.unwrap().iter().all(|row| row.name != "bp"));
    let after = bed.blueprint("fleet").await;
    assert_eq!((after.used, after.kept, after.space.as_str()), (before.used - 1, before.kept, "bp"));
    for resource in ["r-1", "r-2"] {
        assert_eq!(bed.resource(resource).await.blueprint, "fleet");
    }
    assert_eq!(bed.place("p-1").await.blueprint, "fleet");
    assert_eq!(bed.store.taken("bp", &["b/1".to_owned()]).await.unwrap(), ["b/1"], "its slots stay where they are");
    // It goes on under its name; whoever announces the same again changes nothing.
    let released = bed.step(Step::Release, "p-1", done_with(None)).await;
    bed.done(released).await;
    bed.done(configure(3, "fleet")).await;
    assert_eq!(bed.blueprint("fleet").await.used, 1);
    bed.done(end_resource("r-1")).await;
    let closed = bed.step(Step::Close, "r-1", done_with(None)).await;
    bed.done(closed).await;
    assert_eq!(bed.blueprint("fleet").await.used, 0);
}

pub async fn a_name_that_is_taken_is_given_to_nobody_else(bed: &mut Bed) {
    bed.active("l-1", "p-1", "r-1", &[named("b/1")]).await;
    let change = Change::Configure {
        revision: 2,
        blueprints: vec![listed("fleet", "host")],
        before: vec!["bp".to_owned()],
        pools: vec!["host".to_owned()],
    };
    bed.done(change).await;
    let renamed = Listed { was: Some("bp".to_owned()), ..listed("fleet", "host") };
    let change = Change::Configure {
        revision: 3,
        blueprints: vec![renamed],
        before: vec!["bp".to_owned(), "fleet".to_owned()],
        pools: vec!["host".to_owned()],
    };
    bed.done(change).await;
    assert_eq!(bed.resource("r-1").await.blueprint, "bp");
    assert_eq!((bed.blueprint("bp").await.retired, bed.blueprint("fleet").await.used), (1, 0));
}
