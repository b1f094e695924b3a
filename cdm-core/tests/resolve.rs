//! The laws of the deterministic path, over random tables full of coincidences.

use std::collections::{BTreeMap, BTreeSet};

use cdm_core::plan::{Decisions, Plan};
use cdm_core::{Record, RecordKey, Resolution, Run, Table, Timestamp};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

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
    "max_records_per_key": 9
  },
  "survivorship": [
    {"fields": ["given_name", "family_name"], "strategy": "most_complete"},
    {"fields": ["consent"], "strategy": "most_restrictive"},
    {"fields": ["national_id"], "strategy": "source_priority", "sources": ["crm", "shop"]}
  ]
}"#;

fn plan() -> Plan {
    Plan::from_json(PLAN).unwrap()
}

fn record(number: usize) -> impl Strategy<Value = Record> {
    let values = |values: &'static [&'static str], most: usize| {
        subsequence(values.to_vec(), 0..=most.min(values.len()))
    };
    (
        select(vec!["crm", "shop", "desk"]),
        0..4_i64,
        values(&["A-1", "a1", "B2", "C3", "000000"], 1),
        values(
            &["ann@example.org", "Ann@Example.org ", "bob@example.org", "c@example.org", "N/A"],
            2,
        ),
        values(&["702-919-1300", "+1 702 919 1301", "(702) 919-1302", "702 919 1399"], 2),
        values(&["Ann", "ANN", "Bob", "Smith", "Łucja"], 1),
        values(&["Smith", "smith", "Ann", "Jones", "王"], 1),
        values(&["yes", "no", "perhaps"], 1),
    )
        .prop_map(move |(source, day, id, email, phone, given, family, consent)| {
            let mut record = Record::new(RecordKey::new(source, number.to_string()));
            if day > 0 {
                record = record.at(Timestamp::from_millis(day * 86_400_000).unwrap());
            }
            let fields = [
                ("national_id", id),
                ("email", email),
                ("phone", phone),
                ("given_name", given),
                ("family_name", family),
                ("consent", consent),
            ];
            for (field, values) in fields {
                for value in values {
                    record = record.with(field, value);
                }
            }
            record
        })
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    (1..40_usize).prop_flat_map(|count| (0..count).map(record).collect::<Vec<_>>())
}

/// A few decisions between records of the list, some contradicting others.
fn decisions(records: &[Record], picks: &[(usize, usize, bool)]) -> Decisions {
    let mut decisions = Decisions::new();
    for (left, right, must) in picks {
        let key = |pick: &usize| records[pick % records.len()].key.clone();
        let (left, right) = (key(left), key(right));
        if left != right {
            let list = if *must { &mut decisions.must_link } else { &mut decisions.cannot_link };
            list.push((left, right));
        }
    }
    decisions.must_link.push((RecordKey::new("crm", "gone"), records[0].key.clone()));
    decisions
}

fn picks() -> impl Strategy<Value = Vec<(usize, usize, bool)>> {
    prop::collection::vec((0..40_usize, 0..40_usize, any::<bool>()), 0..6)
}

fn resolve(records: &[Record], decisions: &Decisions) -> Resolution {
    let plan = plan();
    let table = Table::from_records(plan.schema().clone(), records).unwrap();
    plan.resolve(&table, decisions, &Run::new()).unwrap()
}

/// Everything that a resolution says, in writing.
fn written(resolution: &Resolution) -> Vec<String> {
    let run = Run::new();
    let mut files = vec![Vec::new(); 5];
    resolution.write_entities(&mut files[0], &run).unwrap();
    resolution.write_golden_csv(&mut files[1], &run).unwrap();
    resolution.write_golden_json_lines(&mut files[2], &run).unwrap();
    resolution.write_lineage_json_lines(&mut files[3], &run).unwrap();
    resolution.write_links_json_lines(&mut files[4], &run).unwrap();
    let mut files: Vec<String> =
        files.into_iter().map(|file| String::from_utf8(file).unwrap()).collect();
    files.push(serde_json::to_string(&resolution.quality()).unwrap());
    files.push(resolution.model().to_json());
    files
}

/// The records that must-links hold together, as groups of keys.
fn held_together(decisions: &Decisions) -> Vec<BTreeSet<RecordKey>> {
    let mut groups: Vec<BTreeSet<RecordKey>> = Vec::new();
    for (left, right) in &decisions.must_link {
        let (with, without): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|group| group.contains(left) || group.contains(right));
        groups = without;
        let mut group: BTreeSet<RecordKey> = with.into_iter().flatten().collect();
        group.extend([left.clone(), right.clone()]);
        groups.push(group);
    }
    groups
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn neither_the_order_of_records_nor_the_number_of_threads_changes_a_byte(
        (records, shuffled) in records().prop_flat_map(|r| (Just(r.clone()), Just(r).prop_shuffle())),
        picks in picks(),
        threads in select(vec![1, 2, 8]),
    ) {
        let decisions = decisions(&records, &picks);
        let expected = written(&resolve(&records, &decisions));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let got = pool.install(|| written(&resolve(&shuffled, &decisions)));
        for (expected, got) in expected.iter().zip(&got) {
            for (expected, got) in expected.lines().zip(got.lines()) {
                prop_assert_eq!(expected, got);
            }
        }
        prop_assert_eq!(expected, got);
    }

    #[test]
    fn a_model_saved_and_loaded_gives_the_same_bytes(records in records(), picks in picks()) {
        let decisions = decisions(&records, &picks);
        let first = resolve(&records, &decisions);
        let model = cdm_core::Model::from_json(&first.model().to_json()).unwrap();
        let second = model.resolve(first.table(), &decisions, &Run::new()).unwrap();
        prop_assert_eq!(written(&first), written(&second));
    }

    #[test]
    fn what_must_stay_apart_stays_apart(records in records(), picks in picks()) {
        let decisions = decisions(&records, &picks);
        let resolution = resolve(&records, &decisions);
        let table = resolution.table();
        let together = held_together(&decisions);
        let by_steward = |left: &RecordKey, right: &RecordKey| {
            together.iter().any(|group| group.contains(left) && group.contains(right))
        };
        for entity in 0..resolution.len() as u32 {
            let members: Vec<Record> =
                resolution.rows(entity).iter().map(|row| table.record(*row as usize)).collect();
            for (place, left) in members.iter().enumerate() {
                for right in &members[place + 1..] {
                    let pair = (left.key.clone(), right.key.clone());
                    let turned = (right.key.clone(), left.key.clone());
                    let barred = decisions.cannot_link.contains(&pair)
                        || decisions.cannot_link.contains(&turned);
                    prop_assert!(!barred, "{} {}", pair.0, pair.1);
                    if by_steward(&left.key, &right.key) {
                        continue;
                    }
                    prop_assert!(left.key.source != "crm" || right.key.source != "crm");
                    prop_assert!(!forbidden(left, right), "{} {}", pair.0, pair.1);
                }
            }
            let ids = members.iter().flat_map(|record| record.fields.get("national_id"));
            let ids: BTreeSet<String> = ids
                .flatten()
                .filter(|id| *id != "000000")
                .map(|id| id.replace('-', "").to_lowercase())
                .collect();
            let stewarded = members.iter().any(|l| members.iter().any(|r| by_steward(&l.key, &r.key)));
            prop_assert!(ids.len() <= 1 || stewarded);
        }
    }

    #[test]
    fn every_value_of_every_record_is_in_the_lineage_once(records in records()) {
        let resolution = resolve(&records, &Decisions::new());
        let mut found: BTreeMap<(String, RecordKey), Vec<String>> = BTreeMap::new();
        for golden in resolution.golden_records().unwrap() {
            for field in &golden.fields {
                let survived = field.values.iter().flat_map(|v| v.agreed.iter().chain([&v.from]));
                for contribution in survived.chain(&field.lost) {
                    let key = resolution.table().key(contribution.row as usize);
                    found.entry((field.name.to_owned(), key)).or_default().push(contribution.raw.to_owned());
                }
            }
        }
        let mut given: BTreeMap<(String, RecordKey), Vec<String>> = BTreeMap::new();
        for record in &records {
            for (field, values) in &record.fields {
                given.entry((field.clone(), record.key.clone())).or_default().extend(values.clone());
            }
        }
        found.values_mut().chain(given.values_mut()).for_each(|values| values.sort());
        prop_assert_eq!(found, given);
    }

    #[test]
    fn no_text_makes_a_document_reader_panic(text in any::<String>(), cut in 0..PLAN.len()) {
        let _ = Plan::from_json(&text);
        let _ = cdm_core::Model::from_json(&text);
        let _ = Decisions::from_json(&text);
        prop_assert!(Plan::from_json(&PLAN[..cut]).is_err());
        let _ = text.parse::<cdm_core::features::Expression>();
    }
}

/// The plan's `never` rule, told independently: equal e-mail, given names present and different,
/// and no equal national id, which an earlier rule says is a match.
fn forbidden(left: &Record, right: &Record) -> bool {
    let fold = |record: &Record, field: &str, placeholder: &str| -> BTreeSet<String> {
        let values = record.fields.get(field).into_iter().flatten();
        let folded = values.map(|value| value.trim().to_lowercase().replace('-', ""));
        folded.filter(|value| value != placeholder).collect()
    };
    let shared = |field, placeholder| {
        !fold(left, field, placeholder).is_disjoint(&fold(right, field, placeholder))
    };
    let (one, two) = (fold(left, "given_name", ""), fold(right, "given_name", ""));
    !shared("national_id", "000000")
        && shared("email", "n/a")
        && !one.is_empty()
        && !two.is_empty()
        && one.is_disjoint(&two)
}

#[test]
fn a_hot_key_links_nobody_and_is_recorded_in_the_model() {
    let records: Vec<Record> = (0..20)
        .map(|n| Record::new(RecordKey::new("shop", n.to_string())).with("phone", "702-919-1300"))
        .collect();
    let resolution = resolve(&records, &Decisions::new());
    assert_eq!(resolution.len(), 20);
    assert!(resolution.model().stop_keys()["phone"].iter().all(|key| key.len() == 1));
}

#[test]
fn a_record_of_more_keys_than_are_made_has_the_same_ones_in_any_order_of_records() {
    let many = |id: &str, from: usize| {
        let record = Record::new(RecordKey::new("desk", id));
        (from..from + 200).fold(record, |record, n| {
            record.with("email", format!("p{n}@example.org")).with("family_name", format!("N{n}"))
        })
    };
    // 40,000 combinations of e-mail and family name each, of which 150 x 150 are shared.
    let mut records = vec![many("1", 0), many("2", 50), many("3", 190)];
    let expected = written(&resolve(&records, &Decisions::new()));
    for _ in 0..3 {
        records.rotate_left(1);
        assert!(expected == written(&resolve(&records, &Decisions::new())));
    }
    records.reverse();
    assert!(expected == written(&resolve(&records, &Decisions::new())));
}

#[test]
fn slips_in_a_plan_are_named_with_their_path_and_the_nearest_right_word() {
    let broken = |from: &str, to: &str| {
        let text = PLAN.replacen(from, to, 1);
        assert_ne!(text, PLAN);
        Plan::from_json(&text).unwrap_err().to_string()
    };
    for (from, to, path, hint) in [
        ("\"survivorship\"", "\"survivership\"", "plan at survivership", "survivorship"),
        ("\"kind\": \"email\"", "\"kind\": \"e_mail\"", "fields[1].kind", "email"),
        ("[\"national_id\"]}", "[\"natoinal_id\"]}", "rules[0].same[0]", "national_id"),
        ("\"decision\": \"never\"", "\"decision\": \"nevr\"", "rules[1].decision", "never"),
        ("\"field\": \"email\"", "\"field\": \"emial\"", "guards.limits[1].field", "email"),
        ("\"crm\", \"shop\"]", "\"crm\", \"shp\"]", "survivorship[2].sources[1]", "shop"),
    ] {
        let message = broken(from, to);
        assert!(message.contains(path), "{message}");
        assert!(message.contains(&format!("did you mean {hint:?}?")), "{message}");
    }
    let message = broken("\"version\": 1", "\"version\": 2");
    assert_eq!(message, "plan has version 2; this library reads version 1");
}

#[test]
fn a_plan_is_written_as_it_is_read() {
    let plan = plan();
    assert_eq!(Plan::from_json(&plan.to_json()).unwrap(), plan);
}
