//! Web addresses.

use super::Normalized;
use super::text::text;

/// Web address.
#[must_use]
pub fn url(raw: &str) -> Normalized {
    text(raw)
}
