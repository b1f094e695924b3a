//! Identifiers: numbers and codes that name one person or thing in some scheme.

use super::Normalized;
use super::text::text;

/// A number or code that names one person or thing in some scheme.
#[must_use]
pub fn identifier(raw: &str) -> Normalized {
    text(raw)
}
