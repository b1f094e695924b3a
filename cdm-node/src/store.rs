//! Live stores: changes go through a thread of the store's own, in the order in which they were asked for.

use std::fs::File;
use std::io::{self, BufReader, BufWriter};
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use cdm_core::merge::{GoldenRecord, Strategy};
use cdm_core::store::{self, Durability, Options, StoreKey};
use cdm_core::{EntityId, Error, Record, RecordKey, Result, Run};
use napi::Env;
use napi::bindgen_prelude::{PromiseRaw, Uint8Array};
use napi_derive::napi;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::answers::json_of;
use crate::error::{closed, compacting, raise};
use crate::input::Inputs;
use crate::model::Model;
use crate::names::Names;
use crate::run::{Job, Later, off_loop};

/// What the thread of a store is told.
enum Told {
    Change(Box<dyn FnOnce(&Slot) + Send>),
    /// Close the store, and say so when its files are free.
    Close(Later<()>),
}

/// A live population of records.
#[napi]
pub struct Store(Option<Open>);

struct Open {
    slot: Arc<Slot>,
    names: Arc<Names>,
    tell: Sender<Told>,
}

/// Where the store is, but while it is compacted.
struct Slot {
    store: Mutex<Option<Arc<store::Store>>>,
    /// None where it is in memory.
    path: Option<PathBuf>,
    options: Options,
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Option<Arc<store::Store>>> {
        // Nothing that could panic is done under the lock.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store, for the thread that alone takes it away.
    fn get(&self) -> Result<Arc<store::Store>> {
        self.lock().clone().ok_or_else(|| {
            let path = self.path.clone().unwrap_or_default();
            let source = io::Error::other("it could not be opened again when it was compacted");
            Error::StoreIo { path, source }
        })
    }

    /// Make the files small, while nobody else has the store.
    fn compact(&self, run: &Run) -> Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let mut held = self.get()?;
        *self.lock() = None;
        // Who looks at it on JavaScript's own thread is done within a moment.
        let alone = loop {
            match Arc::try_unwrap(held) {
                Ok(store) => break store,
                Err(shared) => held = shared,
            }
            thread::yield_now();
        };
        let compacted = alone.compact(&self.options, run);
        let (store, outcome) = match compacted {
            Ok(store) => (store, Ok(())),
            // As it was: nothing has taken its place, or all of it has.
            Err(error) => (store::Store::open_existing(path, &self.options)?, Err(error)),
        };
        *self.lock() = Some(Arc::new(store));
        outcome
    }
}

/// How a store works.
#[napi(object)]
pub struct StoreOptions {
    /// Within how many milliseconds a change is on the disk: 0 when the call returns; left out, when
    /// it is asked for.
    pub durable_within_ms: Option<f64>,
    /// 32 bytes that encrypt what the store holds.
    pub key: Option<Uint8Array>,
    /// Of how many records at least, those that were asked for last, what they are told apart by is kept
    /// in memory, at about a kilobyte each; of up to twice as many it may be. A candidate that is not
    /// among them is read from the file.
    pub cached_records: Option<f64>,
    /// How many bytes of the index and of the keys are kept in memory at most.
    pub cached_bytes: Option<f64>,
}

impl StoreOptions {
    fn options(self) -> Result<Options> {
        let none = Options::new();
        let wrong = |path: &str, reason: &str| Error::InvalidDocument {
            document: "options",
            path: path.to_owned(),
            reason: reason.to_owned(),
            suggestion: None,
        };
        let key = self.key.map(|key| {
            let bytes = <[u8; 32]>::try_from(key.to_vec());
            bytes.map(StoreKey::new).map_err(|_| wrong("key", "wanted 32 bytes"))
        });
        let durability = match self.durable_within_ms {
            None => Durability::ByHand,
            Some(0.0) => Durability::EveryCall,
            Some(ms) => Durability::Grouped {
                at_most: Duration::try_from_secs_f64(ms / 1000.0)
                    .map_err(|_| wrong("durability", "wanted a number of milliseconds"))?,
            },
        };
        Ok(Options {
            durability,
            key: key.transpose()?,
            cached_records: self.cached_records.map_or(none.cached_records, |n| n as usize),
            cached_bytes: self.cached_bytes.map_or(none.cached_bytes, |n| n as usize),
            ..none
        })
    }
}

impl Open {
    fn new(store: store::Store, path: Option<PathBuf>, options: Options) -> Result<Self> {
        let names = Arc::new(Names::new(store.model()?.plan().schema()));
        let slot = Arc::new(Slot { store: Mutex::new(Some(Arc::new(store))), path, options });
        let (tell, told) = channel();
        let own = Arc::clone(&slot);
        let work = move || {
            let mut closing = None;
            for told in told {
                match told {
                    Told::Change(change) => change(&own),
                    Told::Close(later) => {
                        closing = Some(later);
                        break;
                    }
                }
            }
            // The files are free once nobody holds the store.
            let flushed = own.lock().take().map_or(Ok(()), |store| store.flush());
            if let Some(later) = closing {
                later.settle(|| flushed);
            }
        };
        let thread = thread::Builder::new().name("cdm-store".into());
        let spawned = thread.spawn(work);
        spawned.map_err(Error::WriteStream)?;
        Ok(Self { slot, names, tell })
    }
}

impl Store {
    fn get(&self) -> napi::Result<&Open> {
        self.0.as_ref().ok_or_else(|| closed("store"))
    }

    /// Answer on the spot.
    fn read<T>(&self, read: impl FnOnce(&store::Store) -> Result<T>) -> napi::Result<T> {
        let store = self.get()?.slot.lock().clone().ok_or_else(compacting)?;
        read(&store).map_err(raise)
    }

    /// Change something when its turn comes.
    fn change<'e, T: napi::bindgen_prelude::ToNapiValue + Send + 'static>(
        &self,
        env: &'e Env,
        change: impl FnOnce(&store::Store) -> Result<T> + Send + 'static,
    ) -> napi::Result<PromiseRaw<'e, T>> {
        self.turn(env, move |slot| change(&*slot.get()?))
    }

    /// Do something with the store's place when its turn comes.
    fn turn<'e, T: napi::bindgen_prelude::ToNapiValue + Send + 'static>(
        &self,
        env: &'e Env,
        work: impl FnOnce(&Slot) -> Result<T> + Send + 'static,
    ) -> napi::Result<PromiseRaw<'e, T>> {
        let open = self.get()?;
        let (later, promise) = Later::new(env)?;
        let change = Told::Change(Box::new(move |slot| later.settle(|| work(slot))));
        // The thread ends only when the store is closed, and then there is none to ask.
        open.tell.send(change).map_err(|_| closed("store"))?;
        Ok(promise)
    }

    fn record(&self, json: &str) -> napi::Result<Record> {
        self.get()?.names.record(json).and_then(keyed).map_err(raise)
    }
}

/// A record, which must have a key to be stored under.
fn keyed(record: Record) -> Result<Record> {
    if !record.key.id.is_empty() {
        return Ok(record);
    }
    let (path, reason) = ("id".to_owned(), "a record is stored under its id".to_owned());
    Err(Error::InvalidDocument { document: "record", path, reason, suggestion: None })
}

#[napi]
impl Store {
    /// Open the store at a path, or begin one; without a model, one that is there.
    #[napi(ts_return_type = "Promise<Store>")]
    pub fn open<'e>(
        env: &'e Env,
        path: String,
        model: Option<&Model>,
        options: StoreOptions,
    ) -> napi::Result<PromiseRaw<'e, Store>> {
        let options = options.options().map_err(raise)?;
        let model = model.map(Model::get).transpose()?.cloned();
        off_loop(env, None, move |_| {
            let path = PathBuf::from(path);
            let store = match &model {
                Some(model) => store::Store::open(&path, model, &options)?,
                None => store::Store::open_existing(&path, &options)?,
            };
            Ok(Store(Some(Open::new(store, Some(path), options)?)))
        })
    }

    /// A store that is gone when it is closed.
    #[napi(ts_return_type = "Promise<Store>")]
    pub fn in_memory<'e>(
        env: &'e Env,
        model: &Model,
        options: StoreOptions,
    ) -> napi::Result<PromiseRaw<'e, Store>> {
        let options = options.options().map_err(raise)?;
        let model = Arc::clone(model.get()?);
        off_loop(env, None, move |_| {
            let store = store::Store::in_memory(&model, &options)?;
            Ok(Store(Some(Open::new(store, None, options)?)))
        })
    }

    /// Take a record in; with the entity that it is of.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn upsert<'e>(&self, env: &'e Env, record: String) -> napi::Result<PromiseRaw<'e, String>> {
        let record = self.record(&record)?;
        self.change(env, move |store| store.upsert(&record).map(|entity| entity.to_string()))
    }

    /// Take many in, as JSON lines; how many were new or changed.
    #[napi(ts_return_type = "Promise<number>")]
    pub fn upsert_many<'e>(
        &self,
        env: &'e Env,
        job: &Job,
        lines: &mut Inputs,
    ) -> napi::Result<PromiseRaw<'e, f64>> {
        let (pieces, names, run) = (lines.take_bytes(), Arc::clone(&self.get()?.names), job.run());
        self.change(env, move |store| {
            let mut records = Vec::new();
            for piece in pieces {
                run.check()?;
                // What JavaScript hands over is UTF-8.
                for line in String::from_utf8(piece).unwrap_or_default().lines() {
                    records.push(keyed(names.record(line)?)?);
                }
            }
            store.upsert_many(&records, &run).map(|count| count as f64)
        })
    }

    /// Take a record out; whether it was there.
    #[napi(ts_return_type = "Promise<boolean>")]
    pub fn remove<'e>(
        &self,
        env: &'e Env,
        source: String,
        id: String,
        erase: bool,
    ) -> napi::Result<PromiseRaw<'e, bool>> {
        let key = RecordKey::new(source, id);
        self.change(env, move |store| if erase { store.forget(&key) } else { store.delete(&key) })
    }

    /// Say, or take back, that two records are one, or are not; whether that was news.
    #[napi(ts_return_type = "Promise<boolean>")]
    pub fn decide<'e>(
        &self,
        env: &'e Env,
        one: (String, String),
        other: (String, String),
        same: bool,
        withdraw: bool,
    ) -> napi::Result<PromiseRaw<'e, bool>> {
        let [one, other] = [one, other].map(|(source, id)| RecordKey::new(source, id));
        self.change(env, move |store| match (same, withdraw) {
            (true, false) => store.must_link(&one, &other),
            (true, true) => store.withdraw_must_link(&one, &other),
            (false, false) => store.cannot_link(&one, &other),
            (false, true) => store.withdraw_cannot_link(&one, &other),
        })
    }

    /// Wait until every change is on the disk.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn flush<'e>(&self, env: &'e Env) -> napi::Result<PromiseRaw<'e, ()>> {
        self.change(env, store::Store::flush)
    }

    /// What adopting a model changes, done or only looked at, as JSON.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn adopt<'e>(
        &self,
        env: &'e Env,
        job: &Job,
        model: &Model,
        preview: bool,
    ) -> napi::Result<PromiseRaw<'e, String>> {
        let (model, run) = (Arc::clone(model.get()?), job.run());
        self.change(env, move |store| {
            let adoption = match preview {
                true => store.preview(&model, &run)?,
                false => store.adopt(&model, &run)?,
            };
            Ok(json_of(&adoption))
        })
    }

    /// Copy the store, as it is at one moment, to a path where nothing is yet.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn backup<'e>(
        &self,
        env: &'e Env,
        job: &Job,
        path: String,
    ) -> napi::Result<PromiseRaw<'e, ()>> {
        let run = job.run();
        self.change(env, move |store| store.backup(path, &run))
    }

    /// Make the files small.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn compact<'e>(&self, env: &'e Env, job: &Job) -> napi::Result<PromiseRaw<'e, ()>> {
        let run = job.run();
        self.turn(env, move |slot| slot.compact(&run))
    }

    /// Write all records and decisions to a file, as JSON lines; how many lines.
    #[napi(ts_return_type = "Promise<number>")]
    pub fn export_to<'e>(
        &self,
        env: &'e Env,
        job: &Job,
        path: String,
    ) -> napi::Result<PromiseRaw<'e, f64>> {
        let run = job.run();
        self.change(env, move |store| {
            let path = PathBuf::from(path);
            let file = File::create(&path).map_err(|source| Error::WriteFile { path, source })?;
            let mut file = BufWriter::new(file);
            let lines = store.export(&mut file, &run)?;
            let file = file.into_inner().map_err(|error| Error::WriteStream(error.into_error()))?;
            file.sync_all().map_err(Error::WriteStream)?;
            Ok(lines as f64)
        })
    }

    /// Take in what was exported to a file; how many lines.
    #[napi(ts_return_type = "Promise<number>")]
    pub fn import_from<'e>(
        &self,
        env: &'e Env,
        job: &Job,
        path: String,
    ) -> napi::Result<PromiseRaw<'e, f64>> {
        let run = job.run();
        self.change(env, move |store| {
            let path = PathBuf::from(path);
            let file = File::open(&path).map_err(|source| Error::ReadFile { path, source })?;
            store.import(&mut BufReader::new(file), &run).map(|lines| lines as f64)
        })
    }

    /// Resolve everything in batch and compare, as JSON.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn verify<'e>(&self, env: &'e Env, job: &Job) -> napi::Result<PromiseRaw<'e, String>> {
        let run = job.run();
        self.change(env, move |store| store.verify(&run).map(|found| json_of(&found)))
    }

    /// Who a record may be, as JSON.
    #[napi]
    pub fn search(&self, record: String, most: u32) -> napi::Result<String> {
        let record = self.get()?.names.record(&record).map_err(raise)?;
        self.read(|store| Ok(json_of(&store.search(&record, most as usize)?)))
    }

    /// A record as it was given, as JSON.
    #[napi]
    pub fn get_record(&self, source: String, id: String) -> napi::Result<Option<String>> {
        let key = RecordKey::new(source, id);
        self.read(|store| Ok(store.get(&key)?.map(|record| json_of(&record))))
    }

    /// The entity of a record.
    #[napi]
    pub fn entity_of(&self, source: String, id: String) -> napi::Result<Option<String>> {
        let key = RecordKey::new(source, id);
        self.read(|store| Ok(store.entity_of(&key)?.map(|entity| entity.to_string())))
    }

    /// The entity of that id, or those that have its records now, as JSON.
    #[napi]
    pub fn entity(&self, id: String) -> napi::Result<String> {
        self.read(|store| Ok(json_of(&store.entity(&id.parse::<EntityId>()?)?)))
    }

    /// The golden record of an entity, as JSON.
    #[napi]
    pub fn golden(&self, id: String) -> napi::Result<Option<String>> {
        self.read(|store| {
            let Some(golden) = store.golden(&id.parse::<EntityId>()?)? else {
                return Ok(None);
            };
            Ok(Some(json_of(&Flat(&golden.record()?))))
        })
    }

    /// Where each value of an entity's golden record came from, as JSON.
    #[napi]
    pub fn lineage(&self, id: String) -> napi::Result<Option<String>> {
        self.read(|store| {
            let Some(golden) = store.golden(&id.parse::<EntityId>()?)? else { return Ok(None) };
            Ok(Some(json_of(&golden.record()?.lineage())))
        })
    }

    /// The events after number `since`, as JSON.
    #[napi]
    pub fn events(&self, since: f64, most: u32) -> napi::Result<String> {
        self.read(|store| Ok(json_of(&store.events(since as u64, most as usize)?)))
    }

    /// The same, waiting for one.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn next_events<'e>(
        &self,
        env: &'e Env,
        since: f64,
        most: u32,
        timeout_ms: u32,
    ) -> napi::Result<PromiseRaw<'e, String>> {
        let mut subscription = self.read(|store| Ok(store.subscribe(since as u64)))?;
        let timeout = Duration::from_millis(timeout_ms.into());
        off_loop(env, None, move |_| Ok(json_of(&subscription.next(most as usize, timeout)?)))
    }

    /// How much there is, as JSON.
    #[napi]
    pub fn stats(&self) -> napi::Result<String> {
        self.read(|store| Ok(json_of(&store.stats()?)))
    }

    /// The model that the store is resolved by.
    #[napi(ts_return_type = "Promise<Model>")]
    pub fn model<'e>(&self, env: &'e Env) -> napi::Result<PromiseRaw<'e, Model>> {
        self.change(env, |store| store.model().map(Model::new))
    }

    /// Close the store once what was asked before is done; its files are free then.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn close<'e>(&mut self, env: &'e Env) -> napi::Result<PromiseRaw<'e, ()>> {
        let (later, promise) = Later::new(env)?;
        match self.0.take() {
            None => later.settle(|| Ok(())),
            Some(Open { tell, .. }) => {
                tell.send(Told::Close(later)).map_err(|_| closed("store"))?;
            }
        }
        Ok(promise)
    }
}

/// A golden record as batch results have it: a member for each field, a list where all survive.
struct Flat<'a>(&'a GoldenRecord<'a>);

impl Serialize for Flat<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let Self(golden) = self;
        let mut row = serializer.serialize_map(None)?;
        row.serialize_entry("entityId", &golden.entity_id)?;
        row.serialize_entry("records", &golden.rows.len())?;
        row.serialize_entry("sources", &golden.sources())?;
        row.serialize_entry("time", &golden.time)?;
        let mut taken: Vec<String> =
            ["entity_id", "records", "sources", "time"].map(Into::into).into();
        for field in &golden.fields {
            let mut name = field.name.to_owned();
            while taken.contains(&name) {
                name.push('_');
            }
            let values: Vec<&str> = field.values.iter().map(|value| value.value).collect();
            match field.strategy {
                Strategy::Union => row.serialize_entry(&name, &values)?,
                _ => row.serialize_entry(&name, &values.first())?,
            }
            taken.push(name);
        }
        row.end()
    }
}
