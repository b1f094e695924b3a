//! The core's errors on their way to JavaScript, where `lib/errors.cts` makes a `CdmError` of each.

use std::error::Error as _;

use napi_derive::napi;
use serde::Serialize;

/// What JavaScript is told of an error: as JSON in the message of the one that is thrown, since
/// there is room for nothing else.
#[derive(Serialize)]
struct Told<'a> {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suggestion: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
}

/// The `Error` for a core error.
pub(crate) fn raise(error: cdm_core::Error) -> napi::Error {
    let told = Told {
        code: error.code(),
        message: error.to_string(),
        field: error.field(),
        record: error.record(),
        path: error.path(),
        suggestion: error.suggestion(),
        cause: error.source().map(ToString::to_string),
    };
    // Strings always serialise.
    napi::Error::from_reason(serde_json::to_string(&told).unwrap_or_default())
}

/// The error for an object that was closed.
pub(crate) fn closed(what: &str) -> napi::Error {
    told("CLOSED", format!("the {what} was closed: nothing is left of it to be asked"))
}

/// The error for a store that cannot be looked at just now.
pub(crate) fn compacting() -> napi::Error {
    told("STORE_LOCKED", "the store is being compacted: wait for that, then ask again".into())
}

/// The error for a defect of this library, which a panic is.
pub(crate) fn panicked() -> napi::Error {
    told("INTERNAL", "cdm failed in a way it should not: please report it".into())
}

/// The word of `known` that is nearest to `word`, where one is near.
#[napi]
pub fn nearest(word: String, known: Vec<String>) -> Option<String> {
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let error = cdm_core::Error::unknown_choice("choice", &word, &known);
    error.suggestion().map(str::to_owned)
}

fn told(code: &'static str, message: String) -> napi::Error {
    let none = Told {
        code,
        message,
        field: None,
        record: None,
        path: None,
        suggestion: None,
        cause: None,
    };
    napi::Error::from_reason(serde_json::to_string(&none).unwrap_or_default())
}
