//! Where in a sketch each note stands.

use super::note::Note;
use crate::compare::level::prepared::Prepared;

/// The notes of a sketch, each with its place.
///
/// What is only asked whether it is the same takes a [`Lane`]; all else takes numbers of its own.
#[derive(Default)]
pub(super) struct Layout {
    notes: Vec<(Note, Lane)>,
    width: usize,
    /// The next lane, where one is left of the last number that is made of lanes.
    free: Option<Lane>,
}

/// The numbers that are noted of a value.
pub(super) trait Sketch: Copy {
    fn number(self, number: usize) -> u64;
}

impl Sketch for &[u64] {
    #[inline]
    fn number(self, number: usize) -> u64 {
        self[number]
    }
}

/// Those of one value among those of all, which start there.
#[derive(Clone, Copy)]
pub(super) struct Among<'s>(pub(super) &'s [u64], pub(super) usize);

impl Sketch for Among<'_> {
    #[inline]
    fn number(self, number: usize) -> u64 {
        self.0[self.1 + number]
    }
}

/// A quarter of a number: a hash of 16 bits, or 0 for nothing.
///
/// Four of them are compared at once. One pair of texts in 65,536 that differ looks the same, and is
/// then told by the texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lane {
    /// Where the number stands in the sketch.
    pub(super) number: usize,
    /// From 0 to 3.
    pub(super) quarter: u32,
}

impl Lane {
    pub(super) const BITS: u32 = 16;
    pub(super) const IN_NUMBER: u32 = u64::BITS / Self::BITS;

    #[inline]
    pub(super) fn of(self, sketch: impl Sketch) -> u16 {
        (sketch.number(self.number) >> (Self::BITS * self.quarter)) as u16
    }
}

/// The lanes in which two numbers hold the same, and not nothing: the highest bit of each.
#[inline]
pub(super) fn same_lanes(left: u64, right: u64) -> u64 {
    /// All bits of a lane but the highest.
    const REST: u64 = 0x7fff_7fff_7fff_7fff;
    let empty = |lanes: u64| !(((lanes & REST) + REST) | lanes | REST);
    empty(left ^ right) & !empty(left)
}

/// Whether some lane of the one is the same as some lane of the other, and not nothing.
#[inline]
pub(super) fn lanes_overlap(left: u64, right: u64) -> bool {
    let turned = |lanes: u32| same_lanes(left, right.rotate_left(Lane::BITS * lanes));
    turned(0) | turned(1) | turned(2) | turned(3) != 0
}

/// A lane of a hash; never 0 but for that of 0, which is nothing.
pub(super) fn folded(hash: u64) -> u64 {
    // Knuth (1997), The Art of Computer Programming, volume 3: the highest bits depend on all.
    let mixed = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - Lane::BITS);
    if hash == 0 { 0 } else { mixed.max(1) }
}

impl Layout {
    /// How many numbers the sketch has.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Where the numbers of a note begin; it is added where it is new.
    pub(super) fn number(&mut self, note: Note) -> usize {
        self.lane(note).number
    }

    /// The lane of a note, or where its numbers begin; it is added where it is new.
    pub(super) fn lane(&mut self, note: Note) -> Lane {
        if let Some((_, place)) = self.notes.iter().find(|(known, _)| *known == note) {
            return *place;
        }
        let beyond = Lane { number: self.width, quarter: 0 };
        let place = match note.is_hash() {
            true => self.free.take().unwrap_or(beyond),
            false => beyond,
        };
        if place == beyond {
            self.width += note.width();
        }
        if note.is_hash() && place.quarter + 1 < Lane::IN_NUMBER {
            self.free = Some(Lane { quarter: place.quarter + 1, ..place });
        }
        self.notes.push((note, place));
        place
    }

    /// Note what there is to note of a value, in [`width`](Self::width) numbers.
    pub(super) fn sketch(&self, value: &Prepared, sketch: &mut [u64]) {
        sketch.fill(0);
        for (note, Lane { number, quarter }) in &self.notes {
            if note.is_hash() {
                let mut hash = [0];
                note.take(value, &mut hash);
                sketch[*number] |= folded(hash[0]) << (Lane::BITS * quarter);
            } else {
                note.take(value, &mut sketch[*number..number + note.width()]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::normalize::Form;

    proptest! {
        #[test]
        fn lanes_that_are_the_same_are_told_all_at_once(
            left in prop::array::uniform4(0_u64..4),
            right in prop::array::uniform4(0_u64..4),
        ) {
            // Near 0, near the highest bit, and near all bits, where carries would show.
            let near = [0, 1, 0x8000, 0xffff];
            let number = |lanes: [u64; 4]| {
                lanes.iter().rev().fold(0, |all, lane| all << Lane::BITS | near[*lane as usize])
            };
            let (left, right) = (number(left), number(right));
            let expected = (0..Lane::IN_NUMBER).fold(0, |all, quarter| {
                let (l, r) = (&[left][..], &[right][..]);
                let lane = Lane { number: 0, quarter };
                let same = lane.of(l) == lane.of(r) && lane.of(l) != 0;
                all | u64::from(same) << (Lane::BITS * (quarter + 1) - 1)
            });
            prop_assert_eq!(same_lanes(left, right), expected);
        }

        #[test]
        fn lanes_overlap_where_one_is_in_both(
            left in prop::array::uniform4(0_u64..9), right in prop::array::uniform4(0_u64..9),
        ) {
            let number = |lanes: [u64; 4]| lanes.iter().fold(0, |all, lane| all << Lane::BITS | lane);
            let is_in_both = left.iter().any(|lane| *lane != 0 && right.contains(lane));
            prop_assert_eq!(lanes_overlap(number(left), number(right)), is_in_both);
        }

        #[test]
        fn nothing_alone_is_folded_to_nothing(hash: u64) {
            prop_assert_eq!(folded(hash) == 0, hash == 0);
            prop_assert!(folded(hash) <= u64::from(u16::MAX));
        }
    }

    #[test]
    fn four_hashes_share_a_number() {
        let mut layout = Layout::default();
        let text = |least| Note::Text(Form::Ascii, least);
        let lanes: Vec<Lane> = (0..3).map(|least| layout.lane(text(least))).collect();
        assert_eq!(layout.number(Note::Shape(Form::Ascii)), 1);
        let fourth = layout.lane(text(3));
        let fifth = layout.lane(text(4));
        assert_eq!(lanes[0], Lane { number: 0, quarter: 0 });
        assert_eq!(lanes[2], Lane { number: 0, quarter: 2 });
        assert_eq!(fourth, Lane { number: 0, quarter: 3 });
        assert_eq!(fifth, Lane { number: 3, quarter: 0 });
        assert_eq!((layout.lane(text(1)), layout.width()), (lanes[1], 4));
    }
}
