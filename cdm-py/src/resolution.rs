//! Resolutions.

use std::sync::Arc;

use arrow_schema::DataType;
use cdm_core::evaluate::{Evaluation, SamplingPlan, Truth, compare, estimate};
use cdm_core::read::ReadReport;
use cdm_core::report::{ReportOptions, waterfall, weight_distribution};
use cdm_core::review::ReviewOptions;
use cdm_core::write::ArrowTable;
use cdm_core::{Decisions, Error, RecordKey, Result, Run};
use pyo3::prelude::*;
use serde::Serialize;

use crate::arrow::Batches;
use crate::error::raise;
use crate::input::Records;
use crate::model::Model;
use crate::plan::decisions;
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
        let truth = truth.table.clone();
        self.json(py, move |inner, run| inner.evaluate(&Truth::of_table(&truth), run))
    }

    /// How pairs fare that people labelled, as JSON; or all pairs that are one customer.
    fn evaluate_pairs_json(
        &self,
        py: Python<'_>,
        labels_json: &str,
        complete: bool,
    ) -> PyResult<String> {
        let labels = decisions(py, Some(labels_json))?;
        self.json(py, move |inner, run| {
            let truth = match complete {
                true => Truth::all_pairs(labels.must_link),
                false => Truth::labelled_pairs(labels_of(labels)),
            };
            inner.evaluate(&truth, run)
        })
    }

    /// Why two records are one customer, as JSON.
    fn why_json(&self, py: Python<'_>, left: Key, right: Key) -> PyResult<String> {
        self.json(py, move |inner, run| inner.why(&key(left), &key(right), run))
    }

    /// Why two records are not one customer, as JSON.
    fn why_not_json(&self, py: Python<'_>, left: Key, right: Key) -> PyResult<String> {
        self.json(py, move |inner, run| inner.why_not(&key(left), &key(right), run))
    }

    /// How an entity came together, as JSON.
    fn how_json(&self, py: Python<'_>, entity_id: String) -> PyResult<String> {
        self.json(py, move |inner, run| inner.how(&entity_id, run))
    }

    /// The entity of a record.
    fn entity_of(&self, py: Python<'_>, record: Key) -> PyResult<String> {
        let record = key(record);
        let Some(row) = self.inner.table().row(&record) else {
            return Err(raise(py, &Error::UnknownRecord { key: record.to_string() }));
        };
        Ok(self.inner.entity_id(self.inner.entities()[row]).to_string())
    }

    /// What speaks for two records and what against, as a chart in JSON; `null` without weights.
    fn waterfall_json(&self, py: Python<'_>, left: Key, right: Key) -> PyResult<String> {
        self.json(py, move |inner, run| {
            let why = inner.why(&key(left), &key(right), run)?;
            Ok(why.pair.weight.as_ref().map(waterfall))
        })
    }

    /// What the model believes of the candidate pairs, as JSON; `null` without weights.
    fn expect_json(&self, py: Python<'_>) -> PyResult<String> {
        self.json(py, |inner, run| inner.expect(run))
    }

    /// How the weights of candidate pairs are spread, as a chart in JSON; `null` without weights.
    fn weights_json(&self, py: Python<'_>) -> PyResult<String> {
        self.json(py, |inner, run| Ok(inner.expect(run)?.as_ref().map(weight_distribution)))
    }

    /// Pairs to look at for an estimate of precision, as JSON.
    fn sampling_plan_json(&self, py: Python<'_>, size: usize, seed: u64) -> PyResult<String> {
        self.json(py, move |inner, run| inner.sampling_plan(size, seed, run))
    }

    /// What is worth a person's minute, as JSON.
    fn review_json(&self, py: Python<'_>, most: usize) -> PyResult<String> {
        self.json(py, move |inner, run| inner.review(&ReviewOptions { most }, run))
    }

    /// What is different in another resolution, as JSON.
    fn compare_json(&self, py: Python<'_>, after: &Self) -> PyResult<String> {
        let after = Arc::clone(&after.inner);
        self.json(py, move |inner, _| Ok(compare(inner, &after)))
    }

    /// The report as one HTML page; with `truth`, records whose only field says which is which.
    #[pyo3(signature = (title, redact, examples, review, truth = None, progress = None, /))]
    #[allow(clippy::too_many_arguments, reason = "one for each keyword of the Python method")]
    fn report_html(
        &self,
        py: Python<'_>,
        title: Option<String>,
        redact: bool,
        examples: usize,
        review: usize,
        truth: Option<&Records>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        let (inner, truth) = (Arc::clone(&self.inner), truth.map(|truth| truth.table.clone()));
        interruptible(py, progress, move |run| {
            let truth = truth.as_ref().map(Truth::of_table);
            let options = ReportOptions { title, redact, truth, examples, review };
            let report = inner.report(&options, run)?;
            Ok(report.html(inner.model().plan(), inner.model().parameters()))
        })
    }

    /// The decisions that were honoured, as JSON.
    #[getter]
    fn decisions_json(&self) -> String {
        self.inner.decisions().to_json()
    }
}

impl Resolution {
    /// What the core answers, as JSON.
    fn json<T: Serialize>(
        &self,
        py: Python<'_>,
        ask: impl FnOnce(&cdm_core::Resolution, &Run) -> Result<T> + Send + 'static,
    ) -> PyResult<String> {
        let inner = Arc::clone(&self.inner);
        interruptible(py, None, move |run| {
            Ok(serde_json::to_string(&ask(&inner, run)?).unwrap_or_default())
        })
    }
}

/// Source and id.
type Key = (String, String);

fn key((source, id): Key) -> RecordKey {
    RecordKey::new(source, id)
}

/// Decisions as labels of pairs.
fn labels_of(decisions: Decisions) -> impl Iterator<Item = (RecordKey, RecordKey, bool)> {
    let is = decisions.must_link.into_iter().map(|(left, right)| (left, right, true));
    is.chain(decisions.cannot_link.into_iter().map(|(left, right)| (left, right, false)))
}

/// What a sample says of all pairs, as JSON.
#[pyfunction]
#[pyo3(signature = (plan_json, labels_json, /))]
pub(crate) fn estimate_json(
    py: Python<'_>,
    plan_json: &str,
    labels_json: &str,
) -> PyResult<String> {
    let plan = SamplingPlan::from_json(plan_json).map_err(|error| raise(py, &error))?;
    let labels = decisions(py, Some(labels_json))?;
    Ok(serde_json::to_string(&estimate(&plan, labels_of(labels))).unwrap_or_default())
}

/// How good a partition is, by the found and the true entity of each record, as JSON.
#[pyfunction]
#[pyo3(signature = (found, truth, /))]
pub(crate) fn evaluate_partition_json(found: Vec<u32>, truth: Vec<Option<u32>>) -> String {
    serde_json::to_string(&Evaluation::new(found.into_iter().zip(truth))).unwrap_or_default()
}
