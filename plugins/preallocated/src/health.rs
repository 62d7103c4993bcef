//! Whether a host still answers, and what leases get can be made there.

use crate::Preallocated;
use crate::contract::exports::drydock::blueprint::health::{Guest, Verdict};
use crate::contract::types::{Blueprint, Context, Resource};
use crate::directory::Site;
use crate::lifecycle::attributes;

impl Guest for Preallocated {
    /// A host is in a list, and does not cease to exist: one that gives no answer can only be sick.
    fn check(_: Context, _: Blueprint, on: Resource) -> Verdict {
        match attributes(&on).and_then(|attributes| Site(&attributes).look()) {
            Ok(()) => Verdict::Healthy,
            Err(failure) => Verdict::Sick(failure.reason),
        }
    }
}
