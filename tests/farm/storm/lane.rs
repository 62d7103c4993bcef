//! Troubles that come one after the other, while those of other lanes go on.

use super::rack::Rack;
use super::schedule::{Schedule, Trouble};
use crate::disk::Disk;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How often a trouble is kept up, and an end of the storm is noticed.
const PULSE: Duration = Duration::from_millis(50);

/// What fails in one lane.
pub enum Scene {
    Rack(Rack),
    Store(Disk),
}

impl Scene {
    pub fn name(&self) -> &str {
        match self {
            Scene::Rack(rack) => &rack.name,
            Scene::Store(_) => "store",
        }
    }

    fn begin(&mut self, trouble: Trouble) {
        match self {
            Scene::Rack(rack) => rack.begin(trouble),
            Scene::Store(disk) => disk.fill(),
        }
    }

    fn go_on(&mut self, trouble: Trouble) {
        match self {
            Scene::Rack(rack) => rack.go_on(trouble),
            Scene::Store(disk) => disk.fill(),
        }
    }

    fn end(&mut self, trouble: Trouble) {
        match self {
            Scene::Rack(rack) => rack.end(trouble),
            Scene::Store(disk) => disk.free(),
        }
    }
}

/// A trouble that came and went.
#[derive(Clone, Debug)]
pub struct Strike {
    pub trouble: Trouble,
    pub scene: String,
    /// Milliseconds since 1970.
    pub from: i64,
    pub to: i64,
}

/// Follows the schedule until the storm is over; then all is well at the scene again.
pub fn run(scene: &mut Scene, schedule: Schedule, begun: Instant, over: &AtomicBool, done: impl Fn(&Strike)) {
    for next in schedule {
        if !calm(next.pause, over) {
            return;
        }
        println!("{:6.1} s  {}: {}, for {:?}", begun.elapsed().as_secs_f32(), scene.name(), next.trouble, next.lasts);
        let from = now();
        scene.begin(next.trouble);
        let struck = Instant::now();
        while struck.elapsed() < next.lasts && calm(PULSE, over) {
            scene.go_on(next.trouble);
        }
        scene.end(next.trouble);
        done(&Strike { trouble: next.trouble, scene: scene.name().to_owned(), from, to: now() });
    }
}

/// False: the storm is over.
fn calm(pause: Duration, over: &AtomicBool) -> bool {
    let until = Instant::now() + pause;
    while !over.load(Ordering::Relaxed) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        thread::sleep(left.min(PULSE));
    }
    false
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64
}
