//! A plan from the records themselves: what is compared about them, which of them are compared, and
//! how strangers come to agree, where nobody said.

mod blocking;
mod coincidence;
mod comparison;
mod damage;
mod facts;
mod keys;
mod probe;
mod region;
mod sample;

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Plan, PlanBuilder};
use crate::block::BlockingRule;
use crate::cancel::Run;
use crate::error::Result;
use crate::features::{Features, Needs, Settings, date_order_evidence};
use crate::table::Table;

use blocking::Budget;
use facts::Facts;
pub(super) use sample::Sample;

/// A plan that was inferred, and by what.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Inferred {
    /// The plan.
    #[serde(skip)]
    pub plan: Plan,
    /// The fields that are not compared, and why.
    pub left_out: Vec<LeftOut>,
    /// The blocking rules, in order, with what they are estimated to find and to cost; empty where
    /// they were given.
    pub blocking: Vec<BlockingEstimate>,
}

/// A field that is not compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The field.
    pub field: String,
    /// Why not.
    pub why: LeftOutReason,
}

/// Why a field is not compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LeftOutReason {
    /// Hardly a record has a usable value.
    Rare,
    /// Nearly all records have the same value.
    Constant,
    /// No two records share a value, and values of its kind are not alike by degrees: it names rows.
    RowId,
    /// It says when something happened to the record, not who it is.
    Event,
    /// It says what the customer allows, buys or is at the moment.
    State,
    /// Free text.
    Comment,
    /// Amounts and counts change, and are no part of who somebody is.
    Quantity,
    /// Other fields imply it.
    Implied,
    /// There were enough better ones.
    TooMany,
}

/// What a blocking rule is estimated to find and to cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BlockingEstimate {
    /// The rule.
    pub rule: BlockingRule,
    /// Pairs of records that share a key under it, in the whole table; exact for small tables.
    pub pairs: u64,
    /// Of them, those that no rule before it finds.
    pub new_pairs: u64,
    /// Share of the true pairs that this rule or one before it finds, by the built-in rates of
    /// errors.
    pub recall: f64,
}

impl Plan {
    /// Infer a plan from the records of `table`, whose schema says what their fields are.
    ///
    /// What is compared, and by which keys pairs are found, follows from the kinds of the fields and
    /// from what their values show: how often they are there, how often they repeat. The plan is an
    /// ordinary one, to be read and changed. Records are taken for one list with repeats; to link
    /// sources instead, or to keep rules of your own, see [`infer_with`](Self::infer_with).
    ///
    /// The outcome does not depend on the order of records. Of a large table a sample is looked
    /// at: 20 000 records, or a twentieth where that is more.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`](crate::Error::InvalidDocument) where the table has no field, and
    /// [`Error::Cancelled`](crate::Error::Cancelled).
    ///
    /// # Examples
    /// ```
    /// use cdm_core::{Field, Kind, Plan, Record, RecordKey, Run, Schema, Table};
    /// let schema = Schema::new("people", vec![
    ///     Field::new("given_name", Kind::GivenName),
    ///     Field::new("family_name", Kind::FamilyName),
    ///     Field::new("email", Kind::Email),
    /// ])?;
    /// let records = [
    ///     Record::new(RecordKey::new("crm", "1")).with("given_name", "Ana").with("family_name", "Ruiz"),
    ///     Record::new(RecordKey::new("crm", "2")).with("given_name", "Ana").with("email", "a@b.example"),
    ///     Record::new(RecordKey::new("crm", "3")).with("family_name", "Li").with("email", "l@b.example"),
    /// ];
    /// let plan = Plan::infer(&Table::from_records(schema, &records)?, &Run::new())?;
    /// assert_eq!(plan.comparisons().len(), 4); // of the e-mail two: whole, and its mailbox
    /// assert!(!plan.blocking().is_empty());
    /// # Ok::<(), cdm_core::Error>(())
    /// ```
    pub fn infer(table: &Table, run: &Run) -> Result<Plan> {
        Plan::builder(table.schema().name()).infer(table, run).map(|inferred| inferred.plan)
    }

    /// Infer what `given` leaves open from the records of `table`.
    ///
    /// Whatever `given` says stays: its fields, sources, link type, rules, guards, survivorship. Of
    /// comparisons, coincidences and blocking rules, each list that is empty is inferred, as
    /// [`infer`](Self::infer) says.
    ///
    /// # Errors
    /// [`Error::UnknownField`](crate::Error::UnknownField) where the table lacks a field of the
    /// plan, and [`Error::Cancelled`](crate::Error::Cancelled).
    pub fn infer_with(table: &Table, given: &Plan, run: &Run) -> Result<Inferred> {
        PlanBuilder(given.document.clone()).infer(table, run)
    }

    /// As [`infer_with`](Self::infer_with), with the features of the table by the inferred plan,
    /// where they were made on the way.
    pub(crate) fn infer_whole(
        table: &Table,
        given: &Plan,
        run: &Run,
    ) -> Result<(Inferred, Option<Features>)> {
        PlanBuilder(given.document.clone()).infer_features(table, true, run)
    }
}

impl PlanBuilder {
    /// The plan, with what was left open inferred from the records of `table`: see
    /// [`Plan::infer_with`]. Without a field, it has those of the table.
    ///
    /// # Errors
    /// As [`Plan::infer_with`], and [`Error::InvalidDocument`](crate::Error::InvalidDocument) where
    /// what was said is wrong.
    pub fn infer(self, table: &Table, run: &Run) -> Result<Inferred> {
        self.infer_features(table, false, run).map(|(inferred, _)| inferred)
    }

    /// The plan; where `keeps` says so and all records were looked at, with their features by it.
    fn infer_features(
        mut self,
        table: &Table,
        keeps: bool,
        run: &Run,
    ) -> Result<(Inferred, Option<Features>)> {
        if self.0.fields.is_empty() {
            self.0.fields = table.schema().fields().to_vec();
        }
        let mut document = self.0;
        let (comparisons, blocking) =
            (std::mem::take(&mut document.comparisons), std::mem::take(&mut document.blocking));
        let coincidences = std::mem::take(&mut document.coincidences);
        // What is not inferred must be right before anything is built on it.
        let mut plan = Plan::check(document)?;
        let sample = Sample::new(table, &plan, run)?;
        if plan.region().is_none() {
            plan.document.region = region::region(&sample.table, plan.schema())?;
        }
        let candidates = keys::candidates(plan.schema());
        let mut expressions: BTreeSet<_> = match blocking.is_empty() {
            true => candidates.iter().map(|key| key.expression.clone()).collect(),
            false => BTreeSet::new(),
        };
        let keeps = keeps && sample.is_whole;
        if keeps {
            expressions.extend(plan.expressions());
            expressions.extend(blocking.iter().flat_map(|rule| rule.same.iter().cloned()));
        }
        let blocked = &plan.guards().blocked;
        let settings = settings(&plan, table);
        let needs = Needs::new().with_expressions(expressions);
        let features = match keeps {
            true => Features::keeping_values(&sample.table, &settings, &needs, blocked, run)?,
            false => Features::new(&sample.table, &settings, &needs, blocked, run)?,
        };
        let facts = Facts::all(&sample.table, plan.schema(), &features)?;

        let mut document = plan.document.clone();
        let mut left_out = Vec::new();
        let compares = !comparisons.is_empty();
        document.comparisons = comparisons;
        if !compares {
            document.comparisons = comparison::comparisons(&facts, &mut left_out);
        }
        document.coincidences = coincidences;
        if document.coincidences.is_empty() {
            document.coincidences = coincidence::coincidences(&document.comparisons, &facts);
        }
        document.blocking = blocking;
        let mut estimates = Vec::new();
        if document.blocking.is_empty() {
            let budget = Budget::of(table.len(), plan.guards().max_records_per_key);
            let fields: BTreeSet<&String> =
                document.comparisons.iter().flat_map(|comparison| &comparison.fields).collect();
            let compared = |key: &keys::KeyCandidate| {
                key.expression.fields().all(|field| fields.iter().any(|known| *known == field))
            };
            let candidates: Vec<_> = candidates.into_iter().filter(compared).collect();
            estimates = blocking::choose(&sample, &candidates, &features, budget, run)?;
            document.blocking = estimates.iter().map(|estimate| estimate.rule.clone()).collect();
        }
        if document.blocking.is_empty() && !compares {
            // Nothing finds a pair, so there is nothing to compare.
            document.comparisons.clear();
            document.coincidences.clear();
        }
        let plan = Plan::check(document)?;
        let features = match keeps {
            true => Some(features.narrow(table.schema(), &plan.needs(), run)?),
            false => None,
        };
        Ok((Inferred { plan, left_out, blocking: estimates }, features))
    }
}

/// How the values of `table` are normalised under `plan`.
pub(super) fn settings(plan: &Plan, table: &Table) -> Settings {
    let date_orders = date_order_evidence(table).into_iter().map(|(source, fields)| {
        let decided = fields.into_iter().filter_map(|(field, e)| Some((field, e.order?)));
        (source, decided.collect())
    });
    let source_regions = plan.sources().iter();
    Settings {
        region: plan.region().map(str::to_owned),
        source_regions: source_regions
            .filter_map(|source| Some((source.name.clone(), source.region.clone()?)))
            .collect(),
        date_orders: date_orders.collect(),
    }
}
