use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How two dates may be alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DateCondition {
    /// Day and month stand in each other's place; the year is the same.
    DayMonthSwapped,
    /// At most one of the eight digits differs, or two neighbouring digits of one part are
    /// exchanged.
    OneDigitOff,
    /// At least two of year, month and day are the same.
    OnePartDiffers,
    /// Whatever part both know is the same, and both know one at least: 1970 and 1970-03-01.
    Compatible,
    /// At most two of the eight digits differ.
    TwoDigitsOff,
    /// At most three of the eight digits differ.
    ThreeDigitsOff,
    /// The year alone is known of one of them, and the years are the same or neighbours: it was
    /// worked out from an age.
    YearOfAge,
    /// Year and month are the same.
    SameYearMonth,
    /// Month and day are the same: a birthday.
    SameMonthDay,
    /// The year is the same.
    SameYear,
    /// The year alone is known of one of them, and the years are at most three apart: somebody guessed.
    YearGuessed,
}

/// The parts of a date that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Parts {
    year: Option<u16>,
    month: Option<u8>,
    day: Option<u8>,
}

impl Parts {
    /// The parts of a canonical date: `1970-03-01`, `1970-03`, `1970`, `--03-01`.
    pub(super) fn new(canonical: &str) -> Option<Self> {
        let (year, rest) = match canonical.strip_prefix("--") {
            Some(rest) => (None, Some(rest)),
            None => match canonical.split_once('-') {
                Some((year, rest)) => (Some(year.parse().ok()?), Some(rest)),
                None => (Some(canonical.parse().ok()?), None),
            },
        };
        let (month, day) = match rest {
            None => (None, None),
            Some(rest) => match rest.split_once('-') {
                Some((month, day)) => (Some(month.parse().ok()?), Some(day.parse().ok()?)),
                None => (Some(rest.parse().ok()?), None),
            },
        };
        Some(Self { year, month, day })
    }

    /// A number that no other parts have.
    pub(super) fn number(self) -> u64 {
        let part = |part: Option<u16>| part.map_or(0, |part| u64::from(part) + 1);
        part(self.year) << 32
            | part(self.month.map(Into::into)) << 16
            | part(self.day.map(Into::into))
    }

    /// Its digits, four bits each, the last two of the day lowest, and which parts are known; never 0.
    ///
    /// Other parts may have the same: a year's fifth digit is left out.
    pub(super) fn digits(self) -> u64 {
        let parts = (self.year.unwrap_or_default(), self.month, self.day);
        let digits = digits((parts.0, parts.1.unwrap_or_default(), parts.2.unwrap_or_default()));
        let digits = digits.iter().fold(0, |all, digit| all << 4 | u64::from(*digit & 0xf));
        let known = |part: bool, bit: u64| if part { bit } else { 0 };
        digits
            | DATE
            | known(self.year.is_some(), YEAR)
            | known(self.month.is_some(), MONTH)
            | known(self.day.is_some(), DAY)
    }

    fn whole(self) -> Option<(u16, u8, u8)> {
        Some((self.year?, self.month?, self.day?))
    }

    /// Whether both are whole and at most so many of their eight digits differ.
    fn is_digits_off(self, other: Self, at_most: usize) -> bool {
        self.whole().zip(other.whole()).is_some_and(|(left, right)| {
            let digits = digits(left).into_iter().zip(digits(right));
            digits.filter(|(left, right)| left != right).count() <= at_most
        })
    }

    /// Whether the year alone is known of one of the two, and the years are at most so far apart.
    fn is_year_beside(self, other: Self, at_most: u16) -> bool {
        let year_alone = |parts: Self| parts.month.is_none() && parts.day.is_none();
        (year_alone(self) || year_alone(other))
            && self.year.zip(other.year).is_some_and(|(l, r)| l.abs_diff(r) <= at_most)
    }
}

/// What stands beside the digits of a date: that it is one, and which parts are known.
const DATE: u64 = 1 << 40;
const YEAR: u64 = 1 << 41;
const MONTH: u64 = 1 << 42;
const DAY: u64 = 1 << 43;
const WHOLE: u64 = YEAR | MONTH | DAY;

impl DateCondition {
    /// Whether it may hold for two dates of these [digits](Parts::digits).
    #[inline]
    pub(super) fn may_hold(self, left: u64, right: u64) -> bool {
        if left == 0 || right == 0 {
            return false;
        }
        let differ = left ^ right;
        let year = differ & 0xffff_0000 == 0;
        let month = differ & 0xff00 == 0;
        let day = differ & 0xff == 0;
        let whole = left & right & WHOLE == WHOLE;
        match self {
            DateCondition::SameYear => year,
            DateCondition::SameYearMonth => year && month,
            DateCondition::SameMonthDay => month && day,
            DateCondition::Compatible => !whole || (year && month && day),
            DateCondition::OnePartDiffers => {
                whole && u8::from(year) + u8::from(month) + u8::from(day) >= 2
            }
            DateCondition::DayMonthSwapped => {
                whole
                    && year
                    && left >> 8 & 0xff == right & 0xff
                    && right >> 8 & 0xff == left & 0xff
            }
            DateCondition::OneDigitOff | DateCondition::TwoDigitsOff => {
                whole && digits_that_differ(differ) <= 2
            }
            DateCondition::ThreeDigitsOff => whole && digits_that_differ(differ) <= 3,
            DateCondition::YearOfAge | DateCondition::YearGuessed => !whole,
        }
    }

    pub(super) fn holds(self, left: Parts, right: Parts) -> bool {
        fn same<T: PartialEq>(left: Option<T>, right: Option<T>) -> bool {
            left.is_some() && left == right
        }
        let (year, month, day) =
            (same(left.year, right.year), same(left.month, right.month), same(left.day, right.day));
        match self {
            DateCondition::SameYearMonth => year && month,
            DateCondition::SameMonthDay => month && day,
            DateCondition::SameYear => year,
            DateCondition::Compatible => {
                let differs = |same: bool, both: bool| both && !same;
                (year || month || day)
                    && !differs(year, left.year.is_some() && right.year.is_some())
                    && !differs(month, left.month.is_some() && right.month.is_some())
                    && !differs(day, left.day.is_some() && right.day.is_some())
            }
            DateCondition::OnePartDiffers => {
                left.whole().is_some()
                    && right.whole().is_some()
                    && u8::from(year) + u8::from(month) + u8::from(day) >= 2
            }
            DateCondition::DayMonthSwapped => match (left.whole(), right.whole()) {
                (Some((_, m, d)), Some((_, month, day))) => year && (m, d) == (day, month),
                _ => false,
            },
            DateCondition::TwoDigitsOff => left.is_digits_off(right, 2),
            DateCondition::ThreeDigitsOff => left.is_digits_off(right, 3),
            DateCondition::YearOfAge => left.is_year_beside(right, 1),
            DateCondition::YearGuessed => left.is_year_beside(right, 3),
            DateCondition::OneDigitOff => match (left.whole(), right.whole()) {
                (Some(left), Some(right)) => one_digit_off(digits(left), digits(right)),
                _ => false,
            },
        }
    }
}

/// How many of eight digits of four bits each have a bit.
fn digits_that_differ(differ: u64) -> u32 {
    let halves = differ | differ >> 2;
    ((halves | halves >> 1) & 0x1111_1111).count_ones()
}

fn digits((year, month, day): (u16, u8, u8)) -> [u8; 8] {
    let y = |unit: u16| (year / unit % 10) as u8;
    [y(1000), y(100), y(10), y(1), month / 10, month % 10, day / 10, day % 10]
}

fn one_digit_off(left: [u8; 8], right: [u8; 8]) -> bool {
    let mut different = (0..8).filter(|place| left[*place] != right[*place]);
    match (different.next(), different.next(), different.next()) {
        (_, None, _) => true,
        // 4 and 6 begin the month and the day.
        (Some(first), Some(second), None) => {
            second == first + 1
                && second != 4
                && second != 6
                && left[first] == right[second]
                && left[second] == right[first]
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [DateCondition; 11] = [
        DateCondition::DayMonthSwapped,
        DateCondition::OneDigitOff,
        DateCondition::OnePartDiffers,
        DateCondition::Compatible,
        DateCondition::TwoDigitsOff,
        DateCondition::YearOfAge,
        DateCondition::SameYearMonth,
        DateCondition::SameMonthDay,
        DateCondition::SameYear,
        DateCondition::YearGuessed,
        DateCondition::ThreeDigitsOff,
    ];

    fn parts() -> impl Strategy<Value = Parts> {
        let year = prop::option::of(prop::sample::select(vec![1969_u16, 1970, 1979, 2070, 11970]));
        let (month, day) = (prop::option::of(1..=12_u8), prop::option::of(1..=31_u8));
        (year, month, day).prop_map(|(year, month, day)| Parts { year, month, day })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn what_digits_rule_out_does_not_hold(left in parts(), right in parts()) {
            for condition in ALL {
                let may_hold = condition.may_hold(left.digits(), right.digits());
                prop_assert!(may_hold || !condition.holds(left, right), "{condition:?}");
                prop_assert!(condition.may_hold(left.digits(), left.digits())
                    || !condition.holds(left, left));
            }
        }
    }
}
