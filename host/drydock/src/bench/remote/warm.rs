//! Leases of a host that is known and connected: each has a directory made and removed.

use super::hand::Hand;
use super::server::{Programs, Server};
use super::{Options, Samples, lab};
use crate::bench::client::{finish, lease};
use crate::cli::house::House;
use crate::cli::signals::{Signals, unless};
use serde_json::json;
use std::path::Path;
use std::time::Instant;

pub const NAME: &str = "lease on a warm host over SSH";

const SAMPLES: usize = 200;

/// The commands of one lease.
const MAKE: &str = r#"mkdir -p -m 700 -- "$1" && test -d "$1" && test ! -L "$1" && test -O "$1""#;
const REMOVE: &str = r#"rm -rf -- "$1""#;

pub async fn measure(
    options: &Options,
    programs: &Programs,
    folder: &Path,
    signals: &mut Signals,
) -> anyhow::Result<Samples> {
    let samples = if options.quick { SAMPLES / 20 } else { SAMPLES };
    let folder = folder.join("warm");
    let (home, leases) = (folder.join("home"), folder.join("leases"));
    std::fs::create_dir_all(&home)?;
    let server = Server::start(programs, &folder.join("server"), &[("HOME", &home)])?;
    let (credentials, hosts) = lab(&server, &leases)?;
    let configuration = json!({ "credentials": credentials, "blueprint": [hosts] });
    let house = House::open_with("bench", Some(&folder), |_| Ok(configuration));
    let house = unless(signals, house).await??;
    let hand = unless(signals, Hand::open(&server, &folder)).await??;
    house
        .used(signals, async |house: &House| {
            let client = house.client();
            let mut taken = Samples::default();
            let directory = leases.join("by-hand").display().to_string();
            for _ in 0..samples + 1 {
                let start = Instant::now();
                let held = lease(client).await?;
                finish(client, &held).await?;
                taken.leases.push(start.elapsed().as_secs_f64() * 1e3);
                let start = Instant::now();
                for script in [MAKE, REMOVE] {
                    hand.run(&["sh", "-c", script, "sh", &directory].map(str::to_owned)).await?;
                }
                taken.by_hand.push(start.elapsed().as_secs_f64() * 1e3);
            }
            // The first one has the host built, and connected to.
            taken.leases.remove(0);
            taken.by_hand.remove(0);
            anyhow::Ok(taken)
        })
        .await
}
