use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Coincidence, Pattern};
use crate::compare::Comparison;
use crate::error::{Error, Result};
use crate::probability::MatchWeight;

/// What a model learned: how often candidate pairs are matches, and how alike they then are.
///
/// A candidate pair is a match, or two different customers who agree by some coincidence, or by
/// sheer chance. Each of these has its share of the candidate pairs, and for each comparison the
/// probabilities of its levels; given which one it is, comparisons are independent. A level that is
/// missing on one side is no evidence: it is left out of all products.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// The share of matches among candidate pairs, from 0 to 1.
    pub prior: f64,
    /// The share of pairs that agree by sheer chance.
    pub chance: f64,
    /// What was learned of each comparison, in the plan's order.
    pub comparisons: Vec<LevelProbabilities>,
    /// What was learned of each coincidence, in the plan's order.
    pub coincidences: Vec<CoincidenceShare>,
    /// How common the values are on which a comparison can agree, by its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub term_frequencies: BTreeMap<String, TermFrequencies>,
    /// How the fit went.
    #[serde(default)]
    pub diagnostics: Diagnostics,
}

impl Parameters {
    /// Check that these are parameters of the comparisons and coincidences of a plan.
    pub(crate) fn check(
        &self,
        comparisons: &[Comparison],
        coincidences: &[Coincidence],
    ) -> Result<()> {
        probability("parameters.prior", self.prior)?;
        probability("parameters.chance", self.chance)?;
        let known = self.comparisons.iter().map(|levels| levels.comparison.as_str());
        if !known.eq(comparisons.iter().map(|comparison| comparison.name.as_str())) {
            return wrong("parameters.comparisons", "they are not the plan's, in its order");
        }
        for (position, (levels, comparison)) in self.comparisons.iter().zip(comparisons).enumerate()
        {
            let path = format!("parameters.comparisons[{position}]");
            check_levels(&format!("{path}.m_probability"), &levels.m_probability, comparison)?;
            check_levels(&format!("{path}.u_probability"), &levels.u_probability, comparison)?;
        }
        let known = self.coincidences.iter().map(|share| share.name.as_str());
        if !known.eq(coincidences.iter().map(|coincidence| coincidence.name.as_str())) {
            return wrong("parameters.coincidences", "they are not the plan's, in its order");
        }
        for (position, coincidence) in self.coincidences.iter().enumerate() {
            let path = format!("parameters.coincidences[{position}]");
            probability(&format!("{path}.share"), coincidence.share)?;
            for (name, levels) in &coincidence.u_probability {
                let path = format!("{path}.u_probability.{name}");
                match comparisons.iter().find(|comparison| comparison.name == *name) {
                    Some(comparison) => check_levels(&path, levels, comparison)?,
                    None => return wrong(&path, "the plan has no such comparison"),
                }
            }
        }
        for (name, frequencies) in &self.term_frequencies {
            let path = format!("parameters.term_frequencies.{name}");
            if !comparisons.iter().any(|comparison| comparison.name == *name) {
                return wrong(&path, "the plan has no such comparison");
            }
            let listed = frequencies.terms.values();
            for frequency in listed.chain([&frequencies.expected, &frequencies.rest]) {
                probability(&path, *frequency)?;
            }
            if frequencies.expected == 0.0 {
                return wrong(&path, "`expected` is 0: some two records agree on a value");
            }
        }
        Ok(())
    }

    /// The parameters as they are multiplied.
    #[must_use]
    pub fn likelihoods(&self) -> Likelihoods {
        let coincidences = self.coincidences.iter().map(|coincidence| coincidence.share);
        let shares: Vec<f64> =
            std::iter::once(self.prior).chain(coincidences).chain([self.chance]).collect();
        Likelihoods::new(self.comparisons.len(), &shares, |class, comparison| {
            let levels = &self.comparisons[comparison];
            if class == 0 {
                return &levels.m_probability;
            }
            let coincidence = self.coincidences.get(class - 1);
            coincidence
                .and_then(|coincidence| coincidence.u_probability.get(&levels.comparison))
                .unwrap_or(&levels.u_probability)
        })
    }
}

fn probability(path: &str, number: f64) -> Result<()> {
    match (0.0..=1.0).contains(&number) {
        true => Ok(()),
        false => wrong(path, &format!("{number} is not a probability: wanted 0 to 1")),
    }
}

fn check_levels(path: &str, levels: &[f64], comparison: &Comparison) -> Result<()> {
    let wanted = comparison.level_count();
    if levels.len() != wanted {
        return wrong(path, &format!("{} levels: wanted {wanted}", levels.len()));
    }
    levels.iter().try_for_each(|level| probability(path, *level))
}

fn wrong(path: &str, reason: &str) -> Result<()> {
    let (path, reason) = (path.to_owned(), reason.to_owned());
    Err(Error::InvalidDocument { document: "model", path, reason, suggestion: None })
}

/// How often the levels of a comparison are reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LevelProbabilities {
    /// The comparison's name.
    pub comparison: String,
    /// By level, the last one included: how likely a match reaches it.
    pub m_probability: Vec<f64>,
    /// By level: how likely two random records reach it.
    pub u_probability: Vec<f64>,
}

/// How often a coincidence makes a candidate pair, and how alike the two then are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CoincidenceShare {
    /// The coincidence's name.
    pub name: String,
    /// Its share of the candidate pairs.
    pub share: f64,
    /// By comparison that it shares, then level: how likely such a pair reaches it.
    pub u_probability: BTreeMap<String, Vec<f64>>,
}

/// How common the values of a field are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TermFrequencies {
    /// The probability that two random records agree on the value.
    pub expected: f64,
    /// The frequency of each value that is not listed.
    pub rest: f64,
    /// The frequency of each common value: the share of the records with a value that have it.
    pub terms: BTreeMap<String, f64>,
}

/// How a fit went, and how far it can be trusted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Diagnostics {
    /// Candidate pairs that the fit looked at.
    pub candidate_pairs: u64,
    /// Random pairs that the fit looked at.
    pub random_pairs: u64,
    /// Pairs that people labelled.
    pub labelled_pairs: u64,
    /// Rounds of expectation maximisation.
    pub iterations: u32,
    /// Whether the parameters stopped changing before the rounds ran out.
    pub converged: bool,
    /// Levels, as `comparison: label`, that fewer than one match is believed to reach: their
    /// m-probability is what was assumed beforehand.
    pub assumed: Vec<String>,
    /// Doubts about the fit, each a sentence.
    pub warnings: Vec<String>,
}

/// The parameters as products are made of them: for each class of pairs and each comparison, the
/// probability of each code of a [`Pattern`].
#[derive(Debug, Clone)]
pub struct Likelihoods {
    /// How many comparisons there are.
    comparisons: usize,
    /// By class, matches first, then coincidences, then chance: its share.
    shares: Vec<f64>,
    /// By comparison, code and class: what is multiplied for one pattern lies together.
    table: Vec<f64>,
}

impl Likelihoods {
    /// `levels` gives the probabilities of each level for a class and a comparison.
    pub(super) fn new<'a>(
        comparisons: usize,
        shares: &[f64],
        levels: impl Fn(usize, usize) -> &'a [f64],
    ) -> Self {
        let classes = shares.len();
        // "No value" is no evidence; a code that the comparison does not have never occurs.
        let mut table = vec![1.0; classes * comparisons * Pattern::CODES];
        for (comparison, table) in table.chunks_exact_mut(Pattern::CODES * classes).enumerate() {
            for class in 0..classes {
                let levels = levels(class, comparison).iter().take(Pattern::CODES - 1);
                let places = table.iter_mut().skip(classes + class).step_by(classes);
                places.zip(levels).for_each(|(place, level)| *place = *level);
            }
        }
        Self { comparisons, shares: shares.to_vec(), table }
    }

    /// How many classes there are.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.shares.len()
    }

    /// The share of a class.
    pub(crate) fn share(&self, class: usize) -> f64 {
        self.shares[class]
    }

    /// The probability of a level of a comparison within a class.
    pub(crate) fn of_level(&self, class: usize, comparison: usize, level: u8) -> f64 {
        let code = Pattern::default().with(comparison, Some(level)).code(comparison);
        self.table[(comparison * Pattern::CODES + code) * self.classes() + class]
    }

    /// The probability of a class and of `pattern` within it.
    #[inline]
    pub fn joint(&self, class: usize, pattern: Pattern) -> f64 {
        let start = |comparison: usize| {
            (comparison * Pattern::CODES + pattern.code(comparison)) * self.classes()
        };
        let factors = (0..self.comparisons).map(|comparison| self.table[start(comparison) + class]);
        factors.fold(self.shares[class], |joint, factor| joint * factor)
    }

    /// [`joint`](Self::joint) of every class, the same bits.
    #[inline]
    pub(crate) fn joints(&self, pattern: Pattern, joints: &mut [f64]) {
        let classes = self.classes();
        joints.copy_from_slice(&self.shares);
        for (comparison, table) in self.table.chunks_exact(Pattern::CODES * classes).enumerate() {
            let code = pattern.code(comparison);
            if code > 0 {
                let factors = &table[code * classes..(code + 1) * classes];
                joints.iter_mut().zip(factors).for_each(|(joint, factor)| *joint *= factor);
            }
        }
    }

    /// log2 of the odds that a candidate pair of that pattern is a match, all values being as
    /// common as values are on average.
    #[must_use]
    pub fn weight(&self, pattern: Pattern) -> MatchWeight {
        let others: f64 = (1..self.classes()).map(|class| self.joint(class, pattern)).sum();
        MatchWeight::of_odds(self.joint(0, pattern), others)
    }
}
