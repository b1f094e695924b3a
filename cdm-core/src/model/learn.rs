use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::coincidence::Coincidence;
use super::compared::ComparedPairs;
use super::comparer::Comparer;
use super::fit::{Evidence, Labelled, fit};
use super::parameters::Parameters;
use super::pattern::{Pattern, PatternCounts};
use super::random::random_pairs;
use super::terms::count_terms;
use crate::block::{Blocking, PairScope};
use crate::cancel::Run;
use crate::compare::Comparison;
use crate::error::Result;
use crate::features::Features;
use crate::schema::{Kind, Schema};

/// The most candidate pairs from which a model is learned; of more, a part is taken, pair by pair.
const MOST_CANDIDATES: u64 = 500_000;

/// Up to so many pairs of each record are kept as they were compared, 12 bytes each, so that nobody
/// need meet and compare them again. Rules that are inferred find fewer.
const MOST_KEPT_A_RECORD: u64 = 16;

/// So many are kept in any case.
const LEAST_KEPT: u64 = 4_000_000;

/// The most random pairs from which a model learns how often strangers agree.
const MOST_RANDOM: usize = 250_000;

/// So many pairs of each record say what there is to learn of a small table; more are the same
/// values over and over.
const RANDOM_A_RECORD: usize = 10;

/// As many random pairs are drawn in any case, or all there are.
const LEAST_RANDOM: usize = 30_000;

/// For how many candidate pairs that look alike one labelled pair speaks, at most.
const SPEAKS_FOR: f64 = 10.0;

/// So many pairs are compared together.
const PAIRS_AT_ONCE: usize = 4_096;

/// The same where values come and go with a limit of memory: those of a comparison come once for all of these.
const PAIRS_AT_ONCE_LIMITED: usize = 65_536;

/// What a model is learned from: the records of a table, as a plan looks at them.
pub(crate) struct Lesson<'a> {
    pub(crate) comparisons: &'a [Comparison],
    pub(crate) coincidences: &'a [Coincidence],
    /// Finds pairs within any source, whatever the scope.
    pub(crate) blocking: &'a Blocking,
    pub(crate) scope: &'a PairScope,
    /// Holds all pairs but those of one source that has each customer once.
    pub(crate) free_of_duplicates: &'a PairScope,
    pub(crate) schema: &'a Schema,
    pub(crate) features: &'a Features,
    /// By rank in the order of keys, the row: what is drawn does not depend on the order of rows.
    pub(crate) row_of_rank: &'a [u32],
    /// Pairs of rows of which people said whether they are matches.
    pub(crate) labels: &'a [LabelledPair],
    /// Whether candidate pairs are kept where they are few enough.
    pub(crate) keeps: bool,
}

/// Two rows, and whether people say that they are one customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LabelledPair {
    pub(crate) left: u32,
    pub(crate) right: u32,
    pub(crate) is_match: bool,
}

/// What blocking finds.
struct Found {
    candidates: Vec<(Pattern, u64)>,
    /// Pairs within sources that hold each customer once.
    apart: Vec<(Pattern, u64)>,
    /// How many pairs each of those stands for.
    one_in: u64,
    /// The candidate pairs, where they are few enough to keep.
    compared: Option<Vec<ComparedPairs>>,
}

/// Pairs that blocking finds.
#[derive(Default)]
struct Met {
    candidates: ComparedPairs,
    /// Within sources that hold each customer once.
    apart: ComparedPairs,
    /// Pairs that wait to be compared.
    waiting: Vec<(u32, u32)>,
}

impl Lesson<'_> {
    /// The parameters, and how common values are; with the candidate pairs, where they are few enough
    /// to keep.
    pub(crate) fn learn(&self, run: &Run) -> Result<(Parameters, Option<Vec<ComparedPairs>>)> {
        let comparer =
            Comparer::new(self.comparisons, self.schema, self.features, self.row_of_rank.len())?;
        let Found { mut candidates, apart, one_in, compared } = self.found(&comparer, run)?;
        let labels = self.labels.iter().map(|label| {
            (comparer.pattern(label.left as usize, label.right as usize), label.is_match)
        });
        let labelled = speak(labels.collect(), &mut candidates);
        let random = self.random(&comparer, run)?;
        let pairs = |records: f64| records * (records - 1.0) / 2.0;
        let within = |scope: &PairScope| scope.records_apart().map(|n| pairs(n as f64)).sum();
        let apart_pairs: f64 = within(self.free_of_duplicates);
        let kinds = self.comparisons.iter().map(|comparison| self.kind(comparison));
        let kinds: Vec<Kind> = kinds.collect::<Result<_>>()?;
        let evidence = Evidence {
            comparisons: self.comparisons,
            kinds: &kinds,
            coincidences: self.coincidences,
            candidates: &candidates,
            per_candidate: one_in as f64,
            random: &random,
            all_pairs: pairs(self.row_of_rank.len() as f64) - within(self.scope),
            apart: &apart,
            apart_pairs,
            labelled: &labelled,
            labels: self.labels.len() as u64,
        };
        let mut parameters = fit(&evidence, run)?;
        let terms = self.comparisons.par_iter().zip(&kinds).filter_map(|(comparison, kind)| {
            if matches!(kind, Kind::Number | Kind::Geo) || !comparison.is_counted(0) {
                return None;
            }
            let count = || {
                let field = self.features.field(self.schema.position(&comparison.fields[0])?);
                count_terms(field, self.row_of_rank.len(), run)
            };
            count().map(|terms| Some((comparison.name.clone(), terms?))).transpose()
        });
        parameters.term_frequencies = terms.collect::<Result<_>>()?;
        Ok((parameters, compared))
    }

    /// The most candidate pairs of so many records that are kept as they were compared.
    pub(crate) fn most_kept(records: u64) -> u64 {
        MOST_KEPT_A_RECORD.saturating_mul(records).max(LEAST_KEPT)
    }

    /// The most random pairs of so many records that are compared.
    pub(crate) fn most_random(records: usize) -> usize {
        RANDOM_A_RECORD.saturating_mul(records).clamp(LEAST_RANDOM, MOST_RANDOM)
    }

    /// The kind of the field that a comparison is first about.
    fn kind(&self, comparison: &Comparison) -> Result<Kind> {
        let position = self.schema.position(&comparison.fields[0])?;
        Ok(self.schema.fields()[position].kind)
    }

    /// Patterns of the pairs that blocking finds.
    fn found(&self, comparer: &Comparer<'_>, run: &Run) -> Result<Found> {
        let mut rank_of_row = vec![0; self.row_of_rank.len()];
        for (rank, row) in self.row_of_rank.iter().enumerate() {
            rank_of_row[*row as usize] = rank as u32;
        }
        let is_one_in = |one_in: u64, left: u32, right: u32| {
            let (left, right) = (rank_of_row[left as usize], rank_of_row[right as usize]);
            let pair = u64::from(left) << 32 | u64::from(right);
            one_in == 1 || xxh3_64(&pair.to_le_bytes()).is_multiple_of(one_in)
        };
        let records = self.row_of_rank.len() as u64;
        let most = if self.keeps { Self::most_kept(records) } else { 0 };
        let (mut met, found) =
            self.meet(comparer, &rank_of_row, most, |_, _| true, (run, "learn"))?;
        let keeps = found <= most;
        let one_in = found.div_ceil(MOST_CANDIDATES).max(1);
        if !keeps {
            let is_drawn = |left, right| is_one_in(one_in, left, right);
            met = self.meet(comparer, &rank_of_row, u64::MAX, is_drawn, (run, "draw"))?.0;
        }
        let counts = |of: fn(&Met) -> &ComparedPairs| -> Result<Vec<(Pattern, u64)>> {
            let counts = met.par_iter().map(|met| {
                run.check()?;
                Ok(of(met).counts(|left, right| is_one_in(one_in, left, right)))
            });
            Ok(PatternCounts::sum(counts.collect::<Result<Vec<_>>>()?))
        };
        let (candidates, apart) = (counts(|met| &met.candidates)?, counts(|met| &met.apart)?);
        let compared = keeps.then(|| met.into_iter().map(|met| met.candidates).collect());
        Ok(Found { candidates, apart, one_in, compared })
    }

    /// The pairs that blocking finds, those that are `wanted`, and how many they are; none where they
    /// are more than `most`.
    fn meet(
        &self,
        comparer: &Comparer<'_>,
        rank_of_row: &[u32],
        most: u64,
        wanted: impl Fn(u32, u32) -> bool + Sync,
        stage: (&Run, &'static str),
    ) -> Result<(Vec<Met>, u64)> {
        let found = AtomicU64::new(0);
        let at_once = match cdm_memory::is_limited() {
            true => PAIRS_AT_ONCE_LIMITED,
            false => PAIRS_AT_ONCE,
        };
        let compare = |met: &mut Met| {
            let waiting = met.waiting.len() as u64;
            if found.fetch_add(waiting, Ordering::Relaxed) + waiting > most {
                // Nobody gets any of them.
                (met.candidates, met.apart) = Default::default();
            } else {
                for ((left, right), pattern) in
                    met.waiting.iter().zip(comparer.patterns(&met.waiting))
                {
                    let (left, right) = (*left, *right);
                    let of_scope = match self.scope.contains(left as usize, right as usize) {
                        true => &mut met.candidates,
                        false => &mut met.apart,
                    };
                    of_scope.push(left, right, pattern);
                }
            }
            met.waiting.clear();
        };
        let visit = |met: &mut Met, left: u32, right: u32, _| {
            let (l, r) = (left as usize, right as usize);
            if self.scope.contains(l, r) || !self.free_of_duplicates.contains(l, r) {
                met.waiting.push((left, right));
                if met.waiting.len() == at_once {
                    compare(met);
                }
            }
        };
        let finish = |met: &mut Met| {
            compare(met);
            met.waiting = Vec::new();
            met.candidates.finish();
            met.apart.finish();
        };
        let mut parts =
            self.blocking.fold_some(rank_of_row, stage, wanted, Met::default, visit, finish)?;
        let found = found.into_inner();
        if found > most {
            parts.clear();
        }
        Ok((parts, found))
    }

    /// Patterns of random pairs.
    fn random(&self, comparer: &Comparer<'_>, run: &Run) -> Result<Vec<(Pattern, u64)>> {
        let row = |rank: u32| self.row_of_rank[rank as usize];
        let in_scope = |left, right| self.scope.contains(row(left) as usize, row(right) as usize);
        let records = self.row_of_rank.len();
        let most = Self::most_random(records);
        let drawn = random_pairs(records as u32, most, in_scope);
        let mut drawn: Vec<(u32, u32)> =
            drawn.into_iter().map(|(left, right)| (row(left), row(right))).collect();
        // Pairs of one record one after the other: what is known of it is then at hand.
        drawn.par_sort_unstable();
        let counts = drawn.par_chunks(PAIRS_AT_ONCE).map(|chunk| {
            run.check()?;
            let mut counts = PatternCounts::default();
            comparer.patterns(chunk).into_iter().for_each(|pattern| counts.add(pattern));
            Ok(counts)
        });
        Ok(PatternCounts::sum(counts.collect::<Result<Vec<_>>>()?))
    }
}

/// Let labels speak for the candidates that look like the pairs they were given to.
///
/// People look at pairs that are hard to tell, so that labels must not count as if they had been
/// drawn from all: the candidates stay as many as they are, and those of a pattern are taken for
/// what people said of it, up to [`SPEAKS_FOR`] for each label.
fn speak(mut labels: Vec<(Pattern, bool)>, candidates: &mut Vec<(Pattern, u64)>) -> Vec<Labelled> {
    labels.sort_unstable();
    let mut spoken = Vec::new();
    for of_pattern in labels.chunk_by(|one, two| one.0 == two.0) {
        let pattern = of_pattern[0].0;
        let most = (SPEAKS_FOR * of_pattern.len() as f64) as u64;
        // A pair that blocking does not find speaks for itself.
        let pairs = match candidates.binary_search_by_key(&pattern, |(pattern, _)| *pattern) {
            Ok(place) => {
                let pairs = most.min(candidates[place].1);
                candidates[place].1 -= pairs;
                pairs
            }
            Err(_) => of_pattern.len() as u64,
        };
        let each = pairs as f64 / of_pattern.len() as f64;
        for said in of_pattern.chunk_by(|one, two| one.1 == two.1) {
            let (is_match, pairs) = (said[0].1, each * said.len() as f64);
            spoken.push(Labelled { pattern, is_match, pairs });
        }
    }
    candidates.retain(|(_, count)| *count > 0);
    spoken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_speak_for_candidates_of_their_pattern_and_add_none() {
        let pattern = |level| Pattern::default().with(0, Some(level));
        let mut candidates = vec![(pattern(0), 100), (pattern(1), 5)];
        candidates.sort_unstable();
        let labels = vec![(pattern(0), true), (pattern(0), false), (pattern(1), true)];
        let spoken = speak(labels, &mut candidates);
        let pairs = |pattern: Pattern, is_match| {
            let of = |l: &&Labelled| l.pattern == pattern && l.is_match == is_match;
            spoken.iter().find(of).map(|label| label.pairs)
        };
        assert_eq!(pairs(pattern(0), true), Some(10.0));
        assert_eq!(pairs(pattern(0), false), Some(10.0));
        assert_eq!(pairs(pattern(1), true), Some(5.0));
        assert_eq!(candidates, [(pattern(0), 80)]);
    }
}
