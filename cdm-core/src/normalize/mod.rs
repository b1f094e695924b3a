//! Raw values into canonical ones: cleaned, validated, taken apart, with every doubt recorded.
//!
//! One function a kind, such as [`email`], each total (any text in, never a panic) and pure: the
//! answer depends on the value and the [`Context`] alone. All return a [`Normalized`].
//!
//! Normalising is idempotent: the canonical form of a canonical form is itself.

mod address;
mod category;
mod data;
mod date;
mod domain;
mod email;
mod form;
mod identifier;
mod issue;
#[cfg(test)]
mod laws;
mod name;
mod nickname;
mod number;
mod organisation;
mod phone;
mod phonetic;
mod place;
mod placeholder;
mod plain;
mod text;
mod url;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::cancel::Run;
use crate::error::{Error, Result};
use crate::schema::{DateOrder, Kind};

pub(crate) use address::has_street_word;
pub use address::{address, street};
pub use category::category;
pub(crate) use date::is_about;
pub use date::{DateOrderEvidence, date, date_order};
pub use email::email;
pub use form::{Form, Normalized, Status};
pub use identifier::identifier;
pub use issue::{Issue, IssueSet};
pub use name::{family_name, full_name, given_name};
pub(crate) use nickname::is_first_name;
pub use nickname::nickname_classes;
pub use number::{geo, number};
pub use organisation::organisation;
pub use phone::phone;
pub(crate) use phone::phone_country;
pub use phonetic::{cologne, phonetic_codes, soundex};
pub(crate) use phonetic::{lacks_vowels, unread_script};
pub(crate) use place::most_of_one_country;
pub use place::{city, country, postcode, region};
pub use text::{ascii, clean, fold, text};
pub use url::url;

/// How many values are normalised between two looks at the cancel token.
const BATCH: usize = 8192;

/// What a normaliser may know beside the value itself.
///
/// # Examples
/// ```
/// use cdm_core::normalize::Context;
/// let german = Context { region: Some("DE".into()), ..Context::default() };
/// assert_eq!(german.latest_two_digit_year, 2029);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Context {
    /// ISO 3166-1 alpha-2 region of values that do not name their own, in upper case.
    pub region: Option<String>,
    /// How to read a date such as 03/04/2001; where `None`, a date that could be read both ways is
    /// read month first where `region` is `US`, else day first, and flagged.
    pub date_order: Option<DateOrder>,
    /// A two-digit year is read as the latest year not after this one: with 2029, `30` is 1930.
    pub latest_two_digit_year: u16,
}

impl Default for Context {
    fn default() -> Self {
        Self { region: None, date_order: None, latest_two_digit_year: 2029 }
    }
}

impl Context {
    /// The context that a JSON object describes; what it leaves out is as by default.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`] where it is not such an object, or `region` is not written as two
    /// capital letters.
    ///
    /// # Examples
    /// ```
    /// use cdm_core::normalize::Context;
    /// assert_eq!(Context::from_json(r#"{"region": "DE"}"#)?.region.as_deref(), Some("DE"));
    /// assert_eq!(Context::from_json(r#"{"region": "de"}"#).unwrap_err().code(), "INVALID_DOCUMENT");
    /// # Ok::<(), cdm_core::Error>(())
    /// ```
    pub fn from_json(json: &str) -> Result<Self> {
        let invalid = |path: String, reason: String| Error::InvalidDocument {
            document: "context",
            path,
            reason,
            suggestion: None,
        };
        let mut reader = serde_json::Deserializer::from_str(json);
        let context: Self = serde_path_to_error::deserialize(&mut reader)
            .map_err(|error| invalid(error.path().to_string(), error.inner().to_string()))?;
        reader.end().map_err(|error| invalid(".".to_owned(), error.to_string()))?;
        let is_code =
            |region: &str| region.len() == 2 && region.bytes().all(|b| b.is_ascii_uppercase());
        if context.region.as_deref().is_some_and(|region| !is_code(region)) {
            let reason = "wanted an ISO 3166-1 alpha-2 code in upper case, such as DE".to_owned();
            return Err(invalid("region".to_owned(), reason));
        }
        Ok(context)
    }
}

/// Normalise a value of any kind.
///
/// The same as the function named after the kind.
#[must_use]
pub fn value(kind: Kind, raw: &str, context: &Context) -> Normalized {
    match kind {
        Kind::GivenName => given_name(raw),
        Kind::FamilyName => family_name(raw),
        Kind::FullName => full_name(raw),
        Kind::Organisation => organisation(raw),
        Kind::Email => email(raw),
        Kind::Phone => phone(raw, context),
        Kind::Address => address(raw, context),
        Kind::Street => street(raw, context),
        Kind::City => city(raw),
        Kind::Region => region(raw, context),
        Kind::Postcode => postcode(raw, context),
        Kind::Country => country(raw),
        Kind::Date => date(raw, context),
        Kind::Identifier => identifier(raw),
        Kind::Url => url(raw),
        Kind::Category => category(raw),
        Kind::Text => text(raw),
        Kind::Number => number(raw),
        Kind::Geo => geo(raw),
    }
}

/// The same, but for the form `display` where that takes long: of a value that is compared, and shown to nobody.
pub(crate) fn unshown_value(kind: Kind, raw: &str, context: &Context) -> Normalized {
    match kind {
        Kind::Phone => phone::unshown_phone(raw, context),
        _ => value(kind, raw, context),
    }
}

/// Normalise many values of one kind, in parallel: an answer for each, in order; that of no value
/// is [`Normalized::missing`].
///
/// # Errors
/// [`Error::Cancelled`].
///
/// # Examples
/// ```
/// use cdm_core::normalize::{Context, values};
/// use cdm_core::{Kind, Run};
/// let raw = [Some("A@B.example".to_owned()), None];
/// let answers = values(Kind::Email, &raw, &Context::default(), &Run::new())?;
/// assert_eq!(answers[0].canonical(), Some("a@b.example"));
/// # Ok::<(), cdm_core::Error>(())
/// ```
pub fn values(
    kind: Kind,
    raw: &[Option<String>],
    context: &Context,
    run: &Run,
) -> Result<Vec<Normalized>> {
    let mut answers = Vec::with_capacity(raw.len());
    for batch in raw.chunks(BATCH) {
        run.report("normalize", answers.len() as u64, raw.len() as u64)?;
        let one = |raw: &Option<String>| match raw {
            Some(raw) => value(kind, raw, context),
            None => Normalized::missing(),
        };
        answers.par_extend(batch.par_iter().map(one));
    }
    Ok(answers)
}
