use std::collections::{BTreeMap, BTreeSet};

use super::count::Counting;
use super::stop::StopKeys;
use super::{BlockingRule, Conjunction, PairScope, RuleCount, SharedKeys};
use crate::cancel::Run;
use crate::error::{Error, Result};
use crate::features::Features;
use crate::table::Column;

/// Blocking rules bound to the features of one table: which pairs of records are candidates.
///
/// Two rows are a candidate pair of a rule where they share a key of it that is not stopped, and
/// their sources are in scope. That is decided by the keys of those two records and the stop keys
/// alone; it does not matter what other records there are.
///
/// Holds four bytes for each record and rule, and four more for each further key of a record.
pub struct Blocking<'a> {
    pub(super) rules: &'a [BlockingRule],
    pub(super) scope: PairScope,
    pub(super) rows: usize,
    keys: Vec<RuleKeys<'a>>,
    /// By row, then rule: what keys the row has of those that several rows share and that are not
    /// stopped. 0 is none; below [`SEVERAL`], the number of the only one and 1; else, the place in
    /// `starts`.
    cells: Vec<u32>,
    /// Where in `lists` the keys of a cell of several start, and one more for the end.
    starts: Vec<usize>,
    /// Sorted numbers of keys.
    lists: Vec<u32>,
}

/// The keys of one rule that several rows share and that are not stopped, by number.
struct RuleKeys<'a> {
    columns: Vec<&'a Column>,
    /// By key: the code of each expression.
    codes: Vec<u32>,
    count: u32,
    stopped: u64,
}

/// What marks a cell of several keys.
const SEVERAL: u32 = 1 << 31;

impl<'a> Blocking<'a> {
    /// Bind `rules` to `features`, which were computed with all their expressions, for the first
    /// `rows` rows.
    ///
    /// `stop_keys` says, by a rule's [`Display`](std::fmt::Display), which keys make no pair under
    /// that rule; each has one text for every expression.
    ///
    /// # Errors
    /// [`Error::UnknownChoice`] where an expression was not computed, [`Error::TableFull`] past two
    /// billion keys, and [`Error::Cancelled`].
    pub fn new(
        rules: &'a [BlockingRule],
        features: &'a Features,
        stop_keys: &BTreeMap<String, BTreeSet<Vec<String>>>,
        scope: PairScope,
        rows: usize,
        run: &Run,
    ) -> Result<Self> {
        let mut blocking = Self {
            rules,
            scope,
            rows,
            keys: Vec::new(),
            cells: vec![0; rows * rules.len()],
            starts: vec![0],
            lists: Vec::new(),
        };
        let bound = Conjunction::bind(rules.iter().map(|rule| &rule.same[..]), features)?;
        for (position, (rule, conjunction)) in rules.iter().zip(&bound).enumerate() {
            run.report("block", position as u64, rules.len() as u64)?;
            let stop_keys = StopKeys::new(stop_keys.get(&rule.to_string()));
            let shared = conjunction.keys(rows, run)?;
            let keys = blocking.number(position, conjunction.columns(), &shared, &stop_keys)?;
            blocking.keys.push(keys);
        }
        run.report("block", rules.len() as u64, rules.len() as u64)?;
        Ok(blocking)
    }

    /// Number the usable keys of a rule, and write down which rows have them.
    fn number(
        &mut self,
        rule: usize,
        columns: &[&'a Column],
        shared: &SharedKeys<'_>,
        stop_keys: &StopKeys<'_>,
    ) -> Result<RuleKeys<'a>> {
        let mut keys =
            RuleKeys { columns: columns.to_vec(), codes: Vec::new(), count: 0, stopped: 0 };
        let usable = || shared.shared().filter(|key| !stop_keys.contains(*key));
        let width = self.rules.len();
        let mut more = vec![0_u32; self.rows];
        for key in shared.shared() {
            if stop_keys.contains(key) {
                keys.stopped += 1;
                continue;
            }
            keys.codes.extend(key.codes());
            keys.count += 1;
            if keys.count >= SEVERAL {
                return Err(Error::TableFull { what: "keys of a rule", limit: SEVERAL.into() });
            }
            for row in key.rows() {
                let row = row as usize;
                let cell = &mut self.cells[row * width + rule];
                if *cell == 0 {
                    *cell = keys.count;
                } else {
                    more[row] += 1;
                }
            }
        }
        // Make room for the lists of rows with several keys, and fill them in a second round.
        let mut next = Vec::new();
        for (row, more) in more.iter_mut().enumerate().filter(|(_, more)| **more > 0) {
            let place = self.starts.len() as u32 - 1;
            if place >= SEVERAL {
                return Err(Error::TableFull { what: "keys of records", limit: SEVERAL.into() });
            }
            self.cells[row * width + rule] = SEVERAL | place;
            next.push(self.lists.len());
            self.lists.resize(self.lists.len() + *more as usize + 1, 0);
            self.starts.push(self.lists.len());
            *more = next.len() as u32;
        }
        if next.is_empty() {
            return Ok(keys);
        }
        for (number, key) in usable().enumerate() {
            for row in key.rows() {
                if let Some(place) = more[row as usize].checked_sub(1) {
                    let next = &mut next[place as usize];
                    self.lists[*next] = number as u32;
                    *next += 1;
                }
            }
        }
        Ok(keys)
    }

    /// The rules, in order.
    #[must_use]
    pub fn rules(&self) -> &'a [BlockingRule] {
        self.rules
    }

    /// What each rule finds, counted without making a pair; keys that are stopped make none.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn count(&self, run: &Run) -> Result<Vec<RuleCount>> {
        let by_row: Vec<u32> = (0..self.rows as u32).collect();
        let counts = self.keys.iter().enumerate().map(|(rule, keys)| {
            run.check()?;
            let blocks = self.blocks(rule, &by_row);
            let mut counting = Counting::new(rule, &self.scope, self.rows);
            for key in 0..keys.count {
                counting.add(blocks.rows(key).iter().copied(), || keys.texts(key));
            }
            (0..keys.stopped).for_each(|_| counting.stop());
            Ok(counting.finish())
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
        let cells = self.cells(left).iter().zip(self.cells(right));
        cells
            .enumerate()
            .find(|(_, (left, right))| self.share(**left, **right))
            .map(|found| found.0)
    }

    #[inline]
    pub(super) fn cells(&self, row: usize) -> &[u32] {
        let width = self.rules.len();
        &self.cells[row * width..(row + 1) * width]
    }

    /// Whether the cells of two rows under one rule have a key in common.
    #[inline]
    pub(super) fn share(&self, left: u32, right: u32) -> bool {
        if (left | right) & SEVERAL == 0 {
            left == right && left != 0
        } else {
            left != 0 && right != 0 && self.lowest_shared(left, right).is_some()
        }
    }

    /// Whether `key`, which the cells of two rows under one rule share, is the first that they do.
    #[inline]
    pub(super) fn is_first_shared(&self, left: u32, right: u32, key: u32) -> bool {
        // A row of one key shares no other.
        left & right & SEVERAL == 0 || self.lowest_shared(left, right) == Some(key)
    }

    fn lowest_shared(&self, left: u32, right: u32) -> Option<u32> {
        let (mut one, mut other) = ([0], [0]);
        let (left, right) = (self.list(left, &mut one), self.list(right, &mut other));
        let (mut i, mut j) = (0, 0);
        while let (Some(l), Some(r)) = (left.get(i), right.get(j)) {
            match l.cmp(r) {
                std::cmp::Ordering::Equal => return Some(*l),
                std::cmp::Ordering::Less => i += 1,
                std::cmp::Ordering::Greater => j += 1,
            }
        }
        None
    }

    /// The keys of a cell that is not 0; `alone` is room for the only one.
    fn list<'l>(&'l self, cell: u32, alone: &'l mut [u32; 1]) -> &'l [u32] {
        if cell & SEVERAL == 0 {
            *alone = [cell - 1];
            return alone;
        }
        let place = (cell & !SEVERAL) as usize;
        &self.lists[self.starts[place]..self.starts[place + 1]]
    }

    /// The rows of every key of a rule, each key's in the order in which `order` has them.
    pub(super) fn blocks(&self, rule: usize, order: &[u32]) -> Blocks {
        let mut starts = vec![0_usize; self.keys[rule].count as usize + 1];
        let cells = || order.iter().map(|row| (*row, self.cells(*row as usize)[rule]));
        for (_, cell) in cells().filter(|(_, cell)| *cell != 0) {
            self.list(cell, &mut [0]).iter().for_each(|key| starts[*key as usize + 1] += 1);
        }
        (1..starts.len()).for_each(|key| starts[key] += starts[key - 1]);
        let mut rows = vec![0; starts.last().copied().unwrap_or_default()];
        let mut next = starts.clone();
        for (row, cell) in cells().filter(|(_, cell)| *cell != 0) {
            for key in self.list(cell, &mut [0]) {
                let place = &mut next[*key as usize];
                rows[*place] = row;
                *place += 1;
            }
        }
        Blocks { starts, rows }
    }
}

impl RuleKeys<'_> {
    fn texts(&self, key: u32) -> Vec<String> {
        let width = self.columns.len();
        let codes = &self.codes[key as usize * width..(key as usize + 1) * width];
        let texts = self.columns.iter().zip(codes).map(|(column, code)| column.pool().get(*code));
        texts.map(str::to_owned).collect()
    }
}

/// The rows that have each key of a rule.
pub(super) struct Blocks {
    /// By key, where its rows start, and one more for the end.
    pub(super) starts: Vec<usize>,
    pub(super) rows: Vec<u32>,
}

impl Blocks {
    fn rows(&self, key: u32) -> &[u32] {
        &self.rows[self.starts[key as usize]..self.starts[key as usize + 1]]
    }
}
