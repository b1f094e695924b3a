//! Records that are ready to be compared, kept for a while.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::lock;
use super::tables::Cell;
use crate::bound::Packed;

/// A number, spread over all bits: by the golden ratio, as Knuth (1973), The Art of Computer Programming,
/// volume 3, has it.
#[derive(Default)]
pub(super) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    fn write_u32(&mut self, number: u32) {
        let product = (self.0 ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ product >> 32;
    }
}

/// A packed record that is kept.
struct Kept {
    /// Where the cell lies that holds it. No two cells that count ever have one place; what a change kept that came
    /// to nothing is [let go](Cache::let_go_from).
    place: u64,
    packed: Packed,
    /// By how many asks of the shard it was asked for last.
    asked: u64,
}

/// Packed records by number, shared out so that few wait for each other, and that what goes at once
/// is little.
pub(super) struct Cache {
    shards: Vec<Mutex<Shard>>,
    /// How many records a shard keeps at least.
    least: usize,
    /// No record lies behind that place.
    last: AtomicU64,
}

/// Once there are twice as many as are kept at least, those go that were not asked for longest.
#[derive(Default)]
struct Shard {
    kept: HashMap<u32, Kept, BuildHasherDefault<Spread>>,
    asks: u64,
}

impl Shard {
    /// All but so many that were asked for last are kept no more; they are returned.
    fn let_go(&mut self, least: usize) -> Vec<(u32, Kept)> {
        let mut asked: Vec<u64> = self.kept.values().map(|kept| kept.asked).collect();
        let Some(first) = asked.len().checked_sub(least.max(1)) else { return Vec::new() };
        // No two were asked for at once.
        let from = *asked.select_nth_unstable(first).1;
        self.kept.extract_if(|_, kept| kept.asked < from).collect()
    }
}

/// Neighbours by number are in different ones.
const SHARDS: usize = 256;

impl Cache {
    /// For so many records at least, those that were asked for last, and up to twice as many.
    pub(super) fn new(least: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, least: least.div_ceil(SHARDS).max(1), last: AtomicU64::new(0) }
    }

    fn shard(&self, number: u32) -> &Mutex<Shard> {
        &self.shards[number as usize % SHARDS]
    }

    /// The record of that number, as that cell holds it.
    pub(super) fn get(&self, number: u32, cell: Cell) -> Option<Packed> {
        let Shard { kept, asks } = &mut *lock(self.shard(number));
        // Whoever reads an older snapshot leaves a newer record where it is.
        let kept = kept.get_mut(&number).filter(|kept| kept.place == cell.place)?;
        *asks += 1;
        kept.asked = *asks;
        Some(kept.packed.clone())
    }

    /// Keep a record, as that cell holds it.
    pub(super) fn put(&self, number: u32, cell: Cell, packed: Packed) {
        let mut shard = lock(self.shard(number));
        if self.last.load(Ordering::Relaxed) < cell.place {
            self.last.fetch_max(cell.place, Ordering::Relaxed);
        }
        let is_full = shard.kept.len() >= 2 * self.least && !shard.kept.contains_key(&number);
        let gone = if is_full { shard.let_go(self.least) } else { Vec::new() };
        shard.asks += 1;
        let kept = Kept { place: cell.place, packed, asked: shard.asks };
        let before = shard.kept.insert(number, kept);
        drop(shard);
        // Nobody waits for that.
        drop((gone, before));
    }

    /// Nothing of it is to be left in memory either.
    pub(super) fn remove(&self, number: u32) {
        lock(self.shard(number)).kept.remove(&number);
    }

    /// Nothing is known any more of what lies from that place on; whether anything was. Nobody keeps such
    /// meanwhile.
    pub(super) fn let_go_from(&self, end: u64) -> bool {
        if self.last.load(Ordering::Relaxed) < end {
            return false;
        }
        for shard in &self.shards {
            lock(shard).kept.retain(|_, kept| kept.place < end);
        }
        self.last.store(end.saturating_sub(1), Ordering::Relaxed);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::schema::{Record, RecordKey};
    use crate::store::testing::one_per_email;

    #[test]
    fn what_was_asked_for_last_stays_and_no_more_than_twice_as_many_are_kept() {
        let bound = one_per_email("mail").bind().unwrap();
        let packed = |number: u32| {
            let record = Record::new(RecordKey::new("shop", number.to_string()));
            bound.pack(&bound.prepare(&record).unwrap()).unwrap()
        };
        let cell = |number: u32| Cell { place: u64::from(number) + 64, length: 9 };
        let cache = Cache::new(SHARDS * 8);
        for number in 0..20_000 {
            cache.put(number, cell(number), packed(number));
            assert!(cache.get(7, cell(7)).is_some() || number < 7);
        }
        let found = (0..20_000).rev().filter(|number| cache.get(*number, cell(*number)).is_some());
        let found: BTreeMap<u32, ()> = found.map(|number| (number, ())).collect();
        assert!(found.len() <= SHARDS * 16 && found.len() >= SHARDS * 8, "{}", found.len());
        // Number 7 is one of those that were asked for last.
        assert!((20_000 - SHARDS as u32 * 7..20_000).all(|number| found.contains_key(&number)));
        assert!(found.contains_key(&7) && found.contains_key(&19_999));
        let bytes = cache.get(19_999, cell(19_999)).unwrap();
        assert_eq!(bound.unpack(bytes).unwrap().key().id, "19999");
        assert!(cache.get(19_999, cell(3)).is_none());
        cache.put(1, cell(1), packed(1));
        assert!(cache.get(1, cell(1)).is_some());
        cache.remove(1);
        assert!(cache.get(1, cell(1)).is_none());
        cache.put(2, cell(19_995), packed(2));
        assert!(cache.let_go_from(cell(19_990).place));
        assert!(cache.get(2, cell(19_995)).is_none() && cache.get(19_990, cell(19_990)).is_none());
        assert!(cache.get(7, cell(7)).is_some() && cache.get(19_989, cell(19_989)).is_some());
        assert!(!cache.let_go_from(cell(19_990).place), "there is nothing any more");
        cache.put(2, cell(19_990), packed(2));
        assert!(cache.let_go_from(cell(19_990).place));
    }
}
