//! The shipped sample, resolved without settings, and its truth.

#![allow(dead_code, reason = "each test uses what it needs")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use cdm_core::read::FieldMapping;
use cdm_core::{
    Decisions, Field, Input, Kind, Mapping, Plan, RecordKey, Resolution, Run, Schema, Table,
    infer_schema, read,
};

const SOURCES: [(&str, &str, &str); 4] = [
    ("crm", "crm.csv", "CustomerId"),
    ("loyalty", "loyalty.csv", "card_no"),
    ("shop", "shop.jsonl", "id"),
    ("support", "support.csv", "Kundennr"),
];

fn file(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/sample").join(name)
}

fn table() -> Table {
    let run = Run::new();
    let inputs: Vec<Input> =
        SOURCES.iter().map(|(source, name, _)| Input::file(*source, file(name))).collect();
    let inferred = infer_schema(&inputs, &run).unwrap();
    let is_id = |field: &Field| ["card_no", "customer_id", "kundennr"].contains(&&*field.name);
    let fields = inferred.fields().iter().filter(|field| !is_id(field)).cloned().collect();
    let schema = Schema::new("sample", fields).unwrap();
    let (_, reports) = read(&inputs, &schema, &run).unwrap();
    let told = inputs.into_iter().zip(&reports).zip(SOURCES).map(|((input, report), source)| {
        let id = Some(source.2.to_owned());
        input.with_mapping(Mapping { id, ..report.mapping.clone() })
    });
    read(&told.collect::<Vec<_>>(), &schema, &run).unwrap().0
}

/// The sample by an inferred plan; made once.
pub(crate) fn resolved() -> &'static Resolution {
    static RESOLVED: OnceLock<Resolution> = OnceLock::new();
    RESOLVED.get_or_init(|| {
        let (table, run) = (table(), Run::new());
        Plan::infer(&table, &run).unwrap().resolve(&table, &Decisions::new(), &run).unwrap()
    })
}

/// The true entity of every record.
pub(crate) fn truth() -> BTreeMap<RecordKey, String> {
    let mapping = Mapping {
        id: Some("id".to_owned()),
        source: Some("source".to_owned()),
        time: None,
        fields: vec![FieldMapping::new("entity", "entity_id")],
    };
    let schema = Schema::new("truth", vec![Field::new("entity", Kind::Text)]).unwrap();
    let input = Input::file("truth", file("truth.csv")).with_mapping(mapping);
    let (table, _) = read(&[input], &schema, &Run::new()).unwrap();
    let entity = |row| Some((table.key(row), table.column(0).values(row).next()?.to_owned()));
    (0..table.len()).filter_map(entity).collect()
}
