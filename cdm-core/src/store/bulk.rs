//! Everything anew: many records at once, or another model.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rayon::prelude::*;
use serde::Serialize;

use super::current::{Current, Ready, Stop};
use super::event::{Change, Revision};
use super::links::{Links, key};
use super::postings::Posting;
use super::reading::View;
use super::seal::Seals;
use super::tables::{CANNOT, Cell, MUST, Row, numbers};
use super::writing::Writing;
use super::{Store, When, files, segment};
use crate::bound::{BoundModel, Keying};
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
    for ((left, right), decision) in view.engine(view.tables.decided().all())? {
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
        let bound = BoundModel::new(Arc::new(model.clone()))?;
        self.inner.write_all(When::Now, |writing| {
            let old = writing.tables.meta.get("model");
            if let Some(old) = writing.engine(old)?.and_then(|cell| Cell::read(&cell)) {
                writing.drop_cell(old)?;
            }
            let print = files::write_model(writing, model)?;
            let revision = writing.current.revision + 1;
            let kept = self.inner.cached_records;
            writing.current = Arc::new(Current::new((bound, &print), revision, kept));
            writing.log(&Change::Revised { revision, reason: Revision::Adopted })?;
            writing.forget_index()?;
            let records = writing.all_records()?;
            let records: Vec<(u32, &Record)> =
                records.iter().map(|(number, record)| (*number, record)).collect();
            let decisions = writing.decisions(&records)?;
            let groups = writing.reindex(&records, &decisions, Hot::Kept, run)?;
            writing.regrouped(groups)
        })?;
        Ok(adoption)
    }

    /// [`upsert_many`](Self::upsert_many) into a store without records: all in one change.
    pub(super) fn load(&self, records: &[Record], run: &Run) -> Result<u64> {
        self.inner.write_all(When::AsAgreed, |writing| {
            let mut place_of: HashMap<&RecordKey, usize> = HashMap::with_capacity(records.len());
            let mut distinct: Vec<&Record> = Vec::with_capacity(records.len());
            let mut changed = 0;
            for record in records {
                match place_of.entry(&record.key) {
                    Entry::Vacant(place) => {
                        place.insert(distinct.len());
                        distinct.push(record);
                        changed += 1;
                    }
                    Entry::Occupied(place) => {
                        let known = &mut distinct[*place.get()];
                        changed += u64::from(*known != record);
                        *known = record;
                    }
                }
            }
            drop(place_of);
            writing.load(&distinct, run)?;
            Ok(changed)
        })
    }
}

/// A key of a record, told from others by its name and by more of the same hash: the name, the place of its
/// rule, more, and the record, from the highest bit on, as one number is sorted sooner than four.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Named(u128);

impl Named {
    fn new(long: u128, keying: usize, record: u32) -> Self {
        let name = u128::from(Seals::short(long)) << 64;
        Self(name | (keying as u128 & 0xffff) << 48 | (long & 0xffff) << 32 | u128::from(record))
    }

    fn name(self) -> u64 {
        (self.0 >> 64) as u64
    }

    fn keying(self) -> usize {
        (self.0 >> 48) as usize & 0xffff
    }

    /// The same of all records that have the key.
    fn key(self) -> u128 {
        self.0 >> 32
    }

    fn record(self) -> u32 {
        self.0 as u32
    }
}

/// So many records a thread takes at once.
const AT_ONCE: usize = 64;

impl Writing<'_> {
    /// Drop all keys, links and stops.
    fn forget_index(&mut self) -> Result<()> {
        let stops = self.tables.stops.range(..);
        let stops = self.engine(stops)?;
        let cells = stops.into_iter().filter_map(|(_, cell)| Cell::read(&cell));
        cells.into_iter().try_for_each(|cell| self.drop_cell(cell))?;
        let dropped = self.tables.stops.clear();
        self.engine(dropped)?;
        let dropped = self.tables.links.clear();
        self.engine(dropped)
    }

    /// Take records in, of which no two have the same key, into a store that has none.
    fn load(&mut self, records: &[&Record], run: &Run) -> Result<()> {
        let numbered: Vec<(u32, &Record)> =
            (self.counters.record..).zip(records.iter().copied()).collect();
        let groups = self.reindex(&numbered, &Decisions::new(), Hot::Stopped, run)?;
        let mut entity_of: Vec<u32> = vec![0; records.len()];
        let first = self.counters.record;
        for group in groups {
            let entity = self.counters.entity;
            self.counters.entity += 1;
            group.iter().for_each(|record| entity_of[(record - first) as usize] = entity);
            let put = self.tables.entities.insert(entity, &numbers(&group)[..]);
            self.engine(put)?;
            let id = self.shared.cells.seals.entity(entity);
            self.log(&Change::Created { entity: id, records: group })?;
        }
        self.counters.record += records.len() as u32;
        self.counters.alive += records.len() as u64;
        let seals = &self.shared.cells.seals;
        for (done, batch) in numbered.chunks(BATCH).enumerate() {
            run.report("store", (done * BATCH) as u64, records.len() as u64)?;
            let named =
                batch.par_iter().map(|(number, record)| (*number, seals.record(&record.key)));
            for (number, name) in named.collect::<Vec<_>>() {
                let row = self.rows.get(number).ok_or_else(|| self.missing(number))?;
                let entity = Some(entity_of[(number - first) as usize]);
                self.put_row(number, name, Row { entity, ..row })?;
                self.named.insert(name, number);
            }
        }
        Ok(())
    }

    /// All records that there are, by number.
    fn all_records(&self) -> Result<Vec<(u32, Record)>> {
        let mut rows: Vec<(u32, Cell)> = Vec::new();
        for (number, row) in self.engine(self.tables.rows.range(..))? {
            if let Some(row) = Row::read(&row).filter(|row| row.entity.is_some()) {
                rows.push((number, row.cell));
            }
        }
        let (shared, names) = (self.shared, &self.names);
        let records = rows
            .par_iter()
            .map(|(number, cell)| Ok((*number, shared.record(names, *number, *cell)?)));
        records.collect()
    }

    /// What stewards decided, as far as both records are among these.
    fn decisions(&self, records: &[(u32, &Record)]) -> Result<Decisions> {
        let key = |number: u32| {
            let place = records.binary_search_by_key(&number, |(number, _)| *number).ok()?;
            Some(records[place].1.key.clone())
        };
        let mut decisions = Decisions::new();
        for ((left, right), decision) in self.engine(self.tables.decided.range(..))? {
            if let (true, Some(one), Some(other)) = (left < right, key(left), key(right)) {
                if decision & MUST != 0 {
                    decisions.must_link.push((one.clone(), other.clone()));
                }
                if decision & CANNOT != 0 {
                    decisions.cannot_link.push((one, other));
                }
            }
        }
        Ok(decisions)
    }

    /// Index records, which are all that there are, sorted by number, and find out who is one customer,
    /// by the batch pipeline: the groups of records, each sorted, in the order of their lowest keys.
    fn reindex(
        &mut self,
        records: &[(u32, &Record)],
        decisions: &Decisions,
        hot_keys: Hot,
        run: &Run,
    ) -> Result<Vec<Vec<u32>>> {
        let model = self.index_all(records, hot_keys, run)?;
        let all = records.iter().map(|(_, record)| *record);
        let table = Table::from_records(model.plan().schema().clone(), all)?;
        let (resolution, links) = model.resolve_linked(&table, decisions, run)?;
        let number = |row: u32| records[row as usize].0;
        let mut linked: Vec<((u32, u32), f64)> = links
            .par_iter()
            .map(|link| (key(number(link.left), number(link.right)), link.weight.bits()))
            .collect();
        drop(links);
        linked.par_sort_unstable_by_key(|(pair, _)| *pair);
        for (pair, bits) in &linked {
            let put = self.tables.links.insert(*pair, *bits);
            self.engine(put)?;
        }
        self.linking.set_all(Links::new(&linked));
        let group = |entity: u32| {
            let mut group: Vec<u32> = resolution.rows(entity).iter().map(|r| number(*r)).collect();
            group.sort_unstable();
            group
        };
        Ok((0..resolution.len() as u32).map(group).collect())
    }

    /// The cells of some records, which are ready; those that have none get one.
    fn cells_of(&mut self, records: &[(u32, &Record)], ready: &[Ready]) -> Result<Vec<Cell>> {
        let known = records.iter().map(|(number, _)| Some(self.rows.get(*number)?.cell));
        if let Some(cells) = known.collect() {
            return Ok(cells);
        }
        let (current, names) = (&self.current, &mut self.names);
        let plain = records.iter().zip(ready);
        let plain: Vec<Vec<u8>> =
            plain.map(|((_, record), ready)| current.encode(record, ready, names)).collect();
        let cells = self.shared.cells.write_many(self.counters.end, &plain)?;
        self.counters.end = cells.last().map_or(self.counters.end, Cell::end);
        for ((number, _), cell) in records.iter().zip(&cells) {
            self.rows.set(*number, Some(Row { cell: *cell, entity: None }));
        }
        Ok(cells)
    }

    /// Index the keys of records, which are all that there are, and keep them ready; the model with all keys
    /// that grew hot.
    fn index_all(&mut self, records: &[(u32, &Record)], hot_keys: Hot, run: &Run) -> Result<Model> {
        let (current, shared) = (Arc::clone(&self.current), self.shared);
        let (bound, seals) = (&current.bound, &shared.cells.seals);
        let keyings: Vec<Keying> = bound.keyings().collect();
        let mut keys: Vec<Named> = Vec::new();
        for (done, batch) in records.chunks(BATCH).enumerate() {
            run.report("keys", (done * BATCH) as u64, records.len() as u64)?;
            let each = keys.len() / (done * BATCH).max(1) + 1;
            if done == 1 {
                // What grows little by little is copied as often as it doubles.
                keys.reserve_exact((each * records.len()).saturating_sub(keys.len()));
            }
            let named = batch.par_chunks(AT_ONCE).map(|records| {
                let mut keys = Vec::with_capacity(each * records.len());
                let mut ready = Vec::with_capacity(records.len());
                for (number, record) in records {
                    let prepared = bound.prepare(record)?;
                    ready.push(current.make_ready(&prepared)?);
                    for (place, keying) in keyings.iter().enumerate() {
                        bound.each_key(*keying, &prepared, |key| {
                            let long = seals.long_key(*keying, key);
                            keys.push(Named::new(long, place, *number));
                        });
                    }
                }
                Ok((keys, ready))
            });
            let mut all_ready = Vec::with_capacity(batch.len());
            for (named, ready) in named.collect::<Result<Vec<_>>>()? {
                keys.extend(named);
                all_ready.extend(ready);
            }
            let cells = self.cells_of(batch, &all_ready)?;
            for (((number, _), cell), ready) in batch.iter().zip(cells).zip(&all_ready) {
                current.keep(*number, cell, ready);
            }
        }
        keys.par_sort_unstable();
        let most = bound.model().plan().guards().max_records_per_key as usize;
        let id = self.next_segment();
        let mut writer = segment::Writer::new(&self.keys.pool, id);
        let (mut hot, mut count): (Vec<(Named, usize)>, u64) = (Vec::new(), 0);
        let mut holders: Vec<u32> = Vec::new();
        for of_name in keys.chunk_by(|one, other| one.name() == other.name()) {
            holders.clear();
            for of_key in of_name.chunk_by(|one, other| one.key() == other.key()) {
                if hot_keys == Hot::Stopped && of_key.len() > most {
                    hot.push((of_key[0], of_key.len()));
                } else {
                    holders.extend(of_key.iter().map(|key| key.record()));
                }
            }
            holders.sort_unstable();
            holders.dedup();
            count += holders.len() as u64;
            for record in &holders {
                writer.push(Posting { name: of_name[0].name(), record: *record, has: true })?;
            }
        }
        drop(keys);
        let segments = if count == 0 { Vec::new() } else { vec![writer.finish()?] };
        let flushed = self.keys.recent.len();
        self.replace_keys(segments, flushed, self.counters.run - 1);
        self.counters.keys = count;
        let mut stops = Vec::new();
        for (of, count) in hot {
            let place = records.partition_point(|(number, _)| *number < of.record());
            let (record, keying) = (bound.prepare(records[place].1)?, keyings[of.keying()]);
            let is_it = |key: &Vec<&str>| Seals::short(seals.long_key(keying, key)) == of.name();
            if let Some(key) = bound.keys(keying, &record).into_iter().find(is_it) {
                let texts = key.iter().map(|text| (*text).to_owned()).collect();
                let stop = Stop { keying, texts };
                self.note_stop(&stop, of.name())?;
                self.log_stop(keying, count)?;
                stops.push(stop);
            }
        }
        self.current.model(&stops)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_sorted_by_its_name_its_rule_and_more_and_then_by_record() {
        let parts = |(name, keying, more, record): (u64, usize, u64, u32)| {
            let long = u128::from(name) << 64 | 0xabc << 16 | u128::from(more);
            (Named::new(long, keying, record), (name, keying, record))
        };
        let ends = [0, 1, u64::MAX];
        let mut last: Option<Named> = None;
        for name in ends {
            for keying in [0, 1, 0xffff] {
                for more in [0, 1, 0xffff] {
                    for record in [0, 1, u32::MAX] {
                        let (named, wanted) = parts((name, keying, more, record));
                        assert_eq!((named.name(), named.keying(), named.record()), wanted);
                        let of_key = parts((name, keying, more, 7)).0.key();
                        assert_eq!(named.key(), of_key);
                        assert!(last.is_none_or(|last| last < named));
                        assert!(last.is_none_or(|l| record == 0 || l.key() == named.key()));
                        last = Some(named);
                    }
                }
            }
        }
    }
}
