//! One change of a store: what it does to the index.

mod finding;
mod settle;
mod weighing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use weighing::Waiting;

use super::current::{Current, Stop};
use super::event::{Change, Revision};
use super::keys::{Keys, Overlay};
use super::known::Name;
use super::links::{self, Linking};
use super::reading::Snapshot;
use super::record::{Names, encode};
use super::rows::Rows;
use super::seen::{Tables, others};
use super::segment::Segment;
use super::tables::{Cell, FRESH, Row};
use super::{Shared, Writer};
use crate::bound::{BoundRecord, Keying};
use crate::error::{Error, Result};
use crate::schema::{EntityId, Record, RecordKey};

pub(super) use finding::Found;

/// Of so many records at once threads find what there is to find; then they are put down one by one.
const AT_ONCE: usize = 128;

/// So many records at most are at hand: they are larger than what is kept of them.
const AT_HAND: usize = 4096;

/// Where the next things go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Counters {
    pub(super) record: u32,
    pub(super) entity: u32,
    pub(super) event: u64,
    /// Where the cells end.
    pub(super) end: u64,
    /// Bytes of cells that hold nothing any more.
    pub(super) garbage: u64,
    /// Records that are there.
    pub(super) alive: u64,
    /// Keys that records have.
    pub(super) keys: u64,
    /// The next run of what changes in keys.
    pub(super) run: u64,
    /// The runs up to this one are removed.
    pub(super) swept: u64,
}

/// Other segments in place of those before.
pub(super) struct Replaced {
    pub(super) segments: Vec<Arc<Segment>>,
    /// So many layers in memory are in them.
    pub(super) flushed: usize,
    /// And the runs up to this one.
    pub(super) merged: u64,
}

/// A change under way; nothing of it counts until it is committed.
pub(super) struct Writing<'w> {
    pub(super) shared: &'w Shared,
    /// How things stood before.
    before: &'w Snapshot,
    pub(super) tables: Tables<'w>,
    pub(super) linking: Linking<'w>,
    pub(super) counters: Counters,
    pub(super) current: Arc<Current>,
    pub(super) names: Names,
    pub(super) rows: Rows,
    /// Records that were not known before, by name.
    pub(super) named: BTreeMap<Name, u32>,
    /// The keys before the change, and what it does to them.
    pub(super) keys: Keys,
    pub(super) overlay: Overlay,
    pub(super) replaced: Option<Replaced>,
    next_segment: &'w AtomicU64,
    /// Cells that hold nothing any more.
    pub(super) scrubs: Vec<Cell>,
    /// Records whose neighbours may be others now.
    pub(super) seeds: BTreeSet<u32>,
    /// Records whose values are others now.
    changed: BTreeSet<u32>,
    /// Records that went, with the entities that they were in.
    left: BTreeMap<u32, u32>,
    /// Records that were told from others by this change, each with the place of its cell.
    at_hand: BTreeMap<u32, (u64, Arc<BoundRecord>)>,
    /// Records that have yet to be weighed.
    waiting: Waiting,
    /// Whether stewards have decided anything.
    has_decisions: bool,
}

impl<'w> Writing<'w> {
    pub(super) fn new(
        (shared, next_segment): (&'w Shared, &'w AtomicU64),
        tables: Tables<'w>,
        writer: &'w Writer,
        before: &'w Snapshot,
    ) -> Self {
        // Should it not be known, they are looked for.
        let has_decisions =
            before.tables.decided().range(.., 1).map_or(true, |one| !one.is_empty());
        Self {
            at_hand: BTreeMap::new(),
            waiting: Waiting::default(),
            has_decisions,
            shared,
            before,
            tables,
            linking: Linking::new(&writer.links),
            counters: writer.counters.clone(),
            current: Arc::clone(&before.current),
            names: Names::clone(&before.names),
            rows: before.rows.clone(),
            named: BTreeMap::new(),
            keys: before.keys.clone(),
            overlay: Overlay::default(),
            replaced: None,
            next_segment,
            scrubs: Vec::new(),
            seeds: BTreeSet::new(),
            changed: BTreeSet::new(),
            left: BTreeMap::new(),
        }
    }

    pub(super) fn engine<T, E: Into<redb::Error>>(
        &self,
        result: std::result::Result<T, E>,
    ) -> Result<T> {
        result.map_err(|error| self.shared.cells.place.engine(error))
    }

    /// The records that have a key, sorted, in place of what is in `found`.
    pub(super) fn holders(&self, name: u64, found: &mut Vec<u32>) -> Result<()> {
        self.keys.holders(name, found)?;
        self.overlay.apply(name, found);
        Ok(())
    }

    /// The id of a new segment.
    pub(super) fn next_segment(&self) -> u64 {
        self.next_segment.fetch_add(1, Ordering::Relaxed)
    }

    /// Have other segments from now on.
    pub(super) fn replace_keys(
        &mut self,
        segments: Vec<Arc<Segment>>,
        flushed: usize,
        merged: u64,
    ) {
        self.replaced = Some(Replaced { segments, flushed, merged });
    }

    /// The number of a record that is or was in the store, by the name of its key.
    pub(super) fn number(&self, name: Name) -> Option<u32> {
        let is_there = |number| self.rows.get(number).is_some();
        self.named.get(&name).copied().or_else(|| self.before.known.get(name, is_there))
    }

    /// The row of a record that is there.
    fn alive(&self, number: u32) -> Option<Row> {
        self.rows.get(number).filter(|row| row.entity.is_some())
    }

    /// Put down the row of a record with a key of that name.
    pub(super) fn put_row(&mut self, number: u32, name: Name, row: Row) -> Result<()> {
        self.rows.set(number, Some(row));
        let put = self.tables.rows.insert(number, &row.bytes(name)[..]);
        self.engine(put)
    }

    /// The name of the key of a record that has a row.
    pub(super) fn name_of(&self, number: u32) -> Result<Name> {
        let row = self.engine(self.tables.rows.get(number))?;
        row.and_then(|row| Row::name(&row)).ok_or_else(|| self.missing(number))
    }

    pub(super) fn put_cell(&mut self, plain: &[u8]) -> Result<Cell> {
        let cell = self.shared.cells.write(self.counters.end, plain)?;
        self.counters.end += u64::from(cell.length);
        Ok(cell)
    }

    pub(super) fn drop_cell(&mut self, cell: Cell) -> Result<()> {
        self.counters.garbage += u64::from(cell.length);
        self.scrubs.push(cell);
        let noted = self.tables.scrubs.insert(cell.place, cell.length);
        self.engine(noted)
    }

    /// Have a record at hand as it is in the cell at that place: whom it is like is asked again soon.
    fn have_at_hand(&mut self, number: u32, place: u64, record: Arc<BoundRecord>) {
        if self.at_hand.len() < AT_HAND {
            self.at_hand.insert(number, (place, record));
        }
    }

    /// A record as the model sees it.
    pub(super) fn bound(&self, number: u32, cell: Cell) -> Result<Arc<BoundRecord>> {
        let at_hand = self.at_hand.get(&number).filter(|(place, _)| *place == cell.place);
        if let Some((_, record)) = at_hand {
            return Ok(Arc::clone(record));
        }
        self.shared.bound(&self.current, &self.names, number, cell)
    }

    /// The same, with all its keys.
    fn bound_whole(&self, number: u32, cell: Cell) -> Result<BoundRecord> {
        self.current.bound.prepare(&self.shared.record(&self.names, number, cell)?)
    }

    /// The same of a record that must be there.
    fn alive_whole(&self, number: u32) -> Result<BoundRecord> {
        let row = self.alive(number).ok_or_else(|| self.missing(number))?;
        self.bound_whole(number, row.cell)
    }

    pub(super) fn missing(&self, number: u32) -> Error {
        self.shared.missing(number)
    }

    /// Those of some pairs that are candidates by their keys themselves. Pairs with a record in common
    /// come one after the other, so that it is made ready once.
    fn sharing(&self, pairs: &[(u32, u32)]) -> Result<Vec<(u32, u32)>> {
        let mut left: Option<(u32, BoundRecord)> = None;
        let mut sharing = Vec::with_capacity(pairs.len());
        for pair in pairs.iter().copied() {
            let (one, other) = pair;
            let one = match left.take().filter(|(number, _)| *number == one) {
                Some(same) => same,
                None => (one, self.alive_whole(one)?),
            };
            let other = self.alive_whole(other)?;
            if self.current.shares_key(&self.shared.cells.seals, None, &one.1, &other) {
                sharing.push(pair);
            }
            left = Some(one);
        }
        Ok(sharing)
    }

    /// The number of that key, with a row, which is made where there is none.
    fn number_or_new(&mut self, key: &RecordKey) -> Result<u32> {
        let name = self.shared.cells.seals.record(key);
        if let Some(number) = self.number(name) {
            return Ok(number);
        }
        let number = self.counters.record;
        self.counters.record += 1;
        let plain = encode(&Record::new(key.clone()), &mut self.names);
        let cell = self.put_cell(&plain)?;
        self.put_row(number, name, Row { cell, entity: None })?;
        self.named.insert(name, number);
        Ok(number)
    }

    /// Take a record in, new or changed; whether anything is different.
    pub(super) fn upsert(&mut self, record: &Record) -> Result<bool> {
        let bound = self.current.bound.prepare(record)?;
        let found = Found::new(self.shared, self.before, Arc::new(bound))?;
        self.upsert_found(&found)
    }

    /// Take records in, one after the other; how many are different.
    pub(super) fn upsert_all(&mut self, records: &[Record]) -> Result<u64> {
        let (shared, before, mut changed) = (self.shared, self.before, 0);
        let bound = Arc::clone(&self.current.bound);
        let find = |records: &[Record]| -> Result<Vec<Found>> {
            let found = records.par_iter().map(|record| {
                let found = Found::new(shared, before, Arc::new(bound.prepare(record)?))?;
                found.with_holders(&before.keys)?.made_ready(&before.current)
            });
            found.collect()
        };
        let mut chunks = records.chunks(AT_ONCE);
        let mut found = chunks.next().map_or_else(|| Ok(Vec::new()), find)?;
        while !found.is_empty() {
            // While these are put down one by one, other threads find what there is to find of the next.
            let (records, mut later) = (chunks.next(), Ok(Vec::new()));
            rayon::in_place_scope(|scope| {
                if let Some(records) = records {
                    scope.spawn(|_| later = find(records));
                }
                found.drain(..).try_for_each(|found| {
                    changed += u64::from(self.upsert_found(&found)?);
                    Ok(())
                })
            })?;
            found = later?;
        }
        Ok(changed)
    }

    /// The same, of a record of which something is known.
    pub(super) fn upsert_found(&mut self, found: &Found) -> Result<bool> {
        let Some((number, cell)) = self.take_in(found)? else { return Ok(false) };
        self.index(number, found)?;
        found.keep(&self.current, number, cell)?;
        self.have_at_hand(number, cell.place, Arc::clone(&found.record));
        Ok(true)
    }

    /// Put a record down, and undo what its former self did; its number and cell, where anything is
    /// different. It is in no entity yet: which one it is, is found out when all is in its place.
    fn take_in(&mut self, found: &Found) -> Result<Option<(u32, Cell)>> {
        let record = found.record.record();
        let name = self.shared.cells.seals.record(&record.key);
        let known = self.number(name);
        let known = known.and_then(|number| Some((number, self.rows.get(number)?)));
        let there = known.filter(|(_, row)| row.entity.is_some());
        let is_known = there.and_then(|(_, row)| found.is_as_in(row.cell));
        if is_known == Some(true) {
            return Ok(None);
        }
        let number = match known {
            Some((number, row)) => {
                if row.entity.is_some() {
                    if is_known.is_none() {
                        let plain = encode(record, &mut self.names);
                        if self.shared.plain(row.cell)?.starts_with(&plain) {
                            return Ok(None);
                        }
                    }
                    self.unindex(number, &self.former_keys(number, row.cell, found)?)?;
                }
                self.drop_cell(row.cell)?;
                number
            }
            None => {
                let number = self.counters.record;
                self.counters.record += 1;
                self.named.insert(name, number);
                number
            }
        };
        let plain = found.encode(&self.current, &mut self.names)?;
        let cell = self.put_cell(&plain)?;
        let entity = known.and_then(|(_, row)| row.entity);
        self.counters.alive += u64::from(entity.is_none());
        let entity = entity.unwrap_or(FRESH);
        self.put_row(number, name, Row { cell, entity: Some(entity) })?;
        self.changed.insert(number);
        Ok(Some((number, cell)))
    }

    /// Take a record out; its key stays known to the log, unless it is to be forgotten.
    pub(super) fn remove(&mut self, key: &RecordKey, forget: bool) -> Result<bool> {
        let name = self.shared.cells.seals.record(key);
        let Some(number) = self.number(name) else { return Ok(false) };
        let Some(row) = self.rows.get(number) else { return Ok(false) };
        if let Some(entity) = row.entity {
            let old = self.bound_whole(number, row.cell)?;
            self.unindex(number, &self.keys(&old, |_| true))?;
            if entity != FRESH {
                self.left.insert(number, entity);
            }
            self.changed.remove(&number);
            self.counters.alive = self.counters.alive.saturating_sub(1);
        } else if !forget {
            return Ok(false);
        }
        self.drop_cell(row.cell)?;
        self.current.let_go(number);
        if forget {
            for (other, _) in self.engine(others(&self.tables.decided, number))? {
                self.decide(number, other, 0)?;
            }
            self.named.remove(&name);
            self.rows.set(number, None);
            let removed = self.tables.rows.remove(number);
            self.engine(removed)?;
        } else {
            let plain = encode(&Record::new(key.clone()), &mut self.names);
            let cell = self.put_cell(&plain)?;
            self.put_row(number, name, Row { cell, entity: None })?;
        }
        Ok(true)
    }

    /// Set what stewards say of two records; `add` and `remove` are [`MUST`] or [`CANNOT`].
    pub(super) fn decided(
        &mut self,
        pair: (&RecordKey, &RecordKey),
        add: u8,
        remove: u8,
    ) -> Result<bool> {
        if pair.0 == pair.1 {
            return Ok(false);
        }
        let (left, right) = if add == 0 {
            let seals = &self.shared.cells.seals;
            match (self.number(seals.record(pair.0)), self.number(seals.record(pair.1))) {
                (Some(left), Some(right)) => (left, right),
                _ => return Ok(false),
            }
        } else {
            (self.number_or_new(pair.0)?, self.number_or_new(pair.1)?)
        };
        let known = self.engine(self.tables.decided.get((left, right)))?.unwrap_or(0);
        let wanted = known & !remove | add;
        if wanted == known {
            return Ok(false);
        }
        self.decide(left, right, wanted)?;
        for number in [left, right] {
            if self.alive(number).is_some() {
                self.seeds.insert(number);
            }
        }
        Ok(true)
    }

    fn decide(&mut self, left: u32, right: u32, decision: u8) -> Result<()> {
        self.has_decisions = true;
        for pair in [(left, right), (right, left)] {
            let set = if decision == 0 {
                self.tables.decided.remove(pair)
            } else {
                self.tables.decided.insert(pair, decision)
            };
            self.engine(set)?;
        }
        Ok(())
    }

    /// The names of a record's keys under some rules, but those that are stopped.
    fn keys(&self, record: &BoundRecord, wanted: impl Fn(&Keying) -> bool) -> Vec<(Keying, u64)> {
        let mut names = self.shared.cells.seals.keys(&self.current.bound, record, wanted);
        names.retain(|(_, name)| !self.current.stopped.contains(name));
        names
    }

    /// What stewards decided of a record and others.
    fn decided_of(&self, number: u32) -> Result<Vec<(u32, u8)>> {
        if self.has_decisions {
            self.engine(others(&self.tables.decided, number))
        } else {
            Ok(Vec::new())
        }
    }

    /// Link two records by so many bits.
    fn link(&mut self, one: u32, other: u32, bits: f64) -> Result<()> {
        self.linking.set(one, other, Some(bits));
        let linked = self.tables.links.insert(links::key(one, other), bits);
        self.engine(linked)
    }

    fn unlink(&mut self, one: u32, other: u32) -> Result<()> {
        self.linking.set(one, other, None);
        let removed = self.tables.links.remove(links::key(one, other));
        self.engine(removed)
    }

    /// Make a key that grew hot, with so many records, link nobody any more: a revision of the model.
    pub(super) fn stop(
        &mut self,
        keying: Keying,
        texts: Vec<String>,
        name: u64,
        holders: &[u32],
        records: usize,
    ) -> Result<()> {
        self.weigh_waiting()?;
        self.note_stop(&Stop { keying, texts }, name)?;
        for holder in holders {
            self.overlay.set(name, *holder, false);
        }
        match keying {
            Keying::Rule(_) => self.seeds.extend(holders),
            Keying::Blocking(_) => {
                // Whoever was linked, and shares no other key, is so no more.
                let mut linked = Vec::new();
                for holder in holders {
                    let others = self.linking.of(*holder).into_iter().map(|(other, _)| other);
                    let others = others.filter(|other| holder < other);
                    let others = others.filter(|other| holders.binary_search(other).is_ok());
                    linked.extend(others.map(|other| (*holder, other)));
                }
                let sharing: BTreeSet<(u32, u32)> = self.sharing(&linked)?.into_iter().collect();
                for (one, other) in linked.into_iter().filter(|pair| !sharing.contains(pair)) {
                    self.unlink(one, other)?;
                    self.seeds.extend([one, other]);
                }
            }
        }
        self.log_stop(keying, records)
    }

    /// Put down that a key is stopped.
    pub(super) fn note_stop(&mut self, stop: &Stop, name: u64) -> Result<()> {
        let cell = self.put_cell(&stop.bytes())?;
        let noted = self.tables.stops.insert(name, &cell.bytes()[..]);
        self.engine(noted)?;
        Arc::make_mut(&mut self.current).stop(name);
        Ok(())
    }

    pub(super) fn log_stop(&mut self, keying: Keying, records: usize) -> Result<()> {
        let rule = self.current.bound.name(keying).to_owned();
        let reason = Revision::HotKey { rule, records: records as u32 };
        self.log(&Change::Revised { revision: self.current.revision, reason })
    }

    /// Add to the log.
    pub(super) fn log(&mut self, change: &Change<u32>) -> Result<()> {
        let place = &self.shared.cells.place;
        let bytes = postcard::to_allocvec(change).map_err(|e| place.damaged(e.to_string()))?;
        let sequence = self.counters.event;
        self.counters.event += 1;
        let logged = self.tables.events.insert(sequence, &bytes[..]);
        self.engine(logged)
    }

    /// The entity of a record that is there.
    pub(super) fn entity_of_known(&self, key: &RecordKey) -> Result<EntityId> {
        let number = self.number(self.shared.cells.seals.record(key));
        let row = number.and_then(|number| self.alive(number));
        let entity = row.and_then(|row| row.entity);
        let entity = entity.map(|entity| self.shared.cells.seals.entity(entity));
        entity.ok_or_else(|| self.shared.cells.place.damaged("a record went missing"))
    }
}
