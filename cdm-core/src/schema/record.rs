use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Timestamp;
use crate::error::{Error, Result};

/// The name of a record: the source that holds it and its id there.
///
/// Keys are ordered by source, then id, both by Unicode code point. Every tie in the library is
/// broken by this order, never by the order of arrival.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct RecordKey {
    /// The system that holds the record, such as `crm`.
    pub source: String,
    /// The record's id in that system.
    pub id: String,
}

impl RecordKey {
    /// A key of that source and id.
    #[must_use]
    pub fn new(source: impl Into<String>, id: impl Into<String>) -> Self {
        Self { source: source.into(), id: id.into() }
    }
}

/// `source:id`.
impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.id)
    }
}

/// One record in row form: a key, optionally a time, and for each field any number of raw values.
///
/// `Debug` shows which fields are filled, never what they hold.
///
/// # Examples
/// ```
/// use cdm_core::{Record, RecordKey};
/// let record = Record::new(RecordKey::new("crm", "17"))
///     .with("email", "a@example.org")
///     .with("email", "b@example.org");
/// assert_eq!(record.fields["email"].len(), 2);
/// assert!(!format!("{record:?}").contains("example.org"));
/// ```
///
/// As JSON: `{"source": "crm", "id": "17", "time": "2024-05-01", "fields": {"email": ["..."]}}`,
/// where `time` and `fields` may be absent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Row", into = "Row")]
pub struct Record {
    /// Who this record is.
    pub key: RecordKey,
    /// When the record was last changed in its source.
    pub time: Option<Timestamp>,
    /// Raw values by field name; a field without values may be absent.
    pub fields: BTreeMap<String, Vec<String>>,
}

impl Record {
    /// Read a record from JSON.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`] with the path of what is wrong, but not what stands there, which
    /// may be a person's data.
    pub fn from_json(json: &str) -> Result<Self> {
        let invalid = |path: String| Error::InvalidDocument {
            document: "record",
            path,
            reason: "wanted `source` and `id`, and in `fields` a list of texts for each".to_owned(),
            suggestion: None,
        };
        let mut reader = serde_json::Deserializer::from_str(json);
        let record = serde_path_to_error::deserialize(&mut reader);
        let record = record.map_err(|error| invalid(error.path().to_string()))?;
        reader.end().map_err(|_| invalid(".".to_owned()))?;
        Ok(record)
    }

    /// A record without values.
    #[must_use]
    pub fn new(key: RecordKey) -> Self {
        Self { key, time: None, fields: BTreeMap::new() }
    }

    /// The same record with one more value in `field`.
    #[must_use]
    pub fn with(mut self, field: impl Into<String>, value: impl Into<String>) -> Self {
        self.fields.entry(field.into()).or_default().push(value.into());
        self
    }

    /// The same record, last changed at `time`.
    #[must_use]
    pub fn at(mut self, time: Timestamp) -> Self {
        self.time = Some(time);
        self
    }
}

/// How a record is written: flat, and strict about unknown names, which `flatten` could not be.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    source: String,
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time: Option<Timestamp>,
    #[serde(default)]
    fields: BTreeMap<String, Vec<String>>,
}

impl From<Row> for Record {
    fn from(row: Row) -> Self {
        Self { key: RecordKey::new(row.source, row.id), time: row.time, fields: row.fields }
    }
}

impl From<Record> for Row {
    fn from(Record { key, time, fields }: Record) -> Self {
        Self { source: key.source, id: key.id, time, fields }
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let filled: BTreeMap<_, _> =
            self.fields.iter().map(|(field, values)| (field, values.len())).collect();
        f.debug_struct("Record")
            .field("key", &self.key.to_string())
            .field("time", &self.time)
            .field("values_by_field", &filled)
            .finish()
    }
}
