//! What changed goes to the disk in time, and who writes waits for it where it must: many changes go to the
//! log as one batch.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::thread::{park, park_timeout};
use std::time::{Duration, Instant};

use super::cells::Place;
use super::commit::How;
use super::seen::Changes;
use super::segment::Segment;
use super::tables::Cell;
use super::{Durability, Inner, When, Writer, files, lock};
use crate::error::Result;

/// Changes on their way to the log.
struct Batch {
    number: u64,
    bytes: Vec<u8>,
    /// When the first of them was made.
    since: Instant,
    /// Cells and segments that are named no more once it is there.
    pending: Vec<Cell>,
    retired: Vec<Arc<Segment>>,
}

/// So many bytes are added to the log at once, and not much more.
const MUCH: usize = 1 << 22;

impl Writer {
    /// Add what a change does to what the log has not yet; how much there was before.
    pub(super) fn note(&mut self, changes: &Changes, place: &Place) -> Result<usize> {
        let before = self.unlogged.len();
        let bytes = changes.bytes().map_err(|error| place.damaged(error.to_string()))?;
        self.unlogged.extend(bytes);
        Ok(before)
    }

    /// Whether so much is to be added to the log that it should be on its way.
    pub(super) fn is_much(&self) -> bool {
        self.unlogged.len() > MUCH
    }

    /// When the first of those changes was made that are not on the disk.
    fn first(&self) -> Option<Instant> {
        self.logging.or(self.since)
    }

    /// Whether a change has waited for the disk as long as it may.
    fn is_overdue(&self, at_most: Duration) -> bool {
        at_most.is_zero() || self.first().is_some_and(|first| first.elapsed() >= at_most)
    }
}

/// Where nothing changes, it is looked so often whether readers are done with an outdated snapshot.
const LOOKS_AGAIN: Duration = Duration::from_secs(1);

impl Inner {
    /// The right to write. What is to be on the disk at once comes after what is on its way there; so does
    /// everything where that takes too long, or more is gathered meanwhile than should be.
    pub(super) fn turn(&self, when: When, how: How) -> MutexGuard<'_, Writer> {
        self.turn_again(lock(&self.writer), when, how)
    }

    /// The same for whoever has it, before another change.
    pub(super) fn turn_again<'w>(
        &self,
        mut writer: MutexGuard<'w, Writer>,
        when: When,
        how: How,
    ) -> MutexGuard<'w, Writer> {
        loop {
            let is_durable =
                matches!(when, When::Durable | When::Now) || self.is_due(&writer, when);
            let is_direct =
                how == How::Directly || self.snapshot().tables.is_too_much(self.recent_bytes);
            let waits = writer.logging.is_some() && (is_durable || is_direct)
                || writer.is_committing && is_direct;
            if !waits {
                return writer;
            }
            writer = self.rested.wait(writer).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether the next change is to be on the disk when its call returns.
    pub(super) fn is_due(&self, writer: &Writer, when: When) -> bool {
        match self.durability {
            Durability::EveryCall => true,
            Durability::Grouped { at_most } => when != When::Underway && writer.is_overdue(at_most),
            Durability::ByHand => false,
        }
    }

    /// Bring what changed to the disk while a call goes on, which leaves those who do that in time no turn: where
    /// it is much, or others were promised that it is there by now.
    pub(super) fn flush_meanwhile(&self) -> Result<()> {
        let Durability::Grouped { at_most } = self.durability else { return Ok(()) };
        let mut writer = lock(&self.writer);
        let is_owed = writer.owed.is_some_and(|first| first.elapsed() >= at_most);
        let is_time = is_owed || writer.is_much();
        let is_first = writer.logging.is_none() && !writer.is_stuck;
        let Some(since) = writer.since.filter(|_| is_time && is_first) else { return Ok(()) };
        let batch = Arc::new(self.take(&mut writer, since)?);
        drop(writer);
        let theirs = Arc::clone(&batch);
        // What did not get there goes with the next; should it never, whoever waits for it is told.
        if self.work.spawn(move |inner| drop(inner.bring(&theirs))) {
            Ok(())
        } else {
            self.bring(&batch)
        }
    }

    /// Wait for the disk where a change has waited for it as long as it may, before anybody is told that a call
    /// [under way](When::Underway) is done.
    pub(super) fn keep_up(&self) -> Result<()> {
        let mut writer = self.turn(When::AsAgreed, How::Gathered);
        let is_due = self.is_due(&writer, When::AsAgreed);
        writer.owed = writer.owed.or(writer.since);
        drop(writer);
        if is_due { self.flush() } else { Ok(()) }
    }

    /// Wait until every change up to now is on the disk; others write meanwhile.
    pub(super) fn flush(&self) -> Result<()> {
        let mut writer = lock(&self.writer);
        while writer.logging.is_some() {
            writer = self.rested.wait(writer).unwrap_or_else(PoisonError::into_inner);
        }
        let Some(since) = writer.since else { return Ok(()) };
        if writer.is_stuck {
            return Err(self.shared.cells.place.engine(redb::Error::PreviousIo));
        }
        let batch = self.take(&mut writer, since)?;
        drop(writer);
        self.bring(&batch)
    }

    /// All that the log has not yet, which is on its way there from now on.
    fn take(&self, writer: &mut Writer, since: Instant) -> Result<Batch> {
        let now = self.snapshot();
        let place = &self.shared.cells.place;
        let facts = files::facts(place, &now.counters, &now.names, now.current.revision)?;
        writer.note(&Changes::fact("facts", facts), place)?;
        (writer.since, writer.owed) = (None, None);
        writer.logging = Some(since);
        writer.numbered += 1;
        Ok(Batch {
            number: writer.numbered,
            bytes: std::mem::take(&mut writer.unlogged),
            since,
            pending: std::mem::take(&mut writer.pending),
            retired: std::mem::take(&mut writer.retired),
        })
    }

    /// Bring a batch to the disk.
    fn bring(&self, batch: &Batch) -> Result<()> {
        let place = &self.shared.cells.place;
        let mut may_be_there = false;
        let brought = place.guarded(|| {
            self.shared.cells.sync()?;
            may_be_there = true;
            let added = lock(&self.log).add(batch.number, &batch.bytes);
            added.map_err(|failed| {
                may_be_there = failed.may_be_there;
                failed.error
            })
        });
        let scrubbed = match brought {
            Ok(()) => self.scrub(&batch.pending, When::Durable),
            Err(_) => Ok(false),
        };
        let mut writer = lock(&self.writer);
        writer.logging = None;
        match brought {
            Ok(()) => {
                match scrubbed {
                    Ok(true) => writer.scrubbed.extend(&batch.pending),
                    // They are with what is next.
                    _ => writer.pending.extend(&batch.pending),
                }
                batch.retired.iter().for_each(|segment| segment.name(false));
            }
            // It goes there with what comes later.
            Err(_) => {
                writer.is_stuck |= may_be_there;
                let later = std::mem::replace(&mut writer.unlogged, batch.bytes.clone());
                writer.unlogged.extend(later);
                writer.since = Some(batch.since);
                writer.owed = writer.since;
                writer.pending.extend(&batch.pending);
                writer.retired.extend(batch.retired.iter().cloned());
            }
        }
        drop(writer);
        self.rested.notify_all();
        brought.and(scrubbed).map(|_| ())
    }

    /// Bring changes to the disk before their time is over, as long as the store is open.
    pub(super) fn flush_in_time(&self, at_most: Duration) {
        let mut took = Duration::ZERO;
        while !self.work.is_stopped() {
            let writer = lock(&self.writer);
            let (first, is_much) = (writer.first(), writer.is_much());
            drop(writer);
            let Some(first) = first else {
                drop(self.unseen());
                // Whoever makes the first change says so.
                if lock(&self.outdated).is_empty() {
                    park()
                } else {
                    park_timeout(LOOKS_AGAIN)
                }
                continue;
            };
            let early = at_most.saturating_sub(took + took / 4);
            let early = early.clamp(at_most / 4, at_most / 4 * 3);
            let left = early.saturating_sub(first.elapsed());
            if !left.is_zero() && !is_much {
                park_timeout(left);
                continue;
            }
            let start = Instant::now();
            if self.flush().is_err() {
                // Whoever writes next is told what is wrong.
                park_timeout(early);
            }
            took = start.elapsed();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cancel::Run;
    use crate::schema::{Record, RecordKey};
    use crate::store::testing::one_per_email;
    use crate::store::{Options, Store};

    #[test]
    fn what_goes_to_the_disk_while_a_call_goes_on_is_there_with_what_comes_meanwhile() {
        let model = one_per_email("mail");
        let folder = tempfile::tempdir().unwrap();
        let durability = Durability::Grouped { at_most: Duration::from_millis(40) };
        let options = Options { durability, ..Options::new() };
        let store = Store::open(folder.path().join("store"), &model, &options).unwrap();
        let record = |number: usize| {
            let key = RecordKey::new("shop", number.to_string());
            Record::new(key).with("email", format!("{}@kestrel.example", number / 2))
        };
        let inner = &store.inner;
        inner.flush_meanwhile().unwrap();
        assert!(lock(&inner.writer).first().is_none(), "there is nothing to be brought there");
        let underway = |number: usize| {
            inner.write(When::Underway, |writing| writing.upsert(&record(number))).unwrap();
        };
        for number in 0..40 {
            if number % 8 == 0 {
                store.upsert(&record(number)).unwrap();
                std::thread::sleep(Duration::from_millis(number as u64));
                inner.flush_meanwhile().unwrap();
            } else {
                underway(number);
            }
        }
        inner.keep_up().unwrap();
        let writer = lock(&inner.writer);
        assert!(writer.owed.is_some() || writer.since.is_none(), "now it is owed");
        drop(writer);
        store.flush().unwrap();
        assert!(lock(&inner.writer).first().is_none());
        drop(store);
        let store = Store::open(folder.path().join("store"), &model, &options).unwrap();
        let stats = store.stats().unwrap();
        assert_eq!((stats.records, stats.entities), (40, 20));
        assert_eq!(store.verify(&Run::new()).unwrap().problems, Vec::<String>::new());
    }

    #[test]
    fn nobody_is_owed_what_only_a_call_that_goes_on_did() {
        let durability = Durability::Grouped { at_most: Duration::from_secs(3600) };
        let options = Options { durability, ..Options::new() };
        let store = Store::in_memory(&one_per_email("mail"), &options).unwrap();
        let inner = &store.inner;
        let one = Record::new(RecordKey::new("shop", "1")).with("email", "a@kestrel.example");
        inner.write(When::Underway, |writing| writing.upsert(&one)).unwrap();
        assert!(lock(&inner.writer).since.is_some() && lock(&inner.writer).owed.is_none());
        inner.keep_up().unwrap();
        assert!(lock(&inner.writer).owed.is_some());
        store.flush().unwrap();
        assert!(lock(&inner.writer).owed.is_none() && lock(&inner.writer).first().is_none());
    }

    #[test]
    fn whoever_is_told_of_many_records_need_not_fear_for_those_that_are_overdue() {
        let model = one_per_email("mail");
        let durability = Durability::Grouped { at_most: Duration::ZERO };
        let options = Options { durability, ..Options::new() };
        let store = Store::in_memory(&model, &options).unwrap();
        let one = Record::new(RecordKey::new("shop", "1")).with("email", "a@kestrel.example");
        store.upsert_many(std::slice::from_ref(&one), &Run::new()).unwrap();
        assert!(lock(&store.inner.writer).first().is_none());
    }
}
