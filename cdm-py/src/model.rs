//! Models.

use std::sync::Arc;

use cdm_core::Record;
use cdm_core::report::match_weights;
use pyo3::prelude::*;

use crate::error::raise;
use crate::input::Records;
use crate::plan::{Plan, decisions};
use crate::resolution::Resolution;
use crate::run::interruptible;

/// A plan and what was learned by it. `cdm.Model` wraps it.
#[pyclass(frozen, module = "cdm._core")]
pub(crate) struct Model(pub(crate) Arc<cdm_core::Model>);

#[pymethods]
impl Model {
    /// Read a model from JSON, strictly.
    #[staticmethod]
    fn from_json(py: Python<'_>, json: &str) -> PyResult<Self> {
        let model = cdm_core::Model::from_json(json).map_err(|error| raise(py, &error))?;
        Ok(Self(Arc::new(model)))
    }

    /// The model as JSON, indented.
    fn to_json(&self) -> String {
        self.0.to_json()
    }

    /// The plan that was fitted.
    #[getter]
    fn plan(&self) -> Plan {
        Plan(Arc::new(self.0.plan().clone()))
    }

    /// What each level of each comparison weighs, as a chart in JSON; `null` without comparisons.
    fn chart_json(&self) -> String {
        let chart = self.0.parameters().map(|learned| match_weights(self.0.plan(), learned));
        serde_json::to_string(&chart).unwrap_or_default()
    }

    /// What the model says of two records, each in JSON, as JSON; and the sentence.
    fn explain_json(
        &self,
        py: Python<'_>,
        left_json: &str,
        right_json: &str,
    ) -> PyResult<(String, String)> {
        let record = |json: &str| Record::from_json(json).map_err(|error| raise(py, &error));
        let (left, right) = (record(left_json)?, record(right_json)?);
        let model = Arc::clone(&self.0);
        let pair = interruptible(py, None, move |run| model.explain(&left, &right, run))?;
        Ok((serde_json::to_string(&pair).unwrap_or_default(), pair.sentence()))
    }

    /// Resolve these records into entities.
    #[pyo3(signature = (records, decisions_json = None, progress = None, memory_limit = None, /))]
    fn resolve(
        &self,
        py: Python<'_>,
        records: &Records,
        decisions_json: Option<&str>,
        progress: Option<&Bound<'_, PyAny>>,
        memory_limit: Option<u64>,
    ) -> PyResult<Resolution> {
        let decisions = decisions(py, decisions_json)?;
        let (model, table) = (Arc::clone(&self.0), records.table.clone());
        let resolution = interruptible(py, progress, move |run| {
            let run = run.clone().with_memory_limit(memory_limit);
            model.resolve(&table, &decisions, &run)
        })?;
        Ok(Resolution::new(resolution, records))
    }
}
