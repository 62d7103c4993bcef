//! Tells what happens, from the daemon's event log.

use crate::api::types::{EventView, Events, EventsQuery, LeaseDetailView, ResourceDetailView, WhyView};
use crate::cli::client::{Client, ClientError, path};
use crate::cli::output::{plain, print};
use crate::exit::Exit;
use drydock_core::model::status::Subject;
use std::collections::{BTreeSet, HashMap};

/// How long one long poll waits at most.
const POLL_MS: u64 = 60_000;

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
    waiting: BTreeSet<String>,
    over: usize,
}

impl Story {
    pub fn new(client: &Client, start: i64) -> Story {
        Story {
            client: client.clone(),
            start,
            names: HashMap::new(),
            last: HashMap::new(),
            asked_at: HashMap::new(),
            waiting: BTreeSet::new(),
            over: 0,
        }
    }

    /// Tells until so many leases are over, their places cleaned up.
    pub async fn tell(&mut self, leases: usize) -> Result<(), Exit> {
        let mut query = EventsQuery { wait_ms: Some(POLL_MS), ..EventsQuery::default() };
        while self.over < leases {
            let page: Events = self.client.get("/v1/events", &query).await?;
            query.after = page.next;
            let mut new = Vec::new();
            for event in &page.events {
                self.event(event, &mut new).await?;
            }
            for lease in new {
                self.wait(&lease).await?;
            }
        }
        Ok(())
    }

    async fn event(&mut self, event: &EventView, new: &mut Vec<String>) -> Result<(), Exit> {
        match (event.subject, event.was.as_str(), event.now.as_str()) {
            (Subject::Resource, was, now) if was != now => {
                let host = self.host(&event.id).await?;
                let what = match now {
                    "pending" => "is made ready".to_owned(),
                    "active" => return Ok(()),
                    other => format!("is {other}: {}", event.reason),
                };
                self.line(event.at, &format!("{host} {what}"))
            }
            (Subject::Lease, "", "pending") => {
                self.asked_at.insert(event.id.clone(), event.at);
                self.waiting.insert(event.id.clone());
                new.push(event.id.clone());
                let name = self.visitor(&event.id).await?;
                self.line(event.at, &format!("{name} asks for a host"))
            }
            (Subject::Lease, was, "pending") => {
                let name = self.visitor(&event.id).await?;
                self.line(event.at, &format!("{name} is no more {was}, and waits again: {}", event.reason))
            }
            (Subject::Lease, _, "acquired") => {
                self.waiting.remove(&event.id);
                Ok(())
            }
            (Subject::Lease, _, "active") => {
                self.waiting.remove(&event.id);
                let name = self.visitor(&event.id).await?;
                let Some(resource) = &event.resource else { return Ok(()) };
                let host = self.host(resource).await?;
                let waited = event.at - self.asked_at.get(&event.id).copied().unwrap_or(event.at);
                let after = match self.last.insert(resource.clone(), name.clone()) {
                    Some(before) => format!(" after {before}"),
                    None => String::new(),
                };
                let waited = format!("{}.{:03} s", waited / 1_000, waited % 1_000);
                self.line(event.at, &format!("{name} gets {host}{after}; it waited {waited}"))
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
                self.waiting.remove(&event.id);
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

    /// Says whom a lease waits for, if it still waits.
    async fn wait(&mut self, lease: &str) -> Result<(), Exit> {
        if !self.waiting.contains(lease) {
            return Ok(());
        }
        let view: WhyView = self.client.get(&(path("leases", lease) + "/why"), &()).await?;
        let Some(place) = view.why.place_in_line else { return Ok(()) };
        let mut holders = BTreeSet::new();
        for holder in view.why.obstacles.iter().flat_map(|obstacle| &obstacle.holders) {
            holders.insert(self.visitor(holder).await?);
        }
        let holders: Vec<String> = holders.into_iter().collect();
        let name = self.visitor(lease).await?;
        let whom = if holders.is_empty() { view.why.summary } else { format!("for {}", holders.join(", ")) };
        self.line(crate::cli::moment::now(), &format!("{name} waits {whom}; it is number {place} in line"))
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

    fn line(&self, at: i64, text: &str) -> Result<(), Exit> {
        let elapsed = (at - self.start).max(0);
        print(&format!("{:3}.{:03} s  {}\n", elapsed / 1_000, elapsed % 1_000, plain(text)))
    }
}
