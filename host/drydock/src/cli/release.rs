//! `release`: by id, or by what leases are.

use super::args::ReleaseArgs;
use super::client::{Client, ClientError, path};
use super::lists::{every_lease, lease_table};
use super::moment::now;
use super::output::{print_json, tell};
use crate::api::types::ReleaseRequest;
use crate::exit::{self, Exit};
use drydock_core::model::rows::Wanted;
use futures::StreamExt;
use futures::stream;
use serde_json::Value;
use std::io::{IsTerminal, Write};

/// So many are let go of at once: those that come together share their commits.
const AT_ONCE: usize = 16;

pub async fn release(client: &Client, args: &ReleaseArgs) -> Result<u8, Exit> {
    let kind = if args.resource { "resources" } else { "leases" };
    let ids = match args.ids.is_empty() {
        false => args.ids.clone(),
        true => match chosen(client, args).await? {
            Some(ids) => ids,
            None => return Ok(exit::OK),
        },
    };
    let body = &ReleaseRequest { reason: args.reason.clone(), if_epoch: args.if_epoch, if_idle_since: None };
    let releases = ids.iter().map(|id| async move {
        let answer: Result<Value, ClientError> = client.post(&(path(kind, id) + "/release"), body).await;
        answer
    });
    let mut answers = stream::iter(releases).buffered(AT_ONCE);
    let mut released: Vec<Value> = Vec::new();
    let mut failed = None;
    while let Some(answer) = answers.next().await {
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
    } else if args.ids.is_empty() {
        tell(&format!("{} released", counted(released.len())));
    }
    Ok(failed.unwrap_or(exit::OK))
}

/// The leases that the flags mean, once somebody has agreed to them; none when nothing is to be done.
async fn chosen(client: &Client, args: &ReleaseArgs) -> Result<Option<Vec<String>>, Exit> {
    let (mut leases, _) = every_lease(client, args.which.leases()?, usize::MAX).await?;
    leases.retain(|lease| lease.wanted == Wanted::Keep);
    if leases.is_empty() {
        tell("no lease is like that; nothing was changed");
        if args.json {
            print_json(&Vec::<Value>::new())?;
        }
        return Ok(None);
    }
    let count = counted(leases.len());
    let question = format!("Release {}?", if leases.len() == 1 { "it" } else { "them" });
    if !args.yes
        && !agreed(|width| lease_table(&leases, now(), width), &format!("{count} would be released"), &question)?
    {
        tell("nothing was changed");
        return Ok(None);
    }
    Ok(Some(leases.into_iter().map(|lease| lease.id).collect()))
}

/// Shows what something would be done to, in so many columns of a terminal, and asks.
pub(super) fn agreed(shown: impl FnOnce(Option<u16>) -> String, would: &str, question: &str) -> Result<bool, Exit> {
    let mut stderr = std::io::stderr();
    let width = terminal_size::terminal_size_of(&stderr).map(|(width, _)| width.0);
    let _ = stderr.write_all(shown(width).as_bytes());
    if !std::io::stdin().is_terminal() || !stderr.is_terminal() {
        let why = format!("{would}, and nobody can be asked here; give --yes to do it");
        return Err(Exit::new(exit::INVALID, why));
    }
    let _ = write!(stderr, "{question} [y/N] ");
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(|error| Exit::new(exit::FAILURE, format!("the answer can't be read: {error}")))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn counted(leases: usize) -> String {
    if leases == 1 { "1 lease".to_owned() } else { format!("{leases} leases") }
}
