//! Resolutions.

use std::sync::Arc;

use arrow_schema::DataType;
use cdm_core::read::ReadReport;
use cdm_core::write::ArrowTable;
use cdm_core::{Result, Run};
use pyo3::prelude::*;

use crate::arrow::Batches;
use crate::input::Records;
use crate::model::Model;
use crate::run::interruptible;

/// The outcome over records. `cdm.Resolution` wraps it.
#[pyclass(frozen, module = "cdm._core")]
pub(crate) struct Resolution {
    inner: Arc<cdm_core::Resolution>,
    reports: Arc<Vec<ReadReport>>,
    id_type: Option<DataType>,
}

impl Resolution {
    pub(crate) fn new(inner: cdm_core::Resolution, records: &Records) -> Self {
        let (reports, id_type) = (Arc::clone(&records.reports), records.id_type.clone());
        Self { inner: Arc::new(inner), reports, id_type }
    }

    /// A table of the resolution, its columns of ids typed as they came.
    fn table(
        &self,
        py: Python<'_>,
        ids: &'static [&'static str],
        make: impl FnOnce(&cdm_core::Resolution, &Run) -> Result<ArrowTable> + Send + 'static,
    ) -> PyResult<Batches> {
        let (inner, id_type) = (Arc::clone(&self.inner), self.id_type.clone());
        let made = interruptible(py, None, move |run| {
            let table = make(&inner, run)?;
            Ok(match &id_type {
                Some(kind) => table.retyped(ids, kind),
                None => table,
            })
        });
        made.map(Batches)
    }
}

#[pymethods]
impl Resolution {
    fn __len__(&self) -> usize {
        self.inner.len()
    }

    /// The model that resolved.
    #[getter]
    fn model(&self) -> Model {
        Model(Arc::new(self.inner.model().clone()))
    }

    /// What became of each input, as JSON.
    #[getter]
    fn reports_json(&self) -> String {
        serde_json::to_string(&*self.reports).unwrap_or_default()
    }

    /// The quality of the values, as JSON.
    fn quality_json(&self, py: Python<'_>) -> PyResult<String> {
        let inner = Arc::clone(&self.inner);
        interruptible(py, None, move |_| {
            Ok(serde_json::to_string(&inner.quality()).unwrap_or_default())
        })
    }

    /// Counts, the largest entities, links by rule, as JSON.
    fn summary_json(&self, py: Python<'_>) -> PyResult<String> {
        let inner = Arc::clone(&self.inner);
        interruptible(py, None, move |_| {
            Ok(serde_json::to_string(&inner.summary()).unwrap_or_default())
        })
    }

    /// What a person should look at, in sentences.
    fn warnings(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let (inner, reports) = (Arc::clone(&self.inner), Arc::clone(&self.reports));
        interruptible(py, None, move |_| Ok(inner.summary().warnings(&inner.quality(), &reports)))
    }

    /// A row for each row of the inputs.
    fn entities(&self, py: Python<'_>) -> PyResult<Batches> {
        let reports = Arc::clone(&self.reports);
        self.table(py, &["id"], move |inner, run| inner.entities_arrow(&reports, run))
    }

    /// A row for each link.
    fn links(&self, py: Python<'_>) -> PyResult<Batches> {
        self.table(py, &["left_id", "right_id"], cdm_core::Resolution::links_arrow)
    }

    /// A row for each link that was refused.
    fn refusals(&self, py: Python<'_>) -> PyResult<Batches> {
        self.table(py, &["left_id", "right_id"], cdm_core::Resolution::refusals_arrow)
    }

    /// A row for each entity.
    fn golden_records(&self, py: Python<'_>) -> PyResult<Batches> {
        self.table(py, &[], cdm_core::Resolution::golden_records_arrow)
    }

    /// A row for each value of each record.
    fn lineage(&self, py: Python<'_>) -> PyResult<Batches> {
        self.table(py, &["id"], cdm_core::Resolution::lineage_arrow)
    }

    /// A row for each field.
    fn quality(&self, py: Python<'_>) -> PyResult<Batches> {
        self.table(py, &[], cdm_core::Resolution::quality_arrow)
    }

    /// How good the entities are, by records whose only field says which is which, as JSON.
    fn evaluate_json(&self, py: Python<'_>, truth: &Records) -> PyResult<String> {
        let (inner, truth) = (Arc::clone(&self.inner), truth.table.clone());
        interruptible(py, None, move |_| {
            Ok(serde_json::to_string(&inner.evaluate(&truth)).unwrap_or_default())
        })
    }
}
