use super::scan::{Item, Role};

/// A number of a date: its value, and how many digits it was written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) value: u16,
    pub(super) length: usize,
}

impl Number {
    /// `None` where it is too long to be a part of a date.
    fn new(digits: &str) -> Option<Self> {
        let value = digits.parse().ok().filter(|_| digits.len() <= 4)?;
        Some(Self { value, length: digits.len() })
    }

    fn is_year_length(self) -> bool {
        matches!(self.length, 2 | 4)
    }
}

/// Which parts of a date are known, and which could be which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Each part has its place. Year first, so that day and month could only be swapped by
    /// mistake, where `swappable`.
    Full { year: Number, month: Number, day: Number, swappable: bool },
    /// Two numbers of which one is the day and the other the month, and the year, which where it
    /// has two digits may be the first number after all.
    Either { first: Number, second: Number, year: Number },
    /// Six digits without a separator, which can be cut in several ways.
    SixDigits { parts: [Number; 3], year_month: (Number, Number) },
    /// A year and a month.
    YearMonth { year: Number, month: Number },
    /// A day of a month of no year.
    MonthDay { month: Number, day: Number },
    /// A day and a month, in either order, of no year.
    EitherMonthDay { first: Number, second: Number },
    /// A year.
    Year(Number),
}

/// Years in which people who can be in a file were born, registered or will be.
pub(super) const PLAUSIBLE_YEARS: std::ops::RangeInclusive<u16> = 1850..=2100;

/// The shape of the parts; `None` where they make no date. The flag says that a leading zero was
/// lost.
pub(super) fn shape(items: &[Item], yearless: bool) -> Option<(Shape, bool)> {
    let shape = match *items {
        [Item::Number { digits, role, .. }] if digits.len() <= 4 => {
            let year = Number::new(digits)?;
            let is_year = match role {
                Some(role) => role == Role::Year && year.is_year_length(),
                None => year.length == 4,
            };
            is_year.then_some(Shape::Year(year))?
        }
        [Item::Number { digits, role: None, .. }] => return compact(digits),
        [Item::Number { digits: first, .. }, Item::Number { digits: second, .. }] if yearless => {
            Shape::MonthDay { month: Number::new(first)?, day: Number::new(second)? }
        }
        _ if yearless => return None,
        [first @ Item::Number { .. }, second @ Item::Number { .. }] => two(first, second)?,
        [Item::Month { number, .. }, other @ Item::Number { .. }]
        | [other @ Item::Number { .. }, Item::Month { number, .. }] => {
            named_month_and(number, other, matches!(items[0], Item::Month { .. }))?
        }
        [a, b, c] => three([a, b, c])?,
        // A time of day written with other signs: `1970-03-01-12.30.00`.
        [a @ Item::Number { digits, .. }, b, c, _, _, ..] if digits.len() == 4 => three([a, b, c])?,
        _ => return None,
    };
    Some((shape, false))
}

fn two(first: Item, second: Item) -> Option<Shape> {
    let ((first, first_role), (second, second_role)) = (number(first)?, number(second)?);
    match (first_role, second_role) {
        (Some(Role::Year), _) => return Some(Shape::YearMonth { year: first, month: second }),
        (Some(Role::Month), _) | (_, Some(Role::Day)) => {
            return Some(Shape::MonthDay { month: first, day: second });
        }
        (_, Some(Role::Year)) => return Some(Shape::YearMonth { year: second, month: first }),
        _ => {}
    }
    match (first.length, second.length) {
        (4, 1 | 2) => Some(Shape::YearMonth { year: first, month: second }),
        (1 | 2, 4) => Some(Shape::YearMonth { year: second, month: first }),
        (1 | 2, 2) if second.value > 31 => Some(Shape::YearMonth { year: second, month: first }),
        (1 | 2, 1 | 2) => Some(Shape::EitherMonthDay { first, second }),
        _ => None,
    }
}

fn named_month_and(month: u8, other: Item, month_first: bool) -> Option<Shape> {
    let month = Number { value: month.into(), length: 2 };
    let Item::Number { after_hyphen, .. } = other else { return None };
    let (other, role) = number(other)?;
    // Spreadsheets write `Mar-70` for a month of a year and `1-Mar` for a day of no year.
    let is_year = match role {
        Some(role) => role == Role::Year,
        None => other.length == 4 || other.value > 31 || month_first && after_hyphen,
    };
    match is_year {
        true if other.is_year_length() => Some(Shape::YearMonth { year: other, month }),
        false if other.length <= 2 => Some(Shape::MonthDay { month, day: other }),
        _ => None,
    }
}

fn three(items: [Item; 3]) -> Option<Shape> {
    if let Some(at) = items.iter().position(|item| matches!(item, Item::Month { .. })) {
        let Item::Month { number: month, .. } = items[at] else { return None };
        let month = Number { value: month.into(), length: 2 };
        let mut others = items.into_iter().enumerate().filter(|(other, _)| *other != at);
        let (first, second) = (number(others.next()?.1)?, number(others.next()?.1)?);
        let is_year = |(number, role): (Number, Option<Role>)| {
            role == Some(Role::Year) || role.is_none() && (number.length == 4 || number.value > 31)
        };
        let year_first = is_year(first) && !is_year(second) || second.1 == Some(Role::Day);
        let ((year, _), (day, _)) = if year_first { (first, second) } else { (second, first) };
        return (year.is_year_length() && day.length <= 2).then_some(Shape::Full {
            year,
            month,
            day,
            swappable: false,
        });
    }
    let [a, b, c] = [number(items[0])?, number(items[1])?, number(items[2])?];
    match (a.1, b.1, c.1) {
        (Some(Role::Year), ..) if a.0.is_year_length() => {
            return Some(Shape::Full { year: a.0, month: b.0, day: c.0, swappable: false });
        }
        (Some(Role::Day), None | Some(Role::Month), _) if c.0.is_year_length() => {
            return Some(Shape::Full { year: c.0, month: b.0, day: a.0, swappable: false });
        }
        _ => {}
    }
    let (a, b, c) = (a.0, b.0, c.0);
    match (a.length, b.length, c.length) {
        (4, 1 | 2, 1 | 2) => Some(Shape::Full { year: a, month: b, day: c, swappable: true }),
        (1 | 2, 1 | 2, 2 | 4) => {
            if a.value > 31 && c.length == 2 {
                Some(Shape::Full { year: a, month: b, day: c, swappable: true })
            } else {
                Some(Shape::Either { first: a, second: b, year: c })
            }
        }
        (2, 1 | 2, 1) if a.value > 31 => {
            Some(Shape::Full { year: a, month: b, day: c, swappable: true })
        }
        _ => None,
    }
}

fn number(item: Item) -> Option<(Number, Option<Role>)> {
    match item {
        Item::Number { digits, role, .. } => Some((Number::new(digits)?, role)),
        Item::Month { .. } => None,
    }
}

/// A date without separators.
fn compact(digits: &str) -> Option<(Shape, bool)> {
    let part = |from: usize, to: usize| digits.get(from..to).and_then(Number::new);
    match digits.len() {
        6 => {
            let parts = [part(0, 2)?, part(2, 4)?, part(4, 6)?];
            Some((Shape::SixDigits { parts, year_month: (part(0, 4)?, part(4, 6)?) }, false))
        }
        7 => {
            let (first, second, year) = (part(0, 1)?, part(1, 3)?, part(3, 7)?);
            let shape = Shape::Either { first, second, year };
            PLAUSIBLE_YEARS.contains(&year.value).then_some((shape, true))
        }
        8 => {
            let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
            let year_first = Shape::Full { year, month, day, swappable: false };
            let (first, second, year) = (part(0, 2)?, part(2, 4)?, part(4, 8)?);
            let is_year = |year: u16| PLAUSIBLE_YEARS.contains(&year) || year == 9999;
            let year_last = is_year(year.value)
                && (1..=31).contains(&first.value)
                && (1..=31).contains(&second.value)
                && (first.value <= 12 || second.value <= 12)
                && !(1..=12).contains(&month.value);
            let shape = if year_last { Shape::Either { first, second, year } } else { year_first };
            Some((shape, false))
        }
        // With a time of day: `19700301123000`.
        12 | 14 | 17 if part(8, 10)?.value < 24 && part(10, 12)?.value < 60 => {
            compact(&digits[..8]).filter(|(shape, _)| matches!(shape, Shape::Full { .. }))
        }
        _ => None,
    }
}
