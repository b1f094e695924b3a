//! What two sketches show of one condition.

use std::sync::Arc;

use super::layout::{Lane, Layout};
use super::note::{
    Beside, Matches, Note, ROUNDING, jaccard_within, shape, words_alike, words_within,
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
    /// A bit in common.
    Overlap(usize),
    /// A bit of the first in common with one of the second, either way.
    Crossed(usize, usize),
    /// The words of the one within the other's, so many at least.
    Within(usize, u32),
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

impl Hint {
    /// What sketches show of the condition that have the notes of `layout`, and those that it adds.
    pub(super) fn of(condition: &Condition, layout: &mut Layout) -> Option<Self> {
        if let Some(note) = Self::same(condition) {
            return Some(Self::Equal(layout.lane(note)));
        }
        let mut at = |note| layout.number(note);
        Some(match condition {
            Condition::Compatible { form } => Self::Compatible(layout.lane(Note::Text(*form, 0))),
            Condition::WordsWithin { at_least, .. } => {
                Self::Within(at(Note::Words), u32::from(*at_least))
            }
            Condition::TokenJaccard { at_least } if *at_least > 0.0 => {
                Self::Jaccard(at(Note::Words), *at_least)
            }
            Condition::MongeElkan { at_least } if *at_least > 0.0 => {
                Self::WordsAlike(at(Note::EachWord), *at_least)
            }
            Condition::Nickname => Self::Overlap(at(Note::Set(Slot::Nickname))),
            Condition::SoundsAlike | Condition::SoundsAlikeInAnotherWriting => {
                Self::Overlap(at(Note::Set(Slot::Sound)))
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
            // The first words begin with the same letter.
            Condition::Initials => Note::FirstLetter,
            Condition::Prefix { form, length } => Note::First(*form, *length),
            Condition::Last { form, length } => Note::Last(*form, *length),
            _ => return None,
        })
    }

    /// Whether the condition may hold.
    #[inline]
    pub(super) fn may_hold(&self, left: &[u64], right: &[u64]) -> bool {
        match self {
            Self::Equal(lane) => lane.of(left) == lane.of(right) && lane.of(left) != 0,
            Self::Compatible(lane) => {
                let (left, right) = (lane.of(left), lane.of(right));
                left == right || left == 0 || right == 0
            }
            Self::Overlap(at) => left[*at] & right[*at] != 0,
            Self::Crossed(one, other) => {
                left[*one] & right[*other] != 0 || left[*other] & right[*one] != 0
            }
            Self::Within(at, least) => words_within(left[*at], right[*at], *least),
            Self::Jaccard(at, least) => jaccard_within(left[*at], right[*at], *least),
            Self::Shapes(at, shapes) => shapes.may_hold(shape(left, *at).beside(shape(right, *at))),
            Self::WordsAlike(at, least) => {
                let end = at + Note::EachWord.width();
                words_alike(&left[*at..end], &right[*at..end], least - ROUNDING)
            }
            Self::Date(at, condition) => condition.may_hold(left[*at], right[*at]),
            Self::Differ(at) => left[*at] != right[*at],
        }
    }

    /// Whether the condition holds of a value and itself, where it may: there is a text then, and it
    /// is like itself.
    #[inline]
    pub(super) fn is_sure_of_one(&self) -> bool {
        match self {
            Self::Equal(_) | Self::Compatible(_) | Self::Overlap(_) | Self::Shapes(..) => true,
            Self::Crossed(..)
            | Self::Within(..)
            | Self::Jaccard(..)
            | Self::WordsAlike(..)
            | Self::Date(..)
            | Self::Differ(_) => false,
        }
    }

    /// Whether it is there for most pairs, so that nothing is shown by it.
    pub(super) fn is_common(&self) -> bool {
        matches!(self, Self::Compatible(_))
    }
}
