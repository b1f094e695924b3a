//! The files of a store: which there are, what the index says of the store, and whether it fits.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Condvar, Mutex, RwLock};

use arc_swap::ArcSwap;
use redb::backends::{FileBackend, InMemoryBackend};
use redb::{Builder, Database, ReadableDatabase, ReadableTable, StorageBackend, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::cells::{Cells, FIRST, Place};
use super::current::{Current, Stop};
use super::keys::{Keys, Layers, Recent, read_run};
use super::known::Known;
use super::links::{self, Links};
use super::log::Log;
use super::queue::Queue;
use super::reading::Snapshot;
use super::record::Names;
use super::rows::Rows;
use super::seal::Seals;
use super::seen::{Changes, Index, Reading};
use super::segment::Pool;
use super::tables::{Cell, META, NAMES, Row};
use super::writing::{Counters, Writing};
use super::{Inner, Options, Shared, Writer};
use crate::bound::{BoundModel, EDITION};
use crate::error::{Error, Result};
use crate::plan::Model;

/// The version of the format that this library reads and writes.
pub(super) const VERSION: u32 = 3;

/// The first version, of stores without a log. It and those since are read as well.
const WITHOUT_LOG: u32 = 1;

/// The [`EDITION`] by which stores were resolved that do not say so.
const FIRST_EDITION: u32 = 1;

/// What the seal of the key check says.
const CHECK: &[u8] = b"the key fits";

/// Where a store lies: its index, its log, its keys and its cells.
pub struct Media {
    pub(super) index: Box<dyn StorageBackend>,
    pub(super) log: Box<dyn StorageBackend>,
    pub(super) keys: Box<dyn StorageBackend>,
    pub(super) cells: Box<dyn StorageBackend>,
    pub(super) place: Place,
}

/// Begin to write to the index. Whoever opens it after a crash need not read all of it then.
pub(super) fn begin_write(db: &Database) -> std::result::Result<WriteTransaction, redb::Error> {
    let mut txn = db.begin_write()?;
    txn.set_quick_repair(true);
    Ok(txn)
}

/// The database of an open store.
pub(super) struct Engine(Option<Database>);

impl Engine {
    pub(super) fn get(&self) -> std::result::Result<&Database, redb::Error> {
        self.0.as_ref().ok_or(redb::Error::PreviousIo)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let db = self.0.take();
        // It closes with a last commit, and panics where a page is not what it should be. All that anybody was told
        // is on the disk by now.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(db)));
    }
}

/// What to do where there is no store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Create,
    Fail,
}

/// A medium behind a pointer, as the engine wants one of its own.
#[derive(Debug)]
pub(super) struct Boxed(pub(super) Box<dyn StorageBackend>);

impl StorageBackend for Boxed {
    fn len(&self) -> std::io::Result<u64> {
        self.0.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        self.0.read(offset, out)
    }
    fn set_len(&self, len: u64) -> std::io::Result<()> {
        self.0.set_len(len)
    }
    fn sync_data(&self) -> std::io::Result<()> {
        self.0.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.0.write(offset, data)
    }
    fn close(&self) -> std::io::Result<()> {
        self.0.close()
    }
    fn try_lock_range(
        &self,
        start: std::ops::Bound<u64>,
        end: std::ops::Bound<u64>,
    ) -> std::result::Result<bool, redb::BackendError> {
        self.0.try_lock_range(start, end)
    }
    fn try_lock_shared_range(
        &self,
        start: std::ops::Bound<u64>,
        end: std::ops::Bound<u64>,
    ) -> std::result::Result<bool, redb::BackendError> {
        self.0.try_lock_shared_range(start, end)
    }
    fn unlock_range(
        &self,
        start: std::ops::Bound<u64>,
        end: std::ops::Bound<u64>,
    ) -> std::result::Result<(), redb::BackendError> {
        self.0.unlock_range(start, end)
    }
}

impl Media {
    /// Media of one's own; `name` is what errors call the store.
    #[must_use]
    pub fn new(
        name: impl AsRef<Path>,
        index: Box<dyn StorageBackend>,
        log: Box<dyn StorageBackend>,
        keys: Box<dyn StorageBackend>,
        cells: Box<dyn StorageBackend>,
    ) -> Self {
        Self { index, log, keys, cells, place: Place(name.as_ref().to_owned()) }
    }

    /// Memory.
    #[must_use]
    pub fn memory() -> Self {
        let medium = || Box::new(InMemoryBackend::new());
        Self::new("in memory", medium(), medium(), medium(), medium())
    }

    /// Four files in a folder.
    pub(super) fn folder(path: &Path, missing: Missing) -> Result<Self> {
        let place = Place(path.to_owned());
        let io = |source| place.io(source);
        if missing == Missing::Create {
            fs::create_dir_all(path).map_err(io)?;
        }
        super::copy::finish_compaction(path).map_err(io)?;
        let open = |name: &str, missing: Missing| -> Result<Box<dyn StorageBackend>> {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(missing == Missing::Create).truncate(false);
            let file = options.open(path.join(name)).map_err(io)?;
            Ok(Box::new(FileBackend::new(file).map_err(|error| place.engine(error))?))
        };
        let index = open("index", missing)?;
        let (keys, cells) = (open("keys", missing)?, open("cells", missing)?);
        // Older stores have none.
        let log = open("log", Missing::Create)?;
        if missing == Missing::Create
            && let Ok(folder) = fs::File::open(path)
        {
            // So that the names of new files outlast a crash; not all systems can.
            let _ = folder.sync_all();
        }
        Ok(Self { index, log, keys, cells, place })
    }
}

/// What the index says of the store as a whole.
#[derive(Serialize, Deserialize)]
struct Facts {
    record: u32,
    entity: u32,
    event: u64,
    end: u64,
    garbage: u64,
    alive: u64,
    keys: u64,
    run: u64,
    swept: u64,
    revision: u64,
    names: Names,
}

/// How many of the bytes that may be kept in memory are for the file of keys: it is asked a hundred times for
/// every record, the index a few times.
fn for_keys(options: &Options) -> usize {
    options.cached_bytes / 4 * 3
}

fn put(writing: &mut Writing<'_>, name: &'static str, value: &[u8]) -> Result<()> {
    let put = writing.tables.meta.insert(name, value);
    writing.engine(put)
}

/// Where things stand, in bytes.
pub(super) fn facts(
    place: &Place,
    counters: &Counters,
    names: &Names,
    revision: u64,
) -> Result<Vec<u8>> {
    let Counters { record, entity, event, end, garbage, alive, keys, run, swept } = *counters;
    let names = names.clone();
    let facts =
        Facts { record, entity, event, end, garbage, alive, keys, run, swept, revision, names };
    postcard::to_allocvec(&facts).map_err(|error| place.damaged(error.to_string()))
}

/// Put the model down, and what tells it from others, which is returned.
pub(super) fn write_model(writing: &mut Writing<'_>, model: &Model) -> Result<[u8; 16]> {
    let json = model.to_json();
    let cell = writing.put_cell(json.as_bytes())?;
    put(writing, "model", &cell.bytes())?;
    let print = writing.shared.cells.seals.print(json.as_bytes());
    put(writing, "print", &print)?;
    Ok(print)
}

/// Open what lies on `media`, or begin a store there where a model is given.
pub(super) fn open(media: Media, model: Option<&Model>, options: &Options) -> Result<Inner> {
    let place = media.place.clone();
    place.guarded(|| open_now(media, model, options))
}

fn open_now(media: Media, model: Option<&Model>, options: &Options) -> Result<Inner> {
    let Media { index, log, keys, cells, place } = media;
    let media = Others { log, keys, cells };
    let mut builder = Builder::new();
    builder.set_cache_size(options.cached_bytes - for_keys(options));
    let db = builder.create_with_backend(Boxed(index)).map_err(|error| match error.into() {
        redb::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            let found = "its `index` is something else".to_owned();
            Error::StoreFormat { path: place.0.clone(), found, wanted: VERSION }
        }
        redb::Error::UpgradeRequired(version) => {
            let found = format!("its `index` is of an engine of version {version}");
            Error::StoreFormat { path: place.0.clone(), found, wanted: VERSION }
        }
        other => place.engine(other),
    })?;
    let txn = db.begin_read().map_err(|error| place.engine(error))?;
    let meta = match txn.open_table(META) {
        Ok(meta) => Some(meta),
        Err(redb::TableError::TableDoesNotExist(_)) => None,
        Err(error) => return Err(place.engine(error)),
    };
    let fact = |name: &str| -> Result<Option<Vec<u8>>> {
        let Some(meta) = &meta else { return Ok(None) };
        let value = meta.get(name).map_err(|error| place.engine(error))?;
        Ok(value.map(|value| value.value().to_vec()))
    };
    if let Some(format) = fact("format")? {
        let found = format.try_into().map(u32::from_le_bytes).unwrap_or_default();
        if !(WITHOUT_LOG..=VERSION).contains(&found) {
            let found = format!(
                "it has version {found}; export it with a release that knows that one, and import it here"
            );
            return Err(Error::StoreFormat { path: place.0.clone(), found, wanted: VERSION });
        }
        let edition = fact("edition")?.map(|edition| edition.try_into().map(u32::from_le_bytes));
        let edition = edition.map_or(FIRST_EDITION, std::result::Result::unwrap_or_default);
        if edition != EDITION {
            let found = format!(
                "it was resolved by a release that sees values otherwise (edition {edition}, this one has {EDITION}); export it with that release, and import it here"
            );
            return Err(Error::StoreFormat { path: place.0.clone(), found, wanted: VERSION });
        }
        drop(meta);
        drop(txn);
        return open_existing((db, found), media, place, model, options);
    }
    let begun = fact("begun")?.is_some();
    drop(meta);
    drop(txn);
    let Some(model) = model else {
        let found = "there is none".to_owned();
        return Err(Error::StoreFormat { path: place.0.clone(), found, wanted: VERSION });
    };
    let length = media.cells.len().map_err(|error| place.io(error))?;
    if !begun && length > FIRST {
        return Err(place.damaged("there are cells, but the `index` is empty"));
    }
    begin(db, media, place, model, options)
}

/// The files but for the index.
struct Others {
    log: Box<dyn StorageBackend>,
    keys: Box<dyn StorageBackend>,
    cells: Box<dyn StorageBackend>,
}

fn begin(
    db: Database,
    Others { log, keys, cells }: Others,
    place: Place,
    model: &Model,
    options: &Options,
) -> Result<Inner> {
    let engine = |error: redb::Error| place.engine(error);
    // Should it end before the rest is there, the next one may begin anew.
    let txn = begin_write(&db).map_err(engine)?;
    {
        let mut index = Index::open(&txn).map_err(|error| engine(error.into()))?;
        index.meta.insert("begun", &[][..]).map_err(|error| engine(error.into()))?;
    }
    txn.commit().map_err(|error| engine(error.into()))?;
    let mut salt = [0; 32];
    getrandom::fill(&mut salt).map_err(|_| place.io(std::io::Error::other("no randomness")))?;
    let seals = Seals::new(&salt, options.key.as_ref());
    let check = seals.seal(0, CHECK);
    let check = check.ok_or_else(|| place.io(std::io::Error::other("no randomness")))?;
    let log = Log::create(log, seals.clone(), place.clone())?;
    let cells = Cells::create(cells, seals, place.clone())?;
    let pool = Pool::create(keys, place.clone(), for_keys(options))?;
    let bound = BoundModel::new(Arc::new(model.clone()))?;
    let print = cells.seals.print(model.to_json().as_bytes());
    let current = Current::new((bound, &print), 0, options.cached_records);
    let counters = Counters { event: 1, end: FIRST, run: 1, ..Counters::default() };
    let keys = Keys::empty(pool);
    let tables = super::reading::tables(&db, &place, keys.change)?;
    let seen = (tables, current, Names::default(), Rows::default(), Arc::default());
    let writing = (counters, Links::default());
    let inner = assemble((db, log, 0), cells, keys, seen, writing, options);
    inner.write_all(super::When::Now, |writing| {
        let encrypted = [u8::from(options.key.is_some())];
        for (name, value) in [
            ("salt", &salt[..]),
            ("check", &check[..]),
            ("encrypted", &encrypted[..]),
            ("format", &VERSION.to_le_bytes()[..]),
            // Keys and links that another one made would not fit those of this one.
            ("edition", &EDITION.to_le_bytes()[..]),
        ] {
            put(writing, name, value)?;
        }
        write_model(writing, model).map(|_| ())
    })?;
    Ok(inner)
}

/// What the index says of a store, as it must.
fn known_fact(tables: &Reading, place: &Place, name: &str) -> Result<Vec<u8>> {
    let value = tables.meta(name).map_err(|error| place.engine(error))?;
    value.ok_or_else(|| place.damaged(format!("it lacks its {name}")))
}

/// Make a store of an older version, of which the index and the log up to that batch say so much, one of this, so
/// that no older release opens it from now on.
fn upgrade(db: &Database, tables: &Reading, logged: u64, place: &Place) -> Result<()> {
    let engine = |error: redb::Error| place.engine(error);
    let txn = begin_write(db).map_err(engine)?;
    upgrade_index(&txn, tables, logged, place)?;
    txn.delete_table(NAMES).map_err(|error| engine(error.into()))?;
    drop(Index::open(&txn).map_err(|error| engine(error.into()))?);
    txn.commit().map_err(|error| engine(error.into()))
}

fn upgrade_index(
    txn: &WriteTransaction,
    tables: &Reading,
    logged: u64,
    place: &Place,
) -> Result<()> {
    let engine = |error: redb::Error| place.engine(error);
    let mut index = Index::open(txn).map_err(|error| engine(error.into()))?;
    tables.put_into(&mut index).map_err(|error| engine(error.into()))?;
    // The names of records were in a table of their own, by name.
    for (name, number) in tables.names().all().map_err(|error| engine(error.into()))? {
        let row = index.rows.get(number).map_err(|error| engine(error.into()))?;
        let row = row.and_then(|row| Row::read(row.value()));
        let row = row.ok_or_else(|| place.damaged(format!("record {number}")))?;
        let put = index.rows.insert(number, &row.bytes(name)[..]).map(|_| ());
        put.map_err(|error| engine(error.into()))?;
    }
    // Links were there both ways round.
    let kept = index.links.retain(|(one, other), _| links::key(one, other) == (one, other));
    kept.map_err(|error| engine(error.into()))?;
    for (name, value) in
        [("log", &logged.to_le_bytes()[..]), ("format", &VERSION.to_le_bytes()[..])]
    {
        let put = index.meta.insert(name, value).map(|_| ());
        put.map_err(|error| engine(error.into()))?;
    }
    Ok(())
}

/// Open the log of a store of which the index has these tables; with what the index lacks, and the last number
/// that a batch was given.
fn open_log(
    tables: &Reading,
    medium: Box<dyn StorageBackend>,
    seals: &Seals,
    place: &Place,
) -> Result<(Log, Changes, u64)> {
    let logged = known_fact(tables, place, "log")?.try_into().map(u64::from_le_bytes);
    let logged = logged.map_err(|_| place.damaged("how much of its log it has"))?;
    let (log, new) = Log::open(medium, seals.clone(), place.clone(), logged)?;
    let mut changes = Changes::default();
    for batch in &new.batches {
        let batch = Changes::logged(batch);
        changes.followed_by(batch.map_err(|_| place.damaged("a batch of its log"))?);
    }
    Ok((log, changes, new.highest))
}

/// The rows of all records, and their numbers by the names of their keys.
fn read_rows(tables: &Reading, place: &Place) -> Result<(Rows, Arc<Known>)> {
    let (mut rows, mut named) = (Rows::default(), Vec::new());
    for (number, bytes) in tables.rows().all().map_err(|error| place.engine(error))? {
        let row = Row::read(&bytes).filter(|row| row.cell.length > 0).zip(Row::name(&bytes));
        let (row, name) = row.ok_or_else(|| place.damaged(format!("record {number}")))?;
        rows.set(number, Some(row));
        named.push((name, number));
    }
    let mut known = Arc::default();
    Known::add(&mut known, &named);
    Ok((rows, known))
}

fn read_links(tables: &Reading, place: &Place) -> Result<Links> {
    let linked = tables.links().all().map_err(|error| place.engine(error))?;
    Ok(Links::new(&linked))
}

fn open_existing(
    (db, version): (Database, u32),
    Others { log, keys, cells: medium }: Others,
    place: Place,
    model: Option<&Model>,
    options: &Options,
) -> Result<Inner> {
    let engine = |error: redb::Error| place.engine(error);
    let tables = super::reading::tables(&db, &place, 0)?;
    let fact = |name| known_fact(&tables, &place, name);
    let wrong = |what| Error::StoreKey { path: place.0.clone(), what };
    match (fact("encrypted")?.first(), &options.key) {
        (Some(1), None) => return Err(wrong("it is encrypted: give its key")),
        (Some(0), Some(_)) => return Err(wrong("it is not encrypted: give no key")),
        _ => {}
    }
    let salt: Option<[u8; 32]> = fact("salt")?.try_into().ok();
    let salt = salt.ok_or_else(|| place.damaged("its salt"))?;
    let seals = Seals::new(&salt, options.key.as_ref());
    if seals.open(0, &fact("check")?).is_none_or(|check| check != CHECK) {
        return Err(match options.key {
            Some(_) => wrong("that is not its key"),
            None => place.damaged("its salt"),
        });
    }
    let (log, changes, numbered) = if version == WITHOUT_LOG {
        (Log::create(log, seals.clone(), place.clone())?, Changes::default(), 0)
    } else {
        open_log(&tables, log, &seals, &place)?
    };
    // The index gets what it lacks while others read and write.
    let mut tables = tables.after(changes, 0);
    if version != VERSION {
        upgrade(&db, &tables, numbered, &place)?;
        tables = super::reading::tables(&db, &place, 0)?;
    }
    let fact = |name| known_fact(&tables, &place, name);
    let facts: Facts = postcard::from_bytes(&fact("facts")?)
        .map_err(|error| place.damaged(format!("its facts: {error}")))?;
    let cells = Cells::open(medium, seals, place.clone(), facts.end)?;
    let cell = Cell::read(&fact("model")?).ok_or_else(|| place.damaged("its model"))?;
    let json = cells.read(cell)?.ok_or_else(|| place.damaged("its model"))?;
    let json = String::from_utf8(json).map_err(|_| place.damaged("its model"))?;
    let print = fact("print")?;
    if let Some(model) = model
        && print != cells.seals.print(model.to_json().as_bytes())
    {
        return Err(Error::StoreModel { path: place.0.clone() });
    }
    let mut stopped = BTreeSet::new();
    for (name, _) in tables.stops().all().map_err(|error| engine(error.into()))? {
        stopped.insert(name);
    }
    let bound = BoundModel::new(Arc::new(Model::from_json(&json)?))?;
    let mut current = Current::new((bound, &print), facts.revision, options.cached_records);
    current.stopped = stopped;
    // Each takes a good part of the time that a store takes to be opened.
    let (links, rows) = rayon::join(|| read_links(&tables, &place), || read_rows(&tables, &place));
    let (links, (rows, known)) = (links?, rows?);
    let scrubs = tables.scrubs().all().map_err(|error| engine(error.into()))?;
    let pending: Vec<Cell> =
        scrubs.into_iter().map(|(place, length)| Cell { place, length }).collect();
    let layers = tables.meta("keys").map_err(|error| engine(error.into()))?;
    let layers = layers.map_or(Some(Layers::default()), |bytes| Layers::read(&bytes));
    let layers = layers.ok_or_else(|| place.damaged("its list of keys"))?;
    let Layers { segments, merged } = layers;
    let (pool, segments) = Pool::open(keys, place.clone(), for_keys(options), &segments)?;
    let recent = Recent::new();
    let runs = tables.runs().range(merged + 1.., usize::MAX);
    for (number, run) in runs.map_err(|error| engine(error.into()))? {
        let postings = read_run(&run, number);
        let postings = postings.ok_or_else(|| place.damaged("what changed in its keys"))?;
        recent.add(&postings, number, number);
    }
    let Facts { record, entity, event, end, garbage, alive, keys, run, swept, names, .. } = facts;
    let counters = Counters { record, entity, event, end, garbage, alive, keys, run, swept };
    let keys = Keys { pool, change: run, layered: run, segments, recent: vec![recent], merged };
    let (db, tables) = ((db, log, numbered), tables.after(Changes::default(), keys.change));
    let writing = (counters, links);
    let seen = (tables, current, names, rows, known);
    let inner = assemble(db, cells, keys, seen, writing, options);
    if !pending.is_empty() {
        // What was to be erased when the store was closed, or fell, is erased now.
        super::lock(&inner.writer).pending = pending;
        inner.write(super::When::Now, |_| Ok(()))?;
    }
    Ok(inner)
}

fn assemble(
    (db, log, numbered): (Database, Log, u64),
    cells: Cells,
    keys: Keys,
    (tables, current, names, rows, known): (Reading, Current, Names, Rows, Arc<Known>),
    (counters, links): (Counters, Links),
    options: &Options,
) -> Inner {
    let told = Mutex::new(counters.event);
    let last = keys.segments.iter().map(|segment| segment.described.id).max();
    let (current, names) = (Arc::new(current), Arc::new(names));
    let counted = counters.clone();
    let snapshot = Snapshot { tables, current, names, rows, known, keys, counters: counted };
    Inner {
        snapshot: ArcSwap::from_pointee(snapshot),
        outdated: Mutex::default(),
        recent_keys: options.recent_keys,
        recent_bytes: options.recent_bytes,
        cached_records: options.cached_records,
        next_segment: AtomicU64::new(last.map_or(1, |last| last + 1)),
        work: super::keeping::Work::default(),
        shared: Shared { cells },
        durability: options.durability,
        writer: Mutex::new(Writer {
            counters,
            links,
            unlogged: Vec::new(),
            pending: Vec::new(),
            scrubbed: Vec::new(),
            retired: Vec::new(),
            since: None,
            owed: None,
            logging: None,
            numbered,
            frozen: None,
            is_committing: false,
            is_stuck: false,
        }),
        rested: Condvar::new(),
        log: Mutex::new(log),
        queue: Queue::default(),
        told,
        tell: Condvar::new(),
        copying: RwLock::new(()),
        db: Engine(Some(db)),
    }
}

/// The keys that were stopped since the model was adopted.
pub(super) fn stops(tables: &Reading, cells: &Cells) -> Result<Vec<Stop>> {
    let place = &cells.place;
    let mut stops = Vec::new();
    for (_, cell) in tables.stops().all().map_err(|error| place.engine(error))? {
        let cell = Cell::read(&cell).ok_or_else(|| place.damaged("a stop key"))?;
        let bytes = cells.read(cell)?.ok_or_else(|| place.damaged("a stop key"))?;
        stops.push(Stop::read(&bytes).ok_or_else(|| place.damaged("a stop key"))?);
    }
    Ok(stops)
}
