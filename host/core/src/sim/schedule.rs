//! The choices of one run: made by a seeded policy, or read from a record.

use rand::rngs::SmallRng;
use rand::{Rng, RngExt, SeedableRng};

/// How the scheduler chooses among those who could go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Anyone, each time.
    Random,
    /// Mostly whoever went on last, so that one gets far ahead of the others.
    Sticky,
    /// By priorities that change at some points, so that few changes of turn are enough.
    Priorities,
}

/// Makes choices, and remembers them.
pub struct Schedule {
    rng: SmallRng,
    policy: Policy,
    /// What was chosen, in order: the index among the options of that step.
    pub made: Vec<u32>,
    /// Choices to repeat; after its end, the first option is taken.
    record: Option<Vec<u32>>,
    last: Option<u64>,
    priorities: std::collections::BTreeMap<u64, u64>,
}

impl Schedule {
    pub fn seeded(seed: u64) -> Schedule {
        let mut rng = SmallRng::seed_from_u64(seed);
        let policy = match rng.random_range(0..4u8) {
            0 => Policy::Sticky,
            1 => Policy::Priorities,
            _ => Policy::Random,
        };
        Schedule { rng, policy, made: Vec::new(), record: None, last: None, priorities: Default::default() }
    }

    /// Repeats a record, which may be one that was cut down.
    pub fn recorded(record: Vec<u32>) -> Schedule {
        Schedule { record: Some(record), ..Schedule::seeded(0) }
    }

    /// Chooses one of `options`, each with a name that stays the same from step to step. At least one is given.
    pub fn choose(&mut self, options: &[u64]) -> usize {
        let index = match &self.record {
            Some(record) => {
                let recorded = record.get(self.made.len()).copied().unwrap_or(0) as usize;
                if recorded < options.len() { recorded } else { 0 }
            }
            None => self.by_policy(options),
        };
        self.made.push(index as u32);
        self.last = options.get(index).copied();
        index
    }

    /// True once in `of` times; never while a record is repeated past its end.
    pub fn one_in(&mut self, of: u32) -> bool {
        let yes = match &self.record {
            Some(record) => record.get(self.made.len()).copied().unwrap_or(0) == 1,
            None => of > 0 && self.rng.random_range(0..of) == 0,
        };
        self.made.push(u32::from(yes));
        yes
    }

    /// A number below `limit`, which is at least 1.
    pub fn below(&mut self, limit: u32) -> u32 {
        let number = match &self.record {
            Some(record) => record.get(self.made.len()).copied().unwrap_or(0) % limit,
            None => self.rng.random_range(0..limit),
        };
        self.made.push(number);
        number
    }

    fn by_policy(&mut self, options: &[u64]) -> usize {
        match self.policy {
            Policy::Random => self.rng.random_range(0..options.len()),
            Policy::Sticky => {
                let last = options.iter().position(|option| Some(*option) == self.last);
                match last {
                    Some(index) if self.rng.random_range(0..8u8) > 0 => index,
                    _ => self.rng.random_range(0..options.len()),
                }
            }
            Policy::Priorities => {
                if self.rng.random_range(0..12u8) == 0 {
                    let changed = options[self.rng.random_range(0..options.len())];
                    let priority = self.rng.next_u64();
                    self.priorities.insert(changed, priority);
                }
                let rng = &mut self.rng;
                let priorities = &mut self.priorities;
                let of = |option: &u64, rng: &mut SmallRng, all: &mut std::collections::BTreeMap<u64, u64>| {
                    *all.entry(*option).or_insert_with(|| rng.next_u64())
                };
                let ranked: Vec<u64> = options.iter().map(|option| of(option, rng, priorities)).collect();
                ranked.iter().enumerate().max_by_key(|(_, priority)| **priority).map_or(0, |(index, _)| index)
            }
        }
    }
}
