//! What was done, in words that fit a terminal.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use cdm_core::Resolution;
use cdm_core::evaluate::Evaluation;
use cdm_core::quality::FieldQuality;
use cdm_core::read::{ReadReport, RejectReason};
use cdm_core::resolve::RefusalReason;

/// The summary of a run.
pub(crate) fn of(
    resolution: &Resolution,
    reports: &[ReadReport],
    score: Option<&Evaluation>,
    out: &Path,
    took: Duration,
) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write_all(&mut text, resolution, reports, score, out, took);
    // Names and values come from files, and a terminal obeys what looks like a command.
    text.retain(|c| c == '\n' || !c.is_control());
    text
}

fn write_all(
    text: &mut String,
    resolution: &Resolution,
    reports: &[ReadReport],
    score: Option<&Evaluation>,
    out: &Path,
    took: Duration,
) -> std::fmt::Result {
    write_inputs(text, reports)?;
    write_quality(text, &resolution.quality().fields)?;
    write_entities(text, resolution)?;
    if let Some(score) = score.filter(|score| score.records == 0) {
        let truth = score.records;
        writeln!(text, "\nAgainst the truth, over {truth} records: none of them was read")?;
    } else if let Some(score) = score {
        writeln!(text, "\nAgainst the truth, over {} records", count(score.records))?;
        writeln!(
            text,
            "  pairs     precision {:.4}, recall {:.4}, F1 {:.4}",
            score.precision, score.recall, score.f1
        )?;
        writeln!(
            text,
            "  entities  {} of {} found exactly; B-cubed F1 {:.4}; largest {} (truly {})",
            count(score.exact_entities),
            count(score.true_entities),
            score.b_cubed_f1,
            score.largest_found,
            score.largest_true
        )?;
    }
    writeln!(text, "\nWritten to {} in {:.1} s", out.display(), took.as_secs_f64())
}

fn write_inputs(text: &mut String, reports: &[ReadReport]) -> std::fmt::Result {
    let accepted: u64 = reports.iter().map(|report| report.rows_accepted).sum();
    let (records, files) = (plural(accepted as usize, "record"), plural(reports.len(), "file"));
    writeln!(text, "Read {records} from {files}")?;
    for report in reports {
        let encoding = report.encoding.map(|name| format!(", {name}")).unwrap_or_default();
        let records = plural(report.rows_accepted as usize, "record");
        writeln!(text, "  {:<10} {}{encoding}: {records}", report.source, report.input)?;
        if report.rows_rejected > 0 {
            let mut reasons: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
            for rejection in &report.rejections {
                let entry = reasons.entry(reason(&rejection.reason)).or_insert((0, rejection.line));
                entry.0 += 1;
            }
            let reasons: Vec<String> = reasons
                .iter()
                .map(|(reason, (rows, line))| format!("{rows} {reason} (first on line {line})"))
                .collect();
            let mut rejected = plural(report.rows_rejected as usize, "row");
            if report.rows_rejected > report.rejections.len() as u64 {
                let kept = count(report.rejections.len() as u64);
                rejected.push_str(&format!(" (reasons of the first {kept})"));
            }
            writeln!(text, "  {:<10} {rejected} rejected: {}", "", reasons.join("; "))?;
        }
        if report.rows_recoded > 0 {
            let (rows, encoding) = (report.rows_recoded, report.encoding.unwrap_or("any encoding"));
            let rows = plural(rows as usize, "row");
            writeln!(text, "  {:<10} {rows} not in {encoding}, read as well as could be", "")?;
        }
        if report.times_unreadable > 0 {
            let rows = plural(report.times_unreadable as usize, "row");
            writeln!(text, "  {:<10} {rows} with a time that cannot be read", "")?;
        }
        if report.mapping_inferred {
            let why = "the plan has no mapping for this source";
            writeln!(
                text,
                "  {:<10} columns mapped by name and values ({why}); see read.json",
                ""
            )?;
        }
        for (what, columns) in
            [("not used", &report.unused_columns), ("in no record", &report.absent_columns)]
        {
            if !columns.is_empty() {
                writeln!(text, "  {:<10} columns {what}: {}", "", list(columns))?;
            }
        }
    }
    Ok(())
}

/// Names in words, as many as fit.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut text = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", count((names.len() - SHOWN) as u64)));
    }
    text
}

pub(crate) fn reason(reason: &RejectReason) -> &'static str {
    match reason {
        RejectReason::WrongCellCount { .. } => "with too few or too many cells",
        RejectReason::UnclosedQuote => "with a quote left open",
        RejectReason::InvalidJson { .. } => "that are not JSON",
        RejectReason::NotAnObject => "that are not JSON objects",
        RejectReason::MissingId => "without an id",
        RejectReason::DuplicateKey => "whose id another row has",
        RejectReason::TooManyValues { .. } => "with too many values in one field",
        RejectReason::TooDeep { .. } => "with too many levels within one another",
        _ => "that cannot be read",
    }
}

fn write_quality(text: &mut String, fields: &[FieldQuality]) -> std::fmt::Result {
    let width = fields.iter().map(|field| field.field.chars().count()).max().unwrap_or(0).max(5);
    writeln!(
        text,
        "\n{:<width$}  {:>9} {:>9} {:>9} {:>9}  most frequent issues",
        "Field", "filled", "valid", "doubtful", "unusable"
    )?;
    for field in fields {
        let mut issues: Vec<_> = field.issues.iter().collect();
        issues.sort_by_key(|issue| std::cmp::Reverse(issue.values));
        let issues: Vec<String> = issues
            .iter()
            .take(3)
            .map(|issue| format!("{} {}", count(issue.values as u64), issue.issue))
            .collect();
        writeln!(
            text,
            "{:<width$}  {:>9} {:>9} {:>9} {:>9}  {}",
            field.field,
            count(field.filled as u64),
            count(field.valid as u64),
            count(field.doubtful as u64),
            count(field.unusable as u64),
            issues.join(", ")
        )?;
    }
    for field in fields.iter().filter(|field| !field.shared_by_many.is_empty()) {
        let values = field.shared_by_many.iter().take(3);
        let values: Vec<String> =
            values.map(|v| format!("{} ({} records)", v.value, count(v.records as u64))).collect();
        writeln!(text, "Suspiciously shared {}: {}", field.field, values.join(", "))?;
    }
    Ok(())
}

fn write_entities(text: &mut String, resolution: &Resolution) -> std::fmt::Result {
    let sizes: Vec<usize> =
        (0..resolution.len() as u32).map(|entity| resolution.rows(entity).len()).collect();
    let alone = sizes.iter().filter(|size| **size == 1).count();
    writeln!(
        text,
        "\n{} make {}: {} of one record, {} of several, the largest of {}",
        plural(resolution.table().len(), "record"),
        plural(resolution.len(), "entity"),
        count(alone as u64),
        count((sizes.len() - alone) as u64),
        sizes.iter().max().unwrap_or(&0)
    )?;
    let by = |rule: Option<String>, by_weight: bool| match (rule, by_weight) {
        (Some(rule), _) => rule,
        (None, true) => "the evidence of all that was compared".to_owned(),
        (None, false) => "a steward".to_owned(),
    };
    let mut by_cause: BTreeMap<String, u64> = BTreeMap::new();
    for link in resolution.links() {
        *by_cause.entry(by(link.rule, link.match_weight.is_some())).or_default() += 1;
    }
    let rules = resolution.model().plan().rules().iter().map(|rule| rule.name.clone());
    let causes = std::iter::once(by(None, false)).chain(rules).chain([by(None, true)]);
    for name in causes {
        if let Some(links) = by_cause.get(&name) {
            writeln!(text, "  {:>9} joined by: {name}", count(*links))?;
        }
    }
    let mut refused: BTreeMap<String, u64> = BTreeMap::new();
    for refusal in resolution.refusals() {
        let why = match refusal.reason {
            RefusalReason::CannotLink { .. } => "a steward's cannot-link".into(),
            RefusalReason::NeverRule { never, .. } => format!("never: {never}"),
            RefusalReason::Limit { field, at_most, .. } => format!("at most {at_most} {field}"),
            RefusalReason::OnePerSource { source } => format!("{source} holds each customer once"),
            RefusalReason::Outweighed { .. } => "all their records, taken together".into(),
            _ => "another guard".into(),
        };
        *refused.entry(why).or_default() += 1;
    }
    for (why, links) in refused {
        writeln!(text, "  {:>9} refused by: {why}", count(links))?;
    }
    for (rule, keys) in resolution.model().stop_keys() {
        let stopped = plural(keys.len(), "key");
        writeln!(text, "  {stopped} shared by too many to link anybody: {rule}")?;
    }
    let unknown = resolution.unknown_in_decisions();
    if !unknown.is_empty() {
        writeln!(text, "  {} named in decisions and not read", plural(unknown.len(), "record"))?;
    }
    Ok(())
}

/// A whole number with its thousands apart.
fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn plural(number: usize, noun: &str) -> String {
    let many = match noun.strip_suffix('y') {
        Some(stem) if noun != "key" => format!("{stem}ies"),
        _ => format!("{noun}s"),
    };
    format!("{} {}", count(number as u64), if number == 1 { noun } else { &many })
}
