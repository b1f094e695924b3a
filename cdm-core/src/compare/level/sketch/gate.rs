//! Which levels of a comparison two records may reach, by hints that are looked at once for all of
//! them.
//!
//! Levels ask for the same things, each somewhat less strictly than the one before it, so that going
//! through their conditions level by level looks at the same few numbers over and over. Nearly all
//! pairs show none of what any level wants.

use super::hint::Hint;
use super::layout::{Among, Lane, Sketch, same_lanes};
use super::note::shape;
use super::reach::Reach;
use super::{Field, Node, Test};

/// Hints, and which of them must be there for each level.
#[derive(Default)]
pub(super) struct Gate {
    /// Those that lanes are the same, four at once. Their bits are those that [`same_lanes`] gives, each
    /// of these moved down by its place here.
    lanes: Vec<OfLanes>,
    /// Those of two shapes, which are laid side by side once for all of them.
    shapes: Vec<OfShapes>,
    /// All others, each with its bit.
    others: Vec<(u64, Seen)>,
    /// The bits that are spoken for.
    taken: u64,
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

/// The values of some pairs in one field.
#[derive(Clone, Copy)]
pub(crate) struct Pairs<'s> {
    /// What is noted of all values.
    pub(crate) sketches: &'s [u64],
    /// By pair, where that of the left record's value starts.
    pub(crate) left: &'s [usize],
    pub(crate) right: &'s [usize],
}

impl<'s> Pairs<'s> {
    /// How many pairs are looked at together: what is noted of their values stays near the processor.
    pub(crate) const MOST: usize = 64;

    /// Of each pair the left record's value in the one field, and the right record's in the other.
    #[inline]
    fn across(one: &Self, other: &Self) -> impl Iterator<Item = (Among<'s>, Among<'s>)> {
        let (of_one, of_other) = (one.sketches, other.sketches);
        let starts = one.left.iter().zip(other.right);
        starts.map(move |(left, right)| (Among(of_one, *left), Among(of_other, *right)))
    }
}

/// Lanes that are one number of a sketch.
#[derive(PartialEq)]
struct OfLanes {
    left: usize,
    right: usize,
    number: usize,
}

/// Hints in two shapes.
struct OfShapes {
    left: usize,
    right: usize,
    /// Where the shape is in the sketches.
    at: usize,
    reach: Reach,
    /// The lowest of their bits, which follow each other.
    bit: u32,
}

/// Hints of which one must be there where a condition holds; `None` where nothing is known.
type Needs = Option<Vec<Seen>>;

/// As many as there are bits.
const MOST: usize = 64;

impl Gate {
    /// All levels are open.
    pub(super) const WIDE: u64 = u64::MAX;

    /// The gate before the levels of a comparison of so many fields, from `first` on: those before it
    /// are closed.
    pub(super) fn new(levels: &[Node], fields: usize, first: usize) -> Self {
        let mut gate = Self { levels: vec![0; first.min(MOST)], ..Self::default() };
        for (level, node) in levels.iter().enumerate().take(MOST).skip(first) {
            let needs = needs_of_fields(node, fields);
            let bit = |bits: u64, seen| Some(bits | gate.bit(seen)?);
            let bits = needs.and_then(|needs| needs.into_iter().try_fold(0, bit));
            gate.always |= u64::from(bits.is_none()) << level;
            gate.levels.push(bits.unwrap_or_default());
        }
        gate
    }

    /// The bit of a hint; `None` where there is none left.
    fn bit(&mut self, seen: Seen) -> Option<u64> {
        let Seen { left, right, .. } = seen;
        match seen.hint {
            Hint::Equal(lane) => {
                let own = OfLanes { left, right, number: lane.number };
                let place = self.lanes.iter().position(|known| *known == own);
                let place = place.or_else(|| {
                    let bits = lanes_of(self.lanes.len())?;
                    (self.taken & bits == 0).then(|| {
                        self.taken |= bits;
                        self.lanes.push(own);
                        self.lanes.len() - 1
                    })
                })?;
                Some(lanes_of(place)? & u64::from(u16::MAX) << (Lane::BITS * lane.quarter))
            }
            Hint::Shapes(at, shapes) => {
                let same = |of: &&mut OfShapes| {
                    (of.left, of.right, of.at) == (left, right, at)
                        && of.reach.has_room_for(&shapes)
                };
                if let Some(known) = self.shapes.iter_mut().find(same) {
                    return Some(1 << (known.bit as usize + known.reach.place(&shapes)));
                }
                let bit = self.free_bits(Reach::MOST as u32)?;
                let mut reach = Reach::default();
                let place = reach.place(&shapes);
                self.shapes.push(OfShapes { left, right, at, reach, bit });
                Some(1 << (bit as usize + place))
            }
            _ => {
                if let Some((bit, _)) = self.others.iter().find(|(_, known)| *known == seen) {
                    return Some(*bit);
                }
                let bit = 1 << self.free_bits(1)?;
                self.others.push((bit, seen));
                Some(bit)
            }
        }
    }

    /// The lowest of so many bits in a row that nobody has, at most [`Reach::MOST`].
    fn free_bits(&mut self, count: u32) -> Option<u32> {
        let bits = (1 << count) - 1_u64;
        let bit = (0..=u64::BITS - count).find(|bit| self.taken & bits << bit == 0)?;
        self.taken |= bits << bit;
        Some(bit)
    }

    /// The levels that may hold for two records that have a value in every field, by the sketches of
    /// these, as bits.
    #[inline]
    pub(super) fn open(&self, left: &[&[u64]], right: &[&[u64]]) -> u64 {
        let mut there = 0;
        for (place, OfLanes { left: one, right: two, number }) in self.lanes.iter().enumerate() {
            there |= same_lanes(left[*one][*number], right[*two][*number]) >> place;
        }
        for OfShapes { left: one, right: two, at, reach, bit } in &self.shapes {
            let shapes = shape(left[*one], *at).beside(shape(right[*two], *at));
            there |= reach.of(shapes) << bit;
        }
        for (bit, Seen { left: one, right: two, hint }) in &self.others {
            there |= if hint.may_hold(left[*one], right[*two]) { *bit } else { 0 };
        }
        self.opened(there)
    }

    /// The same of some pairs, at most [`Pairs::MOST`], of whose values in each field `fields` tells; `open` has
    /// as many numbers as there are pairs.
    ///
    /// Each hint is looked for in all pairs before the next one is, so that the processor need not foresee what a
    /// pair shows.
    pub(super) fn open_all(&self, fields: &[Pairs<'_>], open: &mut [u64]) {
        open.fill(0);
        for (place, OfLanes { left, right, number }) in self.lanes.iter().enumerate() {
            let pairs = Pairs::across(&fields[*left], &fields[*right]);
            for (there, (left, right)) in open.iter_mut().zip(pairs) {
                *there |= same_lanes(left.number(*number), right.number(*number)) >> place;
            }
        }
        for OfShapes { left, right, at, reach, bit } in &self.shapes {
            let pairs = Pairs::across(&fields[*left], &fields[*right]);
            for (there, (left, right)) in open.iter_mut().zip(pairs) {
                *there |= reach.of(shape(left, *at).beside(shape(right, *at))) << bit;
            }
        }
        for (bit, Seen { left, right, hint }) in &self.others {
            let pairs = Pairs::across(&fields[*left], &fields[*right]);
            hint.look_for(*bit, pairs, open);
        }
        open.iter_mut().for_each(|open| *open = self.opened(*open));
    }

    /// The levels that may hold where these hints are there, as bits.
    #[inline]
    fn opened(&self, there: u64) -> u64 {
        if there == 0 {
            return self.always;
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

/// The bits of the lanes that are looked at so many places after the first; `None` where they are more
/// than there is room for.
fn lanes_of(place: usize) -> Option<u64> {
    /// The highest bit of each lane.
    const HIGHEST: u64 = 0x8000_8000_8000_8000;
    (place < Lane::BITS as usize).then(|| HIGHEST >> place)
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
