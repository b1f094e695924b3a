//! Names of people.

use super::Normalized;
use super::text::text;

/// First and middle names of a person.
#[must_use]
pub fn given_name(raw: &str) -> Normalized {
    text(raw)
}

/// Surname of a person.
#[must_use]
pub fn family_name(raw: &str) -> Normalized {
    text(raw)
}

/// A person's whole name, in either order.
#[must_use]
pub fn full_name(raw: &str) -> Normalized {
    text(raw)
}
