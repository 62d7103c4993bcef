//! `log`: what happened.

use super::args::LogArgs;
use super::client::Client;
use super::moment::clock;
use super::output::{plain, print, print_json, print_json_line};
use super::show::{Found, find};
use crate::api::types::{EventView, Events, EventsQuery};
use crate::exit::{self, Exit};
use drydock_core::model::status::Subject;

/// Events of one answer.
const PAGE: u32 = 1_000;
/// How long one long poll waits at most.
const POLL_MS: u64 = 120_000;

pub async fn log(client: &Client, args: &LogArgs) -> Result<u8, Exit> {
    let subject = match &args.id {
        Some(id) => Some(match find(client, id).await? {
            Found::Lease(detail) => detail.lease.id,
            Found::Resource(detail) => detail.resource.id,
        }),
        None => None,
    };
    let query = EventsQuery {
        after: args.after,
        subject,
        owner: args.owner.clone(),
        status: args.status.clone(),
        ..args.of.events()?
    };
    print_events(client, query, args.follow, args.json).await?;
    Ok(exit::OK)
}

/// Prints events page by page, and goes on with those to come if they are followed.
pub async fn print_events(client: &Client, mut query: EventsQuery, follow: bool, json: bool) -> Result<(), Exit> {
    query.limit = Some(PAGE);
    let mut all = Vec::new();
    loop {
        let page: Events = client.get("/v1/events", &query).await?;
        let last = page.events.len() < PAGE as usize;
        for event in page.events {
            match (json, follow) {
                (true, true) => print_json_line(&event)?,
                (true, false) => all.push(event),
                (false, _) => print(&line(&event))?,
            }
        }
        query.after = page.next;
        query.from_now = false;
        match (last, follow) {
            (false, _) => {}
            (true, true) => query.wait_ms = Some(POLL_MS),
            (true, false) => break,
        }
    }
    if json {
        print_json(&all)?;
    }
    Ok(())
}

/// An event on a line: when, what, what became of it, and why.
fn line(event: &EventView) -> String {
    let change = match (event.was.as_str(), event.now.as_str()) {
        // Something happened that is no transition.
        (was, now) if was == now => String::new(),
        ("", now) => format!("  {now}"),
        (was, now) => format!("  {was} → {now}"),
    };
    let with = match event.subject {
        Subject::Lease => event.resource.as_deref(),
        Subject::Place => event.lease.as_deref(),
        _ => None,
    };
    let with = with.map(|id| format!(" ({id})")).unwrap_or_default();
    let subject = format!("{} {}{with}", event.subject, event.id);
    let reason = if event.reason.is_empty() { String::new() } else { format!("  {}", event.reason) };
    plain(&format!("{}  {subject}{change}{reason}", clock(event.at))) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    #[test]
    fn an_event_is_one_line() {
        let mut event: EventView = from_value(json!({
            "seq": 1, "at": 1_795_509_012_345_i64, "node": "n", "subject": "lease", "id": "l-1", "type": "host",
            "was": "pending", "now": "active", "epoch": 1, "reason": "ready\nat once", "commit": "c", "resource": "r-1",
        }))
        .unwrap();
        assert_eq!(line(&event), "2026-11-24T08:30:12.345Z  lease l-1 (r-1)  pending → active  ready\\nat once\n");
        event.was = "active".into();
        assert!(line(&event).contains("lease l-1 (r-1)  ready"));
        event.was = String::new();
        event.reason = String::new();
        assert!(line(&event).ends_with("lease l-1 (r-1)  active\n"));
    }
}
