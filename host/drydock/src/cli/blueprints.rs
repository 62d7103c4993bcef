//! `blueprints`, `blueprint`, `resource`, `plugins` and `slots`.

use super::args::{BlueprintCommand, DrainArgs, JsonArgs, ResourceCommand, SlotsArgs, UndrainArgs};
use super::client::{Client, path};
use super::leaks::forget;
use super::lists::{listed, resource_status};
use super::moment::{now, relative};
use super::output::{print, print_json, tell, width};
use crate::api::types::{
    BlueprintState, BlueprintStatus, Blueprints, DrainRequest, ObservedView, Plugins, ResourceView, Slots, SlotsQuery,
    UndrainRequest,
};
use crate::exit::{self, Exit};

pub async fn list(client: &Client, args: &JsonArgs) -> Result<u8, Exit> {
    let blueprints: Blueprints = client.get("/v1/blueprints", &()).await?;
    if args.json {
        print_json(&blueprints)?;
    } else {
        print(&blueprint_table(&blueprints.blueprints, now(), width()))?;
    }
    Ok(exit::OK)
}

fn status(blueprint: &BlueprintState, now: i64) -> String {
    match (blueprint.status, blueprint.until) {
        (BlueprintStatus::Ok, _) => "ok".to_owned(),
        (BlueprintStatus::Disabled, _) => "disabled".to_owned(),
        (BlueprintStatus::Drained, _) => "drained".to_owned(),
        (BlueprintStatus::Retired, _) => "retired".to_owned(),
        (BlueprintStatus::SetAside, Some(until)) => format!("set aside, tried {}", relative(now, until)),
        (BlueprintStatus::SetAside, None) => "set aside".to_owned(),
    }
}

/// Why it is as it is, or has fewer resources than it keeps; and what is seen outside for it.
fn note(blueprint: &BlueprintState, now: i64) -> String {
    let lacks = Some(blueprint.lacks.join("; ")).filter(|lacks| !lacks.is_empty());
    let lacks = lacks.map(|lacks| format!("fewer than the {} that it keeps: {lacks}", blueprint.min_resources));
    let seen = blueprint.observed.as_ref().map(|seen| outside(seen, now));
    blueprint.reason.iter().cloned().chain(lacks).chain(seen).collect::<Vec<_>>().join("; ")
}

fn outside(seen: &ObservedView, now: i64) -> String {
    let part = if seen.complete { "" } else { ", not everything" };
    let things = if seen.things == 1 { "thing" } else { "things" };
    let last = seen.began.map(|began| format!("outside {}: {} {things}{part}", relative(now, began), seen.things));
    match (last, &seen.failure) {
        (Some(last), Some(why)) => format!("{last}; since then it can't be seen: {why}"),
        (None, Some(why)) => format!("what is outside can't be seen: {why}"),
        (last, None) => last.unwrap_or_else(|| "nothing was seen outside yet".to_owned()),
    }
}

fn blueprint_table(blueprints: &[BlueprintState], now: i64, width: Option<u16>) -> String {
    let rows: Vec<Vec<String>> = blueprints
        .iter()
        .map(|blueprint| {
            let plugin = blueprint.plugin.iter().chain(&blueprint.plugin_version).cloned().collect::<Vec<_>>();
            let most = blueprint.max_resources.map(|max| format!("/{max}")).unwrap_or_default();
            vec![
                blueprint.name.clone(),
                blueprint.kind.clone(),
                plugin.join(" "),
                status(blueprint, now),
                format!("{}{most}", blueprint.used),
                Some(blueprint.building).filter(|n| *n > 0).map(|n| n.to_string()).unwrap_or_default(),
                Some(blueprint.failures).filter(|n| *n > 0).map(|n| n.to_string()).unwrap_or_default(),
                note(blueprint, now),
            ]
        })
        .collect();
    let heading = ["BLUEPRINT", "TYPE", "PLUGIN", "STATUS", "RESOURCES", "BUILDING", "FAILURES", "NOTE"];
    listed("blueprints", &heading, &rows, width)
}

pub async fn blueprint(client: &Client, command: &BlueprintCommand) -> Result<u8, Exit> {
    let (state, json): (BlueprintState, bool) = match command {
        BlueprintCommand::Drain(args) => (drain(client, "blueprints", "drain", args).await?, args.json),
        BlueprintCommand::Undrain(args) => (undrain(client, "blueprints", args).await?, args.json),
    };
    if json {
        print_json(&state)?;
    } else {
        tell(&format!("blueprint {} is {}", state.name, status(&state, now())));
    }
    Ok(exit::OK)
}

pub async fn resource(client: &Client, command: &ResourceCommand) -> Result<u8, Exit> {
    let (view, json): (ResourceView, bool) = match command {
        ResourceCommand::Drain(args) => (drain(client, "resources", "drain", args).await?, args.json),
        ResourceCommand::Undrain(args) => (undrain(client, "resources", args).await?, args.json),
        ResourceCommand::Forget(args) => (forget(client, args).await?, args.json),
        ResourceCommand::Release(args) => (drain(client, "resources", "release", args).await?, args.json),
    };
    if json {
        print_json(&view)?;
    } else {
        tell(&format!("resource {} is {}", view.id, resource_status(&view)));
    }
    Ok(exit::OK)
}

async fn drain<T: serde::de::DeserializeOwned>(
    client: &Client,
    of: &str,
    verb: &str,
    args: &DrainArgs,
) -> Result<T, Exit> {
    // A release of a resource takes the same.
    let body = DrainRequest { reason: args.reason.clone() };
    Ok(client.post(&format!("{}/{verb}", path(of, &args.name)), &body).await?)
}

async fn undrain<T: serde::de::DeserializeOwned>(client: &Client, of: &str, args: &UndrainArgs) -> Result<T, Exit> {
    Ok(client.post(&(path(of, &args.name) + "/undrain"), &UndrainRequest {}).await?)
}

pub async fn plugins(client: &Client, args: &JsonArgs) -> Result<u8, Exit> {
    let plugins: Plugins = client.get("/v1/plugins", &()).await?;
    if args.json {
        print_json(&plugins)?;
        return Ok(exit::OK);
    }
    let rows: Vec<Vec<String>> = plugins
        .plugins
        .into_iter()
        .map(|plugin| {
            vec![
                plugin.digest.chars().take(12).collect(),
                plugin.name.iter().chain(&plugin.version).cloned().collect::<Vec<_>>().join(" "),
                plugin.kind.unwrap_or_default(),
                plugin.file.unwrap_or_default(),
                plugin.contract.unwrap_or_default(),
                plugin.blueprints.join(", "),
                plugin.resources.to_string(),
            ]
        })
        .collect();
    let heading = ["DIGEST", "PLUGIN", "TYPE", "FILE", "CONTRACT", "USED BY", "RESOURCES"];
    print(&listed("plugins", &heading, &rows, width()))?;
    Ok(exit::OK)
}

pub async fn slots(client: &Client, args: &SlotsArgs) -> Result<u8, Exit> {
    let slots: Slots = client.get("/v1/slots", &SlotsQuery { space: args.space.clone() }).await?;
    if args.json {
        print_json(&slots)?;
        return Ok(exit::OK);
    }
    let now = now();
    let rows: Vec<Vec<String>> = slots
        .slots
        .into_iter()
        .map(|slot| {
            vec![
                slot.space,
                slot.key,
                slot.amount.map(|amount| amount.to_string()).unwrap_or_default(),
                slot.resource.unwrap_or_default(),
                slot.name.unwrap_or_default(),
                slot.place.unwrap_or_default(),
                slot.leases.join(", "),
                slot.until.map(|until| relative(now, until)).unwrap_or_default(),
                slot.reason.unwrap_or_default(),
            ]
        })
        .collect();
    let heading =
        ["NAME SPACE", "SLOT", "AMOUNT", "RESOURCE", "NAME", "PLACE", "LEASES", "SET ASIDE UNTIL", "SINCE IT FAILED"];
    print(&listed("slots", &heading, &rows, width()))?;
    Ok(exit::OK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    #[test]
    fn blueprints_say_whether_they_take_anything_new() {
        let blueprints: Blueprints = from_value(json!({ "blueprints": [
            {"name": "lab", "type": "host", "plugin": "preallocated", "plugin_version": "1", "status": "ok",
             "failures": 0, "used": 2, "building": 1, "max_resources": 5, "slots": "lab"},
            {"name": "old", "type": "host", "status": "retired", "failures": 0, "used": 1, "building": 0, "slots": "old",
             "reason": "it is not configured any more"},
            {"name": "sick", "type": "vm", "plugin": "vms", "plugin_version": "2", "status": "set-aside", "failures": 3,
             "used": 0, "building": 0, "until": 61_000, "reason": "it trapped", "slots": "sick"},
            {"name": "cloud", "type": "vm", "plugin": "vms", "plugin_version": "2", "status": "ok", "failures": 0,
             "used": 0, "building": 0, "slots": "cloud",
             "observed": {"began": 0, "things": 3, "complete": true, "failure": "no answer"}},
            {"name": "new", "type": "vm", "plugin": "vms", "plugin_version": "2", "status": "ok", "failures": 0,
             "used": 0, "building": 0, "slots": "new",
             "observed": {"things": 0, "complete": false, "failure": "no answer"}},
            {"name": "one", "type": "vm", "plugin": "vms", "plugin_version": "2", "status": "ok", "failures": 0,
             "used": 0, "building": 0, "slots": "one", "observed": {"began": 0, "things": 1, "complete": false}},
        ]}))
        .unwrap();
        assert_eq!(
            blueprint_table(&blueprints.blueprints, 1_000, None),
            "BLUEPRINT  TYPE  PLUGIN          STATUS                    RESOURCES  BUILDING  FAILURES  NOTE\n\
             lab        host  preallocated 1  ok                        2/5        1\n\
             old        host                  retired                   1                              it is not configured any more\n\
             sick       vm    vms 2           set aside, tried in 60 s  0                    3         it trapped\n\
             cloud      vm    vms 2           ok                        0                              outside 1 s ago: 3 things; since then it can't be seen: no answer\n\
             new        vm    vms 2           ok                        0                              what is outside can't be seen: no answer\n\
             one        vm    vms 2           ok                        0                              outside 1 s ago: 1 thing, not everything\n"
        );
    }
}
