//! Where a run's threads are at home.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// Keeps this thread, and those that it starts from now on, to one of the processors that it may use: the one of this
/// number, counted around. A run and the store's thread take turns and never work at the same time, so on two processors
/// each would only wait for the other one to wake up.
pub fn keep_to(number: usize) {
    let this = Pid::from_raw(0);
    // Where it can't be had, a run takes longer, and that is all.
    let Ok(all) = sched_getaffinity(this) else { return };
    let usable: Vec<usize> = (0..CpuSet::count()).filter(|cpu| all.is_set(*cpu).unwrap_or(false)).collect();
    let mut one = CpuSet::new();
    if let Some(cpu) = usable.get(number % usable.len().max(1))
        && one.set(*cpu).is_ok()
    {
        let _ = sched_setaffinity(this, &one);
    }
}
