//! Files into tables: CSV, JSON lines and (with the feature `arrow`) Arrow and Parquet.
//!
//! [`read`] takes any number of [`Input`]s and gives one [`Table`] and a [`ReadReport`] for each.
//! What is not said is found out: format, encoding, delimiter, and which column is which field
//! ([`Mapping::infer`]); the report says what was found. Where there is no schema either,
//! [`infer_schema`] makes one.
//!
//! A row that cannot be used is counted and located, never dropped in silence; an input that
//! cannot be used at all is an error.

#[cfg(feature = "arrow")]
mod arrow;
mod bind;
mod columns;
mod csv;
mod detect;
mod infer;
#[cfg(feature = "arrow")]
mod ipc;
mod jsonl;
mod mapping;
mod names;
mod neighbours;
mod object;
mod people;
mod reading;
mod report;
mod row;
mod source;
#[cfg(feature = "arrow")]
mod texts;
mod understand;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::cancel::Run;
use crate::error::{Error, Result};
use crate::schema::Schema;
use crate::table::Table;

use reading::Reading;
use row::Row;

#[cfg(feature = "arrow")]
pub use arrow::id_type;
pub use columns::Columns;
pub use infer::{ColumnSample, KindGuess, infer_kind};
#[cfg(feature = "arrow")]
pub use ipc::is_arrow_ipc;
pub use mapping::{FieldMapping, Mapping};
pub use report::{ReadReport, RejectReason, Rejection, rows_of_inputs};

/// How many rows are looked at to infer a mapping or a schema.
const SAMPLE_ROWS: u64 = 2000;
/// How many columns of one input are told apart, as many as a spreadsheet has: data used as names
/// must not fill the memory. Tables of more are refused; members of JSON objects past them that no
/// mapping names are left out.
const MAX_COLUMNS: usize = 16_384;
/// One source of records: where it is, and how to read it.
#[derive(Debug, Clone)]
pub struct Input {
    /// The name of the source, the first half of its records' keys, such as `crm`.
    pub source: String,
    /// Where the bytes are.
    pub origin: Origin,
    /// The format; told by the file's ending, else by its first bytes, where absent.
    pub format: Option<Format>,
    /// Which column is which field; inferred where absent.
    pub mapping: Option<Mapping>,
    /// How to read it.
    pub options: ReadOptions,
}

impl Input {
    /// A file, read as source `source`.
    #[must_use]
    pub fn file(source: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self::new(source, Origin::Path(path.into()))
    }

    /// Bytes in memory, called `name` in reports and errors.
    #[must_use]
    pub fn bytes(
        source: impl Into<String>,
        name: impl Into<String>,
        bytes: impl Into<Arc<[u8]>>,
    ) -> Self {
        Self::new(source, Origin::Bytes { name: name.into(), bytes: bytes.into() })
    }

    fn new(source: impl Into<String>, origin: Origin) -> Self {
        let source = source.into();
        Self { source, origin, format: None, mapping: None, options: ReadOptions::default() }
    }

    /// The same input, with its columns mapped so.
    #[must_use]
    pub fn with_mapping(self, mapping: Mapping) -> Self {
        Self { mapping: Some(mapping), ..self }
    }

    /// The same input, read as that format.
    #[must_use]
    pub fn with_format(self, format: Format) -> Self {
        Self { format: Some(format), ..self }
    }

    /// The same input, read with these options.
    #[must_use]
    pub fn with_options(self, options: ReadOptions) -> Self {
        Self { options, ..self }
    }

    /// What the input is called in reports and errors: the path, or the name that was given.
    #[must_use]
    pub fn name(&self) -> String {
        self.origin.name()
    }
}

/// Where the bytes of an input are.
///
/// `Debug` does not show them.
#[derive(Clone)]
#[non_exhaustive]
pub enum Origin {
    /// In a file.
    Path(PathBuf),
    /// In memory.
    Bytes {
        /// What reports and errors call them.
        name: String,
        /// The bytes.
        bytes: Arc<[u8]>,
    },
    /// In memory, as Arrow columns.
    #[cfg(feature = "arrow")]
    Batches {
        /// What reports and errors call them.
        name: String,
        /// The columns.
        schema: arrow_schema::SchemaRef,
        /// The rows, all of that schema.
        batches: Vec<arrow_array::RecordBatch>,
    },
}

impl Origin {
    fn name(&self) -> String {
        match self {
            Origin::Path(path) => path.display().to_string(),
            Origin::Bytes { name, .. } => name.clone(),
            #[cfg(feature = "arrow")]
            Origin::Batches { name, .. } => name.clone(),
        }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({:?})", self.name())
    }
}

/// The format of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Format {
    /// Delimited text with a header row: commas, semicolons, tabs or bars.
    Csv,
    /// One JSON object a line, or one array of objects.
    JsonLines,
    /// Parquet; needs the feature `arrow`.
    Parquet,
    /// Arrow record batches in memory; needs the feature `arrow`.
    Arrow,
}

impl Format {
    /// The format that the ending of a file's name tells.
    #[must_use]
    pub fn of_path(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "csv" | "tsv" | "tab" | "psv" => Some(Format::Csv),
            "jsonl" | "ndjson" | "json" | "jsonlines" => Some(Format::JsonLines),
            "parquet" | "pq" | "parq" => Some(Format::Parquet),
            _ => None,
        }
    }

    /// The format that the first bytes tell: CSV where nothing else does.
    fn of_bytes(head: &[u8]) -> Self {
        if head.starts_with(b"PAR1") {
            return Format::Parquet;
        }
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        let mut bytes = text.iter().filter(|byte| !byte.is_ascii_whitespace());
        match (bytes.next(), bytes.next()) {
            (Some(b'{'), _) | (Some(b'['), Some(b'{' | b']')) => Format::JsonLines,
            _ => Format::Csv,
        }
    }
}

/// How an input is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReadOptions {
    /// What separates the cells of a CSV file, one ASCII character; told from the first records
    /// where absent.
    pub delimiter: Option<char>,
    /// What encloses a cell that holds delimiters or line breaks, one ASCII character.
    pub quote: char,
    /// The encoding, by its WHATWG label, such as `windows-1252` or `utf-16le`. Where absent, a
    /// byte order mark tells it, else it is UTF-8 where that fits and Windows-1252 where not.
    pub encoding: Option<String>,
    /// The longest record that is accepted, in bytes; no more is held in memory at once.
    pub max_record_bytes: usize,
    /// How many rejected rows a report lists; all are counted.
    pub max_rejected_kept: usize,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            delimiter: None,
            quote: '"',
            encoding: None,
            max_record_bytes: 16 << 20,
            max_rejected_kept: 1000,
        }
    }
}

/// What a reader of one format hands out.
enum Event {
    /// A row, in the buffer that was given; `recoded` where it is not valid in the encoding.
    Row { line: u64, recoded: bool },
    /// A row that is none.
    Rejected { line: u64, reason: RejectReason },
    /// A row without any value.
    Blank,
    /// The end of the input.
    End,
}

/// A reader of one format.
trait Rows {
    /// The columns known so far.
    fn columns(&self) -> &[String];
    /// The number by which rows know a column, which need not have been met yet.
    fn column(&mut self, name: &str) -> u32;
    fn encoding(&self) -> Option<&'static str>;
    fn delimiter(&self) -> Option<char>;
    /// Bytes of the input that were read so far.
    fn bytes_read(&self) -> u64;
    fn next(&mut self, row: &mut Row) -> Result<Event>;
}

fn format_of(input: &Input) -> Result<Format> {
    #[cfg(feature = "arrow")]
    if let Origin::Batches { .. } = input.origin {
        return Ok(Format::Arrow);
    }
    if let Some(format) = input.format {
        return Ok(format);
    }
    if let Origin::Path(path) = &input.origin
        && let Some(format) = Format::of_path(path)
    {
        return Ok(format);
    }
    Ok(Format::of_bytes(&source::head(input)?.0))
}

fn open<'a>(input: &'a Input, format: Format) -> Result<Box<dyn Rows + 'a>> {
    match format {
        Format::Csv => Ok(Box::new(csv::CsvReader::open(input)?)),
        Format::JsonLines => Ok(Box::new(jsonl::JsonReader::open(input)?)),
        #[cfg(feature = "arrow")]
        Format::Parquet | Format::Arrow => Ok(Box::new(arrow::ArrowReader::open(input)?)),
        #[cfg(not(feature = "arrow"))]
        Format::Parquet | Format::Arrow => Err(Error::MalformedInput {
            name: input.name(),
            format: "Parquet",
            reason: "this build reads no Parquet; build it with the feature `arrow`".into(),
        }),
    }
}

/// Read inputs into one table.
///
/// Rows come in the order of the inputs. The reports are in that order as well. An input without
/// any column is an error ([`Error::EmptyInput`]); one with columns and no rows is not.
///
/// Where two rows have the same source and id, the first is kept and the others are counted as
/// rejected. Between inputs that share a source, the one whose name sorts first counts as first,
/// so that the order in which inputs are given decides the order of the rows and nothing else.
/// Where records have no id, the number of their row is it, behind the input's name where other
/// inputs have the same source.
///
/// # Errors
/// [`Error::ReadFile`], [`Error::EmptyInput`], [`Error::MalformedInput`],
/// [`Error::RecordTooLong`], [`Error::UnknownColumn`], [`Error::UnknownField`],
/// [`Error::UnknownChoice`] (an encoding), [`Error::InvalidDocument`] (a mapping or an option),
/// [`Error::TableFull`] and [`Error::Cancelled`].
///
/// # Examples
/// ```
/// use cdm_core::read::{Input, read};
/// use cdm_core::{Field, Kind, Run, Schema};
/// let schema = Schema::new("people", vec![
///     Field::new("family_name", Kind::FamilyName),
///     Field::new("email", Kind::Email),
/// ])?;
/// let csv = b"Kundennr;Nachname;E-Mail\n17;Li;li@example.org\n18;Sohn\n".to_vec();
/// let (table, reports) = read(&[Input::bytes("crm", "kunden.csv", csv)], &schema, &Run::new())?;
/// assert_eq!((table.id(0), table.column(0).values(0).next()), ("17", Some("Li")));
/// assert_eq!((table.len(), reports[0].rejections[0].line), (1, 3));
/// # Ok::<(), cdm_core::Error>(())
/// ```
pub fn read(inputs: &[Input], schema: &Schema, run: &Run) -> Result<(Table, Vec<ReadReport>)> {
    let prepared = prepare(inputs, schema, run)?;
    let mut reading = Reading::new(inputs, schema, run, HashMap::new());
    let reports = reading.all(&prepared)?;
    if reading.contested.is_empty() {
        return Ok((reading.builder.finish(), reports));
    }
    // Some record was taken from another input than the one whose name sorts first. That is known
    // only now, so read again, knowing better; it takes inputs that overlap, in unsorted order.
    let owners = std::mem::take(&mut reading.contested);
    let mut again = Reading::new(inputs, schema, run, owners);
    again.bytes_before = again.bytes_total;
    again.bytes_total *= 2;
    let reports = again.all(&prepared)?;
    Ok((again.builder.finish(), reports))
}

/// A schema for inputs that come without one: a field for each distinct meaning of their columns,
/// its kind by the columns' names and values.
///
/// Columns that say who or when a record is, that are empty or always the same, and that hold
/// the answer to the matching (`cluster_id`), become no field.
///
/// # Errors
/// As [`read`], of which it reads the first 2000 rows of each input.
pub fn infer_schema(inputs: &[Input], run: &Run) -> Result<Schema> {
    let samples = inputs.par_iter().map(|input| sample(input, format_of(input)?, run));
    // Of several errors the first input's.
    let samples: Vec<Result<_>> = samples.collect();
    infer::schema_of(&samples.into_iter().collect::<Result<Vec<_>>>()?)
}

/// The columns of an input, each with a sample of its values: what [`Mapping::infer`] goes by.
///
/// # Errors
/// As [`read`], of which it reads the first 2000 rows.
///
/// # Examples
/// ```
/// use cdm_core::Run;
/// use cdm_core::read::{Input, sample_columns};
/// let input = Input::bytes("crm", "crm.csv", b"id,mail\n1,a@example.org\n".to_vec());
/// let columns = sample_columns(&input, &Run::new())?;
/// assert_eq!((columns[1].name.as_str(), columns[1].values.len()), ("mail", 1));
/// # Ok::<(), cdm_core::Error>(())
/// ```
pub fn sample_columns(input: &Input, run: &Run) -> Result<Vec<ColumnSample>> {
    sample(input, format_of(input)?, run)
}

/// What a field is by its name, as columns of files are understood, such as `date_of_birth`.
pub(crate) fn meaning_of(field: &str) -> Option<&'static str> {
    names::key(field)
}

/// What is known of an input before it is read.
struct Prepared {
    format: Format,
    mapping: Mapping,
    inferred: bool,
    /// Some values of the column that holds the records' time.
    times: Vec<String>,
    /// Whether row numbers alone would not tell its records from those of other inputs.
    names_rows: bool,
}

fn prepare(inputs: &[Input], schema: &Schema, run: &Run) -> Result<Vec<Prepared>> {
    let alone = |input: &Input| {
        let format = format_of(input)?;
        let given = input.mapping.as_ref();
        let needs_sample = given.is_none_or(|mapping| mapping.time.is_some());
        let columns = if needs_sample { sample(input, format, run)? } else { Vec::new() };
        let mapping = match given {
            Some(mapping) => mapping.clone(),
            None => Mapping::infer(&columns, schema),
        };
        mapping.check_fields(schema)?;
        let times = columns.into_iter().find(|column| mapping.time.as_ref() == Some(&column.name));
        Ok(Prepared {
            format,
            mapping,
            inferred: given.is_none(),
            times: times.map(|column| column.values).unwrap_or_default(),
            names_rows: false,
        })
    };
    // Of several errors the first input's.
    let prepared: Vec<Result<Prepared>> = inputs.par_iter().map(alone).collect();
    let mut prepared: Vec<Prepared> = prepared.into_iter().collect::<Result<_>>()?;
    let numbered: Vec<usize> =
        (0..inputs.len()).filter(|at| prepared[*at].mapping.id.is_none()).collect();
    for &at in &numbered {
        for other in (0..inputs.len()).filter(|other| *other != at) {
            let same_source = inputs[at].source == inputs[other].source
                || prepared[at].mapping.source.is_some()
                || prepared[other].mapping.source.is_some();
            prepared[at].names_rows |= same_source;
            if same_source && inputs[at].name() == inputs[other].name() {
                return Err(Error::InvalidDocument {
                    document: "inputs",
                    path: format!("[{}]", at.max(other)),
                    reason: format!(
                        "it has the source and name of input [{}], so that records without an id \
                         of their own could not be told apart",
                        at.min(other)
                    ),
                    suggestion: None,
                });
            }
        }
    }
    Ok(prepared)
}

/// The first rows of an input, by column.
fn sample(input: &Input, format: Format, run: &Run) -> Result<Vec<ColumnSample>> {
    let mut reader = open(input, format)?;
    let mut columns: Vec<ColumnSample> = Vec::new();
    let (mut row, mut rows, mut events) = (Row::default(), 0, 0);
    while rows < SAMPLE_ROWS && events < 10 * SAMPLE_ROWS {
        events += 1;
        if events.is_multiple_of(256) {
            run.check()?;
        }
        match reader.next(&mut row)? {
            Event::End => break,
            Event::Blank | Event::Rejected { .. } => continue,
            Event::Row { .. } => rows += 1,
        }
        columns.resize_with(reader.columns().len().max(columns.len()), ColumnSample::default);
        for (column, value) in row.cells() {
            let values = &mut columns[column as usize].values;
            if !value.is_empty() && values.len() < detect::MAX_VALUES {
                values.push(value.to_owned());
            }
        }
    }
    columns.resize_with(reader.columns().len(), ColumnSample::default);
    for (column, name) in columns.iter_mut().zip(reader.columns()) {
        column.name.clone_from(name);
        column.rows = rows;
    }
    Ok(columns)
}
