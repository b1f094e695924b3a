//! Where the postcode stands in a line.

use crate::normalize::place::{city, postcode};

use super::street::{self, Words, is_nameless};
use super::whole::{has_direction, region_at_end};
use super::words::{WORDS, is_number};

/// A postcode and where it stands.
pub(super) struct Found {
    pub(super) part: usize,
    pub(super) start: usize,
    pub(super) length: usize,
    pub(super) postcode: String,
}

pub(super) fn find_postcode(parts: &[Words<'_>], country: Option<&str>) -> Option<Found> {
    (0..parts.len()).rev().find_map(|part| {
        let words = &parts[part];
        let found = at_end(words, part, country)
            .or_else(|| at_start(words, &parts[..part], country))
            .or_else(|| amid(words, country))?;
        let (start, length, postcode) = found;
        Some(Found { part, start, length, postcode })
    })
}

/// The code in `words` where it is one of letters and digits, or carries its country (`d-80331`).
fn lettered(words: &[&str], country: Option<&str>) -> Option<String> {
    let text = words.join(" ");
    if text.len() > 10
        || !text.bytes().any(|b| b.is_ascii_lowercase())
        || !text.bytes().any(|b| b.is_ascii_digit())
    {
        return None;
    }
    let fit = postcode::fit(&text, country)?;
    let letters = fit.canonical.bytes().any(|b| b.is_ascii_uppercase());
    // Two words are a code only as its two halves: `W 61st` is no `W6 1ST`.
    if words.len() == 2 && !fit.canonical.eq_ignore_ascii_case(&text) {
        return None;
    }
    let prefixed = words.len() == 1
        && text.contains('-')
        && text.starts_with(|c: char| c.is_ascii_lowercase());
    // Without a country, four digits and two letters may be a number before `NW`, and five letters
    // and digits a flat: keep to what has the look of a code in two halves.
    (letters && (words.len() == 2 || text.len() >= 6) || prefixed).then_some(fit.canonical)
}

/// The code in `word` where it is one of digits. Seven or eight of them may be any number where no country
/// is known, unless they are a part of their own.
fn digits(word: &str, country: Option<&str>, is_part: bool) -> Option<String> {
    let plain = word.bytes().filter(u8::is_ascii_digit).count();
    let dash = word.find('-');
    let shaped = plain == word.len() && (4..=9).contains(&plain)
        || dash.is_some_and(|at| {
            matches!((at, word.len() - at - 1), (5, 4) | (2, 3) | (4, 3) | (5, 3) | (3, 4))
        }) && plain + 1 == word.len();
    if !shaped {
        return None;
    }
    if country.is_none() && dash.is_none() && matches!(plain, 7 | 8) && !is_part {
        return None;
    }
    Some(postcode::fit(word, country)?.canonical)
}

fn at_end(words: &[&str], part: usize, country: Option<&str>) -> Option<(usize, usize, String)> {
    let count = words.len();
    for length in [2, 1] {
        if count >= length
            && (part > 0 || count > length)
            && let Some(code) = lettered(&words[count - length..], country)
        {
            return Some((count - length, length, code));
        }
    }
    let start = count.checked_sub(1)?;
    let is_part = count == 1 && part > 0;
    let code =
        digits(words[start], country, is_part).map(|code| (start, 1, code)).or_else(|| {
            // `114 55`
            let [.., left, right] = words else { return None };
            let halves = left.len() == 3 && right.len() == 2 && count == 2 && part > 0;
            let all = halves && left.bytes().chain(right.bytes()).all(|b| b.is_ascii_digit());
            all.then(|| {
                digits(&format!("{left}{right}"), country, false).map(|code| (start - 1, 2, code))
            })
            .flatten()
        })?;
    let before = &words[..code.0];
    if before.last().is_some_and(|word| ends_before_number(word)) {
        return None;
    }
    let after_region = guess(&code.2, country)
        .is_some_and(|guessed| region_at_end(before, Some(guessed)).is_some());
    let numbered = before.len() >= 3 && is_number(before[0]) && code.2.len() >= 5;
    // In a part of its own, or after a town; in a street, only after a region or a house number.
    let in_own_part = part > 0
        && (before.is_empty()
            || !before.iter().any(|word| is_number(word)) && !ends_in_type(before));
    (in_own_part || after_region && (part > 0 || before.len() > 1) || numbered).then_some(code)
}

fn ends_before_number(word: &str) -> bool {
    matches!(
        word,
        "box"
            | "postfach"
            | "bp"
            | "bag"
            | "highway"
            | "hwy"
            | "route"
            | "rte"
            | "apartado"
            | "postbus"
            | "unit"
            | "apt"
            | "suite"
            | "ste"
            | "lot"
            | "no"
            | "nr"
            | "#"
            | "road"
            | "cs"
            | "postale"
            | "postal"
            | "apdo"
    )
}

pub(super) fn ends_in_type(words: &[&str]) -> bool {
    words.len() > 1 && words.last().is_some_and(|word| WORDS.is_sure_type(word))
}

/// `80331 München`, `1015 CJ Amsterdam`, `D-80331 München`, `114 55 Stockholm`: in the first part
/// only before a town that is known, for a number there is a house.
fn at_start(
    words: &[&str],
    earlier: &[Words<'_>],
    country: Option<&str>,
) -> Option<(usize, usize, String)> {
    let (length, code) = start_code(words, country)?;
    let after = &words[length..];
    // Four digits before a town that nobody knows are a house as likely: `Hayes Center, 4859 Wabash`.
    let is_street = |part: &Words<'_>| {
        part.iter().any(|word| is_number(word))
            || street::has_sure_type(part)
            || WORDS.first_types.longest(part).is_some()
            || is_nameless(part)
    };
    let street_before = earlier.iter().any(is_street);
    let needs_known = earlier.is_empty() || code.len() == 4 && !street_before && !after.is_empty();
    if needs_known && !city::is_known(&after.join(" "))
        || after.len() > 1 && after[0].len() <= 2 && has_direction(after[0])
    {
        return None;
    }
    let plain = !after.iter().any(|word| is_number(word)) && (length == 2 || !ends_in_type(after));
    plain.then_some((0, length, code))
}

fn start_code(words: &[&str], country: Option<&str>) -> Option<(usize, String)> {
    if let [left, right, ..] = words {
        let digits_only = |word: &str| word.bytes().all(|b| b.is_ascii_digit());
        if left.len() == 4
            && right.len() == 2
            && digits_only(left)
            && let Some(code) = lettered(&words[..2], country.or(Some("NL")))
        {
            return Some((2, code));
        }
        if left.len() == 3
            && right.len() == 2
            && digits_only(left)
            && digits_only(right)
            && let Some(code) = digits(&format!("{left}{right}"), country, false)
        {
            return Some((2, code));
        }
    }
    let first = words.first()?;
    let code = lettered(&words[..1], country).or_else(|| digits(first, country, false))?;
    Some((1, code))
}

/// `Hauptstr. 5 80331 München`: a code between the street and the town.
fn amid(words: &[&str], country: Option<&str>) -> Option<(usize, usize, String)> {
    for start in 1..words.len().saturating_sub(1) {
        if let Some(code) = lettered(&words[start..(start + 2).min(words.len())], country)
            && start + 2 < words.len()
            && !code.starts_with(|c: char| c.is_ascii_digit())
        {
            return Some((start, 2, code));
        }
        let Some((length, code)) = start_code(&words[start..], country) else { continue };
        let after = &words[start + length..];
        let town = !after.is_empty()
            && after.len() <= 5
            && !after.iter().any(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        let before = &words[..start];
        let numbered = before.len() >= 2 && before.iter().any(|word| is_number(word))
            || before.last().is_some_and(|word| word.contains('-'))
            || before.len() >= 2 && code.len() >= 5 && street::has_type(before);
        // Four digits are a house number as likely, unless one stands before them.
        let sure = code.len() >= 5 && length == 1
            || before.len() >= 2 && before[1..].iter().any(|word| is_number(word));
        if town
            && numbered
            && sure
            && !ends_before_number(before[start - 1])
            && !ends_in_type(after)
        {
            return Some((start, length, code));
        }
    }
    None
}

/// The country that a code's shape tells, where none is known.
pub(super) fn guess<'a>(code: &str, country: Option<&'a str>) -> Option<&'a str> {
    country.or(match code.len() {
        4 => Some("AU"),
        5 => Some("US"),
        7 if code.as_bytes()[3] == b' '
            && code.as_bytes()[1].is_ascii_digit()
            && code.as_bytes()[2].is_ascii_uppercase() =>
        {
            Some("CA")
        }
        6..=8 if code.contains(' ') => Some("GB"),
        _ => None,
    })
}
