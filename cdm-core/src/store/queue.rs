//! Records that several threads want to put in at once: whoever gets to write takes all of them along,
//! so that they share a change, and its way to the disk.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::thread::{Thread, current, park, yield_now};
use std::time::{Duration, Instant};

use super::commit::How;
use super::writing::{Found, Writing};
use super::{Inner, When, Writer, lock};
use crate::bound::BoundModel;
use crate::error::Result;
use crate::schema::{EntityId, Record, RecordKey};

/// So many records at most are put in together: nobody is to wait for more.
const MOST: usize = 64;

/// So long whoever leads looks whether it may write before it sleeps: most changes take less than that, and to be
/// woken by a system that let the processor rest takes as long as to make one.
const AWAKE: Duration = Duration::from_micros(300);

/// What is still to be put in. Whoever wants the first of it in does so for all: it alone waits for the right to
/// write, and the others for it, so that not each of them has to be given that right to learn that it is done.
#[derive(Default)]
pub(super) struct Queue(Mutex<VecDeque<Wanted>>);

/// A record that is to be put in, prepared by whoever wants it in.
struct Wanted {
    found: Found,
    /// What it was prepared for.
    model: Arc<BoundModel>,
    /// Of whoever does, until it is called for the last time.
    ticket: Option<Arc<Ticket>>,
}

/// Of one that waits.
struct Ticket {
    turn: Mutex<Turn>,
    holder: Thread,
}

#[derive(Default)]
enum Turn {
    #[default]
    Waits,
    /// It is to put in what there is, its own first.
    Leads,
    /// Somebody else put it in, or could not.
    Done(Result<EntityId>),
    /// Whoever took it along came to grief over another one.
    Left,
}

impl Ticket {
    fn new() -> Self {
        Self { turn: Mutex::default(), holder: current() }
    }

    /// Wait until it is called.
    fn wait(&self) -> Turn {
        loop {
            // It is let go of before whoever is to call can take it.
            let turn = std::mem::take(&mut *lock(&self.turn));
            if !matches!(turn, Turn::Waits) {
                return turn;
            }
            park();
        }
    }
}

impl Queue {
    fn join(&self, mut wanted: Wanted) {
        let mut waiting = lock(&self.0);
        if waiting.is_empty() {
            wanted.call(Turn::Leads);
        }
        waiting.push_back(wanted);
    }

    /// What whoever leads is to put in.
    fn take(&self) -> Vec<Wanted> {
        let mut waiting = lock(&self.0);
        let count = waiting.len().min(MOST);
        let together = waiting.drain(..count).collect();
        if let Some(next) = waiting.front_mut() {
            next.call(Turn::Leads);
        }
        together
    }
}

impl Inner {
    /// Put a record in, with those that others want in meanwhile.
    pub(super) fn upsert(&self, record: &Record) -> Result<EntityId> {
        let before = self.snapshot();
        let model = Arc::clone(&before.current.bound);
        // Before it is anybody's turn, so that several threads do it at once.
        let prepared = Arc::new(model.prepare(record)?);
        let place = &self.shared.cells.place;
        let found = place.guarded(|| {
            let found = Found::new(&self.shared, &before, prepared)?;
            found.made_ready(&before.current)?.weighed(&self.shared, &before)
        })?;
        drop(before);
        let ticket = Arc::new(Ticket::new());
        self.queue.join(Wanted { found, model, ticket: Some(Arc::clone(&ticket)) });
        loop {
            match ticket.wait() {
                Turn::Done(result) => return result,
                // What becomes of its own it is told as all others are.
                Turn::Leads => self.lead(),
                Turn::Left => {
                    let mut writer = self.turn(When::AsAgreed, How::Gathered);
                    return self.put_in(&mut writer, |writing| writing.upsert(record), record);
                }
                Turn::Waits => {}
            }
        }
    }

    /// Put in what waits.
    fn lead(&self) {
        let mut writer = self.turn_again(self.right_soon(), When::AsAgreed, How::Gathered);
        let mut together = self.queue.take();
        let done = self.put_in_together(&mut writer, &together);
        // Others write while those are told, and while all that was taken along goes.
        drop(writer);
        for (wanted, done) in together.iter_mut().zip(done) {
            wanted.call(Turn::Done(done));
        }
    }

    /// The right to write, for which nobody sleeps who gets it soon.
    fn right_soon(&self) -> MutexGuard<'_, Writer> {
        let start = Instant::now();
        loop {
            match self.writer.try_lock() {
                Ok(writer) => return writer,
                Err(TryLockError::Poisoned(writer)) => return writer.into_inner(),
                Err(TryLockError::WouldBlock) if start.elapsed() < AWAKE => yield_now(),
                Err(TryLockError::WouldBlock) => return lock(&self.writer),
            }
        }
    }

    /// Put records in by one change; where that is not to be, each by its own.
    fn put_in_together(&self, writer: &mut Writer, together: &[Wanted]) -> Vec<Result<EntityId>> {
        if let [_, _, ..] = together {
            let done = self.write_as(writer, (When::AsAgreed, How::Gathered), |writing| {
                for wanted in together {
                    wanted.put_in(writing)?;
                }
                writing.settle()?;
                together.iter().map(|wanted| writing.entity_of_known(wanted.key())).collect()
            });
            let done: Result<Vec<EntityId>> = done;
            if let Ok(entities) = done {
                return entities.into_iter().map(Ok).collect();
            }
        }
        let alone = together.iter().map(|wanted| {
            let record = wanted.found.record.record();
            self.put_in(writer, |writing| wanted.put_in(writing), record)
        });
        alone.collect()
    }

    fn put_in(
        &self,
        writer: &mut Writer,
        put_in: impl FnOnce(&mut Writing<'_>) -> Result<bool>,
        record: &Record,
    ) -> Result<EntityId> {
        self.write_as(writer, (When::AsAgreed, How::Gathered), |writing| {
            put_in(writing)?;
            writing.settle()?;
            writing.entity_of_known(&record.key)
        })
    }
}

impl Wanted {
    /// Say to whoever wants it in what came of it, or what to do; nothing once that is said.
    fn call(&mut self, turn: Turn) {
        let ticket =
            if matches!(turn, Turn::Leads) { self.ticket.clone() } else { self.ticket.take() };
        if let Some(ticket) = ticket {
            *lock(&ticket.turn) = turn;
            // Whoever leads does not sleep.
            if ticket.holder.id() != current().id() {
                ticket.holder.unpark();
            }
        }
    }

    fn key(&self) -> &RecordKey {
        self.found.record.key()
    }

    fn put_in(&self, writing: &mut Writing<'_>) -> Result<bool> {
        // Another model was adopted meanwhile.
        if !Arc::ptr_eq(&self.model, &writing.current.bound) {
            return writing.upsert(self.found.record.record());
        }
        writing.upsert_found(&self.found)
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        self.call(Turn::Left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::one_per_email;
    use crate::store::{Options, Store};

    /// A store where one e-mail address is one customer.
    fn store() -> Store {
        Store::in_memory(&one_per_email("mail"), &Options::new()).unwrap()
    }

    fn record(number: usize) -> Record {
        let key = RecordKey::new("shop", number.to_string());
        Record::new(key).with("email", format!("{}@kestrel.example", number / 2))
    }

    /// Wants that record in, without waiting for it.
    fn join(store: &Store, number: usize) -> Arc<Ticket> {
        let before = store.inner.snapshot();
        let model = Arc::clone(&before.current.bound);
        let prepared = Arc::new(model.prepare(&record(number)).unwrap());
        let found = Found::new(&store.inner.shared, &before, prepared).unwrap();
        let ticket = Arc::new(Ticket::new());
        store.inner.queue.join(Wanted { found, model, ticket: Some(Arc::clone(&ticket)) });
        ticket
    }

    #[test]
    fn whoever_comes_first_puts_in_what_waits_and_hands_on_what_is_too_much() {
        let store = store();
        let tickets: Vec<Arc<Ticket>> = (0..MOST + 3).map(|number| join(&store, number)).collect();
        for leader in [0, MOST] {
            assert!(matches!(tickets[leader].wait(), Turn::Leads));
            assert!(matches!(*lock(&tickets[MOST + 1].turn), Turn::Waits));
            store.inner.lead();
        }
        assert!(lock(&store.inner.queue.0).is_empty());
        for (number, ticket) in tickets.iter().enumerate() {
            let Turn::Done(entity) = ticket.wait() else { panic!("{number} was not told") };
            assert_eq!(entity.unwrap(), store.entity_of(&record(number).key).unwrap().unwrap());
        }
        assert!(matches!(join(&store, 0).wait(), Turn::Leads), "there is nobody else");
    }

    #[test]
    fn who_was_taken_along_by_one_that_came_to_grief_goes_alone() {
        let store = store();
        let leader = join(&store, 0);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| store.upsert(&record(7)));
            while lock(&store.inner.queue.0).len() < 2 {
                std::thread::sleep(Duration::from_millis(1));
            }
            drop(store.inner.queue.take());
            let entity = other.join().unwrap().unwrap();
            assert_eq!(store.entity_of(&record(7).key).unwrap(), Some(entity));
        });
        assert!(matches!(leader.wait(), Turn::Left));
        assert_eq!(store.stats().unwrap().records, 1);
    }
}
