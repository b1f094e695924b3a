//! Backups, compaction, exports, and another model.

use cdm_core::store::{Change, Options, Replay, Revision, Store, StoreKey};
use cdm_core::{Record, RecordKey, Run};

use super::laws::{Ledger, Step, apply, assert_law};
use super::people::{rules, sample};

fn filled(store: &Store) -> Ledger {
    let records = &sample().1;
    let mut ledger = Ledger::default();
    for step in [
        Step::Many(records[..40].to_vec()),
        Step::Delete(records[5].key.clone()),
        Step::Must(records[0].key.clone(), records[30].key.clone()),
        Step::Cannot(records[1].key.clone(), records[2].key.clone()),
        Step::Forget(records[7].key.clone()),
        Step::Upsert(records[50].clone()),
    ] {
        apply(store, &step).unwrap();
        ledger.take(&step);
    }
    ledger
}

#[test]
fn a_backup_is_the_store_at_one_moment_and_compaction_loses_garbage_alone() {
    let (model, run) = (&sample().0, Run::new());
    for key in [None, Some(StoreKey::new([5; 32]))] {
        let options = Options { key, ..Options::new() };
        let folder = tempfile::tempdir().unwrap();
        let [path, copy] = ["store", "copy"].map(|name| folder.path().join(name));
        let store = Store::open(&path, model, &options).unwrap();
        let ledger = filled(&store);
        let events = store.events(0, usize::MAX).unwrap();
        store.backup(&copy, &run).unwrap();
        assert_eq!(store.backup(&copy, &run).unwrap_err().code(), "STORE_IO");
        let changed = sample().1[60].clone();
        store.upsert(&changed).unwrap();
        let copied = Store::open(&copy, model, &options).unwrap();
        assert_law(&copied, &ledger);
        assert_eq!(copied.events(0, usize::MAX).unwrap(), events);
        drop(copied);

        let before = store.stats().unwrap();
        assert!(before.garbage_bytes > 0);
        let store = store.compact(&options, &run).unwrap();
        let after = store.stats().unwrap();
        assert_eq!(after.garbage_bytes, 0);
        assert!(after.cell_bytes <= before.cell_bytes - before.garbage_bytes);
        let mut ledger = ledger;
        ledger.take(&Step::Upsert(changed));
        assert_law(&store, &ledger);
        assert_eq!(store.events(0, events.len()).unwrap(), events);
        assert!(store.verify(&run).unwrap().problems.is_empty());
    }
}

#[test]
fn a_compaction_that_was_cut_off_is_ended_when_the_store_is_opened() {
    let (model, run, options) = (&sample().0, Run::new(), Options::new());
    for moved in [&[][..], &["cells"]] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let store = Store::open(&path, model, &options).unwrap();
        let ledger = filled(&store);
        store.backup(path.join("compacted"), &run).unwrap();
        drop(store);
        for file in moved {
            std::fs::rename(path.join("compacted").join(file), path.join(file)).unwrap();
        }
        let store = Store::open(&path, model, &options).unwrap();
        assert_law(&store, &ledger);
        assert_eq!(store.stats().unwrap().garbage_bytes, 0);
        assert!(!path.join("compacted").exists());
    }
}

#[test]
fn what_is_exported_can_be_imported() {
    let (model, run) = (&sample().0, Run::new());
    let store = Store::in_memory(model, &Options::new()).unwrap();
    let ledger = filled(&store);
    let mut lines = Vec::new();
    let count = store.export(&mut lines, &run).unwrap();
    assert_eq!(count as usize, ledger.records.len() + 2);
    let other = Store::in_memory(model, &Options::new()).unwrap();
    assert_eq!(other.import(&mut &lines[..], &run).unwrap(), count);
    assert_law(&other, &ledger);
    let error = other.import(&mut &b"{\"record\": 7}"[..], &run).unwrap_err();
    assert_eq!(error.code(), "MALFORMED_INPUT");
}

#[test]
fn another_model_is_adopted_as_it_was_foretold_and_entities_live_on() {
    let (model, run) = (&sample().0, Run::new());
    let store = Store::in_memory(model, &Options::new()).unwrap();
    let ledger = filled(&store);
    // The same plan without rules that weigh: its comparisons are gone.
    let mut json: serde_json::Value = serde_json::from_str(&model.to_json()).unwrap();
    for part in ["comparisons", "coincidences", "blocking"] {
        json["plan"].as_object_mut().unwrap().remove(part);
    }
    json["plan"]["rules"] = serde_json::json!([
        {"name": "contact", "decision": "match", "same": [some_field(model)]}
    ]);
    for part in ["parameters", "blocking_stop_keys", "stop_keys"] {
        json.as_object_mut().unwrap().remove(part);
    }
    let other = cdm_core::Model::from_json(&json.to_string()).unwrap();
    let before = store.stats().unwrap();
    let preview = store.preview(&other, &run).unwrap();
    assert_eq!(store.stats().unwrap(), before);
    assert_eq!(store.adopt(&other, &run).unwrap(), preview);
    assert_eq!(store.stats().unwrap().entities, preview.entities_after);
    assert_ne!(preview.entities_before, preview.entities_after, "the test changes nothing");
    assert_law(&store, &ledger);
    let events = store.events(before.events, usize::MAX).unwrap();
    assert!(matches!(events[0].change, Change::Revised { revision: 1, reason: Revision::Adopted }));
    let mut replay = Replay::default();
    store.events(0, usize::MAX).unwrap().iter().for_each(|event| replay.apply(event));
    assert_eq!(replay.entities().len() as u64, preview.entities_after);
    // And back again.
    store.adopt(model, &run).unwrap();
    assert_eq!(store.stats().unwrap().entities, preview.entities_before);
    assert_law(&store, &ledger);
    assert!(store.verify(&run).unwrap().problems.is_empty());
}

fn some_field(model: &cdm_core::Model) -> String {
    let fields = model.plan().schema().fields();
    let is_wanted = |field: &&cdm_core::Field| {
        [cdm_core::Kind::Email, cdm_core::Kind::Phone].contains(&field.kind)
    };
    fields.iter().find(is_wanted).unwrap().name.clone()
}

#[test]
fn a_bulk_load_is_as_if_records_had_come_one_by_one() {
    let records: Vec<Record> = sample().1[..600.min(sample().1.len())].to_vec();
    let (model, run) = (&sample().0, Run::new());
    let at_once = Store::in_memory(model, &Options::new()).unwrap();
    assert_eq!(at_once.upsert_many(&records, &run).unwrap(), records.len() as u64);
    let one_by_one = Store::in_memory(model, &Options::new()).unwrap();
    for record in &records {
        one_by_one.upsert(record).unwrap();
    }
    let (one, other) = (at_once.stats().unwrap(), one_by_one.stats().unwrap());
    assert_eq!((one.records, one.entities, one.keys), (other.records, other.entities, other.keys));
    assert_eq!((one.links, one.hot_keys), (other.links, other.hot_keys));
    assert_eq!(at_once.model().unwrap().to_json(), one_by_one.model().unwrap().to_json());
    let of = |store: &Store, key: &RecordKey| {
        let id = store.entity_of(key).unwrap().unwrap();
        store.entity(&id).unwrap()[0].records.clone()
    };
    for record in &records {
        assert_eq!(of(&at_once, &record.key), of(&one_by_one, &record.key));
    }
    assert!(at_once.verify(&run).unwrap().problems.is_empty());
    let by_rules = Store::in_memory(&rules(5), &Options::new()).unwrap();
    let same = |number: usize| {
        let record = Record::new(RecordKey::new("desk", number.to_string()));
        record.with("phone", "+1 702 919 1300").with("given_name", format!("N{number}"))
    };
    by_rules.upsert_many(&(0..300).map(same).collect::<Vec<_>>(), &run).unwrap();
    assert_eq!(by_rules.stats().unwrap().hot_keys, 1);
    assert!(by_rules.verify(&run).unwrap().problems.is_empty());
}
