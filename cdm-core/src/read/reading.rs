use std::collections::HashMap;
use std::fmt::Write as _;

use rayon::prelude::*;

use super::bind::{Binding, Composition};
use super::report::{ReadReport, RejectReason};
use super::row::Row;
use super::{Event, Format, Input, Prepared, Rows, open, source};
use crate::cancel::Run;
use crate::error::{Error, Result};
use crate::schema::{RecordKey, Schema, Timestamp};
use crate::table::{Table, TableBuilder};

/// How many rows are read at a time, and between two reports of progress.
const ROWS_AT_ONCE: usize = 1024;

/// How many rows a thread composes at once.
const COMPOSED_AT_ONCE: usize = 64;

/// One pass over all inputs.
pub(super) struct Reading<'a> {
    inputs: &'a [Input],
    schema: &'a Schema,
    run: &'a Run,
    pub(super) builder: TableBuilder,
    /// The first row of each input so far.
    starts: Vec<usize>,
    /// Which input a record is to be taken from, where several have it.
    owners: HashMap<RecordKey, usize>,
    /// The same, found in this pass, where it was taken from another one.
    pub(super) contested: HashMap<RecordKey, usize>,
    pub(super) bytes_before: u64,
    pub(super) bytes_total: u64,
}

impl<'a> Reading<'a> {
    pub(super) fn new(
        inputs: &'a [Input],
        schema: &'a Schema,
        run: &'a Run,
        owners: HashMap<RecordKey, usize>,
    ) -> Self {
        Self {
            inputs,
            schema,
            run,
            builder: Table::builder(schema.clone()),
            starts: Vec::new(),
            owners,
            contested: HashMap::new(),
            bytes_before: 0,
            bytes_total: inputs.iter().map(|input| source::size(&input.origin)).sum(),
        }
    }

    pub(super) fn all(&mut self, prepared: &[Prepared]) -> Result<Vec<ReadReport>> {
        (0..self.inputs.len()).map(|at| self.one(at, &prepared[at])).collect()
    }

    fn one(&mut self, at: usize, prepared: &Prepared) -> Result<ReadReport> {
        let input = &self.inputs[at];
        self.starts.push(self.builder.len());
        let mut reader = open(input, prepared.format)?;
        let mapping = &prepared.mapping;
        // An object need not have every member, so only tables can lack a column for certain.
        if prepared.format != Format::JsonLines {
            mapping.check(&input.name(), reader.columns(), self.schema)?;
        }
        let binding =
            Binding::new(mapping, self.schema, &prepared.times, |name| reader.column(name))?;
        let mut report = ReadReport {
            input: input.name(),
            source: input.source.clone(),
            format: prepared.format,
            encoding: reader.encoding(),
            delimiter: reader.delimiter(),
            mapping: mapping.clone(),
            mapping_inferred: prepared.inferred,
            columns: Vec::new(),
            unused_columns: Vec::new(),
            absent_columns: Vec::new(),
            rows_read: 0,
            rows_accepted: 0,
            rows_rejected: 0,
            rows_blank: 0,
            rows_recoded: 0,
            times_unreadable: 0,
            rejections: Vec::new(),
            rows_left_out: Vec::new(),
        };
        let is_json = prepared.format == Format::JsonLines;
        let mut seen = vec![false; if is_json { reader.columns().len() } else { 0 }];
        let row_prefix =
            if prepared.names_rows { format!("{}:", input.name()) } else { String::new() };
        let taking = Taking { at, binding: &binding, row_prefix: &row_prefix };
        // While other threads compose one batch and put away the values of the batch before it, this
        // one reads the batch after it.
        let [mut composed, mut composing, mut next] = [(); 3].map(|()| Batch::default());
        let mut has_ended = false;
        while !has_ended || !composing.rows().is_empty() || !next.rows().is_empty() {
            let done = (self.bytes_before + reader.bytes_read()).min(self.bytes_total);
            self.run.report("read", done, self.bytes_total)?;
            std::mem::swap(&mut composed, &mut composing);
            std::mem::swap(&mut composing, &mut next);
            let mut put_away = Ok(());
            has_ended = rayon::in_place_scope(|scope| {
                if !composing.rows().is_empty() {
                    scope.spawn(|_| composing.compose(&binding));
                }
                let taken = self.take(&composed, &taking, &mut seen, &mut report)?;
                let builder = &mut self.builder;
                let (put_away, binding) = (&mut put_away, &binding);
                scope.spawn(move |_| {
                    *put_away = builder.push_rows(&taken, |slot, field| {
                        binding.values(field, &slot.row, &slot.composition)
                    });
                });
                next.used = 0;
                if has_ended { Ok(true) } else { next.fill(&mut *reader) }
            })?;
            put_away?;
        }
        for (column, name) in reader.columns().iter().enumerate() {
            let absent = seen.get(column) == Some(&false);
            let list = if absent { &mut report.absent_columns } else { &mut report.columns };
            list.push(name.clone());
        }
        report.unused_columns =
            mapping.unused(&report.columns).into_iter().map(str::to_owned).collect();
        self.bytes_before += source::size(&input.origin);
        self.run.report("read", self.bytes_before.min(self.bytes_total), self.bytes_total)?;
        Ok(report)
    }

    /// Take in the keys of rows that were composed, and tell whose they are.
    fn take<'b>(
        &mut self,
        batch: &'b Batch,
        taking: &Taking<'_>,
        seen: &mut [bool],
        report: &mut ReadReport,
    ) -> Result<Vec<&'b Slot>> {
        let (input, binding) = (&self.inputs[taking.at], taking.binding);
        let (mut numbered_id, mut taken) = (String::new(), Vec::with_capacity(batch.used));
        for slot in batch.rows() {
            let Slot { event, row, composition, time } = slot;
            let line = match event {
                Event::End => break,
                Event::Blank => {
                    report.skip_blank();
                    continue;
                }
                Event::Rejected { line, reason } => {
                    report.rows_read += 1;
                    report.reject(*line, reason.clone(), None, &input.options);
                    continue;
                }
                Event::Row { line, recoded } => {
                    report.rows_recoded += u64::from(*recoded);
                    *line
                }
            };
            report.rows_read += 1;
            if !seen.is_empty() {
                for (column, _) in row.cells() {
                    if let Some(seen) = seen.get_mut(column as usize) {
                        *seen = true;
                    }
                }
            }
            let id = match binding.id {
                Some(column) => match row.first(Some(column)) {
                    Some(id) => id,
                    None => {
                        report.reject(line, RejectReason::MissingId, None, &input.options);
                        continue;
                    }
                },
                None => {
                    numbered_id.clear();
                    // Writing to a string cannot fail.
                    let _ = write!(numbered_id, "{}{}", taking.row_prefix, report.rows_read);
                    &numbered_id
                }
            };
            let source = row.first(binding.source).unwrap_or(&input.source);
            if !self.owners.is_empty() {
                let owner = self.owners.get(&RecordKey::new(source, id));
                if owner.is_some_and(|owner| *owner != taking.at) {
                    report.reject(line, RejectReason::DuplicateKey, Some(id), &input.options);
                    continue;
                }
            }
            let (time, most) = (*time, Binding::most_values(row, composition));
            let values = |field| binding.values(field, row, composition);
            match self.builder.push_key((source, id), time.unwrap_or(None), most, values) {
                Ok(()) => {
                    report.rows_accepted += 1;
                    report.times_unreadable += u64::from(time.is_err());
                    taken.push(slot);
                }
                Err(Error::DuplicateRecord { .. }) => {
                    let (source, id) = (source.to_owned(), id.to_owned());
                    report.reject(line, RejectReason::DuplicateKey, Some(&id), &input.options);
                    self.contest(taking.at, RecordKey { source, id });
                }
                Err(Error::TooManyValues { field, limit, .. }) => {
                    let reason = RejectReason::TooManyValues { field, limit };
                    report.reject(line, reason, Some(id), &input.options);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(taken)
    }

    /// Note that input `at` has a record that was taken from another input, where it is the one
    /// that counts as first.
    fn contest(&mut self, at: usize, key: RecordKey) {
        let Some(row) = self.builder.row(&key) else { return };
        let holder = self.starts.partition_point(|start| *start <= row) - 1;
        let rank = |at: usize| (self.inputs[at].name(), at);
        let owner = self.contested.get(&key).copied().unwrap_or(holder);
        if rank(at) < rank(owner) {
            self.contested.insert(key, at);
        }
    }
}

/// How the rows of an input are taken in.
struct Taking<'t> {
    /// The number of the input.
    at: usize,
    binding: &'t Binding,
    /// What stands before the number of a row that has no id.
    row_prefix: &'t str,
}

/// Rows that are read, composed and taken in together, their memory used again for the next.
#[derive(Default)]
struct Batch {
    slots: Vec<Slot>,
    used: usize,
}

/// A row on its way into the table.
struct Slot {
    event: Event,
    row: Row,
    composition: Composition,
    time: std::result::Result<Option<Timestamp>, ()>,
}

impl Batch {
    fn rows(&self) -> &[Slot] {
        &self.slots[..self.used]
    }

    /// Read rows until it is full; whether the input has ended.
    fn fill(&mut self, reader: &mut dyn Rows) -> Result<bool> {
        while self.used < ROWS_AT_ONCE {
            if self.used == self.slots.len() {
                let (row, composition) = (Row::default(), Composition::default());
                self.slots.push(Slot { event: Event::End, row, composition, time: Ok(None) });
            }
            let slot = &mut self.slots[self.used];
            slot.event = reader.next(&mut slot.row)?;
            if matches!(slot.event, Event::End) {
                return Ok(true);
            }
            self.used += 1;
        }
        Ok(false)
    }

    /// Compose what the rows do not hold ready.
    fn compose(&mut self, binding: &Binding) {
        let rows = self.slots[..self.used].par_iter_mut().with_min_len(COMPOSED_AT_ONCE);
        rows.filter(|slot| matches!(slot.event, Event::Row { .. })).for_each(|slot| {
            slot.time = binding.time(&slot.row);
            binding.compose(&slot.row, &mut slot.composition);
        });
    }
}
