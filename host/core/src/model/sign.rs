//! Signs of life that the holder of a lease gives, and for want of which the lease ends.

use super::rows::Lease;
use super::status::LeaseStatus;
use serde::{Deserialize, Serialize};

/// One kind of them. The node that has claimed the lease watches for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sign {
    /// A connection to a node.
    Connection,
    /// A beat.
    Beat,
    /// A beat, or a command on what is leased.
    Use,
}

impl Sign {
    pub const EVERY: [Sign; 3] = [Sign::Connection, Sign::Beat, Sign::Use];

    /// Whether the lease was asked for so that it ends for want of it, sooner or later.
    pub fn asked_of(self, lease: &Lease) -> bool {
        match self {
            Sign::Connection => lease.tied == 1,
            Sign::Beat => lease.heartbeat.is_some(),
            Sign::Use => lease.idle_timeout.is_some(),
        }
    }

    /// Whether the lease ends for want of it as it is now: before it is active nobody has anything to beat for, or to use,
    /// and a connection is sign enough.
    pub fn wanted_of(self, lease: &Lease) -> bool {
        let begun = self == Sign::Connection || lease.status == LeaseStatus::Active && lease.tied == 0;
        begun && !lease.status.ended() && self.asked_of(lease)
    }

    /// For how long the lease lasts without it, in milliseconds, where the lease says so.
    pub fn patience(self, lease: &Lease) -> Option<i64> {
        match self {
            Sign::Connection => None,
            Sign::Beat => lease.heartbeat,
            Sign::Use => lease.idle_timeout,
        }
    }
}
