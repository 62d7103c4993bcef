//! What the configuration and operators change: which blueprints there are, what takes nothing new, and what becomes of
//! those who wait for what is not there any more.

use super::Deciding;
use super::transition::{Said, new_pool};
use crate::config::EDIT_GRACE;
use crate::contract::Refusal;
use crate::model::proposal::{Done, GiveUp, Listed, Lost};
use crate::model::protection::Protection;
use crate::model::rows::{Blueprint, Class, Considered, Doc, Event, Wanted};
use crate::model::status::{LeaseStatus, Subject};
use std::collections::{BTreeMap, BTreeSet};

impl Deciding<'_> {
    /// What every node does that learns of a revision; it happens once.
    pub fn configure(
        &mut self,
        revision: i64,
        blueprints: &[Listed],
        before: &[String],
        pools: &[String],
    ) -> Result<Done, Lost> {
        let mut kinds: BTreeSet<&String> = pools.iter().chain(blueprints.iter().map(|listed| &listed.kind)).collect();
        let told = |kind: &&String| self.rows.pools.get(*kind).map_or(-1, |pool| pool.revision);
        let newest = kinds.iter().map(told).max();
        kinds.retain(|kind| told(kind) < revision);
        if newest > Some(revision) || kinds.is_empty() {
            return Ok(Done::default());
        }
        for kind in kinds {
            self.other_terms(kind, Some(revision));
        }
        for Listed { name, was, .. } in blueprints {
            let named = |name: &String| blueprints.iter().any(|listed| listed.name == *name);
            if let Some(was) = was.as_ref().filter(|was| !named(was)) {
                self.rename(was, name);
            }
        }
        for Listed { name, kind, space, .. } in blueprints {
            let mut row = self.blueprint(name, kind);
            if row.used == 0 {
                row.kind = kind.clone();
            }
            self.rows.blueprints.put(Blueprint { space: space.clone(), retired: 0, ..row });
        }
        for name in before.iter().filter(|name| blueprints.iter().all(|listed| listed.name != **name)) {
            if let Some(row) = self.rows.blueprints.get(name).cloned() {
                self.retired(Blueprint { retired: 1, ..row });
            }
        }
        let limits: BTreeMap<&String, Option<i64>> =
            blueprints.iter().map(|listed| (&listed.name, listed.limit)).collect();
        let detail = serde_json::json!({ "revision": revision, "limits": limits }).to_string();
        let said = Said { reason: "configured", detail: Some(detail) };
        let event = Event { id: self.node.to_owned(), ..self.blank(said) };
        self.event(event);
        Ok(Done::default())
    }

    /// Gives a blueprint that the store knows another name, which nothing has yet, with everything that it has made.
    fn rename(&mut self, was: &str, name: &str) {
        let known = self.rows.blueprints.get(&was.to_owned()).cloned();
        let Some(row) = known.filter(|_| self.rows.blueprints.get(&name.to_owned()).is_none()) else { return };
        let event = Event {
            subject: Subject::Blueprint,
            id: name.to_owned(),
            pool: row.kind.clone(),
            ..self.blank(Said::from(format!("it was {was} before").as_str()))
        };
        self.event(event);
        self.rows.blueprints.remove(&was.to_owned());
        self.rows.blueprints.put(Blueprint { name: name.to_owned(), ..row });
        self.rows.rename(was, name);
    }

    /// Plans that were made on other terms are refused, and everybody looks again.
    fn other_terms(&mut self, kind: &str, revision: Option<i64>) {
        let mut pool = self.rows.pools.get(&kind.to_owned()).cloned().unwrap_or_else(|| new_pool(kind));
        pool.version += 1;
        pool.news += 1;
        pool.freed += 1;
        pool.revision = revision.unwrap_or(pool.revision);
        self.rows.pools.put(pool);
    }

    /// A blueprint that is not configured any more is known for as long as it has resources.
    pub(super) fn retired(&mut self, row: Blueprint) {
        match row.retired == 1 && row.used == 0 {
            true => self.rows.blueprints.remove(&row.name),
            false => self.rows.blueprints.put(row),
        }
    }

    /// Whether nothing new may be made or placed there, whatever a plan says.
    pub(super) fn is_shut(&self, blueprint: &str) -> Result<(), Lost> {
        let row = self.rows.blueprints.get(&blueprint.to_owned());
        match row.is_some_and(|row| row.retired == 1 || row.drained.is_some()) {
            true => Err(Lost::Shut(blueprint.to_owned())),
            false => Ok(()),
        }
    }

    pub fn drain_blueprint(&mut self, name: &str, reason: Option<&str>) -> Result<Done, Lost> {
        let row = self.rows.blueprints.get(&name.to_owned()).cloned().ok_or_else(|| Lost::Missing(name.to_owned()))?;
        if row.drained.as_deref() == reason {
            return Ok(Done::default());
        }
        let event = Event {
            subject: Subject::Blueprint,
            id: name.to_owned(),
            pool: row.kind.clone(),
            ..self.blank(drain_said(reason))
        };
        self.event(event);
        self.other_terms(&row.kind.clone(), None);
        self.rows.blueprints.put(Blueprint { drained: reason.map(str::to_owned), ..row });
        Ok(Done::default())
    }

    /// What is wanted away for another reason is not taken back.
    pub fn drain_resource(&mut self, id: &str, reason: Option<&str>, closes: bool) -> Result<Done, Lost> {
        let mut resource = self.resource(id)?;
        let ends = !resource.status.alive() || resource.wanted == Wanted::End;
        if ends && reason.is_none() {
            return Err(Lost::Resource(id.to_owned()));
        }
        if ends || resource.drained.as_deref() == reason {
            return Ok(Done::default());
        }
        resource.drained = reason.map(str::to_owned);
        let kind = resource.kind.clone();
        let event = Event {
            subject: Subject::Resource,
            id: id.to_owned(),
            pool: kind.clone(),
            resource: Some(id.to_owned()),
            was: resource.status.name().to_owned(),
            now: resource.status.name().to_owned(),
            epoch: resource.epoch,
            ..self.blank(drain_said(reason))
        };
        self.event(event);
        self.put_resource(resource);
        self.settle_resource(id, closes)?;
        Ok(Done { news: self.news(&kind), ..Done::default() })
    }

    /// Breaks those who wait for what no blueprint could serve since an edit, when their grace is over.
    pub(super) fn give_up(&mut self, given_up: &GiveUp) -> Result<(), Lost> {
        let grace = if self.protections.has(Protection::StillCounts) { EDIT_GRACE } else { 0 };
        let over = |class: &String| {
            let class = self.rows.classes.get(class);
            class.and_then(|class| class.never_since).is_some_and(|since| since + grace <= self.at)
        };
        if !std::iter::once(&given_up.class).chain(&given_up.otherwise).all(over) {
            return Err(Lost::Servable(given_up.class.clone()));
        }
        for lease in &given_up.leases {
            let Some(lease) = self.rows.leases.get(lease).cloned() else { continue };
            if lease.status == LeaseStatus::Pending && lease.wanted == Wanted::Keep {
                self.finish_lease(lease, LeaseStatus::Broken, "never-servable", &given_up.reason)?;
            }
        }
        Ok(())
    }

    /// A class with what the blueprints of a revision have said of it.
    pub(super) fn answered(&self, class: Class, revision: i64, answers: &BTreeMap<String, Considered>) -> Class {
        let never = answers.values().all(|answer| matches!(answer, Considered::Refuses(Refusal::Never(_))));
        let never_since = if never { class.never_since.or(Some(self.at)) } else { None };
        Class { revision, answers: Doc(answers.clone()), considered_at: self.at, never_since, ..class }
    }

    /// One more waits. Where nobody has waited, a grace begins now.
    pub(super) fn waits(&self, class: Class) -> Class {
        let never_since = match class.waiting {
            0 => class.never_since.map(|_| self.at),
            _ => class.never_since,
        };
        Class { waiting: class.waiting + 1, never_since, used_at: self.at, ..class }
    }
}

fn drain_said(reason: Option<&str>) -> Said<'_> {
    Said { reason: reason.unwrap_or("it is drained no more"), detail: None }
}
