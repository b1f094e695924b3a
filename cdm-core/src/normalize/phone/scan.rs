use hashbrown::HashSet;
use std::sync::LazyLock;

use crate::normalize::data::rows;

static EXTENSION_WORDS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    // `#` is an extension sign but also a comment, so it is added here.
    rows(include_str!("../data/phone_extensions.txt"))
        .filter_map(|row| row.first().copied())
        .chain(["#"])
        .collect()
});

/// The most digits that E.164 allows in a number with its country code.
pub(super) const MOST_DIGITS: usize = 15;

/// As many digits as a number has that stands alone in a cell, rather than being part of one.
const WHOLE_NUMBER: usize = 7;

/// The number that a cell holds, before any numbering plan is asked.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Its digits, without the `+`.
    pub(super) digits: String,
    /// Whether it began with `+`.
    pub(super) international: bool,
    /// Where among the digits a zero in brackets of its own stands, as in `+44 (0)20`.
    pub(super) bracketed_zero: Option<usize>,
    /// The digits where letters are read as on a keypad: `1-800-FLOWERS`.
    pub(super) keypad: Option<String>,
    /// Digits to dial once connected.
    pub(super) extension: Option<String>,
    /// Whether some digits are hidden: `310-246-XXXX`.
    pub(super) masked: bool,
    /// Whether the cell holds another number behind this one.
    pub(super) several: bool,
}

/// A stretch of digits and what separates them within one number.
struct Chunk<'a> {
    /// The text since the chunk before.
    gap: &'a str,
    text: &'a str,
    digits: usize,
}

/// The first number in a text in which digits and signs are ASCII; `None` where it has no digit.
pub(super) fn scan(text: &str) -> Option<Found> {
    let chunks = chunks(text);
    let chosen = match chunks.iter().position(|chunk| chunk.digits >= WHOLE_NUMBER) {
        Some(whole) => whole,
        None if chunks.get(1).is_some_and(is_extension) => 0,
        // Separators that nobody uses within a number: `310,246,1501`.
        None if chunks.iter().skip(1).all(|chunk| !chunk.gap.contains(char::is_alphabetic)) => {
            let start = chunks.first()?.text;
            return Some(Found {
                digits: chunks.iter().flat_map(|chunk| digits_of(chunk.text)).collect(),
                international: start.contains('+'),
                bracketed_zero: None,
                keypad: keypad(text),
                extension: None,
                masked: is_masked(text),
                several: false,
            });
        }
        None => {
            let most = chunks.iter().map(|chunk| chunk.digits).max()?;
            chunks.iter().position(|chunk| chunk.digits == most)?
        }
    };
    let number = chunks[chosen].text;
    let (number, mut several) = match end_of_first(number) {
        Some(end) => (&number[..end], true),
        None => (number, false),
    };
    let mut rest = &chunks[chosen + 1..];
    let mut extension = None;
    if let Some(next) = rest.first().filter(|next| !several && is_extension(next)) {
        extension = Some(digits_of(next.text).collect());
        rest = &rest[1..];
    }
    several |= rest.iter().any(|chunk| chunk.digits >= 5);
    Some(Found {
        digits: digits_of(number).collect(),
        international: number.contains('+'),
        bracketed_zero: bracketed_zero(number),
        keypad: if extension.is_some() || several { None } else { keypad(text) },
        extension,
        masked: is_masked(text),
        several,
    })
}

fn digits_of(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(char::is_ascii_digit)
}

fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '-' | '.' | '/' | '(' | ')' | '[' | ']' | '~' | '*' | '_' | '\'' | '•')
}

fn chunks(text: &str) -> Vec<Chunk<'_>> {
    let mut chunks = Vec::new();
    let (mut gap_start, mut start, mut digits) = (0, None, 0);
    for (at, c) in text.char_indices() {
        let is_part = c.is_ascii_digit() || c == '+' || is_separator(c);
        let begins_another = digits > 0 && (c == '+' || c == '(' && digits >= WHOLE_NUMBER);
        if !is_part || begins_another {
            if let Some(from) = start.take_if(|_| digits > 0) {
                chunks.push(Chunk { gap: &text[gap_start..from], text: &text[from..at], digits });
                gap_start = at;
            }
            (start, digits) = (None, 0);
        }
        if is_part {
            if start.is_none() && (c.is_ascii_digit() || matches!(c, '+' | '(')) {
                start = Some(at);
            }
            digits += usize::from(c.is_ascii_digit());
        }
    }
    if let Some(from) = start.filter(|_| digits > 0) {
        chunks.push(Chunk { gap: &text[gap_start..from], text: &text[from..], digits });
    }
    chunks
}

/// Whether the chunk is the extension of the number before it.
fn is_extension(chunk: &Chunk) -> bool {
    let word = chunk.gap.trim_matches(|c: char| c != '#' && !c.is_alphabetic());
    let is_pause = chunk.gap.starts_with(",,");
    (1..=WHOLE_NUMBER).contains(&chunk.digits)
        && (is_pause || !word.is_empty() && EXTENSION_WORDS.contains(word.to_lowercase().as_str()))
}

/// Where the first number ends in a chunk that holds several.
fn end_of_first(chunk: &str) -> Option<usize> {
    let total = digits_of(chunk).count();
    let least = if chunk.contains('+') || chunk.starts_with("00") { 10 } else { WHOLE_NUMBER };
    let mut before = 0;
    let mut nearest_space = None;
    for (at, byte) in chunk.bytes().enumerate() {
        let after = total - before;
        match byte {
            b'0'..=b'9' => before += 1,
            // Two numbers, or another ending for the last digits: `030 1234567/68`.
            b'/' if before >= least && after >= WHOLE_NUMBER => return Some(at),
            b'/' if before >= 9 && (1..=3).contains(&after) => return Some(at),
            b' ' if total > MOST_DIGITS && before >= least && after >= WHOLE_NUMBER => {
                let distance = before.abs_diff(after);
                if nearest_space.is_none_or(|(nearest, _)| distance < nearest) {
                    nearest_space = Some((distance, at));
                }
            }
            _ => {}
        }
    }
    nearest_space.map(|(_, at)| at)
}

fn bracketed_zero(number: &str) -> Option<usize> {
    let at = number.find("(0)")?;
    let position = digits_of(&number[..at]).count();
    (position > 0).then_some(position)
}

/// The digits of a number that spells some of them as words.
fn keypad(text: &str) -> Option<String> {
    let start = text.find(|c: char| c.is_ascii_digit() || c == '+')?;
    let spelt = &text[start..];
    let letters = || spelt.bytes().filter(u8::is_ascii_alphabetic);
    let first_letter = spelt.bytes().position(|byte| byte.is_ascii_alphabetic())?;
    // Remarks are words too: `5 buildings`.
    let is_deliberate =
        letters().all(|byte| byte.is_ascii_uppercase()) || spelt[..first_letter].ends_with('-');
    let digits_first = spelt[..first_letter].bytes().filter(u8::is_ascii_digit).count();
    if letters().count() < 3 || digits_first < 3 || !is_deliberate || spelt.len() > 40 {
        return None;
    }
    spelt
        .chars()
        .filter(|c| !is_separator(*c) && *c != '+')
        .map(|c| match c.to_ascii_lowercase() {
            '0'..='9' => Some(c),
            'a'..='c' => Some('2'),
            'd'..='f' => Some('3'),
            'g'..='i' => Some('4'),
            'j'..='l' => Some('5'),
            'm'..='o' => Some('6'),
            'p'..='s' => Some('7'),
            't'..='v' => Some('8'),
            'w'..='z' => Some('9'),
            _ => None,
        })
        .collect()
}

fn is_masked(text: &str) -> bool {
    text.as_bytes().windows(2).any(|pair| {
        pair[0].eq_ignore_ascii_case(&pair[1]) && matches!(pair[0], b'x' | b'X' | b'*' | b'#')
    }) || text.contains('?')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> (String, Option<String>, bool) {
        let found = scan(text).unwrap();
        (found.digits, found.extension, found.several)
    }

    #[test]
    fn one_number_is_found_among_labels_extensions_and_other_numbers() {
        let one = |digits: &str| (digits.to_owned(), None, false);
        assert_eq!(found("310/246-1501"), one("3102461501"));
        assert_eq!(found("Mobile: (310) 246-1501 (home)"), one("3102461501"));
        assert_eq!(found("310,246,1501"), one("3102461501"));
        assert_eq!(found("(310) 246-1501 x23").1.as_deref(), Some("23"));
        assert_eq!(found("246-1501 Durchwahl: 23").1.as_deref(), Some("23"));
        for two in [
            "246-1501/246-1502",
            "246-1501; 246-1502",
            "(310) 246-1501 (310) 246-1502",
            "Tel 2461501 Fax 2461502",
            "+12461501 +12461502",
            "030 2461501/02",
        ] {
            let (digits, extension, several) = found(two);
            assert!(digits.ends_with("2461501") && several && extension.is_none(), "{two}");
        }
        assert!(scan("no digits").is_none());
    }
}
