//! `lease`, `wait` and `release`.

use super::args::{LeaseArgs, ReleaseArgs, WaitArgs};
use super::client::{Client, ClientError, path};
use super::holding::{Holding, keep};
use super::output::{plain, print, print_json, tell};
use super::signals::Signals;
use super::waiting::{ask, interrupted, release, request, until_active, until_ours};
use crate::api::types::{LeaseView, ReleaseRequest};
use crate::exit::{self, Exit};
use serde_json::Value;

pub async fn lease(client: &Client, args: &LeaseArgs) -> Result<u8, Exit> {
    // While nobody knows its id but this client, it ends with it.
    let mut request = request(&args.wish, !args.no_wait)?;
    if args.no_wait {
        request.wait_ms = None;
    }
    let mut signals = Signals::catch()?;
    let mut lease = ask(client, &request, &mut signals).await?;
    if !args.no_wait {
        let holding = Holding::of(client, &lease);
        lease = until_ours(client, &lease, &mut signals).await?.lease;
        lease = tokio::select! {
            kept = keep(client, lease.clone()) => kept?,
            caught = signals.next() => return Err(interrupted(client, &lease.id, caught).await),
        };
        drop(holding);
    }
    if let Err(error) = print_lease(&lease, args.json) {
        // Nobody knows its id.
        release(client, &lease.id, "its client could not print its id").await?;
        tell(&format!("its id could not be printed, so lease {} is released", lease.id));
        return Err(error);
    }
    Ok(exit::OK)
}

pub async fn wait(client: &Client, args: &WaitArgs) -> Result<u8, Exit> {
    let waiting = until_active(client, &args.lease);
    let detail = match args.timeout {
        None => waiting.await?,
        Some(timeout) => tokio::time::timeout(timeout, waiting).await.map_err(|_| {
            let id = plain(&args.lease);
            let shown = humantime::format_duration(timeout);
            Exit::new(
                exit::BUSY,
                format!(
                    "lease {id} was not active within {shown}; it still waits, and `drydock why {id}` says for what"
                ),
            )
        })??,
    };
    print_lease(&detail.lease, args.json)?;
    Ok(exit::OK)
}

pub async fn release_all(client: &Client, args: &ReleaseArgs) -> Result<u8, Exit> {
    let kind = if args.resource { "resources" } else { "leases" };
    let body = ReleaseRequest { reason: args.reason.clone(), if_epoch: args.if_epoch };
    let mut released: Vec<Value> = Vec::new();
    let mut failed = None;
    for id in &args.ids {
        let answer: Result<Value, ClientError> = client.post(&(path(kind, id) + "/release"), &body).await;
        match answer {
            Ok(view) => released.push(view),
            Err(error) => {
                let exit = Exit::from(error);
                // The others are still to be tried; the first failure gives the code.
                tell(&exit.message);
                failed.get_or_insert(exit.code);
            }
        }
    }
    if args.json {
        print_json(&released)?;
    }
    Ok(failed.unwrap_or(exit::OK))
}

fn print_lease(lease: &LeaseView, json: bool) -> Result<(), Exit> {
    if json { print_json(lease) } else { print(&(plain(&lease.id) + "\n")) }
}
