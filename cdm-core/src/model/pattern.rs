use hashbrown::{DefaultHashBuilder, HashMap};

/// The levels that two records reach in all comparisons of a plan, in 4 bits each.
///
/// # Examples
/// ```
/// use cdm_core::model::Pattern;
/// let pattern = Pattern::default().with(0, Some(2)).with(3, Some(0));
/// assert_eq!(pattern.level(0), Some(2));
/// assert_eq!(pattern.level(1), None);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(u64);

impl Pattern {
    /// How many comparisons a pattern holds.
    pub const MOST_COMPARISONS: usize = 16;

    /// How many codes a comparison has: no value, and fifteen levels.
    pub(crate) const CODES: usize = 16;

    /// The same, but for that comparison at that level; `None` where there is nothing to compare.
    ///
    /// # Panics
    /// Where there are fewer comparisons than that.
    #[must_use]
    pub fn with(self, comparison: usize, level: Option<u8>) -> Self {
        assert!(comparison < Self::MOST_COMPARISONS, "a pattern holds 16 comparisons");
        let code = level.map_or(0, |level| u64::from(level.min(14)) + 1);
        let shift = comparison * 4;
        Self(self.0 & !(0xf << shift) | code << shift)
    }

    /// The levels of both, of which none tells of a comparison that the other tells of.
    #[inline]
    pub(crate) fn beside(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The level of a comparison.
    #[must_use]
    pub fn level(self, comparison: usize) -> Option<u8> {
        (self.code(comparison) as u8).checked_sub(1)
    }

    /// 0 where there is nothing to compare, else one more than the level.
    #[inline]
    pub(crate) fn code(self, comparison: usize) -> usize {
        (self.0 >> (comparison * 4) & 0xf) as usize
    }
}

/// How often each pattern occurs among some pairs.
#[derive(Debug, Clone, Default)]
pub struct PatternCounts(HashMap<Pattern, u64, DefaultHashBuilder>);

impl FromIterator<(Pattern, u64)> for PatternCounts {
    fn from_iter<I: IntoIterator<Item = (Pattern, u64)>>(counts: I) -> Self {
        let mut all = Self::default();
        counts.into_iter().for_each(|(pattern, count)| *all.0.entry(pattern).or_insert(0) += count);
        all
    }
}

impl PatternCounts {
    /// Count a pair.
    #[inline]
    pub fn add(&mut self, pattern: Pattern) {
        *self.0.entry(pattern).or_insert(0) += 1;
    }

    /// Every pattern with its count, in the order of patterns.
    #[must_use]
    pub fn sum(all: impl IntoIterator<Item = Self>) -> Vec<(Pattern, u64)> {
        let mut counts: Vec<(Pattern, u64)> = all.into_iter().flat_map(|counts| counts.0).collect();
        counts.sort_unstable();
        counts.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
        counts
    }
}
