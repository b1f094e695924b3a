//! One pair of records in, its match weight out.

use crate::compare::Comparison;
use crate::error::Result;
use crate::features::Features;
use crate::model::{
    BoundTerms, Coincidence, Comparer, LevelProbabilities, Likelihoods, Parameters, Pattern,
};
use crate::probability::MatchWeight;
use crate::schema::Schema;

/// Scores pairs of rows by the parameters of a model.
pub struct Scorer<'a> {
    comparer: Comparer<'a>,
    likelihoods: Likelihoods,
    /// By comparison.
    terms: Vec<Option<BoundTerms>>,
    /// By class, then comparison: whether agreeing on a common value is likelier there.
    by_chance: Vec<Vec<bool>>,
    /// By comparison.
    expected: Vec<f64>,
    prior: MatchWeight,
}

impl<'a> Scorer<'a> {
    /// Bind `parameters` to the features of a table of so many `rows`.
    ///
    /// # Errors
    /// [`Error::UnknownField`](crate::Error::UnknownField) where `schema` lacks a field.
    pub fn new(
        parameters: &Parameters,
        comparisons: &'a [Comparison],
        coincidences: &[Coincidence],
        schema: &Schema,
        features: &'a Features,
        rows: usize,
    ) -> Result<Self> {
        let comparer = Comparer::new(comparisons, schema, features, rows)?;
        let terms = comparisons.iter().enumerate().map(|(k, comparison)| {
            let frequencies = parameters.term_frequencies.get(&comparison.name)?;
            Some(BoundTerms::new(frequencies, comparer.field(k)))
        });
        let caused = |class: usize, comparison: &Comparison| {
            class == 0
                || coincidences.get(class - 1).is_some_and(|coincidence| {
                    coincidence.common_cause && coincidence.shares.contains(&comparison.name)
                })
        };
        Ok(Self {
            terms: terms.collect(),
            likelihoods: parameters.likelihoods(),
            by_chance: (0..coincidences.len() + 2)
                .map(|class| comparisons.iter().map(|c| !caused(class, c)).collect())
                .collect(),
            comparer,
            expected: parameters.comparisons.iter().map(expected).collect(),
            prior: MatchWeight::of_odds(parameters.prior, 1.0 - parameters.prior),
        })
    }

    /// The levels that two rows reach.
    #[must_use]
    pub fn pattern(&self, left: usize, right: usize) -> Pattern {
        self.comparer.pattern(left, right)
    }

    /// log2 of the odds that any two records are one customer, before they are looked at.
    #[must_use]
    pub fn prior(&self) -> MatchWeight {
        self.prior
    }

    /// log2 of the odds that two rows are one customer.
    #[must_use]
    pub fn weight(&self, left: usize, right: usize) -> MatchWeight {
        self.weight_of(self.pattern(left, right), left, right)
    }

    /// The weight of two rows, and the evidence that a match would show on average in the
    /// comparisons that can be made of them.
    #[must_use]
    pub fn weight_and_expected(&self, left: usize, right: usize) -> (MatchWeight, MatchWeight) {
        let pattern = self.pattern(left, right);
        let made = self.expected.iter().enumerate().filter(|(k, _)| pattern.level(*k).is_some());
        let expected = MatchWeight::from_bits(made.map(|(_, bits)| bits).sum());
        (self.weight_of(pattern, left, right), expected)
    }

    fn weight_of(&self, pattern: Pattern, left: usize, right: usize) -> MatchWeight {
        let mut factors = [1.0; Pattern::MOST_COMPARISONS];
        for (k, terms) in self.terms.iter().enumerate() {
            if let Some(terms) = terms
                && pattern.level(k) == Some(0)
            {
                factors[k] = terms.factor(self.comparer.field(k), left, right);
            }
        }
        let others: f64 = (1..self.likelihoods.classes())
            .map(|class| {
                let common = self.by_chance[class].iter().zip(&factors);
                let common = common.filter(|(by_chance, _)| **by_chance).map(|(_, factor)| factor);
                self.likelihoods.joint(class, pattern) * common.product::<f64>()
            })
            .sum();
        MatchWeight::of_odds(self.likelihoods.joint(0, pattern), others)
    }
}

/// The evidence in bits that a match shows on average in a comparison.
fn expected(levels: &LevelProbabilities) -> f64 {
    let levels = levels.m_probability.iter().zip(&levels.u_probability);
    levels.filter(|(m, _)| **m > 0.0).map(|(m, u)| m * libm::log2(m / u)).sum()
}
