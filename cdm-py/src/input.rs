//! Data on its way in: frames, files and rows into records.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_schema::DataType;
use cdm_core::read::{Columns, Format, ReadReport, id_type, read};
use cdm_core::{Error, Result, Table};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

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
#[pyo3(signature = (inputs, columns_json, plan = None, progress = None, memory_limit = None, /))]
pub(crate) fn read_inputs(
    py: Python<'_>,
    inputs: Vec<Py<Input>>,
    columns_json: &str,
    plan: Option<&Plan>,
    progress: Option<&Bound<'_, PyAny>>,
    memory_limit: Option<u64>,
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
        let run = &run.clone().with_memory_limit(memory_limit);
        let whole: Vec<Vec<String>> = taken.iter().map(Taken::whole).collect();
        let inputs: Vec<_> = taken.into_iter().map(Taken::into_input).collect::<Result<_>>()?;
        let (inputs, schema) = match &plan {
            Some(plan) => columns.map(plan.known(inputs), Some(plan.schema()), run)?,
            None => columns.map(inputs, None, run)?,
        };
        let (table, reports) = read(&inputs, &schema, run)?;
        let id_type = id_type(&inputs, &reports, &whole);
        Ok(Records { table, reports: Arc::new(reports), id_type })
    })
}
