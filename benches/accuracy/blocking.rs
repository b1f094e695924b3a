//! Which of the true pairs the inferred blocking rules find, and how many pairs that takes.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Write;
use std::time::Instant;

use cdm_core::features::{Features, Needs};
use cdm_core::plan::{Inferred, LinkType};
use cdm_core::rule::{BoundRules, Rule};
use cdm_core::{Error, Plan, Run, Table, read};

use crate::errors::settings;
use crate::sets::DataSet;

/// The heading of the table of [`row`]s.
pub(crate) const HEADING: &str = "| data set | records | rules | candidate pairs | pairs a record \
     | estimated recall | blocking recall | seconds to infer |\n\
     | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

/// Infer the plan of a set, and measure its blocking: a row of the table, and with `verbose` the
/// plan rule by rule.
pub(crate) fn row(set: &DataSet, verbose: bool, run: &Run) -> Result<(String, String), Error> {
    let bare = set.bare_plan(run)?;
    let inputs = set.inputs(&bare);
    let (table, reports) = read(&inputs, bare.schema(), run)?;
    let started = Instant::now();
    let inferred = Plan::infer_with(&table, &bare, run)?;
    let took = started.elapsed();
    let truth = set.truth.read(&inputs, &reports, &table, run)?;
    let found = pairs_of_each_rule(&inferred.plan, &table, run)?;
    let mut pairs: HashSet<(u32, u32)> = HashSet::new();
    let mut missed: BTreeSet<(u32, u32)> = true_pairs(&inferred.plan, &table, &truth);
    let total = missed.len().max(1) as f64;
    let mut rules = String::new();
    for (rule, (of_rule, estimate)) in
        inferred.plan.blocking().iter().zip(found.iter().zip(&inferred.blocking))
    {
        let before = (pairs.len(), missed.len());
        pairs.extend(of_rule);
        missed.retain(|pair| !of_rule.contains(pair));
        let _ = writeln!(
            rules,
            "| `{rule}` | {} ({}) | {} ({}) | {:.4} ({:.4}) | {} |",
            of_rule.len(),
            estimate.pairs,
            pairs.len() - before.0,
            estimate.new_pairs,
            1.0 - missed.len() as f64 / total,
            estimate.recall,
            before.1 - missed.len(),
        );
    }
    let row = format!(
        "| {} | {} | {} | {} | {:.1} | {:.4} | {:.4} | {:.2} |",
        set.name,
        table.len(),
        inferred.plan.blocking().len(),
        pairs.len(),
        pairs.len() as f64 / table.len().max(1) as f64,
        inferred.blocking.last().map_or(0.0, |estimate| estimate.recall),
        1.0 - missed.len() as f64 / total,
        took.as_secs_f64(),
    );
    let notes = if verbose { notes(&inferred, &rules, &missed, &table) } else { String::new() };
    Ok((row, notes))
}

fn notes(inferred: &Inferred, rules: &str, missed: &BTreeSet<(u32, u32)>, table: &Table) -> String {
    let plan = &inferred.plan;
    let mut text = String::from("fields:");
    for field in plan.schema().fields() {
        let _ = write!(text, " {} ({})", field.name, field.kind);
    }
    text += "\nleft out:";
    for left_out in &inferred.left_out {
        let _ = write!(text, " {} ({:?})", left_out.field, left_out.why);
    }
    text += "\ncompared:";
    for comparison in plan.comparisons() {
        let _ = write!(text, " {}[{}]", comparison.name, comparison.fields.join(","));
    }
    text += "\ncoincidences:";
    for coincidence in plan.coincidences() {
        let _ = write!(text, " {} [{}];", coincidence.name, coincidence.shares.join(", "));
    }
    text += "\n\n| rule | pairs (estimated) | new (estimated) | recall (estimated) | true pairs |\n\
             | --- | ---: | ---: | ---: | ---: |\n";
    text += rules;
    text += "\nmissed, for instance:\n";
    let step = missed.len().div_ceil(8).max(1);
    for (left, right) in missed.iter().step_by(step) {
        for row in [*left, *right] {
            let record = table.record(row as usize);
            let fields: BTreeMap<_, _> = record.fields.into_iter().collect();
            let _ = writeln!(text, "  {:?}", fields);
        }
        text.push('\n');
    }
    text
}

/// Pairs of rows of one entity that may be linked.
fn true_pairs(plan: &Plan, table: &Table, truth: &[Option<u32>]) -> BTreeSet<(u32, u32)> {
    let mut members: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (row, entity) in truth.iter().enumerate() {
        members.entry(entity.unwrap_or(u32::MAX)).or_default().push(row as u32);
    }
    members.remove(&u32::MAX);
    let of_entity = |rows: &Vec<u32>| -> Vec<(u32, u32)> {
        let pairs = rows.iter().enumerate().flat_map(|(position, left)| {
            rows[position + 1..].iter().map(move |right| (*left, *right))
        });
        pairs.filter(|(left, right)| may_link(plan, table, *left, *right)).collect()
    };
    members.values().flat_map(of_entity).collect()
}

fn may_link(plan: &Plan, table: &Table, left: u32, right: u32) -> bool {
    let (left, right) = (table.source(left as usize), table.source(right as usize));
    let free = || plan.sources().iter().any(|source| source.name == left && source.duplicate_free);
    left != right || plan.link_type() != LinkType::Link && !free()
}

/// By rule, the pairs of rows that share a key which not too many records have.
fn pairs_of_each_rule(
    plan: &Plan,
    table: &Table,
    run: &Run,
) -> Result<Vec<HashSet<(u32, u32)>>, Error> {
    let rules: Vec<Rule> =
        plan.blocking().iter().map(|b| Rule::matching(b.to_string(), b.same.clone())).collect();
    let wanted =
        Needs::new().with_expressions(plan.blocking().iter().flat_map(|rule| rule.same.clone()));
    let blocked = &plan.guards().blocked;
    let features = Features::new(table, &settings(plan, table), &wanted, blocked, run)?;
    let bound = BoundRules::new(&rules, &features)?;
    let most = plan.guards().max_records_per_key as usize;
    let mut found = Vec::new();
    for rule in 0..rules.len() {
        let mut pairs = HashSet::new();
        for key in bound.keys(rule, table.len(), run)?.shared().filter(|k| k.rows().len() <= most) {
            let rows: Vec<u32> = key.rows().collect();
            for (position, left) in rows.iter().enumerate() {
                for right in &rows[position + 1..] {
                    if may_link(plan, table, *left, *right) {
                        pairs.insert((*left, *right));
                    }
                }
            }
        }
        found.push(pairs);
    }
    Ok(found)
}
