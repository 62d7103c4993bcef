//! Many seeds of many scenarios, on several threads, each with a store of its own.

use super::run::{Bench, RunReport};
use super::scenario::Scenario;
use super::shrink::shrink;
use crate::model::protection::Protection;
use crate::store::StoreError;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// What is to be run.
#[derive(Clone)]
pub struct Campaign {
    pub scenarios: Vec<Scenario>,
    /// The first seed, and how many.
    pub first: u64,
    pub seeds: u64,
    /// Protections switched off in every run.
    pub off: Vec<Protection>,
    pub threads: usize,
    /// Makes the first failing run of each scenario short.
    pub shrink: bool,
    /// Runs every hundredth seed twice and compares the traces.
    pub twice: bool,
    /// A PostgreSQL database to run on instead of SQLite in memory; it is emptied, and one thread is used.
    pub postgres: Option<String>,
}

/// What became of one scenario.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    pub scenario: String,
    /// Runs made; fewer than asked for when one failed.
    pub runs: u64,
    /// The first seed that failed, and why.
    pub failed: Option<(u64, String)>,
    /// The story of that run, shortened if asked for.
    pub story: Vec<String>,
    /// How often what happened.
    pub marks: BTreeMap<String, u64>,
    /// What the scenario wants to have happened, and did not.
    pub missed: Vec<String>,
    /// Choices made, over all runs.
    pub choices: u64,
    /// Wall-clock milliseconds.
    pub millis: u64,
}

impl Campaign {
    /// Runs it; `told` gets each scenario's summary when it is done.
    pub fn run(&self, told: impl Fn(&Summary) + Sync) -> Result<Vec<Summary>, StoreError> {
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::new());
        let broken = Mutex::new(None);
        let threads = if self.postgres.is_some() { 1 } else { self.threads.max(1) };
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let result = self.work(&next, |at, summary| {
                        told(&summary);
                        lock(&done).push((at, summary));
                    });
                    if let Err(error) = result {
                        *lock(&broken) = Some(error);
                    }
                });
            }
        });
        if let Some(error) = lock(&broken).take() {
            return Err(error);
        }
        let mut done = std::mem::take(&mut *lock(&done));
        done.sort_by_key(|(at, _)| *at);
        Ok(done.into_iter().map(|(_, summary)| summary).collect())
    }

    fn work(&self, next: &AtomicUsize, done: impl Fn(usize, Summary)) -> Result<(), StoreError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| StoreError::Unknown(error.to_string()))?;
        runtime.block_on(async {
            let mut bench = match &self.postgres {
                Some(url) => Bench::postgres(url).await?,
                None => Bench::sqlite().await?,
            };
            loop {
                let at = next.fetch_add(1, Ordering::SeqCst);
                let Some(scenario) = self.scenarios.get(at) else { return Ok(()) };
                done(at, self.scenario(&mut bench, scenario).await?);
            }
        })
    }

    async fn scenario(&self, bench: &mut Bench, scenario: &Scenario) -> Result<Summary, StoreError> {
        let start = Instant::now();
        let mut summary = Summary { scenario: scenario.name.to_owned(), ..Summary::default() };
        for seed in self.first..self.first + self.seeds {
            let report = bench.run(scenario, seed, &self.off).await?;
            summary.runs += 1;
            summary.choices += report.steps as u64;
            for (mark, count) in &report.marks {
                *summary.marks.entry((*mark).to_owned()).or_default() += count;
            }
            let report = match self.twice && seed % 100 == 0 {
                true => self.again(bench, scenario, report).await?,
                false => report,
            };
            if report.failure.is_some() {
                let report = match self.shrink {
                    true => shrink(bench, scenario, &self.off, report).await?,
                    false => report,
                };
                summary.failed = report.failure.clone().map(|failure| (report.seed, failure));
                summary.story = report.trace;
                break;
            }
        }
        if summary.failed.is_none() {
            let missed = scenario.reached.iter().filter(|mark| !summary.marks.contains_key(**mark));
            summary.missed = missed.map(|mark| (*mark).to_owned()).collect();
        }
        summary.millis = start.elapsed().as_millis() as u64;
        Ok(summary)
    }

    /// The same seed again; another trace is a failure of its own.
    async fn again(&self, bench: &mut Bench, scenario: &Scenario, first: RunReport) -> Result<RunReport, StoreError> {
        let second = bench.run(scenario, first.seed, &self.off).await?;
        if second.trace == first.trace {
            return Ok(first);
        }
        let differs = first.trace.iter().zip(&second.trace).position(|(a, b)| a != b);
        let failure = format!("the same seed gave another trace, from line {}", differs.unwrap_or(0) + 1);
        Ok(RunReport { failure: Some(failure), ..second })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
