//! Everything that can fail fails, over and over, while waves of clients come and go: the daemon is killed, SSH servers
//! are stopped, show another host key, let commands hang; disks are full, those of hosts and the one of the store.
//!
//! What happens when follows from a seed, as far as it does not depend on how fast this machine is. It ends by what was
//! reached, not by time alone.

mod lane;
mod rack;
mod report;
mod schedule;

use crate::disk::Disk;
use crate::house::House;
use crate::house::client::Client;
use crate::moments::{Killer, Trigger};
use crate::visitor::{self, Stay};
use crate::{house, ledger};
use drydock_core::model::status::{LeaseStatus, ResourceStatus};
use drydock_core::store::Store;
use lane::{Scene, Strike};
use rack::Rack;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use schedule::{ON_HOSTS, Schedule, Trouble};
use serde_json::{Map, Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const HOSTS: usize = 50;
const RACKS: usize = 5;
/// So many clients come at once, whenever nearly all of those before are served.
const WAVE: usize = 50;
const NEARLY: usize = 10;
/// At least so many leases, in any time.
const LEASES: usize = 500;
/// At least so many kills, and so many of them between an acting call and its commit.
const KILLS: usize = 50;
const BETWEEN: usize = 8;
/// So many are served between two kills, but it is not waited longer for that.
const SERVED: usize = 8;
const AT_MOST: Duration = Duration::from_secs(4);
/// At least so often comes each trouble.
const STRIKES: usize = 4;
/// A storm that has not reached that so long after its time is over has failed.
const PATIENCE: Duration = Duration::from_secs(900);
/// After the storm, nothing may need longer than this to be cleaned up.
const CLEANED: Duration = Duration::from_secs(900);

/// From the environment: how long, in minutes, and which one.
fn wanted(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a whole number")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_or_left_when_everything_fails() {
    let minutes = wanted("DRYDOCK_FARM_MINUTES", 2);
    let seed = wanted("DRYDOCK_FARM_SEED", 1);
    println!("a storm of {minutes} minutes from seed {seed} (DRYDOCK_FARM_MINUTES, DRYDOCK_FARM_SEED)");
    let mut house = House::prepare(HOSTS);
    // The log that the ledger is compared with grows with time.
    let store = Disk::mount(&house.path("store"), 32 + 16 * minutes);
    let racks: Vec<Rack> = house
        .hosts()
        .chunks(HOSTS / RACKS)
        .enumerate()
        .map(|(number, hosts)| Rack::new(&house, number + 1, hosts))
        .collect();
    let mut troubles = ON_HOSTS.to_vec();
    if !racks.iter().all(Rack::has_disk) {
        troubles.retain(|trouble| *trouble != Trouble::FullDisk);
    }
    configure(&house, &racks);
    let mut scenes: Vec<Scene> = racks.into_iter().map(Scene::Rack).collect();
    match store {
        Ok(disk) => scenes.push(Scene::Store(disk)),
        Err(why) => println!("NO DISK IS FULL IN THIS STORM, since none can be mounted here: {why}"),
    }
    house.start().await;

    let storm = Arc::new(Storm { begun: Instant::now(), over: AtomicBool::new(false), strikes: Mutex::default() });
    let ending = Ending(Arc::clone(&storm));
    let lanes: Vec<_> = scenes
        .into_iter()
        .enumerate()
        .map(|(lane, mut scene)| {
            let troubles = if matches!(scene, Scene::Store(_)) { &[Trouble::FullStore][..] } else { &troubles };
            let (schedule, storm) = (Schedule::new(seed, lane as u64 + 1, troubles), Arc::clone(&storm));
            tokio::task::spawn_blocking(move || {
                lane::run(&mut scene, schedule, storm.begun, &storm.over, |strike| storm.note(strike));
                scene
            })
        })
        .collect();
    let expected: Vec<Trouble> =
        troubles.iter().copied().chain((lanes.len() > RACKS).then_some(Trouble::FullStore)).collect();

    let time = Duration::from_secs(60 * minutes);
    let mut random = StdRng::seed_from_u64(seed);
    let mut killer = Killer::default();
    let mut refused = 0;
    let mut visitors = JoinSet::new();
    let mut stays: Vec<Stay> = Vec::new();
    let mut waves = 0;
    loop {
        while let Some(stay) = visitors.try_join_next() {
            stays.push(stay.expect("a client was served"));
        }
        let enough = stays.len() >= LEASES
            && killer.kills >= KILLS
            && killer.between() >= BETWEEN
            && expected.iter().all(|trouble| storm.struck(*trouble) >= STRIKES);
        if enough && storm.begun.elapsed() >= time {
            break;
        }
        let late = storm.begun.elapsed() > time + PATIENCE;
        assert!(!late, "{killer}; {} leases; {:#?}", stays.len(), storm.strikes);
        assert!(lanes.iter().all(|lane| !lane.is_finished()), "a scene has failed, see above");
        if visitors.len() <= NEARLY {
            for number in 0..WAVE {
                let owner = format!("w{waves}-{number}");
                visitors.spawn(visitor::stay(house.client(), owner, Duration::from_millis(100)));
            }
            waves += 1;
        }
        // Between two kills something is to get done; in a long storm there are calmer times, too.
        let calm = Duration::from_millis(random.random_range(0..(200 * minutes).clamp(1, 4_000)));
        let (since, served) = (Instant::now(), stays.len());
        while since.elapsed() < calm || stays.len() < served + SERVED && since.elapsed() < calm + AT_MOST {
            match tokio::time::timeout(Duration::from_millis(50), visitors.join_next()).await {
                Ok(Some(stay)) => stays.push(stay.expect("a client was served")),
                Ok(None) => break,
                Err(_) => {}
            }
        }
        let trigger = match random.random_range(0..5) {
            0 | 1 => Trigger::Made,
            2 | 3 => Trigger::Removed,
            _ => Trigger::After(Duration::from_millis(random.random_range(0..400))),
        };
        killer.kill(&mut house, trigger).await;
        refused += start(&mut house).await;
        let (time, kills, leases) = (storm.begun.elapsed().as_secs_f32(), killer.kills, stays.len());
        println!("{time:6.1} s  kill {kills}, {leases} leases are over");
    }

    println!("{:6.1} s  the storm is over", storm.begun.elapsed().as_secs_f32());
    drop(ending);
    let mut scenes = Vec::new();
    for lane in lanes {
        scenes.push(lane.await.expect("a scene is as it was"));
    }
    let after = Instant::now();
    while let Some(stay) = visitors.join_next().await {
        stays.push(stay.expect("a client was served"));
    }
    let served = after.elapsed();
    clean_up(&house.client()).await;
    println!(
        "{waves} waves, {} leases; {killer}; {refused} starts refused for want of room; the last were served {served:?} \
         after the storm, and all was closed {:?} after it",
        stays.len(),
        after.elapsed()
    );
    report::felt(&house, &storm.strikes(), &stays, &expected, &scenes).await;
    ledger::settle(&house, &stays).await;
    house.run(&["check"]).assert_printed(&[]);
    assert!(house.stop().success(), "{}", house.log());
    let store = Store::open_sqlite(&house.store()).await.expect("nobody else has the store");
    assert_eq!(store.check().await.expect("the check"), []);
    drop(store);
    for scene in &scenes {
        if let Scene::Rack(rack) = scene {
            house::wait_for("nothing runs on the hosts", async || rack.processes().is_empty()).await;
        }
    }
}

struct Storm {
    begun: Instant,
    over: AtomicBool,
    strikes: Mutex<Vec<Strike>>,
}

impl Storm {
    fn note(&self, strike: &Strike) {
        self.strikes.lock().expect("nobody panics with it").push(strike.clone());
    }

    fn strikes(&self) -> Vec<Strike> {
        self.strikes.lock().expect("nobody panics with it").clone()
    }

    fn struck(&self, trouble: Trouble) -> usize {
        self.strikes().iter().filter(|strike| strike.trouble == trouble).count()
    }
}

/// Ends the storm, also when the test fails.
struct Ending(Arc<Storm>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}

/// One credential for each rack. Hosts are closed and opened again now and then, so that those steps fail as well.
fn configure(house: &House, racks: &[Rack]) {
    let credentials: Map<String, Value> = racks.iter().map(|rack| (rack.name.clone(), rack.credential())).collect();
    let hosts: Vec<Value> = racks.iter().flat_map(|rack| rack.hosts(house)).collect();
    house.configure(json!({
        "credentials": credentials,
        "blueprint": [{
            "name": "lab",
            "plugin": "preallocated",
            "grants": ["commands:ssh"],
            "step_timeout": 3,
            "max_uses": 4,
            "config": { "hosts": hosts },
        }],
    }));
}

/// Starts the daemon, which may refuse while there is no room for its store, and says so. How often it did.
async fn start(house: &mut House) -> usize {
    let mut refused = 0;
    loop {
        let said = house.log().len();
        match house.try_to_start().await {
            Ok(()) => return refused,
            Err(status) => {
                let log = house.log();
                let said = &log[said..];
                assert_eq!(status.code(), Some(6), "{said}");
                assert!(said.contains("full") || said.contains("No space left"), "{said}");
                refused += 1;
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Everything is closed in the end: no lease, no host, no slot is held, and nothing is on a list of what is left.
async fn clean_up(client: &Client) {
    house::wait_for("every lease is destroyed", async || {
        client.leases().await.iter().all(|lease| lease.status == LeaseStatus::Destroyed)
    })
    .await;
    let nothing = json!({});
    let _: Value = client.insist("drains", || client.post("/v1/blueprints/lab/drain", &nothing)).await;
    let begun = Instant::now();
    loop {
        let left: Vec<_> = client.resources().await.resources;
        let left: Vec<_> = left.iter().filter(|one| one.status != ResourceStatus::Destroyed).collect();
        if left.is_empty() {
            break;
        }
        assert!(begun.elapsed() < CLEANED, "these are not closed: {left:#?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    client.assert_nothing_held().await;
}
