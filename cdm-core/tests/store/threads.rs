//! One writes, many read, each from one snapshot.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cdm_core::store::{Change, Durability, Options, Replay, Revision, Store};
use cdm_core::{Plan, Record, RecordKey, Run, Table};

use super::people::{rules, sample};

fn record(number: usize, email: usize) -> Record {
    Record::new(RecordKey::new("shop", number.to_string()))
        .with("email", format!("e{email}@example.org"))
        .with("family_name", "Smith")
}

#[test]
fn readers_see_whole_entities_while_records_move_between_them() {
    let store = Store::in_memory(&rules(100), &Options::new()).unwrap();
    (0..40).for_each(|number| {
        store.upsert(&record(number, number % 4)).unwrap();
    });
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for reader in 0..4 {
            let (store, done) = (&store, &done);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let key = record(reader * 7, 0).key;
                    let Some(id) = store.entity_of(&key).unwrap() else { continue };
                    for entity in store.entity(&id).unwrap() {
                        let keys: BTreeSet<_> = entity.records.iter().collect();
                        assert_eq!(keys.len(), entity.records.len());
                    }
                    drop(store.golden(&id).unwrap());
                    drop(store.search(&record(999, reader), 3).unwrap());
                    assert_eq!(store.stats().unwrap().records, 40);
                }
            });
        }
        for turn in 0..300 {
            store.upsert(&record(turn % 40, turn % 7)).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(store.verify(&Run::new()).unwrap().problems.is_empty());
}

#[test]
fn what_several_threads_put_in_at_once_is_as_if_it_had_come_one_by_one() {
    let (model, records) = sample();
    let durability = Durability::Grouped { at_most: Duration::from_millis(5) };
    for durability in [Durability::EveryCall, durability] {
        let options = Options { durability, recent_keys: 2000, ..Options::new() };
        let store = Store::in_memory(model, &options).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..6 {
                let store = &store;
                scope.spawn(move || {
                    for (number, record) in records.iter().take(240).enumerate() {
                        if number % 6 == thread {
                            store.upsert(record).unwrap();
                        }
                        if number % 24 == thread {
                            // One that is not to be taken in harms no other.
                            let wrong = Record::new(record.key.clone()).with("nothing", "x");
                            assert_eq!(store.upsert(&wrong).unwrap_err().code(), "UNKNOWN_FIELD");
                        }
                        // All want this one, and each hears of the entity that it is in.
                        let shared = &records[number / 40 * 40];
                        store.upsert(shared).unwrap();
                        assert!(store.entity_of(&shared.key).unwrap().is_some());
                    }
                });
            }
        });
        assert_eq!(store.stats().unwrap().records, 240);
        assert_eq!(store.verify(&Run::new()).unwrap().problems, Vec::<String>::new());
        let mut replay = Replay::default();
        store.events(0, usize::MAX).unwrap().iter().for_each(|event| replay.apply(event));
        assert_eq!(replay.entities().len() as u64, store.stats().unwrap().entities);
    }
}

/// What is known of a record before it is its turn is of how things stood then: others have put in, changed
/// and deleted by then whom it is like, and moved keys to their file.
#[test]
fn records_that_change_into_each_other_at_once_are_resolved_as_in_batch() {
    let (model, records) = sample();
    let records = &records[..48];
    let grouped = Durability::Grouped { at_most: Duration::from_millis(5) };
    for (recent_keys, durability) in [
        (0, Durability::ByHand),
        (300, grouped),
        (100_000, grouped),
        (100_000, Durability::EveryCall),
    ] {
        let options = Options { durability, recent_keys, ..Options::new() };
        let store = Store::in_memory(model, &options).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..6_usize {
                let store = &store;
                scope.spawn(move || {
                    let mut random = 0x9e37_79b9_7f4a_7c15_u64 ^ (thread as u64) << 40;
                    for _ in 0..80 {
                        random ^= random << 13;
                        random ^= random >> 7;
                        random ^= random << 17;
                        let (one, other) = (random % 48, (random >> 20) % 48);
                        let mut record = records[one as usize].clone();
                        if (random >> 40).is_multiple_of(5) {
                            store.delete(&record.key).unwrap();
                            continue;
                        }
                        record.fields.clone_from(&records[other as usize].fields);
                        store.upsert(&record).unwrap();
                    }
                });
            }
        });
        let verified = store.verify(&Run::new()).unwrap();
        assert_eq!(verified.problems, Vec::<String>::new(), "{recent_keys}, {durability:?}");
        let mut replay = Replay::default();
        store.events(0, usize::MAX).unwrap().iter().for_each(|event| replay.apply(event));
        assert_eq!(replay.entities().len() as u64, store.stats().unwrap().entities);
    }
}

#[test]
fn who_reads_by_a_model_leaves_nothing_of_it_to_the_next() {
    // The e-mail address has another place in each, and the one knows nothing else.
    let models = [&["phone", "family_name", "email"][..], &["email"]].map(|fields| {
        let fields: Vec<String> = fields
            .iter()
            .map(|name| format!(r#"{{"name": "{name}", "kind": "{name}"}}"#))
            .collect();
        let plan = Plan::from_json(&format!(
            r#"{{"version": 1, "name": "mail", "fields": [{}],
                "rules": [{{"name": "e-mail", "decision": "match", "same": ["email"]}}]}}"#,
            fields.join(",")
        ));
        let plan = plan.unwrap();
        let nobody = Table::from_records(plan.schema().clone(), []).unwrap();
        plan.fit(&nobody, &Run::new()).unwrap()
    });
    let store = Store::in_memory(&models[0], &Options::new()).unwrap();
    let record = |number: usize| {
        let key = RecordKey::new("shop", number.to_string());
        Record::new(key).with("email", format!("{}@kestrel.example", number / 3))
    };
    let records: Vec<Record> = (0..60).map(record).collect();
    store.upsert_many(&records, &Run::new()).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (store, records, done) = (&store, &records, &done);
            scope.spawn(move || {
                for number in (thread..).step_by(7) {
                    if done.load(Ordering::Relaxed) {
                        return;
                    }
                    let who =
                        Record { key: RecordKey::new("", ""), ..records[number % 60].clone() };
                    assert!(store.search(&who, 3).unwrap().len() <= 3);
                }
            });
        }
        for turn in 1..40 {
            store.adopt(&models[turn % 2], &Run::new()).unwrap();
            let wanted = store.entity_of(&records[0].key).unwrap();
            let who = Record { key: RecordKey::new("", ""), ..records[0].clone() };
            let found = store.search(&who, 1);
            // A thread that panics is to end the test, not to wait for the others.
            if found.is_err() || turn == 39 {
                done.store(true, Ordering::Relaxed);
            }
            let found = found.unwrap();
            assert_eq!(found.first().map(|found| found.entity), wanted);
        }
    });
    assert_eq!(store.verify(&Run::new()).unwrap().problems, Vec::<String>::new());
}

#[test]
fn a_subscriber_is_told_as_it_happens_and_goes_on_where_it_stopped() {
    let store = Store::in_memory(&rules(100), &Options::new()).unwrap();
    std::thread::scope(|scope| {
        let mut subscription = store.subscribe(0);
        let told = scope.spawn(move || {
            let mut replay = Replay::default();
            while replay.entities().len() < 5 {
                let events = subscription.next(3, Duration::from_secs(20)).unwrap();
                assert!(!events.is_empty(), "nothing was told");
                // What was seen before changes nothing.
                events.iter().for_each(|event| replay.apply(event));
                events.iter().for_each(|event| replay.apply(event));
            }
            (replay, subscription)
        });
        (0..10).for_each(|number| {
            store.upsert(&record(number, number % 5)).unwrap();
        });
        let (mut replay, mut subscription) = told.join().unwrap();
        loop {
            let events = subscription.next(100, Duration::ZERO).unwrap();
            if events.is_empty() {
                break;
            }
            events.iter().for_each(|event| replay.apply(event));
        }
        assert!(replay.entities().values().all(|records| records.len() == 2));
    });
    let mut subscription = store.subscribe(0);
    drop(store);
    assert_eq!(subscription.next(9, Duration::from_secs(9)).unwrap(), []);
}

#[test]
fn keys_go_to_their_file_behind_the_back_of_whoever_writes() {
    let (model, records) = sample();
    let options = Options { durability: Durability::ByHand, recent_keys: 33_000, ..Options::new() };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people");
    let store = Store::open(&path, model, &options).unwrap();
    let run = Run::new();
    for records in records[..1_200].chunks(100) {
        store.upsert_many(records, &run).unwrap();
    }
    // Some change into others, some go.
    for (one, other) in records[..60].iter().zip(&records[600..]) {
        store.upsert(&Record { key: one.key.clone(), ..other.clone() }).unwrap();
        store.delete(&other.key).unwrap();
    }
    let verified = store.verify(&run).unwrap();
    assert_eq!((verified.records, &verified.problems[..]), (1_140, &[][..]));
    drop(store);
    let filed = std::fs::metadata(path.join("keys")).unwrap().len();
    assert!(filed > 1 << 17, "{filed} bytes");
    let store = Store::open_existing(&path, &options).unwrap();
    assert_eq!(store.verify(&run).unwrap(), verified);
}

/// With `CDM_STORE_HOT=100000` as far as a key may grow, which takes minutes; a part of it otherwise.
#[test]
fn a_hot_key_costs_no_more_however_many_records_have_it() {
    let many = std::env::var("CDM_STORE_HOT").ok().and_then(|many| many.parse().ok());
    let many: usize = many.unwrap_or(2_000);
    let durability = Durability::Grouped { at_most: Duration::from_millis(50) };
    let options = Options { durability, recent_keys: 4_000, ..Options::new() };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people");
    let store = Store::open(&path, &rules(100), &options).unwrap();
    // All have one number; every third has an e-mail of which two others know.
    let record = |number: usize| {
        let record = Record::new(RecordKey::new("desk", number.to_string()));
        let record = record.with("phone", "+1 702 919 1300").with("family_name", "Smith");
        record.with("email", format!("e{}@example.org", number / 3))
    };
    let mut longest = Vec::new();
    for part in 0..10 {
        let (start, mut most) = (Instant::now(), Duration::ZERO);
        for number in part * many / 10..(part + 1) * many / 10 {
            let start = Instant::now();
            store.upsert(&record(number)).unwrap();
            most = most.max(start.elapsed());
        }
        longest.push((start.elapsed(), most));
    }
    println!("tenths of {many} records, and the longest call of each: {longest:?}");
    let revised = |event: &cdm_core::store::Event| {
        matches!(event.change, Change::Revised { reason: Revision::HotKey { .. }, .. })
    };
    let events = store.events(0, usize::MAX).unwrap();
    assert_eq!(events.iter().filter(|event| revised(event)).count(), 1);
    let stats = store.stats().unwrap();
    assert_eq!((stats.records, stats.hot_keys, stats.revision), (many as u64, 1, 1));
    assert_eq!(stats.entities, many.div_ceil(3) as u64);
    drop(store);
    let store = Store::open_existing(&path, &options).unwrap();
    assert_eq!(store.stats().unwrap().keys, stats.keys);
    assert!(store.verify(&Run::new()).unwrap().problems.is_empty());
}

#[test]
fn a_key_that_grows_hot_links_nobody_any_more_and_the_log_says_so() {
    let store = Store::in_memory(&rules(20), &Options::new()).unwrap();
    let same = |number: usize| {
        let record = Record::new(RecordKey::new("desk", number.to_string()));
        record.with("phone", "+1 702 919 1300").with("given_name", format!("N{number}"))
    };
    (0..20).for_each(|number| {
        store.upsert(&same(number)).unwrap();
    });
    let one = store.entity_of(&same(0).key).unwrap().unwrap();
    assert_eq!(store.entity(&one).unwrap()[0].records.len(), 20);
    let before = store.stats().unwrap();
    store.upsert(&same(20)).unwrap();
    let events = store.events(before.events, usize::MAX).unwrap();
    let revised = events.iter().find_map(|event| match &event.change {
        Change::Revised { revision, reason: Revision::HotKey { rule, records } } => {
            Some((*revision, rule.clone(), *records))
        }
        _ => None,
    });
    assert_eq!(revised, Some((1, "phone".to_owned(), 21)));
    let after = store.stats().unwrap();
    assert_eq!((after.entities, after.hot_keys, after.revision), (21, 1, 1));
    assert_eq!(store.model().unwrap().stop_keys()["phone"].len(), 1);
    for number in 21..400 {
        store.upsert(&same(number)).unwrap();
    }
    assert_eq!(store.stats().unwrap().revision, 1);
    assert!(store.verify(&Run::new()).unwrap().problems.is_empty());
}
