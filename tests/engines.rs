//! A seed is one trace on both engines. `DRYDOCK_ENGINE_SEEDS` sets how many seeds are run.

#[path = "fixture/postgres.rs"]
mod postgres;

use drydock_core::sim::{Bench, scenarios};

fn seeds() -> u64 {
    std::env::var("DRYDOCK_ENGINE_SEEDS").map_or(2, |text| text.parse().expect("a number of seeds"))
}

#[tokio::test]
async fn both_engines_give_the_same_traces() {
    let mut sqlite = Bench::sqlite().await.unwrap();
    let mut postgres = Bench::postgres(&postgres::shared().database().await).await.unwrap();
    for scenario in scenarios::all() {
        for seed in 0..seeds() {
            let one = sqlite.run(&scenario, seed, &[]).await.unwrap();
            let other = postgres.run(&scenario, seed, &[]).await.unwrap();
            if let Some(line) = one.trace.iter().zip(&other.trace).position(|(a, b)| a != b) {
                panic!(
                    "{} with seed {seed} differs at line {line}:\nSQLite:     {}\nPostgreSQL: {}",
                    scenario.name, one.trace[line], other.trace[line]
                );
            }
            assert_eq!(one.trace.len(), other.trace.len(), "{} with seed {seed}", scenario.name);
        }
    }
}
