use std::collections::BTreeMap;

use super::data::{EntityPicture, Report};
use crate::explain::{FieldValue, PairExplanation, Personal};

/// Puts the name of a field and a number in the place of each value; equal values of a field have
/// equal numbers.
#[derive(Default)]
pub(super) struct Redactor {
    numbers: BTreeMap<(String, String), usize>,
    last: BTreeMap<String, usize>,
}

impl Redactor {
    pub(super) fn redact(mut self, report: &mut Report) {
        for field in &mut report.quality.fields {
            field.top.clear();
            field.shared_by_many.clear();
        }
        let pictures = report.largest.iter_mut().chain(&mut report.doubtful);
        pictures.for_each(|picture| self.picture(picture));
        report.pairs.iter_mut().for_each(|picture| self.pair(&mut picture.pair));
        report.review.iter_mut().for_each(|item| self.pair(&mut item.pair));
        for golden in &mut report.golden {
            for line in &mut golden.fields {
                self.text(&line.field, &mut line.value);
                line.lost.iter_mut().for_each(|(_, value)| self.text(&line.field, value));
            }
        }
    }

    fn picture(&mut self, picture: &mut EntityPicture) {
        for (field, values) in &mut picture.fields {
            values.iter_mut().flatten().for_each(|value| self.value(field, value));
        }
    }

    fn pair(&mut self, pair: &mut PairExplanation) {
        for field in &mut pair.fields {
            let values = field.left.iter_mut().chain(&mut field.right);
            values.for_each(|value| self.value(&field.field, value));
        }
        for stopped in &mut pair.candidate.stopped_keys {
            stopped.key.iter_mut().for_each(|text| self.text("key", text));
        }
        let comparisons = pair.weight.iter_mut().flat_map(|weight| &mut weight.comparisons);
        for comparison in comparisons {
            if let Some(term) = &mut comparison.term_frequency {
                self.text(&comparison.comparison, &mut term.value);
            }
        }
    }

    fn value(&mut self, field: &str, value: &mut FieldValue) {
        self.text(field, &mut value.raw);
        if let Some(normalized) = &mut value.normalized {
            self.text(field, normalized);
        }
    }

    fn text(&mut self, field: &str, text: &mut Personal) {
        let last = self.last.entry(field.to_owned()).or_insert(0);
        let key = (field.to_owned(), text.as_str().to_owned());
        let number = *self.numbers.entry(key).or_insert_with(|| {
            *last += 1;
            *last
        });
        *text = format!("{field} {number}").into();
    }
}
