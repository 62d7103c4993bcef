//! What one call of a plugin may use of this machine.

use std::time::Duration;

/// The limits of a call. A call that meets one ends with a [`Fault`](drydock_core::plugin::Fault) that names it.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Processor time of a deciding call and of `describe`. Waiting for the host does not count. Default: 100 ms.
    pub deciding_compute: Duration,
    /// Processor time of an acting call. Default: 1 s.
    pub acting_compute: Duration,
    /// Time on the clock of a deciding call and of `describe`. Acting calls have `context.deadline`. Default: 10 s.
    pub deciding_time: Duration,
    /// Bytes of one linear memory. At most 64 MiB, which is the default.
    pub memory: usize,
    /// Deciding calls that run at once; the next one waits. At most 64, which is the default.
    pub deciding_calls: usize,
    /// Acting calls that run at once; the next one waits. At most 448, which is the default.
    pub acting_calls: usize,
}

/// Bytes that a memory can be allowed at most.
pub const MEMORY_MAX: usize = 64 << 20;

pub(crate) const DECIDING_CALLS_MAX: usize = 64;
pub(crate) const ACTING_CALLS_MAX: usize = 448;

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            deciding_compute: Duration::from_millis(100),
            acting_compute: Duration::from_secs(1),
            deciding_time: Duration::from_secs(10),
            memory: MEMORY_MAX,
            deciding_calls: DECIDING_CALLS_MAX,
            acting_calls: ACTING_CALLS_MAX,
        }
    }
}

impl Limits {
    /// The same limits, none of them above what the engine is built for.
    pub(crate) fn bounded(mut self) -> Limits {
        self.memory = self.memory.min(MEMORY_MAX);
        self.deciding_calls = self.deciding_calls.clamp(1, DECIDING_CALLS_MAX);
        self.acting_calls = self.acting_calls.clamp(1, ACTING_CALLS_MAX);
        self
    }
}
