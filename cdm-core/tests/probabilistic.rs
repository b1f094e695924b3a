//! Matching without labels, from records to entities: how right it is, and the laws that it keeps.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use cdm_core::compare::Comparison;
use cdm_core::evaluate::Evaluation;
use cdm_core::features::{Features, Needs, Settings};
use cdm_core::model::Comparer;
use cdm_core::read::FieldMapping;
use cdm_core::{
    Decisions, Field, Input, Kind, Mapping, Model, Plan, Record, RecordKey, Resolution, Run,
    Schema, Table, infer_schema, read,
};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

const SOURCES: [(&str, &str); 4] = [
    ("crm", "crm.csv"),
    ("loyalty", "loyalty.csv"),
    ("shop", "shop.jsonl"),
    ("support", "support.csv"),
];

fn sample(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/sample").join(file)
}

/// The shipped sample, as a table whose rows come in the order of `sources`. Only the ids are told.
fn table(sources: &[(&str, &str)]) -> Table {
    let ids = BTreeMap::from([
        ("crm", "CustomerId"),
        ("loyalty", "card_no"),
        ("shop", "id"),
        ("support", "Kundennr"),
    ]);
    let input = |(source, file): &(&str, &str)| Input::file(*source, sample(file));
    let inputs: Vec<Input> = sources.iter().map(input).collect();
    let mut in_order = sources.to_vec();
    in_order.sort_unstable();
    let in_order: Vec<Input> = in_order.iter().map(input).collect();
    let run = Run::new();
    let inferred = infer_schema(&in_order, &run).unwrap();
    let is_id = |field: &Field| ["card_no", "customer_id", "kundennr"].contains(&&*field.name);
    let fields = inferred.fields().iter().filter(|field| !is_id(field)).cloned().collect();
    let schema = Schema::new("sample", fields).unwrap();
    let (_, reports) = read(&inputs, &schema, &run).unwrap();
    let told = inputs.into_iter().zip(&reports).map(|(input, report)| {
        let id = Some(ids[input.source.as_str()].to_owned());
        input.with_mapping(Mapping { id, ..report.mapping.clone() })
    });
    read(&told.collect::<Vec<_>>(), &schema, &run).unwrap().0
}

fn resolved(table: &Table) -> Resolution {
    let run = Run::new();
    let plan = Plan::infer(table, &run).unwrap();
    plan.resolve(table, &Decisions::new(), &run).unwrap()
}

/// What came out, in an order that does not depend on rows.
fn outcome(resolution: &Resolution) -> (BTreeMap<RecordKey, String>, Vec<String>) {
    let table = resolution.table();
    let entity = |row: usize| resolution.entity_id(resolution.entities()[row]).to_string();
    let entities = (0..table.len()).map(|row| (table.key(row), entity(row))).collect();
    let links = resolution.links().map(|link| serde_json::to_string(&link).unwrap()).collect();
    (entities, links)
}

fn truth() -> BTreeMap<RecordKey, String> {
    let mapping = Mapping {
        id: Some("id".to_owned()),
        source: Some("source".to_owned()),
        time: None,
        fields: vec![FieldMapping::new("entity", "entity_id")],
    };
    let schema = Schema::new("truth", vec![Field::new("entity", Kind::Text)]).unwrap();
    let input = Input::file("truth", sample("truth.csv")).with_mapping(mapping);
    let (table, _) = read(&[input], &schema, &Run::new()).unwrap();
    let entity = |row| Some((table.key(row), table.column(0).values(row).next()?.to_owned()));
    (0..table.len()).filter_map(entity).collect()
}

#[test]
fn the_sample_is_resolved_without_settings_whatever_its_order_and_the_threads() {
    let in_pool = |threads: usize, sources: &[(&str, &str)]| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| resolved(&table(sources)))
    };
    let first = in_pool(1, &SOURCES);
    let mut reversed = SOURCES;
    reversed.reverse();
    let second = in_pool(3, &reversed);
    assert_eq!(first.model().to_json(), second.model().to_json());
    assert!(outcome(&first) == outcome(&second), "the order of rows or the threads show");

    let truth = truth();
    let numbers: BTreeMap<&String, u32> = truth.values().zip(0..).collect();
    let of_row = (0..first.table().len()).map(|row| {
        (first.entities()[row], truth.get(&first.table().key(row)).map(|entity| numbers[entity]))
    });
    let score = Evaluation::new(of_row);
    assert!(score.f1 > 0.94, "F1 {}", score.f1);
    assert!(score.largest_found <= 3 * score.largest_true, "{} records", score.largest_found);

    // A model is the same after it was written and read.
    let again = Model::from_json(&first.model().to_json()).unwrap();
    assert_eq!(again.to_json(), first.model().to_json());
    let again = again.resolve(first.table(), &Decisions::new(), &Run::new()).unwrap();
    assert!(outcome(&first) == outcome(&again), "a model read again decides otherwise");
}

#[test]
fn a_damaged_model_is_an_error_that_says_where() {
    let table = table(&SOURCES[3..]);
    let json = resolved(&table).model().to_json();
    let model: serde_json::Value = serde_json::from_str(&json).unwrap();
    let damaged = |path: &str, value: serde_json::Value| {
        let mut model = model.clone();
        *model.pointer_mut(path).unwrap() = value;
        Model::from_json(&model.to_string()).unwrap_err()
    };
    for (path, value, wanted) in [
        ("/parameters/prior", 1.5.into(), "parameters.prior"),
        ("/parameters/comparisons/0/m_probability/0", (-0.1).into(), "m_probability"),
        ("/parameters/comparisons/0/u_probability", serde_json::json!([1.0]), "u_probability"),
        ("/parameters/comparisons", serde_json::json!([]), "parameters.comparisons"),
        ("/parameters/coincidences", serde_json::json!([]), "parameters.coincidences"),
        ("/parameters", serde_json::Value::Null, "parameters"),
    ] {
        let error = damaged(path, value);
        assert_eq!(error.code(), "INVALID_DOCUMENT", "{path}: {error}");
        assert!(error.to_string().contains(wanted), "{path}: {error}");
    }
    assert_eq!(damaged("/version", 2.into()).code(), "DOCUMENT_VERSION");
    for end in (0..json.len()).step_by(997) {
        if let Some(part) = json.get(..end) {
            assert!(Model::from_json(part).is_err());
        }
    }
}

/// The records of the sample by true customer, of which those with several come first.
fn customers() -> &'static (Schema, Vec<Vec<Record>>) {
    static CUSTOMERS: std::sync::OnceLock<(Schema, Vec<Vec<Record>>)> = std::sync::OnceLock::new();
    CUSTOMERS.get_or_init(|| {
        let (table, truth) = (table(&SOURCES), truth());
        let mut by_customer: BTreeMap<&str, Vec<Record>> = BTreeMap::new();
        for record in (0..table.len()).map(|row| table.record(row)) {
            let Some(customer) = truth.get(&record.key) else { continue };
            by_customer.entry(customer).or_default().push(record);
        }
        let mut customers: Vec<Vec<Record>> = by_customer.into_values().collect();
        customers.sort_by_key(|records| std::cmp::Reverse(records.len()));
        (table.schema().clone(), customers)
    })
}

/// Everything that is inferred, learned and decided of these records, in writing.
fn written(records: &[Record]) -> Vec<String> {
    let resolution = resolved(&Table::from_records(customers().0.clone(), records).unwrap());
    let run = Run::new();
    let mut files = vec![Vec::new(); 3];
    resolution.write_entities(&mut files[0], &run).unwrap();
    resolution.write_links_json_lines(&mut files[1], &run).unwrap();
    resolution.write_golden_json_lines(&mut files[2], &run).unwrap();
    let texts = files.into_iter().map(|file| String::from_utf8(file).unwrap());
    texts.chain([resolution.model().to_json()]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn neither_the_order_of_records_nor_the_threads_change_a_byte(
        (records, shuffled) in subsequence(customers().1[..400].to_vec(), 60..120)
            .prop_map(|customers| customers.concat())
            .prop_flat_map(|records| (Just(records.clone()), Just(records).prop_shuffle())),
        threads in select(vec![1, 2, 8]),
    ) {
        let expected = written(&records);
        prop_assert!(expected[1].lines().count() > 100, "hardly a link");
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let got = pool.install(|| written(&shuffled));
        for (expected, got) in expected.iter().zip(&got) {
            for (expected, got) in expected.lines().zip(got.lines()) {
                prop_assert_eq!(expected, got);
            }
        }
        prop_assert_eq!(expected, got);
    }
}

#[test]
fn in_one_go_is_the_same_as_one_after_the_other() {
    let (table, run) = (table(&SOURCES), Run::new());
    let given = Plan::builder("sample");
    let given = table.schema().fields().iter().fold(given, |plan, field| plan.field(field.clone()));
    let given = given.build().unwrap();
    let plan = Plan::infer_with(&table, &given, &run).unwrap().plan;
    let apart = plan.resolve(&table, &Decisions::new(), &run).unwrap();
    let at_once =
        Plan::infer_and_resolve(&table, &given, &Decisions::new(), &Decisions::new(), &run)
            .unwrap();
    assert_eq!(apart.model().to_json(), at_once.model().to_json());
    assert_eq!(outcome(&apart), outcome(&at_once));
    let golden = |resolution: &Resolution| -> Vec<String> {
        let golden = resolution.golden_records().unwrap();
        golden.map(|golden| serde_json::to_string(&golden).unwrap()).collect()
    };
    assert_eq!(golden(&apart), golden(&at_once));
}

#[test]
fn several_passes_come_to_the_same_and_too_little_memory_is_an_error_beforehand() {
    let (table, run) = (table(&SOURCES), Run::new());
    let mut document: serde_json::Value =
        serde_json::from_str(&Plan::infer(&table, &run).unwrap().to_json()).unwrap();
    // Rules have their own keys, and what is blocked is told by canonical forms.
    document["rules"] = serde_json::json!([
        {"name": "mail", "decision": "match", "same": ["email", "family_name.phonetic"]},
    ]);
    document["guards"] = serde_json::json!({"blocked": {"phone": ["+49 30 901820"]}});
    let plan = Plan::from_json(&document.to_string()).unwrap();
    let told = plan.estimate(&table, &run).unwrap();
    assert!(told.least_memory_bytes < told.peak_memory_bytes, "{told:?}");

    let stages = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&stages);
    let tight = Run::new()
        .with_progress(move |progress| seen.lock().unwrap().push(progress.stage))
        .with_memory_limit(told.least_memory_bytes);
    let none = Decisions::new();
    let whole = plan.resolve(&table, &none, &run).unwrap();
    let passes = plan.resolve(&table, &none, &tight).unwrap();
    assert!(stages.lock().unwrap().contains(&"normalize for keys"), "it went in one pass");
    assert_eq!(whole.model().to_json(), passes.model().to_json());
    assert_eq!(outcome(&whole), outcome(&passes));
    let again = whole.model().resolve(&table, &none, &tight).unwrap();
    assert_eq!(outcome(&whole), outcome(&again));

    let less = Run::new().with_memory_limit(told.least_memory_bytes - 1);
    for error in [
        plan.fit(&table, &less).err().unwrap(),
        plan.resolve(&table, &none, &less).err().unwrap(),
        whole.model().resolve(&table, &none, &less).err().unwrap(),
    ] {
        assert_eq!(error.code(), "MEMORY_LIMIT", "{error}");
    }
}

/// Fields of several kinds, and values that records may have in them: alike, the same in other words, nothing alike.
const VALUES: [(&str, Kind, &[&str]); 7] = [
    (
        "given",
        Kind::GivenName,
        &["Robert", "Bob", "R.", "Roberto", "José", "Jose", "Hans Peter", "Smith", "محمد", "浩"],
    ),
    (
        "family",
        Kind::FamilyName,
        &[
            "Smith",
            "Smyth",
            "Smith Jr.",
            "Robert",
            "Baden Baden",
            "Baden",
            "O'Neil",
            "Oneil",
            "de la Cruz",
        ],
    ),
    ("born", Kind::Date, &["1980-02-03", "1980-03-02", "1980-02-04", "1970", "1991-11-30"]),
    (
        "email",
        Kind::Email,
        &[
            "bob@gmail.com",
            "bob@acme.example",
            "bobb@gmail.com",
            "info@acme.example",
            "x@acme.example",
        ],
    ),
    (
        "address",
        Kind::Address,
        &["Main St 5", "Main Street 5", "5 Main St", "Oak Ave 7", "PO Box 9"],
    ),
    ("postcode", Kind::Postcode, &["10115", "10117", "80331"]),
    ("city", Kind::City, &["Berlin", "Munich", "München", "東京"]),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_pairs_are_compared_together_as_one_by_one(
        records in prop::collection::vec(
            VALUES.map(|(_, _, values)| prop::collection::vec(select(values), 0..3)).to_vec(), 2..40),
        pairs in prop::collection::vec((0_u32..40, 0_u32..40), 1..300),
    ) {
        let fields = VALUES.iter().map(|(name, kind, _)| Field::new(*name, *kind)).collect();
        let records: Vec<Record> = (0..).zip(&records).map(|(id, values): (u32, _)| {
            let record = Record::new(RecordKey::new("crm", id.to_string()));
            VALUES.iter().zip(values).fold(record, |record, ((name, _, _), values)| {
                values.iter().fold(record, |record, value| record.with(*name, *value))
            })
        }).collect();
        let schema = Schema::new("people", fields).unwrap();
        let (table, run) = (Table::from_records(schema, &records).unwrap(), Run::new());
        let places = [(Kind::Postcode, "postcode"), (Kind::City, "city")];
        let comparisons: Vec<Comparison> = [
            Comparison::person_names("given", "family").to_vec(),
            Comparison::template(Kind::Email, "email").in_two(2, "rest of email").to_vec(),
            vec![
                Comparison::template(Kind::Date, "born"),
                Comparison::address("address", &places),
                Comparison::place(&places),
            ],
        ].concat();
        let rows = table.len() as u32;
        let pairs: Vec<(u32, u32)> = pairs.iter().map(|(l, r)| (l % rows, r % rows)).collect();
        let twice = Comparison::person_names("given", "given").to_vec();
        for comparisons in [comparisons, twice] {
            let needs = Needs::new().with_comparisons(&comparisons);
            let features =
                Features::new(&table, &Settings::default(), &needs, &BTreeMap::new(), &run).unwrap();
            let comparer =
                Comparer::new(&comparisons, table.schema(), &features, table.len()).unwrap();
            let one_by_one =
                pairs.iter().map(|(left, right)| comparer.pattern(*left as usize, *right as usize));
            prop_assert_eq!(comparer.patterns(&pairs), one_by_one.collect::<Vec<_>>());
        }
    }
}

#[test]
fn pairs_are_compared_together_as_one_by_one() {
    let (table, run) = (table(&SOURCES), Run::new());
    let plan = Plan::infer(&table, &run).unwrap();
    let needs = Needs::new().with_comparisons(plan.comparisons());
    let features =
        Features::new(&table, &Settings::default(), &needs, &BTreeMap::new(), &run).unwrap();
    let comparer =
        Comparer::new(plan.comparisons(), table.schema(), &features, table.len()).unwrap();
    let rows = table.len() as u32;
    let pairs: Vec<(u32, u32)> = (0..5_000).map(|n| (n * 7 % rows, n * 13 % rows)).collect();
    let one_by_one =
        pairs.iter().map(|(left, right)| comparer.pattern(*left as usize, *right as usize));
    assert_eq!(comparer.patterns(&pairs), one_by_one.collect::<Vec<_>>());
}
