//! `apply`: another configuration, with what changes shown first.

use super::args::ApplyArgs;
use super::client::Client;
use super::moment::{now, relative, span};
use super::output::{plain, print, print_json, table, tell, width};
use crate::api::types::{Applied, ApplyRequest};
use crate::exit::{self, Exit};
use drydock_core::engine::api::{BlueprintChange, Difference, What};
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{BufRead, IsTerminal, Write};

/// Characters of a value that are shown at most.
const VALUE: usize = 120;

pub async fn apply(client: &Client, args: &ApplyArgs) -> Result<u8, Exit> {
    let invalid = |why: String| Exit::new(exit::INVALID, why);
    let file = std::path::absolute(&args.config)
        .map_err(|error| invalid(format!("{}: the path can't be used: {error}", args.config.display())))?;
    let text = std::fs::read_to_string(&file)
        .map_err(|error| invalid(crate::config::ConfigError::unreadable(&args.config, &error).to_string()))?;
    let file = file.to_str().map(str::to_owned).ok_or_else(|| invalid("the path is no UTF-8".to_owned()))?;
    let mut request = ApplyRequest { file, text, base: None, dry_run: true };
    let planned: Applied = client.post("/v1/configuration", &request).await?;
    let asks = !args.yes && !args.dry_run;
    let changes = !(planned.preview.changes.is_empty() && planned.preview.order.is_empty());
    if args.dry_run || asks && !changes {
        show(&planned, args.json)?;
        return Ok(exit::OK);
    }
    if asks {
        // Data for programs is printed once, at the end.
        if !args.json {
            show(&planned, false)?;
        }
        if !std::io::stdin().is_terminal() {
            let why = "nobody is there to be asked; repeat it with --yes to do it, or with --dry-run only to look";
            return Err(invalid(why.to_owned()));
        }
        if !confirmed()? {
            tell("nothing was changed");
            return Ok(exit::FAILURE);
        }
        request.base = Some(planned.preview.base);
    }
    request.dry_run = false;
    let applied: Applied = client.post("/v1/configuration", &request).await?;
    if args.json || !asks {
        show(&applied, args.json)?;
    }
    if let Some(revision) = applied.revision {
        tell(&format!("revision {revision} is in force"));
    }
    Ok(exit::OK)
}

fn confirmed() -> Result<bool, Exit> {
    let failed = |error: std::io::Error| Exit::new(exit::FAILURE, format!("the answer can't be read: {error}"));
    let mut err = std::io::stderr().lock();
    err.write_all(b"drydock: bring it in force? [y/N] ").and_then(|()| err.flush()).map_err(failed)?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

fn show(applied: &Applied, json: bool) -> Result<(), Exit> {
    if json { print_json(applied) } else { print(&page(applied, now(), width())) }
}

fn page(applied: &Applied, now: i64, width: Option<u16>) -> String {
    let mut page = String::new();
    for change in &applied.preview.changes {
        page += &told(change);
    }
    if applied.preview.changes.is_empty() {
        page += "no blueprint changes\n";
    }
    page += &listed(&applied.preview.order);
    for key in &applied.restart {
        // Writing to a string has no way to fail.
        let _ = writeln!(page, "  {key}: read when the daemon starts; restart it to have the new value");
    }
    if applied.preview.stranded.is_empty() {
        return page;
    }
    let _ = writeln!(
        page,
        "\nThese leases wait for what no blueprint could ever serve then. They go on waiting for {}, and break after that:\n",
        span(applied.preview.grace)
    );
    let rows: Vec<Vec<String>> = applied
        .preview
        .stranded
        .iter()
        .map(|stranded| {
            vec![
                stranded.leases.to_string(),
                stranded.request.kind.clone(),
                stranded.request.attributes.clone(),
                stranded
                    .request
                    .labels
                    .iter()
                    .map(|(key, value)| format!("{key}={value}"))
                    .collect::<Vec<_>>()
                    .join(" "),
                stranded.reasons.clone(),
                stranded.since.map(|since| relative(now, since)).unwrap_or_default(),
            ]
        })
        .collect();
    page + &table(&["LEASES", "TYPE", "ATTRIBUTES", "LABELS", "WHY NOT", "ALREADY SINCE"], &rows, width)
}

fn told(change: &BlueprintChange) -> String {
    let BlueprintChange { name, kind, what, was, differences, resources } = change;
    let stays = match resources {
        0 => String::new(),
        1 => "; its resource stays as it was made".to_owned(),
        n => format!("; its {n} resources stay as they were made"),
    };
    let closes = match resources {
        0 => "gone".to_owned(),
        1 => "takes nothing new; its resource is closed as soon as nobody is on it".to_owned(),
        n => format!("takes nothing new; its {n} resources are closed as soon as nobody is on them"),
    };
    let mut out = match what {
        What::New => format!("+ blueprint {}: new, makes {}\n", plain(name), plain(kind)),
        What::Changes => format!("~ blueprint {}{stays}\n", plain(name)),
        What::Renamed => {
            let (was, has) = (
                plain(was.as_deref().unwrap_or_default()),
                match resources {
                    0 => "nothing yet".to_owned(),
                    1 => "its resource".to_owned(),
                    n => format!("its {n} resources"),
                },
            );
            format!("> blueprint {}: was {was} so far, and keeps {has}\n", plain(name))
        }
        What::Retires => format!("- blueprint {}: {closes}\n", plain(name)),
    };
    out += &listed(differences);
    out
}

fn listed(differences: &[Difference]) -> String {
    let mut out = String::new();
    for Difference { key, was, now } in differences {
        let _ = writeln!(out, "    {}: {} -> {}", plain(key), value(was.as_ref()), value(now.as_ref()));
    }
    out
}

fn value(value: Option<&Value>) -> String {
    let text = value.map_or_else(|| "not set".to_owned(), |value| plain(&value.to_string()));
    match text.char_indices().nth(VALUE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    #[test]
    fn a_plan_says_what_is_new_what_changes_and_who_is_stranded() {
        let applied: Applied = from_value(json!({
            "base": 3, "grace": 600_000, "restart": ["socket"],
            "changes": [
                {"name": "cloud", "type": "host", "what": "new", "differences": [], "resources": 0},
                {"name": "lab", "type": "host", "what": "changes", "resources": 2,
                 "differences": [{"key": "max_resources", "was": 10, "now": 5}, {"key": "slots", "now": "x"}]},
                {"name": "old", "type": "vm", "what": "retires", "differences": [], "resources": 3},
            ],
            "order": [{"key": "owner.ci.max_leases", "was": 1, "now": 2}],
            "stranded": [{"request": {"kind": "vm", "attributes": "{}", "labels": {"os": "bsd"}, "blueprints": []},
                          "leases": 4, "reasons": "nothing makes it any more"}],
        }))
        .unwrap();
        assert_eq!(
            page(&applied, 0, None),
            "+ blueprint cloud: new, makes host\n\
             ~ blueprint lab; its 2 resources stay as they were made\n\
             \u{20}   max_resources: 10 -> 5\n\
             \u{20}   slots: not set -> \"x\"\n\
             - blueprint old: takes nothing new; its 3 resources are closed as soon as nobody is on them\n\
             \u{20}   owner.ci.max_leases: 1 -> 2\n\
             \u{20} socket: read when the daemon starts; restart it to have the new value\n\
             \n\
             These leases wait for what no blueprint could ever serve then. They go on waiting for 10 min, and break after \
             that:\n\
             \n\
             LEASES  TYPE  ATTRIBUTES  LABELS  WHY NOT\n\
             4       vm    {}          os=bsd  nothing makes it any more\n"
        );
    }
}
