//! The shared vectors of `testdata/compare`: metrics, and the level that two values are on.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use cdm_core::compare::{Comparison, Prepared, metric};
use cdm_core::normalize::Context;
use cdm_core::{Field, Kind, Schema};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metrics {
    #[allow(dead_code)] // for the reader of the file
    definition: String,
    /// By how much a similarity may differ; distances must be equal.
    abs_tol: f64,
    cases: Vec<MetricCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MetricCase {
    name: String,
    left: String,
    right: String,
    /// By function.
    expected: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Levels {
    /// A kind, `person_given_name`, `person_family_name`, `place` or
    /// `address_and_place`.
    comparison: String,
    #[allow(dead_code)] // for the reader of the file
    definition: String,
    cases: Vec<LevelCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LevelCase {
    name: String,
    left: Side,
    right: Side,
    #[serde(default)]
    context: Context,
    /// The label of the level; null where one side has no usable value, or the level says nothing.
    expected: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Side {
    Value(String),
    Values(Vec<String>),
    /// By kind.
    Fields(BTreeMap<Kind, String>),
}

impl Side {
    /// The usable values of each field.
    fn prepare(&self, kinds: &[Kind], context: &Context) -> Vec<Vec<Prepared>> {
        let prepared = |kind: Kind, raw: &[String]| -> Vec<Prepared> {
            raw.iter().filter_map(|raw| Prepared::from_raw(kind, raw, context)).collect()
        };
        match self {
            Side::Value(raw) => vec![prepared(kinds[0], std::slice::from_ref(raw))],
            Side::Values(raw) => vec![prepared(kinds[0], raw)],
            Side::Fields(raw) => kinds
                .iter()
                .map(|kind| prepared(*kind, raw.get(kind).map_or(&[], std::slice::from_ref)))
                .collect(),
        }
    }
}

fn level(comparison: &Comparison, left: &[Vec<Prepared>], right: &[Vec<Prepared>]) -> Option<u8> {
    let left: Vec<Vec<&Prepared>> = left.iter().map(|field| field.iter().collect()).collect();
    let right: Vec<Vec<&Prepared>> = right.iter().map(|field| field.iter().collect()).collect();
    let left: Vec<&[&Prepared]> = left.iter().map(Vec::as_slice).collect();
    let right: Vec<&[&Prepared]> = right.iter().map(Vec::as_slice).collect();
    comparison.compare(&left, &right)
}

fn files(prefix: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/compare");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path))
        .filter(|(name, _)| name.starts_with(prefix))
        .map(|(name, path)| (name, fs::read_to_string(path).unwrap()))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no vectors {prefix}*");
    files
}

#[test]
fn every_metric_vector_holds() {
    for (file, text) in files("metric") {
        let vectors: Metrics =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        for case in &vectors.cases {
            for (function, expected) in &case.expected {
                for (left, right) in [(&case.left, &case.right), (&case.right, &case.left)] {
                    let got = call(function, left, right);
                    let near = (got - expected).abs() <= vectors.abs_tol;
                    assert!(near, "{function}: {}: {got}, wanted {expected}", case.name);
                }
            }
        }
    }
}

fn call(function: &str, left: &str, right: &str) -> f64 {
    use metric::GramSize::{Three, Two};
    let place = |text: &str| -> [f64; 2] {
        let (latitude, longitude) = text.split_once(',').unwrap();
        [latitude.parse().unwrap(), longitude.parse().unwrap()]
    };
    match function {
        "jaro" => metric::jaro(left, right),
        "jaro_winkler" => metric::jaro_winkler(left, right),
        "levenshtein" => metric::levenshtein(left, right) as f64,
        "normalized_levenshtein" => metric::normalized_levenshtein(left, right),
        "osa_distance" => metric::osa_distance(left, right) as f64,
        "bigram_dice" => metric::gram_dice(left, right, Two),
        "bigram_jaccard" => metric::gram_jaccard(left, right, Two),
        "trigram_dice" => metric::gram_dice(left, right, Three),
        "trigram_jaccard" => metric::gram_jaccard(left, right, Three),
        "token_jaccard" => metric::token_jaccard(left, right),
        "token_set_ratio" => metric::token_set_ratio(left, right),
        "monge_elkan" => metric::monge_elkan(left, right),
        "haversine_m" => metric::haversine_m(place(left), place(right)),
        "relative_difference" => {
            metric::relative_difference(left.parse().unwrap(), right.parse().unwrap())
        }
        function => panic!("no metric {function:?}"),
    }
}

#[test]
fn every_level_vector_holds() {
    let mut failures = Vec::new();
    let mut seen = Vec::new();
    for (file, text) in files("level_") {
        let vectors: Levels =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        let (comparison, kinds) = match vectors.comparison.as_str() {
            "person_given_name" => {
                let [of_given, _] = Comparison::person_names("given_name", "family_name");
                (of_given, vec![Kind::GivenName, Kind::FamilyName])
            }
            "person_family_name" => {
                let [_, of_family] = Comparison::person_names("given_name", "family_name");
                (of_family, vec![Kind::FamilyName, Kind::GivenName])
            }
            "address_and_place" => {
                let places = [(Kind::Postcode, "zip"), (Kind::City, "city")];
                let kinds = vec![Kind::Address, Kind::Postcode, Kind::City];
                (Comparison::address("home", &places), kinds)
            }
            "place" => {
                let fields = [(Kind::Postcode, "zip"), (Kind::City, "city"), (Kind::Region, "st")];
                (Comparison::place(&fields), fields.map(|(kind, _)| kind).to_vec())
            }
            kind => {
                let kind: Kind = kind.parse().unwrap();
                (Comparison::template(kind, "value"), vec![kind])
            }
        };
        let fields = comparison.fields.iter().zip(&kinds);
        let fields = fields.map(|(name, kind)| Field::new(name, *kind)).collect();
        comparison.check(&Schema::new("vectors", fields).unwrap()).unwrap();
        for case in &vectors.cases {
            let left = case.left.prepare(&kinds, &case.context);
            let right = case.right.prepare(&kinds, &case.context);
            let (there, back) =
                (level(&comparison, &left, &right), level(&comparison, &right, &left));
            let got = there.map(|level| comparison.label(level).to_owned());
            if got != case.expected || there != back {
                let (name, expected) = (&case.name, &case.expected);
                failures.push(format!("{file}: {name}: got {got:?}, wanted {expected:?}"));
            }
        }
        seen.push(vectors.comparison);
    }
    assert!(failures.is_empty(), "{} vectors fail:\n{}", failures.len(), failures.join("\n"));
    let unseen: Vec<_> =
        Kind::ALL.iter().filter(|kind| !seen.iter().any(|name| name == kind.name())).collect();
    assert!(unseen.is_empty(), "kinds without vectors: {unseen:?}");
}
