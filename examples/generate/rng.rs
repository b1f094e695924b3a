//! Random numbers that have the same values on every platform and in every version.

/// The generator xoshiro256++, filled by SplitMix64 from a seed and the number of a stream.
///
/// All draws are made with integers, so no rounding differs between platforms.
///
/// # References
/// Blackman & Vigna (2021), Scrambled Linear Pseudorandom Number Generators, ACM TOMS 47(4).
/// Steele, Lea & Flood (2014), Fast Splittable Pseudorandom Number Generators, OOPSLA.
pub(super) struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// The generator of stream `stream` of `seed`; streams are independent of each other.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut counter = mix(seed).wrapping_add(mix(stream ^ 0xA076_1D64_78BD_642F));
        let state = std::array::from_fn(|_| {
            counter = counter.wrapping_add(0x9E37_79B9_7F4A_7C15);
            mix(counter)
        });
        Self { state }
    }

    fn next(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let shifted = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= shifted;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// A number from 0 to `limit` - 1; 0 if `limit` is 0. The bias is below `limit` / 2^64.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }

    /// A position in a list of `len` elements.
    pub(super) fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// A number from `low` to `high`, both included; `low` if the range is empty.
    pub(super) fn between(&mut self, low: i32, high: i32) -> i32 {
        low + self.below(u64::from(high.saturating_sub(low).max(0) as u32) + 1) as i32
    }

    /// True `per_mille` times in a thousand.
    pub(super) fn chance(&mut self, per_mille: u32) -> bool {
        self.below(1000) < u64::from(per_mille)
    }

    /// One element of a list that is not empty.
    pub(super) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.index(list.len())]
    }

    /// The position of a weight, drawn in proportion to the weights.
    pub(super) fn weighted(&mut self, weights: &[u32]) -> usize {
        let total: u64 = weights.iter().map(|&weight| u64::from(weight)).sum();
        let mut drawn = self.below(total);
        for (index, &weight) in weights.iter().enumerate() {
            match drawn.checked_sub(u64::from(weight)) {
                None => return index,
                Some(rest) => drawn = rest,
            }
        }
        0
    }

    /// A rank from 0, drawn by the running totals of [`zipf_totals`].
    pub(super) fn ranked(&mut self, totals: &[u64]) -> usize {
        let drawn = self.below(totals.last().copied().unwrap_or(0));
        totals.partition_point(|&total| total <= drawn)
    }

    /// Put a list into random order (Fisher-Yates).
    pub(super) fn shuffle<T>(&mut self, list: &mut [T]) {
        for end in (1..list.len()).rev() {
            list.swap(end, self.index(end + 1));
        }
    }
}

/// Running totals of Zipf-Mandelbrot weights, 1 / (rank + `flatness`), for `len` ranks.
pub(super) fn zipf_totals(len: usize, flatness: u64) -> Vec<u64> {
    let mut total = 0;
    (1..=len as u64)
        .map(|rank| {
            total += 1_000_000 / (rank + flatness);
            total
        })
        .collect()
}

/// The finalizer of SplitMix64: a bijection that scatters its input over all 64 bits.
pub(super) fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_numbers_of_a_seed_never_change() {
        let mut rng = Rng::new(1, 0);
        let drawn: Vec<u64> = (0..6).map(|_| rng.below(1_000_000)).collect();
        assert_eq!(drawn, FIRST);
        assert_ne!(Rng::new(1, 1).below(1 << 60), Rng::new(1, 0).below(1 << 60));
    }
    const FIRST: [u64; 6] = [939_800, 214_563, 676_165, 141_143, 927_295, 190_614];

    #[test]
    fn draws_stay_in_range_and_follow_their_weights() {
        let mut rng = Rng::new(7, 7);
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.between(5, 3), 5);
        assert!((0..1000).all(|_| (-3..=4).contains(&rng.between(-3, 4))));
        let hits = (0..10_000).filter(|_| rng.weighted(&[1, 3]) == 1).count();
        assert!((7200..7800).contains(&hits), "{hits}");
        let totals = zipf_totals(10, 2);
        assert!((0..1000).all(|_| rng.ranked(&totals) < 10));
    }
}
