//! The file of cells: values, sealed, each in a place of its own that can be overwritten.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use redb::StorageBackend;

use super::seal::Seals;
use super::tables::Cell;
use crate::error::{Error, Result};

/// What the file begins with.
const MAGIC: &[u8; 16] = b"cdm store cells\x01";

/// Where the first cell may lie.
pub(super) const FIRST: u64 = 64;

/// The file grows by so much at once, as every change of length has a price.
const STEP: u64 = 1 << 16;

/// Cells in a file, and whose they are.
pub(super) struct Cells {
    medium: Box<dyn StorageBackend>,
    /// How long the file is.
    length: AtomicU64,
    pub(super) seals: Seals,
    pub(super) place: Place,
}

/// Where a store is, for errors.
#[derive(Debug, Clone)]
pub(super) struct Place(pub(super) PathBuf);

impl Place {
    pub(super) fn io(&self, source: std::io::Error) -> Error {
        Error::StoreIo { path: self.0.clone(), source }
    }

    /// Begin a file anew, of that length, with what tells it from others.
    pub(super) fn begin(
        &self,
        medium: &dyn StorageBackend,
        length: u64,
        magic: &[u8],
    ) -> Result<()> {
        let begin = || {
            medium.set_len(0)?;
            medium.set_len(length)?;
            medium.write(0, magic)?;
            medium.sync_data()
        };
        begin().map_err(|error| self.io(error))
    }

    pub(super) fn damaged(&self, what: impl Into<String>) -> Error {
        Error::StoreDamaged { path: self.0.clone(), what: what.into() }
    }

    /// Do what asks the engine, which does not check every page that it reads, and panics where one is
    /// not what it should be.
    pub(super) fn guarded<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        // Whoever holds what a panic has left half-done gives it up: changes are dropped whole.
        catch_unwind(AssertUnwindSafe(work))
            .unwrap_or_else(|_| Err(self.damaged("a page of its `index` cannot be read")))
    }

    /// What the engine said.
    pub(super) fn engine(&self, error: impl Into<redb::Error>) -> Error {
        match error.into() {
            redb::Error::Io(source) => self.io(source),
            redb::Error::PreviousIo => self.io(std::io::Error::other("an earlier write failed")),
            redb::Error::DatabaseAlreadyOpen => Error::StoreLocked { path: self.0.clone() },
            other => self.damaged(other.to_string()),
        }
    }
}

impl Cells {
    /// Begin an empty file.
    pub(super) fn create(
        medium: Box<dyn StorageBackend>,
        seals: Seals,
        place: Place,
    ) -> Result<Self> {
        place.begin(&*medium, FIRST, MAGIC)?;
        Ok(Self { medium, length: AtomicU64::new(FIRST), seals, place })
    }

    /// Open a file that holds cells up to `end`; what lies behind it was never acknowledged.
    pub(super) fn open(
        medium: Box<dyn StorageBackend>,
        seals: Seals,
        place: Place,
        end: u64,
    ) -> Result<Self> {
        let io = |error| place.io(error);
        let length = medium.len().map_err(io)?;
        if length < end {
            return Err(place.damaged(format!("its cells end at {length} of {end} bytes")));
        }
        let mut magic = [0; MAGIC.len()];
        medium.read(0, &mut magic).map_err(io)?;
        if magic != *MAGIC {
            return Err(place.damaged("its cells do not begin as they should"));
        }
        if length > end {
            medium.set_len(end).map_err(io)?;
        }
        Ok(Self { medium, length: AtomicU64::new(end), seals, place })
    }

    /// Put sealed bytes at `place`, and say where they lie.
    pub(super) fn write(&self, place: u64, plain: &[u8]) -> Result<Cell> {
        let sealed = self.seals.seal(place, plain);
        let sealed = sealed.ok_or_else(|| self.place.io(std::io::Error::other("no randomness")))?;
        self.put(place, &sealed)?;
        Ok(Cell { place, length: sealed.len() as u32 })
    }

    /// Put these one after the other, from `place` on, and say where each lies.
    pub(super) fn write_many(&self, mut place: u64, plain: &[Vec<u8>]) -> Result<Vec<Cell>> {
        let mut cells = Vec::with_capacity(plain.len());
        for plain in plain {
            let length = self.seals.length(plain.len()) as u32;
            cells.push(Cell { place, length });
            place += u64::from(length);
        }
        let sealed = plain.par_iter().zip(&cells).map(|(p, cell)| self.seals.seal(cell.place, p));
        let sealed: Option<Vec<Vec<u8>>> = sealed.collect();
        let sealed = sealed.ok_or_else(|| self.place.io(std::io::Error::other("no randomness")))?;
        if let Some(first) = cells.first() {
            self.put(first.place, &sealed.concat())?;
        }
        Ok(cells)
    }

    fn put(&self, place: u64, sealed: &[u8]) -> Result<()> {
        let io = |error| self.place.io(error);
        let end = place + sealed.len() as u64;
        // One at a time writes.
        if self.length.load(Ordering::Relaxed) < end {
            let length = end.next_multiple_of(STEP);
            self.medium.set_len(length).map_err(io)?;
            self.length.store(length, Ordering::Relaxed);
        }
        self.medium.write(place, sealed).map_err(io)
    }

    /// What lies in a cell; `None` where it was overwritten meanwhile.
    pub(super) fn read(&self, cell: Cell) -> Result<Option<Vec<u8>>> {
        let mut sealed = vec![0; cell.length as usize];
        self.medium.read(cell.place, &mut sealed).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::InvalidInput => {
                self.place.damaged("its cells were cut")
            }
            _ => self.place.io(error),
        })?;
        if sealed.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let plain = self.seals.open(cell.place, &sealed);
        plain.map(Some).ok_or_else(|| self.place.damaged(format!("the cell at {}", cell.place)))
    }

    /// Overwrite a cell, so that nothing of it is left.
    pub(super) fn scrub(&self, cell: Cell) -> Result<()> {
        let zeros = vec![0; cell.length as usize];
        self.medium.write(cell.place, &zeros).map_err(|error| self.place.io(error))
    }

    /// Wait until all is on the disk.
    pub(super) fn sync(&self) -> Result<()> {
        self.medium.sync_data().map_err(|error| self.place.io(error))
    }

    /// Cut off what lies behind `end`.
    pub(super) fn cut(&self, end: u64) -> Result<()> {
        self.medium.set_len(end).map_err(|error| self.place.io(error))?;
        self.length.store(end, Ordering::Relaxed);
        Ok(())
    }
}

impl fmt::Debug for Cells {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cells").field("place", &self.place.0).finish_non_exhaustive()
    }
}
