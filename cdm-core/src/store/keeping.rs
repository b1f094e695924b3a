//! What is done behind the back of whoever writes: changes reach the disk in time, keys go to their
//! file and are merged there.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use redb::ReadableTable;

use super::keys::{Keys, Layers, Recent, runs};
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

/// What threads in the background are to do, and whether they should.
#[derive(Default)]
pub(super) struct Work {
    stop: AtomicBool,
    wanted: Mutex<u64>,
    wake: Condvar,
    /// Whether segments are being merged by one of them.
    is_merging: AtomicBool,
}

impl Work {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    fn wake(&self) {
        *lock(&self.wanted) += 1;
        self.wake.notify_all();
    }

    /// Wait until there may be more to do than at turn `seen`.
    fn wait(&self, seen: &mut u64) {
        let mut wanted = lock(&self.wanted);
        while *wanted == *seen && !self.is_stopped() {
            wanted = self.wake.wait(wanted).unwrap_or_else(PoisonError::into_inner);
        }
        *seen = *wanted;
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
            keys.merged = self.merged;
            keys.recent.drain(..self.flushed);
            if keys.recent.is_empty() {
                keys.recent.push(Recent::new());
            }
        }
        if let Some(recent) = keys.recent.last()
            && !self.postings.is_empty()
        {
            recent.add(&self.postings, keys.change, self.last);
            let is_full = recent.len() > inner.recent_keys && inner.recent_keys > AT_ONCE;
            if is_full && keys.recent.len() == 1 {
                keys.recent.push(Recent::new());
                inner.work.wake();
            }
        }
        if keys.due().is_some() {
            inner.work.wake();
        }
        keys
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
            let put = self.tables.meta.insert("keys", &layers[..]).map(|_| ());
            self.engine(put)?;
        }
        for run in runs(&postings, self.counters.run) {
            let put = self.tables.runs.insert(self.counters.run, &run[..]).map(|_| ());
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
            let removed = self.tables.runs.remove(run).map(|_| ());
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
                self.write(When::Durable, |writing| {
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
                self.write(When::Durable, |writing| {
                    let mut segments = writing.keys.segments.clone();
                    if let Some(range) = find(&segments, &keys.segments[range.clone()]) {
                        segments.splice(range, merged.clone());
                        writing.replace_keys(segments, 0, writing.keys.merged);
                    }
                    Ok(())
                })
            })?;
        }
    }

    /// Let the file of keys catch up, where changes come faster than it takes them.
    pub(super) fn make_way(&self) {
        while self.snapshot().keys.lately() > self.recent_keys.saturating_mul(TOO_MANY)
            && self.recent_keys > AT_ONCE
            && !self.work.is_stopped()
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

/// What the index says of keys, where it says anything.
pub(super) fn layers(meta: &impl ReadableTable<&'static str, &'static [u8]>) -> Option<Layers> {
    match meta.get("keys").ok()? {
        Some(bytes) => Layers::read(bytes.value()),
        None => Some(Layers::default()),
    }
}

/// Threads that keep a store in order as long as it is open.
pub(super) struct Keepers {
    inner: Arc<Inner>,
    threads: Vec<JoinHandle<()>>,
}

impl Keepers {
    pub(super) fn start(inner: &Arc<Inner>) -> Self {
        let mut threads = Vec::new();
        if let Durability::Grouped { at_most } = inner.durability {
            let inner = Arc::clone(inner);
            threads.push(std::thread::spawn(move || {
                while !inner.work.is_stopped() {
                    std::thread::park_timeout(at_most);
                    // Whoever writes next is told what is wrong.
                    let _ = inner.flush();
                }
            }));
        }
        for work in [Inner::flush_keys, Inner::merge_keys_alone] {
            let inner = Arc::clone(inner);
            threads.push(std::thread::spawn(move || {
                let mut seen = 0;
                while !inner.work.is_stopped() {
                    inner.work.wait(&mut seen);
                    // It is tried again when more has changed; until then all is in the runs.
                    let _ = work(&inner);
                }
            }));
        }
        Self { inner: Arc::clone(inner), threads }
    }

    /// Returns once the threads have let go of the store.
    pub(super) fn stop(self) {
        self.inner.work.stop.store(true, Ordering::Release);
        self.inner.work.wake();
        for thread in self.threads {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

impl Inner {
    fn merge_keys_alone(&self) -> Result<()> {
        self.work.is_merging.store(true, Ordering::Release);
        let merged = self.merge_keys();
        self.work.is_merging.store(false, Ordering::Release);
        merged
    }
}
