//! One pair of records in, its match weight out.

use crate::compare::Comparison;
use crate::error::Result;
use crate::features::{Features, FieldValues};
use crate::model::{
    BoundTerms, Coincidence, Comparer, LevelProbabilities, Likelihoods, Parameters, Pattern,
};
use crate::probability::MatchWeight;
use crate::schema::Schema;

/// Up to how many classes of pairs are weighed without a list on the heap.
const FEW_CLASSES: usize = 32;

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

    /// The levels that each pair of rows reaches.
    #[must_use]
    pub(crate) fn patterns(&self, pairs: &[(u32, u32)]) -> Vec<Pattern> {
        self.comparer.patterns(pairs)
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

    /// The weight of two rows that reach these levels.
    #[must_use]
    pub(crate) fn weight_of(&self, pattern: Pattern, left: usize, right: usize) -> MatchWeight {
        let mut room = [0.0; FEW_CLASSES];
        let mut more = Vec::new();
        let joints = match room.get_mut(..self.likelihoods.classes()) {
            Some(room) => room,
            None => {
                more.resize(self.likelihoods.classes(), 0.0);
                &mut more[..]
            }
        };
        self.likelihoods.joints(pattern, joints);
        let mut common = [1.0; FEW_CLASSES];
        let mut more_common = Vec::new();
        let common = match common.get_mut(..joints.len()) {
            Some(common) => common,
            None => {
                more_common.resize(joints.len(), 1.0);
                &mut more_common[..]
            }
        };
        for (k, terms) in self.terms.iter().enumerate() {
            if let Some(terms) = terms
                && pattern.level(k) == Some(0)
            {
                let factor = terms.factor(self.comparer.field(k), left, right);
                let by_chance = common.iter_mut().zip(&self.by_chance);
                let by_chance = by_chance.filter(|(_, by_chance)| by_chance[k]);
                by_chance.for_each(|(common, _)| *common *= factor);
            }
        }
        let others = joints.iter().zip(&*common).skip(1).map(|(joint, common)| joint * common);
        MatchWeight::of_odds(joints[0], others.sum())
    }
}

/// What the weight of two rows is made of.
pub(crate) struct Evidence {
    pub(crate) pattern: Pattern,
    /// By class, matches first, then coincidences, then chance: the probability of a pair of that
    /// class with these levels and values.
    pub(crate) joints: Vec<f64>,
    /// By comparison: how much likelier it is to agree on this value by chance than on values in
    /// general; `None` where that is not regarded.
    pub(crate) term_factors: Vec<Option<f64>>,
}

impl<'a> Scorer<'a> {
    /// The field that a comparison is first about.
    pub(crate) fn field(&self, comparison: usize) -> &'a FieldValues {
        self.comparer.field(comparison)
    }

    /// The numbers of which [`weight`](Self::weight) is made: it is the odds of the first of the
    /// `joints` against the sum of the others, in their order.
    pub(crate) fn evidence(&self, left: usize, right: usize) -> Evidence {
        let pattern = self.pattern(left, right);
        let factor = |(k, terms): (usize, &Option<BoundTerms>)| {
            let terms = terms.as_ref().filter(|_| pattern.level(k) == Some(0))?;
            Some(terms.factor(self.comparer.field(k), left, right))
        };
        let term_factors: Vec<Option<f64>> = self.terms.iter().enumerate().map(factor).collect();
        let mut joints = vec![0.0; self.likelihoods.classes()];
        self.likelihoods.joints(pattern, &mut joints);
        for (joint, by_chance) in joints.iter_mut().zip(&self.by_chance) {
            let factors = term_factors.iter().zip(by_chance).filter(|(_, by_chance)| **by_chance);
            *joint *= factors.filter_map(|(factor, _)| *factor).fold(1.0, |all, one| all * one);
        }
        Evidence { pattern, joints, term_factors }
    }
}

/// The evidence in bits that a match shows on average in a comparison.
fn expected(levels: &LevelProbabilities) -> f64 {
    let levels = levels.m_probability.iter().zip(&levels.u_probability);
    levels.filter(|(m, _)| **m > 0.0).map(|(m, u)| m * libm::log2(m / u)).sum()
}
