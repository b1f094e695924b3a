//! What pairs of records say of two groups, and which records speak where there are too many.

use super::Weight;

/// How many records at most speak for a group.
const SPEAKERS: usize = 16;

/// Of more pairs than this, a fifth may be left out: a large group that takes in a record at a time
/// would be looked at each time.
const MANY: u64 = (SPEAKERS * SPEAKERS) as u64;

/// At how many pairs of records at most one comparison of two groups looks.
const PAIRS: usize = 32;

/// What the pairs of records between two groups say.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Evidence {
    /// In steps.
    pub(super) sum: i128,
    /// How many pairs say anything.
    pub(super) telling: u64,
    /// How many pairs it is about, whether looked at themselves or others in their stead.
    pub(super) pairs: u64,
}

/// The records that speak for a group: all of them, or those that come first in an order that goes
/// evenly to and fro over the component.
#[derive(Clone, Copy, Default)]
pub(super) struct Speakers {
    /// By `turn`.
    places: [u32; SPEAKERS],
    count: usize,
}

impl Evidence {
    pub(super) fn of(weight: Weight) -> Self {
        let sum = i128::from(weight.steps());
        Self { sum, telling: u64::from(sum != 0), pairs: 1 }
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self {
            sum: self.sum + other.sum,
            telling: self.telling + other.telling,
            pairs: self.pairs + other.pairs,
        }
    }

    /// The same said of so many pairs in place of those looked at.
    pub(super) fn of_all(self, pairs: u64) -> Self {
        if self.pairs == pairs || self.pairs == 0 {
            return self;
        }
        let (sample, all) = (i128::from(self.pairs), i128::from(pairs));
        let telling = u128::from(self.telling) * u128::from(pairs) / u128::from(self.pairs);
        Self { sum: self.sum * all / sample, telling: telling as u64, pairs }
    }

    /// Whether it stands for all of so many pairs, or leaves out few of more than `MANY`.
    pub(super) fn is_enough_for(self, pairs: u64) -> bool {
        self.pairs == pairs || (pairs > MANY && self.pairs >= pairs - pairs / 5)
    }

    /// How well two groups agree, in steps: the mean, above 0 where it is above `cut`.
    pub(super) fn agreement(self, cut: Weight) -> i64 {
        let telling = i128::from(self.telling.max(1));
        let over = self.sum - i128::from(cut.steps()) * i128::from(self.telling);
        // Rounded up, so that what is above the cut by a little stays so.
        let mean = over.div_euclid(telling) + i128::from(over.rem_euclid(telling) > 0);
        Weight::from_steps(mean).steps()
    }
}

impl Speakers {
    pub(super) fn new(places: &mut Vec<u32>) -> Self {
        if places.len() > SPEAKERS {
            places.select_nth_unstable_by_key(SPEAKERS, |place| turn(*place));
            places.truncate(SPEAKERS);
        }
        places.sort_unstable_by_key(|place| turn(*place));
        let mut speakers = Self { count: places.len(), ..Self::default() };
        speakers.places[..places.len()].copy_from_slice(places);
        speakers
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        self.places[..self.count].iter().copied()
    }

    /// Pairs of one of these and one of the others: all, or as many as are looked at.
    pub(super) fn pairs_with<'s>(
        &'s self,
        other: &'s Self,
    ) -> impl Iterator<Item = (u32, u32)> + 's {
        let (long, short) = if self.count < other.count { (other, self) } else { (self, other) };
        (0..(long.count * short.count).min(PAIRS)).map(move |number| {
            // Round after round, in each of which all of the longer list speak once.
            let (round, left) = (number / long.count, number % long.count);
            (long.places[left], short.places[(left + round) % short.count])
        })
    }

    /// Those of two groups together, which depend on what records are in them alone.
    pub(super) fn join(&self, other: &Self) -> Self {
        let mut joined = Self::default();
        let (mut one, mut two) = (self.iter().peekable(), other.iter().peekable());
        while joined.count < SPEAKERS {
            let next = match (one.peek(), two.peek()) {
                (Some(left), Some(right)) if turn(*left) > turn(*right) => two.next(),
                (Some(_), _) => one.next(),
                (None, _) => two.next(),
            };
            let Some(place) = next else { break };
            joined.places[joined.count] = place;
            joined.count += 1;
        }
        joined
    }
}

/// An order of places in which any first few are spread evenly over all of them: by their multiples
/// of the golden ratio.
///
/// It depends on nothing but the place, so that the first few of two groups together are among the
/// first few of each.
fn turn(place: u32) -> u32 {
    place.wrapping_mul(0x9E37_79B1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::btree_set;
    use proptest::prelude::*;

    use super::*;

    fn speakers(places: &BTreeSet<u32>) -> Speakers {
        Speakers::new(&mut places.iter().copied().collect())
    }

    proptest! {
        #[test]
        fn who_speaks_for_two_groups_depends_on_their_records_alone(
            one in btree_set(0..500_u32, 1..60), two in btree_set(500..999_u32, 1..60),
        ) {
            let both = speakers(&one.union(&two).copied().collect());
            let joined = speakers(&one).join(&speakers(&two));
            prop_assert_eq!(&joined.places, &both.places);
            prop_assert_eq!(joined.count, (one.len() + two.len()).min(SPEAKERS));
        }

        #[test]
        fn no_pair_speaks_twice_and_every_speaker_does(
            one in btree_set(0..99_u32, 1..40), two in btree_set(99..200_u32, 1..40),
        ) {
            let (one, two) = (speakers(&one), speakers(&two));
            let pairs: Vec<(u32, u32)> = one.pairs_with(&two).collect();
            prop_assert_eq!(pairs.len(), (one.count * two.count).min(PAIRS));
            let distinct: BTreeSet<(u32, u32)> = pairs.iter().copied().collect();
            prop_assert_eq!(distinct.len(), pairs.len());
            let heard: BTreeSet<u32> = pairs.into_iter().flat_map(<[u32; 2]>::from).collect();
            prop_assert_eq!(heard.len(), one.count + two.count);
        }
    }
}
