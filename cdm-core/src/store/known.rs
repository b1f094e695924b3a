//! The number of every record by the name of its key, in memory: whoever reads looks it up without a lock,
//! and without the disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// The hash of a record key.
pub(super) type Name = [u8; 16];

/// Known by name. Readers and a writer use it at once: what was added after a snapshot has no row there,
/// nor has what was forgotten before it, and whoever asks says of which numbers there is one.
///
/// A clone shares all tables; what is added to one is in the other as well, until there is a new table.
#[derive(Clone, Default)]
pub(super) struct Known {
    /// From the oldest to the newest; the last is filled.
    tables: Vec<Arc<Table>>,
}

/// Slots of which one in four stays empty: the name that is not there is told by the first empty one that is met.
struct Table {
    slots: Vec<Slot>,
    count: AtomicUsize,
}

/// A name in two halves, and the number, plus one: 0 is empty. The number comes last, so that whoever sees
/// one sees the whole name.
#[derive(Default)]
struct Slot {
    halves: [AtomicU64; 2],
    number: AtomicU32,
}

/// The first table is for so many.
const FIRST: usize = 1 << 10;

/// The next one for a part of those that there are, one in so many, so that there are few tables, and none
/// takes long to be made.
const GROWTH: usize = 4;

fn halves(name: Name) -> [u64; 2] {
    let name = u128::from_be_bytes(name);
    [(name >> 64) as u64, name as u64]
}

impl Table {
    fn new(count: usize) -> Self {
        let slots = (0..count + count / 3 + 1).map(|_| Slot::default()).collect();
        Self { slots, count: AtomicUsize::new(0) }
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    fn is_full(&self) -> bool {
        self.count() >= self.slots.len() - self.slots.len() / 4
    }

    /// The slots that may have that name, from the likeliest on. Names are hashes, spread evenly.
    fn slots(&self, [high, _]: [u64; 2]) -> impl Iterator<Item = &Slot> {
        let start = ((u128::from(high) * self.slots.len() as u128) >> 64) as usize;
        let (before, from) = self.slots.split_at(start);
        from.iter().chain(before)
    }

    fn put(&self, halves: [u64; 2], number: u32) {
        let is_empty = |slot: &&Slot| slot.number.load(Ordering::Relaxed) == 0;
        if let Some(slot) = self.slots(halves).find(is_empty) {
            for (place, half) in slot.halves.iter().zip(halves) {
                place.store(half, Ordering::Relaxed);
            }
            slot.number.store(number.wrapping_add(1), Ordering::Release);
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn get(&self, halves: [u64; 2], is_there: impl Fn(u32) -> bool) -> Option<u32> {
        for slot in self.slots(halves) {
            let number = slot.number.load(Ordering::Acquire).checked_sub(1)?;
            let is_it = |(place, half): (&AtomicU64, u64)| place.load(Ordering::Relaxed) == half;
            if slot.halves.iter().zip(halves).all(is_it) && is_there(number) {
                return Some(number);
            }
        }
        None
    }
}

impl Known {
    /// Add records, each with its number, which no other record has or had.
    pub(super) fn add(this: &mut Arc<Self>, named: &[(Name, u32)]) {
        for (done, (name, number)) in named.iter().enumerate() {
            if this.tables.last().is_none_or(|table| table.is_full()) {
                let all: usize = this.tables.iter().map(|table| table.count()).sum();
                let room = FIRST.max(all / GROWTH).max(named.len() - done);
                Arc::make_mut(this).tables.push(Arc::new(Table::new(room)));
            }
            if let Some(table) = this.tables.last() {
                table.put(halves(*name), *number);
            }
        }
    }

    /// The number of the record of that name of which it is said that it is there.
    pub(super) fn get(&self, name: Name, is_there: impl Fn(u32) -> bool) -> Option<u32> {
        let halves = halves(name);
        self.tables.iter().find_map(|table| table.get(halves, &is_there))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Names of which many begin alike.
    fn name() -> impl Strategy<Value = Name> {
        let high = prop_oneof![Just(0), Just(u64::MAX), 0..3_u64, any::<u64>()];
        (high, 0..40_u64)
            .prop_map(|(high, low)| (u128::from(high) << 64 | u128::from(low)).to_be_bytes())
    }

    proptest! {
        #[test]
        fn a_name_leads_to_the_number_that_is_there_in_a_snapshot_and_to_no_later_one(
            changes in prop::collection::vec(
                prop::collection::vec((name(), any::<bool>()), 0..1500), 1..6),
        ) {
            let mut known = Arc::new(Known::default());
            let (mut now, mut next) = (BTreeMap::<Name, u32>::new(), 0);
            let mut snapshots = vec![(Arc::clone(&known), now.clone())];
            for change in changes {
                let mut named = Vec::new();
                for (name, stays) in change {
                    if now.contains_key(&name) {
                        if !stays {
                            now.remove(&name);
                        }
                        continue;
                    }
                    now.insert(name, next);
                    named.push((name, next));
                    next += 1;
                }
                Known::add(&mut known, &named);
                snapshots.push((Arc::clone(&known), now.clone()));
            }
            let all: Vec<Name> = snapshots.iter().flat_map(|(_, had)| had.keys().copied()).collect();
            for (known, had) in snapshots {
                let there: Vec<u32> = had.values().copied().collect();
                for name in &all {
                    let found = known.get(*name, |number| there.contains(&number));
                    prop_assert_eq!(found, had.get(name).copied());
                }
            }
        }
    }

    #[test]
    fn readers_find_what_was_there_while_more_is_added() {
        let name = |number: u32| {
            let high = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            (u128::from(high) << 64 | u128::from(number)).to_be_bytes()
        };
        let mut known = Arc::new(Known::default());
        let first: Vec<(Name, u32)> = (0..2000).map(|number| (name(number), number)).collect();
        Known::add(&mut known, &first);
        let before = Arc::clone(&known);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for number in (0..20).flat_map(|_| 0..4000) {
                        let found = before.get(name(number), |number| number < 2000);
                        assert_eq!(found, (number < 2000).then_some(number));
                    }
                });
            }
            for number in 2000..40_000 {
                Known::add(&mut known, &[(name(number), number)]);
            }
        });
        assert!((0..40_000).all(|number| known.get(name(number), |_| true) == Some(number)));
        assert!(known.tables.len() < 20, "{} tables", known.tables.len());
    }
}
