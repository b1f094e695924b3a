//! Power failures and disks that fail, at every operation of a history.

use std::sync::Mutex;
use std::time::Duration;

use cdm_core::store::{Durability, Options, Store};
use cdm_core::{Model, Record, Run};

use super::disk::{Disk, Loss};
use super::laws::{Ledger, Step, apply, assert_law};
use super::people::{rules, sample};

/// A history with something of everything, among records that belong together.
pub(crate) fn history() -> Vec<Step> {
    let records = &sample().1;
    let key = |number: usize| records[number].key.clone();
    let mut changed = records[2].clone();
    changed.fields.clone_from(&records[20].fields);
    vec![
        Step::Many(records[..6].to_vec()),
        Step::Upsert(records[6].clone()),
        Step::Must(key(1), key(20)),
        Step::Upsert(records[20].clone()),
        Step::Upsert(changed),
        Step::Cannot(key(0), key(1)),
        Step::Delete(key(3)),
        Step::Forget(key(4)),
        Step::NotMust(key(1), key(20)),
        Step::Upsert(records[3].clone()),
    ]
}

/// What the store may be: the ledger after each step.
pub(crate) fn ledgers(steps: &[Step]) -> Vec<Ledger> {
    let mut ledgers = vec![Ledger::default()];
    for step in steps {
        let mut next = ledgers[ledgers.len() - 1].clone();
        next.take(step);
        ledgers.push(next);
    }
    ledgers
}

pub(crate) fn holds(store: &Store, ledger: &Ledger) -> bool {
    store.stats().unwrap().records == ledger.records.len() as u64
        && ledger.records.values().all(|r| store.get(&r.key).unwrap().as_ref() == Some(r))
}

/// Run the history until an operation fails; how many steps were acknowledged.
fn run(disk: &Disk, model: &Model, options: &Options, steps: &[Step], fail_at: u64) -> usize {
    disk.fail_at(0);
    let store = Store::on(disk.media(), Some(model), options).unwrap();
    disk.fail_at(fail_at);
    let acknowledged = steps.iter().take_while(|step| apply(&store, step).is_ok()).count();
    // The process is gone: nothing more reaches the disk.
    disk.fail_at(1);
    drop(store);
    acknowledged
}

/// With few `recent_bytes` a thread of the store's own writes to the index meanwhile.
fn at_every_operation(
    (durability, recent_bytes): (Durability, usize),
    loses: impl Fn(usize) -> usize,
    stride: u64,
) {
    let model = &sample().0;
    let options = Options { durability, recent_keys: 150, recent_bytes, ..Options::new() };
    let steps = history();
    let ledgers = ledgers(&steps);
    let whole = Disk::default();
    assert_eq!(run(&whole, model, &options, &steps, u64::MAX), steps.len());
    // Counted anew, as the last run has stopped the count.
    let counting = Disk::default();
    let store = Store::on(counting.media(), Some(model), &options).unwrap();
    counting.fail_at(u64::MAX);
    steps.iter().for_each(|step| apply(&store, step).unwrap());
    let operations = counting.operations();
    drop(store);
    assert!(operations > 20, "{operations} operations");
    for n in (1..=operations).step_by(stride as usize) {
        for loss in [Loss::All, Loss::None, Loss::Torn(n), Loss::Torn(n.wrapping_mul(77_777))] {
            let disk = Disk::default();
            let acknowledged = run(&disk, model, &options, &steps, n);
            disk.crash(loss);
            disk.mend();
            let store = Store::on(disk.media(), Some(model), &options)
                .unwrap_or_else(|error| panic!("{n} of {operations}, {loss:?}: {error}"));
            // What was acknowledged is there; of the step that failed, all or nothing.
            let least = loses(acknowledged);
            let may_be = &ledgers[least..(acknowledged + 2).min(ledgers.len())];
            let found =
                may_be.iter().find(|ledger| holds(&store, ledger) && decides(&store, ledger));
            let Some(ledger) = found else {
                panic!("{n} of {operations}, {loss:?}: {acknowledged} steps were acknowledged");
            };
            assert_law(&store, ledger);
            let verified = store.verify(&Run::new()).unwrap();
            assert!(verified.problems.is_empty(), "{n}, {loss:?}: {:?}", verified.problems);
        }
    }
}

/// Whether the partition is that of the ledger's decisions; those of steps next to each other differ.
pub(crate) fn decides(store: &Store, ledger: &Ledger) -> bool {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| assert_law(store, ledger))).is_ok()
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_half_done_is_seen_whenever_the_disk_fails() {
    for (recent_bytes, stride) in [(1 << 25, 4), (5_000, 9), (0, 13)] {
        let stride = if super::people::cases(0) > 0 { 1 } else { stride };
        let how = (Durability::EveryCall, recent_bytes);
        at_every_operation(how, |acknowledged| acknowledged, stride);
    }
}

#[test]
fn what_is_not_flushed_may_be_lost_but_whole_steps_only() {
    let stride = if super::people::cases(0) > 0 { 1 } else { 7 };
    for recent_bytes in [1 << 25, 5_000] {
        at_every_operation((Durability::ByHand, recent_bytes), |_| 0, stride);
    }
}

#[test]
fn what_several_threads_were_told_is_there_after_the_disk_failed_under_them() {
    let (model, records) = sample();
    let options = Options { durability: Durability::EveryCall, ..Options::new() };
    let records = &records[..48];
    for fail_at in (1..100).step_by(7) {
        let disk = Disk::default();
        let store = Store::on(disk.media(), Some(model), &options).unwrap();
        disk.fail_at(fail_at);
        let told = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (store, told) = (&store, &told);
                scope.spawn(move || {
                    for record in records.iter().skip(thread).step_by(4) {
                        if store.upsert(record).is_ok() {
                            told.lock().unwrap().push(record);
                        }
                    }
                });
            }
        });
        drop(store);
        disk.crash(Loss::Torn(fail_at));
        disk.mend();
        let store = Store::on(disk.media(), Some(model), &options).unwrap();
        for record in told.into_inner().unwrap() {
            assert_eq!(store.get(&record.key).unwrap().as_ref(), Some(record), "{fail_at}");
        }
        let verified = store.verify(&Run::new()).unwrap();
        assert_eq!(verified.problems, Vec::<String>::new(), "{fail_at}");
        // What was not taken in is, once the disk is well again.
        for record in records {
            store.upsert(record).unwrap();
        }
        assert_eq!(store.stats().unwrap().records, records.len() as u64);
        assert_eq!(store.verify(&Run::new()).unwrap().problems, Vec::<String>::new());
    }
}

#[test]
fn after_a_commit_that_failed_nothing_is_written_over_what_may_be_on_the_disk() {
    for fail_at in 1..24 {
        for loss in [Loss::All, Loss::None, Loss::Torn(fail_at)] {
            for durability in [Durability::ByHand, Durability::EveryCall] {
                let recent_bytes = if fail_at % 3 == 0 { 5_000 } else { 1 << 25 };
                let until = if fail_at % 2 == 0 { u64::MAX } else { fail_at };
                fails_once((durability, recent_bytes), (fail_at, until), loss);
            }
        }
    }
}

/// Let operations fail from one to another, and other changes come when the disk is well again.
fn fails_once(
    (durability, recent_bytes): (Durability, usize),
    (fail_at, until): (u64, u64),
    loss: Loss,
) {
    let (model, records) = sample();
    let options = Options { durability, recent_bytes, ..Options::new() };
    let disk = Disk::default();
    let store = Store::on(disk.media(), Some(model), &options).unwrap();
    let mut told: Vec<&Record> = records[..6].iter().collect();
    for record in &told {
        store.upsert(record).unwrap();
    }
    store.flush().unwrap();
    disk.fail_from(fail_at, until);
    let mut lately: Vec<&Record> = Vec::new();
    lately.extend(records[6..9].iter().filter(|record| store.upsert(record).is_ok()));
    let flushed = store.flush().is_ok();
    disk.mend();
    if flushed || durability == Durability::EveryCall {
        told.append(&mut lately);
    }
    lately.extend(records[9..15].iter().filter(|record| store.upsert(record).is_ok()));
    if store.flush().is_ok() || durability == Durability::EveryCall {
        told.append(&mut lately);
    }
    drop(store);
    disk.crash(loss);
    let store = Store::on(disk.media(), Some(model), &options).unwrap();
    let verified = store.verify(&Run::new()).unwrap();
    assert_eq!(
        verified.problems,
        Vec::<String>::new(),
        "{options:?}, {fail_at}, {until}, {loss:?}"
    );
    for record in told {
        let found = store.get(&record.key).unwrap();
        assert_eq!(found.as_ref(), Some(record), "{options:?}, {fail_at}, {until}, {loss:?}");
    }
}

#[test]
fn a_flush_makes_it_last() {
    let (disk, model) = (Disk::default(), rules(100));
    for durability in
        [Durability::ByHand, Durability::Grouped { at_most: Duration::from_secs(3600) }]
    {
        let options = Options { durability, ..Options::new() };
        let store = Store::on(disk.media(), Some(&model), &options).unwrap();
        let before = store.stats().unwrap().records;
        let record = |id: &str| {
            cdm_core::Record::new(cdm_core::RecordKey::new("desk", id)).with("email", "x@y.example")
        };
        store.upsert(&record(&format!("{before}"))).unwrap();
        store.flush().unwrap();
        store.upsert(&record("lost")).unwrap();
        disk.fail_at(1);
        drop(store);
        disk.crash(Loss::All);
        disk.mend();
        let store = Store::on(disk.media(), Some(&model), &options).unwrap();
        assert_eq!(store.stats().unwrap().records, before + 1);
        assert_eq!(store.get(&record("lost").key).unwrap(), None);
    }
}

#[test]
fn grouped_changes_are_on_the_disk_in_time_without_another_call() {
    let (disk, model) = (Disk::default(), rules(100));
    let durability = Durability::Grouped { at_most: Duration::from_millis(5) };
    let options = Options { durability, ..Options::new() };
    let store = Store::on(disk.media(), Some(&model), &options).unwrap();
    let record = cdm_core::Record::new(cdm_core::RecordKey::new("desk", "1"));
    store.upsert(&record).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    disk.fail_at(1);
    drop(store);
    disk.crash(Loss::All);
    disk.mend();
    let store = Store::on(disk.media(), Some(&model), &options).unwrap();
    assert_eq!(store.get(&record.key).unwrap(), Some(record));
}
