//! The generator as a whole: the committed sample, the truth, and what the data is like.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use super::*;

const FILES: [&str; 5] = ["crm.csv", "shop.jsonl", "support.csv", "loyalty.csv", "truth.csv"];

fn generated(options: &Options, stats: Option<&mut Stats>) -> (tempfile::TempDir, Written) {
    let out = tempfile::tempdir().expect("a folder for the files");
    let written = run(options, out.path(), stats).expect("the files are written");
    (out, written)
}

fn bytes(folder: &Path, name: &str) -> Vec<u8> {
    fs::read(folder.join(name)).expect("the file is there")
}

#[test]
fn generating_the_sample_again_gives_the_same_bytes() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample");
    let (again, written) = generated(&Options::default(), None);
    for name in FILES {
        assert!(bytes(again.path(), name) == bytes(&sample, name), "{name} differs");
    }
    assert_eq!((written.ragged, written.duplicate_ids), (4, 4));
    let size: usize = FILES.iter().map(|name| bytes(&sample, name).len()).sum();
    assert!(size < 2_500_000, "the sample has {size} bytes");
}

#[test]
fn truth_names_every_record_once() {
    let (out, written) = generated(&Options { records: 3_000, ..Options::default() }, None);
    let mut ids: Vec<(String, String)> = Vec::new();
    let mut add = |source: &str, delimiter: u8, columns: usize, bytes: &[u8]| {
        let mut reader =
            csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(bytes);
        for row in reader.byte_records() {
            let row = row.expect("a row");
            if row.len() == columns {
                ids.push((source.into(), String::from_utf8_lossy(&row[0]).into_owned()));
            }
        }
    };
    add("crm", b',', 15, &bytes(out.path(), "crm.csv"));
    add("support", b';', 6, &bytes(out.path(), "support.csv"));
    add("loyalty", b'\t', 8, &bytes(out.path(), "loyalty.csv"));
    let shop = String::from_utf8(bytes(out.path(), "shop.jsonl")).expect("UTF-8");
    for line in shop.lines() {
        if let Ok(row) = serde_json::from_str::<serde_json::Value>(line) {
            ids.push(("shop".into(), row["id"].as_str().expect("an id").to_owned()));
        }
    }
    assert_eq!(ids.len() as u64, 3_000 + written.duplicate_ids);
    let distinct: HashSet<(String, String)> = ids.into_iter().collect();
    let truth: Vec<(String, String)> =
        csv::Reader::from_reader(&bytes(out.path(), "truth.csv")[..])
            .deserialize::<(String, String, String)>()
            .map(|row| row.map(|(source, id, _)| (source, id)).expect("a row"))
            .collect();
    assert_eq!(truth.len(), 3_000);
    assert_eq!(truth.into_iter().collect::<HashSet<_>>(), distinct);
}

#[test]
fn twenty_thousand_records_are_like_customers() {
    let mut stats = Stats::default();
    generated(&Options { records: 20_000, seed: 2, ..Options::default() }, Some(&mut stats));
    let persons: u64 = stats.persons_by_records.iter().sum();
    let singles = stats.persons_by_records[0] as f64 / persons as f64;
    assert!((0.42..0.48).contains(&singles), "{singles}");
    assert_eq!(stats.persons_by_records.len(), 12);
    assert_eq!(stats.records.iter().sum::<u64>(), 20_000);
    assert!(stats.records.iter().all(|&records| records > 1_500), "{:?}", stats.records);
    let missed = stats.missed_by_exact_keys();
    assert!((0.10..0.35).contains(&missed), "{missed}");
    let namesakes = stats.namesakes_per_person();
    assert!((0.004..0.2).contains(&namesakes), "{namesakes}");
}

#[test]
fn the_single_file_holds_the_same_records_and_hot_keys_are_counted() {
    let options = Options { records: 1_000, hot_key: 37, ..Options::default() };
    let (sources, _) = generated(&options, None);
    let (single, _) = generated(&Options { layout: Layout::SingleFile, ..options }, None);
    assert!(bytes(sources.path(), "truth.csv") == bytes(single.path(), "truth.csv"));
    let customers = String::from_utf8(bytes(single.path(), "customers.csv")).expect("UTF-8");
    assert_eq!(
        customers.lines().filter(|line| line.contains("@marketplace.example.com")).count(),
        37
    );
    let mut reader = csv::Reader::from_reader(customers.as_bytes());
    assert_eq!(reader.headers().expect("a header").len(), 12);
    assert_eq!(reader.records().count(), 1_000);
}

#[test]
fn no_records_make_files_with_headers_only() {
    let (out, written) = generated(&Options { records: 0, ..Options::default() }, None);
    assert_eq!(written.records, [0; 4]);
    assert_eq!(bytes(out.path(), "truth.csv"), b"source,id,entity_id\n");
}

#[test]
fn the_readme_states_the_rates_in_use() {
    let readme = include_str!("../README.md").replace("\r\n", "\n");
    assert!(readme.contains(&rates_table()), "put the output of `generate --rates` into README.md");
}
