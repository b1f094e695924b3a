use std::collections::BTreeMap;

use rayon::prelude::*;

use super::coincidence::Coincidence;
use super::parameters::{
    CoincidenceShare, Diagnostics, LevelProbabilities, Likelihoods, Parameters,
};
use super::pattern::Pattern;
use crate::cancel::Run;
use crate::compare::Comparison;
use crate::error::Result;
use crate::schema::Kind;

/// What a model is learned from.
pub(super) struct Evidence<'a> {
    pub(super) comparisons: &'a [Comparison],
    /// Of each comparison, the kind of its first field.
    pub(super) kinds: &'a [Kind],
    pub(super) coincidences: &'a [Coincidence],
    /// Patterns of candidate pairs, sorted; without those that labels speak for.
    pub(super) candidates: &'a [(Pattern, u64)],
    /// How many candidate pairs each of those stands for.
    pub(super) per_candidate: f64,
    /// Patterns of pairs that blocking finds within sources that hold each customer once: they are
    /// no matches. Sorted; each stands for as many pairs as a candidate.
    pub(super) apart: &'a [(Pattern, u64)],
    /// How many pairs there are within such sources.
    pub(super) apart_pairs: f64,
    /// Patterns of random pairs, sorted.
    pub(super) random: &'a [(Pattern, u64)],
    /// How many pairs there are among all records.
    pub(super) all_pairs: f64,
    /// What people said of pairs, by pattern.
    pub(super) labelled: &'a [Labelled],
    /// How many pairs people labelled.
    pub(super) labels: u64,
}

/// Candidate pairs of one pattern that labels speak for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Labelled {
    pub(super) pattern: Pattern,
    pub(super) is_match: bool,
    /// How many of the candidates.
    pub(super) pairs: f64,
}

/// How many pairs the built-in knowledge of a distribution over levels weighs.
const PRIOR_PAIRS: f64 = 10.0;

/// How much the built-in knowledge of matches weighs beside them, for each of them. Small enough to
/// leave its mark on nothing that is learned from many, it keeps matches from becoming whatever is
/// common among the candidates.
const PRIOR_SHARE: f64 = 0.05;

/// Rounds in which the shares and coincidences find their place before m is learned.
const WARM_UP: u32 = 10;

/// The shape of the gamma distribution that stands for the built-in knowledge of how often random
/// pairs reach a level: that of Jeffreys' prior of a rate. It keeps a level that no random pair
/// reached from being proof: of a level that is assumed to be as rare as it proved, about half the
/// least that could have been seen is believed.
const PRIOR_SHAPE: f64 = 0.5;

/// How often u is learned anew without the matches that are among the random pairs.
const ROUNDS: usize = 3;

const MOST_ITERATIONS: u32 = 1_000;

/// Changes of every parameter below this end the iterations.
const TOLERANCE: f64 = 1e-4;

/// Learn parameters by expectation maximisation over the counts of patterns.
///
/// A mixture of matches, coincidences and chance. All that a coincidence does not share is fixed at
/// what random pairs show: without that anchor the classes would take in damaged matches. In all
/// classes a level speaks the more for a match the stronger it is.
///
/// Source: Dempster, Laird & Rubin (1977), Maximum Likelihood from Incomplete Data via the EM
/// Algorithm, JRSS B 39(1); Winkler (1988), Using the EM Algorithm for Weight Computation in the
/// Fellegi-Sunter Model of Record Linkage.
pub(super) fn fit(evidence: &Evidence<'_>, run: &Run) -> Result<Parameters> {
    let mut mixture = Mixture::start(evidence);
    let mut diagnostics = Diagnostics {
        candidate_pairs: evidence.candidates.iter().map(|(_, count)| count).sum(),
        random_pairs: evidence.random.iter().map(|(_, count)| count).sum(),
        labelled_pairs: evidence.labels,
        ..Diagnostics::default()
    };
    for round in 0..ROUNDS {
        diagnostics.converged = false;
        for iteration in 0..MOST_ITERATIONS {
            run.report(
                "fit",
                round as u64 * u64::from(MOST_ITERATIONS) + u64::from(iteration),
                ROUNDS as u64 * u64::from(MOST_ITERATIONS),
            )?;
            diagnostics.iterations += 1;
            let learn_m = round > 0 || iteration >= WARM_UP;
            if mixture.improve(evidence, learn_m) < TOLERANCE && learn_m {
                diagnostics.converged = true;
                break;
            }
        }
        if round + 1 < ROUNDS {
            mixture.learn_u(evidence);
        }
    }
    Ok(mixture.parameters(evidence, diagnostics))
}

struct Mixture {
    /// By class: matches, each coincidence, chance.
    shares: Vec<f64>,
    /// By comparison, then level.
    m: Vec<Vec<f64>>,
    u: Vec<Vec<f64>>,
    /// By coincidence, then comparison: the levels, where it is one of those that agree.
    own: Vec<Vec<Option<Vec<f64>>>>,
    prior_m: Vec<Vec<f64>>,
    prior_u: Vec<Vec<f64>>,
    /// By comparison: the matches that reached each level, as of the last iteration.
    reached: Vec<Vec<f64>>,
}

impl Mixture {
    fn start(evidence: &Evidence<'_>) -> Self {
        let comparisons = evidence.comparisons;
        let levels: Vec<usize> = comparisons.iter().map(Comparison::level_count).collect();
        let prior_m: Vec<Vec<f64>> =
            comparisons.iter().zip(evidence.kinds).map(|(c, kind)| assumed_m(c, *kind)).collect();
        let prior_u: Vec<Vec<f64>> =
            comparisons.iter().zip(evidence.kinds).map(|(c, kind)| assumed_u(c, *kind)).collect();
        let classes = evidence.coincidences.len() + 2;
        let candidates: u64 = evidence.candidates.iter().map(|(_, count)| count).sum();
        let of_all = candidates as f64 * evidence.per_candidate / evidence.all_pairs.max(1.0);
        let mut shares = vec![0.3 * of_all / (classes - 1) as f64; classes];
        shares[0] = 0.3 * of_all;
        shares[classes - 1] = 1.0;
        let mut mixture = Self {
            shares,
            u: prior_u.clone(),
            prior_u,
            own: Vec::new(),
            reached: levels.iter().map(|count| vec![0.0; *count]).collect(),
            m: prior_m.clone(),
            prior_m,
        };
        let everyone = |_: Pattern| 1.0;
        mixture.u = mixture.weighted_u(evidence, everyone);
        mixture.own = evidence
            .coincidences
            .iter()
            .map(|coincidence| {
                let shared =
                    |comparison: &Comparison| coincidence.shares.contains(&comparison.name);
                let own = comparisons.iter().enumerate();
                own.map(|(k, comparison)| shared(comparison).then(|| mixture.assumed_own(k)))
                    .collect()
            })
            .collect();
        mixture.order_levels();
        mixture
    }

    /// What is assumed of a comparison that agrees by coincidence: half the time as for a match.
    fn assumed_own(&self, comparison: usize) -> Vec<f64> {
        let levels = self.prior_m[comparison].iter().zip(&self.u[comparison]);
        levels.map(|(m, u)| 0.9 * m + 0.1 * u).collect()
    }

    fn levels(&self, class: usize, comparison: usize) -> &[f64] {
        let own = class.checked_sub(1).and_then(|class| self.own.get(class));
        match own.map(|own| &own[comparison]) {
            Some(Some(own)) => own,
            None if class == 0 => &self.m[comparison],
            _ => &self.u[comparison],
        }
    }

    fn likelihoods(&self, shares: &[f64]) -> Likelihoods {
        Likelihoods::new(self.m.len(), shares, |class, k| self.levels(class, k))
    }

    /// One round of expectation and maximisation; the greatest change of a parameter.
    fn improve(&mut self, evidence: &Evidence<'_>, learn_m: bool) -> f64 {
        let likelihoods = self.likelihoods(&self.shares);
        let comparisons = self.m.len();
        let expected = Expected::of(&likelihoods, evidence, comparisons);
        let before = (self.shares.clone(), self.m.clone(), self.own.clone());
        let last = self.shares.len() - 1;
        for (class, share) in self.shares[..last].iter_mut().enumerate() {
            let pairs = evidence.all_pairs + if class == 0 { 0.0 } else { evidence.apart_pairs };
            *share = (expected.shares[class] + 0.5) * evidence.per_candidate / pairs.max(1.0);
        }
        for (class, coincidence) in evidence.coincidences.iter().enumerate() {
            let Some((of, at_most)) = &coincidence.at_most else { continue };
            if let Some(other) = evidence.coincidences.iter().position(|other| other.name == *of) {
                let most = self.shares[other + 1] * at_most;
                self.shares[class + 1] = self.shares[class + 1].min(most);
            }
        }
        for comparison in 0..comparisons {
            let found = &expected.levels(0, comparison, self.m[comparison].len())[..];
            self.reached[comparison] = found.to_vec();
            if learn_m {
                let pairs = PRIOR_PAIRS + PRIOR_SHARE * found.iter().sum::<f64>();
                self.m[comparison] = smoothed(found, &self.prior_m[comparison], pairs);
            }
            for class in 0..self.own.len() {
                if self.own[class][comparison].is_some() {
                    let assumed = self.assumed_own(comparison);
                    let found = &expected.levels(class + 1, comparison, assumed.len())[..];
                    self.own[class][comparison] = Some(smoothed(found, &assumed, PRIOR_PAIRS));
                }
            }
        }
        self.order_levels();
        let changes =
            self.shares.iter().zip(&before.0).map(|(new, old)| (new / old - 1.0).abs() * 0.01);
        let of_levels = |new: &[f64], old: &[f64]| {
            new.iter().zip(old).map(|(new, old)| (new - old).abs()).fold(0.0, f64::max)
        };
        let of_m = self.m.iter().zip(&before.1).map(|(new, old)| of_levels(new, old));
        let of_own = self.own.iter().flatten().zip(before.2.iter().flatten());
        let of_own = of_own.filter_map(|(new, old)| Some(of_levels(new.as_ref()?, old.as_ref()?)));
        changes.chain(of_m).chain(of_own).fold(0.0, f64::max)
    }

    /// Learn u from the random pairs, each counted as far as it is believed to be no match.
    ///
    /// In a small table a fair part of all pairs are matches; u would take them for coincidences.
    fn learn_u(&mut self, evidence: &Evidence<'_>) {
        let likelihoods = self.likelihoods(&self.shares);
        let no_match = |pattern| 1.0 - likelihoods.weight(pattern).probability();
        self.u = self.weighted_u(evidence, no_match);
        self.order_levels();
    }

    fn weighted_u(
        &self,
        evidence: &Evidence<'_>,
        weight: impl Fn(Pattern) -> f64,
    ) -> Vec<Vec<f64>> {
        let mut found: Vec<Vec<f64>> = self.u.iter().map(|u| vec![0.0; u.len()]).collect();
        for (pattern, count) in evidence.random {
            let weight = weight(*pattern) * *count as f64;
            for (comparison, found) in found.iter_mut().enumerate() {
                if let Some(level) = pattern.level(comparison) {
                    found[usize::from(level)] += weight;
                }
            }
        }
        found.iter().zip(&self.prior_u).map(|(found, assumed)| rates(found, assumed)).collect()
    }

    /// Bring every m : u, and every m : coincidence, into the order of the levels, so that a
    /// pattern's weight falls when a level gets worse.
    fn order_levels(&mut self) {
        for (m, u) in self.m.iter_mut().zip(&self.u) {
            *m = in_order(m, u);
        }
        for own in &mut self.own {
            for (own, m) in own.iter_mut().zip(&self.m) {
                if let Some(own) = own {
                    let mut worst_first: Vec<f64> = own.iter().rev().copied().collect();
                    let m: Vec<f64> = m.iter().rev().copied().collect();
                    worst_first = in_order(&worst_first, &m);
                    *own = worst_first.into_iter().rev().collect();
                }
            }
        }
    }

    fn parameters(&self, evidence: &Evidence<'_>, mut diagnostics: Diagnostics) -> Parameters {
        let comparisons = evidence.comparisons.iter().enumerate();
        for (k, comparison) in comparisons.clone() {
            let never = self.reached[k].iter().enumerate().filter(|(_, pairs)| **pairs < 1.0);
            let name = |(level, _): (usize, &f64)| {
                format!("{}: {}", comparison.name, comparison.label(level as u8))
            };
            diagnostics.assumed.extend(never.map(name));
        }
        if !diagnostics.converged {
            let warning = format!(
                "the parameters were still changing after {} iterations",
                diagnostics.iterations
            );
            diagnostics.warnings.push(warning);
        }
        Parameters {
            prior: self.shares[0],
            chance: self.shares[self.shares.len() - 1],
            comparisons: comparisons
                .map(|(k, comparison)| LevelProbabilities {
                    comparison: comparison.name.clone(),
                    m_probability: self.m[k].clone(),
                    u_probability: self.u[k].clone(),
                })
                .collect(),
            coincidences: evidence
                .coincidences
                .iter()
                .enumerate()
                .map(|(class, coincidence)| CoincidenceShare {
                    name: coincidence.name.clone(),
                    share: self.shares[class + 1],
                    u_probability: (evidence.comparisons.iter().zip(&self.own[class]))
                        .filter_map(|(comparison, own)| {
                            Some((comparison.name.clone(), own.clone()?))
                        })
                        .collect(),
                })
                .collect(),
            term_frequencies: BTreeMap::new(),
            diagnostics,
        }
    }
}

/// Expected counts, given what is believed of each pair.
struct Expected {
    shares: Vec<f64>,
    /// By comparison, code and class.
    codes: Vec<f64>,
}

/// Patterns that one task sums up; the sums are then added in order, so that their rounding does
/// not depend on threads.
const CHUNK: usize = 2048;

impl Expected {
    fn of(likelihoods: &Likelihoods, evidence: &Evidence<'_>, comparisons: usize) -> Self {
        let classes = likelihoods.classes();
        let none = || Self {
            shares: vec![0.0; classes],
            codes: vec![0.0; classes * comparisons * Pattern::CODES],
        };
        // Of pairs that are known to be no matches, the first class has none.
        let sum_up = |patterns: &[(Pattern, u64)], first: usize| -> Vec<Self> {
            let chunks = patterns.par_chunks(CHUNK).map(|chunk| {
                let mut sum = none();
                let mut joint = vec![0.0; classes];
                for (pattern, count) in chunk {
                    likelihoods.joints(*pattern, &mut joint);
                    joint[..first].fill(0.0);
                    sum.add(*pattern, *count as f64, &mut joint);
                }
                sum
            });
            chunks.collect()
        };
        let mut chunks = sum_up(evidence.candidates, 0);
        chunks.extend(sum_up(evidence.apart, 1));
        let mut all = none();
        for chunk in &chunks {
            all.shares.iter_mut().zip(&chunk.shares).for_each(|(all, part)| *all += part);
            all.codes.iter_mut().zip(&chunk.codes).for_each(|(all, part)| *all += part);
        }
        for label in evidence.labelled {
            let mut joint: Vec<f64> = (0..classes)
                .map(|class| {
                    let fits = (class == 0) == label.is_match;
                    if fits { likelihoods.joint(class, label.pattern) } else { 0.0 }
                })
                .collect();
            all.add(label.pattern, label.pairs, &mut joint);
        }
        all
    }

    /// `joint` is used up.
    fn add(&mut self, pattern: Pattern, count: f64, joint: &mut [f64]) {
        let total: f64 = joint.iter().sum();
        if total <= 0.0 {
            return;
        }
        let share = count / total;
        joint.iter_mut().for_each(|joint| *joint *= share);
        self.shares.iter_mut().zip(&*joint).for_each(|(sum, pairs)| *sum += pairs);
        let classes = joint.len();
        for (comparison, sums) in self.codes.chunks_exact_mut(Pattern::CODES * classes).enumerate()
        {
            // Nobody asks for pairs without a value.
            let code = pattern.code(comparison);
            if code > 0 {
                let sums = &mut sums[code * classes..(code + 1) * classes];
                sums.iter_mut().zip(&*joint).for_each(|(sum, pairs)| *sum += pairs);
            }
        }
    }

    fn levels(&self, class: usize, comparison: usize, count: usize) -> Vec<f64> {
        let classes = self.shares.len();
        let place = |level: usize| (comparison * Pattern::CODES + level + 1) * classes + class;
        (0..count).map(|level| self.codes[place(level)]).collect()
    }
}

/// What is assumed of matches beforehand: most agree, some nearly, few not at all. Levels that are
/// counted elsewhere are never reached.
fn assumed_m(comparison: &Comparison, kind: Kind) -> Vec<f64> {
    let last = comparison.levels.len();
    let counted = |level: usize| comparison.is_counted(level as u8);
    let first = (0..last).find(|level| counted(*level)).unwrap_or(last);
    let between = (first + 1..last).filter(|level| counted(*level)).count();
    let (mut same, differs) = typical_agreement(kind);
    if between == 0 {
        same = 1.0 - differs;
    }
    let level = |level: usize| match level {
        _ if !counted(level) => 0.0,
        _ if level == last => differs,
        _ if level == first => same,
        _ => (1.0 - same - differs) / between as f64,
    };
    (0..=last).map(level).collect()
}

/// How often two values of one customer are the same, and how often they have nothing in common.
///
/// Compiled by the authors from experience: names are misspelt but rarely replaced, a date of birth
/// or an identifier is one for life, people have several addresses for their mail of either sort.
fn typical_agreement(kind: Kind) -> (f64, f64) {
    match kind {
        Kind::Identifier => (0.93, 0.03),
        Kind::Date => (0.85, 0.03),
        Kind::GivenName | Kind::FamilyName => (0.75, 0.05),
        Kind::FullName | Kind::Organisation => (0.65, 0.07),
        Kind::Email | Kind::Phone => (0.65, 0.2),
        Kind::Address | Kind::Street | Kind::Geo => (0.6, 0.2),
        Kind::City | Kind::Postcode => (0.7, 0.12),
        Kind::Region | Kind::Country => (0.9, 0.05),
        Kind::Url => (0.75, 0.1),
        Kind::Category => (0.85, 0.15),
        Kind::Text | Kind::Number => (0.5, 0.3),
        #[allow(unreachable_patterns)]
        _ => (0.8, 0.07),
    }
}

/// What is assumed of random pairs beforehand: nearly all disagree.
fn assumed_u(comparison: &Comparison, kind: Kind) -> Vec<f64> {
    let last = comparison.levels.len();
    let counted = |level: usize| comparison.is_counted(level as u8);
    let first = (0..last).find(|level| counted(*level)).unwrap_or(last);
    let between = (first + 1..last).filter(|level| counted(*level)).count();
    let same = typical_coincidence(kind);
    let alike = if between == 0 { 0.0 } else { (5.0 * same + 1e-4).min(0.2) };
    let level = |level: usize| match level {
        _ if !counted(level) => 0.0,
        _ if level == last => 1.0 - same - alike,
        _ if level == first => same,
        _ => alike / between as f64,
    };
    (0..=last).map(level).collect()
}

/// How often two strangers have the same value, in order of magnitude.
///
/// Compiled by the authors from general knowledge of how names and places are spread.
fn typical_coincidence(kind: Kind) -> f64 {
    match kind {
        Kind::Email | Kind::Phone | Kind::Identifier => 1e-6,
        Kind::Address | Kind::FullName => 2e-5,
        Kind::Organisation | Kind::Street | Kind::Date | Kind::Url | Kind::Geo => 1e-4,
        Kind::FamilyName | Kind::Text | Kind::Postcode => 2e-3,
        Kind::GivenName => 4e-3,
        Kind::City | Kind::Number => 1e-2,
        Kind::Region => 0.1,
        _ => 0.3,
    }
}

/// Found counts as probabilities, with what was assumed counted as so many pairs more.
fn smoothed(found: &[f64], assumed: &[f64], pairs: f64) -> Vec<f64> {
    let total: f64 = found.iter().sum::<f64>() + pairs;
    found.iter().zip(assumed).map(|(found, assumed)| (found + assumed * pairs) / total).collect()
}

/// Found counts as probabilities, each level's a rate of its own, with what was assumed as the mean
/// beforehand.
///
/// Rare levels are known by order of magnitude alone: counts that are few say little against that,
/// whereas as parts of one distribution they would be taken at their word.
fn rates(found: &[f64], assumed: &[f64]) -> Vec<f64> {
    let pairs: f64 = found.iter().sum();
    let rate = |(found, assumed): (&f64, &f64)| match *assumed > 0.0 {
        true => (found + PRIOR_SHAPE) / (pairs + PRIOR_SHAPE / assumed),
        false => 0.0,
    };
    let mut rates: Vec<f64> = found.iter().zip(assumed).map(rate).collect();
    let total: f64 = rates.iter().sum();
    rates.iter_mut().for_each(|rate| *rate /= total);
    rates
}

/// The distribution nearest to `first` whose ratio to `second` never rises: neighbours that break
/// the order get one ratio, that of their sums (pool adjacent violators).
///
/// Source: Barlow, Bartholomew, Bremner & Brunk (1972), Statistical Inference under Order
/// Restrictions.
fn in_order(first: &[f64], second: &[f64]) -> Vec<f64> {
    let mut pools: Vec<(f64, f64, usize)> = Vec::with_capacity(first.len());
    // A level that is not counted stands between others without parting them.
    let is_nothing = |pool: (f64, f64, usize)| pool.0 == 0.0 && pool.1 == 0.0;
    for (first, second) in first.iter().zip(second) {
        let mut pool = (*first, *second, 1);
        while let Some(&last) = pools.last()
            && (last.0 * pool.1 < pool.0 * last.1 || is_nothing(last) || is_nothing(pool))
        {
            pool = (last.0 + pool.0, last.1 + pool.1, last.2 + pool.2);
            pools.pop();
        }
        pools.push(pool);
    }
    let ratios = pools.iter().flat_map(|(first, second, count)| {
        let ratio = if *second > 0.0 { first / second } else { 0.0 };
        std::iter::repeat_n(ratio, *count)
    });
    ratios.zip(second).map(|(ratio, second)| ratio * second).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_out_of_order_are_pooled_and_the_sum_stays() {
        let ordered = in_order(&[0.2, 0.5, 0.3], &[0.1, 0.1, 0.8]);
        assert!((ordered.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!((ordered[0] - 0.35).abs() < 1e-12 && (ordered[1] - 0.35).abs() < 1e-12);
        assert_eq!(in_order(&[0.8, 0.2], &[0.1, 0.9]), [0.8, 0.2]);
        let around_nothing = in_order(&[0.0, 0.2, 0.0, 0.5, 0.3], &[0.0, 0.1, 0.0, 0.1, 0.8]);
        assert_eq!(around_nothing[..1], [0.0]);
        assert_eq!(around_nothing[2], 0.0);
        assert!(
            (around_nothing[1] - 0.35).abs() < 1e-12 && (around_nothing[3] - 0.35).abs() < 1e-12
        );
    }
}
