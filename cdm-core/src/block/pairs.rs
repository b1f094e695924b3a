use std::cmp::Reverse;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::Blocking;
use super::met::{Met, Mets};
use crate::cancel::Run;
use crate::error::Result;

/// The most pieces that the rows are cut into: enough for many threads to share, few enough that
/// each may hold a table of its own.
const MOST_CHUNKS: usize = 256;

/// The fewest rows that are worth a piece, each of which may meet thousands of others.
const LEAST_ROWS: usize = 32;

/// How many rows are met between two looks at the cancel token.
const MEETINGS_PER_CHECK: u32 = 1024;

/// How finely progress is told, by rule.
const PARTS: u64 = 1000;

impl Blocking {
    /// Meet every candidate pair once, under the first rule that finds it.
    ///
    /// The pairs are cut into chunks; each starts from `init`, and `visit` is called with it, the
    /// row of the record with the lower key, that with the higher key, and the rule's position. The
    /// results come back in an order that depends on the table alone, not on threads; there are at
    /// most 256. `rank_of_row` says where in the order of keys each row is.
    ///
    /// Memory: beside the results, four bytes for each record and thread.
    ///
    /// # Errors
    /// [`Error::Cancelled`](crate::Error::Cancelled).
    pub fn fold<T: Send>(
        &self,
        rank_of_row: &[u32],
        run: &Run,
        init: impl Fn() -> T + Sync,
        visit: impl Fn(&mut T, u32, u32, u32) + Sync,
    ) -> Result<Vec<T>> {
        self.fold_some(rank_of_row, (run, "match"), |_, _| true, init, visit, |_| ())
    }

    /// [`fold`](Self::fold) over those pairs that are `wanted`, the row of the record with the lower
    /// key on the left. `finish` is called once all pairs of a chunk were visited; progress is told as
    /// that of `stage`.
    pub(crate) fn fold_some<T: Send>(
        &self,
        rank_of_row: &[u32],
        (run, stage): (&Run, &'static str),
        wanted: impl Fn(u32, u32) -> bool + Sync,
        init: impl Fn() -> T + Sync,
        visit: impl Fn(&mut T, u32, u32, u32) + Sync,
        finish: impl Fn(&mut T) + Sync,
    ) -> Result<Vec<T>> {
        let total = self.rules.len() as u64 * PARTS;
        run.report(stage, 0, total)?;
        let order = self.neighbours();
        let chunk = self.rows.div_ceil(MOST_CHUNKS).max(LEAST_ROWS);
        let chunks = self.rows.div_ceil(chunk);
        let (mets, told) = (Mets::new(self.rows), Mutex::new(0));
        let results = (0..chunks).into_par_iter().map(|number| {
            let rows = &order[number * chunk..self.rows.min((number + 1) * chunk)];
            let mut result = init();
            mets.with(|met| {
                self.meet(rows, met, run, |one, other, rule| {
                    // The record with the lower key is on the left.
                    let (left, right) =
                        match rank_of_row[one as usize] < rank_of_row[other as usize] {
                            true => (one, other),
                            false => (other, one),
                        };
                    if wanted(left, right) {
                        visit(&mut result, left, right, rule);
                    }
                })
            })?;
            finish(&mut result);
            // Locked while it is reported, so that the reports of several threads come in order.
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            *told += 1;
            run.report(stage, *told * total / chunks as u64, total)?;
            Ok(result)
        });
        let results = results.collect::<Result<Vec<T>>>()?;
        run.report(stage, total, total)?;
        Ok(results)
    }

    /// The rows in an order in which those that have candidates in common come one after the other, so
    /// that what is looked at of these stays near the processor: by their first key under the rule under
    /// which most meet, those that have none by that under the next one.
    fn neighbours(&self) -> Vec<u32> {
        let mut rules: Vec<usize> = (0..self.rules.len()).collect();
        rules.sort_by_key(|rule| Reverse(self.keys[*rule].blocks().meetings()));
        let place = |row: u32| {
            let keyed = rules.iter().enumerate().find_map(|(place, rule)| {
                let cell = self.cells.get(row as usize, *rule);
                let key = self.keys[*rule].keys(cell, &mut [0]).first().copied()?;
                Some((place, key))
            });
            (keyed.unwrap_or((usize::MAX, 0)), row)
        };
        let mut order: Vec<u32> = (0..self.rows as u32).collect();
        order.par_sort_by_cached_key(|row| place(*row));
        order
    }

    /// Meet those whom each of `rows` shares a key with and who come after it, each once and under
    /// the first rule.
    fn meet(
        &self,
        rows: &[u32],
        met: &mut Met,
        run: &Run,
        mut visit: impl FnMut(u32, u32, u32),
    ) -> Result<()> {
        let mut until_check = MEETINGS_PER_CHECK;
        for row in rows.iter().map(|row| *row as usize) {
            met.forget();
            let cells = self.cells.of(row).map(|(rule, cell)| (rule, &self.keys[rule], cell));
            let looks =
                cells.clone().map(|(_, keys, cell)| keys.blocks().look(keys.keys(cell, &mut [0])));
            std::hint::black_box(looks.fold(0, u32::wrapping_add));
            for (rule, keys, cell) in cells {
                for key in keys.keys(cell, &mut [0]) {
                    for other in keys.blocks().after(*key, row as u32) {
                        until_check -= 1;
                        if until_check == 0 {
                            run.check()?;
                            until_check = MEETINGS_PER_CHECK;
                        }
                        if self.scope.contains(row, *other as usize) && met.meet(*other) {
                            visit(row as u32, *other, rule as u32);
                        }
                    }
                }
            }
        }
        run.check()
    }
}
