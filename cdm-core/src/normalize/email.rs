//! E-mail addresses.

use super::Normalized;
use super::text::text;

/// E-mail address.
#[must_use]
pub fn email(raw: &str) -> Normalized {
    text(raw)
}
