use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::document::{Document, LinkType};
use super::json::read_document;
use super::passes::Passes;
use super::{Decisions, Plan, wrong};
use crate::block::{Blocking, PairScope, RuleKeys, hot_keys};
use crate::cancel::Run;
use crate::error::{Error, Result};
use crate::features::{Expression, Features, LooseFeatures, Needs, Settings, date_order_evidence};
use crate::model::{ComparedPair, ComparedPairs, LabelledPair, Lesson, Parameters};
use crate::rule::{Decision, Rule};
use crate::schema::{DateOrder, RecordKey};
use crate::score::Most;
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
    /// The same, by blocking rule as it is written.
    blocking_stop_keys: BTreeMap<String, BTreeSet<Vec<String>>>,
    /// What comparisons tell; `None` where the plan has none.
    parameters: Option<Parameters>,
}

/// What fitting a plan to a table makes.
pub(crate) struct Fitted {
    pub(crate) model: Model,
    /// Without the keys that blocking rules alone look at.
    pub(crate) features: Features,
    /// Finds the candidate pairs, those in the plan's scope.
    pub(crate) blocking: Blocking,
    /// The candidate pairs that may weigh more than nothing, where all were compared already.
    pub(crate) compared: Option<Vec<ComparedPair>>,
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
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    blocking_stop_keys: BTreeMap<String, BTreeSet<Vec<String>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parameters: Option<Parameters>,
}

impl Plan {
    /// Learn from `table` what needs a look at all records.
    ///
    /// # Errors
    /// [`Error::UnknownField`] where the table lacks a field of the
    /// plan, and [`Error::Cancelled`].
    pub fn fit(&self, table: &Table, run: &Run) -> Result<Model> {
        self.fit_labelled(table, &Decisions::new(), run)
    }

    /// Learn from `table`, and from what people said of some of its pairs.
    ///
    /// `labels` are the pairs that somebody looked at: `must_link` those that are one customer,
    /// `cannot_link` those that are two. A few help already. People look at the pairs that are hard
    /// to tell, so a label speaks for candidate pairs that look like its own, at most ten, and not
    /// for all: how many matches there are is still learned from the records. Labels teach; to have
    /// them obeyed as well, give them to [`Model::resolve`](Model::resolve) too. A plan without
    /// comparisons has nothing to learn from them.
    ///
    /// # Errors
    /// As [`fit`](Self::fit), and [`Error::UnknownRecord`] where a label
    /// names a record that the table lacks.
    ///
    /// # Examples
    /// ```
    /// use cdm_core::{Decisions, Field, Kind, Plan, Record, RecordKey, Run, Schema, Table};
    /// let schema = Schema::new("people", vec![
    ///     Field::new("name", Kind::FullName),
    ///     Field::new("email", Kind::Email),
    /// ])?;
    /// let record = |id: &str, name: &str| {
    ///     Record::new(RecordKey::new("crm", id)).with("name", name).with("email", "li@lotus.example")
    /// };
    /// let records = [record("1", "Ann Li"), record("2", "A. Li"), record("3", "Bo Li")];
    /// let table = Table::from_records(schema, &records)?;
    /// let mut labels = Decisions::new();
    /// labels.must_link.push((RecordKey::new("crm", "1"), RecordKey::new("crm", "2")));
    /// labels.cannot_link.push((RecordKey::new("crm", "1"), RecordKey::new("crm", "3")));
    /// let model = Plan::infer(&table, &Run::new())?.fit_labelled(&table, &labels, &Run::new())?;
    /// assert_eq!(model.parameters().unwrap().diagnostics.labelled_pairs, 2);
    /// # Ok::<(), cdm_core::Error>(())
    /// ```
    pub fn fit_labelled(&self, table: &Table, labels: &Decisions, run: &Run) -> Result<Model> {
        self.fit_whole(table, labels, None, run).map(|fitted| fitted.model)
    }

    /// [`fit`](Self::fit), and what was made on the way, so that nothing is done twice; `features`
    /// are those of the table by this plan, where they are known already.
    pub(crate) fn fit_whole(
        &self,
        table: &Table,
        labels: &Decisions,
        features: Option<Features>,
        run: &Run,
    ) -> Result<Fitted> {
        let labels = rows_of(labels, table)?;
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
            blocking_stop_keys: BTreeMap::new(),
            parameters: None,
        };
        let passes = self.passes(table, run)?;
        let most = self.guards().max_records_per_key;
        let (features, (mut blocking, hot)) =
            model.bind_blocking(table, features, passes, run, |keys| {
                let (rules, any) = (self.blocking(), PairScope::any());
                Blocking::with_most(rules, keys, most, any, table.len(), run)
            })?;
        model.blocking_stop_keys = hot;
        let rules = self.rules().iter().filter(|rule| rule.decision == Decision::Match);
        let named = rules.map(|rule| (rule.name.clone(), &rule.same[..]));
        model.stop_keys = hot_keys(named, &features, table.len(), most, run)?;
        let mut compared = None;
        if !self.comparisons().is_empty() {
            let lesson = Lesson {
                comparisons: self.comparisons(),
                coincidences: self.coincidences(),
                blocking: &blocking,
                scope: &self.scope(table),
                free_of_duplicates: &self.free_of_duplicates(table),
                schema: table.schema(),
                features: &features,
                row_of_rank: &table.rows_by_key(),
                labels: &labels,
                keeps: passes == Passes::One,
            };
            let (parameters, pairs) = lesson.learn(run)?;
            let most = Most::new(&parameters, self.comparisons(), self.coincidences());
            compared = pairs.map(|pairs| those_that_may_link(pairs, &most));
            model.parameters = Some(parameters);
        }
        blocking.set_scope(self.scope(table));
        Ok(Fitted { model, features, blocking, compared })
    }
}

impl Plan {
    /// What there is to know of the values of a table.
    pub(crate) fn needs(&self) -> Needs {
        Needs::new().with_expressions(self.expressions()).with_comparisons(self.comparisons())
    }

    /// The expressions that rules other than those of blocking look at.
    pub(super) fn looked_at(&self) -> BTreeSet<&Expression> {
        self.rules().iter().flat_map(Rule::expressions).collect()
    }

    /// Which two records of `table` may be one customer at all.
    pub(crate) fn scope(&self, table: &Table) -> PairScope {
        match self.link_type() {
            LinkType::Link => PairScope::across_sources(source_of_row(table)),
            LinkType::Dedupe | LinkType::LinkAndDedupe => self.free_of_duplicates(table),
        }
    }

    /// Any two records but those of one source that has each customer once.
    fn free_of_duplicates(&self, table: &Table) -> PairScope {
        let free = |source: &String| {
            self.sources().iter().any(|known| known.name == *source && known.duplicate_free)
        };
        let duplicate_free: Vec<bool> = table.sources().iter().map(free).collect();
        PairScope::new(source_of_row(table), &duplicate_free)
    }
}

/// Those of the pairs that may be links, which few are: the rest need not be kept.
fn those_that_may_link(pairs: Vec<ComparedPairs>, most: &Most) -> Vec<ComparedPair> {
    let of_part = |pairs: ComparedPairs| pairs.of_patterns(|pattern| most.may_link(pattern));
    pairs.into_par_iter().map(of_part).collect::<Vec<_>>().concat()
}

/// The rows of labelled pairs; of one with itself there is nothing to learn.
fn rows_of(labels: &Decisions, table: &Table) -> Result<Vec<LabelledPair>> {
    let row = |key: &RecordKey| {
        let row = table.row(key).map(|row| row as u32);
        row.ok_or_else(|| Error::UnknownRecord { key: key.to_string() })
    };
    let said = [(&labels.must_link, true), (&labels.cannot_link, false)];
    let pairs = said.into_iter().flat_map(|(pairs, is_match)| {
        pairs.iter().map(move |(left, right)| (left, right, is_match))
    });
    let mut rows = Vec::new();
    for (left, right, is_match) in pairs {
        let (left, right) = (row(left)?, row(right)?);
        if left != right {
            rows.push(LabelledPair { left, right, is_match });
        }
    }
    Ok(rows)
}

fn source_of_row(table: &Table) -> Vec<u32> {
    (0..table.len()).map(|row| table.source_code(row)).collect()
}

impl Model {
    /// The version of the format that this library reads and writes.
    pub const VERSION: u64 = 1;

    /// Read a model from JSON.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`] and
    /// [`Error::DocumentVersion`].
    pub fn from_json(json: &str) -> Result<Self> {
        let document: ModelDocument = read_document("model", json, Self::VERSION)?;
        let plan = Plan::check(document.plan)?;
        for rule in document.stop_keys.keys() {
            if !plan.rules().iter().any(|known| known.name == *rule) {
                let reason = format!("rule {rule:?} is not in the model's plan");
                return Err(wrong(&format!("stop_keys.{rule}"), &reason));
            }
        }
        for rule in document.blocking_stop_keys.keys() {
            if !plan.blocking().iter().any(|known| known.to_string() == *rule) {
                let reason = format!("blocking rule {rule:?} is not in the model's plan");
                return Err(wrong(&format!("blocking_stop_keys.{rule}"), &reason));
            }
        }
        match &document.parameters {
            Some(parameters) => parameters.check(plan.comparisons(), plan.coincidences())?,
            None if plan.comparisons().is_empty() => {}
            None => return Err(wrong("parameters", "the plan's comparisons have none")),
        }
        Ok(Self {
            plan,
            date_orders: document.date_orders,
            stop_keys: document.stop_keys,
            blocking_stop_keys: document.blocking_stop_keys,
            parameters: document.parameters,
        })
    }

    /// The model as JSON, indented; [`from_json`](Self::from_json) reads it back the same.
    #[must_use]
    pub fn to_json(&self) -> String {
        let document = ModelDocument {
            version: Self::VERSION,
            plan: self.plan.document.clone(),
            date_orders: self.date_orders.clone(),
            stop_keys: self.stop_keys.clone(),
            blocking_stop_keys: self.blocking_stop_keys.clone(),
            parameters: self.parameters.clone(),
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

    /// The same for blocking rules, as they are written: keys that make no candidate pair.
    #[must_use]
    pub fn blocking_stop_keys(&self) -> &BTreeMap<String, BTreeSet<Vec<String>>> {
        &self.blocking_stop_keys
    }

    /// What comparisons tell, where the plan has any.
    #[must_use]
    pub fn parameters(&self) -> Option<&Parameters> {
        self.parameters.as_ref()
    }

    /// The blocking rules of the plan, bound to the features of a table.
    pub(crate) fn blocking(
        &self,
        table: &Table,
        features: &Features,
        scope: PairScope,
        run: &Run,
    ) -> Result<Blocking> {
        self.bound_blocking(RuleKeys::There(features), table, scope, run)
    }

    fn bound_blocking(
        &self,
        keys: RuleKeys<'_>,
        table: &Table,
        scope: PairScope,
        run: &Run,
    ) -> Result<Blocking> {
        let (rules, stop_keys) = (self.plan.blocking(), &self.blocking_stop_keys);
        Blocking::without_texts(rules, keys, stop_keys, scope, table.len(), run)
    }

    /// The model with what resolving `table` by it takes.
    pub(crate) fn fitted_to(&self, table: &Table, run: &Run) -> Result<Fitted> {
        let passes = self.plan.passes(table, run)?;
        let (features, blocking) = self.bind_blocking(table, None, passes, run, |keys| {
            self.bound_blocking(keys, table, self.plan.scope(table), run)
        })?;
        Ok(Fitted { model: self.clone(), features, blocking, compared: None })
    }

    /// The features of `table` that the plan's rules look at.
    pub(crate) fn features(&self, table: &Table, run: &Run) -> Result<Features> {
        let blocked = &self.plan.guards().blocked;
        Features::new(table, &self.settings(), &self.plan.needs(), blocked, run)
    }

    /// The same, where they are not `known`, with what `bind` makes of the keys of blocking rules, which
    /// nobody else keeps.
    fn bind_blocking<B>(
        &self,
        table: &Table,
        known: Option<Features>,
        passes: Passes,
        run: &Run,
        bind: impl FnOnce(RuleKeys<'_>) -> Result<B>,
    ) -> Result<(Features, B)> {
        let (plan, settings) = (&self.plan, self.settings());
        let (blocked, kept) = (&plan.guards().blocked, plan.looked_at());
        if passes == Passes::Several && known.is_none() {
            let expressions = plan.blocking().iter().flat_map(|rule| rule.same.iter().cloned());
            let mut keys = Features::for_keys(table, &settings, expressions, blocked, run)?;
            let (none, rows) = (BTreeSet::new(), table.len());
            let keys_of_rules = RuleKeys::Made { features: &mut keys, table, kept: &none, rows };
            let bound = bind(keys_of_rules)?;
            drop(keys);
            let needs = Needs::new().with_expressions(kept.into_iter().cloned());
            let needs = needs.with_comparisons(plan.comparisons());
            return Ok((Features::new(table, &settings, &needs, blocked, run)?, bound));
        }
        let needs = plan.needs();
        let made = || Features::without_keys(table, &settings, &needs, blocked, run);
        let mut features = known.map_or_else(made, Ok)?;
        features.make(table, kept.iter().copied(), run)?;
        let rows = table.len();
        let bound = bind(RuleKeys::Made { features: &mut features, table, kept: &kept, rows })?;
        features.make_no_more();
        Ok((features, bound))
    }

    /// The same for records that are in no table.
    pub(crate) fn loose_features(&self) -> Result<LooseFeatures> {
        let blocked = &self.plan.guards().blocked;
        LooseFeatures::new(self.plan.schema(), &self.settings(), &self.plan.needs(), blocked)
    }

    fn settings(&self) -> Settings {
        let source_regions = self.plan.sources().iter();
        Settings {
            region: self.plan.region().map(str::to_owned),
            source_regions: source_regions
                .filter_map(|source| Some((source.name.clone(), source.region.clone()?)))
                .collect(),
            date_orders: self.date_orders.clone(),
        }
    }

    /// The same model, in which these keys link nobody either; by the names of rules, and by blocking
    /// rules as they are written.
    pub(crate) fn stopping(
        mut self,
        rules: BTreeMap<String, BTreeSet<Vec<String>>>,
        blocking: BTreeMap<String, BTreeSet<Vec<String>>>,
    ) -> Self {
        for (known, more) in
            [(&mut self.stop_keys, rules), (&mut self.blocking_stop_keys, blocking)]
        {
            for (rule, keys) in more {
                known.entry(rule).or_default().extend(keys);
            }
        }
        self
    }
}
