/// Pairs of numbers below `records`, the lower on the left: all of them where there are at most
/// `most`, else so many drawn with repetition, always the same ones.
///
/// Only pairs that `counts` are given; where few do, fewer than `most` are.
pub(super) fn random_pairs(
    records: u32,
    most: usize,
    counts: impl Fn(u32, u32) -> bool,
) -> Vec<(u32, u32)> {
    let all = u64::from(records) * u64::from(records.saturating_sub(1)) / 2;
    if all <= most as u64 {
        let pairs =
            (0..records).flat_map(|left| (left + 1..records).map(move |right| (left, right)));
        return pairs.filter(|(left, right)| counts(*left, *right)).collect();
    }
    let mut state = 0x5eed_0fca_7e5e_ed00_u64;
    let mut draw = move || {
        // SplitMix64: Steele, Lea & Flood (2014), Fast Splittable Pseudorandom Number Generators.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        ((u128::from(mixed) * u128::from(records)) >> 64) as u32
    };
    let drawn = std::iter::repeat_with(move || (draw(), draw()));
    let pairs = drawn.take(most * 4).filter(|(left, right)| left != right);
    let pairs = pairs.map(|(left, right)| (left.min(right), left.max(right)));
    pairs.filter(|(left, right)| counts(*left, *right)).take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_pairs_are_all_given_and_many_are_drawn_alike_each_time() {
        assert_eq!(random_pairs(3, 10, |_, _| true), [(0, 1), (0, 2), (1, 2)]);
        assert_eq!(random_pairs(0, 10, |_, _| true), []);
        let drawn = random_pairs(1_000, 500, |left, _| left % 2 == 0);
        assert_eq!(drawn, random_pairs(1_000, 500, |left, _| left % 2 == 0));
        assert_eq!(drawn.len(), 500);
        assert!(drawn.iter().all(|(left, right)| left < right && left % 2 == 0));
        assert!(random_pairs(1_000, 500, |_, _| false).is_empty());
    }
}
