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
    if is_clean_already(raw) { Cow::Borrowed(raw) } else { Cow::Owned(clean_at_length(raw)) }
}

/// [`clean`] of any text.
fn clean_at_length(raw: &str) -> String {
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
    if unicode_normalization::is_nfc(&out) { out } else { out.nfc().collect() }
}

/// Whether [`clean`] would leave out a character that nobody can see.
pub(super) fn has_invisible(raw: &str) -> bool {
    let is_plain = raw.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    !is_plain && raw.chars().any(|c| is_invisible(c) && c != '\u{feff}' && !c.is_whitespace())
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
    if raw.chars().map(straight).all(|c| folds_by_case(c) || stands_alone(c)) {
        let mut text = String::with_capacity(raw.len());
        for c in clean(raw).chars().map(straight).flat_map(char::to_lowercase) {
            match c {
                'ß' => text.push_str("ss"),
                'ς' => text.push('σ'),
                _ => text.push(c),
            }
        }
        return text;
    }
    fold_at_length(raw)
}

/// [`fold`] of any text.
fn fold_at_length(raw: &str) -> String {
    // Folding can undo composing and the other way round, so repeat until nothing changes; real
    // text needs one round, and no known text more than three.
    let mut text: String = raw.chars().map(straight).collect();
    for _ in 0..8 {
        let lower: String =
            clean(&text).nfkc().map(straight).flat_map(char::to_lowercase).collect();
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
    if raw.chars().map(straight).all(folds_by_case) {
        for c in raw.chars().map(straight) {
            any_ascii::any_ascii_char(c).bytes().for_each(&mut push);
        }
        return out;
    }
    for c in raw.chars().map(straight).nfkc() {
        match c {
            _ if c.is_ascii() => push(c as u8),
            '\u{2b9}' => push(b'\''),
            // Only letters of these scripts lose their marks; kana, Hangul and Indic letters say
            // something else without them.
            '\u{80}'..='\u{58f}' | '\u{1e00}'..='\u{1fff}' => {
                c.nfd().for_each(|c| spell(c, &mut push))
            }
            _ => spell(c, &mut push),
        }
    }
    out
}

/// Curly apostrophes, and the acute accent that is typed for one, as the straight one: they are one
/// sign in several spellings, and NFKC would make a space with a mark of the accent.
fn straight(c: char) -> char {
    if matches!(c, '\u{b4}' | '\u{2018}' | '\u{2019}' | '\u{2bc}') { '\'' } else { c }
}

/// Spells one character out, byte by byte; marks that only modify a letter are left out.
fn spell(c: char, push: &mut impl FnMut(u8)) {
    let is_mark = matches!(c as u32,
        0x300..=0x36f | 0x591..=0x5c7 | 0x610..=0x61a | 0x64b..=0x65f | 0x670 | 0x1ab0..=0x1aff
        | 0x1dc0..=0x1dff | 0x20d0..=0x20ff | 0xfe20..=0xfe2f);
    if is_mark || is_invisible(c) {
        return;
    }
    // Scripts without word breaks between letters come out run together, one word a run, but for
    // those whose every character is a word.
    let is_ideograph = is_ideograph(c);
    if is_ideograph {
        push(b' ');
    }
    any_ascii::any_ascii_char(c).bytes().for_each(&mut *push);
    if is_ideograph {
        push(b' ');
    }
}

/// Whether it is a Chinese character, as Chinese, Japanese and Korean names have them.
pub(crate) fn is_ideograph(c: char) -> bool {
    matches!(c as u32, 0x3400..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x3ffff)
}

/// Free text: cleaned and folded, nothing taken apart.
///
/// Forms: canonical (folded) and ascii. Issues: unusable for `placeholder`; the remark
/// `control_characters` where invisible characters were left out. Signs such as `★★★` are text.
///
/// # Examples
/// ```
/// use cdm_core::normalize::text;
/// assert_eq!(text("  Café\tMÜLLER ").canonical(), Some("café müller"));
/// assert_eq!(text("n/a").canonical(), None);
/// ```
#[must_use]
pub fn text(raw: &str) -> Normalized {
    let cleaned = clean(raw);
    if cleaned.is_empty() {
        return Normalized::missing();
    }
    if is_placeholder(&cleaned) && !is_of_symbols(&cleaned) {
        return Normalized::unusable(Issue::Placeholder);
    }
    let value = Normalized::valid(fold(&cleaned)).with(Form::Ascii, ascii(&cleaned));
    if has_invisible(raw) { value.noting(Issue::ControlCharacters) } else { value }
}

/// Whether the text has no letter or digit, but signs that say something: `★★★`, `👍`, `€`.
pub(super) fn is_of_symbols(text: &str) -> bool {
    let is_symbol = |c: char| {
        matches!(c as u32, 0x20a0..=0x20cf | 0x2190..=0x24ff | 0x25a0..=0x2bff | 0x1f000..=0x1faff)
            || matches!(c, '£' | '¥' | '©' | '®')
    };
    !text.is_ascii() && !text.contains(char::is_alphanumeric) && text.contains(is_symbol)
}

/// Whether the text looks decoded with the wrong encoding: `MÃ¼ller`, `caf\u{fffd}`.
pub(super) fn is_mojibake(text: &str) -> bool {
    // UTF-8 read as Windows-1252: the first byte of a sequence, then one from 80 to BF.
    let follows = |c: char| {
        matches!(c, '\u{80}'..='\u{bf}' | '\u{2018}'..='\u{201e}' | '\u{2020}'..='\u{2022}')
            || "€ƒ…ˆ‰Š‹ŒŽ–—˜™š›œžŸ".contains(c)
    };
    !text.is_ascii()
        && (text.contains('\u{fffd}')
            || text.chars().zip(text.chars().skip(1)).any(|(first, second)| match first {
                'Ã' | 'Â' | 'Ð' | 'Ñ' => follows(second),
                'â' => second == '€',
                _ => false,
            }))
}

/// Whether [`clean`] would leave the text as it is: ASCII, the accented letters of most of Europe and the letters of
/// the commonest other scripts, between single spaces. Other text may be clean as well.
fn is_clean_already(text: &str) -> bool {
    let mut after_space = true;
    if text.is_ascii() {
        for byte in text.bytes() {
            match byte {
                b' ' if after_space => return false,
                b' ' => after_space = true,
                b'\x21'..=b'\x7e' => after_space = false,
                _ => return false,
            }
        }
        return text.is_empty() || !after_space;
    }
    for c in text.chars() {
        match c {
            ' ' if after_space => return false,
            ' ' => after_space = true,
            '\x21'..='\x7e' | '\u{c0}'..='\u{17f}' => after_space = false,
            _ if stands_alone(c) => after_space = false,
            _ => return false,
        }
    }
    text.is_empty() || !after_space
}

/// Whether folding a character is a matter of case alone: ASCII and the letters of Latin-1 and
/// Latin Extended-A, but for compatibility characters and the capital `İ`.
fn folds_by_case(c: char) -> bool {
    c.is_ascii()
        || (matches!(c, '\u{c0}'..='\u{17e}')
            && !matches!(c, 'İ' | '\u{132}' | '\u{133}' | '\u{13f}' | '\u{140}' | '\u{149}'))
}

/// Whether it is a letter of a script other than Latin that no normal form of Unicode changes, whatever letters of
/// these stand beside it, and that has one small letter: Greek, Cyrillic, Hebrew, Arabic, kana, Chinese characters, Hangul.
pub(super) fn stands_alone(c: char) -> bool {
    matches!(c as u32,
        0x386 | 0x388..=0x38a | 0x38c | 0x38e..=0x3a1 | 0x3a3..=0x3ce | 0x400..=0x481 | 0x48a..=0x4ff
        | 0x5d0..=0x5ea | 0x621..=0x63a | 0x641..=0x64a | 0x679..=0x6bf | 0x6cc
        | 0x3041..=0x3096 | 0x30a1..=0x30fa | 0x30fc | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xac00..=0xd7a3)
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
        assert_eq!(fold("O\u{b4}Brien"), "o'brien");
        assert_eq!(fold("O’Brien"), "o'brien");
        assert_eq!(fold("ŉ"), "'n");
    }

    #[test]
    fn the_short_way_for_western_letters_gives_what_the_long_way_gives() {
        // A letter of another script sends the same letters the long way.
        for c in ('\u{c0}'..='\u{17f}').chain(' '..='~') {
            assert_eq!(
                ascii(&format!("a{c}b д")),
                format!("{} d", ascii(&format!("a{c}b"))),
                "{c}"
            );
        }
    }

    #[test]
    fn transliteration_keeps_words_apart_and_apostrophes_out() {
        assert_eq!(ascii("D’Angelo  de la Cruz"), "dangelo de la cruz");
        assert_eq!(ascii("王小明"), "wang xiao ming");
        assert_eq!(ascii("Ærøskøbing ß"), "aeroskobing ss");
        assert_eq!(ascii("..."), "");
        assert_eq!(ascii("O\u{b4}Brien"), "obrien");
    }

    #[test]
    fn letters_that_differ_by_a_mark_stay_different_where_the_mark_is_not_an_accent() {
        assert_ne!(ascii("ガ"), ascii("カ"));
        assert_ne!(ascii("हिन्दी"), ascii("हन्द"));
        assert_eq!(ascii("삼성"), "samseong");
        assert_eq!(ascii("Việt Nam, Škoda, İzmir"), "viet nam skoda izmir");
    }

    #[test]
    fn wrong_decoding_is_seen_and_right_letters_are_not_suspected() {
        for text in ["MÃ¼ller", "CafÃ© Zoe", "Itâ€™s", "caf\u{fffd}", "Â£5"] {
            assert!(is_mojibake(text), "{text}");
        }
        for text in ["Müller", "São Paulo", "Âmbar", "IRMÃ DULCE", "ÑANDÚ", "â", "Müller & Söhne"]
        {
            assert!(!is_mojibake(text), "{text}");
        }
    }

    #[test]
    fn every_letter_that_stands_alone_is_what_it_is_the_long_way() {
        for c in (0..=0xffff).filter_map(char::from_u32).filter(|c| stands_alone(*c)) {
            let text = c.to_string();
            assert_eq!(fold(&text), fold_at_length(&text));
            assert_eq!(clean_at_length(&text), text);
            let nfkc: String = text.nfkc().collect();
            assert_eq!(nfkc, text);
        }
    }

    fn some_letters() -> impl Strategy<Value = String> {
        let letters = (0..=0xffff).filter_map(char::from_u32).filter(|c| stands_alone(*c));
        let letter = prop::sample::select(letters.collect::<Vec<_>>());
        let some = prop_oneof![
            letter,
            prop::char::range(' ', '~'),
            prop::char::range('\u{b0}', '\u{17f}')
        ];
        prop::collection::vec(some, 0..12).prop_map(|letters| letters.into_iter().collect())
    }

    proptest! {
        #[test]
        fn the_short_way_is_the_long_way(text in some_letters()) {
            prop_assert_eq!(fold(&text), fold_at_length(&text));
            let cleaned = clean_at_length(&text);
            prop_assert_eq!(clean(&text), cleaned);
        }

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
