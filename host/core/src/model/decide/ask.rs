//! A request becomes a lease and a waiting entry.

use super::Deciding;
use super::transition::{Said, due_at};
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
}

impl Deciding<'_> {
    pub fn ask(&mut self, new: &NewLease) -> Result<Done, Lost> {
        let order = Inherited { owner: &new.owner, ord: new.asked_at - new.head_start, holder: None };
        self.ask_as(new, order)
    }

    /// All of a set are asked for in one commit, so it is found by its keys as a whole.
    pub fn ask_set(&mut self, all: &[NewLease]) -> Result<Done, Lost> {
        let mut leases = Vec::with_capacity(all.len());
        let mut found: Vec<String> = Vec::new();
        for new in all {
            let existing = self.ask(new)?.existing;
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
        let mut class = self.rows.classes.get(&new.class).cloned().unwrap_or_else(|| Class {
            id: new.class.clone(),
            kind: new.request.kind.clone(),
            request: Doc(new.request.clone()),
            answers: Doc(BTreeMap::new()),
            revision: -1,
            considered_at: 0,
            never_since: None,
            waiting: 0,
            used_at: self.at,
        });
        if class.revision < new.revision {
            class = self.answered(class, new.revision, &new.answers);
        }
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
            ord: inherited.ord,
            until: new.until,
            wait_until: new.wait_until,
            tied: i64::from(new.tied),
            heartbeat: new.heartbeat,
            idle_timeout: new.idle_timeout,
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
        let news = self.news(&new.request.kind);
        let detail = serde_json::json!({
            "news": news.map(|(_, after)| after), "class": new.class, "ord": lease.ord, "owner": lease.owner,
            "set": lease.set_id,
        });
        self.lease_event(&lease, "", Said { reason: "asked", detail: Some(detail.to_string()) });
        self.rows.leases.put(lease.clone());
        if let Some(key) = &new.key {
            self.rows.request_keys.put(RequestKey { lease: new.id.clone(), ..key.clone() });
        }
        if let Some(reason) = &new.never {
            self.finish_lease(lease, LeaseStatus::Broken, "never-servable", reason)?;
        }
        Ok(Done { news, ..Done::default() })
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
