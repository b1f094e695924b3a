//! One change of a store: what it does to the index, and who is one customer afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use redb::ReadableTable;

use super::Shared;
use super::carry::{Before, carry_over};
use super::current::Current;
use super::event::{Change, Revision};
use super::record::{Names, encode};
use super::regroup::Records;
use super::tables::{CANNOT, Cell, FRESH, MUST, Members, Row, Tables, holders, others};
use crate::bound::{BoundRecord, Keying};
use crate::error::Result;
use crate::schema::{EntityId, Record, RecordKey};

/// Where the next things go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counters {
    pub(super) record: u32,
    pub(super) entity: u32,
    pub(super) event: u64,
    /// Where the cells end.
    pub(super) end: u64,
    /// Bytes of cells that hold nothing any more.
    pub(super) garbage: u64,
}

/// A change under way; nothing of it counts until it is committed.
pub(super) struct Writing<'w> {
    pub(super) shared: &'w Shared,
    pub(super) tables: Tables<'w>,
    pub(super) counters: Counters,
    pub(super) current: Arc<Current>,
    pub(super) names: Names,
    /// Cells that hold nothing any more.
    pub(super) scrubs: Vec<Cell>,
    /// Records whose neighbours may be others now.
    pub(super) seeds: BTreeSet<u32>,
    /// Records whose values are others now.
    changed: BTreeSet<u32>,
    /// Records that went, with the entities that they were in.
    left: BTreeMap<u32, u32>,
}

impl<'w> Writing<'w> {
    pub(super) fn new(
        shared: &'w Shared,
        tables: Tables<'w>,
        counters: Counters,
        current: Arc<Current>,
        names: Names,
    ) -> Self {
        Self {
            shared,
            tables,
            counters,
            current,
            names,
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

    /// The number of a record that is or was in the store.
    pub(super) fn number(&self, key: &RecordKey) -> Result<Option<u32>> {
        let name = self.shared.cells.seals.record(key);
        Ok(self.engine(self.tables.names.get(name))?.map(|number| number.value()))
    }

    pub(super) fn row(&self, number: u32) -> Result<Option<Row>> {
        let Some(row) = self.engine(self.tables.rows.get(number))? else { return Ok(None) };
        let row = Row::read(row.value());
        row.map(Some).ok_or_else(|| self.shared.cells.place.damaged(format!("record {number}")))
    }

    /// The row of a record that is there.
    fn alive(&self, number: u32) -> Result<Option<Row>> {
        Ok(self.row(number)?.filter(|row| row.entity.is_some()))
    }

    fn put_row(&mut self, number: u32, row: Row) -> Result<()> {
        let put = self.tables.rows.insert(number, &row.bytes()[..]).map(|_| ());
        self.engine(put)
    }

    pub(super) fn put_cell(&mut self, plain: &[u8]) -> Result<Cell> {
        let cell = self.shared.cells.write(self.counters.end, plain)?;
        self.counters.end += u64::from(cell.length);
        Ok(cell)
    }

    pub(super) fn drop_cell(&mut self, cell: Cell) -> Result<()> {
        self.counters.garbage += u64::from(cell.length);
        self.scrubs.push(cell);
        let noted = self.tables.scrubs.insert(cell.place, cell.length).map(|_| ());
        self.engine(noted)
    }

    /// A record as the model sees it.
    pub(super) fn bound(&self, number: u32, cell: Cell) -> Result<Arc<BoundRecord>> {
        self.shared.bound(&self.current, &self.names, number, cell)
    }

    /// The same, with all its keys.
    fn bound_whole(&self, number: u32, cell: Cell) -> Result<BoundRecord> {
        self.current.bound.prepare(&self.shared.record(&self.names, number, cell)?)
    }

    /// Whether two records that are there share a key of a blocking rule, by the keys themselves.
    fn shares_key(&self, one: &BoundRecord, other: u32) -> Result<bool> {
        let row = self.alive(other)?;
        let row = row.ok_or_else(|| self.shared.cells.place.damaged("a record went missing"))?;
        let other = self.bound_whole(other, row.cell)?;
        Ok(self.current.shares_key(&self.shared.cells.seals, one, &other))
    }

    fn bound_alive(&self, number: u32) -> Result<Arc<BoundRecord>> {
        match self.alive(number)? {
            Some(row) => self.bound(number, row.cell),
            None => Err(self.shared.cells.place.damaged(format!("record {number} is not there"))),
        }
    }

    /// The number of that key, with a row, which is made where there is none.
    fn number_or_new(&mut self, key: &RecordKey) -> Result<u32> {
        if let Some(number) = self.number(key)? {
            return Ok(number);
        }
        let number = self.counters.record;
        self.counters.record += 1;
        let plain = encode(&Record::new(key.clone()), &mut self.names);
        let cell = self.put_cell(&plain)?;
        self.put_row(number, Row { cell, entity: None })?;
        let name = self.shared.cells.seals.record(key);
        let named = self.tables.names.insert(name, number).map(|_| ());
        self.engine(named)?;
        Ok(number)
    }

    /// Take a record in, new or changed; whether anything is different.
    pub(super) fn upsert(&mut self, record: &Record) -> Result<bool> {
        let bound = self.current.bound.prepare(record)?;
        let Some((number, cell)) = self.take_in(record)? else { return Ok(false) };
        self.index(number, &bound)?;
        let light = self.current.bound.lighten(bound);
        self.shared.keep(number, cell, &Arc::new(light));
        Ok(true)
    }

    /// Put a record down, and undo what its former self did; its number and cell, where anything is
    /// different. It is in no entity yet: which one it is, is found out when all is in its place.
    pub(super) fn take_in(&mut self, record: &Record) -> Result<Option<(u32, Cell)>> {
        let plain = encode(record, &mut self.names);
        let known = match self.number(&record.key)? {
            Some(number) => self.row(number)?.map(|row| (number, row)),
            None => None,
        };
        let number = match known {
            Some((number, row)) => {
                if row.entity.is_some() {
                    if self.shared.plain(row.cell)? == plain {
                        return Ok(None);
                    }
                    let old = self.bound_whole(number, row.cell)?;
                    self.unindex(number, &old)?;
                }
                self.drop_cell(row.cell)?;
                number
            }
            None => {
                let number = self.counters.record;
                self.counters.record += 1;
                let name = self.shared.cells.seals.record(&record.key);
                let named = self.tables.names.insert(name, number).map(|_| ());
                self.engine(named)?;
                number
            }
        };
        let cell = self.put_cell(&plain)?;
        let entity = known.and_then(|(_, row)| row.entity).unwrap_or(FRESH);
        self.put_row(number, Row { cell, entity: Some(entity) })?;
        self.changed.insert(number);
        Ok(Some((number, cell)))
    }

    /// Take a record out; its key stays known to the log, unless it is to be forgotten.
    pub(super) fn remove(&mut self, key: &RecordKey, forget: bool) -> Result<bool> {
        let Some(number) = self.number(key)? else { return Ok(false) };
        let Some(row) = self.row(number)? else { return Ok(false) };
        if let Some(entity) = row.entity {
            let old = self.bound_whole(number, row.cell)?;
            self.unindex(number, &old)?;
            if entity != FRESH {
                self.left.insert(number, entity);
            }
            self.changed.remove(&number);
        } else if !forget {
            return Ok(false);
        }
        self.drop_cell(row.cell)?;
        self.shared.let_go(number);
        if forget {
            for (other, _) in self.engine(others(&self.tables.decided, number))? {
                self.decide(number, other, 0)?;
            }
            let name = self.shared.cells.seals.record(key);
            let unnamed = self.tables.names.remove(name).map(|_| ());
            self.engine(unnamed)?;
            let removed = self.tables.rows.remove(number).map(|_| ());
            self.engine(removed)?;
        } else {
            let plain = encode(&Record::new(key.clone()), &mut self.names);
            let cell = self.put_cell(&plain)?;
            self.put_row(number, Row { cell, entity: None })?;
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
            match (self.number(pair.0)?, self.number(pair.1)?) {
                (Some(left), Some(right)) => (left, right),
                _ => return Ok(false),
            }
        } else {
            (self.number_or_new(pair.0)?, self.number_or_new(pair.1)?)
        };
        let known = self.engine(self.tables.decided.get((left, right)))?.map_or(0, |d| d.value());
        let wanted = known & !remove | add;
        if wanted == known {
            return Ok(false);
        }
        self.decide(left, right, wanted)?;
        for number in [left, right] {
            if self.alive(number)?.is_some() {
                self.seeds.insert(number);
            }
        }
        Ok(true)
    }

    fn decide(&mut self, left: u32, right: u32, decision: u8) -> Result<()> {
        for pair in [(left, right), (right, left)] {
            let set = if decision == 0 {
                self.tables.decided.remove(pair).map(|_| ())
            } else {
                self.tables.decided.insert(pair, decision).map(|_| ())
            };
            self.engine(set)?;
        }
        Ok(())
    }

    /// The keys of a record under some rules, each with its name; but those that are stopped.
    fn keys<'r>(
        &self,
        record: &'r BoundRecord,
        wanted: impl Fn(&Keying) -> bool,
    ) -> Vec<(Keying, Vec<&'r str>, u64)> {
        let (current, seals) = (&self.current, &self.shared.cells.seals);
        let mut keys = Vec::new();
        for keying in current.bound.keyings().filter(wanted) {
            for key in current.bound.keys(keying, record) {
                let name = seals.key(keying, &key);
                if !current.stopped.contains(&name) {
                    keys.push((keying, key, name));
                }
            }
        }
        keys
    }

    /// Let others find a record, and find those that it is like.
    fn index(&mut self, number: u32, record: &BoundRecord) -> Result<()> {
        let most = self.current.bound.model().plan().guards().max_records_per_key;
        let mut candidates: BTreeSet<u32> = BTreeSet::new();
        for (keying, key, name) in self.keys(record, |_| true) {
            let holders = self.engine(holders(&self.tables.keys, name))?;
            if holders.len() >= most as usize {
                self.stop(keying, &key, name, &holders, holders.len() + 1)?;
                continue;
            }
            if let Keying::Blocking(_) = keying {
                candidates.extend(holders);
            }
            let added = self.tables.keys.insert((name, number), ()).map(|_| ());
            self.engine(added)?;
        }
        self.seeds.insert(number);
        candidates.remove(&number);
        for other in candidates {
            let candidate = self.bound_alive(other)?;
            // That they share a key was told by its hash so far.
            if let Some(bits) = self.current.weighs(record, &candidate)
                && self.shares_key(record, other)?
            {
                for pair in [(number, other), (other, number)] {
                    let linked = self.tables.links.insert(pair, bits).map(|_| ());
                    self.engine(linked)?;
                }
            }
        }
        Ok(())
    }

    /// Undo [`index`](Self::index), and remember whom the record was tied to.
    fn unindex(&mut self, number: u32, record: &BoundRecord) -> Result<()> {
        for (keying, _, name) in self.keys(record, |_| true) {
            let removed = self.tables.keys.remove((name, number)).map(|_| ());
            self.engine(removed)?;
            if let Keying::Rule(_) = keying {
                self.seeds.extend(self.engine(holders(&self.tables.keys, name))?);
            }
        }
        for (other, _) in self.engine(others(&self.tables.links, number))? {
            self.unlink(number, other)?;
            self.seeds.insert(other);
        }
        for (other, decision) in self.engine(others(&self.tables.decided, number))? {
            if decision & MUST != 0 && self.alive(other)?.is_some() {
                self.seeds.insert(other);
            }
        }
        self.seeds.remove(&number);
        Ok(())
    }

    fn unlink(&mut self, one: u32, other: u32) -> Result<()> {
        for pair in [(one, other), (other, one)] {
            let removed = self.tables.links.remove(pair).map(|_| ());
            self.engine(removed)?;
        }
        Ok(())
    }

    /// Make a key that grew hot, with so many records, link nobody any more: a revision of the model.
    pub(super) fn stop(
        &mut self,
        keying: Keying,
        key: &[&str],
        name: u64,
        holders: &[u32],
        records: usize,
    ) -> Result<()> {
        let rule = self.current.bound.name(keying).to_owned();
        let texts: Vec<String> = key.iter().map(|text| (*text).to_owned()).collect();
        let stop = super::current::Stop { keying, texts };
        let cell = self.put_cell(&stop.bytes())?;
        let noted = self.tables.stops.insert(name, &cell.bytes()[..]).map(|_| ());
        self.engine(noted)?;
        Arc::make_mut(&mut self.current).stop(name);
        for holder in holders {
            let removed = self.tables.keys.remove((name, *holder)).map(|_| ());
            self.engine(removed)?;
        }
        match keying {
            Keying::Rule(_) => self.seeds.extend(holders),
            Keying::Blocking(_) => {
                for holder in holders {
                    for (other, _) in self.engine(others(&self.tables.links, *holder))? {
                        if *holder > other || holders.binary_search(&other).is_err() {
                            continue;
                        }
                        let Some(row) = self.alive(*holder)? else { continue };
                        let record = self.bound_whole(*holder, row.cell)?;
                        if !self.shares_key(&record, other)? {
                            self.unlink(*holder, other)?;
                            self.seeds.extend([*holder, other]);
                        }
                    }
                }
            }
        }
        let reason = Revision::HotKey { rule, records: records as u32 };
        self.log(&Change::Revised { revision: self.current.revision, reason })
    }

    /// Add to the log.
    pub(super) fn log(&mut self, change: &Change<u32>) -> Result<()> {
        let place = &self.shared.cells.place;
        let bytes = postcard::to_allocvec(change).map_err(|e| place.damaged(e.to_string()))?;
        let sequence = self.counters.event;
        self.counters.event += 1;
        let logged = self.tables.events.insert(sequence, &bytes[..]).map(|_| ());
        self.engine(logged)
    }

    /// All records that links, keys and must-links lead to from one.
    fn component(&self, seed: u32) -> Result<BTreeMap<u32, Arc<BoundRecord>>> {
        let mut found: BTreeMap<u32, Arc<BoundRecord>> = BTreeMap::new();
        let mut open = vec![seed];
        while let Some(number) = open.pop() {
            if found.contains_key(&number) {
                continue;
            }
            let Some(row) = self.alive(number)? else { continue };
            let record = self.bound(number, row.cell)?;
            for (_, _, name) in self.keys(&record, |keying| matches!(keying, Keying::Rule(_))) {
                open.extend(self.engine(holders(&self.tables.keys, name))?);
            }
            open.extend(self.engine(others(&self.tables.links, number))?.iter().map(|(o, _)| *o));
            for (other, decision) in self.engine(others(&self.tables.decided, number))? {
                if decision & MUST != 0 {
                    open.push(other);
                }
            }
            found.insert(number, record);
        }
        Ok(found)
    }

    /// The groups of the records of a component, each group's records sorted by number, with the
    /// lowest key of each.
    fn regroup(
        &self,
        component: &BTreeMap<u32, Arc<BoundRecord>>,
    ) -> Result<Vec<(RecordKey, Vec<u32>)>> {
        if component.len() == 1 {
            let alone =
                component.iter().map(|(number, record)| (record.key().clone(), vec![*number]));
            return Ok(alone.collect());
        }
        let mut in_order: Vec<(u32, Arc<BoundRecord>)> =
            component.iter().map(|(number, record)| (*number, Arc::clone(record))).collect();
        in_order.sort_by(|one, two| one.1.key().cmp(two.1.key()));
        let place: BTreeMap<u32, u32> =
            (0..).zip(&in_order).map(|(place, (number, _))| (*number, place)).collect();
        let (mut links, mut must, mut cannot) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        for (number, left) in &place {
            for (other, bits) in self.engine(others(&self.tables.links, *number))? {
                if let Some(right) = place.get(&other)
                    && left < right
                {
                    links.push((*left, *right, bits));
                }
            }
            for (other, decision) in self.engine(others(&self.tables.decided, *number))? {
                if let Some(right) = place.get(&other)
                    && left < right
                {
                    for (kind, pairs) in [(MUST, &mut must), (CANNOT, &mut cannot)] {
                        if decision & kind != 0 {
                            pairs.insert((*left, *right));
                        }
                    }
                }
            }
        }
        let (seals, current) = (&self.shared.cells.seals, &self.current);
        let records: Vec<Arc<BoundRecord>> = in_order.iter().map(|(_, r)| Arc::clone(r)).collect();
        let records = Records {
            model: &current.bound,
            records: &records,
            links,
            must,
            cannot,
            is_stopped: &|keying, key| {
                !current.stopped.is_empty() && current.stopped.contains(&seals.key(keying, key))
            },
        };
        let mut groups: BTreeMap<u32, (RecordKey, Vec<u32>)> = BTreeMap::new();
        for (group, (number, record)) in records.regroup()?.into_iter().zip(&in_order) {
            let group = groups.entry(group).or_insert_with(|| (record.key().clone(), Vec::new()));
            group.1.push(*number);
        }
        let mut groups: Vec<_> = groups.into_values().collect();
        groups.iter_mut().for_each(|(_, records)| records.sort_unstable());
        Ok(groups)
    }

    /// Find out who is one customer now, and put it down.
    pub(super) fn settle(&mut self) -> Result<()> {
        let seeds = std::mem::take(&mut self.seeds);
        let mut seen: BTreeSet<u32> = BTreeSet::new();
        let mut groups = Vec::new();
        for seed in seeds {
            if seen.contains(&seed) {
                continue;
            }
            let component = self.component(seed)?;
            if component.is_empty() {
                continue;
            }
            seen.extend(component.keys());
            groups.extend(self.regroup(&component)?);
        }
        self.regrouped(groups)
    }

    /// Put groups of records down as entities. They hold whole components.
    pub(super) fn regrouped(&mut self, mut groups: Vec<(RecordKey, Vec<u32>)>) -> Result<()> {
        groups.sort_unstable();
        let groups: Vec<Vec<u32>> = groups.into_iter().map(|(_, records)| records).collect();
        let left = std::mem::take(&mut self.left);
        let changed = std::mem::take(&mut self.changed);
        let mut before = Before::default();
        let mut rows: BTreeMap<u32, Row> = BTreeMap::new();
        for number in groups.iter().flatten() {
            let row = self.alive(*number)?;
            let row =
                row.ok_or_else(|| self.shared.cells.place.damaged("a record went missing"))?;
            rows.insert(*number, row);
            if let Some(entity) = row.entity.filter(|entity| *entity != FRESH) {
                before.records.entry(entity).or_default().push(*number);
            }
        }
        for (record, entity) in left {
            before.records.entry(entity).or_default();
            before.left.insert((entity, record));
        }
        before.records.values_mut().for_each(|records| records.sort_unstable());
        let seals = &self.shared.cells.seals;
        let id = |number| seals.entity(number);
        let carried = carry_over(&before, &groups, &changed, &mut self.counters.entity, id);
        for (entity, heirs) in &carried.ended {
            let heirs: Vec<u8> = heirs.iter().flat_map(|heir| id(*heir).letters()).collect();
            let ended = self.tables.heirs.insert(id(*entity).letters(), &heirs[..]).map(|_| ());
            self.engine(ended)?;
            let gone = self.tables.entities.remove(*entity).map(|_| ());
            self.engine(gone)?;
            let gone = self.tables.ids.remove(id(*entity).letters()).map(|_| ());
            self.engine(gone)?;
        }
        for (entity, records) in carried.entities.iter().zip(groups) {
            let same = before.records.get(entity) == Some(&records);
            for number in &records {
                let row = rows[number];
                if row.entity != Some(*entity) {
                    self.put_row(*number, Row { entity: Some(*entity), ..row })?;
                }
            }
            let lost = before.left.range((*entity, 0)..=(*entity, u32::MAX)).next().is_some();
            if !same || lost {
                let members = Members { id: id(*entity), records };
                let put = self.tables.entities.insert(*entity, &members.bytes()[..]).map(|_| ());
                self.engine(put)?;
                let put = self.tables.ids.insert(members.id.letters(), *entity).map(|_| ());
                self.engine(put)?;
            }
        }
        carried.changes.iter().try_for_each(|change| self.log(change))
    }

    /// The entity of a record that is there.
    pub(super) fn entity_of(&self, key: &RecordKey) -> Result<Option<EntityId>> {
        let Some(number) = self.number(key)? else { return Ok(None) };
        let row = self.alive(number)?;
        Ok(row.and_then(|row| row.entity).map(|entity| self.shared.cells.seals.entity(entity)))
    }
}
