//! Documents from JSON, strictly: what is wrong is named with its path and the nearest right word.

use serde::de::DeserializeOwned;

use crate::error::{Error, Result, nearest};

/// Read `json` as a document that was written in format version `version`.
pub(crate) fn read_document<T: DeserializeOwned>(
    document: &'static str,
    json: &str,
    version: u64,
) -> Result<T> {
    let json = json.strip_prefix('\u{feff}').unwrap_or(json);
    #[derive(serde::Deserialize)]
    struct Versioned {
        version: Option<u64>,
    }
    // Another version may have other fields: say so first. What is wrong beyond that, the strict
    // reading finds.
    if let Ok(Versioned { version: Some(found) }) = serde_json::from_str(json)
        && found != version
    {
        return Err(Error::DocumentVersion { document, found, wanted: version });
    }
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let value: T = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." || path == "?" { "the top level".to_owned() } else { path };
        let reason = error.inner().to_string();
        let suggestion = suggest(&reason);
        Error::InvalidDocument { document, path, reason, suggestion }
    })?;
    deserializer.end().map_err(|error| Error::InvalidDocument {
        document,
        path: "the end".into(),
        reason: error.to_string(),
        suggestion: None,
    })?;
    Ok(value)
}

/// The nearest of the words that serde says it expected.
///
/// serde's message for an unknown field or variant quotes the word and then the right ones, each in
/// back quotes; a test holds it to that.
fn suggest(reason: &str) -> Option<String> {
    if !reason.starts_with("unknown ") {
        return None;
    }
    let mut quoted = reason.split('`').skip(1).step_by(2);
    let word = quoted.next()?;
    nearest(word, quoted)
}
