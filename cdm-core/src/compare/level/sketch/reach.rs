//! What two shapes show of several conditions at once.

use super::hint::Shapes;
use super::note::{Beside, Matches};

/// Hints in two shapes, looked up together.
///
/// By the lengths of two texts, and how many of their first characters are the same, it is known beforehand how many
/// characters each may have that the other lacks.
#[derive(Default)]
pub(super) struct Reach {
    hints: Vec<Shapes>,
    /// By these, for the left text and for the right one: a byte for each hint, one more than it may have; 0 where
    /// nothing helps.
    least: Vec<[u32; 2]>,
}

/// Of texts of so many characters it is known, and of none.
const SIZES: usize = Matches::LONGEST + 2;

/// The highest bit of each byte.
const HIGHEST: u32 = 0x8080_8080;

impl Reach {
    /// How many hints there may be.
    pub(super) const MOST: usize = 4;

    /// Any number of characters is fine.
    const ANY: u8 = 0x7f;

    /// Whether the hint is there, or can be.
    pub(super) fn has_room_for(&self, hint: &Shapes) -> bool {
        self.hints.len() < Self::MOST || self.hints.contains(hint)
    }

    /// The number of a hint for which there is room; it is added where it is new.
    pub(super) fn place(&mut self, hint: &Shapes) -> usize {
        if let Some(place) = self.hints.iter().position(|known| known == hint) {
            return place;
        }
        let place = self.hints.len();
        self.hints.push(hint.clone());
        self.least.resize(5 * SIZES * SIZES, [0; 2]);
        let sizes = (0..5).flat_map(|common| (0..SIZES).map(move |one| (common, one)));
        let sizes = sizes.flat_map(|(common, one)| (0..SIZES).map(move |two| (common, one, two)));
        for ((common, one, two), least) in sizes.zip(&mut self.least) {
            let (left, right) = Self::least(hint, common, one, two);
            least[0] |= u32::from(left) << (8 * place);
            least[1] |= u32::from(right) << (8 * place);
        }
        place
    }

    /// One more than how many characters each text may have that the other lacks.
    fn least(hint: &Shapes, common: usize, one: usize, two: usize) -> (u8, u8) {
        let is_long = |length: u8| one.min(two) > usize::from(length);
        match hint {
            Shapes::Edits(length, most) => {
                let is_near = one.abs_diff(two) <= *most as usize;
                let most = u8::try_from(*most + 1).unwrap_or(Self::ANY).min(Self::ANY);
                if is_long(*length) && is_near { (most, most) } else { (0, 0) }
            }
            Shapes::Alike(length, _) if !is_long(*length) => (0, 0),
            // Of an empty text nothing is known.
            Shapes::Alike(..) if one == 1 || two == 1 => (Self::ANY, Self::ANY),
            Shapes::Alike(_, matches) => {
                let needed = matches.needed(common, one - 1, two - 1);
                let most = |size: usize| (size as u8).saturating_sub(needed);
                (most(one), most(two))
            }
        }
    }

    /// Which of the conditions may hold, as bits.
    #[inline]
    pub(super) fn of(&self, shapes: Beside) -> u64 {
        let (one, two) = (shapes.sizes.0 as usize, shapes.sizes.1 as usize);
        if one.max(two) >= SIZES {
            let bit = |(place, hint): (usize, &Shapes)| u64::from(hint.may_hold(shapes)) << place;
            return self.hints.iter().enumerate().map(bit).fold(0, |all, bit| all | bit);
        }
        let [left, right] = self.least[(shapes.common as usize * SIZES + one) * SIZES + two];
        // Of each byte the highest bit is left where it is greater; no text has so many letters that it is passed.
        let greater = |least: u32, only: u32| (least | HIGHEST) - (only + 1) * (HIGHEST >> 7);
        let bytes = greater(left, shapes.only_left) & greater(right, shapes.only_right) & HIGHEST;
        // Each moved down to its place, in which nothing else comes.
        u64::from(bytes >> 7).wrapping_mul(1 << 24 | 1 << 17 | 1 << 10 | 1 << 3) >> 24 & 0xf
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::super::note::Shape;
    use super::*;

    proptest! {
        #[test]
        fn hints_are_there_together_where_each_is(
            left in "[abé ]{0,30}", right in "[abé ]{0,30}",
            edits in prop::collection::vec((0_u8..9, 0_u32..5), 1..3),
            alike in prop::collection::vec((0_u8..9, 0.3_f64..1.0), 0..3),
        ) {
            let edits = edits.into_iter().map(|(length, most)| Shapes::Edits(length, most));
            let alike = alike.into_iter();
            let alike = alike.map(|(length, least)| Shapes::Alike(length, Arc::new(Matches::new(least))));
            let (mut reach, mut bits) = (Reach::default(), 0);
            let shapes = Shape::of(&left).beside(Shape::of(&right));
            for hint in edits.chain(alike) {
                prop_assert!(reach.has_room_for(&hint));
                bits |= u64::from(hint.may_hold(shapes)) << reach.place(&hint);
            }
            prop_assert_eq!(reach.of(shapes), bits);
        }
    }
}
