use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use crate::cancel::Run;
use crate::cluster::Weight;
use crate::error::Result;
use crate::resolve::Resolution;
use crate::score::Scorer;

/// At how many candidate pairs is looked at most; of more, a part is taken, pair by pair.
const MOST_PAIRS: u64 = 4_000_000;

/// Bits of the first bin and of the last one.
const ENDS: (i32, i32) = (-40, 60);

/// What the model believes of a resolution, where nobody knows the truth.
///
/// It is as good as the model: what the model is wrong about, it does not notice. It speaks of the
/// pairs that blocking finds; pairs that no rule finds are not among the missed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Expectation {
    /// Candidate pairs that were looked at.
    pub candidate_pairs: u64,
    /// Each of them stands for so many; 1 where all were looked at.
    pub one_in: u64,
    /// How many of those looked at should be matches.
    pub expected_matches: f64,
    /// How many of them are in one entity.
    pub together: u64,
    /// Of the candidate pairs in one entity, the share that should be right.
    pub expected_precision: f64,
    /// Of the matches among candidate pairs, the share that should be in one entity.
    pub expected_recall: f64,
    /// Candidate pairs by weight, one bit each; those beyond the first and the last are in these.
    pub weights: Vec<WeightBin>,
}

/// Candidate pairs of about one weight.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct WeightBin {
    /// They weigh at least so many bits, and less than one more.
    pub from_bits: i32,
    /// How many there are among those looked at.
    pub pairs: u64,
    /// How many of them are in one entity.
    pub together: u64,
    /// How many of them should be matches.
    pub expected_matches: f64,
}

/// Sums that do not depend on their order: probabilities in steps of 2^-32.
#[derive(Clone, Copy, Default)]
struct Sums {
    pairs: u64,
    together: u64,
    matches: u64,
    matches_together: u64,
}

pub(super) fn steps(probability: f64) -> u64 {
    libm::round(probability * STEPS) as u64
}

/// The steps in which probabilities are summed up.
pub(super) const STEPS: f64 = (1_u64 << 32) as f64;

impl Resolution {
    /// What the model believes of the candidate pairs: how many are matches, how many of those are
    /// together, and how weights are spread. `None` where the plan compares nothing.
    ///
    /// Takes as long as scoring did; of more than four million candidate pairs a part is looked at.
    ///
    /// # Errors
    /// [`Error::Cancelled`](crate::Error::Cancelled).
    pub fn expect(&self, run: &Run) -> Result<Option<Expectation>> {
        let Some(scorer) = self.scorer()? else { return Ok(None) };
        let blocking = self.blocking();
        let mut rank_of_row = vec![0; self.table().len()];
        for (rank, row) in self.row_of_rank().iter().enumerate() {
            rank_of_row[*row as usize] = rank as u32;
        }
        let one_in = blocking.most_pairs().div_ceil(MOST_PAIRS).max(1);
        let is_drawn = |left: u32, right: u32| {
            let rank = |row: u32| u64::from(rank_of_row[row as usize]);
            let pair = rank(left) << 32 | rank(right);
            one_in == 1 || xxh3_64(&pair.to_le_bytes()).is_multiple_of(one_in)
        };
        let bins = (ENDS.1 - ENDS.0) as usize;
        let visit = |sums: &mut Vec<Sums>, left: u32, right: u32, _| {
            if !is_drawn(left, right) {
                return;
            }
            let (left, right) = (left as usize, right as usize);
            let weight = scorer.weight(left, right);
            let bin = (weight.bits().floor() as i32).clamp(ENDS.0, ENDS.1 - 1) - ENDS.0;
            let together = self.entities()[left] == self.entities()[right];
            let matches = steps(weight.probability());
            let sums = &mut sums[bin as usize];
            sums.pairs += 1;
            sums.matches += matches;
            if together {
                sums.together += 1;
                sums.matches_together += matches;
            }
        };
        let chunks = blocking.fold(&rank_of_row, run, || vec![Sums::default(); bins], visit)?;
        let mut all = vec![Sums::default(); bins];
        for (sum, part) in chunks.iter().flat_map(|chunk| all_places(chunk)) {
            let all = &mut all[sum];
            all.pairs += part.pairs;
            all.together += part.together;
            all.matches += part.matches;
            all.matches_together += part.matches_together;
        }
        let sum = |of: fn(&Sums) -> u64| all.iter().map(of).sum::<u64>();
        let (together, matches) = (sum(|sums| sums.together), sum(|sums| sums.matches));
        let right = sum(|sums| sums.matches_together) as f64;
        let share = |whole: f64| if whole > 0.0 { right / whole } else { 1.0 };
        let first = all.iter().position(|sums| sums.pairs > 0).unwrap_or_default();
        let last = all.iter().rposition(|sums| sums.pairs > 0).map_or(first, |last| last + 1);
        let bin = |(bin, sums): (usize, &Sums)| WeightBin {
            from_bits: ENDS.0 + (first + bin) as i32,
            pairs: sums.pairs,
            together: sums.together,
            expected_matches: sums.matches as f64 / STEPS,
        };
        Ok(Some(Expectation {
            candidate_pairs: sum(|sums| sums.pairs),
            one_in,
            expected_matches: matches as f64 / STEPS,
            together,
            expected_precision: share(together as f64 * STEPS),
            expected_recall: share(matches as f64),
            weights: all[first..last].iter().enumerate().map(bin).collect(),
        }))
    }

    /// What weighs the pairs of the whole table; `None` where the plan compares nothing.
    pub(crate) fn scorer(&self) -> Result<Option<Scorer<'_>>> {
        let (plan, table) = (self.model().plan(), self.table());
        let bind = |parameters| {
            let (comparisons, coincidences) = (plan.comparisons(), plan.coincidences());
            let (schema, features) = (table.schema(), self.features());
            Scorer::new(parameters, comparisons, coincidences, schema, features, table.len())
        };
        self.model().parameters().map(bind).transpose()
    }

    /// The weight of two rows in steps; 0 where the plan compares nothing.
    pub(crate) fn weigh(scorer: Option<&Scorer<'_>>, left: u32, right: u32) -> Weight {
        let weigh = |scorer: &Scorer<'_>| scorer.weight(left as usize, right as usize);
        scorer.map_or(Weight::ZERO, |scorer| Weight::from_bits(weigh(scorer).bits()))
    }
}

fn all_places(chunk: &[Sums]) -> impl Iterator<Item = (usize, Sums)> {
    chunk.iter().copied().enumerate()
}
