//! Clients that vanish, and leases whose time is over.

use crate::directory;
use crate::house::{House, ended, wait_for};
use crate::sshd::{is_alive, kill};
use drydock_core::model::status::LeaseStatus;
use std::fs;
use std::process::{Child, Stdio};

impl House {
    /// Starts a command of the program that goes on by itself.
    fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = self.drydock(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program can be run")
    }

    /// The only lease of this owner, as soon as there is one.
    async fn lease_of(&self, owner: &str) -> String {
        let client = self.client();
        let mut found = None;
        wait_for("the lease is asked for", async || {
            found = client.leases().await.into_iter().find(|lease| lease.owner == owner).map(|lease| lease.id);
            found.is_some()
        })
        .await;
        found.expect("it was found")
    }
}

#[tokio::test]
async fn a_lease_whose_holder_vanishes_ends_when_its_time_is_over() {
    let house = House::with_hosts(1).await;
    let client = house.client();
    let file = house.path("pid");
    let job = format!("echo $$ > {0}.new; mv {0}.new {0}; exec sleep 600", file.display());
    let mut with = house.spawn(&["with", "--type", "host", "--owner", "v", "--until", "6s", "--", "sh", "-c", &job]);
    wait_for("the job runs", async || file.exists()).await;
    with.kill().expect("it can be killed");
    ended(&mut with, "the client is gone");
    let lease = house.lease_of("v").await;
    let detail = client.until_over(&lease).await;
    assert_eq!(detail.lease.outcome.as_deref(), Some("expired"));
    house.run(&["why", &lease]).assert_printed(&["It ended (expired)", "ask with a later --until"]);
    house.assert_clean().await;
    // The host serves the next one.
    client.release(&client.host("w").await.lease.id).await;
    let job = fs::read_to_string(file).expect("the job's pid").trim().parse().expect("a number");
    kill(job, "KILL");
    wait_for("the job is gone", async || !is_alive(job)).await;
}

#[tokio::test]
async fn a_client_that_vanishes_while_it_waits_is_not_served_for_ever() {
    let house = House::with_hosts(1).await;
    let client = house.client();
    let holder = client.host("a").await.lease.id;
    let mut waiting = house.spawn(&["lease", "--type", "host", "--owner", "v", "--timeout", "4s"]);
    let lease = house.lease_of("v").await;
    waiting.kill().expect("it can be killed");
    ended(&mut waiting, "the client is gone");
    client.until_why(&lease, &["It waits, number 1 in line", &holder]).await;
    let detail = client.until_over(&lease).await;
    assert_eq!((detail.lease.outcome.as_deref(), detail.lease.active_at), (Some("expired"), None));
    house.run(&["why", &lease]).assert_printed(&["was not active in time", "--timeout"]);
    client.release(&holder).await;
    client.until_over(&holder).await;
    house.assert_clean().await;
}

#[tokio::test]
async fn a_client_that_is_interrupted_while_it_waits_lets_go() {
    let house = House::with_hosts(1).await;
    let client = house.client();
    let holder = client.host("a").await.lease.id;
    let waiting = house.spawn(&["lease", "--type", "host", "--owner", "v"]);
    let lease = house.lease_of("v").await;
    kill(waiting.id(), "TERM");
    let ran: crate::house::tool::Ran = waiting.wait_with_output().expect("its end").into();
    assert_eq!(ran.code, Some(128 + 15));
    let detail = client.until_over(&lease).await;
    assert_eq!(detail.lease.outcome.as_deref(), Some("released"));
    client.release(&holder).await;
    client.until_over(&holder).await;
    house.assert_clean().await;
}

#[tokio::test]
async fn a_lease_that_expires_while_it_waits_says_for_what_it_waited() {
    let house = House::with_hosts(1).await;
    let client = house.client();
    let holder = client.host("a").await.lease.id;
    let ran = house.run(&["lease", "--type", "host", "--owner", "v", "--timeout", "1s"]);
    ran.assert_failed(4, &["waits, number 1 in line", &holder, "was not active in time", "`drydock why"]);
    let lease = house.lease_of("v").await;
    assert_eq!(client.until_over(&lease).await.lease.outcome.as_deref(), Some("expired"));
    // Nobody stands in line for it any more.
    client.release(&holder).await;
    client.release(&client.host("b").await.lease.id).await;
}

#[tokio::test]
async fn a_lease_that_expires_while_it_is_used_ends_what_uses_it() {
    let house = House::with_hosts(1).await;
    let client = house.client();
    let ran = house.run(&["with", "--type", "host", "--owner", "v", "--until", "3s", "--", "sleep", "600"]);
    ran.assert_failed(125, &["its time was over", "ask with a later --until", "sleep was ended"]);
    let lease = house.lease_of("v").await;
    let detail = client.until_over(&lease).await;
    assert_eq!(detail.lease.outcome.as_deref(), Some("expired"));
    house.assert_clean().await;
}

#[tokio::test]
async fn a_command_on_a_host_ends_with_its_lease() {
    let house = House::with_hosts(1).await;
    let client = house.client();
    let detail = client.host("a").await;
    let (lease, directory) = (detail.lease.id.clone(), directory(&detail));
    let command = house.spawn(&["command", &lease, "--", "sh", "-c", "echo $$ > pid; exec sleep 600"]);
    wait_for("the command runs", async || {
        fs::read_to_string(directory.join("pid")).is_ok_and(|pid| pid.ends_with('\n'))
    })
    .await;
    let process = fs::read_to_string(directory.join("pid")).expect("its pid").trim().parse().expect("a number");
    client.release(&lease).await;
    assert_eq!(command.wait_with_output().expect("its end").status.code(), Some(125));
    wait_for("the command is gone", async || !is_alive(process)).await;
    assert_eq!(client.until_over(&lease).await.lease.status, LeaseStatus::Destroyed);
    house.assert_clean().await;
}
