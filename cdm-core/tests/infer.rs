//! Plans that are inferred from records: what they hold, and that the order of records is nothing to
//! them.

use cdm_core::compare::Comparison;
use cdm_core::plan::{LeftOutReason, LinkType, Source};
use cdm_core::rule::Rule;
use cdm_core::{CancelToken, Field, Kind, Plan, Record, RecordKey, Run, Schema, Table};
use proptest::prelude::*;

const GIVEN: [&str; 12] = [
    "Robert", "Maria", "John", "Peter", "Ana", "Laura", "Carlos", "Emma", "Paul", "Sarah", "Tom",
    "Nina",
];
const FAMILY: [&str; 11] = [
    "Smith", "Garcia", "Müller", "Jones", "Brown", "Rossi", "Novak", "Jansen", "Silva", "Dubois",
    "Berg",
];

fn fields() -> Vec<Field> {
    [
        ("given_name", Kind::GivenName),
        ("family_name", Kind::FamilyName),
        ("date_of_birth", Kind::Date),
        ("email", Kind::Email),
        ("phone", Kind::Phone),
        ("street", Kind::Street),
        ("city", Kind::City),
        ("postcode", Kind::Postcode),
        ("country", Kind::Country),
        ("gender", Kind::Category),
        ("newsletter", Kind::Category),
        ("customer_number", Kind::Identifier),
        ("passport", Kind::Identifier),
        ("notes", Kind::Text),
        ("registered", Kind::Date),
        ("orders", Kind::Number),
        ("tenant", Kind::Category),
    ]
    .map(|(name, kind)| Field::new(name, kind))
    .to_vec()
}

/// A customer's record: those of one number are one customer, the later ones with slips.
fn record(number: usize) -> Record {
    let (person, copy) = (number / 2, number % 2);
    let pick = |list: &[&str], by: usize| list[person / by % list.len()].to_owned();
    let slip = |text: String| if copy == 1 && person % 3 == 0 { text + "e" } else { text };
    let (given, family) = (pick(&GIVEN, 1), pick(&FAMILY, 3));
    let mut record = Record::new(RecordKey::new("crm", format!("{number:05}")))
        .with("given_name", &given)
        .with("family_name", slip(family.clone()))
        .with("date_of_birth", format!("{}-{:02}-{:02}", 1950 + person % 50, 1 + person % 12, 1 + person % 28))
        .with("street", format!("{} {} Street", 1 + person % 90, pick(&FAMILY, 7)))
        .with("city", ["Leeds", "York", "Hull", "Derby"][person % 4])
        .with("postcode", format!("LS{} 4AB", 1 + person % 40))
        .with("country", "GB")
        .with("gender", ["m", "f"][person % 2])
        .with("newsletter", ["yes", "no"][number % 2])
        .with("customer_number", format!("KD-{number:07}"))
        .with("notes", "Called twice about the delivery of a parcel that had gone to the neighbours, was friendly")
        .with("registered", format!("2021-{:02}-{:02}", 1 + number % 12, 1 + number % 28))
        .with("orders", (number % 17).to_string())
        .with("tenant", "main");
    if person % 4 != 0 {
        record = record.with("email", format!("{given}.{family}{person}@mail.example"));
    }
    if person % 3 != 0 {
        record = record.with("phone", format!("+44 20 7946 {:04}", person % 10_000));
    }
    if person % 50 == 0 {
        record = record.with("passport", format!("P{:07}", person * 37));
    }
    record
}

fn table(records: &[Record]) -> Table {
    Table::from_records(Schema::new("people", fields()).unwrap(), records).unwrap()
}

fn customers(count: usize) -> Vec<Record> {
    (0..count).map(record).collect()
}

#[test]
fn what_says_who_somebody_is_is_compared_and_the_rest_is_left_out_with_its_reason() {
    let plan = Plan::builder("people").infer(&table(&customers(400)), &Run::new()).unwrap();
    let compared: Vec<&str> = plan.plan.comparisons().iter().map(|c| c.name.as_str()).collect();
    assert_eq!(
        compared,
        [
            "given_name",
            "family_name",
            "date_of_birth",
            "passport",
            "email",
            "email_in_part",
            "phone",
            "street",
            "place",
            "gender"
        ]
    );
    let why = |field: &str| {
        plan.left_out.iter().find(|left_out| left_out.field == field).map(|found| found.why)
    };
    assert_eq!(why("country"), Some(LeftOutReason::Constant));
    assert_eq!(why("newsletter"), Some(LeftOutReason::State));
    assert_eq!(why("customer_number"), Some(LeftOutReason::RowId));
    assert_eq!(why("notes"), Some(LeftOutReason::Constant));
    assert_eq!(why("registered"), Some(LeftOutReason::Event));
    assert_eq!(why("orders"), Some(LeftOutReason::Quantity));
    assert_eq!(why("tenant"), Some(LeftOutReason::Constant));
    assert_eq!(why("email"), None);
    assert_eq!(plan.left_out.len(), 7);
    assert_eq!(plan.plan.region(), Some("GB"));
}

#[test]
fn coincidences_share_what_they_explain() {
    let plan = Plan::infer(&table(&customers(400)), &Run::new()).unwrap();
    let shares = |name: &str| -> Vec<&str> {
        let found = plan.coincidences().iter().find(|known| known.name == name).unwrap();
        found.shares.iter().map(String::as_str).collect()
    };
    let household = shares("same household");
    assert!(["family_name", "street", "place", "phone"].iter().all(|c| household.contains(c)));
    assert!(!household.contains(&"given_name") && !household.contains(&"date_of_birth"));
    assert!(shares("twins").contains(&"date_of_birth"));
    assert!(shares("same name").starts_with(&["given_name", "family_name"]));
    assert!(!shares("same place").contains(&"family_name"));
}

#[test]
fn free_text_is_not_shared_where_nothing_else_would_tell_a_coincidence_from_a_duplicate() {
    let shared_by_namesakes = |fields: &[(&str, Kind)]| {
        let fields = fields.iter().map(|(name, kind)| Field::new(*name, *kind)).collect();
        let schema = Schema::new("people", fields).unwrap();
        let records: Vec<Record> = (0..400)
            .map(|number| {
                let mut record = record(number).with("locker", format!("box {}", number / 2 * 7));
                record.fields.retain(|name, _| schema.position(name).is_ok());
                record
            })
            .collect();
        let plan = Plan::infer(&Table::from_records(schema, &records).unwrap(), &Run::new());
        let plan = plan.unwrap();
        let named = plan.coincidences().iter().find(|known| known.name == "same name").unwrap();
        named.shares.clone()
    };
    let names = [("given_name", Kind::GivenName), ("family_name", Kind::FamilyName)];
    let gender = ("gender", Kind::Category);
    let (locker, birth) = (("locker", Kind::Text), ("date_of_birth", Kind::Date));
    let alone = shared_by_namesakes(&[names[0], names[1], gender, locker]);
    assert_eq!(alone, ["given_name", "family_name", "gender"]);
    let beside = shared_by_namesakes(&[names[0], names[1], gender, locker, birth]);
    assert!(beside.contains(&"locker".to_owned()) && !beside.contains(&"date_of_birth".to_owned()));
}

#[test]
fn rules_find_most_of_what_is_there_for_few_pairs() {
    let records = customers(2_000);
    let table = table(&records);
    let inferred = Plan::builder("people").infer(&table, &Run::new()).unwrap();
    let found: f64 = inferred.blocking.iter().map(|rule| rule.recall).fold(0.0, f64::max);
    let pairs: u64 = inferred.blocking.iter().map(|rule| rule.new_pairs).sum();
    assert!(found > 0.98, "{found}");
    assert!(pairs <= 110_000, "{pairs}");
    assert!(inferred.blocking.is_sorted_by(|one, next| one.recall <= next.recall));
    for rule in inferred.plan.blocking() {
        for field in rule.same.iter().flat_map(|expression| expression.fields()) {
            assert!(!["notes", "customer_number", "orders"].contains(&field), "{rule}");
        }
    }
}

#[test]
fn what_was_given_stays() {
    let table = table(&customers(200));
    let given =
        fields().into_iter().fold(Plan::builder("mine"), cdm_core::plan::PlanBuilder::field);
    let given = given
        .rule(Rule::matching("passport", vec!["passport".parse().unwrap()]))
        .source(Source { name: "crm".into(), duplicate_free: true, ..Source::default() })
        .link_type(LinkType::Link)
        .region("FR");
    let blocked =
        given.clone().block_on(cdm_core::block::BlockingRule::new(vec!["email".parse().unwrap()]));
    let inferred = Plan::infer_with(&table, &blocked.build().unwrap(), &Run::new()).unwrap();
    let plan = &inferred.plan;
    assert_eq!((plan.name(), plan.region()), ("mine", Some("FR")));
    assert_eq!((plan.rules().len(), plan.sources().len()), (1, 1));
    assert_eq!(plan.link_type(), LinkType::Link);
    assert_eq!(plan.blocking().len(), 1);
    assert!(inferred.blocking.is_empty() && !plan.comparisons().is_empty());

    let of_email = Comparison::template(Kind::Email, "email");
    let compared = given.clone().link_type(LinkType::Dedupe).compare(of_email.clone());
    let compared = compared.source(Source { name: "other".into(), ..Source::default() });
    let mut inferred = compared.infer(&table, &Run::new()).unwrap();
    assert_eq!(inferred.plan.comparisons(), [of_email]);
    assert!(inferred.left_out.is_empty());
    // One source that has everybody once has no pairs to find.
    assert!(inferred.blocking.iter().all(|rule| rule.pairs == 0));
    inferred.blocking.clear();
}

#[test]
fn what_a_run_takes_is_told_beforehand() {
    let run = Run::new();
    let small = table(&customers(900));
    let plan = Plan::infer(&small, &run).unwrap();
    let estimate = plan.estimate(&small, &run).unwrap();
    let pairs = |table: &Table| {
        plan.fit(table, &run).unwrap().parameters().unwrap().diagnostics.candidate_pairs
    };
    assert_eq!((estimate.records, estimate.records_sampled), (900, 900));
    assert_eq!(estimate.candidate_pairs, pairs(&small));
    assert_eq!(estimate.new_pairs_by_rule.len(), plan.blocking().len());
    assert!(estimate.peak_memory_bytes > 0 && estimate.seconds > 0.0);

    // Of a larger table some records are looked at, and speak for the others; a tenth share a key
    // that is too common to find anybody.
    let record = |number: usize| {
        let mailbox =
            if number.is_multiple_of(10) { "info".into() } else { format!("m{}", number / 20) };
        let email = format!("{mailbox}@lotus.example");
        Record::new(RecordKey::new("crm", number.to_string())).with("email", email)
    };
    let schema = Schema::new("people", vec![Field::new("email", Kind::Email)]).unwrap();
    let records: Vec<Record> = (0..40_000).map(record).collect();
    let larger = Table::from_records(schema, &records).unwrap();
    let one_rule = Plan::builder("people")
        .field(Field::new("email", Kind::Email))
        .compare(Comparison::template(Kind::Email, "email"))
        .block_on(cdm_core::block::BlockingRule::new(vec!["email".parse().unwrap()]))
        .build()
        .unwrap();
    let estimate = one_rule.estimate(&larger, &run).unwrap();
    assert!(estimate.records_sampled < 30_000 && estimate.records == 40_000);
    let pairs = 2_000.0 * (18.0 * 17.0 / 2.0);
    assert!((estimate.candidate_pairs as f64 / pairs - 1.0).abs() < 0.05, "{estimate:?}");
    assert_eq!(estimate.new_pairs_by_rule[0].stopped_keys, 1);

    // Next to nothing takes next to nothing.
    let nothing = plan.estimate(&table(&[]), &run).unwrap();
    assert_eq!((nothing.records, nothing.candidate_pairs), (0, 0));
    let few = plan.estimate(&table(&customers(3)), &run).unwrap();
    for told in [&nothing, &few] {
        assert!(told.seconds.is_finite() && told.peak_memory_bytes < 1 << 30, "{told:?}");
    }
    let rules_alone = Plan::builder("people")
        .field(Field::new("email", Kind::Email))
        .rule(Rule::matching("email", vec!["email".parse().unwrap()]))
        .build()
        .unwrap();
    assert_eq!(rules_alone.estimate(&larger, &run).unwrap().candidate_pairs, 0);

    let cancel = CancelToken::new();
    cancel.cancel();
    let cancelled = plan.estimate(&small, &Run::new().with_cancel(cancel)).unwrap_err();
    assert_eq!(cancelled.code(), "CANCELLED");
}

#[test]
fn tables_with_next_to_nothing_in_them_give_plans_that_are_right() {
    for count in [0, 1, 2, 3] {
        let plan = Plan::infer(&table(&customers(count)), &Run::new()).unwrap();
        assert_eq!(Plan::from_json(&plan.to_json()).unwrap(), plan);
        let model = plan.fit(&table(&customers(count)), &Run::new()).unwrap();
        assert_eq!(model.plan(), &plan);
    }
    let nothing = Table::builder(Schema::new("none", Vec::new()).unwrap()).finish();
    assert_eq!(Plan::infer(&nothing, &Run::new()).unwrap_err().code(), "INVALID_DOCUMENT");
    let cancelled = CancelToken::new();
    cancelled.cancel();
    let run = Run::new().with_cancel(cancelled);
    assert_eq!(Plan::infer(&table(&customers(50)), &run).unwrap_err().code(), "CANCELLED");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_order_of_records_and_the_number_of_threads_are_nothing_to_a_plan(
        order in Just((0..300).collect::<Vec<usize>>()).prop_shuffle(),
        threads in 1..4_usize,
    ) {
        let expected = Plan::builder("p").infer(&table(&customers(300)), &Run::new()).unwrap();
        let shuffled: Vec<Record> = order.into_iter().map(record).collect();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let found = pool.install(|| Plan::builder("p").infer(&table(&shuffled), &Run::new()));
        let found = found.unwrap();
        prop_assert_eq!(found.plan.to_json(), expected.plan.to_json());
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn any_values_in_any_kinds_give_a_plan_that_is_right(
        kinds in prop::collection::vec(prop::sample::select(Kind::ALL.to_vec()), 1..22),
        rows in prop::collection::vec(prop::collection::vec("[a-c0-3@. -]{0,8}", 22), 0..40),
    ) {
        let fields: Vec<Field> = kinds
            .iter()
            .enumerate()
            .map(|(at, kind)| Field::new(format!("f{at}"), *kind))
            .collect();
        let records: Vec<Record> = rows
            .iter()
            .enumerate()
            .map(|(row, values)| {
                let record = Record::new(RecordKey::new("s", row.to_string()));
                let filled = fields.iter().zip(values).filter(|(_, value)| !value.is_empty());
                filled.fold(record, |record, (field, value)| record.with(&field.name, value))
            })
            .collect();
        let table = Table::from_records(Schema::new("any", fields).unwrap(), &records).unwrap();
        let plan = Plan::infer(&table, &Run::new()).unwrap();
        prop_assert!(plan.comparisons().len() <= Plan::MOST_COMPARISONS);
        prop_assert_eq!(Plan::from_json(&plan.to_json()).unwrap(), plan);
    }
}
