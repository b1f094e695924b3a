use std::sync::Arc;

use super::{Pool, PoolBuilder};
use crate::error::{Error, Result};

/// "No value", where a code is wanted.
const NULL: u32 = u32::MAX;

/// Any number of texts for each row, as codes into a pool of distinct ones.
///
/// One field of all records is such a column, and so is whatever is derived from it.
#[derive(Clone)]
pub struct Column {
    pool: Arc<Pool>,
    codes: Arc<Codes>,
}

/// Any number of codes for each row.
///
/// Nearly every column has at most one value a row, which costs 4 bytes; the others pay for
/// offsets.
pub(crate) enum Codes {
    /// At most one code a row; [`NULL`] for none.
    Single(Vec<u32>),
    /// Where the codes of each row start, and one more for the end.
    Several { codes: Vec<u32>, starts: Vec<u32> },
}

impl Codes {
    pub(crate) fn new() -> Self {
        Codes::Single(Vec::new())
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Codes::Single(codes) => codes.len(),
            Codes::Several { starts, .. } => starts.len() - 1,
        }
    }

    #[inline]
    pub(crate) fn get(&self, row: usize) -> &[u32] {
        match self {
            Codes::Single(codes) if codes[row] == NULL => &[],
            Codes::Single(codes) => &codes[row..=row],
            Codes::Several { codes, starts } => {
                &codes[starts[row] as usize..starts[row + 1] as usize]
            }
        }
    }

    /// The codes, without the room that was left for more.
    pub(crate) fn finish(mut self) -> Self {
        match &mut self {
            Codes::Single(codes) => codes.shrink_to_fit(),
            Codes::Several { codes, starts } => {
                codes.shrink_to_fit();
                starts.shrink_to_fit();
            }
        }
        self
    }

    /// How many bytes of memory they take.
    pub(crate) fn bytes(&self) -> u64 {
        let numbers = match self {
            Codes::Single(codes) => codes.capacity(),
            Codes::Several { codes, starts } => codes.capacity() + starts.capacity(),
        };
        numbers as u64 * 4
    }

    /// Append a row of these codes, which are distinct.
    pub(crate) fn push(&mut self, row: &[u32]) -> Result<()> {
        if let (Codes::Single(codes), true) = (&mut *self, row.len() > 1) {
            let codes = std::mem::take(codes);
            let mut starts = Vec::with_capacity(codes.len() + 2);
            let mut end = 0;
            starts.push(end);
            starts.extend(codes.iter().map(|code| {
                end += u32::from(*code != NULL);
                end
            }));
            let codes = codes.into_iter().filter(|code| *code != NULL).collect();
            *self = Codes::Several { codes, starts };
        }
        match self {
            Codes::Single(codes) => codes.push(row.first().copied().unwrap_or(NULL)),
            Codes::Several { codes, starts } => {
                if codes.len() + row.len() > u32::MAX as usize {
                    let limit = u32::MAX.into();
                    return Err(Error::TableFull { what: "values in one field", limit });
                }
                codes.extend_from_slice(row);
                starts.push(codes.len() as u32);
            }
        }
        Ok(())
    }
}

impl Column {
    pub(crate) fn new(pool: Arc<Pool>, codes: Codes) -> Self {
        Self { pool, codes: Arc::new(codes) }
    }

    /// The same pool for rows of other codes of it.
    pub(crate) fn with_codes(&self, codes: Codes) -> Self {
        Self::new(Arc::clone(&self.pool), codes)
    }

    /// The distinct texts, by code.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// How many bytes of memory the codes of the rows take.
    pub(crate) fn codes_bytes(&self) -> u64 {
        self.codes.bytes()
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The codes of one row, each once, in the order in which they were given.
    ///
    /// # Panics
    /// Where the table has no such row.
    #[must_use]
    #[inline]
    pub fn codes(&self, row: usize) -> &[u32] {
        self.codes.get(row)
    }

    /// The texts of one row.
    ///
    /// # Panics
    /// Where the table has no such row.
    pub fn values(&self, row: usize) -> impl Iterator<Item = &str> {
        self.codes(row).iter().map(|code| self.pool.get(*code))
    }
}

/// Builds a [`Column`] row by row.
pub(crate) struct ColumnBuilder {
    pool: PoolBuilder,
    codes: Codes,
}

impl ColumnBuilder {
    pub(crate) fn new() -> Self {
        Self { pool: PoolBuilder::new(), codes: Codes::new() }
    }

    /// For so many rows, of which nearly all have one value at most.
    pub(crate) fn with_rows(rows: usize) -> Self {
        Self { pool: PoolBuilder::new(), codes: Codes::Single(Vec::with_capacity(rows)) }
    }

    /// [`PoolBuilder::reserve`].
    pub(crate) fn reserve(&mut self, texts: usize, bytes: usize) {
        self.pool.reserve(texts, bytes);
    }

    /// The code of `value`, which is added to the pool where it is new.
    pub(crate) fn intern(&mut self, value: &str) -> Result<u32> {
        self.pool.intern(value)
    }

    /// The same, where the XXH3 hash of the value is known already.
    pub(crate) fn intern_hashed(&mut self, value: &str, hash: u64) -> Result<u32> {
        self.pool.intern_hashed(value, hash)
    }

    /// Append a row of these codes, which are distinct.
    pub(crate) fn push(&mut self, row: &[u32]) -> Result<()> {
        self.codes.push(row)
    }

    /// Append rows of texts: a text given twice in one is kept once, one of blanks is left out.
    pub(crate) fn push_rows<'t>(
        &mut self,
        rows: impl Iterator<Item = impl Iterator<Item = &'t str>>,
    ) -> Result<()> {
        let (mut texts, mut ends, mut codes) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows {
            texts.extend(row.filter(|text| !text.trim().is_empty()));
            ends.push(texts.len());
        }
        self.pool.intern_all(&texts, &mut codes)?;
        let (mut start, mut distinct) = (0, Vec::new());
        for end in ends {
            distinct.clear();
            for code in &codes[start..end] {
                if !distinct.contains(code) {
                    distinct.push(*code);
                }
            }
            self.push(&distinct)?;
            start = end;
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> Column {
        Column::new(Arc::new(self.pool.freeze()), self.codes.finish())
    }
}
