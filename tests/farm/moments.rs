//! When to kill the daemon, and what a kill has hit.

use crate::house::{House, entries};
use drydock_core::engine::api::Filter;
use drydock_core::model::status::{LeaseStatus, PlaceStatus};
use drydock_core::store::Store;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{fmt, fs};

/// When the next kill happens.
#[derive(Clone, Copy, Debug)]
pub enum Trigger {
    /// A directory has just been made.
    Made,
    /// A directory has just been removed.
    Removed,
    /// At any moment.
    After(Duration),
}

/// Kills daemons, and counts.
#[derive(Default)]
pub struct Killer {
    pub kills: usize,
    /// Kills that left a directory behind that the store did not know of.
    pub made: usize,
    /// Kills after which a directory was gone that the store still had.
    pub removed: usize,
    seen: Seen,
}

impl Killer {
    /// Kills between an acting call and its commit.
    pub fn between(&self) -> usize {
        self.made + self.removed
    }

    pub async fn kill(&mut self, house: &mut House, trigger: Trigger) {
        self.seen.wait_for(house, trigger).await;
        house.kill();
        self.kills += 1;
        let found = between(house, &self.seen).await;
        self.made += usize::from(found.made > 0);
        self.removed += usize::from(found.made == 0 && found.removed > 0);
    }
}

impl fmt::Display for Killer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Killer { kills, made, removed, .. } = self;
        write!(
            f,
            "{kills} kills: {made} with a directory made, {removed} with one removed, that the store did not know of"
        )
    }
}

/// Directories that were seen on the hosts.
#[derive(Default)]
struct Seen {
    ever: BTreeSet<PathBuf>,
    last: BTreeSet<PathBuf>,
}

impl Seen {
    /// Looks at the hosts' folders without a pause, since what follows has to come at once. When nothing happens there,
    /// it gives up after a moment.
    async fn wait_for(&mut self, house: &House, trigger: Trigger) {
        let begun = Instant::now();
        self.last = directories(house).into_iter().collect();
        loop {
            let now: BTreeSet<PathBuf> = directories(house).into_iter().collect();
            let made = now.difference(&self.last).next().is_some();
            let removed = self.last.difference(&now).next().is_some();
            self.ever.extend(now.iter().cloned());
            self.last = now;
            match trigger {
                Trigger::Made if made => return,
                Trigger::Removed if removed => return,
                Trigger::After(time) if begun.elapsed() >= time => return,
                _ if begun.elapsed() > Duration::from_secs(2) => return,
                _ => tokio::task::yield_now().await,
            }
        }
    }
}

fn directories(house: &House) -> Vec<PathBuf> {
    let is_place = |path: &PathBuf| path.file_name().is_some_and(|name| name != "busy");
    house.hosts().iter().flat_map(|host| entries(&house.host_path(host))).filter(is_place).collect()
}

/// How many calls had done their work when the daemon died, without the store knowing.
struct Between {
    /// The directory is there, and the lease is still being set up.
    made: usize,
    /// The directory is gone, and the place still has to be released.
    removed: usize,
}

/// Looks at a copy, so that the next daemon finds the store as the last one left it, and not as one that was opened and
/// closed in peace meanwhile.
async fn between(house: &House, seen: &Seen) -> Between {
    let copies = tempfile::tempdir().expect("a folder");
    let file = house.store();
    for end in ["", "-wal"] {
        let name = format!("drydock.db{end}");
        let from = file.with_file_name(&name);
        if from.exists() {
            fs::copy(from, copies.path().join(name)).expect("a copy of the store");
        }
    }
    let store = Store::open_sqlite(&copies.path().join("drydock.db")).await.expect("a store");
    let filter = Filter { limit: 100_000, ..Filter::default() };
    let mut found = Between { made: 0, removed: 0 };
    for lease in store.leases(&filter).await.expect("the leases") {
        let subject = store.lease(&lease.id).await.expect("the lease");
        let (Some(place), Some(resource)) = (subject.place, subject.resource) else { continue };
        let directory = house.host_path(&resource.name).join(&place.id);
        match (lease.status, place.status) {
            (LeaseStatus::Acquired, PlaceStatus::Held) if directory.exists() => found.made += 1,
            (_, PlaceStatus::Leaving) if seen.ever.contains(&directory) && !directory.exists() => found.removed += 1,
            _ => {}
        }
    }
    found
}
