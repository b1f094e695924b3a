use std::collections::BTreeMap;

use serde::Serialize;

use crate::schema::RecordKey;
use crate::table::Table;

/// How many records of a part are named.
const NAMED: usize = 5;

/// An entity of one partition that lies in several of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MixedEntity {
    /// The entity: its id, or its name in the truth where it has one.
    pub entity: Option<String>,
    /// How many of its records are known to the other partition.
    pub records: usize,
    /// How many pairs of records are wrong about it.
    pub wrong_pairs: u64,
    /// What it is made of, the largest part first.
    pub parts: Vec<Part>,
}

/// The records of an entity that the other partition has in one entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The entity of the other partition.
    pub entity: Option<String>,
    /// How many records.
    pub records: usize,
    /// The first of them by key.
    pub examples: Vec<RecordKey>,
}

/// What an entity is called.
type Names<'n> = &'n dyn Fn(u32) -> Option<String>;

/// The entities of `one` whose records lie in several of `other`, those with the most wrong pairs
/// first, at most so many; and how many there are. Of each row, in the order of keys.
pub(super) fn mixed(
    table: &Table,
    rows: &[u32],
    one: &dyn Fn(u32) -> Option<u32>,
    other: &dyn Fn(u32) -> Option<u32>,
    names: (Names<'_>, Names<'_>),
    most: usize,
) -> (u64, Vec<MixedEntity>) {
    let known = rows.iter().filter_map(|row| Some((one(*row)?, other(*row)?, *row)));
    let mut known: Vec<(usize, (u32, u32, u32))> = known.enumerate().collect();
    // By entity, then part; within each in the order of keys.
    known.sort_unstable_by_key(|(place, (one, other, _))| (*one, *other, *place));
    let mut found: Vec<(u64, usize, Vec<Vec<u32>>, u32)> = Vec::new();
    for entity in known.chunk_by(|left, right| left.1.0 == right.1.0) {
        let parts: Vec<Vec<u32>> = entity
            .chunk_by(|left, right| left.1.1 == right.1.1)
            .map(|part| part.iter().map(|(_, (_, _, row))| *row).collect())
            .collect();
        if parts.len() > 1 {
            let pairs = |count: usize| super::partition::pairs(count as u64);
            let within: u64 = parts.iter().map(|part| pairs(part.len())).sum();
            let first = entity.iter().map(|(place, _)| *place).min().unwrap_or_default();
            found.push((pairs(entity.len()) - within, first, parts, entity[0].1.0));
        }
    }
    let count = found.len() as u64;
    found.sort_by_key(|(wrong, first, ..)| (std::cmp::Reverse(*wrong), *first));
    found.truncate(most);
    let listed = found.into_iter().map(|(wrong_pairs, _, mut parts, entity)| {
        let records = parts.iter().map(Vec::len).sum();
        // Stable: of two as large, the first by number.
        parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
        let part = |rows: &Vec<u32>| Part {
            entity: other(rows[0]).and_then(names.1),
            records: rows.len(),
            examples: rows.iter().take(NAMED).map(|row| table.key(*row as usize)).collect(),
        };
        MixedEntity {
            entity: names.0(entity),
            records,
            wrong_pairs,
            parts: parts.iter().map(part).collect(),
        }
    });
    (count, listed.collect())
}

/// How many of each.
pub(super) fn counts(numbers: impl Iterator<Item = u32>) -> BTreeMap<u32, u64> {
    let mut counts = BTreeMap::new();
    numbers.for_each(|number| *counts.entry(number).or_insert(0) += 1);
    counts
}
