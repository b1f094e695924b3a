//! What a reader did with one input: what it took in, what it turned away and why.

use std::fmt;

use serde::Serialize;

use super::{Format, Mapping, ReadOptions};

/// Why one row of an input is not in the table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum RejectReason {
    /// Fewer or more cells than the header has; the row may be cut short, or a quote or delimiter
    /// is missing.
    WrongCellCount {
        /// How many cells the header has.
        expected: usize,
        /// How many the row has.
        found: usize,
    },
    /// A quoted cell that nothing closes before the end of the file.
    UnclosedQuote,
    /// A line that is not a JSON value.
    InvalidJson {
        /// The column of the line at which it stops being JSON, from 1.
        column: usize,
    },
    /// A JSON value that is not an object.
    NotAnObject,
    /// Objects or arrays within one another, deeper than the reader follows.
    TooDeep {
        /// How many levels are followed.
        limit: usize,
    },
    /// No value in the column that holds the record's id.
    MissingId,
    /// Another row, read earlier, has the same source and id.
    DuplicateKey,
    /// More values in one field than a table accepts.
    TooManyValues {
        /// The field.
        field: String,
        /// The most that one field of one record may hold.
        limit: usize,
    },
}

impl RejectReason {
    /// The reason's stable name, such as `"missing_id"`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            RejectReason::WrongCellCount { .. } => "wrong_cell_count",
            RejectReason::UnclosedQuote => "unclosed_quote",
            RejectReason::InvalidJson { .. } => "invalid_json",
            RejectReason::NotAnObject => "not_an_object",
            RejectReason::TooDeep { .. } => "too_deep",
            RejectReason::MissingId => "missing_id",
            RejectReason::DuplicateKey => "duplicate_key",
            RejectReason::TooManyValues { .. } => "too_many_values",
        }
    }
}

/// One row that was turned away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejection {
    /// The line of the file on which the row starts, from 1; for Arrow and Parquet, the row.
    pub line: u64,
    /// Why.
    #[serde(flatten)]
    pub reason: RejectReason,
    /// The record's id, where it was read before the row was turned away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// What became of one input.
///
/// `rows_read` = `rows_accepted` + `rows_rejected`: nothing is dropped in silence. Blank rows, all
/// of whose cells are empty, are no rows and counted apart.
#[derive(Debug, Clone, Serialize)]
pub struct ReadReport {
    /// The file, or the name that was given to the bytes.
    pub input: String,
    /// The source of its records, where no column says otherwise.
    pub source: String,
    /// The format it was read as.
    pub format: Format,
    /// The encoding of the text, by its WHATWG name, such as `UTF-8`; `None` for Arrow and Parquet.
    pub encoding: Option<&'static str>,
    /// What separates the cells; `None` where the format has no such thing.
    pub delimiter: Option<char>,
    /// How its columns became fields.
    pub mapping: Mapping,
    /// Whether the mapping was inferred rather than given.
    pub mapping_inferred: bool,
    /// Every column, in the order of the input.
    pub columns: Vec<String>,
    /// The columns that nothing was taken from.
    pub unused_columns: Vec<String>,
    /// Columns that the mapping names and no JSON object had.
    pub absent_columns: Vec<String>,
    /// Rows that hold something.
    pub rows_read: u64,
    /// Rows that are in the table.
    pub rows_accepted: u64,
    /// Rows that are not.
    pub rows_rejected: u64,
    /// Rows without any value; not counted as read.
    pub rows_blank: u64,
    /// Rows that are not valid in the file's encoding: read as Windows-1252 where the file is
    /// UTF-8, else with the character U+FFFD in place of what could not be read.
    pub rows_recoded: u64,
    /// Rows taken in without their time, since it could not be read.
    pub times_unreadable: u64,
    /// The first rows that were turned away, at most
    /// [`max_rejected_kept`](super::ReadOptions::max_rejected_kept), in the order of the input.
    pub rejections: Vec<Rejection>,
    /// The places, from 0, of the rows that are not in the table: all that were rejected, and the
    /// blank ones, but for CSV, where a line without any value is no row.
    #[serde(skip)]
    pub rows_left_out: Vec<u64>,
}

impl ReadReport {
    pub(super) fn reject(
        &mut self,
        line: u64,
        reason: RejectReason,
        id: Option<&str>,
        options: &ReadOptions,
    ) {
        self.rows_rejected += 1;
        self.leave_out(self.rows_read - 1);
        if self.rejections.len() < options.max_rejected_kept {
            self.rejections.push(Rejection { line, reason, id: id.map(str::to_owned) });
        }
    }

    pub(super) fn skip_blank(&mut self) {
        if self.format != Format::Csv {
            self.leave_out(self.rows_read);
        }
        self.rows_blank += 1;
    }

    /// Leave out the row that follows on so many others and the blank rows before it.
    fn leave_out(&mut self, rows_before: u64) {
        let blank = if self.format == Format::Csv { 0 } else { self.rows_blank };
        self.rows_left_out.push(rows_before + blank);
    }
}

/// By row of the inputs that were read into a table of so many `records`, the row of the table,
/// where it is in it; `None` where the two are the same, or the reports are of another table.
#[must_use]
pub fn rows_of_inputs(records: usize, reports: &[ReadReport]) -> Option<Vec<Option<u32>>> {
    if reports.iter().all(|report| report.rows_left_out.is_empty()) {
        return None;
    }
    let mut rows = Vec::with_capacity(records);
    let mut next = 0;
    for report in reports {
        let mut left_out = report.rows_left_out.iter().peekable();
        let total = report.rows_accepted + report.rows_left_out.len() as u64;
        for place in 0..total {
            if left_out.next_if(|left_out| **left_out == place).is_some() {
                rows.push(None);
            } else {
                rows.push(Some(next));
                next += 1;
            }
        }
    }
    // Reports of another table than this one say nothing about it.
    (next as usize == records).then_some(rows)
}

/// In words, for a terminal: what was read, how the columns were mapped, which are unused.
impl fmt::Display for ReadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { input, source, rows_read, rows_accepted, rows_rejected, .. } = self;
        writeln!(
            f,
            "{input} as {source}: {rows_read} rows, {rows_accepted} accepted, {rows_rejected} rejected"
        )?;
        let how = if self.mapping_inferred { "inferred" } else { "given" };
        writeln!(f, "mapping ({how}):")?;
        self.mapping.to_string().lines().try_for_each(|line| writeln!(f, "  {line}"))?;
        if !self.unused_columns.is_empty() {
            writeln!(f, "  unused: {}", self.unused_columns.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_written_by_its_code() {
        let field = || "email".to_owned();
        for reason in [
            RejectReason::WrongCellCount { expected: 1, found: 2 },
            RejectReason::UnclosedQuote,
            RejectReason::InvalidJson { column: 1 },
            RejectReason::NotAnObject,
            RejectReason::TooDeep { limit: 1 },
            RejectReason::MissingId,
            RejectReason::DuplicateKey,
            RejectReason::TooManyValues { field: field(), limit: 1 },
        ] {
            let written = serde_json::to_value(&reason).expect("a reason is an object");
            assert_eq!(written["reason"], reason.code());
        }
    }
}
