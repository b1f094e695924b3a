//! Arrow streams over the border, in both directions, by the PyCapsule interface: no copy, and no
//! package that both sides must have.
#![allow(unsafe_code)] // one block, in `take`

use arrow_array::cast::AsArray;
use arrow_array::ffi::FFI_ArrowSchema;
use arrow_array::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMillisecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, SchemaRef, TimeUnit};
use cdm_core::write::ArrowTable;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyCapsuleMethods, PyDateTime, PyDict, PyList, PyTzInfo};

use crate::run::malformed;

/// Take the stream out of a capsule, which is then empty.
pub(crate) fn take(stream: &Bound<'_, PyAny>) -> PyResult<FFI_ArrowArrayStream> {
    let capsule = stream.call_method0("__arrow_c_stream__")?;
    let capsule = capsule.cast::<PyCapsule>().map_err(|_| {
        PyTypeError::new_err("__arrow_c_stream__ returned something else than a capsule")
    })?;
    let pointer = capsule.pointer_checked(Some(c"arrow_array_stream")).map_err(|_| {
        PyTypeError::new_err("__arrow_c_stream__ returned a capsule that holds no Arrow stream")
    })?;
    let pointer = pointer.cast::<FFI_ArrowArrayStream>().as_ptr();
    if !pointer.is_aligned() {
        return Err(PyValueError::new_err("the stream's capsule is not aligned"));
    }
    // SAFETY: a capsule of this name holds a valid `ArrowArrayStream` that is ours to move out, as
    // the Arrow PyCapsule interface has it; the capsule is alive and the interpreter's lock is held,
    // so nobody else moves it meanwhile. What is left in its place is a released stream, which the
    // capsule's destructor knows to leave alone.
    Ok(unsafe { FFI_ArrowArrayStream::from_raw(pointer) })
}

/// The batches of a stream, as the core's input.
pub(crate) fn input(
    source: &str,
    name: &str,
    stream: FFI_ArrowArrayStream,
) -> cdm_core::Result<cdm_core::Input> {
    if stream.release().is_none() {
        return Err(malformed(name, "the stream was consumed before"));
    }
    let reader = RecordBatchStreamReader::try_new(stream).map_err(|e| malformed(name, e))?;
    cdm_core::Input::batch_reader(source, name, reader)
}

/// A result in Arrow's columns. `cdm.ArrowTable` wraps it.
#[pyclass(frozen, module = "cdm._core")]
pub(crate) struct Batches(pub(crate) ArrowTable);

#[pymethods]
impl Batches {
    /// The names of the columns.
    #[getter]
    fn column_names(&self) -> Vec<String> {
        self.0.schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    fn __len__(&self) -> usize {
        self.0.num_rows()
    }

    /// The first rows, all of them where `limit` is absent, as one dict a row.
    #[pyo3(signature = (limit = None, /))]
    fn rows<'py>(&self, py: Python<'py>, limit: Option<usize>) -> PyResult<Bound<'py, PyList>> {
        let rows = PyList::empty(py);
        let mut left = limit.unwrap_or(usize::MAX);
        for batch in &self.0.batches {
            for row in 0..batch.num_rows().min(left) {
                rows.append(object(py, batch.columns(), batch.schema_ref(), row)?)?;
            }
            left = left.saturating_sub(batch.num_rows());
        }
        Ok(rows)
    }

    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // The interface asks for a best effort; consumers cast where they want other types.
        let _ = requested_schema;
        let stream = FFI_ArrowArrayStream::new(self.0.reader());
        PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let schema = FFI_ArrowSchema::try_from(self.0.schema.as_ref())
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        PyCapsule::new_with_value(py, schema, c"arrow_schema")
    }
}

/// Row `row` of these columns as a dict.
fn object<'py>(
    py: Python<'py>,
    columns: &[ArrayRef],
    schema: &SchemaRef,
    row: usize,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (field, column) in schema.fields().iter().zip(columns) {
        dict.set_item(field.name(), value(py, column, row)?)?;
    }
    Ok(dict)
}

/// One value of a result; the types are those that results have.
fn value<'py>(py: Python<'py>, column: &ArrayRef, row: usize) -> PyResult<Bound<'py, PyAny>> {
    macro_rules! number {
        ($kind:ty) => {
            column.as_primitive::<$kind>().value(row).into_pyobject(py)?.into_any()
        };
    }
    if column.is_null(row) {
        return Ok(py.None().into_bound(py));
    }
    Ok(match column.data_type() {
        DataType::LargeUtf8 => column.as_string::<i64>().value(row).into_pyobject(py)?.into_any(),
        DataType::Int8 => number!(Int8Type),
        DataType::Int16 => number!(Int16Type),
        DataType::Int32 => number!(Int32Type),
        DataType::Int64 => number!(Int64Type),
        DataType::UInt8 => number!(UInt8Type),
        DataType::UInt16 => number!(UInt16Type),
        DataType::UInt32 => number!(UInt32Type),
        DataType::UInt64 => number!(UInt64Type),
        DataType::Float32 => number!(Float32Type),
        DataType::Float64 => number!(Float64Type),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            let millis = column.as_primitive::<TimestampMillisecondType>().value(row);
            let utc = PyTzInfo::utc(py)?;
            let seconds = millis as f64 / 1000.0;
            // Years that Python does not know stay numbers.
            match PyDateTime::from_timestamp(py, seconds, Some(&utc)) {
                Ok(moment) => moment.into_any(),
                Err(_) => millis.into_pyobject(py)?.into_any(),
            }
        }
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(row);
            let list = PyList::empty(py);
            for at in 0..items.len() {
                list.append(value(py, &items, at)?)?;
            }
            list.into_any()
        }
        DataType::Struct(fields) => {
            let members = column.as_struct();
            let dict = PyDict::new(py);
            for (field, member) in fields.iter().zip(members.columns()) {
                dict.set_item(field.name(), value(py, member, row)?)?;
            }
            dict.into_any()
        }
        other => return Err(PyTypeError::new_err(format!("no Python value for {other}"))),
    })
}
