//! What was gathered goes to the index while others write: it is frozen, and what they do meanwhile is
//! gathered over it.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::thread::{park, park_timeout};
use std::time::{Duration, Instant};

use super::commit::How;
use super::reading::{Snapshot, tables};
use super::seen::{Index, Reading};
use super::segment::Segment;
use super::tables::Cell;
use super::{Durability, Inner, When, Writer, files, lock};
use crate::error::Result;

/// What was gathered up to a change, on its way to the index.
pub(super) struct Frozen {
    /// As they were after that change.
    tables: Reading,
    facts: Vec<u8>,
    /// When the first change of it was made.
    since: Instant,
    /// Cells and segments that are named no more once it is on the disk.
    pending: Vec<Cell>,
    retired: Vec<Arc<Segment>>,
}

impl Writer {
    /// When the first of those changes was made that are not on the disk.
    fn first(&self) -> Option<Instant> {
        self.frozen.as_ref().map(|frozen| frozen.since).or(self.since)
    }

    /// Whether a change has waited for the disk as long as it may.
    fn is_overdue(&self, at_most: Duration) -> bool {
        at_most.is_zero() || self.first().is_some_and(|first| first.elapsed() >= at_most)
    }

    /// What was on its way to the index goes there with what came later, or is there with it.
    pub(super) fn thaw(&mut self) {
        if let Some(frozen) = self.frozen.take() {
            self.since = Some(frozen.since);
            self.owed = self.since;
            self.pending.extend(&frozen.pending);
            self.retired.extend(frozen.retired.iter().cloned());
        }
    }
}

/// Where nothing changes, it is looked so often whether readers are done with an outdated snapshot.
const LOOKS_AGAIN: Duration = Duration::from_secs(1);

impl Inner {
    /// The right to write. What the index is to have at once comes after what is on its way there; so does
    /// everything where that takes too long, or more is gathered meanwhile than should be.
    pub(super) fn turn(&self, when: When, how: How) -> MutexGuard<'_, Writer> {
        self.turn_again(lock(&self.writer), when, how)
    }

    /// The same for whoever has it, before another change.
    pub(super) fn turn_again<'w>(
        &self,
        writer: MutexGuard<'w, Writer>,
        when: When,
        how: How,
    ) -> MutexGuard<'w, Writer> {
        if !writer.is_committing {
            return writer;
        }
        let waits = matches!(when, When::Durable | When::Now)
            || how == How::Directly
            || self.is_due(&writer, when)
            || self.snapshot().tables.is_too_much();
        if waits { self.at_rest(writer) } else { writer }
    }

    /// Whether the next change is to be on the disk when its call returns.
    pub(super) fn is_due(&self, writer: &Writer, when: When) -> bool {
        match self.durability {
            Durability::EveryCall => true,
            Durability::Grouped { at_most } => when != When::Underway && writer.is_overdue(at_most),
            Durability::ByHand => false,
        }
    }

    /// Bring what was gathered to the disk while a call goes on, which leaves those who do that in time no turn:
    /// where it is much, or others were promised that it is there by now.
    pub(super) fn flush_meanwhile(&self) -> Result<()> {
        let Durability::Grouped { at_most } = self.durability else { return Ok(()) };
        let mut writer = lock(&self.writer);
        let is_owed = writer.owed.is_some_and(|first| first.elapsed() >= at_most);
        let is_time = is_owed || self.snapshot().tables.is_half_full();
        let is_first = writer.frozen.is_none() && !writer.is_committing && !writer.is_stuck;
        let Some(since) = writer.since.filter(|_| is_time && is_first) else { return Ok(()) };
        let frozen = self.freeze(&mut writer, since)?;
        writer.is_committing = true;
        drop(writer);
        let theirs = Arc::clone(&frozen);
        // What did not get there goes with the next; should it never, whoever waits for it is told.
        if self.work.spawn(move |inner| drop(inner.catch_up(&theirs))) {
            Ok(())
        } else {
            self.catch_up(&frozen)
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

    /// Wait until nothing is on its way to the index.
    fn at_rest<'w>(&self, mut writer: MutexGuard<'w, Writer>) -> MutexGuard<'w, Writer> {
        while writer.is_committing {
            writer = self.rested.wait(writer).unwrap_or_else(PoisonError::into_inner);
        }
        writer
    }

    /// Wait until every change up to now is on the disk; others write meanwhile.
    pub(super) fn flush(&self) -> Result<()> {
        loop {
            let mut writer = self.at_rest(lock(&self.writer));
            if writer.is_stuck && (writer.frozen.is_some() || writer.since.is_some()) {
                return Err(self.shared.cells.place.engine(redb::Error::PreviousIo));
            }
            // What did not get there before goes first.
            let (frozen, is_last) = match (&writer.frozen, writer.since) {
                (Some(frozen), _) => (Arc::clone(frozen), false),
                (None, Some(since)) => (self.freeze(&mut writer, since)?, true),
                (None, None) => return Ok(()),
            };
            writer.is_committing = true;
            drop(writer);
            self.catch_up(&frozen)?;
            if is_last {
                return Ok(());
            }
        }
    }

    /// Gather what comes from now on over what there is, which goes to the index as it is.
    fn freeze(&self, writer: &mut Writer, since: Instant) -> Result<Arc<Frozen>> {
        let now = self.snapshot();
        let place = &self.shared.cells.place;
        let facts = files::facts(place, &now.counters, &now.names, now.current.revision)?;
        let frozen = Arc::new(Frozen {
            tables: now.tables.clone(),
            facts,
            since,
            pending: std::mem::take(&mut writer.pending),
            retired: std::mem::take(&mut writer.retired),
        });
        (writer.since, writer.owed) = (None, None);
        writer.frozen = Some(Arc::clone(&frozen));
        let next = Snapshot { tables: now.tables.frozen(), ..(*now).clone() };
        drop(now);
        self.show(next);
        Ok(frozen)
    }

    /// Let readers see how things stand from now on; what nobody looks at any more.
    pub(super) fn show(&self, snapshot: Snapshot) -> Vec<Arc<Snapshot>> {
        let before = self.snapshot.swap(Arc::new(snapshot));
        lock(&self.outdated).push(before);
        self.unseen()
    }

    /// Outdated snapshots that nobody looks at any more. Readers never let the last of what is in one go:
    /// where another thread is about to use the memory that it came from, they would have to wait for that.
    pub(super) fn unseen(&self) -> Vec<Arc<Snapshot>> {
        // Nobody comes to look at an outdated one.
        let is_unseen = |snapshot: &mut Arc<Snapshot>| Arc::strong_count(snapshot) == 1;
        lock(&self.outdated).extract_if(.., is_unseen).collect()
    }

    /// Bring what was frozen to the disk.
    fn catch_up(&self, frozen: &Frozen) -> Result<()> {
        let mut may_be_there = false;
        let place = &self.shared.cells.place;
        let put = place.guarded(|| self.put_frozen(frozen, &mut may_be_there));
        let scrubbed = match &put {
            Ok(_) => self.scrub(&frozen.pending, When::Durable),
            Err(_) => Ok(false),
        };
        let mut writer = lock(&self.writer);
        writer.is_committing = false;
        let mut unseen = Vec::new();
        match &put {
            Ok(index) => {
                writer.frozen = None;
                match scrubbed {
                    Ok(true) => writer.scrubbed.extend(&frozen.pending),
                    // They are with what is next.
                    _ => writer.pending.extend(&frozen.pending),
                }
                frozen.retired.iter().for_each(|segment| segment.name(false));
                let now = self.snapshot();
                let next = Snapshot { tables: now.tables.arrived(index), ..(*now).clone() };
                drop(now);
                unseen = self.show(next);
            }
            // What is not known to be there, nor not to be, is not to be written over.
            Err(_) => writer.is_stuck |= may_be_there,
        }
        drop(writer);
        self.rested.notify_all();
        // It goes now that nobody waits for it.
        drop(unseen);
        put.and(scrubbed).map(|_| ())
    }

    /// Commit it, and read the index as it is then.
    fn put_frozen(&self, frozen: &Frozen, may_be_there: &mut bool) -> Result<Reading> {
        let place = &self.shared.cells.place;
        self.shared.cells.sync()?;
        let txn = self.begin(true)?;
        let mut index = Index::open(&txn).map_err(|error| place.engine(error))?;
        frozen.tables.put_into(&mut index).map_err(|error| place.engine(error))?;
        let put = index.meta.insert("facts", &frozen.facts[..]).map(|_| ());
        put.map_err(|error| place.engine(error))?;
        drop(index);
        *may_be_there = true;
        txn.commit().map_err(|error| place.engine(error))?;
        tables(&self.db, place, 0)
    }

    /// Bring changes to the disk before their time is over, as long as the store is open.
    pub(super) fn flush_in_time(&self, at_most: Duration) {
        let mut took = Duration::ZERO;
        while !self.work.is_stopped() {
            let Some(first) = lock(&self.writer).first() else {
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
            if !left.is_zero() && !self.snapshot().tables.is_much() {
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
    use crate::plan::{Model, Plan};
    use crate::schema::{Record, RecordKey};
    use crate::store::{Options, Store};
    use crate::table::Table;

    /// One e-mail address, one customer.
    fn model() -> Model {
        let plan = r#"{"version": 1, "name": "mail", "fields": [{"name": "email", "kind": "email"}],
            "rules": [{"name": "e-mail", "decision": "match", "same": ["email"]}]}"#;
        let plan = Plan::from_json(plan).unwrap();
        let nobody = Table::from_records(plan.schema().clone(), []).unwrap();
        plan.fit(&nobody, &Run::new()).unwrap()
    }

    #[test]
    fn what_goes_to_the_disk_while_a_call_goes_on_is_there_with_what_comes_meanwhile() {
        let model = model();
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
        let store = Store::in_memory(&model(), &options).unwrap();
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
        let model = model();
        let durability = Durability::Grouped { at_most: Duration::ZERO };
        let options = Options { durability, ..Options::new() };
        let store = Store::in_memory(&model, &options).unwrap();
        let one = Record::new(RecordKey::new("shop", "1")).with("email", "a@kestrel.example");
        store.upsert_many(std::slice::from_ref(&one), &Run::new()).unwrap();
        assert!(lock(&store.inner.writer).first().is_none());
    }
}
