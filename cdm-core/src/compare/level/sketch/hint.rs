//! What two sketches show of one condition.

use std::sync::Arc;

use super::layout::{Lane, Layout, Sketch};
use super::note::{
    Beside, Matches, Note, ROUNDING, initials_may_stand, jaccard_within, shape, texts_overlap,
    words_alike, words_within,
};
use crate::compare::level::condition::Condition;
use crate::compare::level::date::DateCondition;
use crate::compare::level::prepared::Slot;
use crate::normalize::Form;

/// What must be so of two sketches where a condition holds; places are those in both.
#[derive(Clone, PartialEq)]
pub(super) enum Hint {
    /// The same, and not nothing.
    Equal(Lane),
    /// The same, or one is nothing.
    Compatible(Lane),
    /// Neither is nothing.
    Filled(Lane),
    /// A text in common, by lanes.
    Shared(usize),
    /// The same of longer lists, by bits first.
    Overlap(usize, usize),
    /// A bit of the first in common with one of the second, either way.
    Crossed(usize, usize),
    /// The words of the one within the other's, so many at least; the only word of each.
    Within(usize, u32, Lane),
    /// First words of which one may stand for the other.
    Initials(usize),
    /// Words in common as a share of all.
    Jaccard(usize, f64),
    /// Of two shapes.
    Shapes(usize, Shapes),
    /// Mean Jaro-Winkler similarity of words.
    WordsAlike(usize, f64),
    /// Two dates.
    Date(usize, DateCondition),
    /// Not the same.
    Differ(usize),
}

/// What must be so of two shapes, both of texts of so many characters at least.
#[derive(Clone, PartialEq)]
pub(super) enum Shapes {
    /// So many edits.
    Edits(u8, u32),
    /// Jaro-Winkler similarity.
    Alike(u8, Arc<Matches>),
}

impl Shapes {
    #[inline]
    pub(super) fn may_hold(&self, shapes: Beside) -> bool {
        match self {
            Self::Edits(length, most) => shapes.are_long(*length) & shapes.are_near(*most),
            Self::Alike(length, matches) => shapes.are_long(*length) && matches.reach(shapes),
        }
    }
}

/// Whether two lanes are the same, or one is nothing.
#[inline]
fn are_compatible(left: u16, right: u16) -> bool {
    (left == right) | (left == 0) | (right == 0)
}

/// Add `bit` to the numbers of those pairs that may hold.
#[inline]
fn each<S: Sketch>(
    bit: u64,
    pairs: impl Iterator<Item = (S, S)>,
    there: &mut [u64],
    may_hold: impl Fn(S, S) -> bool,
) {
    for (there, (left, right)) in there.iter_mut().zip(pairs) {
        *there |= if may_hold(left, right) { bit } else { 0 };
    }
}

impl Hint {
    /// What sketches show of the condition that have the notes of `layout`, and those that it adds.
    pub(super) fn of(condition: &Condition, layout: &mut Layout) -> Option<Self> {
        if let Some(note) = Self::same(condition) {
            return Some(Self::Equal(layout.lane(note)));
        }
        if let Condition::WordsWithin { at_least, .. } = condition {
            let (words, only) = (layout.number(Note::Words), layout.lane(Note::OnlyWord));
            return Some(Self::Within(words, u32::from(*at_least), only));
        }
        if *condition == Condition::OwnDomain {
            return Some(Self::Filled(layout.lane(Note::OwnDomain)));
        }
        let mut at = |note| layout.number(note);
        Some(match condition {
            Condition::Compatible { form } => Self::Compatible(layout.lane(Note::Text(*form, 0))),
            Condition::Initials => Self::Initials(at(Note::FirstWord)),
            Condition::TokenJaccard { at_least } if *at_least > 0.0 => {
                Self::Jaccard(at(Note::Words), *at_least)
            }
            Condition::MongeElkan { at_least } if *at_least > 0.0 => {
                Self::WordsAlike(at(Note::EachWord), *at_least)
            }
            Condition::Nickname => Self::Shared(at(Note::Each(Slot::Nickname))),
            Condition::SoundsAlike | Condition::SoundsAlikeInAnotherWriting => {
                Self::Overlap(at(Note::Set(Slot::Sound)), at(Note::Each(Slot::Sound)))
            }
            Condition::AlsoKnownAs => {
                Self::Crossed(at(Note::Set(Slot::Form(Form::Alias))), at(Note::Names))
            }
            Condition::JaroWinkler { form, at_least, min_length } if *at_least > 0.0 => {
                let matches = Arc::new(Matches::new(*at_least));
                Self::Shapes(at(Note::Shape(*form)), Shapes::Alike(*min_length, matches))
            }
            Condition::Osa { form, at_most, min_length } => {
                let edits = Shapes::Edits(*min_length, u32::from(*at_most));
                Self::Shapes(at(Note::Shape(*form)), edits)
            }
            Condition::Date(condition) => Self::Date(at(Note::Date), *condition),
            Condition::InAnotherWriting => Self::Differ(at(Note::Writing)),
            _ => return None,
        })
    }

    /// What two values have the same where the condition holds.
    fn same(condition: &Condition) -> Option<Note> {
        Some(match condition {
            Condition::Same { form, min_length } => Note::Text(*form, *min_length),
            Condition::SameLetters => Note::Letters,
            Condition::SameWords => Note::AllWords,
            Condition::Prefix { form, length } => Note::First(*form, *length),
            Condition::Last { form, length } => Note::Last(*form, *length),
            _ => return None,
        })
    }

    /// Whether the condition may hold.
    #[inline]
    pub(super) fn may_hold<S: Sketch>(&self, left: S, right: S) -> bool {
        let mut there = 0;
        self.look_for(1, std::iter::once((left, right)), std::slice::from_mut(&mut there));
        there == 1
    }

    /// Add `bit` to the numbers of those pairs for which the condition may hold.
    #[inline]
    pub(super) fn look_for<S: Sketch>(
        &self,
        bit: u64,
        pairs: impl Iterator<Item = (S, S)>,
        there: &mut [u64],
    ) {
        // A loop for each, in which the processor need not foresee which it is, nor what a pair shows.
        match self {
            Self::Equal(lane) => each(bit, pairs, there, |left, right| {
                (lane.of(left) == lane.of(right)) & (lane.of(left) != 0)
            }),
            Self::Compatible(lane) => {
                each(bit, pairs, there, |left, right| are_compatible(lane.of(left), lane.of(right)))
            }
            Self::Filled(lane) => {
                each(bit, pairs, there, |left, right| (lane.of(left) != 0) & (lane.of(right) != 0))
            }
            // Most names have no nickname.
            Self::Shared(at) => each(bit, pairs, there, |left, right| {
                let (left, right) = (left.number(*at), right.number(*at));
                (left != 0) & (right != 0) && texts_overlap(left, right)
            }),
            Self::Overlap(bits, lanes) => each(bit, pairs, there, |left, right| {
                left.number(*bits) & right.number(*bits) != 0
                    && texts_overlap(left.number(*lanes), right.number(*lanes))
            }),
            Self::Crossed(one, other) => each(bit, pairs, there, |left, right| {
                let crossed = |left: S, right: S| left.number(*one) & right.number(*other);
                crossed(left, right) | crossed(right, left) != 0
            }),
            Self::Within(at, least, only) => each(bit, pairs, there, |left, right| {
                are_compatible(only.of(left), only.of(right))
                    & words_within(left.number(*at), right.number(*at), *least)
            }),
            Self::Initials(at) => each(bit, pairs, there, |left, right| {
                initials_may_stand(left.number(*at), right.number(*at))
            }),
            Self::Jaccard(at, least) => each(bit, pairs, there, |left, right| {
                jaccard_within(left.number(*at), right.number(*at), *least)
            }),
            Self::Shapes(at, shapes) => each(bit, pairs, there, |left, right| {
                shapes.may_hold(shape(left, *at).beside(shape(right, *at)))
            }),
            Self::WordsAlike(at, least) => each(bit, pairs, there, |left, right| {
                words_alike(left, right, *at, least - ROUNDING)
            }),
            Self::Date(at, condition) => each(bit, pairs, there, |left, right| {
                condition.may_hold(left.number(*at), right.number(*at))
            }),
            Self::Differ(at) => {
                each(bit, pairs, there, |left, right| left.number(*at) != right.number(*at))
            }
        }
    }

    /// Whether the condition holds of a value and itself, where it may: there is a text then, and it
    /// is like itself.
    #[inline]
    pub(super) fn is_sure_of_one(&self) -> bool {
        match self {
            Self::Equal(_)
            | Self::Compatible(_)
            | Self::Filled(_)
            | Self::Shared(_)
            | Self::Overlap(..)
            | Self::Shapes(..) => true,
            Self::Crossed(..)
            | Self::Within(..)
            | Self::Initials(_)
            | Self::Jaccard(..)
            | Self::WordsAlike(..)
            | Self::Date(..)
            | Self::Differ(_) => false,
        }
    }

    /// Whether the condition holds surely, where it may.
    #[inline]
    pub(super) fn is_sure(&self, left: &[u64], right: &[u64]) -> bool {
        match self {
            Self::Compatible(lane) => lane.of(left) == 0 || lane.of(right) == 0,
            Self::Filled(_) => true,
            _ => false,
        }
    }

    /// Whether it is there for most pairs, so that nothing is shown by it.
    pub(super) fn is_common(&self) -> bool {
        matches!(self, Self::Compatible(_) | Self::Filled(_))
    }
}
