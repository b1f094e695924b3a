use std::fmt;

use crate::normalize::Issue;

/// The largest power of ten, up or down, that a real quantity is written with.
const LARGEST_EXPONENT: i32 = 60;

/// A decimal number, exact: `digits` × 10^`exponent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    /// Without zeros at either end; empty for zero.
    digits: String,
    exponent: i32,
}

/// A number as read, and whether its one mark could have meant something else.
pub(super) struct Reading {
    pub(super) decimal: Decimal,
    pub(super) ambiguous: bool,
}

impl Decimal {
    fn new(whole: &str, fraction: &str, exponent: i32) -> Self {
        let all = format!("{whole}{fraction}");
        let trimmed = all.trim_end_matches('0');
        let dropped = i32::try_from(all.len() - trimmed.len()).unwrap_or(i32::MAX);
        let decimals = i32::try_from(fraction.len()).unwrap_or(i32::MAX);
        Self {
            negative: false,
            digits: trimmed.trim_start_matches('0').to_owned(),
            exponent: exponent.saturating_sub(decimals).saturating_add(dropped),
        }
    }

    pub(super) fn negated(self) -> Self {
        Self { negative: !self.negative, ..self }
    }

    /// The number times ten to the `power`.
    pub(super) fn scaled(self, power: i32) -> Result<Self, Issue> {
        let exponent = self.exponent.saturating_add(power);
        let is_plain = power == 0 || exponent.abs() <= 2 * LARGEST_EXPONENT;
        if is_plain { Ok(Self { exponent, ..self }) } else { Err(Issue::OutOfRange) }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.digits.is_empty() {
            return f.write_str("0");
        }
        if self.negative {
            f.write_str("-")?;
        }
        let Ok(decimals) = usize::try_from(-i64::from(self.exponent)) else {
            let zeros = usize::try_from(self.exponent).unwrap_or(0);
            return write!(f, "{}{:0<zeros$}", self.digits, "");
        };
        if decimals == 0 {
            f.write_str(&self.digits)
        } else if decimals >= self.digits.len() {
            write!(f, "0.{:0>decimals$}", self.digits)
        } else {
            let (whole, fraction) = self.digits.split_at(self.digits.len() - decimals);
            write!(f, "{whole}.{fraction}")
        }
    }
}

/// Read a text of digits, marks between them, and an exponent.
pub(super) fn read(text: &str) -> Result<Reading, Issue> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            let is_written = exponent.len() <= 12
                && exponent.trim_start_matches(['+', '-']).bytes().all(|b| b.is_ascii_digit());
            if !is_written {
                return Err(Issue::Malformed);
            }
            let exponent: i64 = exponent.parse().map_err(|_| Issue::Malformed)?;
            let exponent = i32::try_from(exponent).unwrap_or(i32::MAX);
            if !(-LARGEST_EXPONENT..=LARGEST_EXPONENT).contains(&exponent) {
                return Err(Issue::OutOfRange);
            }
            (mantissa, exponent)
        }
        None => (text, 0),
    };
    let (whole, fraction, ambiguous) = split(mantissa).ok_or(Issue::Malformed)?;
    let whole = ungrouped(whole).ok_or(Issue::Malformed)?;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Issue::Malformed);
    }
    Ok(Reading { decimal: Decimal::new(&whole, fraction, exponent), ambiguous })
}

/// The whole part, the decimals, and whether the mark between could be one of thousands.
fn split(text: &str) -> Option<(&str, &str, bool)> {
    let (commas, points) = (text.matches(',').count(), text.matches('.').count());
    let is_grouped = text.contains([' ', '\'', '_']);
    let mark = match (commas, points) {
        (0, 0) => return Some((text, "", false)),
        // Both: the last is the decimal mark.
        (_, 1..) if commas > 0 && text.rfind('.') > text.rfind(',') => '.',
        (1.., _) if points > 0 => ',',
        (0, 1) => '.',
        (1, 0) => ',',
        _ => return Some((text, "", false)),
    };
    let (whole, fraction) =
        text.split_once(mark).filter(|(_, fraction)| !fraction.contains(mark))?;
    let is_alone = commas + points == 1 && !is_grouped;
    let could_be_thousands = is_alone
        && fraction.len() == 3
        && (1..=3).contains(&whole.len())
        && !whole.starts_with('0');
    if could_be_thousands && mark == ',' {
        return Some((text, "", true));
    }
    Some((whole, fraction, could_be_thousands))
}

/// Digits without the marks between their groups of three, or of three and twos as in India.
fn ungrouped(whole: &str) -> Option<String> {
    let Some(mark) = whole.chars().find(|c| !c.is_ascii_digit()) else {
        return Some(whole.to_owned());
    };
    if !matches!(mark, '.' | ',' | '\'' | ' ' | '_') {
        return None;
    }
    let groups: Vec<&str> = whole.split(mark).collect();
    let (first, rest) = groups.split_first()?;
    let (last, middle) = rest.split_last()?;
    let is_grouped = last.len() == 3
        && ((1..=3).contains(&first.len()) && middle.iter().all(|group| group.len() == 3)
            || (1..=2).contains(&first.len()) && middle.iter().all(|group| group.len() == 2));
    let digits = groups.concat();
    (is_grouped && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Option<String> {
        read(text).ok().map(|reading| reading.decimal.to_string())
    }

    #[test]
    fn numbers_are_written_out_exactly() {
        for (text, wanted) in [
            ("0", "0"),
            ("000", "0"),
            ("007", "7"),
            ("1.50", "1.5"),
            (".5", "0.5"),
            ("100", "100"),
            ("1e3", "1000"),
            ("1.5e-3", "0.0015"),
            ("0.1000000000000000000000000000001", "0.1000000000000000000000000000001"),
            ("12,34,567.8", "1234567.8"),
            ("1.234.567", "1234567"),
        ] {
            assert_eq!(plain(text).as_deref(), Some(wanted), "{text}");
        }
        for text in ["1.2.3", "1,23,45", "1.234,567.8", "5-10", "1/2", "12 34", "1e", "1e99"] {
            assert_eq!(plain(text), None, "{text}");
        }
    }
}
