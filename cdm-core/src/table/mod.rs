//! Records in columnar form: keys, times, and dictionary-encoded columns of raw values.

mod column;
mod pool;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

use hashbrown::HashTable;
use rayon::prelude::*;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::error::{Error, Result};
use crate::schema::{Record, RecordKey, Schema, Timestamp};

pub use column::Column;
pub(crate) use column::{Codes, ColumnBuilder};
use pool::place;
pub use pool::{Pool, PoolBuilder};

/// The most values that one field of one record may hold.
pub const MAX_VALUES_PER_FIELD: usize = 256;

/// How many records are taken in together, their fields in parallel.
const RECORDS_AT_ONCE: usize = 4096;

/// The most records that one table may hold.
const MAX_RECORDS: usize = u32::MAX as usize - 1;

/// Records of one schema, column by column; each row has a key that no other row has.
///
/// Raw values are kept as they came, each distinct one once. Cloning is cheap: clones share the
/// columns.
///
/// # Examples
/// ```
/// use cdm_core::{Field, Kind, Record, RecordKey, Schema, Table};
/// let schema = Schema::new("people", vec![Field::new("email", Kind::Email)])?;
/// let mut builder = Table::builder(schema);
/// builder.push(&Record::new(RecordKey::new("crm", "1")).with("email", "a@example.org"))?;
/// let table = builder.finish();
/// assert_eq!(table.len(), 1);
/// assert_eq!(table.column(0).values(0).next(), Some("a@example.org"));
/// # Ok::<(), cdm_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Table(Arc<Columns>);

struct Columns {
    schema: Schema,
    keys: Keys,
    /// Rows by record key; made when it is first asked, which few do.
    rows: OnceLock<HashTable<u32>>,
    /// Empty where no record says when it was changed.
    times: Vec<Option<Timestamp>>,
    columns: Vec<Column>,
}

impl Table {
    /// Start a table of that schema.
    #[must_use]
    pub fn builder(schema: Schema) -> TableBuilder {
        let columns = schema.fields().iter().map(|_| ColumnBuilder::new()).collect();
        TableBuilder {
            schema,
            keys: Keys::default(),
            index: HashTable::new(),
            times: Vec::new(),
            columns,
            row: Vec::new(),
        }
    }

    /// A table of these records.
    ///
    /// # Errors
    /// As [`TableBuilder::push`].
    pub fn from_records<'a>(
        schema: Schema,
        records: impl IntoIterator<Item = &'a Record>,
    ) -> Result<Self> {
        let mut builder = Self::builder(schema.clone());
        let values = |record: &'a Record, field: usize| {
            let values = record.fields.get(&schema.fields()[field].name);
            values.into_iter().flatten().map(String::as_str)
        };
        let mut records = records.into_iter();
        loop {
            let some: Vec<&'a Record> = records.by_ref().take(RECORDS_AT_ONCE).collect();
            if some.is_empty() {
                return Ok(builder.finish());
            }
            for record in &some {
                record.fields.keys().try_for_each(|field| schema.position(field).map(|_| ()))?;
                let (RecordKey { source, id }, time) = (&record.key, record.time);
                let most = record.fields.values().map(Vec::len).sum();
                builder.push_key((source, id), time, most, |field| values(record, field))?;
            }
            builder.push_rows(&some, |record, field| values(record, field))?;
        }
    }

    /// The fields that the records have.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.0.schema
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.keys.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes of memory it takes, about.
    pub(crate) fn bytes(&self) -> u64 {
        let Columns { keys, rows, times, columns, .. } = &*self.0;
        let columns = columns.iter().map(|column| column.pool().bytes() + column.codes_bytes());
        let of_keys = keys.ids.bytes() as usize
            + keys.source_of.capacity() * size_of::<u32>()
            + rows.get().map_or(0, HashTable::allocation_size);
        columns.sum::<u64>() + (of_keys + size_of_val(&times[..])) as u64
    }

    /// The names of the sources, by source code, in the order in which they were first seen.
    #[must_use]
    pub fn sources(&self) -> &[String] {
        &self.0.keys.sources
    }

    /// The source code of a row: its source's position in [`sources`](Self::sources).
    ///
    /// # Panics
    /// Where the table has no such row; so do the other methods that take one.
    #[must_use]
    pub fn source_code(&self, row: usize) -> u32 {
        self.0.keys.source_of[row]
    }

    /// The source of a row.
    #[must_use]
    pub fn source(&self, row: usize) -> &str {
        &self.0.keys.sources[self.source_code(row) as usize]
    }

    /// The id of a row within its source.
    #[must_use]
    pub fn id(&self, row: usize) -> &str {
        self.0.keys.id(row)
    }

    /// The key of a row.
    #[must_use]
    pub fn key(&self, row: usize) -> RecordKey {
        RecordKey::new(self.source(row), self.id(row))
    }

    /// The row of the record with that key, where there is one.
    #[must_use]
    pub fn row(&self, key: &RecordKey) -> Option<usize> {
        let (keys, hash) = (&self.0.keys, hash_key(&key.source, &key.id));
        let rows = self.0.rows.get_or_init(|| {
            let mut rows = HashTable::with_capacity(keys.len());
            for row in 0..keys.len() as u32 {
                rows.insert_unique(keys.place(row), row, |row| keys.place(*row));
            }
            rows
        });
        let is_it = |row: &u32| keys.is(*row, &key.source, &key.id);
        rows.find(place(hash), is_it).map(|row| *row as usize)
    }

    /// When the record of a row was last changed in its source.
    #[must_use]
    pub fn time(&self, row: usize) -> Option<Timestamp> {
        assert!(row < self.len(), "there are {} rows", self.len());
        self.0.times.get(row).copied().flatten()
    }

    /// The column of the field at that position of the schema.
    ///
    /// # Panics
    /// Where the schema has no such field.
    #[must_use]
    pub fn column(&self, field: usize) -> &Column {
        &self.0.columns[field]
    }

    /// A row in row form.
    #[must_use]
    pub fn record(&self, row: usize) -> Record {
        let mut record = Record::new(self.key(row));
        record.time = self.time(row);
        for (field, column) in self.schema().fields().iter().zip(&self.0.columns) {
            let values: Vec<String> = column.values(row).map(str::to_owned).collect();
            if !values.is_empty() {
                record.fields.insert(field.name.clone(), values);
            }
        }
        record
    }

    /// The rows in the order of their keys: by source, then id. Every tie is broken by it.
    #[must_use]
    pub fn rows_by_key(&self) -> Vec<u32> {
        let mut rows: Vec<u32> = (0..self.len() as u32).collect();
        let key = |row: u32| (self.source(row as usize), self.id(row as usize));
        rows.par_sort_unstable_by(|one, two| key(*one).cmp(&key(*two)));
        rows
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("schema", &self.schema().name())
            .field("records", &self.len())
            .field("sources", &self.sources())
            .finish_non_exhaustive()
    }
}

/// Takes records in, one by one, and encodes them.
pub struct TableBuilder {
    schema: Schema,
    keys: Keys,
    /// Hash and row of every key: a table that grows need not look at the keys again.
    index: HashTable<(u32, u32)>,
    /// Empty until a record says when it was changed.
    times: Vec<Option<Timestamp>>,
    columns: Vec<ColumnBuilder>,
    /// The codes of the record being added, by field; kept to save its allocation.
    row: Vec<Vec<u32>>,
}

impl TableBuilder {
    /// Add a record. A value given twice in one field is kept once; empty values are left out.
    ///
    /// # Errors
    /// [`Error::UnknownField`], [`Error::DuplicateRecord`], [`Error::TooManyValues`] and
    /// [`Error::TableFull`]; the table is then as it was before the call.
    pub fn push(&mut self, record: &Record) -> Result<()> {
        let mut values = Vec::new();
        for (field, texts) in &record.fields {
            let position = self.schema.position(field)?;
            values.extend(texts.iter().map(|text| (position, text.as_str())));
        }
        self.push_values(&record.key.source, &record.key.id, record.time, values)
    }

    /// Add a record whose values are given by the positions of their fields in the schema.
    ///
    /// # Errors
    /// [`Error::DuplicateRecord`], [`Error::TooManyValues`] and [`Error::TableFull`]; the table
    /// is then as it was before the call.
    ///
    /// # Panics
    /// Where a position is not one of the schema's.
    pub fn push_values<'a>(
        &mut self,
        source: &str,
        id: &str,
        time: Option<Timestamp>,
        values: impl IntoIterator<Item = (usize, &'a str)>,
    ) -> Result<()> {
        let key = || RecordKey::new(source, id).to_string();
        if self.find(source, id).is_some() {
            return Err(Error::DuplicateRecord { key: key() });
        }
        self.row.resize_with(self.columns.len(), Vec::new);
        self.row.iter_mut().for_each(Vec::clear);
        for (field, value) in values {
            if value.trim().is_empty() {
                continue;
            }
            let code = self.columns[field].intern(value)?;
            let codes = &mut self.row[field];
            if codes.contains(&code) {
                continue;
            }
            if codes.len() == MAX_VALUES_PER_FIELD {
                return Err(Error::TooManyValues {
                    key: key(),
                    field: self.schema.fields()[field].name.clone(),
                    limit: MAX_VALUES_PER_FIELD,
                });
            }
            codes.push(code);
        }
        self.add_key(source, id, time)?;
        for (column, codes) in self.columns.iter_mut().zip(&self.row) {
            column.push(codes)?;
        }
        Ok(())
    }

    /// Add a record whose values are put in afterwards: [`push_rows`](Self::push_rows) is to be called before
    /// anything else with all that were added so. `values` gives those of a field, `most` of all together.
    ///
    /// # Errors
    /// [`Error::DuplicateRecord`], [`Error::TooManyValues`] and [`Error::TableFull`]; the table is then as it
    /// was before the call.
    pub(crate) fn push_key<'v, V: Iterator<Item = &'v str>>(
        &mut self,
        key: (&str, &str),
        time: Option<Timestamp>,
        most: usize,
        values: impl Fn(usize) -> V,
    ) -> Result<()> {
        let (source, id) = key;
        let key = || RecordKey::new(source, id).to_string();
        if self.find(source, id).is_some() {
            return Err(Error::DuplicateRecord { key: key() });
        }
        let is_overfull = |field: &usize| {
            let distinct: BTreeSet<&str> =
                values(*field).filter(|text| !text.trim().is_empty()).collect();
            distinct.len() > MAX_VALUES_PER_FIELD
        };
        if most > MAX_VALUES_PER_FIELD
            && let Some(field) = (0..self.columns.len()).find(is_overfull)
        {
            let field = self.schema.fields()[field].name.clone();
            return Err(Error::TooManyValues { key: key(), field, limit: MAX_VALUES_PER_FIELD });
        }
        self.add_key(source, id, time)?;
        Ok(())
    }

    /// Add the values of records, in the order of their keys: `values` gives those of one in the field at a position
    /// of the schema, no more than [`MAX_VALUES_PER_FIELD`] different ones. Fields go in parallel.
    ///
    /// # Errors
    /// [`Error::TableFull`]; the table is of no use then.
    pub(crate) fn push_rows<'r, 't, R: Sync, V: Iterator<Item = &'t str>>(
        &mut self,
        rows: &'r [R],
        values: impl Fn(&'r R, usize) -> V + Sync,
    ) -> Result<()> {
        let columns = self.columns.par_iter_mut().enumerate().with_max_len(1);
        columns
            .map(|(field, column)| column.push_rows(rows.iter().map(|row| values(row, field))))
            .collect()
    }

    fn find(&self, source: &str, id: &str) -> Option<usize> {
        let hash = hash_key(source, id);
        let is_it = |(known, row): &(u32, u32)| *known == hash && self.keys.is(*row, source, id);
        self.index.find(place(hash), is_it).map(|(_, row)| *row as usize)
    }

    /// Add a key that is not there yet.
    fn add_key(&mut self, source: &str, id: &str, time: Option<Timestamp>) -> Result<()> {
        let row = self.keys.push(source, id)?;
        let hash = hash_key(source, id);
        self.index.insert_unique(place(hash), (hash, row), |(hash, _)| place(*hash));
        if time.is_some() || !self.times.is_empty() {
            self.times.resize(row as usize, None);
            self.times.push(time);
        }
        Ok(())
    }

    /// The fields that the records have.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The row of the record with that key, where it was added.
    #[must_use]
    pub fn row(&self, key: &RecordKey) -> Option<usize> {
        self.find(&key.source, &key.id)
    }

    /// How many records there are so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The finished table.
    #[must_use]
    pub fn finish(self) -> Table {
        Table(Arc::new(Columns {
            schema: self.schema,
            keys: self.keys,
            rows: OnceLock::new(),
            times: self.times,
            columns: self.columns.into_iter().map(ColumnBuilder::finish).collect(),
        }))
    }
}

impl fmt::Debug for TableBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableBuilder").field("records", &self.len()).finish_non_exhaustive()
    }
}

/// Record keys by row.
#[derive(Default)]
struct Keys {
    sources: Vec<String>,
    /// Codes of sources by name: a column that names them may name as many as there are records.
    source_index: HashTable<u32>,
    source_of: Vec<u32>,
    ids: Pool,
}

impl Keys {
    fn len(&self) -> usize {
        self.source_of.len()
    }

    fn id(&self, row: usize) -> &str {
        self.ids.get(row as u32)
    }

    fn is(&self, row: u32, source: &str, id: &str) -> bool {
        let row = row as usize;
        self.id(row) == id && self.sources[self.source_of[row] as usize] == source
    }

    /// Where a table of rows looks first.
    fn place(&self, row: u32) -> u64 {
        let row = row as usize;
        place(hash_key(&self.sources[self.source_of[row] as usize], self.id(row)))
    }

    /// Append a key that is not there yet; its row.
    fn push(&mut self, source: &str, id: &str) -> Result<u32> {
        let row = self.source_of.len();
        if row >= MAX_RECORDS {
            return Err(Error::TableFull { what: "records", limit: MAX_RECORDS as u64 });
        }
        let hash = xxh3_64(source.as_bytes());
        let is_it = |code: &u32| self.sources[*code as usize] == source;
        let code = match self.source_index.find(hash, is_it) {
            Some(code) => *code,
            None => {
                let code = self.sources.len() as u32;
                self.sources.push(source.to_owned());
                let sources = &self.sources;
                let hash_of = |code: &u32| xxh3_64(sources[*code as usize].as_bytes());
                self.source_index.insert_unique(hash, code, hash_of);
                code
            }
        };
        self.source_of.push(code);
        self.ids.push(id);
        Ok(row as u32)
    }
}

fn hash_key(source: &str, id: &str) -> u32 {
    (xxh3_64_with_seed(id.as_bytes(), xxh3_64(source.as_bytes())) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Field, Kind};

    fn schema() -> Schema {
        let fields = vec![Field::new("name", Kind::FullName), Field::new("email", Kind::Email)];
        Schema::new("people", fields).unwrap()
    }

    #[test]
    fn rows_come_back_as_they_were_given_whatever_the_shape_of_their_columns() {
        let key = |id: &str| RecordKey::new("crm", id);
        let records = [
            Record::new(key("1")).with("email", "a"),
            Record::new(key("2")),
            Record::new(key("3")).with("email", "b").with("email", "a").with("name", "N"),
            Record::new(key("4")).with("email", "b"),
        ];
        let table = Table::from_records(schema(), &records).unwrap();
        for (row, record) in records.iter().enumerate() {
            assert_eq!(&table.record(row), record);
            assert_eq!(table.row(&record.key), Some(row));
        }
        assert_eq!(table.column(1).pool().len(), 2);
    }

    #[test]
    fn a_refused_record_leaves_the_table_as_it_was() {
        let mut builder = Table::builder(schema());
        let record = Record::new(RecordKey::new("crm", "1")).with("email", "a");
        builder.push(&record).unwrap();
        assert_eq!(builder.push(&record).unwrap_err().code(), "DUPLICATE_RECORD");
        let unknown = Record::new(RecordKey::new("crm", "2")).with("emial", "a");
        assert_eq!(builder.push(&unknown).unwrap_err().code(), "UNKNOWN_FIELD");
        let mut many = Record::new(RecordKey::new("crm", "3"));
        for value in 0..=MAX_VALUES_PER_FIELD {
            many = many.with("email", value.to_string());
        }
        assert_eq!(builder.push(&many).unwrap_err().code(), "TOO_MANY_VALUES");
        assert_eq!(builder.finish().len(), 1);
    }

    #[test]
    fn records_that_are_taken_in_together_are_refused_as_one_by_one() {
        let key = |id: usize| RecordKey::new("crm", id.to_string());
        let with = |id, values: usize| {
            let values = (0..values).map(|value| value.to_string()).collect();
            let mut record = Record::new(key(id)).with("name", "N");
            record.fields.insert("email".to_owned(), values);
            record
        };
        let whole: Vec<Record> = (0..2 * RECORDS_AT_ONCE + 1).map(|id| with(id, id % 3)).collect();
        let table = Table::from_records(schema(), &whole).unwrap();
        assert_eq!(table.record(2 * RECORDS_AT_ONCE).key, key(2 * RECORDS_AT_ONCE));
        assert_eq!(table.record(RECORDS_AT_ONCE + 1), whole[RECORDS_AT_ONCE + 1]);
        let unknown = Record::new(key(5)).with("emial", "a");
        let mut twice = with(6, MAX_VALUES_PER_FIELD);
        twice.fields.entry("email".to_owned()).or_default().extend(["0", " "].map(String::from));
        for (records, code) in [
            (vec![with(1, 1), unknown, with(1, 1)], "UNKNOWN_FIELD"),
            (vec![with(1, 1), with(1, MAX_VALUES_PER_FIELD + 1)], "DUPLICATE_RECORD"),
            (vec![with(1, 1), with(2, MAX_VALUES_PER_FIELD + 1)], "TOO_MANY_VALUES"),
            (vec![with(1, 1), twice], ""),
        ] {
            let mut builder = Table::builder(schema());
            let one_by_one = records.iter().try_for_each(|record| builder.push(record));
            let together = Table::from_records(schema(), &records).map(|_| ());
            for outcome in [one_by_one, together] {
                assert_eq!(outcome.map_or_else(|error| error.code(), |()| ""), code);
            }
        }
    }

    #[test]
    fn keys_are_ordered_by_source_then_id() {
        let mut builder = Table::builder(schema());
        for (source, id) in [("shop", "1"), ("crm", "b"), ("crm", "a")] {
            builder.push_values(source, id, None, []).unwrap();
        }
        assert_eq!(builder.finish().rows_by_key(), [2, 1, 0]);
    }
}
