//! What rules look at: the values of a table, normalised, and the key expressions made of them.

mod expression;
mod needs;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use rayon::prelude::*;

use crate::cancel::Run;
use crate::error::{Error, Result};
use crate::normalize::{self, Context};
use crate::schema::Field;
use crate::table::{Codes, Column, ColumnBuilder, PoolBuilder, Table};

use expression::Term;
use values::{Counted, Wanted, normalize_field};

pub use expression::{Expression, Transform};
pub use needs::Needs;
pub use values::{FieldValues, Settings, date_order_evidence};

/// The normalised values of a table, and the keys of its expressions by row.
pub struct Features {
    fields: Vec<FieldValues>,
    expressions: BTreeMap<Expression, Column>,
}

impl Features {
    /// Normalise every field of `table`, and compute for every row the keys, and for every value
    /// what comparisons look at, that `needs` asks for.
    ///
    /// `blocked` names, by field, values that give no key, since many are known to share them, such
    /// as a call centre's phone; they are normalised like the field's own. Every distinct value is
    /// normalised once.
    ///
    /// # Errors
    /// [`Error::UnknownField`] where `needs` names a field that the table lacks, and
    /// [`Error::Cancelled`].
    pub fn new(
        table: &Table,
        settings: &Settings,
        needs: &Needs,
        blocked: &BTreeMap<String, Vec<String>>,
        run: &Run,
    ) -> Result<Self> {
        let schema = table.schema();
        let expressions = needs.expressions();
        let mut wanted: Vec<Wanted> = vec![Wanted::default(); schema.fields().len()];
        for term in expressions.iter().flat_map(Expression::terms) {
            let position = schema.position(&term.field)?;
            wanted[position].forms.insert(term.form(schema.fields()[position].kind));
        }
        for (field, aspects) in needs.compared() {
            wanted[schema.position(field)?].compared = Some(aspects);
        }
        let total = (0..wanted.len()).map(|field| table.column(field).pool().len() as u64).sum();
        run.report("normalize", 0, total)?;
        let counted = Counted { run, done: Mutex::new(0), total };
        let fields = wanted.par_iter().enumerate();
        let fields = fields
            .map(|(position, wanted)| normalize_field(table, position, settings, wanted, &counted))
            .collect::<Result<_>>()?;
        let blocked: BTreeMap<String, BTreeSet<String>> = blocked
            .iter()
            .map(|(field, raw)| {
                let definition = &schema.fields()[schema.position(field)?];
                Ok((field.clone(), canonical_forms(definition, settings, raw)))
            })
            .collect::<Result<_>>()?;
        let mut features = Self { fields, expressions: BTreeMap::new() };
        run.report("keys", 0, expressions.len() as u64)?;
        let computed = expressions.par_iter().map(|expression| {
            run.check()?;
            Ok((expression.clone(), features.compute(table, expression, &blocked)?))
        });
        features.expressions = computed.collect::<Result<_>>()?;
        run.report("keys", expressions.len() as u64, expressions.len() as u64)?;
        features.fields.iter_mut().for_each(|field| field.forms.clear());
        Ok(features)
    }

    /// The values of the field at that position of the schema.
    ///
    /// # Panics
    /// Where the schema has no such field.
    #[must_use]
    pub fn field(&self, position: usize) -> &FieldValues {
        &self.fields[position]
    }

    /// The keys of an expression, by row.
    ///
    /// # Errors
    /// [`Error::UnknownChoice`] where the expression was not asked for.
    pub fn keys(&self, expression: &Expression) -> Result<&Column> {
        self.expressions.get(expression).ok_or_else(|| Error::UnknownChoice {
            what: "key expression that was computed",
            value: expression.to_string(),
            suggestion: None,
            wanted: self.expressions.keys().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        })
    }

    fn compute(
        &self,
        table: &Table,
        expression: &Expression,
        blocked: &BTreeMap<String, BTreeSet<String>>,
    ) -> Result<Column> {
        let terms = expression
            .terms()
            .iter()
            .map(|term| {
                let position = table.schema().position(&term.field)?;
                let field = &self.fields[position];
                let keys = keys_of_values(field, term, blocked.get(&term.field))?;
                Ok((field, keys))
            })
            .collect::<Result<Vec<_>>>()?;
        match terms.as_slice() {
            [(field, keys)] if !expression.is_sorted() => keys_of_rows(table, field, keys),
            terms => sorted_keys(table, terms),
        }
    }
}

/// The canonical forms of values that no record needs to hold.
///
/// A value without a region of its own, such as a national phone number, is taken in the field's or
/// the plan's region and in that of every source, since any of them may be meant.
fn canonical_forms(field: &Field, settings: &Settings, raw: &[String]) -> BTreeSet<String> {
    let regions =
        field.region.iter().chain(&settings.region).chain(settings.source_regions.values());
    let regions: BTreeSet<Option<String>> =
        regions.map(|region| Some(region.to_uppercase())).chain([None]).collect();
    let in_region = |region: Option<String>| {
        let context = Context { region, date_order: field.date_order, ..Context::default() };
        let normalized = move |raw: &String| normalize::value(field.kind, raw, &context);
        raw.iter().filter_map(move |raw| normalized(raw).canonical().map(str::to_owned))
    };
    regions.into_iter().flat_map(in_region).collect()
}

/// The keys of each distinct value of a field, by value code.
fn keys_of_values(
    field: &FieldValues,
    term: &Term,
    blocked: Option<&BTreeSet<String>>,
) -> Result<Column> {
    // Every form that an expression names was asked of the normalisers in `Features::new`.
    let texts = &field.forms[&term.form(field.kind())];
    let is_blocked = |value: u32| {
        let canonical = field.canonical_code(value).map(|code| field.canonical(code));
        blocked.zip(canonical).is_some_and(|(blocked, canonical)| blocked.contains(canonical))
    };
    let mut of_text = ColumnBuilder::new();
    let mut codes = Vec::new();
    let mut made = Vec::new();
    for text in texts.pool().iter() {
        made.clear();
        term.apply(text, &mut made);
        codes.clear();
        for key in made.iter().filter(|key| !key.is_empty()) {
            let code = of_text.intern(key)?;
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
    Ok(of_text.with_codes(of_value))
}

/// The keys of each row: those of all its values, sorted, so that two rows' keys can be merged.
fn keys_of_rows(table: &Table, field: &FieldValues, of_value: &Column) -> Result<Column> {
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
    Ok(of_value.with_codes(rows))
}

/// The words of every combination of the terms' keys, sorted; a row lacking one term has none.
fn sorted_keys(table: &Table, terms: &[(&FieldValues, Column)]) -> Result<Column> {
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
    Ok(Column::new(Arc::new(pool.freeze()), rows))
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
const MAX_COMBINATIONS: usize = 256;

fn extend_distinct(codes: &mut Vec<u32>, more: &[u32]) {
    for code in more {
        if !codes.contains(code) {
            codes.push(*code);
        }
    }
}
