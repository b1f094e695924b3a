//! Postal addresses: whole lines, and the street part alone.

use super::text::text;
use super::{Context, Normalized};

/// A whole postal address on one line.
#[must_use]
pub fn address(raw: &str, _context: &Context) -> Normalized {
    text(raw)
}

/// Street, house number and unit of an address.
#[must_use]
pub fn street(raw: &str, _context: &Context) -> Normalized {
    text(raw)
}
