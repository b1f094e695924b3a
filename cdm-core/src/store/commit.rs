//! A change from its beginning to its end: it is made, gathered or committed, and shown to readers.

use std::sync::{Arc, PoisonError};
use std::time::Instant;

use super::current::Current;
use super::known::{Known, Name};
use super::reading::Snapshot;
use super::record::Names;
use super::rows::Rows;
use super::seen::{Changes, Index, Tables};
use super::tables::Cell;
use super::writing::{Counters, Writing};
use super::{Durability, Inner, When, Writer, files, keeping, lock, reading};
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
        // What is on its way to the index may not be overtaken.
        let durable = matches!(when, When::Durable | When::Now)
            || !writer.is_committing && self.is_due(writer, when);
        let changed = place.guarded(|| self.change(&before, writer, (how, durable), change));
        let (out, changed, put) = match changed {
            Ok(changed) => changed,
            Err(error) => {
                // What was put behind the end does not count; it need not stay either. Should that
                // fail, it is cut off when the store is opened again.
                let _ = self.shared.cells.cut(writer.counters.end);
                return Err(self.gone_wrong(&before, error));
            }
        };
        let Changed { counters, current, names, rows, named, scrubs, keys } = changed;
        if durable {
            self.shared.cells.sync().map_err(|error| self.gone_wrong(&before, error))?;
        }
        // From here on what was written may count, even where an error says otherwise.
        keys.keep();
        let changes = match put {
            Put::Index(txn) => {
                let commit = || txn.commit().map_err(|error| place.engine(error));
                if let Err(error) = place.guarded(commit) {
                    // It may be on the disk all the same: no other is to be written over its cells.
                    writer.is_stuck = true;
                    return Err(self.gone_wrong(&before, error));
                }
                None
            }
            Put::Gathered(changes) => Some(changes),
        };
        let told = counters.event;
        writer.counters = counters;
        writer.scrubbed.clear();
        writer.pending.extend(scrubs);
        if changes.is_none() {
            writer.thaw();
        }
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
            Some(changes) => before.tables.after(*changes, keys.change),
            None => reading::tables(&self.db, place, keys.change)?,
        };
        let is_much = tables.is_much();
        let mut known = Arc::clone(&before.known);
        Known::add(&mut known, &named);
        let shown = Snapshot { tables, current, names, rows, known, keys, counters };
        drop(before);
        drop(self.show(shown));
        writer.is_stuck = false;
        keeping::Kept::follow_up(self, &self.snapshot().keys);
        *lock(&self.told) = told;
        self.tell.notify_all();
        if is_first || is_much {
            self.work.hurry();
        }
        if durable {
            writer.retired.drain(..).for_each(|segment| segment.name(false));
            if self.scrub(&writer.pending, when)? {
                writer.scrubbed.append(&mut writer.pending);
            }
        }
        Ok(out)
    }

    /// Make a change that is still to be seen, and to be committed where the index has it.
    fn change<T>(
        &self,
        before: &Snapshot,
        writer: &Writer,
        (how, durable): (How, bool),
        change: impl FnOnce(&mut Writing<'_>) -> Result<T>,
    ) -> Result<(T, Changed, Put)> {
        let place = &self.shared.cells.place;
        if how == How::Gathered {
            let tables = Tables::gathering(&before.tables);
            let (out, changed, changes) = self.change_tables(tables, before, writer, change)?;
            // Where a thread brings changes to the disk, it is that one's turn next.
            let is_brought = matches!(self.durability, Durability::Grouped { .. });
            let has_room = !before.tables.is_full(&changes)
                || writer.is_committing
                || is_brought && !before.tables.is_too_much();
            if !durable && has_room {
                return Ok((out, changed, Put::Gathered(Box::new(changes))));
            }
            let txn = self.begin(durable)?;
            let mut index = Index::open(&txn).map_err(|error| place.engine(error))?;
            let put = before.tables.put_into(&mut index);
            put.and_then(|()| changes.put_into(&mut index)).map_err(|e| place.engine(e))?;
            self.put_facts(&mut index, &changed)?;
            drop(index);
            return Ok((out, changed, Put::Index(Box::new(txn))));
        }
        let txn = self.begin(durable)?;
        let mut index = Index::open(&txn).map_err(|error| place.engine(error))?;
        before.tables.put_into(&mut index).map_err(|error| place.engine(error))?;
        let (out, changed, _) =
            self.change_tables(Tables::direct(index), before, writer, change)?;
        let mut index = Index::open(&txn).map_err(|error| place.engine(error))?;
        self.put_facts(&mut index, &changed)?;
        drop(index);
        Ok((out, changed, Put::Index(Box::new(txn))))
    }

    pub(super) fn begin(&self, durable: bool) -> Result<redb::WriteTransaction> {
        let place = &self.shared.cells.place;
        let mut txn = self.db.begin_write().map_err(|error| place.engine(error))?;
        if !durable {
            let wanted = txn.set_durability(redb::Durability::None);
            wanted.map_err(|error| place.damaged(error.to_string()))?;
        }
        Ok(txn)
    }

    /// Put down where things stand.
    fn put_facts(&self, index: &mut Index<'_>, changed: &Changed) -> Result<()> {
        let place = &self.shared.cells.place;
        let facts =
            files::facts(place, &changed.counters, &changed.names, changed.current.revision)?;
        index.meta.insert("facts", &facts[..]).map(|_| ()).map_err(|error| place.engine(error))
    }

    /// Make a change to tables.
    fn change_tables<'w, T>(
        &'w self,
        tables: Tables<'w>,
        before: &'w Snapshot,
        writer: &Writer,
        change: impl FnOnce(&mut Writing<'w>) -> Result<T>,
    ) -> Result<(T, Changed, Changes)> {
        let place = &self.shared.cells.place;
        let both = (&self.shared, &self.next_segment);
        let mut writing = Writing::new(both, tables, writer.counters.clone(), before);
        let out = change(&mut writing)?;
        writing.settle()?;
        for cell in &writer.scrubbed {
            writing.tables.scrubs.remove(cell.place).map_err(|error| place.engine(error))?;
        }
        let keys = writing.keep_keys(self)?;
        let Writing { tables, counters, current, names, rows, named, scrubs, .. } = writing;
        let changed = Changed { counters, current, names, rows, named, scrubs, keys };
        Ok((out, changed, tables.changes()))
    }

    /// A change came to nothing: other records come to lie where it put some, of which nothing may be kept.
    fn gone_wrong(&self, before: &Snapshot, error: Error) -> Error {
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
    use crate::plan::Plan;
    use crate::schema::{Record, RecordKey};
    use crate::store::{Options, Store};
    use crate::table::Table;

    #[test]
    fn a_change_that_comes_to_nothing_leaves_what_is_kept_of_others_and_nothing_of_its_own() {
        let plan = r#"{"version": 1, "name": "mail", "fields": [{"name": "email", "kind": "email"}],
            "rules": [{"name": "e-mail", "decision": "match", "same": ["email"]}]}"#;
        let plan = Plan::from_json(plan).unwrap();
        let nobody = Table::from_records(plan.schema().clone(), []).unwrap();
        let model = plan.fit(&nobody, &Run::new()).unwrap();
        let store = Store::in_memory(&model, &Options::new()).unwrap();
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
