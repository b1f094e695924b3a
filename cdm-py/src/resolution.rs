//! Resolutions.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_schema::DataType;
use cdm_core::evaluate::Evaluation;
use cdm_core::read::ReadReport;
use cdm_core::write::ArrowTable;
use cdm_core::{EntityId, RecordKey, Result, Run};
use pyo3::prelude::*;
use serde::Serialize;

use crate::arrow::{Batches, retyped};
use crate::input::Records;
use crate::model::Model;
use crate::run::interruptible;

/// How many of the largest entities a summary lists.
const LARGEST: usize = 5;

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
            Ok(retyped(make(&inner, run)?, ids, id_type.as_ref()))
        });
        made.map(Batches)
    }
}

/// The numbers that tell the story.
#[derive(Serialize)]
struct Summary {
    records: usize,
    entities: usize,
    singletons: usize,
    sources: BTreeMap<String, usize>,
    largest: Vec<(String, usize)>,
    /// By the rule that made it, in the order of the plan.
    links_by_rule: Vec<(String, usize)>,
    /// Made by the evidence of comparisons.
    links_by_weight: usize,
    /// Made by people.
    links_by_decision: usize,
    refusals: usize,
    unknown_in_decisions: Vec<RecordKey>,
    /// What the model is in doubt of.
    doubts: Vec<String>,
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
            Ok(serde_json::to_string(&summary(&inner)).unwrap_or_default())
        })
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
            let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
            let table = inner.table();
            let records = (0..table.len()).map(|row| {
                let known = truth.row(&table.key(row));
                let known = known.and_then(|row| truth.column(0).values(row).next());
                let next = numbers.len() as u32;
                let entity = known.map(|entity| *numbers.entry(entity).or_insert(next));
                (inner.entities()[row], entity)
            });
            Ok(serde_json::to_string(&Evaluation::new(records)).unwrap_or_default())
        })
    }
}

fn summary(resolution: &cdm_core::Resolution) -> Summary {
    let table = resolution.table();
    let size = |entity: u32| resolution.rows(entity).len();
    let mut sources: BTreeMap<String, usize> = BTreeMap::new();
    let mut by_code = vec![0; table.sources().len()];
    (0..table.len()).for_each(|row| by_code[table.source_code(row) as usize] += 1);
    sources.extend(table.sources().iter().cloned().zip(by_code));
    let mut largest: Vec<u32> = (0..resolution.len() as u32).collect();
    largest.sort_by_key(|entity| std::cmp::Reverse(size(*entity)));
    let listed = |entity: &u32| {
        let entity_id: EntityId = resolution.entity_id(*entity);
        (entity_id.to_string(), size(*entity))
    };
    let (mut by_rule, mut by_weight, mut by_decision) = (BTreeMap::new(), 0, 0);
    for link in resolution.links() {
        match (link.rule, link.match_weight) {
            (Some(rule), _) => *by_rule.entry(rule).or_insert(0) += 1,
            (None, Some(_)) => by_weight += 1,
            (None, None) => by_decision += 1,
        }
    }
    let rules = resolution.model().plan().rules().iter();
    let links_by_rule = rules.filter_map(|rule| by_rule.remove_entry(&rule.name)).collect();
    Summary {
        records: table.len(),
        entities: resolution.len(),
        singletons: largest.iter().filter(|entity| size(**entity) == 1).count(),
        sources,
        largest: largest
            .iter()
            .take(LARGEST)
            .filter(|entity| size(**entity) > 1)
            .map(listed)
            .collect(),
        links_by_rule,
        links_by_weight: by_weight,
        links_by_decision: by_decision,
        refusals: resolution.refusals().len(),
        unknown_in_decisions: resolution.unknown_in_decisions().to_vec(),
        doubts: resolution
            .model()
            .parameters()
            .map_or_else(Vec::new, |parameters| parameters.diagnostics.warnings.clone()),
    }
}
