//! The catalogue of races, each as a scenario in its small form.

mod configuring;
mod failing;
mod holding;
mod lifetimes;
mod nesting;
mod observing;
mod ordering;
mod serving;
mod sets;
mod sharing;
mod warming;

use super::client::PATIENCE;
use super::scenario::{Faults, Scenario};
use super::watch::Watch;
use super::yard::Yard;
use crate::engine::DEAD_AFTER;

/// Every scenario in its small form.
pub fn all() -> Vec<Scenario> {
    let mut all = serving::all();
    all.extend(sharing::all());
    all.extend(lifetimes::all());
    all.extend(warming::all());
    all.extend(nesting::all());
    all.extend(sets::all());
    all.extend(configuring::all());
    all.extend(holding::all());
    all.extend(ordering::all());
    all.extend(failing::all());
    all.extend(observing::all());
    all
}

/// Those in their full form, each many times as long as one of [`all`].
pub fn large() -> Vec<Scenario> {
    vec![nesting::large()]
}

fn nothing_more(_: &mut Watch<'_>) -> Result<(), String> {
    Ok(())
}

/// What scenarios share unless they say otherwise.
fn base() -> Scenario {
    Scenario {
        name: "",
        about: "",
        nodes: 2,
        yards: vec![Yard::HOSTS],
        clients: vec![],
        quotas: &[],
        fair_share: 0,
        edits: vec![],
        faults: Faults::NO_FREEZE,
        naive: &[],
        watch: nothing_more,
        reached: &["served"],
        quiet: None,
        early_timer: 12,
        patience: PATIENCE,
        dead_after: DEAD_AFTER,
    }
}

const TWO_BINDINGS: &[&[&str]] = &[&["binding/1"], &["binding/2"]];
const ONE_BINDING: &[&[&str]] = &[&["binding/1"]];
