//! Documents from JSON, strictly: what is wrong is named with its path and the nearest right word.

use serde::de::DeserializeOwned;

use crate::error::{Error, Result, nearest};

/// The path of what is wrong with a document as a whole.
const TOP: &str = "the top level";

/// Read `json` as a document that was written in format version `version`.
pub(crate) fn read_document<T: DeserializeOwned>(
    document: &'static str,
    json: &str,
    version: u64,
) -> Result<T> {
    let json = json.strip_prefix('\u{feff}').unwrap_or(json);
    // serde would take a list for the object's values in order.
    if let Some(first) = json.trim_start().chars().next().filter(|first| *first != '{') {
        return Err(Error::InvalidDocument {
            document,
            path: TOP.into(),
            reason: format!("it begins with {first:?}; wanted one JSON object, in braces"),
            suggestion: None,
        });
    }
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
        let path = if path == "." || path == "?" { TOP.to_owned() } else { path };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Decisions, Plan};

    #[test]
    fn what_is_no_object_is_told_so() {
        for text in ["[]", " [{\"version\": 1}]", "\u{feff}\"plan\"", "id,name\n1,Ann", "1", "null"]
        {
            for error in
                [Plan::from_json(text).unwrap_err(), Decisions::from_json(text).unwrap_err()]
            {
                let said = error.to_string();
                assert!(said.contains(TOP) && said.contains("wanted one JSON object"), "{said}");
            }
        }
        let empty = Plan::from_json("").unwrap_err().to_string();
        assert!(empty.contains("EOF"), "{empty}");
    }
}
