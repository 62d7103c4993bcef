//! What a lease costs on a host that is reached over SSH, and what one of a working copy costs that is there already: each
//! against the same commands by hand, over one connection that is open.
//!
//! - `server`: an SSH server of the bench's own
//! - `hand`: who runs commands over one open connection
//! - `subjects`: what is leased

mod hand;
mod server;
mod subjects;

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
use subjects::Subject;

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

/// Leases, and what one of them had run, by hand, in turn.
async fn compare(
    subject: Subject,
    programs: &Programs,
    folder: &Path,
    signals: &mut Signals,
) -> anyhow::Result<Samples> {
    let mut server = Server::start(programs, folder)?;
    let mut blueprints = vec![lab(&server, folder)?];
    blueprints.extend((subject.blueprints)(folder)?);
    let credentials = json!({ "lab": { "private_key": server.key(), "check_host_key": false } });
    let configuration = json!({ "credentials": credentials, "blueprint": blueprints });
    let house = unless(signals, House::open_with("bench", Some(folder), |_| Ok(configuration))).await??;
    house
        .used(signals, async |house: &House| {
            let lease = async || finish(house.client(), &lease_of(house.client(), subject.kind).await?).await;
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
            for _ in 0..subject.samples {
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

/// A blueprint by which the server's machine is lent out, with directories in that folder.
fn lab(server: &Server, folder: &Path) -> anyhow::Result<Value> {
    let host = json!({
        "name": "alpha", "address": "127.0.0.1", "port": server.port, "user": server::user()?, "credential": "lab",
        "path": folder.join("leases"),
    });
    let config = json!({ "hosts": [host] });
    Ok(json!({ "name": "lab", "plugin": "preallocated", "grants": ["commands:ssh"], "config": config }))
}

pub async fn measure(options: &Options, folder: &Path, signals: &mut Signals) -> anyhow::Result<Vec<Row>> {
    let mut subjects = vec![subjects::host(options), subjects::copy(options)];
    subjects.retain(|subject| options.wants(&subject.name));
    if subjects.is_empty() {
        return Ok(Vec::new());
    }
    let Some(programs) = Programs::find() else {
        eprintln!("Left out: what is leased over SSH, which needs sshd, ssh, ssh-keygen and git on this machine.");
        return Ok(Vec::new());
    };
    let mut rows = Vec::new();
    for subject in subjects {
        let (name, folder) = (subject.name.clone(), folder.join(subject.kind));
        eprintln!("{name} …");
        rows.push(compare(subject, &programs, &folder, signals).await?.row(&name)?);
    }
    Ok(rows)
}
