//! What was gathered goes to the index while others write: it is frozen, and what they do meanwhile is
//! gathered over it.

use std::sync::Arc;
use std::time::Duration;

use super::commit::How;
use super::reading::Snapshot;
use super::seen::{Index, Reading};
use super::{Inner, When, Writer, files, lock};
use crate::error::Result;

/// What was gathered up to a change, on its way to the index.
pub(super) struct Frozen {
    /// As they were after that change.
    tables: Reading,
    facts: Vec<u8>,
    /// All that batches of the log up to that one say is in them. Of the next one some may be as well: when that is
    /// read again, it ends with what is later.
    logged: u64,
}

/// So often, and so long, it is waited for others to let go of what is in the index by now.
const LOOKS: u32 = 200;
const SOON: Duration = Duration::from_millis(1);

impl Inner {
    /// Bring what was gathered to the index, once that is much, by a thread of the store's own.
    pub(super) fn catch_up_in_time(&self, writer: &mut Writer) {
        let is_first = writer.frozen.is_none() && !writer.is_committing && !writer.is_stuck;
        if !is_first || !self.snapshot().tables.is_half_full(self.recent_bytes) {
            return;
        }
        // Should it come to nothing, or there be no thread, the index gets it with what comes later.
        let Ok(frozen) = self.freeze(writer) else { return };
        writer.is_committing = self.work.spawn(move |inner| {
            let _ = inner.catch_up(&frozen);
            inner.let_go_of(&frozen);
        });
    }

    /// The index has all that there is when this returns, and the log nothing.
    pub(super) fn catch_up_whole(&self) -> Result<()> {
        let mut writer = self.turn(When::Durable, How::Directly);
        if self.snapshot().tables.is_in_index() {
            return Ok(());
        }
        self.write_as(&mut writer, (When::Durable, How::Directly), |_| Ok(()))
    }

    /// Gather what comes from now on over what there is, which goes to the index as it is.
    fn freeze(&self, writer: &mut Writer) -> Result<Arc<Frozen>> {
        let now = self.snapshot();
        let place = &self.shared.cells.place;
        let facts = files::facts(place, &now.counters, &now.names, now.current.revision)?;
        let (tables, logged) = (now.tables.clone(), writer.numbered);
        let frozen = Arc::new(Frozen { tables, facts, logged });
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

    /// Bring what was frozen to the index.
    fn catch_up(&self, frozen: &Frozen) -> Result<()> {
        let mut may_be_there = false;
        let place = &self.shared.cells.place;
        let put = place.guarded(|| self.put_frozen(frozen, &mut may_be_there));
        if put.is_ok() {
            // Without the right to write: whoever adds to the log has it as long as the disk takes.
            lock(&self.log).turn();
        }
        let mut writer = lock(&self.writer);
        writer.is_committing = false;
        let mut unseen = Vec::new();
        match &put {
            Ok(index) => {
                writer.frozen = None;
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
        put.map(|_| ())
    }

    /// Wait until no snapshot has what was frozen any more, as far as that is soon: of many changes, letting go takes
    /// time, which is nobody's who writes.
    fn let_go_of(&self, frozen: &Frozen) {
        for _ in 0..LOOKS {
            if frozen.tables.is_only_one() {
                return;
            }
            std::thread::sleep(SOON);
            drop(self.unseen());
        }
    }

    /// Commit it, and read the index as it is then.
    fn put_frozen(&self, frozen: &Frozen, may_be_there: &mut bool) -> Result<Reading> {
        let place = &self.shared.cells.place;
        self.shared.cells.sync()?;
        let txn = self.begin()?;
        let mut index = Index::open(&txn).map_err(|error| place.engine(error))?;
        frozen.tables.put_into(&mut index).map_err(|error| place.engine(error))?;
        self.put_facts(&mut index, &frozen.facts, frozen.logged)?;
        drop(index);
        *may_be_there = true;
        txn.commit().map_err(|error| place.engine(error))?;
        self.tables(0)
    }
}
