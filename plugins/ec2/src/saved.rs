//! What is saved of a resource between the calls of its steps.

use crate::Ec2;
use crate::attributes::Found;
use drydock_sdk::serde::{Deserialize, Serialize};
use drydock_sdk::{Failure, Progress, Resource, Wake};
use std::time::Duration;

/// How long is waited, in seconds, after so many looks in vain; the last counts for all further ones.
const PAUSES: [u64; 6] = [1, 2, 3, 5, 8, 10];

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(crate = "drydock_sdk::serde", default)]
pub struct Saved {
    /// How far `open` has come.
    pub stage: Stage,
    /// Looks in vain since something has moved.
    pub tries: u32,
    /// The name of the imported key.
    pub key_pair: String,
    pub found: Found,
    /// For `close`: looks in a row that found nothing at all.
    pub quiet: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(crate = "drydock_sdk::serde", rename_all = "kebab-case")]
pub enum Stage {
    /// The key pair is imported.
    #[default]
    Key,
    /// The instance is launched. This is saved before the first try of it, so that before this stage there is none.
    Launch,
    /// It is waited for until it runs.
    Start,
    /// It gets its elastic IP.
    Address,
    /// It is waited for until commands run there.
    Reach,
}

impl Saved {
    pub fn of(on: &Resource<Ec2>) -> Result<Saved, Failure> {
        Ok(on.state::<Saved>()?.unwrap_or_default())
    }

    /// `open` goes on with this stage, at once.
    pub fn next(mut self, stage: Stage, note: impl Into<String>) -> Progress {
        (self.stage, self.tries) = (stage, 0);
        Progress::again(&self, note, Wake::After(Duration::ZERO))
    }

    /// The same stage again, after a pause that grows.
    pub fn wait(mut self, note: impl Into<String>) -> Progress {
        let pause = PAUSES[PAUSES.len().min(self.tries as usize + 1) - 1];
        self.tries = self.tries.saturating_add(1);
        Progress::again(&self, note, Wake::After(Duration::from_secs(pause)))
    }
}
