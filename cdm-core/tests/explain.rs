//! Why two records are one customer, or two: the parts add up, and the cause is the true one.

mod sample;

use std::sync::OnceLock;

use cdm_core::cluster::Weight;
use cdm_core::explain::{HandDecision, Obstacle, PairWeight, WhyNot};
use cdm_core::resolve::RefusalReason;
use cdm_core::{Decisions, Model, Plan, Record, RecordKey, Resolution, Run, Table};
use proptest::prelude::*;

fn sum(weight: &PairWeight) -> Weight {
    weight.parts().iter().fold(Weight::ZERO, |sum, part| sum + part.weight)
}

fn key(source: &str, id: &str) -> RecordKey {
    RecordKey::new(source, id)
}

#[test]
fn what_is_said_of_a_link_is_its_weight_to_the_last_bit() {
    let resolution = sample::resolved();
    let scored: Vec<_> = resolution.links().filter(|link| link.match_weight.is_some()).collect();
    assert!(scored.len() > 50);
    for link in scored.iter().step_by(1 + scored.len() / 60) {
        let why = resolution.why(&link.right, &link.left, &Run::new()).unwrap();
        let weight = why.pair.weight.as_ref().unwrap();
        // Found from the two records alone, whatever else is in the table.
        assert_eq!(Some(weight.match_weight), link.match_weight);
        assert_eq!(sum(weight), weight.match_weight);
        assert!(why.together && why.path.contains(link) && why.pair.candidate.in_scope);
        assert_eq!((&why.pair.left, &why.pair.right), (&link.left, &link.right));
        assert!(why.pair.candidate.blocking_rule.is_some(), "{}", why.sentence);
        assert!(why.sentence.contains("one customer"), "{}", why.sentence);
        if let Some(change) = &weight.turned_by {
            assert!(change.match_weight <= Weight::ZERO);
        }
    }
}

#[test]
fn every_refusal_of_the_sample_is_named_as_the_cause() {
    let resolution = sample::resolved();
    let refusals: Vec<_> = resolution.refusals().collect();
    assert!(!refusals.is_empty());
    for refusal in refusals.iter().step_by(1 + refusals.len() / 40) {
        let (left, right) = (&refusal.link.left, &refusal.link.right);
        let why_not = resolution.why_not(left, right, &Run::new()).unwrap();
        if why_not.together {
            continue; // By way of others that came later.
        }
        assert!(why_not.refusals.contains(refusal));
        let expected = Obstacle::Refused { refusal: Box::new(refusal.clone()) };
        assert_eq!(why_not.cause, Some(expected), "{}", why_not.sentence);
    }
}

#[test]
fn no_two_records_are_apart_without_a_cause() {
    let resolution = sample::resolved();
    let table = resolution.table();
    let mut seen = [0; 3];
    for number in 0..400 {
        let (left, right) = (number * 7919 % table.len(), (number * 104_729 + 1) % table.len());
        if left == right {
            continue;
        }
        let (left, right) = (table.key(left), table.key(right));
        let why_not = resolution.why_not(&left, &right, &Run::new()).unwrap();
        assert_eq!(why_not.cause.is_none(), why_not.together, "{}", why_not.sentence);
        match why_not.cause {
            Some(Obstacle::NotACandidate) => seen[0] += 1,
            Some(Obstacle::BelowTheCut { match_weight, .. }) => {
                assert!(match_weight <= Weight::ZERO);
                seen[1] += 1;
            }
            _ => seen[2] += 1,
        }
        let weight = why_not.pair.weight.unwrap();
        assert_eq!(sum(&weight), weight.match_weight);
    }
    assert!(seen[0] > 300, "{seen:?}");
}

const PLAN: &str = r#"{
  "version": 1, "name": "people",
  "fields": [
    {"name": "given", "kind": "given_name"}, {"name": "family", "kind": "family_name"},
    {"name": "email", "kind": "email"}, {"name": "street", "kind": "street"},
    {"name": "born", "kind": "date"}, {"name": "card", "kind": "identifier"}
  ],
  "sources": [{"name": "crm", "duplicate_free": true}, {"name": "shop"}],
  "rules": [
    {"name": "other birthday", "decision": "never", "same": ["card"], "differ": ["born"]},
    {"name": "same card", "decision": "match", "same": ["card"]}
  ],
  "blocking": [{"same": ["family.phonetic"]}, {"same": ["email"]}],
  "comparisons": [
    {"name": "given", "fields": ["given"], "levels": [
      {"label": "same", "when": {"same": {"form": "canonical"}}},
      {"label": "alike", "when": {"jaro_winkler": {"form": "canonical", "at_least": 0.85}}}]},
    {"name": "family", "fields": ["family"], "levels": [
      {"label": "same", "when": {"same": {"form": "canonical"}}}]},
    {"name": "email", "fields": ["email"], "levels": [
      {"label": "same", "when": {"same": {"form": "canonical"}}}]},
    {"name": "street", "fields": ["street"], "levels": [
      {"label": "same", "when": {"same": {"form": "canonical"}}}]}
  ],
  "coincidences": [
    {"name": "household", "shares": ["family", "street"], "common_cause": true},
    {"name": "namesake", "shares": ["given", "family"]}
  ],
  "guards": {"limits": [{"field": "card", "at_most": 1}], "max_records_per_key": 5}
}"#;

/// Parameters as they might have been learned; `terms` are of family names.
fn model(plan: &str, change: impl FnOnce(&mut serde_json::Value)) -> Model {
    let levels = |name: &str, m: &[f64], u: &[f64]| serde_json::json!({"comparison": name, "m_probability": m, "u_probability": u});
    let mut document = serde_json::json!({
        "version": 1,
        "plan": serde_json::from_str::<serde_json::Value>(plan).unwrap(),
        "stop_keys": {"same card": [["999999"]]},
        "blocking_stop_keys": {"family.phonetic": [["SM0"], ["XMT"]]},
        "parameters": {
            "prior": 1e-4, "chance": 1.0,
            "comparisons": [
                levels("given", &[0.8, 0.15, 0.05], &[0.01, 0.02, 0.97]),
                levels("family", &[0.9, 0.1], &[0.01, 0.99]),
                levels("email", &[0.7, 0.3], &[1e-6, 0.999_999]),
                levels("street", &[0.6, 0.4], &[1e-4, 0.9999]),
            ],
            "coincidences": [
                {"name": "household", "share": 2e-4,
                 "u_probability": {"family": [0.9, 0.1], "street": [0.9, 0.1]}},
                {"name": "namesake", "share": 1e-5,
                 "u_probability": {"given": [0.9, 0.05, 0.05], "family": [0.9, 0.1]}},
            ],
            "term_frequencies": {
                "family": {"expected": 0.01, "rest": 0.0005, "terms": {"jones": 0.04}},
            },
        },
    });
    change(&mut document);
    Model::from_json(&document.to_string()).unwrap()
}

fn records() -> Vec<Record> {
    let record = |source: &str, id: &str, values: &[(&str, &str)]| {
        let record = Record::new(key(source, id));
        values.iter().fold(record, |record, (field, value)| record.with(*field, *value))
    };
    let ann = [("given", "Ann"), ("family", "Weaver"), ("email", "ann@weaver.example")];
    vec![
        record("crm", "1", &[&ann[..], &[("street", "1 Mill Lane"), ("card", "AA1")]].concat()),
        record("shop", "1", &[&ann[..], &[("street", "1 Mill Lane")]].concat()),
        // Of Ann's household.
        record("shop", "2", &[("given", "Ben"), ("family", "Weaver"), ("street", "1 Mill Lane")]),
        record("crm", "2", &ann),
        record("shop", "3", &[("given", "Zoe"), ("family", "Quist")]),
        // Same card, another birthday.
        record("shop", "4", &[("card", "BB2"), ("born", "1980-01-02"), ("family", "Orr")]),
        record("shop", "5", &[("card", "BB2"), ("born", "1975-05-06"), ("family", "Hall")]),
        // Nothing in common but a key that too many have.
        record("shop", "6", &[("given", "Tom"), ("family", "Smith")]),
        record("shop", "7", &[("given", "Tom"), ("family", "Smyth")]),
        // Ann's by all that is known, but of another card.
        record("shop", "8", &[&ann[..], &[("street", "1 Mill Lane"), ("card", "CC3")]].concat()),
    ]
}

fn resolve(model: &Model, decisions: &Decisions) -> Resolution {
    let table = Table::from_records(model.plan().schema().clone(), &records()).unwrap();
    model.resolve(&table, decisions, &Run::new()).unwrap()
}

fn why_not(resolution: &Resolution, left: &RecordKey, right: &RecordKey) -> WhyNot {
    let why_not = resolution.why_not(left, right, &Run::new()).unwrap();
    assert!(!why_not.together, "{}", why_not.sentence);
    let other_way = resolution.why_not(right, left, &Run::new()).unwrap();
    assert_eq!(why_not, other_way);
    why_not
}

#[test]
fn the_cause_is_named_whatever_it_is() {
    let model = model(PLAN, |_| {});
    let resolution = resolve(&model, &Decisions::new());
    let cause = |left: (&str, &str), right: (&str, &str)| {
        let found = why_not(&resolution, &key(left.0, left.1), &key(right.0, right.1));
        (found.cause.clone().unwrap(), found)
    };
    let (found, _) = cause(("crm", "1"), ("crm", "2"));
    assert_eq!(found, Obstacle::OutOfScope { source: Some("crm".to_owned()) });
    let (found, _) = cause(("shop", "4"), ("shop", "5"));
    assert_eq!(found, Obstacle::NeverRule { rule: "other birthday".to_owned() });
    let (found, said) = cause(("crm", "1"), ("shop", "3"));
    assert_eq!(found, Obstacle::NotACandidate, "{}", said.sentence);
    let (found, said) = cause(("shop", "6"), ("shop", "7"));
    assert!(matches!(&found, Obstacle::OnlyStoppedKeys { keys } if !keys.is_empty()), "{found:?}");
    assert!(!format!("{said:?}").contains("Smyth"), "Debug shows values");
    let (found, said) = cause(("shop", "1"), ("shop", "2"));
    assert!(matches!(found, Obstacle::BelowTheCut { .. }), "{}", said.sentence);
    let household = said.pair.weight.unwrap().coincidence.unwrap();
    assert_eq!(household.name.as_deref(), Some("household"));
    assert_eq!(household.agree_in, ["family", "street"]);
    let (found, said) = cause(("crm", "1"), ("shop", "8"));
    let Obstacle::Refused { refusal } = found else { panic!("{}", said.sentence) };
    assert!(matches!(&refusal.reason, RefusalReason::Limit { field, .. } if field == "card"));

    let mut decisions = Decisions::new();
    decisions.cannot_link.push((key("shop", "1"), key("crm", "1")));
    decisions.must_link.push((key("shop", "3"), key("shop", "6")));
    let resolution = resolve(&model, &decisions);
    let found = why_not(&resolution, &key("crm", "1"), &key("shop", "1"));
    assert_eq!(found.cause, Some(Obstacle::CannotLink));
    assert_eq!(found.decision, Some(HandDecision::CannotLink));
    let why = resolution.why(&key("shop", "6"), &key("shop", "3"), &Run::new()).unwrap();
    assert_eq!((why.together, why.decision), (true, Some(HandDecision::MustLink)));
    assert!(why.sentence.contains("a person"), "{}", why.sentence);
}

#[test]
fn how_tells_the_steps_and_what_holds_an_entity_together() {
    let resolution = sample::resolved();
    let mut told = 0;
    for entity in 0..resolution.len() as u32 {
        let rows = resolution.rows(entity);
        if rows.len() < 4 || told == 20 {
            continue;
        }
        told += 1;
        let id = resolution.entity_id(entity).to_string();
        let how = resolution.how(&id, &Run::new()).unwrap();
        assert_eq!((how.records.len(), how.steps.len()), (rows.len(), rows.len() - 1));
        let last = how.steps.last().unwrap();
        assert_eq!(last.sizes.0 + last.sizes.1, rows.len());
        let bridge = how.bridge.as_ref().unwrap();
        assert!(bridge.sides.0.contains(&bridge.link.left));
        assert!(bridge.sides.1.contains(&bridge.link.right));
        assert_eq!(bridge.sides.0.len() + bridge.sides.1.len(), rows.len());
        assert!(how.sentence.contains(&id), "{}", how.sentence);
    }
    assert!(told > 5);
    assert_eq!(resolution.how("nobody", &Run::new()).unwrap_err().code(), "UNKNOWN_ENTITY");
    let (one, none) = (resolution.table().key(0), key("nowhere", "0"));
    assert_eq!(resolution.why(&one, &none, &Run::new()).unwrap_err().code(), "UNKNOWN_RECORD");
    assert_eq!(resolution.why(&one, &one, &Run::new()).unwrap_err().code(), "DUPLICATE_RECORD");
}

/// What all languages must answer, to the byte. `CDM_WRITE_VECTORS=1` writes it anew.
#[test]
fn the_answers_are_those_of_the_shared_vectors() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/explain/pairs.json");
    let (model, records) = (model(PLAN, |_| {}), records());
    let mut cases = Vec::new();
    for (left, right) in [(0, 1), (1, 2), (0, 3), (5, 6), (7, 8), (9, 0), (2, 4)] {
        let pair = model.explain(&records[left], &records[right], &Run::new()).unwrap();
        cases.push(serde_json::json!({
            "left": records[left], "right": records[right],
            "expected": serde_json::to_string(&pair).unwrap(), "sentence": pair.sentence(),
        }));
    }
    let model: serde_json::Value = serde_json::from_str(&model.to_json()).unwrap();
    let vectors = serde_json::json!({
        "function": "explain", "definition": "the text of the answer's JSON, byte for byte",
        "model": model, "cases": cases,
    });
    if std::env::var_os("CDM_WRITE_VECTORS").is_some() {
        let text = serde_json::to_string_pretty(&vectors).unwrap() + "\n";
        std::fs::write(path, text).unwrap();
    }
    let kept: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(kept, vectors);
    let error = Record::from_json(r#"{"source": "crm", "id": "1", "fields": {"email": "ann"}}"#);
    let error = error.unwrap_err();
    assert_eq!(error.code(), "INVALID_DOCUMENT");
    assert!(error.to_string().contains("fields.email") && !error.to_string().contains("ann"));
}

fn plan() -> &'static Plan {
    static PLAN_ONCE: OnceLock<Plan> = OnceLock::new();
    PLAN_ONCE.get_or_init(|| Plan::from_json(PLAN).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever was learned, zeros and all.
    #[test]
    fn the_parts_of_a_weight_add_up_to_it_exactly(
        numbers in prop::collection::vec(prop_oneof![
            1 => Just(0.0), 1 => Just(1.0), 3 => 0.0..1.0_f64, 3 => (-60.0..0.0_f64).prop_map(f64::exp2),
        ], 33),
        left in 0..10_usize, right in 0..10_usize,
    ) {
        prop_assume!(left != right);
        let mut numbers = numbers.into_iter();
        let model = model(PLAN, |document| {
            fn change(value: &mut serde_json::Value, next: &mut dyn FnMut() -> f64) {
                match value {
                    serde_json::Value::Number(number) => {
                        *number = serde_json::Number::from_f64(next()).unwrap();
                    }
                    serde_json::Value::Array(list) => {
                        list.iter_mut().for_each(|value| change(value, next));
                    }
                    serde_json::Value::Object(map) => {
                        map.values_mut().for_each(|value| change(value, next));
                    }
                    _ => {}
                }
            }
            let parameters = &mut document["parameters"];
            change(parameters, &mut || numbers.next().unwrap_or(0.25));
            let expected = &mut parameters["term_frequencies"]["family"]["expected"];
            if expected.as_f64() == Some(0.0) {
                *expected = 1.0.into();
            }
        });
        prop_assert_eq!(model.plan(), plan());
        let records = records();
        let pair = model.explain(&records[left], &records[right], &Run::new()).unwrap();
        let weight = pair.weight.as_ref().unwrap();
        prop_assert_eq!(sum(weight), weight.match_weight);
        prop_assert!(weight.coincidence.as_ref().unwrap().weight <= Weight::ZERO);
        let table = Table::from_records(plan().schema().clone(), &records).unwrap();
        let resolution = model.resolve(&table, &Decisions::new(), &Run::new()).unwrap();
        for link in resolution.links().filter(|link| link.match_weight.is_some()).take(2) {
            let why = resolution.why(&link.left, &link.right, &Run::new()).unwrap();
            prop_assert_eq!(why.pair.weight.map(|weight| weight.match_weight), link.match_weight);
        }
    }
}
