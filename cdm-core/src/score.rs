//! One pair of records in, its match weight out.

mod ceiling;

use crate::compare::Comparison;
use crate::error::Result;
use crate::features::{Features, FieldValues};
use crate::model::{
    BoundTerms, Coincidence, Comparer, LevelProbabilities, Likelihoods, Parameters, Pattern,
};
use crate::probability::MatchWeight;
use crate::schema::Schema;

pub(crate) use ceiling::{Ceiling, CeilingOf, Outcome};

/// Up to how many classes of pairs are weighed without a list on the heap.
const FEW_CLASSES: usize = 32;

/// Scores pairs of rows by the parameters of a model.
pub struct Scorer<'a> {
    comparer: Comparer<'a>,
    compared: ComparedWeigher<'a>,
}

/// Weighs pairs of rows of which it is known which levels they reach.
pub(crate) struct ComparedWeigher<'a> {
    weigher: Weigher,
    /// By comparison, the terms of the field that it is first about, where they are regarded.
    terms: Vec<Option<(&'a FieldValues, BoundTerms)>>,
}

/// Weighs pairs by the levels that they reach and the values that they agree on.
pub(crate) struct Weigher {
    likelihoods: Likelihoods,
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
        let compared =
            ComparedWeigher::new(parameters, comparisons, coincidences, schema, features)?;
        Self::with(compared, comparisons, schema, features, rows)
    }

    /// The same, around what has weighed pairs that were compared before.
    pub(crate) fn with(
        compared: ComparedWeigher<'a>,
        comparisons: &'a [Comparison],
        schema: &Schema,
        features: &'a Features,
        rows: usize,
    ) -> Result<Self> {
        Ok(Self { comparer: Comparer::new(comparisons, schema, features, rows)?, compared })
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
        self.compared.weigher.prior()
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
        (self.weight_of(pattern, left, right), self.compared.weigher.expected(pattern))
    }

    /// The weight of two rows that reach these levels.
    #[must_use]
    pub(crate) fn weight_of(&self, pattern: Pattern, left: usize, right: usize) -> MatchWeight {
        self.compared.weight_of(pattern, left, right)
    }
}

impl<'a> ComparedWeigher<'a> {
    /// # Errors
    /// As [`Scorer::new`].
    pub(crate) fn new(
        parameters: &Parameters,
        comparisons: &[Comparison],
        coincidences: &[Coincidence],
        schema: &Schema,
        features: &'a Features,
    ) -> Result<Self> {
        let terms = |comparison: &Comparison| {
            let frequencies = parameters.term_frequencies.get(&comparison.name);
            let Some((frequencies, name)) = frequencies.zip(comparison.fields.first()) else {
                return Ok(None);
            };
            let field = features.field(schema.position(name)?);
            Ok(Some((field, BoundTerms::new(frequencies, field))))
        };
        let terms = comparisons.iter().map(terms).collect::<Result<_>>()?;
        Ok(Self { weigher: Weigher::new(parameters, comparisons, coincidences), terms })
    }

    /// The weight of two rows that reach these levels.
    pub(crate) fn weight_of(&self, pattern: Pattern, left: usize, right: usize) -> MatchWeight {
        self.weigher.weight(pattern, |k| self.factor(k, left, right))
    }

    /// How much likelier it is to agree on the value of two rows by chance, where that is regarded.
    fn factor(&self, comparison: usize, left: usize, right: usize) -> Option<f64> {
        let (field, terms) = self.terms[comparison].as_ref()?;
        Some(terms.factor(field, left, right))
    }
}

impl Weigher {
    pub(crate) fn new(
        parameters: &Parameters,
        comparisons: &[Comparison],
        coincidences: &[Coincidence],
    ) -> Self {
        let caused = |class: usize, comparison: &Comparison| {
            class == 0
                || coincidences.get(class - 1).is_some_and(|coincidence| {
                    coincidence.common_cause && coincidence.shares.contains(&comparison.name)
                })
        };
        Self {
            likelihoods: parameters.likelihoods(),
            by_chance: (0..coincidences.len() + 2)
                .map(|class| comparisons.iter().map(|c| !caused(class, c)).collect())
                .collect(),
            expected: parameters.comparisons.iter().map(expected).collect(),
            prior: MatchWeight::of_odds(parameters.prior, 1.0 - parameters.prior),
        }
    }

    /// The most that pairs may weigh; as [`Ceiling::new`].
    pub(crate) fn ceiling(&self, comparisons: &[Comparison], least_factor: f64) -> Option<Ceiling> {
        Ceiling::new(self, comparisons, least_factor)
    }

    /// log2 of the odds that any two records are one customer, before they are looked at.
    pub(crate) fn prior(&self) -> MatchWeight {
        self.prior
    }

    /// The evidence that a match would show on average in the comparisons that were made.
    pub(crate) fn expected(&self, pattern: Pattern) -> MatchWeight {
        let made = self.expected.iter().enumerate().filter(|(k, _)| pattern.level(*k).is_some());
        MatchWeight::from_bits(made.map(|(_, bits)| bits).sum())
    }

    /// The weight of two records that reach these levels; `factor` says of a comparison in which
    /// they are equal how much likelier that is by chance than for values in general, where the
    /// model knows.
    pub(crate) fn weight(
        &self,
        pattern: Pattern,
        factor: impl Fn(usize) -> Option<f64>,
    ) -> MatchWeight {
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
        for k in 0..self.expected.len() {
            if pattern.level(k) == Some(0)
                && let Some(factor) = factor(k)
            {
                let by_chance = common.iter_mut().zip(&self.by_chance);
                let by_chance = by_chance.filter(|(_, by_chance)| by_chance[k]);
                by_chance.for_each(|(common, _)| *common *= factor);
            }
        }
        let others = joints.iter().zip(&*common).skip(1).map(|(joint, common)| joint * common);
        MatchWeight::of_odds(joints[0], others.sum())
    }
}

/// The most that pairs may weigh by the levels that they reach, whatever values they agree on.
pub(crate) struct Most {
    weigher: Weigher,
    /// By comparison, the least factor that agreeing on a value may have.
    least: Vec<Option<f64>>,
}

/// More than rounding changes a weight, in bits.
const ROUNDING: f64 = 1e-3;

impl Most {
    pub(crate) fn new(
        parameters: &Parameters,
        comparisons: &[Comparison],
        coincidences: &[Coincidence],
    ) -> Self {
        let least = |comparison: &Comparison| {
            let least = parameters.term_frequencies.get(&comparison.name)?.least();
            // Of records without a value there, nothing is known of what is agreed on.
            Some(if comparison.first_level_needs_first_field() { least } else { 0.0 })
        };
        let weigher = Weigher::new(parameters, comparisons, coincidences);
        Self { weigher, least: comparisons.iter().map(least).collect() }
    }

    /// Whether two records that reach these levels may weigh more than nothing.
    pub(crate) fn may_link(&self, pattern: Pattern) -> bool {
        let most = self.weigher.weight(pattern, |k| self.least[k]).bits();
        most > -ROUNDING || most.is_nan()
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
        let factor = |k: usize| {
            (pattern.level(k) == Some(0)).then(|| self.compared.factor(k, left, right)).flatten()
        };
        let term_factors: Vec<Option<f64>> = (0..self.compared.terms.len()).map(factor).collect();
        let Weigher { likelihoods, by_chance, .. } = &self.compared.weigher;
        let mut joints = vec![0.0; likelihoods.classes()];
        likelihoods.joints(pattern, &mut joints);
        for (joint, by_chance) in joints.iter_mut().zip(by_chance) {
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
