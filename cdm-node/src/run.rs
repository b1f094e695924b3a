//! Long work: off the event loop, on threads of its own, stopped by a `Job`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use cdm_core::{CancelToken, Progress, Result, Run};
use napi::bindgen_prelude::{PromiseRaw, ToNapiValue};
use napi::{Env, JsDeferred, JsValue};
use napi_derive::napi;

use crate::error::{panicked, raise};

/// Makes of a thread's result what JavaScript gets, on JavaScript's own thread.
type Resolver<T> = Box<dyn FnOnce(Env) -> napi::Result<T> + Send>;

/// A piece of long work: how far it is, and a way to stop it.
#[napi]
pub struct Job {
    cancel: CancelToken,
    progress: Arc<Mutex<Option<Progress>>>,
    memory_limit: Option<u64>,
}

#[napi]
impl Job {
    /// Work that nobody has started yet; one `Job` may see several pieces through. It may take so many
    /// bytes of memory, where there is a limit.
    #[napi(constructor)]
    pub fn new(memory_limit: Option<f64>) -> Self {
        // JavaScript has checked that it is a whole number.
        let memory_limit = memory_limit.map(|bytes| bytes as u64);
        Self { cancel: CancelToken::new(), progress: Arc::default(), memory_limit }
    }

    /// Ask the work to stop.
    #[napi]
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// The news since the last call: stage, how much is done, how much there is (0: unknown).
    #[napi]
    pub fn progress(&self) -> Option<(String, f64, f64)> {
        let latest = self.progress.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some((latest.stage.to_owned(), latest.done as f64, latest.total as f64))
    }
}

impl Job {
    pub(crate) fn run(&self) -> Run {
        let progress = Arc::clone(&self.progress);
        let run = Run::new().with_cancel(self.cancel.clone()).with_memory_limit(self.memory_limit);
        run.with_progress(move |latest| {
            // Nothing that could panic is done under the lock.
            *progress.lock().unwrap_or_else(PoisonError::into_inner) = Some(latest);
        })
    }
}

/// Do `work` on a thread of its own, not one of the few that Node's files and names wait for.
///
/// Where the environment ends first, as a terminated worker's does, the promise is forgotten; the
/// thread ends by itself.
pub(crate) fn off_loop<'e, T: ToNapiValue + Send + 'static>(
    env: &'e Env,
    job: Option<&Job>,
    work: impl FnOnce(&Run) -> Result<T> + Send + 'static,
) -> napi::Result<PromiseRaw<'e, T>> {
    let run = job.map_or_else(Run::new, Job::run);
    let (later, promise) = Later::new(env)?;
    let unstarted = later.clone();
    let thread = thread::Builder::new().name("cdm".into());
    if let Err(error) = thread.spawn(move || later.settle(|| work(&run))) {
        unstarted.0.reject(napi::Error::from_reason(error.to_string()));
    }
    Ok(promise)
}

/// A promise that another thread keeps.
pub(crate) struct Later<T: ToNapiValue>(JsDeferred<T, Resolver<T>>);

impl<T: ToNapiValue + Send + 'static> Later<T> {
    pub(crate) fn new(env: &Env) -> napi::Result<(Self, PromiseRaw<'_, T>)> {
        let (deferred, promise) = env.create_deferred::<T, Resolver<T>>()?;
        Ok((Self(deferred), PromiseRaw::new(env.raw(), promise.raw())))
    }

    /// Keep it with what `work` gives, or break it with what it says.
    pub(crate) fn settle(self, work: impl FnOnce() -> Result<T>) {
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(Ok(value)) => self.0.resolve(Box::new(move |_| Ok(value))),
            Ok(Err(error)) => self.0.reject(raise(error)),
            Err(_) => self.0.reject(panicked()),
        }
    }

    /// The same once more, for the case that nobody is there to keep it.
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// What takes long to let go of: the records and results of a large table are freed on a thread of
/// their own, so that neither `close()` nor the collector holds the event loop.
pub(crate) struct Heavy<T: Send + Sync + 'static>(Option<Arc<T>>);

impl<T: Send + Sync + 'static> Heavy<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Some(Arc::new(value)))
    }

    pub(crate) fn get(&self) -> Option<Arc<T>> {
        self.0.clone()
    }

    pub(crate) fn close(&mut self) {
        let Some(value) = self.0.take() else { return };
        // Where no thread is to be had, it is dropped here with the closure.
        let _ = thread::Builder::new().name("cdm-drop".into()).spawn(move || drop(value));
    }
}

impl<T: Send + Sync + 'static> Drop for Heavy<T> {
    fn drop(&mut self) {
        self.close();
    }
}
