//! Which levels of a comparison two records may reach, by hints that are looked at once for all of
//! them.
//!
//! Levels ask for the same things, each somewhat less strictly than the one before it, so that going
//! through their conditions level by level looks at the same few numbers over and over. Nearly all
//! pairs show none of what any level wants.

use super::hint::{Hint, Shapes};
use super::note::shape;
use super::{Field, Node, Test};

/// Hints, and which of them must be there for each level.
pub(super) struct Gate {
    /// Hints, each with its bit.
    hints: Vec<(u64, Seen)>,
    /// Those of two shapes, which are laid side by side once for all of them.
    shapes: Vec<OfShapes>,
    /// By level, the hints of which one must be there, as bits.
    levels: Vec<u64>,
    /// The levels that may always hold, as bits.
    always: u64,
}

/// A hint in the values of two fields, given by their positions.
#[derive(Clone, PartialEq)]
struct Seen {
    left: usize,
    right: usize,
    hint: Hint,
}

/// Hints in two shapes, each with its bit.
struct OfShapes {
    left: usize,
    right: usize,
    /// Where the shape is in the sketches.
    at: usize,
    hints: Vec<(u64, Shapes)>,
}

/// Hints of which one must be there where a condition holds; `None` where nothing is known.
type Needs = Option<Vec<Seen>>;

/// As many as there are bits.
const MOST: usize = 64;

impl Gate {
    /// All levels are open.
    pub(super) const WIDE: u64 = u64::MAX;

    /// The gate before the levels of a comparison of so many fields.
    pub(super) fn new(levels: &[Node], fields: usize) -> Self {
        let mut hints: Vec<Seen> = Vec::new();
        let mut bit = |seen: Seen| {
            let known = hints.iter().position(|known| *known == seen);
            let place = known.or_else(|| {
                (hints.len() < MOST).then(|| {
                    hints.push(seen);
                    hints.len() - 1
                })
            });
            place.map(|place| 1_u64 << place)
        };
        let mut bits = |node: &Node| {
            let needs = needs_of_fields(node, fields)?;
            needs.into_iter().try_fold(0, |bits, seen| Some(bits | bit(seen)?))
        };
        let levels: Vec<Option<u64>> = levels.iter().take(MOST).map(&mut bits).collect();
        let always = levels.iter().enumerate().filter(|(_, bits)| bits.is_none());
        let always = always.fold(0, |always, (level, _)| always | 1 << level);
        let levels = levels.into_iter().map(Option::unwrap_or_default).collect();
        let mut gate = Self { hints: Vec::new(), shapes: Vec::new(), levels, always };
        hints.into_iter().enumerate().for_each(|(place, seen)| gate.add(1 << place, seen));
        gate
    }

    fn add(&mut self, bit: u64, seen: Seen) {
        let Seen { left, right, hint: Hint::Shapes(at, shapes) } = seen else {
            return self.hints.push((bit, seen));
        };
        let same = |of: &&mut OfShapes| (of.left, of.right, of.at) == (left, right, at);
        match self.shapes.iter_mut().find(same) {
            Some(of) => of.hints.push((bit, shapes)),
            None => self.shapes.push(OfShapes { left, right, at, hints: vec![(bit, shapes)] }),
        }
    }

    /// The levels that may hold for two records that have a value in every field, by the sketches of
    /// these, as bits.
    #[inline]
    pub(super) fn open(&self, left: &[&[u64]], right: &[&[u64]]) -> u64 {
        let mut there = 0;
        for (bit, Seen { left: one, right: two, hint }) in &self.hints {
            there |= if hint.may_hold(left[*one], right[*two]) { *bit } else { 0 };
        }
        for OfShapes { left: one, right: two, at, hints } in &self.shapes {
            let shapes = shape(left[*one], *at).beside(shape(right[*two], *at));
            for (bit, hint) in hints {
                there |= if hint.may_hold(shapes) { *bit } else { 0 };
            }
        }
        let levels = self.levels.iter().enumerate();
        levels
            .fold(self.always, |open, (level, needs)| open | u64::from(needs & there != 0) << level)
    }

    /// Whether a level is among the `open` ones; those that have no bit are.
    #[inline]
    pub(super) fn is_open(open: u64, level: usize) -> bool {
        level >= MOST || open >> level & 1 == 1
    }
}

/// What must be seen where a condition on several fields holds, each of which has a value.
fn needs_of_fields(node: &Node, fields: usize) -> Needs {
    match &node.test {
        Test::Alone(field, node) => needs_of_values(node, *field, *field),
        Test::Each(each) => least(each.iter().map(|(field, wanted)| match wanted {
            // There are none.
            Field::Missing => Some(Vec::new()),
            Field::Condition(node) => needs_of_values(node, *field, *field),
        })),
        Test::Swapped(node) if fields > 1 => needs_of_values(node, 0, 1),
        // The value of one of them is missing.
        Test::InOtherField(_) if fields > 1 => Some(Vec::new()),
        Test::All(all) if fields > 1 => least(all.iter().map(|n| needs_of_fields(n, fields))),
        Test::Any(any) if fields > 1 => all_of(any.iter().map(|n| needs_of_fields(n, fields))),
        _ => needs_of_values(node, 0, 0),
    }
}

/// What must be seen where a condition on two values holds, those of the fields `left` and `right`.
fn needs_of_values(node: &Node, left: usize, right: usize) -> Needs {
    match &node.test {
        Test::Hint(hint) => Some(vec![Seen { left, right, hint: hint.clone() }]),
        Test::All(all) => least(all.iter().map(|node| needs_of_values(node, left, right))),
        Test::Any(any) => all_of(any.iter().map(|node| needs_of_values(node, left, right))),
        Test::Ask | Test::Alone(..) | Test::Each(_) | Test::Swapped(_) | Test::InOtherField(_) => {
            None
        }
    }
}

/// All are needed, so that one may stand for them: that which is rarest.
fn least(needs: impl Iterator<Item = Needs>) -> Needs {
    let common = |needs: &Vec<Seen>| needs.iter().filter(|seen| seen.hint.is_common()).count();
    needs.flatten().min_by_key(|needs| (common(needs), needs.len()))
}

/// One is enough, so that each of them counts.
fn all_of(needs: impl Iterator<Item = Needs>) -> Needs {
    needs.collect::<Option<Vec<Vec<Seen>>>>().map(|needs| needs.into_iter().flatten().collect())
}
