//! What is forgotten is in no file any more.

use cdm_core::store::{Change, Options, Store, StoreKey};
use cdm_core::{Record, RecordKey};

use super::disk::Disk;
use super::people::rules;

const VALUES: [(&str, &str); 5] = [
    ("national_id", "QX-7712345"),
    ("email", "zebulon.quist@unusual.example"),
    ("phone", "+1 702 919 4477"),
    ("given_name", "Zebulon"),
    ("family_name", "Quistgaard"),
];

fn person() -> Record {
    let record = Record::new(RecordKey::new("crm", "customer-zq-1"));
    VALUES.iter().fold(record, |record, (field, value)| record.with(*field, *value))
}

fn other(number: usize) -> Record {
    Record::new(RecordKey::new("shop", format!("o{number}")))
        .with("email", format!("somebody{number}@else.example"))
        .with("given_name", "Ann")
}

/// All forms in which a value may be written: as it came, in small letters, without what is no letter
/// or digit.
fn forms(value: &str) -> Vec<Vec<u8>> {
    let small = value.to_lowercase();
    let bare: String = small.chars().filter(|c| c.is_alphanumeric()).collect();
    let mut forms = vec![value.into(), small.clone().into_bytes(), bare.clone().into_bytes()];
    forms.push(value.to_uppercase().into_bytes());
    forms
}

fn finds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn files(disk: &Disk) -> [Vec<u8>; 4] {
    disk.files().map(|file| file.lock().unwrap().seen.clone())
}

fn assert_nowhere(disk: &Disk) {
    let texts = VALUES.iter().map(|(_, value)| *value).chain(["customer-zq-1", "Quist-Smith"]);
    for text in texts {
        for form in forms(text) {
            for (file, bytes) in ["index", "log", "keys", "cells"].iter().zip(files(disk)) {
                assert!(!finds(&bytes, &form), "{text:?} is in the {file}");
            }
        }
    }
}

#[test]
fn no_value_of_a_forgotten_person_is_left_in_the_files_plain_or_encrypted() {
    for key in [None, Some(StoreKey::new([9; 32]))] {
        let (disk, model) = (Disk::default(), rules(100));
        let options = Options { key: key.clone(), recent_keys: 20, ..Options::new() };
        let store = Store::on(disk.media(), Some(&model), &options).unwrap();
        for number in 0..50 {
            store.upsert(&other(number)).unwrap();
        }
        // Three versions of the person, a namesake for a while, decisions, a deletion between.
        store.upsert(&person()).unwrap();
        let plain = files(&disk);
        let is_in_clear = plain.iter().any(|file| finds(file, b"zebulon.quist@unusual.example"));
        assert_eq!(is_in_clear, key.is_none(), "the test looks in the wrong place");
        let end = store.stats().unwrap().cell_bytes as usize;
        let one_sealed = plain[3][end - 40..end].to_vec();
        assert!(one_sealed.iter().any(|byte| *byte != 0));
        let mut changed = person();
        changed.fields.insert("family_name".to_owned(), vec!["Quist-Smith".to_owned()]);
        store.upsert(&changed).unwrap();
        store.must_link(&person().key, &other(3).key).unwrap();
        store.cannot_link(&person().key, &other(4).key).unwrap();
        store.delete(&person().key).unwrap();
        store.upsert(&person()).unwrap();
        for number in 50..60 {
            store.upsert(&other(number)).unwrap();
        }
        let last = files(&disk)[3].clone();
        assert!(store.forget(&person().key).unwrap());
        assert!(!store.forget(&person().key).unwrap());
        assert_nowhere(&disk);
        // Nor are the sealed bytes.
        assert!(!finds(&files(&disk)[3], &one_sealed));
        assert!(files(&disk)[3] != last);
        assert_eq!(store.get(&person().key).unwrap(), None);
        let events = store.events(0, usize::MAX).unwrap();
        let mut left = events.iter().filter_map(|event| match &event.change {
            Change::Left { record, .. } => Some(record),
            _ => None,
        });
        assert!(left.next_back().unwrap().key.is_none(), "the log names who was forgotten");
        drop(store);
        assert_nowhere(&disk);
        let store = Store::on(disk.media(), Some(&model), &options).unwrap();
        assert!(store.verify(&cdm_core::Run::new()).unwrap().problems.is_empty());
        assert_eq!(store.stats().unwrap().records, 60);
        assert_nowhere(&disk);
    }
}

#[test]
fn what_was_deleted_or_changed_is_erased_when_the_store_is_opened_again_after_a_crash() {
    let (disk, model) = (Disk::default(), rules(100));
    let store = Store::on(disk.media(), Some(&model), &Options::new()).unwrap();
    store.upsert(&person()).unwrap();
    store.delete(&person().key).unwrap();
    // The cells were overwritten, but that is not on the disk yet.
    drop(store);
    disk.crash(super::disk::Loss::All);
    let store = Store::on(disk.media(), Some(&model), &Options::new()).unwrap();
    let bytes = files(&disk)[3].clone();
    assert!(!finds(&bytes, b"zebulon.quist@unusual.example"));
    assert!(finds(&bytes, b"customer-zq-1"), "a deleted record's key stays");
    drop(store);
}

#[test]
fn an_encrypted_store_shows_nobody() {
    let (disk, model) = (Disk::default(), rules(100));
    let options = Options { key: Some(StoreKey::new([3; 32])), ..Options::new() };
    let store = Store::on(disk.media(), Some(&model), &options).unwrap();
    store.upsert(&person()).unwrap();
    store.upsert(&Record { key: RecordKey::new("shop", "customer-zq-2"), ..person() }).unwrap();
    assert_nowhere(&disk);
    for (file, bytes) in ["index", "log", "keys", "cells"].iter().zip(files(&disk)) {
        assert!(
            !finds(&bytes, b"national_id") || ["index", "log"].contains(file),
            "the model lies in clear"
        );
        assert!(!finds(&bytes, &model.to_json().as_bytes()[..64]), "the model lies in clear");
    }
}
