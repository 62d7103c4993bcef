//! What an engine does while hundreds wait and nothing happens: it asks no plugin and commits nothing, but for its signs
//! of life.

use super::Options;
use super::engine::Engine;
use super::rows::{Bound, Row};
use std::path::Path;
use std::time::Duration;

const HOSTS: u32 = 5;
const WAITING: u32 = 500;

const QUIET: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_secs(5);

pub async fn measure(options: &Options, folder: &Path) -> anyhow::Result<Vec<Row>> {
    let quiet = if options.quick { SHORT } else { QUIET };
    let what = format!("{WAITING} waiting on a full pool for {} s", quiet.as_secs());
    if !options.wants(&what) {
        return Ok(Vec::new());
    }
    eprintln!("{what} …");
    let folder = folder.join("quiet");
    std::fs::create_dir(&folder)?;
    let engine = Engine::open(&folder, HOSTS).await?;
    let mut left = engine.listen();
    for _ in 0..HOSTS {
        engine.ask(None).await?;
        engine.next_active(&mut left).await?;
    }
    // Some want any host, and some this or that.
    let wishes = (0..WAITING).map(|n| Some(n % (HOSTS + 1)).filter(|host| *host > 0));
    futures::future::try_join_all(wishes.map(|host| engine.ask(host))).await?;
    engine.settle().await;
    let before = engine.tally();
    tokio::time::sleep(quiet).await;
    let done = engine.tally() - before;
    engine.close().await?;
    let row = |name: &str, count: u64| Row::new(format!("{what}: {name}"), count as f64, "count");
    Ok(vec![
        row("deciding calls", done.calls).within(Bound::Exactly(0.0)),
        row("commits beside signs of life", done.store.commits).within(Bound::Exactly(0.0)),
        row("signs of life", done.store.beats),
    ])
}
