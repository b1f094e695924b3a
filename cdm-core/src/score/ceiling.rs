//! The most that two records may weigh, by the strongest levels that they may reach.

use super::Weigher;
use crate::compare::Comparison;
use crate::model::{Likelihoods, Pattern};

/// What may come of a comparison of two records, of which little is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// There is nothing to compare.
    Missing,
    /// That level or one behind it; `filled` where both have a value in the first field.
    AtBest { level: u8, filled: bool },
    /// Anything.
    Unknown,
}

/// By comparison and [`Outcome`], how much likelier strangers come to it than matches, at least.
///
/// The weight of a pair is the odds of one product of probabilities, for matches, against a sum of
/// others. Each of those divided by the first is a product of ratios, one a comparison, and where each
/// ratio is the least of those that may come out, the sum is the least that it may be.
pub(crate) struct Ceiling {
    /// By class but matches: its share as a part of theirs.
    shares: Vec<f64>,
    /// By comparison, outcome and class: the least ratio, level 0 left out.
    table: Vec<f64>,
    /// By comparison and class: the ratio of level 0.
    first: Vec<f64>,
    /// By comparison and class: whether agreeing on a common value is likelier there.
    by_chance: Vec<bool>,
    comparisons: usize,
}

/// The ceiling of pairs with one record, whose values are known.
pub(crate) struct CeilingOf<'c> {
    ceiling: &'c Ceiling,
    /// The table where level 0 may come out: by comparison, code of [`FIRST`], and class.
    first: Vec<f64>,
}

/// How many outcomes there are.
const OUTCOMES: usize = 2 * Pattern::CODES + 2;
const UNKNOWN: usize = OUTCOMES - 1;

/// The codes of outcomes with which level 0 may come out.
const FIRST: [usize; 3] = [1, 2, UNKNOWN];

/// Up to so many classes are added up.
const FEW_CLASSES: usize = 32;

/// Products below that may be rounded to nothing, which is not what is reckoned with here.
const LEAST_LOG10: f64 = -250.0;

impl Outcome {
    /// A number that no other outcome has.
    pub(crate) fn code(self) -> u8 {
        match self {
            Outcome::Missing => 0,
            Outcome::AtBest { level, filled } => {
                1 + 2 * level.min(Pattern::CODES as u8 - 1) + u8::from(filled)
            }
            Outcome::Unknown => UNKNOWN as u8,
        }
    }
}

impl Ceiling {
    /// `least_factor` is the smallest by which agreeing on a value is likelier than on others; `None`
    /// where there are too many classes, or where numbers may come to be too small.
    pub(super) fn new(
        weigher: &Weigher,
        comparisons: &[Comparison],
        least_factor: f64,
    ) -> Option<Self> {
        let Weigher { likelihoods, by_chance, .. } = weigher;
        let classes = likelihoods.classes().checked_sub(1).filter(|few| *few <= FEW_CLASSES)?;
        if least_log10(likelihoods, comparisons, least_factor) <= LEAST_LOG10 {
            return None;
        }
        let share = |class: usize| ratio(likelihoods.share(class), likelihoods.share(0));
        let mut ceiling = Self {
            shares: (1..=classes).map(share).collect(),
            table: Vec::with_capacity(comparisons.len() * OUTCOMES * classes),
            first: Vec::with_capacity(comparisons.len() * classes),
            by_chance: Vec::with_capacity(comparisons.len() * classes),
            comparisons: comparisons.len(),
        };
        for (k, comparison) in comparisons.iter().enumerate() {
            let of_level = |class: usize, level: usize| {
                let of = |class| likelihoods.of_level(class, k, level as u8);
                ratio(of(class), of(0))
            };
            // What a level comes to: nothing to go by where it is counted elsewhere.
            let comes_to = |class: usize, level: usize| {
                if comparison.is_counted(level as u8) { of_level(class, level) } else { 1.0 }
            };
            let levels = comparison.level_count();
            for code in 0..OUTCOMES {
                let outcome = outcome(code);
                ceiling.table.extend((1..=classes).map(|class| match outcome {
                    Outcome::Missing => 1.0,
                    Outcome::AtBest { level, filled } => {
                        let from = usize::from(level).max(1);
                        let found = (from..levels - 1).map(|level| comes_to(class, level));
                        let otherwise = if filled { comes_to(class, levels - 1) } else { 1.0 };
                        found.fold(otherwise, f64::min)
                    }
                    Outcome::Unknown => {
                        (1..levels).map(|level| comes_to(class, level)).fold(1.0, f64::min)
                    }
                }));
            }
            for (class, by_chance) in by_chance.iter().enumerate().skip(1) {
                let is_counted = comparison.is_counted(0);
                ceiling.first.push(if is_counted { of_level(class, 0) } else { 1.0 });
                ceiling.by_chance.push(is_counted && by_chance[k]);
            }
        }
        Some(ceiling)
    }

    /// For pairs with a record; `least_factor` says of a comparison how much likelier, at least, others
    /// agree with it there by chance than records on values in general, where the model knows.
    pub(crate) fn of(&self, least_factor: impl Fn(usize) -> Option<f64>) -> CeilingOf<'_> {
        let classes = self.shares.len();
        let mut first = Vec::with_capacity(self.comparisons * FIRST.len() * classes);
        for k in 0..self.comparisons {
            let factor = least_factor(k).unwrap_or(1.0);
            for code in FIRST {
                let known = &self.table[(k * OUTCOMES + code) * classes..][..classes];
                first.extend(known.iter().enumerate().map(|(class, least)| {
                    let at = k * classes + class;
                    let factor = if self.by_chance[at] { factor } else { 1.0 };
                    least.min(self.first[at] * factor)
                }));
            }
        }
        CeilingOf { ceiling: self, first }
    }
}

impl CeilingOf<'_> {
    /// The least odds against a match, given the [code](Outcome::code) of what may come of each
    /// comparison.
    #[inline]
    pub(crate) fn odds_against(&self, codes: &[u8; Pattern::MOST_COMPARISONS]) -> f64 {
        let classes = self.ceiling.shares.len();
        let mut room = [0.0; FEW_CLASSES];
        let sums = &mut room[..classes];
        sums.copy_from_slice(&self.ceiling.shares);
        for (k, code) in codes.iter().enumerate().take(self.ceiling.comparisons) {
            let code = usize::from(*code);
            let ratios = match FIRST.iter().position(|first| *first == code) {
                Some(at) => &self.first[(k * FIRST.len() + at) * classes..][..classes],
                None => &self.ceiling.table[(k * OUTCOMES + code) * classes..][..classes],
            };
            sums.iter_mut().zip(ratios).for_each(|(sum, ratio)| *sum *= ratio);
        }
        sums.iter().sum()
    }
}

fn outcome(code: usize) -> Outcome {
    match code {
        0 => Outcome::Missing,
        UNKNOWN => Outcome::Unknown,
        code => Outcome::AtBest { level: ((code - 1) / 2) as u8, filled: code % 2 == 0 },
    }
}

/// Nothing where matches never come to it: then nothing is said of the pair.
fn ratio(others: f64, matches: f64) -> f64 {
    let ratio = others / matches;
    if matches > 0.0 && ratio.is_finite() { ratio } else { 0.0 }
}

/// The logarithm of the least product that may come out, where it is not 0.
fn least_log10(likelihoods: &Likelihoods, comparisons: &[Comparison], least_factor: f64) -> f64 {
    let log = |p: f64| if p > 0.0 { libm::log10(p).min(0.0) } else { 0.0 };
    let of_class = |class: usize| {
        let least = comparisons.iter().enumerate().map(|(k, comparison)| {
            let levels = (0..comparison.level_count()).map(|level| level as u8);
            let levels = levels.map(|level| log(likelihoods.of_level(class, k, level)));
            levels.fold(0.0, f64::min) + log(least_factor)
        });
        log(likelihoods.share(class)) + least.sum::<f64>()
    };
    (0..likelihoods.classes()).map(of_class).fold(0.0, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_level_may_come_out_with_those_codes_alone() {
        let may_be_first = |code: &usize| match outcome(*code) {
            Outcome::Missing => false,
            Outcome::AtBest { level, .. } => level == 0,
            Outcome::Unknown => true,
        };
        assert!((0..OUTCOMES).filter(may_be_first).eq(FIRST));
        assert!((0..OUTCOMES).all(|code| usize::from(outcome(code).code()) == code));
    }
}
