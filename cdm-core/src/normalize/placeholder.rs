//! Values that stand for "no value".

use std::sync::LazyLock;

use super::data::{Listed, rows};
use super::text::fold;

fn listed() -> impl Iterator<Item = &'static str> {
    rows(include_str!("data/placeholders.txt")).filter_map(|row| row.first().copied())
}

static PLACEHOLDERS: LazyLock<Listed<()>> =
    LazyLock::new(|| listed().map(|text| (text, ())).collect());

/// How many bytes the longest of them has.
static LONGEST: LazyLock<usize> =
    LazyLock::new(|| listed().map(str::len).max().unwrap_or_default());

/// Whether `text` stands for "no value" in any field: `n/a`, `unknown`, `xxx`, `---`.
///
/// White space, case and surrounding brackets or punctuation do not matter. Each kind adds its
/// own, such as `test@test.com` or a phone number of zeros.
pub(super) fn is_placeholder(text: &str) -> bool {
    // Folding leaves letters and digits of ASCII as many as they are, if some of them with a mark.
    let alphanumeric = || text.bytes().filter(u8::is_ascii_alphanumeric).count();
    if text.len() > *LONGEST && alphanumeric() > *LONGEST {
        return false;
    }
    is_folded_placeholder(&fold(text))
}

/// The same for text that is folded already.
pub(super) fn is_folded_placeholder(folded: &str) -> bool {
    let bare = folded.trim_matches(|c: char| !c.is_alphanumeric());
    if bare.is_empty() {
        return !folded.is_empty();
    }
    PLACEHOLDERS.contains(bare) || bare.len() < folded.len() && PLACEHOLDERS.contains(folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_nothing_are_placeholders_in_several_languages_and_names_are_not() {
        for text in ["N/A", "  none ", "<unknown>", "---", "Unbekannt", "inconnu", "???"] {
            assert!(is_placeholder(text), "{text}");
        }
        for text in ["", " ", "Noneim", "Nadia", "Null Island Ltd"] {
            assert!(!is_placeholder(text), "{text}");
        }
    }
}
