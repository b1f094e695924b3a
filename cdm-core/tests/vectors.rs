//! The shared vectors of `testdata/`, which Python and Node run as well.

use std::fs;
use std::path::Path;

use cdm_core::Kind;
use cdm_core::normalize::{self, Context};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    function: String,
    #[allow(dead_code)] // for the reader of the file
    definition: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    input: String,
    #[serde(default)]
    context: Context,
    expected: Value,
}

#[test]
fn every_normaliser_vector_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/normalize");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    let mut failures = Vec::new();
    for file in files {
        let vectors: Vectors = serde_json::from_str(&fs::read_to_string(&file).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for case in &vectors.cases {
            let got = call(&vectors.function, &case.input, &case.context);
            if got != case.expected {
                let (function, name, expected) = (&vectors.function, &case.name, &case.expected);
                failures.push(format!("{function}: {name}\n  got    {got}\n  wanted {expected}"));
            }
        }
    }
    assert!(failures.is_empty(), "{} vectors fail:\n{}", failures.len(), failures.join("\n"));
}

fn call(function: &str, input: &str, context: &Context) -> Value {
    match function {
        "nickname_classes" => normalize::nickname_classes(input).into(),
        "phonetic_codes" => normalize::phonetic_codes(input).into(),
        kind => {
            let kind: Kind = kind.parse().unwrap();
            serde_json::to_value(normalize::value(kind, input, context)).unwrap()
        }
    }
}
