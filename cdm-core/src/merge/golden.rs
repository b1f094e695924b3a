use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

use super::Strategy;
use crate::normalize::{IssueSet, Status};
use crate::schema::{EntityId, Timestamp};
use crate::table::Table;

/// What an entity's records say together: the surviving values, and where each came from.
///
/// As JSON it holds the values alone; [`lineage`](Self::lineage) holds the rest.
///
/// ```json
/// {"entity_id": "9p5…", "records": [{"source": "crm", "id": "17"}], "fields": {"email": ["a@example.org"]}}
/// ```
#[derive(Clone)]
pub struct GoldenRecord<'a> {
    pub(super) table: &'a Table,
    /// The entity.
    pub entity_id: EntityId,
    /// Rows of its records, in the order of their keys.
    pub rows: Vec<u32>,
    /// When the last of its records was changed.
    pub time: Option<Timestamp>,
    /// One for each field of the schema, in order.
    pub fields: Vec<GoldenField<'a>>,
}

/// One field of a golden record.
///
/// Every value that any record of the entity has in the field is here once: as the origin of a
/// surviving value, as one that agrees with it, or as lost.
#[derive(Clone)]
pub struct GoldenField<'a> {
    /// The field's name.
    pub name: &'a str,
    /// How the survivor was chosen.
    pub strategy: Strategy,
    /// What survived: one value, several by `union`, none where nothing was usable.
    pub values: Vec<GoldenValue<'a>>,
    /// What did not, in the order of record keys.
    pub lost: Vec<Contribution<'a>>,
}

/// A value that survived.
#[derive(Clone)]
pub struct GoldenValue<'a> {
    /// The value, in the form that people are shown.
    pub value: &'a str,
    /// The record that it came from.
    pub from: Contribution<'a>,
    /// Other records' values of the same canonical form.
    pub agreed: Vec<Contribution<'a>>,
}

/// One value of one record, as it came.
#[derive(Clone, Copy)]
pub struct Contribution<'a> {
    pub(super) table: &'a Table,
    /// Row of the record.
    pub row: u32,
    /// The value as it came.
    pub raw: &'a str,
    /// Whether it can be used.
    pub status: Status,
    /// What was noticed about it.
    pub issues: IssueSet,
}

impl<'a> GoldenRecord<'a> {
    /// The sources of its records, each once, in the order of their names.
    #[must_use]
    pub fn sources(&self) -> Vec<&'a str> {
        let sources = self.rows.iter().map(|row| self.table.source(*row as usize));
        let mut sources: Vec<&str> = sources.collect();
        sources.dedup();
        sources
    }

    /// The whole history of the values, for JSON: for each field the strategy, each surviving
    /// value with its record (source, id, time, raw value) and those that agreed, and what lost.
    #[must_use]
    pub fn lineage(&self) -> Lineage<'_> {
        Lineage(self)
    }
}

/// A golden record with the lineage of its values, to be serialised.
pub struct Lineage<'a>(&'a GoldenRecord<'a>);

impl Serialize for GoldenRecord<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("GoldenRecord", 4)?;
        out.serialize_field("entity_id", &self.entity_id)?;
        out.serialize_field("records", &Keys(self.table, &self.rows))?;
        out.serialize_field("time", &self.time)?;
        out.serialize_field("fields", &Values(&self.fields))?;
        out.end()
    }
}

struct Keys<'a>(&'a Table, &'a [u32]);

impl Serialize for Keys<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.1.iter().map(|row| Key(self.0, *row)))
    }
}

struct Key<'a>(&'a Table, u32);

impl Serialize for Key<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("RecordKey", 2)?;
        out.serialize_field("source", self.0.source(self.1 as usize))?;
        out.serialize_field("id", self.0.id(self.1 as usize))?;
        out.end()
    }
}

struct Values<'a>(&'a [GoldenField<'a>]);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for field in self.0.iter().filter(|field| !field.values.is_empty()) {
            let values: Vec<&str> = field.values.iter().map(|value| value.value).collect();
            map.serialize_entry(field.name, &values)?;
        }
        map.end()
    }
}

impl Serialize for Lineage<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Lineage", 2)?;
        out.serialize_field("entity_id", &self.0.entity_id)?;
        out.serialize_field("fields", &Histories(&self.0.fields))?;
        out.end()
    }
}

struct Histories<'a>(&'a [GoldenField<'a>]);

impl Serialize for Histories<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for field in self.0 {
            if !field.values.is_empty() || !field.lost.is_empty() {
                map.serialize_entry(field.name, field)?;
            }
        }
        map.end()
    }
}

impl Serialize for GoldenField<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("GoldenField", 3)?;
        out.serialize_field("strategy", &self.strategy)?;
        out.serialize_field("values", &self.values)?;
        out.serialize_field("lost", &self.lost)?;
        out.end()
    }
}

impl Serialize for GoldenValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("GoldenValue", 3)?;
        out.serialize_field("value", self.value)?;
        out.serialize_field("from", &self.from)?;
        out.serialize_field("agreed", &self.agreed)?;
        out.end()
    }
}

impl Serialize for Contribution<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Contribution", 6)?;
        out.serialize_field("source", self.table.source(self.row as usize))?;
        out.serialize_field("id", self.table.id(self.row as usize))?;
        out.serialize_field("time", &self.table.time(self.row as usize))?;
        out.serialize_field("raw", self.raw)?;
        out.serialize_field("status", &self.status)?;
        out.serialize_field("issues", &self.issues)?;
        out.end()
    }
}
