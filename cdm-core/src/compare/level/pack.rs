//! Where the texts of prepared values lie: those of many values in one piece of memory.

use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashTable;

use super::prepared::{Draft, Facts, Prepared, Slot};

/// What many values hold.
pub(super) struct Pack {
    pub(super) texts: String,
    pub(super) parts: Parts,
    /// Many values have the same.
    pub(super) facts: Box<[Facts]>,
}

/// Texts of values, each told by what it is and where it lies.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Parts {
    all: Vec<Part>,
    /// What a part has no room for.
    long: Vec<Long>,
}

/// Some of them.
#[derive(Clone, Copy)]
pub(super) struct SomeParts<'p> {
    all: &'p [Part],
    long: &'p [Long],
}

/// One text of a value: 6 bits for its slot; 1 for whether there was room for the rest, which are 3 for how often
/// it occurs, 10 for how long it is, and 12 for where it starts, counted from the start of the value's texts. Where
/// there was none, the number of what tells it. Parts are read far more often than made, and lie in memory by the million.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Part(u32);

/// Where a text lies, and how often it occurs.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Long {
    start: u32,
    length: u32,
    times: u8,
}

const SLOT: u32 = 26;
const IS_LONG: u32 = 1 << 25;
const TIMES: u32 = 22;
const LENGTH: u32 = 12;

/// The most long parts of a pack; a value's texts are no longer than 2^24 bytes, and it has as many at most for each slot.
pub(super) const MOST_LONG: usize = IS_LONG as usize;

impl Part {
    #[inline]
    fn slot(self) -> u8 {
        (self.0 >> SLOT) as u8
    }

    /// The number of its long part, where it has one.
    #[inline]
    fn number(self) -> Option<usize> {
        (self.0 & IS_LONG != 0).then_some((self.0 & (IS_LONG - 1)) as usize)
    }

    #[inline]
    fn told(self, long: &[Long]) -> Long {
        match self.number() {
            Some(number) => long[number],
            None => Long {
                start: self.0 & ((1 << LENGTH) - 1),
                length: self.0 >> LENGTH & ((1 << (TIMES - LENGTH)) - 1),
                times: (self.0 >> TIMES & 7) as u8,
            },
        }
    }
}

impl Long {
    #[inline]
    fn range(self) -> Range<usize> {
        self.start as usize..(self.start + self.length) as usize
    }
}

impl Parts {
    pub(super) fn with_capacity(parts: usize) -> Self {
        Self { all: Vec::with_capacity(parts), long: Vec::new() }
    }

    /// A text of a value, whose texts take 2^24 bytes at most together; it occurs so many times, or as often as can be
    /// counted. False where there is no room left.
    pub(super) fn push(&mut self, slot: Slot, range: Range<usize>, times: usize) -> bool {
        let (start, length) = (range.start as u32, range.len() as u32);
        let times = times.min(u8::MAX.into()) as u8;
        let rest = if start < 1 << LENGTH && length < 1 << (TIMES - LENGTH) && times < 8 {
            u32::from(times) << TIMES | length << LENGTH | start
        } else if self.long.len() == MOST_LONG {
            return false;
        } else {
            self.long.push(Long { start, length, times });
            IS_LONG | (self.long.len() - 1) as u32
        };
        self.all.push(Part(u32::from(slot.number()) << SLOT | rest));
        true
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// So many of them, from that one on.
    #[inline]
    pub(super) fn some(&self, first: usize, count: usize) -> SomeParts<'_> {
        SomeParts { all: &self.all[first..][..count], long: &self.long }
    }

    #[inline]
    pub(super) fn all(&self) -> SomeParts<'_> {
        self.some(0, self.all.len())
    }

    /// How many bytes of memory they take.
    fn bytes(&self) -> usize {
        size_of_val(&self.all[..]) + size_of_val(&self.long[..])
    }

    /// A number that equal parts share.
    pub(super) fn hash(&self, seed: u64) -> u64 {
        // Steele & Vigna (2021): multiplied by such a number, the high bits depend on all.
        let mix = |hash: u64, word: u64| {
            (hash ^ word).wrapping_mul(0xd134_2543_de82_ef95).rotate_left(29)
        };
        let long = self.long.iter().map(|long| {
            u64::from(long.start) << 32 | u64::from(long.length) << 8 | u64::from(long.times)
        });
        self.all.iter().map(|part| part.0.into()).chain(long).fold(seed, mix)
    }
}

impl<'p> SomeParts<'p> {
    /// Of each, what it is, where its text lies, and how often it occurs.
    pub(super) fn told(self) -> impl ExactSizeIterator<Item = (u8, Range<usize>, u8)> + use<'p> {
        self.all.iter().map(move |part| {
            let told = part.told(self.long);
            (part.slot(), told.range(), told.times)
        })
    }

    /// Those in that slot; parts are in the order of slots.
    #[inline]
    pub(super) fn of_slot(self, slot: Slot) -> Self {
        let number = slot.number();
        let skip = self.all.iter().take_while(|part| part.slot() < number).count();
        let count = self.all[skip..].iter().take_while(|part| part.slot() == number).count();
        Self { all: &self.all[skip..skip + count], long: self.long }
    }

    /// Where the text of the first one in that slot lies.
    #[inline]
    pub(super) fn first_of_slot(self, slot: Slot) -> Option<Range<usize>> {
        let number = slot.number();
        let first = self.all.iter().find(|part| part.slot() >= number)?;
        (first.slot() == number).then(|| first.told(self.long).range())
    }

    #[inline]
    pub(super) fn len(self) -> usize {
        self.all.len()
    }

    /// The first of them: where its text lies, and how often it occurs.
    #[inline]
    pub(super) fn split_first(&mut self) -> Option<(Range<usize>, u8)> {
        let (part, rest) = self.all.split_first()?;
        self.all = rest;
        let told = part.told(self.long);
        Some((told.range(), told.times))
    }

    /// Whether they are the same as all of `others`.
    pub(super) fn are(self, others: &Parts) -> bool {
        match others.long.is_empty() {
            true => self.all == others.all,
            false => self.told().eq(others.all().told()),
        }
    }
}

impl Pack {
    /// How many bytes of memory it takes, but for facts, which many have as well.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.texts.len() + self.parts.bytes()
    }
}

/// The most bytes of text in a pack.
const MOST_BYTES: usize = 1 << 30;

/// Values on their way into packs.
#[derive(Default)]
pub(super) struct Packing {
    texts: String,
    parts: Parts,
    facts: Vec<Facts>,
    /// Values whose texts lie alike, as those of names of as many letters do, have the same parts: by their hash, where
    /// they start and how many there are.
    known: HashTable<(u64, u32, u32)>,
    /// Where texts and parts of each start, how many parts there are, and which facts are its own.
    open: Vec<(u32, u32, u32, u32)>,
    sealed: Vec<Prepared>,
}

/// Among so many facts of values before it a value's own are looked for.
const LATE_FACTS: usize = 16;

impl Packing {
    pub(super) fn add(&mut self, draft: Draft) {
        // Places in a pack are numbered by 32 bits.
        if self.texts.len() + draft.texts.len() + self.parts.len() + draft.parts.len() > MOST_BYTES
            || self.parts.long.len() + draft.parts.long.len() > MOST_LONG
        {
            self.close();
        }
        let text = self.texts.len() as u32;
        let late = self.facts.len().saturating_sub(LATE_FACTS);
        let known = self.facts[late..].iter().position(|facts| *facts == draft.facts);
        let facts = known.map_or(self.facts.len(), |place| late + place) as u32;
        if known.is_none() {
            self.facts.push(draft.facts);
        }
        self.texts.push_str(&draft.texts);
        let (first, count) = self.place(&draft.parts);
        self.open.push((text, first, count, facts));
    }

    /// Where these parts are, which are put there where they are not.
    fn place(&mut self, parts: &Parts) -> (u32, u32) {
        let (first, count) = (self.parts.len() as u32, parts.len() as u32);
        if !parts.long.is_empty() {
            let before = self.parts.long.len() as u32;
            let moved = parts.all.iter().map(|part| match part.number() {
                Some(_) => Part(part.0 + before),
                None => *part,
            });
            self.parts.all.extend(moved);
            self.parts.long.extend_from_slice(&parts.long);
            return (first, count);
        }
        let hash = parts.hash(0);
        let there = &self.parts;
        let is_it = |(other, first, count): &(u64, u32, u32)| {
            *other == hash && there.some(*first as usize, *count as usize).are(parts)
        };
        if let Some((_, first, count)) = self.known.find(hash, is_it) {
            return (*first, *count);
        }
        self.known.insert_unique(hash, (hash, first, count), |(hash, ..)| *hash);
        self.parts.all.extend_from_slice(&parts.all);
        (first, count)
    }

    fn close(&mut self) {
        let (mut texts, mut parts) =
            (std::mem::take(&mut self.texts), std::mem::take(&mut self.parts));
        texts.shrink_to_fit();
        parts.all.shrink_to_fit();
        parts.long.shrink_to_fit();
        self.known.clear();
        let facts = std::mem::take(&mut self.facts).into_boxed_slice();
        let pack = Arc::new(Pack { texts, parts, facts });
        let open = self.open.drain(..);
        self.sealed.extend(open.map(|(text, first, count, facts)| Prepared {
            pack: Arc::clone(&pack),
            text,
            first,
            count,
            facts,
        }));
    }

    /// The values, in the order in which they were added.
    pub(super) fn seal(mut self) -> Vec<Prepared> {
        self.close();
        self.sealed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::normalize::Form;

    proptest! {
        #[test]
        fn parts_are_told_as_they_were_put_in(
            parts in prop::collection::vec(
                (0_usize..8, prop_oneof![0_usize..40, 4_090..4_100_usize, 0..1_usize << 24],
                    prop_oneof![0_usize..40, 1_020..1_030_usize, 0..1_usize << 24], 1_usize..400),
                0..12,
            ),
        ) {
            let slots = [
                Slot::Form(Form::ALL[0]), Slot::Form(Form::ALL[5]), Slot::Form(Form::ALL[Form::ALL.len() - 1]),
                Slot::Word, Slot::GivenWord, Slot::Nickname, Slot::Sound, Slot::Sound,
            ];
            let mut parts = parts;
            parts.sort_by_key(|(slot, ..)| *slot);
            let mut packed = Parts::default();
            for (slot, start, length, times) in &parts {
                prop_assert!(packed.push(slots[*slot], *start..start + length, *times));
            }
            let wanted: Vec<_> = parts.iter().map(|(slot, start, length, times)| {
                (slots[*slot].number(), *start..start + length, (*times).min(255) as u8)
            }).collect();
            prop_assert_eq!(packed.all().told().collect::<Vec<_>>(), wanted.clone());
            for slot in slots {
                let of_slot = wanted.iter().filter(|(number, ..)| *number == slot.number()).cloned();
                prop_assert_eq!(
                    packed.all().first_of_slot(slot), of_slot.clone().next().map(|(_, range, _)| range)
                );
                prop_assert!(packed.all().of_slot(slot).told().eq(of_slot));
            }
            // Behind others in a pack they are told alike, and found again.
            let mut packing = Packing::default();
            let mut other = Parts::default();
            other.push(Slot::Word, 5_000..5_003, 1);
            other.push(Slot::Sound, 0..3, 1);
            packing.place(&other);
            let placed = packing.place(&packed);
            let again = packing.place(&packed);
            for (first, count) in [placed, again] {
                let there = packing.parts.some(first as usize, count as usize);
                prop_assert!(there.are(&packed) && there.told().eq(wanted.iter().cloned()));
            }
            prop_assert_eq!(placed == again, packed.long.is_empty());
        }
    }
}
