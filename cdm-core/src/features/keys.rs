use std::collections::BTreeSet;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::expression::Term;
use super::{FieldValues, SeenTwice};
use crate::cancel::Run;
use crate::error::Result;
use crate::normalize;
use crate::table::{Codes, Column, ColumnBuilder, PoolBuilder, Table};

/// How many texts are made keys of between two looks at the cancel token.
const TEXTS_AT_ONCE: usize = 1 << 14;

/// The keys of each distinct value of a field, by value code; but those that `spread`, where there
/// is one, knows no second record to have.
pub(super) fn keys_of_values(
    field: &FieldValues,
    term: &Term,
    blocked: Option<&BTreeSet<String>>,
    spread: Option<&Spread>,
    run: &Run,
) -> Result<Column> {
    // Every form that an expression names was asked of the normalisers in `Features::new`.
    let texts = &field.forms[&term.form(field.kind())];
    let is_blocked = |value: u32| {
        let canonical = field.canonical_code(value).map(|code| field.canonical(code));
        blocked.zip(canonical).is_some_and(|(blocked, canonical)| blocked.contains(canonical))
    };
    let mut of_text = ColumnBuilder::new();
    let (mut codes, mut made, mut kept) = (Vec::new(), MadeKeys::default(), Vec::new());
    for (number, text) in texts.pool().iter().enumerate() {
        if number % TEXTS_AT_ONCE == 0 {
            run.check()?;
        }
        codes.clear();
        made.clear();
        term.each(text, &mut |key| made.push(key));
        // One is kept in any case: a record with a value has keys. All are asked for before any is
        // looked up, so that nobody waits for the answers one by one.
        kept.clear();
        kept.extend(made.hashes.iter().enumerate().map(|(number, hash)| {
            number == 0 || spread.is_none_or(|spread| spread.shared.has(*hash))
        }));
        for (number, _) in kept.iter().enumerate().filter(|(_, kept)| **kept) {
            let (key, hash) = made.get(number);
            let code = of_text.intern_hashed(key, hash)?;
            if !codes.contains(&code) {
                codes.push(code);
            }
        }
        of_text.push(&codes)?;
    }
    let of_text = of_text.finish();
    let mut of_value = Codes::new();
    for value in 0..field.len() as u32 {
        codes.clear();
        if !is_blocked(value) {
            for text in texts.codes(value as usize) {
                extend_distinct(&mut codes, of_text.codes(*text as usize));
            }
        }
        of_value.push(&codes)?;
    }
    Ok(of_text.with_codes(of_value.finish()))
}

/// The keys that a term makes of one text, empty ones left out.
#[derive(Default)]
struct MadeKeys {
    texts: String,
    ends: Vec<usize>,
    hashes: Vec<u64>,
}

impl MadeKeys {
    fn clear(&mut self) {
        self.texts.clear();
        self.ends.clear();
        self.hashes.clear();
    }

    fn push(&mut self, key: &str) {
        if !key.is_empty() {
            self.texts.push_str(key);
            self.ends.push(self.texts.len());
            self.hashes.push(hash(key));
        }
    }

    fn get(&self, number: usize) -> (&str, u64) {
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        (&self.texts[start..self.ends[number]], self.hashes[number])
    }
}

/// What is known of the keys of a term that makes many of a text, far more than anybody shares, so
/// that most need not be kept.
pub(super) struct Spread {
    /// The hashes of the keys that several rows have, and few others.
    shared: SeenTwice,
    /// By row, how many keys there are, those that are not kept included: a fact about the record
    /// alone.
    pub(super) made: Vec<u16>,
}

impl Spread {
    pub(super) fn new(table: &Table, field: &FieldValues, term: &Term, run: &Run) -> Result<Self> {
        let texts = &field.forms[&term.form(field.kind())];
        let texts_of_row = |row| {
            let values = field.codes(row).iter();
            values.flat_map(|value| texts.codes(*value as usize)).map(|text| *text as usize)
        };
        let mut rows_of_text = vec![0_u8; texts.pool().len()];
        for text in (0..table.len()).flat_map(texts_of_row) {
            rows_of_text[text] = rows_of_text[text].saturating_add(1);
        }
        // About one for each letter.
        let count = texts.pool().iter().map(|text| text.len() + 1).sum();
        let mut shared = SeenTwice::new(count);
        let mut made_of_text = Vec::with_capacity(rows_of_text.len());
        for (number, (text, rows)) in texts.pool().iter().zip(rows_of_text).enumerate() {
            if number % TEXTS_AT_ONCE == 0 {
                run.check()?;
            }
            let mut made = 0_u16;
            term.each(text, &mut |key| {
                let hash = hash(key);
                (0..rows.min(2)).for_each(|_| shared.see(hash));
                made = made.saturating_add(1);
            });
            made_of_text.push(made);
        }
        let of_row =
            |row| texts_of_row(row).map(|text| made_of_text[text]).fold(0, u16::saturating_add);
        Ok(Self { shared, made: (0..table.len()).map(of_row).collect() })
    }
}

fn hash(key: &str) -> u64 {
    xxh3_64(key.as_bytes())
}

/// The keys of each row: those of all its values, sorted, so that two rows' keys can be merged.
pub(super) fn keys_of_rows(
    table: &Table,
    field: &FieldValues,
    of_value: &Column,
) -> Result<Column> {
    let mut rows = Codes::new();
    let mut codes = Vec::new();
    for row in 0..table.len() {
        codes.clear();
        for value in field.codes(row) {
            extend_distinct(&mut codes, of_value.codes(*value as usize));
        }
        codes.sort_unstable();
        rows.push(&codes)?;
    }
    Ok(of_value.with_codes(rows.finish()))
}

/// The words of every combination of the terms' keys, sorted; a row lacking one term has none.
pub(super) fn sorted_keys(table: &Table, terms: &[(&FieldValues, Column)]) -> Result<Column> {
    let mut pool = PoolBuilder::new();
    let mut rows = Codes::new();
    let mut codes = Vec::new();
    // Transliterated once for each distinct key, not for each row.
    let spelt: Vec<Column> = terms.iter().map(|(_, keys)| spelt(keys)).collect::<Result<_>>()?;
    let (mut combinations, mut longer): (Vec<u32>, Vec<u32>) = (Vec::new(), Vec::new());
    let mut of_term: Vec<u32> = Vec::new();
    let (mut words, mut key) = (Vec::new(), String::new());
    for row in 0..table.len() {
        combinations.clear();
        for (width, (field, keys)) in terms.iter().enumerate() {
            of_term.clear();
            of_term.extend(field.codes(row).iter().flat_map(|v| keys.codes(*v as usize)));
            // No combination yet is one of no words.
            let count = combinations.len().checked_div(width).unwrap_or(1);
            longer.clear();
            for pair in (0..count * of_term.len()).take(MAX_COMBINATIONS) {
                let (combination, code) = (pair / of_term.len(), pair % of_term.len());
                longer.extend_from_slice(
                    &combinations[combination * width..(combination + 1) * width],
                );
                longer.push(of_term[code]);
            }
            std::mem::swap(&mut combinations, &mut longer);
        }
        codes.clear();
        for combination in combinations.chunks_exact(terms.len().max(1)) {
            words.clear();
            for (spelt, code) in spelt.iter().zip(combination) {
                let spelt = spelt.values(*code as usize).flat_map(|text| text.split(' '));
                words.extend(spelt.filter(|word| !word.is_empty()));
            }
            words.sort_unstable();
            key.clear();
            for word in &words {
                if !key.is_empty() {
                    key.push(' ');
                }
                key.push_str(word);
            }
            if !key.is_empty() {
                extend_distinct(&mut codes, &[pool.intern(&key)?]);
            }
        }
        codes.sort_unstable();
        rows.push(&codes)?;
    }
    Ok(Column::new(Arc::new(pool.freeze()), rows.finish()))
}

/// The transliteration of every key, by its code.
fn spelt(keys: &Column) -> Result<Column> {
    let mut spelt = ColumnBuilder::new();
    for key in keys.pool().iter() {
        let code = spelt.intern(&normalize::ascii(key))?;
        spelt.push(&[code])?;
    }
    Ok(spelt.finish())
}

/// The most combinations of several fields' values that one record gives; real records give a
/// handful, and a hostile one must not give 256 to the power of its fields.
pub(super) const MAX_COMBINATIONS: usize = 256;

fn extend_distinct(codes: &mut Vec<u32>, more: &[u32]) {
    for code in more {
        if !codes.contains(code) {
            codes.push(*code);
        }
    }
}
