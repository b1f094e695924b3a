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

/// How many values of one row in one field are compared without a list on the heap.
const FEW: usize = 8;

impl Bound<'_> {
    fn level(&self, left: usize, right: usize) -> Option<u8> {
        if let [field] = self.fields[..] {
            return self.level_of_one(field, left, right);
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
            let Some(prepared_one) = field.prepared(*one) else { continue };
            for two in field.codes(right) {
                // Every value reaches the first level with itself.
                if one == two {
                    return Some(0);
                }
                let Some(prepared_two) = field.prepared(*two) else { continue };
                let level = self.comparison.compare_two(prepared_one, prepared_two);
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
    field.codes(row).iter().filter_map(|value| field.prepared(*value)).take(FEW)
}
