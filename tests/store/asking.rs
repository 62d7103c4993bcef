//! Requests, their keys, and the answers of their class.

use crate::bed::*;
use drydock_core::contract::{Needs, Refusal};
use drydock_core::model::proposal::*;
use drydock_core::model::rows::*;
use drydock_core::store::Sought;
use std::collections::BTreeMap;

pub async fn a_lease_waits_with_its_class_and_its_limits(bed: &mut Bed) {
    let Pool { news, version, .. } = bed.pool("host").await;
    let new = NewLease { until: Some(START + 9_000), wait_until: Some(START + 5_000), ..new_lease("l-1") };
    let done = bed.done(Change::Ask(Box::new(new))).await;
    assert_eq!(done.news, Some((news, news + 1)));
    let lease = bed.lease("l-1").await;
    assert_eq!((lease.ord, lease.due_at, lease.claim.as_str()), (START, Some(START + 5_000), NODE));
    assert_eq!(bed.is("l-1").await, "pending");
    let look = bed.store.look("host", &Sought::default()).await.unwrap().unwrap();
    assert_eq!(look.classes[0].class.waiting, 1);
    assert_eq!(look.classes[0].heads[0].lease, "l-1");
    assert_eq!(bed.pool("host").await.version, version, "only matchers and the configuration raise it");
}

pub async fn a_key_finds_the_first_lease_and_refuses_another_request(bed: &mut Bed) {
    let keyed = |id: &str, digest: &str| {
        let key = RequestKey {
            owner: "somebody".to_owned(),
            name: "job 7".to_owned(),
            lease: String::new(),
            digest: digest.to_owned(),
        };
        Change::Ask(Box::new(NewLease { key: Some(key), ..new_lease(id) }))
    };
    assert_eq!(bed.done(keyed("l-1", "same")).await.existing, None);
    assert_eq!(bed.done(keyed("l-2", "same")).await.existing.as_deref(), Some("l-1"));
    assert_eq!(bed.lost(keyed("l-3", "other")).await, Lost::KeyReused("l-1".to_owned()));
    assert_eq!(bed.store.by_key("somebody", "job 7").await.unwrap().as_deref(), Some("l-1"));
    assert_eq!(bed.store.leases(&Default::default()).await.unwrap().len(), 1);
    // The key outlives the lease.
    bed.done(end("l-1")).await;
    assert_eq!(bed.done(keyed("l-4", "same")).await.existing.as_deref(), Some("l-1"));
}

pub async fn what_nobody_can_serve_breaks_at_once(bed: &mut Bed) {
    let never = Some("bp: no such platform".to_owned());
    bed.done(Change::Ask(Box::new(NewLease { never, ..new_lease("l-1") }))).await;
    assert_eq!(bed.is("l-1").await, "destroyed (never-servable)");
    assert_eq!(bed.lease("l-1").await.reason.as_deref(), Some("bp: no such platform"));
    let events = bed.store.events(0, Some("l-1"), 10).await.unwrap();
    let path: Vec<&str> = events.iter().map(|logged| logged.event.now.as_str()).collect();
    assert_eq!(path, ["pending", "broken", "destroyed"]);
}

pub async fn newer_answers_replace_older_ones(bed: &mut Bed) {
    bed.done(ask("l-1")).await;
    let refusing = BTreeMap::from([("bp".to_owned(), Considered::Refuses(Refusal::Never("no".to_owned())))]);
    let consider = |revision, answers| Change::Consider { class: "c".to_owned(), revision, answers };
    let before = bed.pool("host").await;
    bed.done(consider(3, refusing.clone())).await;
    let after = bed.pool("host").await;
    assert_eq!((after.version, after.freed, after.news), (before.version, before.freed, before.news + 1));
    // An answer under an older revision comes late.
    let serving = Considered::Serves(Needs::default());
    bed.done(consider(2, BTreeMap::from([("bp".to_owned(), serving)]))).await;
    let look = bed.store.look("host", &Sought::default()).await.unwrap().unwrap();
    assert_eq!((look.classes[0].class.revision, &look.classes[0].class.answers.0), (3, &refusing));
    let missing = Change::Consider { class: "nobody's".to_owned(), revision: 4, answers: BTreeMap::new() };
    assert_eq!(bed.lost(missing).await, Lost::Missing("nobody's".to_owned()));
}
