//! A daemon that is killed in the middle of its work, over and over, while clients come and go.
//!
//! What counts most are kills between an acting call and its commit: the directory is made or removed, and the store
//! does not know. They are recognised by what is found after the kill, and more kills follow until there were enough.

use crate::house::{House, entries};
use crate::{ledger, visitor};
use drydock_core::engine::api::Filter;
use drydock_core::model::status::{LeaseStatus, PlaceStatus};
use drydock_core::store::Store;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const HOSTS: usize = 10;
/// So many come at once, and as many again whenever they have all been served.
const WAVE: usize = 60;
/// At least so many kills.
const KILLS: usize = 20;
/// At least so many of them between an acting call and its commit.
const BETWEEN: usize = 8;
/// With more kills than this, something is wrong with the test.
const TOO_MANY: usize = 150;

/// When the next kill happens.
#[derive(Clone, Copy, Debug)]
enum Trigger {
    /// A directory has just been made.
    Made,
    /// A directory has just been removed.
    Removed,
    /// At any moment.
    After(Duration),
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_or_left_when_the_daemon_is_killed() {
    let mut house = House::with_hosts(HOSTS).await;
    let mut seen = Seen::default();
    let (mut kills, mut made, mut removed) = (0, 0, 0);
    let mut stays = Vec::new();
    for wave in 0.. {
        let mut visitors = JoinSet::new();
        for number in 0..WAVE {
            let owner = format!("w{wave}-{number}");
            visitors.spawn(visitor::stay(house.client(), owner, Duration::from_millis(50)));
        }
        while !visitors.is_empty() {
            if kills < KILLS || made + removed < BETWEEN {
                assert!(kills < TOO_MANY, "{kills} kills, of which only {made} and {removed} between call and commit");
                let trigger = match kills % 5 {
                    0 | 2 => Trigger::Made,
                    1 | 3 => Trigger::Removed,
                    _ => Trigger::After(Duration::from_millis((kills as u64 * 37) % 400)),
                };
                seen.wait_for(&house, trigger).await;
                house.kill();
                kills += 1;
                let found = between(&house, &seen).await;
                made += usize::from(found.made > 0);
                removed += usize::from(found.made == 0 && found.removed > 0);
                house.start().await;
                while let Some(stay) = visitors.try_join_next() {
                    stays.push(stay.expect("a client was served"));
                }
            } else if let Some(stay) = visitors.join_next().await {
                stays.push(stay.expect("a client was served"));
            }
        }
        if kills >= KILLS && made + removed >= BETWEEN {
            break;
        }
    }
    println!("{kills} kills: {made} with a directory made, {removed} with one removed, that the store did not know of");
    ledger::settle(&house, &stays).await;
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

async fn between(house: &House, seen: &Seen) -> Between {
    let store = Store::open_sqlite(&house.path("drydock.db")).await.expect("nobody else has the store");
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
