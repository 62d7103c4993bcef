//! What goes wrong when, from a seed.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use std::fmt;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// The SSH server is stopped, and with it all that runs on its hosts; later it is started again.
    Down,
    /// The SSH server has another host key for a while.
    OtherKey,
    /// Commands do not begin.
    HangsBefore,
    /// Commands do what they should, and do not end.
    HangsAfter,
    /// There is no room on the disk of the hosts.
    FullDisk,
    /// There is no room on the disk of the daemon's store.
    FullStore,
}

/// Those that can happen to hosts.
pub const ON_HOSTS: [Trouble; 5] =
    [Trouble::Down, Trouble::OtherKey, Trouble::HangsBefore, Trouble::HangsAfter, Trouble::FullDisk];

impl Trouble {
    /// Milliseconds. Commands hang for longer than a step may take.
    fn lasts(self) -> std::ops::Range<u64> {
        match self {
            Trouble::HangsBefore | Trouble::HangsAfter => 5_000..9_000,
            Trouble::FullStore => 1_000..6_000,
            Trouble::Down | Trouble::OtherKey | Trouble::FullDisk => 1_000..5_000,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Trouble::Down => "its SSH server is stopped",
            Trouble::OtherKey => "its SSH server has another host key",
            Trouble::HangsBefore => "commands do not begin",
            Trouble::HangsAfter => "commands do not end",
            Trouble::FullDisk => "its disk is full",
            Trouble::FullStore => "the store's disk is full",
        })
    }
}

/// One that is still to come.
#[derive(Clone, Copy, Debug)]
pub struct Next {
    pub trouble: Trouble,
    /// Before it.
    pub pause: Duration,
    pub lasts: Duration,
}

/// Without an end; all troubles come equally often.
pub struct Schedule {
    random: StdRng,
    troubles: Vec<Trouble>,
    drawn: Vec<Trouble>,
}

impl Schedule {
    /// The same for the same seed. `lane` tells those apart that go on at the same time.
    pub fn new(seed: u64, lane: u64, troubles: &[Trouble]) -> Schedule {
        let random = StdRng::seed_from_u64(seed.wrapping_mul(1_000).wrapping_add(lane));
        Schedule { random, troubles: troubles.to_vec(), drawn: Vec::new() }
    }
}

impl Iterator for Schedule {
    type Item = Next;

    fn next(&mut self) -> Option<Next> {
        if self.drawn.is_empty() {
            self.drawn.clone_from(&self.troubles);
            self.drawn.shuffle(&mut self.random);
        }
        let trouble = self.drawn.pop()?;
        let mut milliseconds = |range| Duration::from_millis(self.random.random_range(range));
        let (pause, lasts) = (milliseconds(2_000..10_000), milliseconds(trouble.lasts()));
        Some(Next { trouble, pause, lasts })
    }
}
