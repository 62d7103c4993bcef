//! More leases than hosts, each held for a while: how long until the last one has ended, against the time that the
//! holding alone takes. The hosts are this very machine, and each lease has a directory made and removed on its host.

use super::Options;
use super::client::{lease, release};
use super::rows::{Bound, Row};
use crate::cli::house::{House, Plan};
use crate::cli::signals::{Signals, unless};
use futures::future::try_join_all;
use std::path::Path;
use std::time::{Duration, Instant};

/// So many a host, one after the other.
const ROUNDS: u32 = 3;
const HOSTS: u32 = 5;
const HOLD: Duration = Duration::from_secs(2);

/// 6.3 seconds where the ideal are 6.
const MOST: f64 = 1.05;

pub async fn measure(options: &Options, folder: &Path, signals: &mut Signals) -> anyhow::Result<Vec<Row>> {
    let rounds = if options.quick { ROUNDS - 1 } else { ROUNDS };
    let leases = HOSTS * rounds;
    let name = format!("{leases} leases of {} s over {HOSTS} hosts", HOLD.as_secs());
    if !options.wants(&name) {
        return Ok(Vec::new());
    }
    eprintln!("{name} …");
    let plan = Plan { owner: "bench", parent: Some(folder), hosts: HOSTS, directories: true };
    let house = unless(signals, House::open(plan)).await??;
    let took = house
        .used(signals, async |house: &House| {
            let client = house.client();
            let start = Instant::now();
            try_join_all((0..leases).map(|_| async {
                let lease = lease(client).await?;
                tokio::time::sleep(HOLD).await;
                release(client, &lease).await?;
                anyhow::Ok(())
            }))
            .await?;
            anyhow::Ok(start.elapsed())
        })
        .await?;
    let ideal = HOLD.as_secs_f64() * f64::from(rounds);
    Ok(vec![Row::new(name, took.as_secs_f64(), "s").against(ideal, Bound::AtMost(MOST))])
}
