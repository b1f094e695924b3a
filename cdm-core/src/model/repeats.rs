/// The pairs of values that were met last, and where what was found out of them is put down.
///
/// Records that meet have candidates in common, and these have values in common: of the pairs of names among a
/// million customers' candidates four in ten were compared a moment before.
pub(super) struct Repeats {
    /// By what is left of a hash.
    slots: Vec<(Codes, u32)>,
}

/// The codes of two records' values in up to two fields.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Codes(u128);

/// No place.
const NOWHERE: u32 = u32::MAX;

impl Codes {
    /// Of the values of two records in each field, the same whichever of them is `left`, as levels are.
    #[inline]
    pub(super) fn new(left: [u32; 2], right: [u32; 2]) -> Self {
        let of = |[first, second]: [u32; 2]| u64::from(first) << 32 | u64::from(second);
        let (left, right) = (of(left), of(right));
        Self(u128::from(left.min(right)) << 64 | u128::from(left.max(right)))
    }

    /// Knuth (1997), The Art of Computer Programming, volume 3: the highest bits depend on all.
    #[inline]
    fn slot(self) -> usize {
        let folded = (self.0 >> 64) as u64 ^ (self.0 as u64).rotate_left(21);
        (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - Repeats::BITS)) as usize
    }
}

impl Repeats {
    /// So few that they stay near the processor: what is not met again soon is not met again.
    const BITS: u32 = 8;

    pub(super) fn new() -> Self {
        Self { slots: vec![(Codes(0), NOWHERE); 1 << Self::BITS] }
    }

    /// The place of these codes, where they were met a moment before; else `next`, which is theirs from then on, in
    /// the stead of others.
    #[inline]
    pub(super) fn place(&mut self, codes: Codes, next: u32) -> u32 {
        let slot = &mut self.slots[codes.slot()];
        // Whether they were is as likely as not: nothing is jumped over.
        let is_known = (slot.0 == codes) & (slot.1 != NOWHERE);
        let place = if is_known { slot.1 } else { next };
        *slot = (codes, place);
        place
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_is_found_before_it_was_met() {
        for codes in [Codes::new([0; 2], [0; 2]), Codes::new([u32::MAX; 2], [u32::MAX; 2])] {
            assert_eq!(Repeats::new().place(codes, 7), 7);
        }
    }

    proptest! {
        #[test]
        fn a_place_is_that_of_the_same_codes_either_way(
            pairs in prop::collection::vec((prop::array::uniform2(0_u32..9), prop::array::uniform2(0_u32..9)), 1..900),
        ) {
            let mut repeats = Repeats::new();
            let mut places: Vec<[[u32; 2]; 2]> = Vec::new();
            for (one, two) in pairs {
                let next = places.len() as u32;
                let place = repeats.place(Codes::new(one, two), next);
                if place == next {
                    places.push([one.min(two), one.max(two)]);
                }
                prop_assert_eq!(places[place as usize], [one.min(two), one.max(two)]);
                prop_assert_eq!(repeats.place(Codes::new(two, one), next + 1), place);
            }
        }
    }
}
