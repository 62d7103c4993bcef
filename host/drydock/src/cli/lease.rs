//! `lease` and `wait`.

use super::args::{LeaseArgs, WaitArgs};
use super::client::Client;
use super::holding::{Holding, keep};
use super::output::{plain, print, print_json, tell};
use super::several;
use super::signals::Signals;
use super::waiting::{ask, interrupted, release, request, until_active, until_ours};
use crate::api::types::LeaseView;
use crate::exit::{self, Exit};

pub async fn lease(client: &Client, args: &LeaseArgs) -> Result<u8, Exit> {
    if args.count.is_some() || args.set.is_some() {
        return several::leases(client, args).await;
    }
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

fn print_lease(lease: &LeaseView, json: bool) -> Result<(), Exit> {
    if json { print_json(lease) } else { print(&(plain(&lease.id) + "\n")) }
}
