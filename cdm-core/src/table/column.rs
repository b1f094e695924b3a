use super::{Pool, PoolBuilder};
use crate::error::{Error, Result};

/// "No value", where a code is wanted.
const NULL: u32 = u32::MAX;

/// One field of all records: for each row any number of codes into a pool of distinct raw values.
#[derive(Clone)]
pub struct Column {
    pool: Pool,
    rows: Rows,
}

/// Codes by row. Nearly every column has at most one value a row, which costs 4 bytes; the others
/// pay for offsets.
#[derive(Clone)]
enum Rows {
    Single(Vec<u32>),
    Several { codes: Vec<u32>, starts: Vec<u32> },
}

impl Rows {
    fn get(&self, row: usize) -> &[u32] {
        match self {
            Rows::Single(codes) if codes[row] == NULL => &[],
            Rows::Single(codes) => &codes[row..=row],
            Rows::Several { codes, starts } => {
                &codes[starts[row] as usize..starts[row + 1] as usize]
            }
        }
    }
}

impl Column {
    /// The distinct raw values, by code.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The codes of one row's values, each once, in the order in which they were given.
    ///
    /// # Panics
    /// Where the table has no such row.
    #[must_use]
    pub fn codes(&self, row: usize) -> &[u32] {
        self.rows.get(row)
    }

    /// One row's raw values.
    ///
    /// # Panics
    /// Where the table has no such row.
    pub fn values(&self, row: usize) -> impl Iterator<Item = &str> {
        self.codes(row).iter().map(|code| self.pool.get(*code))
    }
}

pub(super) struct ColumnBuilder {
    pool: PoolBuilder,
    rows: Rows,
}

impl ColumnBuilder {
    pub(super) fn new() -> Self {
        Self { pool: PoolBuilder::new(), rows: Rows::Single(Vec::new()) }
    }

    pub(super) fn intern(&mut self, value: &str) -> Result<u32> {
        self.pool.intern(value)
    }

    /// Append a row of these codes, which are distinct.
    pub(super) fn push(&mut self, row: &[u32]) -> Result<()> {
        if let (Rows::Single(codes), true) = (&mut self.rows, row.len() > 1) {
            let codes = std::mem::take(codes);
            let mut starts = Vec::with_capacity(codes.len() + 2);
            let mut end = 0;
            starts.push(end);
            starts.extend(codes.iter().map(|code| {
                end += u32::from(*code != NULL);
                end
            }));
            let codes = codes.into_iter().filter(|code| *code != NULL).collect();
            self.rows = Rows::Several { codes, starts };
        }
        match &mut self.rows {
            Rows::Single(codes) => codes.push(row.first().copied().unwrap_or(NULL)),
            Rows::Several { codes, starts } => {
                if codes.len() + row.len() > u32::MAX as usize {
                    return Err(Error::TableFull {
                        what: "values in one field",
                        limit: u32::MAX.into(),
                    });
                }
                codes.extend_from_slice(row);
                starts.push(codes.len() as u32);
            }
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Column {
        Column { pool: self.pool.freeze(), rows: self.rows }
    }
}
