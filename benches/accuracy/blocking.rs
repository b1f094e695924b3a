//! Which of the true pairs the inferred blocking rules find, and how many pairs that takes.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Instant;

use cdm_core::block::{Blocking, PairScope, hot_keys};
use cdm_core::features::{Features, Needs};
use cdm_core::plan::{Inferred, LinkType};
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
    let inputs = set.inputs(&bare, run)?;
    let (table, reports) = read(&inputs, bare.schema(), run)?;
    let started = Instant::now();
    let inferred = Plan::infer_with(&table, &bare, run)?;
    let took = started.elapsed();
    let truth = set.truth.read(&inputs, &reports, &table, run)?;
    let all = true_pairs(&inferred.plan, &table, &truth);
    let (mut rules, mut missed, mut candidates) = (String::new(), Vec::new(), 0);
    with_blocking(&inferred.plan, &table, run, |blocking| {
        let mut found = vec![0; blocking.rules().len()];
        for (left, right) in &all {
            match blocking.find(*left as usize, *right as usize) {
                Some(rule) => found[rule] += 1,
                None => missed.push((*left, *right)),
            }
        }
        let ranks: Vec<u32> = (0..table.len() as u32).collect();
        let none = || vec![0_u64; blocking.rules().len()];
        let chunks = blocking.fold(&ranks, run, none, |counts, _, _, rule| {
            counts[rule as usize] += 1;
        })?;
        let mut new = none();
        for chunk in chunks {
            new.iter_mut().zip(chunk).for_each(|(sum, count)| *sum += count);
        }
        candidates = new.iter().sum();
        let mut so_far = 0;
        for (at, (count, estimate)) in
            blocking.count(run)?.iter().zip(&inferred.blocking).enumerate()
        {
            so_far += found[at];
            let _ = writeln!(
                rules,
                "| `{}` | {} ({}) | {} ({}) | {:.4} ({:.4}) | {} |",
                estimate.rule,
                count.pairs,
                estimate.pairs,
                new[at],
                estimate.new_pairs,
                so_far as f64 / all.len().max(1) as f64,
                estimate.recall,
                found[at],
            );
        }
        Ok(())
    })?;
    let row = format!(
        "| {} | {} | {} | {} | {:.1} | {:.4} | {:.4} | {:.2} |",
        set.name,
        table.len(),
        inferred.plan.blocking().len(),
        candidates,
        candidates as f64 / table.len().max(1) as f64,
        inferred.blocking.last().map_or(0.0, |estimate| estimate.recall),
        1.0 - missed.len() as f64 / all.len().max(1) as f64,
        took.as_secs_f64(),
    );
    let notes = if verbose { notes(&inferred, &rules, &missed, &table) } else { String::new() };
    Ok((row, notes))
}

/// Share of the true pairs that some blocking rule of `plan` finds.
pub(crate) fn recall(
    plan: &Plan,
    table: &Table,
    truth: &[Option<u32>],
    run: &Run,
) -> Result<f64, Error> {
    let all = true_pairs(plan, table, truth);
    let mut found = 0;
    with_blocking(plan, table, run, |blocking| {
        let finds =
            |(left, right): &&(u32, u32)| blocking.find(*left as usize, *right as usize).is_some();
        found = all.iter().filter(finds).count();
        Ok(())
    })?;
    Ok(found as f64 / all.len().max(1) as f64)
}

fn notes(inferred: &Inferred, rules: &str, missed: &[(u32, u32)], table: &Table) -> String {
    let plan = &inferred.plan;
    let mut text = format!("region: {:?}\nfields:", plan.region());
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
fn true_pairs(plan: &Plan, table: &Table, truth: &[Option<u32>]) -> Vec<(u32, u32)> {
    let scope = scope(plan, table);
    let mut members: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (row, entity) in truth.iter().enumerate() {
        if let Some(entity) = entity {
            members.entry(*entity).or_default().push(row as u32);
        }
    }
    let of_entity = |rows: &Vec<u32>| -> Vec<(u32, u32)> {
        let pairs = rows.iter().enumerate().flat_map(|(position, left)| {
            rows[position + 1..].iter().map(move |right| (*left, *right))
        });
        pairs.filter(|(left, right)| scope.contains(*left as usize, *right as usize)).collect()
    };
    members.values().flat_map(of_entity).collect()
}

fn scope(plan: &Plan, table: &Table) -> PairScope {
    let source_of_row = (0..table.len()).map(|row| table.source_code(row)).collect();
    if plan.link_type() == LinkType::Link {
        return PairScope::across_sources(source_of_row);
    }
    let free = |source: &String| {
        plan.sources().iter().any(|known| known.name == *source && known.duplicate_free)
    };
    let duplicate_free: Vec<bool> = table.sources().iter().map(free).collect();
    PairScope::new(source_of_row, &duplicate_free)
}

/// Do something with the blocking rules of `plan`, bound to the records of `table`, without the keys
/// that too many of them have.
fn with_blocking(
    plan: &Plan,
    table: &Table,
    run: &Run,
    visit: impl FnOnce(&Blocking) -> Result<(), Error>,
) -> Result<(), Error> {
    let rules = plan.blocking();
    let needs = Needs::new().with_expressions(rules.iter().flat_map(|rule| rule.same.clone()));
    let blocked = &plan.guards().blocked;
    let features = Features::new(table, &settings(plan, table), &needs, blocked, run)?;
    let named = rules.iter().map(|rule| (rule.to_string(), &rule.same[..]));
    let most = plan.guards().max_records_per_key;
    let stop_keys = hot_keys(named, &features, table.len(), most, run)?;
    visit(&Blocking::new(rules, &features, &stop_keys, scope(plan, table), table.len(), run)?)
}
