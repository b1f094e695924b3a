//! What went wrong: pairs that were put together wrongly or not at all, and what each rule linked.

use std::collections::BTreeMap;
use std::fmt::Write;

use cdm_core::features::{Features, Needs, Settings, date_order_evidence};
use cdm_core::rule::{BoundRules, expressions};
use cdm_core::{Error, Plan, RecordKey, Run, Table};

use crate::Outcome;

/// The most pairs that are listed of one entity, so that a large one does not fill the list.
const PAIRS_OF_ONE_ENTITY: usize = 2;

/// Up to `most` pairs of each kind of error, drawn evenly from all, and what each rule linked.
pub(crate) fn list(outcome: &Outcome, most: usize) -> Result<String, Error> {
    let table = outcome.resolution.table();
    let found: Vec<Option<u32>> = outcome.resolution.entities().iter().copied().map(Some).collect();
    let values = Values::new(outcome.resolution.model().plan(), table)?;
    let mut text = links(outcome);
    let kinds = [
        ("False positives", pairs(&found, &outcome.truth, most)),
        ("False negatives", pairs(&outcome.truth, &found, most)),
    ];
    for (title, pairs) in kinds {
        let _ = writeln!(text, "### {title}\n\n```text");
        for (left, right) in pairs {
            values.write_pair(&mut text, table, left, right)?;
        }
        let _ = writeln!(text, "```\n");
    }
    Ok(text)
}

/// Pairs of rows that `together` puts into one entity and `apart` into two.
fn pairs(together: &[Option<u32>], apart: &[Option<u32>], most: usize) -> Vec<(usize, usize)> {
    let mut members: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (row, (entity, other)) in together.iter().zip(apart).enumerate() {
        if let (Some(entity), Some(_)) = (entity, other) {
            members.entry(*entity).or_default().push(row);
        }
    }
    let of_entity = |rows: &Vec<usize>| -> Vec<(usize, usize)> {
        let all = rows.iter().enumerate().flat_map(|(position, left)| {
            rows[position + 1..].iter().map(move |right| (*left, *right))
        });
        let wrong = all.filter(|(left, right)| apart[*left] != apart[*right]);
        wrong.take(PAIRS_OF_ONE_ENTITY).collect()
    };
    let wrong: Vec<(usize, usize)> = members.values().flat_map(of_entity).collect();
    let step = wrong.len().div_ceil(most).max(1);
    wrong.into_iter().step_by(step).collect()
}

/// How many of the links that joined entities were right, by rule.
fn links(outcome: &Outcome) -> String {
    let table = outcome.resolution.table();
    let truth = |key: &RecordKey| table.row(key).and_then(|row| outcome.truth[row]);
    let mut counts: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for link in outcome.resolution.links() {
        let Some((left, right)) = truth(&link.left).zip(truth(&link.right)) else { continue };
        let count = counts.entry(link.rule.unwrap_or_default()).or_default();
        if left == right { count.0 += 1 } else { count.1 += 1 }
    }
    let mut text = "| rule | right links | wrong links |\n| --- | ---: | ---: |\n".to_owned();
    for rule in outcome.resolution.model().plan().rules() {
        if let Some((right, wrong)) = counts.get(&rule.name) {
            let _ = writeln!(text, "| {} | {right} | {wrong} |", rule.name);
        }
    }
    text + "\n"
}

/// The normalised values of a table, and the rules over them.
struct Values<'a> {
    plan: &'a Plan,
    features: Features,
}

impl<'a> Values<'a> {
    fn new(plan: &'a Plan, table: &Table) -> Result<Self, Error> {
        let settings = settings(plan, table);
        let wanted = Needs::new().with_expressions(expressions(plan.rules()));
        let blocked = &plan.guards().blocked;
        let features = Features::new(table, &settings, &wanted, blocked, &Run::new())?;
        Ok(Self { plan, features })
    }

    fn write_pair(
        &self,
        text: &mut String,
        table: &Table,
        left: usize,
        right: usize,
    ) -> Result<(), Error> {
        let rules = BoundRules::new(self.plan.rules(), &self.features)?;
        let rule = rules
            .decide(left, right)
            .map_or("no rule", |rule| self.plan.rules()[rule].name.as_str());
        let name = |row: usize| format!("{}:{}", table.source(row), table.id(row));
        // Writing to a string does not fail.
        let _ = writeln!(text, "{} | {}   ({rule})", name(left), name(right));
        for (position, field) in table.schema().fields().iter().enumerate() {
            let (left, right) = (self.of_row(position, left), self.of_row(position, right));
            if !left.is_empty() || !right.is_empty() {
                let same = if left == right { '=' } else { '|' };
                let _ = writeln!(text, "  {:<16} {left} {same} {right}", field.name);
            }
        }
        text.push('\n');
        Ok(())
    }

    /// A row's values in their canonical form; in brackets, as they came, those not usable.
    fn of_row(&self, field: usize, row: usize) -> String {
        let values = self.features.field(field);
        let shown = values.codes(row).iter().map(|value| match values.canonical_code(*value) {
            Some(code) => values.canonical(code).to_owned(),
            None => format!("[{}]", values.raw(*value)),
        });
        shown.collect::<Vec<_>>().join("; ")
    }
}

/// How the values of `table` are normalised under `plan`.
pub(crate) fn settings(plan: &Plan, table: &Table) -> Settings {
    let regions = plan.sources().iter();
    let date_orders = date_order_evidence(table).into_iter().map(|(source, fields)| {
        let decided = fields.into_iter().filter_map(|(field, e)| Some((field, e.order?)));
        (source, decided.collect())
    });
    Settings {
        region: plan.region().map(str::to_owned),
        source_regions: regions
            .filter_map(|source| Some((source.name.clone(), source.region.clone()?)))
            .collect(),
        date_orders: date_orders.collect(),
    }
}
