//! Digits and punctuation of all scripts as their ASCII counterparts, for kinds made of them.

use std::borrow::Cow;

use any_ascii::any_ascii_char;
use unicode_normalization::UnicodeNormalization;

use super::text::clean;

/// The text cleaned, with full-width forms, digits of any script, dashes, quotes, primes, slashes
/// and list commas as ASCII; letters stay as they are.
///
/// The degree sign stays `°`, and the ordinal and ring signs typed for it become it.
pub(super) fn plain(raw: &str) -> Cow<'_, str> {
    let cleaned = clean(raw);
    if cleaned.is_ascii() {
        return cleaned;
    }
    let mut out = String::with_capacity(cleaned.len());
    // NFKC would take these apart.
    let kept = |c| match c {
        'º' | '˚' => '°',
        '″' => '"',
        '´' => '\'',
        _ => c,
    };
    for c in cleaned.chars().map(kept).nfkc() {
        match c {
            '\0'..='\x7f' => out.push(c),
            '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2043}' | '\u{30fc}' | '\u{2500}' => {
                out.push('-');
            }
            '‘' | '’' | '‛' | '′' | 'ʹ' | 'ʼ' | '\u{66c}' => out.push('\''),
            '“' | '”' | '„' | '‟' | 'ʺ' => out.push('"'),
            '\u{2044}' | '\u{2215}' => out.push('/'),
            '、' | '،' => out.push(','),
            '。' | '\u{66b}' | '·' => out.push('.'),
            '؛' => out.push(';'),
            '∼' | '⁓' => out.push('~'),
            _ if c.is_numeric() => match any_ascii_char(c).as_bytes() {
                [digit @ b'0'..=b'9'] => out.push(*digit as char),
                _ => out.push(c),
            },
            _ => out.push(c),
        }
    }
    Cow::Owned(clean(&out).into_owned())
}

/// Whether digits are all the same one.
pub(super) fn is_one_digit(digits: &str) -> bool {
    digits.as_bytes().windows(2).all(|pair| pair[0] == pair[1]) && !digits.is_empty()
}

/// Whether digits count plainly up or down, as a hand does that fills in a field: `1234567890`.
pub(super) fn is_run(digits: &str) -> bool {
    // Few begin so.
    let begins = match digits.as_bytes() {
        [first, second, ..] => first.abs_diff(*second) == 1 || (*first, *second) == (b'9', b'0'),
        _ => false,
    };
    begins && ("01234567890".contains(digits) || "9876543210".contains(digits))
}

/// What a spreadsheet leaves of a long number shown in scientific notation: `4.91711E+11`.
pub(super) fn is_rounded_by_spreadsheet(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    exponent.strip_prefix('+').is_some_and(|e| is_number(e) && e.len() <= 3)
        && match mantissa.split_once(['.', ',']) {
            Some((whole, fraction)) => is_number(whole) && whole.len() <= 3 && is_number(fraction),
            None => is_number(mantissa),
        }
}

/// A whole number that went through a floating-point column, `3865286.0`, as the digits it was.
pub(super) fn without_float_suffix(text: &str) -> &str {
    match text.split_once('.') {
        Some((whole, "0" | "00"))
            if whole.len() >= 4 && whole.bytes().all(|b| b.is_ascii_digit()) =>
        {
            whole
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_and_signs_of_all_scripts_become_ascii() {
        assert_eq!(plain("＋４９ （０）１７１—１２"), "+49 (0)171-12");
        assert_eq!(plain("٠١٢٣٤٥٦٧٨٩ ۰۱۲ ०१२ ๑๒"), "0123456789 012 012 12");
        assert_eq!(plain("40º26′46″N"), "40°26'46\"N");
        assert_eq!(plain("1970年3月1日"), "1970年3月1日");
    }

    #[test]
    fn what_spreadsheets_did_to_a_number_is_seen() {
        assert!(is_rounded_by_spreadsheet("4.91711E+11"));
        assert!(is_rounded_by_spreadsheet("4,9E+11"));
        assert!(!is_rounded_by_spreadsheet("12E45") && !is_rounded_by_spreadsheet("E+11"));
        assert_eq!(without_float_suffix("3865286.0"), "3865286");
        assert_eq!(without_float_suffix("10.0"), "10.0");
    }
}
