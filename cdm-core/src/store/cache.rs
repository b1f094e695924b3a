//! Records that are ready to be compared, kept for a while.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use super::tables::Cell;
use crate::bound::BoundRecord;

type Kept = HashMap<u32, (Cell, Arc<BoundRecord>), BuildHasherDefault<Xxh3>>;

/// Two generations: what is asked for stays, what is not goes when the younger one is full.
pub(super) struct Cache {
    young: Kept,
    old: Kept,
    most: usize,
}

impl Cache {
    pub(super) fn new(most: usize) -> Self {
        Self { young: Kept::default(), old: Kept::default(), most: (most / 2).max(1) }
    }

    /// The record of that number, as that cell holds it.
    pub(super) fn get(&mut self, number: u32, cell: Cell) -> Option<Arc<BoundRecord>> {
        if let Some((place, record)) = self.young.get(&number) {
            return (*place == cell).then(|| Arc::clone(record));
        }
        let (place, record) = self.old.get(&number)?;
        let (place, record) = (*place, Arc::clone(record));
        if place != cell {
            return None;
        }
        self.put(number, cell, &record);
        Some(record)
    }

    pub(super) fn put(&mut self, number: u32, cell: Cell, record: &Arc<BoundRecord>) {
        if self.young.len() >= self.most {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(number, (cell, Arc::clone(record)));
    }

    /// Nothing of it is to be left in memory either.
    pub(super) fn remove(&mut self, number: u32) {
        self.young.remove(&number);
        self.old.remove(&number);
    }

    pub(super) fn clear(&mut self) {
        *self = Self { most: self.most, ..Self::new(0) };
    }
}
