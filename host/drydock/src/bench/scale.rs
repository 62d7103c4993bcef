//! What a lease costs where there is a lot of something, against little: the same counts, and hardly more time. A lot of
//! resources; of leases that wait, in many classes; of leases that have ended.

use super::Options;
use super::engine::{Engine, Tally};
use super::filled::{Filling, fill};
use super::rows::{Bound, Row};
use super::statistics::median;
use anyhow::{Context, ensure};
use drydock_core::engine::api::Filter;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const FEW_RESOURCES: usize = 50;
const MANY_RESOURCES: usize = 100_000;

const FEW_FINISHED: usize = 1_500;
const MANY_FINISHED: usize = 1_000_000;

/// Classes of leases that wait, and how many wait in each.
const FEW_CLASSES: u32 = 10;
const MANY_CLASSES: u32 = 1_000;
const WAITING: usize = 100;

/// Of so many classes one after the other is served.
const CHOSEN: u32 = 10;

/// What a lot of something may cost, in units of what little costs.
const MOST: f64 = 2.0;

/// The same of statements: now and then two of a lease's commits find themselves in one group.
const STATEMENTS: f64 = 1.2;

const SAMPLES: usize = 200;

pub async fn measure(options: &Options, folder: &Path) -> anyhow::Result<Vec<Row>> {
    let part = if options.quick { 50 } else { 1 };
    let mut rows = Vec::new();
    let many = MANY_RESOURCES / part;
    let what = format!("lease among {many} resources");
    if options.wants(&what) {
        eprintln!("{what}: and among {FEW_RESOURCES} …");
        let filling = |resources| Filling { resources, finished: resources };
        let few = lease(&folder.join("few-resources"), filling(FEW_RESOURCES), options.quick).await?;
        let value = lease(&folder.join("many-resources"), filling(many), options.quick).await?;
        rows.extend(value.rows(&what, &few));
    }
    let classes = if options.quick { FEW_CLASSES * 5 } else { MANY_CLASSES };
    let what = format!("next of {} waiting in {classes} classes", classes as usize * WAITING);
    if options.wants(&what) {
        eprintln!("{what}: and of {} in {FEW_CLASSES} …", FEW_CLASSES as usize * WAITING);
        let few = next(&folder.join("few-classes"), FEW_CLASSES, options.quick).await?;
        let value = next(&folder.join("many-classes"), classes, options.quick).await?;
        rows.extend(value.rows(&what, &few));
    }
    let many = options.finished.unwrap_or(MANY_FINISHED / part);
    let what = format!("lease after {many} finished");
    if options.wants(&what) {
        eprintln!("{what}: and after {FEW_FINISHED} …");
        let filling = |finished: usize| Filling { resources: finished.min(500), finished };
        let few = lease(&folder.join("few-finished"), filling(FEW_FINISHED), options.quick).await?;
        let value = lease(&folder.join("many-finished"), filling(many), options.quick).await?;
        rows.extend(value.rows(&what, &few));
        let list = Row::new(format!("{what}: list of what is alive"), value.list, "ms");
        rows.push(list.against(few.list, Bound::AtMost(MOST)));
    }
    Ok(rows)
}

/// Medians of one lease each.
struct Figures {
    /// Milliseconds.
    time: f64,
    statements: f64,
    calls: f64,
    /// Milliseconds of a list of the leases that are alive.
    list: f64,
}

impl Figures {
    async fn of(samples: &[(Duration, Tally)], engine: &Engine) -> anyhow::Result<Figures> {
        let figure = |of: fn(&(Duration, Tally)) -> f64| {
            median(&samples.iter().map(of).collect::<Vec<_>>()).context("nothing was measured")
        };
        let mut lists = Vec::new();
        for _ in 0..samples.len() {
            let start = Instant::now();
            engine.node().leases(&Filter { limit: 100, ..Filter::default() }).await?;
            lists.push(millis(start.elapsed()));
        }
        Ok(Figures {
            time: figure(|(time, _)| millis(*time))?,
            statements: figure(|(_, tally)| tally.store.statements as f64)?,
            calls: figure(|(_, tally)| tally.calls as f64)?,
            list: median(&lists).context("nothing was measured")?,
        })
    }

    fn rows(&self, what: &str, few: &Figures) -> [Row; 3] {
        let counted = |unit: &str| format!("{what}: {unit}");
        [
            Row::new(what, self.time, "ms").against(few.time, Bound::AtMost(MOST)),
            Row::new(counted("statements"), self.statements, "count")
                .against(few.statements, Bound::AtMost(STATEMENTS)),
            Row::new(counted("deciding calls"), self.calls, "count").within(Bound::Exactly(0.0)),
        ]
    }
}

/// A lease that is asked for, active and gone, on a store with this in it.
async fn lease(folder: &Path, filling: Filling, quick: bool) -> anyhow::Result<Figures> {
    let (folder, engine) = one_host(folder).await?;
    let made = engine.node().resources(&Filter::default()).await?;
    engine.close().await?;
    fill(&Engine::store(&folder), made.first().context("no host was made")?, filling).await?;
    let engine = Engine::open(&folder, 1).await?;
    let mut left = engine.listen();
    let mut samples = Vec::new();
    // The first has questions asked that the others need not ask again.
    for n in 0..=count(quick) {
        engine.settle().await;
        let (before, start) = (engine.tally(), Instant::now());
        let asked = engine.ask(None).await?;
        let active = engine.next_active(&mut left).await?;
        ensure!(asked == active, "{active} is active, and {asked} was asked for");
        engine.end(&asked).await?;
        let took = start.elapsed();
        engine.settle().await;
        if n > 0 {
            samples.push((took, engine.tally() - before));
        }
    }
    let figures = Figures::of(&samples, &engine).await?;
    engine.close().await?;
    Ok(figures)
}

/// An engine with one host that has served one lease.
async fn one_host(folder: &Path) -> anyhow::Result<(PathBuf, Engine)> {
    std::fs::create_dir(folder)?;
    let engine = Engine::open(folder, 1).await?;
    let mut left = engine.listen();
    engine.ask(None).await?;
    let lease = engine.next_active(&mut left).await?;
    engine.end(&lease).await?;
    Ok((folder.to_owned(), engine))
}

/// From one who lets go of a host to the next of those who wait for that host, where as many wait for each of the others.
async fn next(folder: &Path, hosts: u32, quick: bool) -> anyhow::Result<Figures> {
    std::fs::create_dir(folder)?;
    let engine = Engine::open(folder, hosts).await?;
    let mut holders = BTreeMap::new();
    let mut left = engine.listen();
    for number in 1..=hosts {
        engine.ask(Some(number)).await?;
        holders.insert(number, engine.next_active(&mut left).await?);
    }
    drop(left);
    for _ in 0..WAITING {
        let asks = (1..=hosts).map(|number| engine.ask(Some(number)));
        futures::future::try_join_all(asks).await?;
    }
    engine.settle().await;
    let chosen: Vec<u32> = (1..=hosts).step_by((hosts / CHOSEN) as usize).collect();
    let mut samples = Vec::new();
    // The first of each class has a question asked that the others need not ask again.
    for (n, number) in chosen.iter().cycle().take(chosen.len() + count(quick)).enumerate() {
        let mut left = engine.listen();
        let holder = holders.get(number).context("nobody has the host")?;
        let (before, start) = (engine.tally(), Instant::now());
        engine.end(holder).await?;
        let lease = engine.next_active(&mut left).await?;
        let took = start.elapsed();
        engine.settle().await;
        if n >= chosen.len() {
            samples.push((took, engine.tally() - before));
        }
        holders.insert(*number, lease);
    }
    let figures = Figures::of(&samples, &engine).await?;
    engine.close().await?;
    Ok(figures)
}

fn count(quick: bool) -> usize {
    if quick { SAMPLES / 10 } else { SAMPLES }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
