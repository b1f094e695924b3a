//! Whether the work goes in one pass or in several, so that it takes no more memory than it may.

use super::Plan;
use crate::cancel::Run;
use crate::error::Result;
use crate::table::Table;

/// In how many passes the records are gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passes {
    /// All that is made is kept for whoever needs it again.
    One,
    /// Values are normalised for keys first, and again to be compared; candidate pairs are met to learn
    /// from them, and again to be weighed.
    Several,
}

impl Plan {
    /// In how many passes `table` is to be gone through: several where one would take more memory than the run
    /// may, by what [`estimate`](Self::estimate) tells, and the program's allocator does not see to it.
    ///
    /// # Errors
    /// [`Error::MemoryLimit`](crate::Error::MemoryLimit) where several would take more memory than the run may, too.
    pub(crate) fn passes(&self, table: &Table, run: &Run) -> Result<Passes> {
        let Some(limit) = run.memory_limit() else { return Ok(Passes::One) };
        // What is large need not fit then.
        if limit.is_kept() && Self::least_kept(table.len()) <= limit.bytes {
            return Ok(Passes::One);
        }
        let told = self.estimate(table, &run.quiet())?;
        if told.peak_memory_bytes <= limit.bytes {
            Ok(Passes::One)
        } else if told.least_memory_bytes <= limit.bytes {
            Ok(Passes::Several)
        } else {
            Err(limit.too_low(told.least_memory_bytes))
        }
    }
}
