//! `why`, `check` and `status`.

use super::args::{JsonArgs, WhyArgs};
use super::client::{Client, path};
use super::moment::{now, relative, span};
use super::output::{facts, plain, print, print_json, table, tell, width};
use crate::api::types::{Check, Status, WhyView};
use crate::exit::{self, Exit};

pub async fn why(client: &Client, args: &WhyArgs) -> Result<u8, Exit> {
    let view: WhyView = client.get(&(path("leases", &args.lease) + "/why"), &()).await?;
    if args.json {
        print_json(&view)?;
    } else {
        print(&reasons(&view, now(), width()))?;
    }
    Ok(exit::OK)
}

fn reasons(view: &WhyView, now: i64, width: Option<u16>) -> String {
    let why = &view.why;
    let mut page = plain(&why.summary) + "\n";
    if let Some(place) = why.place_in_line {
        page += &format!("Place in line: {place}\n");
    }
    let rows: Vec<Vec<String>> = why
        .obstacles
        .iter()
        .map(|obstacle| {
            vec![
                obstacle.blueprint.clone(),
                obstacle.reason.clone(),
                obstacle.slots.join(", "),
                obstacle.holders.join(", "),
                obstacle.until.map(|until| relative(now, until)).unwrap_or_default(),
            ]
        })
        .collect();
    if !rows.is_empty() {
        page += "\n";
        page += &table(&["BLUEPRINT", "IN THE WAY", "SLOTS", "HELD BY", "CHANGES"], &rows, width);
    }
    page
}

pub async fn check(client: &Client, args: &JsonArgs) -> Result<u8, Exit> {
    let check: Check = client.get("/v1/check", &()).await?;
    if args.json {
        print_json(&check)?;
    } else if check.violations.is_empty() {
        print("every rule holds\n")?;
    } else {
        let rows: Vec<Vec<String>> = check
            .violations
            .iter()
            .map(|violation| vec![violation.rule.clone(), violation.subject.clone(), violation.detail.clone()])
            .collect();
        print(&table(&["RULE", "OF", "WHAT IS WRONG"], &rows, width()))?;
    }
    if check.violations.is_empty() {
        return Ok(exit::OK);
    }
    let count = check.violations.len();
    tell(&format!(
        "{count} {} not hold; keep a copy of the store, and report it",
        if count == 1 { "rule does" } else { "rules do" }
    ));
    Ok(exit::VIOLATIONS)
}

pub async fn status(client: &Client, args: &JsonArgs) -> Result<u8, Exit> {
    let status: Status = client.get("/v1/status", &()).await?;
    if args.json {
        print_json(&status)?;
        return Ok(exit::OK);
    }
    let unwritten = status.unwritten.map(|why| format!("takes nothing at the moment: {why}"));
    let mut page = facts(&[
        ("version", Some(status.version)),
        ("node", Some(status.node)),
        ("pid", Some(status.pid.to_string())),
        ("up for", Some(span(i64::try_from(status.uptime_ms).unwrap_or(i64::MAX)))),
        ("store", Some(status.store)),
        ("trouble", unwritten),
        ("configuration", Some(format!("revision {}", status.revision))),
    ]);
    let rows: Vec<Vec<String>> = status
        .blueprints
        .into_iter()
        .map(|blueprint| {
            vec![
                blueprint.name,
                blueprint.kind,
                format!("{} {}", blueprint.plugin, blueprint.plugin_version),
                blueprint.max_resources.map(|max| max.to_string()).unwrap_or_else(|| "no limit".into()),
                blueprint.leases_per_resource.to_string(),
                blueprint.grants.join(", "),
                if blueprint.disabled { "disabled".into() } else { String::new() },
            ]
        })
        .collect();
    if !rows.is_empty() {
        page += "\n";
        let heading = ["BLUEPRINT", "TYPE", "PLUGIN", "RESOURCES AT MOST", "SHARES OF EACH", "GRANTS", "NOTE"];
        page += &table(&heading, &rows, width());
    }
    print(&page)?;
    Ok(exit::OK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    #[test]
    fn why_names_what_is_in_the_way() {
        let view: WhyView = from_value(json!({
            "summary": "it waits for a host", "place_in_line": 2, "tag": "1",
            "obstacles": [
                {"blueprint": "lab", "reason": "all hosts are taken", "slots": ["host/a", "host/b"],
                 "holders": ["l-1", "l-2"], "until": null},
                {"blueprint": "cloud", "reason": "the provider throttles", "slots": [], "holders": [], "until": 65_000},
            ],
        }))
        .unwrap();
        assert_eq!(
            reasons(&view, 5_000, None),
            "it waits for a host\n\
             Place in line: 2\n\
             \n\
             BLUEPRINT  IN THE WAY              SLOTS           HELD BY   CHANGES\n\
             lab        all hosts are taken     host/a, host/b  l-1, l-2\n\
             cloud      the provider throttles                            in 60 s\n"
        );
    }
}
