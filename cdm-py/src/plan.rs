//! Plans.

use std::sync::Arc;

use cdm_core::Decisions;
use pyo3::prelude::*;

use crate::error::raise;
use crate::input::Records;
use crate::model::Model;
use crate::resolution::Resolution;
use crate::run::interruptible;

/// A plan that was checked. `cdm.Plan` wraps it.
#[pyclass(frozen, module = "cdm._core")]
pub(crate) struct Plan(pub(crate) Arc<cdm_core::Plan>);

#[pymethods]
impl Plan {
    /// Read a plan from JSON, strictly.
    #[staticmethod]
    fn from_json(py: Python<'_>, json: &str) -> PyResult<Self> {
        let plan = cdm_core::Plan::from_json(json).map_err(|error| raise(py, &error))?;
        Ok(Self(Arc::new(plan)))
    }

    /// The given plan, with what it leaves open inferred from these records.
    #[staticmethod]
    #[pyo3(signature = (records, given, progress = None, /))]
    fn infer(
        py: Python<'_>,
        records: &Records,
        given: &Plan,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let (table, given) = (records.table.clone(), Arc::clone(&given.0));
        let inferred = interruptible(py, progress, move |run| {
            cdm_core::Plan::infer_with(&table, &given, run)
        })?;
        Ok(Self(Arc::new(inferred.plan)))
    }

    /// The JSON Schema of plans.
    #[staticmethod]
    fn json_schema() -> String {
        cdm_core::Plan::json_schema()
    }

    /// The plan as JSON, indented.
    fn to_json(&self) -> String {
        self.0.to_json()
    }

    /// Learn from these records what needs a look at all of them, and from labelled pairs.
    #[pyo3(signature = (records, labels_json = None, progress = None, memory_limit = None, /))]
    fn fit(
        &self,
        py: Python<'_>,
        records: &Records,
        labels_json: Option<&str>,
        progress: Option<&Bound<'_, PyAny>>,
        memory_limit: Option<u64>,
    ) -> PyResult<Model> {
        let labels = decisions(py, labels_json)?;
        let (plan, table) = (Arc::clone(&self.0), records.table.clone());
        let model = interruptible(py, progress, move |run| {
            let run = run.clone().with_memory_limit(memory_limit);
            plan.fit_labelled(&table, &labels, &run)
        })?;
        Ok(Model(Arc::new(model)))
    }

    /// What fitting to these records and resolving them would take, as JSON.
    #[pyo3(signature = (records, progress = None, /))]
    fn estimate_json(
        &self,
        py: Python<'_>,
        records: &Records,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        let (plan, table) = (Arc::clone(&self.0), records.table.clone());
        let estimate = interruptible(py, progress, move |run| plan.estimate(&table, run))?;
        Ok(serde_json::to_string(&estimate).unwrap_or_default())
    }

    /// Infer what `given` leaves open, fit and resolve in one go.
    #[staticmethod]
    #[pyo3(signature = (records, given, labels_json = None, decisions_json = None, progress = None, memory_limit = None, /))]
    fn infer_and_resolve(
        py: Python<'_>,
        records: &Records,
        given: &Plan,
        labels_json: Option<&str>,
        decisions_json: Option<&str>,
        progress: Option<&Bound<'_, PyAny>>,
        memory_limit: Option<u64>,
    ) -> PyResult<Resolution> {
        let (labels, decisions) = (decisions(py, labels_json)?, decisions(py, decisions_json)?);
        let (table, given) = (records.table.clone(), Arc::clone(&given.0));
        let resolution = interruptible(py, progress, move |run| {
            let run = run.clone().with_memory_limit(memory_limit);
            cdm_core::Plan::infer_and_resolve(&table, &given, &labels, &decisions, &run)
        })?;
        Ok(Resolution::new(resolution, records))
    }

    /// Fit and resolve in one go.
    #[pyo3(signature = (records, labels_json = None, decisions_json = None, progress = None, memory_limit = None, /))]
    fn resolve(
        &self,
        py: Python<'_>,
        records: &Records,
        labels_json: Option<&str>,
        decisions_json: Option<&str>,
        progress: Option<&Bound<'_, PyAny>>,
        memory_limit: Option<u64>,
    ) -> PyResult<Resolution> {
        let (labels, decisions) = (decisions(py, labels_json)?, decisions(py, decisions_json)?);
        let (plan, table) = (Arc::clone(&self.0), records.table.clone());
        let resolution = interruptible(py, progress, move |run| {
            let run = run.clone().with_memory_limit(memory_limit);
            plan.resolve_labelled(&table, &labels, &decisions, &run)
        })?;
        Ok(Resolution::new(resolution, records))
    }
}

/// Decisions from JSON; none where there is no document.
pub(crate) fn decisions(py: Python<'_>, json: Option<&str>) -> PyResult<Decisions> {
    match json {
        None => Ok(Decisions::new()),
        Some(json) => Decisions::from_json(json).map_err(|error| raise(py, &error)),
    }
}
