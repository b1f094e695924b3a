//! Quantities and coordinates.

use super::Normalized;
use super::text::text;

/// A quantity.
#[must_use]
pub fn number(raw: &str) -> Normalized {
    text(raw)
}

/// Latitude and longitude.
#[must_use]
pub fn geo(raw: &str) -> Normalized {
    text(raw)
}
