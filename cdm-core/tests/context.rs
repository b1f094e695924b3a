//! What surrounds a value: its source, its record's country, and what the plan says.

use cdm_core::{Decisions, Plan, Record, RecordKey, Resolution, Run, Table};

fn record(source: &str, id: &str, values: &[(&str, &str)]) -> Record {
    let record = Record::new(RecordKey::new(source, id));
    values.iter().fold(record, |record, (field, value)| record.with(*field, *value))
}

fn resolve(plan: &str, records: &[Record]) -> Resolution {
    let plan = Plan::from_json(plan).unwrap();
    let table = Table::from_records(plan.schema().clone(), records).unwrap();
    plan.resolve(&table, &Decisions::new(), &Run::new()).unwrap()
}

#[test]
fn each_source_writes_its_dates_its_own_way() {
    let plan = r#"{"version": 1, "name": "people",
        "fields": [{"name": "born", "kind": "date"}, {"name": "name", "kind": "full_name"}],
        "rules": [{"name": "all", "decision": "match", "same": ["born", "name"]}]}"#;
    let mut records = vec![
        record("eu", "1", &[("born", "03/04/1980"), ("name", "Ann Li")]),
        record("us", "1", &[("born", "04/03/1980"), ("name", "Ann Li")]),
        record("us", "2", &[("born", "03/04/1980"), ("name", "Ann Li")]),
    ];
    for day in 13..28 {
        let (eu, us) = (format!("{day}/01/1990"), format!("01/{day}/1991"));
        records.push(record("eu", &format!("x{day}"), &[("born", &eu)]));
        records.push(record("us", &format!("x{day}"), &[("born", &us)]));
    }
    let resolution = resolve(plan, &records);
    let entity = |source: &str, id: &str| {
        resolution.entities()[resolution.table().row(&RecordKey::new(source, id)).unwrap()]
    };
    assert_eq!(entity("eu", "1"), entity("us", "1"));
    assert_ne!(entity("eu", "1"), entity("us", "2"));
    let born = &resolution.quality().fields[0];
    assert_eq!(born.date_orders["eu"].day_first, 15);
    assert_eq!(born.date_orders["us"].month_first, 15);
}

#[test]
fn a_phone_without_country_code_belongs_to_its_records_country_then_its_sources_region() {
    let plan = r#"{"version": 1, "name": "people", "region": "GB",
        "sources": [{"name": "de", "region": "DE"}],
        "fields": [{"name": "phone", "kind": "phone", "region_from": "country"},
                   {"name": "country", "kind": "country"}],
        "rules": [{"name": "phone", "decision": "match", "same": ["phone"]}]}"#;
    let records = [
        record("crm", "1", &[("phone", "030 901820"), ("country", "Germany")]),
        record("crm", "2", &[("phone", "+49 30 901820")]),
        record("crm", "3", &[("phone", "030 901820")]),
        record("de", "4", &[("phone", "030/901820")]),
        record("de", "5", &[("phone", "030 901820"), ("country", "FR")]),
    ];
    let resolution = resolve(plan, &records);
    let entities = resolution.entities();
    assert_eq!((entities[0], entities[0]), (entities[1], entities[3]));
    assert_ne!(entities[0], entities[2]);
    assert_ne!(entities[0], entities[4]);
}

#[test]
fn a_blocked_value_links_nobody_in_whatever_way_it_is_written_and_stays_in_the_record() {
    let plan = r#"{"version": 1, "name": "people", "region": "GB",
        "fields": [{"name": "phone", "kind": "phone"}],
        "rules": [{"name": "phone", "decision": "match", "same": ["phone"]}],
        "guards": {"blocked": {"phone": ["0800 496 0000"]}}}"#;
    let records = [
        record("crm", "1", &[("phone", "+44 800 4960000")]),
        record("crm", "2", &[("phone", "0800 4960000")]),
    ];
    let resolution = resolve(plan, &records);
    assert_eq!(resolution.len(), 2);
    let golden = resolution.golden_records().unwrap().next().unwrap();
    assert_eq!(golden.fields[0].values.len(), 1);
}

#[test]
fn where_a_limit_is_broken_the_link_of_the_less_trusted_identifier_is_refused() {
    let plan = r#"{"version": 1, "name": "people",
        "fields": [{"name": "tax_id", "kind": "identifier"}, {"name": "email", "kind": "email"}],
        "rules": [{"name": "e-mail", "decision": "match", "same": ["email"]},
                  {"name": "tax id", "decision": "match", "same": ["tax_id"]}],
        "guards": {"limits": [{"field": "tax_id", "at_most": 1, "priority": 1},
                              {"field": "email", "at_most": 3, "priority": 2}]}}"#;
    // 1 and 2 share a tax id; 2 and 3 share an e-mail address, and 3 has another tax id.
    let records = [
        record("crm", "1", &[("tax_id", "AB-1234")]),
        record("crm", "2", &[("tax_id", "AB1234"), ("email", "a@firm.example")]),
        record("crm", "3", &[("tax_id", "ZZ9876"), ("email", "a@firm.example")]),
    ];
    let resolution = resolve(plan, &records);
    let entities = resolution.entities();
    assert_eq!(entities[0], entities[1]);
    assert_ne!(entities[1], entities[2]);
    let refused: Vec<_> = resolution.refusals().collect();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].link.rule.as_deref(), Some("e-mail"));
    let json = serde_json::to_value(&refused[0]).unwrap();
    assert_eq!((&json["reason"], &json["field"]), (&"limit".into(), &"tax_id".into()));
}
