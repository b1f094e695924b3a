//! Which column of a source becomes which field.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, nearest};
use crate::normalize::Form;
use crate::schema::{Kind, Schema};

/// How the columns of one source become the fields of a schema.
///
/// As JSON, where every member but `fields` may be absent:
///
/// ```json
/// {"id": "customer_no", "time": "updated_at", "fields": [
///   {"field": "family_name", "columns": ["name"], "part": "family"},
///   {"field": "address", "columns": ["street", "zip", "city"]},
///   {"field": "email", "columns": ["emails"], "separator": ";"}]}
/// ```
///
/// `Display` shows it as a table.
///
/// # Examples
/// ```
/// use cdm_core::read::Mapping;
/// let mapping: Mapping = serde_json::from_str(
///     r#"{"id": "no", "fields": [{"field": "email", "columns": ["mail"]}]}"#,
/// )?;
/// assert_eq!(mapping.to_string(), "id     <- no\nemail  <- mail\n");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// The column that holds the record's id. Where absent, the number of the data row, from 1,
    /// is the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The column that names the record's source; where absent or empty, the input's own is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The column that says when the record was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// What the fields are filled from. A field may occur several times and then holds several
    /// values; one that does not occur stays empty.
    #[serde(default)]
    pub fields: Vec<FieldMapping>,
}

/// What one field is filled from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldMapping {
    /// The field of the schema.
    pub field: String,
    /// The columns. Several are joined to one value: with a comma and a space for an address or
    /// coordinates, else with a space. Where they hold several values each, as arrays in JSON do,
    /// those that stood in one object are joined.
    pub columns: Vec<String>,
    /// The part of the value that is taken, such as `given` out of a whole name or `city` out of
    /// a whole address. The `street` part comes with house number and unit where the field is a
    /// street.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "form_name")]
    #[schemars(with = "Option<String>")]
    pub part: Option<Form>,
    /// What separates several values in one cell, such as `;`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
}

impl FieldMapping {
    /// A field filled from one column.
    #[must_use]
    pub fn new(field: impl Into<String>, column: impl Into<String>) -> Self {
        Self { field: field.into(), columns: vec![column.into()], ..Self::default() }
    }

    /// A field filled from several columns, joined.
    #[must_use]
    pub fn joined(
        field: impl Into<String>,
        columns: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let columns = columns.into_iter().map(Into::into).collect();
        Self { field: field.into(), columns, ..Self::default() }
    }

    /// The same, taking only that part of the value.
    #[must_use]
    pub fn part(self, part: Form) -> Self {
        Self { part: Some(part), ..self }
    }

    /// The same, with several values in one cell, set apart by `separator`.
    #[must_use]
    pub fn separated_by(self, separator: impl Into<String>) -> Self {
        Self { separator: Some(separator.into()), ..self }
    }
}

impl Mapping {
    /// Whether the mapping fits an input with these columns, and the schema.
    ///
    /// `input` is what the error calls the input.
    ///
    /// # Errors
    /// [`Error::UnknownColumn`], and what [`check_fields`](Self::check_fields) finds.
    pub fn check(&self, input: &str, columns: &[String], schema: &Schema) -> Result<()> {
        for column in self.columns() {
            if !columns.iter().any(|known| known == column) {
                return Err(Error::UnknownColumn {
                    name: input.to_owned(),
                    column: column.to_owned(),
                    suggestion: nearest(column, columns.iter().map(String::as_str)),
                    columns: list(columns),
                });
            }
        }
        self.check_fields(schema)
    }

    /// Whether the mapping fits the schema, whatever the columns.
    ///
    /// # Errors
    /// [`Error::UnknownField`]; [`Error::InvalidDocument`] where a field has no column, a
    /// separator is empty, or a part is none that a value of a source can be taken apart into.
    pub fn check_fields(&self, schema: &Schema) -> Result<()> {
        for (at, entry) in self.fields.iter().enumerate() {
            let kind = schema.fields()[schema.position(&entry.field)?].kind;
            let invalid = |member: &str, reason: String| Error::InvalidDocument {
                document: "mapping",
                path: format!("fields[{at}].{member}"),
                reason,
                suggestion: None,
            };
            if entry.columns.is_empty() {
                return Err(invalid("columns", "wanted at least one column".into()));
            }
            if entry.separator.as_deref() == Some("") {
                return Err(invalid("separator", "wanted at least one character".into()));
            }
            if let Some(part) = entry.part
                && whole_of(part, kind).is_none()
            {
                return Err(invalid("part", format!("{part} is not a part of a whole value")));
            }
        }
        Ok(())
    }

    /// Every column that something is taken from, some maybe twice.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        let keys = [&self.id, &self.source, &self.time];
        let keys = keys.into_iter().filter_map(|column| column.as_deref());
        keys.chain(self.fields.iter().flat_map(|entry| entry.columns.iter().map(String::as_str)))
    }

    /// The columns of `columns` that nothing is taken from.
    #[must_use]
    pub fn unused<'c>(&self, columns: &'c [String]) -> Vec<&'c str> {
        let unused = columns.iter().filter(|column| !self.columns().any(|used| used == *column));
        unused.map(String::as_str).collect()
    }
}

/// The kind of whole value that has such a part, where the part goes into a field of `kind`.
pub(super) fn whole_of(part: Form, kind: Kind) -> Option<Kind> {
    Some(match part {
        Form::Canonical | Form::Display | Form::Ascii => kind,
        Form::Prefix | Form::Given | Form::Middle | Form::Family | Form::Suffix | Form::Alias => {
            Kind::FullName
        }
        Form::Core => Kind::FamilyName,
        Form::Base | Form::LegalForm => Kind::Organisation,
        Form::Local | Form::Domain | Form::Deliverable => Kind::Email,
        Form::National | Form::Extension => Kind::Phone,
        Form::Unit
        | Form::HouseNumber
        | Form::Street
        | Form::PoBox
        | Form::Postcode
        | Form::City
        | Form::Region
        | Form::Country => Kind::Address,
        Form::Path => Kind::Url,
        Form::Latitude | Form::Longitude => Kind::Geo,
        Form::Type | Form::Script => return None,
    })
}

fn list(columns: &[String]) -> String {
    const SHOWN: usize = 40;
    let shown: Vec<String> = columns.iter().take(SHOWN).map(|name| format!("{name:?}")).collect();
    let mut text = shown.join(", ");
    if columns.len() > SHOWN {
        text.push_str(&format!(" and {} more", columns.len() - SHOWN));
    }
    text
}

/// One line a target: `family_name  <- name (family)`.
impl fmt::Display for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = [("id", &self.id), ("source", &self.source), ("time", &self.time)];
        let keys = keys.into_iter().filter_map(|(target, column)| Some((target, column.clone()?)));
        let fields = self.fields.iter().map(|entry| {
            let mut text = entry.columns.join(" + ");
            if let Some(part) = entry.part {
                text.push_str(&format!(" ({part})"));
            }
            if let Some(separator) = &entry.separator {
                text.push_str(&format!(" (split at {separator:?})"));
            }
            (entry.field.as_str(), text)
        });
        let lines: Vec<(&str, String)> = keys.chain(fields).collect();
        let width = lines.iter().map(|(target, _)| target.chars().count()).max().unwrap_or(0);
        lines.iter().try_for_each(|(target, text)| writeln!(f, "{target:width$}  <- {text}"))
    }
}

/// A form by its name.
mod form_name {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::normalize::Form;

    #[allow(clippy::ref_option)] // serde calls it with this
    pub(super) fn serialize<S: Serializer>(
        form: &Option<Form>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match form {
            Some(form) => serializer.serialize_str(form.name()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Form>, D::Error> {
        let name = Option::<String>::deserialize(deserializer)?;
        name.map(|name| name.parse().map_err(D::Error::custom)).transpose()
    }
}
