//! What keeps groups apart.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Cause, Weight};
use crate::table::Codes;

/// Why two groups must stay apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
#[non_exhaustive]
pub enum Reason {
    /// A steward said that these two records, one of each group, are not one customer.
    CannotLink {
        /// The record on one side.
        left: u32,
        /// The record on the other.
        right: u32,
    },
    /// A rule says `never` of these two records, one of each group.
    NeverRule {
        /// The rule, by position in the plan.
        rule: u32,
        /// The record on one side.
        left: u32,
        /// The record on the other.
        right: u32,
    },
    /// Together they would hold more values of a field than one entity may.
    Limit {
        /// The limit, by position in the guards.
        limit: u32,
        /// How many values they would hold.
        found: usize,
    },
    /// Both hold a record of a source that has each customer once.
    OnePerSource {
        /// The source, by code.
        source: u32,
    },
    /// Taken together, the pairs of records between them speak against: scored links only.
    Outweighed {
        /// What all pairs between the two groups, with a record of each, say in sum; where the
        /// groups are too large to look at every pair, as many times the mean of those looked at.
        sum: Weight,
    },
}

/// At most so many values of a field in one entity.
pub(crate) struct Limit {
    pub(crate) at_most: usize,
    /// Codes of each record's values.
    pub(crate) codes: Codes,
}

/// What keeps groups apart.
pub(crate) struct Guards<'a> {
    /// Source code by record.
    pub(crate) source_of: Vec<u32>,
    /// By source code, whether an entity may hold only one of its records.
    pub(crate) one_per_source: Vec<bool>,
    pub(crate) limits: Vec<Limit>,
    /// Both ways round.
    pub(crate) cannot_link: BTreeMap<u32, BTreeSet<u32>>,
    /// The `never` rule that decides two records, if one does.
    pub(crate) forbids: Option<Forbids<'a>>,
}

/// The `never` rules over pairs of records, and a number by record, equal where they cannot tell
/// the records apart.
pub(crate) struct Forbids<'a> {
    pub(crate) signatures: Vec<u32>,
    pub(crate) rule: Box<dyn Fn(u32, u32) -> Option<u32> + Send + Sync + 'a>,
}

/// What the guards must know of a group.
#[derive(Clone, Default)]
pub(super) struct Group {
    /// Sources of which one record is the most, sorted.
    sources: Vec<u32>,
    /// By limit, the values held, sorted.
    values: Vec<Vec<u32>>,
    /// Signatures that occur, each with the first record that has it.
    signatures: BTreeMap<u32, u32>,
    /// Records that must not come in.
    barred: BTreeSet<u32>,
}

impl Guards<'_> {
    /// Nothing to guard against, and as many records.
    pub(super) fn none(records: usize) -> Self {
        Self {
            source_of: vec![0; records],
            one_per_source: Vec::new(),
            limits: Vec::new(),
            cannot_link: BTreeMap::new(),
            forbids: None,
        }
    }

    /// Whether there is anything to guard against.
    pub(super) fn any(&self) -> bool {
        self.one_per_source.contains(&true)
            || !self.limits.is_empty()
            || !self.cannot_link.is_empty()
            || self.forbids.is_some()
    }

    /// What must be known of a record alone.
    pub(super) fn alone(&self, record: u32) -> Group {
        let source = self.source_of[record as usize];
        let one_per_source = self.one_per_source.get(source as usize) == Some(&true);
        let values = |limit: &Limit| {
            let mut codes = limit.codes.get(record as usize).to_vec();
            codes.sort_unstable();
            codes
        };
        let signature = |forbids: &Forbids<'_>| (forbids.signatures[record as usize], record);
        Group {
            sources: one_per_source.then_some(source).into_iter().collect(),
            values: self.limits.iter().map(values).collect(),
            signatures: self.forbids.iter().map(signature).collect(),
            barred: self.cannot_link.get(&record).cloned().unwrap_or_default(),
        }
    }

    /// Why two groups, by their roots, must stay apart, where they must; `find` gives the root of
    /// a record.
    pub(super) fn refuse(
        &self,
        roots: (u32, u32),
        groups: (&Group, &Group),
        cause: Cause,
        find: impl FnMut(u32) -> u32,
    ) -> Option<Reason> {
        let (one, two) = groups;
        if let Some(reason) = self.refuse_barred(roots, one, find) {
            return Some(reason);
        }
        if cause == Cause::Steward {
            return None;
        }
        if let Some(source) = first_common(&one.sources, &two.sources) {
            return Some(Reason::OnePerSource { source });
        }
        for (position, limit) in self.limits.iter().enumerate() {
            let (held, added) = (&one.values[position], &two.values[position]);
            let found = union(held, added).len();
            // A steward may have made a group that is over the limit already; it may still take
            // in records that bring nothing new.
            if found > limit.at_most && found > held.len().max(added.len()) {
                return Some(Reason::Limit { limit: position as u32, found });
            }
        }
        let forbids = self.forbids.as_ref()?;
        one.signatures.values().find_map(|left| {
            two.signatures.values().find_map(|right| {
                let (left, right) = (*left.min(right), *left.max(right));
                let rule = (forbids.rule)(left, right)?;
                Some(Reason::NeverRule { rule, left, right })
            })
        })
    }

    fn refuse_barred(
        &self,
        roots: (u32, u32),
        one: &Group,
        mut find: impl FnMut(u32) -> u32,
    ) -> Option<Reason> {
        let barred = one.barred.iter().find(|record| find(**record) == roots.1)?;
        let bars = self.cannot_link.get(barred)?;
        let inside = bars.iter().find(|record| find(**record) == roots.0)?;
        Some(Reason::CannotLink { left: *inside.min(barred), right: *inside.max(barred) })
    }
}

impl Group {
    pub(super) fn join(self, other: Group) -> Group {
        let values = self.values.iter().zip(&other.values).map(|(a, b)| union(a, b)).collect();
        let sources = union(&self.sources, &other.sources);
        // The small one into the large one, or a group that grows a record at a time would take
        // a quadratic number of steps.
        let (mut signatures, fewer) = by_size(self.signatures, other.signatures, BTreeMap::len);
        for (signature, record) in fewer {
            let first = signatures.entry(signature).or_insert(record);
            *first = record.min(*first);
        }
        let (mut barred, fewer) = by_size(self.barred, other.barred, BTreeSet::len);
        barred.extend(fewer);
        Group { sources, values, signatures, barred }
    }
}

/// The larger one first.
fn by_size<T>(one: T, two: T, len: impl Fn(&T) -> usize) -> (T, T) {
    if len(&one) < len(&two) { (two, one) } else { (one, two) }
}

/// The elements of two sorted lists without repeats, each once, sorted.
fn union(left: &[u32], right: &[u32]) -> Vec<u32> {
    let mut all = [left, right].concat();
    all.sort_unstable();
    all.dedup();
    all
}

fn first_common(left: &[u32], right: &[u32]) -> Option<u32> {
    left.iter().find(|element| right.binary_search(element).is_ok()).copied()
}
