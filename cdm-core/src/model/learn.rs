use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::coincidence::Coincidence;
use super::comparer::Comparer;
use super::fit::{Evidence, fit};
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
const MOST_CANDIDATES: u64 = 1_000_000;

/// The most random pairs from which a model learns how often strangers agree.
const MOST_RANDOM: usize = 250_000;

/// What a model is learned from: the records of a table, as a plan looks at them.
pub(crate) struct Lesson<'a> {
    pub(crate) comparisons: &'a [Comparison],
    pub(crate) coincidences: &'a [Coincidence],
    /// Finds pairs within any source, whatever the scope.
    pub(crate) blocking: &'a Blocking<'a>,
    pub(crate) scope: &'a PairScope,
    /// Holds all pairs but those of one source that has each customer once.
    pub(crate) free_of_duplicates: &'a PairScope,
    pub(crate) schema: &'a Schema,
    pub(crate) features: &'a Features,
    /// By rank in the order of keys, the row: what is drawn does not depend on the order of rows.
    pub(crate) row_of_rank: &'a [u32],
}

/// Two rows that were compared, the one with the lower key on the left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ComparedPair {
    pub(crate) left: u32,
    pub(crate) right: u32,
    pub(crate) pattern: Pattern,
}

/// What blocking finds.
struct Found {
    candidates: Vec<(Pattern, u64)>,
    /// Pairs within sources that hold each customer once.
    apart: Vec<(Pattern, u64)>,
    /// How many pairs each of those stands for.
    one_in: u64,
    /// The candidate pairs, where all of them were looked at.
    compared: Option<Vec<ComparedPair>>,
}

/// What some of the pairs that blocking finds look like.
#[derive(Default)]
struct Seen {
    candidates: PatternCounts,
    apart: PatternCounts,
    compared: Vec<ComparedPair>,
}

impl Lesson<'_> {
    /// The parameters, and how common values are; with the candidate pairs, where all of them were
    /// looked at.
    pub(crate) fn learn(&self, run: &Run) -> Result<(Parameters, Option<Vec<ComparedPair>>)> {
        let comparer =
            Comparer::new(self.comparisons, self.schema, self.features, self.row_of_rank.len())?;
        let Found { candidates, apart, one_in, compared } = self.found(&comparer, run)?;
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
            labelled: &[],
        };
        let mut parameters = fit(&evidence, run)?;
        let terms = self.comparisons.par_iter().filter_map(|comparison| {
            if matches!(self.kind(comparison).ok()?, Kind::Number | Kind::Geo) {
                return None;
            }
            let position = self.schema.position(&comparison.fields[0]).ok()?;
            let terms = count_terms(self.features.field(position), self.row_of_rank.len())?;
            Some((comparison.name.clone(), terms))
        });
        parameters.term_frequencies = terms.collect();
        Ok((parameters, compared))
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
        // Most tables are small enough that nobody needs to know exactly how many pairs there are.
        let found: u64 = match self.blocking.most_pairs() {
            few @ ..=MOST_CANDIDATES => few,
            _ => self.blocking.count(run)?.iter().map(|rule| rule.pairs).sum(),
        };
        let one_in = found.div_ceil(MOST_CANDIDATES).max(1);
        let is_drawn = |left: u32, right: u32| {
            let (left, right) = (rank_of_row[left as usize], rank_of_row[right as usize]);
            let pair = u64::from(left) << 32 | u64::from(right);
            one_in == 1 || xxh3_64(&pair.to_le_bytes()).is_multiple_of(one_in)
        };
        let visit = |seen: &mut Seen, left: u32, right: u32, _| {
            let (l, r) = (left as usize, right as usize);
            if self.scope.contains(l, r) {
                let pattern = comparer.pattern(l, r);
                seen.candidates.add(pattern);
                if one_in == 1 {
                    seen.compared.push(ComparedPair { left, right, pattern });
                }
            } else if !self.free_of_duplicates.contains(l, r) {
                seen.apart.add(comparer.pattern(l, r));
            }
        };
        let seen = self.blocking.fold_some(&rank_of_row, run, is_drawn, Seen::default, visit)?;
        let (mut candidates, mut apart, mut compared) = (Vec::new(), Vec::new(), Vec::new());
        for mut seen in seen {
            candidates.push(seen.candidates);
            apart.push(seen.apart);
            compared.append(&mut seen.compared);
        }
        let (candidates, apart) = (PatternCounts::sum(candidates), PatternCounts::sum(apart));
        Ok(Found { candidates, apart, one_in, compared: (one_in == 1).then_some(compared) })
    }

    /// Patterns of random pairs.
    fn random(&self, comparer: &Comparer<'_>, run: &Run) -> Result<Vec<(Pattern, u64)>> {
        let row = |rank: u32| self.row_of_rank[rank as usize] as usize;
        let in_scope = |left, right| self.scope.contains(row(left), row(right));
        let drawn = random_pairs(self.row_of_rank.len() as u32, MOST_RANDOM, in_scope);
        let counts = drawn.par_chunks(16_384).map(|chunk| {
            run.check()?;
            let mut counts = PatternCounts::default();
            for (left, right) in chunk {
                counts.add(comparer.pattern(row(*left), row(*right)));
            }
            Ok(counts)
        });
        Ok(PatternCounts::sum(counts.collect::<Result<Vec<_>>>()?))
    }
}
