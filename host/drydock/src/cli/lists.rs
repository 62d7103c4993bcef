//! `leases` and `resources`.

use super::args::{LeasesArgs, ResourcesArgs};
use super::client::Client;
use super::moment::{now, relative};
use super::output::{print, print_json, table, width};
use crate::api::types::{LeaseView, Leases, LeasesQuery, ResourceView, Resources, ResourcesQuery};
use crate::exit::{self, Exit};
use drydock_core::model::rows::Wanted;

pub async fn leases(client: &Client, args: &LeasesArgs) -> Result<u8, Exit> {
    let query = LeasesQuery {
        kind: args.kind.clone(),
        owner: args.owner.clone(),
        blueprint: args.blueprint.clone(),
        status: args.status,
        all: args.all,
        limit: Some(args.limit),
    };
    let list: Leases = client.get("/v1/leases", &query).await?;
    if args.json {
        print_json(&list)?;
    } else {
        print(&lease_table(&list.leases, now(), width()))?;
    }
    Ok(exit::OK)
}

pub async fn resources(client: &Client, args: &ResourcesArgs) -> Result<u8, Exit> {
    let query = ResourcesQuery {
        kind: args.kind.clone(),
        blueprint: args.blueprint.clone(),
        status: args.status,
        all: args.all,
        limit: Some(args.limit),
    };
    let list: Resources = client.get("/v1/resources", &query).await?;
    if args.json {
        print_json(&list)?;
    } else {
        print(&resource_table(&list.resources, now(), width()))?;
    }
    Ok(exit::OK)
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
    } else {
        resource.status.to_string()
    }
}

fn lease_table(leases: &[LeaseView], now: i64, width: Option<u16>) -> String {
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

fn resource_table(resources: &[ResourceView], now: i64, width: Option<u16>) -> String {
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
                resource.reason.clone().or_else(|| resource.note.clone()).unwrap_or_default(),
            ]
        })
        .collect();
    let heading = ["RESOURCE", "NAME", "TYPE", "BLUEPRINT", "STATUS", "USED", "MADE", "IDLE SINCE", "NOTE"];
    listed("resources", &heading, &rows, width)
}

fn listed(what: &str, heading: &[&str], rows: &[Vec<String>], width: Option<u16>) -> String {
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
