//! Time and chance of a deciding call: both are arguments, so that the same input gives the same answer.

use rand::SeedableRng;
use rand::rngs::StdRng;
use std::time::Duration;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtxBuilder};

/// A clock that stands still.
struct Still {
    /// Milliseconds since 1970.
    now: u64,
}

impl HostWallClock for Still {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.now)
    }
}

impl HostMonotonicClock for Still {
    fn resolution(&self) -> u64 {
        1_000_000
    }

    fn now(&self) -> u64 {
        0
    }
}

/// Stops the clocks at `now` (milliseconds since 1970) and takes all random numbers from `seed`.
pub(crate) fn pin(wasi: &mut WasiCtxBuilder, now: u64, seed: u64) {
    wasi.wall_clock(Still { now })
        .monotonic_clock(Still { now })
        .secure_random(StdRng::seed_from_u64(seed))
        .insecure_random(StdRng::seed_from_u64(!seed))
        .insecure_random_seed(seed.into());
}
