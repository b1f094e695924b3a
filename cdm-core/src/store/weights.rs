//! What pairs without a link say of the groups that they are in, kept for a while: whoever comes to a large component would
//! have all of them weighed anew.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::Mutex;

use super::cache::Spread;
use super::lock;
use crate::cluster::Weight;

/// A record by its number, as the cell at that place holds it.
pub(super) type InCell = (u32, u64);

/// Where the cells of a pair lie, and what it weighs.
struct Known {
    places: (u64, u64),
    weight: Weight,
}

type Shard = HashMap<(u32, u32), Known, BuildHasherDefault<Spread>>;

/// The weights of pairs for one model, by their numbers. They follow from the two records, so that it is all the same
/// which are kept.
pub(super) struct Weights {
    shards: Vec<Mutex<Shard>>,
    /// How many a shard keeps at most.
    most: usize,
}

const SHARDS: usize = 64;

impl Weights {
    /// None yet, and never more than about so many.
    pub(super) fn new(most: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, most: most.div_ceil(SHARDS) }
    }

    fn shard(&self, (one, other): (u32, u32)) -> &Mutex<Shard> {
        &self.shards[(one ^ other.rotate_left(16)) as usize % SHARDS]
    }

    /// What the two weigh, where it is known of both as those cells hold them.
    pub(super) fn get(&self, one: InCell, other: InCell) -> Option<Weight> {
        let pair = (one.0, other.0);
        let shard = lock(self.shard(pair));
        let known = shard.get(&pair).filter(|known| known.places == (one.1, other.1));
        known.map(|known| known.weight)
    }

    pub(super) fn put(&self, one: InCell, other: InCell, weight: Weight) {
        let pair = (one.0, other.0);
        let mut shard = lock(self.shard(pair));
        if shard.len() >= self.most && !shard.contains_key(&pair) {
            shard.clear();
        }
        shard.insert(pair, Known { places: (one.1, other.1), weight });
    }

    /// Nothing is known any more of what lies from that place on.
    pub(super) fn let_go_from(&self, end: u64) {
        for shard in &self.shards {
            lock(shard).retain(|_, known| known.places.0.max(known.places.1) < end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_known_of_two_records_as_they_were_weighed_alone() {
        let weights = Weights::new(SHARDS * 8);
        let weight = |bits: u32| Weight::from_bits(f64::from(bits));
        weights.put((1, 64), (2, 80), weight(3));
        assert_eq!(weights.get((1, 64), (2, 80)), Some(weight(3)));
        assert_eq!(weights.get((2, 80), (1, 64)), None);
        assert_eq!(weights.get((1, 64), (2, 96)), None);
        assert_eq!(weights.get((1, 96), (2, 80)), None);
        weights.put((1, 96), (2, 80), weight(4));
        assert_eq!(weights.get((1, 64), (2, 80)), None);
        assert_eq!(weights.get((1, 96), (2, 80)), Some(weight(4)));
        weights.put((3, 64), (4, 95), weight(5));
        weights.let_go_from(96);
        assert_eq!(weights.get((1, 96), (2, 80)), None);
        assert_eq!(weights.get((3, 64), (4, 95)), Some(weight(5)));
        for number in 0..20_000 {
            weights.put((number, 64), (number / 7, 64), weight(number));
            assert_eq!(weights.get((number, 64), (number / 7, 64)), Some(weight(number)));
        }
        let count: usize = weights.shards.iter().map(|shard| lock(shard).len()).sum();
        assert!(count <= SHARDS * 8, "{count}");
    }
}
