//! What leases cost where many have ended, against few: the same counts, and hardly more time.

use super::Options;
use super::floor::{Floor, Specimen};
use super::rows::{Bound, Row};
use super::statistics::median;
use super::store::{Yard, ids, life};
use anyhow::Context;
use drydock_core::engine::api::Filter;
use drydock_core::store::Counted;
use std::path::Path;
use std::time::Instant;

const FEW: usize = 1_500;
const MANY: usize = 150_000;

/// What a hundred times as many finished leases may cost.
const MOST: f64 = 2.0;

/// Leases that end together while the store is filled.
const CALLERS: usize = 150;

const SAMPLES: usize = 300;

pub async fn measure(options: &Options, folder: &Path) -> anyhow::Result<Vec<Row>> {
    let names = ["lease", "list of what is alive"].map(|what| format!("{what}, many finished"));
    if !names.iter().any(|name| options.wants(name)) {
        return Ok(Vec::new());
    }
    let many = options.finished.unwrap_or(if options.quick { MANY / 10 } else { MANY });
    eprintln!("history: stores with {FEW} and with {many} finished leases …");
    let few = Figures::of(&folder.join("short.db"), FEW).await?;
    let value = Figures::of(&folder.join("long.db"), many).await?;
    anyhow::ensure!(
        few.counted == value.counted,
        "a lease costs {:?} where few have ended, and {:?} where many have",
        few.counted,
        value.counted
    );
    let row = |what: &str, value: f64, few: f64| {
        Row::new(format!("{what}, {many} finished"), value, "ms").against(few, Bound::AtMost(MOST))
    };
    Ok(vec![row("lease", value.lease, few.lease), row("list of what is alive", value.list, few.list)])
}

struct Figures {
    /// Milliseconds of one lease's three commits.
    lease: f64,
    /// Milliseconds of a list of those who are alive.
    list: f64,
    counted: Counted,
}

impl Figures {
    async fn of(path: &Path, finished: usize) -> anyhow::Result<Figures> {
        let specimen = Specimen::take(&path.with_extension("specimen")).await?;
        drop(Yard::make(path, CALLERS).await?);
        let mut floor = Floor::open(path, &specimen).await?;
        for _ in 0..finished.div_ceil(CALLERS) {
            floor.write(CALLERS).await?;
        }
        floor.close().await?;
        let yard = Yard::open(path).await?;
        let pools = yard.store().pools().await?;
        let pool = pools.iter().find(|pool| pool.kind == super::store::kind(0)).context("the pool is missing")?;
        let (mut leases, mut lists) = (Vec::new(), Vec::new());
        let before = yard.store().counts().now();
        for n in 0..SAMPLES {
            let start = Instant::now();
            for change in life(0, &ids(u64::MAX / 2 + n as u64), pool.version + n as i64) {
                yard.commit(change).await?;
            }
            leases.push(start.elapsed().as_secs_f64() * 1_000.0);
        }
        let all = yard.store().counts().now() - before;
        // Reads also come by the clock, as the node's own signs of life do.
        let counted = Counted { statements: all.statements - all.reads, reads: 0, ..all };
        for _ in 0..SAMPLES {
            let start = Instant::now();
            let alive = yard.store().leases(&Filter::default()).await?;
            lists.push(start.elapsed().as_secs_f64() * 1_000.0);
            anyhow::ensure!(alive.is_empty(), "{} leases are alive", alive.len());
        }
        let (lease, list) = median(&leases).zip(median(&lists)).context("nothing was measured")?;
        Ok(Figures { lease, list, counted })
    }
}
