//! `cdm._core`: what Python calls. It converts and calls the core; nothing is decided here.

mod error;
mod normalize;

use pyo3::prelude::*;

/// The compiled core of the package `cdm`.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    normalize::register(module)
}
