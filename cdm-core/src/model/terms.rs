use hashbrown::{DefaultHashBuilder, HashMap};
use rayon::prelude::*;

use super::parameters::TermFrequencies;
use crate::cancel::Run;
use crate::error::Result;
use crate::features::FieldValues;

/// How many rows are counted between two looks at the cancel token.
const ROWS_AT_ONCE: usize = 1 << 14;

/// The most values that are listed one by one.
const MOST_TERMS: usize = 10_000;

/// How many records a value must have to be listed.
const COMMON: u64 = 3;

/// Count how common each value of a field is; `None` where no value occurs twice.
pub(super) fn count_terms(
    field: &FieldValues,
    rows: usize,
    run: &Run,
) -> Result<Option<TermFrequencies>> {
    let mut counts: Vec<u64> = Vec::new();
    let (mut records, mut of_row) = (0_u64, Vec::new());
    for row in 0..rows {
        if row % ROWS_AT_ONCE == 0 {
            run.check()?;
        }
        of_row.clear();
        of_row.extend(field.codes(row).iter().filter_map(|value| field.canonical_code(*value)));
        of_row.sort_unstable();
        of_row.dedup();
        records += u64::from(!of_row.is_empty());
        for code in &of_row {
            let code = *code as usize;
            if counts.len() <= code {
                counts.resize(code + 1, 0);
            }
            counts[code] += 1;
        }
    }
    let agreeing: f64 =
        counts.iter().map(|count| *count as f64 * count.saturating_sub(1) as f64).sum();
    if agreeing == 0.0 {
        return Ok(None);
    }
    let all = records as f64;
    let mut common: Vec<(u64, &str)> = counts
        .iter()
        .enumerate()
        .filter(|(_, count)| **count >= COMMON)
        .map(|(code, count)| (*count, field.canonical(code as u32)))
        .collect();
    common.sort_unstable_by(|one, two| two.0.cmp(&one.0).then(one.1.cmp(two.1)));
    common.truncate(MOST_TERMS);
    let listed: u64 = common.iter().map(|(count, _)| count).sum();
    let occurrences: u64 = counts.iter().sum();
    let distinct = counts.iter().filter(|count| **count > 0).count() - common.len();
    let rest = (occurrences - listed) as f64 / distinct.max(1) as f64;
    Ok(Some(TermFrequencies {
        expected: (agreeing / (all * (all - 1.0))).min(1.0),
        rest: rest.max(1.0) / all,
        terms: common
            .into_iter()
            .map(|(count, text)| (text.to_owned(), count as f64 / all))
            .collect(),
    }))
}

/// How much likelier two records agree on a value by chance than on one in general. It is asked far more often
/// than there are common values.
pub(crate) struct TermFactors {
    common: HashMap<Box<str>, f64, DefaultHashBuilder>,
    rest: f64,
}

impl TermFactors {
    pub(crate) fn new(frequencies: &TermFrequencies) -> Self {
        let TermFrequencies { expected, rest, terms } = frequencies;
        let common = terms.iter().map(|(text, frequency)| (text[..].into(), frequency / expected));
        Self { common: common.collect(), rest: rest / expected }
    }

    pub(crate) fn of(&self, text: &str) -> f64 {
        self.common.get(text).copied().unwrap_or(self.rest)
    }
}

/// The same by the values of a table.
pub(crate) struct BoundTerms {
    /// By canonical code.
    factors: Vec<f64>,
}

impl BoundTerms {
    pub(crate) fn new(frequencies: &TermFrequencies, field: &FieldValues) -> Self {
        let factors = TermFactors::new(frequencies);
        let codes = (0..field.canonical_len() as u32).into_par_iter();
        Self { factors: codes.map(|code| factors.of(field.canonical(code))).collect() }
    }

    /// The factor of the rarest value that two rows have in common; where their values are the
    /// same in another form only, that of the most common one.
    pub(crate) fn factor(&self, field: &FieldValues, left: usize, right: usize) -> f64 {
        let terms = |row: usize| {
            let codes = field.codes(row).iter().filter_map(|value| field.canonical_code(*value));
            codes.map(|code| (code, self.factors[code as usize]))
        };
        factor_of_shared(terms(left), terms(right))
    }
}

/// The factor of the rarest of two records' terms that both have; where they have none in common,
/// that of the most common one.
pub(crate) fn factor_of_shared<T: PartialEq>(
    left: impl Iterator<Item = (T, f64)> + Clone,
    right: impl Iterator<Item = (T, f64)> + Clone,
) -> f64 {
    let shared = left.clone().filter(|(term, _)| right.clone().any(|(other, _)| other == *term));
    let rarest = shared.map(|(_, factor)| factor).reduce(f64::min);
    rarest.unwrap_or_else(|| left.chain(right).map(|(_, factor)| factor).fold(0.0, f64::max))
}

impl TermFrequencies {
    /// The smallest factor that there is.
    pub(crate) fn least(&self) -> f64 {
        self.terms.values().copied().fold(self.rest, f64::min) / self.expected
    }
}
