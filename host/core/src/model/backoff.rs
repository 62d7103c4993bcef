//! How long to wait after a failure.

use crate::contract::{Failure, Next};

/// The first pause, and the longest, in milliseconds.
const BACK_OFF: (i64, i64) = (1_000, 1_800_000);
/// The same where an operator has to act first.
const ATTENTION: (i64, i64) = (30_000, 3_600_000);

/// Milliseconds until the next try after this many failures in a row: doubling, between 75 % and 100 % of it by a
/// jitter that follows from `salt`, and never less than the failure asks for.
pub fn pause(failure: &Failure, failures: i64, salt: &str) -> i64 {
    let (first, longest) = if failure.next == Next::Attention { ATTENTION } else { BACK_OFF };
    let doublings = (failures - 1).clamp(0, 20) as u32;
    let full = first.saturating_mul(1 << doublings).min(longest);
    let jitter = salt.bytes().fold(17u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte))) % 256;
    let pause = full - full / 4 * jitter as i64 / 255;
    pause.max(failure.after.unwrap_or(0).min(86_400_000) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Blame;

    #[test]
    fn doubles_up_to_the_longest_and_heeds_what_is_asked() {
        let mut failure = Failure { blame: Blame::Provider, next: Next::BackOff, reason: String::new(), after: None };
        for (failures, full) in [(1, 1_000), (2, 2_000), (5, 16_000), (30, 1_800_000)] {
            for salt in ["a", "b", "commit-17"] {
                let pause = pause(&failure, failures, salt);
                assert!((full * 3 / 4..=full).contains(&pause), "{failures} failures: {pause}");
            }
        }
        failure.after = Some(7_000);
        assert_eq!(pause(&failure, 1, "a"), 7_000);
    }
}
