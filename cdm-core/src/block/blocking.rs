use std::collections::{BTreeMap, BTreeSet};

use super::count::count;
use super::index::KeyIndex;
use super::{BlockingRule, Conjunction, PairScope, RuleCount, StopKeys};
use crate::cancel::Run;
use crate::error::Result;
use crate::features::Features;

/// Blocking rules bound to the features of one table: which pairs of records are candidates.
///
/// Two rows are a candidate pair of a rule where they share a key of it that is not stopped, and
/// their sources are in scope. That is decided by the keys of those two records and the stop keys
/// alone; it does not matter what other records there are.
///
/// Holds four bytes for each record and rule, and four more for each key of a record with several.
///
/// # Examples
/// ```
/// use std::collections::BTreeMap;
/// use cdm_core::block::{Blocking, BlockingRule, PairScope};
/// use cdm_core::features::{Features, Needs, Settings};
/// use cdm_core::{Field, Kind, Record, RecordKey, Run, Schema, Table};
///
/// let schema = Schema::new("people", vec![Field::new("name", Kind::FamilyName)])?;
/// let records = ["Smith", "Smyth", "Jones", "SMITH"].into_iter().zip(["1", "2", "3", "4"]).map(
///     |(name, id)| Record::new(RecordKey::new("crm", id)).with("name", name),
/// );
/// let table = Table::from_records(schema, &records.collect::<Vec<_>>())?;
/// let rules =
///     [BlockingRule::new(vec!["name".parse()?]), BlockingRule::new(vec!["name.phonetic".parse()?])];
/// let needs = Needs::new().with_expressions(rules.iter().flat_map(|rule| rule.same.clone()));
/// let run = Run::new();
/// let features =
///     Features::new(&table, &Settings::default(), &needs, &BTreeMap::new(), &run)?;
/// let none = BTreeMap::new();
/// let blocking = Blocking::new(&rules, &features, &none, PairScope::any(), table.len(), &run)?;
///
/// assert_eq!(blocking.find(0, 3), Some(0));
/// assert_eq!(blocking.find(0, 1), Some(1));
/// assert_eq!(blocking.find(0, 2), None);
/// assert_eq!(blocking.count(&run)?[1].pairs, 3);
/// let rank_of_row = [0, 1, 2, 3];
/// let chunks = blocking.fold(&rank_of_row, &run, Vec::new, |pairs, left, right, rule| {
///     pairs.push((left, right, rule));
/// })?;
/// assert_eq!(chunks.concat(), [(0, 3, 0), (0, 1, 1), (1, 3, 1)]);
/// # Ok::<(), cdm_core::Error>(())
/// ```
pub struct Blocking<'a> {
    pub(super) rules: &'a [BlockingRule],
    pub(super) scope: PairScope,
    pub(super) rows: usize,
    pub(super) keys: Vec<KeyIndex<'a>>,
    /// By row, then rule: the row's keys under the rule. What a pair is asked lies together.
    cells: Vec<u32>,
}

impl<'a> Blocking<'a> {
    /// Bind `rules` to `features`, which were computed with all their expressions, for the first
    /// `rows` rows.
    ///
    /// `stop_keys` says, by a rule's [`Display`](std::fmt::Display), which keys make no pair under
    /// that rule; each has one text for every expression.
    ///
    /// # Errors
    /// [`Error::UnknownChoice`](crate::Error::UnknownChoice) where an expression was not computed,
    /// [`Error::TableFull`](crate::Error::TableFull) past two billion keys of a rule, and
    /// [`Error::Cancelled`](crate::Error::Cancelled).
    ///
    /// # Panics
    /// Where the features are of fewer rows.
    pub fn new(
        rules: &'a [BlockingRule],
        features: &'a Features,
        stop_keys: &BTreeMap<String, BTreeSet<Vec<String>>>,
        scope: PairScope,
        rows: usize,
        run: &Run,
    ) -> Result<Self> {
        let mut cells = vec![0; rows * rules.len()];
        let mut keys = Vec::with_capacity(rules.len());
        let bound = Conjunction::bind(rules.iter().map(|rule| &rule.same[..]), features)?;
        for (position, (rule, conjunction)) in rules.iter().zip(&bound).enumerate() {
            run.report("block", position as u64, rules.len() as u64)?;
            let stopped = StopKeys::new(stop_keys.get(&rule.to_string()));
            let shared = conjunction.keys(rows, run)?;
            let (index, of_rule) = KeyIndex::new(&shared, rows, |key| stopped.contains(key))?;
            let places = cells.iter_mut().skip(position).step_by(rules.len());
            places.zip(of_rule).for_each(|(place, cell)| *place = cell);
            keys.push(index);
        }
        run.report("block", rules.len() as u64, rules.len() as u64)?;
        Ok(Self { rules, scope, rows, keys, cells })
    }

    /// The rules, in order.
    #[must_use]
    pub fn rules(&self) -> &'a [BlockingRule] {
        self.rules
    }

    /// What each rule finds, counted without making a pair; keys that are stopped make none.
    ///
    /// # Errors
    /// [`Error::Cancelled`](crate::Error::Cancelled).
    ///
    /// # Panics
    /// Where the scope is of fewer rows; so do the other methods.
    pub fn count(&self, run: &Run) -> Result<Vec<RuleCount>> {
        let counts = self.keys.iter().enumerate().map(|(rule, index)| {
            let cells: Vec<u32> = (0..self.rows).map(|row| self.cells(row)[rule]).collect();
            count(rule, index, &cells, &self.scope, run)
        });
        counts.collect()
    }

    /// The first rule that makes two rows a candidate pair, by position.
    ///
    /// # Panics
    /// Where there is no such row.
    #[must_use]
    pub fn find(&self, left: usize, right: usize) -> Option<usize> {
        if left == right || !self.scope.contains(left, right) {
            return None;
        }
        self.found(self.cells(left), self.cells(right))
    }

    /// Whether a rule makes two rows a candidate pair, whatever earlier rules do.
    ///
    /// # Panics
    /// Where there is no such rule or row.
    #[must_use]
    pub fn finds(&self, rule: usize, left: usize, right: usize) -> bool {
        left != right
            && self.scope.contains(left, right)
            && self.keys[rule].share(self.cells(left)[rule], self.cells(right)[rule])
    }

    /// The first rule of which two rows share a key, by their cells under the first rules or all.
    #[inline]
    pub(super) fn found(&self, left: &[u32], right: &[u32]) -> Option<usize> {
        let cells = self.keys.iter().zip(left.iter().zip(right));
        cells.enumerate().find(|(_, (keys, (l, r)))| keys.share(**l, **r)).map(|found| found.0)
    }

    /// The cells of a row, by rule.
    #[inline]
    pub(super) fn cells(&self, row: usize) -> &[u32] {
        let width = self.rules.len();
        &self.cells[row * width..(row + 1) * width]
    }
}
