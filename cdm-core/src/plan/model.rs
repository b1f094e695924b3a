use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::document::Document;
use super::json::read_document;
use super::{Plan, wrong};
use crate::block::hot_keys;
use crate::cancel::Run;
use crate::error::Result;
use crate::features::{Features, Needs, Settings, date_order_evidence};
use crate::rule::Decision;
use crate::schema::DateOrder;
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
        let mut model = Model { plan: self.clone(), date_orders, stop_keys: BTreeMap::new() };
        let features = model.features(table, run)?;
        let rules = self.rules().iter().filter(|rule| rule.decision == Decision::Match);
        let named = rules.map(|rule| (rule.name.clone(), &rule.same[..]));
        let most = self.guards().max_records_per_key;
        model.stop_keys = hot_keys(named, &features, table.len(), most, run)?;
        Ok((model, features))
    }
}

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
        let needs = Needs::new().with_expressions(self.plan.expressions());
        Features::new(table, &settings, &needs, blocked, run)
    }
}
