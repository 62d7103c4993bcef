//! How long to wait after a failure.

use crate::contract::{Failure, Next};

/// The first pause, and the longest, in milliseconds.
const BACK_OFF: (i64, i64) = (1_000, 1_800_000);
/// The same where an operator has to act first. Until the doubling of the first pause above comes so far, it stays the
/// shortest: failures of both kinds are counted together, and a host that was down for a moment before somebody had to
/// act is no worse for that.
const ATTENTION: (i64, i64) = (30_000, 3_600_000);

/// Milliseconds until the next try after this many failures in a row: doubling, between 75 % and 100 % of it by a
/// jitter that follows from `salt`, and never less than the failure asks for.
pub fn pause(failure: &Failure, failures: i64, salt: &str) -> i64 {
    let (shortest, longest) = if failure.next == Next::Attention { ATTENTION } else { BACK_OFF };
    let doublings = (failures - 1).clamp(0, 20) as u32;
    let full = BACK_OFF.0.saturating_mul(1 << doublings).clamp(shortest, longest);
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

    #[test]
    fn failures_of_another_kind_before_it_do_not_make_the_first_that_needs_an_operator_long() {
        let failure = Failure { blame: Blame::Operator, next: Next::Attention, reason: String::new(), after: None };
        for (failures, full) in [(1, 30_000), (5, 30_000), (6, 32_000), (9, 256_000), (30, 3_600_000)] {
            let pause = pause(&failure, failures, "a");
            assert!((full * 3 / 4..=full).contains(&pause), "{failures} failures: {pause}");
        }
    }
}
