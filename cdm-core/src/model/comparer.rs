use rayon::prelude::*;

use super::pattern::Pattern;
use crate::compare::{Comparison, Sketched, SketchedComparison};
use crate::error::Result;
use crate::features::{Features, FieldValues};
use crate::schema::Schema;

/// The comparisons of a plan, bound to the features of one table.
///
/// Holds four bytes for each record and field that is compared, and for each distinct value about a
/// hundred for what comparisons note of it.
pub struct Comparer<'a> {
    bound: Vec<Bound<'a>>,
    /// The fields that are compared.
    fields: Vec<&'a FieldValues>,
    /// By row, then field: the prepared code of its only usable value, [`NONE`] or [`SEVERAL`].
    /// What a pair is asked lies together.
    cells: Vec<u32>,
}

/// The row has no usable value.
const NONE: u32 = u32::MAX;

/// The row has more than one.
const SEVERAL: u32 = u32::MAX - 1;

/// How many sketches a thread makes at once.
const AT_ONCE: usize = 4096;

struct Bound<'a> {
    comparison: SketchedComparison<'a>,
    /// Positions in [`Comparer::fields`].
    places: Vec<usize>,
    fields: Vec<&'a FieldValues>,
    /// By field, then prepared code.
    sketches: Vec<Vec<u64>>,
    width: usize,
}

impl<'a> Comparer<'a> {
    /// Bind `comparisons` to `features` of a table of so many `rows`, which were prepared for all
    /// their fields.
    ///
    /// # Errors
    /// [`Error::UnknownField`](crate::Error::UnknownField) where `schema` lacks a field.
    ///
    /// # Panics
    /// Where the features are of fewer rows.
    pub fn new(
        comparisons: &'a [Comparison],
        schema: &Schema,
        features: &'a Features,
        rows: usize,
    ) -> Result<Self> {
        let mut fields: Vec<&FieldValues> = Vec::new();
        let mut place = |name: &String| {
            let field = features.field(schema.position(name)?);
            let known = fields.iter().position(|known| std::ptr::eq(*known, field));
            Ok(known.unwrap_or_else(|| {
                fields.push(field);
                fields.len() - 1
            }))
        };
        let mut places: Vec<Vec<usize>> = Vec::new();
        for comparison in comparisons {
            places.push(comparison.fields.iter().map(&mut place).collect::<Result<_>>()?);
        }
        let bind = |(comparison, places): (&'a Comparison, Vec<usize>)| {
            let fields = places.iter().map(|place| fields[*place]).collect();
            Bound::new(SketchedComparison::new(comparison), places, fields)
        };
        let bound = comparisons.iter().zip(places).map(bind).collect();
        let mut cells = vec![NONE; rows * fields.len()];
        if !fields.is_empty() {
            let cells = cells.par_chunks_mut(fields.len()).enumerate().with_min_len(AT_ONCE);
            cells.for_each(|(row, cells)| {
                for (cell, field) in cells.iter_mut().zip(&fields) {
                    *cell = cell_of(field, row);
                }
            });
        }
        Ok(Self { bound, fields, cells })
    }

    /// The field that a comparison is first about.
    pub(crate) fn field(&self, comparison: usize) -> &'a FieldValues {
        self.bound[comparison].fields[0]
    }

    /// The levels that each pair of rows reaches: [`pattern`](Self::pattern) of all, one comparison
    /// after the other, so that what it notes of values stays near the processor.
    #[must_use]
    pub fn patterns(&self, pairs: &[(u32, u32)]) -> Vec<Pattern> {
        let width = self.fields.len();
        let row = |row: &u32| {
            let row = *row as usize;
            (row, &self.cells[row * width..(row + 1) * width])
        };
        let mut patterns = vec![Pattern::default(); pairs.len()];
        for (k, bound) in self.bound.iter().enumerate() {
            let some = pairs.chunks(LOOKS_AHEAD).zip(patterns.chunks_mut(LOOKS_AHEAD));
            for (pairs, patterns) in some {
                // Memory is slow to answer, and answers many questions in the time of one.
                let looks = pairs.iter().map(|(left, right)| {
                    bound.look(row(left).1).wrapping_add(bound.look(row(right).1))
                });
                std::hint::black_box(looks.fold(0, u64::wrapping_add));
                for ((left, right), pattern) in pairs.iter().zip(patterns) {
                    *pattern = pattern.with(k, bound.level(row(left), row(right)));
                }
            }
        }
        patterns
    }

    /// The levels that two rows reach.
    #[must_use]
    pub fn pattern(&self, left: usize, right: usize) -> Pattern {
        let width = self.fields.len();
        let cells = |row: usize| &self.cells[row * width..(row + 1) * width];
        let (left, right) = ((left, cells(left)), (right, cells(right)));
        let levels = self.bound.iter().enumerate();
        levels.fold(Pattern::default(), |pattern, (k, bound)| {
            pattern.with(k, bound.level(left, right))
        })
    }
}

fn cell_of(field: &FieldValues, row: usize) -> u32 {
    let mut codes = field.codes(row).iter().filter_map(|value| field.prepared_code(*value));
    match (codes.next(), codes.next()) {
        (None, _) => NONE,
        (Some(code), None) => code,
        (Some(_), Some(_)) => SEVERAL,
    }
}

/// For how many pairs at once memory is asked for what will be looked at.
const LOOKS_AHEAD: usize = 32;

/// Up to how many fields of one value each are compared without a list on the heap.
const FEW: usize = 4;

impl<'a> Bound<'a> {
    fn new(
        comparison: SketchedComparison<'a>,
        places: Vec<usize>,
        fields: Vec<&'a FieldValues>,
    ) -> Self {
        let width = comparison.width();
        let sketch = |field: &&FieldValues| {
            let mut sketches = vec![0; field.prepared_len() * width];
            if width > 0 {
                let values = sketches.par_chunks_mut(width).enumerate().with_min_len(AT_ONCE);
                values.for_each(|(code, sketch)| {
                    comparison.sketch(field.prepared_of(code as u32), sketch);
                });
            }
            sketches
        };
        let sketches = fields.iter().map(sketch).collect();
        Self { comparison, places, fields, sketches, width }
    }

    #[inline]
    fn level(&self, left: (usize, &[u32]), right: (usize, &[u32])) -> Option<u8> {
        if let [place] = self.places[..] {
            let (one, two) = (left.1[place], right.1[place]);
            let level = match (one, two) {
                (NONE, _) | (_, NONE) => return None,
                (SEVERAL, _) | (_, SEVERAL) => self.level_of_several(left.0, right.0)?,
                // Every value reaches the first level with itself.
                _ if one == two => 0,
                _ => self.comparison.compare_two(self.value(0, one), self.value(0, two)),
            };
            return self.comparison.comparison().is_counted(level).then_some(level);
        }
        let count = self.places.len();
        let is_single = |place: &usize| left.1[*place] != SEVERAL && right.1[*place] != SEVERAL;
        if count <= FEW && self.places.iter().all(is_single) {
            let (mut one, mut two) = ([None; FEW], [None; FEW]);
            for (field, place) in self.places.iter().enumerate() {
                let value = |code| (code != NONE).then(|| self.value(field, code));
                one[field] = value(left.1[*place]);
                two[field] = value(right.1[*place]);
            }
            return self.comparison.compare_single(&one[..count], &two[..count]);
        }
        let values = |row: usize| -> Vec<Vec<Sketched<'_>>> {
            (0..count).map(|field| self.values(field, row).collect()).collect()
        };
        let (left, right) = (values(left.0), values(right.0));
        let left: Vec<&[Sketched<'_>]> = left.iter().map(Vec::as_slice).collect();
        let right: Vec<&[Sketched<'_>]> = right.iter().map(Vec::as_slice).collect();
        self.comparison.compare(&left, &right)
    }

    /// The strongest level of any two values of the one field.
    fn level_of_several(&self, left: usize, right: usize) -> Option<u8> {
        let mut best: Option<u8> = None;
        for (one, left) in self.codes(0, left) {
            for (two, right) in self.codes(0, right) {
                let level = if one == two { 0 } else { self.comparison.compare_two(left, right) };
                best = Some(best.map_or(level, |best| best.min(level)));
                if level == 0 {
                    return best;
                }
            }
        }
        best
    }

    /// A look at the sketches of a row, so that they are at hand.
    #[inline]
    fn look(&self, cells: &[u32]) -> u64 {
        let of_field = |(place, sketches): (&usize, &Vec<u64>)| match cells[*place] {
            NONE | SEVERAL => 0,
            code => {
                let start = code as usize * self.width;
                let own = &sketches[start..start + self.width];
                own.first().zip(own.last()).map_or(0, |(first, last)| first ^ last)
            }
        };
        self.places.iter().zip(&self.sketches).map(of_field).fold(0, u64::wrapping_add)
    }

    #[inline]
    fn value(&self, field: usize, code: u32) -> Sketched<'_> {
        let start = code as usize * self.width;
        Sketched {
            value: self.fields[field].prepared_of(code),
            sketch: &self.sketches[field][start..start + self.width],
        }
    }

    fn codes(&self, field: usize, row: usize) -> impl Iterator<Item = (u32, Sketched<'_>)> {
        let values = self.fields[field];
        let codes = values.codes(row).iter().filter_map(|value| values.prepared_code(*value));
        codes.map(move |code| (code, self.value(field, code)))
    }

    fn values(&self, field: usize, row: usize) -> impl Iterator<Item = Sketched<'_>> {
        self.codes(field, row).map(|(_, value)| value)
    }
}
