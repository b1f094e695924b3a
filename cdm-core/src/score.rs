//! One pair of records in, its match weight out.

use crate::compare::Comparison;
use crate::error::Result;
use crate::features::Features;
use crate::model::Coincidence;
use crate::model::{BoundTerms, Comparer, Likelihoods, Parameters, Pattern};
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
        })
    }

    /// The levels that two rows reach.
    #[must_use]
    pub fn pattern(&self, left: usize, right: usize) -> Pattern {
        self.comparer.pattern(left, right)
    }

    /// log2 of the odds that two rows are one customer, were they a candidate pair.
    #[must_use]
    pub fn weight(&self, left: usize, right: usize) -> MatchWeight {
        let pattern = self.comparer.pattern(left, right);
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
