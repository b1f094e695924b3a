//! Sorted postings in the file of keys: written once, read by whoever has a snapshot, merged.
//!
//! The file consists of blocks, of which each belongs to one segment or to none. Which segments there
//! are, and of which blocks, is said by the index; so blocks that nobody names are free.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use redb::StorageBackend;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::cells::Place;
use super::filter::Filter;
use super::lock;
use super::postings::{AT_ONCE, Chunk, MOST, Posting, SLACK, pack};
use crate::error::{Error, Result};

/// What the file begins with; its first block holds nothing else.
const MAGIC: &[u8; 16] = b"cdm store keys\0\x01";

/// So many bytes are taken and given back together.
const BLOCK: usize = 1 << 16;

/// The file grows by so many blocks at once.
const STEP: u32 = 16;

/// Segments of so many bytes at most are read when they are opened; larger ones afterwards.
const AT_OPENING: usize = 1 << 25;

/// Where chunks begin is counted in so many bytes.
const UNIT: usize = 8;

/// The file of keys.
pub(super) struct Pool {
    medium: Box<dyn StorageBackend>,
    place: Place,
    blocks: Mutex<Blocks>,
    /// How many more bytes of segments may be kept in memory.
    room: AtomicU64,
}

struct Blocks {
    free: BTreeSet<u32>,
    /// The first block that was never taken.
    end: u32,
    /// How many blocks the file has.
    length: u32,
}

/// A segment as the index knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Described {
    /// No other segment of the store ever has it.
    pub(super) id: u64,
    pub(super) postings: u64,
    chunks: u32,
    /// Where its directory begins, in units from its beginning.
    directory: u32,
    /// Of the directory.
    sum: u64,
    /// Runs of blocks: the first and how many.
    blocks: Vec<(u32, u32)>,
}

/// Sorted postings; of each name and record one.
pub(super) struct Segment {
    pub(super) described: Described,
    claim: Claim,
    directory: Vec<Entry>,
    /// By the first bits of a name, the first chunk whose first name does not begin with lower ones. Names
    /// are hashes, spread evenly, so that few chunks have the same.
    starting: Vec<u32>,
    /// How many bits of a name are behind those.
    shift: u32,
    /// All of it, once there is room in memory.
    bytes: OnceLock<InMemory>,
}

/// All of a segment.
struct InMemory {
    bytes: Vec<u8>,
    filter: Option<Filter>,
}

/// Segments of more postings have most of the names that they are asked for.
const FILTERED: u64 = 1 << 23;

/// What the directory says of a chunk, in twelve bytes, so that all of it comes from memory at once.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// The first name: its higher half, and its lower one.
    first: [u32; 2],
    /// Where the chunk begins, in units.
    start: u32,
}

impl Entry {
    fn new(first: u64, start: u32) -> Self {
        Self { first: [(first >> 32) as u32, first as u32], start }
    }

    fn first(self) -> u64 {
        u64::from(self.first[0]) << 32 | u64::from(self.first[1])
    }
}

/// Blocks, and some memory, which are given back when it is dropped.
struct Claim {
    pool: Arc<Pool>,
    blocks: Vec<u32>,
    memory: AtomicU64,
    /// Whether the index names the blocks.
    is_named: AtomicBool,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.give_memory_back();
        if !self.is_named.load(Ordering::Acquire) {
            lock(&self.pool.blocks).free.extend(self.blocks.drain(..));
        }
    }
}

impl Pool {
    /// Begin an empty file.
    pub(super) fn create(
        medium: Box<dyn StorageBackend>,
        place: Place,
        room: usize,
    ) -> Result<Arc<Self>> {
        place.begin(&*medium, BLOCK as u64, MAGIC)?;
        let blocks = Blocks { free: BTreeSet::new(), end: 1, length: 1 };
        let room = AtomicU64::new(room as u64);
        Ok(Arc::new(Self { medium, place, blocks: Mutex::new(blocks), room }))
    }

    /// Open a file that holds these segments; whatever else is in it was never acknowledged, or is
    /// needed no more.
    pub(super) fn open(
        medium: Box<dyn StorageBackend>,
        place: Place,
        room: usize,
        described: &[Described],
    ) -> Result<(Arc<Self>, Vec<Arc<Segment>>)> {
        let io = |error| place.io(error);
        let length = medium.len().map_err(io)?;
        let mut used = BTreeSet::new();
        for block in described.iter().flat_map(Described::blocks) {
            if block == 0 || !used.insert(block) {
                return Err(place.damaged("its keys lie where others do"));
            }
        }
        let end = used.last().map_or(1, |last| last + 1);
        if length < u64::from(end) * BLOCK as u64 {
            return Err(place.damaged("its keys were cut"));
        }
        let mut magic = [0; MAGIC.len()];
        medium.read(0, &mut magic).map_err(io)?;
        if magic != *MAGIC {
            return Err(place.damaged("its keys do not begin as they should"));
        }
        if length > u64::from(end) * BLOCK as u64 {
            medium.set_len(u64::from(end) * BLOCK as u64).map_err(io)?;
        }
        let free = (1..end).filter(|block| !used.contains(block)).collect();
        let blocks = Mutex::new(Blocks { free, end, length: end });
        let pool = Arc::new(Self { medium, place, blocks, room: AtomicU64::new(room as u64) });
        let segments = described.iter().map(|described| pool.segment(described.clone()));
        let segments = segments.collect::<Result<_>>()?;
        Ok((pool, segments))
    }

    fn segment(self: &Arc<Self>, described: Described) -> Result<Arc<Segment>> {
        let blocks: Vec<u32> = described.blocks().collect();
        let (pool, is_named) = (Arc::clone(self), AtomicBool::new(true));
        let claim = Claim { pool, blocks, memory: AtomicU64::new(0), is_named };
        let damaged = || self.place.damaged(format!("the keys of segment {}", described.id));
        let start = described.directory as usize * UNIT;
        let chunks = described.chunks as usize;
        let end = start + chunks * 12;
        if end > claim.blocks.len() * BLOCK {
            return Err(damaged());
        }
        let mut directory = vec![0; chunks * 12];
        claim.read(start, &mut directory)?;
        if xxh3_64_with_seed(&directory, described.id) != described.sum {
            return Err(damaged());
        }
        let (firsts, starts) = directory.split_at(chunks * 8);
        let firsts = firsts.as_chunks().0.iter().map(|first| u64::from_le_bytes(*first));
        let starts = starts.as_chunks().0.iter().map(|start| u32::from_le_bytes(*start));
        let directory = firsts.zip(starts).map(|(first, start)| Entry::new(first, start));
        let segment = Segment::new(described, claim, directory.collect(), None);
        // Whoever opens a store does not wait for more.
        if start <= AT_OPENING {
            segment.come_into_memory(|| false)?;
        }
        Ok(Arc::new(segment))
    }

    /// Wait until all is on the disk.
    pub(super) fn sync(&self) -> Result<()> {
        self.medium.sync_data().map_err(|error| self.place.io(error))
    }

    fn take(&self) -> Result<u32> {
        let mut blocks = lock(&self.blocks);
        if let Some(block) = blocks.free.pop_first() {
            return Ok(block);
        }
        let block = blocks.end;
        if block >= blocks.length {
            let length = block + STEP;
            let bytes = u64::from(length) * BLOCK as u64;
            self.medium.set_len(bytes).map_err(|error| self.place.io(error))?;
            blocks.length = length;
        }
        blocks.end += 1;
        Ok(block)
    }
}

impl Described {
    fn blocks(&self) -> impl Iterator<Item = u32> {
        self.blocks.iter().flat_map(|(first, count)| *first..first.saturating_add(*count))
    }
}

impl Claim {
    fn take_memory(&self, bytes: u64) -> bool {
        let less = |room: u64| room.checked_sub(bytes);
        let taken = self.pool.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        if taken.is_ok() {
            self.memory.fetch_add(bytes, Ordering::Relaxed);
        }
        taken.is_ok()
    }

    fn give_memory_back(&self) {
        self.give_back(self.memory.load(Ordering::Relaxed));
    }

    fn give_back(&self, bytes: u64) {
        self.memory.fetch_sub(bytes, Ordering::Relaxed);
        self.pool.room.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Read what lies from there on, over blocks.
    fn read(&self, mut start: usize, mut out: &mut [u8]) -> Result<()> {
        let place = &self.pool.place;
        while !out.is_empty() {
            let within = start % BLOCK;
            let (now, rest) = out.split_at_mut(out.len().min(BLOCK - within));
            let block = self.blocks.get(start / BLOCK);
            let block = block.ok_or_else(|| place.damaged("its keys end too soon"))?;
            let offset = u64::from(*block) * BLOCK as u64 + within as u64;
            self.pool.medium.read(offset, now).map_err(|error| match error.kind() {
                std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::InvalidInput => {
                    place.damaged("its keys were cut")
                }
                _ => place.io(error),
            })?;
            start += now.len();
            out = rest;
        }
        Ok(())
    }
}

/// So many bytes come from memory at once.
const LINE: usize = 64;

/// So many of a chunk's are looked at; what lies behind comes by itself then.
const LINES: usize = 4;

/// Most often no more chunks begin with names of the same first bits.
const FEW: usize = 8;

/// By the first bits of names, where to begin to look in the directory; and how many bits are behind those.
fn starting(directory: &[Entry]) -> (Vec<u32>, u32) {
    let bits = directory.len().max(2).next_power_of_two().trailing_zeros();
    let shift = u64::BITS - bits;
    let mut starting = Vec::with_capacity(1 << bits);
    let mut chunk = 0;
    for first in 0..1_u64 << bits {
        while directory.get(chunk).is_some_and(|entry| entry.first() >> shift < first) {
            chunk += 1;
        }
        starting.push(chunk as u32);
    }
    (starting, shift)
}

impl Segment {
    fn new(
        described: Described,
        claim: Claim,
        directory: Vec<Entry>,
        bytes: Option<Vec<u8>>,
    ) -> Self {
        let (starting, shift) = starting(&directory);
        let segment = Self { described, claim, directory, starting, shift, bytes: OnceLock::new() };
        if let Some(bytes) = bytes {
            // There is nothing yet.
            let _ = segment.bytes.set(segment.in_memory(bytes));
        }
        segment
    }

    fn in_memory(&self, bytes: Vec<u8>) -> InMemory {
        let filter = (self.described.postings <= FILTERED).then(|| {
            let mut filter = Filter::new(self.described.postings as usize);
            for entry in &self.directory {
                let chunk = bytes.get(entry.start as usize * UNIT..);
                let chunk = chunk.and_then(|chunk| Chunk::trusted(chunk, entry.first()));
                chunk.iter().for_each(|chunk| chunk.all(|posting| filter.add(posting.name)));
            }
            filter
        });
        InMemory { bytes, filter }
    }

    pub(super) fn is_in_memory(&self) -> bool {
        self.bytes.get().is_some()
    }

    /// Have all of it in memory from now on, where there is room: there was none, perhaps, as long as those
    /// were read that it was merged from.
    pub(super) fn come_into_memory(&self, is_stopped: impl Fn() -> bool) -> Result<()> {
        let length = self.described.directory as usize * UNIT;
        if self.is_in_memory() || !self.claim.take_memory(length as u64) {
            return Ok(());
        }
        let read = self.read_all(length, is_stopped);
        let read = read
            .map(|bytes| bytes.is_some_and(|bytes| self.bytes.set(self.in_memory(bytes)).is_ok()));
        if !matches!(read, Ok(true)) {
            // It could not be read, nobody waits for it any more, or another thread was faster.
            self.claim.give_back(length as u64);
        }
        read.map(|_| ())
    }

    /// All of it, every chunk as it was packed; `None` where that `is_stopped`.
    fn read_all(&self, length: usize, is_stopped: impl Fn() -> bool) -> Result<Option<Vec<u8>>> {
        let mut bytes = Vec::with_capacity(length + SLACK);
        bytes.resize(length, 0);
        for (number, piece) in bytes.chunks_mut(BLOCK).enumerate() {
            if is_stopped() {
                return Ok(None);
            }
            self.claim.read(number * BLOCK, piece)?;
        }
        bytes.extend([0; SLACK]);
        for (chunk, entry) in self.directory.iter().enumerate() {
            let range = self.range(chunk);
            let slack = range.start..(range.end + SLACK).min(bytes.len());
            Chunk::open(&bytes[slack], self.described.id, entry.first())
                .ok_or_else(|| self.damaged())?;
        }
        Ok(Some(bytes))
    }

    /// The index names it from now on, or does so no more: then its blocks are free when nobody reads
    /// it any longer.
    pub(super) fn name(&self, is_named: bool) {
        self.claim.is_named.store(is_named, Ordering::Release);
    }

    fn damaged(&self) -> Error {
        let what = format!("the keys of segment {}", self.described.id);
        self.claim.pool.place.damaged(what)
    }

    /// Where a chunk lies, with what may be unused behind it.
    fn range(&self, chunk: usize) -> std::ops::Range<usize> {
        let start = self.directory[chunk].start as usize * UNIT;
        let end_of_block = (start / BLOCK + 1) * BLOCK;
        let next = self.directory.get(chunk + 1).map(|next| next.start);
        let next = next.unwrap_or(self.described.directory);
        start..(next as usize * UNIT).clamp(start, end_of_block)
    }

    fn with_chunk<T>(&self, chunk: usize, look: impl FnOnce(&Chunk<'_>) -> T) -> Result<T> {
        let entry = self.directory[chunk];
        if let Some(InMemory { bytes, .. }) = self.bytes.get() {
            let bytes = bytes.get(entry.start as usize * UNIT..);
            let chunk = bytes.and_then(|bytes| Chunk::trusted(bytes, entry.first()));
            return chunk.map(|chunk| look(&chunk)).ok_or_else(|| self.damaged());
        }
        let (range, mut bytes) = (self.range(chunk), [0; MOST + SLACK]);
        let length = range.len().min(MOST);
        self.claim.read(range.start, &mut bytes[..length])?;
        let chunk = Chunk::open(&bytes, self.described.id, entry.first());
        chunk.map(|chunk| look(&chunk)).ok_or_else(|| self.damaged())
    }

    /// The first chunk whose first name is not below that one.
    fn first_from(&self, name: u64) -> usize {
        let first = (name >> self.shift) as usize;
        let start = |first: usize| {
            self.starting.get(first).map_or(self.directory.len(), |start| *start as usize)
        };
        let (low, high) = (start(first), start(first + 1));
        let entries = &self.directory[low..high];
        if entries.len() > FEW {
            return low + entries.partition_point(|entry| entry.first() < name);
        }
        // All are asked, as that takes less time than guessing when to stop.
        low + entries.iter().map(|entry| usize::from(entry.first() < name)).sum::<usize>()
    }

    /// A look at the chunk before that one, so that it is at hand.
    fn look(&self, bytes: &[u8], next: usize) -> u8 {
        let Some(entry) = self.directory.get(next.saturating_sub(1)) else { return 0 };
        let rest = bytes.get(entry.start as usize * UNIT..).unwrap_or_default();
        rest.iter().step_by(LINE).take(LINES).fold(0, |all, byte| all ^ byte)
    }

    /// The postings of some names, each with the place of its name among these.
    ///
    /// Memory is slow to answer, and answers many questions in the time of one: so which of them may be there is
    /// found out first, then where all of those lie, then all of that is looked at, and then it is read.
    pub(super) fn of_all(&self, names: &[u64], mut each: impl FnMut(usize, Posting)) -> Result<()> {
        let in_memory = self.bytes.get();
        let filter = in_memory.and_then(|all| all.filter.as_ref());
        let names = names.iter().enumerate();
        let names = names.filter(|(_, name)| filter.is_none_or(|filter| filter.may_have(**name)));
        let names: Vec<(usize, u64)> = names.map(|(place, name)| (place, *name)).collect();
        let next = |(place, name)| (place, name, self.first_from(name));
        let names: Vec<(usize, u64, usize)> = names.into_iter().map(next).collect();
        if let Some(InMemory { bytes, .. }) = in_memory {
            let looked = names.iter().fold(0, |all, (.., next)| all ^ self.look(bytes, *next));
            std::hint::black_box(looked);
        }
        for (place, name, next) in names {
            if let Some(before) = next.checked_sub(1) {
                self.with_chunk(before, |chunk| chunk.of(name, |p| each(place, p)))?;
            }
            for chunk in next..self.directory.len() {
                if self.directory[chunk].first() != name {
                    break;
                }
                self.with_chunk(chunk, |chunk| chunk.of(name, |p| each(place, p)))?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment").field("id", &self.described.id).finish_non_exhaustive()
    }
}

/// A segment that is being written.
pub(super) struct Writer {
    claim: Claim,
    id: u64,
    /// The block that is being filled.
    block: Vec<u8>,
    /// All of it so far, as long as there is room.
    bytes: Option<Vec<u8>>,
    waiting: Vec<Posting>,
    directory: Vec<Entry>,
    postings: u64,
}

impl Writer {
    pub(super) fn new(pool: &Arc<Pool>, id: u64) -> Self {
        let (pool, is_named) = (Arc::clone(pool), AtomicBool::new(false));
        Self {
            claim: Claim { pool, blocks: Vec::new(), memory: AtomicU64::new(0), is_named },
            id,
            block: Vec::with_capacity(BLOCK),
            bytes: Some(Vec::new()),
            waiting: Vec::with_capacity(AT_ONCE),
            directory: Vec::new(),
            postings: 0,
        }
    }

    /// Add what comes next in order.
    pub(super) fn push(&mut self, posting: Posting) -> Result<()> {
        self.waiting.push(posting);
        if self.waiting.len() == AT_ONCE { self.pack() } else { Ok(()) }
    }

    fn pack(&mut self) -> Result<()> {
        let Some(Posting { name, .. }) = self.waiting.first().copied() else { return Ok(()) };
        let mut start = self.block.len();
        pack(&self.waiting, self.id, &mut self.block);
        if self.block.len() > BLOCK {
            let chunk = self.block.split_off(start);
            self.block.resize(BLOCK, 0);
            self.put_block()?;
            self.block.extend(chunk);
            start = 0;
        }
        let start = (self.claim.blocks.len() * BLOCK + start) / UNIT;
        self.directory.push(Entry::new(name, start as u32));
        self.postings += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }

    /// Write the block that is full.
    fn put_block(&mut self) -> Result<()> {
        let block = self.claim.pool.take()?;
        self.claim.blocks.push(block);
        let pool = &self.claim.pool;
        let written = pool.medium.write(u64::from(block) * BLOCK as u64, &self.block);
        written.map_err(|error| pool.place.io(error))?;
        if let Some(bytes) = &mut self.bytes {
            if self.claim.take_memory(BLOCK as u64) {
                bytes.extend_from_slice(&self.block);
            } else {
                self.claim.give_memory_back();
                self.bytes = None;
            }
        }
        self.block.clear();
        Ok(())
    }

    /// Write the rest; it has yet to reach the disk.
    pub(super) fn finish(mut self) -> Result<Arc<Segment>> {
        self.pack()?;
        let directory = self.claim.blocks.len() * BLOCK + self.block.len();
        let firsts = self.directory.iter().flat_map(|entry| entry.first().to_le_bytes());
        let mut bytes: Vec<u8> = firsts.collect();
        bytes.extend(self.directory.iter().flat_map(|entry| entry.start.to_le_bytes()));
        let sum = xxh3_64_with_seed(&bytes, self.id);
        let mut rest = &bytes[..];
        while !rest.is_empty() || !self.block.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(BLOCK - self.block.len()));
            self.block.extend_from_slice(now);
            rest = later;
            if rest.is_empty() {
                self.block.resize(BLOCK, 0);
            }
            if self.block.len() == BLOCK {
                self.put_block()?;
            }
        }
        let mut blocks: Vec<(u32, u32)> = Vec::new();
        for block in &self.claim.blocks {
            match blocks.last_mut() {
                Some((first, count)) if *first + *count == *block => *count += 1,
                _ => blocks.push((*block, 1)),
            }
        }
        let described = Described {
            id: self.id,
            postings: self.postings,
            chunks: self.directory.len() as u32,
            directory: (directory / UNIT) as u32,
            sum,
            blocks,
        };
        let bytes = self.bytes.map(|mut bytes| {
            bytes.truncate(directory);
            bytes.extend([0; SLACK]);
            // It grew by doubling.
            bytes.shrink_to_fit();
            bytes
        });
        Ok(Arc::new(Segment::new(described, self.claim, self.directory, bytes)))
    }
}

/// The postings of a segment, in order.
pub(super) struct Cursor {
    segment: Arc<Segment>,
    chunk: usize,
    postings: std::vec::IntoIter<Posting>,
    /// The block that was read last, by its place in the segment.
    block: (usize, Vec<u8>),
}

impl Cursor {
    pub(super) fn new(segment: &Arc<Segment>) -> Self {
        let (segment, block) = (Arc::clone(segment), (usize::MAX, Vec::new()));
        Self { segment, chunk: 0, postings: Vec::new().into_iter(), block }
    }

    pub(super) fn next(&mut self) -> Result<Option<Posting>> {
        if let Some(posting) = self.postings.next() {
            return Ok(Some(posting));
        }
        let segment = &self.segment;
        if self.chunk == segment.directory.len() {
            return Ok(None);
        }
        let mut postings = Vec::with_capacity(AT_ONCE);
        if segment.is_in_memory() {
            segment.with_chunk(self.chunk, |chunk| chunk.all(|p| postings.push(p)))?;
        } else {
            let (range, first) = (segment.range(self.chunk), segment.directory[self.chunk].first());
            let number = range.start / BLOCK;
            if self.block.0 != number {
                self.block.1.resize(BLOCK, 0);
                segment.claim.read(number * BLOCK, &mut self.block.1)?;
                self.block.1.resize(BLOCK + SLACK, 0);
                self.block.0 = number;
            }
            let chunk =
                Chunk::open(&self.block.1[range.start % BLOCK..], segment.described.id, first);
            let chunk = chunk.ok_or_else(|| segment.damaged())?;
            chunk.all(|posting| postings.push(posting));
        }
        self.chunk += 1;
        self.postings = postings.into_iter();
        Ok(self.postings.next())
    }
}
