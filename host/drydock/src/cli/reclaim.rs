//! `reclaim`: what nobody is on is closed.

use super::args::ReclaimArgs;
use super::client::{Client, ClientError, path};
use super::lists::{every_resource, resource_table};
use super::moment::now;
use super::output::{print_json, tell};
use super::release::agreed;
use crate::api::types::{ReleaseRequest, ResourceView};
use crate::exit::{self, Exit};
use drydock_core::model::rows::Wanted;

pub async fn reclaim(client: &Client, args: &ReclaimArgs) -> Result<u8, Exit> {
    let (mut resources, _) = every_resource(client, args.of.resources()?, usize::MAX).await?;
    let before = now().saturating_sub(args.idle.map_or(0, |idle| i64::try_from(idle.as_millis()).unwrap_or(i64::MAX)));
    resources.retain(|resource| {
        let keep = resource.status.alive() && resource.wanted == Wanted::Keep && resource.used == 0;
        keep && resource.idle_since.is_some_and(|since| since <= before)
    });
    if resources.is_empty() {
        tell("no resource like that is idle; nothing was changed");
        if args.json {
            print_json(&resources)?;
        }
        return Ok(exit::OK);
    }
    let would = format!("{} would be closed", counted(resources.len()));
    let question = format!("Close {}?", if resources.len() == 1 { "it" } else { "them" });
    if !args.yes && !agreed(|width| resource_table(&resources, now(), width), &would, &question)? {
        tell("nothing was changed");
        return Ok(exit::OK);
    }
    let reason = args.reason.clone().or_else(|| Some("it was idle, and an operator reclaimed it".to_owned()));
    let mut closed: Vec<ResourceView> = Vec::new();
    let mut failed = None;
    for resource in resources {
        let body =
            ReleaseRequest { reason: reason.clone(), if_idle_since: resource.idle_since, ..ReleaseRequest::default() };
        let answer: Result<ResourceView, ClientError> =
            client.post(&(path("resources", &resource.id) + "/release"), &body).await;
        match answer {
            Ok(view) => closed.push(view),
            // Somebody was faster: that is what it is kept for.
            Err(error) if error.conflict() => tell(&format!("{} is in use by now, and stays", resource.id)),
            Err(error) => {
                let exit = Exit::from(error);
                tell(&exit.message);
                failed.get_or_insert(exit.code);
            }
        }
    }
    if args.json {
        print_json(&closed)?;
    } else {
        tell(&format!("{} closed, or being closed", counted(closed.len())));
    }
    Ok(failed.unwrap_or(exit::OK))
}

fn counted(resources: usize) -> String {
    if resources == 1 { "1 resource".to_owned() } else { format!("{resources} resources") }
}
