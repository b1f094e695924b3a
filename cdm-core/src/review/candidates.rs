//! Which groups of records are in doubt, by a first look.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use rayon::prelude::*;

use crate::cancel::Run;
use crate::cluster::Weight;
use crate::error::Result;
use crate::probability::MatchWeight;
use crate::resolve::{RefusalReason, Resolution};

/// Pairs that weigh less than so many bits are not worth a question.
const LEAST_BITS: f64 = -12.0;

/// Links of more bits than this are not in doubt.
const MOST_BITS: f64 = 12.0;

/// How likely two groups are one that a guard keeps apart although the evidence is for it.
pub(super) const GUARDED: f64 = 0.5;

/// Two entities that may be one, by the pair of rows that speaks for it most.
pub(super) struct Apart {
    pub(super) rows: (u32, u32),
    pub(super) entities: (u32, u32),
}

/// What would change if the answer were another: pairs of records, as many as are expected.
pub(super) fn stake(probability: f64, one: usize, two: usize) -> f64 {
    probability * (one as f64) * (two as f64)
}

/// A stake in whole steps, to be ordered by.
fn order(stake: f64) -> u64 {
    libm::round(stake * 1e6) as u64
}

/// A pair across two entities by rank, the highest stake and then the lowest keys first.
type Ranked = (Reverse<u64>, u32, u32);

/// The entities between which there are candidate pairs in doubt, those with most at stake first:
/// at most so many.
pub(super) fn apart(resolution: &Resolution, most: usize, run: &Run) -> Result<Vec<Apart>> {
    let Some(scorer) = resolution.scorer()? else { return Ok(Vec::new()) };
    let blocking = resolution.blocking();
    let mut rank_of_row = vec![0_u32; resolution.table().len()];
    for (rank, row) in resolution.row_of_rank().iter().enumerate() {
        rank_of_row[*row as usize] = rank as u32;
    }
    let entities = resolution.entities();
    let size = |row: u32| resolution.rows(entities[row as usize]).len();
    // Several pairs may lie between two entities: room for more than are wanted.
    let room = most * 4;
    let visit = |kept: &mut BinaryHeap<Ranked>, left: u32, right: u32, _| {
        if entities[left as usize] == entities[right as usize] {
            return;
        }
        let weight = scorer.weight(left as usize, right as usize);
        if weight.bits() < LEAST_BITS {
            return;
        }
        let stake = order(stake(weight.probability(), size(left), size(right)));
        let (one, two) = (rank_of_row[left as usize], rank_of_row[right as usize]);
        kept.push((Reverse(stake), one.min(two), one.max(two)));
        if kept.len() > room {
            kept.pop();
        }
    };
    let chunks = blocking.fold(&rank_of_row, run, BinaryHeap::new, visit)?;
    let mut ranked: Vec<Ranked> = chunks.into_iter().flatten().collect();
    ranked.par_sort_unstable();
    // Beyond that, it depends on how the pairs were cut into chunks what is there.
    ranked.truncate(room);
    let row = |rank: u32| resolution.row_of_rank()[rank as usize];
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (_, left, right) in ranked {
        let rows = (row(left), row(right));
        let (one, two) = (entities[rows.0 as usize], entities[rows.1 as usize]);
        if seen.insert((one.min(two), one.max(two))) {
            found.push(Apart { rows, entities: (one, two) });
            if found.len() == most {
                break;
            }
        }
    }
    Ok(found)
}

/// Refusals by guards, by the entities that they keep apart: the first of each two.
pub(super) fn guarded(resolution: &Resolution, most: usize) -> Vec<Apart> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for (number, (one, two)) in resolution.refused_entities().enumerate() {
        if one == two || seen.contains(&(one.min(two), one.max(two))) {
            continue;
        }
        let refusal = resolution.refusal(number);
        let by_hand = matches!(refusal.reason, RefusalReason::CannotLink { .. });
        if by_hand || matches!(refusal.reason, RefusalReason::Outweighed { .. }) {
            continue;
        }
        let row = |key| resolution.table().row(key).map(|row| row as u32);
        if let Some(rows) = row(&refusal.link.left).zip(row(&refusal.link.right)) {
            seen.insert((one.min(two), one.max(two)));
            found.push(Apart { rows, entities: (one, two) });
        }
    }
    let size = |entity: u32| resolution.rows(entity).len();
    // Stable: of two with as much at stake, the first that was refused.
    found.sort_by_key(|apart| {
        Reverse(order(stake(GUARDED, size(apart.entities.0), size(apart.entities.1))))
    });
    found.truncate(most);
    found
}

/// The entities that a weak link may wrongly hold together, those with most at stake first: at most
/// so many.
pub(super) fn held_by_little(resolution: &Resolution, most: usize) -> Vec<u32> {
    let mut weakest: BTreeMap<u32, Weight> = BTreeMap::new();
    for link in resolution.links() {
        let Some(weight) = link.match_weight.filter(|weight| weight.bits() <= MOST_BITS) else {
            continue;
        };
        let Some(row) = resolution.table().row(&link.left) else { continue };
        let known = weakest.entry(resolution.entities()[row]).or_insert(weight);
        *known = weight.min(*known);
    }
    let at_stake = |entity: u32, weight: Weight| {
        let size = resolution.rows(entity).len();
        let wrong = 1.0 - MatchWeight::from_bits(weight.bits()).probability();
        order(stake(wrong, size / 2, size - size / 2))
    };
    let mut found: Vec<(Reverse<u64>, u32)> = weakest
        .into_iter()
        .map(|(entity, weight)| (Reverse(at_stake(entity, weight)), entity))
        .collect();
    found.sort_unstable();
    found.truncate(most);
    found.into_iter().map(|(_, entity)| entity).collect()
}

impl Resolution {
    /// The entities that weak links may wrongly hold together, those with most at stake first.
    pub(crate) fn doubtful(&self, most: usize) -> Vec<u32> {
        held_by_little(self, most)
    }
}
