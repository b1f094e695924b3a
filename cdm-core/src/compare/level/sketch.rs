mod note;

use note::{Matches, Note, ROUNDING, jaccard_within, place, shape, words_alike, words_within};

use super::condition::Condition;
use super::date::DateCondition;
use super::prepared::{Prepared, Slot};
use super::{Comparison, Level};
use crate::normalize::Form;

/// A comparison that tells most levels of most pairs from a few numbers that are noted of each value
/// beforehand: its *sketch*.
///
/// Nearly all pairs of values differ, and differ so much that a look at hashes, lengths and sets of
/// letters shows it. What a sketch cannot rule out is asked of the values themselves, so that the
/// levels are those of [`Comparison::compare`], always.
///
/// It has a copy of the comparison, so that what is bound to a model can hold both.
pub(crate) struct SketchedComparison {
    comparison: Comparison,
    levels: Vec<Node>,
}

/// What some comparisons note of a value: one sketch for all of them.
#[derive(Default)]
pub(crate) struct Sketcher {
    /// In the order of the sketch.
    notes: Vec<Note>,
}

/// A value with its sketch.
#[derive(Clone, Copy)]
pub(crate) struct Sketched<'v> {
    pub(crate) value: &'v Prepared,
    pub(crate) sketch: &'v [u64],
}

impl Sketcher {
    /// How many numbers a sketch has; it is the same for every field of the comparisons.
    pub(crate) fn width(&self) -> usize {
        self.notes.iter().map(|note| note.width()).sum()
    }

    /// Note what there is to note of a value of any of the fields, in [`width`](Self::width) numbers.
    pub(crate) fn sketch(&self, value: &Prepared, mut sketch: &mut [u64]) {
        for note in &self.notes {
            let (own, rest) = std::mem::take(&mut sketch).split_at_mut(note.width());
            note.take(value, own);
            sketch = rest;
        }
    }
}

impl SketchedComparison {
    /// A comparison of values of which `sketcher` notes all that it wants to know.
    pub(crate) fn new(comparison: &Comparison, sketcher: &mut Sketcher) -> Self {
        let node = |level: &Level| Node::new(&level.when, &mut sketcher.notes);
        let levels = comparison.levels.iter().map(node).collect();
        Self { comparison: comparison.clone(), levels }
    }

    pub(crate) fn comparison(&self) -> &Comparison {
        &self.comparison
    }

    /// As [`Comparison::compare_two`], of two values of which none of the first `skip` levels holds.
    #[inline]
    pub(crate) fn compare_two(&self, left: Sketched<'_>, right: Sketched<'_>, skip: usize) -> u8 {
        self.level_where(skip, |node| node.holds(left, right))
    }

    /// As [`compare`](Self::compare), for at most one value in each field, and two records of which
    /// none of the first `skip` levels holds.
    #[inline]
    pub(crate) fn compare_single(
        &self,
        left: &[Option<Sketched<'_>>],
        right: &[Option<Sketched<'_>>],
        skip: usize,
    ) -> Option<u8> {
        let level = self.level_where(skip, |node| node.holds_single(left, right));
        let filled = |values: &[Option<Sketched<'_>>]| values.first().is_some_and(Option::is_some);
        self.comparison.says(level, filled(left) && filled(right)).then_some(level)
    }

    /// As [`Comparison::compare`].
    pub(crate) fn compare(
        &self,
        left: &[&[Sketched<'_>]],
        right: &[&[Sketched<'_>]],
    ) -> Option<u8> {
        let level = match (self.comparison.fields.len(), left, right) {
            (1, [[left]], [[right]]) => self.compare_two(*left, *right, 0),
            _ => self.level_where(0, |node| node.holds_for(left, right)),
        };
        let filled = |values: &[&[Sketched<'_>]]| values.first().is_some_and(|v| !v.is_empty());
        self.comparison.says(level, filled(left) && filled(right)).then_some(level)
    }

    /// The first level that may hold, by sketches alone, for at most one value in each field: none before
    /// it does. The last one always may.
    #[inline]
    pub(crate) fn least_level(&self, left: &[Option<&[u64]>], right: &[Option<&[u64]>]) -> u8 {
        self.level_where(0, |node| node.may_hold_single(left, right))
    }

    #[inline]
    fn level_where(&self, skip: usize, holds: impl Fn(&Node) -> bool) -> u8 {
        let found = self.levels[skip..].iter().position(holds);
        let level = found.map_or(self.levels.len(), |found| skip + found);
        u8::try_from(level).unwrap_or(u8::MAX)
    }

    /// How many levels `other` has, where they are all counted and the first ones of this
    /// comparison, of the same fields: which of those holds need not be asked twice.
    pub(crate) fn levels_begin_with(&self, other: &Self) -> Option<usize> {
        let (own, others) = (&self.comparison, &other.comparison);
        let counts = others.levels.iter().all(|level| !level.counted_elsewhere);
        let same = |(own, other): (&Level, &Level)| own.when == other.when;
        (counts
            && own.fields == others.fields
            && own.levels.len() >= others.levels.len()
            && own.levels.iter().zip(&others.levels).all(same))
        .then_some(others.levels.len())
    }
}

/// A condition, and what sketches tell of it.
struct Node {
    condition: Condition,
    test: Test,
}

/// What must be so of two sketches where a condition holds; numbers are places in them.
enum Test {
    /// They tell nothing.
    Ask,
    /// The same number, and not 0.
    Equal(usize),
    /// The same number, or one is 0.
    Compatible(usize),
    /// A bit in common.
    Overlap(usize),
    /// A bit of the first in common with one of the second, either way.
    Crossed(usize, usize),
    /// The words of the one within the other's, so many at least.
    Within(usize, u32),
    /// Words in common as a share of all.
    Jaccard(usize, f64),
    /// So many edits.
    Edits(usize, u32),
    /// Jaro-Winkler similarity.
    Alike(usize, Box<Matches>),
    /// Mean Jaro-Winkler similarity of words.
    WordsAlike(usize, f64),
    /// Two dates.
    Date(usize, DateCondition),
    All(Vec<Node>),
    Any(Vec<Node>),
    /// In that field, whatever the others hold.
    Alone(usize, Box<Node>),
    /// Of each field that matters, its position and what is wanted of it; what is cheapest comes
    /// first.
    Each(Vec<(usize, Field)>),
    Swapped(Box<Node>),
    InOtherField(Box<Node>),
}

impl Test {
    /// Whether what it does not rule out for a value and itself holds: there is a text then, and it
    /// is like itself.
    #[inline]
    fn is_sure_of_one(&self) -> bool {
        matches!(
            self,
            Test::Equal(_)
                | Test::Compatible(_)
                | Test::Overlap(_)
                | Test::Edits(..)
                | Test::Alike(..)
        )
    }
}

/// What [`Condition::Each`] wants of one field.
enum Field {
    Missing,
    Condition(Node),
}

impl Node {
    fn new(condition: &Condition, notes: &mut Vec<Note>) -> Self {
        let mut at = |note| place(notes, note);
        let test = match condition {
            Condition::Same { form, min_length } => Test::Equal(at(Note::Text(*form, *min_length))),
            Condition::Compatible { form } => Test::Compatible(at(Note::Text(*form, 0))),
            Condition::SameLetters => Test::Equal(at(Note::Letters)),
            Condition::SameWords => Test::Equal(at(Note::AllWords)),
            Condition::WordsWithin { at_least, .. } => {
                Test::Within(at(Note::Words), u32::from(*at_least))
            }
            Condition::TokenJaccard { at_least } if *at_least > 0.0 => {
                Test::Jaccard(at(Note::Words), *at_least)
            }
            Condition::MongeElkan { at_least } if *at_least > 0.0 => {
                Test::WordsAlike(at(Note::EachWord), *at_least)
            }
            Condition::Nickname => Test::Overlap(at(Note::Set(Slot::Nickname))),
            Condition::SoundsAlike => Test::Overlap(at(Note::Set(Slot::Sound))),
            // The first words begin with the same letter.
            Condition::Initials => Test::Equal(at(Note::FirstLetter)),
            Condition::AlsoKnownAs => {
                Test::Crossed(at(Note::Set(Slot::Form(Form::Alias))), at(Note::Names))
            }
            Condition::JaroWinkler { form, at_least, min_length } if *at_least > 0.0 => {
                Test::Alike(at(Note::Shape(*form, *min_length)), Box::new(Matches::new(*at_least)))
            }
            Condition::Osa { form, at_most, min_length } => {
                Test::Edits(at(Note::Shape(*form, *min_length)), u32::from(*at_most))
            }
            Condition::Date(condition) => Test::Date(at(Note::Date), *condition),
            Condition::Prefix { form, length } => Test::Equal(at(Note::First(*form, *length))),
            Condition::Last { form, length } => Test::Equal(at(Note::Last(*form, *length))),
            Condition::All(all) => Test::All(all.iter().map(|c| Self::new(c, notes)).collect()),
            Condition::Any(any) => Test::Any(any.iter().map(|c| Self::new(c, notes)).collect()),
            Condition::Each(each) => {
                let wanted =
                    || each.iter().enumerate().filter_map(|(at, c)| Some((at, c.as_ref()?)));
                if let (Some((field, only)), None) = (wanted().next(), wanted().nth(1))
                    && *only != Condition::Missing
                {
                    let node = Box::new(Self::new(only, notes));
                    return Self { condition: condition.clone(), test: Test::Alone(field, node) };
                }
                let field = |(at, condition): (usize, &Condition)| match condition {
                    Condition::Missing => (at, Field::Missing),
                    condition => (at, Field::Condition(Self::new(condition, notes))),
                };
                let mut fields: Vec<(usize, Field)> = wanted().map(field).collect();
                fields.sort_by_key(|(_, field)| matches!(field, Field::Condition(_)));
                Test::Each(fields)
            }
            Condition::Swapped(condition) => Test::Swapped(Box::new(Self::new(condition, notes))),
            Condition::InOtherField(condition) => {
                Test::InOtherField(Box::new(Self::new(condition, notes)))
            }
            _ => Test::Ask,
        };
        Self { condition: condition.clone(), test }
    }

    /// Whether it may hold, by the sketches.
    #[inline]
    fn may_hold(&self, left: &[u64], right: &[u64]) -> bool {
        match &self.test {
            Test::Equal(at) => left[*at] == right[*at] && left[*at] != 0,
            Test::Compatible(at) => left[*at] == right[*at] || left[*at] == 0 || right[*at] == 0,
            Test::Overlap(at) => left[*at] & right[*at] != 0,
            Test::Crossed(one, other) => {
                left[*one] & right[*other] != 0 || left[*other] & right[*one] != 0
            }
            Test::Within(at, least) => words_within(left[*at], right[*at], *least),
            Test::Jaccard(at, least) => jaccard_within(left[*at], right[*at], *least),
            Test::Edits(at, most) => shape(left, *at).is_near(shape(right, *at), *most),
            Test::Alike(at, matches) => matches.reach(shape(left, *at), shape(right, *at)),
            Test::WordsAlike(at, least) => {
                let end = at + Note::EachWord.width();
                words_alike(&left[*at..end], &right[*at..end], least - ROUNDING)
            }
            Test::Date(at, condition) => condition.may_hold(left[*at], right[*at]),
            Test::All(all) => all.iter().all(|node| node.may_hold(left, right)),
            Test::Any(any) => any.iter().any(|node| node.may_hold(left, right)),
            Test::Ask
            | Test::Alone(..)
            | Test::Each(_)
            | Test::Swapped(_)
            | Test::InOtherField(_) => true,
        }
    }

    /// Whether it may hold, by the sketches of at most one value in each field.
    fn may_hold_single(&self, left: &[Option<&[u64]>], right: &[Option<&[u64]>]) -> bool {
        let both = |node: &Self, one: Option<&[u64]>, other: Option<&[u64]>| {
            one.zip(other).is_some_and(|(one, other)| node.may_hold(one, other))
        };
        match &self.test {
            Test::Alone(field, node) => both(node, left[*field], right[*field]),
            Test::Each(each) => each.iter().all(|(field, test)| match test {
                Field::Missing => left[*field].is_none() || right[*field].is_none(),
                Field::Condition(node) => both(node, left[*field], right[*field]),
            }),
            Test::Swapped(node) => both(node, left[0], right[1]) && both(node, left[1], right[0]),
            Test::InOtherField(node) => {
                let only = |one: &[Option<&[u64]>], field: usize, other: Option<&[u64]>| {
                    one[1 - field].is_none() && both(node, one[field], other)
                };
                (0..2).any(|field| {
                    only(left, field, right[1 - field]) || only(right, field, left[1 - field])
                })
            }
            Test::All(all) if left.len() > 1 => {
                all.iter().all(|node| node.may_hold_single(left, right))
            }
            Test::Any(any) if left.len() > 1 => {
                any.iter().any(|node| node.may_hold_single(left, right))
            }
            _ => both(self, left[0], right[0]),
        }
    }

    /// As [`Condition::holds`].
    fn holds(&self, left: Sketched<'_>, right: Sketched<'_>) -> bool {
        match &self.test {
            Test::Any(any) => any.iter().any(|node| node.holds(left, right)),
            Test::All(all) => {
                // What is cheap to rule out comes first, wherever it stands.
                self.may_hold(left.sketch, right.sketch)
                    && all.iter().all(|node| node.holds(left, right))
            }
            _ => {
                self.may_hold(left.sketch, right.sketch)
                    && (self.test.is_sure_of_one() && std::ptr::eq(left.value, right.value)
                        || self.condition.holds(left.value, right.value))
            }
        }
    }

    /// As [`Condition::holds_for`].
    fn holds_for(&self, left: &[&[Sketched<'_>]], right: &[&[Sketched<'_>]]) -> bool {
        match &self.test {
            Test::Alone(field, node) => {
                node.holds_for_some(values(left, *field), values(right, *field))
            }
            Test::Each(each) => each.iter().all(|(field, test)| {
                let (left, right) = (values(left, *field), values(right, *field));
                match test {
                    Field::Missing => left.is_empty() || right.is_empty(),
                    Field::Condition(node) => node.holds_for_some(left, right),
                }
            }),
            Test::Swapped(node) => {
                node.holds_for_some(values(left, 0), values(right, 1))
                    && node.holds_for_some(values(left, 1), values(right, 0))
            }
            Test::InOtherField(node) => {
                let only = |one: &[&[Sketched<'_>]], field, other: &[&[Sketched<'_>]]| {
                    values(one, 1 - field).is_empty()
                        && node.holds_for_some(values(one, field), values(other, 1 - field))
                };
                (0..2).any(|field| only(left, field, right) || only(right, field, left))
            }
            Test::All(all) if left.len() > 1 => all.iter().all(|node| node.holds_for(left, right)),
            Test::Any(any) if left.len() > 1 => any.iter().any(|node| node.holds_for(left, right)),
            _ => self.holds_for_some(values(left, 0), values(right, 0)),
        }
    }

    /// As [`holds_for`](Self::holds_for), for at most one value in each field.
    fn holds_single(&self, left: &[Option<Sketched<'_>>], right: &[Option<Sketched<'_>>]) -> bool {
        match &self.test {
            Test::Alone(field, node) => node.holds_both(left[*field], right[*field]),
            Test::Each(each) => each.iter().all(|(field, test)| {
                let (left, right) = (left[*field], right[*field]);
                match test {
                    Field::Missing => left.is_none() || right.is_none(),
                    Field::Condition(node) => node.holds_both(left, right),
                }
            }),
            Test::Swapped(node) => {
                node.holds_both(left[0], right[1]) && node.holds_both(left[1], right[0])
            }
            Test::InOtherField(node) => {
                let only = |one: &[Option<Sketched<'_>>], field: usize, other: Option<_>| {
                    one[1 - field].is_none() && node.holds_both(one[field], other)
                };
                (0..2).any(|field| {
                    only(left, field, right[1 - field]) || only(right, field, left[1 - field])
                })
            }
            Test::All(all) if left.len() > 1 => {
                all.iter().all(|node| node.holds_single(left, right))
            }
            Test::Any(any) if left.len() > 1 => {
                any.iter().any(|node| node.holds_single(left, right))
            }
            _ => self.holds_both(left[0], right[0]),
        }
    }

    #[inline]
    fn holds_both(&self, left: Option<Sketched<'_>>, right: Option<Sketched<'_>>) -> bool {
        left.zip(right).is_some_and(|(left, right)| self.holds(left, right))
    }

    fn holds_for_some(&self, left: &[Sketched<'_>], right: &[Sketched<'_>]) -> bool {
        left.iter().any(|left| right.iter().any(|right| self.holds(*left, *right)))
    }
}

fn values<'a, 'v>(fields: &'a [&'a [Sketched<'v>]], field: usize) -> &'a [Sketched<'v>] {
    fields.get(field).copied().unwrap_or_default()
}
