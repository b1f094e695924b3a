//! Calendar dates.

mod order;
mod scan;
mod shape;

use hashbrown::HashSet;
use std::sync::LazyLock;

use self::scan::{Scan, scan};
use self::shape::{Number, PLAUSIBLE_YEARS, Shape, shape};
use super::data::rows;
use super::placeholder::is_placeholder;
use super::plain::{plain, without_float_suffix};
use super::text::has_invisible;
use super::{Context, Issue, Normalized};
use crate::schema::DateOrder;

pub use order::{DateOrderEvidence, date_order};
pub(crate) use scan::is_about;

/// Longer texts hold more than a date.
const LONGEST: usize = 100;

static PLACEHOLDER_DATES: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    rows(include_str!("../data/placeholder_dates.txt"))
        .filter_map(|row| row.first().copied())
        .collect()
});

/// Calendar date, such as a date of birth; may be partial.
///
/// Canonical is ISO 8601: `1970-03-01`, or of a partial date what is known: `1970-03`, `1970`,
/// `--03-01` (a day of no year). There are no other forms.
///
/// Read are: ISO 8601 and other numeric dates with any separators or none, month and weekday names
/// and their abbreviations in some thirty languages, ordinals (`1st`, `1er`), Chinese, Japanese
/// (eras too) and Korean dates, digits of any script, a time of day behind the date or within it
/// (left out), zeros, `?` or `x` for an unknown day or month, and a word for a guess before a year
/// (`c. 1826`, `abt 1826`, `um 1826`), which is left out.
///
/// Day and month of a numeric date stand as [`date_order`](Context::date_order) says; where it says
/// nothing, month first in region `US` and day first elsewhere. A date that can be read only one
/// way is read that way whatever the order. A year of two digits is taken as
/// [`latest_two_digit_year`](Context::latest_two_digit_year) says.
///
/// Issues:
/// - `ambiguous_date`: could be read day first or month first, and the context gives no order.
///   Doubtful where six digits could also be cut in other ways.
/// - `partial_date`, `two_digit_year`, `control_characters`.
/// - `out_of_range` (doubtful): a year before 1850 or after 2100.
/// - `malformed` (doubtful): year, then day, then month; or a leading zero was lost (`1031970`).
/// - Unusable: `impossible_date` (31 February, `19560499`), `placeholder_date` (1900-01-01,
///   1970-01-01 and other epochs and limits of systems), `placeholder` (`00/00/0000`,
///   `dd/mm/yyyy`), `too_long`, `malformed`. So are day numbers of spreadsheets (`25628`), which
///   nothing tells from other numbers, ranges, and limits (`bef 1826`).
///
/// `future_date` is never given: what is future depends on a clock, and this function has none.
///
/// # Examples
/// ```
/// use cdm_core::normalize::{Context, Issue, date};
/// use cdm_core::schema::DateOrder;
/// let context = Context::default();
/// assert_eq!(date("Sunday, March 1st, 1970", &context).canonical(), Some("1970-03-01"));
/// assert_eq!(date("1. März 70", &context).canonical(), Some("1970-03-01"));
/// assert!(date("03/04/1970", &context).issues().contains(Issue::AmbiguousDate));
/// let american = Context { date_order: Some(DateOrder::MonthFirst), ..context };
/// assert_eq!(date("03/04/1970", &american).canonical(), Some("1970-03-04"));
/// assert_eq!(date("13/04/1970", &american).canonical(), Some("1970-04-13"));
/// ```
///
/// # References
/// ISO 8601-1:2019; the yearless form is that of ISO 8601:2000 and of RFC 6350.
#[must_use]
pub fn date(raw: &str, context: &Context) -> Normalized {
    if let Some(iso) = iso(raw.as_bytes()) {
        return iso.normalized();
    }
    let text = plain(raw);
    if text.is_empty() {
        return Normalized::missing();
    }
    if is_placeholder(&text) {
        return Normalized::unusable(Issue::Placeholder);
    }
    if text.len() > LONGEST {
        return Normalized::unusable(Issue::TooLong);
    }
    let value = match read(&text, context) {
        Ok(day) => day.normalized(),
        Err(issue) => return Normalized::unusable(issue),
    };
    if has_invisible(raw) && value.status().is_usable() {
        value.noting(Issue::ControlCharacters)
    } else {
        value
    }
}

/// The shape of a date whose digits and signs are ASCII.
fn shape_of(text: &str) -> Result<(Shape, bool), Issue> {
    let lower = without_float_suffix(text).to_lowercase();
    let shape = match scan(&lower) {
        Scan::Items(items) => shape(&items, false),
        Scan::Yearless(items) => shape(&items, true),
        Scan::Template => return Err(Issue::Placeholder),
        Scan::Malformed => None,
    };
    shape.ok_or(Issue::Malformed)
}

fn read(text: &str, context: &Context) -> Result<Day, Issue> {
    let (shape, lost_zero) = shape_of(text)?;
    let day = resolve(shape, context)?;
    Ok(if lost_zero { Day { doubt: Some(Issue::Malformed), ..day } } else { day })
}

/// A date as far as it is known, and what was noticed on the way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Day {
    year: Option<u16>,
    month: Option<u8>,
    day: Option<u8>,
    short_year: bool,
    ambiguous: bool,
    doubt: Option<Issue>,
}

impl Day {
    fn normalized(self) -> Normalized {
        let text = match (self.year, self.month, self.day) {
            (Some(year), Some(month), Some(day)) => format!("{year:04}-{month:02}-{day:02}"),
            (Some(year), Some(month), None) => format!("{year:04}-{month:02}"),
            (Some(year), None, _) => format!("{year:04}"),
            (None, Some(month), Some(day)) => format!("--{month:02}-{day:02}"),
            _ => return Normalized::unusable(Issue::Malformed),
        };
        if PLACEHOLDER_DATES.contains(text.as_str()) {
            return Normalized::unusable(Issue::PlaceholderDate);
        }
        let mut value = Normalized::valid(text);
        if self.year.is_none() || self.day.is_none() {
            value = value.noting(Issue::PartialDate);
        }
        if self.short_year {
            value = value.noting(Issue::TwoDigitYear);
        }
        if self.ambiguous {
            value = value.noting(Issue::AmbiguousDate);
        }
        if self.year.is_some_and(|year| !PLAUSIBLE_YEARS.contains(&year)) {
            value = value.doubting(Issue::OutOfRange);
        }
        match self.doubt {
            Some(issue) => value.doubting(issue),
            None => value,
        }
    }
}

/// The commonest forms, `1970-03-01` and `19700301`, at once; `None` for anything unusual.
fn iso(text: &[u8]) -> Option<Day> {
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0u16, |sum, digit| {
            digit.is_ascii_digit().then(|| sum * 10 + u16::from(digit - b'0'))
        })
    };
    let (year, month, day) = match text.len() {
        10 if text[4] == b'-' && text[7] == b'-' => (&text[..4], &text[5..7], &text[8..]),
        8 => (&text[..4], &text[4..6], &text[6..]),
        _ => return None,
    };
    let (year, month, day) = (number(year)?, number(month)?, number(day)?);
    let is_plain = PLAUSIBLE_YEARS.contains(&year) && month > 0 && day > 0;
    calendar_day(Some(year), month, day).filter(|_| is_plain)
}

fn resolve(shape: Shape, context: &Context) -> Result<Day, Issue> {
    let year_of = |number: Number| Year::new(number, context.latest_two_digit_year);
    match shape {
        Shape::Full { year, month, day, swappable } => {
            if [year, month, day].iter().all(|number| number.value == 0) {
                return Err(Issue::Placeholder);
            }
            let year = year_of(year);
            if let Some(day) = year.day(month, day) {
                return Ok(day);
            }
            // Year, day, month: nobody's custom, but there is no other reading.
            let swapped = year.day(day, month).filter(|_| swappable && month.value > 12);
            swapped
                .map(|day| Day { doubt: Some(Issue::Malformed), ..day })
                .ok_or(Issue::ImpossibleDate)
        }
        Shape::Either { first, second, year } => {
            if [first, second, year].iter().all(|number| number.value == 0) {
                return Err(Issue::Placeholder);
            }
            let found = either(first, second, year_of(year), context);
            // `01-03-32`: the year came first after all.
            let year_first = || (year.length == 2).then(|| year_of(first).day(second, year));
            found.or_else(|| year_first().flatten()).ok_or(Issue::ImpossibleDate)
        }
        Shape::SixDigits { parts: [a, b, c], year_month } => {
            if [a, b, c].iter().all(|number| number.value == 0) {
                return Err(Issue::Placeholder);
            }
            let year_last = either(a, b, year_of(c), context);
            let readings = [
                year_last.filter(|_| context.date_order.is_some()),
                year_of(year_month.0)
                    .day(year_month.1, NONE)
                    .filter(|day| day.year.is_some_and(|year| PLAUSIBLE_YEARS.contains(&year))),
                year_of(a).day(b, c),
                year_last.filter(|_| context.date_order.is_none()),
            ];
            let mut readings = readings.into_iter().flatten();
            let chosen = readings.next().ok_or(Issue::ImpossibleDate)?;
            let several = readings.any(|other| {
                (other.year, other.month, other.day) != (chosen.year, chosen.month, chosen.day)
            });
            Ok(Day { doubt: several.then_some(Issue::AmbiguousDate), ..chosen })
        }
        Shape::YearMonth { year, month } => {
            if year.value == 0 && month.value == 0 {
                return Err(Issue::Placeholder);
            }
            year_of(year).day(month, NONE).ok_or(Issue::ImpossibleDate)
        }
        Shape::MonthDay { month, day } => month_day(month, day),
        Shape::EitherMonthDay { first, second } => {
            if first.value == 0 && second.value == 0 {
                return Err(Issue::Placeholder);
            }
            either(first, second, Year::UNKNOWN, context)
                .filter(|day| day.month.is_some() && day.day.is_some())
                .ok_or(Issue::ImpossibleDate)
        }
        Shape::Year(year) if year.value == 0 && year.length == 4 => Err(Issue::Placeholder),
        Shape::Year(year) => year_of(year).day(NONE, NONE).ok_or(Issue::ImpossibleDate),
    }
}

fn month_day(month: Number, day: Number) -> Result<Day, Issue> {
    if month.value == 0 && day.value == 0 {
        return Err(Issue::Placeholder);
    }
    Year::UNKNOWN
        .day(month, day)
        .filter(|day| day.month.is_some() && day.day.is_some())
        .ok_or(Issue::ImpossibleDate)
}

/// A part that was not given, or given as zero.
const NONE: Number = Number { value: 0, length: 2 };

/// Day and month in the order of the context, or in the only one that is possible.
fn either(first: Number, second: Number, year: Year, context: &Context) -> Option<Day> {
    let [day_first, month_first] = both(first, second, year);
    let order = context.date_order.unwrap_or(match context.region.as_deref() {
        Some("US") => DateOrder::MonthFirst,
        _ => DateOrder::DayFirst,
    });
    let (preferred, other) = match order {
        DateOrder::DayFirst => (day_first, month_first),
        DateOrder::MonthFirst => (month_first, day_first),
    };
    let ambiguous = context.date_order.is_none()
        && preferred.is_some_and(|preferred| other.is_some_and(|other| other != preferred));
    preferred.or(other).map(|day| Day { ambiguous, ..day })
}

/// The two readings: day first, month first.
fn both(first: Number, second: Number, year: Year) -> [Option<Day>; 2] {
    [year.day(second, first), year.day(first, second)]
}

#[derive(Debug, Clone, Copy)]
struct Year {
    value: Option<u16>,
    short: bool,
}

impl Year {
    const UNKNOWN: Year = Year { value: None, short: false };

    /// Four zeros are an unknown year.
    fn new(number: Number, latest_two_digit_year: u16) -> Self {
        if number.length == 4 {
            return Self { value: Some(number.value).filter(|year| *year > 0), short: false };
        }
        let latest = latest_two_digit_year.clamp(99, 9999);
        let year = latest - latest % 100 + number.value % 100;
        let value = if year > latest { year - 100 } else { year };
        Self { value: Some(value), short: true }
    }

    fn day(self, month: Number, day: Number) -> Option<Day> {
        let found = calendar_day(self.value, month.value, day.value)?;
        Some(Day { short_year: self.short, ..found })
    }
}

/// A day of the Gregorian calendar, where it has one; a zero is a part that is not known.
fn calendar_day(year: Option<u16>, month: u16, day: u16) -> Option<Day> {
    let is_leap = year.is_none_or(|year| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
    let days = match month {
        0 => 0,
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    let known = |part: u16| u8::try_from(part).ok().filter(|part| *part > 0);
    (day <= days).then(|| Day { year, month: known(month), day: known(day), ..Day::default() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::normalize::laws;

    #[test]
    fn the_calendar_has_leap_years() {
        let day = |year| calendar_day(Some(year), 2, 29).is_some();
        assert_eq!([1900, 1996, 2000, 2001, 2100].map(day), [false, true, true, false, false]);
        assert!(calendar_day(None, 2, 29).is_some() && calendar_day(None, 4, 31).is_none());
    }

    #[test]
    fn the_short_way_reads_as_the_long_way_does() {
        let context = Context::default();
        for year in [1849, 1850, 1956, 2000, 2100, 2101] {
            for month in 0..=13 {
                for day in [0, 1, 9, 28, 29, 30, 31, 32] {
                    for text in [
                        format!("{year:04}-{month:02}-{day:02}"),
                        format!("{year:04}{month:02}{day:02}"),
                    ] {
                        if let Some(short) = iso(text.as_bytes()) {
                            assert_eq!(read(&text, &context), Ok(short), "{text}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn any_latest_year_is_accepted() {
        for latest_two_digit_year in [0, 99, 1970, 9999, u16::MAX] {
            let context = Context { latest_two_digit_year, ..Context::default() };
            let value = date("1.3.70", &context);
            assert_eq!(date(value.canonical().unwrap(), &context).canonical(), value.canonical());
        }
    }

    fn contexts() -> impl Strategy<Value = Context> {
        use DateOrder::{DayFirst, MonthFirst};
        (prop::sample::select(vec![None, Some(DayFirst), Some(MonthFirst)]), any::<bool>())
            .prop_map(|(date_order, american)| Context {
                region: american.then(|| "US".into()),
                date_order,
                ..Context::default()
            })
    }

    fn laws(text: &str, context: &Context) -> Result<(), TestCaseError> {
        laws::keep(text, |text| date(text, context))?;
        let _ = date_order([(text, 1)]);
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1500))]

        #[test]
        fn any_text_keeps_the_laws(text in any::<String>(), context in contexts()) {
            laws(&text, &context)?;
        }

        #[test]
        fn texts_like_dates_keep_the_laws(
            text in r"(--)?[0-9]{0,4}(-|/|\.| |, |年|st | |')?([0-9]{0,2}|mar|X{1,2}|月|\?\?|März)(-|/|\.| |月)?[0-9]{0,4}(日|T|T12:00| 12:30:00Z|\.0)?",
            context in contexts(),
        ) {
            laws(&text, &context)?;
        }

        #[test]
        fn digits_alone_keep_the_laws(text in "[0-9]{1,18}", context in contexts()) {
            laws(&text, &context)?;
        }
    }
}
