//! Results as Arrow tables.
#![cfg(feature = "arrow")]

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt32Type};
use arrow_array::{Array, ArrayRef};
use cdm_core::read::{FieldMapping, Input, Mapping, read};
use cdm_core::write::ArrowTable;
use cdm_core::{CancelToken, Decisions, Plan, RecordKey, Resolution, Run, Table};

const PLAN: &str = r#"{
    "version": 1,
    "name": "people",
    "fields": [
        {"name": "name", "kind": "full_name"},
        {"name": "email", "kind": "email"},
        {"name": "records", "kind": "text"}
    ],
    "sources": [{"name": "crm", "duplicate_free": true}],
    "rules": [
        {"name": "e-mail", "decision": "match", "same": ["email"]},
        {"name": "other name", "decision": "never", "differ": ["name.family"]}
    ]
}"#;

const ROWS: &str = "id,name,email,records
1,Ann Li,ann@li.example,x
2,Ann Li,ann@li.example,
,nobody,,
1,again,,
3,Bo Ek,bo@ek.example;bo@home.example,y
";

fn resolution(source: &str) -> (Resolution, Vec<cdm_core::ReadReport>) {
    let plan = Plan::from_json(PLAN).unwrap();
    let mapping = Mapping {
        id: Some("id".into()),
        fields: vec![
            FieldMapping::new("name", "name"),
            FieldMapping::new("email", "email").separated_by(";"),
            FieldMapping::new("records", "records"),
        ],
        ..Mapping::default()
    };
    let input = Input::bytes(source, "people.csv", ROWS.as_bytes()).with_mapping(mapping);
    let (table, reports) = read(&[input], plan.schema(), &Run::new()).unwrap();
    (plan.resolve(&table, &Decisions::new(), &Run::new()).unwrap(), reports)
}

fn column(table: &ArrowTable, name: &str) -> ArrayRef {
    assert_eq!(table.batches.len(), 1);
    table.batches[0].column_by_name(name).unwrap_or_else(|| panic!("no column {name}")).clone()
}

fn texts(table: &ArrowTable, name: &str) -> Vec<Option<String>> {
    let column = column(table, name);
    column.as_string::<i64>().iter().map(|text| text.map(str::to_owned)).collect()
}

fn lists(table: &ArrowTable, name: &str) -> Vec<Vec<String>> {
    let column = column(table, name);
    let lists = column.as_list::<i32>().iter().map(|list| {
        let list = list.expect("every entity has a list");
        list.as_string::<i64>().iter().map(|text| text.unwrap_or_default().to_owned()).collect()
    });
    lists.collect()
}

#[test]
fn entities_line_up_with_the_rows_of_the_inputs() {
    let (resolution, reports) = resolution("shop");
    let aligned = resolution.entities_arrow(&reports, &Run::new()).unwrap();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(texts(&aligned, "id"), [some("1"), some("2"), None, None, some("3")]);
    let ids = texts(&aligned, "entity_id");
    assert_eq!(ids[0], ids[1]);
    assert_eq!((&ids[2], &ids[3]), (&None, &None));
    assert_eq!(ids[4], Some(resolution.entity_id(1).to_string()));
    let records = resolution.entities_arrow(&[], &Run::new()).unwrap();
    assert_eq!(texts(&records, "id"), [some("1"), some("2"), some("3")]);
    assert_eq!(aligned.reader().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 5);
}

#[test]
fn golden_records_have_a_column_for_each_field_whatever_its_name() {
    let (resolution, _) = resolution("shop");
    let golden = resolution.golden_records_arrow(&Run::new()).unwrap();
    let names: Vec<&str> =
        golden.schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["entity_id", "records", "sources", "time", "name", "email", "records_"]);
    assert_eq!(column(&golden, "records").as_primitive::<UInt32Type>().values(), &[2, 1]);
    assert_eq!(lists(&golden, "sources"), [["shop"], ["shop"]]);
    assert_eq!(lists(&golden, "email")[1], ["bo@ek.example", "bo@home.example"]);
    assert_eq!(column(&golden, "time").null_count(), 2);
}

#[test]
fn lineage_has_every_value_of_every_record_once() {
    let (resolution, _) = resolution("shop");
    let lineage = resolution.lineage_arrow(&Run::new()).unwrap();
    let outcome = texts(&lineage, "outcome");
    let values = |table: &Table| -> usize {
        let fields = 0..table.schema().fields().len();
        let rows = 0..table.len();
        fields
            .map(|f| rows.clone().map(|row| table.column(f).values(row).count()).sum::<usize>())
            .sum()
    };
    assert_eq!(lineage.num_rows(), values(resolution.table()));
    assert_eq!(outcome.iter().filter(|outcome| outcome.as_deref() == Some("agreed")).count(), 2);
    assert_eq!(texts(&lineage, "strategy")[0].as_deref(), Some("most_frequent"));
}

#[test]
fn links_and_refusals_say_what_made_them() {
    let (joined, _) = resolution("shop");
    let links = joined.links_arrow(&Run::new()).unwrap();
    assert_eq!(texts(&links, "rule"), [Some("e-mail".to_owned())]);
    assert_eq!(column(&links, "match_weight").as_primitive::<Float64Type>().null_count(), 1);
    let (apart, _) = resolution("crm");
    let refusals = apart.refusals_arrow(&Run::new()).unwrap();
    assert_eq!(texts(&refusals, "reason"), [Some("one_per_source".to_owned())]);
    assert_eq!(texts(&refusals, "detail"), [Some("crm".to_owned())]);
    assert_eq!(apart.links_arrow(&Run::new()).unwrap().num_rows(), 0);
}

#[test]
fn quality_counts_the_issues_of_each_field() {
    let (resolution, _) = resolution("shop");
    let quality = resolution.quality_arrow(&Run::new()).unwrap();
    assert_eq!(quality.num_rows(), 3);
    assert_eq!(texts(&quality, "kind")[1].as_deref(), Some("email"));
    assert_eq!(column(&quality, "issues").as_list::<i32>().len(), 3);
}

#[test]
fn a_link_that_comparisons_made_says_how_heavy_it_is() {
    let mut rows = String::from("id,given_name,family_name,email\n");
    for (number, family) in ["Li", "Ek", "Roe", "Wu", "Abe", "Diaz"].iter().enumerate() {
        for copy in 0..2 {
            rows += &format!("{number}{copy},Ann{number},{family},ann{number}@{family}.example\n");
        }
    }
    let input = [Input::bytes("crm", "people.csv", rows.into_bytes())];
    let run = Run::new();
    let schema = cdm_core::infer_schema(&input, &run).unwrap();
    let (table, _) = read(&input, &schema, &run).unwrap();
    let plan = Plan::infer(&table, &run).unwrap();
    let resolution = plan.resolve(&table, &Decisions::new(), &run).unwrap();
    assert_eq!(resolution.len(), 6);
    for link in resolution.links() {
        let weight = link.match_weight.expect("no rule made it").bits();
        let probability = link.match_probability().expect("it has a weight");
        assert!(weight > 0.0 && probability > 0.5 && probability <= 1.0);
        assert_eq!(link.left.id[..1], link.right.id[..1]);
    }
    let links = resolution.links_arrow(&run).unwrap();
    assert_eq!(column(&links, "match_weight").null_count(), 0);
    let mut decisions = Decisions::new();
    decisions.must_link.push((RecordKey::new("crm", "00"), RecordKey::new("crm", "01")));
    let decided = plan.resolve(&table, &decisions, &run).unwrap();
    assert_eq!(decided.links().next().unwrap().match_weight, None);
}

#[test]
fn every_result_can_be_stopped() {
    let (resolution, reports) = resolution("shop");
    let cancel = CancelToken::new();
    cancel.cancel();
    let run = Run::new().with_cancel(cancel);
    let results = [
        resolution.entities_arrow(&reports, &run),
        resolution.links_arrow(&run),
        resolution.golden_records_arrow(&run),
        resolution.lineage_arrow(&run),
        resolution.quality_arrow(&run),
    ];
    assert!(results.into_iter().all(|result| result.unwrap_err().code() == "CANCELLED"));
}

#[test]
fn columns_as_json_are_the_values_of_the_rows_asked_for() {
    let (resolution, _) = resolution("shop");
    let table = resolution.entities_arrow(&[], &Run::new()).unwrap();
    let json = |table: &ArrowTable, rows| -> serde_json::Value {
        serde_json::from_slice(&table.columns_to_json(rows).unwrap()).unwrap()
    };
    let names: Vec<&String> = table.schema.fields().iter().map(|field| field.name()).collect();
    let all = json(&table, 0..usize::MAX);
    for (name, column) in names.iter().zip(all.as_array().unwrap()) {
        let column: Vec<Option<String>> = serde_json::from_value(column.clone()).unwrap();
        assert_eq!(column, texts(&table, name));
    }
    assert_eq!(json(&table, 1..2)[0], serde_json::json!(["2"]));
    assert_eq!(json(&table, 3..9), serde_json::json!(vec![[0; 0]; names.len()]));
    let golden = resolution.golden_records_arrow(&Run::new()).unwrap();
    let place = |name: &str| golden.schema.index_of(name).unwrap();
    let golden = (json(&golden, 0..2), place("email"), place("sources"));
    assert_eq!(golden.0[golden.2], serde_json::json!([["shop"], ["shop"]]));
    let both = serde_json::json!(["bo@ek.example", "bo@home.example"]);
    assert_eq!(golden.0[golden.1][1], both);
}
