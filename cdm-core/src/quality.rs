//! What there is to know of the quality of a table's values.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Serialize;

use crate::features::{Features, FieldValues};
use crate::normalize::{DateOrderEvidence, Issue, Status};
use crate::schema::{Kind, RecordKey};
use crate::table::Table;

/// How many of the most frequent values, and of the suspiciously shared ones, are listed.
const LISTED: usize = 10;

/// How many record keys are given as examples of an issue.
const EXAMPLES: usize = 3;

/// The quality of the values of a table, field by field.
///
/// It quotes frequent values, which may be personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QualityReport {
    /// How many records there are.
    pub records: usize,
    /// How many of them come from each source.
    pub sources: BTreeMap<String, usize>,
    /// One for each field, in the order of the schema.
    pub fields: Vec<FieldQuality>,
}

/// The quality of the values of one field.
///
/// Values are counted as often as records hold them, each once a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldQuality {
    /// The field's name.
    pub field: String,
    /// Its kind.
    pub kind: Kind,
    /// Records with at least one value.
    pub filled: usize,
    /// Records with at least one usable value.
    pub usable: usize,
    /// Values that are right in every way that the kind can check.
    pub valid: usize,
    /// Values that can be used, but with a doubt.
    pub doubtful: usize,
    /// Values that cannot be used, placeholders among them.
    pub unusable: usize,
    /// Values that stand for "no value".
    pub placeholders: usize,
    /// Distinct values as they came.
    pub distinct: usize,
    /// Distinct canonical forms.
    pub distinct_canonical: usize,
    /// The most frequent canonical forms, the most frequent first.
    pub top: Vec<ValueCount>,
    /// Canonical forms that more records share than this kind's values usually do: candidates for
    /// the plan's blocked values. The most shared first; empty for kinds that many share.
    pub shared_by_many: Vec<ValueCount>,
    /// How many values have each issue, with the first records as examples.
    pub issues: Vec<IssueCount>,
    /// For dates, by source: the evidence for the order of day and month.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub date_orders: BTreeMap<String, DateOrderEvidence>,
}

/// A canonical form, and how many records have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ValueCount {
    /// The canonical form.
    pub value: String,
    /// Records with a value of that form.
    pub records: usize,
}

/// An issue, how many values have it, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IssueCount {
    /// The issue's code.
    pub issue: &'static str,
    /// How many values of records have it.
    pub values: usize,
    /// The first records that have it, in the order of their keys.
    pub examples: Vec<RecordKey>,
}

impl QualityReport {
    pub(crate) fn new(
        table: &Table,
        features: &Features,
        date_orders: &BTreeMap<String, BTreeMap<String, DateOrderEvidence>>,
        row_of_rank: &[u32],
    ) -> Self {
        let mut sources = BTreeMap::new();
        for row in 0..table.len() {
            *sources.entry(table.source(row)).or_insert(0) += 1;
        }
        let sources = sources.into_iter().map(|(source, count)| (source.to_owned(), count));
        let fields = table.schema().fields().par_iter().enumerate().map(|(position, field)| {
            let of_field = |(source, fields): (&String, &BTreeMap<String, DateOrderEvidence>)| {
                Some((source.clone(), *fields.get(&field.name)?))
            };
            FieldQuality {
                field: field.name.clone(),
                date_orders: date_orders.iter().filter_map(of_field).collect(),
                ..field_quality(table, features.field(position), row_of_rank)
            }
        });
        Self { records: table.len(), sources: sources.collect(), fields: fields.collect() }
    }
}

fn field_quality(table: &Table, values: &FieldValues, row_of_rank: &[u32]) -> FieldQuality {
    let mut quality = FieldQuality {
        field: String::new(),
        kind: values.kind(),
        filled: 0,
        usable: 0,
        valid: 0,
        doubtful: 0,
        unusable: 0,
        placeholders: 0,
        distinct: values.len(),
        distinct_canonical: 0,
        top: Vec::new(),
        shared_by_many: Vec::new(),
        issues: Vec::new(),
        date_orders: BTreeMap::new(),
    };
    let mut issues: Vec<(usize, Vec<u32>)> = vec![(0, Vec::new()); Issue::ALL.len()];
    let mut records_by_code: Vec<usize> = Vec::new();
    let mut codes = Vec::new();
    for &row in row_of_rank {
        codes.clear();
        let of_row = values.codes(row as usize);
        quality.filled += usize::from(!of_row.is_empty());
        for &value in of_row {
            match values.status(value) {
                Status::Valid => quality.valid += 1,
                Status::Doubtful => quality.doubtful += 1,
                Status::Unusable | Status::Missing => quality.unusable += 1,
            }
            codes.extend(values.canonical_code(value));
            let found = values.issues(value);
            if !found.is_empty() {
                quality.placeholders += usize::from(
                    found.contains(Issue::Placeholder) || found.contains(Issue::PlaceholderDate),
                );
                for issue in found.iter() {
                    let (count, examples) = &mut issues[issue as usize];
                    *count += 1;
                    if examples.len() < EXAMPLES && examples.last() != Some(&row) {
                        examples.push(row);
                    }
                }
            }
        }
        quality.usable += usize::from(!codes.is_empty());
        codes.sort_unstable();
        codes.dedup();
        for &code in &codes {
            if records_by_code.len() <= code as usize {
                records_by_code.resize(code as usize + 1, 0);
            }
            records_by_code[code as usize] += 1;
        }
    }
    quality.distinct_canonical = records_by_code.iter().filter(|count| **count > 0).count();
    let most = usual_most(values.kind(), table.len());
    quality.top = most_frequent(values, &records_by_code, 2);
    quality.shared_by_many =
        most.map(|most| most_frequent(values, &records_by_code, most + 1)).unwrap_or_default();
    quality.issues = Issue::ALL
        .iter()
        .zip(issues)
        .filter(|(_, (count, _))| *count > 0)
        .map(|(issue, (values, rows))| IssueCount {
            issue: issue.code(),
            values,
            examples: rows.into_iter().map(|row| table.key(row as usize)).collect(),
        })
        .collect();
    quality
}

/// The most records that usually share one value of that kind, where there is such a number.
///
/// Ten records of one e-mail address, phone or identifier are one customer of many sources, or a
/// household's; more are a mailbox of a firm, a call centre, a placeholder. A date of birth is
/// shared by one in a few ten thousand people, but never by one in a hundred.
fn usual_most(kind: Kind, records: usize) -> Option<usize> {
    match kind {
        Kind::Email | Kind::Phone | Kind::Identifier => Some(10),
        Kind::Date => Some(10.max(records / 100)),
        _ => None,
    }
}

/// The canonical forms that at least so many records have, the most frequent first.
fn most_frequent(
    values: &FieldValues,
    records_by_code: &[usize],
    at_least: usize,
) -> Vec<ValueCount> {
    let mut counted: Vec<(usize, u32)> = records_by_code
        .iter()
        .enumerate()
        .filter(|(_, count)| **count >= at_least)
        .map(|(code, count)| (*count, code as u32))
        .collect();
    // By count, then text: codes depend on the order of rows.
    let order = |one: &(usize, u32), two: &(usize, u32)| {
        two.0.cmp(&one.0).then_with(|| values.canonical(one.1).cmp(values.canonical(two.1)))
    };
    // Most are found as often as others: sorting them all would compare the texts of nearly all.
    if counted.len() > LISTED {
        counted.select_nth_unstable_by(LISTED, order);
        counted.truncate(LISTED);
    }
    counted.sort_unstable_by(order);
    counted
        .into_iter()
        .map(|(records, code)| ValueCount { value: values.canonical(code).to_owned(), records })
        .collect()
}
