//! What rules and comparisons are given to look at.

use std::collections::BTreeMap;

use cdm_core::compare::Comparison;
use cdm_core::features::{Features, Needs, Settings};
use cdm_core::normalize::Form;
use cdm_core::{Error, Field, Kind, Record, RecordKey, Run, Schema, Table};

fn table(fields: &[(&str, Kind)], rows: &[&[&str]]) -> Table {
    let definitions = fields.iter().map(|(name, kind)| Field::new(*name, *kind)).collect();
    let schema = Schema::new("people", definitions).unwrap();
    let records: Vec<Record> = rows
        .iter()
        .enumerate()
        .map(|(row, values)| {
            let record = Record::new(RecordKey::new("crm", row.to_string()));
            let values = fields.iter().zip(*values).filter(|(_, value)| !value.is_empty());
            values.fold(record, |record, ((field, _), value)| record.with(*field, *value))
        })
        .collect();
    Table::from_records(schema, &records).unwrap()
}

fn features(table: &Table, needs: &Needs) -> Result<Features, Error> {
    Features::new(table, &Settings::default(), needs, &BTreeMap::new(), &Run::new())
}

#[test]
fn expressions_give_the_keys_that_they_say() {
    let fields = [
        ("given", Kind::GivenName),
        ("family", Kind::FamilyName),
        ("email", Kind::Email),
        ("born", Kind::Date),
        ("firm", Kind::Organisation),
    ];
    let rows: &[&[&str]] = &[
        &["Bob", "Müller", "B.Mueller+x@Example.org", "1970-03-01", "Acme Trading GmbH"],
        &["Robert", "Mueller", "info@example.org", "1970-03", "Trading Acme"],
        &["", "Mulle", "not an address", "n/a", ""],
    ];
    let table = table(&fields, rows);
    for (expression, wanted) in [
        ("email.local", [vec!["b.mueller"], vec!["info"], vec![]]),
        ("given.nickname", [vec!["robert"], vec!["robert"], vec![]]),
        ("born.year_month", [vec!["1970-03"], vec!["1970-03"], vec![]]),
        ("born.month_day", [vec!["03-01"], vec![], vec![]]),
        ("born.year", [vec!["1970"], vec!["1970"], vec![]]),
        ("firm.base.words", [vec!["acme", "trading"], vec!["acme", "trading"], vec![]]),
    ] {
        let needs = Needs::new().with_expressions([expression.parse().unwrap()]);
        let features = features(&table, &needs).unwrap();
        let keys = features.keys(&expression.parse().unwrap()).unwrap();
        for (row, wanted) in wanted.iter().enumerate() {
            let mut found: Vec<&str> = keys.values(row).collect();
            found.sort_unstable();
            assert!(
                wanted.iter().all(|key| found.contains(key))
                    && found.is_empty() == wanted.is_empty(),
                "{expression} of row {row}: {found:?}"
            );
        }
    }
    // What two records share survives, what one alone has does not, but for the name itself.
    let needs = Needs::new().with_expressions(["family.deletions".parse().unwrap()]);
    let features = features(&table, &needs).unwrap();
    let keys = features.keys(&"family.deletions".parse().unwrap()).unwrap();
    let shared =
        |one: usize, other: usize| keys.codes(one).iter().any(|c| keys.codes(other).contains(c));
    assert!(shared(0, 2), "muller and mulle");
    assert!(!shared(1, 2), "mueller and mulle");
    assert!(keys.values(1).any(|key| key == "mueller"));
}

#[test]
fn values_are_prepared_for_the_comparisons_that_look_at_them() {
    let rows: &[&[&str]] = &[
        &["Smith", "a@example.org"],
        &["SMITH", "b@example.org"],
        &["Smyth", ""],
        &["n/a", "a@example.org"],
    ];
    let table = table(&[("family", Kind::FamilyName), ("email", Kind::Email)], rows);
    let comparison = Comparison::template(Kind::FamilyName, "family");
    let needs = Needs::new().with_comparisons(std::slice::from_ref(&comparison));
    let features = features(&table, &needs).unwrap();
    let (family, email) = (features.field(0), features.field(1));
    let code = |row: usize| family.prepared_code(family.codes(row)[0]);
    assert_eq!((code(0), code(1)), (Some(0), Some(0)), "no comparison can tell them apart");
    assert_eq!((code(2), code(3)), (Some(1), None), "not usable");
    assert_eq!(family.prepared_len(), 2);
    let prepared = |row: usize| family.prepared(family.codes(row)[0]).unwrap();
    assert_eq!(family.prepared_of(0).form(Form::Ascii), Some("smith"));
    assert_eq!(comparison.compare_two(prepared(0), prepared(1)), 0);
    assert!(comparison.compare_two(prepared(0), prepared(2)) > 0);
    assert!(email.prepared(email.codes(0)[0]).is_none(), "nobody compares it");
    assert_eq!(email.prepared_len(), 0);

    let needs = Needs::new().with_fields(["email".to_owned()]);
    let features = self::features(&table, &needs).unwrap();
    let email = features.field(1);
    let local = |row: usize| email.prepared(email.codes(row)[0])?.form(Form::Local);
    assert_eq!((local(0), local(1)), (Some("a"), Some("b")));
    assert_eq!(email.prepared_code(email.codes(0)[0]), email.prepared_code(email.codes(3)[0]));

    let needs = Needs::new().with_fields(["phone".to_owned()]);
    assert_eq!(self::features(&table, &needs).err().map(|e| e.code()), Some("UNKNOWN_FIELD"));
}
