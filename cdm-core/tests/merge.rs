//! Survivorship: which value survives by each strategy, and what is said of the others.

use cdm_core::{Decisions, Plan, Record, RecordKey, Resolution, Run, Table};

/// Three records of one person: the shop's is the newest, the desk's has no time.
fn records() -> Vec<Record> {
    let record = |source: &str, id: &str, time: Option<&str>| {
        let record = Record::new(RecordKey::new(source, id)).with("key", "K-77");
        match time {
            Some(time) => record.at(time.parse().unwrap()),
            None => record,
        }
    };
    vec![
        record("crm", "1", Some("2020-01-01"))
            .with("name", "Anna Berg")
            .with("score", "9")
            .with("consent", "yes")
            .with("email", "anna@berg.example")
            .with("street", "1 High Street")
            .with("city", "Leeds"),
        record("desk", "1", None)
            .with("name", "Anna M. Berg")
            .with("score", "-3")
            .with("consent", "no")
            .with("email", "N/A")
            .with("street", "1 High St."),
        record("shop", "1", Some("2024-01-01"))
            .with("name", "Anne Berg")
            .with("score", "10")
            .with("consent", "YES")
            .with("email", "Anna@Berg.example ")
            .with("email", "ab@work.example")
            .with("city", "York"),
        record("shop", "2", Some("2023-01-01")).with("name", "ANNA BERG"),
    ]
}

fn resolve(survivorship: &str) -> Resolution {
    let plan = format!(
        r#"{{"version": 1, "name": "people", "region": "GB",
            "sources": [{{"name": "shop"}}, {{"name": "desk"}}, {{"name": "crm"}}],
            "fields": [
                {{"name": "key", "kind": "identifier"}}, {{"name": "name", "kind": "full_name"}},
                {{"name": "score", "kind": "number"}}, {{"name": "consent", "kind": "category"}},
                {{"name": "email", "kind": "email"}}, {{"name": "street", "kind": "street"}},
                {{"name": "city", "kind": "city"}}],
            "rules": [{{"name": "key", "decision": "match", "same": ["key"]}}],
            "survivorship": [{survivorship}]}}"#
    );
    let plan = Plan::from_json(&plan).unwrap();
    let table = Table::from_records(plan.schema().clone(), &records()).unwrap();
    plan.resolve(&table, &Decisions::new(), &Run::new()).unwrap()
}

/// What survives in `field`, under these rules.
fn survivors(survivorship: &str, field: &str) -> Vec<String> {
    let resolution = resolve(survivorship);
    let golden = resolution.golden_records().unwrap().next().unwrap();
    let field = golden.fields.iter().find(|golden| golden.name == field).unwrap();
    field.values.iter().map(|value| value.value.to_owned()).collect()
}

#[test]
fn each_strategy_chooses_as_it_says() {
    for (field, rule, expected) in [
        ("name", r#""strategy": "most_recent""#, "Anne Berg"),
        ("name", r#""strategy": "source_priority", "sources": ["desk", "crm"]"#, "Anna M. Berg"),
        ("name", r#""strategy": "source_priority""#, "Anne Berg"),
        ("name", r#""strategy": "most_frequent""#, "Anna Berg"),
        ("name", r#""strategy": "most_complete""#, "Anna Berg"),
        ("name", r#""strategy": "longest""#, "Anna M. Berg"),
        ("name", r#""strategy": "first_valid""#, "Anne Berg"),
        ("name", r#""strategy": "min""#, "Anna Berg"),
        ("score", r#""strategy": "min""#, "-3"),
        ("score", r#""strategy": "max""#, "10"),
        ("consent", r#""strategy": "most_restrictive""#, "no"),
        ("consent", r#""strategy": "most_restrictive", "order": ["yes", "no"]"#, "YES"),
        ("consent", r#""strategy": "latest_decision""#, "YES"),
    ] {
        let got = survivors(&format!(r#"{{"fields": ["{field}"], {rule}}}"#), field);
        assert_eq!(got, [expected], "{field} {rule}");
    }
}

#[test]
fn a_union_keeps_each_canonical_value_once_the_most_recent_first() {
    let emails = survivors(r#"{"fields": ["email"], "strategy": "union"}"#, "email");
    assert_eq!(emails, ["Anna@berg.example", "ab@work.example"]);
}

#[test]
fn fields_that_survive_together_come_from_one_record() {
    let together = r#"{"fields": ["street", "city"], "strategy": "most_recent"}"#;
    // The shop's record is the newest, and has no street: a town alone replaces no street.
    assert_eq!(survivors(together, "street"), ["1 High Street"]);
    assert_eq!(survivors(together, "city"), ["Leeds"]);
    let apart = r#"{"fields": ["city"], "strategy": "most_recent"}"#;
    assert_eq!(survivors(apart, "city"), ["York"]);
}

#[test]
fn lineage_names_the_record_that_won_those_that_agreed_and_those_that_lost() {
    let resolution = resolve(r#"{"fields": ["name"], "strategy": "most_frequent"}"#);
    let golden = resolution.golden_records().unwrap().next().unwrap();
    let lineage = serde_json::to_value(golden.lineage()).unwrap();
    let name = &lineage["fields"]["name"];
    assert_eq!(name["strategy"], "most_frequent");
    assert_eq!(name["values"][0]["value"], "Anna Berg");
    assert_eq!(name["values"][0]["from"]["id"], "2");
    assert_eq!(name["values"][0]["from"]["raw"], "ANNA BERG");
    assert_eq!(name["values"][0]["agreed"][0]["source"], "crm");
    let lost: Vec<_> = name["lost"].as_array().unwrap().iter().map(|lost| &lost["raw"]).collect();
    assert_eq!(lost, ["Anna M. Berg", "Anne Berg"]);
    let placeholder = &lineage["fields"]["email"]["lost"][0];
    assert_eq!(placeholder["status"], "unusable");
    assert_eq!(placeholder["issues"][0], "placeholder");
}
