//! The file of the log: what changed since the index was written, so that a change is on the disk long
//! before the index has it.
//!
//! The file consists of blocks, which are in turn of its one half and of the other. Batches of changes are
//! added to one half, each on pages of its own, until the index has what came before; then it is the
//! other's turn, in which nothing is by then that the index lacks. Each batch has a number, higher than those
//! before, and says which one it follows; the index says up to which number it has all that they say.

use redb::StorageBackend;

use super::cells::Place;
use super::seal::{SUM, Seals};
use crate::error::{Error, Result};

/// What the file begins with; its first page holds nothing else.
const MAGIC: &[u8; 16] = b"cdm store log\0\0\x01";

/// A batch begins on a page: what was written before is not touched by writing it.
const PAGE: u64 = 1 << 12;

/// So many bytes of one half lie together.
const BLOCK: u64 = 1 << 18;

/// The first block of each half.
const LEAST: u64 = 2 * BLOCK;

/// Before a batch lie its number, that of the batch before it, its length, and two sums: of its bytes, and of
/// what lies before them.
const HEAD: usize = 56;

/// The log, open for adding to it.
pub(super) struct Log {
    medium: Box<dyn StorageBackend>,
    seals: Seals,
    place: Place,
    /// How long the file is.
    length: u64,
    /// Where the next batch goes.
    next: Spot,
    /// The number of the last batch.
    last: u64,
}

/// What the log has that the index lacks.
pub(super) struct Logged {
    /// In order.
    pub(super) batches: Vec<Vec<u8>>,
    /// The highest number that any batch was given, whether it is there or not.
    pub(super) highest: u64,
}

/// Why a batch was not added.
pub(super) struct Failed {
    pub(super) error: Error,
    /// Whether it may be there all the same when the log is read again.
    pub(super) may_be_there: bool,
}

/// A place in one half, in bytes from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Spot {
    half: u64,
    start: u64,
}

/// Batches, each with what lies before it.
type Batches = Vec<(Head, Vec<u8>)>;

/// What lies before a batch.
#[derive(Clone, Copy)]
struct Head {
    number: u64,
    /// The number of the batch before.
    follows: u64,
    /// Of the batch.
    length: u64,
    sum: [u8; SUM],
}

impl Spot {
    /// The first of a half, behind what the file begins with.
    fn first(half: u64) -> Self {
        Self { half, start: PAGE }
    }

    /// Where it lies in the file.
    fn offset(self) -> u64 {
        (self.start / BLOCK * 2 + self.half) * BLOCK + self.start % BLOCK
    }

    /// So much further on.
    fn behind(self, bytes: u64) -> Self {
        Self { start: self.start.saturating_add(bytes), ..self }
    }

    /// How long the file must be to have the page here.
    fn length(self) -> u64 {
        self.offset().saturating_add(PAGE)
    }

    /// What lies from here on, in pieces that do not go over the end of a block: where each is in the file,
    /// and how long it is.
    fn pieces(self, bytes: usize) -> impl Iterator<Item = (u64, usize)> {
        let mut done = 0;
        std::iter::from_fn(move || {
            let here = self.behind(done as u64);
            let room = (BLOCK - here.start % BLOCK) as usize;
            let length = room.min(bytes - done);
            done += length;
            (length > 0).then(|| (here.offset(), length))
        })
    }
}

impl Head {
    fn bytes(self, seals: &Seals, spot: Spot) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        bytes[..8].copy_from_slice(&self.number.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.follows.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.length.to_le_bytes());
        bytes[24..40].copy_from_slice(&self.sum);
        let sum = seals.logged(spot.offset(), &bytes[..40]);
        bytes[40..].copy_from_slice(&sum);
        bytes
    }

    /// What these bytes say, where they are one of this log's.
    fn read(bytes: &[u8; HEAD], seals: &Seals, spot: Spot) -> Option<Self> {
        let number = |at: usize| Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let sum = *bytes.get(24..)?.first_chunk()?;
        let head = Self { number: number(0)?, follows: number(8)?, length: number(16)?, sum };
        (head.bytes(seals, spot) == *bytes).then_some(head)
    }

    /// Where the next batch begins.
    fn next(self, spot: Spot) -> Spot {
        spot.behind(self.length.saturating_add(HEAD as u64).next_multiple_of(PAGE))
    }
}

impl Log {
    /// Begin an empty log.
    pub(super) fn create(
        medium: Box<dyn StorageBackend>,
        seals: Seals,
        place: Place,
    ) -> Result<Self> {
        place.begin(&*medium, LEAST, MAGIC)?;
        Ok(Self { medium, seals, place, length: LEAST, next: Spot::first(0), last: 0 })
    }

    /// Open a log, of which the index has the batches up to `logged`; with the others, behind which it goes on.
    pub(super) fn open(
        medium: Box<dyn StorageBackend>,
        seals: Seals,
        place: Place,
        logged: u64,
    ) -> Result<(Self, Logged)> {
        let length = medium.len().map_err(|error| place.io(error))?;
        let mut log = Self { medium, seals, place, length, next: Spot::first(0), last: logged };
        if length < LEAST {
            return Err(log.cut());
        }
        let mut magic = [0; MAGIC.len()];
        log.read(0, &mut magic)?;
        if magic != *MAGIC {
            return Err(log.place.damaged("its log does not begin as it should"));
        }
        let (mut found, next) = log.batches(0, logged)?;
        let (of_other, next_of_other) = log.batches(1, logged)?;
        let last_of = |found: &Batches| found.last().map(|(head, _)| head.number);
        log.next = match (last_of(&found), last_of(&of_other)) {
            (None, None) => Spot::first(log.free_half(next)?),
            (first, second) if first > second => next,
            _ => next_of_other,
        };
        found.extend(of_other);
        found.sort_unstable_by_key(|(head, _)| head.number);
        let mut batches = Vec::with_capacity(found.len());
        for (head, batch) in found {
            let is_next = head.follows == log.last || batches.is_empty() && head.follows < logged;
            if !is_next {
                return Err(log.lacks());
            }
            log.last = head.number;
            batches.push(batch);
        }
        let highest = log.highest([next, next_of_other])?;
        Ok((log, Logged { batches, highest }))
    }

    /// The half to go on in where the index has all that there is. Of what nobody came to the end of writing behind
    /// what the first one has, nobody could tell what it is without that.
    fn free_half(&self, next: Spot) -> Result<u64> {
        let is_torn = self.head(next)?.is_some_and(|head| head.number > self.last);
        Ok(u64::from(is_torn && next != Spot::first(0)))
    }

    fn lacks(&self) -> Error {
        self.place.damaged(format!("its log lacks what follows batch {}", self.last))
    }

    fn cut(&self) -> Error {
        self.place.damaged("its log was cut")
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        self.medium.read(offset, out).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::InvalidInput => self.cut(),
            _ => self.place.io(error),
        })
    }

    fn head(&self, spot: Spot) -> Result<Option<Head>> {
        let mut bytes = [0; HEAD];
        self.read(spot.offset(), &mut bytes)?;
        Ok(Head::read(&bytes, &self.seals, spot))
    }

    /// The batches of a half that come after one, and where they end.
    fn batches(&self, half: u64, after: u64) -> Result<(Batches, Spot)> {
        let (mut batches, mut spot) = (Vec::new(), Spot::first(half));
        let mut last = None;
        while let Some(head) = self.head(spot)? {
            // What does not follow was there before.
            if last.is_some_and(|last| head.follows != last) {
                break;
            }
            let next = head.next(spot);
            if head.number > after {
                let batch = self.batch(head, spot)?;
                if self.seals.logged(spot.offset(), &batch) != head.sum {
                    // Whoever wrote it did not come to an end.
                    break;
                }
                batches.push((head, batch));
            } else if next.length() > self.length {
                // The log was made shorter since.
                break;
            }
            (last, spot) = (Some(head.number), next);
        }
        Ok((batches, spot))
    }

    fn batch(&self, head: Head, spot: Spot) -> Result<Vec<u8>> {
        // The file has the page behind it before a batch is written.
        if head.next(spot).length() > self.length {
            return Err(self.cut());
        }
        let mut batch = vec![0; head.length as usize];
        let mut rest = &mut batch[..];
        for (offset, length) in spot.behind(HEAD as u64).pieces(rest.len()) {
            let (piece, others) = rest.split_at_mut(length);
            self.read(offset, piece)?;
            rest = others;
        }
        Ok(batch)
    }

    /// The highest number that a batch was given. None lies behind the last one, but one perhaps that was being
    /// written next: else one in between was damaged.
    fn highest(&self, next: [Spot; 2]) -> Result<u64> {
        let (mut highest, mut block) = (self.last, vec![0; BLOCK as usize]);
        for number in 0..self.length / BLOCK {
            self.read(number * BLOCK, &mut block)?;
            for (page, bytes) in block.chunks_exact(PAGE as usize).enumerate() {
                let start = number / 2 * BLOCK + page as u64 * PAGE;
                let spot = Spot { half: number % 2, start };
                let head = bytes.first_chunk().and_then(|b| Head::read(b, &self.seals, spot));
                let Some(Head { number, .. }) = head else { continue };
                if number > self.last && !next.contains(&spot) {
                    return Err(self.lacks());
                }
                highest = highest.max(number);
            }
        }
        Ok(highest)
    }

    /// Add a batch of that number, which no other had; it is on the disk then.
    pub(super) fn add(&mut self, number: u64, batch: &[u8]) -> std::result::Result<(), Failed> {
        let sum = self.seals.logged(self.next.offset(), batch);
        let head = Head { number, follows: self.last, length: batch.len() as u64, sum };
        let next = head.next(self.next);
        self.have_room(next)
            .map_err(|error| Failed { error: self.place.io(error), may_be_there: false })?;
        self.put(head, batch).map_err(|error| {
            // What is there of it is none of it any more, so that others may come in its place.
            let is_gone = self.medium.write(self.next.offset(), &[0; HEAD]);
            let is_gone = is_gone.and_then(|()| self.medium.sync_data());
            Failed { error: self.place.io(error), may_be_there: is_gone.is_err() }
        })?;
        (self.next, self.last) = (next, number);
        Ok(())
    }

    /// Let the file have that page. Whoever opens it can tell then whether it was cut.
    fn have_room(&mut self, until: Spot) -> std::io::Result<()> {
        if until.length() > self.length {
            let length = until.length().next_multiple_of(BLOCK);
            self.medium.set_len(length)?;
            self.medium.sync_data()?;
            self.length = length;
        }
        Ok(())
    }

    fn put(&self, head: Head, mut batch: &[u8]) -> std::io::Result<()> {
        self.medium.write(self.next.offset(), &head.bytes(&self.seals, self.next))?;
        for (offset, length) in self.next.behind(HEAD as u64).pieces(batch.len()) {
            let (piece, rest) = batch.split_at(length);
            self.medium.write(offset, piece)?;
            batch = rest;
        }
        self.medium.sync_data()
    }

    /// The index has what there was when it was [frozen](super::catching_up): go on in the other half, of
    /// which it has all.
    pub(super) fn turn(&mut self) {
        self.next = Spot::first(1 - self.next.half);
    }

    /// The index has all batches up to that one.
    pub(super) fn begin_anew(&mut self, logged: u64) {
        (self.next, self.last) = (Spot::first(0), logged);
        // It may as well stay as long as it is.
        if self.length > LEAST && self.medium.set_len(LEAST).is_ok() {
            self.length = LEAST;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::PathBuf;
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;

    use super::super::lock;
    use super::*;

    /// Bytes that outlast the log; from some write on, none is done.
    #[derive(Debug, Clone, Default)]
    struct Bytes(Arc<Mutex<(Vec<u8>, Option<usize>)>>);

    impl Bytes {
        fn change(&self, change: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
            let (bytes, left) = &mut *lock(&self.0);
            if *left == Some(0) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            *left = left.map(|left| left - 1);
            change(bytes);
            Ok(())
        }

        fn with(bytes: Vec<u8>) -> Self {
            Self(Arc::new(Mutex::new((bytes, None))))
        }

        fn bytes(&self) -> Vec<u8> {
            lock(&self.0).0.clone()
        }

        /// How many more operations are done.
        fn leave(&self, left: Option<usize>) {
            lock(&self.0).1 = left;
        }
    }

    impl StorageBackend for Bytes {
        fn len(&self) -> io::Result<u64> {
            Ok(lock(&self.0).0.len() as u64)
        }
        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            let bytes = &lock(&self.0).0;
            let there = bytes.get(offset as usize..offset as usize + out.len());
            out.copy_from_slice(there.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        }
        fn set_len(&self, len: u64) -> io::Result<()> {
            self.change(|bytes| bytes.resize(len as usize, 0))
        }
        fn sync_data(&self) -> io::Result<()> {
            self.change(|_| {})
        }
        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            let range = offset as usize..offset as usize + data.len();
            self.change(|bytes| bytes[range].copy_from_slice(data))
        }
    }

    fn seals() -> Seals {
        Seals::new(&[7; 32], None)
    }

    fn place() -> Place {
        Place(PathBuf::from("a log"))
    }

    fn created(bytes: &Bytes) -> Log {
        Log::create(Box::new(bytes.clone()), seals(), place()).unwrap()
    }

    fn opened(bytes: &Bytes, logged: u64) -> Result<(Log, Logged)> {
        Log::open(Box::new(bytes.clone()), seals(), place(), logged)
    }

    fn batch(number: u64, length: usize) -> Vec<u8> {
        let word = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
        word.iter().copied().cycle().take(length).collect()
    }

    /// What becomes of the log next.
    #[derive(Debug, Clone)]
    enum Step {
        /// A batch of so many bytes comes.
        Add(usize),
        /// One comes, of which so many operations are done.
        Fail(usize, usize),
        /// Some of them are on their way to the index from now on.
        Freeze,
        /// The index has those.
        Arrive,
        /// The process falls while the index has just got those, and of a batch of so many bytes as many operations
        /// are done.
        Fall(usize, usize),
        /// It has all.
        Direct,
        Reopen,
    }

    fn step() -> impl Strategy<Value = Step> {
        let length = || prop_oneof![4 => 0..9000_usize, 1 => 200_000..600_000_usize];
        prop_oneof![
            8 => length().prop_map(Step::Add),
            4 => (length(), 0..4_usize).prop_map(|(length, left)| Step::Fail(length, left)),
            3 => Just(Step::Freeze),
            3 => Just(Step::Arrive),
            2 => (length(), 0..4_usize).prop_map(|(length, left)| Step::Fall(length, left)),
            1 => Just(Step::Direct),
            2 => Just(Step::Reopen),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn what_was_added_and_the_index_lacks_is_read_again_in_order(
            steps in prop::collection::vec(step(), 1..40),
        ) {
            let bytes = Bytes::default();
            let mut log = created(&bytes);
            let (mut numbered, mut logged, mut frozen) = (0, 0, None);
            let mut there: Vec<(u64, usize)> = Vec::new();
            for step in steps {
                match step {
                    Step::Add(length) => {
                        numbered += 1;
                        prop_assert!(log.add(numbered, &batch(numbered, length)).is_ok());
                        there.push((numbered, length));
                    }
                    Step::Fail(length, left) => {
                        numbered += 1;
                        bytes.leave(Some(left));
                        let failed = log.add(numbered, &batch(numbered, length));
                        bytes.leave(None);
                        match failed {
                            Ok(()) => there.push((numbered, length)),
                            Err(failed) if failed.may_be_there => {
                                // Nothing else is done before it is known what is there.
                                let (again, new) = opened(&bytes, logged).unwrap();
                                if new.batches.len() > there.len() {
                                    there.push((numbered, length));
                                }
                                (log, numbered, frozen) = (again, new.highest, None);
                            }
                            Err(_) => {}
                        }
                    }
                    Step::Freeze => frozen = frozen.or(Some(numbered)),
                    Step::Arrive => {
                        if let Some(frozen) = frozen.take() {
                            logged = frozen;
                            there.retain(|(number, _)| *number > logged);
                            log.turn();
                        }
                    }
                    Step::Fall(length, left) => {
                        if let Some(frozen) = frozen.take() {
                            logged = frozen;
                            there.retain(|(number, _)| *number > logged);
                        }
                        numbered += 1;
                        bytes.leave(Some(left));
                        let is_added = log.add(numbered, &batch(numbered, length)).is_ok();
                        bytes.leave(None);
                        let (again, new) = opened(&bytes, logged).unwrap();
                        if is_added || new.batches.len() > there.len() {
                            there.push((numbered, length));
                        }
                        (log, numbered) = (again, new.highest);
                    }
                    Step::Direct => {
                        (logged, frozen) = (numbered, None);
                        there.clear();
                        log.begin_anew(numbered);
                    }
                    Step::Reopen => {
                        let (again, new) = opened(&bytes, logged).unwrap();
                        let wanted: Vec<Vec<u8>> =
                            there.iter().map(|(number, length)| batch(*number, *length)).collect();
                        prop_assert_eq!(&new.batches, &wanted);
                        prop_assert!(new.highest <= numbered);
                        (log, numbered, frozen) = (again, new.highest, None);
                    }
                }
                let (_, new) = opened(&bytes, logged).unwrap();
                prop_assert_eq!(new.batches.len(), there.len());
            }
        }
    }

    /// A log with seven batches in both halves, of which the index has three.
    fn some() -> Bytes {
        let bytes = Bytes::default();
        let mut log = created(&bytes);
        for (number, length) in [100, 5000, 300_000, 10, 9000, 270_000, 50].into_iter().enumerate()
        {
            if number == 5 {
                log.turn();
            }
            let number = number as u64 + 1;
            assert!(log.add(number, &batch(number, length)).is_ok());
        }
        bytes
    }

    #[test]
    fn a_log_that_was_cut_is_damaged_or_whole() {
        let whole = some().bytes();
        assert_eq!(opened(&Bytes::with(whole.clone()), 3).unwrap().1.batches.len(), 4);
        let step = 1000;
        for length in (0..whole.len()).step_by(step).chain([whole.len() - 1]) {
            match opened(&Bytes::with(whole[..length].to_vec()), 3) {
                Ok((_, new)) => assert_eq!(new.batches.len(), 4, "{length}"),
                Err(error) => assert_eq!(error.code(), "STORE_DAMAGED", "{length}: {error}"),
            }
        }
    }

    #[test]
    fn a_byte_that_was_changed_is_noticed_but_in_the_last_batch() {
        let whole = some().bytes();
        let mut damaged = 0;
        for place in (0..whole.len()).step_by(997).chain((0..whole.len()).step_by(4096)) {
            let mut changed = whole.clone();
            changed[place] ^= 0x40;
            match opened(&Bytes::with(changed), 3) {
                // It may be one that nobody came to the end of.
                Ok((_, new)) => assert!(new.batches.len() >= 3, "{place}"),
                Err(error) => {
                    assert_eq!(error.code(), "STORE_DAMAGED", "{place}: {error}");
                    damaged += 1;
                }
            }
        }
        assert!(damaged > 50, "{damaged}");
    }

    #[test]
    fn a_log_of_another_time_or_store_is_damaged_or_says_nothing() {
        let bytes = some();
        assert_eq!(opened(&bytes, 7).unwrap().1.batches.len(), 0);
        assert_eq!(opened(&bytes, 99).unwrap().1.batches.len(), 0);
        let other = Seals::new(&[8; 32], None);
        let (_, new) = Log::open(Box::new(bytes), other, place(), 3).unwrap();
        assert_eq!((new.batches.len(), new.highest), (0, 3));
        // The index is older than what the log begins with.
        let bytes = some();
        let mut log = opened(&bytes, 7).unwrap().0;
        log.begin_anew(20);
        assert!(log.add(21, &batch(21, 10)).is_ok());
        assert_eq!(opened(&bytes, 20).unwrap().1.batches.len(), 1);
        assert!(opened(&bytes, 7).is_err());
    }
}
