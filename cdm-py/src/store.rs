//! The live store.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cdm_core::store::{self, Durability, Options, StoreKey};
use cdm_core::{EntityId, Error, Record, RecordKey, Result, Run};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::error::raise;
use crate::input::Records;
use crate::model::Model;
use crate::run::interruptible;

/// A store, until it is closed. `cdm.Store` wraps it.
#[pyclass(frozen, module = "cdm._core")]
pub(crate) struct Store {
    inner: Mutex<Option<Arc<store::Store>>>,
    options: Options,
}

/// What Python says of a store that is opened.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Settings {
    /// Seconds; below 0 by hand, 0 every call.
    group_seconds: f64,
    key: Option<Vec<u8>>,
    cached_records: usize,
    cached_bytes: usize,
}

impl Settings {
    fn options(self) -> PyResult<Options> {
        let durability = match self.group_seconds {
            seconds if seconds < 0.0 => Durability::ByHand,
            0.0 => Durability::EveryCall,
            seconds => {
                let at_most = Duration::try_from_secs_f64(seconds);
                Durability::Grouped {
                    at_most: at_most.map_err(|e| PyValueError::new_err(e.to_string()))?,
                }
            }
        };
        let key = self.key.map(|key| <[u8; 32]>::try_from(key).map(StoreKey::new));
        let key = key.transpose().map_err(|_| PyValueError::new_err("key is of 32 bytes"))?;
        let Self { cached_records, cached_bytes, .. } = self;
        Ok(Options { durability, key, cached_records, cached_bytes, ..Options::new() })
    }
}

impl Store {
    fn open(&self) -> PyResult<Arc<store::Store>> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.clone().ok_or_else(|| PyValueError::new_err("the store is closed"))
    }

    /// Work with the store without the interpreter's lock.
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&store::Store) -> Result<T> + Send,
    ) -> PyResult<T> {
        let store = self.open()?;
        py.detach(|| work(&store)).map_err(|error| raise(py, &error))
    }
}

fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::WriteStream(error.into()))
}

fn record(json: &str) -> Result<Record> {
    serde_json::from_str(json).map_err(|error| Error::MalformedInput {
        name: "a record".to_owned(),
        format: "JSON",
        reason: error.to_string(),
    })
}

#[pymethods]
impl Store {
    /// Open the store at a path, or one in memory.
    #[new]
    fn new(
        py: Python<'_>,
        path: Option<PathBuf>,
        model: Option<PyRef<'_, Model>>,
        settings: Settings,
    ) -> PyResult<Self> {
        let options = settings.options()?;
        let model = model.map(|model| Arc::clone(&model.0));
        let opened = py.detach(|| match (&path, &model) {
            (Some(path), Some(model)) => store::Store::open(path, model, &options),
            (Some(path), None) => store::Store::open_existing(path, &options),
            (None, Some(model)) => store::Store::in_memory(model, &options),
            (None, None) => store::Store::on(store::Media::memory(), None, &options),
        });
        let store = opened.map_err(|error| raise(py, &error))?;
        Ok(Self { inner: Mutex::new(Some(Arc::new(store))), options })
    }

    /// Let go of the store; what is not on the disk yet is put there.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let taken = self.inner.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(store) = taken else { return Ok(()) };
        py.detach(|| {
            let flushed = store.flush();
            drop(store);
            flushed
        })
        .map_err(|error| raise(py, &error))
    }

    fn upsert(&self, py: Python<'_>, record_json: &str) -> PyResult<String> {
        let id = self.with(py, |store| store.upsert(&record(record_json)?))?;
        Ok(id.to_string())
    }

    #[pyo3(signature = (records, progress = None, /))]
    fn upsert_many(
        &self,
        py: Python<'_>,
        records: &Records,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        let (store, table) = (self.open()?, records.table.clone());
        interruptible(py, progress, move |run| {
            let records: Vec<Record> = (0..table.len()).map(|row| table.record(row)).collect();
            store.upsert_many(&records, run)
        })
    }

    fn delete(&self, py: Python<'_>, source: &str, id: &str) -> PyResult<bool> {
        self.with(py, |store| store.delete(&RecordKey::new(source, id)))
    }

    fn forget(&self, py: Python<'_>, source: &str, id: &str) -> PyResult<bool> {
        self.with(py, |store| store.forget(&RecordKey::new(source, id)))
    }

    /// What stewards say: `must`, `cannot`, `no_must`, `no_cannot`.
    fn decide(
        &self,
        py: Python<'_>,
        what: &str,
        one: (String, String),
        other: (String, String),
    ) -> PyResult<bool> {
        let (one, other) = (RecordKey::new(one.0, one.1), RecordKey::new(other.0, other.1));
        self.with(py, |store| match what {
            "must" => store.must_link(&one, &other),
            "cannot" => store.cannot_link(&one, &other),
            "no_must" => store.withdraw_must_link(&one, &other),
            _ => store.withdraw_cannot_link(&one, &other),
        })
    }

    fn get_json(&self, py: Python<'_>, source: &str, id: &str) -> PyResult<Option<String>> {
        self.with(py, |store| {
            store.get(&RecordKey::new(source, id))?.map(|record| json(&record)).transpose()
        })
    }

    fn entity_of(&self, py: Python<'_>, source: &str, id: &str) -> PyResult<Option<String>> {
        let id = self.with(py, |store| store.entity_of(&RecordKey::new(source, id)))?;
        Ok(id.map(|id| id.to_string()))
    }

    fn entity_json(&self, py: Python<'_>, entity: &str) -> PyResult<String> {
        self.with(py, |store| json(&store.entity(&entity.parse::<EntityId>()?)?))
    }

    /// The golden record and its lineage.
    fn golden_json(&self, py: Python<'_>, entity: &str) -> PyResult<Option<(String, String)>> {
        self.with(py, |store| {
            let Some(golden) = store.golden(&entity.parse::<EntityId>()?)? else { return Ok(None) };
            let golden = golden.record()?;
            Ok(Some((json(&golden)?, json(&golden.lineage())?)))
        })
    }

    fn search_json(&self, py: Python<'_>, record_json: &str, most: usize) -> PyResult<String> {
        self.with(py, |store| json(&store.search(&record(record_json)?, most)?))
    }

    fn events_json(&self, py: Python<'_>, since: u64, most: usize) -> PyResult<String> {
        self.with(py, |store| json(&store.events(since, most)?))
    }

    /// The next events, waiting for one at most so long.
    fn wait_json(&self, py: Python<'_>, since: u64, most: usize, seconds: f64) -> PyResult<String> {
        let timeout = Duration::try_from_secs_f64(seconds.clamp(0.0, 3600.0)).unwrap_or_default();
        self.with(py, |store| json(&store.subscribe(since).next(most, timeout)?))
    }

    fn stats_json(&self, py: Python<'_>) -> PyResult<String> {
        self.with(py, |store| json(&store.stats()?))
    }

    fn model(&self, py: Python<'_>) -> PyResult<Model> {
        Ok(Model(Arc::new(self.with(py, store::Store::model)?)))
    }

    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, store::Store::flush)
    }

    #[pyo3(signature = (progress = None, /))]
    fn verify_json(&self, py: Python<'_>, progress: Option<&Bound<'_, PyAny>>) -> PyResult<String> {
        let store = self.open()?;
        interruptible(py, progress, move |run| json(&store.verify(run)?))
    }

    /// What a model would change; with `apply`, it is adopted.
    #[pyo3(signature = (model, apply, progress = None, /))]
    fn adopt_json(
        &self,
        py: Python<'_>,
        model: &Model,
        apply: bool,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        let (store, model) = (self.open()?, Arc::clone(&model.0));
        interruptible(py, progress, move |run| {
            json(&if apply { store.adopt(&model, run)? } else { store.preview(&model, run)? })
        })
    }

    fn backup(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        let store = self.open()?;
        interruptible(py, None, move |run| store.backup(&path, run))
    }

    /// Make the files small; nobody else may be using the store.
    fn compact(&self, py: Python<'_>) -> PyResult<()> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = inner.take().map(Arc::try_unwrap);
        match taken {
            Some(Ok(store)) => {
                let compacted = py.detach(|| store.compact(&self.options, &Run::new()));
                *inner = Some(Arc::new(compacted.map_err(|error| raise(py, &error))?));
                Ok(())
            }
            Some(Err(store)) => {
                *inner = Some(store);
                Err(PyValueError::new_err("another call is under way: compact the store alone"))
            }
            None => Err(PyValueError::new_err("the store is closed")),
        }
    }
}
