//! A program whose allocator keeps limits.
#![cfg(target_os = "linux")]

use std::alloc::System;
use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cdm_memory::{Limit, Spilling, can_limit, is_limited, settle};
use proptest::prelude::*;

#[global_allocator]
static ALLOCATOR: Spilling<System> = Spilling::over(System);

const MIB: usize = 1 << 20;

/// Limits are of the whole process, so that tests that set one go one after the other.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Resident memory, in MiB: all of it, and that of no file.
fn resident() -> (usize, usize) {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let kib = |name: &str| -> usize {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    };
    (kib("VmRSS:") / 1024, kib("RssAnon:") / 1024)
}

#[test]
fn much_more_than_the_limit_is_held_and_read_back() {
    let _alone = alone();
    assert!(can_limit());
    let (before, _) = resident();
    let limit = Limit::new(32 << 20).unwrap();
    assert!(is_limited());
    let mut vectors: Vec<Vec<u64>> = Vec::new();
    for number in 0..64_u64 {
        vectors.push((0..MIB as u64 / 2).map(|at| at * 64 + number).collect());
        settle();
        let (now, own) = resident();
        assert!(now <= before + 32, "{now} MiB after {number}, {before} before");
        assert!(own <= before + 8, "{own} MiB are of no file");
    }
    for at in (0..MIB as u64 / 2).step_by(4001) {
        let all = vectors.iter().map(|vector| vector[at as usize]);
        assert!(all.eq((0..64).map(|number| at * 64 + number)));
        settle();
    }
    assert_eq!(limit.passed_by(), None);
    drop(limit);
    assert!(!is_limited());
    // What lies in the file stays there, and can be changed, as long as anybody has it.
    vectors[7].extend(0..10);
    vectors.iter_mut().for_each(|vector| vector.truncate(1000));
    assert_eq!(vectors[7][999], 999 * 64 + 7);
}

#[test]
fn that_small_pieces_are_more_than_may_be_is_noticed() {
    let _alone = alone();
    let wide = Limit::new(1 << 30).unwrap();
    let limit = Limit::new(8 << 20).unwrap();
    assert_eq!(limit.passed_by(), None);
    let small: Vec<Box<[u8]>> = (0..20_000).map(|_| vec![1; 1024].into()).collect();
    settle();
    assert!(limit.passed_by().is_some_and(|bytes| bytes > 4 << 20), "{:?}", limit.passed_by());
    assert_eq!(wide.passed_by(), None, "each is told of its own");
    drop((limit, wide, small));
    let next = Limit::new(8 << 20).unwrap();
    assert_eq!(next.passed_by(), None, "a new limit begins anew");
}

#[test]
fn of_several_limits_all_are_kept() {
    let _alone = alone();
    let wide = Limit::new(1 << 40).unwrap();
    let narrow = Limit::new(16 << 20).unwrap();
    let (before, _) = resident();
    let large: Vec<u8> = (0..100 * MIB).map(|at| at as u8).collect();
    settle();
    assert!(resident().0 <= before + 17, "{:?} after {before}", resident());
    drop(narrow);
    assert!(is_limited());
    assert_eq!(large.iter().map(|byte| u64::from(*byte)).sum::<u64>(), 100 * 4096 * 255 * 128);
    assert!(resident().0 > before + 90, "what the wider limit allows stays in memory");
    drop(wide);
    assert!(!is_limited());
}

/// What a piece should hold: bytes, and how many of each.
type Runs = Vec<(u8, usize)>;

/// What happens to one of some pieces of memory.
#[derive(Debug, Clone)]
enum Step {
    Zeroed(usize),
    Filled(usize, u8),
    Resize(usize, usize, u8),
    Shrink(usize, usize),
    Drop(usize),
    TakeOut,
    SetLimit(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let size = || prop_oneof![0..2000_usize, 60_000..70_000_usize, 0..600_000_usize];
    prop_oneof![
        size().prop_map(Step::Zeroed),
        (size(), any::<u8>()).prop_map(|(size, byte)| Step::Filled(size, byte)),
        (any::<usize>(), size(), any::<u8>()).prop_map(|(at, to, byte)| Step::Resize(at, to, byte)),
        (any::<usize>(), size()).prop_map(|(at, to)| Step::Shrink(at, to)),
        any::<usize>().prop_map(Step::Drop),
        Just(Step::TakeOut),
        any::<bool>().prop_map(Step::SetLimit),
    ]
}

proptest! {
    #[test]
    fn pieces_hold_what_was_written_to_them(steps in prop::collection::vec(step(), 0..60)) {
        let _alone = alone();
        let mut limit = Some(Limit::new(1 << 20).unwrap());
        let mut pieces: Vec<(Vec<u8>, Runs)> = Vec::new();
        for step in steps {
            let count = pieces.len().max(1);
            match step {
                Step::Zeroed(size) => pieces.push((vec![0; size], vec![(0, size)])),
                Step::Filled(size, byte) => pieces.push((vec![byte; size], vec![(byte, size)])),
                Step::Resize(at, to, byte) => {
                    let piece = pieces.get_mut(at % count).filter(|(piece, _)| to > piece.len());
                    if let Some((piece, runs)) = piece {
                        runs.push((byte, to - piece.len()));
                        piece.resize(to, byte);
                    }
                }
                Step::Shrink(at, to) => {
                    if let Some((piece, runs)) = pieces.get_mut(at % count) {
                        piece.truncate(to);
                        piece.shrink_to_fit();
                        let mut left = piece.len();
                        for (_, length) in runs {
                            *length = left.min(*length);
                            left -= *length;
                        }
                    }
                }
                Step::Drop(at) => drop((at % count < pieces.len()).then(|| pieces.swap_remove(at % count))),
                Step::TakeOut => settle(),
                Step::SetLimit(is_set) => limit = is_set.then(|| Limit::new(1 << 20).unwrap()),
            }
        }
        for (piece, runs) in &pieces {
            let wanted = runs.iter().flat_map(|(byte, length)| std::iter::repeat_n(byte, *length));
            prop_assert!(piece.iter().eq(wanted));
        }
        drop(limit);
    }
}
