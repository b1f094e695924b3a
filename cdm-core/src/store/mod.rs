//! The live population: records come, change and go, and stay resolved, durably.
//!
//! **Live equals batch**: after any history the entities of a store are those that
//! [`Model::resolve`] makes of the records that are in it, by the [model](Store::model) of the store.
//! What a change does is looked for only among the records that keys and links lead to.
//!
//! A store is a folder of two files: `index`, kept by the embedded database redb, holds numbers and
//! hashes; `cells` holds all values, sealed, each in a place that is overwritten once it is not needed
//! any more. See `ARCHITECTURE.md` for the format.

mod bulk;
mod cache;
mod carry;
mod cells;
mod copy;
mod current;
mod event;
mod files;
mod options;
mod reading;
mod record;
mod regroup;
mod seal;
mod tables;
mod verify;
mod writing;

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use redb::Database;

use cache::Cache;
use cells::Cells;
use current::Current;
use record::Names;
use tables::{CANNOT, Cell, MUST, Tables};
use writing::{Counters, Writing};

use crate::bound::BoundRecord;
use crate::cancel::Run;
use crate::error::Result;
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
    flusher: Option<Flusher>,
}

/// What readers and writers share.
struct Shared {
    cells: Cells,
    cache: Mutex<Cache>,
}

struct Inner {
    db: Database,
    shared: Shared,
    durability: Durability,
    writer: Mutex<Writer>,
    current: RwLock<(Arc<Current>, Arc<Names>)>,
    /// The number of the next event, for those who wait for one.
    told: Mutex<u64>,
    tell: Condvar,
    /// Held while the cells are copied: what they hold stays meanwhile.
    copying: RwLock<()>,
}

/// What the one that writes must know.
struct Writer {
    counters: Counters,
    /// Cells that hold nothing any more, as the index has it, but perhaps not yet on the disk.
    pending: Vec<Cell>,
    /// Cells that were overwritten, which the index has not noted yet.
    scrubbed: Vec<Cell>,
    /// Whether there are changes that are not on the disk.
    dirty: bool,
    synced: Instant,
}

/// How things stand after a change.
struct Changed {
    counters: Counters,
    current: Arc<Current>,
    names: Names,
    scrubs: Vec<Cell>,
}

/// Whether a change must be on the disk when the call returns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    AsAgreed,
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
        if let Some(record) = lock(&self.cache).get(number, cell) {
            return Ok(record);
        }
        let bound = Arc::new(current.bound.prepare_light(&self.record(names, number, cell)?)?);
        self.keep(number, cell, &bound);
        Ok(bound)
    }

    /// A record as it was given.
    fn record(&self, names: &Names, number: u32, cell: Cell) -> Result<Record> {
        let record = record::decode(&self.plain(cell)?, names);
        record.ok_or_else(|| self.cells.place.damaged(format!("record {number}")))
    }

    fn keep(&self, number: u32, cell: Cell, record: &Arc<BoundRecord>) {
        lock(&self.cache).put(number, cell, record);
    }

    fn let_go(&self, number: u32) {
        lock(&self.cache).remove(number);
    }
}

impl Inner {
    /// Make a change: all of it or nothing.
    fn write<T>(
        &self,
        when: When,
        change: impl FnOnce(&mut Writing<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut writer = lock(&self.writer);
        let (current, names) = self.current();
        let place = &self.shared.cells.place;
        let durable = when == When::Now
            || match self.durability {
                Durability::EveryCall => true,
                Durability::Grouped { at_most } => writer.synced.elapsed() >= at_most,
                Durability::ByHand => false,
            };
        let mut txn = self.db.begin_write().map_err(|error| place.engine(error))?;
        if !durable {
            let wanted = txn.set_durability(redb::Durability::None);
            wanted.map_err(|error| place.damaged(error.to_string()))?;
        }
        let revision = current.revision;
        let before = (writer.counters.clone(), Arc::clone(&current), Names::clone(&names));
        let changed = self.change(&txn, before, &writer.scrubbed, change);
        let committed = changed.and_then(|changed| {
            if durable {
                self.shared.cells.sync()?;
            }
            txn.commit().map_err(|error| place.engine(error))?;
            Ok(changed)
        });
        let (out, Changed { counters, current, names: new_names, scrubs }) = match committed {
            Ok(changed) => changed,
            Err(error) => {
                // What was put behind the end does not count; it need not stay either. Should that
                // fail, it is cut off when the store is opened again.
                let _ = self.shared.cells.cut(writer.counters.end);
                return Err(error);
            }
        };
        let told = counters.event;
        writer.counters = counters;
        writer.scrubbed.clear();
        writer.pending.extend(scrubs);
        writer.dirty = !durable;
        if current.revision != revision || *names != new_names {
            let mut now = self.current.write().unwrap_or_else(PoisonError::into_inner);
            *now = (current, Arc::new(new_names));
        }
        *lock(&self.told) = told;
        self.tell.notify_all();
        if durable {
            writer.synced = Instant::now();
            self.scrub(&mut writer, when)?;
        }
        Ok(out)
    }

    /// Put a change into a transaction.
    fn change<T>(
        &self,
        txn: &redb::WriteTransaction,
        (counters, current, names): (Counters, Arc<Current>, Names),
        scrubbed: &[Cell],
        change: impl FnOnce(&mut Writing<'_>) -> Result<T>,
    ) -> Result<(T, Changed)> {
        let place = &self.shared.cells.place;
        let tables = Tables::open(txn).map_err(|error| place.engine(error))?;
        let mut writing = Writing::new(&self.shared, tables, counters, current, names);
        let out = change(&mut writing)?;
        writing.settle()?;
        for cell in scrubbed {
            writing.tables.scrubs.remove(cell.place).map_err(|error| place.engine(error))?;
        }
        files::write_meta(&mut writing)?;
        let Writing { counters, current, names, scrubs, .. } = writing;
        Ok((out, Changed { counters, current, names, scrubs }))
    }

    /// Overwrite the cells that hold nothing any more; after that nothing of them is on the disk.
    fn scrub(&self, writer: &mut Writer, when: When) -> Result<()> {
        if writer.pending.is_empty() {
            return Ok(());
        }
        let _gate = if when == When::Now {
            self.copying.write().unwrap_or_else(PoisonError::into_inner)
        } else {
            // A copy is being made: they wait for the next change.
            let Ok(gate) = self.copying.try_write() else { return Ok(()) };
            gate
        };
        for cell in &writer.pending {
            self.shared.cells.scrub(*cell)?;
        }
        if when == When::Now {
            self.shared.cells.sync()?;
        }
        writer.scrubbed.append(&mut writer.pending);
        Ok(())
    }

    fn current(&self) -> (Arc<Current>, Arc<Names>) {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn flush(&self) -> Result<()> {
        if lock(&self.writer).dirty { self.write(When::Now, |_| Ok(())) } else { Ok(()) }
    }
}

impl Store {
    /// Open the store at `path`, a folder; where there is nothing, begin one that `model` resolves.
    ///
    /// # Errors
    /// [`StoreModel`](crate::Error::StoreModel) where it is resolved by another model,
    /// [`StoreKey`](crate::Error::StoreKey) for a wrong key, [`StoreLocked`](crate::Error::StoreLocked)
    /// where it is open already, [`StoreFormat`](crate::Error::StoreFormat) where there is something
    /// else, [`StoreDamaged`](crate::Error::StoreDamaged), and [`StoreIo`](crate::Error::StoreIo).
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
        let flusher = match options.durability {
            Durability::Grouped { at_most } => Some(Flusher::start(&inner, at_most)),
            Durability::EveryCall | Durability::ByHand => None,
        };
        Ok(Self { inner, flusher })
    }

    /// Take a record in, new or changed; with the entity that it is of.
    ///
    /// # Errors
    /// [`UnknownField`](crate::Error::UnknownField) and
    /// [`TooManyValues`](crate::Error::TooManyValues) for a record that does not fit the plan, and
    /// [`StoreIo`](crate::Error::StoreIo); nothing is changed then.
    pub fn upsert(&self, record: &Record) -> Result<EntityId> {
        self.inner.write(When::AsAgreed, |writing| {
            writing.upsert(record)?;
            writing.settle()?;
            let entity = writing.entity_of(&record.key)?;
            entity.ok_or_else(|| self.inner.shared.cells.place.damaged("a record went missing"))
        })
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
            changed += self.inner.write(When::AsAgreed, |writing| {
                records.iter().try_fold(0, |sum, r| Ok(sum + u64::from(writing.upsert(r)?)))
            })?;
        }
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

    /// Wait until every change is on the disk.
    ///
    /// # Errors
    /// [`StoreIo`](crate::Error::StoreIo).
    pub fn flush(&self) -> Result<()> {
        self.inner.flush()
    }
}

/// Puts changes on the disk in time, as long as the store is open.
struct Flusher {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Flusher {
    fn start(inner: &Arc<Inner>, at_most: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (inner, stopped) = (Arc::downgrade(inner), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Acquire) {
                std::thread::park_timeout(at_most);
                let Some(inner) = inner.upgrade() else { return };
                // Whoever writes next is told what is wrong.
                let _ = inner.flush();
            }
        });
        Self { stop, thread }
    }

    /// Returns once the thread has let go of the store.
    fn stop(self) {
        self.stop.store(true, Ordering::Release);
        self.thread.thread().unpark();
        let _ = self.thread.join();
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Some(flusher) = self.flusher.take() {
            flusher.stop();
        }
        // Nobody is there to be told; what was acknowledged as durable is on the disk.
        let _ = self.inner.flush();
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("path", &self.inner.shared.cells.place.0)
            .finish_non_exhaustive()
    }
}
