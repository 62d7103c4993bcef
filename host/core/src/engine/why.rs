//! Why a lease is as it is, and what it waits for.

use super::api::{AskError, Obstacle, Why};
use super::node::{Node, lock};
use crate::model::proposal::QUOTAS;
use crate::model::rows::{Lease, Observed, Resource};
use crate::model::status::LeaseStatus;
use std::collections::BTreeSet;

impl Node {
    /// What a lease waits for, or why it is as it is.
    pub async fn why(&self, id: &str) -> Result<Why, AskError> {
        let detail = self.lease(id).await?;
        let lease = &detail.lease;
        let reason = || lease.reason.clone().unwrap_or_else(|| "no reason was given".to_owned());
        let note = || {
            let place = detail.place.as_ref().and_then(|place| place.note.clone());
            place.or_else(|| detail.resource.as_ref().and_then(|resource| resource.note.clone()))
        };
        let name = detail.resource.as_ref().map(|resource| resource.name.clone()).unwrap_or_default();
        match lease.status {
            LeaseStatus::Pending => return self.why_pending(lease).await,
            LeaseStatus::Acquired => {
                let open = detail.place.as_ref().is_some_and(|place| place.touched == 1);
                let note = note().map(|note| format!(" ({note})")).unwrap_or_default();
                if open {
                    let summary = format!("It is being set up on {name}{note}.");
                    return Ok(Why { summary, ..Why::default() });
                }
                let summary = format!("It has a place on {name}, and waits for that to open{note}.");
                let resource = detail.resource.as_ref().map(|resource| resource.id.as_str()).unwrap_or_default();
                self.why_nested(resource, summary).await
            }
            LeaseStatus::Active => Ok(Why { summary: format!("It is active on {name}."), ..Why::default() }),
            LeaseStatus::Released | LeaseStatus::Broken => {
                let note = note().map(|note| format!("; the last try said: {note}")).unwrap_or_default();
                let summary = format!(
                    "It ended ({}): {}. What it left on {name} is being cleaned up{note}.",
                    lease.outcome,
                    reason()
                );
                Ok(Why { summary, ..Why::default() })
            }
            LeaseStatus::Destroyed => {
                let summary = format!("It ended ({}): {}.", lease.outcome, reason());
                Ok(Why { summary, ..Why::default() })
            }
        }
    }

    /// What the last plan for a pool says that a class waits for.
    pub(super) fn obstacles(&self, kind: &str, class: &str) -> Vec<Obstacle> {
        lock(&self.waits).get(kind).and_then(|classes| classes.get(class)).cloned().unwrap_or_default()
    }

    /// What a lease waits for, as a part of a sentence, for those who ask when it has ended. None: that can't be read.
    pub(super) async fn waited_for(&self, id: &str) -> Option<String> {
        let summary = self.why(id).await.ok()?.summary;
        let rest = summary.strip_prefix("It ").unwrap_or(&summary);
        Some(format!("it {}", rest.trim_end_matches('.')))
    }

    /// Whether its owner has all that it may.
    async fn why_quota(&self, lease: &Lease, ahead: u64) -> Result<Option<Why>, AskError> {
        let (owner, farm) = (&lease.owner, self.farm());
        let Some(limit) = farm.order.max_leases(owner).filter(|_| lease.holder.is_none()) else { return Ok(None) };
        let used = self.read("quota", self.store.used(QUOTAS, owner)).await?;
        if i64::from(used) < limit {
            return Ok(None);
        }
        let reason = format!("owner {owner} has {used} of at most {limit} leases with a place (max_leases)");
        let summary =
            format!("It waits, number {} in line: {reason}, and it comes when one of them is gone.", ahead + 1);
        let obstacles = vec![Obstacle { reason, ..Obstacle::default() }];
        Ok(Some(Why { summary, place_in_line: Some(ahead + 1), obstacles }))
    }

    /// The same for a lease on a resource that is being opened, with what that has leased for itself and has not yet.
    async fn why_nested(&self, resource: &str, summary: String) -> Result<Why, AskError> {
        let nested = self.read("nested", self.store.nested(resource)).await?;
        let waits = |lease: &&Lease| matches!(lease.status, LeaseStatus::Pending | LeaseStatus::Acquired);
        let Some(lease) = nested.iter().find(waits) else { return Ok(Why { summary, ..Why::default() }) };
        let why = Box::pin(self.why(&lease.id)).await?;
        let rest = why.summary.strip_prefix("It ").unwrap_or(&why.summary);
        let summary = format!("{summary} For that, {} {rest}", lease.id);
        Ok(Why { summary, place_in_line: None, obstacles: why.obstacles })
    }

    async fn why_pending(&self, lease: &Lease) -> Result<Why, AskError> {
        let ahead = self.read("ahead", self.store.ahead(lease)).await?;
        if let Some(why) = self.why_quota(lease, ahead).await? {
            return Ok(why);
        }
        let mut obstacles = self.obstacles(&lease.kind, &lease.class);
        let seen = match obstacles.is_empty() {
            true => Vec::new(),
            false => self.read("what was seen", self.store.observed(None)).await?,
        };
        let farm = self.farm();
        let mut told = BTreeSet::new();
        for obstacle in &mut obstacles {
            let Some(blueprint) = farm.blueprints.get(&obstacle.blueprint) else { continue };
            let space = blueprint.config.slot_space();
            obstacle.holders =
                self.read("holders", self.store.holders(space, &obstacle.slots, &obstacle.blueprint)).await?;
            if told.insert(obstacle.blueprint.clone()) {
                let closing = self.read("closing", self.store.closing(&obstacle.blueprint)).await?;
                obstacle.reason += &closes_in_vain(&closing).unwrap_or_default();
                obstacle.reason += &unseen(&seen, &obstacle.blueprint).unwrap_or_default();
            }
        }
        let more = match obstacles.len() {
            0 | 1 => String::new(),
            count => format!(" (and {} more reasons)", count - 1),
        };
        let first = obstacles.first().map(|obstacle| match obstacle.blueprint.as_str() {
            "" => format!(": {}{more}", obstacle.reason),
            blueprint => format!(": {blueprint}: {}{more}", obstacle.reason),
        });
        // What the first obstacle says already is not said again.
        let told = |reason: &&String| obstacles.first().is_some_and(|first| first.reason.contains(reason.as_str()));
        let back = lease.reason.as_ref().filter(|reason| !told(reason));
        let back = back.map(|reason| format!(" It was set back before: {reason}.")).unwrap_or_default();
        let set = lease.set_id.as_ref().map(|_| ", together with the others of its set").unwrap_or_default();
        let summary = format!(
            "It waits{set}, number {} in line{}.{back}",
            ahead + 1,
            first.unwrap_or_else(|| ", and is being looked at".to_owned())
        );
        Ok(Why { summary, place_in_line: Some(ahead + 1), obstacles })
    }
}

/// What keeps a blueprint from seeing what it could lend.
fn unseen(seen: &[Observed], blueprint: &str) -> Option<String> {
    let failure = seen.iter().find(|seen| seen.blueprint == blueprint)?.failure.as_ref()?;
    Some(format!("; what is outside can't be seen: {failure}"))
}

/// What keeps resources that are being closed from being gone, where that was tried and takes longer.
fn closes_in_vain(closing: &[Resource]) -> Option<String> {
    let tried: Vec<&Resource> = closing.iter().filter(|resource| resource.attempt > 0).collect();
    let note = tried.iter().find_map(|resource| resource.note.as_deref())?;
    Some(match tried.len() {
        1 => format!("; one of its resources is being closed, and the last try said: {note}"),
        count => format!("; {count} of its resources are being closed, and the last try said: {note}"),
    })
}
