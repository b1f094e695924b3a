//! Records that several threads want to put in at once: whoever gets to write takes all of them along,
//! so that they share a transaction and its way to the disk.

use std::sync::{Arc, Mutex};

use super::commit::How;
use super::writing::{Found, Writing};
use super::{Inner, When, Writer, lock};
use crate::bound::BoundModel;
use crate::error::Result;
use crate::schema::{EntityId, Record, RecordKey};

/// So many records at most are put in together: nobody is to wait for more.
const MOST: usize = 64;

/// What is still to be put in.
#[derive(Default)]
pub(super) struct Queue(Mutex<Vec<Wanted>>);

/// A record that is to be put in, prepared by whoever wants it in.
struct Wanted {
    found: Found,
    /// What it was prepared for.
    model: Arc<BoundModel>,
    answer: Arc<Answer>,
}

/// What came of it, once something did.
#[derive(Default)]
struct Answer(Mutex<Option<Result<EntityId>>>);

impl Answer {
    fn give(&self, result: Result<EntityId>) {
        *lock(&self.0) = Some(result);
    }

    fn take(&self) -> Option<Result<EntityId>> {
        lock(&self.0).take()
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
        let answer = Arc::new(Answer::default());
        let wanted = Wanted { found, model, answer: Arc::clone(&answer) };
        lock(&self.queue.0).push(wanted);
        // All that is taken along goes once nobody waits for that any more: after the right to write.
        let mut together: Vec<Wanted> = Vec::new();
        let mut writer = lock(&self.writer);
        loop {
            if let Some(result) = answer.take() {
                return result;
            }
            writer = self.turn_again(writer, When::AsAgreed, How::Gathered);
            // Where that took a while, somebody else may have put it in.
            if let Some(result) = answer.take() {
                return result;
            }
            let known = together.len();
            {
                let mut waiting = lock(&self.queue.0);
                let count = waiting.len().min(MOST);
                together.extend(waiting.drain(..count));
            }
            if together.len() == known {
                // Whoever had taken it along came to grief over another one.
                return self.put_in(&mut writer, |writing| writing.upsert(record), record);
            }
            self.put_in_together(&mut writer, &together[known..]);
        }
    }

    /// Put records in by one change; where that is not to be, each by its own.
    fn put_in_together(&self, writer: &mut Writer, together: &[Wanted]) {
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
                let answers = together.iter().zip(entities);
                answers.for_each(|(wanted, entity)| wanted.answer.give(Ok(entity)));
                return;
            }
        }
        for wanted in together {
            let record = wanted.found.record.record();
            let done = self.put_in(writer, |writing| wanted.put_in(writing), record);
            wanted.answer.give(done);
        }
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
