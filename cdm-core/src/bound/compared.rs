//! The values of a record in no table with what comparisons note of them, and the levels that two
//! records reach by it.

use crate::compare::{Comparison, Prepared, Sketched};
use crate::features::LooseRecord;
use crate::model::{Pattern, PlacedComparison, Sketching};

/// What is noted of records for the comparisons of a plan.
pub(super) struct Sketches {
    pub(super) sketching: Sketching,
    /// The fields that are compared; what is said of places elsewhere is of this list.
    pub(super) fields: Vec<ComparedField>,
}

/// A field that is compared.
pub(super) struct ComparedField {
    /// Its position in the schema.
    pub(super) position: usize,
    /// The position of the group of comparisons that look at it.
    pub(super) group: usize,
    /// How many numbers are noted of each of its values.
    pub(super) width: usize,
    /// Where they stand in an outline.
    pub(super) start: usize,
}

/// The usable values of a record, ready to be compared, with what is noted of each.
#[derive(Clone)]
pub(super) struct Compared {
    values: Box<[Prepared]>,
    numbers: Box<[u64]>,
    /// By field: where its values begin, and where what is noted of them does; and where all end.
    starts: Box<[(u32, u32)]>,
}

/// Up to how many fields of one value each are compared without a list on the heap.
const FEW: usize = 4;

impl Sketches {
    /// For comparisons of the fields at these positions of a schema.
    pub(super) fn new(comparisons: &[Comparison], positions: &[Vec<usize>]) -> Self {
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
            ComparedField { position: *position, group, width, start }
        };
        let fields = fields.iter().enumerate().map(field).collect();
        Self { sketching, fields }
    }

    /// Take the prepared values out of a record.
    pub(super) fn take(&self, record: &mut LooseRecord) -> Compared {
        let (mut values, mut numbers) = (Vec::new(), Vec::new());
        let mut starts = Vec::with_capacity(self.fields.len() + 1);
        for field in &self.fields {
            starts.push((values.len() as u32, numbers.len() as u32));
            for value in record.take_prepared(field.position) {
                let start = numbers.len();
                numbers.resize(start + field.width, 0);
                self.sketching.groups[field.group].sketcher.sketch(&value, &mut numbers[start..]);
                values.push(value);
            }
        }
        starts.push((values.len() as u32, numbers.len() as u32));
        Compared { values: values.into(), numbers: numbers.into(), starts: starts.into() }
    }

    /// The levels that two records reach.
    pub(super) fn pattern(&self, left: &Compared, right: &Compared) -> Pattern {
        let mut pattern = Pattern::default();
        for k in self.sketching.groups.iter().flat_map(|group| &group.comparisons) {
            let placed = &self.sketching.comparisons[*k];
            let level = match placed.begins_with {
                None => self.level(placed, left, right, 0),
                Some((earlier, levels)) => match pattern.level(earlier) {
                    Some(level) if usize::from(level) < levels => {
                        placed.comparison.comparison().is_counted(level).then_some(level)
                    }
                    _ => self.level(placed, left, right, levels),
                },
            };
            pattern = pattern.with(*k, level);
        }
        pattern
    }

    /// The level of two records in one comparison, of which none of the first `skip` holds, as
    /// [`Comparer`](crate::model::Comparer) finds it.
    fn level(
        &self,
        placed: &PlacedComparison,
        left: &Compared,
        right: &Compared,
        skip: usize,
    ) -> Option<u8> {
        let comparison = &placed.comparison;
        if let [place] = placed.places[..] {
            let width = self.fields[place].width;
            let mut best: Option<u8> = None;
            for one in left.values(place, width) {
                for two in right.values(place, width) {
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
        let is_single = |place: &usize| left.count(*place) < 2 && right.count(*place) < 2;
        if count <= FEW && placed.places.iter().all(is_single) {
            let (mut one, mut two) = ([None; FEW], [None; FEW]);
            for (at, place) in placed.places.iter().enumerate() {
                let width = self.fields[*place].width;
                one[at] = left.values(*place, width).next();
                two[at] = right.values(*place, width).next();
            }
            return comparison.compare_single(&one[..count], &two[..count], skip);
        }
        let (left, right) = (self.values(placed, left), self.values(placed, right));
        let left: Vec<&[Sketched<'_>]> = left.iter().map(Vec::as_slice).collect();
        let right: Vec<&[Sketched<'_>]> = right.iter().map(Vec::as_slice).collect();
        comparison.compare(&left, &right)
    }

    /// The values of a record in each field of a comparison.
    fn values<'r>(
        &self,
        placed: &PlacedComparison,
        record: &'r Compared,
    ) -> Vec<Vec<Sketched<'r>>> {
        let places = placed.places.iter();
        places.map(|p| record.values(*p, self.fields[*p].width).collect()).collect()
    }
}

impl Compared {
    /// How many usable values there are in a field.
    #[inline]
    pub(super) fn count(&self, place: usize) -> usize {
        (self.starts[place + 1].0 - self.starts[place].0) as usize
    }

    /// What is noted of the values of a field.
    pub(super) fn numbers(&self, place: usize) -> &[u64] {
        &self.numbers[self.starts[place].1 as usize..self.starts[place + 1].1 as usize]
    }

    /// The values of a field, of each of which so many numbers are noted.
    #[inline]
    fn values(&self, place: usize, width: usize) -> impl Iterator<Item = Sketched<'_>> {
        let (first, numbers) = self.starts[place];
        (first as usize..self.starts[place + 1].0 as usize).map(move |at| {
            let start = numbers as usize + (at - first as usize) * width;
            Sketched { value: &self.values[at], sketch: &self.numbers[start..start + width] }
        })
    }
}
