//! Everything anew: many records at once, or another model.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;
use redb::ReadableTable;
use serde::Serialize;

use super::current::Current;
use super::event::{Change, Revision};
use super::reading::View;
use super::seal::Seals;
use super::tables::{CANNOT, Cell, MUST, Row};
use super::writing::Writing;
use super::{Store, When, files, lock};
use crate::bound::{BoundModel, BoundRecord, Keying};
use crate::cancel::Run;
use crate::error::Result;
use crate::plan::{Decisions, Model};
use crate::schema::{Record, RecordKey};
use crate::table::Table;

/// What is done about keys that too many records share.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hot {
    /// They are stopped, as if records had come one by one.
    Stopped,
    /// They stay as the model has them, until one more record comes.
    Kept,
}

/// Records between two looks at the cancel token.
const BATCH: usize = 4096;

/// What another model makes of the records of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Adoption {
    /// Records that there are.
    pub records: u64,
    /// Entities so far.
    pub entities_before: u64,
    /// Entities by the new model.
    pub entities_after: u64,
    /// Entities that stay as they are.
    pub unchanged: u64,
    /// Entities of which the records come to be in several.
    pub split: u64,
    /// Entities by the new model that have records of several.
    pub merged: u64,
}

/// What stewards decided, as far as both records are there, by key.
pub(super) fn decisions(
    view: &View<'_>,
    key_of: &BTreeMap<u32, &RecordKey>,
) -> super::reading::Seen<Decisions> {
    let mut decisions = Decisions::new();
    for entry in view.engine(view.tables.decided.range::<(u32, u32)>(..))? {
        let (pair, decision) = view.engine(entry)?;
        let ((left, right), decision) = (pair.value(), decision.value());
        if let (Some(one), Some(other)) = (key_of.get(&left), key_of.get(&right))
            && left < right
        {
            let pair = || ((*one).clone(), (*other).clone());
            if decision & MUST != 0 {
                decisions.must_link.push(pair());
            }
            if decision & CANNOT != 0 {
                decisions.cannot_link.push(pair());
            }
        }
    }
    Ok(decisions)
}

impl Store {
    /// What [`adopt`](Self::adopt) would change: all records resolved in batch by `model`, and compared.
    ///
    /// # Errors
    /// As [`adopt`](Self::adopt).
    pub fn preview(&self, model: &Model, run: &Run) -> Result<Adoption> {
        self.inner.read(|view| {
            let records = view.records()?;
            let key_of =
                records.iter().map(|(number, (_, record))| (*number, &record.key)).collect();
            let decisions = decisions(view, &key_of)?;
            let all = records.values().map(|(_, record)| record);
            let table = Table::from_records(model.plan().schema().clone(), all)?;
            let resolution = model.resolve(&table, &decisions, run)?;
            // Pairs of an entity before and one after that have a record in common.
            let before = |row: &Row| row.entity.unwrap_or(u32::MAX);
            let mut shared: Vec<(u32, u32)> = records
                .values()
                .zip(resolution.entities())
                .map(|((row, _), after)| (before(row), *after))
                .collect();
            shared.sort_unstable();
            shared.dedup();
            let count = |of: &dyn Fn(&(u32, u32)) -> u32| {
                let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
                shared.iter().for_each(|pair| *counts.entry(of(pair)).or_default() += 1);
                counts
            };
            let (of_before, of_after) = (count(&|pair| pair.0), count(&|pair| pair.1));
            let is_same = |pair: &&(u32, u32)| of_before[&pair.0] == 1 && of_after[&pair.1] == 1;
            Ok(Adoption {
                records: records.len() as u64,
                entities_before: of_before.len() as u64,
                entities_after: of_after.len() as u64,
                unchanged: shared.iter().filter(is_same).count() as u64,
                split: of_before.values().filter(|count| **count > 1).count() as u64,
                merged: of_after.values().filter(|count| **count > 1).count() as u64,
            })
        })
    }

    /// Resolve the store by another model from now on: all records anew, in one change. Entities live on
    /// as ever; the log says that the model was revised, and then what that changed.
    ///
    /// Takes as long as a bulk load, and as much memory as a batch run.
    ///
    /// # Errors
    /// [`UnknownField`](crate::Error::UnknownField) where the plan lacks a field that records have,
    /// [`Cancelled`](crate::Error::Cancelled), and [`StoreIo`](crate::Error::StoreIo); nothing is
    /// changed then.
    pub fn adopt(&self, model: &Model, run: &Run) -> Result<Adoption> {
        let adoption = self.preview(model, run)?;
        let bound = Arc::new(BoundModel::new(Arc::new(model.clone()))?);
        self.inner.write(When::Now, |writing| {
            lock(&writing.shared.cache).clear();
            let old = writing
                .tables
                .meta
                .get("model")
                .map(|cell| cell.and_then(|c| Cell::read(c.value())));
            if let Some(old) = writing.engine(old)? {
                writing.drop_cell(old)?;
            }
            files::write_model(writing, model)?;
            let revision = writing.current.revision + 1;
            writing.current = Arc::new(Current { bound, stopped: Default::default(), revision });
            writing.log(&Change::Revised { revision, reason: Revision::Adopted })?;
            writing.forget_index()?;
            writing.reindex(Hot::Kept, run)
        })?;
        lock(&self.inner.shared.cache).clear();
        Ok(adoption)
    }

    /// [`upsert_many`](Self::upsert_many) into a store without records: all in one change.
    pub(super) fn load(&self, records: &[Record], run: &Run) -> Result<u64> {
        self.inner.write(When::AsAgreed, |writing| {
            let mut changed = 0;
            for records in records.chunks(BATCH) {
                run.check()?;
                for record in records {
                    changed += u64::from(writing.take_in(record)?.is_some());
                }
            }
            writing.reindex(Hot::Stopped, run)?;
            Ok(changed)
        })
    }
}

impl Writing<'_> {
    /// Drop all keys, links and stops.
    fn forget_index(&mut self) -> Result<()> {
        let mut cells = Vec::new();
        {
            let stops = self.tables.stops.range::<u64>(..);
            for stop in self.engine(stops)? {
                let (_, cell) = self.engine(stop)?;
                cells.extend(Cell::read(cell.value()));
            }
        }
        cells.into_iter().try_for_each(|cell| self.drop_cell(cell))?;
        let dropped = self.tables.stops.retain(|_, _| false);
        self.engine(dropped)?;
        let dropped = self.tables.keys.retain(|_, ()| false);
        self.engine(dropped)?;
        let dropped = self.tables.links.retain(|_, _| false);
        self.engine(dropped)
    }

    /// Index all records, of which none is indexed, and find out who is one customer.
    fn reindex(&mut self, hot_keys: Hot, run: &Run) -> Result<()> {
        let mut rows: Vec<(u32, Cell)> = Vec::new();
        {
            let all = self.tables.rows.range::<u32>(..);
            for entry in self.engine(all)? {
                let (number, row) = self.engine(entry)?;
                if let Some(row) = Row::read(row.value()).filter(|row| row.entity.is_some()) {
                    rows.push((number.value(), row.cell));
                }
            }
        }
        let (current, names, shared) = (Arc::clone(&self.current), &self.names, self.shared);
        let total = rows.len() as u64;
        let mut records: Vec<Arc<BoundRecord>> = Vec::with_capacity(rows.len());
        // By name, then record; with the rule that gives the key. Names are so long here that no two
        // keys have the same one, so that pairs need not look at the keys themselves.
        let mut keys: Vec<(u128, u32, Keying)> = Vec::new();
        for batch in rows.chunks(BATCH) {
            run.report("keys", records.len() as u64, total)?;
            let prepared = batch.par_iter().map(|(number, cell)| {
                let record = current.bound.prepare(&shared.record(names, *number, *cell)?)?;
                let mut keys = Vec::new();
                for keying in current.bound.keyings() {
                    let of_rule = current.bound.keys(keying, &record);
                    let named = of_rule.iter().map(|key| shared.cells.seals.long_key(keying, key));
                    keys.extend(named.map(|name| (name, *number, keying)));
                }
                Ok((Arc::new(current.bound.lighten(record)), keys))
            });
            for (record, of_record) in prepared.collect::<Result<Vec<_>>>()? {
                records.push(record);
                keys.extend(of_record);
            }
        }
        keys.par_sort_unstable();
        let place = |number: u32| rows.partition_point(|(known, _)| *known < number);
        let most = current.bound.model().plan().guards().max_records_per_key as usize;
        let mut hot: Vec<(u128, Keying, Vec<u32>)> = Vec::new();
        let mut pairs: Vec<(u32, u32)> = Vec::new();
        for holders in keys.chunk_by(|one, other| one.0 == other.0) {
            let (name, _, keying) = holders[0];
            if hot_keys == Hot::Stopped && holders.len() > most {
                hot.push((name, keying, holders.iter().map(|(_, number, _)| *number).collect()));
                continue;
            }
            for (position, (_, number, _)) in holders.iter().enumerate() {
                let added = self.tables.keys.insert((Seals::short(name), *number), ()).map(|_| ());
                self.engine(added)?;
                if let Keying::Blocking(_) = keying {
                    let rest = holders[position + 1..].iter();
                    pairs.extend(rest.map(|(_, other, _)| (*number, *other)));
                }
            }
        }
        drop(keys);
        for (name, keying, holders) in hot {
            let (number, cell) = rows[place(holders[0])];
            let record = current.bound.prepare(&shared.record(&self.names, number, cell)?)?;
            let key = current.bound.keys(keying, &record).into_iter();
            let mut key = key.filter(|key| shared.cells.seals.long_key(keying, key) == name);
            if let Some(key) = key.next() {
                self.stop(keying, &key, Seals::short(name), &holders, holders.len())?;
            }
        }
        pairs.par_sort_unstable();
        pairs.dedup();
        let current = Arc::clone(&self.current);
        let mut links: Vec<((u32, u32), f64)> = Vec::new();
        for (done, batch) in pairs.chunks(1 << 16).enumerate() {
            run.report("match", (done << 16) as u64, pairs.len() as u64)?;
            let weighed = batch.par_iter().filter_map(|(one, other)| {
                let (left, right) = (&records[place(*one)], &records[place(*other)]);
                let weight = current.weighs(left, right)?;
                Some([((*one, *other), weight), ((*other, *one), weight)])
            });
            links.extend(weighed.collect::<Vec<_>>().into_iter().flatten());
        }
        drop(pairs);
        links.par_sort_unstable_by_key(|(pair, _)| *pair);
        for (pair, weight) in links {
            let linked = self.tables.links.insert(pair, weight).map(|_| ());
            self.engine(linked)?;
        }
        for ((number, cell), record) in rows.iter().zip(&records) {
            self.shared.keep(*number, *cell, record);
        }
        self.seeds.extend(rows.iter().map(|(number, _)| *number));
        Ok(())
    }
}
