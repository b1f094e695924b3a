use crate::error::Result;
use crate::features::{Features, FieldValues};
use crate::normalize;
use crate::schema::{Kind, Schema};
use crate::table::Table;

/// What a field holds, and what its values show.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// What the field's name says it is, as columns of files are understood: `date_of_birth`.
    pub(super) meaning: Option<&'static str>,
    pub(super) records: usize,
    /// Records with a usable value.
    pub(super) filled: usize,
    /// Records that share a value with another record.
    pub(super) shared: usize,
    /// Records that have the commonest value.
    pub(super) commonest: usize,
    /// Mean length of the distinct values, in characters.
    pub(super) mean_length: usize,
    /// Share of the distinct values that say yes or no.
    pub(super) yes_or_no: f64,
    /// Share of the distinct raw values with a time of day.
    pub(super) timed: f64,
    /// Share of the distinct values that are dates of the thirty years before the latest.
    pub(super) recent: f64,
}

impl Facts {
    /// Of every field of `schema`, in order.
    pub(super) fn all(table: &Table, schema: &Schema, features: &Features) -> Result<Vec<Self>> {
        let of = |field: &crate::schema::Field| {
            let position = table.schema().position(&field.name)?;
            let mut facts = Self::of(features.field(position), table.len());
            facts.name.clone_from(&field.name);
            facts.meaning = crate::read::meaning_of(&field.name);
            Ok(facts)
        };
        schema.fields().iter().map(of).collect()
    }

    fn of(values: &FieldValues, records: usize) -> Self {
        let mut rows_of: Vec<u32> = vec![0; values.len()];
        let mut filled = 0;
        let mut of_row: Vec<u32> = Vec::new();
        let codes = |row: usize, of_row: &mut Vec<u32>| {
            of_row.clear();
            of_row.extend(values.codes(row).iter().filter_map(|v| values.canonical_code(*v)));
            of_row.sort_unstable();
            of_row.dedup();
        };
        for row in 0..records {
            codes(row, &mut of_row);
            filled += usize::from(!of_row.is_empty());
            of_row.iter().for_each(|code| rows_of[*code as usize] += 1);
        }
        let mut shared = 0;
        for row in 0..records {
            codes(row, &mut of_row);
            shared += usize::from(of_row.iter().any(|code| rows_of[*code as usize] > 1));
        }
        let texts = || (0..values.len() as u32).filter(|code| rows_of[*code as usize] > 0);
        let distinct = texts().count();
        let share = |count: usize| count as f64 / distinct.max(1) as f64;
        let length: usize =
            texts().map(|code| values.canonical(code).chars().take(10_000).count()).sum();
        let years: Vec<u16> =
            texts().filter_map(|code| values.canonical(code).get(..4)?.parse().ok()).collect();
        let latest = years.iter().copied().max().unwrap_or_default();
        let raw = (0..values.len() as u32).filter(|value| values.status(*value).is_usable());
        let (mut timed, mut usable) = (0_usize, 0_usize);
        for value in raw {
            usable += 1;
            // Midnight is a date that some program wrote as a time.
            let raw = values.raw(value);
            timed += usize::from(raw.contains(':') && !raw.contains("00:00"));
        }
        Self {
            name: String::new(),
            kind: values.kind(),
            meaning: None,
            records,
            filled,
            shared,
            commonest: rows_of.iter().copied().max().unwrap_or_default() as usize,
            mean_length: length.checked_div(distinct).unwrap_or_default(),
            yes_or_no: share(texts().filter(|c| says_yes_or_no(values.canonical(*c))).count()),
            timed: timed as f64 / usable.max(1) as f64,
            recent: match values.kind() {
                Kind::Date => share(years.iter().filter(|year| **year + 30 > latest).count()),
                _ => 0.0,
            },
        }
    }

    /// Share of the records with a usable value.
    pub(super) fn presence(&self) -> f64 {
        self.filled as f64 / self.records.max(1) as f64
    }

    pub(super) fn means(&self, meaning: &str) -> bool {
        self.meaning == Some(meaning)
    }
}

fn says_yes_or_no(value: &str) -> bool {
    let word = normalize::category(value);
    matches!(word.canonical(), Some("yes" | "no" | "true" | "false" | "0" | "1"))
}
