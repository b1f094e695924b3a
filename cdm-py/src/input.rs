//! Data on its way in: frames, files and rows into records.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_schema::DataType;
use cdm_core::read::{
    ColumnSample, FieldMapping, Format, Mapping, Origin, ReadReport, infer_schema, read,
    sample_columns,
};
use cdm_core::{Error, Field, Kind, Result, Run, Schema, Table};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::Deserialize;

use crate::arrow;
use crate::error::raise;
use crate::plan::Plan;
use crate::run::{interruptible, malformed};

/// One source of records, to be read once.
#[pyclass(frozen, module = "cdm._core")]
pub(crate) struct Input {
    source: String,
    name: String,
    data: Mutex<Option<Data>>,
}

enum Data {
    Stream(FFI_ArrowArrayStream),
    File(PathBuf),
    /// The lines, and the columns that hold whole numbers alone.
    JsonLines(Vec<u8>, Vec<String>),
}

impl Input {
    fn new(source: String, name: String, data: Data) -> Self {
        Self { source, name, data: Mutex::new(Some(data)) }
    }
}

#[pymethods]
impl Input {
    /// What has `__arrow_c_stream__`.
    #[staticmethod]
    fn stream(source: String, name: String, stream: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self::new(source, name, Data::Stream(arrow::take(stream)?)))
    }

    /// A file: CSV, JSON lines or Parquet.
    #[staticmethod]
    fn file(source: String, path: PathBuf) -> Self {
        Self::new(source, path.display().to_string(), Data::File(path))
    }

    /// Rows as JSON, one a line, and the columns that hold whole numbers in all of them.
    #[staticmethod]
    fn json_lines(
        source: String,
        name: String,
        lines: &Bound<'_, PyBytes>,
        whole: Vec<String>,
    ) -> Self {
        Self::new(source, name, Data::JsonLines(lines.as_bytes().into(), whole))
    }
}

/// Data made ready for the worker thread.
struct Taken {
    source: String,
    name: String,
    data: Data,
}

impl Taken {
    fn whole(&self) -> Vec<String> {
        match &self.data {
            Data::JsonLines(_, whole) => whole.clone(),
            _ => Vec::new(),
        }
    }

    fn into_input(self) -> Result<cdm_core::Input> {
        let Self { source, name, data } = self;
        Ok(match data {
            Data::Stream(stream) => arrow::input(&source, &name, stream)?,
            Data::File(path) => cdm_core::Input::file(source, path),
            Data::JsonLines(lines, _) => {
                cdm_core::Input::bytes(source, name, lines).with_format(Format::JsonLines)
            }
        })
    }
}

/// What the caller said of the columns.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Columns {
    /// By input, the column of the ids.
    id: Vec<Option<String>>,
    /// By input, the column that names the sources.
    source: Vec<Option<String>>,
    /// By input, the column of the times.
    time: Vec<Option<String>>,
    /// The columns that are read, in order, and the kinds of their values.
    fields: Option<Vec<(String, Option<String>)>>,
}

/// Records that were read, and what was found on the way.
#[pyclass(frozen, module = "cdm._core")]
pub(crate) struct Records {
    pub(crate) table: Table,
    pub(crate) reports: Arc<Vec<ReadReport>>,
    /// The type of the ids, where they are numbers in all inputs.
    pub(crate) id_type: Option<DataType>,
}

#[pymethods]
impl Records {
    fn __len__(&self) -> usize {
        self.table.len()
    }

    /// The fields that the records have, as JSON.
    #[getter]
    fn fields_json(&self) -> String {
        serde_json::to_string(self.table.schema().fields()).unwrap_or_default()
    }

    /// What became of each input, as JSON.
    #[getter]
    fn reports_json(&self) -> String {
        // Reports are made of strings, numbers and lists, which always serialise.
        serde_json::to_string(&*self.reports).unwrap_or_default()
    }
}

/// Read inputs into records of the fields of `plan`; where that is absent, of the fields that the
/// columns suggest.
#[pyfunction]
#[pyo3(signature = (inputs, columns_json, plan = None, progress = None, /))]
pub(crate) fn read_inputs(
    py: Python<'_>,
    inputs: Vec<Py<Input>>,
    columns_json: &str,
    plan: Option<&Plan>,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Records> {
    let columns: Columns = serde_json::from_str(columns_json).map_err(|error| {
        let reason = error.to_string();
        let path = "columns".into();
        raise(py, &Error::InvalidDocument { document: "options", path, reason, suggestion: None })
    })?;
    let mut taken = Vec::with_capacity(inputs.len());
    for input in &inputs {
        let Input { source, name, data } = input.get();
        let (source, name) = (source.clone(), name.clone());
        let data = data.lock().unwrap_or_else(PoisonError::into_inner).take();
        let data = data.ok_or_else(|| raise(py, &malformed(&name, "it was read before")))?;
        taken.push(Taken { source, name, data });
    }
    let plan = plan.map(|plan| Arc::clone(&plan.0));
    interruptible(py, progress, move |run| {
        let whole: Vec<Vec<String>> = taken.iter().map(Taken::whole).collect();
        let inputs: Vec<_> = taken.into_iter().map(Taken::into_input).collect::<Result<_>>()?;
        let (inputs, schema) = mapped(inputs, plan.as_deref(), &columns, run)?;
        let (table, reports) = read(&inputs, &schema, run)?;
        let id_type = id_type(&inputs, &reports, &whole);
        Ok(Records { table, reports: Arc::new(reports), id_type })
    })
}

/// The inputs with their mappings, as far as the plan or the caller decides them, and the schema.
fn mapped(
    inputs: Vec<cdm_core::Input>,
    plan: Option<&cdm_core::Plan>,
    said: &Columns,
    run: &Run,
) -> Result<(Vec<cdm_core::Input>, Schema)> {
    let inputs: Vec<cdm_core::Input> = inputs
        .into_iter()
        .map(|mut input| {
            let known = plan.map(cdm_core::Plan::sources).unwrap_or_default().iter();
            if let Some(known) = known.into_iter().find(|known| known.name == input.source) {
                input.mapping.clone_from(&known.mapping);
                input.options = known.reading.clone();
            }
            input
        })
        .collect();
    let says_nothing = said.fields.is_none()
        && [&said.id, &said.source, &said.time].into_iter().flatten().all(Option::is_none);
    if says_nothing {
        let schema = match plan {
            Some(plan) => plan.schema().clone(),
            None => infer_schema(&inputs, run)?,
        };
        return Ok((inputs, schema));
    }
    let samples: Vec<Vec<ColumnSample>> =
        inputs.iter().map(|input| sample_columns(input, run)).collect::<Result<_>>()?;
    let keys: Vec<Mapping> = (0..inputs.len())
        .map(|at| {
            let column = |columns: &[Option<String>]| columns.get(at).cloned().flatten();
            let (id, source, time) = (column(&said.id), column(&said.source), column(&said.time));
            Mapping { id, source, time, fields: Vec::new() }
        })
        .collect();
    let schema = match (plan, &said.fields) {
        (Some(plan), _) => plan.schema().clone(),
        (None, Some(fields)) => schema_of(fields, &inputs, &samples)?,
        (None, None) => without_keys(infer_schema(&inputs, run)?, &samples, &keys)?,
    };
    let mut mapped = Vec::with_capacity(inputs.len());
    for ((input, columns), key) in inputs.into_iter().zip(&samples).zip(keys) {
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        key.check(&input.name(), &names, &schema)?;
        let base = match (&input.mapping, &said.fields, plan) {
            (Some(mapping), ..) => mapping.clone(),
            (None, Some(fields), None) => {
                let fields = fields.iter().zip(schema.fields());
                let fields = fields.filter(|((column, _), _)| names.contains(column));
                let fields =
                    fields.map(|((column, _), field)| FieldMapping::new(&field.name, column));
                Mapping { fields: fields.collect(), ..Mapping::infer(columns, &schema) }
            }
            (None, ..) => Mapping::infer(columns, &schema),
        };
        let mapping = Mapping {
            id: key.id.or(base.id),
            source: key.source.or(base.source),
            time: key.time.or(base.time),
            fields: base.fields,
        };
        mapped.push(input.with_mapping(mapping));
    }
    Ok((mapped, schema))
}

/// A schema of the columns that the caller named; each must be in one of the inputs.
fn schema_of(
    named: &[(String, Option<String>)],
    inputs: &[cdm_core::Input],
    samples: &[Vec<ColumnSample>],
) -> Result<Schema> {
    let mut all: Vec<String> = samples.iter().flatten().map(|column| column.name.clone()).collect();
    all.dedup();
    let wanted = named.iter().map(|(column, _)| FieldMapping::new("any", column)).collect();
    let any = Schema::new("any", vec![Field::new("any", Kind::Text)])?;
    let name = inputs.iter().map(cdm_core::Input::name).collect::<Vec<_>>().join(", ");
    Mapping { fields: wanted, ..Mapping::default() }.check(&name, &all, &any)?;
    let mut fields: Vec<Field> = Vec::with_capacity(named.len());
    for (column, kind) in named {
        let kind = match kind {
            Some(kind) => kind.parse()?,
            None => {
                let same = samples.iter().flatten().filter(|sample| sample.name == *column);
                let values = same.flat_map(|sample| sample.values.iter().map(String::as_str));
                cdm_core::read::infer_kind(column, values).kind
            }
        };
        let name = free_name(column, &fields);
        fields.push(Field::new(name, kind));
    }
    Schema::new("records", fields)
}

/// A field's name for a column: its letters and digits, set apart by `_`.
fn free_name(column: &str, taken: &[Field]) -> String {
    let mut name = String::new();
    for c in column.chars() {
        match c.is_alphanumeric() {
            true => name.extend(c.to_lowercase()),
            false if name.ends_with('_') => {}
            false => name.push('_'),
        }
    }
    let mut name = name.trim_matches('_').to_owned();
    if !name.chars().next().is_some_and(char::is_alphabetic) {
        name.insert_str(0, "column_");
    }
    // Lower case of some letters holds marks, which names must not.
    name.retain(|c| c.is_alphanumeric() || c == '_');
    while taken.iter().any(|field| field.name == name) {
        name.push('_');
    }
    name
}

/// The schema without fields that would be filled by ids, sources and times alone.
fn without_keys(schema: Schema, samples: &[Vec<ColumnSample>], keys: &[Mapping]) -> Result<Schema> {
    let mut useful = BTreeSet::new();
    for (columns, key) in samples.iter().zip(keys) {
        let taken: Vec<&str> = key.columns().collect();
        for entry in Mapping::infer(columns, &schema).fields {
            if entry.columns.iter().any(|column| !taken.contains(&column.as_str())) {
                useful.insert(entry.field);
            }
        }
    }
    let fields: Vec<Field> =
        schema.fields().iter().filter(|field| useful.contains(&field.name)).cloned().collect();
    match fields.is_empty() {
        true => Ok(schema),
        false => Schema::new(schema.name(), fields),
    }
}

/// The type that the ids have in every input, where they are numbers.
fn id_type(
    inputs: &[cdm_core::Input],
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
