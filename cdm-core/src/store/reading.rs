//! What can be asked of a store: always of one snapshot, which no writer disturbs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, Weak};
use std::time::{Duration, Instant};

use redb::{Database, ReadableDatabase};
use serde::Serialize;

use super::cells::Place;
use super::current::{Current, most_odds_against};
use super::event::{Change, Event, EventRecord};
use super::holders::Holders;
use super::keys::Keys;
use super::known::{Known, Name};
use super::outlines::Likely;
use super::record::{Names, decode};
use super::rows::Rows;
use super::seen::Reading;
use super::tables::{Cell, Row, read_numbers};
use super::writing::Counters;
use super::{Inner, Shared, Store, lock};
use crate::bound::{BoundRecord, Hint, PairScore};
use crate::cancel::Run;
use crate::error::{Error, Result};
use crate::features::Features;
use crate::merge::{GoldenRecord, Merger};
use crate::plan::Model;
use crate::rule::Decision;
use crate::schema::{EntityId, Record, RecordKey};
use crate::table::Table;

/// An entity and its records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entity {
    /// The entity's id.
    pub id: EntityId,
    /// The keys of its records, in order.
    pub records: Vec<RecordKey>,
}

/// An entity that a record may be of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hit {
    /// The entity.
    pub entity: EntityId,
    /// The record of it that is most like.
    pub record: RecordKey,
    /// What is to be said of the two.
    #[serde(flatten)]
    pub score: PairScore,
}

/// What the record of an entity weighs that is most like, the record, and what was known of the two.
type Best = (f64, Arc<BoundRecord>, Hint);

/// The golden record of an entity, with all that it was made of.
pub struct Golden {
    entity: EntityId,
    table: Table,
    features: Features,
    model: Arc<Model>,
}

/// How much is in a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Records.
    pub records: u64,
    /// Entities.
    pub entities: u64,
    /// Events since the beginning.
    pub events: u64,
    /// The revision of the model; 0 is the one that the store began with.
    pub revision: u64,
    /// Keys that grew hot since the model was adopted.
    pub hot_keys: u64,
    /// Scored links.
    pub links: u64,
    /// Keys by which records are found.
    pub keys: u64,
    /// Bytes of the file of cells.
    pub cell_bytes: u64,
    /// Bytes of it that hold nothing any more.
    pub garbage_bytes: u64,
}

impl Golden {
    /// The golden record, under the entity's id in the store.
    ///
    /// # Errors
    /// None that a store's model leads to.
    pub fn record(&self) -> Result<GoldenRecord<'_>> {
        let plan = self.model.plan();
        let sources: Vec<String> = plan.sources().iter().map(|s| s.name.clone()).collect();
        let merger = Merger::new(&self.table, &self.features, plan.survivorship(), &sources)?;
        let mut golden = merger.merge(&self.table.rows_by_key());
        golden.entity_id = self.entity;
        Ok(golden)
    }
}

impl std::fmt::Debug for Golden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Golden").field("entity", &self.entity).finish_non_exhaustive()
    }
}

/// How things stood after a change: as long as somebody has it, nothing of it goes, but for cells.
#[derive(Clone)]
pub(super) struct Snapshot {
    pub(super) tables: Reading,
    pub(super) current: Arc<Current>,
    pub(super) names: Arc<Names>,
    pub(super) rows: Rows,
    pub(super) known: Arc<Known>,
    pub(super) keys: Keys,
    pub(super) counters: Counters,
}

impl Snapshot {
    /// The number of the record with a key of that name.
    pub(super) fn number(&self, name: Name) -> Option<u32> {
        self.known.get(name, |number| self.rows.get(number).is_some())
    }
}

/// The tables as they were committed last, by the change of that number.
pub(super) fn tables(db: &Database, place: &Place, change: u64) -> Result<Reading> {
    let txn = db.begin_read().map_err(|error| place.engine(error))?;
    Reading::open(&txn, change).map_err(|error| place.engine(error))
}

/// One snapshot, looked at.
pub(super) struct View<'s> {
    pub(super) shared: &'s Shared,
    snapshot: Arc<Snapshot>,
}

impl std::ops::Deref for View<'_> {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.snapshot
    }
}

/// Why something could not be read.
pub(super) enum Fault {
    /// A cell was overwritten meanwhile: another snapshot is wanted.
    Gone,
    Error(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::Error(error)
    }
}

pub(super) type Seen<T> = std::result::Result<T, Fault>;

impl View<'_> {
    pub(super) fn engine<T, E: Into<redb::Error>>(
        &self,
        result: std::result::Result<T, E>,
    ) -> Result<T> {
        result.map_err(|error| self.shared.cells.place.engine(error))
    }

    fn damaged(&self, what: impl Into<String>) -> Fault {
        self.shared.cells.place.damaged(what).into()
    }

    pub(super) fn row(&self, number: u32) -> Seen<Option<Row>> {
        Ok(self.rows.get(number))
    }

    fn number_of(&self, key: &RecordKey) -> Option<u32> {
        self.number(self.shared.cells.seals.record(key))
    }

    pub(super) fn record(&self, cell: Cell) -> Seen<Record> {
        let plain = self.shared.cells.read(cell)?.ok_or(Fault::Gone)?;
        decode(&plain, &self.names).ok_or_else(|| self.damaged("a record"))
    }

    fn bound(&self, number: u32, cell: Cell) -> Seen<Arc<BoundRecord>> {
        if let Some(record) = self.current.ready(number, cell)? {
            return Ok(record);
        }
        let plain = self.shared.cells.read(cell)?.ok_or(Fault::Gone)?;
        let record = self.current.read((number, cell), &plain, &self.names)?;
        record.ok_or_else(|| self.damaged(format!("record {number}")))
    }

    /// Whether what that cell has of a record to keep it ready, if anything, is what there is to keep of it.
    pub(super) fn has_kept(&self, cell: Cell, record: &BoundRecord) -> Seen<bool> {
        let plain = self.shared.cells.read(cell)?.ok_or(Fault::Gone)?;
        Ok(self.current.is_pack_of(&plain, record)?)
    }

    /// How many records there are, as it was counted.
    pub(super) fn counted(&self) -> u64 {
        self.counters.alive
    }

    /// The records of an entity, sorted.
    pub(super) fn members(&self, entity: u32) -> Seen<Option<Vec<u32>>> {
        let Some(members) = self.engine(self.tables.entities().get(entity))? else {
            return Ok(None);
        };
        let members = read_numbers(&members);
        members.map(Some).ok_or_else(|| self.damaged(format!("entity {entity}")))
    }

    /// Every record that is there, by number.
    pub(super) fn records(&self) -> Seen<BTreeMap<u32, (Row, Record)>> {
        let mut records = BTreeMap::new();
        for (number, row) in self.engine(self.tables.rows().all())? {
            let row = Row::read(&row).ok_or_else(|| self.damaged(format!("record {number}")))?;
            if row.entity.is_some() {
                records.insert(number, (row, self.record(row.cell)?));
            }
        }
        Ok(records)
    }

    /// The entities that have the records of that one now.
    fn heirs(&self, id: &EntityId) -> Seen<BTreeSet<u32>> {
        let unknown = || Error::UnknownEntity { entity_id: id.to_string() };
        let entity = self.shared.cells.seals.number(id).ok_or_else(unknown)?;
        let (mut open, mut seen, mut live) = (vec![entity], BTreeSet::new(), BTreeSet::new());
        while let Some(entity) = open.pop() {
            if !seen.insert(entity) {
                continue;
            }
            if self.engine(self.tables.entities().get(entity))?.is_some() {
                live.insert(entity);
                continue;
            }
            let heirs = self.engine(self.tables.heirs().get(entity))?.ok_or_else(unknown)?;
            let heirs = read_numbers(&heirs);
            open.extend(heirs.ok_or_else(|| self.damaged("an entity's heirs"))?);
        }
        Ok(live)
    }

    fn search(&self, record: &BoundRecord, most: usize) -> Seen<Vec<Hit>> {
        let (bound, seals) = (&self.current.bound, &self.shared.cells.seals);
        let rules = bound.model().plan().rules();
        let names = seals.keys(bound, record, |_| true).into_iter().map(|(_, name)| name);
        let names = names.filter(|name| !self.current.stopped.contains(name));
        let mut candidates = Holders::new(&self.keys, names)?.all().to_vec();
        candidates.sort_unstable();
        candidates.dedup();
        // What is to be said of a pair takes longer than what it weighs: it is said of the best alone.
        let mut best: HashMap<u32, Best> = HashMap::new();
        // The likeliest come first: once there are so many, most others cannot be among them.
        let (likeness, mut most_odds) = (bound.likeness(record), f64::INFINITY);
        let (last, mut least) = (most.max(1) - 1, None);
        let (outlines, all) = (&self.current.outlines, (f64::INFINITY, !rules.is_empty()));
        for likely in outlines.likely(likeness.as_ref(), &self.rows, &candidates, all) {
            let Likely { odds, number, hint } = likely;
            if odds > most_odds {
                break;
            }
            let Some(Row { cell, entity: Some(entity) }) = self.row(number)? else { continue };
            let candidate = self.bound(number, cell)?;
            if candidate.key() == record.key() || !bound.may_pair(record, &candidate) {
                continue;
            }
            let (left, right) = if record.key() <= candidate.key() {
                (record, &*candidate)
            } else {
                (&*candidate, record)
            };
            let rule = bound.decide(left, right).map(|rule| rules[rule].decision);
            let weighs = match rule {
                Some(Decision::Never) => continue,
                Some(Decision::Match) => f64::INFINITY,
                None => match &likeness {
                    Some(likeness) => {
                        let weight = likeness.weight_within(hint, (left, right), most_odds);
                        candidate.readable()?;
                        let Some(weight) = weight else { continue };
                        weight.bits()
                    }
                    None => bound.weight(left, right).unwrap_or_default().bits(),
                },
            };
            candidate.readable()?;
            let is_better = best.get(&entity).is_none_or(|(known, of, _)| {
                weighs.total_cmp(known).then_with(|| of.key().cmp(candidate.key())).is_gt()
            });
            if is_better {
                best.insert(entity, (weighs, candidate, hint));
                // What weighs no more than the last of the best changes nothing about them.
                if best.len() > last && least.is_none_or(|least| weighs > least) {
                    let mut weights: Vec<f64> = best.values().map(|(weight, ..)| *weight).collect();
                    let by_weight = |one: &f64, other: &f64| other.total_cmp(one);
                    let of_last = *weights.select_nth_unstable_by(last, by_weight).1;
                    (least, most_odds) = (Some(of_last), most_odds_against(of_last));
                }
            }
        }
        let mut hits: Vec<(u32, Best)> = best.into_iter().collect();
        // No two have the same key, so that the order is one.
        hits.sort_unstable_by(|(_, one), (_, other)| {
            other.0.total_cmp(&one.0).then_with(|| one.1.key().cmp(other.1.key()))
        });
        hits.truncate(most);
        let hit = |(entity, (_, candidate, hint)): (u32, Best)| {
            let score = bound.score_by(hint, record, &candidate);
            candidate.readable()?;
            Ok(Hit { entity: seals.entity(entity), record: candidate.key().clone(), score })
        };
        hits.into_iter().map(hit).collect()
    }

    pub(super) fn key_of(&self, number: u32) -> Seen<Option<RecordKey>> {
        match self.row(number)? {
            Some(row) => Ok(Some(self.record(row.cell)?.key)),
            None => Ok(None),
        }
    }
}

impl Inner {
    /// Answer from one snapshot; from a newer one where what it wants was erased meanwhile.
    pub(super) fn read<T>(&self, answer: impl Fn(&View<'_>) -> Seen<T>) -> Result<T> {
        self.shared.cells.place.guarded(|| self.read_now(answer))
    }

    fn read_now<T>(&self, answer: impl Fn(&View<'_>) -> Seen<T>) -> Result<T> {
        /// Twice is rare; so often, and it is no accident.
        const TRIES: usize = 1000;
        let place = &self.shared.cells.place;
        for _ in 0..TRIES {
            let view = View { shared: &self.shared, snapshot: self.snapshot() };
            match answer(&view) {
                Ok(answer) => return Ok(answer),
                Err(Fault::Error(error)) => return Err(error),
                Err(Fault::Gone) => {}
            }
        }
        Err(place.damaged("cells are empty that the index says are not"))
    }
}

impl Store {
    /// A record as it was given.
    ///
    /// # Errors
    /// [`StoreDamaged`](Error::StoreDamaged) and [`StoreIo`](Error::StoreIo); so for whatever is read.
    pub fn get(&self, key: &RecordKey) -> Result<Option<Record>> {
        self.inner.read(|view| {
            let Some(number) = view.number_of(key) else { return Ok(None) };
            match view.row(number)? {
                Some(row) if row.entity.is_some() => Ok(Some(view.record(row.cell)?)),
                _ => Ok(None),
            }
        })
    }

    /// The entity of a record.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn entity_of(&self, key: &RecordKey) -> Result<Option<EntityId>> {
        self.inner.read(|view| {
            let Some(number) = view.number_of(key) else { return Ok(None) };
            let entity = view.row(number)?.and_then(|row| row.entity);
            Ok(entity.map(|entity| view.shared.cells.seals.entity(entity)))
        })
    }

    /// The entity of that id; where it is no more, those that have its records now, none where they
    /// were deleted.
    ///
    /// # Errors
    /// [`UnknownEntity`](Error::UnknownEntity) where there never was one, and as [`get`](Self::get).
    pub fn entity(&self, id: &EntityId) -> Result<Vec<Entity>> {
        self.inner.read(|view| {
            let mut entities = Vec::new();
            for entity in view.heirs(id)? {
                let members = view.members(entity)?;
                let members = members.ok_or_else(|| view.damaged(format!("entity {entity}")))?;
                let keys = members.iter().map(|number| view.key_of(*number));
                let keys: Vec<Option<RecordKey>> = keys.collect::<Seen<_>>()?;
                let mut records: Vec<RecordKey> = keys.into_iter().flatten().collect();
                records.sort_unstable();
                entities.push(Entity { id: view.shared.cells.seals.entity(entity), records });
            }
            Ok(entities)
        })
    }

    /// The golden record of an entity, or of the one that has its records now; `None` where those are
    /// none or several.
    ///
    /// # Errors
    /// As [`entity`](Self::entity).
    pub fn golden(&self, id: &EntityId) -> Result<Option<Golden>> {
        self.inner.read(|view| {
            let heirs: Vec<u32> = view.heirs(id)?.into_iter().collect();
            let [entity] = heirs[..] else { return Ok(None) };
            let members = view.members(entity)?;
            let members = members.ok_or_else(|| view.damaged(format!("entity {entity}")))?;
            let mut records = Vec::new();
            for number in &members {
                let row =
                    view.row(*number)?.ok_or_else(|| view.damaged(format!("record {number}")))?;
                records.push(view.record(row.cell)?);
            }
            let model = view.current.bound.shared_model();
            let table = Table::from_records(model.plan().schema().clone(), &records)?;
            let features = model.features(&table, &Run::new())?;
            let entity = view.shared.cells.seals.entity(entity);
            Ok(Some(Golden { entity, table, features, model }))
        })
    }

    /// Who a record, perhaps of a few fields only, may be: at most so many entities, the likeliest
    /// first. Nothing is stored.
    ///
    /// Those come first with a record that a match rule holds for, then by match weight; ties go to
    /// the lowest record key. An entity of which a `never` rule forbids the record that is most like
    /// is judged by the others. The record's key matters only where sources hold each customer once,
    /// and where it is in the store, in which case it is not found itself.
    ///
    /// # Errors
    /// [`UnknownField`](Error::UnknownField) and [`TooManyValues`](Error::TooManyValues), and as
    /// [`get`](Self::get).
    pub fn search(&self, record: &Record, most: usize) -> Result<Vec<Hit>> {
        self.inner.read(|view| {
            let bound = view.current.bound.prepare(record)?;
            view.search(&bound, most)
        })
    }

    /// The events after number `since`, at most so many, in order.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn events(&self, since: u64, most: usize) -> Result<Vec<Event>> {
        self.inner.read(|view| {
            let mut events = Vec::new();
            let events_since = view.tables.events().range(since.saturating_add(1).., most);
            for (sequence, change) in view.engine(events_since)? {
                let change: Change<u32> = postcard::from_bytes(&change)
                    .map_err(|_| view.damaged(format!("event {sequence}")))?;
                let mut name = |number| Ok(EventRecord { number, key: view.key_of(number)? });
                let change = change.map(&mut name).map_err(|fault: Fault| fault)?;
                events.push(Event { sequence, change });
            }
            Ok(events)
        })
    }

    /// Wait for what happens after event number `since`.
    #[must_use]
    pub fn subscribe(&self, since: u64) -> Subscription {
        Subscription { inner: Arc::downgrade(&self.inner), since }
    }

    /// How much there is.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn stats(&self) -> Result<Stats> {
        self.inner.read(|view| {
            let counters = &view.counters;
            Ok(Stats {
                records: counters.alive,
                entities: view.engine(view.tables.entities().len())?,
                events: view.engine(view.tables.events().len())?,
                revision: view.current.revision,
                hot_keys: view.current.stopped.len() as u64,
                links: view.engine(view.tables.links().len())?,
                keys: counters.keys,
                cell_bytes: counters.end,
                garbage_bytes: counters.garbage,
            })
        })
    }

    /// The model that the store is resolved by, with the keys that have grown hot.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn model(&self) -> Result<Model> {
        self.inner.read(|view| {
            let stops = super::files::stops(&view.tables, &view.shared.cells)?;
            Ok(view.current.model(&stops)?)
        })
    }
}

/// A place in the log, from which events are taken as they come.
///
/// It does not keep the store open.
#[derive(Debug, Clone)]
pub struct Subscription {
    inner: Weak<Inner>,
    since: u64,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").finish_non_exhaustive()
    }
}

impl Subscription {
    /// The number of the last event that was taken: where to go on another time.
    #[must_use]
    pub fn since(&self) -> u64 {
        self.since
    }

    /// The next events, at least one and at most so many; none after `timeout`, or once the store is
    /// closed.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub fn next(&mut self, most: usize, timeout: Duration) -> Result<Vec<Event>> {
        let until = Instant::now() + timeout;
        loop {
            let Some(inner) = self.inner.upgrade() else { return Ok(Vec::new()) };
            let store = Store { inner, keepers: None };
            let events = store.events(self.since, most)?;
            if let Some(last) = events.last() {
                self.since = last.sequence;
                return Ok(events);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Vec::new());
            }
            // Short waits, so that a store that is closed meanwhile is not held open.
            let told = lock(&store.inner.told);
            if *told <= self.since + 1 {
                let wait = left.min(Duration::from_millis(50));
                let waited = store.inner.tell.wait_timeout(told, wait);
                drop(waited.unwrap_or_else(PoisonError::into_inner));
            }
        }
    }
}
