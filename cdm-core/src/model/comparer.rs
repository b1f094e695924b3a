mod batch;

use rayon::prelude::*;

use super::pattern::Pattern;
use super::sketching::{Group, PlacedComparison, Sketching};
use crate::compare::{Comparison, Sketched, Sketcher};
use crate::error::Result;
use crate::features::{Features, FieldValues};
use crate::schema::Schema;

/// The comparisons of a plan, bound to the features of one table.
///
/// Holds four bytes for each record and field that is compared, and for each distinct value about a
/// hundred for what comparisons note of it.
pub struct Comparer<'a> {
    sketching: Sketching,
    /// The fields that are compared.
    fields: Vec<Field<'a>>,
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

/// A field that is compared.
struct Field<'a> {
    values: &'a FieldValues,
    /// By prepared code, `width` numbers.
    sketches: Vec<u64>,
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
        let sketching = Sketching::new(comparisons, places);
        let mut of_place: Vec<Option<Field<'a>>> = fields.iter().map(|_| None).collect();
        for group in &sketching.groups {
            for place in &group.places {
                of_place[*place] = Some(Field::new(fields[*place], &group.sketcher));
            }
        }
        let mut cells = vec![NONE; rows * fields.len()];
        if !fields.is_empty() {
            let cells = cells.par_chunks_mut(fields.len()).enumerate().with_min_len(AT_ONCE);
            cells.for_each(|(row, cells)| {
                for (cell, field) in cells.iter_mut().zip(&fields) {
                    *cell = cell_of(field, row);
                }
            });
        }
        // Every field is of one group.
        let fields = of_place.into_iter().flatten().collect();
        Ok(Self { sketching, fields, cells })
    }

    /// How many bytes of memory it takes: of the rows, and of their distinct values.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        let of_values = self.fields.iter().map(|field| size_of_val(&field.sketches[..]) as u64);
        (size_of_val(&self.cells[..]) as u64, of_values.sum())
    }

    /// The field that a comparison is first about.
    pub(crate) fn field(&self, comparison: usize) -> &'a FieldValues {
        self.fields[self.sketching.comparisons[comparison].places[0]].values
    }

    /// The levels that each pair of rows reaches: [`pattern`](Self::pattern) of all, one comparison
    /// after the other, so that what it notes of values stays near the processor.
    #[must_use]
    pub fn patterns(&self, pairs: &[(u32, u32)]) -> Vec<Pattern> {
        let mut patterns = vec![Pattern::default(); pairs.len()];
        for group in &self.sketching.groups {
            // Those that name a field twice, which nobody has reason to, go pair by pair.
            let names_twice = |k: &usize| {
                let places = &self.sketching.comparisons[*k].places;
                (1..places.len()).any(|at| places[..at].contains(&places[at]))
            };
            let together = !group.comparisons.iter().any(names_twice);
            match group.places[..] {
                _ if !together => self.add_one_by_one(group, pairs, &mut patterns),
                [one] => self.add_levels(group, [one], pairs, &mut patterns),
                [one, two] => self.add_levels(group, [one, two], pairs, &mut patterns),
                [one, two, three] => {
                    self.add_levels(group, [one, two, three], pairs, &mut patterns);
                }
                [one, two, three, four] => {
                    self.add_levels(group, [one, two, three, four], pairs, &mut patterns);
                }
                _ => self.add_one_by_one(group, pairs, &mut patterns),
            }
        }
        patterns
    }

    /// Add the levels of a group to the patterns of pairs.
    fn add_one_by_one(&self, group: &Group, pairs: &[(u32, u32)], patterns: &mut [Pattern]) {
        for ((left, right), pattern) in pairs.iter().zip(patterns) {
            let levels = self.levels(group, self.row(*left), self.row(*right));
            *pattern = pattern.beside(levels);
        }
    }

    #[inline]
    fn row(&self, row: u32) -> (usize, &[u32]) {
        let (row, width) = (row as usize, self.fields.len());
        (row, &self.cells[row * width..(row + 1) * width])
    }

    /// The levels that two rows reach.
    #[must_use]
    pub fn pattern(&self, left: usize, right: usize) -> Pattern {
        let (left, right) = (self.row(left as u32), self.row(right as u32));
        let of_groups = self.sketching.groups.iter().map(|group| self.levels(group, left, right));
        of_groups.fold(Pattern::default(), Pattern::beside)
    }

    /// The levels that two rows reach in the comparisons of a group.
    #[inline]
    fn levels(&self, group: &Group, left: (usize, &[u32]), right: (usize, &[u32])) -> Pattern {
        group.comparisons.iter().fold(Pattern::default(), |pattern, k| {
            self.sketching.comparisons[*k].add_to(pattern, *k, &self.fields, left, right)
        })
    }
}

impl<'a> Field<'a> {
    fn new(values: &'a FieldValues, sketcher: &Sketcher) -> Self {
        let width = sketcher.width();
        let mut sketches = vec![0; values.prepared_len() * width];
        if width > 0 {
            let some = sketches.par_chunks_mut(width).enumerate().with_min_len(AT_ONCE);
            some.for_each(|(code, sketch)| {
                sketcher.sketch(values.prepared_of(code as u32), sketch);
            });
        }
        Self { values, sketches, width }
    }

    #[inline]
    fn sketch(&self, code: u32) -> &[u64] {
        let start = code as usize * self.width;
        &self.sketches[start..start + self.width]
    }

    #[inline]
    fn value(&self, code: u32) -> Sketched<'_> {
        Sketched { value: self.values.prepared_of(code), sketch: self.sketch(code) }
    }

    /// The usable values of a row.
    fn codes(&self, row: usize) -> impl Iterator<Item = (u32, Sketched<'_>)> {
        let codes = self.values.codes(row).iter();
        let codes = codes.filter_map(move |value| self.values.prepared_code(*value));
        codes.map(move |code| (code, self.value(code)))
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

/// Up to how many fields of one value each are compared without a list on the heap.
const FEW: usize = 4;

impl PlacedComparison {
    /// The pattern of two rows with the level of this comparison, number `k`; it has those of the
    /// comparisons of the group before it.
    #[inline]
    fn add_to(
        &self,
        pattern: Pattern,
        k: usize,
        fields: &[Field<'_>],
        left: (usize, &[u32]),
        right: (usize, &[u32]),
    ) -> Pattern {
        let Some((earlier, levels)) = self.begins_with else {
            return pattern.with(k, self.level(fields, left, right, 0));
        };
        let level = match pattern.level(earlier) {
            Some(level) if usize::from(level) < levels => {
                self.comparison.comparison().is_counted(level).then_some(level)
            }
            _ => self.level(fields, left, right, levels),
        };
        pattern.with(k, level)
    }

    /// The level of two rows, of which none of the first `skip` holds.
    #[inline]
    fn level(
        &self,
        fields: &[Field<'_>],
        left: (usize, &[u32]),
        right: (usize, &[u32]),
        skip: usize,
    ) -> Option<u8> {
        if let [place] = self.places[..] {
            let (field, one, two) = (&fields[place], left.1[place], right.1[place]);
            let level = match (one, two) {
                (NONE, _) | (_, NONE) => return None,
                (SEVERAL, _) | (_, SEVERAL) => {
                    self.level_of_several(field, left.0, right.0, skip)?
                }
                // Every value reaches the first level with itself.
                _ if one == two => 0,
                _ => self.comparison.compare_two(field.value(one), field.value(two), skip),
            };
            return self.comparison.comparison().is_counted(level).then_some(level);
        }
        let count = self.places.len();
        let is_single = |place: &usize| left.1[*place] != SEVERAL && right.1[*place] != SEVERAL;
        if count <= FEW && self.places.iter().all(is_single) {
            let (mut one, mut two) = ([None; FEW], [None; FEW]);
            for (position, place) in self.places.iter().enumerate() {
                let value = |code| (code != NONE).then(|| fields[*place].value(code));
                one[position] = value(left.1[*place]);
                two[position] = value(right.1[*place]);
            }
            return self.comparison.compare_single(&one[..count], &two[..count], skip);
        }
        let values = |row: usize| -> Vec<Vec<Sketched<'_>>> {
            let values = |place: &usize| fields[*place].codes(row).map(|(_, value)| value);
            self.places.iter().map(|place| values(place).collect()).collect()
        };
        let (left, right) = (values(left.0), values(right.0));
        let left: Vec<&[Sketched<'_>]> = left.iter().map(Vec::as_slice).collect();
        let right: Vec<&[Sketched<'_>]> = right.iter().map(Vec::as_slice).collect();
        self.comparison.compare(&left, &right)
    }

    /// The strongest level of any two values of the one field.
    fn level_of_several(
        &self,
        field: &Field<'_>,
        left: usize,
        right: usize,
        skip: usize,
    ) -> Option<u8> {
        let mut best: Option<u8> = None;
        for (one, left) in field.codes(left) {
            for (two, right) in field.codes(right) {
                let level = match one == two {
                    true => 0,
                    false => self.comparison.compare_two(left, right, skip),
                };
                best = Some(best.map_or(level, |best| best.min(level)));
                if level == 0 {
                    return best;
                }
            }
        }
        best
    }
}
