use super::shape::Shape;
use super::{Year, both, shape_of};
use crate::normalize::plain::plain;
use crate::schema::DateOrder;

/// How many times as many records must speak for an order as against it.
const CLEAR_MARGIN: u64 = 9;

/// What a column's values say about the order of day and month in its numeric dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct DateOrderEvidence {
    /// The order that was decided on; `None` where the values say nothing.
    pub order: Option<DateOrder>,
    /// How many values can only be read day first.
    pub day_first: u64,
    /// How many values can only be read month first.
    pub month_first: u64,
    /// How many values could be read both ways.
    pub ambiguous: u64,
}

/// Decide from a column's values, each with the number of records that hold it, whether its numeric
/// dates are day first or month first.
///
/// Counted are dates of three numbers, the year last, that can be read only one way: `25/03/1970`
/// is day first. The order with at least nine times as many records as the other is decided on, so
/// that a few slips do not hide it, but two sources thrown together do; with none there is no
/// order. A date whose day is its month, one with a name for its month, an ISO date and a value
/// that is no date say nothing and are not counted. The order of the values does not matter.
///
/// # Examples
/// ```
/// use cdm_core::normalize::date_order;
/// use cdm_core::schema::DateOrder;
/// let evidence = date_order([("03/04/1970", 2), ("03/25/1970", 1), ("1970-03-25", 5)]);
/// assert_eq!(evidence.order, Some(DateOrder::MonthFirst));
/// assert_eq!((evidence.month_first, evidence.day_first, evidence.ambiguous), (1, 0, 2));
/// ```
#[must_use]
pub fn date_order<'a>(values: impl IntoIterator<Item = (&'a str, u64)>) -> DateOrderEvidence {
    let mut evidence =
        DateOrderEvidence { order: None, day_first: 0, month_first: 0, ambiguous: 0 };
    for (value, records) in values {
        let text = plain(value);
        if text.len() > super::LONGEST {
            continue;
        }
        let Ok((Shape::Either { first, second, year }, _)) = shape_of(&text) else { continue };
        // Which century does not matter, but that 29 February needs a leap year does.
        let count = match both(first, second, Year::new(year, 2099)) {
            [Some(day_first), Some(month_first)] if day_first == month_first => continue,
            [Some(_), Some(_)] => &mut evidence.ambiguous,
            [Some(_), None] => &mut evidence.day_first,
            [None, Some(_)] => &mut evidence.month_first,
            [None, None] => continue,
        };
        *count = count.saturating_add(records);
    }
    let is_clear = |most: u64, least: u64| most > 0 && most / CLEAR_MARGIN >= least;
    evidence.order = if is_clear(evidence.day_first, evidence.month_first) {
        Some(DateOrder::DayFirst)
    } else if is_clear(evidence.month_first, evidence.day_first) {
        Some(DateOrder::MonthFirst)
    } else {
        None
    };
    evidence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clear_majority_decides_and_a_mixture_does_not() {
        let order = |values: &[(&str, u64)]| date_order(values.iter().copied()).order;
        assert_eq!(order(&[]), None);
        assert_eq!(order(&[("03/04/1970", 1000), ("1970-03-25", 5), ("nonsense", 9)]), None);
        assert_eq!(order(&[("25/03/1970", 1)]), Some(DateOrder::DayFirst));
        assert_eq!(order(&[("3/25/70", 9), ("25/3/70", 1)]), Some(DateOrder::MonthFirst));
        assert_eq!(order(&[("3/25/70", 8), ("25/3/70", 1)]), None);
        assert_eq!(
            order(&[("25.03.1970", u64::MAX), ("26.03.1970", 7)]),
            Some(DateOrder::DayFirst)
        );
        assert_eq!(order(&[("25031970", 1)]), Some(DateOrder::DayFirst));
    }

    #[test]
    fn what_can_only_be_one_way_is_counted_for_it() {
        let evidence = date_order([("5/5/70", 3), ("05/06/70", 4), ("30/02/1970", 5)]);
        assert_eq!((evidence.day_first, evidence.month_first, evidence.ambiguous), (0, 0, 4));
    }
}
