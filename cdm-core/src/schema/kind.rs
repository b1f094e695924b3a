use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, nearest};

/// What the values of a field are.
///
/// A kind decides normalisation, validation, default comparison, default blocking keys and default
/// survivorship.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// First and middle names of a person.
    GivenName,
    /// Surname of a person.
    FamilyName,
    /// A person's whole name, in either order.
    FullName,
    /// Name of a company, school, restaurant or other body.
    Organisation,
    /// E-mail address.
    Email,
    /// Telephone number.
    Phone,
    /// A whole postal address on one line.
    Address,
    /// Street, house number and unit of an address.
    Street,
    /// Town or city.
    City,
    /// State, province, county, Land.
    Region,
    /// Postal code.
    Postcode,
    /// Country, by name or code.
    Country,
    /// Calendar date, such as a date of birth; may be partial.
    Date,
    /// A number or code that names one person or thing in some scheme.
    Identifier,
    /// Web address.
    Url,
    /// One of few values, such as a gender or a consent.
    Category,
    /// Free text.
    Text,
    /// A quantity.
    Number,
    /// Latitude and longitude.
    Geo,
}

impl Kind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Kind; 19] = [
        Kind::GivenName,
        Kind::FamilyName,
        Kind::FullName,
        Kind::Organisation,
        Kind::Email,
        Kind::Phone,
        Kind::Address,
        Kind::Street,
        Kind::City,
        Kind::Region,
        Kind::Postcode,
        Kind::Country,
        Kind::Date,
        Kind::Identifier,
        Kind::Url,
        Kind::Category,
        Kind::Text,
        Kind::Number,
        Kind::Geo,
    ];

    /// The kind's name in plans, such as `given_name`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::GivenName => "given_name",
            Kind::FamilyName => "family_name",
            Kind::FullName => "full_name",
            Kind::Organisation => "organisation",
            Kind::Email => "email",
            Kind::Phone => "phone",
            Kind::Address => "address",
            Kind::Street => "street",
            Kind::City => "city",
            Kind::Region => "region",
            Kind::Postcode => "postcode",
            Kind::Country => "country",
            Kind::Date => "date",
            Kind::Identifier => "identifier",
            Kind::Url => "url",
            Kind::Category => "category",
            Kind::Text => "text",
            Kind::Number => "number",
            Kind::Geo => "geo",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| Error::UnknownChoice {
            what: "kind",
            value: name.to_owned(),
            suggestion: nearest(name, Kind::ALL.map(Kind::name)),
            wanted: Kind::ALL.map(Kind::name).join(", "),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serde_and_display_use_the_same_names() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
            assert_eq!(kind.name().parse::<Kind>().unwrap(), kind);
        }
    }
}
