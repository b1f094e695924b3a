//! Telephone numbers.

use super::text::text;
use super::{Context, Normalized};

/// Telephone number.
#[must_use]
pub fn phone(raw: &str, _context: &Context) -> Normalized {
    text(raw)
}
