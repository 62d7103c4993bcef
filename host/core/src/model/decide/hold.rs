//! What the holder of a lease does with it while it lasts: it gives signs of life, keeps it, and moves its end.

use super::Deciding;
use super::transition::{Said, due_at};
use crate::model::proposal::{Done, Lost};
use crate::model::protection::Protection;
use crate::model::rows::{Lease, Wanted};
use crate::model::sign::Sign;

impl Deciding<'_> {
    /// The claim of a lease that needs signs of life follows them, so that exactly one node watches it: the one that had
    /// the last, or the one that has taken over from it.
    pub fn hold_lease(&mut self, id: &str, sign: Sign) -> Result<Done, Lost> {
        let mut lease = self.living(id)?;
        if !sign.wanted_of(&lease) {
            return Err(Lost::Untied(id.to_owned()));
        }
        if lease.claim != self.node {
            lease.claim = self.node.to_owned();
            lease.epoch += 1;
            self.lease_event(&lease, lease.status.name(), Said::from("its client is with this node now"));
            self.rows.leases.put(lease);
        }
        Ok(Done::default())
    }

    /// Nobody who waits is served otherwise for it, so it is no news for the pool.
    pub fn keep_lease(&mut self, id: &str) -> Result<Done, Lost> {
        let mut lease = self.living(id)?;
        if lease.tied == 1 {
            lease.tied = 0;
            self.lease_event(&lease, lease.status.name(), Said::from("kept: it lasts without its client"));
            self.rows.leases.put(lease);
        }
        Ok(Done::default())
    }

    /// Moves a lease's end, also to an earlier time. When its limits are looked at next follows in the same commit.
    pub fn extend(&mut self, id: &str, until: i64) -> Result<Done, Lost> {
        let mut lease = self.living(id)?;
        if lease.until != Some(until) {
            let detail = serde_json::json!({ "until": until, "was": lease.until }).to_string();
            lease.until = Some(until);
            lease.due_at = due_at(&lease);
            let said = Said { reason: "its end was moved", detail: Some(detail) };
            self.lease_event(&lease, lease.status.name(), said);
            self.rows.leases.put(lease);
        }
        Ok(Done::default())
    }

    /// A node can't know of a keep, or of a sign to another node, that was written a moment ago; the row does.
    pub fn holder_gone(&mut self, id: &str, sign: Sign, epoch: i64) -> Result<Done, Lost> {
        let lease = self.lease(id)?;
        let guarded = self.protections.has(Protection::Watch);
        if !sign.wanted_of(&lease) || guarded && lease.claim != self.node {
            return Ok(Done::default());
        }
        if guarded && lease.epoch != epoch {
            return Err(Lost::Epoch);
        }
        let patience = sign.patience(&lease).unwrap_or(0) as f64 / 1_000.0;
        let (outcome, reason) = match sign {
            Sign::Connection => (
                "holder-gone",
                "its client is gone; `drydock lease --no-wait` asks for a lease that lasts without one".to_owned(),
            ),
            Sign::Beat => (
                "holder-gone",
                format!(
                    "its holder has not beaten for {patience} s (heartbeat); `drydock beat --every` does it in time"
                ),
            ),
            Sign::Use => (
                "expired",
                format!(
                    "it was not used for {patience} s, by no command and no beat (idle_timeout); ask for a new one"
                ),
            ),
        };
        self.end_lease(id, outcome, &reason)
    }

    /// Whose claim a lease gets from this node's commit: one that needs signs of life keeps its own, since somebody else
    /// may watch it.
    pub fn claim_of(&self, lease: &Lease) -> String {
        let watched = Sign::EVERY.iter().any(|sign| sign.asked_of(lease));
        if watched { lease.claim.clone() } else { self.node.to_owned() }
    }

    /// Refuses what is asked by who held the lease under another epoch, or never did.
    pub fn guard_fence(&self, id: &str, fence: Option<i64>) -> Result<(), Lost> {
        match fence {
            Some(fence) if self.lease(id)?.fence != fence => Err(Lost::Fence { lease: id.to_owned(), fence }),
            _ => Ok(()),
        }
    }

    fn living(&self, id: &str) -> Result<Lease, Lost> {
        let lease = self.lease(id)?;
        match lease.status.ended() || lease.wanted == Wanted::End {
            true => Err(Lost::Ended(id.to_owned())),
            false => Ok(lease),
        }
    }
}
