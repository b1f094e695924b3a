use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use hashbrown::{DefaultHashBuilder, HashMap};
use rayon::prelude::*;

use super::loose::stand_in;
use crate::cancel::Run;
use crate::compare::{Aspects, Prepared, PreparedPool, PreparedPoolBuilder};
use crate::error::Result;
use crate::normalize::{self, Context, DateOrderEvidence, Form, IssueSet, Normalized, Status};
use crate::schema::{DateOrder, Field, Kind};
use crate::table::{Codes, Column, ColumnBuilder, Table};

/// How many values are normalised between two looks at the cancel token.
const BATCH: usize = 4096;

/// What the normalisers are told about the records of a table, beside the values themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Region of values for which nothing nearer says one.
    pub region: Option<String>,
    /// Region of the records of a source.
    pub source_regions: BTreeMap<String, String>,
    /// By source, then field: how its numeric dates are to be read.
    pub date_orders: BTreeMap<String, BTreeMap<String, DateOrder>>,
}

/// The values of one field: each distinct one normalised once.
///
/// A value is a distinct raw text in a distinct context (a region, a date order), so that `020 123`
/// in a German record and in a British one are two values.
pub struct FieldValues {
    kind: Kind,
    /// Value codes by row; the column's own raw codes where `None`.
    rows: Option<Codes>,
    /// Raw code and context by value; the value code is the raw code where `None`.
    sources: Option<Vec<(u32, u16)>>,
    raw: Column,
    /// How many values there are.
    count: usize,
    statuses: Vec<Status>,
    issues: Issues,
    canonical: Column,
    display: Column,
    pub(super) forms: BTreeMap<Form, Column>,
    /// `None` where no comparison looks at the field.
    prepared: Option<PreparedPool>,
    /// Every value, until it is known what comparisons look at; empty where that was known.
    normalized: Vec<Normalized>,
}

/// What was noticed about the values of a field: few have any, and few different ones occur together.
#[derive(Default)]
struct Issues {
    /// By value, the number of its issues, where it has any.
    codes: Codes,
    sets: Vec<IssueSet>,
    numbers: BTreeMap<u64, u32>,
}

impl Issues {
    fn push(&mut self, issues: IssueSet) -> Result<()> {
        if issues.is_empty() {
            return self.codes.push(&[]);
        }
        let number = *self.numbers.entry(issues.bits()).or_insert_with(|| {
            self.sets.push(issues);
            self.sets.len() as u32 - 1
        });
        self.codes.push(&[number])
    }

    fn get(&self, value: u32) -> IssueSet {
        let number = self.codes.get(value as usize).first();
        number.map_or(IssueSet::EMPTY, |number| self.sets[*number as usize])
    }
}

/// What is wanted of the values of a field, beside themselves.
#[derive(Clone, Default)]
pub(super) struct Wanted {
    /// Forms that key expressions are made of.
    pub(super) forms: BTreeSet<Form>,
    /// What comparisons look at; `None` where there are none.
    pub(super) compared: Option<Aspects>,
    /// Whether what comparisons look at is known only later.
    pub(super) keeps: bool,
    /// Whether nobody will ask for anything else, be it the canonical form.
    pub(super) forms_only: bool,
}

impl FieldValues {
    /// The kind of the field.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// How many distinct values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many bytes of memory the values take that the table does not hold.
    pub(crate) fn values_bytes(&self) -> u64 {
        let shown = column_bytes(&self.canonical) + column_bytes(&self.display);
        let noted = size_of_val(&self.statuses[..]) as u64 + self.issues.codes.bytes();
        let prepared = self.prepared.as_ref().map_or(0, PreparedPool::bytes);
        shown + noted + prepared + self.rows_bytes()
    }

    /// How many bytes it takes to know which row has which value.
    pub(crate) fn rows_bytes(&self) -> u64 {
        let sources = self.sources.as_ref().map_or(0, |sources| size_of_val(&sources[..]));
        sources as u64 + self.rows.as_ref().map_or(0, Codes::bytes)
    }

    /// How many bytes the forms take of which keys are made.
    pub(super) fn forms_bytes(&self) -> u64 {
        // The canonical form is there in any case, but where there is nothing else.
        let own = self
            .forms
            .iter()
            .filter(|(form, _)| self.statuses.is_empty() || **form != Form::Canonical);
        own.map(|(_, column)| column_bytes(column)).sum()
    }

    /// The codes of a row's values.
    // A call costs more than it, also where the compiler saves space.
    #[must_use]
    #[inline(always)]
    pub fn codes(&self, row: usize) -> &[u32] {
        match &self.rows {
            Some(rows) => rows.get(row),
            None => self.raw.codes(row),
        }
    }

    /// A value as it came.
    #[must_use]
    #[inline]
    pub fn raw(&self, value: u32) -> &str {
        let code = match &self.sources {
            Some(sources) => sources[value as usize].0,
            None => value,
        };
        self.raw.pool().get(code)
    }

    /// Whether a value can be used.
    #[must_use]
    pub fn status(&self, value: u32) -> Status {
        self.statuses[value as usize]
    }

    /// What was noticed about a value.
    #[must_use]
    pub fn issues(&self, value: u32) -> IssueSet {
        self.issues.get(value)
    }

    /// A code that two values share just where their canonical forms are equal; `None` where the
    /// value is not usable.
    #[must_use]
    #[inline]
    pub fn canonical_code(&self, value: u32) -> Option<u32> {
        self.canonical.codes(value as usize).first().copied()
    }

    /// The canonical form of that code.
    #[must_use]
    pub fn canonical(&self, code: u32) -> &str {
        self.canonical.pool().get(code)
    }

    /// How many canonical forms there are; their codes run from 0.
    pub(crate) fn canonical_len(&self) -> usize {
        self.canonical.pool().len()
    }

    /// The form of a value that people are shown.
    #[must_use]
    pub fn display(&self, value: u32) -> &str {
        self.display.values(value as usize).next().unwrap_or_else(|| self.raw(value))
    }

    /// What comparisons look at in a value; `None` where the value is not usable, and for every
    /// value of a field that is not compared.
    #[must_use]
    pub fn prepared(&self, value: u32) -> Option<&Prepared> {
        Some(self.prepared_of(self.prepared_code(value)?))
    }

    /// A code that two values share just where no comparison can tell them apart; `None` as for
    /// [`prepared`](Self::prepared). Codes run from 0, below
    /// [`prepared_len`](Self::prepared_len).
    #[must_use]
    #[inline]
    pub fn prepared_code(&self, value: u32) -> Option<u32> {
        self.prepared.as_ref()?.code(value)
    }

    /// What the values of that code have for comparisons to look at.
    ///
    /// # Panics
    /// Where no value has the code.
    #[must_use]
    #[inline]
    pub fn prepared_of(&self, code: u32) -> &Prepared {
        let distinct = self.prepared.as_ref().map_or(&[][..], PreparedPool::distinct);
        &distinct[code as usize]
    }

    /// Prepare the values, which were kept for it, for comparisons that look at `aspects`.
    pub(super) fn prepare(&mut self, aspects: Aspects, run: &Run) -> Result<()> {
        let mut preparing = PreparedPoolBuilder::new(self.kind, aspects);
        for batch in self.normalized.chunks(BATCH) {
            run.check()?;
            let prepared: Vec<_> = batch.par_iter().map(|value| preparing.prepare(value)).collect();
            preparing.extend(prepared);
        }
        self.prepared = Some(preparing.finish());
        Ok(())
    }

    /// Let go of the values that were kept.
    pub(super) fn forget(&mut self) {
        self.normalized = Vec::new();
    }

    /// How many values there are that comparisons can tell apart.
    #[must_use]
    pub fn prepared_len(&self) -> usize {
        self.prepared.as_ref().map_or(0, |prepared| prepared.distinct().len())
    }
}

fn column_bytes(column: &Column) -> u64 {
    column.pool().bytes() + column.codes_bytes()
}

/// How many values are normalised, over all fields.
pub(super) struct Counted<'a> {
    pub(super) run: &'a Run,
    pub(super) stage: &'static str,
    /// Locked while it is reported, so that the reports of several threads come in order.
    pub(super) done: Mutex<u64>,
    /// Distinct raw values; a value in several contexts is done several times, so that `done` may
    /// come to more.
    pub(super) total: u64,
}

impl Counted<'_> {
    fn add(&self, values: usize) -> Result<()> {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        *done += values as u64;
        self.run.report(self.stage, (*done).min(self.total), self.total)
    }
}

/// Normalise one field of `table`: each distinct value in each context once, in parallel.
pub(super) fn normalize_field(
    table: &Table,
    field: usize,
    settings: &Settings,
    wanted: &Wanted,
    counted: &Counted<'_>,
) -> Result<FieldValues> {
    let raw = table.column(field).clone();
    let kind = table.schema().fields()[field].kind;
    let contexts = Contexts::new(table, field, settings);
    let (rows, sources) = if contexts.all.len() == 1 {
        (None, None)
    } else {
        let (rows, sources) = contextual_values(&raw, &contexts.of_row)?;
        (Some(rows), Some(sources))
    };
    let count = sources.as_ref().map_or(raw.pool().len(), Vec::len);
    let mut values = FieldValues {
        kind,
        rows,
        sources: None,
        count,
        statuses: Vec::new(),
        issues: Issues::default(),
        canonical: raw.clone(),
        display: raw.clone(),
        raw,
        forms: BTreeMap::new(),
        prepared: None,
        normalized: Vec::new(),
    };
    if wanted.forms_only && wanted.forms.is_empty() {
        counted.add(count)?;
        return Ok(values);
    }
    let preparing = |aspects| PreparedPoolBuilder::new(kind, aspects).with_room_for(count);
    let mut preparing = wanted.compared.map(preparing);
    let (mut canonical, mut display) = (ColumnBuilder::new(), ColumnBuilder::new());
    if !wanted.forms_only {
        values.statuses.reserve_exact(count);
        canonical = ColumnBuilder::with_rows(count);
        canonical.reserve(count, values.raw.pool().text_bytes());
        display = ColumnBuilder::with_rows(count);
    }
    // A value has one canonical form, which is there in any case.
    let made = wanted.forms.iter().filter(|form| wanted.forms_only || **form != Form::Canonical);
    let mut columns: BTreeMap<Form, ColumnBuilder> =
        made.map(|form| (*form, ColumnBuilder::with_rows(count))).collect();
    let is_shown = !wanted.forms_only || wanted.forms.contains(&Form::Display);
    let normalized = if is_shown { normalize::value } else { normalize::unshown_value };
    let mut codes = Vec::new();
    for start in (0..count).step_by(BATCH) {
        let (batch, prepared): (Vec<_>, Vec<_>) = (start..count.min(start + BATCH))
            .into_par_iter()
            .map(|value| {
                let (code, context) = match &sources {
                    Some(sources) => sources[value],
                    None => (value as u32, 0),
                };
                let raw = values.raw.pool().get(code);
                let value = normalized(kind, raw, &contexts.all[usize::from(context)]);
                let prepared = preparing.as_ref().and_then(|pool| pool.prepare(&value));
                ((raw, value), prepared)
            })
            .unzip();
        counted.add(batch.len())?;
        for (raw, value) in &batch {
            if !wanted.forms_only {
                values.statuses.push(value.status());
                values.issues.push(value.issues())?;
                push_texts(&mut canonical, value.canonical(), &mut codes)?;
                let shown = value.form(Form::Display).or_else(|| value.form(Form::Deliverable));
                let shown = shown.map(std::borrow::Cow::Borrowed);
                let shown = shown.unwrap_or_else(|| normalize::clean(raw));
                let differs = value.status().is_usable() && shown.as_ref() != *raw;
                push_texts(&mut display, differs.then_some(shown.as_ref()), &mut codes)?;
            }
            for (form, column) in &mut columns {
                let texts = value.all(*form).chain(stand_in(value, *form));
                push_texts(column, texts, &mut codes)?;
            }
        }
        if let Some(preparing) = &mut preparing {
            preparing.extend(prepared);
        }
        if wanted.keeps {
            values.normalized.extend(batch.into_iter().map(|(_, value)| value));
        }
    }
    values.sources = sources;
    values.prepared = preparing.map(PreparedPoolBuilder::finish);
    values.canonical = canonical.finish();
    values.display = display.finish();
    values.issues.codes = values.issues.codes.finish();
    values.forms = columns.into_iter().map(|(form, column)| (form, column.finish())).collect();
    if wanted.forms.contains(&Form::Canonical) && !wanted.forms_only {
        values.forms.insert(Form::Canonical, values.canonical.clone());
    }
    Ok(values)
}

fn push_texts<'a>(
    column: &mut ColumnBuilder,
    texts: impl IntoIterator<Item = &'a str>,
    codes: &mut Vec<u32>,
) -> Result<()> {
    codes.clear();
    for text in texts {
        let code = column.intern(text)?;
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    column.push(codes)
}

/// The contexts of a field's values, and which of them holds in each row.
struct Contexts {
    all: Vec<Context>,
    /// Empty where there is only one.
    of_row: Vec<u16>,
}

impl Contexts {
    fn new(table: &Table, field: usize, settings: &Settings) -> Self {
        let definition = &table.schema().fields()[field];
        let region_column = definition
            .region_from
            .as_ref()
            .and_then(|name| table.schema().position(name).ok())
            .map(|position| table.column(position));
        // The region that each distinct raw country names; most tables have a few dozen.
        let regions: Option<Vec<Option<String>>> = region_column.map(|column| {
            let region = |raw| normalize::country(raw).form(Form::Country).map(str::to_owned);
            column.pool().iter().map(region).collect()
        });
        let of_source: Vec<Context> = table
            .sources()
            .iter()
            .map(|source| context_of_source(definition, settings, Some(source)))
            .collect();
        let mut all: Vec<Context> = Vec::new();
        let mut number = |context: Context| -> u16 {
            let position = all.iter().position(|known| *known == context).unwrap_or_else(|| {
                all.push(context);
                all.len() - 1
            });
            // Regions are two letters, so there are fewer contexts than 65 536.
            position as u16
        };
        let mut known: HashMap<(u32, Option<u32>), u16, DefaultHashBuilder> = HashMap::default();
        let of_row: Vec<u16> = (0..table.len())
            .map(|row| {
                let source = table.source_code(row);
                let country = region_column.and_then(|column| {
                    let regions = regions.as_ref()?;
                    column.codes(row).iter().copied().find(|code| regions[*code as usize].is_some())
                });
                *known.entry((source, country)).or_insert_with(|| {
                    let mut context = of_source[source as usize].clone();
                    if let (Some(code), Some(regions)) = (country, &regions) {
                        context.region.clone_from(&regions[code as usize]);
                    }
                    number(context)
                })
            })
            .collect();
        match all.len() {
            0 => Self { all: vec![Context::default()], of_row: Vec::new() },
            1 => Self { all, of_row: Vec::new() },
            _ => Self { all, of_row },
        }
    }
}

/// How the values of a field are read in the records of a source of which nothing nearer is known;
/// in those of a source that nothing is known of where `None`.
pub(super) fn context_of_source(
    definition: &Field,
    settings: &Settings,
    source: Option<&String>,
) -> Context {
    let region = source.and_then(|source| settings.source_regions.get(source));
    let orders = source.and_then(|source| settings.date_orders.get(source));
    Context {
        region: (definition.region.as_ref())
            .or(region)
            .or(settings.region.as_ref())
            .map(|region| region.to_uppercase()),
        date_order: definition
            .date_order
            .or_else(|| orders.and_then(|orders| orders.get(&definition.name)).copied()),
        ..Context::default()
    }
}

/// Number the pairs of raw value and context that occur, in order of row.
fn contextual_values(raw: &Column, context_of_row: &[u16]) -> Result<(Codes, Vec<(u32, u16)>)> {
    let mut numbers: HashMap<(u32, u16), u32, DefaultHashBuilder> = HashMap::default();
    let mut pairs = Vec::new();
    let mut rows = Codes::new();
    let mut codes = Vec::new();
    for (row, context) in context_of_row.iter().enumerate() {
        codes.clear();
        for code in raw.codes(row) {
            let pair = (*code, *context);
            codes.push(*numbers.entry(pair).or_insert_with(|| {
                pairs.push(pair);
                pairs.len() as u32 - 1
            }));
        }
        rows.push(&codes)?;
    }
    pairs.shrink_to_fit();
    Ok((rows.finish(), pairs))
}

/// For each source and date field without a declared order, what its values say about the order
/// of day and month.
#[must_use]
pub fn date_order_evidence(table: &Table) -> BTreeMap<String, BTreeMap<String, DateOrderEvidence>> {
    let mut evidence: BTreeMap<String, BTreeMap<String, DateOrderEvidence>> = BTreeMap::new();
    for (position, field) in table.schema().fields().iter().enumerate() {
        if field.kind != Kind::Date || field.date_order.is_some() {
            continue;
        }
        let column = table.column(position);
        let mut occurrences: Vec<(u32, u32)> = (0..table.len())
            .flat_map(|row| column.codes(row).iter().map(move |code| (row, *code)))
            .map(|(row, code)| (table.source_code(row), code))
            .collect();
        occurrences.sort_unstable();
        for of_source in occurrences.chunk_by(|left, right| left.0 == right.0) {
            let counted = of_source
                .chunk_by(|left, right| left == right)
                .map(|run| (column.pool().get(run[0].1), run.len() as u64));
            let source = table.sources()[of_source[0].0 as usize].clone();
            evidence
                .entry(source)
                .or_default()
                .insert(field.name.clone(), normalize::date_order(counted));
        }
    }
    evidence
}
