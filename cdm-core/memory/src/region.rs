//! The file, mapped as a whole into a region of addresses of which pieces are handed out.
//!
//! The region is as long as all pieces together may ever become; the file is as long, but takes room on the disk only for pieces that
//! are there. Nothing here takes memory from the allocator, which is asked for it meanwhile, but for opening the file.

use std::alloc::Layout;
use std::env;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{FallocateFlags, fallocate, fstatfs};
use rustix::io::retry_on_intr;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap};
use rustix::process::{Resource, getpid, getrlimit};

/// Where the region begins is a multiple of so many bytes at least, as every page is.
const ALIGNED: usize = 4096;

/// Pieces begin at multiples of so many bytes, and smaller ones are none of the region's.
const UNIT: usize = 64 << 10;

/// The region has so many units at most: 512 GiB of addresses, and a MiB to say which are taken.
const MOST_UNITS: usize = 8 << 20;

/// The fewest that are worth it, where addresses or the length of a file are limited: 4 GiB.
const LEAST_UNITS: usize = 64 << 10;

/// Before a unit is used that comes after these 16 GiB, those are looked at again.
const NEW_UNITS: usize = 256 << 10;

const WORD: usize = u64::BITS as usize;

/// From how many bytes on pieces are to be in the region; none is while no limit is set.
static LEAST: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Where the region begins, and how long it is.
static START: AtomicUsize = AtomicUsize::new(0);
static LENGTH: AtomicUsize = AtomicUsize::new(0);

/// Whether there was no room on the disk for a piece.
static WAS_FULL: AtomicBool = AtomicBool::new(false);

/// The process whose pieces these are, which a process that was forked off it may look at only; 0 before there is a region.
/// It is asked before any lock is taken, which another thread may have held while the process was forked.
static OWNER: AtomicI32 = AtomicI32::new(0);

static REGION: Mutex<Region> = Mutex::new(Region { file: None, next: 0 });

/// By unit, whether it is of a piece; changed by who holds the region, of which it is no part so that a program has it
/// for nothing but zeros.
static TAKEN: [AtomicU64; MOST_UNITS / WORD] = [const { AtomicU64::new(0) }; MOST_UNITS / WORD];

struct Region {
    file: Option<File>,
    /// Where the next piece is looked for.
    next: usize,
}

/// Whether a piece of so many bytes is to be in the region.
pub(crate) fn wants(size: usize) -> bool {
    size >= LEAST.load(Ordering::Relaxed)
}

/// Whether a piece of so many bytes is in the region.
pub(crate) fn has(place: *mut u8, size: usize) -> bool {
    // First how long it is: who sees that sees where it begins.
    let length = LENGTH.load(Ordering::Acquire);
    size >= UNIT && length > 0 && offset(place) < length
}

fn offset(place: *mut u8) -> usize {
    place.addr().wrapping_sub(START.load(Ordering::Acquire))
}

fn region() -> MutexGuard<'static, Region> {
    REGION.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_own() -> bool {
    OWNER.load(Ordering::Acquire) == pid()
}

fn pid() -> i32 {
    getpid().as_raw_nonzero().get()
}

/// A piece, all zero, where it is to be in the region and there is room.
pub(crate) fn take(layout: Layout) -> Option<*mut u8> {
    let is_for_region = wants(layout.size()) && layout.align() <= ALIGNED && is_own();
    is_for_region.then(|| region().take(layout.size()))?
}

/// Let go of a piece; false where it is none of the region's.
pub(crate) fn give(place: *mut u8, size: usize) -> bool {
    let is_here = has(place, size);
    if is_here && is_own() {
        region().give(offset(place) / UNIT, size);
    }
    is_here
}

/// Make a piece of the region longer or shorter where it is; false where that cannot be.
pub(crate) fn resize(place: *mut u8, from: usize, to: usize) -> bool {
    to >= UNIT && is_own() && region().resize(offset(place) / UNIT, from, to)
}

/// Have pieces in the region from now on, or no more. Those that are there stay.
pub(crate) fn open(is_open: bool) {
    LEAST.store(if is_open { UNIT } else { usize::MAX }, Ordering::Relaxed);
}

/// Whether there was no room on the disk for a piece, since this was forgotten.
pub(crate) fn was_full() -> bool {
    WAS_FULL.load(Ordering::Relaxed)
}

pub(crate) fn forget_full() {
    WAS_FULL.store(false, Ordering::Relaxed);
}

/// Take all pages of the region out of memory; whoever looks at one gets it back.
pub(crate) fn take_out() {
    let (start, length) = (START.load(Ordering::Acquire), LENGTH.load(Ordering::Acquire));
    if length > 0 {
        let start = ptr::with_exposed_provenance_mut(start);
        // SAFETY: this is the region, which stays mapped to its file; pages of a file that is shared have all that was
        // written to them when they are read anew. That it cannot fail for a region that is there is no concern of safety.
        let _ = unsafe { madvise(start, length, Advice::LinuxDontNeed) };
    }
}

/// Whether the region is that of another process, from which this one was forked off.
pub(crate) fn is_of_parent() -> bool {
    OWNER.load(Ordering::Acquire) != 0 && !is_own()
}

/// Make the region, where it is not there yet; by one thread at a time.
///
/// # Errors
/// Where there is no folder for the file, or the system does not give as many addresses.
pub(crate) fn make() -> io::Result<()> {
    if is_own() {
        return Ok(());
    }
    // Takes memory, and so must not be done under the lock.
    let file = file()?;
    // A file that is longer than it may be would end the process.
    let most = getrlimit(Resource::Fsize).current.unwrap_or(u64::MAX) / UNIT as u64;
    let mut units = MOST_UNITS.min(usize::try_from(most).unwrap_or(usize::MAX));
    let start = loop {
        match mapped(&file, units * UNIT) {
            Ok(start) if units >= LEAST_UNITS => break start,
            Err(_) if units > LEAST_UNITS => units /= 2,
            Err(error) => return Err(error),
            Ok(_) => return Err(ErrorKind::FileTooLarge.into()),
        }
    };
    region().file = Some(file);
    START.store(start.as_ptr().expose_provenance(), Ordering::Release);
    LENGTH.store(units * UNIT, Ordering::Release);
    OWNER.store(pid(), Ordering::Release);
    Ok(())
}

/// A file where large temporary files go: `/tmp` is memory on many a system, `/var/tmp` is not.
fn file() -> io::Result<File> {
    match env::var_os("TMPDIR").filter(|folder| !folder.is_empty()) {
        Some(folder) => file_in(Path::new(&folder)),
        None => file_in(Path::new("/var/tmp"))
            .or_else(|error| file_in(Path::new("/tmp")).map_err(|_| error)),
    }
}

fn file_in(folder: &Path) -> io::Result<File> {
    let said = |error: io::Error| {
        let said = format!(
            "no temporary file in {} (TMPDIR names another folder): {error}",
            folder.display()
        );
        io::Error::new(error.kind(), said)
    };
    /// What `statfs` calls a file system that is memory.
    const MEMORY: [u32; 2] = [0x0102_1994, 0x8584_58f6];
    let file = tempfile::tempfile_in(folder).map_err(said)?;
    if MEMORY.contains(&(fstatfs(&file)?.f_type as u32)) {
        return Err(said(io::Error::new(ErrorKind::Unsupported, "it lies in memory")));
    }
    // Not every file system can take room for a file that it does not fill, and give some back.
    let (take, give) =
        (FallocateFlags::KEEP_SIZE, FallocateFlags::KEEP_SIZE | FallocateFlags::PUNCH_HOLE);
    fallocate(&file, take, 0, UNIT as u64).map_err(|error| said(error.into()))?;
    fallocate(&file, give, 0, UNIT as u64).map_err(|error| said(error.into()))?;
    Ok(file)
}

/// Map a file that is made so long.
fn mapped(file: &File, length: usize) -> io::Result<NonNull<u8>> {
    file.set_len(length as u64)?;
    let (read_write, shared) =
        (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED | MapFlags::NORESERVE);
    // SAFETY: a new mapping, where the system likes, of a file that nobody else can open.
    let start = unsafe { mmap(ptr::null_mut(), length, read_write, shared, file, 0)? };
    // Page by page: where the system keeps several as one, it takes room for all of them when one is written to, and there
    // may be none for those that are of no piece.
    // SAFETY: advice about a mapping that is there.
    unsafe { madvise(start, length, Advice::Random)? };
    NonNull::new(start.cast()).ok_or_else(|| ErrorKind::OutOfMemory.into())
}

fn units() -> usize {
    LENGTH.load(Ordering::Acquire) / UNIT
}

fn is_taken(unit: usize) -> bool {
    TAKEN[unit / WORD].load(Ordering::Relaxed) >> (unit % WORD) & 1 == 1
}

impl Region {
    fn take(&mut self, size: usize) -> Option<*mut u8> {
        let count = size.div_ceil(UNIT);
        let first = self.free(self.next, count).or_else(|| self.free(0, count))?;
        self.reserve(first, 0, size)?;
        self.mark(first..first + count, true);
        // With room to become twice as long; from the beginning on after a while, as addresses that were used take memory
        // of the system's.
        self.next = Some(first + 2 * count).filter(|next| *next < NEW_UNITS).unwrap_or(0);
        Some(ptr::with_exposed_provenance_mut(START.load(Ordering::Acquire) + first * UNIT))
    }

    fn give(&mut self, first: usize, size: usize) {
        // What could not be made zero again is no piece's any more.
        if self.release(first, 0, size).is_some() {
            self.mark(first..first + size.div_ceil(UNIT), false);
        }
    }

    fn resize(&mut self, first: usize, from: usize, to: usize) -> bool {
        let (had, has) = (first + from.div_ceil(UNIT), first + to.div_ceil(UNIT));
        if has > had {
            let is_free = has <= units() && !(had..has).any(is_taken);
            if !is_free || self.reserve(first, from, to).is_none() {
                return false;
            }
            self.mark(had..has, true);
        } else if to > from {
            return self.reserve(first, from, to).is_some();
        } else if to < from {
            if self.release(first, to, from).is_none() {
                return false;
            }
            self.mark(has..had, false);
        }
        true
    }

    /// So many free units, one after the other, from `from` on.
    fn free(&self, from: usize, count: usize) -> Option<usize> {
        let mut first = from;
        while first + count <= units() {
            match (first..first + count).rev().find(|unit| is_taken(*unit)) {
                Some(taken) => first = taken + 1,
                None => return Some(first),
            }
        }
        None
    }

    fn mark(&mut self, units: std::ops::Range<usize>, is_taken: bool) {
        for unit in units {
            let bit = 1 << (unit % WORD);
            match is_taken {
                true => TAKEN[unit / WORD].fetch_or(bit, Ordering::Relaxed),
                false => TAKEN[unit / WORD].fetch_and(!bit, Ordering::Relaxed),
            };
        }
    }

    /// Take room on the disk for bytes of a piece: a page for which there is none would end the process.
    fn reserve(&self, first: usize, from: usize, to: usize) -> Option<()> {
        let reserved = self.allocate(FallocateFlags::KEEP_SIZE, first * UNIT + from, to - from);
        if reserved.is_none() {
            WAS_FULL.store(true, Ordering::Relaxed);
            // Of what there was, some may have been taken.
            let _ = self.release(first, from, to);
        }
        reserved
    }

    /// Give the room of bytes of a piece back, and that behind them in their last unit, so that all is zero again.
    fn release(&self, first: usize, from: usize, to: usize) -> Option<()> {
        let punch = FallocateFlags::KEEP_SIZE | FallocateFlags::PUNCH_HOLE;
        self.allocate(punch, first * UNIT + from, to.next_multiple_of(UNIT) - from)
    }

    fn allocate(&self, how: FallocateFlags, start: usize, length: usize) -> Option<()> {
        let file = self.file.as_ref()?;
        retry_on_intr(|| fallocate(file, how, start as u64, length as u64)).ok()
    }
}
