//! The normalisers.

use cdm_core::normalize::{self, Context, Form, Issue};
use cdm_core::{Kind, Result};
use napi_derive::napi;

use crate::error::raise;

/// Every kind's name.
#[napi]
pub fn kinds() -> Vec<&'static str> {
    Kind::ALL.map(Kind::name).to_vec()
}

/// Every form's name.
#[napi]
pub fn forms() -> Vec<&'static str> {
    Form::ALL.iter().map(|form| form.name()).collect()
}

/// Every issue's code.
#[napi]
pub fn issues() -> Vec<&'static str> {
    Issue::ALL.iter().map(|issue| issue.code()).collect()
}

/// Normalise one value; the context and the answer are the core's JSON.
#[napi]
pub fn normalize_json(
    kind: String,
    raw: String,
    context_json: Option<String>,
) -> napi::Result<String, &'static str> {
    let call = || -> Result<String> {
        let kind: Kind = kind.parse()?;
        let context =
            context_json.as_deref().map_or_else(|| Ok(Context::default()), Context::from_json)?;
        Ok(normalize::value(kind, &raw, &context).to_json())
    };
    call().map_err(raise)
}

/// The nickname classes of a first name.
#[napi]
pub fn nickname_classes(name: String) -> Vec<String> {
    normalize::nickname_classes(&name)
}

/// The Double Metaphone codes of a name.
#[napi]
pub fn phonetic_codes(name: String) -> Vec<String> {
    normalize::phonetic_codes(&name)
}
