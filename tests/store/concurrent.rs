//! Several nodes over one PostgreSQL: what two want at the same moment, one gets.

use crate::bed::*;
use drydock_core::model::proposal::*;
use drydock_core::model::rows::RequestKey;
use drydock_core::store::Store;

/// The second node.
const OTHER: &str = "n-2";

/// How often two are let loose on each other.
const ROUNDS: usize = 40;

async fn two_stores() -> (Bed, Store) {
    let mut bed = Bed::postgres().await;
    bed.offer(OTHER, Change::Join { name: "two".to_owned() }).await;
    let Place_::Postgres(url) = &bed.place else { unreachable!() };
    let other = Store::open_postgres(url).await.unwrap();
    (bed, other)
}

/// Both at once; a deadlock or a timeout means that nothing was written, and is offered again.
async fn together(bed: &Bed, other: &Store, one: Proposal, two: Proposal) -> [Outcome; 2] {
    async fn settle(store: &Store, at: i64, proposal: Proposal) -> Outcome {
        loop {
            if let Ok(mut report) = store.commit(at, std::slice::from_ref(&proposal)).await {
                return report.outcomes.remove(0);
            }
        }
    }
    let (one, two) = futures::join!(settle(&bed.store, bed.at, one), settle(other, bed.at, two));
    bed.check().await;
    [one, two]
}

fn of_pool(bed: &mut Bed, node: &str, pool: &str, version: i64, item: Item) -> Proposal {
    bed.proposal(
        node,
        Change::Plan(Plan { pool: pool.to_owned(), version, revision: 1, items: vec![item], ..Plan::default() }),
    )
}

/// Two pools share a name space, so their plans meet only in its slots.
#[tokio::test]
async fn a_slot_that_two_pools_want_has_one_owner() {
    let (mut bed, other) = two_stores().await;
    for round in 0..ROUNDS {
        let slot = [named(&format!("slot/{round}"))];
        let counter = [counted(&format!("counter/{round}"), 2, 3)];
        for (slots, what) in [(&slot, "named"), (&counter, "counted")] {
            let (l1, l2) = (format!("l-{what}-{round}-1"), format!("l-{what}-{round}-2"));
            bed.done(ask(&l1)).await;
            let vm = NewLease { request: request("vm"), class: "v".to_owned(), ..new_lease(&l2) };
            bed.done(Change::Ask(Box::new(vm))).await;
            let wide = |lease: &str, blueprint: &str| {
                let resource = format!("r-{lease}");
                let build = build(&resource, slots, vec![ready(lease, &resource, &format!("p-{lease}"))]);
                let (space, blueprint) = ("shared".to_owned(), blueprint.to_owned());
                Item::Build(Box::new(Build { space, blueprint, ..build }))
            };
            let versions = (bed.pool("host").await.version, bed.pool("vm").await.version);
            let one = of_pool(&mut bed, NODE, "host", versions.0, wide(&l1, "bp"));
            let two = of_pool(&mut bed, OTHER, "vm", versions.1, wide(&l2, "vms"));
            let outcomes = together(&bed, &other, one, two).await;
            let lost: Vec<_> = outcomes.iter().map(|outcome| outcome.done().unwrap().items[0].clone()).collect();
            let loser = Some(Lost::Slot(slots[0].key().to_owned()));
            assert!(lost == [None, loser.clone()] || lost == [loser, None], "round {round}: {lost:?}");
        }
    }
}

/// Two requests of different types under one key.
#[tokio::test]
async fn a_key_that_two_use_at_once_finds_one_lease() {
    let (mut bed, other) = two_stores().await;
    for round in 0..ROUNDS {
        let keyed = |kind: &str| {
            let key = RequestKey {
                owner: "somebody".to_owned(),
                name: format!("job {round}"),
                lease: String::new(),
                digest: kind.to_owned(),
            };
            let new = new_lease(&format!("l-{round}-{kind}"));
            let (request, class) = (request(kind), kind.to_owned());
            Change::Ask(Box::new(NewLease { key: Some(key), request, class, ..new }))
        };
        let (one, two) = (bed.proposal(NODE, keyed("host")), bed.proposal(OTHER, keyed("vm")));
        let outcomes = together(&bed, &other, one, two).await;
        let winner = bed.store.by_key("somebody", &format!("job {round}")).await.unwrap().unwrap();
        let lost = Outcome::Lost(Lost::KeyReused(winner.clone()));
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == lost).count(), 1, "round {round}: {outcomes:?}");
        assert_eq!(outcomes.iter().filter(|outcome| outcome.done().is_some()).count(), 1, "round {round}");
    }
}

/// Texts sort by their bytes, whatever language the database speaks, as they do in the program.
#[tokio::test]
async fn ids_sort_by_their_bytes() {
    let mut bed = Bed::postgres().await;
    let ids = ["l-B", "l-a", "l-_b", "l-0-a", "l-0a", "l-~"];
    for id in ids {
        bed.done(ask(id)).await;
    }
    let look = bed.store.look("host", &Default::default()).await.unwrap().unwrap();
    let heads: Vec<&str> = look.classes[0].heads.iter().map(|waiting| waiting.lease.as_str()).collect();
    let mut sorted = ids;
    sorted.sort();
    assert_eq!(heads, sorted);
    assert_eq!(bed.store.by_prefix("l-0").await.unwrap().len(), 2);
    assert_eq!(bed.store.by_prefix("l-B").await.unwrap(), ["l-B"]);
    assert_eq!(bed.store.ahead(&bed.lease("l-_b").await).await.unwrap(), 3);
}
