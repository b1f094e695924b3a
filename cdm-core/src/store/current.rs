//! The model that a store is resolved by, with the keys that it has stopped since.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::cache::Cache;
use super::outlines::Outlines;
use super::seal::Seals;
use super::tables::Cell;
use crate::bound::{BoundModel, BoundRecord, Hint, Keying, Likeness, Packed};
use crate::cluster::Weight;
use crate::error::Result;
use crate::plan::Model;
use crate::probability::MatchWeight;

/// One revision of the model of a store.
#[derive(Clone)]
pub(super) struct Current {
    pub(super) bound: Arc<BoundModel>,
    /// Outlines of records as that model sees them.
    pub(super) outlines: Arc<Outlines>,
    /// Records as that model sees them: whoever still reads by an older one has those of its own.
    cache: Arc<Cache>,
    /// The names of the keys that grew hot since the model was adopted.
    pub(super) stopped: BTreeSet<u64>,
    pub(super) revision: u64,
}

/// A key that grew hot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stop {
    pub(super) keying: Keying,
    pub(super) texts: Vec<String>,
}

/// What is kept of a record to tell others from it.
pub(super) struct Ready {
    packed: Packed,
    outline: Vec<u64>,
}

#[derive(Serialize, Deserialize)]
struct Written {
    is_blocking: bool,
    rule: u32,
    texts: Vec<String>,
}

/// More than rounding changes the odds by.
const ROUNDING: f64 = 1e-6;

/// The highest odds against with which two records may weigh so many bits; those that are reckoned from
/// [outlines](Outlines) are exact but for rounding.
pub(super) fn most_odds_against(bits: f64) -> f64 {
    // Weights are cut off there: whatever weighs less weighs the same.
    if bits <= -MatchWeight::MOST + 1.0 {
        return f64::INFINITY;
    }
    libm::exp2(-bits) * (1.0 + ROUNDING)
}

impl Stop {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let (is_blocking, rule) = match self.keying {
            Keying::Rule(rule) => (false, rule),
            Keying::Blocking(rule) => (true, rule),
        };
        let written = Written { is_blocking, rule, texts: self.texts.clone() };
        postcard::to_allocvec(&written).unwrap_or_default()
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let Written { is_blocking, rule, texts } = postcard::from_bytes(bytes).ok()?;
        let keying = if is_blocking { Keying::Blocking(rule) } else { Keying::Rule(rule) };
        Some(Self { keying, texts })
    }
}

impl Current {
    /// A model as it was adopted, with so many records at least kept ready for it.
    pub(super) fn new(bound: BoundModel, revision: u64, cached_records: usize) -> Self {
        Self {
            outlines: Outlines::new(&bound, cached_records.saturating_mul(2)),
            cache: Arc::new(Cache::new(cached_records)),
            bound: Arc::new(bound),
            stopped: BTreeSet::new(),
            revision,
        }
    }

    /// The record of that number, as that cell holds it, where it is kept ready.
    pub(super) fn ready(&self, number: u32, cell: Cell) -> Result<Option<Arc<BoundRecord>>> {
        let packed = self.cache.get(number, cell);
        packed.map(|packed| self.bound.unpack(packed).map(Arc::new)).transpose()
    }

    /// Keep a record ready; it may be [placed](Self::place) later.
    pub(super) fn keep(&self, number: u32, cell: Option<Cell>, record: &BoundRecord) -> Result<()> {
        self.keep_ready(number, cell, &self.make_ready(record)?);
        Ok(())
    }

    /// What there is to keep of a record.
    pub(super) fn make_ready(&self, record: &BoundRecord) -> Result<Ready> {
        let mut outline = vec![0; self.bound.outline_width()];
        self.bound.outline(record, &mut outline);
        Ok(Ready { packed: self.bound.pack(record)?, outline })
    }

    /// Keep it.
    pub(super) fn keep_ready(&self, number: u32, cell: Option<Cell>, ready: &Ready) {
        self.outlines.put(number, cell.map_or(0, |cell| cell.place), &ready.outline);
        self.cache.put(number, cell, ready.packed.clone());
    }

    /// Say in which cell a record is that was kept before it had one.
    pub(super) fn place(&self, number: u32, cell: Cell) {
        self.outlines.place(number, cell.place);
        self.cache.place(number, cell);
    }

    /// Nothing of a record is to be left.
    pub(super) fn let_go(&self, number: u32) {
        self.outlines.remove(number);
        self.cache.remove(number);
    }

    /// Nothing is known any more of what lies from that place on, as other records may come to lie there.
    pub(super) fn let_go_from(&self, end: u64) {
        if self.cache.let_go_from(end) {
            self.outlines.let_go_from(end);
        }
    }

    /// From the next revision on, that key links nobody.
    pub(super) fn stop(&mut self, name: u64) {
        self.stopped.insert(name);
        self.revision += 1;
    }

    /// Whether a blocking rule makes two records a candidate pair, by their keys themselves: that they
    /// have a name in common says so but for one in 2^64, and no pair's fate is to hang on that. The rule
    /// that is `likely` to is asked first.
    pub(super) fn shares_key(
        &self,
        seals: &Seals,
        likely: Option<Keying>,
        one: &BoundRecord,
        other: &BoundRecord,
    ) -> bool {
        let blocking = self.bound.keyings().filter(|keying| matches!(keying, Keying::Blocking(_)));
        likely.into_iter().chain(blocking).any(|keying| {
            let of_one: BTreeSet<Vec<&str>> = self.bound.keys(keying, one).into_iter().collect();
            self.bound
                .keys(keying, other)
                .iter()
                .any(|key| of_one.contains(key) && !self.stopped.contains(&seals.key(keying, key)))
        })
    }

    /// The bits that two records weigh, where that is more than nothing: if they are a candidate pair,
    /// they are linked by as much. `likeness` is that of `one`, of which a hint may be known.
    pub(super) fn weighs(
        &self,
        (likeness, hint): (Option<&Likeness<'_>>, Hint),
        one: &BoundRecord,
        other: &BoundRecord,
    ) -> Result<Option<f64>> {
        if !self.bound.may_pair(one, other) {
            return Ok(None);
        }
        let (left, right) = if one.key() <= other.key() { (one, other) } else { (other, one) };
        let weight = match likeness {
            Some(likeness) => likeness.weight_within(hint, (left, right), most_odds_against(0.0)),
            None => self.bound.weight(left, right),
        };
        one.readable().and_then(|()| other.readable())?;
        let weight = weight.map(|weight| Weight::from_bits(weight.bits()));
        Ok(weight.filter(|weight| *weight > Weight::ZERO).map(|weight| weight.bits()))
    }

    /// The model with all keys that were stopped.
    pub(super) fn model(&self, stops: &[Stop]) -> Result<Model> {
        let mut rules: BTreeMap<String, BTreeSet<Vec<String>>> = BTreeMap::new();
        let mut blocking = rules.clone();
        for stop in stops {
            let of_kind = match stop.keying {
                Keying::Rule(_) => &mut rules,
                Keying::Blocking(_) => &mut blocking,
            };
            let name = self.bound.name(stop.keying).to_owned();
            of_kind.entry(name).or_default().insert(stop.texts.clone());
        }
        Ok(self.bound.model().clone().stopping(rules, blocking))
    }
}
