//! A change from its beginning to its end: it is made, gathered or committed, and shown to readers.

use std::sync::{Arc, PoisonError};
use std::time::Instant;

use super::current::Current;
use super::known::{Known, Name};
use super::links::Relinked;
use super::log::Failed;
use super::reading::Snapshot;
use super::record::Names;
use super::rows::Rows;
use super::seen::{Changes, Index, Reading, Tables};
use super::tables::Cell;
use super::writing::{Counters, Writing};
use super::{Inner, When, Writer, files, keeping, lock, reading};
use crate::error::{Error, Result};

/// Where a change goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// Into memory with others, until the index gets all of them.
    Gathered,
    /// Into the index, as it is a change to everything.
    Directly,
}

/// Where a change went.
enum Put {
    /// Into the index, with all before it; it has yet to be committed.
    Index(Box<redb::WriteTransaction>),
    Gathered(Box<Changes>),
}

/// How things stand after a change.
struct Changed {
    counters: Counters,
    current: Arc<Current>,
    names: Names,
    rows: Rows,
    named: Vec<(Name, u32)>,
    scrubs: Vec<Cell>,
    keys: keeping::Kept,
    links: Relinked,
}

impl Inner {
    /// Make a change: all of it or nothing.
    pub(super) fn write<T>(
        &self,
        when: When,
        change: impl FnOnce(&mut Writing<'_>) -> Result<T>,
    ) -> Result<T> {
        self.write_as(&mut self.turn(when, How::Gathered), (when, How::Gathered), change)
    }

    /// The same, of a change to everything.
    pub(super) fn write_all<T>(
        &self,
        when: When,
        change: impl FnOnce(&mut Writing<'_>) -> Result<T>,
    ) -> Result<T> {
        self.write_as(&mut self.turn(when, How::Directly), (when, How::Directly), change)
    }

    /// The same, for whoever has the right to write by [`turn`](Self::turn).
    pub(super) fn write_as<T>(
        &self,
        writer: &mut Writer,
        (when, how): (When, How),
        change: impl FnOnce(&mut Writing<'_>) -> Result<T>,
    ) -> Result<T> {
        let before = self.snapshot();
        let place = &self.shared.cells.place;
        if writer.is_stuck {
            return Err(place.engine(redb::Error::PreviousIo));
        }
        // What is on its way to the disk may not be overtaken.
        let durable = matches!(when, When::Durable | When::Now)
            || writer.logging.is_none() && self.is_due(writer, when);
        let changed = place.guarded(|| self.change(&before, writer, how, change));
        let (out, changed, put) = match changed {
            Ok(changed) => changed,
            Err(error) => return Err(self.gone_wrong(&before, writer, error)),
        };
        let durable = durable || matches!(put, Put::Index(_));
        if durable {
            let synced = self.shared.cells.sync();
            synced.map_err(|error| self.gone_wrong(&before, writer, error))?;
        }
        let changes = self.put(&before, writer, &changed, put, durable)?;
        let Changed { counters, current, names, rows, named, scrubs, keys, links } = changed;
        let told = counters.event;
        writer.counters = counters;
        writer.links.apply(links);
        writer.scrubbed.clear();
        writer.pending.extend(scrubs);
        let is_first = !durable && writer.since.is_none();
        if durable {
            (writer.since, writer.owed) = (None, None);
        } else {
            let now = Instant::now();
            writer.since.get_or_insert(now);
            if when != When::Underway {
                writer.owed.get_or_insert(now);
            }
        }
        let is_same = *before.names == names;
        let names = if is_same { Arc::clone(&before.names) } else { Arc::new(names) };
        writer.is_stuck = true;
        let keys = keys.publish(self, &before.keys, &mut writer.retired);
        let counters = writer.counters.clone();
        let tables = match changes {
            Some(changes) => before.tables.after(changes, keys.change),
            None => self.tables(keys.change)?,
        };
        let mut known = Arc::clone(&before.known);
        Known::add(&mut known, &named);
        let shown = Snapshot { tables, current, names, rows, known, keys, counters };
        drop(before);
        drop(self.show(shown));
        writer.is_stuck = false;
        keeping::Kept::follow_up(self, &self.snapshot().keys);
        *lock(&self.told) = told;
        self.tell.notify_all();
        if is_first || writer.is_much() {
            self.work.hurry();
        }
        if durable {
            writer.retired.drain(..).for_each(|segment| segment.name(false));
            if self.scrub(&writer.pending, when)? {
                writer.scrubbed.append(&mut writer.pending);
            }
        }
        self.catch_up_in_time(writer);
        Ok(out)
    }

    /// Let a change count, on the disk where it is to be `durable`; what readers are to see over the index.
    fn put(
        &self,
        before: &Snapshot,
        writer: &mut Writer,
        changed: &Changed,
        put: Put,
        durable: bool,
    ) -> Result<Option<Changes>> {
        let place = &self.shared.cells.place;
        let changes = match put {
            Put::Index(txn) => {
                // From here on what was written may count, even where an error says otherwise.
                changed.keys.keep();
                let commit = || txn.commit().map_err(|error| place.engine(error));
                if let Err(error) = place.guarded(commit) {
                    // It may be on the disk all the same: no other is to be written over its cells.
                    writer.is_stuck = true;
                    before.current.let_go_from(before.counters.end);
                    return Err(error);
                }
                lock(&self.log).begin_anew(writer.numbered);
                writer.unlogged.clear();
                writer.frozen = None;
                return Ok(None);
            }
            Put::Gathered(changes) => *changes,
        };
        let noted = writer.note(&changes, place);
        let logged = noted.map_err(|error| self.gone_wrong(before, writer, error))?;
        if durable {
            let facts = self.facts(changed);
            let noted = facts.and_then(|facts| writer.note(&Changes::fact("facts", facts), place));
            let added = noted.map_err(|error| Failed { error, may_be_there: false });
            writer.numbered += 1;
            let add = |_| lock(&self.log).add(writer.numbered, &writer.unlogged);
            match added.and_then(add) {
                Ok(()) => writer.unlogged.clear(),
                Err(Failed { error, may_be_there }) => {
                    writer.unlogged.truncate(logged);
                    if !may_be_there {
                        return Err(self.gone_wrong(before, writer, error));
                    }
                    changed.keys.keep();
                    writer.is_stuck = true;
                    before.current.let_go_from(before.counters.end);
                    return Err(error);
                }
            }
        }
        changed.keys.keep();
        Ok(Some(changes))
    }

    /// Make a change that is still to be seen, and to be committed where the index has it.
    fn change<T>(
        &self,
        before: &Snapshot,
        writer: &Writer,
        how: How,
        change: impl FnOnce(&mut Writing<'_>) -> Result<T>,
    ) -> Result<(T, Changed, Put)> {
        let place = &self.shared.cells.place;
        let is_resting = writer.logging.is_none() && !writer.is_committing;
        let is_direct = is_resting && before.tables.is_too_much(self.recent_bytes);
        if how == How::Gathered && !is_direct {
            let tables = Tables::gathering(&before.tables);
            let (out, changed, changes) = self.change_tables(tables, before, writer, change)?;
            return Ok((out, changed, Put::Gathered(Box::new(changes))));
        }
        let txn = self.begin()?;
        let mut index = Index::open(&txn).map_err(|error| place.engine(error))?;
        before.tables.put_into(&mut index).map_err(|error| place.engine(error))?;
        let (out, changed, _) =
            self.change_tables(Tables::direct(index), before, writer, change)?;
        let mut index = Index::open(&txn).map_err(|error| place.engine(error))?;
        self.put_facts(&mut index, &self.facts(&changed)?, writer.numbered)?;
        drop(index);
        Ok((out, changed, Put::Index(Box::new(txn))))
    }

    pub(super) fn begin(&self) -> Result<redb::WriteTransaction> {
        let place = &self.shared.cells.place;
        let db = self.db.get().map_err(|error| place.engine(error))?;
        files::begin_write(db).map_err(|error| place.engine(error))
    }

    /// The index as it is now, after so many changes.
    pub(super) fn tables(&self, change: u64) -> Result<Reading> {
        let place = &self.shared.cells.place;
        let db = self.db.get().map_err(|error| place.engine(error))?;
        reading::tables(db, place, change)
    }

    /// Where things stand after a change.
    fn facts(&self, changed: &Changed) -> Result<Vec<u8>> {
        let place = &self.shared.cells.place;
        files::facts(place, &changed.counters, &changed.names, changed.current.revision)
    }

    /// Put down where things stand, with all that the log has up to that batch.
    pub(super) fn put_facts(&self, index: &mut Index<'_>, facts: &[u8], logged: u64) -> Result<()> {
        let put = index.meta.insert("facts", facts).map(|_| ());
        let put =
            put.and_then(|()| index.meta.insert("log", &logged.to_le_bytes()[..]).map(|_| ()));
        put.map_err(|error| self.shared.cells.place.engine(error))
    }

    /// Make a change to tables.
    fn change_tables<'w, T>(
        &'w self,
        tables: Tables<'w>,
        before: &'w Snapshot,
        writer: &'w Writer,
        change: impl FnOnce(&mut Writing<'w>) -> Result<T>,
    ) -> Result<(T, Changed, Changes)> {
        let place = &self.shared.cells.place;
        let both = (&self.shared, &self.next_segment);
        let mut writing = Writing::new(both, tables, writer, before);
        let out = change(&mut writing)?;
        writing.settle()?;
        for cell in &writer.scrubbed {
            writing.tables.scrubs.remove(cell.place).map_err(|error| place.engine(error))?;
        }
        let keys = writing.keep_keys(self)?;
        let Writing { tables, linking, counters, current, names, rows, named, scrubs, .. } =
            writing;
        let (links, named) = (linking.changes(), named.into_iter().collect());
        let changed = Changed { counters, current, names, rows, named, scrubs, keys, links };
        Ok((out, changed, tables.changes()))
    }

    /// A change came to nothing: other records come to lie where it put some, of which nothing may be kept.
    fn gone_wrong(&self, before: &Snapshot, writer: &Writer, error: Error) -> Error {
        // What was put behind the end does not count; it need not stay either. Should that fail, it is cut off
        // when the store is opened again.
        let _ = self.shared.cells.cut(writer.counters.end);
        before.current.let_go_from(before.counters.end);
        error
    }

    /// Overwrite cells that hold nothing any more, after which nothing of them is on the disk; whether
    /// that was to be.
    pub(super) fn scrub(&self, cells: &[Cell], when: When) -> Result<bool> {
        if cells.is_empty() {
            return Ok(true);
        }
        let _gate = if when == When::Now {
            self.copying.write().unwrap_or_else(PoisonError::into_inner)
        } else {
            // A copy is being made: they wait for the next change.
            let Ok(gate) = self.copying.try_write() else { return Ok(false) };
            gate
        };
        for cell in cells {
            self.shared.cells.scrub(*cell)?;
        }
        if when == When::Now {
            self.shared.cells.sync()?;
        }
        Ok(true)
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }
}

#[cfg(test)]
mod tests {
    use crate::cancel::Run;
    use crate::schema::{Record, RecordKey};
    use crate::store::testing::one_per_email;
    use crate::store::{Options, Store};

    #[test]
    fn a_change_that_comes_to_nothing_leaves_what_is_kept_of_others_and_nothing_of_its_own() {
        let store = Store::in_memory(&one_per_email("mail"), &Options::new()).unwrap();
        let key = |number: usize| RecordKey::new("shop", format!("{number:03}"));
        let record = |number: usize| {
            Record::new(key(number)).with("email", format!("{number}@kestrel.example"))
        };
        let ready = |number: u32| {
            let now = store.inner.snapshot();
            let cell = now.rows.get(number).unwrap().cell;
            let ready = now.current.ready(number, cell).unwrap();
            (cell.place, ready.map(|record| record.key().id.clone()))
        };
        for number in 0..3 {
            store.upsert(&record(number)).unwrap();
        }
        let mut many: Vec<Record> = (3..203).map(record).collect();
        many.push(record(203).with("nothing", "x"));
        for _ in 0..2 {
            let wrong = store.upsert_many(&many, &Run::new()).unwrap_err();
            assert_eq!(wrong.code(), "UNKNOWN_FIELD");
            for number in 0..3 {
                assert_eq!(ready(number).1, Some(format!("{number:03}")));
            }
        }
        let end = store.stats().unwrap().cell_bytes;
        // They have the numbers now, and one of them the place, of records that never were.
        store.must_link(&key(900), &key(901)).unwrap();
        assert_eq!(ready(3), (end, None));
        store.upsert(&record(902)).unwrap();
        assert_eq!(ready(5).1.as_deref(), Some("902"));
    }
}
