//! What 50 decisions by people bring: those that the review queue asks for, and random ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Instant;

use cdm_core::evaluate::{Evaluation, Truth};
use cdm_core::report::ReportOptions;
use cdm_core::review::ReviewOptions;
use cdm_core::{Decisions, Error, Plan, RecordKey, Resolution, Run, Table, read};

use crate::sets::DataSet;

/// The heading of the table of [`row`]s.
pub(crate) const HEADING: &str = "| data set | F1 without | 50 random pairs | 50 of the queue \
     | 50 random, learned from | 50 of the queue, learned from | wrong in the queue | in the random |\n\
     | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

/// How many decisions.
const DECISIONS: usize = 50;

/// How many random draws are averaged.
const DRAWS: u64 = 5;

/// The row of a set: F1 of pairs without decisions, and with 50 that the truth answers.
pub(crate) fn row(set: &DataSet, run: &Run) -> Result<String, Error> {
    let bare = set.bare_plan(run)?;
    let inputs = set.inputs(&bare, run)?;
    let (table, reports) = read(&inputs, bare.schema(), run)?;
    let truth = set.truth.read(&inputs, &reports, &table, run)?;
    let plan = Plan::infer_with(&table, &bare, run)?.plan;
    let before = plan.resolve(&table, &Decisions::new(), run)?;
    // Pairs of which the truth is known, answered.
    let answered = |pairs: &mut dyn Iterator<Item = (RecordKey, RecordKey)>| {
        let (mut decisions, mut wrong, mut count) = (Decisions::new(), 0, 0);
        for (left, right) in pairs {
            let rows = table.row(&left).zip(table.row(&right));
            let Some((one, two)) = rows else { continue };
            let Some((one_is, two_is)) = truth[one].zip(truth[two]) else { continue };
            let is_one = one_is == two_is;
            let together = before.entities()[one] == before.entities()[two];
            wrong += usize::from(together != is_one);
            decisions.decide(left, right, is_one);
            count += 1;
            if count == DECISIONS {
                break;
            }
        }
        (decisions, wrong)
    };
    let f1 = |resolution: &Resolution| {
        let entities = resolution.entities().iter().copied();
        Evaluation::new(entities.zip(truth.iter().copied())).f1
    };
    let with = |decisions: &Decisions| {
        Ok::<f64, Error>(f1(&before.model().resolve(&table, decisions, run)?))
    };
    let learned = |decisions: &Decisions| {
        let model = plan.fit_labelled(&table, decisions, run)?;
        Ok::<f64, Error>(f1(&model.resolve(&table, decisions, run)?))
    };
    let queue = before.review(&ReviewOptions { most: 2 * DECISIONS }, run)?;
    let mut asked = queue.into_iter().map(|item| (item.pair.left, item.pair.right));
    let (queue, queue_wrong) = answered(&mut asked);
    // What the model weighed and linked or refused: random questions that are to the point.
    let linked = before.links().map(|link| (link.left, link.right));
    let refused = before.refusals().map(|refusal| (refusal.link.left, refusal.link.right));
    let all: Vec<(RecordKey, RecordKey)> = linked.chain(refused).collect();
    let (mut random, mut random_learned, mut random_wrong) = (0.0, 0.0, 0);
    for draw in 0..DRAWS {
        let mut order: Vec<(u64, usize)> =
            (0..all.len()).map(|place| (mixed(draw << 40 | place as u64), place)).collect();
        order.sort_unstable();
        let mut pairs = order.iter().map(|(_, place)| all[*place].clone());
        let (decisions, wrong) = answered(&mut pairs);
        random += with(&decisions)? / DRAWS as f64;
        random_learned += learned(&decisions)? / DRAWS as f64;
        random_wrong += wrong;
    }
    Ok(format!(
        "| {} | {:.4} | {random:.4} | {:.4} | {random_learned:.4} | {:.4} | {queue_wrong} | {:.1} |",
        set.name,
        f1(&before),
        with(&queue)?,
        learned(&queue)?,
        random_wrong as f64 / DRAWS as f64,
    ))
}

/// SplitMix64's last step: numbers in an order that shows nothing.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x5eed);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Write the report of a set into `folder`: its size and how long it took.
pub(crate) fn report(set: &DataSet, folder: &Path, run: &Run) -> Result<String, Error> {
    let bare = set.bare_plan(run)?;
    let inputs = set.inputs(&bare, run)?;
    let (table, _) = read(&inputs, bare.schema(), run)?;
    let plan = Plan::infer_with(&table, &bare, run)?.plan;
    let resolution = plan.resolve(&table, &Decisions::new(), run)?;
    let started = Instant::now();
    let report = resolution.report(&ReportOptions::default(), run)?;
    let model = resolution.model();
    let page = report.html(model.plan(), model.parameters());
    let took = started.elapsed().as_secs_f64();
    let path = folder.join(format!("{}.html", set.name));
    fs::write(&path, &page).map_err(|source| Error::WriteFile { path, source })?;
    Ok(format!("{}: {} records, {} bytes, {took:.1} s", set.name, table.len(), page.len()))
}

/// So many pairs of a set that are apart, with the cause that is named and their values side by
/// side, to be checked by hand: true pairs that were missed, and others.
pub(crate) fn causes(set: &DataSet, most: usize, run: &Run) -> Result<String, Error> {
    let bare = set.bare_plan(run)?;
    let inputs = set.inputs(&bare, run)?;
    let (table, reports) = read(&inputs, bare.schema(), run)?;
    let truth = set.truth.read(&inputs, &reports, &table, run)?;
    let plan = Plan::infer_with(&table, &bare, run)?.plan;
    let resolution = plan.resolve(&table, &Decisions::new(), run)?;
    let mut text = String::new();
    for (left, right) in apart(&table, &truth, &resolution, most) {
        let found = resolution.why_not(&left, &right, run)?;
        let cause = serde_json::to_string(&found.cause).unwrap_or_default();
        let _ = writeln!(text, "### {left} and {right}\n{cause}\n{}", found.sentence);
        for field in &found.pair.fields {
            let values = |values: &[cdm_core::explain::FieldValue]| {
                let values = values.iter().map(|value| value.raw.as_str());
                values.collect::<Vec<_>>().join(" | ")
            };
            let _ = writeln!(
                text,
                "  {:16} {:32} {}",
                field.field,
                values(&field.left),
                values(&field.right)
            );
        }
    }
    let all = Truth::entities(
        (0..table.len()).filter_map(|row| Some((table.key(row), truth[row]?.to_string()))),
    );
    let report = resolution.evaluate(&all, run)?;
    let _ = writeln!(
        text,
        "\n{} over-merged, {} over-split, blocking recall {:?}",
        report.over_merged, report.over_split, report.blocking_recall
    );
    Ok(text)
}

/// The pairs of [`CHECKED`] that are of this set, each with the cause that is named now: how many
/// are as a person found them, and those that are not.
pub(crate) fn checked(set: &DataSet, run: &Run) -> Result<String, Error> {
    let of_set = |line: &'static str| {
        let [name, left, right, cause] = line.split('\t').collect::<Vec<_>>()[..] else {
            return None;
        };
        (name == set.name).then_some((key(left), key(right), cause))
    };
    let pairs: Vec<_> =
        CHECKED.lines().filter(|line| !line.starts_with('#')).filter_map(of_set).collect();
    if pairs.is_empty() {
        return Ok(format!("{}: no pair was checked by hand", set.name));
    }
    let bare = set.bare_plan(run)?;
    let (table, _) = read(&set.inputs(&bare, run)?, bare.schema(), run)?;
    let none = Decisions::new();
    let resolution = Plan::infer_and_resolve(&table, &bare, &none, &none, run)?;
    let (mut text, mut held) = (String::new(), 0);
    for (left, right, wanted) in &pairs {
        let found = resolution.why_not(left, right, run)?;
        let cause = serde_json::to_value(&found.cause).unwrap_or_default();
        match cause["cause"] == *wanted {
            true => held += 1,
            false => {
                let _ = write!(text, "\n  {left} and {right}: by hand {wanted}, now {cause}");
            }
        }
    }
    Ok(format!("{}: {held} of {} causes are those found by hand{text}", set.name, pairs.len()))
}

/// Pairs of records that are apart, and why, as a person found it: data set, one record, the other,
/// the cause.
const CHECKED: &str = include_str!("why_not.tsv");

/// A record key as it is shown: the source, a colon, the id.
fn key(shown: &str) -> RecordKey {
    let (source, id) = shown.split_once(':').unwrap_or(("", shown));
    RecordKey::new(source, id)
}

/// Half of them true pairs that were missed, a quarter refused links, a quarter any.
fn apart(
    table: &Table,
    truth: &[Option<u32>],
    resolution: &Resolution,
    most: usize,
) -> Vec<(RecordKey, RecordKey)> {
    let mut rows_of: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    (0..table.len()).for_each(|row| {
        if let Some(entity) = truth[row] {
            rows_of.entry(entity).or_default().push(row);
        }
    });
    let mut missed = Vec::new();
    for rows in rows_of.values() {
        for (place, one) in rows.iter().enumerate() {
            for two in &rows[place + 1..] {
                if resolution.entities()[*one] != resolution.entities()[*two] {
                    missed.push((table.key(*one), table.key(*two)));
                }
            }
        }
    }
    let refused: Vec<_> =
        resolution.refusals().map(|refusal| (refusal.link.left, refusal.link.right)).collect();
    let any = (0..most).map(|number| {
        let row = |salt: u64| (mixed(salt << 32 | number as u64) % table.len() as u64) as usize;
        (table.key(row(1)), table.key(row(2)))
    });
    let every = |pairs: &[(RecordKey, RecordKey)], count: usize| -> Vec<(RecordKey, RecordKey)> {
        let step = (pairs.len() / count.max(1)).max(1);
        pairs.iter().step_by(step).take(count).cloned().collect()
    };
    let mut found = every(&missed, most / 2);
    found.extend(every(&refused, most / 4));
    found.extend(any.take(most / 4));
    let mut seen = BTreeSet::new();
    found.retain(|(left, right)| left != right && seen.insert((left.clone(), right.clone())));
    found
}
