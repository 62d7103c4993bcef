//! What a lease costs on a host that is reached over SSH, and what one of a working copy costs that is there already: each
//! against the same commands by hand, over one connection that is open.
//!
//! - `server`: an SSH server of the bench's own
//! - `hand`: who runs commands over one open connection
//! - `warm`: leases of a host
//! - `copy`: leases of a working copy

mod copy;
mod hand;
mod server;
mod warm;

use super::Options;
use super::client::{finish, lease_of};
use super::rows::{Bound, Row};
use super::statistics::median;
use crate::cli::house::House;
use crate::cli::signals::{Signals, unless};
use anyhow::{Context, ensure};
use hand::Hand;
use serde_json::{Value, json};
use server::{Programs, Server};
use std::path::Path;
use std::time::Instant;

/// What a lease may take of the same commands by hand.
const MOST: f64 = 1.2;

/// Milliseconds each, taken in turn.
#[derive(Default)]
struct Samples {
    leases: Vec<f64>,
    by_hand: Vec<f64>,
}

impl Samples {
    fn row(&self, name: &str) -> anyhow::Result<Row> {
        let nothing = || format!("nothing was measured of {name}");
        let by_hand = median(&self.by_hand).with_context(nothing)?;
        let lease = median(&self.leases).with_context(nothing)?;
        Ok(Row::new(name, lease, "ms").against(by_hand, Bound::AtMost(MOST)))
    }
}

/// Leases of that type, and what one of them had run, by hand, in turn.
async fn compare(
    programs: &Programs,
    mut server: Server,
    folder: &Path,
    configuration: Value,
    kind: &str,
    samples: usize,
    signals: &mut Signals,
) -> anyhow::Result<Samples> {
    let house = House::open_with("bench", Some(folder), |_| Ok(configuration));
    let house = unless(signals, house).await??;
    house
        .used(signals, async |house: &House| {
            let lease = async || finish(house.client(), &lease_of(house.client(), kind).await?).await;
            // The first one has built what is lent from then on.
            lease().await?;
            server.forget()?;
            lease().await?;
            let lines = server.replace(programs)?;
            ensure!(!lines.is_empty(), "nothing was run for a lease");
            // This one connects again.
            lease().await?;
            let hand = Hand::open(&server, folder).await?;
            let mut taken = Samples::default();
            for _ in 0..samples {
                let start = Instant::now();
                lease().await?;
                taken.leases.push(start.elapsed().as_secs_f64() * 1e3);
                let start = Instant::now();
                for line in &lines {
                    hand.run(line).await?;
                }
                taken.by_hand.push(start.elapsed().as_secs_f64() * 1e3);
            }
            Ok(taken)
        })
        .await
}

/// A credential and a blueprint, by which the server's machine is lent out, with directories in that folder.
fn lab(server: &Server, folder: &Path) -> anyhow::Result<(Value, Value)> {
    let host = json!({
        "name": "alpha", "address": "127.0.0.1", "port": server.port, "user": server::user()?, "credential": "lab",
        "path": folder.join("leases"),
    });
    let credentials = json!({ "lab": { "private_key": server.key(), "check_host_key": false } });
    let config = json!({ "hosts": [host] });
    Ok((credentials, json!({ "name": "lab", "plugin": "preallocated", "grants": ["commands:ssh"], "config": config })))
}

pub async fn measure(options: &Options, folder: &Path, signals: &mut Signals) -> anyhow::Result<Vec<Row>> {
    let copy = copy::name(options);
    if !options.wants(warm::NAME) && !options.wants(&copy) {
        return Ok(Vec::new());
    }
    let Some(programs) = Programs::find() else {
        eprintln!("Left out: what is leased over SSH, which needs sshd, ssh and git on this machine.");
        return Ok(Vec::new());
    };
    let mut rows = Vec::new();
    if options.wants(warm::NAME) {
        eprintln!("{} …", warm::NAME);
        rows.push(warm::measure(options, &programs, folder, signals).await?.row(warm::NAME)?);
    }
    if options.wants(&copy) {
        eprintln!("{copy} …");
        rows.push(copy::measure(options, &programs, folder, signals).await?.row(&copy)?);
    }
    Ok(rows)
}
