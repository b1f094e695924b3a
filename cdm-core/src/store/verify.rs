//! Whether a store is what it says.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Store;
use super::postings::Posting;
use super::tables::Row;
use crate::cancel::Run;
use crate::error::Result;
use crate::schema::{Record, RecordKey};
use crate::table::Table;

/// What a look at everything found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Records that were looked at.
    pub records: u64,
    /// Entities that they are.
    pub entities: u64,
    /// What does not fit, each a sentence, without anybody's values; empty where all is well.
    pub problems: Vec<String>,
}

/// The most problems that are listed.
const MOST: usize = 100;

impl Store {
    /// Read everything, resolve it in batch, and compare: the partition, the keys, the entities.
    ///
    /// Takes as long and as much memory as a batch run over all records; others may write meanwhile.
    ///
    /// # Errors
    /// [`StoreDamaged`](crate::Error::StoreDamaged) where something cannot even be read,
    /// [`StoreIo`](crate::Error::StoreIo), and [`Cancelled`](crate::Error::Cancelled).
    pub fn verify(&self, run: &Run) -> Result<Verification> {
        self.inner.read(|view| {
            let seals = &view.shared.cells.seals;
            let mut problems = Vec::new();
            let mut problem = |what: String| {
                if problems.len() < MOST {
                    problems.push(what);
                }
            };
            let records = view.records()?;
            let key_of: BTreeMap<u32, &RecordKey> =
                records.iter().map(|(number, (_, record))| (*number, &record.key)).collect();
            let mut members: BTreeSet<(u32, u32)> = BTreeSet::new();
            let mut entities = 0;
            for (entity, _) in view.engine(view.tables.entities().all())? {
                entities += 1;
                let known = view.members(entity)?.unwrap_or_default();
                if known.is_empty() {
                    problem(format!("entity {entity} has no records"));
                }
                members.extend(known.iter().map(|record| (entity, *record)));
            }
            for (number, (row, record)) in &records {
                run.check()?;
                if !row.entity.is_some_and(|entity| members.remove(&(entity, *number))) {
                    problem(format!("record {} is not among those of its entity", record.key));
                }
                let name = seals.record(&record.key);
                let kept = view.engine(view.tables.rows().get(*number))?;
                let kept = kept.and_then(|row| Row::name(&row));
                if kept != Some(name) || view.number(name) != Some(*number) {
                    problem(format!("record {} is not found by its key", record.key));
                }
            }
            if let Some((entity, number)) = members.first() {
                problem(format!("entity {entity} has record {number}, which is not there"));
            }
            if view.counted() != records.len() as u64 {
                problem(format!(
                    "{} records, of which {} are counted",
                    records.len(),
                    view.counted()
                ));
            }
            let mut keys: Vec<(u64, u32)> = Vec::new();
            for (number, (row, record)) in &records {
                let bound = view.current.bound.prepare(record)?;
                if !view.has_kept(row.cell, &bound)? {
                    problem(format!("record {} is kept ready as another one", record.key));
                }
                for keying in view.current.bound.keyings() {
                    let names = view.current.bound.keys(keying, &bound).into_iter();
                    let names = names.map(|key| seals.key(keying, &key));
                    let kept = names.filter(|name| !view.current.stopped.contains(name));
                    keys.extend(kept.map(|name| (name, *number)));
                }
            }
            keys.sort_unstable();
            keys.dedup();
            let mut wanted = keys.iter().peekable();
            let mut indexed = view.keys.all();
            while let Some(Posting { name, record, .. }) = indexed.next()? {
                while let Some((_, number)) = wanted.next_if(|key| **key < (name, record)) {
                    problem(format!("record {number} is not found by a key that it has"));
                }
                if wanted.next_if(|key| **key == (name, record)).is_none() {
                    problem(format!("record {record} is found by a key that it does not have"));
                }
            }
            for (_, number) in wanted {
                problem(format!("record {number} is not found by a key that it has"));
            }
            drop(keys);
            let decisions = super::bulk::decisions(view, &key_of)?;
            let stops = super::files::stops(&view.tables, &view.shared.cells)?;
            let model = view.current.model(&stops)?;
            let all: Vec<&Record> = records.values().map(|(_, record)| record).collect();
            let table = Table::from_records(model.plan().schema().clone(), all)?;
            let resolution = model.resolve(&table, &decisions, run)?;
            let mut entity_of: BTreeMap<u32, u32> = BTreeMap::new();
            let mut taken: BTreeSet<u32> = BTreeSet::new();
            for (row, (stored, record)) in records.values().enumerate() {
                let batch = resolution.entities()[row];
                let stored = stored.entity.unwrap_or(u32::MAX);
                let known = *entity_of.entry(batch).or_insert_with(|| {
                    taken.insert(stored);
                    stored
                });
                if known != stored {
                    problem(format!("record {} is in another entity than in batch", record.key));
                }
            }
            if taken.len() != entity_of.len() || entities != entity_of.len() as u64 {
                problem(format!("{entities} entities, in batch {}", entity_of.len()));
            }
            problems.sort_unstable();
            Ok(Verification { records: records.len() as u64, entities, problems })
        })
    }
}
