//! `cdm._core`: what Python calls. It converts and calls the core; nothing is decided here.

mod arrow;
mod error;
mod input;
mod model;
mod normalize;
mod plan;
mod resolution;
mod run;
mod store;

use pyo3::prelude::*;

#[cfg(unix)]
#[global_allocator]
static ALLOCATOR: cdm_core::Spilling<tikv_jemallocator::Jemalloc> =
    cdm_core::Spilling::over(tikv_jemallocator::Jemalloc);

/// The compiled core of the package `cdm`.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<arrow::Batches>()?;
    module.add_class::<input::Input>()?;
    module.add_class::<input::Records>()?;
    module.add_class::<model::Model>()?;
    module.add_class::<plan::Plan>()?;
    module.add_class::<resolution::Resolution>()?;
    module.add_class::<store::Store>()?;
    module.add_function(wrap_pyfunction!(input::read_inputs, module)?)?;
    module.add_function(wrap_pyfunction!(resolution::estimate_json, module)?)?;
    module.add_function(wrap_pyfunction!(resolution::evaluate_partition_json, module)?)?;
    normalize::register(module)
}
