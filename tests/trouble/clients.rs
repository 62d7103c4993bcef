//! Clients that vanish, and leases whose time is over.

use crate::directory;
use crate::house::{House, ended, wait_for};
use crate::sshd::{is_alive, kill};
use drydock::api::types::AskRequest;
use drydock_core::model::status::LeaseStatus;
use serde_json::json;
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

    /// A `with` for this owner whose job goes on until it is killed, or the gate is opened; with the job's process.
    async fn with(&self, owner: &str) -> (Child, u32) {
        let (pid, gate) = (self.path(&format!("{owner}.pid")), self.path("gate"));
        let job = format!(
            "echo $$ > {0}.new; mv {0}.new {0}; until [ -e {1} ]; do sleep 0.05; done",
            pid.display(),
            gate.display()
        );
        let with = self.spawn(&["with", "--type", "host", "--owner", owner, "--", "sh", "-c", &job]);
        wait_for("the job runs", async || pid.exists()).await;
        (with, fs::read_to_string(pid).expect("the job's pid").trim().parse().expect("a number"))
    }
}

/// Kills a client, which has no time to say anything.
fn vanish(client: &mut Child) {
    client.kill().expect("it can be killed");
    ended(client, "the client is gone");
}

#[tokio::test]
async fn a_lease_whose_holder_vanishes_ends() {
    let house = House::with_hosts(1).await;
    let client = house.client();
    let (mut with, job) = house.with("v").await;
    vanish(&mut with);
    let lease = house.lease_of("v").await;
    let detail = client.until_over(&lease).await;
    assert_eq!(detail.lease.outcome.as_deref(), Some("holder-gone"));
    house.run(&["why", &lease]).assert_printed(&["It ended (holder-gone): its client is gone"]);
    house.assert_clean().await;
    // The host serves the next one.
    client.release(&client.host("w").await.lease.id).await;
    kill(job, "KILL");
    wait_for("the job is gone", async || !is_alive(job)).await;
}

#[tokio::test]
async fn a_client_that_vanishes_while_it_waits_waits_no_more() {
    let house = House::with_hosts(1).await;
    let client = house.client();
    let holder = client.host("a").await.lease.id;
    let mut waiting = house.spawn(&["lease", "--type", "host", "--owner", "v"]);
    let lease = house.lease_of("v").await;
    client.until_why(&lease, &["It waits, number 1 in line", &holder]).await;
    vanish(&mut waiting);
    let detail = client.until_over(&lease).await;
    assert_eq!((detail.lease.outcome.as_deref(), detail.lease.active_at), (Some("holder-gone"), None));
    house.run(&["why", &lease]).assert_printed(&["It ended (holder-gone): its client is gone"]);
    client.release(&holder).await;
    let next = client.host("w").await.lease.id;
    client.release(&next).await;
    client.until_over(&next).await;
    house.assert_clean().await;
}

#[tokio::test]
async fn a_lease_that_was_printed_outlives_its_client() {
    let house = House::with_hosts(2).await;
    let client = house.client();
    let printed = house.run(&["lease", "--type", "host", "--owner", "v"]);
    assert_eq!(printed.code, Some(0), "{printed:?}");
    let kept = printed.stdout.trim().to_owned();
    // A client that vanishes later than the one that printed it.
    let (mut with, job) = house.with("w").await;
    vanish(&mut with);
    kill(job, "KILL");
    client.until_over(&house.lease_of("w").await).await;
    let lease = client.lease(&kept).await.lease;
    assert_eq!((lease.status, lease.tied), (LeaseStatus::Active, false));
    client.release(&kept).await;
    client.until_over(&kept).await;
    house.assert_clean().await;
}

#[tokio::test]
async fn a_daemon_that_ends_is_waited_for_and_keeps_the_lease() {
    let mut house = House::prepare(1);
    house.configure(json!({ "hold_grace": 15 }));
    house.start().await;
    let client = house.client();
    let (mut with, _) = house.with("v").await;
    let lease = house.lease_of("v").await;
    assert!(house.stop().success());
    house.start().await;
    house.kill();
    house.start().await;
    // One that was asked for later, and that nobody holds, is given up before.
    let request = AskRequest {
        kind: "host".into(),
        owner: Some("nobody".into()),
        key: Some("k".into()),
        tied: true,
        ..AskRequest::default()
    };
    let given_up = client.ask(&request).await.id;
    assert_eq!(client.until_over(&given_up).await.lease.outcome.as_deref(), Some("holder-gone"));
    let held = client.lease(&lease).await.lease;
    assert_eq!((held.status, held.tied), (LeaseStatus::Active, true));
    fs::write(house.path("gate"), "").expect("the gate can be opened");
    assert_eq!(ended(&mut with, "the job ends").code(), Some(0));
    assert_eq!(client.until_over(&lease).await.lease.outcome.as_deref(), Some("released"));
    house.assert_clean().await;
}

#[tokio::test]
async fn a_client_that_vanishes_while_the_daemon_is_away_is_found_gone() {
    let mut house = House::prepare(1);
    house.configure(json!({ "hold_grace": 1 }));
    house.start().await;
    let client = house.client();
    let (mut with, job) = house.with("v").await;
    let lease = house.lease_of("v").await;
    house.kill();
    vanish(&mut with);
    kill(job, "KILL");
    house.start().await;
    assert_eq!(client.until_over(&lease).await.lease.outcome.as_deref(), Some("holder-gone"));
    house.assert_clean().await;
    client.release(&client.host("w").await.lease.id).await;
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
    let waited = "Until then it waits, number 1 in line: lab: no host is free";
    ran.assert_failed(4, &["waits, number 1 in line", &holder, "was not active in time", waited]);
    let lease = house.lease_of("v").await;
    house.run(&["why", &lease]).assert_printed(&["It ended (expired)", waited]);
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
