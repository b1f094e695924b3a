//! Quantities and coordinates.

mod decimal;
mod geo;

use hashbrown::HashMap;
use std::sync::LazyLock;

use self::decimal::{Decimal, Reading};
use super::data::rows;
use super::placeholder::is_placeholder;
use super::plain::plain;
use super::text::has_invisible;
use super::{Issue, Normalized};

pub use geo::geo;

/// Longer texts hold more than a number.
const LONGEST: usize = 120;

/// What a word beside a number does: 0 for a unit, else the power of ten it multiplies by.
static UNITS: LazyLock<HashMap<&'static str, i32>> = LazyLock::new(|| {
    rows(include_str!("../data/measure_units.txt"))
        .flat_map(|row| {
            let power = row[0].parse().unwrap_or(0);
            row.into_iter().skip(1).map(move |word| (word, power))
        })
        .collect()
});

/// A quantity.
///
/// Canonical is the plain decimal number, exact and without rounding: `1 234,50 €` is `1234.5`,
/// `(1,000)` is `-1000`, `1.5e3` is `1500`, `-0` is `0`. There are no other forms.
///
/// Read are: decimal commas and points; thousands marked by point, comma, space, apostrophe or
/// underscore, in threes or the Indian way; negatives by sign before or behind (`5-`) or by
/// brackets; exponents; digits of any script. Currencies and units beside the number are left out
/// (so `12 %` is `12` and `5 kg` is `5`), multiples are applied (`2 Mio.`, `5k`, `3 lakh`; `5M` is
/// five million, `5m` five metres).
///
/// A single mark with three digits behind it could mark thousands or decimals: a comma is taken
/// for thousands, a point for decimals, and `ambiguous_number` is noted.
///
/// Issues: `ambiguous_number`, `control_characters`. Unusable: `placeholder`, `malformed` (also
/// ranges, fractions, and words that are neither currency nor unit), `out_of_range` (an exponent
/// beyond ±60), `too_long`.
///
/// # Examples
/// ```
/// use cdm_core::normalize::{Issue, number};
/// assert_eq!(number("CHF 1'234.50").canonical(), Some("1234.5"));
/// assert_eq!(number("1.234.567,89").canonical(), Some("1234567.89"));
/// let unsure = number("1,234");
/// assert_eq!(unsure.canonical(), Some("1234"));
/// assert!(unsure.issues().contains(Issue::AmbiguousNumber));
/// ```
#[must_use]
pub fn number(raw: &str) -> Normalized {
    let text = plain(raw);
    if text.is_empty() {
        return Normalized::missing();
    }
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number && is_placeholder(&text) {
        return Normalized::unusable(Issue::Placeholder);
    }
    if text.len() > LONGEST {
        return Normalized::unusable(Issue::TooLong);
    }
    let (decimal, ambiguous) = match read(&text) {
        Ok(found) => found,
        Err(issue) => return Normalized::unusable(issue),
    };
    let written = decimal.to_string();
    if written.len() > LONGEST {
        return Normalized::unusable(Issue::OutOfRange);
    }
    let mut value = Normalized::valid(written);
    if ambiguous {
        value = value.noting(Issue::AmbiguousNumber);
    }
    if has_invisible(raw) { value.noting(Issue::ControlCharacters) } else { value }
}

fn read(text: &str) -> Result<(Decimal, bool), Issue> {
    let first = text.find(|c: char| c.is_ascii_digit()).ok_or(Issue::Malformed)?;
    let last = text.rfind(|c: char| c.is_ascii_digit()).ok_or(Issue::Malformed)?;
    // A decimal mark can come before the first digit (`.5`); a unit can end in one (`5 m2`).
    let start = text[..first].trim_end_matches(['.', ',']).len();
    let start = if first - start > 1 || text[..start].ends_with(char::is_alphabetic) {
        first
    } else {
        start
    };
    let end = first + number_length(&text[first..=last]);
    let (before, middle, after) = (&text[..start], &text[start..end], &text[end..]);

    let Reading { decimal, ambiguous } = decimal::read(middle)?;
    let before = beside(before)?;
    // `5.-` and `5,--` stand for even amounts.
    let even = [".-", ",-", ".--", ",--"].iter().any(|even| after.starts_with(even));
    let after = if even { after[1..].trim_start_matches('-') } else { after };
    let behind = beside(after.strip_prefix('.').unwrap_or(after))?;
    let negatives = before.minus + behind.minus + i32::from(before.open && behind.close);
    let signs = negatives + before.plus + behind.plus;
    if before.open != behind.close || before.close || behind.open || signs > 1 {
        return Err(Issue::Malformed);
    }
    let decimal = decimal.scaled(before.power + behind.power)?;
    Ok((if negatives > 0 { decimal.negated() } else { decimal }, ambiguous))
}

/// How far a number reaches in a text that begins with a digit: to before the first letter that
/// is not an exponent's.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let is_mark =
        |byte: u8| matches!(byte, b'0'..=b'9' | b'.' | b',' | b'\'' | b' ' | b'_' | b'/' | b'-');
    let mut at = 0;
    while at < bytes.len() {
        let exponent_digits = match bytes[at..] {
            [b'e' | b'E', b'+' | b'-', b'0'..=b'9', ..] => 2,
            [b'e' | b'E', b'0'..=b'9', ..] => 1,
            _ if is_mark(bytes[at]) => 0,
            _ => break,
        };
        at += exponent_digits + 1;
    }
    text[..at.min(bytes.len())].trim_end_matches(|c: char| !c.is_ascii_digit()).len()
}

/// What stands on one side of a number.
#[derive(Default)]
struct Beside {
    minus: i32,
    plus: i32,
    open: bool,
    close: bool,
    power: i32,
}

fn beside(text: &str) -> Result<Beside, Issue> {
    let mut found = Beside::default();
    for part in text.split([' ', ':']) {
        let mut word = String::new();
        for c in part.chars() {
            match c {
                '-' if word.is_empty() => found.minus += 1,
                '-' => {
                    found.word(&word)?;
                    word.clear();
                    found.minus += 1;
                }
                '+' => found.plus += 1,
                '(' if !found.open => found.open = true,
                ')' if !found.close => found.close = true,
                '.' => {}
                _ => word.push(c),
            }
        }
        found.word(&word)?;
    }
    Ok(found)
}

impl Beside {
    fn word(&mut self, word: &str) -> Result<(), Issue> {
        if word.is_empty() {
            return Ok(());
        }
        // Millions and metres differ by case alone.
        let power = match word {
            "M" => 6,
            _ => *UNITS.get(word.to_lowercase().as_str()).ok_or(Issue::Malformed)?,
        };
        self.power += power;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::normalize::laws;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1500))]

        #[test]
        fn any_text_keeps_the_laws(text in any::<String>()) {
            laws::keep(&text, number)?;
        }

        #[test]
        fn texts_like_numbers_keep_the_laws(
            text in r"(\$|EUR |-|\(|\+)?[0-9]{0,4}([,.' _][0-9]{1,4}){0,3}(e[+-]?[0-9]{1,3})?( kg|%|-|\)| Mio\.|k|M| €)?",
        ) {
            laws::keep(&text, number)?;
        }

        #[test]
        fn a_whole_number_is_itself(value in any::<i64>()) {
            let text = value.to_string();
            let value = number(&text);
            prop_assert_eq!(value.canonical(), Some(text.as_str()));
        }
    }
}
