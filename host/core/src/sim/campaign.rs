//! Many seeds of many scenarios, on several threads, each with a store of its own and at home on one processor.

use super::processor;
use super::run::{Bench, RunReport};
use super::scenario::Scenario;
use super::shrink::shrink;
use crate::model::protection::Protection;
use crate::store::StoreError;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

/// How many seeds of a scenario a thread takes at a time: so few that all threads have work to the end.
const PIECE: u64 = 25;

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
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    pub scenario: String,
    /// Runs up to the one that failed, or all.
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
    /// Milliseconds that its runs took, one after the other.
    pub millis: u64,
}

/// Some seeds of one scenario.
struct Piece<'a> {
    scenario: &'a Scenario,
    first: u64,
    end: u64,
    course: &'a Course,
}

/// How far a scenario has come.
struct Course {
    /// The lowest seed that has failed so far; those above it need not be run.
    failed: AtomicU64,
    pieces_left: AtomicUsize,
    /// What the pieces came to, by their first seeds.
    found: Mutex<BTreeMap<u64, Found>>,
}

/// What the runs of a piece came to.
#[derive(Default)]
struct Found {
    runs: u64,
    failed: Option<RunReport>,
    marks: BTreeMap<&'static str, u64>,
    choices: u64,
    millis: u64,
}

impl Campaign {
    /// Runs it; `told` gets each scenario's summary when it is done. The summaries do not depend on the threads, but for
    /// their milliseconds.
    pub fn run(&self, told: impl Fn(&Summary) + Sync) -> Result<Vec<Summary>, StoreError> {
        let starts: Vec<u64> = (self.first..self.first + self.seeds).step_by(PIECE as usize).collect();
        let courses: Vec<Course> = self.scenarios.iter().map(|_| Course::new(starts.len())).collect();
        let pieces: Vec<Piece> = self
            .scenarios
            .iter()
            .zip(&courses)
            .flat_map(|(scenario, course)| {
                let end = self.first + self.seeds;
                let piece = move |first: &u64| Piece { scenario, first: *first, end: end.min(first + PIECE), course };
                starts.iter().map(piece)
            })
            .collect();
        let next = AtomicUsize::new(0);
        let done = Mutex::new(BTreeMap::new());
        let broken = Mutex::new(None);
        let threads = if self.postgres.is_some() { 1 } else { self.threads.max(1) };
        std::thread::scope(|scope| {
            let (pieces, next, done, broken, told) = (&pieces, &next, &done, &broken, &told);
            for thread in 0..threads {
                scope.spawn(move || {
                    if self.postgres.is_none() {
                        processor::keep_to(thread);
                    }
                    let result = self.work(pieces, next, |at, summary| {
                        told(&summary);
                        lock(done).insert(at, summary);
                    });
                    if let Err(error) = result {
                        *lock(broken) = Some(error);
                    }
                });
            }
        });
        if let Some(error) = lock(&broken).take() {
            return Err(error);
        }
        let done = std::mem::take(&mut *lock(&done));
        Ok(done.into_values().collect())
    }

    fn work(&self, pieces: &[Piece<'_>], next: &AtomicUsize, done: impl Fn(usize, Summary)) -> Result<(), StoreError> {
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
                let Some(piece) = pieces.get(at) else { return Ok(()) };
                let found = self.piece(&mut bench, piece).await?;
                lock(&piece.course.found).insert(piece.first, found);
                if piece.course.pieces_left.fetch_sub(1, Ordering::SeqCst) == 1 {
                    done(at, self.summary(&mut bench, piece).await?);
                }
            }
        })
    }

    async fn piece(&self, bench: &mut Bench, piece: &Piece<'_>) -> Result<Found, StoreError> {
        let start = Instant::now();
        let mut found = Found::default();
        for seed in piece.first..piece.end {
            if seed > piece.course.failed.load(Ordering::SeqCst) {
                break;
            }
            let report = bench.run(piece.scenario, seed, &self.off).await?;
            found.runs += 1;
            found.choices += report.steps as u64;
            for (mark, count) in &report.marks {
                *found.marks.entry(mark).or_default() += count;
            }
            let report = match self.twice && seed % 100 == 0 {
                true => self.again(bench, piece.scenario, report).await?,
                false => report,
            };
            if report.failure.is_some() {
                piece.course.failed.fetch_min(seed, Ordering::SeqCst);
                found.failed = Some(report);
                break;
            }
        }
        found.millis = start.elapsed().as_millis() as u64;
        Ok(found)
    }

    /// What the scenario of this piece came to, whose pieces are all done.
    async fn summary(&self, bench: &mut Bench, piece: &Piece<'_>) -> Result<Summary, StoreError> {
        let scenario = piece.scenario;
        let mut summary = Summary { scenario: scenario.name.to_owned(), ..Summary::default() };
        let pieces = std::mem::take(&mut *lock(&piece.course.found));
        for found in pieces.into_values() {
            summary.runs += found.runs;
            summary.choices += found.choices;
            summary.millis += found.millis;
            for (mark, count) in found.marks {
                *summary.marks.entry(mark.to_owned()).or_default() += count;
            }
            if let Some(report) = found.failed {
                let start = Instant::now();
                let report = match self.shrink {
                    true => shrink(bench, scenario, &self.off, report).await?,
                    false => report,
                };
                summary.millis += start.elapsed().as_millis() as u64;
                summary.failed = report.failure.clone().map(|failure| (report.seed, failure));
                summary.story = report.trace;
                // What was run beyond it, on other threads, is no part of the answer.
                break;
            }
        }
        if summary.failed.is_none() {
            let missed = scenario.reached.iter().filter(|mark| !summary.marks.contains_key(**mark));
            summary.missed = missed.map(|mark| (*mark).to_owned()).collect();
        }
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

impl Course {
    fn new(pieces: usize) -> Course {
        Course {
            failed: AtomicU64::new(u64::MAX),
            pieces_left: AtomicUsize::new(pieces),
            found: Mutex::new(BTreeMap::new()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
