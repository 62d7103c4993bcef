//! Chance, while planning: the same for the same seed.

/// Numbers that follow from a seed. Not for secrets.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    /// SplitMix64, of which any seed is a good one.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 where `end` is.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next().checked_rem(end).unwrap_or(0)
    }

    /// Puts a list into another order, so that many who choose at once don't all begin with the same.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last as u64 + 1) as usize);
        }
    }

    /// The same, where some come first more often than others: as often, of two, as their weights say. A weight of 0 is
    /// taken for 1.
    pub fn shuffle_weighted<T>(&mut self, list: &mut [T], weight: impl Fn(&T) -> u32) {
        // Whoever waits for a chance that comes by `weight` times as often waits so much shorter, on the average; the first
        // to get it is the first of the list. Numbers that are not negative are ordered as their bits are.
        list.sort_by_cached_key(|item| {
            let uniform = ((self.next() >> 11) + 1) as f64 / (1u64 << 53) as f64;
            (uniform.ln().abs() / f64::from(weight(item).max(1))).to_bits()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_weighs_more_comes_first_more_often() {
        let mut first = [0; 3];
        for seed in 0..3000 {
            let mut list = [0, 1, 2];
            Chance::new(seed).shuffle_weighted(&mut list, |&item| [1, 2, 7][item]);
            let mut sorted = list;
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2]);
            first[list[0]] += 1;
        }
        // A tenth, two tenths and seven tenths of 3000, and a fifth of each to either side.
        for (counted, expected) in first.into_iter().zip([300, 600, 2100]) {
            assert!((expected * 4 / 5..=expected * 6 / 5).contains(&counted), "{first:?}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_order() {
        let order = |seed| {
            let mut list: Vec<u32> = (0..100).collect();
            Chance::new(seed).shuffle_weighted(&mut list, |&item| item);
            list
        };
        assert_eq!(order(7), order(7));
        assert_ne!(order(7), order(8));
    }
}
