//! What every kind shares: cleaning, case folding, transliteration; and free text itself.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use super::placeholder::is_placeholder;
use super::{Form, Issue, Normalized};

/// The text with white space folded and what cannot be seen left out.
///
/// NFC; control, zero-width, byte-order and direction marks removed; every run of white space
/// (of any script, line breaks included) one space; none at either end. Case and letters stay.
///
/// # Examples
/// ```
/// assert_eq!(cdm_core::normalize::clean("\u{feff} Ann\u{200b}a\u{a0}\n Li "), "Anna Li");
/// ```
#[must_use]
pub fn clean(raw: &str) -> Cow<'_, str> {
    if is_clean_ascii(raw.as_bytes()) {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut pending_space = false;
    for c in raw.nfc() {
        if c.is_whitespace() {
            pending_space = !out.is_empty();
        } else if !is_invisible(c) {
            if std::mem::take(&mut pending_space) {
                out.push(' ');
            }
            out.push(c);
        }
    }
    // Leaving out a mark can bring together what composes.
    if unicode_normalization::is_nfc(&out) {
        Cow::Owned(out)
    } else {
        Cow::Owned(out.nfc().collect())
    }
}

/// Whether [`clean`] would leave out a character that nobody can see.
pub(super) fn has_invisible(raw: &str) -> bool {
    raw.chars().any(|c| is_invisible(c) && c != '\u{feff}' && !c.is_whitespace())
}

/// The text ready for comparing without regard to case or width: cleaned, NFKC, case-folded.
///
/// # Examples
/// ```
/// assert_eq!(cdm_core::normalize::fold(" ＭÜLLER  Straße"), "müller strasse");
/// ```
#[must_use]
pub fn fold(raw: &str) -> String {
    if raw.is_ascii() {
        let mut text = clean(raw).into_owned();
        text.make_ascii_lowercase();
        return text;
    }
    // Folding can undo composing and the other way round, so repeat until nothing changes; real
    // text needs one round, and no known text more than three.
    let mut text = raw.to_owned();
    for _ in 0..8 {
        let lower: String = clean(&text).nfkc().flat_map(char::to_lowercase).collect();
        let next =
            clean(&lower.replace(['ß', 'ẞ'], "ss").replace('ς', "σ").replace("i\u{307}", "i"))
                .nfkc()
                .collect::<String>();
        if next == text {
            break;
        }
        text = next;
    }
    text
}

/// The text transliterated to `a`-`z`, `0`-`9` and single spaces; anything else separates words.
///
/// Diacritics are dropped, other scripts spelt out letter by letter (Unidecode's tables, by
/// `any_ascii`); an apostrophe within a word is left out, so that O'Brien is `obrien`.
///
/// # Examples
/// ```
/// use cdm_core::normalize::ascii;
/// assert_eq!(ascii("Łukasz O'Brien-Ångström"), "lukasz obrien angstrom");
/// assert_eq!(ascii("Юлия"), "yuliya");
/// ```
#[must_use]
pub fn ascii(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut pending_space = false;
    let mut push = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => {
            if std::mem::take(&mut pending_space) && !out.is_empty() {
                out.push(' ');
            }
            out.push(byte.to_ascii_lowercase() as char);
        }
        b'\'' | b'`' => {}
        _ => pending_space = true,
    };
    if raw.is_ascii() {
        raw.bytes().for_each(push);
        return out;
    }
    for c in raw.nfkd() {
        if c.is_ascii() {
            push(c as u8);
        } else if matches!(c, '\u{2019}' | '\u{2018}' | '\u{2bc}' | '\u{2b9}' | '\u{b4}') {
            push(b'\'');
        } else if !unicode_normalization::char::is_combining_mark(c) && !is_invisible(c) {
            // Scripts without word breaks between letters come out run together, one word a run,
            // but for those whose every character is a word.
            let ideograph =
                matches!(c as u32, 0x3400..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x3ffff);
            if ideograph {
                push(b' ');
            }
            any_ascii::any_ascii_char(c).bytes().for_each(&mut push);
            if ideograph {
                push(b' ');
            }
        }
    }
    out
}

/// Free text: cleaned and folded, nothing taken apart.
///
/// Forms: canonical (folded) and ascii.
#[must_use]
pub fn text(raw: &str) -> Normalized {
    let cleaned = clean(raw);
    if cleaned.is_empty() {
        return Normalized::missing();
    }
    if is_placeholder(&cleaned) {
        return Normalized::unusable(Issue::Placeholder);
    }
    let value = Normalized::valid(fold(&cleaned)).with(Form::Ascii, ascii(&cleaned));
    if has_invisible(raw) { value.noting(Issue::ControlCharacters) } else { value }
}

fn is_clean_ascii(bytes: &[u8]) -> bool {
    let mut after_space = true;
    for &byte in bytes {
        match byte {
            b' ' if after_space => return false,
            b' ' => after_space = true,
            0x21..=0x7e => after_space = false,
            _ => return false,
        }
    }
    bytes.is_empty() || !after_space
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(
            c as u32,
            0xad | 0x34f | 0x61c | 0x180e | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f
                | 0xfe00..=0xfe0f | 0xfeff | 0xfff9..=0xfffb | 0xe0000..=0xe0fff
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn folding_joins_width_case_and_composition() {
        assert_eq!(fold("ﬁ"), "fi");
        assert_eq!(fold("İstanbul"), "istanbul");
        assert_eq!(fold("ΣΊΣΥΦΟΣ"), fold("σίσυφος"));
        assert_eq!(fold("e\u{301}"), "é");
    }

    #[test]
    fn transliteration_keeps_words_apart_and_apostrophes_out() {
        assert_eq!(ascii("D’Angelo  de la Cruz"), "dangelo de la cruz");
        assert_eq!(ascii("王小明"), "wang xiao ming");
        assert_eq!(ascii("Ærøskøbing ß"), "aeroskobing ss");
        assert_eq!(ascii("..."), "");
    }

    proptest! {
        #[test]
        fn cleaning_folding_and_transliterating_twice_is_once(text in any::<String>()) {
            let once = clean(&text).into_owned();
            prop_assert_eq!(&clean(&once), &once);
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once.clone());
            let once = ascii(&text);
            prop_assert!(once.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b' ')));
            prop_assert_eq!(ascii(&once), once.clone());
        }
    }
}
