//! Leases per second through the daemon's API, by clients that each ask, wait until the lease is active and let go, over
//! and over; against the rows that as many leases leave, written by hand. The plugin is the one that the program brings,
//! with a host for each client and nothing to set up on it.

use super::Options;
use super::client::{lease, release};
use super::process::Cpu;
use super::rows::{Bound, Row};
use super::statistics::median;
use super::store::written_by_hand;
use crate::cli::client::Client;
use crate::cli::house::{House, Plan};
use crate::cli::signals::{Signals, unless};
use anyhow::bail;
use drydock_core::model::status::LeaseStatus;
use futures::future::try_join_all;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

struct Size {
    clients: usize,
    /// Of one round, which takes some seconds.
    leases: usize,
    by_hand: usize,
    /// What the ratio has to keep.
    least: f64,
}

const SIZES: [Size; 3] = [
    Size { clients: 1, leases: 600, by_hand: 600, least: 0.4 },
    Size { clients: 16, leases: 3_200, by_hand: 6_400, least: 0.15 },
    Size { clients: 150, leases: 6_000, by_hand: 15_000, least: 0.05 },
];

const ROUNDS: usize = 5;

/// Milliseconds of processor time that a lease may cost, the daemon's and the client's together.
const MOST: f64 = 0.6;

pub async fn measure(options: &Options, folder: &Path, signals: &mut Signals) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for size in SIZES {
        let name = format!("API, {} client{}", size.clients, if size.clients == 1 { "" } else { "s" });
        if options.wants(&name) {
            eprintln!("{name}: through the daemon and by hand in turn …");
            rows.extend(of_size(&name, size, options.quick, folder, signals).await?);
        }
    }
    Ok(rows)
}

async fn of_size(
    name: &str,
    size: Size,
    quick: bool,
    folder: &Path,
    signals: &mut Signals,
) -> anyhow::Result<Vec<Row>> {
    let (rounds, part) = if quick { (1, 5) } else { (ROUNDS, 1) };
    let Size { clients, leases, by_hand, least } = size;
    let hosts = u32::try_from(clients)?;
    let house = House::open(Plan { owner: "bench", parent: Some(folder), hosts, directories: false });
    let house = unless(signals, house).await??;
    let (mut rates, mut floors) = (Vec::new(), Vec::new());
    let (mut costs, mut floor_costs) = (Vec::new(), Vec::new());
    house
        .used(signals, async |house: &House| {
            let client = house.client();
            // Each of them at once, so that every host is built.
            let held = try_join_all((0..clients).map(|_| lease(client))).await?;
            try_join_all(held.iter().map(|lease| let_go(client, lease))).await?;
            for round in 0..rounds {
                let spent = || house.pid().and_then(Cpu::of).zip(Cpu::now()).map(|(theirs, ours)| theirs + ours);
                let before = spent();
                rates.push(through_the_api(client, clients, leases / part).await?);
                let cost = spent().zip(before).map(|(now, before)| (now - before) / (leases / part) as f64);
                costs.extend(cost);
                let path = folder.join(format!("api-{clients}-{round}.db"));
                let before = Cpu::now();
                floors.push(written_by_hand(&path, clients, by_hand / part).await?);
                let cost = Cpu::now().zip(before).map(|(now, before)| (now - before) / (by_hand / part) as f64);
                floor_costs.extend(cost);
            }
            anyhow::Ok(())
        })
        .await?;
    let mut rows = Vec::new();
    if let Some((rate, floor)) = median(&rates).zip(median(&floors)) {
        rows.push(Row::new(name, rate, "leases/s").against(floor, Bound::AtLeast(least)));
    }
    if let Some(cost) = median(&costs) {
        let name = format!("{name}: processor time, client included");
        rows.push(Row::new(name, cost * 1_000.0, "ms/lease").within(Bound::AtMost(MOST)));
    }
    if let Some(cost) = median(&floor_costs) {
        // What the same rows cost without anybody who asks, decides or answers.
        rows.push(Row::new(format!("{name}: processor time by hand"), cost * 1_000.0, "ms/lease"));
    }
    Ok(rows)
}

/// Leases per second.
async fn through_the_api(client: &Client, clients: usize, leases: usize) -> anyhow::Result<f64> {
    let left = Arc::new(AtomicUsize::new(leases));
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..clients {
        let (client, left) = (client.clone(), Arc::clone(&left));
        tasks.spawn(async move {
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                let lease = lease(&client).await?;
                let_go(&client, &lease).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(leases as f64 / start.elapsed().as_secs_f64())
}

/// Where there is nothing to clean up, a lease is gone as soon as it is let go of.
async fn let_go(client: &Client, lease: &str) -> anyhow::Result<()> {
    match release(client, lease).await?.status {
        LeaseStatus::Destroyed => Ok(()),
        other => bail!("lease {lease} is {} after it was let go of, and should be gone", other.name()),
    }
}
