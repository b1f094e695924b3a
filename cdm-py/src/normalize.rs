//! The normalisers.

use cdm_core::normalize::{self, Context, Form, Issue};
use cdm_core::{Kind, Result};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::error::raise;

/// Add this file's functions and constants to `module`.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("KINDS", PyTuple::new(py, Kind::ALL.map(Kind::name))?)?;
    module.add("FORMS", PyTuple::new(py, Form::ALL.iter().map(|form| form.name()))?)?;
    module.add("ISSUES", PyTuple::new(py, Issue::ALL.iter().map(|issue| issue.code()))?)?;
    module.add_function(wrap_pyfunction!(normalize_json, module)?)?;
    module.add_function(wrap_pyfunction!(nickname_classes, module)?)?;
    module.add_function(wrap_pyfunction!(phonetic_codes, module)?)
}

/// Normalise one value; the context and the answer are the core's JSON.
#[pyfunction]
#[pyo3(signature = (kind, raw, context_json = None, /))]
fn normalize_json(
    py: Python<'_>,
    kind: &str,
    raw: &str,
    context_json: Option<&str>,
) -> PyResult<String> {
    let call = || -> Result<String> {
        let kind: Kind = kind.parse()?;
        let context = context_json.map_or_else(|| Ok(Context::default()), Context::from_json)?;
        Ok(normalize::value(kind, raw, &context).to_json())
    };
    call().map_err(|error| raise(py, &error))
}

/// The nickname classes of a first name.
#[pyfunction]
#[pyo3(signature = (name, /))]
fn nickname_classes(name: &str) -> Vec<String> {
    normalize::nickname_classes(name)
}

/// The Double Metaphone codes of a name.
#[pyfunction]
#[pyo3(signature = (name, /))]
fn phonetic_codes(name: &str) -> Vec<String> {
    normalize::phonetic_codes(name)
}
