//! Resolutions, and their results in columns.

use std::sync::Arc;

use cdm_core::read::rows_of_inputs;
use cdm_core::write::ArrowTable;
use cdm_core::{Error, Result, Run};
use napi::Env;
use napi::bindgen_prelude::{Int32Array, PromiseRaw, Uint8Array};
use napi_derive::napi;
use serde::Serialize;

use crate::answers::json_of;
use crate::error::closed;
use crate::input::Read;
use crate::model::Model;
use crate::run::{Heavy, Job, off_loop};

/// The outcome over records.
#[napi]
pub struct Resolution(Heavy<Outcome>);

pub(crate) struct Outcome {
    pub(crate) resolution: cdm_core::Resolution,
    model: Arc<cdm_core::Model>,
    read: Read,
}

/// The results that are tables.
const TABLES: [&str; 6] = ["entities", "links", "refusals", "golden_records", "lineage", "quality"];

/// The columns of the golden records that every plan gives; the others have the names of its fields.
const OF_EVERY_GOLDEN_RECORD: usize = 4;

impl Resolution {
    pub(crate) fn new(resolution: cdm_core::Resolution, read: Read) -> Self {
        let model = Arc::new(resolution.model().clone());
        Self(Heavy::new(Outcome { resolution, model, read }))
    }

    pub(crate) fn get(&self) -> napi::Result<Arc<Outcome>> {
        self.0.get().ok_or_else(|| closed("resolution"))
    }

    fn json<'e, T: Serialize>(
        &self,
        env: &'e Env,
        make: impl FnOnce(&Outcome) -> T + Send + 'static,
    ) -> napi::Result<PromiseRaw<'e, String>> {
        let outcome = self.get()?;
        off_loop(env, None, move |_| Ok(json_of(&make(&outcome))))
    }
}

impl Outcome {
    fn table(&self, name: &str, run: &Run) -> Result<ArrowTable> {
        let Self { resolution, read, .. } = self;
        let (table, ids): (_, &[&str]) = match name {
            "entities" => (resolution.entities_arrow(&read.reports, run)?, &["id"]),
            "links" => (resolution.links_arrow(run)?, &["left_id", "right_id"]),
            "refusals" => (resolution.refusals_arrow(run)?, &["left_id", "right_id"]),
            "golden_records" => (resolution.golden_records_arrow(run)?, &[]),
            "lineage" => (resolution.lineage_arrow(run)?, &["id"]),
            "quality" => (resolution.quality_arrow(run)?, &[]),
            other => return Err(Error::unknown_choice("result", other, &TABLES)),
        };
        Ok(match &read.id_type {
            Some(kind) => table.retyped(ids, kind),
            None => table,
        })
    }

    /// The entity of each row of the inputs, -1 where the row is in no entity.
    fn entity_numbers(&self) -> Vec<i32> {
        let entities = self.resolution.entities();
        let entity = |row: Option<u32>| row.map_or(-1, |row| entities[row as usize] as i32);
        match rows_of_inputs(entities.len(), &self.read.reports) {
            Some(rows) => rows.into_iter().map(entity).collect(),
            None => entities.iter().map(|entity| *entity as i32).collect(),
        }
    }
}

#[napi]
impl Resolution {
    /// How many entities there are.
    #[napi(getter)]
    pub fn size(&self) -> napi::Result<u32> {
        Ok(self.get()?.resolution.len() as u32)
    }

    /// How many records were resolved.
    #[napi(getter)]
    pub fn records(&self) -> napi::Result<u32> {
        Ok(self.get()?.resolution.table().len() as u32)
    }

    /// The model that resolved.
    #[napi(getter)]
    pub fn model(&self) -> napi::Result<Model> {
        Ok(Model::shared(Arc::clone(&self.get()?.model)))
    }

    /// The entity of each row of the inputs, by number; -1 where a row is in none.
    #[napi(ts_return_type = "Promise<Int32Array>")]
    pub fn entity_numbers<'e>(&self, env: &'e Env) -> napi::Result<PromiseRaw<'e, Int32Array>> {
        let outcome = self.get()?;
        off_loop(env, None, move |_| Ok(Int32Array::new(outcome.entity_numbers())))
    }

    /// What became of each input, as JSON.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn reports_json<'e>(&self, env: &'e Env) -> napi::Result<PromiseRaw<'e, String>> {
        self.json(env, |outcome| outcome.read.reports.to_vec())
    }

    /// The quality of the values, as JSON.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn quality_json<'e>(&self, env: &'e Env) -> napi::Result<PromiseRaw<'e, String>> {
        self.json(env, |outcome| outcome.resolution.quality())
    }

    /// Counts, the largest entities, links by rule, as JSON.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn summary_json<'e>(&self, env: &'e Env) -> napi::Result<PromiseRaw<'e, String>> {
        self.json(env, |outcome| outcome.resolution.summary())
    }

    /// What a person should look at, as JSON.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn warnings_json<'e>(&self, env: &'e Env) -> napi::Result<PromiseRaw<'e, String>> {
        self.json(env, |Outcome { resolution, read, .. }| {
            resolution.summary().warnings(&resolution.quality(), &read.reports)
        })
    }

    /// One of the results that are tables.
    #[napi(ts_return_type = "Promise<Batches>")]
    pub fn table<'e>(
        &self,
        env: &'e Env,
        job: &Job,
        name: String,
    ) -> napi::Result<PromiseRaw<'e, Batches>> {
        let outcome = self.get()?;
        off_loop(env, Some(job), move |run| {
            let golden = name == "golden_records";
            let table = outcome.table(&name, run)?;
            let rows =
                table.renamed(|place, name| match golden && place >= OF_EVERY_GOLDEN_RECORD {
                    true => name.to_owned(),
                    false => camel_case(name),
                });
            Ok(Batches { table: Arc::new(table), rows: Arc::new(rows) })
        })
    }

    /// Let go of the resolution and its records.
    #[napi]
    pub fn close(&mut self) {
        self.0.close();
    }
}

/// A result in Arrow's columns.
#[napi]
pub struct Batches {
    table: Arc<ArrowTable>,
    /// The same, with the names that JavaScript gives its members.
    rows: Arc<ArrowTable>,
}

#[napi]
impl Batches {
    /// The names of the columns, as rows have them.
    #[napi(getter)]
    pub fn column_names(&self) -> Vec<String> {
        self.rows.schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    /// How many rows there are.
    #[napi(getter)]
    pub fn length(&self) -> u32 {
        self.table.num_rows() as u32
    }

    /// Those rows, as one JSON array of columns, each an array of its values.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn json<'e>(
        &self,
        env: &'e Env,
        start: u32,
        end: u32,
    ) -> napi::Result<PromiseRaw<'e, String>> {
        let rows = Arc::clone(&self.rows);
        off_loop(env, None, move |_| {
            let json = rows.columns_to_json(start as usize..end as usize)?;
            // JSON is UTF-8.
            Ok(String::from_utf8(json).unwrap_or_default())
        })
    }

    /// The whole table as the bytes of an Arrow IPC stream.
    #[napi(ts_return_type = "Promise<Uint8Array>")]
    pub fn ipc<'e>(&self, env: &'e Env) -> napi::Result<PromiseRaw<'e, Uint8Array>> {
        let table = Arc::clone(&self.table);
        off_loop(env, None, move |_| table.to_ipc().map(Uint8Array::new))
    }
}

/// `entity_id` as `entityId`.
pub(crate) fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut text = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        text.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        text.push_str(letters.as_str());
    }
    text
}
