use std::fs::File;
use std::hint;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::param::page_size;

use crate::region;

/// No limit is set.
const NONE: u64 = u64::MAX;

/// Pages are taken out of memory when so large a part of the limit is left: they come back faster than anyone looks.
const MARGIN: u64 = 8;

/// How fast memory may fill until it is looked at again, in bytes a microsecond, and how often that is.
const FILLS: u64 = 128 << 10;
const LOOKS: (u64, u64) = (100, 10_000);

/// How much memory of the process may be resident: the least of all limits.
static BOUND: AtomicU64 = AtomicU64::new(NONE);

/// What is kept free of that.
static SPARE: AtomicU64 = AtomicU64::new(0);

/// How much memory there was at most that cannot be taken out, whenever all else was, since the last limit was set.
static LEFT: AtomicU64 = AtomicU64::new(0);

static LIMITS: Mutex<Limits> = Mutex::new(Limits { set: Vec::new(), made: 0, is_watched: false });

/// Held by who takes pages out.
static TAKING_OUT: Mutex<()> = Mutex::new(());

static STATM: OnceLock<File> = OnceLock::new();

struct Limits {
    /// Of each that is set its number, what may be resident, and what it says that it takes.
    set: Vec<(u64, u64, u64)>,
    made: u64,
    /// Whether a thread looks after them.
    is_watched: bool,
}

impl Limits {
    /// Let those that are set be kept from now on.
    fn apply(&self) {
        let tightest = self.set.iter().min_by_key(|(_, bound, _)| *bound);
        let (bound, spare) =
            tightest.map_or((NONE, 0), |(_, bound, bytes)| (*bound, bytes / MARGIN));
        SPARE.store(spare, Ordering::Relaxed);
        BOUND.store(bound, Ordering::Relaxed);
        region::open(bound != NONE);
    }
}

/// The process keeps a limit of resident memory as long as this is there.
///
/// See the [crate](crate).
#[derive(Debug)]
pub struct Limit {
    number: u64,
    bound: u64,
}

impl Limit {
    /// From now on take no more than so many bytes, beside what cannot be taken out of memory now.
    ///
    /// Of several limits all are kept.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] where the program's allocator is not [`Spilling`](crate::Spilling), on other systems than Linux, where
    /// the folder for the temporary file lies in memory, and of a process that was forked off one with a limit; others where the
    /// file cannot be made or mapped.
    pub fn new(bytes: u64) -> io::Result<Self> {
        if region::is_of_parent() {
            let said = "a process that was forked off one with a limit can set none";
            return Err(io::Error::new(ErrorKind::Unsupported, said));
        }
        let mut limits = limits();
        region::make()?;
        if STATM.get().is_none() {
            let _ = STATM.set(File::open("/proc/self/statm")?);
        }
        if limits.set.is_empty() {
            region::forget_full();
        }
        LEFT.store(0, Ordering::Relaxed);
        region::take_out();
        let bound = resident().all.saturating_add(bytes).min(NONE - 1);
        let number = limits.made;
        limits.made += 1;
        limits.set.push((number, bound, bytes));
        limits.apply();
        // From here on it is taken back where something fails.
        let limit = Self { number, bound };
        let mut failed = None;
        if !limits.is_watched {
            match thread::Builder::new().name("cdm-memory".into()).spawn(watch) {
                Ok(_) => limits.is_watched = true,
                Err(error) => failed = Some(error),
            }
        }
        drop(limits);
        let mut probe = hint::black_box(Vec::<u8>::with_capacity(1 << 20));
        let is_allocator = region::has(probe.as_mut_ptr(), probe.capacity()) || region::was_full();
        match (failed, is_allocator) {
            (Some(error), _) => Err(error),
            (None, true) => Ok(limit),
            (None, false) => {
                let said = "the program's global allocator is not `Spilling`";
                Err(io::Error::new(ErrorKind::Unsupported, said))
            }
        }
    }

    /// By how many bytes memory that cannot be taken out was more than may be resident, where it was: pieces are
    /// too small, or found no room on the disk.
    #[must_use]
    pub fn passed_by(&self) -> Option<u64> {
        LEFT.load(Ordering::Relaxed).checked_sub(self.bound).filter(|bytes| *bytes > 0)
    }

    /// Whether the disk had no room for a piece, which lies in ordinary memory instead.
    #[must_use]
    pub fn found_disk_full(&self) -> bool {
        region::was_full()
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        let mut limits = limits();
        limits.set.retain(|(number, ..)| *number != self.number);
        limits.apply();
    }
}

fn limits() -> MutexGuard<'static, Limits> {
    LIMITS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a limit can be set, as [`Limit::new`] would say.
#[must_use]
pub fn can_limit() -> bool {
    Limit::new(NONE).is_ok()
}

/// Whether a limit is set.
#[must_use]
pub fn is_limited() -> bool {
    BOUND.load(Ordering::Relaxed) != NONE
}

/// Keep the limits, where any is set: take pages out of memory if it is time, and wait while somebody else does.
///
/// A thread looks after them by itself, but work that jumps about in large pieces has more pages come back in the
/// milliseconds that it may have to wait for a core than fit; such work does well to call this every few hundred looks.
#[inline]
pub fn settle() {
    if is_limited() {
        look();
    }
}

/// Take pages out of memory if it is time; says what is left until it is.
fn look() -> u64 {
    let (bound, spare) = (BOUND.load(Ordering::Relaxed), SPARE.load(Ordering::Relaxed));
    let left = |resident: Resident| {
        // Where little can be taken out, half of that is used all the same.
        let most = bound.saturating_sub(resident.own);
        bound.saturating_sub(spare.min(most / 2)).saturating_sub(resident.all)
    };
    let free = left(resident());
    if bound == NONE || free > 0 {
        return free;
    }
    let _taking_out = TAKING_OUT.lock().unwrap_or_else(PoisonError::into_inner);
    let now = resident();
    let free = left(now);
    if free > 0 {
        return free;
    }
    LEFT.fetch_max(now.own, Ordering::Relaxed);
    region::take_out();
    left(resident())
}

/// How much of a process is in memory, in bytes.
#[derive(Clone, Copy)]
struct Resident {
    all: u64,
    /// Of these, those that are of no file.
    own: u64,
}

fn resident() -> Resident {
    let mut text = [0; 128];
    let read = STATM.get().and_then(|statm| statm.read_at(&mut text, 0).ok()).unwrap_or(0);
    let mut pages = text[..read].split(|byte| *byte == b' ').skip(1).map(|number| {
        let digits = number.iter().filter(|byte| byte.is_ascii_digit());
        digits.fold(0_u64, |number, digit| {
            number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'))
        })
    });
    let mut bytes = || pages.next().unwrap_or(0).saturating_mul(page_size() as u64);
    let (all, of_files) = (bytes(), bytes());
    Resident { all, own: all.saturating_sub(of_files) }
}

/// Look after the limits, until there are none.
fn watch() {
    loop {
        let left = look();
        let mut limits = limits();
        if limits.set.is_empty() {
            limits.is_watched = false;
            return;
        }
        drop(limits);
        thread::sleep(Duration::from_micros((left / FILLS).clamp(LOOKS.0, LOOKS.1)));
    }
}
