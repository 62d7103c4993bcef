//! Many clients at once.

use crate::house::House;
use crate::{ledger, visitor};
use std::time::Duration;
use tokio::task::JoinSet;

/// Each takes a host, works there for a moment, and lets go.
async fn crowd(hosts: usize, clients: usize) {
    let house = House::with_hosts(hosts).await;
    let mut visitors = JoinSet::new();
    for number in 0..clients {
        visitors.spawn(visitor::stay(house.client(), format!("c{number}"), Duration::from_millis(100)));
    }
    let stays = visitors.join_all().await;
    assert_eq!(stays.len(), clients);
    ledger::settle(&house, &stays).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifteen_leases_over_fifty_hosts() {
    crowd(50, 15).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_and_fifty_leases_at_once_over_fifty_hosts() {
    crowd(50, 150).await;
}
