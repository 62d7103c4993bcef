//! Keys that do not fit.

use crate::house::House;
use std::fs;

#[tokio::test]
async fn a_refused_key_is_named_with_the_file_that_lacks_it() {
    let house = House::with_hosts(1).await;
    fs::write(house.sshd.path("authorized_keys"), "").expect("no key may log in");
    let client = house.client();
    let lease = client.ask_for_host("a").await.id;
    client.until_why(&lease, &["It waits", "h1 could not be asked to", "authorized_keys"]).await;
    house.run(&["why", &lease]).assert_printed(&["credential lab", "authorized_keys"]);
    // It ends like any other.
    assert!(client.release(&lease).await.status.ended());
    client.until_over(&lease).await;
    house.assert_clean().await;
}

#[tokio::test]
async fn an_unknown_host_key_is_shown_with_the_command_that_adds_it() {
    let house = House::prepare(1);
    fs::write(house.sshd.known_hosts(), "").expect("no host is known");
    let mut house = house;
    house.start().await;
    let client = house.client();
    let lease = client.ask_for_host("a").await.id;
    let scan = format!("ssh-keyscan -p {} 127.0.0.1 >> ", house.sshd.port);
    client.until_why(&lease, &["is not known", "SHA256:", &scan]).await;
    house.run(&["why", &lease]).assert_printed(&["is not known", &scan]);

    // Who does what it says is served, without a restart.
    house.sshd.learn();
    client.until_active(&lease).await;
    client.release(&lease).await;
    client.until_over(&lease).await;
    house.assert_clean().await;
}

#[tokio::test]
async fn a_changed_host_key_is_told_from_an_unknown_one() {
    let mut house = House::with_hosts(1).await;
    house.sshd.down();
    house.sshd.change_host_key();
    house.sshd.up();
    let client = house.client();
    let lease = client.ask_for_host("a").await.id;
    let parts = ["another host key than the known one", "Ask its owner", "ssh-keygen -R"];
    client.until_why(&lease, &parts).await;
    house.run(&["why", &lease]).assert_printed(&parts);
    client.release(&lease).await;
    client.until_over(&lease).await;
    house.assert_clean().await;
}
