use rayon::prelude::*;
use serde::Serialize;

use super::curve::{CurvePoint, curve};
use super::mixed::{MixedEntity, mixed};
use super::partition::{Evaluation, harmonic, share};
use super::truth::{Known, Truth};
use crate::cancel::Run;
use crate::error::Result;
use crate::resolve::Resolution;
use crate::rule::{BoundRules, Decision};
use crate::schema::RecordKey;

/// How many over-merged and over-split entities are listed.
const LISTED: usize = 20;

/// Of how many true pairs at most it is asked whether blocking finds them.
const MOST_TRUE_PAIRS: usize = 1_000_000;

/// How good a resolution is, against what is known to be true.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EvaluationReport {
    /// The whole.
    #[serde(flatten)]
    pub whole: Evaluation,
    /// Share of the true pairs that could be found at all: some match rule or blocking rule gives
    /// both records a key; what is lost here no threshold brings back. `None` where no true pair is
    /// known.
    pub blocking_recall: Option<f64>,
    /// Entities found that hold records of several true ones: how many.
    pub over_merged: u64,
    /// Those of them with the most wrong pairs.
    pub worst_over_merged: Vec<MixedEntity>,
    /// True entities that were found in several parts: how many.
    pub over_split: u64,
    /// Those of them with the most pairs missed.
    pub worst_over_split: Vec<MixedEntity>,
    /// How good the outcome would be if links below a weight were left out, the strictest first.
    pub curve: Vec<CurvePoint>,
    /// The same measures for parts of the records: pairs within them alone count.
    pub segments: Vec<Segment>,
    /// Where single pairs are known and not whole entities: how they fare. The measures above are
    /// then of no record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labelled_pairs: Option<LabelledPairs>,
    /// How many records the truth names that are not in the table.
    pub unknown_records: u64,
}

/// The measures of a part of the records.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Segment {
    /// By what the records are told apart: `source`, or `completeness` (how many fields of those
    /// that are compared, or of all where none is, have a value).
    pub by: &'static str,
    /// Which of them.
    pub value: String,
    /// How good it is.
    #[serde(flatten)]
    pub evaluation: Evaluation,
}

/// How pairs fare whose truth people said.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LabelledPairs {
    /// Pairs that are in the table.
    pub pairs: u64,
    /// Pairs that are one customer.
    pub true_pairs: u64,
    /// Pairs that the resolution puts together.
    pub found_pairs: u64,
    /// Pairs that are one customer and were put together.
    pub common_pairs: u64,
    /// Share of the found pairs that is true.
    pub precision: f64,
    /// Share of the true pairs that was found.
    pub recall: f64,
    /// Harmonic mean of both.
    pub f1: f64,
}

impl Resolution {
    /// Measure this resolution against the truth, as far as it is known.
    ///
    /// Takes n log n steps for n records, and a look at each true pair (one million of them at
    /// most) for the recall of blocking.
    ///
    /// # Errors
    /// [`Error::Cancelled`](crate::Error::Cancelled).
    pub fn evaluate(&self, truth: &Truth, run: &Run) -> Result<EvaluationReport> {
        let table = self.table();
        let (of_row, names) = truth.by_row(table);
        run.report("evaluate", 0, 4)?;
        let found = self.entities();
        let whole = |rows: &mut dyn Iterator<Item = usize>| {
            Evaluation::new(rows.map(|row| (found[row], of_row[row])))
        };
        let links = self.links().filter_map(|link| {
            let row = |key: &RecordKey| Some(table.row(key)? as u32);
            Some((row(&link.left)?, row(&link.right)?, link.match_weight))
        });
        let curve = curve(&of_row, links);
        run.report("evaluate", 1, 4)?;
        let rows = table.rows_by_key();
        let found_of = |row: u32| of_row[row as usize].map(|_| found[row as usize]);
        let truth_of = |row: u32| of_row[row as usize];
        let id_of = |entity: u32| Some(self.entity_id(entity).to_string());
        let name_of = |entity: u32| names[entity as usize].clone();
        let (over_merged, worst_over_merged) =
            mixed(table, &rows, &found_of, &truth_of, (&id_of, &name_of), LISTED);
        let (over_split, worst_over_split) =
            mixed(table, &rows, &truth_of, &found_of, (&name_of, &id_of), LISTED);
        run.report("evaluate", 2, 4)?;
        let mut segments = Vec::new();
        for (code, source) in table.sources().iter().enumerate() {
            let mut rows = (0..table.len()).filter(|row| table.source_code(*row) as usize == code);
            let evaluation = whole(&mut rows);
            segments.push(Segment { by: "source", value: source.clone(), evaluation });
        }
        segments.sort_by(|one, two| one.value.cmp(&two.value));
        let completeness = self.completeness();
        for (position, value) in COMPLETENESS.iter().enumerate() {
            let mut rows = (0..table.len()).filter(|row| completeness[*row] == position);
            let evaluation = whole(&mut rows);
            if evaluation.records > 0 {
                let value = (*value).to_owned();
                segments.push(Segment { by: "completeness", value, evaluation });
            }
        }
        let blocking_recall = self.blocking_recall(&true_pairs(&rows, &of_row), run)?;
        run.report("evaluate", 4, 4)?;
        Ok(EvaluationReport {
            whole: whole(&mut (0..table.len())),
            blocking_recall,
            over_merged,
            worst_over_merged,
            over_split,
            worst_over_split,
            curve,
            segments,
            labelled_pairs: self.labelled(truth),
            unknown_records: truth.unknown(table),
        })
    }

    fn labelled(&self, truth: &Truth) -> Option<LabelledPairs> {
        let Known::Labelled(labels) = &truth.0 else { return None };
        let (mut pairs, mut true_pairs, mut found_pairs, mut common_pairs) = (0, 0, 0, 0);
        for ((left, right), is_match) in labels {
            let rows = self.table().row(left).zip(self.table().row(right));
            let Some((left, right)) = rows else { continue };
            let is_found = self.entities()[left] == self.entities()[right];
            pairs += 1;
            true_pairs += u64::from(*is_match);
            found_pairs += u64::from(is_found);
            common_pairs += u64::from(is_found && *is_match);
        }
        let (precision, recall) =
            (share(common_pairs, found_pairs), share(common_pairs, true_pairs));
        let f1 = harmonic(precision, recall);
        let found =
            LabelledPairs { pairs, true_pairs, found_pairs, common_pairs, precision, recall, f1 };
        Some(found)
    }

    /// By row, which of [`COMPLETENESS`] it is.
    fn completeness(&self) -> Vec<usize> {
        let (plan, schema) = (self.model().plan(), self.table().schema());
        let compared = plan.comparisons().iter().flat_map(|comparison| &comparison.fields);
        let mut fields: Vec<usize> =
            compared.filter_map(|field| schema.position(field).ok()).collect();
        if fields.is_empty() {
            fields = (0..schema.fields().len()).collect();
        }
        fields.sort_unstable();
        fields.dedup();
        let part = |row: usize| {
            let filled =
                fields.iter().filter(|field| !self.table().column(**field).codes(row).is_empty());
            let share = filled.count() as f64 / fields.len().max(1) as f64;
            ((share * COMPLETENESS.len() as f64) as usize).min(COMPLETENESS.len() - 1)
        };
        (0..self.table().len()).into_par_iter().map(part).collect()
    }

    /// Share of some pairs of rows that share a live key of a match rule or a blocking rule.
    fn blocking_recall(&self, pairs: &[(u32, u32)], run: &Run) -> Result<Option<f64>> {
        if pairs.is_empty() {
            return Ok(None);
        }
        let blocking = self.blocking();
        let rules = BoundRules::new(self.model().plan().rules(), self.features())?;
        let is_found = |(left, right): &&(u32, u32)| {
            let (left, right) = (*left as usize, *right as usize);
            let rule = || rules.decide(left, right).map(|rule| rules.rules()[rule].decision);
            blocking.find(left, right).is_some() || rule() == Some(Decision::Match)
        };
        let found = pairs.par_iter().filter(is_found).count();
        run.check()?;
        Ok(Some(found as f64 / pairs.len() as f64))
    }
}

/// How much of what is compared a record has.
const COMPLETENESS: [&str; 4] = ["below 25 %", "25 % to 50 %", "50 % to 75 %", "75 % and more"];

/// True pairs of rows: all of them, or where they are too many, those of as many records.
fn true_pairs(rows: &[u32], truth: &[Option<u32>]) -> Vec<(u32, u32)> {
    let mut known: Vec<(u32, u32)> =
        rows.iter().filter_map(|row| Some((truth[*row as usize]?, *row))).collect();
    // Stable, so that rows stay in the order of keys.
    known.sort_by_key(|(entity, _)| *entity);
    let mut found = Vec::new();
    for entity in known.chunk_by(|left, right| left.0 == right.0) {
        for (place, (_, left)) in entity.iter().enumerate() {
            found.extend(entity[place + 1..].iter().map(|(_, right)| (*left, *right)));
            if found.len() > MOST_TRUE_PAIRS {
                return found;
            }
        }
    }
    found
}
