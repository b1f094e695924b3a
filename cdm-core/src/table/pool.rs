use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use crate::error::{Error, Result};

/// Distinct texts, numbered from 0 in the order in which they were first seen.
///
/// One buffer holds all of them, so a text costs its bytes and about 16 more while the pool still
/// grows, 8 once it is [frozen](PoolBuilder::freeze).
#[derive(Default)]
pub struct PoolBuilder {
    pool: Pool,
    index: HashTable<u32>,
}

/// Distinct texts by code, read only.
#[derive(Clone, Default)]
pub struct Pool {
    text: String,
    ends: Vec<usize>,
}

/// The most texts that one pool can number; one code is kept for "no value".
const MAX_CODES: usize = u32::MAX as usize;

impl PoolBuilder {
    /// A pool without texts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The code of `text`, which is added where it is new.
    ///
    /// # Errors
    /// [`Error::TableFull`] past 4 billion distinct texts.
    pub fn intern(&mut self, text: &str) -> Result<u32> {
        let hash = xxh3_64(text.as_bytes());
        if let Some(code) = self.index.find(hash, |code| self.pool.get(*code) == text) {
            return Ok(*code);
        }
        if self.pool.len() >= MAX_CODES {
            return Err(Error::TableFull { what: "distinct values", limit: MAX_CODES as u64 });
        }
        let code = self.pool.ends.len() as u32;
        self.pool.text.push_str(text);
        self.pool.ends.push(self.pool.text.len());
        let pool = &self.pool;
        self.index.insert_unique(hash, code, |code| xxh3_64(pool.get(*code).as_bytes()));
        Ok(code)
    }

    /// The code of `text`, where the pool has it.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<u32> {
        let hash = xxh3_64(text.as_bytes());
        self.index.find(hash, |code| self.pool.get(*code) == text).copied()
    }

    /// The texts so far.
    #[must_use]
    pub fn texts(&self) -> &Pool {
        &self.pool
    }

    /// The texts alone, without the index by which they were found.
    #[must_use]
    pub fn freeze(mut self) -> Pool {
        self.pool.text.shrink_to_fit();
        self.pool.ends.shrink_to_fit();
        self.pool
    }
}

impl Pool {
    /// The text of that code.
    ///
    /// # Panics
    /// Where the code is not one of this pool's.
    #[must_use]
    #[inline]
    pub fn get(&self, code: u32) -> &str {
        let code = code as usize;
        let start = if code == 0 { 0 } else { self.ends[code - 1] };
        &self.text[start..self.ends[code]]
    }

    /// How many distinct texts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Every text, by code.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.ends.len() as u32).map(|code| self.get(code))
    }
}
