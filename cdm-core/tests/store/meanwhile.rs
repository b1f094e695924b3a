//! What is changed while the index catches up with what was changed before.

use std::ops::Range;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use cdm_core::store::{Durability, Options, Store};
use cdm_core::{Model, Record, RecordKey, Result, Run};
use proptest::prelude::*;

use super::disk::{Disk, Loss};
use super::faults::{decides, history, holds, ledgers};
use super::laws::{Ledger, Step, apply, assert_law, recent_keys, sample_step, step};
use super::people::{cases, rules, sample};

/// A store, and perhaps a flush of it that has come so far.
struct Half {
    store: Arc<Store>,
    disk: Disk,
    flush: Option<JoinHandle<Result<()>>>,
}

impl Half {
    fn open(disk: &Disk, model: &Model, recent_keys: usize) -> Self {
        let durability = Durability::ByHand;
        let options = Options { durability, recent_keys, ..Options::new() };
        let store = Arc::new(Store::on(disk.media(), Some(model), &options).unwrap());
        Self { store, disk: disk.clone(), flush: None }
    }

    /// Flush, but for what comes from the `n`-th operation of that on.
    fn begin(&mut self, n: u64) {
        let store = Arc::clone(&self.store);
        self.flush = Some(self.disk.hold_at(n, move || store.flush()));
    }

    /// And the rest.
    fn end(&mut self) -> Result<()> {
        self.flush.take().map_or(Ok(()), |flush| self.disk.let_go(flush))
    }
}

/// Whether a step waits for a flush that was begun before.
fn waits(step: &Step) -> bool {
    matches!(step, Step::Forget(_) | Step::Flush | Step::Reopen)
}

/// Before a step: how far the flush goes that is begun then, or 0; and whether it is brought to its end.
type Before = (u64, bool);

fn before() -> impl Strategy<Value = Before> {
    (prop::sample::select(vec![0, 1, 2, 3, 4]), prop::bool::weighted(0.25))
}

fn live(model: &Model, steps: &[(Before, Step)], recent_keys: usize) {
    let disk = Disk::default();
    let (mut half, mut ledger) = (Half::open(&disk, model, recent_keys), Ledger::default());
    for ((begins_at, ends), step) in steps {
        if *ends || waits(step) {
            half.end().unwrap();
        }
        if let Step::Reopen = step {
            drop(half);
            half = Half::open(&disk, model, recent_keys);
        }
        if *begins_at > 0 && half.flush.is_none() && !waits(step) {
            half.begin(*begins_at);
            assert_law(&half.store, &ledger);
        }
        apply(&half.store, step).unwrap();
        ledger.take(step);
        assert_law(&half.store, &ledger);
    }
    half.end().unwrap();
    assert_law(&half.store, &ledger);
    let verified = half.store.verify(&Run::new()).unwrap();
    assert!(verified.problems.is_empty(), "{:?}", verified.problems);
    drop(half);
    assert_law(&Half::open(&disk, model, recent_keys).store, &ledger);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(16), max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn live_equals_batch_by_rules_while_the_index_catches_up(
        most in prop::sample::select(vec![3_u32, 9, 100]),
        steps in prop::collection::vec((before(), step()), 1..24), recent_keys in recent_keys(),
    ) {
        live(&rules(most), &steps, recent_keys);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(6), max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn live_equals_batch_by_weights_while_the_index_catches_up(
        steps in prop::collection::vec((before(), sample_step()), 1..16),
        recent_keys in recent_keys(),
    ) {
        live(&sample().0, &steps, recent_keys);
    }
}

/// Run the history while the disk fails at an operation, with two flushes that stand still at their
/// `held`-th one while others write; how many steps were acknowledged, and how many of them flushed.
fn run(disk: &Disk, steps: &[Step], held: u64, fail_at: u64) -> (usize, usize) {
    disk.fail_at(0);
    let mut half = Half::open(disk, &sample().0, 300);
    disk.fail_at(fail_at);
    let (mut flushed, mut begun) = (0, 0);
    let mut acknowledged = steps.len();
    for (number, step) in steps.iter().enumerate() {
        let ends = waits(step) || number == 6;
        if ends && half.flush.is_some() && half.end().is_ok() {
            flushed = begun;
        }
        if number == 3 || number == 8 {
            half.begin(held);
            begun = number;
        }
        if apply(&half.store, step).is_err() {
            acknowledged = number;
            break;
        }
        if let Step::Forget(_) = step {
            flushed = number + 1;
        }
    }
    if half.flush.is_some() && half.end().is_ok() {
        flushed = begun;
    }
    // The process is gone: nothing more reaches the disk.
    disk.fail_at(1);
    (acknowledged, flushed)
}

#[test]
fn whenever_the_disk_fails_what_was_flushed_meanwhile_is_there_and_of_what_came_later_whole_steps()
{
    let (steps, model) = (history(), &sample().0);
    let ledgers = ledgers(&steps);
    let stride = if cases(0) > 0 { 1 } else { 5 };
    for held in [1, 2, 5, 11] {
        let mut operations = 0;
        for n in (1..).step_by(stride) {
            for loss in [Loss::All, Loss::None, Loss::Torn(n), Loss::Torn(n.wrapping_mul(77_777))] {
                let disk = Disk::default();
                let (acknowledged, flushed) = run(&disk, &steps, held, n);
                operations = if acknowledged == steps.len() { operations } else { n };
                disk.crash(loss);
                disk.mend();
                let what = format!("{n}, held at {held}, {loss:?}");
                let half = Half::open(&disk, model, 300);
                let may_be = &ledgers[flushed..(acknowledged + 2).min(ledgers.len())];
                let found = may_be
                    .iter()
                    .find(|ledger| holds(&half.store, ledger) && decides(&half.store, ledger));
                let Some(ledger) = found else {
                    panic!("{what}: {acknowledged} were acknowledged, {flushed} flushed");
                };
                assert_law(&half.store, ledger);
                let verified = half.store.verify(&Run::new()).unwrap();
                assert!(verified.problems.is_empty(), "{what}: {:?}", verified.problems);
            }
            // Once nothing fails any more, there is no other operation to try.
            if n > operations + 40 {
                break;
            }
        }
        assert!(operations > 15, "{operations} operations");
    }
}

fn record(number: usize) -> Record {
    Record::new(RecordKey::new("desk", number.to_string()))
        .with("email", format!("e{}@example.org", number / 3))
}

fn upsert(store: &Store, numbers: Range<usize>) {
    for number in numbers {
        store.upsert(&record(number)).unwrap();
    }
}

#[test]
fn nobody_waits_while_the_index_catches_up_but_who_wants_to_be_on_the_disk() {
    let disk = Disk::default();
    let mut half = Half::open(&disk, &rules(100), 100_000);
    upsert(&half.store, 0..6);
    half.begin(1);
    // The flush stands still: whoever waited for it would wait for ever.
    upsert(&half.store, 6..12);
    half.store.delete(&record(0).key).unwrap();
    assert_eq!(half.store.stats().unwrap().records, 11);
    // What cannot be put in harms nothing of what is on its way.
    let wrong = [record(20), record(21).with("nothing", "x")];
    assert_eq!(half.store.upsert_many(&wrong, &Run::new()).unwrap_err().code(), "UNKNOWN_FIELD");
    let store = Arc::clone(&half.store);
    let forgets = std::thread::spawn(move || store.forget(&record(1).key));
    std::thread::sleep(Duration::from_millis(50));
    assert!(!forgets.is_finished(), "it was on the disk before what came before it");
    half.end().unwrap();
    assert!(forgets.join().unwrap().unwrap());
    disk.fail_at(1);
    drop(half);
    disk.crash(Loss::All);
    disk.mend();
    let half = Half::open(&disk, &rules(100), 100_000);
    assert_eq!(half.store.stats().unwrap().records, 10);
    for number in 2..12 {
        assert_eq!(half.store.get(&record(number).key).unwrap(), Some(record(number)));
    }
    assert!(half.store.verify(&Run::new()).unwrap().problems.is_empty());
}

#[test]
fn a_flush_that_fails_is_told_to_whoever_writes_next_and_loses_nothing_that_was_flushed() {
    // Once before the log is written, once where it may have been.
    for held in [1, 3] {
        let disk = Disk::default();
        let mut half = Half::open(&disk, &rules(100), 100_000);
        upsert(&half.store, 0..3);
        half.store.flush().unwrap();
        upsert(&half.store, 3..6);
        half.begin(held);
        upsert(&half.store, 6..9);
        disk.fail_at(1);
        assert_eq!(half.end().unwrap_err().code(), "STORE_IO");
        assert_eq!(half.store.flush().unwrap_err().code(), "STORE_IO");
        assert_eq!(half.store.stats().unwrap().records, 9, "readers go on");
        disk.mend();
        let is_well = half.store.flush().is_ok();
        assert_eq!(is_well, held == 1, "what may be on the disk is not written over");
        assert_eq!(half.store.upsert(&record(9)).is_ok(), is_well);
        drop(half);
        disk.crash(Loss::All);
        let half = Half::open(&disk, &rules(100), 100_000);
        assert_eq!(half.store.stats().unwrap().records, if is_well { 10 } else { 3 });
        assert!(half.store.verify(&Run::new()).unwrap().problems.is_empty());
    }
}

#[test]
fn what_is_written_while_the_index_is_is_on_the_disk_before_the_index_has_it() {
    let model = rules(100);
    let options = Options { recent_bytes: 28_000, ..Options::new() };
    let open = |disk: &Disk| Arc::new(Store::on(disk.media(), Some(&model), &options).unwrap());
    let mut most = 0;
    for held_at in 1.. {
        let disk = Disk::default();
        let store = open(&disk);
        disk.hold_index_at(held_at);
        // So many are more than half of what may wait for the index: a thread of the store's own begins, and with
        // some more nobody has to wait for it.
        let count = 48;
        upsert(&store, 0..count);
        if !disk.is_held(Duration::from_millis(200)) {
            // All that it does was held once.
            disk.go_on();
            break;
        }
        most = held_at;
        upsert(&store, count..count + 3);
        store.delete(&record(0).key).unwrap();
        for loss in [Loss::All, Loss::None, Loss::Torn(held_at), Loss::Torn(held_at * 77_777)] {
            let fallen = disk.fork();
            fallen.crash(loss);
            let store = open(&fallen);
            assert_eq!(store.stats().unwrap().records, count as u64 + 2, "{held_at}, {loss:?}");
            for number in 1..count + 3 {
                let found = store.get(&record(number).key).unwrap();
                assert_eq!(found, Some(record(number)), "{held_at}, {loss:?}");
            }
            assert_eq!(store.verify(&Run::new()).unwrap().problems, Vec::<String>::new());
        }
        disk.go_on();
        upsert(&store, count + 3..count + 40);
        assert_eq!(store.stats().unwrap().records, count as u64 + 39);
        drop(store);
        disk.crash(Loss::All);
        let store = open(&disk);
        assert_eq!(store.stats().unwrap().records, count as u64 + 39);
        assert_eq!(store.verify(&Run::new()).unwrap().problems, Vec::<String>::new());
    }
    assert!(most > 5, "{most} operations were held");
}

#[test]
fn changes_that_are_grouped_wait_for_a_disk_that_is_too_slow() {
    let disk = Disk::default();
    let at_most = Duration::from_millis(100);
    let options = Options { durability: Durability::Grouped { at_most }, ..Options::new() };
    let store = Arc::new(Store::on(disk.media(), Some(&rules(100)), &options).unwrap());
    store.upsert(&record(0)).unwrap();
    let flush = {
        let store = Arc::clone(&store);
        disk.hold_at(1, move || store.flush())
    };
    store.upsert(&record(1)).unwrap();
    std::thread::sleep(at_most * 2);
    let writes = {
        let store = Arc::clone(&store);
        std::thread::spawn(move || (store.upsert(&record(2)), Instant::now()))
    };
    std::thread::sleep(at_most);
    assert!(!writes.is_finished(), "a change waits for longer than was agreed");
    let until = Instant::now();
    disk.let_go(flush).unwrap();
    let (written, at) = writes.join().unwrap();
    assert!(written.is_ok() && at >= until);
    assert_eq!(store.stats().unwrap().records, 3);
}
