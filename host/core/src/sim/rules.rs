//! What must hold: after every commit, and when everything has come to rest.

use super::run::{Run, WHOLE};
use super::watch::Watch;
use crate::engine::api::LoggedEvent;
use crate::model::rows::{Event, Lease, Resource};
use crate::model::status::{LeaseStatus, ResourceStatus, Subject};
use crate::store::StoreError;

impl Run {
    /// What must hold after every commit.
    pub(super) async fn check(&mut self) -> Result<(), String> {
        let (committed, failure) = {
            let mut state = self.world.state();
            (std::mem::take(&mut state.committed), state.failures.first().cloned())
        };
        if let Some(failure) = failure {
            return Err(failure);
        }
        if let Some(wrong) = self.world.outside.wrong().into_iter().next() {
            return Err(wrong);
        }
        if !committed {
            return Ok(());
        }
        let since = self.told.last_seq;
        let events = self.store.events(since, None, 10_000).await.map_err(|error| error.to_string())?;
        if let Some(last) = events.last() {
            self.told.last_seq = last.seq;
        }
        let leases = events.iter().filter(|logged| logged.event.subject == Subject::Lease);
        self.world.state().told.extend(leases.map(|logged| (logged.event.id.clone(), logged.seq)));
        self.events_seen += events.len();
        if self.events_seen >= self.whole_at {
            self.whole_at = (self.events_seen + WHOLE).max(self.events_seen * 3 / 2);
            self.check_store(None).await?;
        } else if !events.is_empty() {
            // What leaves no event changes nothing that a rule is about.
            self.check_store(Some(since)).await?;
        }
        let story = std::mem::take(&mut self.story);
        let outside = &self.world.outside;
        let mut watch = Watch { told: &mut self.told, events: &events, story: &story, outside };
        watch.always()?;
        let result = (self.scenario.watch)(&mut watch).and_then(|()| self.gone_is_gone(&events));
        for mark in std::mem::take(&mut self.told.marks) {
            self.world.mark(mark);
        }
        result
    }

    /// Checks everything, or what may have changed since an event.
    pub(super) async fn check_store(&self, since: Option<i64>) -> Result<(), String> {
        let violations = match since {
            Some(since) => self.store.check_since(since).await,
            None => self.store.check().await,
        };
        let violations = violations.map_err(|error| error.to_string())?;
        match violations.into_iter().next() {
            Some(violation) => Err(format!("{}: {} {}", violation.rule, violation.subject, violation.detail)),
            None => Ok(()),
        }
    }

    /// The places of what idle resources have leased for themselves, once no other lease is left in the store, no
    /// resource is on its way, and every blueprint has what it keeps.
    pub(super) async fn settled(&self) -> Result<Option<Vec<String>>, String> {
        let unreadable = |error: StoreError| error.to_string();
        let leases = self.store.leases(&Default::default()).await.map_err(unreadable)?;
        let resources = self.store.resources(&Default::default()).await.map_err(unreadable)?;
        let active = resources.iter().all(|resource| resource.status == ResourceStatus::Active);
        let stands = |lease: &Lease| {
            let holder = |resource: &&Resource| lease.holder.as_ref() == Some(&resource.id);
            lease.status == LeaseStatus::Active && resources.iter().any(|resource| holder(&resource))
        };
        let used: i64 = resources.iter().map(|resource| resource.used).sum();
        let yards = self.scenario.edits.last().map_or(&self.scenario.yards, |edit| &edit.yards);
        let kept = yards.iter().all(|yard| {
            let there = resources.iter().filter(|resource| resource.blueprint == yard.name).count();
            there >= yard.min_resources as usize
        });
        // What was left behind is found in time.
        let looks = yards.iter().any(|yard| yard.observe_every > 0);
        let swept = !looks || self.left_outside().is_none();
        let quiet = active && kept && swept && leases.iter().all(stands) && used == leases.len() as i64;
        Ok(quiet.then(|| leases.into_iter().filter_map(|lease| lease.place).collect()))
    }

    /// What is outside at the end: things of active resources, one each, and no directory but those of nested places.
    pub(super) fn nothing_left(&self, nested: &[String]) -> Result<(), String> {
        let seen = self.world.outside.seen();
        if let Some((resource, place)) = seen.directories.iter().find(|(_, place)| !nested.contains(place)) {
            return Err(format!("the directory of {place} is left on {resource}"));
        }
        drop(seen);
        match self.left_outside() {
            Some((key, resource)) => Err(format!("{resource}, made under {key}, is left outside")),
            None => Ok(()),
        }
    }

    /// A thing of no resource that is alive, or one of several of the same; with its key. What others have made is theirs.
    fn left_outside(&self) -> Option<(String, String)> {
        let seen = self.world.outside.seen();
        let foreign = |key: &str| self.scenario.yards.iter().any(|yard| yard.foreign == Some(key));
        let left = seen.things.iter().filter(|(key, _)| !foreign(key)).find(|(_, thing)| {
            let twins = seen.things.values().filter(|other| other.resource == thing.resource).count();
            twins > 1 || !self.told.alive.contains_key(&thing.resource)
        });
        left.map(|(key, thing)| (key.clone(), thing.resource.clone()))
    }

    /// Nothing is said to be gone that is there.
    fn gone_is_gone(&self, events: &[LoggedEvent]) -> Result<(), String> {
        let said =
            |event: &Event| event.now == "broken" && event.was != "broken" && event.reason.contains("exist outside");
        let mut broken = events.iter().map(|logged| &logged.event).filter(|event| said(event));
        match broken.find(|event| self.world.outside.exists(&event.id)) {
            Some(event) => Err(format!("{} is said not to exist, and does", event.id)),
            None => Ok(()),
        }
    }
}
