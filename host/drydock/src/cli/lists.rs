//! `leases` and `resources`.

use super::args::{LeasesArgs, ResourcesArgs};
use super::client::Client;
use super::filters::ListArgs;
use super::moment::{now, relative};
use super::output::{print, print_json, table, tell, width};
use crate::api::types::{Cursor, LeaseView, Leases, LeasesQuery, ResourceView, Resources, ResourcesQuery};
use crate::exit::{self, Exit};
use drydock_core::model::rows::Wanted;
use drydock_core::model::status::ResourceStatus;

/// Rows of one answer.
const PAGE: usize = 1_000;

pub async fn leases(client: &Client, args: &LeasesArgs) -> Result<u8, Exit> {
    let ListArgs { all, finished, limit, json } = args.list;
    let query = LeasesQuery { all, finished, ..args.which.leases()? };
    let (leases, next) = every_lease(client, query, limit as usize).await?;
    if json {
        print_json(&Leases { leases, next })?;
    } else {
        print(&lease_table(&leases, now(), width()))?;
        tell_of_more(next.is_some(), limit);
    }
    Ok(exit::OK)
}

/// Leases page by page, up to a limit; and where the list would go on.
pub async fn every_lease(
    client: &Client,
    query: LeasesQuery,
    limit: usize,
) -> Result<(Vec<LeaseView>, Option<String>), Exit> {
    every(limit, async |page, after| {
        let query = LeasesQuery { limit: page, after, ..query.clone() };
        let answer: Leases = client.get("/v1/leases", &query).await?;
        Ok((answer.leases, answer.next))
    })
    .await
}

pub async fn resources(client: &Client, args: &ResourcesArgs) -> Result<u8, Exit> {
    let ListArgs { all, finished, limit, json } = args.list;
    let query = ResourcesQuery { status: args.status, all, finished, ..args.of.resources()? };
    let (resources, next) = every_resource(client, query, limit as usize).await?;
    if json {
        print_json(&Resources { resources, next })?;
    } else {
        print(&resource_table(&resources, now(), width()))?;
        tell_of_more(next.is_some(), limit);
    }
    Ok(exit::OK)
}

/// The same for resources.
pub async fn every_resource(
    client: &Client,
    query: ResourcesQuery,
    limit: usize,
) -> Result<(Vec<ResourceView>, Option<String>), Exit> {
    every(limit, async |page, after| {
        let query = ResourcesQuery { limit: page, after, ..query.clone() };
        let answer: Resources = client.get("/v1/resources", &query).await?;
        Ok((answer.resources, answer.next))
    })
    .await
}

/// Asks for page after page.
async fn every<T>(
    limit: usize,
    page: impl AsyncFn(Option<u32>, Option<Cursor>) -> Result<(Vec<T>, Option<String>), Exit>,
) -> Result<(Vec<T>, Option<String>), Exit> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let size = PAGE.min(limit - all.len());
        let (mut rows, next) = page(Some(size as u32), after).await?;
        all.append(&mut rows);
        let (Some(text), true) = (next.clone(), all.len() < limit) else { return Ok((all, next)) };
        let cursor = Cursor::try_from(text);
        after = Some(cursor.map_err(|why| Exit::new(exit::FAILURE, format!("the daemon's list can't go on: {why}")))?);
    }
}

fn tell_of_more(more: bool, limit: u32) {
    if more {
        tell(&format!("there may be more than these {limit}; --limit says how many are listed"));
    }
}

/// A lease's status for people: also that it is to end, and how it ended.
pub fn lease_status(lease: &LeaseView) -> String {
    match &lease.outcome {
        Some(outcome) if outcome != lease.status.name() => format!("{} ({outcome})", lease.status),
        None if lease.wanted == Wanted::End && !lease.status.ended() => format!("{} (ending)", lease.status),
        _ => lease.status.to_string(),
    }
}

/// A resource's status for people: also that it is to be closed.
pub fn resource_status(resource: &ResourceView) -> String {
    if resource.wanted == Wanted::End && resource.status.alive() {
        format!("{} (closing)", resource.status)
    } else if resource.sick.is_some() && resource.status.alive() {
        format!("{} (out of use)", resource.status)
    } else if resource.drained.is_some() && resource.status.alive() {
        format!("{} (drained)", resource.status)
    } else {
        resource.status.to_string()
    }
}

/// Why a resource is as it is.
fn noted(resource: &ResourceView) -> Option<String> {
    let why = resource.reason.clone().or_else(|| resource.sick.clone()).or_else(|| resource.drained.clone());
    match (why, &resource.note) {
        // What is to be gone and is not, or is not open yet: what the last try said.
        (Some(why), Some(note)) if resource.status != ResourceStatus::Active => Some(format!("{why}; {note}")),
        (why, note) => why.or_else(|| note.clone()),
    }
}

pub fn lease_table(leases: &[LeaseView], now: i64, width: Option<u16>) -> String {
    let rows: Vec<Vec<String>> = leases
        .iter()
        .map(|lease| {
            vec![
                lease.id.clone(),
                lease.kind.clone(),
                lease_status(lease),
                lease.owner.clone(),
                lease.resource.clone().unwrap_or_default(),
                relative(now, lease.asked_at),
                lease.active_at.map(|at| relative(now, at)).unwrap_or_default(),
                lease.ended_at.or(lease.until).map(|at| relative(now, at)).unwrap_or_default(),
                lease.reason.clone().unwrap_or_default(),
            ]
        })
        .collect();
    let heading = ["LEASE", "TYPE", "STATUS", "OWNER", "RESOURCE", "ASKED", "ACTIVE", "END", "REASON"];
    listed("leases", &heading, &rows, width)
}

pub fn resource_table(resources: &[ResourceView], now: i64, width: Option<u16>) -> String {
    let rows: Vec<Vec<String>> = resources
        .iter()
        .map(|resource| {
            vec![
                resource.id.clone(),
                resource.name.clone(),
                resource.kind.clone(),
                resource.blueprint.clone(),
                resource_status(resource),
                format!("{}/{}", resource.used, resource.shares),
                relative(now, resource.created_at),
                resource.idle_since.map(|at| relative(now, at)).unwrap_or_default(),
                noted(resource).unwrap_or_default(),
            ]
        })
        .collect();
    let heading = ["RESOURCE", "NAME", "TYPE", "BLUEPRINT", "STATUS", "USED", "MADE", "IDLE SINCE", "NOTE"];
    listed("resources", &heading, &rows, width)
}

pub fn listed(what: &str, heading: &[&str], rows: &[Vec<String>], width: Option<u16>) -> String {
    if rows.is_empty() { format!("no {what}\n") } else { table(heading, rows, width) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    fn lease(id: &str, more: serde_json::Value) -> LeaseView {
        let mut fields = json!({
            "id": id, "type": "host", "owner": "ci", "status": "active", "wanted": "keep", "asked_at": 100_000,
            "attributes": {}, "labels": {}, "tag": "1",
        });
        let object = fields.as_object_mut().unwrap();
        object.extend(more.as_object().unwrap().clone());
        from_value(fields).unwrap()
    }

    #[test]
    fn leases_are_told_relative_to_now() {
        let leases = [
            lease("l-2", json!({"resource": "r-1", "active_at": 103_000, "until": 7_300_000})),
            lease(
                "l-1",
                json!({"status": "destroyed", "outcome": "broken", "wanted": "end", "reason": "gone\u{1b}", "ended_at": 104_000}),
            ),
            lease("l-0", json!({"status": "pending", "wanted": "end"})),
        ];
        assert_eq!(
            lease_table(&leases, 105_000, None),
            "LEASE  TYPE  STATUS              OWNER  RESOURCE  ASKED    ACTIVE   END      REASON\n\
             l-2    host  active              ci     r-1       5 s ago  2 s ago  in 2 h\n\
             l-1    host  destroyed (broken)  ci               5 s ago           1 s ago  gone\\u{1b}\n\
             l-0    host  pending (ending)    ci               5 s ago\n"
        );
    }

    #[test]
    fn an_empty_list_says_so() {
        assert_eq!(lease_table(&[], 0, Some(80)), "no leases\n");
        assert_eq!(resource_table(&[], 0, Some(80)), "no resources\n");
    }
}
