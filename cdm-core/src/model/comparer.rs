use super::pattern::Pattern;
use crate::compare::{Comparison, Prepared};
use crate::error::Result;
use crate::features::{Features, FieldValues};
use crate::schema::Schema;

/// The comparisons of a plan, bound to the features of one table.
pub struct Comparer<'a> {
    bound: Vec<Bound<'a>>,
}

struct Bound<'a> {
    comparison: &'a Comparison,
    fields: Vec<&'a FieldValues>,
}

impl<'a> Comparer<'a> {
    /// Bind `comparisons` to `features`, which were prepared for all their fields.
    ///
    /// # Errors
    /// [`Error::UnknownField`](crate::Error::UnknownField) where `schema` lacks a field.
    pub fn new(
        comparisons: &'a [Comparison],
        schema: &Schema,
        features: &'a Features,
    ) -> Result<Self> {
        let bind = |comparison: &'a Comparison| {
            let fields = comparison.fields.iter();
            let fields = fields.map(|name| Ok(features.field(schema.position(name)?)));
            Ok(Bound { comparison, fields: fields.collect::<Result<_>>()? })
        };
        Ok(Self { bound: comparisons.iter().map(bind).collect::<Result<_>>()? })
    }

    /// The field that a comparison is first about.
    pub(crate) fn field(&self, comparison: usize) -> &'a FieldValues {
        self.bound[comparison].fields[0]
    }

    /// The levels that two rows reach.
    #[must_use]
    pub fn pattern(&self, left: usize, right: usize) -> Pattern {
        let levels = self.bound.iter().enumerate();
        levels.fold(Pattern::default(), |pattern, (k, bound)| {
            pattern.with(k, bound.level(left, right))
        })
    }
}

/// Up to how many fields of one value each are compared without a list on the heap.
const FEW: usize = 4;

impl Bound<'_> {
    fn level(&self, left: usize, right: usize) -> Option<u8> {
        if let [field] = self.fields[..] {
            let level = self.level_of_one(field, left, right);
            return level.filter(|level| self.comparison.is_counted(*level));
        }
        let is_single =
            |field: &&FieldValues| field.codes(left).len() <= 1 && field.codes(right).len() <= 1;
        let count = self.fields.len();
        if count <= FEW && self.fields.iter().all(is_single) {
            let (mut one, mut two) = ([None; FEW], [None; FEW]);
            for (place, field) in self.fields.iter().enumerate() {
                one[place] = prepared(field, left).next();
                two[place] = prepared(field, right).next();
            }
            let (one, two) =
                (one.each_ref().map(Option::as_slice), two.each_ref().map(Option::as_slice));
            return self.comparison.compare(&one[..count], &two[..count]);
        }
        let values = |row: usize| -> Vec<Vec<&Prepared>> {
            self.fields.iter().map(|field| prepared(field, row).collect()).collect()
        };
        let (left, right) = (values(left), values(right));
        let left: Vec<&[&Prepared]> = left.iter().map(Vec::as_slice).collect();
        let right: Vec<&[&Prepared]> = right.iter().map(Vec::as_slice).collect();
        self.comparison.compare(&left, &right)
    }

    /// The strongest level of any two values.
    fn level_of_one(&self, field: &FieldValues, left: usize, right: usize) -> Option<u8> {
        let mut best: Option<u8> = None;
        for one in field.codes(left) {
            let Some(code) = field.prepared_code(*one) else { continue };
            for two in field.codes(right) {
                let Some(other) = field.prepared_code(*two) else { continue };
                // Every value reaches the first level with itself.
                if code == other {
                    return Some(0);
                }
                let values = (field.prepared_of(code), field.prepared_of(other));
                let level = self.comparison.compare_two(values.0, values.1);
                best = Some(best.map_or(level, |best| best.min(level)));
                if level == 0 {
                    return best;
                }
            }
        }
        best
    }
}

fn prepared<'f>(field: &'f FieldValues, row: usize) -> impl Iterator<Item = &'f Prepared> {
    field.codes(row).iter().filter_map(|value| field.prepared(*value))
}
