//! Models and records to try a store with.

use std::path::Path;
use std::sync::OnceLock;

use cdm_core::{Input, Model, Plan, Record, RecordKey, Run, Table, Timestamp, infer_schema, read};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// Rules with all guards, over records full of coincidences.
const PLAN: &str = r#"{
  "version": 1, "name": "people",
  "fields": [
    {"name": "national_id", "kind": "identifier"},
    {"name": "email", "kind": "email"},
    {"name": "phone", "kind": "phone", "region": "US"},
    {"name": "given_name", "kind": "given_name"},
    {"name": "family_name", "kind": "family_name"},
    {"name": "consent", "kind": "category"}
  ],
  "sources": [{"name": "crm", "duplicate_free": true}, {"name": "shop"}, {"name": "desk"}],
  "rules": [
    {"name": "id", "decision": "match", "same": ["national_id"]},
    {"name": "other name", "decision": "never", "same": ["email"], "differ": ["given_name"]},
    {"name": "name and e-mail", "decision": "match", "same": ["email", "family_name"]},
    {"name": "swapped", "decision": "match", "same": ["sorted(given_name, family_name)", "phone"]},
    {"name": "phone", "decision": "match", "same": ["phone"]}
  ],
  "guards": {
    "blocked": {"phone": ["(702) 919-1399"]},
    "limits": [{"field": "national_id", "at_most": 1, "priority": 1}, {"field": "email", "at_most": 2}],
    "max_records_per_key": MOST
  },
  "survivorship": [
    {"fields": ["given_name", "family_name"], "strategy": "most_complete"},
    {"fields": ["consent"], "strategy": "most_restrictive"},
    {"fields": ["national_id"], "strategy": "source_priority", "sources": ["crm", "shop"]}
  ]
}"#;

/// A model of rules alone, in which a key that more than so many records share grows hot.
pub(crate) fn rules(most: u32) -> Model {
    let plan = Plan::from_json(&PLAN.replace("MOST", &most.to_string())).unwrap();
    plan.fit(&Table::from_records(plan.schema().clone(), []).unwrap(), &Run::new()).unwrap()
}

/// A record for those rules.
pub(crate) fn record(number: usize) -> impl Strategy<Value = Record> {
    let values = |values: &'static [&'static str], most: usize| {
        subsequence(values.to_vec(), 0..=most.min(values.len()))
    };
    let fields = (
        values(&["A-1", "a1", "B2", "C3", "000000"], 1),
        values(
            &["ann@example.org", "Ann@Example.org ", "bob@example.org", "c@example.org", "N/A"],
            2,
        ),
        values(&["702-919-1300", "+1 702 919 1301", "(702) 919-1302", "702 919 1399"], 2),
        values(&["Ann", "ANN", "Bob", "Smith", "Łucja"], 1),
        values(&["Smith", "smith", "Ann", "Jones", "王"], 1),
        values(&["yes", "no", "perhaps"], 1),
    );
    (0..4_i64, fields).prop_map(move |(day, (id, email, phone, given, family, consent))| {
        let source = ["crm", "shop", "desk"][number % 3];
        let mut record = Record::new(RecordKey::new(source, number.to_string()));
        if day > 0 {
            record = record.at(Timestamp::from_millis(day * 86_400_000).unwrap());
        }
        let names = ["national_id", "email", "phone", "given_name", "family_name", "consent"];
        for (name, values) in names.iter().zip([id, email, phone, given, family, consent]) {
            record = values.into_iter().fold(record, |record, value| record.with(*name, value));
        }
        record
    })
}

/// A model inferred from the shipped sample and fitted to it, and the sample's records, those of one
/// customer next to each other.
pub(crate) fn sample() -> &'static (Model, Vec<Record>) {
    static SAMPLE: OnceLock<(Model, Vec<Record>)> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/sample");
        let inputs = [("crm", "crm.csv"), ("shop", "shop.jsonl"), ("support", "support.csv")]
            .map(|(source, file)| Input::file(source, folder.join(file)));
        let run = Run::new();
        let schema = infer_schema(&inputs, &run).unwrap();
        let (table, _) = read(&inputs, &schema, &run).unwrap();
        let plan = Plan::infer(&table, &run).unwrap();
        let model = plan.fit(&table, &run).unwrap();
        let resolution = model.resolve(&table, &Default::default(), &run).unwrap();
        let mut large: Vec<u32> = (0..resolution.len() as u32).collect();
        large.sort_by_key(|entity| (std::cmp::Reverse(resolution.rows(*entity).len()), *entity));
        let rows = large.iter().flat_map(|entity| resolution.rows(*entity));
        (model, rows.map(|row| table.record(*row as usize)).collect())
    })
}

/// How many cases of a property are tried; more where the environment says so.
pub(crate) fn cases(few: u32) -> u32 {
    std::env::var("CDM_STORE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(few)
}

/// What an identifier of a source is to be.
pub(crate) fn key(number: usize) -> RecordKey {
    RecordKey::new(*[&"crm", &"shop", &"desk"][number % 3], number.to_string())
}

/// One of these, for records that stand for nobody.
pub(crate) fn anybody() -> impl Strategy<Value = usize> {
    select((0..18_usize).collect::<Vec<_>>())
}
