//! What a run would take, before it is run.

use std::time::Instant;

use rayon::prelude::*;
use serde::Serialize;

use super::Plan;
use super::infer::{Sample, settings};
use crate::block::{Blocking, RuleKeys};
use crate::cancel::Run;
use crate::error::Result;
use crate::features::Features;
use crate::model::{ComparedPairs, Comparer, Lesson};
use crate::table::Table;

/// What fitting a plan to a table and resolving it would take, by a look at some of the records.
///
/// See [`Plan::estimate`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RunEstimate {
    /// Records in the table.
    pub records: u64,
    /// How many of them were looked at; where they are all, pairs are counted exactly.
    pub records_sampled: u64,
    /// Pairs of records that blocking would find, each once.
    pub candidate_pairs: u64,
    /// By blocking rule, in order: the pairs that no rule before it finds.
    pub new_pairs_by_rule: Vec<RulePairs>,
    /// The most memory at a time, in bytes, that of the table included.
    pub peak_memory_bytes: u64,
    /// The least [limit](Run::with_memory_limit) that can be kept, by the program's allocator or in passes.
    pub least_memory_bytes: u64,
    /// How long it would take on this machine, in seconds, with as many threads as looked.
    pub seconds: f64,
}

/// How many pairs a blocking rule would find.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RulePairs {
    /// The rule, as it is written.
    pub rule: String,
    /// Pairs that no rule before it finds.
    pub pairs: u64,
    /// Keys that would be left out, as more records share them than
    /// [`max_records_per_key`](super::Guards::max_records_per_key) allows: of a sample, those that
    /// its share of the records shows.
    pub stopped_keys: u64,
}

/// How many pairs of each piece of the work are compared to learn how long a comparison takes.
const COMPARED_A_PIECE: usize = 256;

/// What follows comparison (learning, clustering) takes so much of the time that values do.
const AFTERWARDS: f64 = 0.25;

/// Of more records, more keys are shared: memory for which records share them grows by this power of how many
/// times the sample the records are.
const SHARED_KEYS: f64 = 1.4;

/// While keys are made and sorted, they take so many times their memory.
const MADE_KEYS: f64 = 2.5;

/// Bytes for each record that its links, its entity and its place among all take.
const OUTCOME: f64 = 64.0;

/// Memory that the system has to hold for each byte in use, as pieces of all sizes come and go.
const HELD: f64 = 1.2;

/// Bytes that the normalisers' word lists and expressions take, once, and the values under work.
const WORDS: f64 = 125e6;

/// What the program's allocator must keep in memory all the same where it keeps a limit: pieces too small for its file, in
/// bytes for each record, and room for what is under work.
const SMALL_PIECES: f64 = 32.0;
const ROOM: f64 = 64e6;

impl Plan {
    /// What fitting this plan to `table` and resolving it would take: pairs, memory and time.
    ///
    /// Of a table of more than 20 000 records a sample is looked at, 20 000 of them, or a twentieth
    /// where that is more, which takes a small part of the time of the run. Then all numbers are
    /// estimates: pairs within some percent; of inferred plans, memory and time within a third or so, time
    /// on a machine that has nothing else to do. Pairs depend on the records and the plan alone.
    ///
    /// # Errors
    /// [`Error::UnknownField`](crate::Error::UnknownField) where the table lacks a field of the
    /// plan, and [`Error::Cancelled`](crate::Error::Cancelled).
    ///
    /// # Examples
    /// ```
    /// use cdm_core::{Field, Kind, Plan, Record, RecordKey, Run, Schema, Table};
    /// let schema = Schema::new("people", vec![Field::new("email", Kind::Email)])?;
    /// let record = |id: &str| {
    ///     Record::new(RecordKey::new("crm", id)).with("email", "li@lotus.example")
    /// };
    /// let table = Table::from_records(schema, &[record("1"), record("2"), record("3")])?;
    /// let plan = Plan::infer(&table, &Run::new())?;
    /// let estimate = plan.estimate(&table, &Run::new())?;
    /// assert_eq!((estimate.records, estimate.candidate_pairs), (3, 3));
    /// # Ok::<(), cdm_core::Error>(())
    /// ```
    pub fn estimate(&self, table: &Table, run: &Run) -> Result<RunEstimate> {
        let sample = Sample::new(table, self, run)?;
        let (rows, scale) = (sample.table.len(), sample.scale);
        let began = Instant::now();
        let blocked = &self.guards().blocked;
        let settings = settings(self, &sample.table);
        let needs = self.needs();
        let mut features = Features::without_keys(&sample.table, &settings, &needs, blocked, run)?;
        let most = f64::from(self.guards().max_records_per_key) / scale;
        let most = (most.round() as u32).max(1);
        let kept = self.looked_at();
        features.make(&sample.table, kept.iter().copied(), run)?;
        let keys = RuleKeys::Made {
            features: &mut features,
            table: &sample.table,
            kept: &kept,
            rows: table.len(),
        };
        let (blocking, hot) =
            Blocking::with_most(self.blocking(), keys, most, sample.scope, rows, run)?;
        let of_forms = features.forms_bytes();
        features.make_no_more();
        let of_keys = features.most_keys_bytes();
        let of_records = began.elapsed().as_secs_f64();

        let began = Instant::now();
        // Which record is on the left matters to nobody here.
        let ranks: Vec<u32> = (0..rows as u32).collect();
        let rules = self.blocking().len();
        let none = || Met { of_rule: vec![0; rules], some: Vec::new() };
        let met = blocking.fold(&ranks, run, none, |met, left, right, rule| {
            met.of_rule[rule as usize] += 1;
            if met.some.len() < COMPARED_A_PIECE {
                met.some.push((left, right));
            }
        })?;
        let met_pairs: u64 = met.iter().flat_map(|met| &met.of_rule).sum();
        let meeting = began.elapsed().as_secs_f64() / (met_pairs.max(1)) as f64;

        let comparer = Comparer::new(self.comparisons(), table.schema(), &features, rows)?;
        let began = Instant::now();
        let compared: usize = met.par_iter().map(|met| comparer.patterns(&met.some).len()).sum();
        let comparing = began.elapsed().as_secs_f64() / (compared.max(1)) as f64;

        let pairs_of = |records: f64| records * (records - 1.0) / 2.0;
        let per_pair = match sample.is_whole {
            true => 1.0,
            false => pairs_of(table.len() as f64) / pairs_of(rows as f64).max(1.0),
        };
        let new_pairs_by_rule: Vec<RulePairs> = (self.blocking().iter().enumerate())
            .map(|(number, rule)| RulePairs {
                rule: rule.to_string(),
                pairs: (met.iter().map(|met| met.of_rule[number]).sum::<u64>() as f64 * per_pair)
                    .round() as u64,
                stopped_keys: hot.get(&rule.to_string()).map_or(0, |keys| keys.len() as u64),
            })
            .collect();
        let candidate_pairs: u64 = new_pairs_by_rule.iter().map(|rule| rule.pairs).sum();
        let compares = !self.comparisons().is_empty();
        let random = (Lesson::most_random(table.len()) as f64).min(pairs_of(table.len() as f64));
        let seconds = of_records * (1.0 + AFTERWARDS) * scale
            + candidate_pairs as f64 * (meeting + comparing)
            + if compares { random * comparing } else { 0.0 };

        let (of_rows, of_sketches) = comparer.bytes();
        let values = |table: &Table, field: usize| table.column(field).pool().len().max(1) as f64;
        let (mut of_values, mut all_values, mut sampled_values) = (0.0, 0.0, 0.0);
        let mut of_places = 0.0;
        for field in 0..table.schema().fields().len() {
            let (all, sampled) = (values(table, field), values(&sample.table, field));
            of_values += features.field(field).values_bytes() as f64 * all / sampled;
            of_places += features.field(field).rows_bytes() as f64 * all / sampled;
            (all_values, sampled_values) = (all_values + all, sampled_values + sampled);
        }
        let of_blocks = blocking.bytes() as f64 * libm::pow(scale, SHARED_KEYS);
        let of_forms = of_forms as f64 * all_values / sampled_values;
        let of_keys = of_keys as f64 * scale * MADE_KEYS + of_forms + of_blocks;
        let (mut of_pairs, mut of_kept) = (0.0, 0.0);
        if compares {
            of_pairs = of_rows as f64 * scale + of_sketches as f64 * all_values / sampled_values;
            // More are not kept, and at most so many until that is known.
            let kept = candidate_pairs.min(Lesson::most_kept(table.len() as u64));
            of_kept = kept as f64 * ComparedPairs::BYTES as f64;
        }
        let of_pairs = of_pairs + of_blocks + OUTCOME * table.len() as f64;
        let held = |bytes: f64| ((table.bytes() as f64 + bytes) * HELD + WORDS) as u64;
        let in_passes = held((of_places + of_keys).max(of_values + of_pairs));
        let least_memory_bytes = match cdm_memory::can_limit() {
            true => in_passes.min(Self::least_kept(table.len())),
            false => in_passes,
        };
        Ok(RunEstimate {
            records: table.len() as u64,
            records_sampled: rows as u64,
            candidate_pairs,
            new_pairs_by_rule,
            // Keys go while rules are bound, before any pair is compared.
            peak_memory_bytes: held(of_values + of_keys.max(of_pairs + of_kept)),
            least_memory_bytes,
            seconds,
        })
    }
}

impl Plan {
    /// The least memory that so many records take, in bytes, where the allocator keeps the limit.
    pub(crate) fn least_kept(records: usize) -> u64 {
        (WORDS + ROOM + SMALL_PIECES * records as f64) as u64
    }
}

/// The pairs that a piece of the work meets.
struct Met {
    of_rule: Vec<u64>,
    some: Vec<(u32, u32)>,
}
