//! Stopping in the middle of things, and starting twice.

use crate::house::House;
use drydock_core::model::status::LeaseStatus;

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_is_stopped_goes_on_where_it_was() {
    let mut house = House::with_hosts(2).await;
    let client = house.client();
    let mut leases = Vec::new();
    for number in 0..6 {
        leases.push(client.ask_for_host(&format!("c{number}")).await.id);
    }
    client.until_active(&leases[0]).await;
    let status = house.stop();
    assert_eq!(status.code(), Some(0), "{}", house.log());
    assert!(!house.socket().exists(), "the socket goes with the daemon");
    house.run(&["leases"]).assert_failed(5, &["no daemon answers on", "drydock serve"]);

    house.start().await;
    assert_eq!(client.lease(&leases[0]).await.lease.status, LeaseStatus::Active);
    for lease in &leases {
        client.until_active(lease).await;
        client.release(lease).await;
    }
    for lease in &leases {
        client.until_over(lease).await;
    }
    house.assert_clean().await;
}

#[tokio::test]
async fn a_second_daemon_on_the_same_store_is_told_of_the_first() {
    let house = House::with_hosts(1).await;
    let config = house.path("drydock.toml");
    let config = config.to_str().expect("a path that is text");
    let other = house.path("other");
    let other = other.to_str().expect("a path that is text");
    // Also with a socket of its own.
    for arguments in [&["serve", "--config", config][..], &["serve", "--config", config, "--socket", other]] {
        house.run(arguments).assert_failed(6, &[&house.pid().to_string(), "drydock.db"]);
    }
    assert_eq!(house.client().status().await.expect("the first one answers").pid, house.pid());
}
