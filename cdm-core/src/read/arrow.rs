//! Arrow record batches, and Parquet files by way of them.
//!
//! Every column becomes text: strings of all widths and dictionaries as they are, numbers, booleans,
//! dates and times as Arrow writes them, lists as several values, structs as dotted columns,
//! lists of structs as dotted columns of several values that know which stood in one struct.
//! A float that is whole is written without a fraction, since tools turn whole numbers into floats
//! where some are missing. Columns that have no text (maps, lists of lists) are left out.

use std::fs::File;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, DataType, Field, SchemaRef};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::csv::unique_names;
use super::row::Row;
use super::texts::{Column, Leaf, has_text, item_of};
use super::{Event, Format, Input, Origin, ReadReport, Rows, source};
use crate::error::{Error, Result};

impl Input {
    /// Arrow record batches, called `name` in reports and errors; bindings hand whole tables over
    /// in this way, without a copy.
    ///
    /// # Errors
    /// [`Error::MalformedInput`] where the stream fails, or a batch has another schema.
    pub fn batches(
        source: impl Into<String>,
        name: impl Into<String>,
        schema: SchemaRef,
        batches: impl IntoIterator<Item = std::result::Result<RecordBatch, ArrowError>>,
    ) -> Result<Self> {
        let name = name.into();
        let malformed =
            |reason: String| Error::MalformedInput { name: name.clone(), format: "Arrow", reason };
        let mut collected = Vec::new();
        for batch in batches {
            let batch = batch.map_err(|error| malformed(error.to_string()))?;
            let same = batch.num_columns() == schema.fields().len()
                && batch
                    .columns()
                    .iter()
                    .zip(schema.fields())
                    .all(|(column, field)| column.data_type() == field.data_type());
            if !same {
                return Err(malformed("a batch has another schema than the stream".into()));
            }
            collected.push(batch);
        }
        let origin = Origin::Batches { name, schema, batches: collected };
        Ok(Self::new(source, origin))
    }

    /// A stream of Arrow record batches.
    ///
    /// # Errors
    /// As [`batches`](Self::batches).
    pub fn batch_reader(
        source: impl Into<String>,
        name: impl Into<String>,
        reader: impl RecordBatchReader,
    ) -> Result<Self> {
        let schema = reader.schema();
        Self::batches(source, name, schema, reader)
    }
}

/// The type that the ids have in every input, where they are numbers in all of them.
///
/// `whole` says, by input, which columns of one without types of its own (JSON) hold whole numbers
/// alone.
#[must_use]
pub fn id_type(
    inputs: &[Input],
    reports: &[ReadReport],
    whole: &[Vec<String>],
) -> Option<DataType> {
    let mut types = inputs.iter().zip(reports).zip(whole).map(|((input, report), whole)| {
        let id = report.mapping.id.as_ref()?;
        if whole.contains(id) {
            return Some(DataType::Int64);
        }
        let Origin::Batches { schema, .. } = &input.origin else { return None };
        let mut fields = schema.fields().iter();
        let kind = fields.find(|field| field.name().trim() == id)?.data_type();
        (kind.is_integer() || matches!(kind, DataType::Float32 | DataType::Float64))
            .then(|| kind.clone())
    });
    let first = types.next()??;
    types.all(|kind| kind.as_ref() == Some(&first)).then_some(first)
}

type Batches<'a> = Box<dyn Iterator<Item = std::result::Result<RecordBatch, ArrowError>> + 'a>;

/// Reads batches row by row.
pub(super) struct ArrowReader<'a> {
    name: String,
    format: &'static str,
    batches: Batches<'a>,
    /// Where in a batch each column is.
    paths: Vec<Leaf>,
    columns: Vec<String>,
    batch: Vec<Column>,
    row_in_batch: usize,
    rows_in_batch: usize,
    rows_done: u64,
    rows_total: u64,
    bytes_total: u64,
}

impl<'a> ArrowReader<'a> {
    pub(super) fn open(input: &'a Input) -> Result<Self> {
        let name = input.name();
        let (format, batches, schema, rows_total): (_, Batches<'a>, _, _) = match &input.origin {
            Origin::Batches { schema, batches, .. } => {
                let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum();
                let batches = Box::new(batches.iter().cloned().map(Ok));
                ("Arrow", batches, schema.clone(), rows)
            }
            _ if input.format == Some(Format::Arrow) => {
                return Err(Error::MalformedInput {
                    name,
                    format: "Arrow",
                    reason: "Arrow is read from batches in memory, not from a file".into(),
                });
            }
            origin => {
                let file = file_of(origin)?;
                let malformed = |reason: String| Error::MalformedInput {
                    name: name.clone(),
                    format: "Parquet",
                    reason,
                };
                // A damaged file must be an error, whatever the decoder makes of it.
                let opened = guarded(|| {
                    ParquetRecordBatchReaderBuilder::try_new(file)
                        .map_err(|error| error.to_string())
                        .and_then(|builder| {
                            let rows = builder.metadata().file_metadata().num_rows();
                            let schema = builder.schema().clone();
                            let reader = builder.build().map_err(|error| error.to_string())?;
                            Ok((reader, schema, rows))
                        })
                });
                let (mut reader, schema, rows) = opened.map_err(malformed)?;
                let batches = std::iter::from_fn(move || {
                    guarded(|| Ok(reader.next()))
                        .unwrap_or_else(|reason| Some(Err(ArrowError::ParquetError(reason))))
                });
                let rows = u64::try_from(rows).unwrap_or(0);
                ("Parquet", Box::new(batches) as Batches<'a>, schema, rows)
            }
        };
        let (mut paths, mut names) = (Vec::new(), Vec::new());
        for (at, field) in schema.fields().iter().enumerate() {
            let mut leaf = Leaf { path: vec![at], member: None };
            leaves(field, &mut leaf, String::new(), &mut paths, &mut names);
        }
        if names.is_empty() {
            return Err(Error::EmptyInput { name });
        }
        Ok(Self {
            name,
            format,
            batches,
            paths,
            columns: unique_names(names.iter().map(String::as_str)),
            batch: Vec::new(),
            row_in_batch: 0,
            rows_in_batch: 0,
            rows_done: 0,
            rows_total,
            bytes_total: source::size(&input.origin),
        })
    }

    fn malformed(&self, reason: String) -> Error {
        Error::MalformedInput { name: self.name.clone(), format: self.format, reason }
    }

    /// Go on to the next batch; false where there is none.
    fn advance(&mut self) -> Result<bool> {
        let Some(batch) = self.batches.next() else { return Ok(false) };
        let batch = batch.map_err(|error| self.malformed(error.to_string()))?;
        let columns = self.paths.iter().map(|leaf| Column::of(&batch, leaf));
        self.batch = guarded(|| -> std::result::Result<Vec<Column>, String> { columns.collect() })
            .map_err(|reason| self.malformed(reason))?;
        (self.row_in_batch, self.rows_in_batch) = (0, batch.num_rows());
        Ok(true)
    }
}

/// A Parquet file must be seekable; bytes in memory go through a temporary file, which is gone
/// when it is closed.
fn file_of(origin: &Origin) -> Result<File> {
    match origin {
        Origin::Path(path) => {
            File::open(path).map_err(|source| Error::ReadFile { path: path.clone(), source })
        }
        Origin::Bytes { bytes, .. } => {
            let written = tempfile::tempfile().and_then(|mut file| {
                file.write_all(bytes)?;
                Ok(file)
            });
            written.map_err(|source| Error::WriteFile { path: std::env::temp_dir(), source })
        }
        Origin::Batches { name, .. } => Err(Error::EmptyInput { name: name.clone() }),
    }
}

/// What `work` gives, or says, or a word for its panic.
pub(super) fn guarded<T>(
    work: impl FnOnce() -> std::result::Result<T, String>,
) -> std::result::Result<T, String> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err("it is damaged in a way that its decoder does not know".into()))
}

/// The columns of a field: itself, or the members of a struct by dotted names.
fn leaves(
    field: &Field,
    leaf: &mut Leaf,
    parent: String,
    paths: &mut Vec<Leaf>,
    names: &mut Vec<String>,
) {
    let name = match parent.is_empty() {
        true => field.name().trim().to_owned(),
        false => format!("{parent}.{}", field.name().trim()),
    };
    match field.data_type() {
        DataType::Struct(members) if leaf.path.len() < 32 => {
            for (at, member) in members.iter().enumerate() {
                leaf.path.push(at);
                leaves(member, leaf, name.clone(), paths, names);
                leaf.path.pop();
            }
        }
        kind if has_text(kind) => {
            paths.push(leaf.clone());
            names.push(name);
        }
        kind => {
            let Some(DataType::Struct(members)) = item_of(kind) else { return };
            if leaf.member.is_some() {
                return;
            }
            for (at, member) in members.iter().enumerate() {
                let mut inner = Leaf { path: vec![at], member: None };
                let (mut inner_paths, mut inner_names) = (Vec::new(), Vec::new());
                // Lists within these lists have no place in a row.
                inner.member = Some(Vec::new());
                leaves(member, &mut inner, name.clone(), &mut inner_paths, &mut inner_names);
                let path = &leaf.path;
                paths.extend(
                    inner_paths
                        .into_iter()
                        .map(|inner| Leaf { path: path.clone(), member: Some(inner.path) }),
                );
                names.append(&mut inner_names);
            }
        }
    }
}

impl Rows for ArrowReader<'_> {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn column(&mut self, name: &str) -> u32 {
        self.columns.iter().position(|column| column == name).map_or(u32::MAX, |at| at as u32)
    }

    fn encoding(&self) -> Option<&'static str> {
        None
    }

    fn delimiter(&self) -> Option<char> {
        None
    }

    /// As many as the share of rows that were handed out.
    fn bytes_read(&self) -> u64 {
        let share = self.rows_done as f64 / self.rows_total.max(1) as f64;
        (self.bytes_total as f64 * share.min(1.0)) as u64
    }

    fn next(&mut self, row: &mut Row) -> Result<Event> {
        while self.row_in_batch == self.rows_in_batch {
            if !self.advance()? {
                return Ok(Event::End);
            }
        }
        row.clear();
        for (at, column) in self.batch.iter().enumerate() {
            column.push(self.row_in_batch, at as u32, 0, row);
        }
        self.row_in_batch += 1;
        self.rows_done += 1;
        if row.is_blank_from(0) {
            return Ok(Event::Blank);
        }
        Ok(Event::Row { line: self.rows_done, recoded: false })
    }
}
