//! Stopping long work, and saying how far it is.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};

/// A switch that stops long work from another thread.
///
/// Clones share the switch. Once cancelled it stays so. Work checks it at least every few
/// milliseconds and then returns [`Error::Cancelled`], leaving nothing half-done behind.
///
/// # Examples
/// ```
/// let cancel = cdm_core::CancelToken::new();
/// cancel.clone().cancel();
/// assert_eq!(cancel.check().unwrap_err().code(), "CANCELLED");
/// ```
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// A token that nobody has cancelled yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ask the work to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked the work to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// # Errors
    /// [`Error::Cancelled`] once [`cancel`](Self::cancel) was called.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }
}

/// How far one stage of the work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The stage, such as `"read"` or `"normalize"`.
    pub stage: &'static str,
    /// How much is done, in the stage's own unit (bytes read, values normalised); never falls
    /// within a stage.
    pub done: u64,
    /// How much there is to do; 0 where it is not known.
    pub total: u64,
}

type Watcher = dyn Fn(Progress) + Send + Sync;

/// What a caller may attach to long work: a way to stop it, a watcher of its progress, and how much
/// memory it may take.
///
/// # Examples
/// ```
/// use cdm_core::{CancelToken, Run};
/// let run = Run::new().with_cancel(CancelToken::new()).with_progress(|p| eprintln!("{}", p.stage));
/// assert!(run.check().is_ok());
/// ```
#[derive(Clone, Default)]
pub struct Run {
    cancel: CancelToken,
    watcher: Option<Arc<Watcher>>,
    memory: Option<Arc<MemoryLimit>>,
}

/// How much memory a run may take.
#[derive(Debug)]
pub(crate) struct MemoryLimit {
    pub(crate) bytes: u64,
    /// By whom it is kept while work goes on as it always does; else the work must take less.
    kept: io::Result<cdm_memory::Limit>,
}

impl MemoryLimit {
    /// Whether the program's allocator keeps it.
    pub(crate) fn is_kept(&self) -> bool {
        self.kept.is_ok()
    }

    /// That it takes at least so many bytes, which is more.
    pub(crate) fn too_low(&self, least_bytes: u64) -> Error {
        let in_memory = match &self.kept {
            Ok(kept) => kept.found_disk_full().then(|| "there is no room on the disk".to_owned()),
            Err(error) => Some(error.to_string()),
        };
        Error::MemoryLimit { limit_bytes: self.bytes, least_bytes, in_memory }
    }

    fn check(&self) -> Result<()> {
        match self.kept.as_ref().ok().and_then(cdm_memory::Limit::passed_by) {
            Some(bytes) => Err(self.too_low(self.bytes.saturating_add(bytes))),
            None => Ok(()),
        }
    }
}

impl Run {
    /// Work that nobody watches and nobody can stop.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Let `cancel` stop the work.
    #[must_use]
    pub fn with_cancel(mut self, cancel: CancelToken) -> Self {
        self.cancel = cancel;
        self
    }

    /// Let `watcher` hear of progress, from whichever thread does the work.
    #[must_use]
    pub fn with_progress(mut self, watcher: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.watcher = Some(Arc::new(watcher));
        self
    }

    /// Let work take no more than so many bytes of memory, as long as this run or a clone of it is there.
    ///
    /// In a program whose allocator is [`Spilling`](crate::Spilling), on Linux, that holds for all that is done with this run, reading
    /// included: from now on what is large lies in a temporary file, and whenever the process comes near what it holds now and
    /// `bytes` more, pages of that are taken out of memory. Work takes longer, the closer the limit the more.
    ///
    /// Elsewhere it holds for fitting and resolving, and includes the table: where all at once would take more, by
    /// [`Plan::estimate`](crate::Plan::estimate), the work goes in passes, doing more than once what it else keeps.
    ///
    /// Either way the results are the same. Less than is needed is [`Error::MemoryLimit`], most often before the work begins.
    ///
    /// # Examples
    /// ```standalone_crate
    /// use std::alloc::System;
    /// #[global_allocator]
    /// static ALLOCATOR: cdm_core::Spilling<System> = cdm_core::Spilling::over(System);
    ///
    /// let run = cdm_core::Run::new().with_memory_limit(1_000_000_000);
    /// assert!(run.check().is_ok());
    /// ```
    #[must_use]
    pub fn with_memory_limit(mut self, bytes: impl Into<Option<u64>>) -> Self {
        let limit = |bytes| MemoryLimit { bytes, kept: cdm_memory::Limit::new(bytes) };
        self.memory = bytes.into().map(limit).map(Arc::new);
        self
    }

    pub(crate) fn memory_limit(&self) -> Option<&MemoryLimit> {
        self.memory.as_deref()
    }

    /// The same switch, and nobody who watches: for parts that are too small to be told of.
    #[must_use]
    pub(crate) fn quiet(&self) -> Self {
        Self { watcher: None, ..self.clone() }
    }

    /// # Errors
    /// [`Error::Cancelled`] once the token was cancelled, [`Error::MemoryLimit`] once the work took more than it may.
    pub fn check(&self) -> Result<()> {
        self.cancel.check()?;
        match &self.memory {
            Some(memory) => {
                cdm_memory::settle();
                memory.check()
            }
            None => Ok(()),
        }
    }

    /// Tell the watcher, where there is one, how far `stage` is, and stop where asked to.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn report(&self, stage: &'static str, done: u64, total: u64) -> Result<()> {
        if let Some(watcher) = &self.watcher {
            watcher(Progress { stage, done, total });
        }
        self.check()
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("cancelled", &self.cancel.is_cancelled())
            .field("watched", &self.watcher.is_some())
            .finish()
    }
}
