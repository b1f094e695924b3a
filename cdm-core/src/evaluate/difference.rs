use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::resolve::Resolution;
use crate::schema::RecordKey;

/// How many changed entities of each sort are given as examples.
const EXAMPLES: usize = 20;

/// How many records of an entity are named.
const NAMED: usize = 5;

/// What another model, or other data, would change.
///
/// Entities are compared by the records that both outcomes have; each of the second outcome is one
/// of the four sorts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Records in both.
    pub common_records: u64,
    /// Records of the first alone.
    pub gone_records: u64,
    /// Records of the second alone.
    pub new_records: u64,
    /// Entities of the second with the same common records as one of the first.
    pub unchanged: u64,
    /// Entities of the second that are several whole ones of the first.
    pub merged: u64,
    /// Entities of the second that are a part of one of the first.
    pub split: u64,
    /// Entities of the second with parts of several of the first.
    pub mixed: u64,
    /// Entities of the second without a common record.
    pub new: u64,
    /// Pairs of common records that the second puts together and the first did not.
    pub joined_pairs: u64,
    /// Pairs of common records that the first put together and the second does not.
    pub parted_pairs: u64,
    /// The entities that change the most pairs, of each sort.
    pub examples: Vec<ChangedEntity>,
}

/// An entity of the second outcome, and where its records were in the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangedEntity {
    /// `merged`, `split` or `mixed`.
    pub change: &'static str,
    /// Its id in the second outcome.
    pub entity_id: String,
    /// How many common records it has.
    pub records: usize,
    /// The entities of the first outcome that they were in, the most records first.
    pub was: Vec<SharedRecords>,
}

/// What two entities have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SharedRecords {
    /// The entity of the first outcome.
    pub entity_id: String,
    /// How many common records it had.
    pub of_records: usize,
    /// How many of them are in the entity of the second.
    pub records: usize,
    /// The first of those by key.
    pub examples: Vec<RecordKey>,
}

/// The entities of the first outcome, and the rows of each in one of the second.
type Parts = Vec<(u32, Vec<u32>)>;

/// What is different in `after` from `before`: of the same records by another model, or of other
/// records.
///
/// Takes n log n steps for n records.
#[must_use]
pub fn compare(before: &Resolution, after: &Resolution) -> Difference {
    let (old, new) = (before.table(), after.table());
    // Entity before and after, by record in the order of keys.
    let mut common: Vec<(u32, u32, u32)> = Vec::new();
    let mut with_common = BTreeSet::new();
    for row in new.rows_by_key() {
        if let Some(old_row) = old.row(&new.key(row as usize)) {
            let entity = after.entities()[row as usize];
            common.push((entity, before.entities()[old_row], row));
            with_common.insert(entity);
        }
    }
    let sizes = super::mixed::counts(common.iter().map(|(_, before, _)| *before));
    let pairs = super::partition::pairs;
    let mut difference = Difference {
        common_records: common.len() as u64,
        gone_records: (old.len() - common.len()) as u64,
        new_records: (new.len() - common.len()) as u64,
        unchanged: 0,
        merged: 0,
        split: 0,
        mixed: 0,
        new: (after.len() - with_common.len()) as u64,
        joined_pairs: 0,
        parted_pairs: sizes.values().map(|size| pairs(*size)).sum(),
        examples: Vec::new(),
    };
    common.sort_by_key(|(after, before, _)| (*after, *before));
    let mut changed: BTreeMap<&'static str, Vec<(u64, u32, Parts)>> = BTreeMap::new();
    for entity in common.chunk_by(|left, right| left.0 == right.0) {
        let mut parts: Parts = entity
            .chunk_by(|left, right| left.1 == right.1)
            .map(|part| (part[0].1, part.iter().map(|(_, _, row)| *row).collect()))
            .collect();
        let within: u64 = parts.iter().map(|(_, rows)| pairs(rows.len() as u64)).sum();
        let joined = pairs(entity.len() as u64) - within;
        difference.joined_pairs += joined;
        difference.parted_pairs -= within;
        let whole = |(entity, rows): &(u32, Vec<u32>)| sizes[entity] == rows.len() as u64;
        let change = match (parts.len(), parts.iter().all(whole)) {
            (1, true) => {
                difference.unchanged += 1;
                continue;
            }
            (1, false) => {
                difference.split += 1;
                "split"
            }
            (_, true) => {
                difference.merged += 1;
                "merged"
            }
            (_, false) => {
                difference.mixed += 1;
                "mixed"
            }
        };
        let lost: u64 = parts
            .iter()
            .map(|(entity, rows)| rows.len() as u64 * (sizes[entity] - rows.len() as u64))
            .sum();
        parts.sort_by_key(|(_, rows)| std::cmp::Reverse(rows.len()));
        changed.entry(change).or_default().push((joined + lost, entity[0].0, parts));
    }
    for (change, mut entities) in changed {
        entities.sort_by_key(|(pairs, entity, _)| (std::cmp::Reverse(*pairs), *entity));
        entities.truncate(EXAMPLES);
        difference.examples.extend(entities.into_iter().map(|(_, entity, parts)| {
            let was = parts.iter().map(|(entity, rows)| SharedRecords {
                entity_id: before.entity_id(*entity).to_string(),
                of_records: sizes[entity] as usize,
                records: rows.len(),
                examples: rows.iter().take(NAMED).map(|row| new.key(*row as usize)).collect(),
            });
            ChangedEntity {
                change,
                entity_id: after.entity_id(entity).to_string(),
                records: parts.iter().map(|(_, rows)| rows.len()).sum(),
                was: was.collect(),
            }
        }));
    }
    difference
}
