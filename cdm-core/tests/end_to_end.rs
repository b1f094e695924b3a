//! One run from files to golden records, of which every language must give the same bytes.
//!
//! With `CDM_WRITE_TESTDATA` set, what is expected is written anew: look at what changed.
#![cfg(feature = "arrow")]

use std::fs;
use std::path::{Path, PathBuf};

use cdm_core::read::infer_schema;
use cdm_core::write::ArrowTable;
use cdm_core::{Decisions, Input, Model, Plan, Resolution, Run, read};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/end_to_end")
}

fn expect(name: &str, found: &str) {
    let path = folder().join(name);
    if std::env::var_os("CDM_WRITE_TESTDATA").is_some() {
        fs::write(&path, found).unwrap();
    }
    let wanted = fs::read_to_string(&path).unwrap();
    assert!(wanted == found, "{name} is not what it was; see the top of this test");
}

/// One row a line, so that a change is easily seen.
fn rows(table: &ArrowTable) -> String {
    let row = |row: usize| String::from_utf8(table.to_json(row..row + 1).unwrap()).unwrap();
    let row = |number| row(number)[1..].trim_end_matches(']').to_owned();
    (0..table.num_rows()).map(|number| row(number) + "\n").collect()
}

#[test]
fn two_files_make_the_same_documents_and_rows_in_every_language() {
    let run = Run::new();
    let files = [("crm", "crm.csv"), ("shop", "shop.jsonl")];
    let inputs = files.map(|(source, file)| Input::file(source, folder().join(file)));
    let schema = infer_schema(&inputs, &run).unwrap();
    let (table, reports) = read(&inputs, &schema, &run).unwrap();
    let mut given = Plan::builder("inferred").region("GB");
    for field in schema.fields() {
        given = given.field(field.clone());
    }
    let plan = given.infer(&table, &run).unwrap().plan;
    expect("plan.json", &plan.to_json());
    let model = plan.fit(&table, &run).unwrap();
    expect("model.json", &model.to_json());
    let model = Model::from_json(&model.to_json()).unwrap();
    let resolution: Resolution = model.resolve(&table, &Decisions::new(), &run).unwrap();
    expect("entities.jsonl", &rows(&resolution.entities_arrow(&reports, &run).unwrap()));
    expect("links.jsonl", &rows(&resolution.links_arrow(&run).unwrap()));
    expect("golden_records.jsonl", &rows(&resolution.golden_records_arrow(&run).unwrap()));
    expect("summary.json", &serde_json::to_string_pretty(&resolution.summary()).unwrap());
}
