//! Cities, regions, countries and postcodes.

use super::text::text;
use super::{Context, Normalized};

/// Town or city.
#[must_use]
pub fn city(raw: &str) -> Normalized {
    text(raw)
}

/// State, province, county, Land.
#[must_use]
pub fn region(raw: &str, _context: &Context) -> Normalized {
    text(raw)
}

/// Postal code.
#[must_use]
pub fn postcode(raw: &str, _context: &Context) -> Normalized {
    text(raw)
}

/// Country, by name or code.
#[must_use]
pub fn country(raw: &str) -> Normalized {
    text(raw)
}
