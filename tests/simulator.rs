//! The catalogue of races under the simulator: the engine as it is stays clean, each naive variant is found, and a seed
//! is one trace. `DRYDOCK_SEEDS` sets how many seeds are run, `DRYDOCK_FIRST_SEED` the first of them, `DRYDOCK_SCENARIO` the
//! only scenario; `DRYDOCK_WRITE_TABLE` has `protections.md` written anew.

use drydock_core::model::protection::Protection;
use drydock_core::sim::{Bench, Campaign, RunReport, Scenario, Summary, scenarios};
use std::collections::{BTreeMap, BTreeSet};

/// A run is full of small pieces of memory, most of them SQLite's, which are handed from thread to thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A naive variant is found within so many seeds.
const NAIVE: u64 = 200;

/// The table of what each protection is needed for, beside this file.
const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/protections.md");

const TABLE_HEAD: &str = "\
# What each protection is needed for

Made by `tests/simulator.rs`, which fails when a line of it changes: then look why, and run it with `DRYDOCK_WRITE_TABLE=1`.

A protection is a check in the allocator that can be switched off in the simulator and nowhere else. Each line is a scenario
(`drydock sim list`) run without the protection, or without it and others of which each is enough alone; the last column is
the number of seeds until something goes wrong. With all of them on, the same seeds are clean. To see one go wrong:
`drydock sim run SCENARIO --naive`.

| protection | what it does | without it in | also off | seeds |
|---|---|---|---|---|
";

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

/// How a seed that failed is run again.
fn again(scenario: &str, seed: u64) -> String {
    format!(
        "DRYDOCK_SCENARIO={scenario} DRYDOCK_FIRST_SEED={seed} DRYDOCK_SEEDS=1 \
         cargo test --release -p drydock-core --test simulator every_scenario"
    )
}

#[test]
fn every_scenario_is_clean_and_reaches_what_it_is_about() {
    let only = std::env::var("DRYDOCK_SCENARIO").ok();
    let chosen = |scenario: &Scenario| only.as_ref().is_none_or(|name| name == scenario.name);
    let scenarios: Vec<Scenario> = scenarios::all().into_iter().filter(chosen).collect();
    assert!(!scenarios.is_empty(), "there is no scenario {only:?}");
    let (first, seeds) = (seeds("DRYDOCK_FIRST_SEED", 0), seeds("DRYDOCK_SEEDS", 20));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let campaign =
        Campaign { scenarios, first, seeds, off: Vec::new(), threads, shrink: false, twice: true, postgres: None };
    let told = |summary: &Summary| {
        let each = summary.millis as f64 / summary.runs.max(1) as f64;
        println!("{}: seeds {first} to {}, {each:.1} ms each", summary.scenario, first + summary.runs - 1);
    };
    let summaries = campaign.run(told).expect("the store can be used");
    let mut wrong = Vec::new();
    for summary in summaries {
        let name = &summary.scenario;
        if let Some((seed, failure)) = &summary.failed {
            let last = summary.story.len().saturating_sub(60);
            let story = summary.story[last..].join("\n");
            wrong.push(format!("{name} with seed {seed}: {failure}\n{story}\nagain: {}", again(name, *seed)));
        } else if only.is_none() && !summary.missed.is_empty() {
            wrong.push(format!("{name}: {:?} was not reached in {seeds} seeds", summary.missed));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Whatever the threads, the same failing seed is the answer, and the same runs are counted.
#[test]
fn a_campaign_does_not_depend_on_its_threads() {
    let scenario = scenarios::all().into_iter().find(|scenario| scenario.name == "double-binding").unwrap();
    let summaries = |threads: usize, off: &[Protection]| {
        let scenarios = vec![scenario.clone()];
        let off = off.to_vec();
        let campaign =
            Campaign { scenarios, first: 0, seeds: 60, off, threads, shrink: false, twice: false, postgres: None };
        let summaries = campaign.run(|_| ()).expect("the store can be used");
        summaries.into_iter().map(|summary| Summary { millis: 0, ..summary }).collect::<Vec<_>>()
    };
    for off in [&[][..], scenario.naive[0]] {
        let one = summaries(1, off);
        assert_eq!(one, summaries(3, off), "without {:?}", names(off));
        assert_eq!(one[0].failed.is_some(), !off.is_empty());
        assert_eq!(one[0].runs, one[0].failed.as_ref().map_or(60, |(seed, _)| seed + 1));
    }
}

#[tokio::test]
async fn what_is_large_is_clean_too() {
    let mut bench = Bench::sqlite().await.unwrap();
    for scenario in scenarios::large() {
        let report = run(&mut bench, &scenario, 0, &[]).await;
        assert_eq!(report.failure, None, "{}", story(&report));
        let missed: Vec<&&str> = scenario.reached.iter().filter(|mark| !report.marks.contains_key(*mark)).collect();
        assert!(missed.is_empty(), "{}: {missed:?} were not reached", scenario.name);
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
async fn every_naive_variant_is_found_and_stands_in_the_table() {
    let mut bench = Bench::sqlite().await.unwrap();
    // By protection, in the order in which they are declared.
    let mut lines: BTreeMap<Protection, Vec<String>> = BTreeMap::new();
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
            let off_names = names(off);
            let seeds = found.map(|seed| seed + 1);
            let seeds =
                seeds.unwrap_or_else(|| panic!("{} without {off_names:?} is clean for {NAIVE} seeds", scenario.name));
            for protection in *off {
                let others: Vec<&str> = off_names.iter().copied().filter(|name| *name != protection.name()).collect();
                let (name, about, others) = (protection.name(), protection.about(), others.join(", "));
                let line = format!("| {name} | {about} | {} | {others} | {seeds} |\n", scenario.name);
                lines.entry(*protection).or_default().push(line);
            }
        }
    }
    for protection in Protection::EVERY {
        assert!(lines.contains_key(protection), "no scenario shows what {:?} is needed for", protection.name());
    }
    let table = TABLE_HEAD.to_owned() + &lines.into_values().flatten().collect::<String>();
    if std::env::var_os("DRYDOCK_WRITE_TABLE").is_some() {
        std::fs::write(TABLE, &table).unwrap();
    }
    let known = std::fs::read_to_string(TABLE).unwrap_or_default();
    let (known, table): (Vec<&str>, Vec<&str>) = (known.lines().collect(), table.lines().collect());
    let gone: Vec<&&str> = known.iter().filter(|line| !table.contains(line)).collect();
    let new: Vec<&&str> = table.iter().filter(|line| !known.contains(line)).collect();
    assert!(gone.is_empty() && new.is_empty(), "tests/protections.md has changed\nwas: {gone:#?}\nis: {new:#?}");
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
