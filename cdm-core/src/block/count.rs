use std::cmp::Ordering;
use std::fmt;

use hashbrown::{DefaultHashBuilder, HashMap};
use rayon::prelude::*;
use serde::Serialize;

use super::index::{KeyIndex, KeyNames};
use super::met::{Met, Mets};
use super::scope::{PairCounter, two_of};
use super::{BlockingRule, Conjunction, PairScope, SharedKey};
use crate::cancel::Run;
use crate::error::Result;
use crate::features::Features;

/// How many records of a block are looked at between two looks at the cancel token.
const LOOKS_AT_ONCE: usize = 64;

/// How many keys are counted between two looks at the cancel token.
const KEYS_AT_ONCE: u32 = 1 << 14;

/// How many rows a thread takes at once, who may meet thousands of others each.
const ROWS_AT_ONCE: usize = 256;

/// The most keys that a count names.
const WORST: usize = 10;

/// The most meetings, and the most pairs of kinds of records, that are looked at to count pairs once.
const MOST_LOOKS: u64 = 1 << 26;

/// What a blocking rule finds, counted without making a pair.
///
/// Every number is of this rule alone, whatever other rules find.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleCount {
    /// The rule, by position.
    pub rule: usize,
    /// Keys that several records share.
    pub keys: u64,
    /// Keys left out, as too many records share them.
    pub stopped: u64,
    /// Records that share a key with some other.
    pub records: u64,
    /// Pairs of records that share a key, each once.
    pub pairs: u64,
    /// The same pairs, each as often as it shares a key: the work of finding them.
    pub meetings: u64,
    /// Whether `pairs` is exact. Where records have many keys and keys many records, telling pairs
    /// from meetings may be as much work as making them; `pairs` is then `meetings`, the most that
    /// it can be.
    pub exact: bool,
    /// The keys that make the most pairs, those that make the most first, ties by text.
    pub worst: Vec<KeyCount>,
}

/// How many records share a key. `Debug` hides its texts.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct KeyCount {
    /// The key, one text for each expression of the rule.
    pub texts: Vec<String>,
    /// Records that have it.
    pub records: u64,
    /// Pairs of them.
    pub pairs: u64,
}

impl fmt::Debug for KeyCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyCount")
            .field("records", &self.records)
            .field("pairs", &self.pairs)
            .finish_non_exhaustive()
    }
}

/// What each rule finds among the first `rows` rows where keys of more than `most` records are left
/// out; for plans in the making, before there are stop keys.
///
/// No pair is made: the cost is that of sorting each rule's keys. `features` were computed
/// with the expressions of all `rules`.
///
/// # Errors
/// [`Error::UnknownChoice`](crate::Error::UnknownChoice) where an expression was not computed, and
/// [`Error::Cancelled`](crate::Error::Cancelled).
pub fn pair_counts(
    rules: &[BlockingRule],
    features: &Features,
    scope: &PairScope,
    rows: usize,
    most: u32,
    run: &Run,
) -> Result<Vec<RuleCount>> {
    let bound = Conjunction::bind(rules.iter().map(|rule| &rule.same[..]), features)?;
    let counts = bound.iter().enumerate().map(|(rule, conjunction)| {
        let keys = conjunction.keys(rows, run)?;
        let is_hot = |key: SharedKey<'_>| key.rows().len() > most as usize;
        let (index, cells) = KeyIndex::new(&keys, rows, run, is_hot)?;
        let names = KeyNames::new(&keys, is_hot);
        drop(keys);
        count(rule, (&index, &names), &cells, scope, run)
    });
    counts.collect()
}

/// Count what a rule finds among the rows that have these cells.
pub(super) fn count(
    rule: usize,
    (index, names): (&KeyIndex, &KeyNames),
    cells: &[u32],
    scope: &PairScope,
    run: &Run,
) -> Result<RuleCount> {
    let mut worst = Vec::new();
    let meetings = meetings(index, scope, run, |key, records, pairs| {
        keep_worst(&mut worst, records, pairs, || names.of(key));
    })?;
    let pairs = pairs(index, meetings, cells, scope, run)?;
    Ok(RuleCount {
        rule,
        keys: index.len().into(),
        stopped: index.stopped(),
        records: cells.iter().filter(|cell| **cell != 0).count() as u64,
        pairs: pairs.unwrap_or(meetings),
        meetings,
        exact: pairs.is_some(),
        worst,
    })
}

/// The pairs of each key, a pair of several keys as often; `each` hears of every key, how many
/// records have it and how many pairs they are.
fn meetings(
    index: &KeyIndex,
    scope: &PairScope,
    run: &Run,
    mut each: impl FnMut(u32, u64, u64),
) -> Result<u64> {
    let mut counter = PairCounter::new(scope);
    let mut meetings = 0_u64;
    for key in 0..index.len() {
        if key % KEYS_AT_ONCE == 0 {
            run.check()?;
        }
        let rows = index.blocks().of(key);
        let pairs = counter.pairs(rows.iter().copied());
        meetings = meetings.saturating_add(pairs);
        each(key, rows.len() as u64, pairs);
    }
    Ok(meetings)
}

/// The pairs behind so many `meetings`, each once; `None` where that takes too long to tell.
fn pairs(
    index: &KeyIndex,
    meetings: u64,
    cells: &[u32],
    scope: &PairScope,
    run: &Run,
) -> Result<Option<u64>> {
    if !index.has_several() {
        return Ok(Some(meetings));
    }
    match index.blocks().meetings() {
        ..=MOST_LOOKS => met_pairs(index, cells, scope, run).map(Some),
        _ => distinct_pairs(index, cells, scope, run),
    }
}

/// Keep a key where it is among the worst; `worst` are in order.
fn keep_worst(
    worst: &mut Vec<KeyCount>,
    records: u64,
    pairs: u64,
    texts: impl Fn() -> Vec<String>,
) {
    // Texts are made for the few that might be named, not for every key.
    let last = worst.last().filter(|_| worst.len() == WORST);
    if pairs == 0 || last.is_some_and(|last| (pairs, records) < (last.pairs, last.records)) {
        return;
    }
    let key = KeyCount { texts: texts(), records, pairs };
    let place = worst.partition_point(|known| known.before(&key) == Ordering::Less);
    worst.insert(place, key);
    worst.truncate(WORST);
}

/// How many pairs of rows share a key, each once, by a look at every meeting.
fn met_pairs(index: &KeyIndex, cells: &[u32], scope: &PairScope, run: &Run) -> Result<u64> {
    let mets = Mets::new(cells.len());
    let starts: Vec<usize> = (0..cells.len()).step_by(ROWS_AT_ONCE).collect();
    let pairs = starts.into_par_iter().map(|start| {
        run.check()?;
        let rows = start..cells.len().min(start + ROWS_AT_ONCE);
        let of_row = |met: &mut Met, left: usize| {
            met.forget();
            let mut pairs = 0;
            let mut alone = [0];
            let keys = index.keys(cells[left], &mut alone);
            std::hint::black_box(index.blocks().look(keys));
            for key in keys {
                for right in index.blocks().after(*key, left as u32) {
                    let is_new = scope.contains(left, *right as usize) && met.meet(*right);
                    pairs += u64::from(is_new);
                }
            }
            pairs
        };
        Ok(mets.with(|met| rows.map(|left| of_row(met, left)).sum::<u64>()))
    });
    pairs.sum()
}

/// Records that have the same keys, and come from one source where sources matter.
struct Like {
    /// One of them.
    row: usize,
    cell: u32,
    count: u64,
}

/// How many pairs of rows share a key, each once; `None` where that takes too long to tell.
///
/// For rules of more meetings than can be looked at one by one.
/// Records that have the same keys meet others alike, so that two kinds of records are looked at
/// once, however many there are of each.
fn distinct_pairs(
    index: &KeyIndex,
    cells: &[u32],
    scope: &PairScope,
    run: &Run,
) -> Result<Option<u64>> {
    let mut numbers: HashMap<Vec<u32>, usize, DefaultHashBuilder> = HashMap::default();
    let mut likes: Vec<Like> = Vec::new();
    let mut key = Vec::new();
    for (row, cell) in cells.iter().copied().enumerate().filter(|(_, cell)| *cell != 0) {
        key.clear();
        key.push(scope.source(row));
        key.extend_from_slice(index.keys(cell, &mut [0]));
        let number = *numbers.entry_ref(&key[..]).or_insert(likes.len());
        match likes.get_mut(number) {
            Some(like) => like.count += 1,
            None => likes.push(Like { row, cell, count: 1 }),
        }
    }
    drop(numbers);
    let alike = likes.iter().filter(|like| scope.contains(like.row, like.row));
    let alike: u64 = alike.map(|like| two_of(like.count)).sum();
    let blocks = index.blocks_of((0..).zip(likes.iter().map(|like| like.cell)));
    if blocks.meetings() > MOST_LOOKS {
        return Ok(None);
    }
    let unlike = (0..index.len()).into_par_iter().map(|key| {
        let mut pairs = 0;
        let block = blocks.of(key);
        for (place, left) in block.iter().enumerate() {
            if place % LOOKS_AT_ONCE == 0 {
                run.check()?;
            }
            let left = &likes[*left as usize];
            for right in &block[place + 1..] {
                let right = &likes[*right as usize];
                if scope.contains(left.row, right.row)
                    && index.is_first_shared(left.cell, right.cell, key)
                {
                    pairs += left.count * right.count;
                }
            }
        }
        Ok(pairs)
    });
    Ok(Some(alike + unlike.sum::<Result<u64>>()?))
}

impl KeyCount {
    /// Which of two is named first.
    fn before(&self, other: &Self) -> Ordering {
        let size = |key: &Self| (key.pairs, key.records);
        size(other).cmp(&size(self)).then_with(|| self.texts.cmp(&other.texts))
    }
}
