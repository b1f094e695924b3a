//! The core's errors as the exceptions of `cdm._errors`.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

use cdm_core::Error;

static FILE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static LOOKUP: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static VALUE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static CANCELLED: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// The exception for `error`, with its message and its `code`.
pub(crate) fn raise(py: Python<'_>, error: &Error) -> PyErr {
    let (class, name) = match error {
        Error::ReadFile { .. }
        | Error::WriteFile { .. }
        | Error::WriteStream(_)
        | Error::StoreIo { .. }
        | Error::StoreLocked { .. }
        | Error::StoreFormat { .. }
        | Error::StoreDamaged { .. } => (&FILE, "FileError"),
        Error::UnknownColumn { .. }
        | Error::UnknownField { .. }
        | Error::UnknownRecord { .. }
        | Error::UnknownEntity { .. } => (&LOOKUP, "UnknownNameError"),
        Error::Cancelled => (&CANCELLED, "CancelledError"),
        _ => (&VALUE, "InvalidError"),
    };
    match class.import(py, "cdm._errors", name) {
        Ok(class) => PyErr::from_type(class.clone(), (error.to_string(), error.code())),
        // Only where somebody took the package apart; the message still gets through.
        Err(_) => PyRuntimeError::new_err(error.to_string()),
    }
}
