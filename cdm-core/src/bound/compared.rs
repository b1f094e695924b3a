//! The values of a record in no table with what comparisons note of them, and the levels that two
//! records reach by it.

use super::{BoundModel, BoundRecord};
use crate::compare::{Comparison, Prepared, Sketched};
use crate::features::{LooseValue, takes_long};
use crate::model::{Group, Pattern, PlacedComparison, Sketching};
use crate::schema::Kind;

/// What is noted of records for the comparisons of a plan.
pub(super) struct Sketches {
    pub(super) sketching: Sketching,
    /// The fields that are compared; what is said of places elsewhere is of this list.
    pub(super) fields: Vec<Place>,
    /// The groups of comparisons, those last of which a field takes long to be made ready.
    pub(super) order: Vec<usize>,
}

/// Where a field that is compared stands.
pub(super) struct Place {
    /// Its position in the schema.
    pub(super) position: usize,
    /// The position of the group of comparisons that look at it.
    pub(super) group: usize,
    /// How many numbers are noted of each of its values.
    pub(super) width: usize,
    /// Where they stand in an outline.
    pub(super) start: usize,
}

/// The usable values of a record in one field.
#[derive(Clone, Default)]
pub(super) struct ComparedField {
    pub(super) canonical: Box<[String]>,
    /// Those that are compared.
    pub(super) prepared: Box<[Prepared]>,
    /// What is noted of those, one after the other.
    pub(super) numbers: Box<[u64]>,
}

/// Some of the comparisons of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked(u16);

const _: () = assert!(Pattern::MOST_COMPARISONS <= 16, "a set of comparisons is one number");

impl Asked {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const ALL: Self = Self(u16::MAX);

    pub(super) fn with(self, comparison: usize) -> Self {
        Self(self.0 | 1 << comparison)
    }

    pub(super) fn contains(self, comparison: usize) -> bool {
        self.0 >> comparison & 1 == 1
    }
}

/// One record of a pair.
#[derive(Clone, Copy)]
pub(super) struct Side<'r> {
    model: &'r BoundModel,
    record: &'r BoundRecord,
}

/// Up to how many fields of one value each are compared without a list on the heap.
const FEW: usize = 4;

impl Sketches {
    /// For comparisons of the fields at these positions of a schema, whose fields are of these kinds.
    pub(super) fn new(
        comparisons: &[Comparison],
        positions: &[Vec<usize>],
        kinds: &[Kind],
    ) -> Self {
        let mut fields: Vec<usize> = Vec::new();
        let mut place = |position: &usize| {
            fields.iter().position(|known| known == position).unwrap_or_else(|| {
                fields.push(*position);
                fields.len() - 1
            })
        };
        let places = positions.iter().map(|of| of.iter().map(&mut place).collect()).collect();
        let sketching = Sketching::new(comparisons, places);
        let mut end = 1;
        let field = |(place, position): (usize, &usize)| {
            // Every field is of one group.
            let group = sketching.groups.iter().position(|group| group.places.contains(&place));
            let group = group.unwrap_or_default();
            let width = sketching.groups.get(group).map_or(0, |group| group.sketcher.width());
            let start = end;
            end += width;
            Place { position: *position, group, width, start }
        };
        let fields: Vec<Place> = fields.iter().enumerate().map(field).collect();
        let is_slow = |group: &Group| {
            group.places.iter().any(|place| takes_long(kinds[fields[*place].position]))
        };
        let mut order: Vec<usize> = (0..sketching.groups.len()).collect();
        order.sort_by_key(|group| is_slow(&sketching.groups[*group]));
        Self { sketching, fields, order }
    }

    /// The values of the field at that position of the schema, with what is noted of them.
    pub(super) fn field(&self, position: usize, values: Vec<LooseValue>) -> ComparedField {
        let mut prepared = Vec::with_capacity(values.len());
        let canonical = values.into_iter().map(|value| {
            prepared.extend(value.prepared);
            value.canonical
        });
        let canonical = canonical.collect();
        self.noted(position, canonical, prepared)
    }

    /// The same of values that are ready.
    pub(super) fn noted(
        &self,
        position: usize,
        canonical: Vec<String>,
        prepared: Vec<Prepared>,
    ) -> ComparedField {
        let place = self.fields.iter().find(|place| place.position == position);
        let mut numbers = vec![0; place.map_or(0, |place| place.width) * prepared.len()];
        if let Some(place) = place.filter(|place| place.width > 0) {
            let sketcher = &self.sketching.groups[place.group].sketcher;
            let numbers = numbers.chunks_exact_mut(place.width);
            prepared.iter().zip(numbers).for_each(|(value, own)| sketcher.sketch(value, own));
        }
        let (canonical, prepared) = (canonical.into(), prepared.into());
        ComparedField { canonical, prepared, numbers: numbers.into() }
    }

    /// The levels that two records reach, of which those are known beforehand that are not to be `asked`.
    pub(super) fn pattern(
        &self,
        known: Pattern,
        asked: Asked,
        left: Side<'_>,
        right: Side<'_>,
    ) -> Pattern {
        let mut pattern = known;
        for k in self.sketching.groups.iter().flat_map(|group| &group.comparisons) {
            if !asked.contains(*k) {
                continue;
            }
            pattern = pattern.with(*k, self.level_after(pattern, *k, left, right));
        }
        pattern
    }

    /// The level of two records in a comparison, of whose group they reach these levels before it.
    pub(super) fn level_after(
        &self,
        pattern: Pattern,
        k: usize,
        left: Side<'_>,
        right: Side<'_>,
    ) -> Option<u8> {
        let placed = &self.sketching.comparisons[k];
        match placed.begins_with {
            None => self.level(placed, left, right, 0),
            Some((earlier, levels)) => match pattern.level(earlier) {
                Some(level) if usize::from(level) < levels => {
                    placed.comparison.comparison().is_counted(level).then_some(level)
                }
                _ => self.level(placed, left, right, levels),
            },
        }
    }

    /// The level of two records in one comparison, of which none of the first `skip` holds, as
    /// [`Comparer`](crate::model::Comparer) finds it.
    fn level(
        &self,
        placed: &PlacedComparison,
        left: Side<'_>,
        right: Side<'_>,
        skip: usize,
    ) -> Option<u8> {
        let comparison = &placed.comparison;
        if let [place] = placed.places[..] {
            let place = &self.fields[place];
            let mut best: Option<u8> = None;
            for one in left.values(place) {
                for two in right.values(place) {
                    // Every value reaches the first level with itself; of values that are the same,
                    // the same is noted.
                    let is_same = one.sketch == two.sketch && one.value == two.value;
                    let level = if is_same { 0 } else { comparison.compare_two(one, two, skip) };
                    best = Some(best.map_or(level, |best| best.min(level)));
                    if level == 0 {
                        break;
                    }
                }
            }
            return best.filter(|level| comparison.comparison().is_counted(*level));
        }
        let count = placed.places.len();
        let places = || placed.places.iter().map(|place| &self.fields[*place]);
        let is_single = |place: &Place| left.count(place) < 2 && right.count(place) < 2;
        if count <= FEW && places().all(is_single) {
            let (mut one, mut two) = ([None; FEW], [None; FEW]);
            for (at, place) in places().enumerate() {
                one[at] = left.values(place).next();
                two[at] = right.values(place).next();
            }
            return comparison.compare_single(&one[..count], &two[..count], skip);
        }
        let (left, right) = (left.all(places()), right.all(places()));
        let left: Vec<&[Sketched<'_>]> = left.iter().map(Vec::as_slice).collect();
        let right: Vec<&[Sketched<'_>]> = right.iter().map(Vec::as_slice).collect();
        comparison.compare(&left, &right)
    }
}

impl<'r> Side<'r> {
    pub(super) fn new(model: &'r BoundModel, record: &'r BoundRecord) -> Self {
        Self { model, record }
    }

    /// How many usable values there are in a field.
    #[inline]
    fn count(self, place: &Place) -> usize {
        self.model.field(self.record, place.position).prepared.len()
    }

    /// The values of some fields.
    fn all<'p>(self, places: impl Iterator<Item = &'p Place>) -> Vec<Vec<Sketched<'r>>> {
        places.map(|place| self.values(place).collect()).collect()
    }

    /// The values of a field.
    #[inline]
    fn values(self, place: &Place) -> impl Iterator<Item = Sketched<'r>> + use<'r> {
        let (field, width) = (self.model.field(self.record, place.position), place.width);
        field.prepared.iter().enumerate().map(move |(at, value)| Sketched {
            value,
            sketch: &field.numbers[at * width..(at + 1) * width],
        })
    }
}
