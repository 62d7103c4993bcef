//! One client of a daemon that is measured: it asks, waits and lets go as the command line does.

use crate::api::types::{AskRequest, LeaseDetailView, LeaseView, ReleaseRequest, WaitQuery};
use crate::cli::client::{Client, path};
use anyhow::{Context, bail};
use drydock_core::model::status::LeaseStatus;
use std::time::Duration;

/// How long one long poll waits at most.
const POLL_MS: u64 = 60_000;

/// No lease takes so long, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Asks for a host. `wait_ms`: how long the answer may wait for it.
pub async fn ask(client: &Client, wait_ms: Option<u64>) -> anyhow::Result<LeaseView> {
    ask_for(client, "host", wait_ms).await
}

async fn ask_for(client: &Client, kind: &str, wait_ms: Option<u64>) -> anyhow::Result<LeaseView> {
    let request = AskRequest { kind: kind.into(), owner: Some("bench".into()), wait_ms, ..AskRequest::default() };
    client.post("/v1/leases", &request).await.context("a lease was asked for")
}

/// Asks for a host and waits until there is one.
pub async fn lease(client: &Client) -> anyhow::Result<String> {
    lease_of(client, "host").await
}

/// The same of another type.
pub async fn lease_of(client: &Client, kind: &str) -> anyhow::Result<String> {
    let lease = ask_for(client, kind, Some(POLL_MS)).await?;
    let id = lease.id.clone();
    until_active(client, lease).await?;
    Ok(id)
}

/// Waits, by long polls, until a lease is active.
pub async fn until_active(client: &Client, lease: LeaseView) -> anyhow::Result<()> {
    let id = lease.id.clone();
    until(client, lease, LeaseStatus::Active, |status| match status {
        LeaseStatus::Pending | LeaseStatus::Acquired => Ok(()),
        other => bail!("lease {id} is {}, not active", other.name()),
    })
    .await
}

/// Lets go, and waits until all that was made for the lease is cleaned up.
pub async fn finish(client: &Client, id: &str) -> anyhow::Result<()> {
    let lease = release(client, id).await?;
    until(client, lease, LeaseStatus::Destroyed, |status| match status {
        LeaseStatus::Broken => bail!("lease {id} broke"),
        _ => Ok(()),
    })
    .await
}

async fn until(
    client: &Client,
    mut lease: LeaseView,
    wanted: LeaseStatus,
    may_pass: impl Fn(LeaseStatus) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let id = lease.id.clone();
    let wait = async {
        while lease.status != wanted {
            may_pass(lease.status)?;
            let query = WaitQuery { wait_ms: Some(POLL_MS), seen: Some(lease.tag) };
            let detail: LeaseDetailView =
                client.get(&path("leases", &id), &query).await.with_context(|| format!("lease {id} was waited for"))?;
            lease = detail.lease;
        }
        Ok(())
    };
    match tokio::time::timeout(PATIENCE, wait).await {
        Ok(result) => result,
        Err(_) => bail!("lease {id} was not {} within {} seconds", wanted.name(), PATIENCE.as_secs()),
    }
}

/// The lease as it is then.
pub async fn release(client: &Client, id: &str) -> anyhow::Result<LeaseView> {
    let body = ReleaseRequest { reason: Some("its holder let it go".into()), ..ReleaseRequest::default() };
    client.post(&(path("leases", id) + "/release"), &body).await.with_context(|| format!("lease {id} was let go of"))
}
