//! A seed is one trace on both engines. `DRYDOCK_ENGINE_SEEDS` sets how many seeds are run, `DRYDOCK_FIRST_SEED` the first of
//! them, and `DRYDOCK_SCENARIO` the only scenario.

#[path = "fixture/postgres.rs"]
mod postgres;

use drydock_core::sim::{Bench, Scenario, scenarios};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A run is full of small pieces of memory, most of them SQLite's, which are handed from thread to thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

/// What differs between the engines in one run.
async fn difference(sqlite: &mut Bench, postgres: &mut Bench, scenario: &Scenario, seed: u64) -> Option<String> {
    let one = sqlite.run(scenario, seed, &[]).await.expect("SQLite can be used");
    let other = postgres.run(scenario, seed, &[]).await.expect("PostgreSQL can be used");
    if one.trace == other.trace {
        return None;
    }
    let differs = one.trace.iter().zip(&other.trace).position(|(a, b)| a != b);
    let line = differs.unwrap_or(one.trace.len().min(other.trace.len()));
    let text = |trace: &[String]| trace.get(line).cloned().unwrap_or_else(|| "(the end)".to_owned());
    let name = scenario.name;
    Some(format!(
        "{name} with seed {seed} differs at line {line}:\nSQLite:     {}\nPostgreSQL: {}\nagain: \
         DRYDOCK_SCENARIO={name} DRYDOCK_FIRST_SEED={seed} DRYDOCK_ENGINE_SEEDS=1 \
         cargo test --release -p drydock-core --test engines",
        text(&one.trace),
        text(&other.trace)
    ))
}

/// Takes one scenario after the other, until there is none left or one differs.
#[tokio::main(flavor = "current_thread")]
async fn work(scenarios: &[Scenario], next: &AtomicUsize) -> Option<String> {
    let (first, seeds) = (number("DRYDOCK_FIRST_SEED", 0), number("DRYDOCK_ENGINE_SEEDS", 2));
    let mut sqlite = Bench::sqlite().await.expect("SQLite can be used");
    let mut postgres = Bench::postgres(&postgres::shared().database().await).await.expect("PostgreSQL can be used");
    while let Some(scenario) = scenarios.get(next.fetch_add(1, Ordering::SeqCst)) {
        for seed in first..first + seeds {
            let difference = difference(&mut sqlite, &mut postgres, scenario, seed).await;
            if difference.is_some() {
                return difference;
            }
        }
        println!("{}: seeds {first} to {}", scenario.name, first + seeds - 1);
    }
    None
}

#[test]
fn both_engines_give_the_same_traces() {
    let only = std::env::var("DRYDOCK_SCENARIO").ok();
    let chosen = |scenario: &Scenario| only.as_ref().is_none_or(|name| name == scenario.name);
    let scenarios: Vec<Scenario> = scenarios::all().into_iter().filter(chosen).collect();
    assert!(!scenarios.is_empty(), "there is no scenario {only:?}");
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let differences: Vec<String> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(|| work(&scenarios, &next))).collect();
        all.into_iter().filter_map(|thread| thread.join().expect("a thread that ends")).collect()
    });
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}
