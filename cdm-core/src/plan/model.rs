use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::document::{Document, LinkType};
use super::json::read_document;
use super::{Plan, wrong};
use crate::block::{Blocking, PairScope, hot_keys};
use crate::cancel::Run;
use crate::error::Result;
use crate::features::{Features, Needs, Settings, date_order_evidence};
use crate::model::{
    Comparer, Evidence, Parameters, Pattern, PatternCounts, count_terms, fit, random_pairs,
};
use crate::schema::{DateOrder, Kind};
use crate::table::Table;

/// A plan, and what was learned by it from the records of a table.
///
/// Everything that needs a look at all records is learned once and frozen here: how each source's
/// numeric dates are to be read, and which keys too many records share to link anybody (stop
/// keys). After that, whether two records match depends on those two records and the model alone.
///
/// One JSON document. It holds the stop keys in clear, so treat it like the records themselves.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    plan: Plan,
    date_orders: BTreeMap<String, BTreeMap<String, DateOrder>>,
    /// By rule name: keys, each with one text for every expression of the rule.
    stop_keys: BTreeMap<String, BTreeSet<Vec<String>>>,
    /// What comparisons tell; `None` where the plan has none.
    parameters: Option<Parameters>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelDocument {
    version: u64,
    plan: Document,
    #[serde(default)]
    date_orders: BTreeMap<String, BTreeMap<String, DateOrder>>,
    #[serde(default)]
    stop_keys: BTreeMap<String, BTreeSet<Vec<String>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parameters: Option<Parameters>,
}

impl Plan {
    /// Learn from `table` what needs a look at all records.
    ///
    /// # Errors
    /// [`Error::UnknownField`](crate::Error::UnknownField) where the table lacks a field of the
    /// plan, and [`Error::Cancelled`](crate::Error::Cancelled).
    pub fn fit(&self, table: &Table, run: &Run) -> Result<Model> {
        self.fit_features(table, run).map(|(model, _)| model)
    }

    /// [`fit`](Self::fit), and the features on the way, so that nothing is normalised twice.
    pub(crate) fn fit_features(&self, table: &Table, run: &Run) -> Result<(Model, Features)> {
        let date_orders = date_order_evidence(table)
            .into_iter()
            .map(|(source, fields)| {
                let decided =
                    fields.into_iter().filter_map(|(f, evidence)| Some((f, evidence.order?)));
                (source, decided.collect())
            })
            .collect();
        let mut model = Model {
            plan: self.clone(),
            date_orders,
            stop_keys: BTreeMap::new(),
            parameters: None,
        };
        let features = model.features(table, run)?;
        model.stop_keys = self.stop_keys(&features, table.len(), run)?;
        if !self.comparisons().is_empty() {
            model.parameters = Some(model.learn(table, &features, run)?);
        }
        Ok((model, features))
    }
}

/// The most candidate pairs from which a model is learned; of more, a part is taken, pair by pair.
const MOST_CANDIDATES: u64 = 1_000_000;

/// The most random pairs from which a model learns how often strangers agree.
const MOST_RANDOM: usize = 1_000_000;

impl Model {
    /// The version of the format that this library reads and writes.
    pub const VERSION: u64 = 1;

    /// Read a model from JSON.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`](crate::Error::InvalidDocument) and
    /// [`Error::DocumentVersion`](crate::Error::DocumentVersion).
    pub fn from_json(json: &str) -> Result<Self> {
        let document: ModelDocument = read_document("model", json, Self::VERSION)?;
        let plan = Plan::check(document.plan)?;
        for rule in document.stop_keys.keys() {
            if !plan.rules().iter().any(|known| known.name == *rule) {
                let reason = format!("rule {rule:?} is not in the model's plan");
                return Err(wrong(&format!("stop_keys.{rule}"), &reason));
            }
        }
        Ok(Self { plan, date_orders: document.date_orders, stop_keys: document.stop_keys })
    }

    /// The model as JSON, indented; [`from_json`](Self::from_json) reads it back the same.
    #[must_use]
    pub fn to_json(&self) -> String {
        let document = ModelDocument {
            version: Self::VERSION,
            plan: self.plan.document.clone(),
            date_orders: self.date_orders.clone(),
            stop_keys: self.stop_keys.clone(),
        };
        serde_json::to_string_pretty(&document).unwrap_or_default()
    }

    /// The plan that was fitted.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Keys that link nobody because too many records shared them, by rule name; each has one text
    /// for every expression of the rule.
    #[must_use]
    pub fn stop_keys(&self) -> &BTreeMap<String, BTreeSet<Vec<String>>> {
        &self.stop_keys
    }

    /// What comparisons tell, where the plan has any.
    #[must_use]
    pub fn parameters(&self) -> Option<&Parameters> {
        self.parameters.as_ref()
    }

    /// The blocking rules of the plan, bound to the features of a table.
    pub(crate) fn blocking<'a>(
        &'a self,
        table: &Table,
        features: &'a Features,
        run: &Run,
    ) -> Result<Blocking<'a>> {
        let scope = self.scope(table);
        Blocking::new(self.plan.blocking(), features, &self.stop_keys, scope, table.len(), run)
    }

    /// Learn the parameters from the candidate pairs and from random pairs.
    fn learn(&self, table: &Table, features: &Features, run: &Run) -> Result<Parameters> {
        let plan = &self.plan;
        let comparisons = plan.comparisons();
        let row_of_rank = table.rows_by_key();
        let mut rank_of_row = vec![0; row_of_rank.len()];
        for (rank, row) in row_of_rank.iter().enumerate() {
            rank_of_row[*row as usize] = rank as u32;
        }
        let comparer = Comparer::new(comparisons, table.schema(), features)?;
        let blocking = self.blocking(table, features, run)?;
        let found: u64 = blocking.count(run)?.iter().map(|rule| rule.pairs).sum();
        let one_in = found.div_ceil(MOST_CANDIDATES).max(1);
        let counts = blocking.fold(
            &rank_of_row,
            run,
            PatternCounts::default,
            |counts, left, right, _| {
                let drawn = one_in == 1 || {
                    let (left, right) = (rank_of_row[left as usize], rank_of_row[right as usize]);
                    let pair = u64::from(left) << 32 | u64::from(right);
                    xxh3_64(&pair.to_le_bytes()) % one_in == 0
                };
                if drawn {
                    counts.add(comparer.pattern(left as usize, right as usize));
                }
            },
        )?;
        let candidates = PatternCounts::sum(counts);
        let scope = self.scope(table);
        let row = |rank: u32| row_of_rank[rank as usize];
        let counts_as = |left: u32, right: u32| scope.counts(row(left), row(right));
        let records = row_of_rank.len() as u32;
        let drawn = random_pairs(records, MOST_RANDOM, counts_as);
        let random = drawn.par_chunks(16_384).map(|chunk| {
            run.check()?;
            let mut counts = PatternCounts::default();
            for (left, right) in chunk {
                counts.add(comparer.pattern(row(*left) as usize, row(*right) as usize));
            }
            Ok(counts)
        });
        let random = PatternCounts::sum(random.collect::<Result<Vec<_>>>()?);
        let evidence = Evidence {
            comparisons,
            coincidences: plan.coincidences(),
            candidates: &candidates,
            per_candidate: one_in as f64,
            random: &random,
            all_pairs: f64::from(records) * f64::from(records.saturating_sub(1)) / 2.0,
            labelled: &[],
        };
        let mut parameters = fit(&evidence, run)?;
        let terms = comparisons.par_iter().filter_map(|comparison| {
            let position = table.schema().position(&comparison.fields[0]).ok()?;
            let kind = table.schema().fields()[position].kind;
            if matches!(kind, Kind::Number | Kind::Geo) {
                return None;
            }
            let terms = count_terms(features.field(position), table.len())?;
            Some((comparison.name.clone(), terms))
        });
        parameters.term_frequencies = terms.collect();
        Ok(parameters)
    }

    /// The features of `table` that the plan's rules look at.
    pub(crate) fn features(&self, table: &Table, run: &Run) -> Result<Features> {
        let source_regions = self.plan.sources().iter();
        let settings = Settings {
            region: self.plan.region().map(str::to_owned),
            source_regions: source_regions
                .filter_map(|source| Some((source.name.clone(), source.region.clone()?)))
                .collect(),
            date_orders: self.date_orders.clone(),
        };
        let blocked = &self.plan.guards().blocked;
        Features::new(table, &settings, &self.plan.expressions(), blocked, run)
    }
}
