//! What can go wrong: one typed error for the whole library.

use std::io;
use std::path::PathBuf;

/// The result of a fallible call of this library.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, where, and what was wanted instead.
///
/// A message names files, fields, lines and record keys, never a person's data. A row that cannot
/// be used is not an error: readers count it and say where it was, see
/// [`ReadReport`](crate::read::ReadReport).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be opened or read.
    #[error("cannot read {path:?}: {source}")]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file could not be written; nothing of it was left behind.
    #[error("cannot write {path:?}: {source}; nothing was written there")]
    WriteFile {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Output could not be written to a stream.
    #[error("cannot write output: {0}")]
    WriteStream(#[source] io::Error),
    /// A file holds no row, or not even a header.
    #[error("{name:?} is empty: wanted a header row and at least one record")]
    EmptyInput {
        /// The file or stream.
        name: String,
    },
    /// A file is not what its name or the caller said.
    #[error("{name:?} is not readable as {format}: {reason}")]
    MalformedInput {
        /// The file or stream.
        name: String,
        /// The format that was tried, such as `CSV`.
        format: &'static str,
        /// What was found.
        reason: String,
    },
    /// One record of a file is longer than a reader accepts.
    #[error(
        "{name:?} line {line}: the record is longer than {limit_bytes} bytes; is a quote left open, \
         or is this not a {format} file? Raise `max_record_bytes` if the record is real"
    )]
    RecordTooLong {
        /// The file or stream.
        name: String,
        /// The line on which the record starts, from 1.
        line: u64,
        /// The longest record accepted.
        limit_bytes: usize,
        /// The format, such as `CSV`.
        format: &'static str,
    },
    /// A file name does not tell its format.
    #[error("cannot tell the format of {path:?}: wanted a name ending in {wanted}")]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// The endings that are known.
        wanted: &'static str,
    },
    /// A column is named that the input does not have.
    #[error(
        "{name:?} has no column {column:?}{} Its columns are {columns}",
        .suggestion.as_ref().map_or(".".into(), |word| format!(", did you mean {word:?}?"))
    )]
    UnknownColumn {
        /// The file or table.
        name: String,
        /// The column that was asked for.
        column: String,
        /// The nearest name that exists.
        suggestion: Option<String>,
        /// The columns there are, quoted and comma-separated.
        columns: String,
    },
    /// A field is named that the schema does not have.
    #[error("field {field:?} is not in schema {schema:?}{}", did_you_mean(.suggestion))]
    UnknownField {
        /// The field that was asked for.
        field: String,
        /// The schema's name.
        schema: String,
        /// The nearest field that exists.
        suggestion: Option<String>,
    },
    /// Two fields of one schema have the same name.
    #[error("field {field:?} is declared twice in schema {schema:?}")]
    DuplicateField {
        /// The field.
        field: String,
        /// The schema's name.
        schema: String,
    },
    /// A name is empty or holds characters that names must not hold.
    #[error(
        "{name:?} is not a field name: wanted letters, digits and `_`, not starting with a digit"
    )]
    InvalidFieldName {
        /// The name that was given.
        name: String,
    },
    /// A word is not one of a fixed set of choices.
    #[error("{value:?} is not a {what}: wanted one of {wanted}{}", did_you_mean(.suggestion))]
    UnknownChoice {
        /// What the word should name, such as `kind`.
        what: &'static str,
        /// The word that was given.
        value: String,
        /// The nearest choice.
        suggestion: Option<String>,
        /// The choices, comma-separated.
        wanted: String,
    },
    /// Two records of one table have the same key.
    #[error("record {key} is in the table already: a source must give each record its own id")]
    DuplicateRecord {
        /// The key, as `source:id`.
        key: String,
    },
    /// A record key is named that the table does not have.
    #[error("record {key} is not in the table")]
    UnknownRecord {
        /// The key, as `source:id`.
        key: String,
    },
    /// An entity is named that the resolution does not have, or that the store never had.
    #[error("there is no entity {entity_id:?}: wanted an id that this resolution or store gave")]
    UnknownEntity {
        /// The id.
        entity_id: String,
    },
    /// A record holds more values in one field than a table accepts.
    #[error("record {key} has more than {limit} values in field {field:?}")]
    TooManyValues {
        /// The key, as `source:id`.
        key: String,
        /// The field.
        field: String,
        /// The most that one field of one record may hold.
        limit: usize,
    },
    /// A table holds more than its 32-bit codes can number.
    #[error("the table is full: it holds at most {limit} {what}")]
    TableFull {
        /// What there are too many of.
        what: &'static str,
        /// The most there can be.
        limit: u64,
    },
    /// A run would take more memory than it may.
    #[error(
        "the memory limit of {} MiB is too low: this takes some {} MiB at least; allow as much, or \
         resolve fewer records at a time{}", .limit_bytes.div_ceil(1 << 20), .least_bytes.div_ceil(1 << 20),
        because(.in_memory)
    )]
    MemoryLimit {
        /// What was allowed.
        limit_bytes: u64,
        /// What it takes, by an estimate, or what it had taken when it was stopped.
        least_bytes: u64,
        /// Why what is large lies in memory, where it cannot lie in a file instead.
        in_memory: Option<String>,
    },
    /// A document (a plan, a model, decisions) breaks its rules.
    #[error("{document} at {path}: {reason}{}", did_you_mean(.suggestion))]
    InvalidDocument {
        /// Which document, such as `plan`.
        document: &'static str,
        /// Where in it, such as `rules[2].same[0]`.
        path: String,
        /// What is wrong there and what was wanted.
        reason: String,
        /// The nearest word that would be right.
        suggestion: Option<String>,
    },
    /// A document was written by another version of the library.
    #[error("{document} has version {found}; this library reads version {wanted}")]
    DocumentVersion {
        /// Which document, such as `plan`.
        document: &'static str,
        /// The version it says it has.
        found: u64,
        /// The version this library reads.
        wanted: u64,
    },
    /// A number that should be a probability is not one.
    #[error("{0} is not a probability: wanted a number from 0 to 1")]
    NotAProbability(f64),
    /// The files of a store could not be read or written.
    #[error(
        "store {path:?}: {source}; what was acknowledged is safe: mend the cause (is the disk full, or \
         the file read-only?), then open the store again"
    )]
    StoreIo {
        /// The store.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another process, or another `Store` of this one, has the store open.
    #[error("store {path:?} is open already: one `Store` at a time; close the other one first")]
    StoreLocked {
        /// The store.
        path: PathBuf,
    },
    /// What is there is no store, or one of another version.
    #[error("{path:?} is not a store of version {wanted}: {found}")]
    StoreFormat {
        /// The store.
        path: PathBuf,
        /// What was found.
        found: String,
        /// The version that this library reads and writes.
        wanted: u32,
    },
    /// A store does not hold together: its files were cut, overwritten or changed by others.
    #[error(
        "store {path:?} is damaged: {what}; restore it from a backup, or export what `verify` finds whole"
    )]
    StoreDamaged {
        /// The store.
        path: PathBuf,
        /// What does not fit.
        what: String,
    },
    /// What a store kept of a record to compare it cannot be read back. The record itself can.
    #[error(
        "what was kept of a record to compare it cannot be read back: a fault of this library or of the \
         machine's memory; open the store again, or export it and import that into a new one, and please \
         report it"
    )]
    UnreadablePack,
    /// A store is encrypted and the key is missing or wrong, or it is not and there is one.
    #[error("store {path:?}: {what}")]
    StoreKey {
        /// The store.
        path: PathBuf,
        /// What is wrong with the key.
        what: &'static str,
    },
    /// A store is resolved by another model than the one that was given.
    #[error(
        "store {path:?} is resolved by another model: open it with `Store::open_existing`, then \
         `adopt` the new one"
    )]
    StoreModel {
        /// The store.
        path: PathBuf,
    },
    /// The caller cancelled the work.
    #[error("cancelled: the work was stopped, and nothing of it was kept")]
    Cancelled,
}

impl Error {
    /// A stable name of this kind of error, such as `"UNKNOWN_FIELD"`.
    ///
    /// The same in Rust, Python and Node; it does not change when a message does.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Error::ReadFile { .. } => "READ_FILE",
            Error::WriteFile { .. } => "WRITE_FILE",
            Error::WriteStream(_) => "WRITE_STREAM",
            Error::EmptyInput { .. } => "EMPTY_INPUT",
            Error::MalformedInput { .. } => "MALFORMED_INPUT",
            Error::RecordTooLong { .. } => "RECORD_TOO_LONG",
            Error::UnknownFormat { .. } => "UNKNOWN_FORMAT",
            Error::UnknownColumn { .. } => "UNKNOWN_COLUMN",
            Error::UnknownField { .. } => "UNKNOWN_FIELD",
            Error::DuplicateField { .. } => "DUPLICATE_FIELD",
            Error::InvalidFieldName { .. } => "INVALID_FIELD_NAME",
            Error::UnknownChoice { .. } => "UNKNOWN_CHOICE",
            Error::DuplicateRecord { .. } => "DUPLICATE_RECORD",
            Error::UnknownRecord { .. } => "UNKNOWN_RECORD",
            Error::UnknownEntity { .. } => "UNKNOWN_ENTITY",
            Error::TooManyValues { .. } => "TOO_MANY_VALUES",
            Error::TableFull { .. } => "TABLE_FULL",
            Error::MemoryLimit { .. } => "MEMORY_LIMIT",
            Error::InvalidDocument { .. } => "INVALID_DOCUMENT",
            Error::DocumentVersion { .. } => "DOCUMENT_VERSION",
            Error::NotAProbability(_) => "NOT_A_PROBABILITY",
            Error::StoreIo { .. } => "STORE_IO",
            Error::StoreLocked { .. } => "STORE_LOCKED",
            Error::StoreFormat { .. } => "STORE_FORMAT",
            Error::StoreDamaged { .. } => "STORE_DAMAGED",
            Error::UnreadablePack => "UNREADABLE_PACK",
            Error::StoreKey { .. } => "STORE_KEY",
            Error::StoreModel { .. } => "STORE_MODEL",
            Error::Cancelled => "CANCELLED",
        }
    }
}

/// Where an error is, for callers that look at more than its words.
impl Error {
    /// The field of a schema, or the column of an input, that it is about.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Error::UnknownField { field, .. }
            | Error::DuplicateField { field, .. }
            | Error::TooManyValues { field, .. } => Some(field),
            Error::UnknownColumn { column, .. } => Some(column),
            Error::InvalidFieldName { name } => Some(name),
            _ => None,
        }
    }

    /// The key of the record that it is about, as `source:id`.
    #[must_use]
    pub fn record(&self) -> Option<&str> {
        match self {
            Error::DuplicateRecord { key }
            | Error::UnknownRecord { key }
            | Error::TooManyValues { key, .. } => Some(key),
            _ => None,
        }
    }

    /// The place in a document, such as `rules[0].same[1]`.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            Error::InvalidDocument { path, .. } => Some(path),
            _ => None,
        }
    }

    /// What was probably meant.
    #[must_use]
    pub fn suggestion(&self) -> Option<&str> {
        match self {
            Error::UnknownColumn { suggestion, .. }
            | Error::UnknownField { suggestion, .. }
            | Error::UnknownChoice { suggestion, .. }
            | Error::InvalidDocument { suggestion, .. } => suggestion.as_deref(),
            _ => None,
        }
    }

    /// That `word` is not among `known`, with the nearest of these.
    #[must_use]
    pub fn unknown_choice(what: &'static str, word: &str, known: &[&str]) -> Self {
        Error::UnknownChoice {
            what,
            value: word.to_owned(),
            suggestion: nearest(word, known.iter().copied()),
            wanted: known.join(", "),
        }
    }
}

fn did_you_mean(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map(|word| format!(", did you mean {word:?}?")).unwrap_or_default()
}

fn because(reason: &Option<String>) -> String {
    reason.as_ref().map(|reason| format!("; it all lies in memory: {reason}")).unwrap_or_default()
}

/// The word of `known` nearest to `word`, where one is near enough to be a likely slip.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let folded = word.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&folded, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count() / 4)
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_answered_with_the_nearest_word_and_nonsense_with_none() {
        assert_eq!(nearest("emial", ["phone", "email"]).as_deref(), Some("email"));
        assert_eq!(
            nearest("givenname", ["given_name", "family_name"]).as_deref(),
            Some("given_name")
        );
        assert_eq!(nearest("zzzzzz", ["phone", "email"]), None);
    }

    #[test]
    fn a_message_says_what_where_and_what_was_wanted() {
        let error = Error::UnknownField {
            field: "emial".into(),
            schema: "customers".into(),
            suggestion: Some("email".into()),
        };
        assert_eq!(
            error.to_string(),
            r#"field "emial" is not in schema "customers", did you mean "email"?"#
        );
        assert_eq!(error.code(), "UNKNOWN_FIELD");
        assert_eq!((error.field(), error.suggestion()), (Some("emial"), Some("email")));
        let error = Error::unknown_choice("option", "sigal", &["id", "signal"]);
        assert_eq!((error.path(), error.suggestion()), (None, Some("signal")));
        let (limit_bytes, least_bytes) = (1_000_000, 90 << 20);
        let error = Error::MemoryLimit { limit_bytes, least_bytes, in_memory: None };
        assert!(error.to_string().starts_with("the memory limit of 1 MiB is too low"), "{error}");
        let in_memory = Some("the disk is full".to_owned());
        let error = Error::MemoryLimit { limit_bytes, least_bytes, in_memory };
        assert!(
            error.to_string().ends_with("; it all lies in memory: the disk is full"),
            "{error}"
        );
        let error = Error::UnknownRecord { key: "crm:1".into() };
        assert_eq!((error.record(), error.field()), (Some("crm:1"), None));
    }
}
