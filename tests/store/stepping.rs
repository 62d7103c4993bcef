//! What the four steps come to.

use crate::bed::*;
use drydock_core::contract::Next;
use drydock_core::model::proposal::*;
use drydock_core::model::rows::Wanted;
use drydock_core::model::status::{PlaceStatus, ResourceStatus};
use drydock_core::plugin::Step;

/// Offers a step's report and expects it to be done.
async fn step(bed: &mut Bed, step: Step, subject: &str, end: StepEnd) {
    let report = bed.step(step, subject, end).await;
    bed.done(report).await;
}

async fn pending_resource(bed: &mut Bed, takers: Vec<Placement>) {
    for taker in &takers {
        bed.done(ask(&taker.lease)).await;
    }
    let build = Build { shares: 4, ..build("r-1", &[named("b/1")], takers) };
    assert_eq!(bed.planned(vec![Item::Build(Box::new(build))]).await, [None]);
}

pub async fn open_goes_on_and_is_done(bed: &mut Bed) {
    pending_resource(bed, vec![set_up("l-1", "r-1", "p-1")]).await;
    step(bed, Step::Open, "r-1", again("asked for it", START + 700)).await;
    let resource = bed.resource("r-1").await;
    assert_eq!(
        (resource.state.as_deref(), resource.attempt, resource.due_at),
        (Some("asked for it"), 1, Some(START + 700))
    );
    assert_eq!(resource.note.as_deref(), Some("not yet"));
    let attributes = Some(r#"{"address":"10.0.0.1"}"#.to_owned());
    step(bed, Step::Open, "r-1", StepEnd::Done { state: Some("up".to_owned()), attributes, handout: None }).await;
    let resource = bed.resource("r-1").await;
    assert_eq!(resource.status, ResourceStatus::Active);
    assert_eq!((resource.state.as_deref(), resource.attempt, resource.due_at), (Some("up"), 0, None));
    assert_eq!(resource.attributes, r#"{"address":"10.0.0.1"}"#);
    assert_eq!(bed.is("l-1").await, "acquired");
    assert_eq!(bed.place("p-1").await.touched, 1, "from now on activate may be called");
}

pub async fn open_makes_ready_places_active(bed: &mut Bed) {
    pending_resource(bed, vec![ready("l-1", "r-1", "p-1"), set_up("l-2", "r-1", "p-2")]).await;
    assert_eq!(bed.is("l-1").await, "acquired");
    step(bed, Step::Open, "r-1", done_with(None)).await;
    assert_eq!((bed.is("l-1").await, bed.is("l-2").await), ("active".to_owned(), "acquired".to_owned()));
}

pub async fn open_that_fails_puts_its_leases_back(bed: &mut Bed) {
    pending_resource(bed, vec![ready("l-1", "r-1", "p-1"), set_up("l-2", "r-1", "p-2")]).await;
    let ord = bed.lease("l-1").await.ord;
    step(bed, Step::Open, "r-1", failed(Next::BackOff)).await;
    for (lease, place) in [("l-1", "p-1"), ("l-2", "p-2")] {
        assert_eq!(bed.is(lease).await, "pending");
        let row = bed.lease(lease).await;
        assert_eq!((row.ord, row.place, row.reason.as_deref()), (ord, None, Some("no luck")));
        assert_eq!(bed.place(place).await.status, PlaceStatus::Gone);
    }
    assert_eq!(bed.resource("r-1").await.status, ResourceStatus::Broken);
    let asides = bed.asides().await;
    let aside = &asides[&("bp".to_owned(), "b/1".to_owned())];
    assert_eq!((aside.failures, aside.reason.as_str()), (1, "no luck"));
    assert!(aside.until > bed.at);
    assert_eq!(bed.leftovers("r-1").await, [], "activate was never called");
    // The next that is built there works, and nothing is set aside any more.
    step(bed, Step::Close, "r-1", done_with(None)).await;
    let again = building("r-2", &[named("b/1")], vec![set_up("l-1", "r-2", "p-3")]);
    assert_eq!(bed.planned(vec![again]).await, [None]);
    step(bed, Step::Open, "r-2", done_with(None)).await;
    assert!(bed.asides().await.is_empty());
}

pub async fn open_that_fails_for_the_request_breaks_the_lease(bed: &mut Bed) {
    pending_resource(bed, vec![set_up("l-1", "r-1", "p-1")]).await;
    step(bed, Step::Open, "r-1", failed(Next::BreakLease)).await;
    assert_eq!(bed.is("l-1").await, "destroyed (broken)");
    assert_eq!(bed.lease("l-1").await.reason.as_deref(), Some("no luck"));
    assert_eq!(bed.resource("r-1").await.status, ResourceStatus::Broken);
}

pub async fn activate_goes_on_and_is_done(bed: &mut Bed) {
    bed.open("r-1", 1, &[], vec![set_up("l-1", "r-1", "p-1")]).await;
    step(bed, Step::Activate, "p-1", again("half", START + 900)).await;
    let place = bed.place("p-1").await;
    assert_eq!((place.state.as_deref(), place.attempt, place.due_at), (Some("half"), 1, Some(START + 900)));
    assert_eq!(bed.is("l-1").await, "acquired");
    let handout = Some(drydock_core::contract::Handout { url: Some("http://one".to_owned()), ..Default::default() });
    let done = StepEnd::Done { state: Some("whole".to_owned()), attributes: None, handout };
    step(bed, Step::Activate, "p-1", done).await;
    let (lease, place) = (bed.lease("l-1").await, bed.place("p-1").await);
    assert_eq!(bed.is("l-1").await, "active");
    assert_eq!(lease.handout.0.unwrap().url.as_deref(), Some("http://one"));
    assert_eq!((place.state.as_deref(), place.due_at), (Some("whole"), None));
}

pub async fn activate_fails_for_the_request(bed: &mut Bed) {
    bed.open("r-1", 1, &[], vec![set_up("l-1", "r-1", "p-1")]).await;
    step(bed, Step::Activate, "p-1", failed(Next::BreakLease)).await;
    assert_eq!(bed.is("l-1").await, "broken (broken)");
    assert_eq!(bed.place("p-1").await.status, PlaceStatus::Leaving);
    assert_eq!(bed.resource("r-1").await.status, ResourceStatus::Active, "the resource is good");
    step(bed, Step::Release, "p-1", done_with(None)).await;
    assert_eq!(bed.is("l-1").await, "destroyed (broken)");
    assert!(bed.asides().await.is_empty());
}

pub async fn activate_fails_here(bed: &mut Bed) {
    for next in [Next::Elsewhere, Next::BackOff, Next::Attention] {
        let (lease, resource, place) = (format!("l-{next:?}"), format!("r-{next:?}"), format!("p-{next:?}"));
        bed.open(&resource, 1, &[], vec![set_up(&lease, &resource, &place)]).await;
        step(bed, Step::Activate, &place, failed(next)).await;
        assert_eq!(bed.is(&lease).await, "pending");
        assert_eq!(bed.place(&place).await.status, PlaceStatus::Leaving);
        assert!(bed.asides().await.contains_key(&(RESOURCES.to_owned(), resource.clone())));
        step(bed, Step::Release, &place, done_with(None)).await;
        assert_eq!(bed.is(&lease).await, "pending", "its earlier stay says nothing about it");
        assert_eq!(bed.resource(&resource).await.used, 0);
        bed.done(end(&lease)).await;
        // It says nothing about the next resource that is made of the same.
        bed.done(end_resource(&resource)).await;
        step(bed, Step::Close, &resource, done_with(None)).await;
        assert_eq!(bed.resource(&resource).await.status, ResourceStatus::Destroyed);
        assert!(bed.asides().await.is_empty());
    }
}

pub async fn activate_finds_the_resource_gone(bed: &mut Bed) {
    let takers = vec![set_up("l-1", "r-1", "p-1"), ready("l-2", "r-1", "p-2")];
    bed.open("r-1", 2, &[named("b/1")], takers).await;
    step(bed, Step::Activate, "p-1", failed(Next::Gone)).await;
    assert_eq!(bed.is("l-1").await, "pending");
    assert_eq!(bed.is("l-2").await, "destroyed (resource-lost)");
    assert_eq!(bed.resource("r-1").await.status, ResourceStatus::Broken);
    let left = bed.leftovers("r-1").await;
    assert_eq!(left.iter().map(|left| left.place.as_str()).collect::<Vec<_>>(), ["p-1"]);
    assert!(bed.asides().await.contains_key(&("bp".to_owned(), "b/1".to_owned())));
}

pub async fn release_goes_on_and_is_done(bed: &mut Bed) {
    bed.active("l-1", "p-1", "r-1", &[]).await;
    bed.done(end("l-1")).await;
    step(bed, Step::Release, "p-1", again("half", START + 900)).await;
    assert_eq!(bed.place("p-1").await.state.as_deref(), Some("half"));
    step(bed, Step::Release, "p-1", failed(Next::BackOff)).await;
    let place = bed.place("p-1").await;
    assert_eq!((place.attempt, place.state.as_deref(), place.note.as_deref()), (2, Some("half"), Some("no luck")));
    assert!(place.due_at.unwrap() > bed.at);
    assert_eq!(bed.is("l-1").await, "released (released)");
    step(bed, Step::Release, "p-1", done_with(None)).await;
    assert_eq!(bed.is("l-1").await, "destroyed (released)");
    assert_eq!(bed.place("p-1").await.status, PlaceStatus::Gone);
    let resource = bed.resource("r-1").await;
    assert_eq!((resource.used, resource.room, resource.idle_since), (0, 1, Some(bed.at - 1)));
}

pub async fn release_finds_the_resource_gone(bed: &mut Bed) {
    bed.open("r-1", 2, &[], vec![set_up("l-1", "r-1", "p-1"), ready("l-2", "r-1", "p-2")]).await;
    step(bed, Step::Activate, "p-1", done_with(None)).await;
    bed.done(end("l-1")).await;
    step(bed, Step::Release, "p-1", failed(Next::Gone)).await;
    assert_eq!(bed.resource("r-1").await.status, ResourceStatus::Broken);
    assert_eq!(bed.is("l-1").await, "destroyed (released)");
    assert_eq!(bed.is("l-2").await, "destroyed (resource-lost)");
}

pub async fn release_is_given_up_with_a_leftover(bed: &mut Bed) {
    bed.active("l-1", "p-1", "r-1", &[named("b/1")]).await;
    bed.done(end("l-1")).await;
    // However often it has said that it goes on.
    for _ in 0..5 {
        step(bed, Step::Release, "p-1", again("made", START + 900)).await;
    }
    for _ in 0..2 {
        step(bed, Step::Release, "p-1", failed(Next::BackOff)).await;
        assert_eq!(bed.place("p-1").await.status, PlaceStatus::Leaving);
    }
    step(bed, Step::Release, "p-1", failed(Next::BackOff)).await;
    assert_eq!(bed.is("l-1").await, "destroyed (released)");
    let left = bed.leftovers("r-1").await;
    assert_eq!(left.len(), 1);
    let leftover = &left[0];
    assert_eq!((leftover.place.as_str(), leftover.slot.as_str(), leftover.lease.as_str()), ("p-1", "b/1", "l-1"));
    assert_eq!((leftover.state.as_deref(), leftover.reason.as_str()), (Some("made"), "could not be cleaned: no luck"));
    // The resource takes nobody else, and is closed.
    let resource = bed.resource("r-1").await;
    assert_eq!((resource.status, resource.wanted), (ResourceStatus::Released, Wanted::End));
}

pub async fn close_goes_on_fails_and_clears_leftovers(bed: &mut Bed) {
    bed.active("l-1", "p-1", "r-1", &[named("b/1"), named("b/2")]).await;
    bed.done(end_resource("r-1")).await;
    bed.done(end("l-1")).await;
    assert_eq!(bed.is("l-1").await, "destroyed (released)", "its resource is going, so nothing is released");
    assert_eq!(bed.leftovers("r-1").await.len(), 1);
    for _ in 0..10 {
        step(bed, Step::Close, "r-1", again("asked", START + 800)).await;
    }
    step(bed, Step::Close, "r-1", failed(Next::BackOff)).await;
    let resource = bed.resource("r-1").await;
    assert_eq!(
        (resource.status, resource.state.as_deref(), resource.attempt, resource.failures),
        (ResourceStatus::Released, Some("asked"), 11, 1)
    );
    let pause = resource.due_at.unwrap() - bed.at;
    assert!((1..=1_001).contains(&pause), "the pause after one failure, however long it has taken: {pause}");
    assert_eq!(bed.store.taken("bp", &["b/1".to_owned()]).await.unwrap(), ["b/1"], "it keeps what it can't clean");
    step(bed, Step::Close, "r-1", done_with(None)).await;
    assert_eq!(bed.resource("r-1").await.status, ResourceStatus::Destroyed);
    assert_eq!(bed.leftovers("r-1").await, []);
    assert_eq!(bed.store.taken("bp", &["b/1".to_owned(), "b/2".to_owned()]).await.unwrap(), [""; 0]);
}

pub async fn close_finds_it_gone(bed: &mut Bed) {
    bed.active("l-1", "p-1", "r-1", &[named("b/1")]).await;
    bed.done(end_resource("r-1")).await;
    bed.done(end("l-1")).await;
    step(bed, Step::Close, "r-1", failed(Next::Gone)).await;
    assert_eq!(bed.resource("r-1").await.status, ResourceStatus::Destroyed);
    assert_eq!(bed.leftovers("r-1").await, []);
}

pub async fn an_answer_of_an_earlier_stay_counts_for_nothing(bed: &mut Bed) {
    bed.open("r-1", 1, &[], vec![set_up("l-1", "r-1", "p-1")]).await;
    let late = bed.step(Step::Activate, "p-1", done_with(Some("late"))).await;
    step(bed, Step::Activate, "p-1", failed(Next::Elsewhere)).await;
    assert_eq!(bed.planned(vec![building("r-2", &[], vec![set_up("l-1", "r-2", "p-2")])]).await, [None]);
    step(bed, Step::Open, "r-2", done_with(None)).await;
    assert_eq!(bed.lost(late).await, Lost::Epoch);
    assert_eq!(bed.is("l-1").await, "acquired");
    step(bed, Step::Activate, "p-2", done_with(None)).await;
    assert_eq!(bed.lease("l-1").await.place.as_deref(), Some("p-2"));
}

pub async fn an_answer_under_an_older_epoch_counts_for_nothing(bed: &mut Bed) {
    pending_resource(bed, vec![set_up("l-1", "r-1", "p-1")]).await;
    let open = bed.step(Step::Open, "r-1", done_with(None)).await;
    bed.done(end("l-1")).await;
    bed.done(end_resource("r-1")).await;
    assert_eq!(bed.lost(open).await, Lost::Epoch);
    let close = bed.step(Step::Close, "r-1", done_with(None)).await;
    bed.done(close.clone()).await;
    assert_eq!(bed.lost(close).await, Lost::Epoch);
    bed.active("l-2", "p-2", "r-2", &[]).await;
    // A release that was not asked for, and one that was answered twice.
    let early = bed.step(Step::Release, "p-2", done_with(None)).await;
    assert_eq!(bed.lost(early).await, Lost::Epoch);
    bed.done(end("l-2")).await;
    let release = bed.step(Step::Release, "p-2", done_with(None)).await;
    bed.done(release.clone()).await;
    assert_eq!(bed.lost(release).await, Lost::Epoch);
}

pub async fn epochs_never_fall(bed: &mut Bed) {
    bed.active("l-1", "p-1", "r-1", &[]).await;
    bed.done(end("l-1")).await;
    step(bed, Step::Release, "p-1", failed(Next::Gone)).await;
    step(bed, Step::Close, "r-1", done_with(None)).await;
    let mut seen = std::collections::BTreeMap::new();
    for logged in bed.store.events(0, None, 1_000).await.unwrap() {
        let event = logged.event;
        let before = seen.insert((event.subject, event.id.clone()), event.epoch).unwrap_or(0);
        assert!(event.epoch >= before, "{event:?}");
    }
    assert!(bed.place("p-1").await.epoch > 1 && bed.resource("r-1").await.epoch > 1);
}
