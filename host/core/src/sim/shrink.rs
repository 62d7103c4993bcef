//! Makes a failing run short: pieces are taken out of its choices for as long as it still fails.

use super::run::{Bench, RunReport};
use super::scenario::Scenario;
use crate::model::protection::Protection;
use crate::store::StoreError;

/// Tries at most this many shorter schedules.
const TRIES: usize = 200;

/// The shortest failing run that was found; the given one if none is shorter.
pub async fn shrink(
    bench: &mut Bench,
    scenario: &Scenario,
    off: &[Protection],
    found: RunReport,
) -> Result<RunReport, StoreError> {
    let mut best = found;
    let mut tries = 0;
    let mut piece = best.choices.len() / 2;
    while piece > 0 && tries < TRIES {
        let mut start = 0;
        let mut shorter = false;
        while start < best.choices.len() && tries < TRIES {
            let mut choices = best.choices.clone();
            choices.drain(start..(start + piece).min(best.choices.len()));
            tries += 1;
            let report = bench.repeat(scenario, best.seed, off, choices).await?;
            if report.failure.is_some() && report.steps < best.steps {
                best = report;
                shorter = true;
            } else {
                start += piece;
            }
        }
        if !shorter {
            piece /= 2;
        }
    }
    Ok(best)
}
