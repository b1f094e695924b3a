use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::Blocking;
use super::index::Blocks;
use super::scope::two_of;
use crate::cancel::Run;
use crate::error::Result;

/// The most pieces that the pairs of one rule are cut into: enough for many threads to share, few
/// enough that each may hold a table of its own.
const MOST_CHUNKS: u64 = 256;

/// The fewest pairs that are worth a piece.
const LEAST_PAIRS: u64 = 1 << 14;

/// How many pairs are met between two looks at the cancel token.
const PAIRS_PER_CHECK: u32 = 1024;

/// The most rules whose blocks are in memory at once.
const MOST_BLOCKS: usize = 4;

/// How many rows a thread takes at once.
const ROWS_AT_ONCE: usize = 1 << 14;

/// How finely progress within one rule is told.
const PARTS: u64 = 1000;

impl Blocking<'_> {
    /// Meet every candidate pair once, under the first rule that finds it.
    ///
    /// The pairs are cut into chunks; each starts from `init`, and `visit` is called with it, the
    /// row of the record with the lower key, that with the higher key, and the rule's position. The
    /// results come back in an order that depends on the table alone, not on threads; there are at
    /// most 256 for each rule. `rank_of_row` says where in the order of keys each row is.
    ///
    /// Memory: beside the results, 8 bytes for each record and key of up to four rules, and 8 a key.
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
        self.fold_some(rank_of_row, run, |_, _| true, init, visit, |_| ())
    }

    /// [`fold`](Self::fold) over those pairs that are `wanted`, the row of the record with the lower
    /// key on the left: whether some rule finds them is asked of these alone. `finish` is called once
    /// all pairs of a chunk were visited.
    pub(crate) fn fold_some<T: Send>(
        &self,
        rank_of_row: &[u32],
        run: &Run,
        wanted: impl Fn(u32, u32) -> bool + Sync,
        init: impl Fn() -> T + Sync,
        visit: impl Fn(&mut T, u32, u32, u32) + Sync,
        finish: impl Fn(&mut T) + Sync,
    ) -> Result<Vec<T>> {
        let mut row_of_rank: Vec<u32> = (0..self.rows as u32).collect();
        row_of_rank.sort_unstable_by_key(|row| rank_of_row.get(*row as usize));
        let mut results = Vec::new();
        let total = self.rules.len() as u64 * PARTS;
        let all: Vec<usize> = (0..self.rules.len()).collect();
        // Blocks are made by one thread each, and take memory until their pairs were met.
        for rules in all.chunks(MOST_BLOCKS) {
            run.report("match", rules[0] as u64 * PARTS, total)?;
            // The cells of a row lie together and those of the next by key far away: one way through
            // them for several rules.
            let mut cells = vec![0_u32; self.rows * rules.len()];
            let of_rows = cells.par_chunks_mut(rules.len()).zip(&row_of_rank);
            of_rows.with_min_len(ROWS_AT_ONCE).for_each(|(cells, row)| {
                cells.copy_from_slice(&self.cells(*row as usize)[rules[0]..][..rules.len()]);
            });
            let blocks = rules.par_iter().enumerate().map(|(place, rule)| {
                run.check()?;
                let cells = cells.iter().skip(place).step_by(rules.len()).copied();
                Ok(self.keys[*rule].blocks(row_of_rank.iter().copied().zip(cells)))
            });
            let blocks: Vec<Blocks> = blocks.collect::<Result<_>>()?;
            drop(cells);
            for (rule, blocks) in rules.iter().copied().zip(blocks) {
                run.report("match", rule as u64 * PARTS, total)?;
                let chunks = chunks(&blocks);
                let told = Mutex::new(0);
                let of_rule = chunks.par_iter().map(|chunk| {
                    let mut result = init();
                    self.meet(rule, &blocks, chunk, run, &wanted, |left, right| {
                        visit(&mut result, left, right, rule as u32);
                    })?;
                    finish(&mut result);
                    // Locked while it is reported, so that the reports of several threads come in
                    // order.
                    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                    *told += 1;
                    let parts = *told * PARTS / chunks.len() as u64;
                    run.report("match", rule as u64 * PARTS + parts, total)?;
                    Ok(result)
                });
                results.append(&mut of_rule.collect::<Result<Vec<T>>>()?);
            }
        }
        run.report("match", total, total)?;
        Ok(results)
    }

    /// Meet the pairs of a rule whose left record lies in `chunk`, but those that an earlier rule or
    /// an earlier key of the rule finds.
    fn meet(
        &self,
        rule: usize,
        blocks: &Blocks,
        chunk: &Chunk,
        run: &Run,
        wanted: impl Fn(u32, u32) -> bool,
        mut visit: impl FnMut(u32, u32),
    ) -> Result<()> {
        let keys = &self.keys[rule];
        let mut until_check = PAIRS_PER_CHECK;
        let mut key = chunk.key;
        for place in chunk.from..chunk.until {
            while place >= blocks.starts[key + 1] {
                key += 1;
            }
            let left = blocks.members[place];
            let of_left = self.cells(left as usize);
            for right in &blocks.members[place + 1..blocks.starts[key + 1]] {
                until_check -= 1;
                if until_check == 0 {
                    run.check()?;
                    until_check = PAIRS_PER_CHECK;
                }
                if !wanted(left, *right) {
                    continue;
                }
                let of_right = self.cells(*right as usize);
                if self.scope.contains(left as usize, *right as usize)
                    && self.found(&of_left[..rule], &of_right[..rule]).is_none()
                    && keys.is_first_shared(of_left[rule], of_right[rule], key as u32)
                {
                    visit(left, *right);
                }
            }
        }
        run.check()
    }
}

/// A run of left records within the blocks of a rule.
struct Chunk {
    /// The block that `from` lies in.
    key: usize,
    from: usize,
    until: usize,
}

/// Cut the pairs of the blocks into pieces of about one size, by their left records.
fn chunks(blocks: &Blocks) -> Vec<Chunk> {
    let sizes = || blocks.starts.windows(2).map(|block| block[1] - block[0]);
    let pairs = sizes().fold(0_u64, |pairs, size| pairs.saturating_add(two_of(size as u64)));
    let wanted = (pairs / MOST_CHUNKS + 1).max(LEAST_PAIRS);
    let mut chunks: Vec<Chunk> = Vec::new();
    let mut open = Chunk { key: 0, from: 0, until: 0 };
    let mut work = 0;
    for (key, block) in blocks.starts.windows(2).enumerate() {
        for place in block[0]..block[1] {
            if work >= wanted {
                let next = Chunk { key, from: place, until: place };
                chunks.push(std::mem::replace(&mut open, next));
                work = 0;
            }
            work += (block[1] - place - 1) as u64;
            open.until = place + 1;
        }
    }
    if open.until > open.from {
        chunks.push(open);
    }
    chunks
}
