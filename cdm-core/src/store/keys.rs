//! Which records have which keys: by the hash of a key, in layers.
//!
//! What changed lately is in memory, and in the index as it was committed, in *runs*. When there is
//! much of it, it goes to the file of keys as a *segment*; segments of like size are merged. A snapshot
//! has its own list of layers, so that what writers and merging do is not seen by readers.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::postings::{AT_ONCE, Chunk, Posting, SLACK, pack};
use super::segment::{Cursor, Described, Pool, Segment, Writer};
use crate::error::Result;

/// Merging so many postings takes so little time that a change does it itself.
const FEW: u64 = 1 << 15;

/// A segment is merged with the newer ones once those together are a part of it: one in so many.
const GROWTH: u64 = 4;

/// The most bytes of a run.
const RUN: usize = 1 << 15;

/// What the index says of the keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Layers {
    /// From the oldest to the newest.
    pub(super) segments: Vec<Described>,
    /// The runs up to this one are in the segments.
    pub(super) merged: u64,
}

impl Layers {
    /// As bytes, with a sum before them.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let plain = postcard::to_allocvec(self).unwrap_or_default();
        [&xxh3_64(&plain).to_le_bytes(), &plain[..]].concat()
    }

    /// What these bytes say; `None` where one was changed.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (sum, plain) = bytes.split_first_chunk()?;
        if u64::from_le_bytes(*sum) != xxh3_64(plain) {
            return None;
        }
        postcard::from_bytes(plain).ok()
    }
}

/// Names are hashes already; what tells the [shards](SHARDS) of names apart tells nothing within one, and
/// comes to lie where a hash map does not look.
#[derive(Default)]
pub(super) struct Itself(u64);

impl Hasher for Itself {
    fn finish(&self) -> u64 {
        self.0.rotate_right(7)
    }
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }
    fn write_u64(&mut self, name: u64) {
        self.0 = name;
    }
}

type ByName<V> = HashMap<u64, V, BuildHasherDefault<Itself>>;

/// What was said of a record and a name by the change of that number.
#[derive(Debug, Clone, Copy)]
struct Said {
    record: u32,
    has: bool,
    change: u64,
}

/// All that was said of a name, in order; most often one thing.
struct OfName {
    first: Said,
    later: Vec<Said>,
}

impl OfName {
    fn all(&self) -> impl Iterator<Item = &Said> {
        std::iter::once(&self.first).chain(&self.later)
    }
}

/// What changed lately. Readers and a writer use it at once: what was said after a snapshot does not
/// count in it.
pub(super) struct Recent {
    shards: Vec<RwLock<ByName<OfName>>>,
    count: AtomicUsize,
    /// The last run that is in it.
    last: AtomicU64,
}

/// A power of two: names in order have one after the other.
const SHARDS: usize = 32;

fn shard_of(name: u64) -> usize {
    (name >> (u64::BITS - SHARDS.trailing_zeros())) as usize
}

impl Recent {
    pub(super) fn new() -> Arc<Self> {
        let shards = (0..SHARDS).map(|_| RwLock::default()).collect();
        Arc::new(Self { shards, count: AtomicUsize::new(0), last: AtomicU64::new(0) })
    }

    /// How much there is in it.
    pub(super) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    pub(super) fn last(&self) -> u64 {
        self.last.load(Ordering::Relaxed)
    }

    /// Add what a change says, in order, which the runs up to `last` hold.
    pub(super) fn add(&self, postings: &[Posting], change: u64, last: u64) {
        let of_shards = postings.chunk_by(|one, next| shard_of(one.name) == shard_of(next.name));
        for postings in of_shards {
            let shard = &self.shards[shard_of(postings[0].name)];
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            for posting in postings {
                let said = Said { record: posting.record, has: posting.has, change };
                match shard.entry(posting.name) {
                    Entry::Vacant(vacant) => {
                        vacant.insert(OfName { first: said, later: Vec::new() });
                    }
                    Entry::Occupied(mut occupied) => occupied.get_mut().later.push(said),
                }
            }
        }
        self.count.fetch_add(postings.len(), Ordering::Relaxed);
        self.last.store(last, Ordering::Relaxed);
    }

    /// What was said of some names, in order, by the changes after one and up to another; each with the
    /// place of its name.
    pub(super) fn of_all(
        &self,
        names: &[u64],
        (since, until): (Option<u64>, u64),
        mut each: impl FnMut(usize, Posting),
    ) {
        let mut place = 0;
        for names in names.chunk_by(|one, next| shard_of(*one) == shard_of(*next)) {
            let shard = &self.shards[shard_of(names[0])];
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            for name in names {
                for said in shard.get(name).into_iter().flat_map(OfName::all) {
                    if since.is_none_or(|since| since < said.change) && said.change <= until {
                        each(place, Posting { name: *name, record: said.record, has: said.has });
                    }
                }
                place += 1;
            }
        }
    }

    /// What holds after all changes up to that one, in order.
    fn sorted(&self, until: u64) -> Vec<Posting> {
        let mut all: Vec<(u64, u32, u64, bool)> = Vec::with_capacity(self.len());
        for shard in &self.shards {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            for (name, of_name) in shard.iter() {
                for said in of_name.all() {
                    if said.change <= until {
                        all.push((*name, said.record, said.change, said.has));
                    }
                }
            }
        }
        all.sort_unstable();
        let mut postings: Vec<Posting> = Vec::with_capacity(all.len());
        for (name, record, _, has) in all {
            match postings.last_mut() {
                Some(last) if last.name == name && last.record == record => last.has = has,
                _ => postings.push(Posting { name, record, has }),
            }
        }
        postings
    }
}

/// The layers that a snapshot has.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) pool: Arc<Pool>,
    /// The last change that counts.
    pub(super) change: u64,
    /// The last change by which there were other segments.
    pub(super) layered: u64,
    /// From the oldest to the newest.
    pub(super) segments: Vec<Arc<Segment>>,
    /// From the oldest to the newest, of which the last is added to.
    pub(super) recent: Vec<Arc<Recent>>,
    pub(super) merged: u64,
}

impl Keys {
    /// Without any.
    pub(super) fn empty(pool: Arc<Pool>) -> Self {
        let (segments, recent) = (Vec::new(), vec![Recent::new()]);
        Self { pool, change: 0, layered: 0, segments, recent, merged: 0 }
    }

    pub(super) fn layer_count(&self) -> usize {
        self.segments.len() + self.recent.len()
    }

    pub(super) fn layers(&self) -> Layers {
        let described = self.segments.iter().map(|segment| segment.described.clone());
        Layers { segments: described.collect(), merged: self.merged }
    }

    /// The records that have a key, sorted, in place of what is in `found`.
    pub(super) fn holders(&self, name: u64, found: &mut Vec<u32>) -> Result<()> {
        found.clear();
        for segment in &self.segments {
            segment.of_all(&[name], |_, posting| apply(found, 0, posting))?;
        }
        for recent in &self.recent {
            recent.of_all(&[name], (None, self.change), |_, posting| apply(found, 0, posting));
        }
        Ok(())
    }

    /// How much changed lately.
    pub(super) fn lately(&self) -> usize {
        self.recent.iter().map(|recent| recent.len()).sum()
    }

    /// All that there is, in order.
    pub(super) fn all(&self) -> Merging {
        let recent = self.recent.iter().map(|recent| recent.sorted(self.change));
        Merging::new(&self.segments, recent.collect(), true)
    }

    /// All of them as one segment in another file.
    pub(super) fn copied(&self, pool: &Arc<Pool>) -> Result<Option<Arc<Segment>>> {
        self.all().write(pool, 1, || false)
    }

    /// What changed lately, and a change that is being made, as a segment of that id.
    pub(super) fn flushed(&self, change: Vec<Posting>, id: u64) -> Result<Option<Arc<Segment>>> {
        let recent = self.recent.iter().map(|recent| recent.sorted(self.change));
        let recent = recent.chain([change]).collect();
        Merging::new(&[], recent, self.segments.is_empty()).write(&self.pool, id, || false)
    }

    /// The segments that should be merged next: from one to the end, or up to those that are `few`.
    pub(super) fn due(&self) -> Option<std::ops::Range<usize>> {
        let sizes: Vec<u64> = self.segments.iter().map(|s| s.described.postings).collect();
        due(&sizes)
    }

    /// Whether so many segments are merged in no time.
    pub(super) fn is_quick(&self, range: &std::ops::Range<usize>) -> bool {
        let segments = &self.segments[range.clone()];
        segments.iter().map(|segment| segment.described.postings).sum::<u64>() <= FEW
    }

    /// Some segments, one after the other, as one of that id; `None` where nothing is left of them, or
    /// where it `is_stopped`.
    pub(super) fn merged(
        &self,
        range: std::ops::Range<usize>,
        id: u64,
        is_stopped: impl Fn() -> bool,
    ) -> Result<Option<Arc<Segment>>> {
        let merging = Merging::new(&self.segments[range.clone()], Vec::new(), range.start == 0);
        merging.write(&self.pool, id, is_stopped)
    }
}

/// Which segments, by their sizes from the oldest on, should be merged: all from the first of which
/// the newer ones together are a fair part.
fn due(sizes: &[u64]) -> Option<std::ops::Range<usize>> {
    let mut newer = 0;
    let mut from = None;
    for (place, size) in sizes.iter().enumerate().rev() {
        if newer > 0 && *size <= newer * GROWTH {
            from = Some(place);
        }
        newer += size;
    }
    // The older a segment, the larger it is and the longer merging takes: small ones go first.
    let from = from?;
    Some(from..sizes.len())
}

/// Put what a posting says to the records that were found, which are sorted from `start` on.
pub(super) fn apply(found: &mut Vec<u32>, start: usize, Posting { record, has, .. }: Posting) {
    // Most come in order.
    if found[start..].last().is_none_or(|last| *last < record) {
        if has {
            found.push(record);
        }
        return;
    }
    match (found[start..].binary_search(&record), has) {
        (Err(place), true) => found.insert(start + place, record),
        (Ok(place), false) => {
            found.remove(start + place);
        }
        _ => {}
    }
}

enum Source {
    Segment(Cursor),
    Sorted(std::vec::IntoIter<Posting>),
}

impl Source {
    fn next(&mut self) -> Result<Option<Posting>> {
        match self {
            Source::Segment(cursor) => cursor.next(),
            Source::Sorted(postings) => Ok(postings.next()),
        }
    }
}

/// Several layers as one.
pub(super) struct Merging {
    /// From the oldest to the newest, each with what comes next.
    sources: Vec<(Option<Posting>, Source)>,
    is_begun: bool,
    /// Whether there is nothing beneath, so that who has a key no more need not be known.
    is_whole: bool,
}

impl Merging {
    fn new(segments: &[Arc<Segment>], sorted: Vec<Vec<Posting>>, is_whole: bool) -> Self {
        let segments = segments.iter().map(|segment| Source::Segment(Cursor::new(segment)));
        let sorted = sorted.into_iter().map(|sorted| Source::Sorted(sorted.into_iter()));
        let sources = segments.chain(sorted).map(|source| (None, source)).collect();
        Self { sources, is_begun: false, is_whole }
    }

    pub(super) fn next(&mut self) -> Result<Option<Posting>> {
        if !self.is_begun {
            self.is_begun = true;
            for (next, source) in &mut self.sources {
                *next = source.next()?;
            }
        }
        loop {
            let heads = self.sources.iter().filter_map(|(next, _)| *next);
            let Some((name, record)) = heads.map(|next| (next.name, next.record)).min() else {
                return Ok(None);
            };
            let mut has = false;
            for (next, source) in &mut self.sources {
                if let Some(posting) = next.filter(|p| p.name == name && p.record == record) {
                    // The newest one comes last.
                    has = posting.has;
                    *next = source.next()?;
                }
            }
            if has || !self.is_whole {
                return Ok(Some(Posting { name, record, has }));
            }
        }
    }

    fn write(
        mut self,
        pool: &Arc<Pool>,
        id: u64,
        is_stopped: impl Fn() -> bool,
    ) -> Result<Option<Arc<Segment>>> {
        let mut writer = Writer::new(pool, id);
        let mut count = 0_u64;
        while let Some(posting) = self.next()? {
            writer.push(posting)?;
            count += 1;
            if count.is_multiple_of(1 << 16) && is_stopped() {
                return Ok(None);
            }
        }
        if count == 0 { Ok(None) } else { writer.finish().map(Some) }
    }
}

/// What a change does to keys, before it is one.
#[derive(Default)]
pub(super) struct Overlay {
    of: ByName<Set>,
}

/// Of a name: the record, whether it has the key now, and whether it had it before. Most often it is one.
struct Set {
    first: (u32, bool, bool),
    later: Vec<(u32, bool, bool)>,
}

impl Set {
    fn all(&self) -> impl Iterator<Item = &(u32, bool, bool)> {
        std::iter::once(&self.first).chain(&self.later)
    }
}

impl Overlay {
    /// So many more names are to come.
    pub(super) fn reserve(&mut self, names: usize) {
        self.of.reserve(names);
    }

    /// A record has a key that it had not, or has no more one that it had.
    pub(super) fn set(&mut self, name: u64, record: u32, has: bool) {
        let new = (record, has, !has);
        let set = match self.of.entry(name) {
            Entry::Vacant(vacant) => {
                vacant.insert(Set { first: new, later: Vec::new() });
                return;
            }
            Entry::Occupied(occupied) => occupied.into_mut(),
        };
        let mut known = std::iter::once(&mut set.first).chain(&mut set.later);
        match known.find(|(known, ..)| *known == record) {
            Some((_, known, _)) => *known = has,
            None => set.later.push(new),
        }
    }

    /// Whether it says anything of a name.
    pub(super) fn speaks_of(&self, name: u64) -> bool {
        self.of.contains_key(&name)
    }

    pub(super) fn apply(&self, name: u64, found: &mut Vec<u32>) {
        for (record, has, _) in self.of.get(&name).into_iter().flat_map(Set::all) {
            apply(found, 0, Posting { name, record: *record, has: *has });
        }
    }

    /// What is different from before, in order.
    pub(super) fn net(&self) -> Vec<Posting> {
        let mut postings: Vec<Posting> = Vec::new();
        for (name, of_name) in &self.of {
            let changed = of_name.all().filter(|(_, has, had)| has != had);
            postings.extend(changed.map(|(record, has, _)| Posting {
                name: *name,
                record: *record,
                has: *has,
            }));
        }
        postings.sort_unstable();
        postings
    }
}

/// Postings as runs, numbered from `first`.
pub(super) fn runs(postings: &[Posting], first: u64) -> Vec<Vec<u8>> {
    let mut runs: Vec<Vec<u8>> = Vec::new();
    for chunk in postings.chunks(AT_ONCE) {
        if runs.last().is_none_or(|run| run.len() > RUN) {
            runs.push(Vec::new());
        }
        let number = first + runs.len() as u64 - 1;
        if let Some(run) = runs.last_mut() {
            run.extend(chunk[0].name.to_le_bytes());
            pack(chunk, number, run);
        }
    }
    runs
}

/// The postings of a run; `None` where a byte of it is another.
pub(super) fn read_run(bytes: &[u8], number: u64) -> Option<Vec<Posting>> {
    let padded = [bytes, &[0; SLACK]].concat();
    let (mut rest, mut postings) = (&padded[..], Vec::new());
    while rest.len() > SLACK {
        let (first, chunk) = rest.split_first_chunk()?;
        let packed = Chunk::open(chunk, number, u64::from_le_bytes(*first))?;
        packed.all(|posting| postings.push(posting));
        rest = chunk.get(packed.length()..)?;
    }
    Some(postings)
}
