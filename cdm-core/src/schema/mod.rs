//! What a record is made of: kinds, fields, schemas, record keys and records in row form.

mod entity;
mod kind;
mod record;
mod time;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, nearest};

pub use entity::EntityId;
pub use kind::Kind;
pub use record::{Record, RecordKey};
pub use time::Timestamp;

/// One field of a schema: a name and the kind of value it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Letters, digits and `_`, such as `family_name`; unique within the schema.
    pub name: String,
    /// What the field holds, which decides how it is normalised, compared and merged.
    pub kind: Kind,
    /// ISO 3166-1 alpha-2 region that values without one of their own belong to (phones,
    /// addresses, postcodes); the plan's region where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// A field of kind `country` whose value in the same record overrides `region`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region_from: Option<String>,
    /// Which part of a date such as 03/04/2001 is the day, where the caller knows it; decided from
    /// the column where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_order: Option<DateOrder>,
}

impl Field {
    /// A field of that name and kind.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), kind, region: None, region_from: None, date_order: None }
    }
}

/// Which part of an all-numeric date such as 03/04/2001 is the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DateOrder {
    /// 03/04/2001 is the third of April.
    DayFirst,
    /// 03/04/2001 is the fourth of March.
    MonthFirst,
}

/// The fields that the records of a table have, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    name: String,
    fields: Vec<Field>,
}

impl Schema {
    /// A schema of these fields.
    ///
    /// # Errors
    /// [`Error::InvalidFieldName`] and [`Error::DuplicateField`].
    pub fn new(name: impl Into<String>, fields: Vec<Field>) -> Result<Self> {
        let name = name.into();
        for (position, field) in fields.iter().enumerate() {
            if !is_field_name(&field.name) {
                return Err(Error::InvalidFieldName { name: field.name.clone() });
            }
            if fields[..position].iter().any(|earlier| earlier.name == field.name) {
                return Err(Error::DuplicateField { field: field.name.clone(), schema: name });
            }
        }
        Ok(Self { name, fields })
    }

    /// The schema's own name, as errors quote it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The fields, in order.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The position of the field of that name.
    ///
    /// # Errors
    /// [`Error::UnknownField`], with the nearest name that exists.
    pub fn position(&self, field: &str) -> Result<usize> {
        self.fields.iter().position(|known| known.name == field).ok_or_else(|| {
            Error::UnknownField {
                field: field.to_owned(),
                schema: self.name.clone(),
                suggestion: nearest(field, self.fields.iter().map(|known| known.name.as_str())),
            }
        })
    }
}

/// Letters, digits and `_`, not starting with a digit: so that `field.form` reads one way only.
fn is_field_name(name: &str) -> bool {
    name.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_refuses_names_that_an_expression_could_not_tell_apart() {
        let schema = |names: &[&str]| {
            Schema::new("s", names.iter().map(|name| Field::new(*name, Kind::Text)).collect())
        };
        assert_eq!(schema(&["a", "a"]).unwrap_err().code(), "DUPLICATE_FIELD");
        for bad in ["", "1a", "a.b", "a b", "a("] {
            assert_eq!(schema(&[bad]).unwrap_err().code(), "INVALID_FIELD_NAME", "{bad}");
        }
        assert_eq!(schema(&["a", "straße"]).unwrap().position("straße").unwrap(), 1);
    }
}
