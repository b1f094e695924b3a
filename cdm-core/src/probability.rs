//! Checked numbers: probabilities, and evidence in bits.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Evidence that two records are one customer, in bits: log2 of a Bayes factor or of odds.
///
/// 0 is no evidence, +10 makes a match 1024 times likelier, -10 as much less likely. Always finite:
/// what is beyond [`MOST`](Self::MOST) is as good as certain.
///
/// # Examples
/// ```
/// use cdm_core::probability::MatchWeight;
/// let weight = MatchWeight::of_odds(8.0, 1.0);
/// assert_eq!(weight.bits(), 3.0);
/// assert_eq!(MatchWeight::of_odds(1.0, 1.0).probability(), 0.5);
/// assert_eq!(MatchWeight::of_odds(1.0, 0.0).bits(), MatchWeight::MOST);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MatchWeight(f64);

impl MatchWeight {
    /// The most bits, either way.
    pub const MOST: f64 = 1000.0;

    /// That many bits, brought within [`MOST`](Self::MOST); not a number is no evidence.
    #[must_use]
    pub fn from_bits(bits: f64) -> Self {
        Self(if bits.is_nan() { 0.0 } else { bits.clamp(-Self::MOST, Self::MOST) })
    }

    /// The weight of odds `likely : unlikely`, neither of them negative; none where both are 0.
    #[must_use]
    pub fn of_odds(likely: f64, unlikely: f64) -> Self {
        // The same bits on every platform, unlike `f64::log2`.
        Self::from_bits(libm::log2(likely / unlikely))
    }

    /// The weight in bits.
    #[must_use]
    pub fn bits(self) -> f64 {
        self.0
    }

    /// The probability of a match for which this is log2 of the odds, from 0 to 1.
    #[must_use]
    pub fn probability(self) -> f64 {
        1.0 / (1.0 + libm::exp2(-self.0))
    }
}

impl fmt::Display for MatchWeight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:+.2} bits", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_finite_whatever_the_odds() {
        assert_eq!(MatchWeight::of_odds(0.0, 0.0).bits(), 0.0);
        assert_eq!(MatchWeight::of_odds(0.0, 2.0).bits(), -MatchWeight::MOST);
        assert_eq!(MatchWeight::of_odds(f64::INFINITY, 2.0).bits(), MatchWeight::MOST);
        assert_eq!(MatchWeight::from_bits(f64::NAN).bits(), 0.0);
        assert!(MatchWeight::from_bits(-2000.0).probability() < 1e-300);
        assert_eq!(MatchWeight::from_bits(2000.0).probability(), 1.0);
    }
}
