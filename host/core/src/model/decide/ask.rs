//! A request becomes a lease and a waiting entry.

use super::Deciding;
use super::transition::{Said, due_at};
use crate::contract::Request;
use crate::model::news::Cause;
use crate::model::proposal::{Done, Lost, NewLease};
use crate::model::protection::Protection;
use crate::model::rows::{Class, Considered, Doc, Lease, RequestKey, Wanted};
use crate::model::status::LeaseStatus;
use std::collections::BTreeMap;

/// What a lease does not bring itself.
pub(super) struct Inherited<'a> {
    pub owner: &'a str,
    pub ord: i64,
    pub holder: Option<&'a str>,
    pub turn: Option<i64>,
}

/// What the event of a lease says of how it waits.
pub(super) fn waiting_detail(lease: &Lease, news: Option<(i64, i64)>) -> String {
    let detail = serde_json::json!({
        "news": news.map(|(_, after)| after), "class": lease.class, "ord": lease.ord, "owner": lease.owner,
        "set": lease.set_id,
    });
    detail.to_string()
}

impl Deciding<'_> {
    pub fn ask(&mut self, new: &NewLease) -> Result<Done, Lost> {
        let turn = self.turn(new);
        let ord = turn.unwrap_or(new.asked_at) - new.head_start;
        self.ask_as(new, Inherited { owner: &new.owner, ord, holder: None, turn })
    }

    /// When it is this request's turn, if its owner's come one after the other.
    fn turn(&self, new: &NewLease) -> Option<i64> {
        let spacing = new.spacing.filter(|_| self.protections.has(Protection::FairShare))?;
        let stored = self.rows.turns.get(&(new.request.kind.clone(), new.owner.clone())).into_iter().flatten();
        // Those that this group has changed are looked at below, as they are now.
        let stored = stored.filter(|(lease, _)| self.rows.leases.get(lease).is_none()).map(|(_, turn)| *turn).max();
        let waits = |lease: &&Lease| {
            lease.status == LeaseStatus::Pending && lease.kind == new.request.kind && lease.owner == new.owner
        };
        let here = self.rows.leases.iter().filter(waits).filter_map(|lease| lease.turn).max();
        let last = stored.max(here).map(|last| last + spacing);
        Some(last.map_or(new.asked_at, |next| next.max(new.asked_at)))
    }

    /// All of a set are asked for in one commit, so it is found by its keys as a whole.
    pub fn ask_set(&mut self, all: &[NewLease]) -> Result<Done, Lost> {
        let mut leases = Vec::with_capacity(all.len());
        let mut found: Vec<String> = Vec::new();
        let mut stands = None;
        for new in all {
            // They stand together, where the first of them does; each counts for those that come after them.
            let turn = self.turn(new);
            let first = *stands.get_or_insert(turn.unwrap_or(new.asked_at));
            let order = Inherited { owner: &new.owner, ord: first - new.head_start, holder: None, turn };
            let existing = self.ask_as(new, order)?.existing;
            found.extend(existing.clone());
            leases.push(existing.unwrap_or_else(|| new.id.clone()));
        }
        // Some of the keys are those of something else.
        if found.len() < all.len()
            && let Some(first) = found.into_iter().next()
        {
            return Err(Lost::KeyReused(first));
        }
        Ok(Done { leases, ..Done::default() })
    }

    /// A lease with this owner, place in the order and holder.
    pub(super) fn ask_as(&mut self, new: &NewLease, inherited: Inherited<'_>) -> Result<Done, Lost> {
        if let Some(key) = &new.key
            && (inherited.holder.is_none() || self.protections.has(Protection::NestedKey))
            && let Some(first) = self.rows.request_keys.get(&(key.owner.clone(), key.name.clone()))
        {
            return match first.digest == key.digest {
                true => Ok(Done { existing: Some(first.lease.clone()), ..Done::default() }),
                false => Err(Lost::KeyReused(first.lease.clone())),
            };
        }
        let mut otherwise = Vec::with_capacity(new.otherwise.len());
        for other in &new.otherwise {
            let class = self.class(&other.id, &other.request, &[], new.revision, &other.answers);
            self.rows.classes.put(Class { used_at: self.at, ..class });
            otherwise.push(other.id.clone());
        }
        let class = self.class(&new.class, &new.request, &otherwise, new.revision, &new.answers);
        self.rows.classes.put(self.waits(class));
        let lease = Lease {
            id: new.id.clone(),
            kind: new.request.kind.clone(),
            class: new.class.clone(),
            owner: inherited.owner.to_owned(),
            holder: inherited.holder.map(str::to_owned),
            set_id: new.set.as_ref().map(|set| set.id.clone()),
            set_kinds: Doc(new.set.as_ref().map(|set| set.kinds.clone()).unwrap_or_default()),
            request: Doc(new.request.clone()),
            key: new.key.as_ref().map(|key| key.name.clone()),
            status: LeaseStatus::Pending,
            wanted: Wanted::Keep,
            outcome: String::new(),
            reason: None,
            asked_at: new.asked_at,
            priority: new.priority,
            turn: inherited.turn,
            ord: inherited.ord,
            until: new.until,
            wait_until: new.wait_until,
            tied: i64::from(new.tied),
            heartbeat: new.heartbeat,
            idle_timeout: new.idle_timeout,
            choice: 0,
            fence: 0,
            acquired_at: None,
            active_at: None,
            ended_at: None,
            place: None,
            resource: None,
            handout: Doc(None),
            due_at: None,
            claim: self.node.to_owned(),
            epoch: 1,
        };
        let lease = Lease { due_at: due_at(&lease), ..lease };
        let news = match new.set {
            None => self.news_of(&new.request.kind, Cause::Line(new.class.clone())),
            Some(_) => self.news(&new.request.kind),
        };
        let said = Said { reason: "asked", detail: Some(waiting_detail(&lease, news)) };
        self.lease_event(&lease, "", said);
        self.rows.leases.put(lease.clone());
        if let Some(key) = &new.key {
            self.rows.request_keys.put(RequestKey { lease: new.id.clone(), ..key.clone() });
        }
        if let Some(reason) = &new.never {
            self.finish_lease(lease, LeaseStatus::Broken, "never-servable", reason)?;
        }
        Ok(Done { news, ..Done::default() })
    }

    /// A class as it is, or a new one, with the later of its answers.
    fn class(
        &self,
        id: &str,
        request: &Request,
        otherwise: &[String],
        revision: i64,
        answers: &BTreeMap<String, Considered>,
    ) -> Class {
        let class = self.rows.classes.get(&id.to_owned()).cloned().unwrap_or_else(|| Class {
            id: id.to_owned(),
            kind: request.kind.clone(),
            request: Doc(request.clone()),
            answers: Doc(BTreeMap::new()),
            otherwise: Doc(otherwise.to_vec()),
            revision: -1,
            considered_at: 0,
            never_since: None,
            waiting: 0,
            used_at: self.at,
        });
        if class.revision < revision { self.answered(class, revision, answers) } else { class }
    }

    pub fn consider(
        &mut self,
        class: &str,
        revision: i64,
        answers: &BTreeMap<String, Considered>,
    ) -> Result<Done, Lost> {
        let class = self.rows.classes.get(&class.to_owned()).cloned().ok_or_else(|| Lost::Missing(class.to_owned()))?;
        if class.revision > revision || class.revision == revision && !class.is_unsettled() {
            return Ok(Done::default());
        }
        let news = self.news(&class.kind.clone());
        let class = self.answered(class, revision, answers);
        self.rows.classes.put(class);
        Ok(Done { news, ..Done::default() })
    }
}
