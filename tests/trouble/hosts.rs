//! Hosts that do not answer.

use crate::directory;
use crate::house::{House, wait_for};
use crate::sshd::kill;
use drydock_core::model::rows::Wanted;
use drydock_core::model::status::LeaseStatus;
use std::fs;

#[tokio::test]
async fn a_dead_host_is_named_to_those_who_wait_and_serves_when_it_is_back() {
    let mut house = House::with_hosts(1).await;
    house.sshd.down();
    let client = house.client();
    let lease = client.ask_for_host("a").await.id;
    let address = format!("127.0.0.1:{}", house.sshd.port);
    client.until_why(&lease, &["It waits, number 1 in line", "h1 could not be asked to", &address]).await;
    house.run(&["why", &lease]).assert_printed(&["It waits", "h1 could not be asked to", &address]);
    // Who may not wait so long is told why, too.
    let ran = house.run(&["lease", "--type", "host", "--timeout", "1s"]);
    ran.assert_failed(4, &["was not active in time", "--timeout", "Until then it "]);

    house.sshd.up();
    client.until_active(&lease).await;
    client.release(&lease).await;
    client.until_over(&lease).await;
    house.assert_clean().await;
}

#[tokio::test]
async fn what_a_dead_host_keeps_is_a_leftover_until_it_is_back() {
    let mut house = House::with_hosts(1).await;
    let client = house.client();
    let detail = client.host("a").await;
    let (lease, directory) = (detail.lease.id.clone(), directory(&detail));
    fs::write(directory.join("work"), "half done").expect("a file in the directory");
    house.sshd.down();

    // It ends at once, whatever the host says.
    house.run(&["release", &lease]).assert_printed(&[]);
    let detail = client.lease(&lease).await;
    assert!(detail.lease.status.ended(), "{detail:#?}");
    assert_eq!(detail.lease.outcome.as_deref(), Some("released"));
    // Nothing stays that only the host could end.
    let detail = client.until_over(&lease).await;
    assert_eq!(detail.leftovers.len(), 1, "{detail:#?}");
    assert!(directory.join("work").exists());
    let place = directory.file_name().and_then(|name| name.to_str()).expect("the place's id");
    let shown = house.run(&["show", &lease]);
    shown.assert_printed(&["Leftovers", place, "host/h1", "could not be cleaned", "h1 could not be asked to"]);

    house.sshd.up();
    let next = client.host("b").await;
    assert!(!directory.exists(), "it is cleared before the host is lent again");
    assert_eq!(client.lease(&lease).await.leftovers, []);
    client.release(&next.lease.id).await;
    client.until_over(&next.lease.id).await;
    house.assert_clean().await;
}

/// Freezes the host: it answers nothing, and refuses nothing.
struct Frozen(Vec<u32>);

impl Frozen {
    fn new(house: &House) -> Frozen {
        let server = fs::read_to_string(house.sshd.path("pid")).expect("the server's pid");
        let mut processes = vec![server.trim().parse().expect("a number")];
        processes.extend(house.sshd.session_processes());
        processes.iter().for_each(|process| kill(*process, "STOP"));
        Frozen(processes)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.0.iter().for_each(|process| kill(*process, "CONT"));
    }
}

#[tokio::test]
async fn a_lease_that_is_released_while_it_is_set_up_ends_at_once() {
    let house = House::with_hosts(1).await;
    let client = house.client();
    // The host is open from here on; what follows stands still in `activate`.
    let first = client.host("a").await.lease.id;
    client.release(&first).await;
    client.until_over(&first).await;
    let frozen = Frozen::new(&house);
    let lease = client.ask_for_host("b").await.id;
    client.until(&lease, "it is being set up", |detail| detail.lease.status == LeaseStatus::Acquired).await;
    client.until_why(&lease, &["It is being set up on h1"]).await;

    let released = client.release(&lease).await;
    assert!(released.status.ended() && released.wanted == Wanted::End, "{released:#?}");
    let said = client.until_why(&lease, &["It ended (released)", "asked by its holder"]).await;
    assert!(said.contains("is being cleaned up"), "{said}");
    let waiting = house.run(&["wait", &lease]);
    waiting.assert_failed(1, &["has ended (released)", "asked by its holder", "drydock log"]);

    drop(frozen);
    client.until_over(&lease).await;
    wait_for("nothing is left", async || house.left().is_empty()).await;
    house.assert_clean().await;
}

#[tokio::test]
async fn a_lease_that_is_released_while_its_host_is_opened_ends_at_once() {
    let house = House::with_hosts(1).await;
    let client = house.client();
    let frozen = Frozen::new(&house);
    let lease = client.ask_for_host("a").await.id;
    client.until_why(&lease, &["has a place on h1, and waits for that to open"]).await;
    let released = client.release(&lease).await;
    assert_eq!(released.status, LeaseStatus::Destroyed, "nothing was made for it yet");
    drop(frozen);
    let next = client.host("b").await.lease.id;
    client.release(&next).await;
    client.until_over(&next).await;
    house.assert_clean().await;
}
