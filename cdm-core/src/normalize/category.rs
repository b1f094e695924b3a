//! Values of which there are few, such as a gender or a consent.

use hashbrown::HashMap;
use std::sync::LazyLock;

use super::data::rows;
use super::placeholder::is_placeholder;
use super::text::{ascii, clean, fold, has_invisible, is_of_symbols};
use super::{Form, Issue, Normalized};

/// What a word stands for; `-` where it stands for no answer.
static WORDS: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    rows(include_str!("data/category_words.txt"))
        .filter_map(|row| match row[..] {
            [value, word] => Some((word, value)),
            _ => None,
        })
        .collect()
});

/// One of few values, such as a gender or a consent.
///
/// Well-known words of many languages for consent and truth become `yes` and `no`, those for gender
/// `male`, `female`, `diverse`, `nonbinary` and `other`; any other value is folded text. Forms:
/// canonical and ascii (of canonical).
///
/// # What a short word is taken for
/// A value is compared with values of its own field only, so a word may be read as one thing in
/// every field as long as no field holds two different things that then become equal. That holds
/// for `1`, `y`, `j`, `s`, `x` (`yes`), `0`, `n` (`no`), `m` (`male`), `f`, `w`, `v`, `k` (`female`):
/// in a field of sizes, `m` is called `male` and still differs from `s` and `l`. It does not hold for
/// `h` (man, in fields where `m` is woman), `t` and `o` (true and oui, beside `f` and `0`), nor for
/// `Mrs` and `Ms`: these stay what they are. A field whose `m` means *mujer* beside another that
/// writes *mujer* should be mapped before it comes here.
///
/// # Issues
/// Unusable: `placeholder` (also `prefer not to say` and its like). Remark: `control_characters`.
///
/// # Examples
/// ```
/// use cdm_core::normalize::category;
/// assert_eq!(category("Opt-In").canonical(), category("oui").canonical());
/// assert_eq!(category("weiblich").canonical(), Some("female"));
/// assert_eq!(category(" Gold  Member").canonical(), Some("gold member"));
/// ```
#[must_use]
pub fn category(raw: &str) -> Normalized {
    let cleaned = clean(raw);
    if cleaned.is_empty() {
        return Normalized::missing();
    }
    let folded = fold(&cleaned);
    let value = match meaning(&folded) {
        Some("-") => return Normalized::unusable(Issue::Placeholder),
        Some(value) => Normalized::valid(value).with(Form::Ascii, value),
        // Before the words for nothing: Russian `нет` is both, and here it is an answer.
        None if is_placeholder(&cleaned) && !is_of_symbols(&cleaned) => {
            return Normalized::unusable(Issue::Placeholder);
        }
        None => {
            let ascii = ascii(&folded);
            Normalized::valid(folded).with(Form::Ascii, ascii)
        }
    };
    if has_invisible(raw) { value.noting(Issue::ControlCharacters) } else { value }
}

fn meaning(folded: &str) -> Option<&'static str> {
    if let Some(value) = WORDS.get(folded) {
        return Some(value);
    }
    let bare = folded.trim_matches(|c: char| c.is_ascii_punctuation());
    if bare.contains(['-', '_']) {
        return WORDS.get(bare.replace(['-', '_'], " ").as_str()).copied();
    }
    WORDS.get(bare).copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_word_is_folded_and_every_value_stands_for_itself() {
        for (word, value) in WORDS.iter() {
            assert_eq!(&fold(word), word);
            assert!(*value == "-" || WORDS.get(value) == Some(value), "{value}");
        }
        let listed = rows(include_str!("data/category_words.txt")).count();
        assert_eq!(WORDS.len(), listed, "no word is listed twice");
    }

    #[test]
    fn opposites_never_become_equal() {
        for (left, right) in
            [("H", "M"), ("t", "f"), ("o", "n"), ("Mrs", "Ms"), ("1", "0"), ("m", "v")]
        {
            assert_ne!(category(left).canonical(), category(right).canonical(), "{left} {right}");
        }
    }

    fn laws(raw: &str) -> std::result::Result<(), TestCaseError> {
        let once = category(raw);
        if let Some(canonical) = once.canonical() {
            let twice = category(canonical);
            prop_assert_eq!(twice.canonical(), Some(canonical));
            prop_assert_eq!(twice.form(Form::Ascii), once.form(Form::Ascii));
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn the_laws_hold_for_any_text(raw in any::<String>()) {
            laws(&raw)?;
        }

        #[test]
        fn the_laws_hold_for_short_words(raw in "[\\[(\"]?(opt|not|n|ja|нет|sí|unknown|ns)?[-_ /]?(in|a|stated|no|x|★)?[)\"\\]]?") {
            laws(&raw)?;
        }
    }
}
