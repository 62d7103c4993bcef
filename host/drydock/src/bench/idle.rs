//! How fast an idle daemon answers, in units of what one commit costs on the same disk: from asked to active, and from
//! released to the next one active.

use super::Options;
use super::rows::{Bound, Row};
use super::shelf;
use super::statistics::{median, quantile};
use anyhow::{Context, bail};
use drydock_core::engine::Node;
use drydock_core::engine::api::Ask;
use drydock_core::model::status::LeaseStatus;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, Executor};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SAMPLES: usize = 500;

/// What a ninety-ninth percentile may be of the median bare commit.
const MOST: f64 = 10.0;

/// No lease of an idle daemon takes so long, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(30);

pub async fn measure(options: &Options, folder: &Path) -> anyhow::Result<Vec<Row>> {
    if !options.wants("idle") {
        return Ok(Vec::new());
    }
    eprintln!("idle: one lease at a time, and one bare commit in between …");
    let shelf = shelf::open(&folder.join("idle.db"), 1).await?;
    let node = &shelf.node;
    let mut bare = Bare::open(&folder.join("bare.db")).await?;
    let samples = if options.quick { SAMPLES / 10 } else { SAMPLES };
    let (mut commits, mut active, mut next) = (Vec::new(), Vec::new(), Vec::new());
    let mut holder = lease(node).await?;
    active_by(node, &holder).await?;
    for _ in 0..samples {
        commits.push(bare.commit().await?);
        let waiter = lease(node).await?;
        settled(node).await;
        let start = Instant::now();
        node.end(&holder, "released", "its holder let it go").await?;
        active_by(node, &waiter).await?;
        next.push(millis(start));
        node.end(&waiter, "released", "its holder let it go").await?;
        settled(node).await;
        let start = Instant::now();
        holder = lease(node).await?;
        active_by(node, &holder).await?;
        active.push(millis(start));
    }
    let commit = median(&commits).context("no bare commit was measured")?;
    let mut rows = vec![Row::new("idle, bare commit, median", commit, "ms")];
    for (what, samples) in [("asked to active", &active), ("released to next active", &next)] {
        for (name, fraction) in [("median", 0.5), ("99th percentile", 0.99)] {
            let value = quantile(samples, fraction).context("no lease was measured")?;
            let row = Row::new(format!("idle, {what}, {name}"), value, "ms").against(commit, Bound::AtMost(MOST));
            rows.push(row);
        }
    }
    Ok(rows)
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1_000.0
}

pub async fn lease(node: &Node) -> anyhow::Result<String> {
    let ask = Ask { request: shelf::request(), owner: "somebody".to_owned(), ..Ask::default() };
    Ok(node.ask(ask).await?.id)
}

/// Waits as a client does: told of changes, and looking at its own lease then.
pub async fn active_by(node: &Arc<Node>, lease: &str) -> anyhow::Result<()> {
    let mut changes = node.changes();
    let wait = async {
        loop {
            changes.borrow_and_update();
            match node.lease(lease).await?.lease.status {
                LeaseStatus::Active => return Ok(()),
                LeaseStatus::Pending | LeaseStatus::Acquired => {}
                other => bail!("lease {lease} is {}, not active", other.name()),
            }
            changes.changed().await?;
        }
    };
    match tokio::time::timeout(PATIENCE, wait).await {
        Ok(result) => result,
        Err(_) => bail!("lease {lease} was not active within {} seconds", PATIENCE.as_secs()),
    }
}

/// Lets what the last commit has set off come to its end, so that the daemon is idle.
async fn settled(node: &Arc<Node>) {
    let mut changes = node.changes();
    while tokio::time::timeout(Duration::from_millis(5), changes.changed()).await.is_ok() {}
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
        Ok(millis(start))
    }
}
