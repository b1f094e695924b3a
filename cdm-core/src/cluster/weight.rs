//! Weights of evidence that add up the same in any order.

use std::ops::{Add, AddAssign, Sub};

use serde::{Serialize, Serializer};

/// How far evidence speaks for two records being one customer: the log2 of the odds, in **bits**.
///
/// 0 is even odds, or nothing said; +10 is 1024 to 1 for, -10 as much against. Kept in steps of
/// 2^-20 bits as a whole number, so that sums are exact and their order does not matter. Sums stop
/// at the ends of their range, which no sum of less than 8 billion weights reaches.
///
/// # Examples
/// ```
/// use cdm_core::cluster::Weight;
/// let sum = Weight::from_bits(7.5) + Weight::from_bits(-10.0);
/// assert_eq!(sum.bits(), -2.5);
/// assert!(sum < Weight::ZERO);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Weight(i64);

impl Weight {
    /// Nothing said, for or against.
    pub const ZERO: Self = Self(0);

    /// The most that one pair of records can weigh, in bits, for or against.
    pub const LIMIT_BITS: f64 = 1000.0;

    const STEPS_PER_BIT: f64 = (1_u64 << 20) as f64;

    /// The weight of so many bits, at most [`LIMIT_BITS`](Self::LIMIT_BITS) either way; what is
    /// not a number says nothing.
    #[must_use]
    pub fn from_bits(bits: f64) -> Self {
        // A cast from NaN gives 0.
        let steps = bits.clamp(-Self::LIMIT_BITS, Self::LIMIT_BITS) * Self::STEPS_PER_BIT;
        Self(libm::round(steps) as i64)
    }

    /// The weight in bits.
    #[must_use]
    pub fn bits(self) -> f64 {
        self.0 as f64 / Self::STEPS_PER_BIT
    }

    pub(super) fn steps(self) -> i64 {
        self.0
    }

    /// So many steps of 2^-20 bits, or the end of the range.
    pub(super) fn from_steps(steps: i128) -> Self {
        Self(steps.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
    }
}

impl Add for Weight {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Weight {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Weight {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// As the number of bits.
impl Serialize for Weight {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.bits())
    }
}

/// What a pair of records says of the groups that they are in.
///
/// `weight` is the log2 odds of the pair, `prior` those of two records of which nothing is known,
/// and `expected` the evidence in bits that a true pair would show on average in the comparisons
/// that can be made of these two, those with a value on both sides: the sum over them of
/// Σ m · log2(m / u) over their levels.
///
/// Most pairs of a long entity are never asked to make the case alone: one record has the e-mail
/// address, one the phone, a third has both. To charge the first two the whole prior would count
/// what they *lack* as evidence against. So a pair is charged for no more of the prior than it
/// could have made up for: where nothing can be compared it weighs 0, where enough can it keeps its
/// `weight`. A `prior` above 0 is not charged for at all.
///
/// # Examples
/// ```
/// use cdm_core::cluster::{Weight, group_weight};
/// let bits = Weight::from_bits;
/// let prior = bits(-20.0);
/// // Nothing to compare: not evidence.
/// assert_eq!(group_weight(prior, prior, bits(0.0)), bits(0.0));
/// // Family names differ, and no more is known: as much against as that says.
/// assert_eq!(group_weight(bits(-24.0), prior, bits(8.0)), bits(-12.0));
/// // All is there: the weight as it stands.
/// assert_eq!(group_weight(bits(17.0), prior, bits(45.0)), bits(17.0));
/// ```
#[must_use]
pub fn group_weight(weight: Weight, prior: Weight, expected: Weight) -> Weight {
    let owed = (Weight::ZERO - prior).max(Weight::ZERO);
    let charged = expected.max(Weight::ZERO).min(owed);
    weight + owed - charged
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_number_says_nothing_and_ends_are_kept() {
        assert_eq!(Weight::from_bits(f64::NAN), Weight::ZERO);
        assert_eq!(Weight::from_bits(f64::INFINITY).bits(), 1000.0);
        assert_eq!(Weight::from_bits(f64::NEG_INFINITY).bits(), -1000.0);
        assert_eq!(Weight(i64::MAX) + Weight(1), Weight(i64::MAX));
        assert_eq!(Weight(i64::MIN) - Weight(1), Weight(i64::MIN));
        assert_eq!(Weight::from_steps(i128::MAX), Weight(i64::MAX));
    }

    proptest! {
        #[test]
        fn a_pair_never_counts_for_less_than_its_weight(
            weight in -60.0..60.0_f64, prior in -40.0..10.0_f64, expected in -5.0..60.0_f64,
        ) {
            let [weight, prior, expected] = [weight, prior, expected].map(Weight::from_bits);
            let counted = group_weight(weight, prior, expected);
            prop_assert!(counted >= weight);
            prop_assert!(counted <= weight - prior.min(Weight::ZERO));
        }

        #[test]
        fn more_bits_never_weigh_less(one: f64, two: f64) {
            let (fewer, more) = if one < two { (one, two) } else { (two, one) };
            prop_assert!(Weight::from_bits(fewer) <= Weight::from_bits(more));
        }
    }
}
