//! What goes wrong has a name, and the store opens again once the cause is gone.

use std::fs;

use cdm_core::store::{Options, Store, StoreKey};
use cdm_core::{Record, RecordKey, Run};

use super::disk::Disk;
use super::people::rules;

fn person(number: usize) -> Record {
    Record::new(RecordKey::new("crm", number.to_string()))
        .with("email", format!("p{number}@example.org"))
        .with("family_name", "Smith")
}

fn filled(disk: &Disk, options: &Options) {
    let options = Options { recent_keys: 30, ..options.clone() };
    let store = Store::on(disk.media(), Some(&rules(100)), &options).unwrap();
    (0..20).for_each(|number| {
        store.upsert(&person(number)).unwrap();
    });
}

fn code(disk: &Disk, options: &Options) -> Result<Store, &'static str> {
    Store::on(disk.media(), Some(&rules(100)), options).map_err(|error| error.code())
}

#[test]
fn a_wrong_key_a_missing_key_and_a_needless_key_are_told() {
    let with = |byte| Options { key: Some(StoreKey::new([byte; 32])), ..Options::new() };
    let disk = Disk::default();
    filled(&disk, &with(1));
    assert_eq!(code(&disk, &with(2)).unwrap_err(), "STORE_KEY");
    assert_eq!(code(&disk, &Options::new()).unwrap_err(), "STORE_KEY");
    assert_eq!(code(&disk, &with(1)).unwrap().stats().unwrap().records, 20);
    let disk = Disk::default();
    filled(&disk, &Options::new());
    assert_eq!(code(&disk, &with(1)).unwrap_err(), "STORE_KEY");
}

#[test]
fn another_model_is_told_and_the_stores_own_is_known() {
    let disk = Disk::default();
    filled(&disk, &Options::new());
    let error = Store::on(disk.media(), Some(&rules(7)), &Options::new()).unwrap_err();
    assert_eq!(error.code(), "STORE_MODEL");
    let store = Store::on(disk.media(), None, &Options::new()).unwrap();
    assert_eq!(store.model().unwrap().to_json(), rules(100).to_json());
}

#[test]
fn a_second_opener_another_file_and_no_file_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people");
    let open = || Store::open(&path, &rules(100), &Options::new());
    let store = open().unwrap();
    store.upsert(&person(1)).unwrap();
    let error = open().unwrap_err();
    assert_eq!(error.code(), "STORE_LOCKED", "{error}");
    drop(store);
    assert_eq!(open().unwrap().stats().unwrap().records, 1);
    let none = folder.path().join("none");
    assert_eq!(Store::open_existing(&none, &Options::new()).unwrap_err().code(), "STORE_IO");
    assert!(!none.exists());
    // A file where the folder should be.
    fs::write(&none, "x").unwrap();
    assert_eq!(Store::open(&none, &rules(100), &Options::new()).unwrap_err().code(), "STORE_IO");
    // Something else in the folder.
    fs::write(path.join("index"), vec![b'x'; 10_000]).unwrap();
    let error = open().unwrap_err();
    assert_eq!(error.code(), "STORE_FORMAT", "{error}");
    fs::write(path.join("index"), "").unwrap();
    assert_eq!(open().unwrap_err().code(), "STORE_DAMAGED");
}

#[test]
fn a_full_disk_stops_changes_and_nothing_else() {
    let disk = Disk::default();
    filled(&disk, &Options::new());
    let store = code(&disk, &Options::new()).unwrap();
    disk.fail_at(1);
    let error = store.upsert(&person(77)).unwrap_err();
    assert_eq!(error.code(), "STORE_IO", "{error}");
    assert!(error.to_string().contains("no space left"), "{error}");
    assert_eq!(store.get(&person(3).key).unwrap(), Some(person(3)));
    drop(store);
    disk.mend();
    let store = code(&disk, &Options::new()).unwrap();
    assert_eq!(store.stats().unwrap().records, 20);
    store.upsert(&person(77)).unwrap();
    assert!(store.verify(&Run::new()).unwrap().problems.is_empty());
}

#[test]
fn a_read_only_medium_is_told_and_is_read_and_written_once_it_is_not() {
    let disk = Disk::default();
    disk.read_only(true);
    assert_eq!(code(&disk, &Options::new()).unwrap_err(), "STORE_IO");
    disk.read_only(false);
    filled(&disk, &Options::new());
    let store = code(&disk, &Options::new()).unwrap();
    disk.read_only(true);
    let error = store.upsert(&person(77)).unwrap_err();
    assert_eq!(error.code(), "STORE_IO");
    assert!(error.to_string().contains("read-only"), "{error}");
    assert_eq!(store.get(&person(3).key).unwrap(), Some(person(3)));
    drop(store);
    assert_eq!(code(&disk, &Options::new()).unwrap_err(), "STORE_IO");
    disk.read_only(false);
    let store = code(&disk, &Options::new()).unwrap();
    assert_eq!(store.stats().unwrap().records, 20);
    store.upsert(&person(77)).unwrap();
    assert!(store.verify(&Run::new()).unwrap().problems.is_empty());
}

#[cfg(unix)]
#[test]
fn read_only_files_and_a_read_only_folder_are_told() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people");
    let open = |path: &std::path::Path| Store::open(path, &rules(100), &Options::new());
    open(&path).unwrap().upsert(&person(1)).unwrap();
    let mode = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(&path, 0o500);
    if fs::write(path.join("probe"), "").is_ok() {
        // Nothing is read-only to the superuser.
        return;
    }
    mode(&path, 0o700);
    for file in ["index", "log", "keys", "cells"] {
        mode(&path.join(file), 0o400);
        let error = open(&path).unwrap_err();
        assert_eq!(error.code(), "STORE_IO", "{file}");
        assert!(error.to_string().contains("read-only"), "{error}");
        mode(&path.join(file), 0o600);
    }
    mode(folder.path(), 0o500);
    assert_eq!(open(&folder.path().join("other")).unwrap_err().code(), "STORE_IO");
    mode(folder.path(), 0o700);
    assert_eq!(open(&path).unwrap().stats().unwrap().records, 1);
}

#[test]
fn another_version_is_told_and_left_as_it_is() {
    const META: redb::TableDefinition<'_, &str, &[u8]> = redb::TableDefinition::new("meta");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people");
    let open = || Store::open(&path, &rules(100), &Options::new());
    open().unwrap().upsert(&person(1)).unwrap();
    let set = |version: u32| {
        let index = redb::Database::open(path.join("index")).unwrap();
        let txn = index.begin_write().unwrap();
        txn.open_table(META).unwrap().insert("format", &version.to_le_bytes()[..]).unwrap();
        txn.commit().unwrap();
    };
    for version in [0, 4, u32::MAX] {
        set(version);
        let error = open().unwrap_err();
        assert_eq!(error.code(), "STORE_FORMAT");
        assert!(error.to_string().contains(&format!("version {version}")), "{error}");
        assert!(error.to_string().contains("export"), "{error}");
        assert!(Store::open_existing(&path, &Options::new()).is_err());
    }
    set(3);
    let store = open().unwrap();
    assert_eq!(store.get(&person(1).key).unwrap(), Some(person(1)));
    drop(store);
    // The first one had no log, and gets one.
    let log = path.join("log");
    fs::remove_file(&log).unwrap();
    assert_eq!(open().unwrap_err().code(), "STORE_DAMAGED");
    set(1);
    for number in 2..4 {
        let store = Store::open_existing(&path, &Options::new()).unwrap();
        store.upsert(&person(number)).unwrap();
        assert_eq!(store.stats().unwrap().records, number as u64);
        assert!(store.verify(&Run::new()).unwrap().problems.is_empty());
        // A copy of it is of this version as well, and no store without its log.
        let copy = folder.path().join(number.to_string());
        store.backup(&copy, &Run::new()).unwrap();
        fs::remove_file(copy.join("log")).unwrap();
        let error = Store::open_existing(&copy, &Options::new()).unwrap_err();
        assert_eq!(error.code(), "STORE_DAMAGED");
    }
    assert!(log.exists());
}

#[test]
fn a_file_that_was_cut_is_damaged() {
    let disk = Disk::default();
    filled(&disk, &Options::new());
    let whole = code(&disk, &Options::new()).unwrap().stats().unwrap().cell_bytes as usize;
    for length in [0, 10, 64, whole / 2, whole - 1] {
        let copy = disk.copy();
        copy.cells.lock().unwrap().seen.truncate(length);
        assert_eq!(code(&copy, &Options::new()).unwrap_err(), "STORE_DAMAGED", "cells of {length}");
    }
    let whole = disk.log.lock().unwrap().seen.len();
    for length in [0, 10, 4096, whole / 2, whole - 1] {
        let copy = disk.copy();
        copy.log.lock().unwrap().seen.truncate(length);
        assert_eq!(code(&copy, &Options::new()).unwrap_err(), "STORE_DAMAGED", "log of {length}");
    }
    let whole = disk.index.lock().unwrap().seen.len();
    for length in [0, 10, 4096, whole / 2, whole - 4096] {
        let copy = disk.copy();
        copy.index.lock().unwrap().seen.truncate(length);
        let told = code(&copy, &Options::new()).map(|_| ()).unwrap_err();
        assert!(["STORE_DAMAGED", "STORE_FORMAT", "STORE_IO"].contains(&told), "{length}: {told}");
    }
    let whole = disk.keys.lock().unwrap().seen.len();
    for length in [0, 10, 4096, whole / 2, whole - 1] {
        let copy = disk.copy();
        copy.keys.lock().unwrap().seen.truncate(length);
        assert_eq!(code(&copy, &Options::new()).unwrap_err(), "STORE_DAMAGED", "keys of {length}");
    }
    assert_eq!(code(&disk, &Options::new()).unwrap().stats().unwrap().records, 20);
}

/// Whatever byte of the files is another: an error, or all is well, or `verify` says what is not.
/// Never a panic, and never a wrong answer that nobody notices.
#[test]
fn a_byte_that_was_changed_is_noticed() {
    let disk = Disk::default();
    filled(&disk, &Options::new());
    let lengths = disk.files().map(|file| file.lock().unwrap().seen.len());
    for (file, length) in lengths.into_iter().enumerate() {
        let step = (length / 300).max(1);
        for place in (0..length).step_by(step) {
            let copy = disk.copy();
            copy.files()[file].lock().unwrap().seen[place] ^= 0x55;
            let Ok(store) = code(&copy, &Options::new()) else { continue };
            let verified = store.verify(&Run::new());
            let is_noticed = match &verified {
                Ok(verified) => !verified.problems.is_empty() || verified.records != 20,
                Err(_) => true,
            };
            let is_whole = || {
                (0..20).all(|number| {
                    store.get(&person(number).key).is_ok_and(|r| r == Some(person(number)))
                })
            };
            assert!(is_noticed || is_whole(), "file {file}, byte {place}");
            // What changes it may fail, too, and is told.
            let moved = person(3).with("email", "p4@example.org");
            let _ = store.upsert(&moved);
            let _ = store.upsert_many(&[person(30), person(31)], &Run::new());
            let _ = store.delete(&person(5).key);
            let _ = store.flush();
        }
    }
}
