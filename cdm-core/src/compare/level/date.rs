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
    /// The year alone is known of one of them, and the years are the same or neighbours: it was
    /// worked out from an age.
    YearOfAge,
    /// Year and month are the same.
    SameYearMonth,
    /// Month and day are the same: a birthday.
    SameMonthDay,
    /// The year is the same.
    SameYear,
}

/// The parts of a date that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

    fn whole(self) -> Option<(u16, u8, u8)> {
        Some((self.year?, self.month?, self.day?))
    }
}

impl DateCondition {
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
            DateCondition::TwoDigitsOff => match (left.whole(), right.whole()) {
                (Some(left), Some(right)) => {
                    let digits = digits(left).into_iter().zip(digits(right));
                    digits.filter(|(left, right)| left != right).count() <= 2
                }
                _ => false,
            },
            DateCondition::YearOfAge => {
                let year_alone = |parts: Parts| parts.month.is_none() && parts.day.is_none();
                (year_alone(left) || year_alone(right))
                    && left.year.zip(right.year).is_some_and(|(l, r)| l.abs_diff(r) <= 1)
            }
            DateCondition::OneDigitOff => match (left.whole(), right.whole()) {
                (Some(left), Some(right)) => one_digit_off(digits(left), digits(right)),
                _ => false,
            },
        }
    }
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
