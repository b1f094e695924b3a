use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use crate::error::{Error, Result};

/// Distinct texts, numbered from 0 in the order in which they were first seen.
///
/// One buffer holds all of them, so a text costs its bytes and about 20 more while the pool still
/// grows, 4 once it is [frozen](PoolBuilder::freeze).
#[derive(Default)]
pub struct PoolBuilder {
    pool: Pool,
    /// Hash and code of every text: a table that grows need not look at the texts again.
    index: HashTable<(u32, u32)>,
}

/// Distinct texts by code, read only.
#[derive(Clone, Default)]
pub struct Pool {
    text: String,
    ends: Ends<32>,
}

/// The most texts that one pool can number; one code is kept for "no value".
const MAX_CODES: usize = u32::MAX as usize;

/// For how many texts at once memory is asked for what will be looked at.
const LOOKS_AHEAD: usize = 32;

impl PoolBuilder {
    /// A pool without texts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Room for so many texts of so many bytes together. What grows little by little instead leaves
    /// holes in memory; room that is not used is never touched, and goes when the pool is frozen.
    pub(crate) fn reserve(&mut self, texts: usize, bytes: usize) {
        self.pool.text.reserve(bytes);
        self.pool.ends.low.reserve(texts);
        self.index.reserve(texts, |(hash, _)| place(*hash));
    }

    /// The code of `text`, which is added where it is new.
    ///
    /// # Errors
    /// [`Error::TableFull`] past 4 billion distinct texts.
    pub fn intern(&mut self, text: &str) -> Result<u32> {
        self.intern_hashed(text, xxh3_64(text.as_bytes()))
    }

    /// [`intern`](Self::intern), where the XXH3 hash of the text is known already.
    pub(crate) fn intern_hashed(&mut self, text: &str, hash: u64) -> Result<u32> {
        debug_assert_eq!(hash, xxh3_64(text.as_bytes()), "of this text, by this function");
        let hash = short(hash);
        if let Some(code) = self.find_hashed(text, hash) {
            return Ok(code);
        }
        if self.pool.len() >= MAX_CODES {
            return Err(Error::TableFull { what: "distinct values", limit: MAX_CODES as u64 });
        }
        let code = self.pool.len() as u32;
        self.pool.push(text);
        self.index.insert_unique(place(hash), (hash, code), |(hash, _)| place(*hash));
        Ok(code)
    }

    /// Append the code of each of `texts`, those that are new in their order.
    ///
    /// # Errors
    /// As [`intern`](Self::intern).
    pub(crate) fn intern_all(&mut self, texts: &[&str], codes: &mut Vec<u32>) -> Result<()> {
        let mut looks = [(0, None); LOOKS_AHEAD];
        for texts in texts.chunks(LOOKS_AHEAD) {
            // Memory is slow to answer, and answers many questions in the time of one.
            for (text, (hash, code)) in texts.iter().zip(&mut looks) {
                *hash = xxh3_64(text.as_bytes());
                let short = short(*hash);
                *code =
                    self.index.find(place(short), |known| known.0 == short).map(|known| known.1);
            }
            let firsts = looks[..texts.len()].iter().filter_map(|(_, code)| *code);
            let firsts = firsts.filter_map(|code| self.pool.get(code).as_bytes().first());
            std::hint::black_box(firsts.fold(0, |sum: u8, first| sum.wrapping_add(*first)));
            for (text, (hash, _)) in texts.iter().zip(looks) {
                codes.push(self.intern_hashed(text, hash)?);
            }
        }
        Ok(())
    }

    /// The code of `text`, where the pool has it.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<u32> {
        self.find_hashed(text, short(xxh3_64(text.as_bytes())))
    }

    fn find_hashed(&self, text: &str, hash: u32) -> Option<u32> {
        let is_it = |known: &(u32, u32)| known.0 == hash && self.pool.get(known.1) == text;
        self.index.find(place(hash), is_it).map(|known| known.1)
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
        self.pool.ends.low.shrink_to_fit();
        self.pool
    }
}

/// As much of a hash as is kept.
fn short(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// Where a table looks first, by its highest and its lowest bits.
pub(super) fn place(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Pool {
    /// Append a text, whether it is there or not; its code is how many there were.
    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len());
    }

    /// How many bytes of memory it takes.
    pub(crate) fn bytes(&self) -> u64 {
        (self.text.capacity() + self.ends.low.capacity() * size_of::<u32>()) as u64
    }

    /// How many bytes of text there are.
    pub(crate) fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// The text of that code.
    ///
    /// # Panics
    /// Where the code is not one of this pool's.
    #[must_use]
    #[inline]
    pub fn get(&self, code: u32) -> &str {
        let code = code as usize;
        let start = if code == 0 { 0 } else { self.ends.get(code - 1) };
        &self.text[start..self.ends.get(code)]
    }

    /// How many distinct texts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.low.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.low.is_empty()
    }

    /// Every text, by code.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len() as u32).map(|code| self.get(code))
    }
}

/// Where texts end that follow each other. The lowest `BITS` bits of each, 32 at most, as few pools
/// are larger.
#[derive(Clone, Default)]
struct Ends<const BITS: u32> {
    low: Vec<u32>,
    /// Where the bits above go up by one: the first text that ends there.
    carries: Vec<u32>,
}

impl<const BITS: u32> Ends<BITS> {
    fn push(&mut self, end: usize) {
        let end = end as u64;
        let code = self.low.len() as u32;
        while (self.carries.len() as u64) < end >> BITS {
            self.carries.push(code);
        }
        self.low.push((end & ((1 << BITS) - 1)) as u32);
    }

    #[inline]
    fn get(&self, code: usize) -> usize {
        let low = u64::from(self.low[code]);
        if self.carries.is_empty() {
            return low as usize;
        }
        let carries = self.carries.partition_point(|first| *first as usize <= code);
        (low | (carries as u64) << BITS) as usize
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ends_are_found_where_few_bits_hold_them(
            lengths in prop::collection::vec(prop_oneof![0_usize..5, 0_usize..100], 0..50),
        ) {
            let (mut ends, mut wanted, mut end) = (Ends::<4>::default(), Vec::new(), 0);
            for length in lengths {
                end += length;
                ends.push(end);
                wanted.push(end);
            }
            let found: Vec<usize> = (0..wanted.len()).map(|code| ends.get(code)).collect();
            prop_assert_eq!(found, wanted);
        }
    }
}
