//! Results to files: whole or not at all.

#[cfg(feature = "arrow")]
mod arrow;
#[cfg(feature = "arrow")]
mod formats;

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

use rayon::prelude::*;
use serde::Serialize;
use tempfile::TempDir;

use crate::cancel::Run;
use crate::error::{Error, Result};
use crate::merge::GoldenRecord;
use crate::resolve::Resolution;
use crate::table::Table;

#[cfg(feature = "arrow")]
pub use arrow::ArrowTable;
#[cfg(feature = "arrow")]
pub use arrow_schema::DataType as ArrowDataType;

/// What separates several values of one field in a CSV cell; JSON lines keep them apart.
const SEPARATOR: &str = "; ";

/// How many rows are written between two looks at the cancel token.
const BATCH: usize = 4096;

/// How many rows one thread renders at a time; a multiple of it is a batch.
const CHUNK: usize = 128;

impl Resolution {
    /// Write `source,id,entity_id` as CSV: a line for each record, entity by entity, each
    /// entity's in the order of their keys.
    ///
    /// # Errors
    /// [`Error::WriteStream`] and [`Error::Cancelled`].
    pub fn write_entities(&self, to: impl Write, run: &Run) -> Result<()> {
        let mut csv = csv::Writer::from_writer(to);
        csv.write_record(["source", "id", "entity_id"]).map_err(csv_error)?;
        for entity in 0..self.len() as u32 {
            if (entity as usize).is_multiple_of(BATCH) {
                run.report("write entities", entity.into(), self.len() as u64)?;
            }
            let entity_id = self.entity_id(entity);
            for row in self.rows(entity) {
                let row = *row as usize;
                let entity_id = entity_id.as_str();
                csv.write_record([self.table().source(row), self.table().id(row), entity_id])
                    .map_err(csv_error)?;
            }
        }
        csv.flush().map_err(Error::WriteStream)
    }

    /// Write the golden records as CSV: `entity_id`, `records` (how many), `sources`, `time`, then
    /// a column for each field; several values in one cell are separated by `; `.
    ///
    /// # Errors
    /// [`Error::WriteStream`] and [`Error::Cancelled`].
    pub fn write_golden_csv(&self, mut to: impl Write, run: &Run) -> Result<()> {
        self.write_golden(GoldenWriters { csv: Some(&mut to), ..GoldenWriters::default() }, run)
    }

    /// Write the golden records as JSON lines, as [`GoldenRecord`] serialises.
    ///
    /// # Errors
    /// [`Error::WriteStream`] and [`Error::Cancelled`].
    pub fn write_golden_json_lines(&self, mut to: impl Write, run: &Run) -> Result<()> {
        let json_lines = Some(&mut to as &mut dyn Write);
        self.write_golden(GoldenWriters { json_lines, ..GoldenWriters::default() }, run)
    }

    /// Write the lineage of every golden record as JSON lines, as [`GoldenRecord::lineage`]
    /// serialises: larger than the input.
    ///
    /// # Errors
    /// [`Error::WriteStream`] and [`Error::Cancelled`].
    pub fn write_lineage_json_lines(&self, mut to: impl Write, run: &Run) -> Result<()> {
        let lineage = Some(&mut to as &mut dyn Write);
        self.write_golden(GoldenWriters { lineage, ..GoldenWriters::default() }, run)
    }

    /// Write the golden records in several ways at once, each record made but once: what the three
    /// methods above write, in a third of their time.
    ///
    /// # Errors
    /// [`Error::WriteStream`] and [`Error::Cancelled`].
    pub fn write_golden(&self, to: GoldenWriters<'_>, run: &Run) -> Result<()> {
        let mut writers = [to.csv, to.json_lines, to.lineage];
        let wanted = writers.each_ref().map(Option::is_some);
        let merger = self.merger()?;
        if let Some(to) = &mut writers[0] {
            let mut csv = csv::Writer::from_writer(to);
            let fields = self.table().schema().fields().iter().map(|field| field.name.as_str());
            let header = ["entity_id", "records", "sources", "time"];
            csv.write_record(header.into_iter().chain(fields)).map_err(csv_error)?;
            csv.flush().map_err(Error::WriteStream)?;
        }
        let render = |entities: Range<usize>| {
            let [mut json_lines, mut lineage] = [Vec::new(), Vec::new()];
            let mut csv = csv::Writer::from_writer(Vec::new());
            for entity in entities {
                let golden = merger.merge(self.rows(entity as u32));
                if wanted[0] {
                    write_csv_record(&mut csv, self.table(), &golden).map_err(csv_error)?;
                }
                if wanted[1] {
                    write_line(&mut json_lines, &golden)?;
                }
                if wanted[2] {
                    write_line(&mut lineage, &golden.lineage())?;
                }
            }
            let csv = csv.into_inner().map_err(|error| Error::WriteStream(error.into_error()))?;
            Ok([csv, json_lines, lineage])
        };
        in_batches(self.len(), "write golden records", run, render, |rendered| {
            for (to, bytes) in writers.iter_mut().zip(rendered) {
                if let Some(to) = to {
                    to.write_all(&bytes).map_err(Error::WriteStream)?;
                }
            }
            Ok(())
        })?;
        let mut writers = writers.into_iter().flatten();
        writers.try_for_each(|to| to.flush().map_err(Error::WriteStream))
    }

    /// Write the links as JSON lines, those that joined entities and then those that were refused,
    /// the latter with a `reason`.
    ///
    /// # Errors
    /// [`Error::WriteStream`] and [`Error::Cancelled`].
    pub fn write_links_json_lines(&self, mut to: impl Write, run: &Run) -> Result<()> {
        let (links, refusals) = (self.links().len(), self.refusals().len());
        let render = |numbers: Range<usize>| {
            let mut lines = Vec::new();
            for number in numbers {
                match number.checked_sub(links) {
                    None => write_line(&mut lines, &self.link(number))?,
                    Some(number) => write_line(&mut lines, &self.refusal(number))?,
                }
            }
            Ok(lines)
        };
        in_batches(links + refusals, "write links", run, render, |lines| {
            to.write_all(&lines).map_err(Error::WriteStream)
        })?;
        to.flush().map_err(Error::WriteStream)
    }
}

/// Where golden records go; what is `None` is not written.
#[derive(Default)]
pub struct GoldenWriters<'w> {
    /// For [`Resolution::write_golden_csv`].
    pub csv: Option<&'w mut dyn Write>,
    /// For [`Resolution::write_golden_json_lines`].
    pub json_lines: Option<&'w mut dyn Write>,
    /// For [`Resolution::write_lineage_json_lines`].
    pub lineage: Option<&'w mut dyn Write>,
}

impl fmt::Debug for GoldenWriters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoldenWriters")
            .field("csv", &self.csv.is_some())
            .field("json_lines", &self.json_lines.is_some())
            .field("lineage", &self.lineage.is_some())
            .finish()
    }
}

/// Render the numbers below `total` chunk by chunk, a batch of chunks in parallel while the batch
/// before it is written; what is written is in order.
fn in_batches<T: Send>(
    total: usize,
    stage: &'static str,
    run: &Run,
    render: impl Fn(Range<usize>) -> Result<T> + Sync,
    mut write: impl FnMut(T) -> Result<()>,
) -> Result<()> {
    let mut rendered: Vec<T> = Vec::new();
    // One round more than there are batches, to write the last.
    for start in (0..total + BATCH).step_by(BATCH) {
        let (start, end) = (start.min(total), total.min(start + BATCH));
        run.report(stage, start as u64, total as u64)?;
        let mut next = Ok(Vec::new());
        let render = &render;
        rayon::in_place_scope(|scope| {
            scope.spawn(|_| {
                let chunks: Vec<usize> = (start..end).step_by(CHUNK).collect();
                let chunks = chunks.into_par_iter();
                next = chunks.map(|first| render(first..end.min(first + CHUNK))).collect();
            });
            rendered.drain(..).try_for_each(&mut write)
        })?;
        rendered = next?;
    }
    Ok(())
}

fn write_csv_record(
    csv: &mut csv::Writer<Vec<u8>>,
    table: &Table,
    golden: &GoldenRecord<'_>,
) -> std::result::Result<(), csv::Error> {
    let mut sources: Vec<&str> =
        golden.rows.iter().map(|row| table.source(*row as usize)).collect();
    sources.dedup();
    csv.write_field(golden.entity_id.as_str())?;
    csv.write_field(golden.rows.len().to_string())?;
    csv.write_field(sources.join(SEPARATOR))?;
    csv.write_field(golden.time.map_or(String::new(), |time| time.to_string()))?;
    for field in &golden.fields {
        match field.values.as_slice() {
            [] => csv.write_field("")?,
            [one] => csv.write_field(one.value)?,
            several => {
                let values: Vec<&str> = several.iter().map(|value| value.value).collect();
                csv.write_field(values.join(SEPARATOR))?;
            }
        }
    }
    csv.write_record(None::<&[u8]>)
}

fn write_line(to: &mut impl Write, value: &impl Serialize) -> Result<()> {
    serde_json::to_writer(&mut *to, value).map_err(|error| Error::WriteStream(error.into()))?;
    to.write_all(b"\n").map_err(Error::WriteStream)
}

fn csv_error(error: csv::Error) -> Error {
    Error::WriteStream(match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    })
}

/// A folder of results that appears whole or not at all.
///
/// Files are written to a hidden folder on the same disk, whose name holds `.partial-`, and moved
/// into place by [`commit`](Self::commit), when all of them are on disk. Dropped before that, it
/// leaves nothing behind and changes nothing of what was there; killed before that, it leaves the
/// hidden folder, which may be deleted.
///
/// # Examples
/// ```
/// use cdm_core::write::OutputFolder;
/// # let parent = tempfile::tempdir().unwrap();
/// # let path = parent.path().join("out");
/// let folder = OutputFolder::create(&path)?;
/// folder.write("hello.txt", |file| {
///     std::io::Write::write_all(file, b"hello").map_err(cdm_core::Error::WriteStream)
/// })?;
/// assert!(!path.exists());
/// folder.commit()?;
/// assert!(path.join("hello.txt").exists());
/// # Ok::<(), cdm_core::Error>(())
/// ```
#[derive(Debug)]
pub struct OutputFolder {
    target: PathBuf,
    staging: TempDir,
    left_out: Vec<String>,
}

impl OutputFolder {
    /// Start a folder that will appear at `target`; where one is there already, files of the same
    /// names are replaced and others left alone.
    ///
    /// What can be known to fail fails here, before any work is done.
    ///
    /// # Errors
    /// [`Error::WriteFile`] where nothing can be written there.
    pub fn create(target: impl AsRef<Path>) -> Result<Self> {
        let target = target.as_ref().to_path_buf();
        match staging_for(&target) {
            Ok(staging) => Ok(Self { target, staging, left_out: Vec::new() }),
            Err(source) => Err(Error::WriteFile { path: target, source: bare(source) }),
        }
    }

    /// Write one file, which must be a plain name.
    ///
    /// # Errors
    /// [`Error::WriteFile`], and whatever `write` fails with.
    pub fn write(
        &self,
        name: &str,
        write: impl FnOnce(&mut OutputFile) -> Result<()>,
    ) -> Result<()> {
        self.write_together([name], |[file]| write(file))
    }

    /// Write several files at once, each of a plain name.
    ///
    /// # Errors
    /// [`Error::WriteFile`], and whatever `write` fails with.
    pub fn write_together<const N: usize>(
        &self,
        names: [&str; N],
        write: impl FnOnce(&mut [OutputFile; N]) -> Result<()>,
    ) -> Result<()> {
        let failed = |name: &str, source| Error::WriteFile { path: self.target.join(name), source };
        let mut files = Vec::with_capacity(N);
        for name in names {
            let file = OutputFile::create(&self.staging.path().join(name));
            files.push(file.map_err(|source| failed(name, source))?);
        }
        let Ok(mut files) = <[OutputFile; N]>::try_from(files) else { return Ok(()) };
        write(&mut files).map_err(|error| match error {
            Error::WriteStream(source) => {
                // Where no file is at fault, the one that was to be written first names the place.
                let at_fault = files.iter().position(|file| file.has_failed).unwrap_or(0);
                failed(names.get(at_fault).copied().unwrap_or_default(), source)
            }
            other => other,
        })?;
        names
            .into_iter()
            .zip(files)
            .try_for_each(|(name, file)| file.finish().map_err(|source| failed(name, source)))
    }

    /// Take away the file of that plain name that an earlier run may have left in the folder, when
    /// the others are moved into place: it would not belong to them.
    pub fn leave_out(&mut self, name: impl Into<String>) {
        self.left_out.push(name.into());
    }

    /// Move everything into place; where a move fails, the moves before it are undone.
    ///
    /// # Errors
    /// [`Error::WriteFile`].
    pub fn commit(self) -> Result<()> {
        let failed = |path: &Path, source| Error::WriteFile { path: path.to_path_buf(), source };
        if !self.target.exists() {
            let parent = parent(&self.target);
            fs::create_dir_all(parent).map_err(|source| failed(parent, source))?;
            let staging = self.staging.keep();
            return fs::rename(&staging, &self.target).or_else(|source| {
                let error = failed(&self.target, source);
                // What could not be moved must not stay behind either.
                fs::remove_dir_all(&staging).map_err(|source| failed(&staging, source))?;
                Err(error)
            });
        }
        let entries = fs::read_dir(self.staging.path())
            .and_then(Iterator::collect::<io::Result<Vec<_>>>)
            .map_err(|source| failed(&self.target, source))?;
        // A folder within the staging folder, and so dropped with it.
        let earlier = tempfile::tempdir_in(self.staging.path())
            .map_err(|source| failed(&self.target, bare(source)))?;
        let mut moves = Moves::default();
        let outcome = (|| {
            for entry in &entries {
                let path = self.target.join(entry.file_name());
                moves.put_aside(&path, earlier.path()).map_err(|source| failed(&path, source))?;
                moves.step(entry.path(), path.clone()).map_err(|source| failed(&path, source))?;
            }
            for name in &self.left_out {
                let path = self.target.join(name);
                moves.put_aside(&path, earlier.path()).map_err(|source| failed(&path, source))?;
            }
            Ok(())
        })();
        if outcome.is_err() {
            moves.undo();
        }
        outcome
    }
}

/// An empty hidden folder from which files can be moved to `target`: within it where it exists, so
/// that it may be a mount point, a link, or in a folder that is not the user's to write in.
fn staging_for(target: &Path) -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    // The folder is not for its maker's eyes alone once it is in place: the user's own mask
    // decides.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
    if target.as_os_str().is_empty() {
        return Err(io::Error::other("wanted the name of a folder"));
    }
    if target.is_dir() {
        return builder.prefix(".partial-").tempdir_in(target);
    }
    if target.exists() {
        return Err(io::Error::other("there is a file of that name, and a folder is wanted"));
    }
    if target.is_symlink() {
        return Err(io::Error::other("it is a link to a folder that does not exist"));
    }
    // Folders above it that are missing are made at the end: a run that fails leaves none.
    let mut above = parent(target);
    while !above.exists() && parent(above) != above {
        above = parent(above);
    }
    if above.is_file() {
        return Err(io::Error::other(format!("{above:?} is a file, and a folder is wanted")));
    }
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    builder.prefix(&format!(".{name}.partial-")).tempdir_in(above)
}

/// The folder that `path` is in.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        // A path of one component is in the current folder; the root is in itself.
        Some(_) => Path::new("."),
        None => path,
    }
}

/// What the operating system said, without the random name that `tempfile` adds.
fn bare(error: io::Error) -> io::Error {
    let text = error.to_string();
    match text.split_once(" at path ") {
        Some((said, _)) => io::Error::new(error.kind(), said),
        None => error,
    }
}

/// Files that were moved, from where and to where.
#[derive(Default)]
struct Moves(Vec<(PathBuf, PathBuf)>);

impl Moves {
    /// Move the file at `path`, where there is one, to the folder `aside`.
    fn put_aside(&mut self, path: &Path, aside: &Path) -> io::Result<()> {
        match (path.symlink_metadata(), path.file_name()) {
            (Ok(meta), _) if meta.is_dir() => {
                Err(io::Error::other("there is a folder of that name, and a file is wanted"))
            }
            (Ok(_), Some(name)) => self.step(path.to_path_buf(), aside.join(name)),
            _ => Ok(()),
        }
    }

    fn step(&mut self, from: PathBuf, to: PathBuf) -> io::Result<()> {
        fs::rename(&from, &to)?;
        self.0.push((from, to));
        Ok(())
    }

    fn undo(self) {
        for (from, to) in self.0.into_iter().rev() {
            // There is nothing left to try where this fails; the caller learns of the first error.
            let _ = fs::rename(to, from);
        }
    }
}

/// A file of an [`OutputFolder`] that is being written.
#[derive(Debug)]
pub struct OutputFile {
    file: BufWriter<File>,
    has_failed: bool,
    /// Bytes since a thread beside was last told to put the file on disk.
    unsynced: usize,
    syncing: Option<(Sender<()>, JoinHandle<io::Result<()>>)>,
}

/// How much of a file is written before the disk is put to work on it. Left alone, most systems
/// collect writes until the end, and then everything waits for the disk.
const SYNC_EVERY: usize = 64 << 20;

impl OutputFile {
    fn create(path: &Path) -> io::Result<Self> {
        let file = BufWriter::with_capacity(1 << 18, File::create(path)?);
        Ok(Self { file, has_failed: false, unsynced: 0, syncing: None })
    }

    fn start_sync(&mut self) -> io::Result<()> {
        self.unsynced = 0;
        if self.syncing.is_none() {
            let file = self.file.get_ref().try_clone()?;
            let (sender, receiver) = mpsc::channel();
            let sync = move || {
                while receiver.recv().is_ok() {
                    // Told several times meanwhile, it is still one thing to do.
                    while receiver.try_recv().is_ok() {}
                    file.sync_data()?;
                }
                Ok(())
            };
            self.syncing = Some((sender, thread::Builder::new().spawn(sync)?));
        }
        if let Some((sender, _)) = &self.syncing {
            // A thread that has ended has failed, which `finish` will say.
            let _ = sender.send(());
        }
        Ok(())
    }

    /// Put all of it on disk.
    fn finish(self) -> io::Result<()> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        if let Some((sender, thread)) = self.syncing {
            drop(sender);
            thread
                .join()
                .map_err(|_| io::Error::other("the thread that syncs it ended early"))??;
        }
        file.sync_all()
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes);
        self.has_failed |= written.is_err();
        self.unsynced += written.as_ref().map_or(0, |written| *written);
        if self.unsynced >= SYNC_EVERY {
            let started = self.start_sync();
            self.has_failed |= started.is_err();
            started?;
        }
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.file.flush();
        self.has_failed |= flushed.is_err();
        flushed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(target: &Path, text: &[u8]) -> OutputFolder {
        let folder = OutputFolder::create(target).expect("a folder");
        for name in ["a.txt", "b.txt", "c.txt"] {
            let write = |file: &mut OutputFile| file.write_all(text).map_err(Error::WriteStream);
            folder.write(name, write).expect("written");
        }
        folder
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_appears_whole_and_missing_parents_only_with_it() {
        let parent = tempfile::tempdir().expect("a folder");
        let target = parent.path().join("x/y/out");
        drop(filled(&target, b"1"));
        assert!(names(parent.path()).is_empty());
        filled(&target, b"1").commit().expect("moved");
        assert_eq!(names(parent.path()), ["x"]);
        assert_eq!(names(&target), ["a.txt", "b.txt", "c.txt"]);
    }

    #[test]
    fn what_was_there_is_replaced_and_what_does_not_belong_taken_away() {
        let parent = tempfile::tempdir().expect("a folder");
        let target = parent.path().join("out");
        filled(&target, b"1").commit().expect("moved");
        fs::write(target.join("stale.txt"), "1").expect("written");
        fs::write(target.join("notes.txt"), "1").expect("written");
        let mut folder = filled(&target, b"2");
        folder.leave_out("stale.txt");
        folder.leave_out("never_there.txt");
        assert_eq!(fs::read(target.join("a.txt")).expect("the file"), b"1");
        folder.commit().expect("moved");
        assert_eq!(names(&target), ["a.txt", "b.txt", "c.txt", "notes.txt"]);
        assert_eq!(fs::read(target.join("c.txt")).expect("the file"), b"2");
    }

    #[test]
    fn a_move_that_fails_undoes_those_before_it() {
        let target = tempfile::tempdir().expect("a folder");
        fs::write(target.path().join("a.txt"), "old").expect("written");
        fs::create_dir(target.path().join("c.txt")).expect("a folder in the way");
        let error = filled(target.path(), b"new").commit().expect_err("a folder is in the way");
        assert!(error.to_string().contains("there is a folder of that name"), "{error}");
        assert_eq!(names(target.path()), ["a.txt", "c.txt"]);
        assert_eq!(fs::read(target.path().join("a.txt")).expect("the file"), b"old");
    }

    #[test]
    fn what_cannot_be_a_folder_is_refused_at_once_and_said_plainly() {
        let parent = tempfile::tempdir().expect("a folder");
        let file = parent.path().join("file");
        fs::write(&file, "").expect("written");
        for (target, why) in [
            (file.clone(), "there is a file of that name"),
            (file.join("x/y"), "is a file, and a folder is wanted"),
            (PathBuf::new(), "wanted the name of a folder"),
        ] {
            let error = OutputFolder::create(&target).expect_err("refused").to_string();
            assert!(error.contains(why) && !error.contains("partial"), "{error}");
        }
        assert_eq!(names(parent.path()), ["file"]);
    }
}
