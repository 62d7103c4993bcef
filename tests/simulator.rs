//! The catalogue of races under the simulator: the engine as it is stays clean, each naive variant is found, and a seed
//! is one trace. `DRYDOCK_SEEDS` sets how many seeds are run.

use drydock_core::model::protection::Protection;
use drydock_core::sim::{Bench, RunReport, Scenario, scenarios};
use std::collections::BTreeSet;

/// A naive variant is found within so many seeds.
const NAIVE: u64 = 200;

fn seeds(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number of seeds"))
}

fn story(report: &RunReport) -> String {
    let last = report.trace.len().saturating_sub(60);
    format!("{} with seed {}:\n{}", report.scenario, report.seed, report.trace[last..].join("\n"))
}

fn names(off: &[Protection]) -> Vec<&'static str> {
    off.iter().map(|protection| protection.name()).collect()
}

async fn run(bench: &mut Bench, scenario: &Scenario, seed: u64, off: &[Protection]) -> RunReport {
    bench.run(scenario, seed, off).await.expect("the store can be used")
}

#[tokio::test]
async fn every_scenario_is_clean_and_reaches_what_it_is_about() {
    let mut bench = Bench::sqlite().await.unwrap();
    let seeds = seeds("DRYDOCK_SEEDS", 20);
    for scenario in scenarios::all() {
        let mut reached = BTreeSet::new();
        for seed in 0..seeds {
            let report = run(&mut bench, &scenario, seed, &[]).await;
            assert_eq!(report.failure, None, "{}", story(&report));
            reached.extend(report.marks.into_keys());
        }
        for mark in scenario.reached {
            assert!(reached.contains(mark), "{}: {mark:?} was not reached in {seeds} seeds", scenario.name);
        }
    }
}

#[tokio::test]
async fn a_seed_is_one_trace() {
    let mut bench = Bench::sqlite().await.unwrap();
    let mut traces = BTreeSet::new();
    for scenario in scenarios::all() {
        for seed in [3, 4] {
            let first = run(&mut bench, &scenario, seed, &[]).await;
            let second = run(&mut bench, &scenario, seed, &[]).await;
            assert_eq!(first.trace, second.trace, "{} with seed {seed}", scenario.name);
            assert_eq!(first.choices, second.choices);
            traces.insert(first.trace);
        }
    }
    assert!(traces.len() > scenarios::all().len(), "other seeds make other traces");
}

#[tokio::test]
async fn recorded_choices_repeat_a_run() {
    let mut bench = Bench::sqlite().await.unwrap();
    for scenario in scenarios::all() {
        let first = run(&mut bench, &scenario, 7, &[]).await;
        let again = bench.repeat(&scenario, 7, &[], first.choices.clone()).await.unwrap();
        assert_eq!(first.trace, again.trace, "{}", scenario.name);
    }
}

#[tokio::test]
async fn every_naive_variant_is_found() {
    let mut bench = Bench::sqlite().await.unwrap();
    for scenario in scenarios::all() {
        for off in scenario.naive {
            let mut found = None;
            for seed in 0..NAIVE {
                let report = run(&mut bench, &scenario, seed, off).await;
                if report.failure.is_some() {
                    found = Some(seed);
                    break;
                }
            }
            assert!(found.is_some(), "{} without {:?} is clean for {NAIVE} seeds", scenario.name, names(off));
        }
    }
}

#[tokio::test]
async fn each_of_several_protections_is_enough() {
    let mut bench = Bench::sqlite().await.unwrap();
    let seeds = seeds("DRYDOCK_SEEDS", 20);
    for scenario in scenarios::all() {
        for off in scenario.naive.iter().filter(|off| off.len() > 1).flat_map(|off| off.iter()) {
            for seed in 0..seeds {
                let report = run(&mut bench, &scenario, seed, &[*off]).await;
                assert_eq!(report.failure, None, "without {:?} alone, {}", off.name(), story(&report));
            }
        }
    }
}
