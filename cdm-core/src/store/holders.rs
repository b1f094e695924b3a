//! Who has each of a record's keys: of all of them at once, as memory answers many questions in the time of
//! one.

use super::keys::{Keys, apply};
use super::postings::Posting;
use crate::error::Result;

/// Who had each of some keys after a change.
pub(super) struct Holders {
    /// The number of that change.
    pub(super) change: u64,
    all: Vec<u32>,
    /// By key, as they were asked for: where those who have it begin and end.
    ranges: Vec<(u32, u32)>,
}

/// What was said of some keys after a change, in the order in which they were asked for, and of one key in
/// the order of changes.
pub(super) struct Since(Vec<(u32, Posting)>);

/// Some names in order, and where each was.
fn in_order(names: impl Iterator<Item = u64>) -> (Vec<u64>, Vec<u32>) {
    let mut places: Vec<(u64, u32)> = names.zip(0..).collect();
    places.sort_unstable();
    places.into_iter().unzip()
}

impl Holders {
    /// Of keys of those names, as things stand.
    pub(super) fn new(keys: &Keys, names: impl Iterator<Item = u64>) -> Result<Self> {
        let (names, places) = in_order(names);
        let mut layers: Vec<Vec<(usize, Posting)>> = Vec::with_capacity(keys.layer_count());
        for segment in &keys.segments {
            let mut said = Vec::with_capacity(names.len());
            segment.of_all(&names, |at, posting| said.push((at, posting)))?;
            layers.push(said);
        }
        for recent in &keys.recent {
            let mut said = Vec::new();
            recent.of_all(&names, (None, keys.change), |at, posting| said.push((at, posting)));
            layers.push(said);
        }
        let mut all = Vec::with_capacity(layers.iter().map(Vec::len).sum());
        let mut ranges = vec![(0, 0); names.len()];
        let mut layers: Vec<_> =
            layers.into_iter().map(|said| said.into_iter().peekable()).collect();
        for (at, place) in places.into_iter().enumerate() {
            let start = all.len();
            for said in &mut layers {
                while let Some((_, posting)) = said.next_if(|(of, _)| *of == at) {
                    apply(&mut all, start, posting);
                }
            }
            ranges[place as usize] = (start as u32, all.len() as u32);
        }
        Ok(Self { change: keys.change, all, ranges })
    }

    /// Of the key at that place: the numbers of records, in order.
    pub(super) fn of(&self, place: usize) -> &[u32] {
        let (start, end) = self.ranges[place];
        &self.all[start as usize..end as usize]
    }

    /// Of all keys, one after the other in no order.
    pub(super) fn all(&self) -> &[u32] {
        &self.all
    }
}

impl Since {
    /// Of keys of those names, after a change that was not before segments became others.
    pub(super) fn new(keys: &Keys, names: impl Iterator<Item = u64>, change: u64) -> Self {
        if change == keys.change {
            return Self(Vec::new());
        }
        let ((names, places), mut said) = (in_order(names), Vec::new());
        for recent in &keys.recent {
            recent.of_all(&names, (Some(change), keys.change), |at, posting| {
                said.push((places[at], posting));
            });
        }
        said.sort_by_key(|(place, _)| *place);
        Self(said)
    }

    /// Of the key at that place.
    pub(super) fn of(&self, place: usize) -> impl Iterator<Item = Posting> {
        let start = self.0.partition_point(|(of, _)| (*of as usize) < place);
        let said = self.0[start..].iter().take_while(move |(of, _)| *of as usize == place);
        said.map(|(_, posting)| *posting)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::PathBuf;

    use proptest::prelude::*;
    use redb::backends::InMemoryBackend;

    use super::*;
    use crate::store::cells::Place;
    use crate::store::keys::Recent;
    use crate::store::segment::Pool;

    /// What happens to keys.
    #[derive(Debug, Clone)]
    enum Step {
        /// A change says so.
        Change(Vec<Posting>),
        /// What comes later is kept apart.
        Apart,
        /// What is in memory becomes a segment.
        Flush,
    }

    /// Names of many first bits, and of the same; those who have a key fill several chunks of a segment.
    fn step() -> impl Strategy<Value = Step> {
        let name = prop_oneof![
            Just(0),
            Just(u64::MAX),
            1..4_u64,
            any::<u64>(),
            (0..64_u64).prop_map(|n| n << 58)
        ];
        let some = (name, prop::collection::vec((0..6_u32, any::<bool>()), 1..4));
        let many = (
            Just(7),
            (0..900_u32).prop_map(|of| (of..of + 300).map(|r| (r, r % 7 != 0)).collect()),
        );
        let of_name = prop_oneof![9 => some, 1 => many];
        let change = prop::collection::btree_map(any::<u8>(), of_name, 0..40).prop_map(|all| {
            let all = all.into_values().flat_map(|(name, records): (u64, Vec<(u32, bool)>)| {
                records.into_iter().map(move |(record, has)| ((name, record), has))
            });
            let all: BTreeMap<(u64, u32), bool> = all.collect();
            let posting = |((name, record), has)| Posting { name, record, has };
            Step::Change(all.into_iter().map(posting).collect())
        });
        prop_oneof![6 => change, 1 => Just(Step::Apart), 2 => Just(Step::Flush)]
    }

    /// By name, the records that have the key.
    type Having = BTreeMap<u64, BTreeSet<u32>>;

    proptest! {
        #[test]
        fn all_at_once_are_those_that_changes_said_however_layers_lie(
            room in prop_oneof![Just(0), Just(usize::MAX >> 1)],
            steps in prop::collection::vec(step(), 1..12),
            others in prop::collection::vec(any::<u64>(), 0..4),
        ) {
            let place = Place(PathBuf::new());
            let pool = Pool::create(Box::new(InMemoryBackend::new()), place, room).unwrap();
            let (mut keys, mut having, mut before) = (Keys::empty(pool), Having::new(), None);
            for (number, step) in (1..).zip(&steps) {
                match step {
                    Step::Change(postings) => {
                        keys.change += 1;
                        keys.recent.last().unwrap().add(postings, keys.change, number);
                        for Posting { name, record, has } in postings {
                            let of_name = having.entry(*name).or_default();
                            if *has { of_name.insert(*record) } else { of_name.remove(record) };
                        }
                    }
                    Step::Apart => keys.recent.push(Recent::new()),
                    Step::Flush => {
                        keys.segments.extend(keys.flushed(Vec::new(), number).unwrap());
                        keys.recent = vec![Recent::new()];
                        before = None;
                    }
                }
                // Neither in order nor each once.
                let names = having.keys().rev().chain(&others).chain(having.keys().take(2));
                let names: Vec<u64> = names.copied().collect();
                let holders = Holders::new(&keys, names.iter().copied()).unwrap();
                let mut alone = Vec::new();
                for (place, name) in names.iter().enumerate() {
                    let of_name = having.get(name).into_iter().flatten().copied();
                    prop_assert_eq!(holders.of(place), of_name.collect::<Vec<u32>>());
                    keys.holders(*name, &mut alone).unwrap();
                    prop_assert_eq!(holders.of(place), &alone);
                }
                let lengths = (0..names.len()).map(|place| holders.of(place).len());
                prop_assert_eq!(holders.all().len(), lengths.sum::<usize>());
                let (names_before, before) = before.get_or_insert((names, holders));
                let since = Since::new(&keys, names_before.iter().copied(), before.change);
                for (place, name) in names_before.iter().enumerate() {
                    let mut now = before.of(place).to_vec();
                    since.of(place).for_each(|posting| apply(&mut now, 0, posting));
                    let of_name = having.get(name).into_iter().flatten().copied();
                    prop_assert_eq!(now, of_name.collect::<Vec<u32>>());
                }
            }
        }
    }
}
