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
/// Nearly every column has at most one value a row, which costs 4 bytes, and little more than a bit where
/// most rows have none; the others pay for offsets.
pub(crate) enum Codes {
    /// At most one code a row; [`NULL`] for none.
    Single(Vec<u32>),
    /// The same of a [finished](Codes::finish) list of which most rows have none.
    Few(Few),
    /// Where the codes of each row start, and one more for the end.
    Several { codes: Vec<u32>, starts: Vec<u32> },
}

impl Default for Codes {
    fn default() -> Self {
        Codes::Single(Vec::new())
    }
}

impl Codes {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// At most one code for each row, finished.
    pub(crate) fn single(codes: impl Iterator<Item = Option<u32>>) -> Self {
        Codes::Single(codes.map(|code| code.unwrap_or(NULL)).collect()).finish()
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Codes::Single(codes) => codes.len(),
            Codes::Few(few) => few.rows,
            Codes::Several { starts, .. } => starts.len() - 1,
        }
    }

    #[inline]
    pub(crate) fn get(&self, row: usize) -> &[u32] {
        match self {
            Codes::Single(codes) if codes[row] == NULL => &[],
            Codes::Single(codes) => &codes[row..=row],
            Codes::Few(few) => few.get(row),
            Codes::Several { codes, starts } => {
                &codes[starts[row] as usize..starts[row + 1] as usize]
            }
        }
    }

    /// The codes, in as little room as they take.
    pub(crate) fn finish(self) -> Self {
        match self {
            Codes::Single(codes) if Few::is_smaller(&codes) => Codes::Few(Few::new(&codes)),
            Codes::Single(mut codes) => {
                codes.shrink_to_fit();
                Codes::Single(codes)
            }
            Codes::Several { mut codes, mut starts } => {
                codes.shrink_to_fit();
                starts.shrink_to_fit();
                Codes::Several { codes, starts }
            }
            few @ Codes::Few(_) => few,
        }
    }

    /// How many bytes of memory they take.
    pub(crate) fn bytes(&self) -> u64 {
        let numbers = match self {
            Codes::Single(codes) => codes.capacity(),
            Codes::Few(few) => return few.bytes(),
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
            Codes::Few(few) => {
                // Nobody adds to what is finished; whoever does has them as they were.
                *self = Codes::Single(few.all());
                return self.push(row);
            }
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

/// At most one code for each row, of rows that mostly have none.
pub(crate) struct Few {
    rows: usize,
    /// By row, a bit for whether it has one.
    has: Vec<u64>,
    /// By 64 rows, how many have one before them.
    before: Vec<u32>,
    codes: Vec<u32>,
}

impl Few {
    /// Whether it takes less than a code for each row, [`NULL`] for none.
    fn is_smaller(codes: &[u32]) -> bool {
        codes.iter().filter(|code| **code != NULL).count() < codes.len() / 2
    }

    fn new(codes: &[u32]) -> Self {
        let (mut has, mut before, mut end) = (Vec::new(), Vec::new(), 0);
        for rows in codes.chunks(64) {
            let bits = rows.iter().rev().fold(0, |bits, code| bits << 1 | u64::from(*code != NULL));
            before.push(end);
            has.push(bits);
            end += bits.count_ones();
        }
        let mut own = Vec::with_capacity(end as usize);
        own.extend(codes.iter().filter(|code| **code != NULL));
        has.shrink_to_fit();
        before.shrink_to_fit();
        Self { rows: codes.len(), has, before, codes: own }
    }

    #[inline]
    fn get(&self, row: usize) -> &[u32] {
        assert!(row < self.rows, "there are {} rows", self.rows);
        let (bits, bit) = (self.has[row / 64], 1 << (row % 64));
        if bits & bit == 0 {
            return &[];
        }
        let place = (self.before[row / 64] + (bits & (bit - 1)).count_ones()) as usize;
        &self.codes[place..=place]
    }

    fn bytes(&self) -> u64 {
        let Self { has, before, codes, .. } = self;
        (size_of_val(&has[..]) + size_of_val(&before[..]) + size_of_val(&codes[..])) as u64
    }

    /// A code for each row, [`NULL`] for none.
    fn all(&self) -> Vec<u32> {
        (0..self.rows).map(|row| self.get(row).first().copied().unwrap_or(NULL)).collect()
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finished_codes_are_those_that_were_pushed_and_take_no_more_room(
            rows in prop::collection::vec(prop::option::weighted(0.3, 0_u32..9), 0..300), more: bool,
        ) {
            let (mut codes, mut whole) = (Codes::new(), Codes::new());
            for row in &rows {
                let row: Vec<u32> = row.iter().copied().collect();
                codes.push(&row).unwrap();
                whole.push(&row).unwrap();
            }
            let mut codes = codes.finish();
            let of = |codes: &Codes| (0..codes.len()).map(|row| codes.get(row).to_vec()).collect::<Vec<_>>();
            prop_assert_eq!(of(&codes), of(&whole));
            prop_assert!(rows.len() < 64 || codes.bytes() <= rows.len() as u64 * 4);
            let next = if more { &[3, 4][..] } else { &[3] };
            codes.push(next).unwrap();
            whole.push(next).unwrap();
            prop_assert_eq!(of(&codes), of(&whole));
        }
    }

    #[test]
    fn a_list_of_which_most_rows_have_none_is_small_and_ends_where_it_ends() {
        let mut codes = Codes::new();
        for row in 0..1_000 {
            let own = [row];
            codes.push(if row % 50 == 7 { &own } else { &[] }).unwrap();
        }
        let codes = codes.finish();
        assert_eq!(codes.bytes(), 20 * 4 + 16 * (8 + 4));
        assert_eq!((codes.get(57), codes.get(58)), (&[57][..], &[][..]));
        assert!(std::panic::catch_unwind(|| codes.get(1_000).len()).is_err());
    }
}
