//! More leases than hosts, each held for a while: how long until the last one has ended, against the time that the
//! holding alone takes.

use super::Options;
use super::idle::{active_by, lease};
use super::rows::{Bound, Row};
use super::shelf;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const LEASES: u32 = 15;
const HOSTS: u32 = 5;
const HOLD: Duration = Duration::from_secs(2);

/// 6.3 seconds where the ideal are 6.
const MOST: f64 = 1.05;

pub async fn measure(options: &Options, folder: &Path) -> anyhow::Result<Vec<Row>> {
    let name = format!("{LEASES} leases of {} s over {HOSTS} hosts", HOLD.as_secs());
    if !options.wants(&name) {
        return Ok(Vec::new());
    }
    let hold = if options.quick { HOLD / 20 } else { HOLD };
    eprintln!("{name} …");
    let shelf = shelf::open(&folder.join("hosts.db"), HOSTS).await?;
    let start = Instant::now();
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..LEASES {
        let node = Arc::clone(&shelf.node);
        clients.spawn(async move {
            let lease = lease(&node).await?;
            active_by(&node, &lease).await?;
            tokio::time::sleep(hold).await;
            node.end(&lease, "released", "its holder let it go").await?;
            anyhow::Ok(())
        });
    }
    while let Some(ended) = clients.join_next().await {
        ended??;
    }
    let ideal = hold.as_secs_f64() * f64::from(LEASES.div_ceil(HOSTS));
    Ok(vec![Row::new(name, start.elapsed().as_secs_f64(), "s").against(ideal, Bound::AtMost(MOST))])
}
