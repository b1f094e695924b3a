//! Long work: off the interpreter's lock, on threads of its own, stopped by Ctrl-C.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cdm_core::{CancelToken, Error, Progress, Result, Run};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::error::raise;

/// How often signals are looked for, and progress is told.
const POLL: Duration = Duration::from_millis(40);
/// How long cancelled work may take to end before it is left to end by itself.
const PATIENCE: Duration = Duration::from_millis(100);

type Outcome<T> = std::result::Result<Result<T>, Box<dyn Any + Send>>;

/// What the thread that waits and the threads that work have in common.
struct Shared<T> {
    state: Mutex<State<T>>,
    finished: Condvar,
}

struct State<T> {
    outcome: Option<Outcome<T>>,
    progress: Option<Progress>,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing that could panic is done under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wait for the outcome, no longer than one poll.
    fn wait(&self) -> Option<Outcome<T>> {
        let state = self.lock();
        let unfinished = |state: &mut State<T>| state.outcome.is_none();
        let waited = self.finished.wait_timeout_while(state, POLL, unfinished);
        waited.unwrap_or_else(PoisonError::into_inner).0.outcome.take()
    }
}

/// Do `work` without the interpreter's lock, while this thread looks for signals and tells
/// `progress` (stage, done, total) how far it is.
///
/// Every call has a thread pool of its own: the threads of a shared one would be missing in a
/// forked process, which would wait for them forever.
pub(crate) fn interruptible<T: Send + 'static>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&Run) -> Result<T> + Send + 'static,
) -> PyResult<T> {
    let state = Mutex::new(State { outcome: None, progress: None });
    let shared = Arc::new(Shared { state, finished: Condvar::new() });
    let cancel = CancelToken::new();
    let mut run = Run::new().with_cancel(cancel.clone());
    if progress.is_some() {
        let shared = Arc::clone(&shared);
        run = run.with_progress(move |progress| shared.lock().progress = Some(progress));
    }
    let pool = rayon::ThreadPoolBuilder::new().thread_name(|number| format!("cdm-{number}"));
    let pool = pool.build().map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
    let working = Arc::clone(&shared);
    pool.spawn(move || {
        let outcome = catch_unwind(AssertUnwindSafe(|| work(&run)));
        working.lock().outcome = Some(outcome);
        working.finished.notify_all();
    });
    let mut stopped: Option<(PyErr, Instant)> = None;
    loop {
        if let Some(outcome) = py.detach(|| shared.wait()) {
            return match (outcome, stopped) {
                (_, Some((error, _))) => Err(error),
                (Ok(result), None) => result.map_err(|error| raise(py, &error)),
                (Err(panic), None) => resume_unwind(panic),
            };
        }
        match stopped {
            // The work has seen that it is cancelled, or will; nobody needs to wait for it.
            Some((error, at)) if at.elapsed() > PATIENCE => return Err(error),
            Some(_) => {}
            None => {
                let told = py.check_signals().and_then(|()| tell(progress, &shared));
                if let Err(error) = told {
                    cancel.cancel();
                    stopped = Some((error, Instant::now()));
                }
            }
        }
    }
}

fn tell<T>(progress: Option<&Bound<'_, PyAny>>, shared: &Shared<T>) -> PyResult<()> {
    let Some(callback) = progress else { return Ok(()) };
    // The lock is let go before Python is called.
    let latest = shared.lock().progress.take();
    if let Some(Progress { stage, done, total }) = latest {
        callback.call1((stage, done, total))?;
    }
    Ok(())
}

/// An error of a producer of Arrow data.
pub(crate) fn malformed(name: &str, reason: impl ToString) -> Error {
    Error::MalformedInput { name: name.to_owned(), format: "Arrow", reason: reason.to_string() }
}
