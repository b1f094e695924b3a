use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::expression::Term;
use super::texts::Texts;
use super::{FieldValues, SeenTwice, Stopping};
use crate::cancel::Run;
use crate::error::Result;
use crate::normalize;
use crate::table::{Codes, Column, ColumnBuilder, PoolBuilder, Table};

/// How many texts are made keys of between two looks at the cancel token.
const TEXTS_AT_ONCE: usize = 1 << 12;

/// The same of rows whose keys are gathered.
const ROWS_AT_ONCE: usize = 1 << 14;

/// The keys of each distinct value of a field, by value code, from the `texts` that its values have in
/// the form which the term looks at; but those that `spread`, where there is one, leaves out.
pub(super) fn keys_of_values(
    field: &FieldValues,
    (term, texts): (&Term, &Column),
    blocked: Option<&BTreeSet<String>>,
    spread: Option<&Spread>,
    run: &Run,
) -> Result<Column> {
    // Where nothing is blocked, canonical forms may not be there.
    let is_blocked = |value: u32| {
        blocked.is_some_and(|blocked| {
            let canonical = field.canonical_code(value).map(|code| field.canonical(code));
            canonical.is_some_and(|canonical| blocked.contains(canonical))
        })
    };
    let (mut of_text, mut codes) = (ColumnBuilder::new(), Vec::new());
    for some in in_parts(texts.pool().len(), TEXTS_AT_ONCE) {
        let made = some.into_par_iter().map(|texts_of_part| {
            run.check()?;
            let texts = texts_of_part.map(|text| (text, texts.pool().get(text as u32)));
            Ok(KeptKeys::of(texts, term, spread))
        });
        for kept in made.collect::<Result<Vec<_>>>()? {
            run.check()?;
            let mut next = 0;
            for end in kept.ends {
                codes.clear();
                for number in next..end {
                    let (key, hash) = kept.keys.get(number);
                    let code = of_text.intern_hashed(key, hash)?;
                    if !codes.contains(&code) {
                        codes.push(code);
                    }
                }
                next = end;
                of_text.push(&codes)?;
            }
        }
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

/// Ranges of so many numbers each, below `count`, as many of them together as all threads take.
fn in_parts(count: usize, at_once: usize) -> impl Iterator<Item = Vec<Range<usize>>> {
    let together = at_once * rayon::current_num_threads() * PARTS_A_THREAD;
    (0..count).step_by(together).map(move |start| {
        let end = count.min(start + together);
        (start..end).step_by(at_once).map(|start| start..end.min(start + at_once)).collect()
    })
}

/// Parts are not equally long.
const PARTS_A_THREAD: usize = 4;

/// The keys of several texts that are kept.
struct KeptKeys {
    keys: MadeKeys,
    /// By text, how many keys there are up to it.
    ends: Vec<usize>,
}

impl KeptKeys {
    /// Of texts with their numbers.
    fn of<'t>(
        texts: impl Iterator<Item = (usize, &'t str)>,
        term: &Term,
        spread: Option<&Spread>,
    ) -> Self {
        let mut of_all = Self { keys: MadeKeys::default(), ends: Vec::new() };
        let (mut made, mut shared) = (MadeKeys::default(), Vec::new());
        for (number, text) in texts {
            made.clear();
            term.each(text, &mut |key| made.push(key, hash(key)));
            // All are asked for before any is put down, so that nobody waits for the answers one by one.
            shared.clear();
            let is_shared = |hash: &u64| spread.is_none_or(|spread| spread.shared.has(*hash));
            shared.extend(made.hashes.iter().map(is_shared));
            let mut alone = spread.map_or(0, |spread| spread.alone(number));
            for (place, is_shared) in shared.iter().enumerate() {
                if !is_shared {
                    // One is kept in any case: a record with a value has keys.
                    if place > 0 && alone == 0 {
                        continue;
                    }
                    alone = alone.saturating_sub(1);
                }
                let (key, hash) = made.get(place);
                of_all.keys.push(key, hash);
            }
            of_all.ends.push(of_all.keys.hashes.len());
        }
        of_all
    }
}

/// Keys that a term makes of texts, empty ones left out.
#[derive(Default)]
struct MadeKeys {
    texts: Texts,
    hashes: Vec<u64>,
}

impl MadeKeys {
    fn clear(&mut self) {
        self.texts.clear();
        self.hashes.clear();
    }

    fn push(&mut self, key: &str, hash: u64) {
        if !key.is_empty() {
            self.texts.push(key);
            self.hashes.push(hash);
        }
    }

    fn get(&self, number: usize) -> (&str, u64) {
        (self.texts.get(number).unwrap_or_default(), self.hashes[number])
    }
}

/// What is known of the keys of a term that makes many of a text, far more than anybody shares, so
/// that most need not be kept.
pub(super) struct Spread {
    /// The hashes of the keys that are kept, and few others.
    shared: SeenTwice,
    /// By text, how many of its other keys are kept; none where it is empty.
    alone: Vec<Alone>,
    /// By row, how many keys there are, those that are not kept included: a fact about the record
    /// alone.
    pub(super) made: Vec<u16>,
}

/// How many of the keys that no other text has are kept of one.
#[derive(Clone, Copy)]
enum Alone {
    None,
    One,
    All,
}

impl Spread {
    /// Where `stopping` says which keys will be stopped, only pairs are sought. The keys that a text has alone are
    /// those of the same rows, so that one of them finds what all do; but where some of them are stopped, all are
    /// there to be told apart. Else, all keys are kept that several rows have.
    pub(super) fn new(
        table: &Table,
        field: &FieldValues,
        (term, texts): (&Term, &Column),
        stopping: Option<&Stopping<'_>>,
        run: &Run,
    ) -> Result<Self> {
        let texts_of_row = |row| {
            let values = field.codes(row).iter();
            values.flat_map(|value| texts.codes(*value as usize)).map(|text| *text as usize)
        };
        let mut rows_of_text = vec![0_u32; texts.pool().len()];
        for text in (0..table.len()).flat_map(texts_of_row) {
            rows_of_text[text] = rows_of_text[text].saturating_add(1);
        }
        // About one for each letter.
        let count = texts.pool().iter().map(|text| text.len() + 1).sum();
        let mut shared = SeenTwice::new(count);
        let mut made_of_text = Vec::with_capacity(rows_of_text.len());
        let mut alone = Vec::with_capacity(if stopping.is_some() { rows_of_text.len() } else { 0 });
        for some in in_parts(rows_of_text.len(), TEXTS_AT_ONCE) {
            let parts = some.into_par_iter().map(|texts_of_part| {
                run.check()?;
                let (mut hashes, mut ends) = (Vec::new(), Vec::with_capacity(texts_of_part.len()));
                let mut alone = Vec::new();
                for text in texts_of_part.clone() {
                    let rows = rows_of_text[text];
                    let mut is_stopped = stopping.is_some_and(|stopping| stopping.has_more(rows));
                    term.each(texts.pool().get(text as u32), &mut |key| {
                        hashes.push(hash(key));
                        is_stopped |= stopping.is_some_and(|stopping| stopping.names(key));
                    });
                    ends.push(hashes.len());
                    alone.push(match rows {
                        _ if is_stopped => Alone::All,
                        ..2 => Alone::None,
                        _ => Alone::One,
                    });
                }
                Ok((texts_of_part, hashes, ends, alone))
            });
            for (texts_of_part, hashes, ends, of_part) in parts.collect::<Result<Vec<_>>>()? {
                let mut next = 0;
                for (rows, end) in rows_of_text[texts_of_part].iter().zip(ends) {
                    let of_text = &hashes[next..end];
                    let times = if stopping.is_some() { 1 } else { *rows.min(&2) };
                    for hash in of_text {
                        (0..times).for_each(|_| shared.see(*hash));
                    }
                    made_of_text.push(u16::try_from(of_text.len()).unwrap_or(u16::MAX));
                    next = end;
                }
                if stopping.is_some() {
                    alone.extend(of_part);
                }
            }
        }
        let of_row =
            |row| texts_of_row(row).map(|text| made_of_text[text]).fold(0, u16::saturating_add);
        Ok(Self { shared, alone, made: (0..table.len()).map(of_row).collect() })
    }

    /// How many of the keys that no other has are kept of the text of that number.
    fn alone(&self, text: usize) -> usize {
        match self.alone.get(text) {
            None | Some(Alone::None) => 0,
            Some(Alone::One) => 1,
            Some(Alone::All) => usize::MAX,
        }
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
    run: &Run,
) -> Result<Column> {
    let mut rows = Codes::new();
    for some in in_parts(table.len(), ROWS_AT_ONCE) {
        let parts = some.into_par_iter().map(|rows_of_part| {
            run.check()?;
            let (mut of_part, mut ends) = (Vec::new(), Vec::with_capacity(rows_of_part.len()));
            let mut codes = Vec::new();
            for row in rows_of_part {
                codes.clear();
                for value in field.codes(row) {
                    extend_distinct(&mut codes, of_value.codes(*value as usize));
                }
                codes.sort_unstable();
                of_part.extend_from_slice(&codes);
                ends.push(of_part.len());
            }
            Ok((of_part, ends))
        });
        for (codes, ends) in parts.collect::<Result<Vec<_>>>()? {
            let mut start = 0;
            for end in ends {
                rows.push(&codes[start..end])?;
                start = end;
            }
        }
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
