//! How fast an idle daemon answers through its API, in units of what one commit costs on the same disk: from asked to
//! active, and from released to the next one active. There is one host, and nothing to set up on it: a lease takes three
//! commits.

use super::Options;
use super::client::{ask, lease, release, until_active};
use super::rows::{Bound, Row};
use super::statistics::{median, quantile};
use crate::cli::client::Client;
use crate::cli::house::{House, Plan};
use crate::cli::signals::{Signals, unless};
use anyhow::Context;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, Executor};
use std::path::Path;
use std::time::{Duration, Instant};

const SAMPLES: usize = 500;

/// What a ninety-ninth percentile may be of the median bare commit.
const MOST: f64 = 10.0;

/// After this, what the last commit has set off has come to its end.
const SETTLED: Duration = Duration::from_millis(10);

/// Milliseconds each.
#[derive(Default)]
struct Samples {
    commit: Vec<f64>,
    active: Vec<f64>,
    next: Vec<f64>,
}

pub async fn measure(options: &Options, folder: &Path, signals: &mut Signals) -> anyhow::Result<Vec<Row>> {
    if !options.wants("idle") {
        return Ok(Vec::new());
    }
    let count = if options.quick { SAMPLES / 10 } else { SAMPLES };
    eprintln!("idle: one lease at a time, and one bare commit in between, {count} times …");
    let plan = Plan { owner: "bench", parent: Some(folder), hosts: 1, directories: false };
    let house = unless(signals, House::open(plan)).await??;
    let mut bare = Bare::open(&folder.join("bare.db")).await?;
    let samples = house.used(signals, async |house: &House| sample(house.client(), &mut bare, count).await).await?;
    let commit = median(&samples.commit).context("no bare commit was measured")?;
    let slowest = quantile(&samples.commit, 0.99).context("no bare commit was measured")?;
    let mut rows = vec![
        Row::new("idle, bare commit, median", commit, "ms"),
        // How much of the other percentiles is the disk, and others that use this machine.
        Row::new("idle, bare commit, 99th percentile", slowest, "ms"),
    ];
    for (what, samples) in [("asked to active", &samples.active), ("released to next active", &samples.next)] {
        for (name, fraction) in [("median", 0.5), ("99th percentile", 0.99)] {
            let value = quantile(samples, fraction).context("no lease was measured")?;
            let row = Row::new(format!("idle, {what}, {name}"), value, "ms").against(commit, Bound::AtMost(MOST));
            rows.push(row);
        }
    }
    Ok(rows)
}

async fn sample(client: &Client, bare: &mut Bare, count: usize) -> anyhow::Result<Samples> {
    let mut samples = Samples::default();
    // The first one has the host built.
    let mut holder = lease(client).await?;
    for _ in 0..count {
        tokio::time::sleep(SETTLED).await;
        samples.commit.push(bare.commit().await?);
        let waiter = ask(client, None).await?;
        let next = waiter.id.clone();
        let released = async {
            // By then the other one waits.
            tokio::time::sleep(SETTLED).await;
            let start = Instant::now();
            release(client, &holder).await?;
            anyhow::Ok(start)
        };
        let active = async {
            until_active(client, waiter).await?;
            anyhow::Ok(Instant::now())
        };
        let (end, start) = tokio::try_join!(active, released)?;
        samples.next.push(millis(end - start));
        release(client, &next).await?;
        tokio::time::sleep(SETTLED).await;
        let start = Instant::now();
        holder = lease(client).await?;
        samples.active.push(millis(start.elapsed()));
    }
    Ok(samples)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// The least that a commit costs on this disk: one row, inserted into a file like the store's.
struct Bare(SqliteConnection);

impl Bare {
    async fn open(path: &Path) -> anyhow::Result<Bare> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let mut connection = SqliteConnection::connect_with(&options).await?;
        connection.execute("create table bare (n integer primary key, at text not null)").await?;
        Ok(Bare(connection))
    }

    /// Milliseconds.
    async fn commit(&mut self) -> anyhow::Result<f64> {
        let start = Instant::now();
        self.0.execute("insert into bare (at) values ('2000-01-01')").await?;
        Ok(millis(start.elapsed()))
    }
}
