//! The features of a record that is in no table.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use super::expression::{Expression, Term};
use super::keys::MAX_COMBINATIONS;
use super::texts::Texts;
use super::values::{Settings, Wanted, context_of_source};
use super::{Needs, canonical_forms, wanted_of_fields};
use crate::compare::Prepared;
use crate::error::{Error, Result};
use crate::normalize::{self, Context, Form, Normalized};
use crate::schema::{Kind, Record, RecordKey, Schema};
use crate::table::MAX_VALUES_PER_FIELD;

/// What [`Features`](super::Features) makes of a table, ready to be made of one record at a time:
/// the same values and the same keys.
pub(crate) struct LooseFeatures {
    schema: Schema,
    fields: Vec<BoundField>,
    expressions: Vec<BoundExpression>,
}

struct BoundField {
    kind: Kind,
    region_from: Option<usize>,
    /// By source that the settings say something of.
    contexts: BTreeMap<String, Context>,
    /// For every other source.
    context: Context,
    wanted: Wanted,
    blocked: BTreeSet<String>,
}

struct BoundExpression {
    expression: Expression,
    /// By term, its field's position and the form that it looks at.
    terms: Vec<(usize, Form)>,
    spreads: bool,
}

/// A record whose features are made as they are asked for: most are of few fields alone.
#[derive(Clone)]
pub(crate) struct LooseRecord {
    record: Record,
    /// By field of the schema, where normalised values are kept.
    normalized: Box<[OnceLock<Arc<[Normalized]>>]>,
    /// By expression, in their order, where keys are kept.
    keys: Box<[OnceLock<Arc<LooseKeys>>]>,
}

/// What is kept of a record beside what it was made of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeps {
    /// Normalised values and keys: all its keys will be asked for.
    All,
    /// Keys.
    Keys,
    /// Neither; it has no keys then.
    Nothing,
}

/// One usable value of a record.
pub(crate) struct LooseValue {
    pub(crate) canonical: String,
    /// `None` where no comparison looks at the field.
    pub(crate) prepared: Option<Prepared>,
}

/// The keys that an expression makes of a record.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct LooseKeys {
    /// Each once, sorted.
    pub(crate) texts: Texts,
    /// How many there are counted as often as they are made, where the expression makes many.
    pub(crate) made: Option<usize>,
}

/// No keys.
static NONE: LooseKeys = LooseKeys { texts: Texts::new(), made: None };

impl LooseRecord {
    /// What it was made of.
    pub(crate) fn record(&self) -> &Record {
        &self.record
    }
}

impl LooseFeatures {
    /// As [`Features::new`](super::Features::new) for tables of that schema.
    ///
    /// # Errors
    /// [`Error::UnknownField`] where `needs` or `blocked` name a field that the schema lacks.
    pub(crate) fn new(
        schema: &Schema,
        settings: &Settings,
        needs: &Needs,
        blocked: &BTreeMap<String, Vec<String>>,
    ) -> Result<Self> {
        let wanted = wanted_of_fields(schema, needs)?;
        let mut fields = Vec::new();
        for (definition, wanted) in schema.fields().iter().zip(wanted) {
            let named = settings.source_regions.keys().chain(settings.date_orders.keys());
            let of_source = |source: &String| {
                (source.clone(), context_of_source(definition, settings, Some(source)))
            };
            let region_from = definition.region_from.as_ref();
            let raw = blocked.get(&definition.name).map_or(&[][..], Vec::as_slice);
            fields.push(BoundField {
                kind: definition.kind,
                region_from: region_from.and_then(|name| schema.position(name).ok()),
                contexts: named.map(of_source).collect(),
                context: context_of_source(definition, settings, None),
                wanted,
                blocked: canonical_forms(definition, settings, raw),
            });
        }
        blocked.keys().try_for_each(|field| schema.position(field).map(|_| ()))?;
        let bind = |expression: &Expression| {
            let term = |term: &super::expression::Term| {
                let position = schema.position(&term.field)?;
                Ok((position, term.form(schema.fields()[position].kind)))
            };
            Ok(BoundExpression {
                terms: expression.terms().iter().map(term).collect::<Result<_>>()?,
                spreads: expression.spreads(),
                expression: expression.clone(),
            })
        };
        let expressions = needs.expressions().iter().map(bind).collect::<Result<_>>()?;
        Ok(Self { schema: schema.clone(), fields, expressions })
    }

    /// The number of an expression, by which a record's keys of it are asked for.
    ///
    /// # Errors
    /// [`Error::UnknownChoice`] where the expression was not asked for.
    pub(crate) fn number(&self, expression: &Expression) -> Result<usize> {
        let known = self.expressions.iter().map(|bound| &bound.expression);
        known.clone().position(|known| known == expression).ok_or_else(|| Error::UnknownChoice {
            what: "key expression that was computed",
            value: expression.to_string(),
            suggestion: None,
            wanted: known.map(ToString::to_string).collect::<Vec<_>>().join("; "),
        })
    }

    /// Whether the keys of the expression of that number take long to be made.
    pub(crate) fn is_slow(&self, expression: usize) -> bool {
        let terms = self.expressions.get(expression).into_iter().flat_map(|bound| &bound.terms);
        terms.into_iter().any(|(field, _)| takes_long(self.fields[*field].kind))
    }

    /// A record, ready to be asked for its features.
    ///
    /// # Errors
    /// [`Error::UnknownField`] and [`Error::TooManyValues`], as where a table takes a record in.
    pub(crate) fn take(&self, record: Record, keeps: Keeps) -> Result<LooseRecord> {
        for (name, texts) in &record.fields {
            let field = self.schema.position(name)?;
            if texts.len() > MAX_VALUES_PER_FIELD
                && self.raw(&record, field).len() > MAX_VALUES_PER_FIELD
            {
                return Err(Error::TooManyValues {
                    key: record.key.to_string(),
                    field: name.clone(),
                    limit: MAX_VALUES_PER_FIELD,
                });
            }
        }
        let fields = if keeps == Keeps::All { self.fields.len() } else { 0 };
        let expressions = if keeps == Keeps::Nothing { 0 } else { self.expressions.len() };
        Ok(LooseRecord {
            record,
            normalized: (0..fields).map(|_| OnceLock::new()).collect(),
            keys: (0..expressions).map(|_| OnceLock::new()).collect(),
        })
    }

    /// A record of which nothing is known but its key, and the keys that some expressions make of it.
    pub(crate) fn known(&self, key: RecordKey, keys: Vec<(usize, LooseKeys)>) -> LooseRecord {
        let expressions = if keys.is_empty() { 0 } else { self.expressions.len() };
        let mut slots: Box<[OnceLock<Arc<LooseKeys>>]> =
            (0..expressions).map(|_| OnceLock::new()).collect();
        for (expression, keys) in keys {
            if let Some(slot) = slots.get_mut(expression) {
                *slot = OnceLock::from(Arc::new(keys));
            }
        }
        LooseRecord { record: Record::new(key), normalized: Box::new([]), keys: slots }
    }

    /// The usable values of the field at that position of the schema.
    pub(crate) fn values(&self, record: &LooseRecord, field: usize) -> Vec<LooseValue> {
        let (normalized, field) = (self.normalized(record, field), &self.fields[field]);
        let usable = normalized.iter().filter_map(|value| {
            let aspects = field.wanted.compared;
            Some(LooseValue {
                canonical: value.canonical()?.to_owned(),
                prepared: aspects.and_then(|a| Prepared::with_aspects(field.kind, value, a)),
            })
        });
        usable.collect()
    }

    /// The keys of the expression of that number.
    pub(crate) fn keys<'r>(&self, record: &'r LooseRecord, expression: usize) -> &'r LooseKeys {
        let Some(keys) = record.keys.get(expression) else { return &NONE };
        keys.get_or_init(|| Arc::new(self.keys_of(&self.expressions[expression], record)))
    }

    /// Let a record have what another one knows already of values that both have in the same fields.
    pub(crate) fn learn(&self, record: &LooseRecord, from: &LooseRecord) {
        if record.record.key.source != from.record.key.source {
            return;
        }
        let raw_is_same = |field| self.raw(&record.record, field) == self.raw(&from.record, field);
        let is_same: Vec<bool> = (0..self.fields.len())
            .map(|field| {
                raw_is_same(field) && self.fields[field].region_from.is_none_or(raw_is_same)
            })
            .collect();
        let mut wanted = vec![false; self.fields.len()];
        for (bound, (keys, known)) in
            self.expressions.iter().zip(record.keys.iter().zip(&from.keys))
        {
            if bound.terms.iter().all(|(field, _)| is_same[*field]) {
                // Where it has them already, they are the same.
                known.get().map(|known| keys.set(Arc::clone(known)).ok());
            } else {
                bound.terms.iter().for_each(|(field, _)| wanted[*field] = is_same[*field]);
            }
        }
        let fields = record.normalized.iter().zip(&from.normalized).zip(wanted);
        for ((normalized, known), _) in fields.filter(|(_, wanted)| *wanted) {
            known.get().map(|known| normalized.set(Arc::clone(known)).ok());
        }
    }

    /// The values of a field, normalised.
    fn normalized<'r>(&self, record: &'r LooseRecord, field: usize) -> Cow<'r, [Normalized]> {
        match record.normalized.get(field) {
            Some(kept) => Cow::Borrowed(kept.get_or_init(|| self.normalize(record, field).into())),
            None => Cow::Owned(self.normalize(record, field)),
        }
    }

    fn normalize(&self, record: &LooseRecord, position: usize) -> Vec<Normalized> {
        let (record, field) = (&record.record, &self.fields[position]);
        let raw = self.raw(record, position);
        if raw.is_empty() {
            return Vec::new();
        }
        let known = field.contexts.get(&record.key.source).unwrap_or(&field.context);
        let named = field.region_from.map(|position| self.raw(record, position));
        let region = named
            .iter()
            .flatten()
            .find_map(|raw| normalize::country(raw).form(Form::Country).map(str::to_owned));
        let own;
        let context = match region {
            Some(region) => {
                own = Context { region: Some(region), ..known.clone() };
                &own
            }
            None => known,
        };
        let is_shown = field.wanted.forms.contains(&Form::Display);
        let value = if is_shown { normalize::value } else { normalize::unshown_value };
        raw.iter().map(|raw| value(field.kind, raw, context)).collect()
    }

    /// The raw values of a field, as a table would take them in.
    fn raw<'r>(&self, record: &'r Record, field: usize) -> Vec<&'r str> {
        let texts = record.fields.get(&self.schema.fields()[field].name);
        let mut values: Vec<&str> = Vec::with_capacity(texts.map_or(0, Vec::len));
        let texts = texts.into_iter().flatten().map(String::as_str);
        for text in texts.filter(|text| !text.trim().is_empty()) {
            if !values.contains(&text) {
                values.push(text);
            }
        }
        values
    }

    fn keys_of(&self, bound: &BoundExpression, record: &LooseRecord) -> LooseKeys {
        let terms = bound.expression.terms().iter().zip(&bound.terms);
        let is_sorted = bound.expression.is_sorted();
        let mut of_terms = terms.map(|(term, (field, form))| {
            self.keys_of_term((term, *field, *form), record, is_sorted)
        });
        if is_sorted {
            let of_terms: Vec<Texts> = of_terms.map(|(keys, _)| keys).collect();
            return LooseKeys { texts: sorted_keys(&of_terms).sorted(), made: None };
        }
        let (texts, made) = of_terms.next().unwrap_or_default();
        LooseKeys { texts: texts.sorted(), made: bound.spreads.then_some(made) }
    }

    /// What a term makes of the values of a record, of each value `each_once` if so; and how much that
    /// is with what it makes of blocked values.
    fn keys_of_term(
        &self,
        (term, position, form): (&Term, usize, Form),
        record: &LooseRecord,
        each_once: bool,
    ) -> (Texts, usize) {
        let (field, mut keys, mut made) = (&self.fields[position], Texts::new(), 0);
        for value in self.normalized(record, position).iter() {
            let is_blocked = value.canonical().is_some_and(|c| field.blocked.contains(c));
            let (mut texts, start): (Vec<&str>, _) = (Vec::new(), keys.len());
            for text in value.all(form).chain(stand_in(value, form)) {
                if texts.contains(&text) {
                    continue;
                }
                texts.push(text);
                term.each(text, &mut |key| {
                    made += 1;
                    let is_known =
                        each_once && (start..keys.len()).any(|at| keys.get(at) == Some(key));
                    if !is_blocked && !key.is_empty() && !is_known {
                        keys.push(key);
                    }
                });
            }
        }
        (keys, made)
    }
}

/// Whether values of that kind take long to be normalised.
pub(crate) fn takes_long(kind: Kind) -> bool {
    matches!(kind, Kind::Address | Kind::Phone)
}

/// A name without a letter that could be transliterated still equals itself.
pub(super) fn stand_in(value: &Normalized, form: Form) -> Option<&str> {
    let lacks = form == Form::Ascii && value.form(Form::Ascii).is_none();
    lacks.then(|| value.canonical()).flatten()
}

/// The words of every combination of the terms' keys, sorted; none where a term has none.
fn sorted_keys(of_terms: &[Texts]) -> Texts {
    let mut combinations: Vec<Vec<&str>> = vec![Vec::new()];
    for keys in of_terms {
        let pairs = combinations.iter().flat_map(|one| keys.iter().map(move |key| (one, key)));
        let longer = pairs.take(MAX_COMBINATIONS).map(|(one, key)| {
            let mut longer = one.clone();
            longer.push(key);
            longer
        });
        combinations = longer.collect();
    }
    let mut all = Texts::default();
    for combination in &combinations {
        let spelt: Vec<_> = combination.iter().map(|key| normalize::ascii(key)).collect();
        let words = spelt.iter().flat_map(|text| text.split(' '));
        let mut words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        words.sort_unstable();
        if !words.is_empty() {
            all.push(&words.join(" "));
        }
    }
    all
}
