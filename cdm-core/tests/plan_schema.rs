//! The published JSON Schema of plans says what the reader reads.

use std::path::Path;

/// To write the file anew after a change of the format: `CDM_WRITE=1 cargo test --test plan_schema`.
#[test]
fn the_published_schema_is_the_one_that_the_types_have() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("plan.schema.json");
    let schema = cdm_core::Plan::json_schema();
    if std::env::var_os("CDM_WRITE").is_some() {
        std::fs::write(&path, &schema).unwrap();
    }
    let same = std::fs::read_to_string(&path).unwrap() == schema;
    assert!(same, "{} is out of date", path.display());
}
