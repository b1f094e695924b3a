//! A store into another place: a backup, the same without garbage, or lines of JSON.

use std::fs;
use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::Arc;

use redb::Builder;
use serde::{Deserialize, Serialize};

use super::cells::{Cells, FIRST};
use super::files::{self, Media, Missing};
use super::gathered::Held;
use super::keys::Keys;
use super::log::Log;
use super::reading::{Seen, View};
use super::seen::Index;
use super::segment::Pool;
use super::tables::{CANNOT, Cell, MUST, Row};
use super::writing::Counters;
use super::{Options, Store};
use crate::cancel::Run;
use crate::error::{Error, Result};
use crate::schema::{Record, RecordKey};

/// Where a compacted store is made.
const COMPACTING: &str = "compacting";
/// Where it waits to take the place of the other; that it is there means that it is whole.
const COMPACTED: &str = "compacted";

/// What is said of a store as a whole, and stays when it is copied.
const FACTS: [&str; 8] =
    ["begun", "salt", "check", "encrypted", "format", "edition", "model", "print"];

/// One line of an export.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Line {
    Record(Record),
    MustLink(RecordKey, RecordKey),
    CannotLink(RecordKey, RecordKey),
}

impl Store {
    /// Make a copy of the store at `path`, a folder that is not there yet, while others read and write:
    /// it holds one moment, and none of the garbage. An encrypted store's copy has the same key.
    ///
    /// What is erased meanwhile waits, `forget` too, until the copy is made; keep in mind that whom the
    /// store forgets later, a copy still has.
    ///
    /// # Errors
    /// [`StoreIo`](Error::StoreIo), also where `path` is there already, and
    /// [`Cancelled`](Error::Cancelled); what was begun at `path` is then removed.
    pub fn backup(&self, path: impl AsRef<Path>, run: &Run) -> Result<()> {
        let path = path.as_ref();
        let media = |missing| Media::folder(path, missing);
        let io = |source| Error::StoreIo { path: path.to_owned(), source };
        fs::create_dir(path).map_err(io)?;
        let copied = media(Missing::Create).and_then(|media| self.copy(media, run));
        if copied.is_err() {
            // Nobody is helped by half a copy; the error tells enough.
            let _ = fs::remove_dir_all(path);
        }
        copied
    }

    /// Make the files of a store as small as can be: those of [`backup`](Self::backup) take their place,
    /// at once or not at all. `options` are those that it is opened with again.
    ///
    /// # Errors
    /// As [`backup`](Self::backup) and [`open_existing`](Self::open_existing).
    pub fn compact(self, options: &Options, run: &Run) -> Result<Self> {
        let path = self.inner.shared.cells.place.0.clone();
        let io = |source| Error::StoreIo { path: path.clone(), source };
        let compacting = path.join(COMPACTING);
        if compacting.exists() {
            fs::remove_dir_all(&compacting).map_err(io)?;
        }
        self.backup(&compacting, run)?;
        drop(self);
        fs::rename(&compacting, path.join(COMPACTED)).map_err(io)?;
        Self::open_existing(&path, options)
    }

    fn copy(&self, media: Media, run: &Run) -> Result<()> {
        let held = &self.inner.copying;
        let _held = held.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Media { index, log, keys, cells: medium, place } = media;
        let seals = self.inner.shared.cells.seals.clone();
        Log::create(log, seals.clone(), place.clone())?;
        let cells = Cells::create(medium, seals, place.clone())?;
        let pool = Pool::create(keys, place.clone(), 0)?;
        let db = Builder::new().create_with_backend(files::Boxed(index));
        let db = db.map_err(|error| place.engine(error))?;
        let txn = db.begin_write().map_err(|error| place.engine(error))?;
        self.inner.read(|view| {
            let mut to = Index::open(&txn).map_err(|error| place.engine(error))?;
            copy_tables(view, &mut to, &cells, run)?;
            let segments: Vec<_> = view.keys.copied(&pool)?.into_iter().collect();
            let layers = Keys { segments, ..Keys::empty(Arc::clone(&pool)) }.layers().bytes();
            to.meta.insert("keys", &layers[..]).map_err(|error| place.engine(error))?;
            Ok(())
        })?;
        cells.sync()?;
        pool.sync()?;
        txn.commit().map_err(|error| place.engine(error))
    }

    /// Write all records, and what stewards decided, as lines of JSON: `{"record": {...}}`,
    /// `{"must_link": [key, key]}`, `{"cannot_link": [key, key]}`; how many lines.
    ///
    /// # Errors
    /// [`WriteStream`](Error::WriteStream), [`Cancelled`](Error::Cancelled), and as
    /// [`get`](Self::get).
    pub fn export(&self, out: &mut dyn Write, run: &Run) -> Result<u64> {
        let lines = self.inner.read(|view| {
            let mut lines = Vec::new();
            for (_, (_, record)) in view.records()? {
                run.check()?;
                lines.push(Line::Record(record));
            }
            for ((left, right), decision) in view.engine(view.tables.decided().all())? {
                let keys = if left < right {
                    (view.key_of(left)?, view.key_of(right)?)
                } else {
                    (None, None)
                };
                if let (Some(left), Some(right)) = keys {
                    if decision & MUST != 0 {
                        lines.push(Line::MustLink(left.clone(), right.clone()));
                    }
                    if decision & CANNOT != 0 {
                        lines.push(Line::CannotLink(left, right));
                    }
                }
            }
            Ok(lines)
        })?;
        for line in &lines {
            let written = serde_json::to_writer(&mut *out, line).map_err(std::io::Error::from);
            written.and_then(|()| out.write_all(b"\n")).map_err(Error::WriteStream)?;
        }
        out.flush().map_err(Error::WriteStream)?;
        Ok(lines.len() as u64)
    }

    /// Take in what [`export`](Self::export) wrote; how many lines.
    ///
    /// # Errors
    /// [`MalformedInput`](Error::MalformedInput) with the number of the line, before anything is taken
    /// in, and as [`upsert_many`](Self::upsert_many).
    pub fn import(&self, lines: &mut dyn BufRead, run: &Run) -> Result<u64> {
        let (mut records, mut must, mut cannot) = (Vec::new(), Vec::new(), Vec::new());
        let mut count = 0;
        for line in lines.lines() {
            run.check()?;
            count += 1;
            let malformed = |reason: String| Error::MalformedInput {
                name: format!("line {count}"),
                format: "an export of a store",
                reason,
            };
            let line = line.map_err(|error| malformed(error.to_string()))?;
            match serde_json::from_str(&line).map_err(|error| malformed(error.to_string()))? {
                Line::Record(record) => records.push(record),
                Line::MustLink(one, other) => must.push((one, other)),
                Line::CannotLink(one, other) => cannot.push((one, other)),
            }
        }
        self.upsert_many(&records, run)?;
        for (one, other) in must {
            self.must_link(&one, &other)?;
        }
        for (one, other) in cannot {
            self.cannot_link(&one, &other)?;
        }
        Ok(count)
    }
}

/// Let a compacted store take the place of the one that it was made of, where that was begun.
pub(super) fn finish_compaction(path: &Path) -> std::io::Result<()> {
    let compacted = path.join(COMPACTED);
    if !compacted.is_dir() {
        return Ok(());
    }
    // In this order: a store whose index was not moved yet is still one whose cells are waited for.
    for file in ["cells", "keys", "log", "index"] {
        match fs::rename(compacted.join(file), path.join(file)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::remove_dir(compacted)
}

/// Copy what one snapshot has; cells that hold something get new places, one after the other.
fn copy_tables(view: &View<'_>, to: &mut Index<'_>, cells: &Cells, run: &Run) -> Seen<()> {
    let place = &cells.place;
    let mut end = FIRST;
    let read = |cell: Cell| -> Seen<Vec<u8>> {
        view.shared.cells.read(cell)?.ok_or(super::reading::Fault::Gone)
    };
    let mut put = |plain: &[u8]| -> Seen<Cell> {
        let cell = cells.write(end, plain)?;
        end += u64::from(cell.length);
        Ok(cell)
    };
    macro_rules! copy {
        ($($table:ident),*) => {$(
            for (key, value) in view.engine(view.tables.$table().all())? {
                to.$table.insert(key, value.lent()).map_err(|error| place.engine(error))?;
            }
        )*};
    }
    copy!(links, decided, entities, heirs, events);
    for (number, row) in view.engine(view.tables.rows().all())? {
        run.check()?;
        let row = Row::read(&row).zip(Row::name(&row));
        let (row, name) = row.ok_or_else(|| place.damaged("a record"))?;
        let mut plain = read(row.cell)?;
        if row.entity.is_some() {
            // What was kept of it when there was another model, or another release, is of no use.
            plain = view.current.renewed(plain, &view.names)?;
        }
        let row = Row { cell: put(&plain)?, ..row };
        to.rows.insert(number, &row.bytes(name)[..]).map_err(|error| place.engine(error))?;
    }
    for (name, cell) in view.engine(view.tables.stops().all())? {
        let cell = Cell::read(&cell).ok_or_else(|| place.damaged("a stop key"))?;
        let cell = put(&read(cell)?)?.bytes();
        to.stops.insert(name, &cell[..]).map_err(|error| place.engine(error))?;
    }
    for name in FACTS {
        let Some(value) = view.engine(view.tables.meta(name))? else { continue };
        let value = match name {
            "model" => {
                let cell = Cell::read(&value).ok_or_else(|| place.damaged("its model"))?;
                put(&read(cell)?)?.bytes().to_vec()
            }
            _ => value,
        };
        to.meta.insert(name, &value[..]).map_err(|error| place.engine(error))?;
    }
    // As the snapshot has them; the index may know of older ones.
    let counters = Counters { end, garbage: 0, run: 1, swept: 0, ..view.counters.clone() };
    let facts = files::facts(place, &counters, &view.names, view.current.revision)?;
    to.meta.insert("facts", &facts[..]).map_err(|error| place.engine(error))?;
    let log = 0_u64.to_le_bytes();
    to.meta.insert("log", &log[..]).map_err(|error| place.engine(error))?;
    Ok(())
}
