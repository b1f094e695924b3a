//! Whether the work goes in one pass or in several, so that it takes no more memory than it may.

use super::Plan;
use crate::cancel::Run;
use crate::error::{Error, Result};
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
    /// In how many passes `table` is to be gone through, by what [`estimate`](Self::estimate) tells.
    ///
    /// # Errors
    /// [`Error::MemoryLimit`] where several would take more memory than the run may, too.
    pub(crate) fn passes(&self, table: &Table, run: &Run) -> Result<Passes> {
        let Some(limit_bytes) = run.memory_limit() else { return Ok(Passes::One) };
        let told = self.estimate(table, &run.quiet())?;
        if told.peak_memory_bytes <= limit_bytes {
            Ok(Passes::One)
        } else if told.least_memory_bytes <= limit_bytes {
            Ok(Passes::Several)
        } else {
            Err(Error::MemoryLimit { limit_bytes, least_bytes: told.least_memory_bytes })
        }
    }
}
