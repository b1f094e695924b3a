use std::cmp::Ordering;

use super::{SharedKey, SharedKeys};
use crate::error::{Error, Result};
use crate::table::{Codes, Column};

/// The usable keys of one rule, numbered, and the numbers of each row's.
///
/// What a row has is one word, its *cell*: 0 for no key; below [`SEVERAL`], the number of its only
/// key and 1; else, which list its keys are. Cells lie with the caller, who may have many rules.
pub(super) struct KeyIndex {
    /// Of each expression, its texts, without rows.
    texts: Vec<Column>,
    /// By key: the code of each expression.
    codes: Vec<u32>,
    count: u32,
    stopped: u64,
    /// Where in `numbers` each list starts, and one more for the end.
    starts: Vec<usize>,
    /// Sorted within each list.
    numbers: Vec<u32>,
    /// By list, a bit for each of its keys: most lists of two rows have none in common, and that is
    /// told without a look at them.
    signatures: Vec<u64>,
}

/// What marks the cell of a row with several keys.
const SEVERAL: u32 = 1 << 31;

impl KeyIndex {
    /// Number the keys that several rows share and that are not `stopped`; with the cells of all
    /// `rows` rows.
    pub(super) fn new(
        keys: &SharedKeys<'_>,
        rows: usize,
        stopped: impl Fn(SharedKey<'_>) -> bool,
    ) -> Result<(Self, Vec<u32>)> {
        let mut index = Self {
            texts: keys.columns().iter().map(|column| column.with_codes(Codes::new())).collect(),
            codes: Vec::new(),
            count: 0,
            stopped: 0,
            starts: vec![0],
            numbers: Vec::new(),
            signatures: Vec::new(),
        };
        let full = || Error::TableFull { what: "keys of a rule", limit: SEVERAL.into() };
        let mut cells = vec![0_u32; rows];
        let mut kept: Vec<SharedKey<'_>> = Vec::new();
        // How many keys each row has, until it has a cell.
        for key in keys.shared() {
            if stopped(key) {
                index.stopped += 1;
                continue;
            }
            index.codes.extend(key.codes());
            index.count += 1;
            if index.count >= SEVERAL {
                return Err(full());
            }
            kept.push(key);
            key.rows().for_each(|row| cells[row as usize] += 1);
        }
        // Where the next key of each row with several goes.
        let mut next = Vec::new();
        let mut end = 0;
        for cell in cells.iter_mut().filter(|cell| **cell > 1) {
            next.push(end);
            end += *cell as usize;
            *cell = SEVERAL | (next.len() - 1) as u32;
            index.starts.push(end);
            if next.len() >= SEVERAL as usize {
                return Err(full());
            }
        }
        // Keys come in their order, and so they stay within each row.
        index.numbers = vec![0; end];
        for (number, key) in (0..).zip(kept) {
            for row in key.rows() {
                match &mut cells[row as usize] {
                    cell if *cell & SEVERAL == 0 => *cell = number + 1,
                    cell => {
                        let next = &mut next[(*cell & !SEVERAL) as usize];
                        index.numbers[*next] = number;
                        *next += 1;
                    }
                }
            }
        }
        let lists = index.starts.windows(2).map(|ends| &index.numbers[ends[0]..ends[1]]);
        index.signatures =
            lists.map(|keys| keys.iter().fold(0, |all, key| all | signature(*key))).collect();
        Ok((index, cells))
    }

    /// How many keys there are.
    pub(super) fn len(&self) -> u32 {
        self.count
    }

    /// How many keys are stopped.
    pub(super) fn stopped(&self) -> u64 {
        self.stopped
    }

    /// Whether some row has several keys.
    pub(super) fn has_several(&self) -> bool {
        !self.numbers.is_empty()
    }

    /// The texts of a key, one for each expression.
    pub(super) fn texts(&self, key: u32) -> Vec<String> {
        let width = self.texts.len();
        let codes = &self.codes[key as usize * width..(key as usize + 1) * width];
        let texts = self.texts.iter().zip(codes).map(|(column, code)| column.pool().get(*code));
        texts.map(str::to_owned).collect()
    }

    /// Whether two rows' cells have a key in common.
    #[inline]
    pub(super) fn share(&self, left: u32, right: u32) -> bool {
        if (left | right) & SEVERAL == 0 {
            left == right && left != 0
        } else {
            left != 0 && right != 0 && self.lowest_shared(left, right).is_some()
        }
    }

    /// Whether `key`, which two rows' cells share, is the first that they do.
    #[inline]
    pub(super) fn is_first_shared(&self, left: u32, right: u32, key: u32) -> bool {
        // A row of one key shares no other.
        left & right & SEVERAL == 0 || self.lowest_shared(left, right) == Some(key)
    }

    fn lowest_shared(&self, left: u32, right: u32) -> Option<u32> {
        if self.signature(left) & self.signature(right) == 0 {
            return None;
        }
        let (mut one, mut other) = ([0], [0]);
        let (left, right) = (self.keys(left, &mut one), self.keys(right, &mut other));
        let (mut i, mut j) = (0, 0);
        while let (Some(l), Some(r)) = (left.get(i), right.get(j)) {
            match l.cmp(r) {
                Ordering::Equal => return Some(*l),
                Ordering::Less => i += 1,
                Ordering::Greater => j += 1,
            }
        }
        None
    }

    /// A bit for each key of a cell.
    #[inline]
    fn signature(&self, cell: u32) -> u64 {
        match cell {
            0 => 0,
            cell if cell & SEVERAL != 0 => self.signatures[(cell & !SEVERAL) as usize],
            cell => signature(cell - 1),
        }
    }

    /// The keys of a cell; `alone` is room for an only one.
    #[inline]
    pub(super) fn keys<'l>(&'l self, cell: u32, alone: &'l mut [u32; 1]) -> &'l [u32] {
        if cell & SEVERAL != 0 {
            let list = (cell & !SEVERAL) as usize;
            return &self.numbers[self.starts[list]..self.starts[list + 1]];
        }
        match cell.checked_sub(1) {
            Some(key) => {
                *alone = [key];
                alone
            }
            None => &[],
        }
    }

    /// How many of the rows that have these cells have each key.
    pub(super) fn counts(&self, cells: impl Iterator<Item = u32>) -> Vec<u32> {
        let mut counts = vec![0; self.count as usize];
        for cell in cells {
            self.keys(cell, &mut [0]).iter().for_each(|key| counts[*key as usize] += 1);
        }
        counts
    }

    /// The members of every key, each key's in the order given: a number and its cell.
    pub(super) fn blocks(&self, members: impl Iterator<Item = (u32, u32)> + Clone) -> Blocks {
        let mut starts = vec![0_usize; self.count as usize + 1];
        for (_, cell) in members.clone() {
            self.keys(cell, &mut [0]).iter().for_each(|key| starts[*key as usize + 1] += 1);
        }
        (1..starts.len()).for_each(|key| starts[key] += starts[key - 1]);
        let mut placed = vec![0; starts.last().copied().unwrap_or_default()];
        let mut next = starts.clone();
        for (member, cell) in members {
            for key in self.keys(cell, &mut [0]) {
                let place = &mut next[*key as usize];
                placed[*place] = member;
                *place += 1;
            }
        }
        Blocks { starts, members: placed }
    }
}

/// One of 64 bits.
#[inline]
fn signature(key: u32) -> u64 {
    // Keys that a row has often have neighbouring numbers.
    1 << (key.wrapping_mul(0x9e37_79b1) >> 26)
}

/// The members of each key of a rule.
pub(super) struct Blocks {
    /// By key, where its members start, and one more for the end.
    pub(super) starts: Vec<usize>,
    pub(super) members: Vec<u32>,
}

impl Blocks {
    pub(super) fn of(&self, key: u32) -> &[u32] {
        &self.members[self.starts[key as usize]..self.starts[key as usize + 1]]
    }
}
