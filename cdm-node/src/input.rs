//! Data on its way in: files, bytes and rows into records.

use std::path::PathBuf;
use std::sync::Arc;

use cdm_core::read::{Columns, Format, ReadReport, id_type, is_arrow_ipc, read};
use cdm_core::write::ArrowDataType;
use cdm_core::{Error, Result, Table};
use napi::Env;
use napi::bindgen_prelude::{PromiseRaw, Uint8Array};
use napi_derive::napi;

use crate::error::{closed, raise};
use crate::plan::Plan;
use crate::run::{Heavy, Job, off_loop};

/// Sources of records, to be read once.
#[napi]
#[derive(Default)]
pub struct Inputs {
    all: Vec<Data>,
}

struct Data {
    source: String,
    name: String,
    origin: Origin,
    /// Of JSON lines, the columns that hold whole numbers alone.
    whole: Vec<String>,
}

enum Origin {
    File(PathBuf),
    /// In the pieces in which they came; the thread that reads joins them.
    Bytes(Vec<Vec<u8>>, Option<Format>),
}

#[napi]
impl Inputs {
    /// None yet.
    #[napi(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Add a file: CSV, JSON lines or Parquet.
    #[napi]
    pub fn file(&mut self, source: String, path: String) {
        self.add(source, path.clone(), Origin::File(path.into()));
    }

    /// Add rows as JSON lines, to be pushed.
    #[napi]
    pub fn json_lines(&mut self, source: String) {
        self.add(source.clone(), source, Origin::Bytes(Vec::new(), Some(Format::JsonLines)));
    }

    /// Add the bytes of a file, to be pushed; their beginning tells its format.
    #[napi]
    pub fn bytes(&mut self, source: String) {
        self.add(source.clone(), source, Origin::Bytes(Vec::new(), None));
    }

    /// More text of what was added last.
    #[napi]
    pub fn push_text(&mut self, text: String) {
        self.push(text.into_bytes());
    }

    /// More bytes of what was added last.
    #[napi]
    pub fn push_bytes(&mut self, bytes: Uint8Array) {
        self.push(bytes.to_vec());
    }

    /// The columns of what was added last that hold whole numbers alone.
    #[napi]
    pub fn whole(&mut self, columns: Vec<String>) {
        if let Some(last) = self.all.last_mut() {
            last.whole = columns;
        }
    }

    /// Read them into records of the fields of `plan`; where that is absent, of the fields that the
    /// columns suggest.
    #[napi(ts_return_type = "Promise<Records>")]
    pub fn read<'e>(
        &mut self,
        env: &'e Env,
        job: &Job,
        columns_json: String,
        plan: Option<&Plan>,
    ) -> napi::Result<PromiseRaw<'e, Records>> {
        let columns: Columns = serde_json::from_str(&columns_json).map_err(|error| {
            let (path, reason) = ("columns".into(), error.to_string());
            raise(Error::InvalidDocument { document: "options", path, reason, suggestion: None })
        })?;
        let all = std::mem::take(&mut self.all);
        let plan = plan.map(|plan| Arc::clone(&plan.0));
        off_loop(env, Some(job), move |run| {
            let whole: Vec<Vec<String>> = all.iter().map(|data| data.whole.clone()).collect();
            let mut inputs = Vec::with_capacity(all.len());
            for data in all {
                run.check()?;
                inputs.push(data.into_input()?);
            }
            let (inputs, schema) = match &plan {
                Some(plan) => columns.map(plan.known(inputs), Some(plan.schema()), run)?,
                None => columns.map(inputs, None, run)?,
            };
            let (table, reports) = read(&inputs, &schema, run)?;
            let id_type = id_type(&inputs, &reports, &whole);
            Ok(Records(Heavy::new(Read { table, reports: Arc::new(reports), id_type })))
        })
    }
}

impl Inputs {
    fn add(&mut self, source: String, name: String, origin: Origin) {
        self.all.push(Data { source, name, origin, whole: Vec::new() });
    }

    /// The bytes of what was added last, taken out.
    pub(crate) fn take_bytes(&mut self) -> Vec<Vec<u8>> {
        match self.all.pop().map(|data| data.origin) {
            Some(Origin::Bytes(pieces, _)) => pieces,
            Some(Origin::File(_)) | None => Vec::new(),
        }
    }

    fn push(&mut self, bytes: Vec<u8>) {
        match self.all.last_mut().map(|data| &mut data.origin) {
            Some(Origin::Bytes(pieces, _)) => pieces.push(bytes),
            Some(Origin::File(_)) | None => {}
        }
    }
}

impl Data {
    fn into_input(self) -> Result<cdm_core::Input> {
        let Self { source, name, origin, .. } = self;
        Ok(match origin {
            Origin::File(path) => cdm_core::Input::file(source, path),
            Origin::Bytes(pieces, format) => {
                let bytes = pieces.concat();
                if format.is_none() && is_arrow_ipc(&bytes) {
                    return cdm_core::Input::arrow_ipc(source, name, &bytes);
                }
                cdm_core::Input { format, ..cdm_core::Input::bytes(source, name, bytes) }
            }
        })
    }
}

/// Records that were read, and what was found on the way.
#[napi]
pub struct Records(Heavy<Read>);

/// What there is of records until they are closed.
#[derive(Clone)]
pub(crate) struct Read {
    pub(crate) table: Table,
    pub(crate) reports: Arc<Vec<ReadReport>>,
    /// The type of the ids, where they are numbers in all inputs.
    pub(crate) id_type: Option<ArrowDataType>,
}

impl Records {
    pub(crate) fn get(&self) -> napi::Result<Read> {
        let read = self.0.get().ok_or_else(|| closed("data"))?;
        Ok(Read::clone(&read))
    }
}

#[napi]
impl Records {
    /// The fields that the records have, as JSON.
    #[napi(getter)]
    pub fn fields_json(&self) -> napi::Result<String> {
        Ok(serde_json::to_string(self.get()?.table.schema().fields()).unwrap_or_default())
    }

    /// Let go of the records.
    #[napi]
    pub fn close(&mut self) {
        self.0.close();
    }
}
