//! The live population: records come, change and go, and stay resolved, durably.
//!
//! **Live equals batch**: after any history the entities of a store are those that
//! [`Model::resolve`] makes of the records that are in it, by the [model](Store::model) of the store.
//! What a change does is looked for only among the records that keys and links lead to.
//!
//! A store is a folder of four files: `index`, kept by the embedded database redb, holds numbers and
//! hashes; `log` has what changed in them lately, until the index does; `keys` says which records have which
//! keys, by hash; `cells` holds all values, sealed, each in a place that is overwritten once it is not needed
//! any more. See `ARCHITECTURE.md` for the format.

mod bulk;
mod cache;
mod carry;
mod catching_up;
mod cells;
mod commit;
mod copy;
mod current;
mod event;
mod files;
mod filter;
mod flushing;
mod gathered;
mod holders;
mod keeping;
mod keys;
mod known;
mod links;
mod log;
mod options;
mod outlines;
mod postings;
mod queue;
mod reading;
mod record;
mod regroup;
mod rows;
mod seal;
mod seen;
mod segment;
mod tables;
#[cfg(test)]
mod testing;
mod verify;
mod weights;
mod writing;

use std::fmt;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use arc_swap::ArcSwap;

use catching_up::Frozen;
use cells::Cells;
use current::Current;
use files::Engine;
use keeping::Keepers;
use links::Links;
use log::Log;
use reading::Snapshot;
use record::Names;
use segment::Segment;
use tables::{CANNOT, Cell, MUST};
use writing::Counters;

use crate::bound::BoundRecord;
use crate::cancel::Run;
use crate::error::{Error, Result};
use crate::plan::Model;
use crate::schema::{EntityId, Record, RecordKey};

pub use bulk::Adoption;
pub use event::{Change, Event, EventRecord, Part, Replay, Revision};
pub use files::Media;
pub use options::{Durability, Options};
pub use reading::{Entity, Golden, Hit, Stats, Subscription};
pub use redb::StorageBackend as Medium;
pub use seal::StoreKey;
pub use verify::Verification;

/// How many records of many are taken in at once: a page of the index that several of them change is
/// written once.
const AT_ONCE: usize = 4096;

/// A store without records takes more than so many in as in batch.
const FEW: usize = 256;

/// A live population of records, resolved by one model.
///
/// Share it between threads: one writes at a time, and any number read meanwhile, each from a
/// consistent snapshot. Another `Store` of the same path, in this process or another, is refused.
///
/// # Examples
/// ```
/// use cdm_core::store::{Options, Store};
/// use cdm_core::{Plan, Record, RecordKey, Run, Table};
/// let plan = Plan::from_json(r#"{
///     "version": 1, "name": "people",
///     "fields": [{"name": "name", "kind": "full_name"}, {"name": "email", "kind": "email"}],
///     "rules": [{"name": "e-mail", "decision": "match", "same": ["email"]}]
/// }"#)?;
/// let model = plan.fit(&Table::from_records(plan.schema().clone(), [])?, &Run::new())?;
/// let folder = tempfile::tempdir().unwrap();
/// let record = |id, email| Record::new(RecordKey::new("crm", id)).with("email", email);
///
/// let store = Store::open(folder.path().join("people"), &model, &Options::new())?;
/// let ann = store.upsert(&record("1", "ann@example.org"))?;
/// assert_eq!(store.upsert(&record("2", "Ann@Example.org"))?, ann);
/// let bob = store.upsert(&record("2", "bob@example.org"))?;
/// assert_ne!(bob, ann);
/// drop(store);
///
/// let store = Store::open(folder.path().join("people"), &model, &Options::new())?;
/// let who = Record::new(RecordKey::new("", "")).with("email", "BOB@example.org");
/// assert_eq!(store.search(&who, 5)?[0].entity, bob);
/// # Ok::<(), cdm_core::Error>(())
/// ```
pub struct Store {
    inner: Arc<Inner>,
    keepers: Option<Keepers>,
}

/// What readers and writers share.
struct Shared {
    cells: Cells,
}

struct Inner {
    /// What is read from now on: whoever reads takes it without waiting for anybody.
    snapshot: ArcSwap<Snapshot>,
    /// Those before it that somebody may still look at.
    outdated: Mutex<Vec<Arc<Snapshot>>>,
    shared: Shared,
    durability: Durability,
    writer: Mutex<Writer>,
    /// What was on its way to the log, or to the index, is there, or not on its way any more.
    rested: Condvar,
    log: Mutex<Log>,
    queue: queue::Queue,
    /// How much of what changed in keys is in memory before it goes to their file.
    recent_keys: usize,
    /// How many bytes of what changed in the index are in memory at most.
    recent_bytes: usize,
    /// How many records are kept ready for a model.
    cached_records: usize,
    /// The id of the next segment of keys.
    next_segment: AtomicU64,
    work: keeping::Work,
    /// The number of the next event, for those who wait for one.
    told: Mutex<u64>,
    tell: Condvar,
    /// Held while the cells are copied: what they hold stays meanwhile.
    copying: RwLock<()>,
    /// All that reads it goes before it does.
    db: Engine,
}

/// What the one that writes must know.
struct Writer {
    counters: Counters,
    /// Who is linked with whom.
    links: Links,
    /// What changed since the log was written, as it is to have it.
    unlogged: Vec<u8>,
    /// Cells that hold nothing any more, though on the disk, perhaps, something is still in them.
    pending: Vec<Cell>,
    /// Cells that were overwritten, which the tables have not noted yet.
    scrubbed: Vec<Cell>,
    /// Segments that are named no more, but perhaps still are on the disk.
    retired: Vec<Arc<Segment>>,
    /// When the first of those changes was made that are not on the disk, nor on their way there.
    since: Option<Instant>,
    /// When whoever made one of those was first told that it is made.
    owed: Option<Instant>,
    /// When the first of those changes was made that are on their way to the log.
    logging: Option<Instant>,
    /// The last number that a batch of the log was given.
    numbered: u64,
    /// Changes that are on their way to the index, or did not get there.
    frozen: Option<Arc<Frozen>>,
    /// Whether somebody is bringing them.
    is_committing: bool,
    /// Whether a change counts, or may, that could not be shown to readers: then there can be no other.
    is_stuck: bool,
}

/// Whether a change must be on the disk when the call returns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    AsAgreed,
    /// As agreed, but the call goes on: nobody is told yet, so that it need not wait for others meanwhile.
    Underway,
    /// It must; what is to be overwritten may wait.
    Durable,
    Now,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// What a cell holds.
    fn plain(&self, cell: Cell) -> Result<Vec<u8>> {
        let plain = self.cells.read(cell)?;
        plain
            .ok_or_else(|| self.cells.place.damaged(format!("the cell at {} is empty", cell.place)))
    }

    /// A record as the model sees it, without the keys of blocking rules.
    fn bound(
        &self,
        current: &Current,
        names: &Names,
        number: u32,
        cell: Cell,
    ) -> Result<Arc<BoundRecord>> {
        if let Some(record) = current.ready(number, cell)? {
            return Ok(record);
        }
        let record = current.read((number, cell), &self.plain(cell)?, names)?;
        record.ok_or_else(|| self.damaged(number))
    }

    /// A record as it was given.
    fn record(&self, names: &Names, number: u32, cell: Cell) -> Result<Record> {
        let record = record::decode(&self.plain(cell)?, names);
        record.ok_or_else(|| self.damaged(number))
    }

    fn damaged(&self, number: u32) -> Error {
        self.cells.place.damaged(format!("record {number}"))
    }

    fn missing(&self, number: u32) -> Error {
        self.cells.place.damaged(format!("record {number} is not there"))
    }
}

impl Store {
    /// Open the store at `path`, a folder; where there is nothing, begin one that `model` resolves.
    ///
    /// # Errors
    /// [`StoreModel`](crate::Error::StoreModel) where it is resolved by another model,
    /// [`StoreKey`](crate::Error::StoreKey) for a wrong key, [`StoreLocked`](crate::Error::StoreLocked)
    /// where it is open already, [`StoreFormat`](crate::Error::StoreFormat) where there is something
    /// else, or a store of a release that sees values otherwise,
    /// [`StoreDamaged`](crate::Error::StoreDamaged), and [`StoreIo`](crate::Error::StoreIo).
    pub fn open(path: impl AsRef<Path>, model: &Model, options: &Options) -> Result<Self> {
        let media = Media::folder(path.as_ref(), files::Missing::Create)?;
        Self::on(media, Some(model), options)
    }

    /// Open the store at `path` with the model that it has.
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`StoreIo`](crate::Error::StoreIo) where there is none.
    pub fn open_existing(path: impl AsRef<Path>, options: &Options) -> Result<Self> {
        let media = Media::folder(path.as_ref(), files::Missing::Fail)?;
        Self::on(media, None, options)
    }

    /// A store that is gone when it is closed; else the same.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn in_memory(model: &Model, options: &Options) -> Result<Self> {
        Self::on(Media::memory(), Some(model), options)
    }

    /// Open a store that lies on other media than files.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn on(media: Media, model: Option<&Model>, options: &Options) -> Result<Self> {
        let inner = Arc::new(files::open(media, model, options)?);
        let keepers = Some(Keepers::start(&inner)?);
        Ok(Self { inner, keepers })
    }

    /// Take a record in, new or changed; with the entity that it is of.
    ///
    /// # Errors
    /// [`UnknownField`](crate::Error::UnknownField) and
    /// [`TooManyValues`](crate::Error::TooManyValues) for a record that does not fit the plan, and
    /// [`StoreIo`](crate::Error::StoreIo); nothing is changed then.
    pub fn upsert(&self, record: &Record) -> Result<EntityId> {
        self.inner.make_way();
        self.inner.upsert(record)
    }

    /// Take many records in; how many were new or changed. Into a store without records all are taken
    /// in or none, as fast as in batch; else some thousands at a time are, and on an error those before
    /// are in.
    ///
    /// # Errors
    /// As [`upsert`](Self::upsert), and [`Cancelled`](crate::Error::Cancelled).
    pub fn upsert_many(&self, records: &[Record], run: &Run) -> Result<u64> {
        if records.len() > FEW && lock(&self.inner.writer).counters.record == 0 {
            return self.load(records, run);
        }
        let (mut changed, total) = (0, records.len() as u64);
        for (done, records) in records.chunks(AT_ONCE).enumerate() {
            run.report("upsert", (done * AT_ONCE) as u64, total)?;
            self.inner.make_way();
            self.inner.flush_meanwhile()?;
            changed += self.inner.write(When::Underway, |writing| writing.upsert_all(records))?;
        }
        self.inner.keep_up()?;
        Ok(changed)
    }

    /// Take a record out; whether it was there. The log keeps its key.
    ///
    /// # Errors
    /// [`StoreIo`](crate::Error::StoreIo).
    pub fn delete(&self, key: &RecordKey) -> Result<bool> {
        self.inner.write(When::AsAgreed, |writing| writing.remove(key, false))
    }

    /// Take a record out and erase it: when this returns, none of its values, nor its key, is in the
    /// files any more, sealed or not; the log has a number in its place. It is on the disk then,
    /// whatever was agreed. What the *model* learned (frequencies of common values, stop keys) is not
    /// the record's alone and stays.
    ///
    /// # Errors
    /// [`StoreIo`](crate::Error::StoreIo).
    pub fn forget(&self, key: &RecordKey) -> Result<bool> {
        self.inner.write(When::Now, |writing| writing.remove(key, true))
    }

    /// Say that two records are one customer, whether they are there yet or not; whether that was
    /// news.
    ///
    /// # Errors
    /// [`StoreIo`](crate::Error::StoreIo).
    pub fn must_link(&self, one: &RecordKey, other: &RecordKey) -> Result<bool> {
        self.inner.write(When::AsAgreed, |writing| writing.decided((one, other), MUST, 0))
    }

    /// Say that two records are not one customer; whether that was news.
    ///
    /// # Errors
    /// [`StoreIo`](crate::Error::StoreIo).
    pub fn cannot_link(&self, one: &RecordKey, other: &RecordKey) -> Result<bool> {
        self.inner.write(When::AsAgreed, |writing| writing.decided((one, other), CANNOT, 0))
    }

    /// Take back what was said with [`must_link`](Self::must_link); whether it had been.
    ///
    /// # Errors
    /// [`StoreIo`](crate::Error::StoreIo).
    pub fn withdraw_must_link(&self, one: &RecordKey, other: &RecordKey) -> Result<bool> {
        self.inner.write(When::AsAgreed, |writing| writing.decided((one, other), 0, MUST))
    }

    /// Take back what was said with [`cannot_link`](Self::cannot_link); whether it had been.
    ///
    /// # Errors
    /// [`StoreIo`](crate::Error::StoreIo).
    pub fn withdraw_cannot_link(&self, one: &RecordKey, other: &RecordKey) -> Result<bool> {
        self.inner.write(When::AsAgreed, |writing| writing.decided((one, other), 0, CANNOT))
    }

    /// Wait until every change that was made up to now is on the disk; others may write meanwhile.
    ///
    /// # Errors
    /// [`StoreIo`](crate::Error::StoreIo).
    pub fn flush(&self) -> Result<()> {
        self.inner.flush()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Whoever waits for events does not close the store.
        if let Some(keepers) = self.keepers.take() {
            keepers.stop();
            // Nobody is there to be told; what was acknowledged as durable is on the disk.
            let _ = self.inner.flush().and_then(|()| self.inner.catch_up_whole());
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("path", &self.inner.shared.cells.place.0)
            .finish_non_exhaustive()
    }
}
