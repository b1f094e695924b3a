//! Names of companies and other bodies.

use super::Normalized;
use super::text::text;

/// Name of a company, school, restaurant or other body.
#[must_use]
pub fn organisation(raw: &str) -> Normalized {
    text(raw)
}
