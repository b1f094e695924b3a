//! The normalisers.

use cdm_core::normalize::{self, Context, Form, Issue};
use cdm_core::{Kind, Result};
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;

use crate::error::raise;
use crate::run::{Job, off_loop};

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
) -> napi::Result<String> {
    let call = || -> Result<String> {
        let kind: Kind = kind.parse()?;
        let context = context_of(context_json.as_deref())?;
        Ok(normalize::value(kind, &raw, &context).to_json())
    };
    call().map_err(raise)
}

/// Normalise many values of one kind, off the event loop: their JSON array in, one of the answers out.
#[napi(ts_return_type = "Promise<string>")]
pub fn normalize_many_json<'e>(
    env: &'e Env,
    job: &Job,
    kind: String,
    values_json: String,
    context_json: Option<String>,
) -> napi::Result<PromiseRaw<'e, String>> {
    off_loop(env, Some(job), move |run| {
        let (kind, context) = (kind.parse()?, context_of(context_json.as_deref())?);
        // The array was written by `lib/normalize.cts`.
        let values: Vec<Option<String>> = serde_json::from_str(&values_json).unwrap_or_default();
        let answers = normalize::values(kind, &values, &context, run)?;
        Ok(serde_json::to_string(&answers).unwrap_or_default())
    })
}

/// The context that a JSON object describes; that of no object where there is none.
fn context_of(json: Option<&str>) -> Result<Context> {
    json.map_or_else(|| Ok(Context::default()), Context::from_json)
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
