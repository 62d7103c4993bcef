//! What was refused, for the host to tell: the guest itself sees a broken connection only.

use crate::translate::escaped;
use std::sync::{Arc, Mutex, PoisonError};
use tracing::warn;

/// Of one call; and how many of them are added to what the plugin says of its failure.
const KEPT: usize = 16;
const TOLD: usize = 2;

/// Bytes of one of them.
const LONGEST: usize = 2 << 10;

/// What one call was refused. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Denials(Arc<Mutex<Vec<String>>>);

impl Denials {
    /// Tells of it in the log, once for each sentence of a call.
    pub(crate) fn add(&self, blueprint: &str, function: &str, denial: &str) {
        let denial = escaped(denial, LONGEST);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < KEPT && !all.contains(&denial) {
            warn!(target: "drydock::plugin", blueprint, function, "denied: {denial}");
            all.push(denial);
        }
    }

    /// A plugin's reason for its failure, and what the host knows beside it.
    pub(crate) fn explain(&self, reason: String) -> String {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told = all.iter().take(TOLD).fold(reason, |text, denial| format!("{text}; the host denied: {denial}"));
        match all.len().saturating_sub(TOLD) {
            0 => told,
            more => format!("{told}; and {more} more, see the daemon's log"),
        }
    }
}
