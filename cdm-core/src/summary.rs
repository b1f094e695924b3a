//! A resolution in a few numbers, and in sentences what of it a person should look at.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::quality::QualityReport;
use crate::read::{Format, ReadReport};
use crate::resolve::Resolution;
use crate::schema::{EntityId, RecordKey};

/// How many of the largest entities a summary lists.
const LARGEST: usize = 5;

/// From which share of values that cannot be used a field deserves a look.
const DOUBTFUL_SHARE: f64 = 0.2;

/// The numbers that tell the story of a resolution.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Records that were resolved.
    pub records: usize,
    /// Entities that they make.
    pub entities: usize,
    /// Entities of one record.
    pub singletons: usize,
    /// Records, by source.
    pub sources: BTreeMap<String, usize>,
    /// The largest entities of several records, and how many these are.
    pub largest: Vec<(String, usize)>,
    /// Links, by the rule that made them, in the order of the plan.
    pub links_by_rule: Vec<(String, usize)>,
    /// Links made by the evidence of comparisons.
    pub links_by_weight: usize,
    /// Links made by people.
    pub links_by_decision: usize,
    /// Links that were refused.
    pub refusals: usize,
    /// Records that decisions name and the table does not have.
    pub unknown_in_decisions: Vec<RecordKey>,
    /// What the model is in doubt of.
    pub doubts: Vec<String>,
}

impl Resolution {
    /// The resolution in a few numbers.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let table = self.table();
        let size = |entity: u32| self.rows(entity).len();
        let mut by_code = vec![0; table.sources().len()];
        (0..table.len()).for_each(|row| by_code[table.source_code(row) as usize] += 1);
        let mut largest: Vec<u32> = (0..self.len() as u32).collect();
        let singletons = largest.iter().filter(|entity| size(**entity) == 1).count();
        largest.sort_by_key(|entity| Reverse(size(*entity)));
        let listed = |entity: &u32| {
            let entity_id: EntityId = self.entity_id(*entity);
            (entity_id.to_string(), size(*entity))
        };
        let (mut by_rule, mut by_weight, mut by_decision) = (BTreeMap::new(), 0, 0);
        for link in self.links() {
            match (link.rule, link.match_weight) {
                (Some(rule), _) => *by_rule.entry(rule).or_insert(0) += 1,
                (None, Some(_)) => by_weight += 1,
                (None, None) => by_decision += 1,
            }
        }
        let rules = self.model().plan().rules().iter();
        let doubts =
            |parameters: &crate::model::Parameters| parameters.diagnostics.warnings.clone();
        Summary {
            records: table.len(),
            entities: self.len(),
            singletons,
            sources: table.sources().iter().cloned().zip(by_code).collect(),
            largest: largest
                .iter()
                .take(LARGEST)
                .filter(|entity| size(**entity) > 1)
                .map(listed)
                .collect(),
            links_by_rule: rules.filter_map(|rule| by_rule.remove_entry(&rule.name)).collect(),
            links_by_weight: by_weight,
            links_by_decision: by_decision,
            refusals: self.refusals().len(),
            unknown_in_decisions: self.unknown_in_decisions().to_vec(),
            doubts: self.model().parameters().map_or_else(Vec::new, doubts),
        }
    }
}

impl Summary {
    /// What a person should look at, in sentences that quote no value; none where all is well.
    ///
    /// `reports` are of the inputs that were resolved, where they were read.
    #[must_use]
    pub fn warnings(&self, quality: &QualityReport, reports: &[ReadReport]) -> Vec<String> {
        let mut found = Vec::new();
        for report in reports {
            if report.rows_rejected > 0 {
                found.push(rejected(report));
            }
            if report.times_unreadable > 0 {
                let times = grouped(report.times_unreadable as usize);
                found.push(format!("{}: {times} times could not be read", report.source));
            }
        }
        for field in &quality.fields {
            let values = field.valid + field.doubtful + field.unusable;
            if values > 0 && field.unusable as f64 > DOUBTFUL_SHARE * values as f64 {
                let (unusable, values) = (grouped(field.unusable), grouped(values));
                let name = &field.field;
                found.push(format!("field {name}: {unusable} of {values} values cannot be used"));
            } else if field.filled == 0 {
                found.push(format!("field {}: no record has a value", field.field));
            }
        }
        found.extend(self.doubts.iter().cloned());
        if !self.unknown_in_decisions.is_empty() {
            let count = grouped(self.unknown_in_decisions.len());
            found.push(format!("decisions name {count} records that are not in the data"));
        }
        if self.records > 1 && self.entities == self.records {
            found.push("no two records were joined".into());
        }
        found
    }
}

/// How many rows were rejected, for which reasons, and where the first of each is.
fn rejected(report: &ReadReport) -> String {
    let by_row = match report.format {
        Format::Arrow | Format::Parquet => true,
        // Rows in memory have the name of their source.
        Format::JsonLines => report.input == report.source,
        Format::Csv => false,
    };
    let place = if by_row { "row" } else { "line" };
    let mut reasons: Vec<(&str, usize, u64)> = Vec::new();
    for rejection in &report.rejections {
        let reason = rejection.reason.code();
        match reasons.iter_mut().find(|(known, ..)| *known == reason) {
            Some((_, count, _)) => *count += 1,
            None => reasons.push((reason, 1, rejection.line)),
        }
    }
    let listed: Vec<String> = reasons
        .into_iter()
        .map(|(reason, count, first)| {
            let (count, reason) = (grouped(count), reason.replace('_', " "));
            format!("{count} {reason} (first in {place} {})", grouped(first as usize))
        })
        .collect();
    let (rejected, read) =
        (grouped(report.rows_rejected as usize), grouped(report.rows_read as usize));
    format!("{}: {rejected} of {read} rows rejected: {}", report.source, listed.join("; "))
}

/// A number with a comma before every three digits.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cancel::Run;
    use crate::plan::{Decisions, Plan};
    use crate::read::{FieldMapping, Input, Mapping, read};

    const PLAN: &str = r#"{"version": 1, "name": "people",
        "fields": [{"name": "email", "kind": "email"}, {"name": "phone", "kind": "phone"}],
        "rules": [{"name": "e-mail", "decision": "match", "same": ["email"]}]}"#;

    #[test]
    fn what_deserves_a_look_is_said_in_words() {
        let plan = Plan::from_json(PLAN).unwrap();
        let csv = "id,email,phone\n1,a@b.example,\n1,a@b.example,\n2,n/a,\n,x,\n3,A@b.example,\n";
        // An id that stands twice does not look like one.
        let fields = ["email", "phone"].map(|name| FieldMapping::new(name, name)).into();
        let mapping = Mapping { id: Some("id".into()), source: None, time: None, fields };
        let input = Input::bytes("crm", "crm.csv", csv.as_bytes()).with_mapping(mapping);
        let (table, reports) = read(&[input], plan.schema(), &Run::new()).unwrap();
        let decisions = r#"{"version": 1, "cannot_link":
            [[{"source": "crm", "id": "1"}, {"source": "crm", "id": "77"}]]}"#;
        let decisions = Decisions::from_json(decisions).unwrap();
        let resolution = plan.resolve(&table, &decisions, &Run::new()).unwrap();
        let summary = resolution.summary();
        assert_eq!((summary.records, summary.entities, summary.singletons), (3, 2, 1));
        assert_eq!(summary.links_by_rule, [("e-mail".to_owned(), 1)]);
        assert_eq!(summary.sources["crm"], 3);
        assert_eq!(summary.largest.len(), 1);
        assert_eq!(
            summary.warnings(&resolution.quality(), &reports),
            [
                "crm: 2 of 5 rows rejected: 1 duplicate key (first in line 3); \
                 1 missing id (first in line 5)",
                "field email: 1 of 3 values cannot be used",
                "field phone: no record has a value",
                "decisions name 1 records that are not in the data",
            ]
        );
    }

    #[test]
    fn numbers_are_grouped_by_three() {
        let texts = [0, 999, 1000, 1_234_567].map(grouped);
        assert_eq!(texts, ["0", "999", "1,000", "1,234,567"]);
    }
}
