//! A record in no table is seen as a table sees it.

use std::path::Path;

use proptest::prelude::*;
use proptest::sample::subsequence;

use super::*;
use crate::block::Blocking;
use crate::cancel::Run;
use crate::plan::Plan;
use crate::read::{Input, infer_schema, read};
use crate::rule::BoundRules;
use crate::schema::Kind;
use crate::score::Scorer;
use crate::table::Table;

/// Every pair of `table`, both ways: what the bound model and the batch pipeline say of it.
fn assert_same(model: &Model, table: &Table) {
    let (run, plan) = (Run::new(), model.plan());
    let bound = model.bind().unwrap();
    let records: Vec<BoundRecord> =
        (0..table.len()).map(|row| bound.prepare(&table.record(row)).unwrap()).collect();
    let features = model.features(table, &run).unwrap();
    let rules = BoundRules::new(plan.rules(), &features).unwrap();
    let scope = plan.scope(table);
    let blocking = model.blocking(table, &features, scope.clone(), &run).unwrap();
    let scorer = model.parameters().map(|parameters| {
        let (comparisons, coincidences) = (plan.comparisons(), plan.coincidences());
        let schema = table.schema();
        Scorer::new(parameters, comparisons, coincidences, schema, &features, table.len()).unwrap()
    });
    let outlines: Vec<Vec<u64>> = records.iter().map(|record| outline(&bound, record)).collect();
    let packed: Vec<BoundRecord> =
        records.iter().map(|record| bound.unpack(bound.pack(record).unwrap()).unwrap()).collect();
    for (record, packed) in records.iter().zip(&packed) {
        assert_eq!(outline(&bound, record), outline(&bound, packed));
        let last = plan.rules().len().checked_sub(1);
        assert!(last.is_none_or(|r| bound.signature(r, record) == bound.signature(r, packed)));
        for rule in bound.keyings().filter(|keying| matches!(keying, Keying::Rule(_))) {
            assert_eq!(bound.keys(rule, record), bound.keys(rule, packed));
        }
    }
    for left in 0..table.len() {
        let likeness = bound.likeness(&records[left]);
        for right in 0..table.len() {
            let (one, two) = (&records[left], &records[right]);
            let (packed_one, packed_two) = (&packed[left], &packed[right]);
            assert_eq!(bound.decide(one, packed_two), bound.decide(one, two));
            assert_eq!(bound.weight(one, packed_two), bound.weight(one, two));
            assert_eq!(bound.pattern(packed_one, packed_two), bound.pattern(one, two));
            let hint = bound.hint(&outlines[left], &outlines[right]);
            let says = bound.group_weight(Hint::default(), one, two);
            assert_eq!(bound.group_weight(hint, packed_one, packed_two), says);
            let pair = format!("{} and {}", one.key(), two.key());
            assert_eq!(bound.decide(one, two), rules.decide(left, right), "{pair}");
            assert_eq!(bound.may_pair(one, two), scope.contains(left, right), "{pair}");
            if left == right {
                continue;
            }
            let matches = |rule: usize| plan.rules()[rule].decision == Decision::Match;
            if let (Some(likeness), Some(rule)) = (&likeness, bound.decide(one, two)) {
                assert!(!matches(rule) || likeness.may_match(&outlines[right]), "{pair}");
            }
            if let Some(scorer) = &scorer {
                assert_eq!(bound.pattern(one, two), scorer.pattern(left, right), "{pair}");
                let bits = bound.weight(one, two).unwrap().bits();
                assert_eq!(bits.to_bits(), scorer.weight(left, right).bits().to_bits(), "{pair}");
                let (most, hint) = likeness.as_ref().unwrap().odds_against(&outlines[right]);
                for most in [f64::INFINITY, libm::exp2(-bits) * 1.000_001] {
                    let weight = likeness.as_ref().unwrap().weight_within(hint, (one, two), most);
                    assert_eq!(weight, bound.weight(one, two), "{pair}");
                }
                assert_eq!(bound.pattern_of(hint, one, two), bound.pattern(one, two), "{pair}");
                assert!(bits <= -libm::log2(most) + 1e-9, "{pair}: {bits} bits, odds {most}");
            }
            for (rule, wanted) in finds(&blocking, left, right).into_iter().enumerate() {
                let keying = Keying::Blocking(rule as u32);
                let keys = bound.keys(keying, one);
                let shared = bound.keys(keying, two).iter().any(|key| keys.contains(key));
                assert_eq!(shared && bound.may_pair(one, two), wanted, "{pair}: rule {rule}");
            }
        }
    }
}

/// All that there is to read of a record that was packed.
fn read_all(bound: &BoundModel, packed: Packed) -> Result<BoundRecord> {
    let record = bound.unpack(packed)?;
    for position in &bound.packed {
        bound.field(&record, *position);
    }
    record.readable()?;
    Ok(record)
}

#[test]
fn a_pack_that_cannot_be_read_is_an_error_and_no_record_without_values() {
    let nobody = Table::from_records(plan().schema().clone(), []).unwrap();
    let bound = plan().fit(&nobody, &Run::new()).unwrap().bind().unwrap();
    let record = Record::new(RecordKey::new("crm", "1")).with("given_name", "Łucja");
    let record = record.with("family_name", "van der Berg").with("born", "1980-03-04");
    let record = record.with("email", "ann@example.org").with("phone", "+1 702 919 1301");
    let packed = bound.pack(&bound.prepare(&record).unwrap()).unwrap();
    let count = packed.bytes().len();
    assert!(count < 400, "{count} bytes");
    assert!(read_all(&bound, packed.clone()).is_ok());
    for length in 0..count {
        let error = read_all(&bound, packed.cut(length)).unwrap_err();
        assert_eq!(error.code(), "UNREADABLE_PACK", "{length} bytes");
    }
    // What is still a text is not told from the one that was there; nothing panics.
    let changes = (0..count).flat_map(|place| (0..8).map(move |bit| (place, 1 << bit)));
    let read = changes.map(|(place, by)| read_all(&bound, packed.changed(place, by)));
    assert!(read.filter(|read| read.is_err()).count() > count);
}

/// A sum of the packs and keys of all values of the shared vectors, each in a field of its kind.
fn sum_of_packs_and_keys() -> u64 {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/normalize");
    let mut all = xxhash_rust::xxh3::Xxh3::new();
    let (mut count, mut keys_count) = (0, 0);
    for kind in Kind::ALL {
        let name = kind.name();
        let Ok(vectors) = std::fs::read(folder.join(name).with_extension("json")) else { continue };
        let vectors: serde_json::Value = serde_json::from_slice(&vectors).unwrap();
        let comparison = serde_json::to_string(&Comparison::template(kind, name)).unwrap();
        let with = |blocking: &[String]| {
            let plan = format!(
                r#"{{"version": 1, "name": "one", "fields": [{{"name": "{name}", "kind": "{name}"}}],
                    "rules": [{{"name": "same", "decision": "match", "same": ["{name}"]}}],
                    "blocking": [{}], "comparisons": [{comparison}]}}"#,
                blocking.join(", ")
            );
            Plan::from_json(&plan)
        };
        let transforms =
            ["", ".phonetic", ".nickname", ".initial", ".first", ".words", ".deletions"];
        let others = [".sorted", ".digits", ".prefix(3)", ".last(4)", ".year", ".month_day"];
        let rules = transforms.iter().chain(&others);
        let rules = rules.map(|transform| format!(r#"{{"same": ["{name}{transform}"]}}"#));
        // Not all are for all kinds.
        let rules: Vec<String> =
            rules.filter(|rule| with(std::slice::from_ref(rule)).is_ok()).collect();
        let plan = with(&rules).unwrap();
        let nobody = Table::from_records(plan.schema().clone(), []).unwrap();
        let bound = plan.fit(&nobody, &Run::new()).unwrap().bind().unwrap();
        for (number, case) in vectors["cases"].as_array().unwrap().iter().enumerate() {
            let Some(value) = case["input"].as_str() else { continue };
            let record = Record::new(RecordKey::new("crm", number.to_string())).with(name, value);
            let record = bound.prepare(&record).unwrap();
            let pack = bound.pack(&record).unwrap();
            all.update(&(pack.bytes().len() as u64).to_le_bytes());
            all.update(pack.bytes());
            for keying in bound.keyings() {
                let keys = bound.keys(keying, &record);
                all.update(serde_json::to_string(&keys).unwrap().as_bytes());
                keys_count += keys.len();
            }
            count += 1;
        }
    }
    assert!(count > 500 && keys_count > 10 * count, "{keys_count} keys of {count} values");
    all.digest()
}

#[test]
fn packs_and_keys_are_what_they_were_in_their_edition() {
    // Files keep both. Where this fails, they are others now: raise EDITION, and put down the new sum.
    assert_eq!((EDITION, sum_of_packs_and_keys()), (1, 0xb144_e10c_761f_7634));
}

fn outline(bound: &BoundModel, record: &BoundRecord) -> Vec<u64> {
    let mut outline = vec![7; bound.outline_width()];
    bound.outline(record, &mut outline);
    outline
}

fn finds(blocking: &Blocking, left: usize, right: usize) -> Vec<bool> {
    (0..blocking.rules().len()).map(|rule| blocking.finds(rule, left, right)).collect()
}

#[test]
fn the_shipped_sample_is_weighed_as_in_batch() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/sample");
    let input = |(source, file)| Input::file(source, sample.join(file));
    let inputs = [("crm", "crm.csv"), ("shop", "shop.jsonl"), ("support", "support.csv")];
    let inputs = inputs.map(input);
    let run = Run::new();
    let schema = infer_schema(&inputs, &run).unwrap();
    let (table, _) = read(&inputs, &schema, &run).unwrap();
    let model = Plan::infer(&table, &run).unwrap().fit(&table, &run).unwrap();
    let some = (0..table.len()).step_by(table.len() / 150 + 1).map(|row| table.record(row));
    let some = Table::from_records(schema, &some.collect::<Vec<_>>()).unwrap();
    assert_same(&model, &some);
}

const PLAN: &str = r#"{
  "version": 1, "name": "people",
  "fields": [
    {"name": "email", "kind": "email"},
    {"name": "phone", "kind": "phone", "region_from": "country"},
    {"name": "given_name", "kind": "given_name"},
    {"name": "family_name", "kind": "family_name"},
    {"name": "born", "kind": "date"},
    {"name": "country", "kind": "country"}
  ],
  "sources": [{"name": "crm", "duplicate_free": true}, {"name": "shop", "region": "DE"}],
  "rules": [
    {"name": "other name", "decision": "never", "same": ["email"], "differ": ["given_name"]},
    {"name": "swapped", "decision": "match", "same": ["sorted(given_name, family_name)", "phone"]},
    {"name": "name and e-mail", "decision": "match", "same": ["email", "family_name"]}
  ],
  "blocking": [
    {"same": ["family_name.deletions"]}, {"same": ["given_name.nickname", "born.year"]},
    {"same": ["phone.last(4)"]}, {"same": ["email.local", "family_name.phonetic", "born"]}
  ],
  "comparisons": COMPARISONS,
  "guards": {"blocked": {"phone": ["(702) 919-1399"]}, "max_records_per_key": 9}
}"#;

fn plan() -> Plan {
    let comparisons = Comparison::person_names("given_name", "family_name").into_iter().chain([
        Comparison::template(Kind::Email, "email"),
        Comparison::template(Kind::Phone, "phone"),
        Comparison::template(Kind::Date, "born"),
    ]);
    let comparisons = serde_json::to_string(&comparisons.collect::<Vec<_>>()).unwrap();
    Plan::from_json(&PLAN.replace("COMPARISONS", &comparisons)).unwrap()
}

fn record(number: usize) -> impl Strategy<Value = Record> {
    let values = |values: &'static [&'static str], most: usize| {
        subsequence(values.to_vec(), 0..=most.min(values.len()))
    };
    let fields = (
        values(&["ann@example.org", "Ann@Example.org ", "bob@example.org", "N/A"], 3),
        values(&["702-919-1300", "+1 702 919 1301", "(702) 919-1399", "030 123456"], 3),
        values(&["Ann", "ANN", "Robert", "Bob", "Łucja", "-"], 2),
        values(&["Smith", "smith", "Smyth", "Jones-Smith", "van der Berg", "王"], 2),
        values(&["1980-03-04", "04/03/1980", "1981", "1900-01-01"], 2),
        values(&["US", "Germany", "??"], 2),
    );
    (proptest::sample::select(vec!["crm", "shop", "desk"]), fields).prop_map(
        move |(source, (email, phone, given, family, born, country))| {
            let names = ["email", "phone", "given_name", "family_name", "born", "country"];
            let values = [email, phone, given, family, born, country];
            let record = Record::new(RecordKey::new(source, number.to_string()));
            names.iter().zip(values).fold(record, |record, (name, values)| {
                values.into_iter().fold(record, |record, value| record.with(*name, value))
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_a_record_holds_it_is_seen_as_in_batch(
        records in (2..24_usize).prop_flat_map(|n| (0..n).map(record).collect::<Vec<_>>()),
    ) {
        let plan = plan();
        let table = Table::from_records(plan.schema().clone(), &records).unwrap();
        assert_same(&plan.fit(&table, &Run::new()).unwrap(), &table);
    }
}

#[test]
fn a_pair_scores_the_same_either_way_round_and_debug_hides_values() {
    let model = plan().fit(&Table::from_records(plan().schema().clone(), []).unwrap(), &Run::new());
    let bound = model.unwrap().bind().unwrap();
    let record = |source, id, given| {
        let record = Record::new(RecordKey::new(source, id)).with("given_name", given);
        record.with("family_name", "Smith").with("email", "bob@example.org")
    };
    let (one, other) = (record("crm", "1", "Robert"), record("shop", "2", "Bob"));
    let score = bound.score(&one, &other).unwrap();
    assert_eq!(score, bound.score(&other, &one).unwrap());
    assert_eq!(score.decision, Some(Decision::Never));
    assert!(score.levels.iter().any(|reached| reached.label == "nickname"), "{score:?}");
    assert!(!format!("{:?}", bound.prepare(&one).unwrap()).contains("Robert"));
    let unknown = Record::new(RecordKey::new("crm", "1")).with("emial", "x");
    assert_eq!(bound.prepare(&unknown).unwrap_err().code(), "UNKNOWN_FIELD");
}
