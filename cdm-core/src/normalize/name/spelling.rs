//! Characters made equal: wrong encodings undone, one apostrophe, one hyphen, one case.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use crate::normalize::text::stands_alone;
use crate::normalize::{self, clean};

/// Undo UTF-8 text read as Windows-1252 or Latin-1 (`MÃ¼ller`), once or twice over.
pub(super) fn repair(raw: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(raw);
    for _ in 0..2 {
        match repair_once(&text) {
            Some(repaired) => text = Cow::Owned(repaired),
            None => break,
        }
    }
    text
}

fn repair_once(text: &str) -> Option<String> {
    // Only what begins the UTF-8 of letters that names have; beside them stand no such
    // continuations in any orthography.
    let is_lead =
        |c: char| matches!(c as u32, 0xc2..=0xc5 | 0xce..=0xd1 | 0xd7..=0xdb | 0xe1..=0xef);
    if text.is_ascii() || !text.chars().any(is_lead) {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut changed = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let length = if is_lead(c) { 1 + usize::from(c >= '\u{e0}') } else { 0 };
        let mut bytes = [c as u32 as u8, 0, 0];
        let mut after = chars.clone();
        let continued = length > 0
            && (1..=length).all(|at| match after.next().and_then(windows_1252) {
                Some(byte @ 0x80..=0xbf) => {
                    bytes[at] = byte;
                    true
                }
                _ => false,
            });
        match std::str::from_utf8(&bytes[..=length]) {
            Ok(decoded) if continued => {
                out.push_str(decoded);
                chars = after;
                changed = true;
            }
            _ => out.push(c),
        }
    }
    changed.then_some(out)
}

/// The byte that is read as this character, by Windows-1252 or by Latin-1.
fn windows_1252(c: char) -> Option<u8> {
    if let Ok(byte) = u8::try_from(c as u32) {
        return Some(byte);
    }
    let mut utf8 = [0; 4];
    let (bytes, _, unmappable) = encoding_rs::WINDOWS_1252.encode(c.encode_utf8(&mut utf8));
    (!unmappable && bytes.len() == 1).then(|| bytes[0])
}

/// Whether the text still shows traces of a wrong encoding.
pub(super) fn is_garbled(text: &str) -> bool {
    if text.is_ascii() && !text.contains('?') {
        return false;
    }
    let mut chars = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let next = chars.peek().copied().unwrap_or(' ');
        let garbled = match c {
            '\u{fffd}' => true,
            '?' => before.is_alphabetic() && next.is_alphabetic(),
            'Ã' | 'Â' | 'Ä' | 'Å' | 'ã' | 'â' => {
                matches!(next, '\u{80}'..='\u{bf}' | '€' | '™' | '\u{2018}'..='\u{201e}' | 'ƒ' | '†'..='•' | '…' | '‰' | '‹' | 'Œ' | 'œ' | '˜')
            }
            _ => false,
        };
        if garbled {
            return true;
        }
        before = c;
    }
    false
}

/// Cleaned text with one apostrophe, one hyphen and one middle dot.
pub(super) fn unify(text: &str) -> Cow<'_, str> {
    let clean = clean(text);
    if clean.is_ascii() && !clean.contains('`') {
        return clean;
    }
    if clean.chars().all(|c| (is_plain_latin(c) || stands_alone(c)) && c != '`') {
        return clean;
    }
    let unified: String = clean.chars().map(unified).collect();
    Cow::Owned(clean_owned(unified))
}

fn clean_owned(text: String) -> String {
    match clean(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(text) => text,
    }
}

/// Unified text without differences of width and the like.
pub(super) fn compose(unified_text: &str) -> Cow<'_, str> {
    if unified_text.chars().all(|c| is_plain_latin(c) || stands_alone(c)) {
        return Cow::Borrowed(unified_text);
    }
    let composed: String = unified_text.nfkc().map(unified).collect();
    Cow::Owned(clean_owned(composed))
}

/// [`normalize::fold`] of cleaned text, faster where it holds Latin letters alone.
pub(super) fn fold(text: &str) -> String {
    if !text.chars().all(is_plain_latin) {
        return normalize::fold(text);
    }
    let mut folded = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'ß' => folded.push_str("ss"),
            _ if c.is_ascii() => folded.push(c.to_ascii_lowercase()),
            _ => folded.extend(c.to_lowercase()),
        }
    }
    folded
}

/// Letters of Latin-1 and Latin Extended-A that have no compatibility form and one small letter,
/// and ASCII that can be seen.
fn is_plain_latin(c: char) -> bool {
    match c as u32 {
        0x20..=0x7e => true,
        0xc0..=0x17f => {
            !matches!(c as u32, 0xd7 | 0xf7 | 0x130 | 0x132 | 0x133 | 0x13f | 0x140 | 0x149 | 0x17f)
        }
        _ => false,
    }
}

fn unified(c: char) -> char {
    match c {
        '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{2bc}' | '\u{2bb}' | '\u{2bd}' | '\u{2b9}'
        | '\u{2032}' | '\u{b4}' | '`' | '\u{ff07}' | '\u{5f3}' => '\'',
        '\u{2010}'..='\u{2015}'
        | '\u{2212}'
        | '\u{fe58}'
        | '\u{fe63}'
        | '\u{ff0d}'
        | '\u{2043}'
        | '\u{2d7}'
        | '\u{5be}'
        | '\u{301c}' => '-',
        '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{201f}' | '\u{ab}' | '\u{bb}' | '\u{2039}'
        | '\u{203a}' | '\u{300c}' | '\u{300d}' | '\u{ff02}' | '\u{5f4}' => '"',
        '\u{30fb}' | '\u{ff65}' | '\u{2027}' | '\u{2022}' => '·',
        '\u{3001}' | '\u{60c}' | '\u{ff0c}' => ',',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_read_in_the_wrong_encoding_is_repaired_and_names_are_left_alone() {
        for (raw, repaired) in [
            ("MÃ¼ller", "Müller"),
            ("MÃƒÂ¼ller", "Müller"),
            ("WeiÃŸ", "Weiß"),
            ("Å ukasz", "Å ukasz"),
            ("Åukasz", "Åukasz"),
            ("Dâ€™Angelo", "D’Angelo"),
            ("João Ângela Ñuñez ÄÖÜ Ærø", "João Ângela Ñuñez ÄÖÜ Ærø"),
        ] {
            assert_eq!(repair(raw), repaired);
        }
    }

    proptest! {
        #[test]
        fn the_fast_way_to_fold_is_the_slow_way(text in "[ -~À-žΑ-ωА-я가-힣あ-んァ-ヶ一-丿א-ת]{0,12}") {
            let text = clean(&text);
            prop_assert_eq!(fold(&text), normalize::fold(&text));
            let unified = unify(&text);
            let slowly: String = unified.nfkc().collect();
            prop_assert_eq!(compose(&unified), unify(&slowly));
        }
    }
}
