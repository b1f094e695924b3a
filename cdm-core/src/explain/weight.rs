//! What the weight of a pair is made of.
//!
//! The weight is the log2 of the odds of a match against everything else: coincidences and chance
//! together. It comes apart along chance:
//!
//! ```text
//!   log2 (match / (coincidences + chance))
//! =   log2 (share of matches / share of chance)                     prior
//!   + Σ log2 (m / u)                                                each comparison
//!   - Σ log2 (how much commoner than values in general)             each value that both have
//!   + log2 (chance / (coincidences + chance))                       what coincidences take away
//! ```
//!
//! All parts but the last say how a match compares with two strangers; the last one, never above 0,
//! says how much better than by strangers the pair is explained by people of one household, say.

use serde::Serialize;

use super::personal::Personal;
use crate::cluster::Weight;
use crate::compare::Comparison;
use crate::features::FieldValues;
use crate::model::{Coincidence, LevelProbabilities, Parameters, TermFrequencies};
use crate::probability::MatchWeight;
use crate::score::{Evidence, Scorer};

/// The weight of a pair of records, and the parts that add up to it.
///
/// All are whole numbers of steps of 2^-20 bits, and the parts add up to the weight **exactly**:
/// what rounding leaves over, a few steps at most, is in the largest part.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairWeight {
    /// log2 of the odds that the two records are one customer: the sum of all parts.
    pub match_weight: Weight,
    /// The probability that the two records are one customer.
    pub match_probability: f64,
    /// What is believed of two records before they are looked at: log2 of the odds.
    pub prior: Weight,
    /// One for each comparison, in the order of the plan.
    pub comparisons: Vec<ComparisonPart>,
    /// What coincidences take away; `None` where the plan has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coincidence: Option<CoincidencePart>,
    /// What is left out since weights end at ±1000 bits; `None` in all but contrived models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beyond_the_end: Option<Weight>,
    /// The smallest change of one comparison that would turn the verdict by the weight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turned_by: Option<Change>,
}

/// What one comparison says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComparisonPart {
    /// The comparison's name.
    pub comparison: String,
    /// The level that the two records reach, 0 the strongest; `None` where there is nothing to
    /// compare, which is no evidence.
    pub level: Option<u8>,
    /// What the level means.
    pub label: Option<String>,
    /// How likely records of one customer reach it.
    pub m_probability: Option<f64>,
    /// How likely two strangers do.
    pub u_probability: Option<f64>,
    /// log2(m / u); 0 where there is nothing to compare.
    pub weight: Weight,
    /// What it matters that the value is a rare or a common one; `None` where it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub term_frequency: Option<TermPart>,
}

/// What it says that two records agree on a rare value, or on a common one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TermPart {
    /// The value, in its canonical form: the rarest that both have, or where they have the same
    /// in other forms only, the commonest of theirs.
    pub value: Personal,
    /// The share of the records with a value that have it; of all values that are not common, the
    /// same.
    pub frequency: f64,
    /// The probability that two records agree on a value in general.
    pub expected: f64,
    /// -log2(frequency / expected): above 0 for rare values.
    pub weight: Weight,
}

/// What coincidences take away: two different customers may agree like this for another reason than
/// chance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CoincidencePart {
    /// The coincidence that explains this pair best, if it is no match; `None` where chance does.
    pub name: Option<String>,
    /// The comparisons that it shares and that the two records agree in.
    pub agree_in: Vec<String>,
    /// Never above 0.
    pub weight: Weight,
    /// Every explanation but a match, in the order of the plan and chance at last: of the pairs like
    /// this that are no match, the share that comes of it.
    pub explained_by: Vec<ExplainedBy>,
}

/// An explanation of how two different customers come to agree.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExplainedBy {
    /// The name of the coincidence, or `chance`.
    pub name: String,
    /// From 0 to 1; all explanations of a pair make 1.
    pub share: f64,
}

/// Another level of one comparison, with which the verdict would be another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The comparison.
    pub comparison: String,
    /// The level it is on.
    pub from: String,
    /// The level it would have to be on.
    pub to: String,
    /// What the pair would weigh then.
    pub match_weight: Weight,
}

/// One of the parts that a weight adds up from, for tables and charts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// What it is, for people: `email: same address`.
    pub label: String,
    /// What sort of part.
    pub kind: PartKind,
    /// How much it says.
    pub weight: Weight,
}

/// What sort of part of a weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PartKind {
    /// What is believed before anything is looked at.
    Prior,
    /// A comparison.
    Comparison,
    /// How rare a value is that both have.
    TermFrequency,
    /// What coincidences take away.
    Coincidence,
    /// What is left out since weights end.
    BeyondTheEnd,
}

impl PairWeight {
    /// The parts, in order: the prior, each comparison with a level, each followed by what the
    /// rarity of its value says, coincidences. They add up to [`match_weight`](Self::match_weight).
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let part = |label: String, kind, weight| Part { label, kind, weight };
        let mut parts = vec![part("any two records".to_owned(), PartKind::Prior, self.prior)];
        for of in &self.comparisons {
            let Some(label) = &of.label else { continue };
            let label = if label == Comparison::ELSE { "different" } else { label };
            let name = format!("{}: {label}", of.comparison);
            parts.push(part(name, PartKind::Comparison, of.weight));
            if let Some(term) = &of.term_frequency {
                let how = if term.weight < Weight::ZERO { "common" } else { "rare" };
                let name = format!("{}: {how} value", of.comparison);
                parts.push(part(name, PartKind::TermFrequency, term.weight));
            }
        }
        if let Some(coincidence) = &self.coincidence {
            let name = coincidence.name.as_deref().unwrap_or("other coincidences").to_owned();
            parts.push(part(name, PartKind::Coincidence, coincidence.weight));
        }
        if let Some(weight) = self.beyond_the_end {
            parts.push(part("beyond the end".to_owned(), PartKind::BeyondTheEnd, weight));
        }
        parts
    }

    pub(super) fn new(
        parameters: &Parameters,
        comparisons: &[Comparison],
        coincidences: &[Coincidence],
        scorer: &Scorer<'_>,
        (left, right): (usize, usize),
    ) -> Self {
        let evidence = scorer.evidence(left, right);
        let (joints, others) = (&evidence.joints, evidence.joints[1..].iter().sum::<f64>());
        let total = MatchWeight::of_odds(joints[0], others);
        let of =
            |k: usize| comparison_part(parameters, comparisons, scorer, &evidence, k, left, right);
        let mut explained = Self {
            match_weight: Weight::from_bits(total.bits()),
            match_probability: total.probability(),
            prior: weight(parameters.prior, parameters.chance),
            comparisons: (0..comparisons.len()).map(of).collect(),
            coincidence: (!coincidences.is_empty())
                .then(|| coincidence_part(coincidences, comparisons, &evidence, others)),
            beyond_the_end: None,
            turned_by: turned_by(comparisons, scorer, &evidence, (left, right)),
        };
        explained.settle();
        explained
    }

    /// Put what the parts lack of the whole into the largest of them where it is rounding.
    fn settle(&mut self) {
        let parts = self.parts();
        let sum = parts.iter().fold(Weight::ZERO, |sum, part| sum + part.weight);
        let rest = self.match_weight - sum;
        if rest == Weight::ZERO {
            return;
        }
        if rest.bits().abs() > parts.len() as f64 * STEP {
            self.beyond_the_end = Some(rest);
            return;
        }
        let mut places: Vec<&mut Weight> = vec![&mut self.prior];
        for of in &mut self.comparisons {
            places.push(&mut of.weight);
            places.extend(of.term_frequency.as_mut().map(|term| &mut term.weight));
        }
        let size = |place: &Weight| place.bits().abs();
        let largest = places.into_iter().reduce(
            |most, next| {
                if size(next) > size(most) { next } else { most }
            },
        );
        if let Some(largest) = largest {
            *largest += rest;
        }
    }
}

/// The steps in which weights are kept, in bits.
const STEP: f64 = 1.0 / (1_u64 << 20) as f64;

fn weight(likely: f64, unlikely: f64) -> Weight {
    Weight::from_bits(MatchWeight::of_odds(likely, unlikely).bits())
}

fn comparison_part(
    parameters: &Parameters,
    comparisons: &[Comparison],
    scorer: &Scorer<'_>,
    evidence: &Evidence,
    k: usize,
    left: usize,
    right: usize,
) -> ComparisonPart {
    let comparison = comparisons[k].name.clone();
    let Some(level) = evidence.pattern.level(k) else {
        return ComparisonPart {
            comparison,
            level: None,
            label: None,
            m_probability: None,
            u_probability: None,
            weight: Weight::ZERO,
            term_frequency: None,
        };
    };
    let LevelProbabilities { m_probability, u_probability, .. } = &parameters.comparisons[k];
    let (m, u) = (m_probability[usize::from(level)], u_probability[usize::from(level)]);
    let term_frequency = evidence.term_factors[k].and_then(|factor| {
        let frequencies = parameters.term_frequencies.get(&comparison)?;
        let (value, frequency) = term(frequencies, scorer.field(k), left, right)?;
        let expected = frequencies.expected;
        Some(TermPart { value, frequency, expected, weight: weight(1.0, factor) })
    });
    ComparisonPart {
        label: Some(comparisons[k].label(level).to_owned()),
        comparison,
        level: Some(level),
        m_probability: Some(m),
        u_probability: Some(u),
        weight: weight(m, u),
        term_frequency,
    }
}

/// The value that makes the term factor of two rows, and its frequency.
fn term(
    frequencies: &TermFrequencies,
    field: &FieldValues,
    left: usize,
    right: usize,
) -> Option<(Personal, f64)> {
    let codes =
        |row: usize| field.codes(row).iter().filter_map(|value| field.canonical_code(*value));
    let of = |code: u32| {
        let text = field.canonical(code);
        (frequencies.terms.get(text).copied().unwrap_or(frequencies.rest), text)
    };
    let order =
        |one: &(f64, &str), two: &(f64, &str)| one.0.total_cmp(&two.0).then(two.1.cmp(one.1));
    let shared = codes(left).filter(|code| codes(right).any(|other| other == *code)).map(of);
    let rarest = shared.min_by(order);
    let found = rarest.or_else(|| codes(left).chain(codes(right)).map(of).max_by(order));
    found.map(|(frequency, text)| (Personal::from(text), frequency))
}

fn coincidence_part(
    coincidences: &[Coincidence],
    comparisons: &[Comparison],
    evidence: &Evidence,
    others: f64,
) -> CoincidencePart {
    let joints = &evidence.joints[1..];
    let names = coincidences.iter().map(|coincidence| coincidence.name.as_str()).chain(["chance"]);
    let share = |joint: f64| if others > 0.0 { joint / others } else { 0.0 };
    let explained_by: Vec<ExplainedBy> = names
        .zip(joints)
        .map(|(name, joint)| ExplainedBy { name: name.to_owned(), share: share(*joint) })
        .collect();
    // Of two that explain it as well, the first.
    let best = (0..coincidences.len())
        .reduce(|best, next| if joints[next] > joints[best] { next } else { best });
    let chance = joints.last().copied().unwrap_or_default();
    let best = best.filter(|best| joints[*best] > chance).map(|best| &coincidences[best]);
    let agrees = |name: &&String| {
        comparisons.iter().enumerate().any(|(k, comparison)| {
            let level = evidence.pattern.level(k);
            comparison.name == **name
                && level.is_some_and(|level| usize::from(level) < comparison.levels.len())
        })
    };
    let mut agree_in = Vec::new();
    if let Some(best) = best {
        agree_in.extend(best.shares.iter().filter(agrees).cloned());
    }
    CoincidencePart {
        name: best.map(|best| best.name.clone()),
        agree_in,
        weight: weight(chance, others),
        explained_by,
    }
}

/// The change of one comparison that turns the verdict by the fewest levels; of several such, the
/// one with which the weight is nearest to the cut.
fn turned_by(
    comparisons: &[Comparison],
    scorer: &Scorer<'_>,
    evidence: &Evidence,
    (left, right): (usize, usize),
) -> Option<Change> {
    let weigh = |pattern| Weight::from_bits(scorer.weight_of(pattern, left, right).bits());
    let is_match = weigh(evidence.pattern) > Weight::ZERO;
    let mut best: Option<(u8, i64, Change)> = None;
    for (k, comparison) in comparisons.iter().enumerate() {
        let Some(from) = evidence.pattern.level(k) else { continue };
        let last = comparison.levels.len() as u8;
        for to in (0..=last).filter(|to| *to != from && comparison.is_counted(*to)) {
            let weight = weigh(evidence.pattern.with(k, Some(to)));
            if (weight > Weight::ZERO) == is_match {
                continue;
            }
            let order = (from.abs_diff(to), (weight.bits().abs() / STEP) as i64);
            if best.as_ref().is_none_or(|(steps, off, _)| order < (*steps, *off)) {
                let change = Change {
                    comparison: comparison.name.clone(),
                    from: comparison.label(from).to_owned(),
                    to: comparison.label(to).to_owned(),
                    match_weight: weight,
                };
                best = Some((order.0, order.1, change));
            }
        }
    }
    best.map(|(.., change)| change)
}
