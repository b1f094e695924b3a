use hashbrown::{DefaultHashBuilder, HashMap};

use super::pattern::{Pattern, PatternCounts};

/// Two rows that were compared, the one with the lower key on the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ComparedPair {
    pub(crate) left: u32,
    pub(crate) right: u32,
    pub(crate) pattern: Pattern,
}

/// Many of them: 12 bytes each, as few patterns are those of all.
#[derive(Default)]
pub(crate) struct ComparedPairs {
    pairs: Vec<Numbered>,
    patterns: Vec<Pattern>,
    /// By pattern, its number.
    numbers: HashMap<Pattern, u32, DefaultHashBuilder>,
}

/// A pair, and which of the patterns is its own.
struct Numbered {
    left: u32,
    right: u32,
    pattern: u32,
}

impl ComparedPairs {
    /// How many bytes a pair takes.
    pub(crate) const BYTES: usize = size_of::<Numbered>();

    pub(super) fn push(&mut self, left: u32, right: u32, pattern: Pattern) {
        let pattern = *self.numbers.entry(pattern).or_insert_with(|| {
            self.patterns.push(pattern);
            self.patterns.len() as u32 - 1
        });
        self.pairs.push(Numbered { left, right, pattern });
    }

    /// No more are to come.
    pub(super) fn finish(&mut self) {
        self.pairs.shrink_to_fit();
        self.numbers = HashMap::default();
    }

    /// How often each pattern occurs among the pairs that are `wanted`.
    pub(super) fn counts(&self, wanted: impl Fn(u32, u32) -> bool) -> PatternCounts {
        let mut counts = vec![0; self.patterns.len()];
        let of_wanted = self.pairs.iter().filter(|pair| wanted(pair.left, pair.right));
        of_wanted.for_each(|pair| counts[pair.pattern as usize] += 1);
        self.patterns.iter().copied().zip(counts).filter(|(_, count)| *count > 0).collect()
    }

    /// Those whose patterns are `wanted`, in the order in which they came.
    pub(crate) fn of_patterns(&self, wanted: impl Fn(Pattern) -> bool) -> Vec<ComparedPair> {
        let wanted: Vec<bool> = self.patterns.iter().map(|pattern| wanted(*pattern)).collect();
        let pairs = self.pairs.iter().filter(|pair| wanted[pair.pattern as usize]);
        let whole = |pair: &Numbered| {
            let Numbered { left, right, pattern } = *pair;
            ComparedPair { left, right, pattern: self.patterns[pattern as usize] }
        };
        pairs.map(whole).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pairs_are_counted_and_found_by_their_patterns(
            pairs in prop::collection::vec((0_u32..9, 0_u32..9, 0_u8..5), 0..60),
        ) {
            let of_level = |level| Pattern::default().with(3, Some(level));
            let (mut all, mut wanted) = (ComparedPairs::default(), PatternCounts::default());
            for (left, right, level) in &pairs {
                all.push(*left, *right, of_level(*level));
                if left < right {
                    wanted.add(of_level(*level));
                }
            }
            all.finish();
            let counts = all.counts(|left, right| left < right);
            prop_assert_eq!(PatternCounts::sum([counts]), PatternCounts::sum([wanted]));
            let of_two = pairs.iter().filter(|(.., level)| *level < 2).map(|(left, right, level)| {
                ComparedPair { left: *left, right: *right, pattern: of_level(*level) }
            });
            let is_one = |pattern: Pattern| pattern.level(3).is_some_and(|level| level < 2);
            prop_assert_eq!(all.of_patterns(is_one), of_two.collect::<Vec<_>>());
        }
    }
}
