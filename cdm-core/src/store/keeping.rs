//! What is done behind the back of whoever writes: changes reach the disk in time, keys go to their
//! file and are merged there.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::thread::{Builder, JoinHandle, Thread};
use std::time::Duration;

use super::keys::{Keys, Recent, runs};
use super::postings::Posting;
use super::segment::Segment;
use super::writing::Writing;
use super::{Durability, Inner, When, lock};
use crate::error::Result;

/// With so few recent keys, a change flushes them itself.
const AT_ONCE: usize = 1 << 15;

/// So many runs that are in segments are removed by each change.
const SWEPT: usize = 8;

/// Writers wait when there are so many times more recent keys than should be.
const TOO_MANY: usize = 6;

/// What is done in the background: each kind by one thread at most, which ends when there is no more.
#[derive(Default)]
pub(super) struct Work {
    /// Whose work it is; not set for a store that is being opened.
    inner: OnceLock<Weak<Inner>>,
    is_stopped: AtomicBool,
    is_flushing: AtomicBool,
    is_merging: AtomicBool,
    /// Whether something could not be done lately.
    has_failed: AtomicBool,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Who brings changes to the disk in time.
    flusher: OnceLock<Thread>,
}

#[derive(Clone, Copy)]
enum Kind {
    Flush,
    Merge,
}

impl Work {
    pub(super) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }

    fn is_busy(&self, kind: Kind) -> &AtomicBool {
        match kind {
            Kind::Flush => &self.is_flushing,
            Kind::Merge => &self.is_merging,
        }
    }

    /// There are changes that the disk is to have in time.
    pub(super) fn hurry(&self) {
        if let Some(flusher) = self.flusher.get() {
            flusher.unpark();
        }
    }

    /// See to it that such work is done.
    fn wake(&self, kind: Kind) {
        if self.is_stopped() || self.is_busy(kind).swap(true, Ordering::AcqRel) {
            return;
        }
        if !self.spawn(move |inner| inner.work_on(kind)) {
            self.is_busy(kind).store(false, Ordering::Release);
        }
    }

    /// Have a thread do that; nothing of it where there can be none.
    pub(super) fn spawn(&self, work: impl FnOnce(&Inner) + Send + 'static) -> bool {
        let Some(inner) = self.inner.get().and_then(Weak::upgrade) else { return false };
        let Ok(thread) = Builder::new().spawn(move || work(&inner)) else { return false };
        let mut threads = lock(&self.threads);
        threads.retain(|thread| !thread.is_finished());
        threads.push(thread);
        true
    }
}

/// What becomes of the keys by a change.
#[derive(Default)]
pub(super) struct Kept {
    /// What is different, and in memory from now on.
    postings: Vec<Posting>,
    /// The last run of it.
    last: u64,
    /// The segments from now on, where they are others.
    segments: Option<Vec<Arc<Segment>>>,
    merged: u64,
    /// Whether nothing stays in memory of what changed before; or up to which of several layers.
    flushed: usize,
}

impl Kept {
    /// The segments are named by an index that may reach the disk.
    pub(super) fn keep(&self) {
        self.segments.iter().flatten().for_each(|segment| segment.name(true));
    }

    /// What a snapshot has of keys after the change.
    pub(super) fn publish(
        self,
        inner: &Inner,
        before: &Keys,
        retired: &mut Vec<Arc<Segment>>,
    ) -> Keys {
        let mut keys = before.clone();
        keys.change += 1;
        if let Some(segments) = self.segments {
            let stays = |segment: &Arc<Segment>| segments.iter().any(|s| Arc::ptr_eq(s, segment));
            retired.extend(before.segments.iter().filter(|segment| !stays(segment)).cloned());
            keys.segments = segments;
            keys.layered = keys.change;
            keys.merged = self.merged;
            keys.recent.drain(..self.flushed);
            if keys.recent.is_empty() {
                keys.recent.push(Recent::new());
            }
        }
        if let [.., recent] = &keys.recent[..] {
            if !self.postings.is_empty() {
                recent.add(&self.postings, keys.change, self.last);
            }
            let is_full = recent.len() > inner.recent_keys && inner.recent_keys > AT_ONCE;
            if is_full && keys.recent.len() == 1 {
                keys.recent.push(Recent::new());
            }
        }
        keys
    }

    /// See to what is to be done for those keys, which readers see by now.
    pub(super) fn follow_up(inner: &Inner, keys: &Keys) {
        if keys.recent.len() > 1 {
            inner.work.wake(Kind::Flush);
        }
        if keys.due().is_some() {
            inner.work.wake(Kind::Merge);
        }
    }
}

impl Writing<'_> {
    /// Put down what the change does to keys.
    pub(super) fn keep_keys(&mut self, inner: &Inner) -> Result<Kept> {
        let mut kept = Kept { last: self.counters.run - 1, ..Kept::default() };
        let mut postings = self.overlay.net();
        let has = postings.iter().filter(|posting| posting.has).count() as u64;
        let lacks = postings.len() as u64 - has;
        self.counters.keys = (self.counters.keys + has).saturating_sub(lacks);
        let lately = self.keys.lately() + postings.len();
        let mut keys = self.keys.clone();
        if let Some(replaced) = self.replaced.take() {
            // All keys anew, or others in their file for the same ones.
            let super::writing::Replaced { segments, flushed, merged } = replaced;
            (keys.segments, keys.merged, kept.flushed) = (segments, merged, flushed);
            kept.segments = Some(keys.segments.clone());
        } else if lately > inner.recent_keys && inner.recent_keys <= AT_ONCE {
            keys.segments.extend(keys.flushed(std::mem::take(&mut postings), self.next_segment())?);
            (keys.merged, kept.flushed) = (self.counters.run - 1, keys.recent.len());
            kept.segments = Some(keys.segments.clone());
        }
        // What a thread is merging stays as it is meanwhile.
        if kept.segments.is_some()
            && let Some(range) = keys.due().filter(|range| keys.is_quick(range))
            && !inner.work.is_merging.load(Ordering::Acquire)
        {
            let merged = keys.merged(range.clone(), self.next_segment(), || false)?;
            keys.segments.splice(range, merged);
            kept.segments = Some(keys.segments.clone());
        }
        if kept.segments.is_some() {
            self.keys.pool.sync()?;
            let layers = keys.layers().bytes();
            let put = self.tables.meta.insert("keys", &layers);
            self.engine(put)?;
        }
        for run in runs(&postings, self.counters.run) {
            let put = self.tables.runs.insert(self.counters.run, run);
            self.engine(put)?;
            kept.last = self.counters.run;
            self.counters.run += 1;
        }
        self.sweep(keys.merged)?;
        (kept.postings, kept.merged) = (postings, keys.merged);
        Ok(kept)
    }

    /// Remove some of the runs that are in segments.
    fn sweep(&mut self, merged: u64) -> Result<()> {
        if self.counters.swept >= merged {
            return Ok(());
        }
        let until = merged.min(self.counters.swept + SWEPT as u64);
        for run in self.counters.swept + 1..=until {
            let removed = self.tables.runs.remove(run);
            self.engine(removed)?;
        }
        self.counters.swept = until;
        Ok(())
    }
}

impl Inner {
    /// Put the keys that changed lately, but for the latest, into their file.
    fn flush_keys(&self) -> Result<()> {
        loop {
            let keys = self.snapshot().keys.clone();
            if keys.recent.len() < 2 || self.work.is_stopped() {
                return Ok(());
            }
            let old = Keys { recent: vec![Arc::clone(&keys.recent[0])], ..keys };
            let id = self.next_segment.fetch_add(1, Ordering::Relaxed);
            let segment = old.flushed(Vec::new(), id)?;
            self.shared.cells.place.guarded(|| {
                self.write(When::AsAgreed, |writing| {
                    let mut segments = writing.keys.segments.clone();
                    segments.extend(segment.clone());
                    let merged = old.recent[0].last();
                    let is_same = writing.keys.recent.first().is_some_and(|recent| {
                        Arc::ptr_eq(recent, &old.recent[0]) && writing.keys.recent.len() > 1
                    });
                    if is_same {
                        writing.replace_keys(segments, 1, merged);
                    }
                    Ok(())
                })
            })?;
            // Then what they are in place of goes, and its memory; others write meanwhile.
            self.flush()?;
        }
    }

    /// Merge segments, as long as that is due.
    fn merge_keys(&self) -> Result<()> {
        loop {
            let keys = self.snapshot().keys.clone();
            let Some(range) = keys.due() else { return Ok(()) };
            let id = self.next_segment.fetch_add(1, Ordering::Relaxed);
            let merged = keys.merged(range.clone(), id, || self.work.is_stopped())?;
            if self.work.is_stopped() {
                return Ok(());
            }
            self.shared.cells.place.guarded(|| {
                self.write(When::AsAgreed, |writing| {
                    let mut segments = writing.keys.segments.clone();
                    if let Some(range) = find(&segments, &keys.segments[range.clone()]) {
                        segments.splice(range, merged.clone());
                        writing.replace_keys(segments, 0, writing.keys.merged);
                    }
                    Ok(())
                })
            })?;
            // Then what they are in place of goes, and its memory; others write meanwhile.
            self.flush()?;
        }
    }

    /// Let the file of keys catch up, where changes come faster than it takes them.
    pub(super) fn make_way(&self) {
        let most = self.recent_keys.max(AT_ONCE).saturating_mul(TOO_MANY);
        // Where it cannot, they are in the index still, and in memory.
        while self.snapshot().keys.lately() > most
            && self.work.is_flushing.load(Ordering::Acquire)
            && !self.work.has_failed.swap(false, Ordering::AcqRel)
        {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Where some segments are among others.
fn find(among: &[Arc<Segment>], wanted: &[Arc<Segment>]) -> Option<Range<usize>> {
    let start = among.iter().position(|segment| Arc::ptr_eq(segment, &wanted[0]))?;
    let range = start..start + wanted.len();
    let found = among.get(range.clone())?.iter().zip(wanted);
    found.into_iter().all(|(one, two)| Arc::ptr_eq(one, two)).then_some(range)
}

impl Inner {
    fn work_on(&self, kind: Kind) {
        loop {
            let done = match kind {
                Kind::Flush => self.flush_keys(),
                Kind::Merge => self.merge_keys(),
            };
            // It is tried again when more has changed; until then all is in the runs.
            self.work.has_failed.fetch_or(done.is_err(), Ordering::AcqRel);
            let keys = self.snapshot().keys.clone();
            // What was merged anew may have the room of what it was merged from, and what was opened any.
            drop(self.unseen());
            let is_stopped = || self.work.is_stopped();
            let mut segments = keys.segments.iter();
            let read = segments.try_for_each(|segment| segment.come_into_memory(is_stopped));
            self.work.has_failed.fetch_or(read.is_err(), Ordering::AcqRel);
            let busy = self.work.is_busy(kind);
            busy.store(false, Ordering::Release);
            let keys = self.snapshot().keys.clone();
            let is_due = match kind {
                Kind::Flush => keys.recent.len() > 1,
                Kind::Merge => keys.due().is_some(),
            };
            let goes_on = done.is_ok() && is_due && !self.work.is_stopped();
            if !goes_on || busy.swap(true, Ordering::AcqRel) {
                return;
            }
        }
    }
}

/// What keeps a store in order as long as it is open.
pub(super) struct Keepers {
    inner: Arc<Inner>,
    flusher: Option<JoinHandle<()>>,
}

impl Keepers {
    pub(super) fn start(inner: &Arc<Inner>) -> Result<Self> {
        let flusher = match inner.durability {
            Durability::Grouped { at_most } => {
                let theirs = Arc::clone(inner);
                let flusher = Builder::new().spawn(move || theirs.flush_in_time(at_most));
                // Without it nothing would be on the disk in time.
                Some(flusher.map_err(|error| inner.shared.cells.place.io(error))?)
            }
            Durability::EveryCall | Durability::ByHand => None,
        };
        // Once alone: a store is opened once.
        let _ = inner.work.inner.set(Arc::downgrade(inner));
        if !inner.snapshot().keys.segments.iter().all(|segment| segment.is_in_memory()) {
            inner.work.wake(Kind::Merge);
        }
        // What the log had that the index lacks.
        inner.catch_up_in_time(&mut lock(&inner.writer));
        if let Some(flusher) = &flusher {
            let _ = inner.work.flusher.set(flusher.thread().clone());
            // There may be changes already.
            inner.work.hurry();
        }
        Ok(Self { inner: Arc::clone(inner), flusher })
    }

    /// Returns once all threads have let go of the store.
    pub(super) fn stop(self) {
        let work = &self.inner.work;
        work.is_stopped.store(true, Ordering::Release);
        let threads = std::mem::take(&mut *lock(&work.threads));
        for thread in self.flusher.into_iter().chain(threads) {
            thread.thread().unpark();
            // One that panicked has let go as well.
            let _ = thread.join();
        }
    }
}
