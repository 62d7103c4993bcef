//! `watch`: what changes, live.

use super::args::WatchArgs;
use super::client::Client;
use super::lists::{every_lease, every_resource, lease_table, resource_table};
use super::log::print_events;
use super::moment::now;
use super::output::print;
use crate::api::types::{Events, EventsQuery};
use crate::exit::{self, Exit};
use std::io::IsTerminal;
use std::time::Duration;
use tokio::time::sleep;

/// How long the table stays as it is at least, and at most: what it says of times grows old.
const STILL: Duration = Duration::from_millis(300);
const OLD_MS: u64 = 5_000;

/// More rows than any terminal has.
const ROWS: usize = 1_000;

/// To the upper left corner, and everything after it gone.
const CLEAR: &str = "\u{1b}[H\u{1b}[J";

pub async fn watch(client: &Client, args: &WatchArgs) -> Result<u8, Exit> {
    if args.json || !std::io::stdout().is_terminal() {
        let query = EventsQuery { from_now: true, ..args.which.events()? };
        print_events(client, query, true, args.json).await?;
        return Ok(exit::OK);
    }
    let mut changes = EventsQuery { from_now: true, limit: Some(1), ..EventsQuery::default() };
    loop {
        // Read before the table is, so that nothing is missed in between.
        let seen: Events = client.get("/v1/events", &changes).await?;
        draw(client, args).await?;
        sleep(STILL).await;
        changes =
            EventsQuery { after: seen.next, wait_ms: Some(OLD_MS), limit: Some(10_000), ..EventsQuery::default() };
        let _: Events = client.get("/v1/events", &changes).await?;
        changes = EventsQuery { from_now: true, limit: Some(1), ..EventsQuery::default() };
    }
}

async fn draw(client: &Client, args: &WatchArgs) -> Result<(), Exit> {
    let size = terminal_size::terminal_size();
    let width = size.map(|(width, _)| width.0);
    let text = if args.resources {
        let (rows, _) = every_resource(client, args.which.of.resources()?, ROWS).await?;
        resource_table(&rows, now(), width)
    } else {
        let (rows, _) = every_lease(client, args.which.leases()?, ROWS).await?;
        lease_table(&rows, now(), width)
    };
    print(&(CLEAR.to_owned() + &fit(&text, size.map(|(_, height)| usize::from(height.0)))))
}

/// As much of a text as fits on the screen, and how much does not.
fn fit(text: &str, height: Option<usize>) -> String {
    let lines: Vec<&str> = text.lines().collect();
    match height {
        // The cursor has a line of its own.
        Some(height) if lines.len() + 1 > height && height > 3 => {
            let shown = height - 2;
            format!("{}\n… and {} more lines\n", lines[..shown].join("\n"), lines.len() - shown)
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_counted() {
        assert_eq!(fit("a\nb\nc\n", None), "a\nb\nc\n");
        assert_eq!(fit("a\nb\nc\n", Some(4)), "a\nb\nc\n");
        assert_eq!(fit("a\nb\nc\nd\n", Some(4)), "a\nb\n… and 2 more lines\n");
    }
}
