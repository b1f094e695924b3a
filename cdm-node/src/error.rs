//! The core's errors as JavaScript's, with `code`.

/// The `Error` for a core error: its message, and its code as `code`.
pub(crate) fn raise(error: cdm_core::Error) -> napi::Error<&'static str> {
    napi::Error::new(error.code(), error.to_string())
}
