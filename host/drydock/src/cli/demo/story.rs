//! Tells what happens, from the daemon's event log.

use crate::api::types::{EventView, Events, EventsQuery, LeaseDetailView, ResourceDetailView, WhyView};
use crate::cli::client::{Client, ClientError, path};
use crate::cli::moment::now;
use crate::cli::output::{plain, print};
use crate::exit::Exit;
use drydock_core::model::status::Subject;
use std::collections::{BTreeSet, HashMap};

/// How long one long poll waits at most.
const POLL_MS: u64 = 60_000;
/// Who waits so long, in milliseconds, is told of: until then the first hosts are being handed out.
const SETTLED: i64 = 300;
/// How many of those that do the same are named.
const NAMED: usize = 5;

/// The teller of one demo.
pub struct Story {
    client: Client,
    /// Milliseconds since 1970.
    start: i64,
    /// Leases by the name of their client, resources by that of their host.
    names: HashMap<String, String>,
    /// Who had a host last.
    last: HashMap<String, String>,
    asked_at: HashMap<String, i64>,
    /// Those that wait, and of which that is not told yet.
    untold: BTreeSet<String>,
    /// Several that do the same one after the other are told at once.
    together: Option<Together>,
    over: usize,
}

struct Together {
    at: i64,
    names: Vec<String>,
    does: &'static str,
    do_: &'static str,
}

impl Story {
    pub fn new(client: &Client, start: i64) -> Story {
        Story {
            client: client.clone(),
            start,
            names: HashMap::new(),
            last: HashMap::new(),
            asked_at: HashMap::new(),
            untold: BTreeSet::new(),
            together: None,
            over: 0,
        }
    }

    /// Tells until so many leases are over, their places cleaned up.
    pub async fn tell(&mut self, leases: usize) -> Result<(), Exit> {
        let mut query = EventsQuery { wait_ms: Some(POLL_MS), ..EventsQuery::default() };
        while self.over < leases {
            let page: Events = self.client.get("/v1/events", &query).await?;
            query.after = page.next;
            for event in &page.events {
                self.event(event).await?;
            }
            self.flush()?;
            self.waits().await?;
            query.wait_ms = Some(if self.untold.is_empty() { POLL_MS } else { SETTLED.unsigned_abs() });
        }
        Ok(())
    }

    async fn event(&mut self, event: &EventView) -> Result<(), Exit> {
        match (event.subject, event.was.as_str(), event.now.as_str()) {
            (Subject::Resource, "", "pending") => {
                let host = self.host(&event.id).await?;
                self.together(event.at, host, "is made ready", "are made ready")
            }
            (Subject::Resource, was, now) if was != now && now != "active" => {
                let host = self.host(&event.id).await?;
                self.line(event.at, &format!("{host} is {now}: {}", event.reason))
            }
            (Subject::Lease, "", "pending") => {
                self.asked_at.insert(event.id.clone(), event.at);
                self.untold.insert(event.id.clone());
                let name = self.visitor(&event.id).await?;
                self.together(event.at, name, "asks for a host", "ask for a host")
            }
            (Subject::Lease, was, "pending") => {
                let name = self.visitor(&event.id).await?;
                self.line(event.at, &format!("{name} is no more {was}, and waits again: {}", event.reason))
            }
            (Subject::Lease, _, "acquired") => {
                self.untold.remove(&event.id);
                Ok(())
            }
            (Subject::Lease, _, "active") => {
                self.untold.remove(&event.id);
                let name = self.visitor(&event.id).await?;
                let Some(resource) = &event.resource else { return Ok(()) };
                let host = self.host(resource).await?;
                let waited = seconds(event.at - self.asked_at.get(&event.id).copied().unwrap_or(event.at));
                let after = match self.last.insert(resource.clone(), name.clone()) {
                    Some(before) => format!(" from {before}, after {waited} s of waiting"),
                    None => String::new(),
                };
                self.line(event.at, &format!("{name} gets {host}{after}"))
            }
            (Subject::Lease, _, "released") => {
                let name = self.visitor(&event.id).await?;
                let host = match &event.resource {
                    Some(resource) => self.host(resource).await?,
                    None => "its request".into(),
                };
                self.line(event.at, &format!("{name} lets go of {host}: {}", event.reason))
            }
            (Subject::Lease, _, "broken") => {
                self.untold.remove(&event.id);
                let name = self.visitor(&event.id).await?;
                self.line(event.at, &format!("{name} has lost its lease: {}", event.reason))
            }
            (Subject::Lease, _, "destroyed") => {
                self.over += 1;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Says whom those wait for that wait, in the order of their line.
    async fn waits(&mut self) -> Result<(), Exit> {
        let settled = now() - SETTLED;
        let mut lines = Vec::new();
        for lease in self.untold.clone() {
            if self.asked_at.get(&lease).is_some_and(|at| *at > settled) {
                continue;
            }
            let view: WhyView = self.client.get(&(path("leases", &lease) + "/why"), &()).await?;
            let Some(place) = view.why.place_in_line else { continue };
            let mut holders = BTreeSet::new();
            for holder in view.why.obstacles.iter().flat_map(|obstacle| &obstacle.holders) {
                holders.insert(self.visitor(holder).await?);
            }
            if !holders.is_empty() {
                let name = self.visitor(&lease).await?;
                let holders: Vec<String> = holders.into_iter().collect();
                lines.push((place, format!("{name} waits, number {place} in line, for {}", listed(&holders))));
                self.untold.remove(&lease);
            }
        }
        lines.sort();
        lines.iter().try_for_each(|(_, line)| self.line(now(), line))
    }

    fn together(&mut self, at: i64, name: String, does: &'static str, do_: &'static str) -> Result<(), Exit> {
        match &mut self.together {
            Some(together) if together.does == does => together.names.push(name),
            _ => {
                self.flush()?;
                self.together = Some(Together { at, names: vec![name], does, do_ });
            }
        }
        Ok(())
    }

    /// Tells what has been gathered.
    fn flush(&mut self) -> Result<(), Exit> {
        let Some(Together { at, names, does, do_ }) = self.together.take() else { return Ok(()) };
        self.line(at, &format!("{} {}", listed(&names), if names.len() == 1 { does } else { do_ }))
    }

    /// A client's name, by its lease.
    async fn visitor(&mut self, lease: &str) -> Result<String, ClientError> {
        if let Some(name) = self.names.get(lease) {
            return Ok(name.clone());
        }
        let detail: LeaseDetailView = self.client.get(&path("leases", lease), &()).await?;
        Ok(self.names.entry(lease.into()).or_insert(detail.lease.owner).clone())
    }

    /// A host's name, by its resource.
    async fn host(&mut self, resource: &str) -> Result<String, ClientError> {
        if let Some(name) = self.names.get(resource) {
            return Ok(name.clone());
        }
        let detail: ResourceDetailView = self.client.get(&path("resources", resource), &()).await?;
        Ok(self.names.entry(resource.into()).or_insert(detail.resource.name).clone())
    }

    fn line(&mut self, at: i64, text: &str) -> Result<(), Exit> {
        self.flush()?;
        print(&format!("{:>7} s  {}\n", seconds(at - self.start), plain(text)))
    }
}

/// Names on one line; of many, the first.
fn listed(names: &[String]) -> String {
    match names.len().saturating_sub(NAMED) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names[..NAMED].join(", ")),
    }
}

/// Milliseconds as seconds with two digits behind the point.
pub fn seconds(milliseconds: i64) -> String {
    let hundredths = (milliseconds.max(0) + 5) / 10;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
