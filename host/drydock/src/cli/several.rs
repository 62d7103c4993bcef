//! Several leases at once: `--count`, `--together` and `--set`.

use super::args::LeaseArgs;
use super::client::Client;
use super::holding::{Holding, keep};
use super::output::{plain, print, print_json, tell};
use super::signals::{Caught, Signals};
use super::waiting::{asked, release, request, until_active, until_active_telling};
use crate::api::types::{AskRequest, LeaseView, SetRequest, SetView};
use crate::exit::{self, Exit};
use drydock_core::contract::Labels;
use futures::future::try_join_all;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::path::Path;

/// At most so many are asked for at once; the daemon has the same limit for a set.
const MOST: usize = 64;

/// A file for `--set`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetFile {
    lease: Vec<Wanted>,
}

/// A `[[lease]]` of such a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(rename = "type")]
    kind: String,
    /// So many alike.
    #[serde(default = "one")]
    count: usize,
    #[serde(default)]
    attributes: Map<String, Value>,
    #[serde(default)]
    labels: Labels,
    #[serde(default)]
    blueprint: Option<String>,
}

fn one() -> usize {
    1
}

/// Leases all of them, or none: when one can't be had, or a signal comes, the others are released.
pub async fn leases(client: &Client, args: &LeaseArgs) -> Result<u8, Exit> {
    let requests = requests(args)?;
    let mut signals = Signals::catch()?;
    let together = args.together || args.set.is_some();
    let mut leases = match together {
        true => ask_together(client, requests, &mut signals).await?,
        false => ask_each(client, requests, &mut signals).await?,
    };
    if !args.no_wait {
        let holding: Vec<Holding> = leases.iter().map(|lease| Holding::of(client, lease)).collect();
        let ready = async {
            let all = leases.iter().enumerate();
            try_join_all(all.map(|(i, lease)| until_active_telling(client, &lease.id, !together || i == 0))).await?;
            try_join_all(leases.iter().map(|lease| keep(client, lease.clone()))).await?;
            // As they are now that they are kept.
            try_join_all(leases.iter().map(|lease| until_active(client, &lease.id))).await
        };
        let ready = tokio::select! {
            ready = ready => ready,
            caught = signals.next() => return Err(interrupted(client, &leases, caught).await),
        };
        leases = match ready {
            Ok(details) => details.into_iter().map(|detail| detail.lease).collect(),
            Err(exit) => return Err(without_the_others(client, &leases, exit).await),
        };
        drop(holding);
    }
    let ids: String = leases.iter().map(|lease| plain(&lease.id) + "\n").collect();
    let printed = if args.json { print_json(&leases) } else { print(&ids) };
    match printed {
        Ok(()) => Ok(exit::OK),
        // Nobody knows their ids.
        Err(exit) => Err(without_the_others(client, &leases, exit).await),
    }
}

/// A request for each; those of flags differ only in their keys.
fn requests(args: &LeaseArgs) -> Result<Vec<AskRequest>, Exit> {
    let wish = request(&args.wish, !args.no_wait)?;
    let all = match &args.set {
        Some(file) => of_file(file, &wish)?,
        None => vec![wish; args.count.map_or(1, usize::from)],
    };
    let numbered = |(i, ask): (usize, AskRequest)| {
        let key = ask.key.as_ref().map(|key| format!("{key}/{}", i + 1));
        AskRequest { key, wait_ms: None, ..ask }
    };
    Ok(all.into_iter().enumerate().map(numbered).collect())
}

fn of_file(file: &Path, wish: &AskRequest) -> Result<Vec<AskRequest>, Exit> {
    let name = file.display();
    let invalid = |why: String| Exit::new(exit::INVALID, format!("--set {name}: {why}"));
    let text = match file.as_os_str() == "-" {
        true => std::io::read_to_string(std::io::stdin()),
        false => std::fs::read_to_string(file),
    };
    let text = text.map_err(|error| invalid(format!("it can't be read: {error}")))?;
    let wanted: SetFile = toml::from_str(&text).map_err(|error| invalid(error.to_string()))?;
    let mut all = Vec::new();
    for (i, wanted) in wanted.lease.into_iter().enumerate() {
        if !(1..=MOST).contains(&wanted.count) {
            return Err(invalid(format!("lease[{i}].count: it is {}; it is 1 to {MOST}", wanted.count)));
        }
        let ask = AskRequest {
            kind: wanted.kind,
            attributes: wanted.attributes,
            labels: wanted.labels,
            blueprint: wanted.blueprint,
            ..wish.clone()
        };
        all.extend(std::iter::repeat_n(ask, wanted.count));
    }
    if all.is_empty() || all.len() > MOST {
        return Err(invalid(format!("it has {} leases; a set has 1 to {MOST}", all.len())));
    }
    Ok(all)
}

async fn ask_together(client: &Client, leases: Vec<AskRequest>, signals: &mut Signals) -> Result<Vec<LeaseView>, Exit> {
    let request = SetRequest { leases, wait_ms: None };
    match asked::<SetView>(client, "/v1/sets", &request, signals).await? {
        (set, None) => Ok(set.leases),
        (set, Some(caught)) => Err(interrupted(client, &set.leases, caught).await),
    }
}

async fn ask_each(client: &Client, asks: Vec<AskRequest>, signals: &mut Signals) -> Result<Vec<LeaseView>, Exit> {
    let mut leases: Vec<LeaseView> = Vec::with_capacity(asks.len());
    for ask in &asks {
        match asked::<LeaseView>(client, "/v1/leases", ask, signals).await {
            Ok((lease, None)) => leases.push(lease),
            Ok((lease, Some(caught))) => {
                leases.push(lease);
                return Err(interrupted(client, &leases, caught).await);
            }
            Err(exit) => return Err(without_the_others(client, &leases, exit).await),
        }
    }
    Ok(leases)
}

/// One could not be had: lets go of all of them, and says so.
async fn without_the_others(client: &Client, leases: &[LeaseView], mut exit: Exit) -> Exit {
    // They would be released by a daemon that is away.
    if exit.code == exit::UNREACHABLE && !leases.is_empty() {
        exit.message += &match leases.iter().all(|lease| lease.tied) {
            true => format!("; all {} that were asked for end soon after the daemon is back", leases.len()),
            false => format!(
                "; {} that were asked for may be kept: `drydock leases --owner {}` shows them once the daemon is back",
                leases.len(),
                plain(&leases[0].owner)
            ),
        };
    } else if !leases.is_empty() {
        exit.message += &match release_all(client, leases, "one of those asked for with it could not be had").await {
            Ok(()) => format!("; all {} that were asked for are released", leases.len()),
            Err(failed) => format!("; {}", failed.message),
        };
    }
    exit
}

async fn interrupted(client: &Client, leases: &[LeaseView], caught: Caught) -> Exit {
    match release_all(client, leases, &format!("its client was interrupted by {}", caught.name())).await {
        Ok(()) => Exit::new(caught.code(), format!("{} came; all {} leases are released", caught.name(), leases.len())),
        Err(exit) => Exit::new(caught.code(), exit.message),
    }
}

/// Every one is tried, also when another fails.
async fn release_all(client: &Client, leases: &[LeaseView], reason: &str) -> Result<(), Exit> {
    let mut failed = Ok(());
    for lease in leases {
        if let Err(exit) = release(client, &lease.id, reason).await {
            tell(&exit.message);
            failed = Err(exit);
        }
    }
    failed
}
