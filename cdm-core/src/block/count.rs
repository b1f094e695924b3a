use std::cmp::Ordering;
use std::fmt;

use serde::Serialize;

use super::scope::{PairCounter, PairScope};
use super::{BlockingRule, Conjunction};
use crate::cancel::Run;
use crate::error::Result;
use crate::features::Features;

/// The most keys that a count names.
const WORST: usize = 10;

/// What a blocking rule finds, counted without making a pair.
///
/// Every number is of this rule alone, whatever other rules find. A pair that shares several keys
/// of the rule, as records with several values do, is counted with each of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleCount {
    /// The rule, by position.
    pub rule: usize,
    /// Keys that several records share.
    pub keys: u64,
    /// Pairs of records that share one.
    pub pairs: u64,
    /// Records that share a key with some other.
    pub records: u64,
    /// Keys left out, as too many records share them.
    pub stopped: u64,
    /// The keys that make the most pairs, those that make the most first, ties by text.
    pub worst: Vec<KeyCount>,
}

/// How many records share a key. `Debug` hides its texts.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct KeyCount {
    /// The key, one text for each expression of the rule.
    pub texts: Vec<String>,
    /// Records that have it.
    pub records: u64,
    /// Pairs of them.
    pub pairs: u64,
}

impl fmt::Debug for KeyCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyCount")
            .field("records", &self.records)
            .field("pairs", &self.pairs)
            .finish_non_exhaustive()
    }
}

/// What each rule finds among the first `rows` rows where keys of more than `most` records are left
/// out; for plans in the making, before there are stop keys.
///
/// Exact, and no pair is made: the cost is that of sorting each rule's keys. `features` were computed
/// with the expressions of all `rules`.
///
/// # Errors
/// [`Error::UnknownChoice`](crate::Error::UnknownChoice) where an expression was not computed, and
/// [`Error::Cancelled`](crate::Error::Cancelled).
pub fn pair_counts(
    rules: &[BlockingRule],
    features: &Features,
    scope: &PairScope,
    rows: usize,
    most: u32,
    run: &Run,
) -> Result<Vec<RuleCount>> {
    let bound = Conjunction::bind(rules.iter().map(|rule| &rule.same[..]), features)?;
    let counts = bound.iter().enumerate().map(|(rule, conjunction)| {
        let keys = conjunction.keys(rows, run)?;
        let mut counting = Counting::new(rule, scope, rows);
        for key in keys.shared() {
            if key.rows().len() > most as usize {
                counting.stop();
            } else {
                counting.add(key.rows(), || key.texts().map(str::to_owned).collect());
            }
        }
        Ok(counting.finish())
    });
    counts.collect()
}

/// Counts one rule, block by block.
pub(super) struct Counting<'s> {
    count: RuleCount,
    pairs: PairCounter<'s>,
    met: Vec<bool>,
}

impl<'s> Counting<'s> {
    pub(super) fn new(rule: usize, scope: &'s PairScope, rows: usize) -> Self {
        let count =
            RuleCount { rule, keys: 0, pairs: 0, records: 0, stopped: 0, worst: Vec::new() };
        Self { count, pairs: PairCounter::new(scope), met: vec![false; rows] }
    }

    /// Count a key that is left out.
    pub(super) fn stop(&mut self) {
        self.count.stopped += 1;
    }

    /// Count the key that `rows` share.
    pub(super) fn add(
        &mut self,
        rows: impl ExactSizeIterator<Item = u32> + Clone,
        texts: impl Fn() -> Vec<String>,
    ) {
        let records = rows.len() as u64;
        for row in rows.clone() {
            self.count.records += u64::from(!self.met[row as usize]);
            self.met[row as usize] = true;
        }
        let pairs = self.pairs.pairs(rows);
        self.count.keys += 1;
        self.count.pairs = self.count.pairs.saturating_add(pairs);
        let worst = &mut self.count.worst;
        // Texts are made for the few that might be named, not for every key.
        let last = worst.last().filter(|_| worst.len() == WORST);
        if pairs == 0 || last.is_some_and(|last| (pairs, records) < (last.pairs, last.records)) {
            return;
        }
        let key = KeyCount { texts: texts(), records, pairs };
        let place = worst.partition_point(|known| known.before(&key) == Ordering::Less);
        worst.insert(place, key);
        worst.truncate(WORST);
    }

    pub(super) fn finish(self) -> RuleCount {
        self.count
    }
}

impl KeyCount {
    /// Which of two is named first.
    fn before(&self, other: &Self) -> Ordering {
        let size = |key: &Self| (key.pairs, key.records);
        size(other).cmp(&size(self)).then_with(|| self.texts.cmp(&other.texts))
    }
}
