mod gate;
mod hint;
mod layout;
mod note;
mod reach;

use gate::Gate;
pub(crate) use gate::Pairs;
use hint::Hint;
use layout::Layout;

use super::condition::Condition;
use super::prepared::Prepared;
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
    gate: Gate,
    /// The gate before the levels that are asked after an earlier comparison's, where it
    /// [begins](Self::begins_with) with those.
    later: Option<Gate>,
}

/// What some comparisons note of a value: one sketch for all of them.
#[derive(Default)]
pub(crate) struct Sketcher {
    layout: Layout,
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
        self.layout.width()
    }

    /// Note what there is to note of a value of any of the fields, in [`width`](Self::width) numbers.
    pub(crate) fn sketch(&self, value: &Prepared, sketch: &mut [u64]) {
        self.layout.sketch(value, sketch);
    }
}

impl SketchedComparison {
    /// A comparison of values of which `sketcher` notes all that it wants to know.
    pub(crate) fn new(comparison: &Comparison, sketcher: &mut Sketcher) -> Self {
        let node = |level: &Level| Node::new(&level.when, &mut sketcher.layout);
        let levels: Vec<Node> = comparison.levels.iter().map(node).collect();
        let gate = Gate::new(&levels, comparison.fields.len(), 0);
        Self { comparison: comparison.clone(), levels, gate, later: None }
    }

    /// Have a gate for where the first `skip` levels are known not to hold.
    pub(crate) fn begin_after(&mut self, skip: usize) {
        self.later = Some(Gate::new(&self.levels, self.comparison.fields.len(), skip));
    }

    pub(crate) fn comparison(&self) -> &Comparison {
        &self.comparison
    }

    /// As [`Comparison::compare_two`], of two values of which none of the first `skip` levels holds.
    #[inline]
    pub(crate) fn compare_two(&self, left: Sketched<'_>, right: Sketched<'_>, skip: usize) -> u8 {
        let open = self.gate_after(skip).open(&[left.sketch], &[right.sketch]);
        self.level_where(skip, open, |node| node.holds(left, right))
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
        let holds = |node: &Node| node.holds_single(left, right);
        // Many records that meet have a name in common, which the first level is about.
        let level = if skip == 0 && self.levels.first().is_some_and(holds) {
            0
        } else {
            let open = self.open(
                (skip, left.len()),
                |at| left[at].map(|value| value.sketch),
                |at| right[at].map(|value| value.sketch),
            );
            self.level_where(skip.max(1), open, holds)
        };
        let filled = |values: &[Option<Sketched<'_>>]| values.first().is_some_and(Option::is_some);
        self.comparison.says(level, filled(left) && filled(right)).then_some(level)
    }

    /// The levels after the first `skip` that may hold for pairs that have one value in each field, as bits: of
    /// those without a bit none does.
    pub(crate) fn open_all(&self, fields: &[Pairs<'_>], skip: usize, open: &mut [u64]) {
        self.gate_after(skip).open_all(fields, open);
    }

    /// The level of two records with one value in each field, of which the levels that are not `open` do not hold.
    #[inline]
    pub(crate) fn level_of_open(
        &self,
        open: u64,
        left: &[Option<Sketched<'_>>],
        right: &[Option<Sketched<'_>>],
    ) -> Option<u8> {
        let level = match (left, right) {
            ([Some(left)], [Some(right)]) => {
                self.level_where(0, open, |node| node.holds(*left, *right))
            }
            _ => self.level_where(0, open, |node| node.holds_single(left, right)),
        };
        self.comparison.is_counted(level).then_some(level)
    }

    /// Whether the first level is about the values in the first field alone, so that who has the same is on it.
    pub(crate) fn first_is_of_one(&self) -> bool {
        let of_one = |level: &Node| match &level.test {
            Test::Alone(0, node) => holds_of_itself(&node.condition),
            _ => false,
        };
        self.comparison.fields.len() == 1 || self.levels.first().is_some_and(of_one)
    }

    /// The last level, on which two records with a value in each field are if they are on no other.
    pub(crate) fn last_level(&self) -> u8 {
        self.levels.len().try_into().unwrap_or(u8::MAX)
    }

    /// As [`Comparison::compare`].
    pub(crate) fn compare(
        &self,
        left: &[&[Sketched<'_>]],
        right: &[&[Sketched<'_>]],
    ) -> Option<u8> {
        let level = match (self.comparison.fields.len(), left, right) {
            (1, [[left]], [[right]]) => self.compare_two(*left, *right, 0),
            _ => self.level_where(0, Gate::WIDE, |node| node.holds_for(left, right)),
        };
        let filled = |values: &[&[Sketched<'_>]]| values.first().is_some_and(|v| !v.is_empty());
        self.comparison.says(level, filled(left) && filled(right)).then_some(level)
    }

    /// The first level that may hold, by sketches alone, for at most one value in each field: none before
    /// it does. The last one always may.
    #[inline]
    pub(crate) fn least_level(&self, left: &[Option<&[u64]>], right: &[Option<&[u64]>]) -> u8 {
        let open = self.open((0, left.len()), |at| left[at], |at| right[at]);
        self.level_where(0, open, |node| node.may_hold_single(left, right))
    }

    /// The gate where none of the first `skip` levels holds: of none, or of as many as were told before.
    #[inline]
    fn gate_after(&self, skip: usize) -> &Gate {
        self.later.as_ref().filter(|_| skip > 0).unwrap_or(&self.gate)
    }

    /// The levels after the first `skip` that may hold by hints that are looked at once for all of them, as
    /// bits.
    #[inline]
    fn open<'v>(
        &self,
        (skip, fields): (usize, usize),
        left: impl Fn(usize) -> Option<&'v [u64]>,
        right: impl Fn(usize) -> Option<&'v [u64]>,
    ) -> u64 {
        let (mut one, mut two): ([&[u64]; FEW], [&[u64]; FEW]) = ([&[]; FEW], [&[]; FEW]);
        for at in 0..fields {
            // What is missing has levels of its own.
            let (Some(left), Some(right)) = (left(at), right(at)) else { return Gate::WIDE };
            let (Some(one), Some(two)) = (one.get_mut(at), two.get_mut(at)) else {
                return Gate::WIDE;
            };
            (*one, *two) = (left, right);
        }
        self.gate_after(skip).open(&one[..fields], &two[..fields])
    }

    /// The first level that holds, of those from `skip` on that are `open`.
    #[inline]
    fn level_where(&self, skip: usize, open: u64, holds: impl Fn(&Node) -> bool) -> u8 {
        let mut levels = self.levels.iter().enumerate().skip(skip);
        let found = levels.find(|(level, node)| Gate::is_open(open, *level) && holds(node));
        found.map_or(self.levels.len(), |(level, _)| level).try_into().unwrap_or(u8::MAX)
    }

    /// How many of `other`'s levels, up to the first that is not counted, are the first ones of this
    /// comparison, of the same fields: which of those holds need not be asked twice.
    pub(crate) fn levels_begin_with(&self, other: &Self) -> Option<usize> {
        let (own, others) = (&self.comparison, &other.comparison);
        let counted = others.levels.iter().take_while(|level| !level.counted_elsewhere).count();
        let same = |(own, other): (&Level, &Level)| own.when == other.when;
        (counted > 0
            && own.fields == others.fields
            && own.levels.len() >= counted
            && own.levels.iter().zip(&others.levels[..counted]).all(same))
        .then_some(counted)
    }
}

/// Whether a condition holds of every value and itself, surely.
fn holds_of_itself(condition: &Condition) -> bool {
    match condition {
        // These every value has.
        Condition::Same { form: Form::Ascii | Form::Canonical, min_length: 0 } => true,
        Condition::Compatible { .. } => true,
        Condition::All(all) => all.iter().all(holds_of_itself),
        _ => false,
    }
}

/// A condition, and what sketches tell of it.
struct Node {
    condition: Condition,
    test: Test,
}

/// What must be so of two sketches where a condition holds.
enum Test {
    /// They tell nothing.
    Ask,
    Hint(Hint),
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

/// What [`Condition::Each`] wants of one field.
enum Field {
    Missing,
    Condition(Node),
}

impl Node {
    fn new(condition: &Condition, layout: &mut Layout) -> Self {
        let test = match condition {
            Condition::All(all) => Test::All(all.iter().map(|c| Self::new(c, layout)).collect()),
            Condition::Any(any) => Test::Any(any.iter().map(|c| Self::new(c, layout)).collect()),
            Condition::Each(each) => {
                let wanted =
                    || each.iter().enumerate().filter_map(|(at, c)| Some((at, c.as_ref()?)));
                if let (Some((field, only)), None) = (wanted().next(), wanted().nth(1))
                    && *only != Condition::Missing
                {
                    let node = Box::new(Self::new(only, layout));
                    return Self { condition: condition.clone(), test: Test::Alone(field, node) };
                }
                let field = |(at, condition): (usize, &Condition)| match condition {
                    Condition::Missing => (at, Field::Missing),
                    condition => (at, Field::Condition(Self::new(condition, layout))),
                };
                let mut fields: Vec<(usize, Field)> = wanted().map(field).collect();
                fields.sort_by_key(|(_, field)| matches!(field, Field::Condition(_)));
                Test::Each(fields)
            }
            Condition::Swapped(condition) => Test::Swapped(Box::new(Self::new(condition, layout))),
            Condition::InOtherField(condition) => {
                Test::InOtherField(Box::new(Self::new(condition, layout)))
            }
            other => Hint::of(other, layout).map_or(Test::Ask, Test::Hint),
        };
        Self { condition: condition.clone(), test }
    }

    /// Whether it may hold, by the sketches.
    #[inline]
    fn may_hold(&self, left: &[u64], right: &[u64]) -> bool {
        match &self.test {
            Test::Hint(hint) => hint.may_hold(left, right),
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
            Test::Hint(hint) => {
                hint.may_hold(left.sketch, right.sketch)
                    && (hint.is_sure(left.sketch, right.sketch)
                        || hint.is_sure_of_one() && std::ptr::eq(left.value, right.value)
                        || self.condition.holds(left.value, right.value))
            }
            _ => self.condition.holds(left.value, right.value),
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
                let may = |one: Option<Sketched<'_>>, two: Option<Sketched<'_>>| {
                    one.zip(two).is_some_and(|(one, two)| node.may_hold(one.sketch, two.sketch))
                };
                // That the names are nearly those of the other field is rarely so of both.
                may(left[0], right[1])
                    && may(left[1], right[0])
                    && node.holds_both(left[0], right[1])
                    && node.holds_both(left[1], right[0])
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

/// Up to so many fields have a gate.
const FEW: usize = 4;

fn values<'a, 'v>(fields: &'a [&'a [Sketched<'v>]], field: usize) -> &'a [Sketched<'v>] {
    fields.get(field).copied().unwrap_or_default()
}
