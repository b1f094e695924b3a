use serde::Serialize;

/// A found partition against the true one, over the records whose truth is known.
///
/// Pairs of records count as found where the partition puts both into one entity, and as true
/// where the truth does. Precision and recall are 1 where there is nothing to get wrong (no found,
/// or no true pair).
///
/// # References
/// B-cubed: Bagga & Baldwin (1998), Algorithms for Scoring Coreference Chains.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Evaluation {
    /// Records whose truth is known.
    pub records: u64,
    /// Pairs that the partition puts together.
    pub found_pairs: u64,
    /// Pairs that the truth puts together.
    pub true_pairs: u64,
    /// Pairs that both put together.
    pub common_pairs: u64,
    /// Share of the found pairs that are true.
    pub precision: f64,
    /// Share of the true pairs that were found.
    pub recall: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
    /// Mean over records of the share of its found entity that is truly of its entity: averaged over
    /// records, not pairs, so that a large entity weighs no more than its records.
    pub b_cubed_precision: f64,
    /// Mean over records of the share of its true entity that is in its found one.
    pub b_cubed_recall: f64,
    /// Harmonic mean of B-cubed precision and recall.
    pub b_cubed_f1: f64,
    /// True entities.
    pub true_entities: u64,
    /// Entities found that hold a record whose truth is known.
    pub found_entities: u64,
    /// True entities that were found with exactly their records.
    pub exact_entities: u64,
    /// Share of the true entities that were found with exactly their records.
    pub exact_rate: f64,
    /// Records of the largest entity found.
    pub largest_found: u64,
    /// Records of the largest true entity.
    pub largest_true: u64,
}

impl Evaluation {
    /// Compare two partitions: for each record the number of its found entity, and of its true one
    /// where that is known.
    ///
    /// Takes n log n steps for n records.
    ///
    /// # Examples
    /// ```
    /// use cdm_core::evaluate::Evaluation;
    /// let score = Evaluation::new([(0, Some(7)), (0, Some(7)), (0, Some(8)), (1, Some(8))]);
    /// assert_eq!((score.found_pairs, score.true_pairs, score.common_pairs), (3, 2, 1));
    /// assert_eq!(score.recall, 0.5);
    /// ```
    #[must_use]
    pub fn new(records: impl IntoIterator<Item = (u32, Option<u32>)>) -> Self {
        let mut known: Vec<(u32, u32)> =
            records.into_iter().filter_map(|(found, truth)| Some((found, truth?))).collect();
        known.sort_unstable();
        let found = sizes(known.iter().map(|(found, _)| *found).collect());
        let truth = sizes(known.iter().map(|(_, truth)| *truth).collect());
        let size_of = |sizes: &[(u32, u64)], entity: u32| {
            sizes.binary_search_by_key(&entity, |(e, _)| *e).map_or(0, |place| sizes[place].1)
        };
        let (mut common_pairs, mut exact_entities) = (0, 0);
        let (mut b_precision, mut b_recall) = (0.0, 0.0);
        for run in known.chunk_by(|left, right| left == right) {
            let common = run.len() as u64;
            let found_size = size_of(&found, run[0].0);
            let true_size = size_of(&truth, run[0].1);
            common_pairs += pairs(common);
            exact_entities += u64::from(common == found_size && common == true_size);
            b_precision += (common * common) as f64 / found_size as f64;
            b_recall += (common * common) as f64 / true_size as f64;
        }
        let count = known.len() as u64;
        let found_pairs = found.iter().map(|(_, size)| pairs(*size)).sum();
        let true_pairs = truth.iter().map(|(_, size)| pairs(*size)).sum();
        let (precision, recall) =
            (share(common_pairs, found_pairs), share(common_pairs, true_pairs));
        let of_records = |sum: f64| if count == 0 { 1.0 } else { sum / count as f64 };
        let (b_precision, b_recall) = (of_records(b_precision), of_records(b_recall));
        Self {
            records: count,
            found_pairs,
            true_pairs,
            common_pairs,
            precision,
            recall,
            f1: harmonic(precision, recall),
            b_cubed_precision: b_precision,
            b_cubed_recall: b_recall,
            b_cubed_f1: harmonic(b_precision, b_recall),
            true_entities: truth.len() as u64,
            found_entities: found.len() as u64,
            exact_entities,
            exact_rate: share(exact_entities, truth.len() as u64),
            largest_found: found.iter().map(|(_, size)| *size).max().unwrap_or(0),
            largest_true: truth.iter().map(|(_, size)| *size).max().unwrap_or(0),
        }
    }
}

/// Every entity with its size, by entity.
fn sizes(mut entities: Vec<u32>) -> Vec<(u32, u64)> {
    entities.sort_unstable();
    entities.chunk_by(|left, right| left == right).map(|run| (run[0], run.len() as u64)).collect()
}

pub(super) fn pairs(records: u64) -> u64 {
    records * records.saturating_sub(1) / 2
}

pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

pub(super) fn harmonic(one: f64, two: f64) -> f64 {
    if one + two == 0.0 { 0.0 } else { 2.0 * one * two / (one + two) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_truth_against_itself_is_perfect_and_so_is_nothing() {
        let same = Evaluation::new((0..10).map(|record| (record / 3, Some(record / 3 + 5))));
        assert_eq!((same.f1, same.b_cubed_f1, same.exact_entities), (1.0, 1.0, 4));
        let nothing = Evaluation::new([]);
        assert_eq!((nothing.precision, nothing.recall, nothing.f1), (1.0, 1.0, 1.0));
    }

    #[test]
    fn records_without_a_known_truth_do_not_count() {
        let score = Evaluation::new([(0, Some(1)), (0, None), (0, Some(1))]);
        assert_eq!((score.records, score.found_pairs, score.precision), (2, 1, 1.0));
    }

    #[test]
    fn b_cubed_is_the_mean_over_records() {
        // Found {1,2,3}, true {1,2},{3}: precision (2/3 + 2/3 + 1/3) / 3 = 5/9, recall 1.
        let score = Evaluation::new([(0, Some(0)), (0, Some(0)), (0, Some(1))]);
        let expected = 2.0 * (5.0 / 9.0) / (1.0 + 5.0 / 9.0);
        assert!((score.b_cubed_f1 - expected).abs() < 1e-12);
    }
}
