//! Values of which there are few, such as a gender or a consent.

use super::Normalized;
use super::text::text;

/// One of few values, such as a gender or a consent.
#[must_use]
pub fn category(raw: &str) -> Normalized {
    text(raw)
}
