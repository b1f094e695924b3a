//! What rules look at: the values of a table, normalised, and the key expressions made of them.

mod expression;
mod keys;
mod loose;
mod needs;
mod texts;
mod twice;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock};

use rayon::prelude::*;

use crate::cancel::Run;
use crate::error::{Error, Result};
use crate::normalize::{self, Context};
use crate::schema::{Field, Schema};
use crate::table::{Column, Table};

use keys::{Spread, keys_of_rows, keys_of_values, sorted_keys};
use values::{Counted, Wanted, normalize_field};

pub use expression::{Expression, Transform};
pub(crate) use loose::{Keeps, LooseFeatures, LooseKeys, LooseRecord, LooseValue, takes_long};
pub use needs::Needs;
pub(crate) use texts::{Texts, share};
pub(crate) use twice::SeenTwice;
pub use values::{FieldValues, Settings, date_order_evidence};

/// The normalised values of a table, and the keys of its expressions by row.
pub struct Features {
    fields: Vec<FieldValues>,
    expressions: BTreeMap<Expression, Keys>,
    /// By field, the canonical forms that give no key; as long as keys may be made.
    blocked: BTreeMap<String, BTreeSet<String>>,
    /// The most bytes of memory that keys took at a time.
    most_keys_bytes: u64,
}

/// The keys of an expression.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) by_row: Arc<Column>,
    /// By row, how many keys there are, those left out counted: unlike the keys that are there, a fact
    /// about the record alone. `None` where all are there.
    pub(crate) made: Option<Arc<[u16]>>,
    /// By code, whether several rows have it; found out when it is first asked.
    pub(crate) shared: Arc<OnceLock<Vec<bool>>>,
}

/// Which keys will be stopped.
pub(crate) enum Stopping<'s> {
    /// Those that more rows share.
    MoreThan(u32),
    /// Those that have one of these texts for a part.
    Named(BTreeSet<&'s str>),
}

impl Stopping<'_> {
    /// Whether the keys of so many rows are.
    fn has_more(&self, rows: u32) -> bool {
        matches!(self, Stopping::MoreThan(most) if rows > *most)
    }

    /// Whether those of that text may be.
    fn names(&self, text: &str) -> bool {
        matches!(self, Stopping::Named(parts) if parts.contains(text))
    }
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
        Self::build(table, settings, needs, blocked, Extent::Whole, run)?
            .with_keys(table, needs, run)
    }

    /// As [`new`](Self::new), with all that [`narrow`](Self::narrow) takes to make of these features
    /// those of a plan that is not known yet.
    pub(crate) fn keeping_values(
        table: &Table,
        settings: &Settings,
        needs: &Needs,
        blocked: &BTreeMap<String, Vec<String>>,
        run: &Run,
    ) -> Result<Self> {
        Self::build(table, settings, needs, blocked, Extent::Kept, run)?
            .with_keys(table, needs, run)
    }

    /// As [`new`](Self::new), without keys: each is [made](Self::make) when it is needed.
    pub(crate) fn without_keys(
        table: &Table,
        settings: &Settings,
        needs: &Needs,
        blocked: &BTreeMap<String, Vec<String>>,
        run: &Run,
    ) -> Result<Self> {
        Self::build(table, settings, needs, blocked, Extent::Whole, run)
    }

    /// As [`without_keys`](Self::without_keys), of which nothing is asked but to make keys: values are
    /// not there, which takes less memory.
    pub(crate) fn for_keys(
        table: &Table,
        settings: &Settings,
        expressions: impl IntoIterator<Item = Expression>,
        blocked: &BTreeMap<String, Vec<String>>,
        run: &Run,
    ) -> Result<Self> {
        let needs = Needs::new().with_expressions(expressions);
        Self::build(table, settings, &needs, blocked, Extent::Keys, run)
    }

    fn with_keys(mut self, table: &Table, needs: &Needs, run: &Run) -> Result<Self> {
        let count = needs.expressions().len() as u64;
        run.report("keys", 0, count)?;
        self.make(table, needs.expressions(), run)?;
        run.report("keys", count, count)?;
        self.make_no_more();
        Ok(self)
    }

    /// What [`new`](Self::new) would make of the table by `needs`, whose expressions must be among
    /// those that were computed.
    pub(crate) fn narrow(mut self, schema: &Schema, needs: &Needs, run: &Run) -> Result<Self> {
        let mut aspects = vec![None; self.fields.len()];
        for (field, of_field) in needs.compared() {
            aspects[schema.position(field)?] = Some(of_field);
        }
        self.fields.par_iter_mut().zip(aspects).try_for_each(|(field, aspects)| {
            aspects.map_or(Ok(()), |aspects| field.prepare(aspects, run))?;
            field.forget();
            Ok::<(), Error>(())
        })?;
        self.release(|expression| needs.expressions().contains(expression));
        Ok(self)
    }

    fn build(
        table: &Table,
        settings: &Settings,
        needs: &Needs,
        blocked: &BTreeMap<String, Vec<String>>,
        extent: Extent,
        run: &Run,
    ) -> Result<Self> {
        let schema = table.schema();
        let mut wanted = wanted_of_fields(schema, needs)?;
        for (wanted, field) in wanted.iter_mut().zip(schema.fields()) {
            wanted.keeps = extent == Extent::Kept;
            // What is blocked is told by its canonical form.
            wanted.forms_only = extent == Extent::Keys && !blocked.contains_key(&field.name);
        }
        let total = (0..wanted.len()).map(|field| table.column(field).pool().len() as u64).sum();
        // Progress never falls within a stage.
        let stage = if extent == Extent::Keys { "normalize for keys" } else { "normalize" };
        run.report(stage, 0, total)?;
        let counted = Counted { run, stage, done: Mutex::new(0), total };
        let fields = wanted.par_iter().enumerate();
        let fields = fields
            .map(|(position, wanted)| normalize_field(table, position, settings, wanted, &counted))
            .collect::<Result<_>>()?;
        let blocked = blocked
            .iter()
            .map(|(field, raw)| {
                let definition = &schema.fields()[schema.position(field)?];
                Ok((field.clone(), canonical_forms(definition, settings, raw)))
            })
            .collect::<Result<_>>()?;
        Ok(Self { fields, expressions: BTreeMap::new(), blocked, most_keys_bytes: 0 })
    }

    /// Make the keys of those of the expressions whose keys are not there; `table` is the one that was
    /// normalised, and the expressions are among those that were told of then.
    pub(crate) fn make<'e>(
        &mut self,
        table: &Table,
        expressions: impl IntoIterator<Item = &'e Expression>,
        run: &Run,
    ) -> Result<()> {
        self.make_some(table, expressions, |_| None, run)
    }

    /// As [`make`](Self::make), of an expression that makes many keys so many that any two rows share one of them
    /// that share one at all which is not stopped; those that are, all, where `stopping` tells of the expression's.
    pub(crate) fn make_some<'e, 's>(
        &mut self,
        table: &Table,
        expressions: impl IntoIterator<Item = &'e Expression>,
        stopping: impl Fn(&Expression) -> Option<Stopping<'s>> + Sync,
        run: &Run,
    ) -> Result<()> {
        let missing: BTreeSet<&Expression> = expressions.into_iter().collect();
        let missing: Vec<&Expression> =
            missing.into_iter().filter(|one| !self.expressions.contains_key(*one)).collect();
        let made = missing.into_par_iter().map(|expression| {
            run.check()?;
            let keys = self.compute(table, expression, stopping(expression).as_ref(), run)?;
            Ok((expression.clone(), keys))
        });
        let made: Vec<(Expression, Keys)> = made.collect::<Result<_>>()?;
        self.expressions.extend(made);
        self.most_keys_bytes = self.most_keys_bytes.max(self.keys_bytes());
        Ok(())
    }

    /// Let go of what keys are made of.
    pub(crate) fn make_no_more(&mut self) {
        self.fields.iter_mut().for_each(|field| field.forms.clear());
        self.blocked.clear();
    }

    /// Let the keys of all expressions go but of those that are `kept`.
    pub(crate) fn release(&mut self, kept: impl Fn(&Expression) -> bool) {
        self.expressions.retain(|expression, _| kept(expression));
    }

    /// The values of the field at that position of the schema.
    ///
    /// # Panics
    /// Where the schema has no such field.
    #[must_use]
    pub fn field(&self, position: usize) -> &FieldValues {
        &self.fields[position]
    }

    /// The keys of an expression, by row. Keys that only one row has may be left out where an
    /// expression makes many; a row that has any keeps one.
    ///
    /// # Errors
    /// [`Error::UnknownChoice`] where the expression was not asked for.
    pub fn keys(&self, expression: &Expression) -> Result<&Arc<Column>> {
        self.keys_of(expression).map(|keys| &keys.by_row)
    }

    pub(crate) fn keys_of(&self, expression: &Expression) -> Result<&Keys> {
        let known = || self.expressions.keys();
        self.expressions.get(expression).ok_or_else(|| not_computed(expression, known()))
    }

    /// How many bytes of memory the keys take: those of all rows, and their texts.
    fn keys_bytes(&self) -> u64 {
        let bytes = |keys: &Keys| {
            let made = keys.made.as_ref().map_or(0, |made| size_of_val(&made[..]) as u64);
            keys.by_row.pool().bytes() + keys.by_row.codes_bytes() + made
        };
        self.expressions.values().map(bytes).sum()
    }

    /// The most that they took at a time.
    pub(crate) fn most_keys_bytes(&self) -> u64 {
        self.most_keys_bytes
    }

    /// How many bytes what keys are made of takes.
    pub(crate) fn forms_bytes(&self) -> u64 {
        self.fields.iter().map(FieldValues::forms_bytes).sum()
    }

    fn compute(
        &self,
        table: &Table,
        expression: &Expression,
        stopping: Option<&Stopping<'_>>,
        run: &Run,
    ) -> Result<Keys> {
        let mut made = None;
        let terms = expression
            .terms()
            .iter()
            .map(|term| {
                let position = table.schema().position(&term.field)?;
                let field = &self.fields[position];
                let texts = field.forms.get(&term.form(field.kind()));
                let texts =
                    texts.ok_or_else(|| not_computed(expression, self.expressions.keys()))?;
                let blocked = self.blocked.get(&term.field);
                let spread = match expression.spreads() {
                    true => Some(Spread::new(table, field, (term, texts), stopping, run)?),
                    false => None,
                };
                let keys = keys_of_values(field, (term, texts), blocked, spread.as_ref(), run)?;
                made = spread.map(|spread| spread.made);
                Ok((field, keys))
            })
            .collect::<Result<Vec<_>>>()?;
        let by_row = match terms.as_slice() {
            [(field, keys)] if !expression.is_sorted() => keys_of_rows(table, field, keys, run)?,
            terms => sorted_keys(table, terms)?,
        };
        let shared = Arc::default();
        Ok(Keys { by_row: by_row.into(), made: made.map(Arc::from), shared })
    }
}

fn not_computed<'e>(expression: &Expression, known: impl Iterator<Item = &'e Expression>) -> Error {
    Error::UnknownChoice {
        what: "key expression that was computed",
        value: expression.to_string(),
        suggestion: None,
        wanted: known.map(ToString::to_string).collect::<Vec<_>>().join("; "),
    }
}

/// How much of the values is there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// All that was asked for.
    Whole,
    /// That, and what [`Features::narrow`] takes.
    Kept,
    /// What keys are made of.
    Keys,
}

/// What is wanted of each field's values.
fn wanted_of_fields(schema: &Schema, needs: &Needs) -> Result<Vec<Wanted>> {
    let mut wanted: Vec<Wanted> = vec![Wanted::default(); schema.fields().len()];
    for term in needs.expressions().iter().flat_map(Expression::terms) {
        let position = schema.position(&term.field)?;
        wanted[position].forms.insert(term.form(schema.fields()[position].kind));
    }
    for (field, aspects) in needs.compared() {
        wanted[schema.position(field)?].compared = Some(aspects);
    }
    Ok(wanted)
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
