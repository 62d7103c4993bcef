//! Leases that are tied to a connection of their client.

use super::Deciding;
use super::transition::Said;
use crate::model::proposal::{Done, Lost};
use crate::model::protection::Protection;
use crate::model::rows::{Lease, Wanted};

impl Deciding<'_> {
    /// The claim of a tied lease follows its client's connection, so that exactly one node watches it: that of the last
    /// connection, or the one that has taken over from it.
    pub fn hold_lease(&mut self, id: &str) -> Result<Done, Lost> {
        let mut lease = self.living(id)?;
        if lease.tied == 0 {
            return Err(Lost::Untied(id.to_owned()));
        }
        if lease.claim != self.node {
            lease.claim = self.node.to_owned();
            lease.epoch += 1;
            self.lease_event(&lease, lease.status.name(), Said::from("its client is connected to this node now"));
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

    /// A node can't know of a keep, or of a connection to another node, that was written a moment ago; the row does.
    pub fn holder_gone(&mut self, id: &str, epoch: i64) -> Result<Done, Lost> {
        let lease = self.lease(id)?;
        let guarded = self.protections.has(Protection::Watch);
        if lease.status.ended() || lease.tied == 0 || guarded && lease.claim != self.node {
            return Ok(Done::default());
        }
        if guarded && lease.epoch != epoch {
            return Err(Lost::Epoch);
        }
        let reason = "its client is gone; `drydock lease --no-wait` asks for a lease that lasts without one";
        self.end_lease(id, "holder-gone", reason)
    }

    /// Whose claim a lease gets from this node's commit: a tied one keeps its own, since somebody else may watch it.
    pub fn claim_of(&self, lease: &Lease) -> String {
        if lease.tied == 1 { lease.claim.clone() } else { self.node.to_owned() }
    }

    fn living(&self, id: &str) -> Result<Lease, Lost> {
        let lease = self.lease(id)?;
        match lease.status.ended() || lease.wanted == Wanted::End {
            true => Err(Lost::Ended(id.to_owned())),
            false => Ok(lease),
        }
    }
}
