//! Lists by what is asked for, page by page.

use crate::bed::*;
use drydock_core::contract::{Allocation, Labels, Request};
use drydock_core::engine::api::Filter;
use drydock_core::model::proposal::*;
use std::collections::BTreeMap;

type Pairs = &'static [(&'static str, &'static str)];
/// Id, owner, when, attributes, labels, blueprint.
type Asked = (&'static str, &'static str, i64, &'static str, Pairs, Option<&'static str>);

fn labels(list: &[(&str, &str)]) -> Labels {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn attributes(list: &[(&str, &str)]) -> BTreeMap<String, String> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Four leases: the first has a resource, the third has ended.
async fn fill(bed: &mut Bed) {
    let wishes: [Asked; 4] = [
        ("l-1", "ann", 10, r#"{"disk":{"gb":50,"kind":"ssd"},"n":3}"#, &[("os", "linux")], None),
        ("l-2", "bob", 20, r#"{"n":"3","odd \"key\".$":true}"#, &[("os", "linux"), ("zone", "b")], Some("bp2")),
        ("l-3", "ann", 20, r#"{"n":3}"#, &[("os", "mac")], None),
        ("l-4", "ann", 30, "{}", &[], None),
    ];
    for (id, owner, asked_at, attributes, wanted, blueprint) in wishes {
        let request = Request {
            kind: if id == "l-4" { "vm" } else { "host" }.to_owned(),
            attributes: attributes.to_owned(),
            labels: labels(wanted),
            blueprints: blueprint.map(str::to_owned).into_iter().collect(),
            ..Request::default()
        };
        let new = NewLease { request, owner: owner.to_owned(), asked_at, class: format!("c-{id}"), ..new_lease(id) };
        bed.done(Change::Ask(Box::new(new))).await;
    }
    let resource = Build {
        allocation: Allocation {
            name: "one".to_owned(),
            attributes: r#"{"host":"a","port":22}"#.to_owned(),
            labels: labels(&[("os", "linux")]),
            ..Allocation::default()
        },
        ..build("r-1", &[], vec![set_up("l-1", "r-1", "p-1")])
    };
    assert_eq!(bed.planned(vec![Item::Build(Box::new(resource))]).await, [None]);
    bed.done(end("l-3")).await;
}

async fn leases(bed: &Bed, filter: Filter) -> String {
    let leases = bed.store.leases(&filter).await.unwrap();
    leases.into_iter().map(|lease| lease.id).collect::<Vec<_>>().join(" ")
}

pub async fn leases_are_found_by_what_they_are(bed: &mut Bed) {
    fill(bed).await;
    let none = Filter::default;
    let some = |text: &str| Some(text.to_owned());
    for (filter, found) in [
        (none(), "l-4 l-2 l-1"),
        (Filter { all: true, ..none() }, "l-4 l-3 l-2 l-1"),
        (Filter { finished: true, ..none() }, "l-3"),
        (Filter { status: some("destroyed"), ..none() }, "l-3"),
        (Filter { status: some("pending"), all: true, ..none() }, "l-4 l-2"),
        (Filter { owner: some("ann"), all: true, ..none() }, "l-4 l-3 l-1"),
        (Filter { kind: some("vm"), ..none() }, "l-4"),
        (Filter { resource: some("r-1"), ..none() }, "l-1"),
        (Filter { blueprint: some("bp"), ..none() }, "l-1"),
        (Filter { blueprint: some("bp2"), ..none() }, "l-2"),
        (Filter { since: Some(20), all: true, ..none() }, "l-4 l-3 l-2"),
        (Filter { until: Some(20), ..none() }, "l-1"),
        (Filter { since: Some(20), until: Some(30), ..none() }, "l-2"),
        (Filter { labels: labels(&[("os", "linux")]), ..none() }, "l-2 l-1"),
        (Filter { labels: labels(&[("os", "linux"), ("zone", "b")]), ..none() }, "l-2"),
        (Filter { labels: labels(&[("zone", "")]), ..none() }, ""),
        (Filter { attributes: attributes(&[("n", "3")]), all: true, ..none() }, "l-3 l-1"),
        (Filter { attributes: attributes(&[("n", "\"3\"")]), all: true, ..none() }, "l-2"),
        (Filter { attributes: attributes(&[("odd \"key\".$", "true")]), ..none() }, "l-2"),
        (Filter { attributes: attributes(&[("disk", r#"{"gb":50,"kind":"ssd"}"#)]), ..none() }, "l-1"),
        (Filter { attributes: attributes(&[("disk", r#"{"gb":50}"#)]), ..none() }, ""),
        (Filter { owner: some("nobody"), all: true, ..none() }, ""),
    ] {
        assert_eq!(leases(bed, filter.clone()).await, found, "{filter:?}");
    }
}

pub async fn a_long_list_comes_in_pages(bed: &mut Bed) {
    fill(bed).await;
    let mut filter = Filter { all: true, limit: 1, ..Filter::default() };
    let mut found = Vec::new();
    while let Some(lease) = bed.store.leases(&filter).await.unwrap().pop() {
        filter.after = Some((lease.asked_at, lease.id.clone()));
        found.push(lease.id);
    }
    assert_eq!(found, ["l-4", "l-3", "l-2", "l-1"]);
}

pub async fn resources_are_found_by_what_they_are(bed: &mut Bed) {
    fill(bed).await;
    let none = Filter::default;
    for (filter, found) in [
        (none(), 1),
        (Filter { blueprint: Some("bp2".to_owned()), ..none() }, 0),
        (Filter { labels: labels(&[("os", "linux")]), ..none() }, 1),
        (Filter { labels: labels(&[("os", "mac")]), ..none() }, 0),
        (Filter { attributes: attributes(&[("port", "22")]), ..none() }, 1),
        (Filter { attributes: attributes(&[("port", "23")]), ..none() }, 0),
        (Filter { finished: true, ..none() }, 0),
    ] {
        assert_eq!(bed.store.resources(&filter).await.unwrap().len(), found, "{filter:?}");
    }
}

pub async fn the_log_is_of_what_is_asked_for(bed: &mut Bed) {
    // Ends of the log that are in nobody's way.
    bed.at += 1_000_000;
    let before = bed.at;
    fill(bed).await;
    let after = bed.at;
    bed.at += 1_000_000;
    bed.done(end("l-2")).await;
    let all = bed.store.events(0, None, 10_000).await.unwrap();
    let none = Filter::default;
    let some = |text: &str| Some(text.to_owned());
    let count = |of: &dyn Fn(&drydock_core::model::rows::Event) -> bool| {
        all.iter().filter(|logged| of(&logged.event)).map(|logged| logged.seq).collect::<Vec<_>>()
    };
    let is_lease = |event: &drydock_core::model::rows::Event, ids: &[&str]| {
        event.lease.as_deref().is_some_and(|lease| ids.contains(&lease))
    };
    for (filter, found) in [
        (none(), count(&|_| true)),
        (Filter { owner: some("ann"), ..none() }, count(&|event| is_lease(event, &["l-1", "l-3", "l-4"]))),
        (Filter { kind: some("vm"), ..none() }, count(&|event| event.pool == "vm")),
        (Filter { status: some("destroyed"), ..none() }, count(&|event| event.now == "destroyed")),
        (Filter { blueprint: some("bp"), ..none() }, count(&|event| event.resource.is_some())),
        (Filter { labels: labels(&[("os", "mac")]), ..none() }, count(&|event| is_lease(event, &["l-3"]))),
        (Filter { since: Some(before), ..none() }, count(&|event| event.at >= before)),
        (Filter { since: Some(after), ..none() }, count(&|event| event.at >= after)),
        (Filter { since: Some(i64::MAX), ..none() }, vec![]),
        (Filter { since: Some(0), until: Some(before), ..none() }, count(&|event| event.at < before)),
    ] {
        let events = bed.store.log(0, None, &filter).await.unwrap();
        assert_eq!(events.iter().map(|logged| logged.seq).collect::<Vec<_>>(), found, "{filter:?}");
    }
    let of = bed.store.log(0, Some("r-1"), &none()).await.unwrap();
    assert_eq!(of.iter().map(|logged| logged.seq).collect::<Vec<_>>(), count(&|event| event.resource.is_some()));
    assert_eq!(bed.store.last_event().await.unwrap(), all.last().unwrap().seq);
}
