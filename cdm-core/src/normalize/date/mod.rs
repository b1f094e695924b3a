//! Calendar dates.

use super::text::text;
use super::{Context, Normalized};
use crate::schema::DateOrder;

/// Calendar date, such as a date of birth; may be partial.
#[must_use]
pub fn date(raw: &str, _context: &Context) -> Normalized {
    text(raw)
}

/// What a column's values say about the order of day and month in its numeric dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct DateOrderEvidence {
    /// The order that was decided on; `None` where the values say nothing.
    pub order: Option<DateOrder>,
    /// How many values can only be read day first.
    pub day_first: u64,
    /// How many values can only be read month first.
    pub month_first: u64,
    /// How many values could be read both ways.
    pub ambiguous: u64,
}

/// Decide from a column's values, each with the number of records that hold it, whether its numeric
/// dates are day first or month first.
#[must_use]
pub fn date_order<'a>(_values: impl IntoIterator<Item = (&'a str, u64)>) -> DateOrderEvidence {
    DateOrderEvidence { order: None, day_first: 0, month_first: 0, ambiguous: 0 }
}
