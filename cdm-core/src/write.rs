//! Results to files: whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tempfile::TempDir;

use crate::cancel::Run;
use crate::error::{Error, Result};
use crate::resolve::Resolution;

/// What separates several values of one field in a CSV cell; JSON lines keep them apart.
const SEPARATOR: &str = "; ";

/// How many rows are written between two looks at the cancel token.
const BATCH: usize = 4096;

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
            let entity_id = self.entity_id(entity).to_string();
            for row in self.rows(entity) {
                let row = *row as usize;
                csv.write_record([self.table().source(row), self.table().id(row), &entity_id])
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
    pub fn write_golden_csv(&self, to: impl Write, run: &Run) -> Result<()> {
        let mut csv = csv::Writer::from_writer(to);
        let fields = self.table().schema().fields().iter().map(|field| field.name.as_str());
        let header = ["entity_id", "records", "sources", "time"];
        csv.write_record(header.into_iter().chain(fields)).map_err(csv_error)?;
        for (done, golden) in self.golden_records()?.enumerate() {
            if done % BATCH == 0 {
                run.report("write golden records", done as u64, self.len() as u64)?;
            }
            let mut sources: Vec<&str> =
                golden.rows.iter().map(|row| self.table().source(*row as usize)).collect();
            sources.dedup();
            csv.write_field(golden.entity_id.to_string()).map_err(csv_error)?;
            csv.write_field(golden.rows.len().to_string()).map_err(csv_error)?;
            csv.write_field(sources.join(SEPARATOR)).map_err(csv_error)?;
            csv.write_field(golden.time.map_or(String::new(), |time| time.to_string()))
                .map_err(csv_error)?;
            for field in &golden.fields {
                match field.values.as_slice() {
                    [] => csv.write_field(""),
                    [one] => csv.write_field(one.value),
                    several => {
                        let values: Vec<&str> = several.iter().map(|value| value.value).collect();
                        csv.write_field(values.join(SEPARATOR))
                    }
                }
                .map_err(csv_error)?;
            }
            csv.write_record(None::<&[u8]>).map_err(csv_error)?;
        }
        csv.flush().map_err(Error::WriteStream)
    }

    /// Write the golden records as JSON lines, as [`GoldenRecord`](crate::merge::GoldenRecord)
    /// serialises.
    ///
    /// # Errors
    /// [`Error::WriteStream`] and [`Error::Cancelled`].
    pub fn write_golden_json_lines(&self, mut to: impl Write, run: &Run) -> Result<()> {
        for (done, golden) in self.golden_records()?.enumerate() {
            if done % BATCH == 0 {
                run.report("write golden records", done as u64, self.len() as u64)?;
            }
            write_line(&mut to, &golden)?;
        }
        to.flush().map_err(Error::WriteStream)
    }

    /// Write the lineage of every golden record as JSON lines, as
    /// [`GoldenRecord::lineage`](crate::merge::GoldenRecord::lineage) serialises: larger than the
    /// input.
    ///
    /// # Errors
    /// [`Error::WriteStream`] and [`Error::Cancelled`].
    pub fn write_lineage_json_lines(&self, mut to: impl Write, run: &Run) -> Result<()> {
        for (done, golden) in self.golden_records()?.enumerate() {
            if done % BATCH == 0 {
                run.report("write lineage", done as u64, self.len() as u64)?;
            }
            write_line(&mut to, &golden.lineage())?;
        }
        to.flush().map_err(Error::WriteStream)
    }

    /// Write the links as JSON lines, those that joined entities and then those that were refused,
    /// the latter with a `reason`.
    ///
    /// # Errors
    /// [`Error::WriteStream`] and [`Error::Cancelled`].
    pub fn write_links_json_lines(&self, mut to: impl Write, run: &Run) -> Result<()> {
        let (links, refusals) = (self.links(), self.refusals());
        let total = (links.len() + refusals.len()) as u64;
        for (done, link) in links.enumerate() {
            if done % BATCH == 0 {
                run.report("write links", done as u64, total)?;
            }
            write_line(&mut to, &link)?;
        }
        for refusal in refusals {
            write_line(&mut to, &refusal)?;
        }
        run.report("write links", total, total)?;
        to.flush().map_err(Error::WriteStream)
    }
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
/// Files are written to a hidden folder beside it and moved into place by
/// [`commit`](Self::commit), when all of them are on disk. Dropped before that, or killed, it
/// changes nothing of what was there.
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
}

impl OutputFolder {
    /// Start a folder that will appear at `target`; where one is there already, files of the same
    /// names are replaced and others left alone.
    ///
    /// # Errors
    /// [`Error::WriteFile`] where nothing can be written beside it.
    pub fn create(target: impl AsRef<Path>) -> Result<Self> {
        let target = target.as_ref().to_path_buf();
        if target.exists() && !target.is_dir() {
            let source = io::Error::other("there is a file of that name, and a folder is wanted");
            return Err(Error::WriteFile { path: target, source });
        }
        let parent = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        let name = target.file_name().map(|name| name.to_string_lossy().into_owned());
        let staging = fs::create_dir_all(&parent).and_then(|()| {
            let prefix = format!(".{}.partial-", name.unwrap_or_default());
            let mut builder = tempfile::Builder::new();
            // The folder is not for its maker's eyes alone once it is in place: the user's own
            // mask decides.
            #[cfg(unix)]
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
            builder.prefix(&prefix).tempdir_in(&parent)
        });
        match staging {
            Ok(staging) => Ok(Self { target, staging }),
            Err(source) => Err(Error::WriteFile { path: target, source }),
        }
    }

    /// Write one file, which must be a plain name.
    ///
    /// # Errors
    /// [`Error::WriteFile`], and whatever `write` fails with.
    pub fn write(
        &self,
        name: &str,
        write: impl FnOnce(&mut BufWriter<File>) -> Result<()>,
    ) -> Result<()> {
        let path = self.staging.path().join(name);
        let failed = |source| Error::WriteFile { path: self.target.join(name), source };
        let mut file = BufWriter::with_capacity(1 << 18, File::create(&path).map_err(failed)?);
        write(&mut file).map_err(|error| match error {
            Error::WriteStream(source) => failed(source),
            other => other,
        })?;
        let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)
    }

    /// Move everything into place.
    ///
    /// # Errors
    /// [`Error::WriteFile`].
    pub fn commit(self) -> Result<()> {
        let failed = |path: &Path, source| Error::WriteFile { path: path.to_path_buf(), source };
        if !self.target.exists() {
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
        for entry in entries {
            let path = self.target.join(entry.file_name());
            fs::rename(entry.path(), &path).map_err(|source| failed(&path, source))?;
        }
        Ok(())
    }
}
