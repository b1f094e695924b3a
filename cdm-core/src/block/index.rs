use std::cmp::Ordering;

use super::scope::two_of;
use super::{SharedKey, SharedKeys};
use crate::cancel::Run;
use crate::error::{Error, Result};
use crate::table::{Codes, Column};

/// The usable keys of one rule, numbered, with the numbers of each row's and the rows of each.
///
/// What a row has is one word, its *cell*: 0 for no key; below [`SEVERAL`], the number of its only
/// key and 1; else, which list its keys are. Cells lie with the caller, who may have many rules.
pub(super) struct KeyIndex {
    stopped: u64,
    /// Where in `numbers` each list starts, and one more for the end.
    starts: Vec<u32>,
    /// Sorted within each list. The lists of a table are in the order of its rows.
    numbers: Vec<u32>,
    blocks: Blocks,
}

/// What marks the cell of a row with several keys.
const SEVERAL: u32 = 1 << 31;

/// How many keys are numbered between two looks at the cancel token.
const KEYS_AT_ONCE: usize = 1 << 14;

impl KeyIndex {
    /// Number the keys that several rows share and that are not `stopped`; with the cells of all
    /// `rows` rows.
    pub(super) fn new(
        keys: &SharedKeys,
        rows: usize,
        run: &Run,
        stopped: impl Fn(SharedKey<'_>) -> bool,
    ) -> Result<(Self, Vec<u32>)> {
        let mut index = Self {
            stopped: 0,
            starts: vec![0],
            numbers: Vec::new(),
            blocks: Blocks { starts: vec![0], members: Vec::new() },
        };
        let full = || Error::TableFull { what: "keys of a rule", limit: SEVERAL.into() };
        let mut cells = vec![0_u32; rows];
        // How many keys each row has, until it has a cell.
        for (place, key) in keys.shared().enumerate() {
            if place % KEYS_AT_ONCE == 0 {
                run.check()?;
            }
            if stopped(key) {
                index.stopped += 1;
                continue;
            }
            index.blocks.members.extend(key.rows());
            let end = u32::try_from(index.blocks.members.len()).map_err(|_| Error::TableFull {
                what: "keys of records under one rule",
                limit: u32::MAX.into(),
            })?;
            index.blocks.starts.push(end);
            if index.len() >= SEVERAL {
                return Err(full());
            }
            key.rows().for_each(|row| cells[row as usize] += 1);
        }
        index.blocks.members.shrink_to_fit();
        index.blocks.starts.shrink_to_fit();
        // Where the next key of each row with several goes.
        let mut next = Vec::new();
        let mut end = 0;
        for cell in cells.iter_mut().filter(|cell| **cell > 1) {
            next.push(end);
            end += *cell;
            *cell = SEVERAL | (next.len() - 1) as u32;
            index.starts.push(end);
            if next.len() >= SEVERAL as usize {
                return Err(full());
            }
        }
        // Keys come in their order, and so they stay within each row.
        index.numbers = vec![0; end as usize];
        for number in 0..index.len() {
            if (number as usize).is_multiple_of(KEYS_AT_ONCE) {
                run.check()?;
            }
            for row in index.blocks.of(number) {
                match &mut cells[*row as usize] {
                    cell if *cell & SEVERAL == 0 => *cell = number + 1,
                    cell => {
                        let next = &mut next[(*cell & !SEVERAL) as usize];
                        index.numbers[*next as usize] = number;
                        *next += 1;
                    }
                }
            }
        }
        Ok((index, cells))
    }

    /// How many keys there are.
    pub(super) fn len(&self) -> u32 {
        (self.blocks.starts.len() - 1) as u32
    }

    /// How many bytes of memory it takes.
    pub(super) fn bytes(&self) -> u64 {
        let Blocks { starts, members } = &self.blocks;
        (size_of_val(&self.starts[..])
            + size_of_val(&self.numbers[..])
            + size_of_val(&starts[..])
            + size_of_val(&members[..])) as u64
    }

    /// The rows of every key, each key's in order.
    pub(super) fn blocks(&self) -> &Blocks {
        &self.blocks
    }

    /// How many keys are stopped.
    pub(super) fn stopped(&self) -> u64 {
        self.stopped
    }

    /// Whether some row has several keys.
    pub(super) fn has_several(&self) -> bool {
        !self.numbers.is_empty()
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

    /// The keys of a cell; `alone` is room for an only one.
    #[inline]
    pub(super) fn keys<'l>(&'l self, cell: u32, alone: &'l mut [u32; 1]) -> &'l [u32] {
        if cell & SEVERAL != 0 {
            let list = (cell & !SEVERAL) as usize;
            return &self.numbers[self.starts[list] as usize..self.starts[list + 1] as usize];
        }
        match cell.checked_sub(1) {
            Some(key) => {
                *alone = [key];
                alone
            }
            None => &[],
        }
    }

    /// The members of every key, each key's in the order given: a number and its cell.
    pub(super) fn blocks_of(&self, members: impl Iterator<Item = (u32, u32)> + Clone) -> Blocks {
        let mut starts = vec![0_u32; self.len() as usize + 1];
        for (_, cell) in members.clone() {
            self.keys(cell, &mut [0]).iter().for_each(|key| starts[*key as usize + 1] += 1);
        }
        (1..starts.len()).for_each(|key| starts[key] += starts[key - 1]);
        let mut placed = vec![0; starts.last().copied().unwrap_or_default() as usize];
        let mut next = starts.clone();
        for (member, cell) in members {
            for key in self.keys(cell, &mut [0]) {
                let place = &mut next[*key as usize];
                placed[*place as usize] = member;
                *place += 1;
            }
        }
        Blocks { starts, members: placed }
    }
}

/// What the keys of a rule are called, by number.
pub(super) struct KeyNames {
    /// Of each expression, its texts, without rows.
    texts: Vec<Column>,
    /// By key: the code of each expression.
    codes: Vec<u32>,
}

impl KeyNames {
    /// Of the keys that are not `stopped`.
    pub(super) fn new(keys: &SharedKeys, stopped: impl Fn(SharedKey<'_>) -> bool) -> Self {
        let texts = keys.columns().iter().map(|column| column.with_codes(Codes::new()));
        let named = keys.shared().filter(|key| !stopped(*key));
        Self { texts: texts.collect(), codes: named.flat_map(SharedKey::codes).copied().collect() }
    }

    /// The texts of a key, one for each expression.
    pub(super) fn of(&self, key: u32) -> Vec<String> {
        let width = self.texts.len();
        let codes = &self.codes[key as usize * width..(key as usize + 1) * width];
        let texts = self.texts.iter().zip(codes).map(|(column, code)| column.pool().get(*code));
        texts.map(str::to_owned).collect()
    }
}

/// Of up to so many members each is looked at to find a place among them.
const FEW: usize = 8;

/// The members of each key of a rule.
pub(super) struct Blocks {
    /// By key, where its members start, and one more for the end.
    starts: Vec<u32>,
    members: Vec<u32>,
}

impl Blocks {
    #[inline]
    pub(super) fn of(&self, key: u32) -> &[u32] {
        let key = key as usize;
        &self.members[self.starts[key] as usize..self.starts[key + 1] as usize]
    }

    /// The members of a key that come after `row`, one of them.
    #[inline]
    pub(super) fn after(&self, key: u32, row: u32) -> &[u32] {
        let all = self.of(key);
        // Most keys are those of a few.
        let place = match all.len() {
            ..=FEW => all.iter().take_while(|member| **member <= row).count(),
            _ => all.partition_point(|member| *member <= row),
        };
        &all[place..]
    }

    /// A look at the first members of some keys, so that they are at hand: memory is slow to answer,
    /// and answers many questions in the time of one.
    #[inline]
    pub(super) fn look(&self, keys: &[u32]) -> u32 {
        let first = |key: &u32| self.members[self.starts[*key as usize] as usize];
        keys.iter().map(first).fold(0, u32::wrapping_add)
    }

    /// The pairs of each key's members, a pair of several keys as often.
    pub(super) fn meetings(&self) -> u64 {
        let sizes = self.starts.windows(2).map(|ends| u64::from(ends[1] - ends[0]));
        sizes.fold(0, |pairs, size| pairs.saturating_add(two_of(size)))
    }
}
