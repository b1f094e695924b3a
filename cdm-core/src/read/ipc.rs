//! Arrow IPC: record batches as bytes, as `apache-arrow`, pyarrow and others write them.

use std::io::Cursor;

use arrow_array::RecordBatch;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, SchemaRef};

use super::Input;
use super::arrow::guarded;
use crate::error::{Error, Result};

/// What an IPC file, unlike a stream, begins with.
const MAGIC: &[u8] = b"ARROW1";

/// What every message of an IPC stream begins with.
const CONTINUATION: &[u8] = &[0xff; 4];

/// Whether bytes begin as an Arrow IPC stream or file does, which no text and no Parquet file do.
#[must_use]
pub fn is_arrow_ipc(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC) || bytes.starts_with(CONTINUATION)
}

impl Input {
    /// The bytes of an Arrow IPC stream or file, called `name` in reports and errors.
    ///
    /// # Errors
    /// [`Error::MalformedInput`] where they are not, or are compressed.
    pub fn arrow_ipc(
        source: impl Into<String>,
        name: impl Into<String>,
        bytes: &[u8],
    ) -> Result<Self> {
        let name = name.into();
        match guarded(|| batches(bytes).map_err(|error| error.to_string())) {
            Ok((schema, batches)) => {
                Self::batches(source, name, schema, batches.into_iter().map(Ok))
            }
            Err(reason) => Err(Error::MalformedInput { name, format: "Arrow IPC", reason }),
        }
    }
}

fn batches(bytes: &[u8]) -> std::result::Result<(SchemaRef, Vec<RecordBatch>), ArrowError> {
    if bytes.starts_with(MAGIC) {
        let reader = FileReader::try_new(Cursor::new(bytes), None)?;
        let schema = reader.schema();
        return Ok((schema, reader.collect::<std::result::Result<_, _>>()?));
    }
    let reader = StreamReader::try_new(Cursor::new(bytes), None)?;
    let schema = reader.schema();
    Ok((schema, reader.collect::<std::result::Result<_, _>>()?))
}
