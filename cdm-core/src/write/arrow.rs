//! Results as Arrow tables, for whatever speaks Arrow: data frames, databases, other languages.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::builder::{
    Float64Builder, LargeStringBuilder, ListBuilder, StructBuilder, TimestampMillisecondBuilder,
    UInt32Builder, UInt64Builder,
};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use rayon::prelude::*;
use serde::Serialize;

use crate::cancel::Run;
use crate::cluster::Weight;
use crate::error::{Error, Result};
use crate::merge::{Contribution, GoldenRecord, Strategy};
use crate::read::{ReadReport, rows_of_inputs};
use crate::resolve::{RefusalReason, Resolution, ResolvedLink};
use crate::schema::{RecordKey, Timestamp};

/// How many rows a batch has at most.
const ROWS_A_BATCH: usize = 8192;

/// How many batches are made between two looks at the cancel token.
const BATCHES_A_ROUND: usize = 32;

/// One result as Arrow record batches of one schema. Text is `LargeUtf8`, whose length nothing
/// limits.
#[derive(Debug, Clone)]
pub struct ArrowTable {
    /// The columns.
    pub schema: SchemaRef,
    /// The rows, in order.
    pub batches: Vec<RecordBatch>,
}

impl ArrowTable {
    /// How many rows there are.
    #[must_use]
    pub fn num_rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The rows as a stream; they are shared, not copied.
    #[must_use]
    pub fn reader(&self) -> Box<dyn RecordBatchReader + Send> {
        let batches = self.batches.clone().into_iter().map(Ok);
        Box::new(RecordBatchIterator::new(batches, Arc::clone(&self.schema)))
    }

    /// Make `total` rows batch by batch, in parallel.
    fn of(
        schema: Schema,
        total: usize,
        stage: &'static str,
        run: &Run,
        render: impl Fn(Range<usize>) -> std::result::Result<Vec<ArrayRef>, ArrowError> + Sync,
    ) -> Result<Self> {
        let schema = Arc::new(schema);
        let starts: Vec<usize> = (0..total).step_by(ROWS_A_BATCH).collect();
        let mut batches = Vec::with_capacity(starts.len());
        for round in starts.chunks(BATCHES_A_ROUND) {
            run.report(stage, round[0] as u64, total as u64)?;
            let rendered = round.par_iter().map(|start| {
                run.check()?;
                render(*start..total.min(start + ROWS_A_BATCH))
                    .and_then(|columns| RecordBatch::try_new(Arc::clone(&schema), columns))
                    .map_err(arrow_error)
            });
            batches.extend(rendered.collect::<Result<Vec<_>>>()?);
        }
        run.report(stage, total as u64, total as u64)?;
        Ok(Self { schema, batches })
    }
}

pub(super) fn arrow_error(error: ArrowError) -> Error {
    Error::WriteStream(std::io::Error::other(error))
}

impl Resolution {
    /// Which record is which entity: `id`, `source`, `entity_id`.
    ///
    /// With the reports of the inputs that the table was read from, there is one row for each of
    /// their rows, in their order, and those that are not in the table are null. Without them
    /// there is one for each record of the table.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn entities_arrow(&self, reports: &[ReadReport], run: &Run) -> Result<ArrowTable> {
        let schema = Schema::new(vec![text("id"), text("source"), text("entity_id")]);
        let rows = rows_of_inputs(self.table().len(), reports);
        let ids: Vec<_> = (0..self.len() as u32).map(|entity| self.entity_id(entity)).collect();
        let total = rows.as_ref().map_or(self.table().len(), Vec::len);
        ArrowTable::of(schema, total, "entities", run, |range| {
            let mut columns = [(); 3].map(|()| LargeStringBuilder::new());
            let [id, source, entity_id] = &mut columns;
            for place in range {
                let row = rows.as_ref().map_or(Some(place as u32), |rows| rows[place]);
                let row = row.map(|row| row as usize);
                id.append_option(row.map(|row| self.table().id(row)));
                source.append_option(row.map(|row| self.table().source(row)));
                let entity = row.map(|row| ids[self.entities()[row] as usize].as_str());
                entity_id.append_option(entity);
            }
            Ok(columns.map(|mut column| Arc::new(column.finish()) as ArrayRef).into())
        })
    }

    /// The links that joined entities: `left_source`, `left_id`, `right_source`, `right_id`,
    /// `match_weight` (bits) and `match_probability` (both null where a rule or a steward linked),
    /// `rule` (null where none did).
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn links_arrow(&self, run: &Run) -> Result<ArrowTable> {
        let mut fields = link_keys();
        fields.push(Field::new("match_weight", DataType::Float64, true));
        fields.push(Field::new("match_probability", DataType::Float64, true));
        fields.push(text("rule"));
        ArrowTable::of(Schema::new(fields), self.links().len(), "links", run, |range| {
            let mut keys = LinkKeys::default();
            let mut weights = Float64Builder::new();
            let mut probabilities = Float64Builder::new();
            let mut rules = LargeStringBuilder::new();
            for number in range {
                let link = self.link(number);
                keys.push(&link);
                weights.append_option(link.match_weight.map(Weight::bits));
                probabilities.append_option(link.match_probability());
                rules.append_option(link.rule);
            }
            let mut columns = keys.finish();
            columns.push(Arc::new(weights.finish()));
            columns.push(Arc::new(probabilities.finish()));
            columns.push(Arc::new(rules.finish()));
            Ok(columns)
        })
    }

    /// The links that were refused: the columns of a link's two records, the `rule` that wanted
    /// it, the `reason` it was refused for (`cannot_link`, `never_rule`, `limit`,
    /// `one_per_source`, `outweighed`), and in `detail` the rule, field or source that refused it, or
    /// how heavy the evidence against it is.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn refusals_arrow(&self, run: &Run) -> Result<ArrowTable> {
        let mut fields = link_keys();
        fields.extend(["rule", "reason", "detail"].map(text));
        ArrowTable::of(Schema::new(fields), self.refusals().len(), "refusals", run, |range| {
            let mut keys = LinkKeys::default();
            let mut texts = [(); 3].map(|()| LargeStringBuilder::new());
            let [rule, reason, detail] = &mut texts;
            for number in range {
                let refusal = self.refusal(number);
                keys.push(&refusal.link);
                rule.append_option(refusal.link.rule);
                let (word, what) = match refusal.reason {
                    RefusalReason::CannotLink { .. } => ("cannot_link", None),
                    RefusalReason::NeverRule { never, .. } => ("never_rule", Some(never)),
                    RefusalReason::Limit { field, .. } => ("limit", Some(field)),
                    RefusalReason::OnePerSource { source } => ("one_per_source", Some(source)),
                    RefusalReason::Outweighed { sum } => {
                        ("outweighed", Some(format!("{:.1} bits", sum.bits())))
                    }
                };
                reason.append_value(word);
                detail.append_option(what);
            }
            let mut columns = keys.finish();
            columns.extend(texts.map(|mut column| Arc::new(column.finish()) as ArrayRef));
            Ok(columns)
        })
    }

    /// The golden records: `entity_id`, `records` (how many), `sources` (a list), `time`, then a
    /// column for each field, a list where the plan lets all values survive (`union`). A field of
    /// a name that is taken has `_` behind it.
    ///
    /// # Errors
    /// [`Error::UnknownField`] where the table lacks a field that the plan lets survive, and
    /// [`Error::Cancelled`].
    pub fn golden_records_arrow(&self, run: &Run) -> Result<ArrowTable> {
        let is_list: Vec<bool> =
            self.strategies().iter().map(|strategy| *strategy == Strategy::Union).collect();
        let mut fields = vec![
            text("entity_id"),
            Field::new("records", DataType::UInt32, false),
            list_of_text("sources"),
            time("time"),
        ];
        for (field, is_list) in self.table().schema().fields().iter().zip(&is_list) {
            let mut name = field.name.clone();
            while fields.iter().any(|taken| *taken.name() == name) {
                name.push('_');
            }
            fields.push(if *is_list { list_of_text(&name) } else { text(&name) });
        }
        let merger = self.merger()?;
        ArrowTable::of(Schema::new(fields), self.len(), "golden records", run, |range| {
            let mut entity_ids = LargeStringBuilder::new();
            let mut records = UInt32Builder::new();
            let mut sources = ListBuilder::new(LargeStringBuilder::new());
            let mut times = times();
            let mut values: Vec<Survivors> =
                is_list.iter().map(|is_list| Survivors::new(*is_list)).collect();
            for entity in range {
                let golden = merger.merge(self.rows(entity as u32));
                entity_ids.append_value(golden.entity_id.as_str());
                records.append_value(golden.rows.len() as u32);
                let seen = golden.sources().into_iter();
                seen.for_each(|source| sources.values().append_value(source));
                sources.append(true);
                times.append_option(golden.time.map(Timestamp::as_millis));
                for (field, column) in golden.fields.iter().zip(&mut values) {
                    column.push(field.values.iter().map(|value| value.value));
                }
            }
            let mut columns: Vec<ArrayRef> = vec![
                Arc::new(entity_ids.finish()),
                Arc::new(records.finish()),
                Arc::new(sources.finish()),
                Arc::new(times.finish()),
            ];
            columns.extend(values.iter_mut().map(Survivors::finish));
            Ok(columns)
        })
    }

    /// Where every value went: a row for each value of each record. `entity_id`, `field`,
    /// `outcome` (`survived`, `agreed` or `lost`), `value` (the surviving value that it is or
    /// agrees with), `strategy`, then the record's `source`, `id` and `time`, the value as it
    /// came (`raw`), its `status` and `issues` (a list).
    ///
    /// # Errors
    /// As [`golden_records_arrow`](Self::golden_records_arrow).
    pub fn lineage_arrow(&self, run: &Run) -> Result<ArrowTable> {
        let mut fields: Vec<Field> =
            ["entity_id", "field", "outcome", "value", "strategy", "source", "id"].map(text).into();
        fields.extend([time("time"), text("raw"), text("status"), list_of_text("issues")]);
        let schema = Arc::new(Schema::new(fields));
        let merger = self.merger()?;
        let total = self.len();
        let mut batches = Vec::new();
        // An entity has many rows here: fewer of them make a batch.
        let starts: Vec<usize> = (0..total).step_by(ROWS_A_BATCH / 16).collect();
        for round in starts.chunks(BATCHES_A_ROUND) {
            run.report("lineage", round[0] as u64, total as u64)?;
            let rendered = round.par_iter().map(|start| {
                let mut history = History::default();
                for entity in *start..total.min(start + ROWS_A_BATCH / 16) {
                    run.check()?;
                    history.push(self, &merger.merge(self.rows(entity as u32)));
                }
                RecordBatch::try_new(Arc::clone(&schema), history.finish()).map_err(arrow_error)
            });
            batches.extend(rendered.collect::<Result<Vec<_>>>()?);
        }
        run.report("lineage", total as u64, total as u64)?;
        Ok(ArrowTable { schema, batches })
    }

    /// The quality of the values, a row for each field: `field`, `kind`, then the counts of
    /// [`FieldQuality`](crate::quality::FieldQuality) by their names, and `issues`, a list of
    /// `{issue, values}`.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn quality_arrow(&self, run: &Run) -> Result<ArrowTable> {
        const COUNTS: [&str; 8] = [
            "filled",
            "usable",
            "valid",
            "doubtful",
            "unusable",
            "placeholders",
            "distinct",
            "distinct_canonical",
        ];
        let members =
            Fields::from(vec![text("issue"), Field::new("values", DataType::UInt64, true)]);
        let item = Arc::new(Field::new("item", DataType::Struct(members.clone()), true));
        let mut fields = vec![text("field"), text("kind")];
        fields.extend(COUNTS.map(|name| Field::new(name, DataType::UInt64, false)));
        fields.push(Field::new("issues", DataType::List(item), true));
        run.check()?;
        let quality = self.quality();
        ArrowTable::of(Schema::new(fields), quality.fields.len(), "quality", run, |range| {
            let mut names = [(); 2].map(|()| LargeStringBuilder::new());
            let mut counts = [(); COUNTS.len()].map(|()| UInt64Builder::new());
            let mut issues = ListBuilder::new(StructBuilder::new(
                members.clone(),
                vec![Box::new(LargeStringBuilder::new()), Box::new(UInt64Builder::new())],
            ));
            for field in &quality.fields[range] {
                names[0].append_value(&field.field);
                names[1].append_value(field.kind.name());
                let of_field = [
                    field.filled,
                    field.usable,
                    field.valid,
                    field.doubtful,
                    field.unusable,
                    field.placeholders,
                    field.distinct,
                    field.distinct_canonical,
                ];
                for (column, count) in counts.iter_mut().zip(of_field) {
                    column.append_value(count as u64);
                }
                for issue in &field.issues {
                    let entry = issues.values();
                    if let Some(code) = entry.field_builder::<LargeStringBuilder>(0) {
                        code.append_value(issue.issue);
                    }
                    if let Some(count) = entry.field_builder::<UInt64Builder>(1) {
                        count.append_value(issue.values as u64);
                    }
                    entry.append(true);
                }
                issues.append(true);
            }
            let mut columns: Vec<ArrayRef> = Vec::new();
            columns.extend(names.map(|mut column| Arc::new(column.finish()) as ArrayRef));
            columns.extend(counts.map(|mut column| Arc::new(column.finish()) as ArrayRef));
            columns.push(Arc::new(issues.finish()));
            Ok(columns)
        })
    }

    /// By field of the schema, how its survivor is chosen.
    fn strategies(&self) -> Vec<Strategy> {
        let named = self.model().plan().survivorship();
        let fields = self.table().schema().fields().iter();
        fields
            .map(|field| {
                let rule = named.iter().find(|rule| rule.fields.contains(&field.name));
                rule.map_or_else(|| Strategy::default_of(field.kind), |rule| rule.strategy)
            })
            .collect()
    }
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::LargeUtf8, true)
}

fn list_of_text(name: &str) -> Field {
    Field::new(name, DataType::List(Arc::new(text("item"))), true)
}

fn time(name: &str) -> Field {
    Field::new(name, DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())), true)
}

fn times() -> TimestampMillisecondBuilder {
    TimestampMillisecondBuilder::new().with_timezone("UTC")
}

fn link_keys() -> Vec<Field> {
    ["left_source", "left_id", "right_source", "right_id"].map(text).into()
}

/// The columns of a link's two records.
#[derive(Default)]
struct LinkKeys([LargeStringBuilder; 4]);

impl LinkKeys {
    fn push(&mut self, link: &ResolvedLink) {
        let RecordKey { source: left_source, id: left_id } = &link.left;
        let RecordKey { source: right_source, id: right_id } = &link.right;
        let texts = [left_source, left_id, right_source, right_id];
        self.0.iter_mut().zip(texts).for_each(|(column, text)| column.append_value(text));
    }

    fn finish(mut self) -> Vec<ArrayRef> {
        self.0.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef).collect()
    }
}

/// One field of golden records.
enum Survivors {
    One(LargeStringBuilder),
    All(ListBuilder<LargeStringBuilder>),
}

impl Survivors {
    fn new(is_list: bool) -> Self {
        match is_list {
            true => Self::All(ListBuilder::new(LargeStringBuilder::new())),
            false => Self::One(LargeStringBuilder::new()),
        }
    }

    fn push<'v>(&mut self, mut values: impl Iterator<Item = &'v str>) {
        match self {
            Self::One(column) => column.append_option(values.next()),
            Self::All(column) => {
                values.for_each(|value| column.values().append_value(value));
                column.append(true);
            }
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::One(column) => Arc::new(column.finish()),
            Self::All(column) => Arc::new(column.finish()),
        }
    }
}

/// The columns of the lineage.
struct History {
    texts: [LargeStringBuilder; 7],
    times: TimestampMillisecondBuilder,
    raw: LargeStringBuilder,
    status: LargeStringBuilder,
    issues: ListBuilder<LargeStringBuilder>,
}

impl Default for History {
    fn default() -> Self {
        Self {
            texts: Default::default(),
            times: times(),
            raw: LargeStringBuilder::new(),
            status: LargeStringBuilder::new(),
            issues: ListBuilder::new(LargeStringBuilder::new()),
        }
    }
}

impl History {
    fn push(&mut self, resolution: &Resolution, golden: &GoldenRecord<'_>) {
        for field in golden.fields.iter().filter(|f| !f.values.is_empty() || !f.lost.is_empty()) {
            let strategy = word(&field.strategy);
            let mut add = |outcome: &str, value: Option<&str>, from: &Contribution<'_>| {
                let table = resolution.table();
                let row = from.row as usize;
                let texts = [
                    Some(golden.entity_id.as_str()),
                    Some(field.name),
                    Some(outcome),
                    value,
                    Some(&strategy),
                    Some(table.source(row)),
                    Some(table.id(row)),
                ];
                for (column, text) in self.texts.iter_mut().zip(texts) {
                    column.append_option(text);
                }
                self.times.append_option(table.time(row).map(Timestamp::as_millis));
                self.raw.append_value(from.raw);
                self.status.append_value(word(&from.status));
                for issue in from.issues.iter() {
                    self.issues.values().append_value(issue.code());
                }
                self.issues.append(true);
            };
            for value in &field.values {
                add("survived", Some(value.value), &value.from);
                value.agreed.iter().for_each(|agreed| add("agreed", Some(value.value), agreed));
            }
            field.lost.iter().for_each(|lost| add("lost", None, lost));
        }
    }

    fn finish(mut self) -> Vec<ArrayRef> {
        let mut columns: Vec<ArrayRef> =
            self.texts.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef).collect();
        columns.push(Arc::new(self.times.finish()));
        columns.push(Arc::new(self.raw.finish()));
        columns.push(Arc::new(self.status.finish()));
        columns.push(Arc::new(self.issues.finish()));
        columns
    }
}

/// The name by which a choice is written in JSON.
fn word(choice: &impl Serialize) -> String {
    match serde_json::to_value(choice) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
