use super::pattern::Pattern;

/// The levels of the pairs of values that were compared last.
///
/// Records that meet have candidates in common, and these have values in common: of the pairs of names among a
/// million customers' candidates four in ten were compared a moment before.
pub(super) struct Repeats {
    /// By what is left of a hash, the codes and their levels.
    slots: Vec<Option<(Codes, Pattern)>>,
}

/// The codes of two records' values in up to two fields.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Codes(u128);

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
    /// So few that they stay near the processor: what is not asked again soon is not asked again.
    const BITS: u32 = 8;

    pub(super) fn new() -> Self {
        Self { slots: vec![None; 1 << Self::BITS] }
    }

    #[inline]
    pub(super) fn find(&self, codes: Codes) -> Option<Pattern> {
        self.slots[codes.slot()].filter(|(known, _)| *known == codes).map(|(_, levels)| levels)
    }

    /// The levels that were kept, else what `levels` gives, which is then kept in the place of others.
    #[inline]
    pub(super) fn find_or(&mut self, codes: Codes, levels: impl FnOnce() -> Pattern) -> Pattern {
        self.find(codes).unwrap_or_else(|| {
            let levels = levels();
            self.slots[codes.slot()] = Some((codes, levels));
            levels
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_is_found_before_it_was_kept() {
        for codes in [Codes::new([0; 2], [0; 2]), Codes::new([u32::MAX; 2], [u32::MAX; 2])] {
            assert_eq!(Repeats::new().find(codes), None);
        }
    }

    proptest! {
        #[test]
        fn what_is_found_was_kept_for_the_same_codes_either_way(
            pairs in prop::collection::vec((prop::array::uniform2(0_u32..9), prop::array::uniform2(0_u32..9)), 0..900),
        ) {
            let mut repeats = Repeats::new();
            let levels = |one: [u32; 2], two: [u32; 2]| {
                let (least, most) = (one.min(two), one.max(two));
                let digits = [least, most].concat().into_iter().zip(0..);
                digits.fold(Pattern::default(), |p, (digit, k)| p.with(k, Some(digit as u8)))
            };
            for (one, two) in pairs {
                let own = levels(one, two);
                prop_assert_eq!(repeats.find_or(Codes::new(one, two), || own), own);
                prop_assert_eq!(repeats.find(Codes::new(two, one)), Some(own));
            }
        }
    }
}
